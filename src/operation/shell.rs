use crate::rabbitmq::internals::{self, Question};

/// A file of step functions, with what it builds on.
#[derive(Debug)]
pub struct Shell {
    /// The file's name, without its end.
    pub name: &'static str,
    /// The functions.
    pub text: &'static str,
    /// What they ask nodes.
    pub asks: &'static [Question],
    /// Variables and functions that they need besides.
    pub beside: Beside,
    /// What a script with them does before its first step: lines.
    pub first: &'static str,
    /// The files whose functions they call.
    pub on: &'static [&'static Self],
}

/// What comes with a file of step functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    Nothing,
    /// How nodes are asked.
    Asking,
    /// A script that is put on the host, in this variable.
    Script {
        variable: &'static str,
        text: &'static str,
    },
}

impl Shell {
    /// Functions that ask nothing and build on no other file; what they have besides is said where they are listed.
    pub(super) const fn of(name: &'static str, text: &'static str) -> Self {
        Self { name, text, asks: &[], beside: Beside::Nothing, first: "", on: &[] }
    }

    /// What stands before the functions: the assignments that they read.
    pub fn assignments(&self) -> String {
        let questions = self.asks.iter().map(Question::assignments);
        let beside = match self.beside {
            Beside::Nothing => String::new(),
            Beside::Asking => internals::asking(),
            Beside::Script { variable, text } => format!("{variable}={}\n", crate::model::quote(text)),
        };
        questions.chain([beside]).collect()
    }
}

/// These files and all that they build on, each once and behind what it builds on.
pub fn with_all_below<'s>(wanted: impl IntoIterator<Item = &'s &'static Shell>) -> Vec<&'static Shell> {
    let mut all = Vec::new();
    for shell in wanted {
        add(&mut all, shell);
    }
    all
}

fn add(all: &mut Vec<&'static Shell>, shell: &'static Shell) {
    if all.iter().any(|known| known.name == shell.name) {
        return;
    }
    for below in shell.on {
        add(all, below);
    }
    all.push(shell);
}
