use super::Draft;
use crate::cluster::endpoints::clients;
use crate::facts::{SelinuxBoolean, SelinuxMode, SelinuxPort};
use crate::inventory::Host;
use crate::model::Role;
use crate::operation::{LabelPort, SetSelinuxBoolean};
use crate::plan::{Change, Proposal};
use crate::rabbitmq::listeners::MANAGEMENT_TLS;

/// The type of the ports on which SELinux's policy lets RabbitMQ listen, besides AMQP's and the management UI's usual ones.
const BROKER_PORT: &str = "rabbitmq_port_t";

/// Where SELinux denies what the policy does not allow, allows what the inventory needs beyond it.
pub fn plan(draft: &mut Draft<'_>) {
    for host in draft.hosts() {
        let enforces =
            draft.host(&host.name).is_some_and(|facts| facts.selinux.mode == SelinuxMode::Enforcing);
        if !enforces {
            continue;
        }
        if host.has(Role::LoadBalancer) {
            let_balancer_connect(draft, host);
        }
        if draft.desired.is_broker(host) {
            let_broker_listen(draft, host);
        }
    }
}

fn let_balancer_connect(draft: &mut Draft<'_>, host: &Host) {
    let Some(balancer) = draft.desired.load_balancer.as_ref().map(|wanted| wanted.software.balancer()) else {
        return;
    };
    let Some(facts) = draft.host(&host.name) else { return };
    let name = balancer.selinux_boolean;
    // A policy without this boolean does not confine the software.
    let Some(current) = facts.selinux.booleans.get(name) else { return };
    if *current == SelinuxBoolean::ON {
        return;
    }
    draft.propose(
        Proposal::new(
            &host.name,
            &format!("selinux-{name}"),
            Change::Change,
            SetSelinuxBoolean { name: name.to_owned() },
        )
        .title(format!("set SELinux's boolean {name}"))
        .because(format!(
            "SELinux is enforcing, and would deny {} its connections to the brokers",
            balancer.name
        ))
        .within(300),
    );
}

fn let_broker_listen(draft: &mut Draft<'_>, host: &Host) {
    if !clients(draft.desired, &draft.facts, host).contains(&MANAGEMENT_TLS) {
        return;
    }
    let label = SelinuxPort { port: MANAGEMENT_TLS, r#type: BROKER_PORT.to_owned() };
    if draft.host(&host.name).is_some_and(|facts| facts.selinux.ports.contains(&label)) {
        return;
    }
    draft.propose(
        Proposal::new(&host.name, "selinux-port", Change::Change, LabelPort { label })
            .title(format!("give port {} SELinux's type {BROKER_PORT}", MANAGEMENT_TLS))
            .because("SELinux is enforcing, and would deny the management UI its TLS port")
            .within(300),
    );
}
