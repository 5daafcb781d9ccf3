/// Something that a plan must not run into: a refusal without its host and phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub what: String,
    pub cause: Cause,
}

/// Why something is wrong, and the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The evidence, as it was observed.
    pub why: String,
    /// What to do about it.
    pub advice: String,
}

impl Cause {
    pub fn new(why: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { why: why.into(), advice: advice.into() }
    }

    /// What it makes wrong.
    pub fn of(self, what: impl Into<String>) -> Problem {
        Problem { what: what.into(), cause: self }
    }
}

impl Problem {
    pub fn new(what: impl Into<String>, why: impl Into<String>, advice: impl Into<String>) -> Self {
        Cause::new(why, advice).of(what)
    }
}
