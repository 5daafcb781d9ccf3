use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Family, Filter, Firewall, FirewallFacts, Opening, Sections, Seen, Software, nft_rule};

/// A chain `rabbitup` in the table of each chain that drops or rejects, to which that chain jumps first. A table of its own
/// would open nothing: what one base chain accepts still passes all others (nft(8), "accept").
pub(super) static FIREWALL: Firewall = Firewall { name: "nftables", read, instructions };

/// A base chain of the host that filters what comes in, as the probe printed it.
#[derive(Default)]
struct Chain {
    /// `FAMILY TABLE NAME`
    name: String,
    policy: String,
    rules: Vec<String>,
    /// What rabbitup's chain in its table lets in.
    ours: BTreeSet<Opening>,
}

fn read(sections: Sections<'_>) -> Option<Seen> {
    let lines = sections("nftables");
    let closed: Vec<Chain> = chains(&lines).into_iter().filter(Chain::is_closed).collect();
    if closed.is_empty() {
        return None;
    }
    let software = Software::Nftables;
    if let Some(chain) = closed.iter().find(|chain| chain.is_of_iptables()) {
        let why = format!("the chain `{}` belongs to iptables, which rabbitup does not manage", chain.name);
        return Some(Seen::Beyond { software, why });
    }
    if !super::values(&lines, "file").any(|path| !path.is_empty()) {
        let why = "neither /etc/nftables.conf nor /etc/sysconfig/nftables.conf exists, so nothing loads rules at boot".to_owned();
        return Some(Seen::Beyond { software, why });
    }
    let filters = closed.iter().map(|chain| Filter { name: chain.name.clone(), family: chain.family() });
    let filters: Vec<Filter> = filters.collect();
    let now = open_in_all(closed.iter().map(|chain| (chain.family(), chain.now())).collect());
    let saved: Vec<&str> = super::values(&lines, "saved").collect();
    let lasting = filters.iter().map(|filter| (filter.family, saved_openings(&saved, &filter.name)));
    let lasting = open_in_all(lasting.collect());
    Some(Seen::Manageable(FirewallFacts { software, filters, now, lasting, change: super::change(&lines) }))
}

fn chains(lines: &[String]) -> Vec<Chain> {
    let mut found: Vec<Chain> = Vec::new();
    for line in lines {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        match (key, found.last_mut()) {
            ("chain", _) => found.push(Chain { name: value.to_owned(), ..Chain::default() }),
            ("policy", Some(chain)) => value.clone_into(&mut chain.policy),
            ("rule", Some(chain)) => chain.rules.push(value.trim().to_owned()),
            ("ours", Some(chain)) => chain.ours.extend(nft_rule::parse(value.trim())),
            _ => {}
        }
    }
    found
}

impl Chain {
    fn family(&self) -> Family {
        match self.name.split(' ').next() {
            Some("ip") => Family::V4,
            Some("ip6") => Family::V6,
            _ => Family::Both,
        }
    }

    /// Whether it drops or rejects what no rule accepts. ufw's and firewalld's chains are left to them.
    fn is_closed(&self) -> bool {
        let ufw = self.rules.iter().any(|rule| rule.contains("jump ufw"));
        !ufw && (self.policy == "drop" || self.rules.iter().any(|rule| nft_rule::closes(rule)))
    }

    /// iptables-nft has its own tables, with chains in capitals.
    fn is_of_iptables(&self) -> bool {
        ["ip filter INPUT", "ip6 filter INPUT"].contains(&self.name.as_str())
    }

    /// What rabbitup's chain lets in, if packets come to it before they are dropped.
    fn now(&self) -> BTreeSet<Opening> {
        let jump = self.rules.iter().position(|rule| is_our_jump(rule));
        let close = self.rules.iter().position(|rule| nft_rule::closes(rule));
        let reached = jump.is_some_and(|jump| close.is_none_or(|close| jump < close));
        if reached { self.ours.clone() } else { BTreeSet::new() }
    }
}

fn is_our_jump(rule: &str) -> bool {
    rule.split_whitespace().collect::<Vec<_>>().windows(2).any(|words| words == ["jump", "rabbitup"])
}

/// What every chain lets in that it passes.
fn open_in_all(chains: Vec<(Family, BTreeSet<Opening>)>) -> BTreeSet<Opening> {
    let all: BTreeSet<Opening> = chains.iter().flat_map(|(_, open)| open).cloned().collect();
    let passes = |opening: &Opening| {
        chains.iter().all(|(family, open)| !opening.passes(*family) || open.contains(opening))
    };
    all.into_iter().filter(passes).collect()
}

/// What rabbitup's block in nftables.conf lets in through this chain.
fn saved_openings(block: &[&str], chain: &str) -> BTreeSet<Opening> {
    let Some((table, _)) = chain.rsplit_once(' ') else { return BTreeSet::new() };
    let jumps = format!("insert rule {chain} jump rabbitup");
    if !block.contains(&jumps.as_str()) {
        return BTreeSet::new();
    }
    let start = format!("add rule {table} rabbitup ");
    block.iter().filter_map(|line| nft_rule::parse(line.strip_prefix(start.as_str())?)).collect()
}

/// The block for nftables.conf. Loaded once more it changes nothing but adds the jump again, which does no harm; the step
/// leaves that line out where the jump is there.
fn instructions(facts: &FirewallFacts, wanted: &BTreeSet<Opening>) -> String {
    let mut text = String::from(
        "# BEGIN rabbitup\n# Written by rabbitup from the inventory ([firewall]). Changes made here are undone by the next rabbitup up.\n",
    );
    let mut tables = BTreeSet::new();
    for filter in &facts.filters {
        let Some((table, _)) = filter.name.rsplit_once(' ') else { continue };
        if tables.insert(table) {
            let _ = writeln!(text, "add chain {table} rabbitup\nflush chain {table} rabbitup");
            for opening in wanted.iter().filter(|opening| opening.passes(filter.family)) {
                let _ = writeln!(text, "add rule {table} rabbitup {}", nft_rule::rule(opening));
            }
        }
        let _ = writeln!(text, "insert rule {} jump rabbitup", filter.name);
    }
    text + "# END rabbitup\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::Source;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn seen(text: &str) -> Option<Seen> {
        let lines = lines(text);
        read(&|_| lines.clone())
    }

    fn facts(text: &str) -> FirewallFacts {
        match seen(text) {
            Some(Seen::Manageable(facts)) => facts,
            other => panic!("{other:?}"),
        }
    }

    const CLOSED: &str = "file=/etc/nftables.conf\nchain=inet filter input\npolicy=drop\n\
        rule=ct state established,related accept\nrule=tcp dport 22 accept";

    fn wanted() -> BTreeSet<Opening> {
        let from = |text: &str| Source::Address(text.parse().expect("an address"));
        BTreeSet::from([
            Opening::tcp(4369, from("192.168.0.42")),
            Opening::tcp(4369, from("fd00::2")),
            Opening::tcp(5672, Source::Everywhere),
        ])
    }

    #[test]
    fn a_block_is_read_as_it_was_written() {
        let block = instructions(&facts(CLOSED), &wanted());
        insta::assert_snapshot!(block);
        let saved: Vec<String> = block.lines().map(|line| format!("saved={line}")).collect();
        let after = facts(&format!("{CLOSED}\n{}", saved.join("\n")));
        assert_eq!((after.lasting, after.now.len()), (wanted(), 0));
    }

    #[test]
    fn what_is_in_effect_counts() {
        let ours = "\nours=tcp dport 5672 accept\nours=ip saddr 192.168.0.42 tcp dport 4369 accept";
        assert_eq!(facts(&format!("{CLOSED}{ours}")).now.len(), 0, "no packet comes to the chain");
        assert_eq!(facts(&format!("{CLOSED}\nrule=jump rabbitup{ours}")).now.len(), 2);
        let late = format!("{CLOSED}\nrule=counter packets 1 bytes 60 reject\nrule=jump rabbitup{ours}");
        assert_eq!(facts(&late).now.len(), 0, "it comes too late");
        // A second chain that drops and does not know them.
        let second =
            format!("{CLOSED}\nrule=jump rabbitup{ours}\nchain=ip more input\npolicy=accept\nrule=drop");
        assert_eq!(facts(&second).now.len(), 0);
        let of_v6 = format!("{CLOSED}\nrule=jump rabbitup{ours}\nchain=ip6 more input\npolicy=drop");
        assert_eq!(
            facts(&of_v6).now,
            BTreeSet::from([Opening::tcp(
                4369,
                Source::Address("192.168.0.42".parse().expect("an address"))
            )])
        );
    }

    #[test]
    fn chains_that_let_everything_in_are_no_firewall() {
        assert_eq!(
            seen(
                "file=/etc/nftables.conf\nchain=inet filter input\npolicy=accept\nrule=ct state invalid drop"
            ),
            None
        );
        assert_eq!(
            seen("chain=ip filter INPUT\npolicy=drop\nrule=counter packets 0 bytes 0 jump ufw-before-input"),
            None
        );
    }

    #[test]
    fn what_rabbitup_does_not_manage_is_said() {
        assert!(matches!(
            seen("file=/etc/nftables.conf\nchain=ip filter INPUT\npolicy=drop"),
            Some(Seen::Beyond { .. })
        ));
        assert!(matches!(seen("chain=inet filter input\npolicy=drop"), Some(Seen::Beyond { .. })));
    }

    #[test]
    fn a_table_of_one_family_gets_the_rules_of_that_family() {
        let facts = facts("file=/etc/nftables.conf\nchain=ip fence in\npolicy=drop");
        let block = instructions(&facts, &wanted());
        assert!(block.contains("192.168.0.42") && !block.contains("fd00"), "{block}");
        assert!(!facts.filters(&Opening::tcp(1, Source::Address("fd00::2".parse().expect("an address")))));
    }
}
