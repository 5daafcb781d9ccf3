use crate::rabbitmq::internals::{self, Question};

/// A file of step functions, with what it needs.
#[derive(Debug)]
pub struct Shell {
    /// The file's name, without its extension.
    pub name: &'static str,
    /// The functions.
    pub text: &'static str,
    /// The questions that they ask nodes.
    pub asks: &'static [Question],
    /// Variables and functions that they need besides.
    pub beside: Beside,
    /// Lines that a script with them runs before its first step.
    pub first: &'static str,
    /// The files whose functions they call.
    pub on: &'static [&'static Self],
}

/// What is sent with a file of step functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    Nothing,
    /// The functions that ask nodes.
    Asking,
    /// A script for the host, in this variable.
    Script {
        variable: &'static str,
        text: &'static str,
    },
}

impl Shell {
    /// Functions without questions and other files; more is set where they are listed.
    pub(super) const fn of(name: &'static str, text: &'static str) -> Self {
        Self { name, text, asks: &[], beside: Beside::Nothing, first: "", on: &[] }
    }

    /// The assignments before the functions.
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

/// These files and all that they need, each once, after what it needs.
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
