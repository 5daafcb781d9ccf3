//! Rules as nft(8) reads and prints them. firewalld's rules in the kernel look the same.

use super::{Opening, Ports, Protocol, Source};

/// `ip saddr 192.168.0.42 tcp dport 4369 accept`
pub(super) fn rule(opening: &Opening) -> String {
    let from = match opening.from {
        Source::Everywhere => String::new(),
        Source::Address(address) if address.is_ipv4() => format!("ip saddr {address} "),
        Source::Address(address) => format!("ip6 saddr {address} "),
    };
    if !opening.protocol.has_ports() {
        return format!("{from}meta l4proto {} accept", opening.protocol.as_str());
    }
    format!("{from}{} dport {} accept", opening.protocol.as_str(), opening.ports.text('-'))
}

/// Reads such a rule; None for any other, since what it lets in is unknown. Counters do not matter, and neither does the
/// state that firewalld up to 0.9 adds to each rule.
pub(super) fn parse(line: &str) -> Option<Opening> {
    let line = line.replace("ct state { new, untracked } ", "").replace("ct state new,untracked ", "");
    let mut words: Vec<&str> = line.split_whitespace().collect();
    if let Some(at) = words.iter().position(|word| *word == "counter") {
        let counts = words.get(at + 1) == Some(&"packets");
        words.drain(at..if counts { at + 5 } else { at + 1 }.min(words.len()));
    }
    let from = match words.as_slice() {
        ["ip" | "ip6", "saddr", address, ..] => Source::Address(address.parse().ok()?),
        _ => Source::Everywhere,
    };
    let rest = if from == Source::Everywhere { words.as_slice() } else { words.get(3..)? };
    match rest {
        [protocol, "dport", ports, "accept"] => {
            Some(Opening { ports: Ports::parse(ports, '-')?, protocol: Protocol::parse(protocol)?, from })
        }
        // What comes for any port of it is another thing.
        ["meta", "l4proto", protocol, "accept"] => Protocol::parse(protocol)
            .filter(|protocol| !protocol.has_ports())
            .map(|protocol| Opening { ports: Ports::NONE, protocol, from }),
        _ => None,
    }
}

/// Whether a rule drops or rejects every packet that reaches it.
pub(super) fn closes(line: &str) -> bool {
    let mut words = line.split_whitespace().peekable();
    while let Some(word) = words.next() {
        match word {
            "counter" | "packets" | "bytes" => {}
            "log" => {
                // Its options, up to the verdict.
                while words.peek().is_some_and(|next| !["drop", "reject"].contains(next)) {
                    words.next();
                }
            }
            "drop" | "reject" => return true,
            number if number.bytes().all(|byte| byte.is_ascii_digit()) => {}
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let from = ["192.168.0.42", "fd00::2"].map(|text| Source::Address(text.parse().expect("an address")));
        for from in from.into_iter().chain([Source::Everywhere]) {
            let vrrp = Opening::vrrp(from);
            assert_eq!(parse(&rule(&vrrp)), Some(vrrp.clone()));
            assert_eq!(parse(&rule(&vrrp).replace("vrrp", "112")), Some(vrrp));
            for ports in [Ports::one(4369), Ports { first: 35672, last: 35682 }] {
                for protocol in [Protocol::Tcp, Protocol::Udp] {
                    let opening = Opening { ports, protocol, from };
                    assert_eq!(parse(&rule(&opening)), Some(opening));
                }
            }
        }
    }

    #[test]
    fn a_rule_with_another_condition_is_not_taken_for_ours() {
        let plain = parse("tcp dport 5672 accept");
        assert!(plain.is_some());
        assert_eq!(parse("tcp dport 5672 counter packets 12 bytes 720 accept"), plain);
        assert_eq!(parse("tcp dport 5672 ct state { new, untracked } accept"), plain);
        for other in [
            "iifname \"eth1\" tcp dport 5672 accept",
            "tcp dport 5672 limit rate 1/second accept",
            "tcp dport { 5672, 15672 } accept",
            "tcp dport 5672 drop",
            "ip saddr 10.0.0.0/8 tcp dport 5672 accept",
            "tcp dport 9-1 accept",
            "meta l4proto tcp accept",
            "counter",
            "",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_an_unconditional_rule_closes() {
        for line in [
            "drop",
            "reject with icmpx admin-prohibited",
            "counter packets 0 bytes 0 drop",
            "log prefix \"dropped \" reject",
        ] {
            assert!(closes(line), "{line}");
        }
        for line in ["ct state invalid drop", "ip saddr @bad drop", "accept", "jump drop_all", "log", ""] {
            assert!(!closes(line), "{line}");
        }
    }
}
