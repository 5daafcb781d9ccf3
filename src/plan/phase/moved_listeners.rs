//! A balancer's way to brokers that listen elsewhere after their restart, so that clients always find those that serve.

use std::collections::BTreeMap;

use super::Draft;
use super::load_balancer::{self, Between};
use crate::balancer::{Runtime, Scheme, ServedUi};
use crate::cluster::endpoints::{endpoint, endpoint_at_start, port_behind};
use crate::facts::Backend;
use crate::inventory::Host;
use crate::model::HostName;
use crate::operation::{BalancerState, Moved, SwitchServer};
use crate::plan::{Change, Proposal, StepId};
use crate::rabbitmq::listeners::{Endpoint, Port, Security};

/// The time for one switch of a balancer's server: its checks, and a margin for the connection to the host.
pub(super) const SWITCH_S: u64 = 90;

/// What has to be done at the balancers before the broker stops; `before` are the steps that these wait for. A balancer that
/// can be told at run time is told of each broker that has moved already; another one gets a configuration with both places.
pub(super) fn prepare(
    draft: &mut Draft<'_>,
    host: &Host,
    balancers: &[HostName],
    before: &[StepId],
) -> Vec<StepId> {
    let Some(now) = running(draft, host) else { return Vec::new() };
    let then = endpoint_at_start(draft.desired, &draft.facts, host);
    note_cost(draft, &now, &then);
    let mut steps = Vec::new();
    let between = match runtime(draft) {
        None => moves(&now, &then).then_some(Between::BothPlaces),
        Some(_) => checks_change(draft, &now, &then).then_some(Between::PlainChecks),
    };
    if let Some(between) = between {
        steps.extend(load_balancer::between(draft, between, before));
    }
    for balancer in balancers {
        for other in draft.brokers().into_iter().filter(|other| other.name != host.name) {
            let Some(at) = running(draft, other) else { continue };
            let mut moved = ports(draft, balancer, other, &at);
            moved.retain(|_, moved| *moved != Moved::Later);
            if !moved.is_empty() {
                steps.extend(tell(draft, balancer, other, moved, before));
            }
        }
    }
    steps
}

/// Where the balancer finds the broker after its restart, if not where it looks now.
pub(super) fn after_restart(draft: &Draft<'_>, balancer: &HostName, host: &Host) -> BTreeMap<String, Moved> {
    ports(draft, balancer, host, &endpoint(draft.desired, &draft.facts, host))
}

/// The endpoint of a broker that runs.
pub(super) fn running(draft: &Draft<'_>, host: &Host) -> Option<Endpoint> {
    draft.host(&host.name)?.node()?;
    Some(endpoint(draft.desired, &draft.facts, host))
}

fn moves(now: &Endpoint, then: &Endpoint) -> bool {
    let number = |port: Option<Port>| port.map(|port| port.number);
    differ(number(now.amqp), number(then.amqp)) || differ(number(now.management), number(then.management))
}

/// Whether a check that asks all brokers alike cannot pass at this one both before its restart and after it.
fn checks_change(draft: &Draft<'_>, now: &Endpoint, then: &Endpoint) -> bool {
    let security = |port: Option<Port>| port.map(|port| port.security);
    match draft.desired.load_balancer.as_ref().and_then(|balancer| balancer.management_port) {
        Some(_) => differ(now.management, then.management),
        None => differ(security(now.amqp), security(then.amqp)),
    }
}

/// Whether both are known, and not the same.
fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
    one.zip(other).is_some_and(|(one, other)| one != other)
}

fn runtime(draft: &Draft<'_>) -> Option<&'static Runtime> {
    draft.desired.load_balancer.as_ref()?.software.balancer().runtime.as_ref()
}

fn backends<'d>(
    draft: &'d Draft<'_>,
    balancer: &HostName,
    host: &'d Host,
) -> impl Iterator<Item = &'d Backend> {
    let facts = draft.host(balancer).and_then(|facts| facts.load_balancer.as_ref());
    facts.into_iter().flat_map(|facts| &facts.backends).filter(|backend| backend.server == host.name.as_str())
}

/// The backends of rabbitup's configuration in which the running balancer has another port than the broker's, or checks the UI in
/// another way than it is served.
fn ports(draft: &Draft<'_>, balancer: &HostName, host: &Host, at: &Endpoint) -> BTreeMap<String, Moved> {
    let Some(runtime) = runtime(draft) else { return BTreeMap::new() };
    let fits = check_fits(draft, balancer, runtime, at);
    let moved = backends(draft, balancer, host).filter_map(|backend| {
        let is_ui = backend.proxy == runtime.management;
        let port = port_behind(runtime, at, &backend.proxy)?;
        let moved = match is_ui && !fits {
            true => Moved::Later,
            false if backend.port? == port => return None,
            false => Moved::To { address: host.address, port },
        };
        Some((backend.proxy.clone(), moved))
    });
    moved.collect()
}

/// Whether the check in the balancer's present configuration can pass at this UI.
fn check_fits(draft: &Draft<'_>, balancer: &HostName, runtime: &Runtime, at: &Endpoint) -> bool {
    let conf = draft.desired.load_balancer.as_ref().map(|wanted| wanted.software.balancer().conf);
    let text = conf.and_then(|path| draft.host(balancer)?.file(path)?.content.as_deref());
    let scheme = match at.management.map(|port| port.security) {
        Some(Security::Tls) => Scheme::Https,
        Some(Security::Plain) | None => Scheme::Http,
    };
    text.is_none_or(|text| (runtime.check_fits)(text, ServedUi { scheme, path: &at.path_prefix }))
}

/// A broker that moved before this plan, as in a run that was interrupted.
fn tell(
    draft: &mut Draft<'_>,
    balancer: &HostName,
    host: &Host,
    moved: BTreeMap<String, Moved>,
    before: &[StepId],
) -> Option<StepId> {
    let software = draft.desired.load_balancer.as_ref()?.software;
    let what = format!("move-{}", host.name);
    let (server, to) = (host.name.clone(), BalancerState::In);
    draft.propose(
        Proposal::new(balancer, &what, Change::Command, SwitchServer { software, server, to, moved })
            .title(format!("tell the balancer where {} listens", host.name))
            .because("it sends clients to a port that the broker does not use any more")
            .after(before.iter().cloned())
            .within(SWITCH_S),
    );
    let id = StepId::new(balancer, &what);
    draft.has(&id).then_some(id)
}

/// What no order of steps can avoid.
fn note_cost(draft: &mut Draft<'_>, now: &Endpoint, then: &Endpoint) {
    let Some(wanted) = draft.desired.load_balancer.as_ref() else { return };
    let security = |port: Option<Port>| port.map(|port| port.security);
    let name = wanted.software.balancer().name;
    let mut costs = Vec::new();
    if differ(security(now.amqp), security(then.amqp)) {
        let (from, to) = match security(then.amqp) {
            Some(Security::Tls) => ("without TLS", "with TLS"),
            Some(Security::Plain) | None => ("with TLS", "without TLS"),
        };
        costs.push(format!(
            "the brokers change to AMQP {to}, and {name} passes it through: with each restart fewer brokers serve clients {from}, \
             and none after the last; tell the clients' owners before"
        ));
    }
    let what = if differ(security(now.management), security(then.management)) {
        Some("changes between HTTP and HTTPS")
    } else {
        let leaves_path = !now.path_prefix.is_empty() && now.path_prefix != then.path_prefix;
        (leaves_path && now.management.is_some()).then_some("changes its path")
    };
    if let Some(what) = what {
        costs.push(format!(
            "the management UI {what}: it is not reached through {name} from the first restart until \
             the last step writes {name}'s configuration"
        ));
    }
    for host in draft.hosts().into_iter().filter(|host| host.has(crate::model::Role::LoadBalancer)) {
        for cost in &costs {
            if !draft.notes.iter().any(|note| note.text == *cost && note.host.as_ref() == Some(&host.name)) {
                draft.note(&host.name, cost.clone());
            }
        }
    }
}
