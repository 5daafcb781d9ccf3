use std::ops::Range;
use std::sync::Arc;

use super::secrets::read_secret;
use crate::document::{Problem, Source};
use crate::model::{CookieError, Secret, SecretSource, check_cookie};

/// A secret that a command prints. It runs when a plan compares the secret or a step needs it, and not before: a command
/// may ask a person, or leave a line in somebody's log.
#[derive(Clone, Debug)]
pub struct CommandSecret {
    pub(super) command: SecretSource,
    /// How messages call it: `the cookie`.
    pub(super) what: String,
    pub(super) rule: SecretRule,
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

/// What a secret must be, so that what it goes into takes it.
#[derive(Clone, Debug)]
pub(super) enum SecretRule {
    Cookie,
    /// On one line of a file that cannot quote these.
    OneLine {
        forbidden: Vec<String>,
    },
}

impl CommandSecret {
    /// Runs the command, for 30 seconds at most.
    ///
    /// # Errors
    /// The command failed, or what it printed breaks the rule; drawn where the inventory names it.
    pub fn read(&self) -> Result<Secret, Problem> {
        let problem = |message: String, label: &str, hint: String| {
            Problem::error(message).at(&self.source, self.span.clone(), label).hint(hint)
        };
        let secret = match read_secret(&self.command) {
            Ok(Some(secret)) => secret,
            // A command always gives one.
            Ok(None) => Secret::new(Vec::new()),
            Err(error) => {
                return Err(problem(
                    format!("{} cannot be read: {error}", self.what),
                    "from here",
                    error.hint(),
                ));
            }
        };
        match self.rule.complaint(&self.what, &secret) {
            None => Ok(secret),
            Some((message, hint)) => Err(problem(message, "read from here", hint.to_owned())),
        }
    }
}

impl SecretRule {
    /// What is wrong with the secret, and what to do about it.
    pub(super) fn complaint(&self, what: &str, secret: &Secret) -> Option<(String, &'static str)> {
        match self {
            Self::Cookie => check_cookie(secret).err().map(|why| (why.to_string(), cookie_hint(why))),
            Self::OneLine { forbidden } => one_line(what, secret, forbidden),
        }
    }
}

fn one_line(what: &str, secret: &Secret, forbidden: &[String]) -> Option<(String, &'static str)> {
    let hint =
        "it goes into a file on one line: give it a value of one line, with nothing before or after it";
    let complaint = match std::str::from_utf8(secret.expose()) {
        Ok("") => format!("{what} is empty"),
        Ok(text) if text.contains(['\n', '\r']) => format!("{what} has more than one line"),
        Ok(text) if text.chars().any(char::is_control) => format!("{what} has a control character in it"),
        Ok(text) if forbidden.iter().any(|part| text.contains(part)) => {
            let signs = forbidden.join(" ");
            return Some((
                format!("{what} has a character in it that cannot be quoted in the file: {signs}"),
                "take another one without it: letters and digits are safe everywhere",
            ));
        }
        Ok(_) => return None,
        Err(_) => format!("{what} is not UTF-8 text"),
    };
    Some((complaint, hint))
}

fn cookie_hint(why: CookieError) -> &'static str {
    match why {
        CookieError::DebianReplaces => "take another one: openssl rand -base64 42 > cookie",
        CookieError::Empty => "a fresh cookie: openssl rand -base64 42 > cookie",
        CookieError::TooLong(_)
        | CookieError::BadByte(_)
        | CookieError::LeadingNewline
        | CookieError::WhiteSpace => {
            "the source must give the cookie and nothing else: up to 255 printable ASCII characters, one line end after it"
        }
    }
}
