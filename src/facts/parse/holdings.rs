//! What a running node holds of its own, from its report.

use std::collections::BTreeMap;

use super::base64::decoded;
use super::report::{Report, sorted};
use crate::facts::{Holdings, QueueHolding};

impl Report<'_> {
    /// The number of messages of each queue, by `VHOST NAME` in the node's encoding.
    pub(super) fn messages(&self) -> BTreeMap<&str, u64> {
        let counts = self.all("messages").filter_map(|line| {
            let (queue, count) = line.rsplit_once(' ')?;
            Some((queue, count.parse().ok()?))
        });
        counts.collect()
    }

    pub(super) fn holdings(&self) -> Holdings {
        let counts = self.messages();
        let mut queues: Vec<_> = self
            .all("queue")
            .filter_map(|queue| {
                let (vhost, name) = queue.split_once(' ')?;
                let (vhost, name) = (decoded(vhost)?, decoded(name)?);
                Some(QueueHolding { vhost, name, messages: counts.get(queue).copied() })
            })
            .collect();
        queues.sort_by(|a, b| (&a.vhost, &a.name).cmp(&(&b.vhost, &b.name)));
        let more = self.all("more").filter_map(|more| {
            let (kind, count) = more.rsplit_once(' ')?;
            Some((kind.to_owned(), count.parse().ok()?))
        });
        const KINDS: [&str; 7] = ["queue", "vhost", "user", "policy", "exchange", "parameter", "binding"];
        let failed = self.failed().map(|failed| failed.question);
        // How many there are beyond the listed ones is as unknown as a kind that was not listed.
        let uncounted = self.all("more").filter_map(|more| match more.rsplit_once(' ') {
            Some((kind, count)) if count.parse::<u64>().is_err() => Some(kind),
            Some(_) | None => None,
        });
        Holdings {
            queues,
            vhosts: self.texts("vhost"),
            users: self.texts("user"),
            policies: sorted(self.all("policy").filter_map(within)),
            exchanges: sorted(self.all("exchange").filter_map(within)),
            parameters: sorted(self.all("parameter").filter_map(|line| {
                let (component, rest) = line.split_once(' ')?;
                Some(format!("{} {}", decoded(component)?, within(rest)?))
            })),
            bindings: sorted(self.all("binding").filter_map(|line| {
                let (exchanges, destination) = line.rsplit_once(' ')?;
                Some(format!("{} → {}", within(exchanges)?, decoded(destination)?))
            })),
            more: more.collect(),
            unreadable: sorted(
                failed.chain(uncounted).filter(|kind| KINDS.contains(kind)).map(str::to_owned),
            ),
        }
    }
}

/// `VHOST/NAME`.
pub(super) fn within(line: &str) -> Option<String> {
    vhost_and_name(line).map(|(vhost, name)| format!("{vhost}/{name}"))
}

pub(super) fn vhost_and_name(line: &str) -> Option<(String, String)> {
    let (vhost, name) = line.split_once(' ')?;
    Some((decoded(vhost)?, decoded(name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_the_node_could_not_list_is_not_nothing() {
        let lines = ["failed queue timeout".to_owned(), "failed messages timeout".to_owned()];
        let holdings = Report(&lines).holdings();
        assert_eq!(holdings.unreadable, ["queue"]);
        assert!(!holdings.is_empty());
        let lines = ["more user 12".to_owned(), "more binding many".to_owned()];
        let holdings = Report(&lines).holdings();
        assert_eq!((holdings.counts().users, holdings.counts().bindings), (Some(12), None));
    }
}
