//! What a host is for, by the names of its groups.

use super::listing::{Listed, Listing};
use crate::balancer::Software;

/// What a group's name says of its hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// RabbitMQ by its name.
    Rabbit,
    /// Some broker.
    Broker,
    /// A balancer, and if the name has it, its software.
    Balancer(Option<Software>),
}

const RABBIT: [&str; 4] = ["rabbit", "rabbits", "rmq", "rabbitmq"];
const BROKER: [&str; 5] = ["broker", "brokers", "mq", "amqp", "messaging"];
const BALANCER: [&str; 10] = [
    "lb",
    "lbs",
    "loadbalancer",
    "loadbalancers",
    "balancer",
    "balancers",
    "loadbalancing",
    "proxy",
    "proxies",
    "vip",
];
/// Brokers of another make, which speak something else.
const OTHERS: [&str; 10] =
    ["kafka", "activemq", "artemis", "emqx", "mosquitto", "nats", "pulsar", "zeromq", "ibmmq", "celery"];

/// What a group's name says, by its words: `prod_rabbitmq-nodes2` has prod, rabbitmq and nodes.
pub(super) fn says(group: &str) -> Option<Says> {
    let group = group.to_lowercase();
    let words: Vec<&str> =
        group.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let has = |known: &[&str]| words.iter().any(|word| known.contains(word));
    let software = Software::ALL.iter().copied().find(|software| has(&[software.as_str()]));
    // rabbitmq_lb is what is in front of RabbitMQ.
    if software.is_some() || has(&BALANCER) {
        return Some(Says::Balancer(software));
    }
    if has(&RABBIT) || words.iter().any(|word| word.starts_with("rabbitmq")) {
        return Some(Says::Rabbit);
    }
    (has(&BROKER) && !has(&OTHERS)).then_some(Says::Broker)
}

/// What the groups of a host say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Broker,
    Balancer(Option<Software>),
    /// It is in groups of both kinds, which are equally near to it.
    Both {
        balancers: String,
    },
    Unsaid,
}

/// What each host is for, in the listing's order.
pub(super) fn parts(listing: &Listing, depths: &[usize]) -> Vec<Part> {
    let said: Vec<Option<Says>> = listing.groups.iter().map(|group| says(&group.name)).collect();
    // Beside a group of RabbitMQ's name, `brokers` may be of anything.
    let has_rabbit = said.contains(&Some(Says::Rabbit));
    let part = |host: &Listed| part(listing, host, depths, &said, has_rabbit.then_some(Says::Rabbit));
    listing.hosts.iter().map(part).collect()
}

/// By the groups nearest to the host: `rabbitmq` may have brokers and balancers among its children.
fn part(
    listing: &Listing,
    host: &Listed,
    depths: &[usize],
    said: &[Option<Says>],
    only: Option<Says>,
) -> Part {
    let (mut nearest, mut broker, mut balancer) = (None, false, None);
    for group in listing.groups_of(host, depths) {
        let Some(says) = said.get(group).copied().flatten() else { continue };
        let depth = depths.get(group).copied();
        if nearest.is_some_and(|nearest| Some(nearest) != depth) {
            break;
        }
        match says {
            Says::Broker if only.is_some() => continue,
            Says::Rabbit | Says::Broker => broker = true,
            Says::Balancer(software) => {
                let name = listing.groups.get(group).map(|group| group.name.clone()).unwrap_or_default();
                balancer = balancer.or(Some((software, name)));
            }
        }
        nearest = depth;
    }
    match (broker, balancer) {
        (true, Some((_, balancers))) => Part::Both { balancers },
        (true, None) => Part::Broker,
        (false, Some((software, _))) => Part::Balancer(software),
        (false, None) => Part::Unsaid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_groups_say_what_their_hosts_are_for() {
        let software = |word: &str| Software::ALL.iter().copied().find(|software| software.as_str() == word);
        for (name, says_what) in [
            ("rabbitmq", Some(Says::Rabbit)),
            ("prod_rabbitmq-nodes2", Some(Says::Rabbit)),
            ("RabbitMQ", Some(Says::Rabbit)),
            ("rabbitmqservers", Some(Says::Rabbit)),
            ("mq", Some(Says::Broker)),
            ("brokers", Some(Says::Broker)),
            ("kafka_brokers", None),
            ("haproxy", Some(Says::Balancer(software("haproxy")))),
            ("nginx1", Some(Says::Balancer(software("nginx")))),
            ("rabbitmq_lb", Some(Says::Balancer(None))),
            ("load_balancers", Some(Says::Balancer(None))),
            ("web", None),
            ("album", None),
        ] {
            assert_eq!(says(name), says_what, "{name}");
        }
    }
}
