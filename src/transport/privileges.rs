//! The only command that is run through sudo or doas, and the rules that allow exactly this command.

/// The first output of the root shell, which shows that sudo has allowed it.
pub(super) const READY: &str = "rabbitup-root";

/// The marker word of every line that the root shell evaluates. It skips other lines: an unneeded password may come first.
pub(super) const WORD: &str = "rabbitup-eval";

/// The root shell, by a path that every system has: doas compares it as text (doas.conf(5)).
pub(super) const SHELL: &str = "/bin/sh";

/// The root shell's own text. It is the same in every run, so that a rule can match it completely: all varying content comes over
/// standard input. `read` takes single bytes from a pipe, so the data after a line is left for the next reader (POSIX.1-2017, XCU
/// 1.4 and `read`).
pub(super) fn root_text() -> String {
    format!(
        "echo {READY}; while read -r word line; do test \"$word\" = {WORD} && eval \"$line\"; done; exit 74"
    )
}

/// The subject of a rule: a user, or a group with a percent sign before its name. It contains no character that is special in
/// sudoers or doas.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantee(String);

/// A name that is not accepted in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user, or % and a group: letters, digits, `_`, `.` and `-`, starting with a letter or `_`")]
pub struct BadGrantee;

impl Grantee {
    /// # Errors
    /// [`BadGrantee`] if the text is not a name that Debian's useradd(8) accepts.
    pub fn parse(text: &str) -> Result<Self, BadGrantee> {
        let name = text.strip_prefix('%').unwrap_or(text);
        let first = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let rest = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'));
        // Upper-case words are aliases in sudoers.
        let alias = !name.contains(|c: char| c.is_ascii_lowercase());
        if first && rest && !alias { Ok(Self(text.to_owned())) } else { Err(BadGrantee) }
    }
}

impl std::str::FromStr for Grantee {
    type Err = BadGrantee;

    fn from_str(text: &str) -> Result<Self, BadGrantee> {
        Self::parse(text)
    }
}

/// Whether sudo asks for the login's password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SudoAsks {
    /// A stolen key alone does not give root access.
    Password,
    /// `NOPASSWD`: for unattended runs.
    Nothing,
}

/// A file for /etc/sudoers.d that allows exactly the command that rabbitup runs. It disables the settings of sudoers(5) that
/// conflict: there is no terminal (`requiretty`), and standard input is secret (`log_input`), as is some of the output
/// (`log_output`).
pub fn sudoers(grantee: &Grantee, asks: SudoAsks) -> String {
    let Grantee(who) = grantee;
    let tag = match asks {
        SudoAsks::Password => "",
        SudoAsks::Nothing => "NOPASSWD: ",
    };
    format!(
        "# A root shell, with the exact command that rabbitup runs. It gives root access.\n\
         Cmnd_Alias RABBITUP = {SHELL} -c {}\n\
         Defaults!RABBITUP !requiretty, !log_input, !log_output\n\
         {who} ALL = (root) {tag}RABBITUP\n",
        sudoers_argument(&root_text())
    )
}

/// The equivalent line of doas.conf(5), which writes groups with a colon.
pub fn doas_conf(grantee: &Grantee) -> String {
    let who = grantee.0.replacen('%', ":", 1);
    let text = root_text().replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "# A root shell, with the exact command that rabbitup runs. It gives root access.\n\
         permit nopass {who} as root cmd {SHELL} args -c \"{text}\"\n"
    )
}

/// Escapes the characters listed in sudoers(5), "Other special characters and reserved words" and "Wildcards".
fn sudoers_argument(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if matches!(c, ',' | ':' | '=' | '\\' | '#' | '*' | '?' | '[' | ']' | '!' | '^') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_for_plain_names_only() {
        for name in ["ops", "%wheel", "_rabbit-up.1", "Ann"] {
            assert_eq!(Grantee::parse(name), Ok(Grantee(name.to_owned())));
        }
        for name in ["", "%", "ALL", "%ADMINS", "ops ALL", "ops,bob", "#0", "1st", "a=b", "a\nb", "-x", "ünï"]
        {
            assert_eq!(Grantee::parse(name), Err(BadGrantee), "{name:?}");
        }
    }

    #[test]
    fn nothing_special_reaches_sudoers_as_it_is() {
        assert_eq!(sudoers_argument("a=b, c:*?[!\\#"), "a\\=b\\, c\\:\\*\\?\\[\\!\\\\\\#");
    }

    /// The rule on the page is the one that this version needs.
    #[test]
    fn the_page_shows_the_rules_as_they_are() {
        let page = include_str!("../../docs/privileges.md");
        let ops = Grantee::parse("ops").expect("a name");
        for rule in [sudoers(&ops, SudoAsks::Password), doas_conf(&ops)] {
            assert!(page.contains(&rule), "docs/privileges.md lacks\n{rule}");
        }
        let unasked = sudoers(&ops, SudoAsks::Nothing);
        let last = unasked.lines().last().expect("a rule");
        assert!(last.contains("NOPASSWD") && page.contains(last), "docs/privileges.md lacks {last}");
    }
}
