use std::collections::BTreeSet;

use super::PlannedHost;
use crate::balancer::{Balancer, Software};
use crate::facts::{CloudInit, Lookup, PeerPort, ProbeRequest, Purpose};
use crate::inventory::{Desired, FirewallSetting, Host};
use crate::model::Role;
use crate::platform::platforms;
use crate::playbook::{Arguments, PhaseSettings, Playbook, UpgradeTo};
use crate::rabbitmq::listeners::{EPMD, NodePorts, PortRange};
use crate::rabbitmq::{
    BROKER_PACKAGE, BROKER_UNIT, CONF_FILE, ENV_FILE, INETRC_FILE, LIMITS_FILE, PLUGINS_FILE,
};
use crate::virtual_address::{self, KEEPALIVED};

/// Every host with what to probe there.
pub fn planned_hosts(desired: &Desired, playbook: &Playbook, arguments: &Arguments) -> Vec<PlannedHost> {
    let upgrades = playbook
        .phases
        .iter()
        .any(|phase| matches!(phase, PhaseSettings::Upgrade(settings) if settings.to == UpgradeTo::Newest));
    let version = arguments.version.as_ref().or(desired.package.version.as_ref());
    desired
        .hosts
        .iter()
        .map(|host| PlannedHost {
            name: host.name.clone(),
            ssh: host.ssh.clone(),
            probe: ProbeRequest {
                broker_version: version.map(|version| version.as_str().to_owned()).unwrap_or_default(),
                ..request(desired, host, upgrades)
            },
        })
        .collect()
}

fn request(desired: &Desired, host: &Host, upgrades: bool) -> ProbeRequest {
    let broker = host.has(Role::Broker);
    let balancer = desired.load_balancer.as_ref().filter(|_| host.has(Role::LoadBalancer));
    // The probe reports the host's family, so it is asked for the package names of all families.
    let mut packages: Vec<&str> = Vec::new();
    let mut installable: Vec<&str> = Vec::new();
    if desired.time.manage {
        installable.extend(platforms().map(|platform| platform.time.package));
        packages.extend(platforms().flat_map(|platform| platform.time.replaces));
    }
    let mut units: Vec<&str> = platforms().map(|platform| platform.time.unit).collect();
    let mut files = vec!["/etc/hosts"];
    files.extend(platforms().map(|platform| platform.time.conf));
    files.extend(CloudInit::templates().chain([CloudInit::OVERRIDE]));
    let mut candidates = Vec::new();
    if broker {
        installable.push(BROKER_PACKAGE);
        packages.extend(platforms().map(|platform| platform.erlang));
        units.push(BROKER_UNIT);
        files.extend([CONF_FILE, ENV_FILE, INETRC_FILE, LIMITS_FILE, PLUGINS_FILE]);
        if desired.package.version.is_some() || upgrades {
            candidates.push(BROKER_PACKAGE);
        }
    }
    if let Some(balancer) = balancer {
        let wanted = balancer.software.balancer();
        installable.extend(platforms().flat_map(|platform| platform.packages_of(wanted).all()));
        for software in Software::ALL.iter().map(|software| software.balancer()) {
            units.push(software.unit);
            files.push(software.conf);
        }
        // Also without a vip: it may be one that the inventory had.
        units.push(KEEPALIVED);
        files.push(virtual_address::CONF);
        if balancer.vip.is_some() {
            installable.push(KEEPALIVED);
            files.extend([virtual_address::CHECK, virtual_address::DROP_IN]);
        }
    }
    packages.extend(&installable);
    let owned = |words: Vec<&str>| {
        let mut known = BTreeSet::new();
        words.into_iter().filter(|word| known.insert(*word)).map(str::to_owned).collect()
    };
    ProbeRequest {
        names: desired.hosts.iter().map(|host| host.name.clone()).collect(),
        packages: owned(packages),
        installable: owned(installable),
        candidates: owned(candidates),
        broker_version: String::new(),
        units: owned(units),
        files: owned(files),
        node: broker.then(|| host.node()),
        name_mode: desired.cluster.names,
        admin: desired.cluster.admin.as_ref().filter(|_| broker).map(|admin| admin.user.clone()),
        plugins: desired.cluster.plugins.clone().filter(|_| broker).unwrap_or_default(),
        reach: reach(desired, host),
        load_balancer_port: balancer.map(|balancer| balancer.amqp_port),
        load_balancer_security: desired
            .cluster
            .listeners(NodePorts::default())
            .endpoint()
            .amqp
            .map(|port| port.security)
            .unwrap_or_default(),
        firewall: match desired.firewall {
            FirewallSetting::LeftAlone => Lookup::LeftOut,
            FirewallSetting::Managed => Lookup::Wanted,
        },
        virtual_address: match balancer.and_then(|balancer| balancer.vip.as_ref()) {
            Some(_) => Lookup::Wanted,
            None => Lookup::LeftOut,
        },
        vips: balancer
            .and_then(|balancer| balancer.vip.as_ref())
            .map(|vip| vip.addresses.iter().map(|at| at.address).collect())
            .unwrap_or_default(),
        runtime_socket: balancer.map(|balancer| balancer.software.balancer()).and_then(sockets),
    }
}

/// The ports of other hosts that this one needs by the inventory: epmd and Erlang distribution between brokers; for the load
/// balancer, the ports that it forwards to. Of a range for distribution nobody knows which port a node will take.
fn reach(desired: &Desired, host: &Host) -> Vec<PeerPort> {
    let listeners = desired.cluster.listeners(NodePorts::default());
    let mut ports: Vec<(Purpose, u16)> = Vec::new();
    if host.has(Role::Broker) {
        let distribution = listeners.distribution().and_then(PortRange::single);
        ports.push((Purpose::Epmd, EPMD));
        ports.extend(distribution.map(|port| (Purpose::Distribution, port)));
    }
    if let Some(balancer) = desired.load_balancer.as_ref().filter(|_| host.has(Role::LoadBalancer)) {
        let endpoint = listeners.endpoint();
        ports.extend(endpoint.amqp.map(|port| (Purpose::Amqp, port.number)));
        let management = endpoint.management.filter(|_| balancer.management_port.is_some());
        ports.extend(management.map(|port| (Purpose::Management, port.number)));
        let more = balancer.listeners.iter().filter_map(|listener| endpoint.offered.get(&listener.serves));
        ports.extend(more.map(|door| (Purpose::Offered, door.port)));
    }
    let others = desired.brokers().filter(|other| other.name != host.name);
    let ports = &ports;
    others
        .flat_map(|other| {
            ports.iter().map(|(purpose, port)| PeerPort {
                peer: other.name.clone(),
                address: other.address,
                port: *port,
                purpose: *purpose,
            })
        })
        .collect()
}

/// Where its runtime socket may be, one per line: the probe takes the one that exists.
fn sockets(balancer: &'static Balancer) -> Option<String> {
    balancer.runtime.as_ref()?;
    let paths: BTreeSet<&str> = platforms().map(|platform| platform.packages_of(balancer).socket).collect();
    Some(paths.into_iter().collect::<Vec<_>>().join("\n"))
}
