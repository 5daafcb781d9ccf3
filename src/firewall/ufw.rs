use std::collections::BTreeSet;

use super::{Firewall, FirewallFacts, Opening, Ports, Protocol, Sections, Seen, Software, Source};

/// Rules with a comment, by which they are recognised.
pub(super) static FIREWALL: Firewall = Firewall { name: "ufw", read, instructions };

/// `rabbitup`, as ufw writes comments into its files.
const COMMENT: &str = "comment=7261626269747570";

fn read(sections: Sections<'_>) -> Option<Seen> {
    let lines = sections("ufw");
    if lines.is_empty() {
        return None;
    }
    let lasting: BTreeSet<Opening> = super::values(&lines, "saved").filter_map(saved).collect();
    // The kernel's rules have no comments: of those, what rabbitup saved.
    let active: BTreeSet<Opening> = super::values(&lines, "now").filter_map(active).collect();
    let now = active.intersection(&lasting).cloned().collect();
    let (software, change) = (Software::Ufw, super::change(&lines));
    Some(Seen::Manageable(FirewallFacts { software, filters: Vec::new(), now, lasting, change }))
}

/// One rule a line, as arguments of ufw(8): what is not needed any more, then what is. Adding one that is there changes
/// nothing, unless it was removed from the kernel by other means: then it is deleted first.
fn instructions(facts: &FirewallFacts, wanted: &BTreeSet<Opening>) -> String {
    let unneeded =
        facts.lasting.iter().filter(|opening| !wanted.contains(opening) || !facts.now.contains(opening));
    let unneeded = unneeded.map(|opening| format!("delete {}\n", rule(opening)));
    let missing = wanted.difference(&facts.now).map(|opening| format!("{}\n", rule(opening)));
    unneeded.chain(missing).collect()
}

/// `allow proto tcp from 192.168.0.42 to any port 4369 comment rabbitup`
fn rule(opening: &Opening) -> String {
    let from = match opening.from {
        Source::Everywhere => "any".to_owned(),
        Source::Address(address) => address.to_string(),
    };
    let protocol = opening.protocol.as_str();
    if !opening.protocol.has_ports() {
        return format!("allow proto {protocol} from {from} to any comment rabbitup");
    }
    let ports = opening.ports.text(':');
    format!("allow proto {protocol} from {from} to any port {ports} comment rabbitup")
}

/// Reads `### tuple ### allow tcp 4369 0.0.0.0/0 any 192.168.0.42 in comment=…` of ufw's user.rules.
fn saved(line: &str) -> Option<Opening> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let ["###", "tuple", "###", "allow", protocol, ports, "0.0.0.0/0" | "::/0", "any", from, "in", COMMENT] =
        words.as_slice()
    else {
        return None;
    };
    let protocol = Protocol::parse(protocol)?;
    let ports = if protocol.has_ports() {
        Ports::parse(ports, ':')
    } else {
        (*ports == "any").then_some(Ports::NONE)
    };
    Some(Opening { ports: ports?, protocol, from: source(from)? })
}

/// Reads `-A ufw-user-input -s 192.168.0.42/32 -p tcp -m tcp --dport 4369 -j ACCEPT`, as iptables prints rules.
fn active(line: &str) -> Option<Opening> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |flags: &[&str]| words.windows(2).find(|pair| flags.contains(&pair[0])).map(|pair| pair[1]);
    let known = ["-A", "-s", "-p", "-m", "--dport", "--dports", "-j"];
    let plain = words.iter().step_by(2).all(|flag| known.contains(flag));
    if !plain || after(&["-j"]) != Some("ACCEPT") {
        return None;
    }
    let protocol = Protocol::parse(after(&["-p"])?)?;
    let ports = after(&["--dport", "--dports"]);
    let ports = match ports {
        Some(ports) => Ports::parse(ports, ':')?,
        None if protocol.has_ports() => return None,
        None => Ports::NONE,
    };
    let from = after(&["-s"]).map_or(Some(Source::Everywhere), source)?;
    Some(Opening { ports, protocol, from })
}

fn source(text: &str) -> Option<Source> {
    match text {
        "0.0.0.0/0" | "::/0" => Some(Source::Everywhere),
        one => one.trim_end_matches("/32").trim_end_matches("/128").parse().ok().map(Source::Address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> FirewallFacts {
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        match read(&|_| lines.clone()) {
            Some(Seen::Manageable(facts)) => facts,
            other => panic!("{other:?}"),
        }
    }

    const HOST: &str = "active\n\
        saved=### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in\n\
        saved=### tuple ### allow tcp 4369 0.0.0.0/0 any 192.168.0.42 in comment=7261626269747570\n\
        saved=### tuple ### allow tcp 35672:35682 0.0.0.0/0 any 192.168.0.42 in comment=7261626269747570\n\
        now=-N ufw-user-input\nnow=-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n\
        now=-A ufw-user-input -s 192.168.0.42/32 -p tcp -m tcp --dport 4369 -j ACCEPT";

    #[test]
    fn only_rules_with_the_comment_are_ours() {
        let facts = seen(HOST);
        assert_eq!((facts.lasting.len(), facts.now.len()), (2, 1));
        let range =
            "\nnow=-A ufw-user-input -s 192.168.0.42/32 -p tcp -m multiport --dports 35672:35682 -j ACCEPT";
        assert_eq!(seen(&format!("{HOST}{range}")).now.len(), 2);
    }

    #[test]
    fn a_protocol_without_ports_has_a_rule() {
        let vrrp = Opening::vrrp(Source::Address("192.168.0.45".parse().expect("an address")));
        assert_eq!(rule(&vrrp), "allow proto vrrp from 192.168.0.45 to any comment rabbitup");
        let more = "saved=### tuple ### allow vrrp any 0.0.0.0/0 any 192.168.0.45 in comment=7261626269747570\n\
            now=-A ufw-user-input -s 192.168.0.45/32 -p vrrp -j ACCEPT";
        let facts = seen(&format!("{HOST}\n{more}"));
        assert!(facts.now.contains(&vrrp) && facts.lasting.contains(&vrrp), "{facts:?}");
        assert_eq!(active("-A ufw-user-input -s 192.168.0.45/32 -p tcp -j ACCEPT"), None);
    }

    #[test]
    fn rules_come_and_go_by_ufws_own_commands() {
        let wanted = BTreeSet::from([
            Opening::tcp(4369, Source::Address("192.168.0.42".parse().expect("an address"))),
            Opening::tcp(5672, Source::Everywhere),
        ]);
        insta::assert_snapshot!(instructions(&seen(HOST), &wanted), @r"
        delete allow proto tcp from 192.168.0.42 to any port 35672:35682 comment rabbitup
        allow proto tcp from any to any port 5672 comment rabbitup
        ");
    }
}
