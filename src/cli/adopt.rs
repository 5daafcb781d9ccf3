//! `rabbitup adopt`: asks one node for its cluster, then all hosts, and writes their inventory. It only reads.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use super::arguments::{Adopt, Called, Common};
use super::connection::{Rights, close, transport};
use super::exit::{Exit, Failure};
use super::new_inventory::{Existing, NewInventory, next};
use super::print;
use super::session::{graphics, playbook, shown, unreachable_and};
use super::wait_for_steps::{ProbeTime, gather_when_idle};
use crate::adopt::{
    Access, Adoption, BalancerHost, Broker, Login, Members, Settled, address_of, first_questions, members,
    own_address, routes, settle, survey, whole,
};
use crate::apply::gather;
use crate::cluster::phrases::{counted, listed};
use crate::facts::{Facts, HostFacts, Observation, UnreachableCause};
use crate::inventory::{self, Desired, HostKeys, SecretPolicy};
use crate::model::{Advice, HostName, NodeName, NodeType, Problem};
use crate::plan::{PlannedHost, planned_hosts};
use crate::playbook::{Arguments, Playbook};
use crate::report::{FailureCode, Routes};

/// How often the first host is asked: for its node's name, for the members, and for their addresses.
const LOOKS: usize = 3;

/// Where a host without an address is, which is reached by its name: nowhere (RFC 5737).
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

/// `rabbitup adopt`.
pub async fn run(common: &Common, arguments: &Adopt) -> Result<Exit, Failure> {
    let existing = if arguments.force { Existing::IsReplaced } else { Existing::Stays };
    let file = NewInventory::new(common, arguments.output.as_deref(), existing);
    file.check()?;
    let about = Common { inventory: file.path(common).to_owned(), ..common.clone() };
    let playbook = playbook(&about, Called::BRING_UP)?;
    let begun = begin(arguments)?;
    // Before any host is asked: the command line's words must make an inventory.
    load(&about, &begun).map_err(|errors| {
        let style = common.style_of_stderr();
        Failure::report(
            FailureCode::Inventory,
            errors.render(style.width, graphics(style)),
            errors.to_string(),
        )
    })?;
    let asking = Asking { common: &about, playbook: &playbook, rights: Rights::of_root(common)? };
    let (first, members) = asking.first(&begun, &arguments.node).await?;
    let settled = asking.all(begun, arguments, &first, &members).await?;
    let Some(path) = file.write(&settled.text)? else { return Ok(Exit::Done) };
    tell(common, path, &settled);
    Ok(Exit::Done)
}

/// One host without a name of its own yet.
fn begin(arguments: &Adopt) -> Result<Adoption, Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path).map_err(|error| {
            Failure::other(FailureCode::CommandLine, format!("{} is no path", shown(path)), &error)
        })
    };
    let access = Access {
        user: arguments.node.user.clone(),
        port: arguments.port,
        identity: arguments.identity.as_deref().map(absolute).transpose()?,
        config: arguments.ssh_config.as_deref().map(absolute).transpose()?,
        jump: arguments.jump.clone(),
        host_keys: if arguments.accept_new { HostKeys::AcceptNew } else { HostKeys::Strict },
    };
    let Login { destination, .. } = &arguments.node;
    let name = HostName::parse(destination).or_else(|_| HostName::parse("host"));
    let name = name.map_err(|error| Failure::other(FailureCode::Internal, "the host has no name", &error))?;
    let route = arguments.node.address().is_none().then(|| destination.clone());
    let address = arguments.node.address().unwrap_or(NOWHERE);
    let asked = arguments.node.to_string();
    Ok(Adoption::of(access, &asked, broker(name, address, route)))
}

fn broker(name: HostName, address: IpAddr, route: Option<String>) -> Broker {
    Broker { name, address, route, node_type: NodeType::Disc, serves_time: false }
}

/// The inventory as it is so far.
fn load(common: &Common, adoption: &Adoption) -> Result<Desired, inventory::InventoryErrors> {
    let options = inventory::Options { secrets: SecretPolicy::Tolerate };
    inventory::load_text(&common.inventory, &adoption.text(), options).map(|loaded| loaded.desired)
}

/// How all hosts are asked.
struct Asking<'a> {
    common: &'a Common,
    playbook: &'a Playbook,
    rights: Rights,
}

impl Asking<'_> {
    fn desired(&self, adoption: &Adoption) -> Result<Desired, Failure> {
        load(self.common, adoption).map_err(|errors| beyond(&errors))
    }

    fn hosts(&self, desired: &Desired) -> Vec<PlannedHost> {
        planned_hosts(desired, self.playbook, &Arguments::default())
    }

    /// Asks these hosts, over connections that are closed again.
    async fn ask(&self, hosts: &[PlannedHost]) -> Facts {
        let transport = transport(hosts, &self.rights, &BTreeMap::new());
        let facts = gather(&transport, hosts).await;
        close(&transport, self.common).await;
        facts
    }

    fn unreachable(&self, facts: &Facts, desired: &Desired) -> Failure {
        let options = facts.unreachable().any(|(_, why)| is_set_by_options(why.cause));
        let next = options.then(|| {
            Advice::Sentence(
                "there is no inventory yet, so what is under [ssh] there is said on the command line: USER@HOST, --port, --identity, \
                 --jump, --ssh-config, --accept-new"
                    .to_owned(),
            )
        });
        let routes = Routes::from(desired);
        unreachable_and(facts, &routes, next.into_iter().collect(), self.common.style_of_stderr())
    }

    /// The first host, once it has said who the members are and where.
    async fn first(&self, begun: &Adoption, login: &Login) -> Result<(HostFacts, Members), Failure> {
        let desired = self.desired(begun)?;
        let Some(host) = desired.hosts.first() else {
            return Err(Failure::new(FailureCode::Internal, "no host is named"));
        };
        let mut seen: Option<HostFacts> = None;
        let mut asked = None;
        for _ in 0..LOOKS {
            let probe = first_questions(seen.as_ref());
            if asked.as_ref() == Some(&probe) {
                break;
            }
            let hosts =
                [PlannedHost { name: host.name.clone(), ssh: host.ssh.clone(), probe: probe.clone() }];
            let facts = self.ask(&hosts).await;
            let Some(found) = facts.host(&host.name) else { return Err(self.unreachable(&facts, &desired)) };
            seen = Some(found.clone());
            asked = Some(probe);
        }
        let Some(seen) = seen else { return Err(self.unreachable(&Facts::default(), &desired)) };
        let members =
            members(&seen).map_err(|problem| refused(problem, &format!("{}: ", login.destination)))?;
        Ok((seen, members))
    }

    /// All hosts, and the inventory with which a plan has the least to do.
    async fn all(
        &self,
        begun: Adoption,
        arguments: &Adopt,
        first: &HostFacts,
        members: &Members,
    ) -> Result<Settled, Failure> {
        let login = &arguments.node;
        let (brokers, mut ways) = brokers(login, first, members)?;
        let balancers = arguments.load_balancer.iter().map(|named| BalancerHost {
            name: named.name.clone(),
            address: named.address,
            user: named.user.clone().filter(|user| Some(user) != login.user.as_ref()),
            serves_time: false,
        });
        let mut adoption = begun.with_members(members.names, brokers).with_balancers(balancers.collect());
        let facts = self.reached(&mut adoption, &mut ways).await?;
        let desired = self.desired(&adoption)?;
        if facts.unreachable().next().is_some() {
            return Err(self.unreachable(&facts, &desired));
        }
        if let Some(problem) = whole(&desired, &facts) {
            return Err(refused(problem, ""));
        }
        // Once more, by the inventory's addresses and settings, and not while a run changes them.
        let adoption = survey(adoption, &facts);
        let desired = self.desired(&adoption)?;
        let hosts = self.hosts(&desired);
        let transport = transport(&hosts, &self.rights, &BTreeMap::new());
        let facts = gather_when_idle(&transport, &hosts, self.common, ProbeTime::First).await;
        close(&transport, self.common).await;
        let facts = facts?;
        if facts.unreachable().next().is_some() {
            return Err(self.unreachable(&facts, &desired));
        }
        settle(adoption, &self.common.inventory, &facts, self.playbook).map_err(|errors| beyond(&errors))
    }

    /// Asks every host by each of its ways, until it is reached and its node is the member.
    async fn reached(
        &self,
        adoption: &mut Adoption,
        ways: &mut BTreeMap<HostName, Vec<Option<String>>>,
    ) -> Result<Facts, Failure> {
        let mut facts = Facts::default();
        let longest = ways.values().map(Vec::len).max().unwrap_or_default();
        for at in 0..longest {
            let mut tried = adoption.clone();
            for broker in &mut tried.brokers {
                let way = ways.get(&broker.name).and_then(|ways| ways.get(at));
                broker.route = way.cloned().unwrap_or_else(|| broker.route.clone());
            }
            let desired = self.desired(&tried)?;
            let mut hosts = self.hosts(&desired);
            hosts.retain(|host| {
                let is_new = at == 0 || ways.get(&host.name).is_some_and(|ways| ways.len() > at);
                is_new && quality(&facts, &host.name) < Quality::Member
            });
            if hosts.is_empty() {
                break;
            }
            let found = self.ask(&hosts).await;
            for (name, seen) in found.hosts.iter() {
                if at > 0 && quality(&found, name) <= quality(&facts, name) {
                    continue;
                }
                facts.hosts.insert(name.clone(), seen.clone());
                let route = tried.brokers.iter().find(|broker| broker.name == *name);
                let kept = adoption.brokers.iter_mut().find(|broker| broker.name == *name);
                if let (Some(kept), Some(route)) = (kept, route) {
                    kept.route = route.route.clone();
                }
            }
        }
        Ok(facts)
    }
}

/// Whether the advice for it is a setting of an inventory.
fn is_set_by_options(cause: UnreachableCause) -> bool {
    match cause {
        UnreachableCause::NameUnknown
        | UnreachableCause::SshConfiguration
        | UnreachableCause::HostKeyUnknown
        | UnreachableCause::AuthenticationRefused
        | UnreachableCause::LoginShell
        | UnreachableCause::NoPrivilege => true,
        UnreachableCause::NoConnection
        | UnreachableCause::HostKeyChanged
        | UnreachableCause::SudoPassword
        | UnreachableCause::SudoPasswordRefused
        | UnreachableCause::SudoRule
        | UnreachableCause::Garbled
        | UnreachableCause::TimedOut => false,
    }
}

/// How well a way leads to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Quality {
    Unreached,
    /// There is a host; its node is another one, or does not run.
    Reached,
    Member,
}

fn quality(facts: &Facts, name: &HostName) -> Quality {
    match facts.hosts.get(name) {
        None | Some(Observation::Unreachable(_) | Observation::LeftOut) => Quality::Unreached,
        Some(Observation::Reached(seen)) => match seen.node() {
            Some(node) if node.name == NodeName::rabbit(name) => Quality::Member,
            Some(_) | None => Quality::Reached,
        },
    }
}

/// Every member with its address by the first host's resolver, and the ways to reach it.
#[expect(clippy::type_complexity, reason = "the ways are used once, right after")]
fn brokers(
    login: &Login,
    first: &HostFacts,
    members: &Members,
) -> Result<(Vec<Broker>, BTreeMap<HostName, Vec<Option<String>>>), Failure> {
    let (mut brokers, mut ways) = (Vec::new(), BTreeMap::new());
    // The asked one first: the file's order is chosen later.
    let (own, others): (Vec<_>, Vec<_>) =
        members.nodes.iter().map(|member| member.node.host()).partition(|name| **name == members.asked);
    for name in own.into_iter().chain(others) {
        let is_asked = *name == members.asked;
        let address = match is_asked {
            true => own_address(name, first, login),
            false => address_of(name, [first].into_iter()),
        };
        let Some(address) = address else {
            return Err(refused(
                Problem::new(
                    format!("the address of {name} is unknown"),
                    format!("{} does not resolve {name}, or to a loopback address", members.asked),
                    "add it to /etc/hosts or DNS there, or name another member",
                ),
                "",
            ));
        };
        let typed = Some(login.destination.clone()).filter(|_| login.address() != Some(address));
        let these = if is_asked { vec![typed] } else { routes(login, &members.asked, name) };
        ways.insert(name.clone(), these);
        brokers.push(broker(name.clone(), address, None));
    }
    Ok((brokers, ways))
}

fn refused(problem: Problem, place: &str) -> Failure {
    Failure::problem(
        FailureCode::NotAdoptable,
        Problem { what: format!("{place}{}", problem.what), ..problem },
    )
}

/// What the hosts have cannot be said in an inventory.
fn beyond(errors: &inventory::InventoryErrors) -> Failure {
    let told: Vec<String> = errors.problems().iter().map(ToString::to_string).collect();
    Failure::new(FailureCode::NotAdoptable, "what the hosts have does not make a valid inventory")
        .why(told.join("\n"))
        .next("correct it on the hosts, or write the inventory by hand: `rabbitup init HOST…` begins one")
}

fn tell(common: &Common, path: &Path, settled: &Settled) {
    let next = next(common, path);
    let left: Vec<&String> = settled.outlook.refusals.iter().chain(&settled.outlook.steps).collect();
    if common.json {
        let next = next.to_string();
        print::json(&serde_json::json!({
            "format_version": 1, "inventory": shown(path), "next": next, "left": left,
        }));
        return;
    }
    let brokers = counted(settled.adoption.brokers.len(), "broker");
    let mut text = format!("Wrote {}: {brokers}.", shown(path));
    let variables = settled.adoption.variables();
    if !variables.is_empty() {
        text.push_str(&format!(" Set {} first: no secret is written.", listed(&variables)));
    }
    if left.is_empty() {
        text.push_str(" A plan has nothing to do.\n");
    } else {
        text.push_str(" What a plan says, which no setting can express:\n");
        left.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
    print::stdout(&format!("{text}Read it, then: {next}\n"));
}
