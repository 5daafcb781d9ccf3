//! The address that several load balancers share, and keepalived, which moves it (VRRP, RFC 5798): its package, unit and files, the check
//! that it runs, how its configuration is validated. Its part of the probe is in `probe.sh`.

mod network_address;

use std::net::IpAddr;

pub use network_address::NetworkAddress;
pub(crate) use network_address::NotInNetwork;

/// Its name, which is also that of its package and unit in every family of packages.
pub(crate) const KEEPALIVED: &str = "keepalived";

/// Its configuration file.
pub(crate) const CONF: &str = "/etc/keepalived/keepalived.conf";

/// The drop-in of its unit. Packages have none of these lines.
pub(crate) const DROP_IN: &str = "/etc/systemd/system/keepalived.service.d/rabbitup.conf";

/// A keepalived that was killed leaves the address on its host, where another one has it as well from then on.
pub(crate) const DROP_IN_TEXT: &str = "# Written by rabbitup from the inventory ([load_balancer] vip).\n[Service]\nRestart=on-failure\nRestartSec=1\n";

/// The check of the balancer that keepalived runs. SELinux's policy runs what is in this directory unconfined (keepalived_selinux(8)).
pub const CHECK: &str = "/usr/libexec/keepalived/rabbitup-check";

/// The user that the check runs as: it reads what everybody may read.
pub(crate) const CHECK_USER: &str = "nobody";

pub(crate) const TEMPLATE: &str = include_str!("../../templates/keepalived.conf.hbs");

/// Its step function `keepalived_accepts FILE`.
pub(crate) const STEPS: &str = include_str!("keepalived.sh");

/// Its part of the probe: `addresses`.
pub(crate) const PROBE: &str = include_str!("probe.sh");

/// The check's functions, for a shell that has [`Checked`] in its variables.
const CHECK_TEXT: &str = concat!(include_str!("../facts/unix_socket.sh"), include_str!("check.sh"));

/// What the check asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// The balancer's port for AMQP, on which something has to listen.
    pub port: u16,
    /// The socket where the balancer itself says that it works and reaches a broker. Without it, brokers are tried: None, or a template
    /// of the operator's that does not open it.
    pub alive: Option<String>,
    /// The brokers' ports for AMQP.
    pub brokers: Vec<(IpAddr, u16)>,
}

/// The check for such a balancer. It stands in a file of its own: what it asks can change without a reload of keepalived.
pub(crate) fn check(of: &Checked) -> String {
    let brokers: Vec<String> = of.brokers.iter().map(|(address, port)| format!("{address} {port}")).collect();
    let alive = of.alive.as_deref().unwrap_or_default();
    format!(
        "#!/bin/sh\n# Written by rabbitup from the inventory ([load_balancer]). The next `rabbitup up` overwrites changes.\n\
         # keepalived runs it every second.\nport={}\nport_in_hex={:04X}\nalive='{alive}'\nbrokers='{}'\n{CHECK_TEXT}",
        of.port,
        of.port,
        brokers.join("\n")
    )
}

/// The number of the virtual router if the inventory has none: the last number of the address. Two addresses of one IPv4 network with
/// 24 bits or more never get the same one; of others, one pair in 255.
pub(crate) fn router_id(address: IpAddr) -> u8 {
    let folded = match address {
        IpAddr::V4(v4) => v4.octets()[3],
        IpAddr::V6(v6) => v6.octets().iter().fold(0, |all, octet| all ^ octet),
    };
    // 0 is reserved (RFC 5798, 5.2.3).
    folded.max(1)
}

/// The number of the virtual router in a configuration; the last one, as keepalived reads it.
pub(crate) fn router_id_in(conf: &str) -> Option<u8> {
    let number = |line: &str| {
        line.trim_start().strip_prefix("virtual_router_id ")?.split_whitespace().next()?.parse().ok()
    };
    conf.lines().filter_map(number).next_back()
}

/// What a configuration serves: the addresses that it moves, those of its virtual servers, and files that it includes.
pub(crate) fn serves(conf: &str) -> Vec<String> {
    let mut served = Vec::new();
    let mut in_addresses = false;
    for line in conf.lines() {
        let line = line.split(['#', '!']).next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { continue };
        match first {
            "virtual_ipaddress" | "virtual_ipaddress_excluded" => in_addresses = true,
            "include" | "includer" | "includem" | "includew" | "includeb" => {
                served.extend(words.next().map(|path| format!("what {path} has")));
            }
            "virtual_server" => served.extend(words.next().map(str::to_owned)),
            "}" => in_addresses = false,
            _ => {}
        }
        if in_addresses {
            served.extend(line.split_whitespace().filter_map(address_of));
            in_addresses = !line.contains('}');
        }
    }
    served
}

/// Without the length of the prefix.
fn address_of(word: &str) -> Option<String> {
    let address = word.split('/').next()?;
    address.parse::<IpAddr>().is_ok().then(|| address.to_owned())
}

/// The priority of a load balancer by its place in the inventory, from 0. 255 would be that of an address's owner.
pub(crate) fn priority(place: usize) -> u8 {
    u8::try_from(place).map_or(1, |place| HIGHEST.saturating_sub(place).max(1))
}

const HIGHEST: u8 = 200;

/// An address on an interface of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceAddress {
    pub interface: String,
    pub at: NetworkAddress,
}

impl InterfaceAddress {
    /// Reads a line of `ip -o addr show`: `2: eth0    inet 192.168.0.44/24 brd …`. None for addresses that are none of a host in
    /// a network.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        let interface = words.next()?.split('@').next()?.to_owned();
        let family = words.next()?;
        let at = NetworkAddress::parse(words.next()?).ok()?;
        ["inet", "inet6"].contains(&family).then_some(Self { interface, at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_has_an_address() {
        let line = "2: eth0@if7    inet 192.168.0.44/24 brd 192.168.0.255 scope global eth0\\       valid_lft forever";
        let found = InterfaceAddress::parse(line).expect("a line of ip");
        assert_eq!((found.interface.as_str(), found.at.to_string().as_str()), ("eth0", "192.168.0.44/24"));
        assert_eq!(InterfaceAddress::parse("2: eth0    link/ether 00:00:5e:00:53:01"), None);
        assert_eq!(InterfaceAddress::parse(""), None);
    }

    #[test]
    fn a_configuration_serves_addresses() {
        let conf = "! 10.0.0.9\nvrrp_instance web {\n  virtual_router_id 51\n  mcast_src_ip 10.0.0.2\n  virtual_ipaddress {\n    10.0.0.50/24 dev eth0 # 10.0.0.8\n    \
                    fd00::50\n  }\n  unicast_peer {\n    10.0.0.3\n  }\n  virtual_ipaddress_excluded { 10.0.0.51 }\n  track_src_ip 10.0.0.7\n}\n\
                    virtual_server 10.0.0.60 443 {\n  real_server 10.0.0.61 443 {\n  }\n}\ninclude conf.d/*.conf\n";
        assert_eq!(
            serves(conf),
            ["10.0.0.50", "fd00::50", "10.0.0.51", "10.0.0.60", "what conf.d/*.conf has"]
        );
        assert_eq!(serves("global_defs {\n}\n"), Vec::<String>::new());
    }

    #[test]
    fn a_router_has_a_number_and_a_priority() {
        let id = |text: &str| router_id(text.parse().expect("an address"));
        assert_eq!((id("192.168.0.40"), id("10.0.1.0"), id("fd00::40")), (40, 1, 0xfd ^ 0x40));
        let conf = "vrrp_instance a {\n    # virtual_router_id 3\n    virtual_router_id 40\n}\n";
        assert_eq!((router_id_in(conf), router_id_in("virtual_router_id x")), (Some(40), None));
        assert_eq!([0, 1, 198, 199, 400].map(priority), [200, 199, 2, 1, 1]);
    }
}
