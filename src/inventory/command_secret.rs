use std::ops::Range;
use std::sync::Arc;

use super::secrets::read_secret;
use crate::document::{Problem, Source};
use crate::model::{CookieError, Secret, SecretSource, check_cookie};

/// A secret that a command prints. The command runs only when a plan compares the secret or a step needs it: it may ask a person,
/// or be logged.
#[derive(Clone, Debug)]
pub struct CommandSecret {
    pub(super) command: SecretSource,
    /// Its name in messages: `the cookie`.
    pub(super) what: String,
    pub(super) rule: SecretRule,
    pub(super) source: Arc<Source>,
    pub(super) span: Range<usize>,
}

/// The form that a secret needs for its destination.
#[derive(Clone, Debug)]
pub(super) enum SecretRule {
    Cookie,
    /// On one line of a file that cannot quote these characters.
    OneLine {
        forbidden: Vec<String>,
    },
}

impl CommandSecret {
    /// Runs the command, for at most 30 seconds.
    ///
    /// # Errors
    /// The command failed, or its output breaks the rule; shown at the setting in the inventory.
    pub fn read(&self) -> Result<Secret, Problem> {
        let problem = |message: String, label: &str, hint: String| {
            Problem::error(message).at(&self.source, self.span.clone(), label).hint(hint)
        };
        let secret = match read_secret(&self.command) {
            Ok(Some(secret)) => secret,
            // A command always returns one.
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
        "it is written on one line of a file: use a value of one line, without leading or trailing text";
    let complaint = match std::str::from_utf8(secret.expose()) {
        Ok("") => format!("{what} is empty"),
        Ok(text) if text.contains(['\n', '\r']) => format!("{what} has more than one line"),
        Ok(text) if text.chars().any(char::is_control) => format!("{what} has a control character"),
        Ok(text) if forbidden.iter().any(|part| text.contains(part)) => {
            let signs = forbidden.join(" ");
            return Some((
                format!("{what} has a character that cannot be quoted in the file: {signs}"),
                "use a value without it: letters and digits are safe everywhere",
            ));
        }
        Ok(_) => return None,
        Err(_) => format!("{what} is not UTF-8 text"),
    };
    Some((complaint, hint))
}

fn cookie_hint(why: CookieError) -> &'static str {
    match why {
        CookieError::DebianReplaces => "use another one: openssl rand -base64 42 > cookie",
        CookieError::Empty => "create one: openssl rand -base64 42 > cookie",
        CookieError::TooLong(_)
        | CookieError::BadByte(_)
        | CookieError::LeadingNewline
        | CookieError::WhiteSpace => {
            "the source must contain only the cookie: up to 255 printable ASCII characters and one final newline"
        }
    }
}
