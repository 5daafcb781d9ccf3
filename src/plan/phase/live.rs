//! What the files on the hosts say, against what rabbitup would write there now.

use super::{Draft, hosts_file, load_balancer, preflight, time, virtual_address};
use crate::inventory::{Checks, Host};
use crate::model::{HostName, Role};
use crate::plan::diff::unified;
use crate::plan::render;
use crate::rabbitmq::{CONF_FILE, Conf, LIMITS_FILE};
use crate::redact::redacted;
use crate::template::{Rendered, TemplateName};
use crate::virtual_address::CONF as KEEPALIVED_CONF;

/// A file on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveFile {
    pub host: HostName,
    pub path: String,
    pub difference: Difference,
}

/// From what is live to what would be written. No diff has a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    Same,
    Lines(String),
    /// Other lines for the same settings: `rabbitup up` leaves the file as it is.
    Form(String),
    /// Only a secret, which is not shown.
    Secret,
    /// It needs a secret that is not available.
    Unknown,
}

/// The hosts' files from one template; none where the inventory does not use it.
pub(in crate::plan) fn files(
    draft: &mut Draft<'_>,
    name: TemplateName,
    only: Option<&HostName>,
) -> Vec<LiveFile> {
    let hosts = draft.hosts().into_iter().filter(|host| only.is_none_or(|only| host.name == *only));
    hosts.collect::<Vec<_>>().into_iter().filter_map(|host| one(draft, name, host)).collect()
}

fn one(draft: &mut Draft<'_>, name: TemplateName, host: &Host) -> Option<LiveFile> {
    let (path, wanted) = wanted(draft, name, host)?;
    let current = draft.host(&host.name)?.file(&path).and_then(|file| file.content.clone());
    let current = current.unwrap_or_default();
    let difference = match draft.resolve(&wanted) {
        None => Difference::Unknown,
        Some(resolved) if resolved.expose() == current.as_bytes() => Difference::Same,
        Some(resolved) => {
            let then = Conf::parse(&String::from_utf8_lossy(resolved.expose()));
            let says_same = name == TemplateName::Rabbitmq
                && !current.is_empty()
                && Conf::parse(&current).effective() == then.effective();
            match unified(&redacted(&current), &redacted(&wanted.display_text())) {
                None => Difference::Secret,
                Some(diff) if says_same => Difference::Form(diff),
                Some(diff) => Difference::Lines(diff),
            }
        }
    };
    Some(LiveFile { host: host.name.clone(), path, difference })
}

/// The path on this host, and what belongs there; none for a host without such a file. A template that cannot be rendered is refused.
fn wanted(draft: &mut Draft<'_>, name: TemplateName, host: &Host) -> Option<(String, Rendered)> {
    let (path, rendered) = match name {
        TemplateName::Hosts => {
            let wanted = hosts_file::wanted(draft, host);
            (hosts_file::PATH, wanted.map(|wanted| Some(Rendered::from_text(&wanted?))))
        }
        TemplateName::Rabbitmq if draft.desired.is_broker(host) => {
            let seed = draft.desired.host(&draft.anchor).map(Host::node)?;
            (CONF_FILE, render::rabbitmq_conf(draft.templates, draft.desired, host, &seed).map(Some))
        }
        TemplateName::Balancer(software) if host.has(Role::LoadBalancer) => {
            let balancer = draft.desired.load_balancer.clone().filter(|it| it.software == software)?;
            let backends = load_balancer::places(draft);
            let wanted = load_balancer::wanted(draft, host, &balancer, &backends, Checks::AsWanted)?;
            return Some((software.balancer().conf.to_owned(), wanted));
        }
        TemplateName::Keepalived if host.has(Role::LoadBalancer) => {
            let vip = draft.desired.load_balancer.as_ref()?.vip.as_ref()?;
            let interface = virtual_address::interface_of(draft, host, vip)?;
            let conf = render::keepalived_conf(draft.templates, draft.desired, host, vip, &interface);
            (KEEPALIVED_CONF, conf.map(Some))
        }
        TemplateName::Chrony => {
            let uses = time::wants_chrony(draft, host, draft.host(&host.name)?);
            let platform = preflight::platform(draft, &host.name).filter(|_| uses)?;
            (platform.time.conf, render::chrony_conf(draft.templates, draft.desired, host, &platform.time))
        }
        TemplateName::Limits if draft.desired.is_broker(host) => {
            (LIMITS_FILE, render::limits(draft.templates, draft.desired))
        }
        TemplateName::Rabbitmq
        | TemplateName::Balancer(_)
        | TemplateName::Keepalived
        | TemplateName::Limits => {
            return None;
        }
    };
    match rendered {
        Ok(rendered) => Some((path.to_owned(), rendered?)),
        Err(error) => {
            super::refuse_template(draft, &error);
            None
        }
    }
}
