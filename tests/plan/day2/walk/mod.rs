//! Advice that is followed leads on. Every kind of refusal is made here, each way out that its advice shows is taken from the refusal
//! and followed with the program's own command line, and what was refused is then refused for that reason no more.

mod brokers;
mod cookies;
mod hosts;
mod leaving;
mod outranked;
mod versions;

use std::process::Command as Process;
use std::rc::Rc;

use clap::Parser;
use rabbitup::cli::{Cli, Command};
use rabbitup::model::Advice;
use rabbitup::plan::{Refusal, RefusalKind};

use super::*;

/// The inventory and the hosts.
#[derive(Clone)]
struct World {
    desired: Desired,
    facts: Facts,
    templates: Rc<Templates>,
}

/// One refusal: who meets it, and what the operator does by hand where the advice asks for it.
struct Row {
    kind: RefusalKind,
    /// What the operator typed, without `rabbitup`.
    typed: &'static str,
    set_up: fn(&mut World),
    hand: Hand,
}

/// What the commands of the advice leave to do.
enum Hand {
    /// Nothing: they lead on by themselves.
    Nothing,
    /// What the sentences and the shell commands say, before rabbitup's command.
    Does(fn(&mut World)),
    /// Nothing; the commands are something else than what was typed, and do not make that possible.
    Instead,
    /// No way leads on with this cluster and this rabbitup; why.
    NoWay(&'static str),
}

/// How many refusals in a row are followed.
const HOPS: usize = 5;

impl World {
    fn new() -> Self {
        Self {
            desired: desired(INVENTORY),
            facts: whole(),
            templates: Rc::new(Templates::new(&BTreeMap::new()).expect("the embedded templates")),
        }
    }

    /// Another text in the inventory.
    fn edit(&mut self, from: &str, to: &str) {
        assert!(INVENTORY.contains(from), "{from}");
        self.desired = desired(&INVENTORY.replacen(from, to, 1));
    }

    fn host(&mut self, text: &str) -> &mut rabbitup::facts::HostFacts {
        host(&mut self.facts, text)
    }

    fn stop(&mut self, text: &str) {
        stop(&mut self.facts, text);
    }

    /// Stopped, and without data.
    fn wipe(&mut self, text: &str) {
        self.stop(text);
        self.host(text).data.clear();
    }

    /// Runs what was typed, and keeps its effect.
    fn run(&mut self, typed: &str) -> Outcome {
        let cli = Cli::try_parse_from(words(&format!("rabbitup {typed}")))
            .unwrap_or_else(|error| panic!("`rabbitup {typed}` is no command: {error}"));
        let (called, data) = match cli.command {
            Command::Up(up) => (Default::default(), up.data),
            Command::Run(run) => (run.called, run.up.data),
            Command::Status(_) | Command::Doctor(_) | Command::Check => return Outcome::Shown,
            other => panic!("advice to run `rabbitup {typed}`: {other:?}"),
        };
        let values: Vec<&str> = called.values.iter().map(String::as_str).collect();
        let mut call = Call::of(called.name(), &values);
        call.options.command = format!("rabbitup {}", typed.replace(" --prune", ""));
        call.options.destroy_data = data.destroy_data.iter().map(|text| name(text)).collect();
        if let Some(at_most) = data.prune {
            call.options.unknown_members = UnknownMembers::Remove { at_most };
        }
        if !cli.common.limit.is_empty() {
            call.options.limit = Limit::Only(cli.common.limit.iter().map(|text| name(text)).collect());
        }
        let desired = call.desired(&self.desired);
        let mut facts = self.facts.clone();
        facts.hosts.extend(data.without.iter().map(|text| (name(text), Observation::LeftOut)));
        match project(&desired, &call.playbook, &self.templates, &facts, &call.options) {
            Ok((_, after)) => {
                self.facts = after;
                // The note of such a plan asks for it.
                if let Some(gone) = &desired.leaving {
                    self.desired.hosts.retain(|host| &host.node() != gone);
                }
                Outcome::Done
            }
            Err(refused) => Outcome::Refused(refused),
        }
    }
}

enum Outcome {
    Done,
    /// The command only looks.
    Shown,
    Refused(PlanError),
}

/// As a shell splits a command line.
fn words(line: &str) -> Vec<String> {
    let script = format!("rabbitup() {{ printf '%s\\0' rabbitup \"$@\"; }}\n{line}\n");
    let output = Process::new("sh").args(["-c", &script]).output().expect("sh runs");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The ways that advice shows: commands without a sentence between them belong together. Commands for a host's shell are kept as such.
fn ways(next: &[Advice]) -> Vec<Vec<String>> {
    let mut ways: Vec<Vec<String>> = vec![Vec::new()];
    for advice in next {
        match advice {
            Advice::Sentence(words) => {
                assert_no_command_within(words);
                if ways.last().is_some_and(|way| !way.is_empty()) {
                    ways.push(Vec::new());
                }
            }
            Advice::Rabbitup(_) | Advice::Command(_) => {
                ways.last_mut().expect("one").push(advice.words(""));
            }
        }
    }
    if ways.len() > 1 && ways.last().is_some_and(Vec::is_empty) {
        ways.pop();
    }
    ways
}

/// A command in a sentence cannot be pasted, and nothing checks it.
fn assert_no_command_within(sentence: &str) {
    for verb in ["up", "run", "plan", "status", "doctor", "check"] {
        let inline = format!("rabbitup {verb} ");
        assert!(!format!("{sentence} ").contains(&inline), "a command within a sentence: {sentence}");
    }
    assert!(!sentence.contains("same command"), "a command that is known, and not shown: {sentence}");
    assert!(!sentence.contains("--destroy-data ") || sentence.contains("where --destroy-data"), "{sentence}");
}

/// What an operator reads: a refusal of the same kind that says something else is another one, such as the next series of an upgrade.
type Told = (RefusalKind, String);

fn told(refusal: &Refusal) -> Told {
    (refusal.kind, format!("{:?}: {}", refusal.problem.host, refusal.problem.what))
}

/// Follows every way of this refusal; `told` has the kinds that were met before.
fn follow(row: &Row, before: &World, refused: &PlanError, met: &[Told]) {
    assert!(met.len() <= HOPS, "{:?}: still refused after {HOPS} hops: {met:?}", row.kind);
    let kind = met.last().expect("one").0;
    let refusal = refused.0.iter().find(|refusal| refusal.kind == kind).expect("it is refused for this");
    let next = &refusal.problem.cause.next;
    assert!(!next.is_empty(), "{kind:?} says what to do: {:?}", refusal.problem);
    let ways = ways(next);
    let leads = |way: &&Vec<String>| way.iter().any(|line| line.starts_with("rabbitup "));
    let (some_lead, all) = (ways.iter().any(|way| leads(&way)), ways.iter());
    // A command that only looks, before the one that acts.
    for way in all.filter(|way| leads(way) || !some_lead) {
        let mut world = before.clone();
        let by_itself = way.iter().all(|line| line.starts_with("rabbitup "));
        match hand_of(row, kind) {
            Some(Hand::NoWay(_)) | None => continue,
            Some(Hand::Instead) if kind != row.kind => continue,
            Some(Hand::Does(act)) => act(&mut world),
            Some(Hand::Nothing | Hand::Instead) => {
                assert!(by_itself && !way.is_empty(), "{kind:?} needs no hand: {way:?}")
            }
        }
        let commands = way.iter().filter_map(|line| line.strip_prefix("rabbitup ")).map(str::to_owned);
        let mut shown = false;
        let again = match hand_of(row, kind) {
            Some(Hand::Instead) => None,
            _ => Some(row.typed.to_owned()),
        };
        for command in commands.chain(again) {
            match world.run(&command) {
                Outcome::Done => {}
                Outcome::Shown => shown = true,
                Outcome::Refused(again) => {
                    let kinds: Vec<Told> = again.0.iter().map(told).collect();
                    let circle = kinds.iter().find(|kind| met.contains(kind));
                    assert!(
                        circle.is_none(),
                        "{:?}: `{command}` leads back to {circle:?}: {met:?} {again:#?}",
                        row.kind
                    );
                    follow(row, &world, &again, &[met, &kinds[..1]].concat());
                    break;
                }
            }
        }
        let acts = matches!(hand_of(row, kind), Some(Hand::Does(_)));
        assert!(!shown || acts, "{kind:?}: looking changes nothing, and no way leads on: {way:?}");
    }
}

/// What is done by hand for a refusal that is met on the way: what its own row does.
fn hand_of(row: &Row, kind: RefusalKind) -> Option<&Hand> {
    if row.kind == kind {
        return Some(&row.hand);
    }
    all().into_iter().find(|other| other.kind == kind).map(|other| &other.hand)
}

fn all() -> Vec<&'static Row> {
    let tables = [hosts::ROWS, outranked::ROWS, versions::ROWS, brokers::ROWS, leaving::ROWS, cookies::ROWS];
    tables.into_iter().flatten().collect()
}

#[test]
fn every_refusal_has_advice_that_leads_on() {
    let mut failed = Vec::new();
    for row in all() {
        let walk = std::panic::catch_unwind(|| {
            let mut world = World::new();
            (row.set_up)(&mut world);
            let Outcome::Refused(refused) = world.clone().run(row.typed) else {
                panic!("`{}` is not refused", row.typed);
            };
            let kinds: Vec<RefusalKind> = refused.0.iter().map(|refusal| refusal.kind).collect();
            assert!(kinds.contains(&row.kind), "refused for {kinds:?}: {refused:#?}");
            let first = refused.0.iter().find(|refusal| refusal.kind == row.kind).map(told);
            follow(row, &world, &refused, first.as_slice());
        });
        if walk.is_err() {
            failed.push(format!("{:?} ({})", row.kind, row.typed));
        }
    }
    assert!(failed.is_empty(), "{} of {}: {failed:#?}", failed.len(), all().len());
}

#[test]
fn every_kind_of_refusal_is_followed() {
    let rows: BTreeSet<RefusalKind> = all().into_iter().map(|row| row.kind).collect();
    let missing: Vec<&RefusalKind> = RefusalKind::ALL.iter().filter(|kind| !rows.contains(kind)).collect();
    assert!(missing.is_empty(), "refusals whose advice nobody follows: {missing:?}");
    for row in all() {
        if let Hand::NoWay(why) = row.hand {
            assert!(!why.is_empty(), "{:?}", row.kind);
        }
    }
}

/// A new place that refuses has a kind of its own, and so a row.
#[test]
fn every_kind_has_one_place() {
    let mut files = Vec::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    crate::purity::sources(&root, &mut files);
    let text: String = files.iter().map(|file| std::fs::read_to_string(file).expect("a source")).collect();
    for kind in RefusalKind::ALL {
        let name = format!("RefusalKind::{kind:?}");
        let ends = |at: usize| !text[at + name.len()..].starts_with(|c: char| c.is_alphanumeric());
        let places = text.match_indices(&name).filter(|(at, _)| ends(*at)).count();
        assert_eq!(places, 1, "{name}");
    }
}
