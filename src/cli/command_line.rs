//! All rabbitup commands that are printed for pasting are built here, from the arguments that were typed.

use std::fmt;
use std::path::Path;

use super::arguments::{Called, Common, Data};
use super::inventory_path::{DEFAULT_INVENTORY, INVENTORY_VARIABLE};
use crate::model::shell_word;

/// A command line, quoted for a POSIX shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine(String);

/// The verbs that read an inventory: advice that names one of them gets the given inventory. `init` and `adopt` write one.
const ABOUT_AN_INVENTORY: [&str; 7] = ["plan", "up", "run", "status", "doctor", "check", "render"];

impl CommandLine {
    /// A verb without further arguments: `status`, `doctor`.
    pub fn verb(common: &Common, verb: &str) -> Self {
        Self(format!("rabbitup{} {verb}", Words::of(common)))
    }

    /// The command that shows what this request would do, and changes nothing.
    pub fn showing(common: &Common, called: &Called, data: &Data) -> Self {
        Self::request(common, "plan", called, data)
    }

    /// The command that does exactly what this request asks for.
    pub fn doing(common: &Common, called: &Called, data: &Data) -> Self {
        Self::request(common, if called.playbook.is_some() { "run" } else { "up" }, called, data)
    }

    pub fn apply(common: &Common, plan: &Path) -> Self {
        let mut words = Words::default();
        words.password(common);
        words.word("apply");
        words.positional(&[plan.display().to_string()]);
        Self(format!("rabbitup{words}"))
    }

    fn request(common: &Common, verb: &str, called: &Called, data: &Data) -> Self {
        let mut words = Words::of(common);
        if !common.limit.is_empty() {
            words.option("--limit", &common.limit.join(","));
        }
        words.word(verb);
        if !data.without.is_empty() {
            words.option("--without", &data.without.join(","));
        }
        data.destroy_data.iter().for_each(|host| words.option("--destroy-data", host));
        if let Some(most) = data.prune {
            // Its number is optional, so it needs the equals sign; always printing it is also clearer.
            // A number needs no quotes.
            words.0.push_str(&if most == 1 { " --prune".to_owned() } else { format!(" --prune={most}") });
        }
        let typed: Vec<String> = called.playbook.iter().chain(&called.values).cloned().collect();
        words.positional(&typed);
        Self(format!("rabbitup{words}"))
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Words of a command line, each with the space before it.
#[derive(Clone, Debug, Default)]
pub struct Words(String);

impl Words {
    /// The words that every command for this inventory repeats: its path, and -K for the sudo password.
    pub fn of(common: &Common) -> Self {
        let mut words = Self::default();
        // Another shell may not have the variable, or a different value, and would read another inventory.
        if common.inventory != Path::new(DEFAULT_INVENTORY) || std::env::var_os(INVENTORY_VARIABLE).is_some()
        {
            words.option("-i", &common.inventory.display().to_string());
        }
        words.password(common);
        words
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same text with these words inserted in every rabbitup command that reads an inventory.
    pub fn put_into(&self, advice: &str) -> String {
        const NAME: &str = "rabbitup ";
        let mut text = String::with_capacity(advice.len());
        let mut rest = advice;
        while let Some(at) = rest.find(NAME) {
            let (before, name_on) = rest.split_at(at);
            let behind = &name_on[NAME.len()..];
            let end = behind.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(behind.len());
            text.push_str(before);
            text.push_str(NAME.trim_end());
            if ABOUT_AN_INVENTORY.contains(&&behind[..end]) {
                text.push_str(&self.0);
            }
            text.push(' ');
            rest = behind;
        }
        text.push_str(rest);
        text
    }

    fn password(&mut self, common: &Common) {
        if common.ask_become_pass {
            self.word("-K");
        }
    }

    fn word(&mut self, word: &str) {
        self.0.push(' ');
        self.0.push_str(&shell_word(word));
    }

    /// An option and its value; as one word if the value would be taken for another option.
    fn option(&mut self, name: &str, value: &str) {
        if value.is_empty() || value.starts_with('-') {
            let long = if name == "-i" { "--inventory" } else { name };
            return self.word(&format!("{long}={value}"));
        }
        self.word(name);
        self.word(value);
    }

    fn positional(&mut self, typed: &[String]) {
        if typed.iter().any(|word| word.starts_with('-')) {
            self.word("--");
        }
        for word in typed {
            // `queue='a b'` reads better than `'queue=a b'`.
            match word.split_once('=').filter(|(key, _)| !key.is_empty() && shell_word(key) == *key) {
                Some((key, value)) => self.0.push_str(&format!(" {key}={}", shell_word_or_nothing(value))),
                None => self.word(word),
            }
        }
    }
}

fn shell_word_or_nothing(value: &str) -> String {
    if value.is_empty() { String::new() } else { shell_word(value) }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command as Process;

    use clap::Parser;
    use proptest::prelude::*;

    use super::super::arguments::{Apply, Cli, Command};
    use super::*;

    /// The words into which a shell splits a command line.
    fn split(line: &CommandLine) -> Vec<String> {
        let script = format!("rabbitup() {{ printf '%s\\0' rabbitup \"$@\"; }}\n{line}\n");
        let output = Process::new("sh").args(["-c", &script]).output().expect("sh runs");
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("text went in");
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    fn parsed(line: &CommandLine) -> Cli {
        Cli::try_parse_from(split(line)).unwrap_or_else(|error| panic!("{line}\n{error}"))
    }

    /// Everything that affects what is done, not how it is shown.
    fn about(common: &Common) -> (PathBuf, Vec<String>, bool) {
        (common.inventory.clone(), common.limit.clone(), common.ask_become_pass)
    }

    fn common() -> impl Strategy<Value = Common> {
        let inventory = prop_oneof![Just(DEFAULT_INVENTORY.to_owned()), "[^\0]{1,12}"];
        let limit = prop::collection::vec("-?@?[a-z0-9' $.]{1,8}", 0..3);
        (inventory, limit, any::<bool>()).prop_map(|(inventory, limit, ask_become_pass)| Common {
            inventory: inventory.into(),
            limit,
            json: false,
            verbose: false,
            quiet: false,
            log: None,
            ask_become_pass,
        })
    }

    fn data() -> impl Strategy<Value = Data> {
        let hosts = prop::collection::vec("-?[^\0]{1,10}", 0..3);
        let prune = prop::option::of(prop_oneof![Just(1_u64), 2..u64::MAX]);
        let without = prop::collection::vec("-?@?[a-z0-9' $.]{1,8}", 0..3);
        (hosts, prune, without).prop_map(|(destroy_data, prune, without)| Data {
            destroy_data,
            prune,
            without,
        })
    }

    fn called() -> impl Strategy<Value = Called> {
        let value = prop_oneof!["[a-z-]{1,6}=[^\0]{0,12}", "[^\0]{1,12}"];
        let with_values = ("[^\0]{1,12}", prop::collection::vec(value, 0..3))
            .prop_map(|(playbook, values)| Called { playbook: Some(playbook), values });
        prop_oneof![Just(Called::default()), with_values]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        /// A printed command, pasted into a shell and parsed again, is the request that it was built from.
        #[test]
        fn a_printed_command_asks_for_what_was_asked(common in common(), called in called(), data in data()) {
            let again = parsed(&CommandLine::doing(&common, &called, &data));
            prop_assert_eq!(about(&again.common), about(&common));
            let (playbook, values, repeated) = match again.command {
                Command::Up(up) => (None, Vec::new(), up.data),
                Command::Run(run) => (run.called.playbook, run.called.values, run.up.data),
                other => panic!("{other:?}"),
            };
            prop_assert_eq!((playbook, values), (called.playbook.clone(), called.values.clone()));
            prop_assert_eq!(&repeated, &data);

            let shown = parsed(&CommandLine::showing(&common, &called, &data));
            prop_assert_eq!(about(&shown.common), about(&common));
            let Command::Plan(plan) = shown.command else { panic!("{:?}", shown.command) };
            prop_assert_eq!((&plan.called.playbook, &plan.called.values), (&called.playbook, &called.values));
            prop_assert_eq!(&plan.data, &data);
        }

        #[test]
        fn a_saved_plan_is_named_whole(common in common(), file in "[^\0]{1,20}") {
            let again = parsed(&CommandLine::apply(&common, Path::new(&file)));
            prop_assert_eq!(again.common.ask_become_pass, common.ask_become_pass);
            let Command::Apply(Apply { plan, yes: false }) = again.command else { panic!("{:?}", again.command) };
            prop_assert_eq!(plan, PathBuf::from(file));
        }
    }

    #[test]
    fn advice_is_for_the_inventory_that_was_given() {
        let common = Cli::try_parse_from(["rabbitup", "-i", "my lab.toml", "-K", "status"])
            .expect("good words")
            .common;
        let words = Words::of(&common);
        assert_eq!(
            words.put_into(
                "`rabbitup up` starts it; `rabbitup run recover-node node=node2` or rabbitup doctor"
            ),
            "`rabbitup -i 'my lab.toml' -K up` starts it; `rabbitup -i 'my lab.toml' -K run recover-node node=node2` \
             or rabbitup -i 'my lab.toml' -K doctor"
        );
        let prose = "rabbitup looks around; rabbitup upholds nothing; rabbitup privileges sudoers ops; rabbitup apply FILE";
        assert_eq!(words.put_into(prose), prose);
        let whole = CommandLine::verb(&common, "status").to_string();
        assert_eq!(words.put_into(&whole), whole, "what is complete stays as it is");
        let usual = Cli::try_parse_from(["rabbitup", "status"]).expect("good words").common;
        assert_eq!(Words::of(&usual).put_into("`rabbitup up` starts it"), "`rabbitup up` starts it");
    }
}
