//! A balancer's way to brokers that listen elsewhere after their restart, so that clients always find those that serve.

use std::collections::BTreeMap;

use super::Draft;
use super::load_balancer::{self, Between};
use crate::balancer::{Runtime, Scheme, ServedUi};
use crate::cluster::endpoints::{endpoint, endpoint_at_start, offered_behind, port_behind, suits};
use crate::cluster::phrases::listed;
use crate::facts::Backend;
use crate::inventory::{Host, LoadBalancer};
use crate::model::{HostName, Next};
use crate::operation::{BalancerState, Moved, SwitchServer};
use crate::plan::{Change, Proposal, RefusalKind, StepId};
use crate::rabbitmq::listeners::{Endpoint, Port, Preamble, Security, Service};

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
    let asks_anew = asks_anew(draft, &now, &then);
    if asks_anew && !load_balancer::knows_both_ways(draft) {
        refuse_untold(draft, host);
    }
    let between = match runtime(draft) {
        None => moves(&now, &then).then_some(Between::BothPlaces),
        // The only broker is put into the balancer by the configuration that follows its restart.
        Some(_) if asks_anew && !balancers.is_empty() => Some(Between::BothWays),
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

/// Whether the broker asks for the PROXY protocol's header after its restart and not before, or the other way round, where a balancer
/// connects to it.
fn asks_anew(draft: &Draft<'_>, now: &Endpoint, then: &Endpoint) -> bool {
    draft.desired.load_balancer.as_ref().is_some_and(|wanted| ask_anew(wanted, now, then).next().is_some())
}

/// What a balancer passes on that asks for something else after the restart, and for what.
fn ask_anew(
    wanted: &LoadBalancer,
    now: &Endpoint,
    then: &Endpoint,
) -> impl Iterator<Item = (Service, Preamble)> {
    let preamble = |port: Option<Port>| port.map(|port| port.preamble);
    let amqp = (Service::Amqp, preamble(now.amqp), preamble(then.amqp));
    let of = |at: &Endpoint, serves| at.offered.get(serves).map(|door| door.preamble);
    let more = wanted.listeners.iter().map(|listener| &listener.serves);
    let more = more.map(move |serves| (serves.service(), of(now, serves), of(then, serves)));
    let all = [amqp].into_iter().chain(more);
    all.filter(|(_, now, then)| differ(*now, *then)).filter_map(|(service, _, then)| Some((service, then?)))
}

/// nginx sends the header to all brokers or to none, takes one that closes each connection for one that works, and cannot be told at run
/// time which is which.
fn refuse_untold(draft: &mut Draft<'_>, host: &Host) {
    let kind = RefusalKind::HeaderForAllOrNone;
    // Once for all brokers.
    if draft.refusals.iter().any(|refusal| refusal.kind == kind) {
        return;
    }
    let Some(software) = draft.desired.load_balancer.as_ref().map(|balancer| balancer.software.balancer())
    else {
        return;
    };
    let what = "the brokers cannot change to the PROXY protocol, or from it, one after the other";
    let why = match runtime(draft) {
        Some(runtime) => format!(
            "your own template of {name} has no backend {}{}, with which the built-in one tells brokers apart meanwhile",
            runtime.amqp,
            runtime.proxied,
            name = software.name
        ),
        None => format!(
            "{name} sends its header to all brokers or to none, so clients would be sent to brokers that close their connections, from the \
             first restart to the last",
            name = software.name
        ),
    };
    let next =
        Next::say("stop the cluster, and start it with the new setting:").rabbitup("run stop").rabbitup("up");
    draft.refuse(&host.name, kind, what, why, next);
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
    let conf = conf(draft, balancer).unwrap_or_default();
    let is_there = |name: &str| (runtime.has_backend)(conf, name);
    // The second backends of a configuration that this plan writes are not seen yet.
    let pairs =
        backends(draft, balancer, host).map(|backend| format!("{}{}", backend.proxy, runtime.proxied));
    let pairs = pairs.filter(|name| is_there(name)).map(|name| {
        let port = (runtime.port)(conf, &name, host.name.as_str());
        (name, port)
    });
    let seen = backends(draft, balancer, host).map(|backend| (backend.proxy.clone(), backend.port));
    let all: BTreeMap<String, Option<u16>> = pairs.chain(seen).collect();
    let moved = all.into_iter().filter_map(|(name, looks_at)| {
        let is_ui = name == runtime.management;
        if goes(draft, runtime, &name) {
            return Some((name, Moved::Later));
        }
        let port = port_behind(runtime, at, &name)?;
        let moved = match (is_ui && !fits) || !suits(runtime, at, &name, is_there) {
            true => Moved::Later,
            false if looks_at? == port => return None,
            false => Moved::To { address: host.address, port },
        };
        Some((name, moved))
    });
    moved.collect()
}

/// Whether the configuration that follows the restarts has this backend of a further listener no more. Its brokers may not serve it any more,
/// so nothing waits for them there.
fn goes(draft: &Draft<'_>, runtime: &Runtime, backend: &str) -> bool {
    let wanted = draft.desired.load_balancer.as_ref().map_or(&[][..], |balancer| &balancer.listeners);
    offered_behind(runtime, backend)
        .is_some_and(|offered| wanted.iter().all(|listener| listener.serves != offered))
}

/// The balancer's configuration on this host.
fn conf<'d>(draft: &'d Draft<'_>, balancer: &HostName) -> Option<&'d str> {
    let path = draft.desired.load_balancer.as_ref()?.software.balancer().conf;
    draft.host(balancer)?.file(path)?.content.as_deref()
}

/// Whether the check in the balancer's present configuration can pass at this UI.
fn check_fits(draft: &Draft<'_>, balancer: &HostName, runtime: &Runtime, at: &Endpoint) -> bool {
    let text = conf(draft, balancer);
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
    let (to, from): (Vec<_>, Vec<_>) =
        ask_anew(wanted, now, then).partition(|(_, preamble)| *preamble == Preamble::ProxyHeader);
    let words = |found: &[(Service, Preamble)]| listed(found.iter().map(|(service, _)| service.in_words()));
    if !to.is_empty() {
        costs.push(format!(
            "the brokers change to the PROXY protocol for {}: from its restart on, each closes connections that do not come through \
             {name}, such as those of shovels, federation links and monitoring that connect to brokers directly",
            words(&to)
        ));
    }
    if !from.is_empty() {
        costs.push(format!(
            "the brokers change from the PROXY protocol for {}: from its restart on, each sees connections of {name} instead of the \
             clients', and closes those of other balancers that go on sending its header",
            words(&from)
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
