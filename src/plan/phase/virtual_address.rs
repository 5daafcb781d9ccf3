use super::balancer_turns::{await_standby, change, check, in_turn, text_of, turn, why_start, write};
use super::{Draft, load_balancer};
use crate::cluster::phrases::listed;
use crate::cluster::virtual_address as cluster;
use crate::facts::HostFacts;
use crate::inventory::{Host, LoadBalancer, Vip};
use crate::model::{Problem, is_ours};
use crate::operation::{ReloadUnit, StartUnit, StopUnit, Then, Validator};
use crate::plan::diff::unified;
use crate::plan::{Change, Proposal, RefusalKind, StepId, render};
use crate::redact::redacted;
use crate::template::Rendered;
use crate::virtual_address::{CONF, DROP_IN, DROP_IN_TEXT, KEEPALIVED, serves};

/// Lets keepalived move the address to a load balancer that works. One host after the other, as the balancers themselves.
pub fn plan(draft: &mut Draft<'_>) {
    let Some(balancer) = draft.desired.load_balancer.clone() else { return };
    for (host, problem) in cluster::taken(draft.desired, draft.observed) {
        draft.refuse_problem(&host.name, RefusalKind::VipInUse, problem);
    }
    for host in in_turn(draft) {
        match &balancer.vip {
            Some(vip) => share(draft, host, &balancer, vip),
            None => stop(draft, host),
        }
    }
}

fn share(draft: &mut Draft<'_>, host: &Host, balancer: &LoadBalancer, vip: &Vip) {
    let backends = load_balancer::places(draft);
    check(draft, host, balancer, &backends, "address-check", &[]);
    drop_in(draft, host);
    configure(draft, host, vip);
    run(draft, host);
    // With another virtual router it does not hear the one that has the address, and takes it.
    if draft.has(&StepId::new(&host.name, "address-conf")) {
        await_standby(draft, host, "address-conf-ready");
    }
}

fn drop_in(draft: &mut Draft<'_>, host: &Host) {
    let Some(facts) = draft.host(&host.name) else { return };
    let current = text_of(facts.file(DROP_IN)).to_owned();
    if current == DROP_IN_TEXT {
        return;
    }
    let turn = turn(draft, host);
    let write = write(DROP_IN, 0o644, Rendered::from_text(DROP_IN_TEXT), None, Then::DaemonReload);
    draft.propose(
        Proposal::new(&host.name, "address-unit", change(&current), write)
            .title(format!("write {DROP_IN}"))
            .because("a keepalived that was killed leaves the address behind, until it starts again")
            .diff(unified(&current, DROP_IN_TEXT))
            .after(turn),
    );
}

fn configure(draft: &mut Draft<'_>, host: &Host, vip: &Vip) {
    let Some(interface) = interface_of(draft, host, vip) else { return };
    let wanted = match render::keepalived_conf(draft.templates, draft.desired, host, vip, &interface) {
        Ok(wanted) => wanted,
        Err(error) => return super::refuse_template(draft, &error),
    };
    let current = text_of(draft.host(&host.name).and_then(|facts| facts.file(CONF))).to_owned();
    let text = wanted.display_text();
    if current == text {
        return;
    }
    if refuse_to_replace(draft, host, &current, &text) {
        return;
    }
    let new = draft.observed.host(&host.name).is_some_and(|seen| seen.installed(KEEPALIVED).is_none());
    let (change, reason, diff) = if new {
        (Change::Add, "keepalived is new here", unified("", &text))
    } else if is_ours(&current) {
        (Change::Change, "it differs from the inventory", unified(&redacted(&current), &redacted(&text)))
    } else {
        (Change::Change, "it was not written by rabbitup; a copy is kept beside it", unified("", &text))
    };
    let turn = turn(draft, host);
    let then = Then::Reload(KEEPALIVED.to_owned());
    draft.propose(
        Proposal::new(
            &host.name,
            "address-conf",
            change,
            write(CONF, 0o644, wanted, Some(Validator::Keepalived), then),
        )
        .title(format!("write {CONF}"))
        .because(reason)
        .diff(diff)
        .after(turn),
    );
}

/// A keepalived that runs for something else has one configuration: what that serves would end. A template of the operator's can have both.
fn refuse_to_replace(draft: &mut Draft<'_>, host: &Host, current: &str, wanted: &str) -> bool {
    let runs = draft.observed.host(&host.name).is_some_and(|seen| seen.unit(KEEPALIVED).is_active());
    if !runs || is_ours(current) {
        return false;
    }
    let kept = serves(wanted);
    let lost: Vec<String> = serves(current).into_iter().filter(|served| !kept.contains(served)).collect();
    if lost.is_empty() {
        return false;
    }
    draft.refuse(
        &host.name,
        RefusalKind::KeepalivedInUse,
        format!("keepalived serves something else here: {}", listed(&lost)),
        format!("it runs with {CONF}, which was not written by rabbitup and would be replaced"),
        "let another host be the load balancer, or put both into a template of your own (keepalived under [templates]); if nobody needs \
         it any more: systemctl disable --now keepalived",
    );
    true
}

/// The interface on a host: the inventory's, else the one in the first address's network. None where there is none, which is refused.
pub(super) fn interface_of(draft: &mut Draft<'_>, host: &Host, vip: &Vip) -> Option<String> {
    let facts = draft.host(&host.name)?;
    match vip.interface.clone().map_or_else(|| interface(facts, vip), Ok) {
        Ok(interface) => Some(interface),
        Err(problem) => {
            draft.refuse_problem(&host.name, RefusalKind::VipOutsideNetworks, problem);
            None
        }
    }
}

fn interface(facts: &HostFacts, vip: &Vip) -> Result<String, Problem> {
    const ADVICE: &str =
        "correct vip, or name the interface in the inventory: interface = \"eth1\" under [load_balancer]";
    let first = vip.addresses.first().copied();
    let wanted = first.map(|at| at.to_string()).unwrap_or_default();
    let Some(seen) = &facts.virtual_address else {
        return Err(Problem::new(
            format!("it is not known which interface {wanted} belongs to"),
            "this host did not tell its addresses (`ip -o addr show`)",
            ADVICE,
        ));
    };
    // The vip itself may be there, on the wrong interface.
    let own =
        || seen.addresses.iter().filter(|own| !vip.addresses.iter().any(|at| at.address == own.at.address));
    let near =
        own().find(|own| first.is_some_and(|first| own.at.has(first.address) || first.has(own.at.address)));
    near.map(|own| own.interface.clone()).ok_or_else(|| {
        let outside = own().filter(|own| !own.at.address.is_loopback());
        let seen: Vec<String> = outside.map(|own| format!("{} on {}", own.at, own.interface)).collect();
        Problem::new(
            format!("no interface here has an address in the network of {wanted}"),
            format!("its addresses: {}", seen.join(", ")),
            ADVICE,
        )
    })
}

fn run(draft: &mut Draft<'_>, host: &Host) {
    let Some(facts) = draft.host(&host.name) else { return };
    let state = facts.unit(KEEPALIVED);
    let turn = turn(draft, host);
    if let Some(reason) = why_start(&state) {
        return draft.propose(
            Proposal::new(&host.name, "address", Change::Command, StartUnit { unit: KEEPALIVED.to_owned() })
                .title(format!("start {KEEPALIVED}"))
                .because(reason)
                .after(turn),
        );
    }
    let changed = facts.file(CONF).map(|file| file.modified);
    if changed.zip(state.since).is_some_and(|(changed, since)| changed > since) {
        draft.propose(
            Proposal::new(
                &host.name,
                "address-reload",
                Change::Command,
                ReloadUnit { unit: KEEPALIVED.to_owned() },
            )
            .title(format!("reload {KEEPALIVED}"))
            .because("its configuration has changed since it was last read")
            .after(turn),
        );
    }
}

/// An address that the inventory had is given up.
fn stop(draft: &mut Draft<'_>, host: &Host) {
    let Some(facts) = draft.host(&host.name) else { return };
    let state = facts.unit(KEEPALIVED);
    if !is_ours(text_of(facts.file(CONF))) || !(state.is_active() || state.is_enabled()) {
        return;
    }
    draft.propose(
        Proposal::new(&host.name, "address-gone", Change::Remove, StopUnit { unit: KEEPALIVED.to_owned() })
            .title(format!("stop {KEEPALIVED}"))
            .because("the inventory's load balancers share no address any more"),
    );
}
