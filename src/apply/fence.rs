//! What ties a script to its run: the name that the host compares before each step, and the fields of its journal.

use sha2::{Digest, Sha256};

use crate::model::quote;
use crate::plan::Plan;

/// The maximum number of characters of a word in a host's journal; longer ones are cut.
const WORD: usize = 120;
/// The number of hexadecimal digits of a plan's digest in a host's journal.
const DIGITS: usize = 12;

/// The name of one run: 128 random bits in hexadecimal. Each host keeps it in /run/rabbitup.run from the time at which
/// the run has its lock; a script with another name does nothing there (`prelude.sh` has the proof). It is not secret: only
/// root can write that file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunId(String);

impl RunId {
    pub fn random() -> Self {
        Self(format!("{:032x}", rand::random::<u128>()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The data that every script of a run contains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMark {
    /// None for a run that locks no host, since it only cancels another one's wait.
    pub run: Option<RunId>,
    /// `USER@MACHINE` of the controller.
    pub operator: String,
    /// [`plan_digest`].
    pub plan: String,
}

/// One script's mark.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Marks the lines in which the script reports its steps.
    pub nonce: &'a str,
    pub mark: &'a RunMark,
}

impl Frame<'_> {
    /// The assignments that `prelude.sh` reads.
    pub(super) fn assignments(&self) -> String {
        let run = self.mark.run.as_ref().map_or("", RunId::as_str);
        let values = [
            ("nonce", self.nonce.to_owned()),
            ("run", run.to_owned()),
            ("operator", trail_word(&self.mark.operator)),
            ("plan", trail_word(&self.mark.plan)),
        ];
        values.map(|(name, value)| format!("{name}={}\n", quote(&value))).concat()
    }
}

/// Twelve hexadecimal digits of a plan: the first of `sha256sum FILE` if it was saved as FILE.
pub fn plan_digest(plan: &Plan) -> String {
    // A plan always has a JSON form: saved plans use it.
    let text = plan.to_saved().unwrap_or_default();
    let digest: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    digest.chars().take(DIGITS).collect()
}

/// A value as one word of a line in a host's journal: it cannot end the word or the line, or look like another field.
pub(crate) fn trail_word(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._-/+".contains(c);
    value.chars().take(WORD).map(|c| if plain(c) { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply::run_fixtures::{plan, step};

    #[test]
    fn no_value_looks_like_another_field() {
        let mark = RunMark {
            run: None,
            operator: "ann'@desk run=1\nMESSAGE=x é".to_owned() + &"y".repeat(200),
            plan: String::new(),
        };
        let text = Frame { nonce: "n", mark: &mark }.assignments();
        assert!(text.contains("operator='ann?@desk?run?1?MESSAGE?x??y"), "{text}");
        assert!(text.len() < 200 && text.lines().count() == 4, "{text}");
    }

    #[test]
    fn a_plans_digest_is_that_of_its_file() {
        let plan = plan(vec![step("a", "x", &[])]);
        let text = plan.to_saved().expect("it has a form");
        let read = Plan::from_saved(&text).expect("it is a plan");
        assert_eq!(plan_digest(&read), plan_digest(&plan), "read from its file, it is the same");
        assert_ne!(plan_digest(&plan), plan_digest(&self::plan(vec![])));
        assert_eq!(plan_digest(&plan).len(), DIGITS);
    }
}
