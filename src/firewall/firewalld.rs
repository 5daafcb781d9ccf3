use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Firewall, FirewallFacts, Opening, Ports, Protocol, Sections, Seen, Software, Source, nft_rule};

/// A policy of its own for everything that comes to this host, whatever its zone (firewalld.policies(5), since 0.9). Its rules
/// come before those of the zones (a negative priority), and what they do not accept goes on to these.
pub(super) static FIREWALL: Firewall = Firewall { name: "firewalld", read, instructions };

fn read(sections: Sections<'_>) -> Option<Seen> {
    let lines = sections("firewalld");
    if lines.is_empty() {
        return None;
    }
    // Its rules would have to be read through its own tools, which take half a second.
    if let Some(backend) = super::values(&lines, "backend").find(|backend| *backend != "nftables") {
        let why = format!("its FirewallBackend is {backend}; rabbitup supports nftables, the default");
        return Some(Seen::Beyond { software: Software::Firewalld, why });
    }
    Some(Seen::Manageable(FirewallFacts {
        software: Software::Firewalld,
        filters: Vec::new(),
        now: super::values(&lines, "now").filter_map(nft_rule::parse).collect(),
        lasting: policy_openings(&super::values(&lines, "saved").collect::<Vec<_>>().join(" ")),
        change: super::change(&lines),
    }))
}

/// The policy's file.
fn instructions(_: &FirewallFacts, wanted: &BTreeSet<Opening>) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<policy priority=\"-1\" target=\"CONTINUE\">\n  \
         <short>rabbitup</short>\n  <description>Written by rabbitup from the inventory ([firewall]). Changes made here are \
         undone by the next rabbitup up.</description>\n  <ingress-zone name=\"ANY\"/>\n  <egress-zone name=\"HOST\"/>\n",
    );
    for opening in wanted {
        let protocol = opening.protocol.as_str();
        let port = if opening.protocol.has_ports() {
            format!("<port port=\"{}\" protocol=\"{protocol}\"/>", opening.ports.text('-'))
        } else {
            format!("<protocol value=\"{protocol}\"/>")
        };
        let _ = match opening.from {
            Source::Everywhere => writeln!(text, "  {port}"),
            Source::Address(address) => writeln!(
                text,
                "  <rule family=\"{}\">\n    <source address=\"{address}\"/>\n    {port}\n    <accept/>\n  </rule>",
                if address.is_ipv4() { "ipv4" } else { "ipv6" }
            ),
        };
    }
    text + "</policy>\n"
}

/// What a policy's file opens, as rabbitup or firewalld wrote it; nothing if it does not apply to what comes to the host.
fn policy_openings(text: &str) -> BTreeSet<Opening> {
    let has = |tag: &str, zone: &str| text.contains(&format!("<{tag} name=\"{zone}\"/>"));
    if !has("ingress-zone", "ANY") || !has("egress-zone", "HOST") {
        return BTreeSet::new();
    }
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some((plain, rule)) = rest.split_once("<rule") {
        found.extend(ports(plain).map(|(ports, protocol)| Opening {
            ports,
            protocol,
            from: Source::Everywhere,
        }));
        let (rule, after) = rule.split_once("</rule>").unwrap_or((rule, ""));
        found.extend(rule_opening(rule));
        rest = after;
    }
    found.extend(ports(rest).map(|(ports, protocol)| Opening { ports, protocol, from: Source::Everywhere }));
    found
}

/// What a rule opens that has a source, a port and nothing else.
fn rule_opening(rule: &str) -> Option<Opening> {
    let tags: Vec<&str> = rule.split('<').skip(1).collect();
    let only =
        |tag: &&str| ["source ", "port ", "protocol ", "accept/"].iter().any(|known| tag.starts_with(known));
    if tags.len() != 3 || !tags.iter().all(only) || !rule.contains("<accept/>") {
        return None;
    }
    let source = attribute(tags.iter().find(|tag| tag.starts_with("source "))?, "address")?;
    // firewalld may add the length of a single address.
    let source = source.trim_end_matches("/32").trim_end_matches("/128").parse().ok()?;
    let (ports, protocol) = ports(rule).next()?;
    Some(Opening { ports, protocol, from: Source::Address(source) })
}

fn ports(text: &str) -> impl Iterator<Item = (Ports, Protocol)> {
    let of_port = text.split("<port ").skip(1).filter_map(|tag| {
        Some((Ports::parse(attribute(tag, "port")?, '-')?, Protocol::parse(attribute(tag, "protocol")?)?))
    });
    let whole = text.split("<protocol ").skip(1).filter_map(|tag| {
        let protocol = Protocol::parse(attribute(tag, "value")?).filter(|protocol| !protocol.has_ports())?;
        Some((Ports::NONE, protocol))
    });
    of_port.chain(whole)
}

/// The value of an attribute of the tag with which this text starts.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let tag = tag.split('>').next()?;
    let mut words = tag.split_whitespace();
    words.find_map(|word| word.strip_prefix(name)?.strip_prefix("=\"")?.split('"').next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> BTreeSet<Opening> {
        let from = |text: &str| Source::Address(text.parse().expect("an address"));
        let range = Ports { first: 35672, last: 35682 };
        BTreeSet::from([
            Opening::tcp(4369, from("192.168.0.42")),
            Opening { ports: range, protocol: Protocol::Tcp, from: from("fd00::2") },
            Opening { ports: Ports::one(123), protocol: Protocol::Udp, from: from("192.168.0.43") },
            Opening::tcp(5672, Source::Everywhere),
            Opening::vrrp(from("192.168.0.45")),
        ])
    }

    fn facts() -> FirewallFacts {
        let change = super::super::Change::Kept;
        FirewallFacts {
            software: Software::Firewalld,
            filters: Vec::new(),
            now: BTreeSet::new(),
            lasting: BTreeSet::new(),
            change,
        }
    }

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let text = instructions(&facts(), &wanted());
        insta::assert_snapshot!(text);
        assert_eq!(policy_openings(&text), wanted());
        assert_eq!(policy_openings(&text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ")), wanted());
        assert_eq!(policy_openings(&text.replace("HOST", "public")), BTreeSet::new());
    }

    #[test]
    fn a_rule_with_another_condition_opens_nothing() {
        let text = instructions(
            &facts(),
            &BTreeSet::from([Opening::tcp(
                4369,
                "10.0.0.1".parse().map(Source::Address).expect("an address"),
            )]),
        );
        assert_eq!(policy_openings(&text).len(), 1);
        assert_eq!(policy_openings(&text.replace("<accept/>", "<reject/>")).len(), 0);
        assert_eq!(
            policy_openings(&text.replace("<accept/>", "<accept><limit value=\"1/m\"/></accept>")).len(),
            0
        );
    }

    /// As a host with firewalld 1.3 printed it.
    #[test]
    fn what_a_host_says_is_read() {
        let lines = "backend=nftables\nnow=table inet firewalld {\nnow=\tchain filter_IN_policy_rabbitup_allow {\n\
             now=\t\ttcp dport 5672 accept\nnow=\t\tip saddr 10.77.56.42 tcp dport 4369 accept\n\
             now=\t\tip6 saddr fd00::2 tcp dport 35672-35682 accept\nnow=\t}\nnow=}\n\
             saved=<?xml version=\"1.0\" encoding=\"utf-8\"?>\nsaved=<policy target=\"CONTINUE\">\nsaved=  <short>rabbitup</short>\n\
             saved=  <rule family=\"ipv4\">\nsaved=    <source address=\"10.77.56.42\"/>\n\
             saved=    <port port=\"4369\" protocol=\"tcp\"/>\nsaved=    <accept/>\nsaved=  </rule>\n\
             saved=  <ingress-zone name=\"ANY\"/>\nsaved=  <egress-zone name=\"HOST\"/>\nsaved=</policy>\non-trial";
        let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        let Some(Seen::Manageable(seen)) = read(&|_| lines.clone()) else { panic!("it runs") };
        assert_eq!(seen.change, super::super::Change::OnTrial);
        assert_eq!((seen.now.len(), seen.lasting.len(), seen.open().len()), (3, 1, 1));
        let old: Vec<String> = vec!["backend=iptables".to_owned()];
        assert!(matches!(read(&|_| old.clone()), Some(Seen::Beyond { .. })));
    }
}
