use super::HostName;

/// What is wrong, on which host, why, and what to do next: the one shape of everything that is told to the operator as wrong.
///
/// A refusal of the planner, a finding of `status` or `doctor`, a secret that cannot be read and an error of the command line
/// contain it, and add what only they know: a phase, a severity, an exit code. Errors of documents
/// (`document::Problem`) have positions in a text in the place of a host and evidence, and stay apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// None: it concerns no single host.
    pub host: Option<HostName>,
    /// What is wrong.
    pub what: String,
    /// Why, and the way out.
    pub cause: Cause,
}

/// Why something is wrong, and the way out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The evidence, line by line, as it was observed; empty if it is unknown, or there is nothing to add.
    pub why: Vec<String>,
    /// What to do about it, in this order; empty if nobody knows.
    pub next: Vec<Advice>,
}

/// One piece of advice. Commands are for copying: they are never wrapped or redrawn as prose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Advice {
    /// `rabbitup` with these arguments, and the inventory's path if it is not the default.
    Rabbitup(String),
    /// A command to run here, such as one that logs in to the host.
    Command(String),
    Sentence(String),
}

/// What to do about a problem, in this order. Commands are pieces of their own, never words of a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next(Vec<Advice>);

impl Next {
    pub fn say(words: impl Into<String>) -> Self {
        Self::default().also(words)
    }

    /// `rabbitup` with these arguments.
    pub fn rabbitup(self, words: impl Into<String>) -> Self {
        self.and(Advice::Rabbitup(words.into()))
    }

    /// A further sentence.
    pub fn also(self, words: impl Into<String>) -> Self {
        self.and(Advice::Sentence(words.into()))
    }

    pub fn and(mut self, advice: Advice) -> Self {
        self.0.push(advice);
        self
    }

    pub fn and_all(self, others: impl IntoIterator<Item = Advice>) -> Self {
        others.into_iter().fold(self, Self::and)
    }
}

impl IntoIterator for Next {
    type Item = Advice;
    type IntoIter = std::vec::IntoIter<Advice>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<&str> for Next {
    fn from(sentence: &str) -> Self {
        Self::say(sentence)
    }
}

impl From<String> for Next {
    fn from(sentence: String) -> Self {
        Self::say(sentence)
    }
}

impl Problem {
    /// A problem of no single host, for one reason.
    pub fn new(what: impl Into<String>, why: impl Into<String>, next: impl Into<Next>) -> Self {
        Cause::new(why, next).of(what)
    }

    /// A problem of which nothing else is known yet.
    pub fn bare(what: impl Into<String>) -> Self {
        Cause::default().of(what)
    }

    /// The same on a host.
    pub fn on(self, host: &HostName) -> Self {
        Self { host: Some(host.clone()), ..self }
    }
}

impl Cause {
    /// The evidence, which may have several lines, and what to do.
    pub fn new(why: impl Into<String>, next: impl Into<Next>) -> Self {
        Self { next: next.into().0, ..Self::known(Some(why.into()), None) }
    }

    /// As far as they are known.
    pub fn known(why: Option<String>, advice: Option<String>) -> Self {
        let why = why.filter(|why| !why.is_empty());
        Self {
            why: why.iter().flat_map(|why| why.split('\n')).map(str::to_owned).collect(),
            next: advice.map(Advice::Sentence).into_iter().collect(),
        }
    }

    /// What it makes wrong.
    pub fn of(self, what: impl Into<String>) -> Problem {
        Problem { host: None, what: what.into(), cause: self }
    }

    /// The evidence as one text; none if there is none.
    pub fn why_text(&self) -> Option<String> {
        (!self.why.is_empty()).then(|| self.why.join("\n"))
    }

    /// All advice as one text, one piece per line; none if there is none.
    pub fn advice_text(&self) -> Option<String> {
        let lines: Vec<String> = self.next.iter().map(Advice::line).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Changes the words of all sentences and commands; `rabbitup` with its arguments becomes a command like any other.
    pub fn reword(&mut self, change: impl Fn(&str) -> String) {
        for advice in &mut self.next {
            match advice {
                Advice::Rabbitup(words) => *advice = Advice::Command(change(&format!("rabbitup {words}"))),
                Advice::Command(words) | Advice::Sentence(words) => *words = change(words),
            }
        }
    }
}

impl Advice {
    /// The command or sentence; `inventory` is inserted between `rabbitup` and its verb, as in ` -i lab.toml`.
    pub fn words(&self, inventory: &str) -> String {
        match self {
            Self::Rabbitup(words) => format!("rabbitup{inventory} {words}"),
            Self::Command(words) | Self::Sentence(words) => words.clone(),
        }
    }

    /// A piece of advice from such a list: [`Self::line`] writes it, and so do steps on hosts.
    pub fn of_line(line: &str) -> Self {
        match line.strip_prefix("$ ") {
            Some(command) => Self::Command(command.to_owned()),
            None => Self::Sentence(line.to_owned()),
        }
    }

    /// The same in a list of lines, in which a `$` tells commands from sentences.
    pub fn line(&self) -> String {
        match self {
            Self::Rabbitup(_) | Self::Command(_) => format!("$ {}", self.words("")),
            Self::Sentence(words) => words.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_keeps_its_lines() {
        let cause = Cause::new("one\n\ntwo", "do this");
        assert_eq!(cause.why, ["one", "", "two"]);
        assert_eq!(cause.why_text().as_deref(), Some("one\n\ntwo"));
        assert_eq!(cause.advice_text().as_deref(), Some("do this"));
        assert_eq!(Cause::known(Some(String::new()), None), Cause::default());
        assert_eq!((Cause::default().why_text(), Cause::default().advice_text()), (None, None));
    }

    #[test]
    fn a_command_is_told_from_a_sentence() {
        let mut cause = Cause::new("", "log in:");
        cause.next.push(Advice::Command("ssh node1".to_owned()));
        cause.next.push(Advice::Rabbitup("up".to_owned()));
        assert_eq!(cause.advice_text().as_deref(), Some("log in:\n$ ssh node1\n$ rabbitup up"));
        assert_eq!(cause.next[1], Advice::of_line(&cause.next[1].line()));
        assert_eq!(cause.next[0], Advice::of_line(&cause.next[0].line()));
        assert_eq!(cause.next[2].words(" -i lab.toml"), "rabbitup -i lab.toml up");
        cause.reword(|words| format!("<{words}>"));
        assert_eq!(cause.advice_text().as_deref(), Some("<log in:>\n$ <ssh node1>\n$ <rabbitup up>"));
    }
}
