use super::case::{Case, Notes, rabbitup};
use crate::cluster::health::load_balancer::{Idle, idle};
use crate::cluster::remedy;
use crate::doctor::{Cause, Finding};
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::model::Role;

/// Load balancers that do not run. Clients reach no broker through them, however well the brokers are.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    for host in case.desired.with_role(Role::LoadBalancer) {
        if let Some(seen) = case.facts.host(&host.name) {
            one(case, host, seen, notes);
        }
    }
}

fn one(case: &Case<'_>, host: &Host, seen: &HostFacts, notes: &mut Notes) {
    let Some(software) = case.desired.load_balancer.as_ref().map(|wanted| wanted.software) else { return };
    notes.checked(Cause::BalancerDown);
    let (name, unit) = (software.as_str(), software.balancer().unit);
    let Some(idle) = idle(software, seen) else { return };
    let found = |what: &str| Finding::on(&host.name, Cause::BalancerDown, what);
    notes.add(match idle {
        Idle::NotInstalled => found(&format!("{name} is not installed"))
            .seen(format!("there is no package {name} and no unit {unit}"))
            .fix(rabbitup("up")),
        Idle::Stopped => {
            let mut found = found(&format!("{name} does not run, so no client reaches a broker through it"))
                .seen(format!("the unit {unit} is {}", seen.unit(unit).active));
            for line in case.exams.balancers.get(&host.name).into_iter().flatten() {
                found = found.seen(line);
            }
            let log = remedy::shell(host, Some(seen), &format!("journalctl -u {unit} -n 50 --no-pager"));
            found.fix(rabbitup("up")).fix(log)
        }
    });
}
