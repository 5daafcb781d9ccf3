//! The one command that is ever run through sudo or doas, and the rules that allow it and nothing else.

/// What the root shell prints first: until then nobody knows whether sudo has let it in.
pub(super) const READY: &str = "rabbitup-root";

/// The word before every line that the root shell takes in. Lines without it are passed over: a password that
/// sudo did not want may still stand before them.
pub(super) const WORD: &str = "rabbitup-eval";

/// The root shell, by a path that every system has: doas compares it as text (doas.conf(5)).
pub(super) const SHELL: &str = "/bin/sh";

/// The root shell's own text. It never changes from run to run, so that a rule can name it whole: everything
/// that does comes over standard input. `read` takes single bytes from a pipe, so what follows a line stays for
/// the next reader (POSIX.1-2017, XCU 1.4 and `read`).
pub(super) fn root_text() -> String {
    format!(
        "echo {READY}; while read -r word line; do test \"$word\" = {WORD} && eval \"$line\"; done; exit 74"
    )
}

/// Who a rule is for: a user, or a group with a per cent sign before its name. Nothing in it means anything to
/// sudoers or doas.conf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grantee(String);

/// A name that no rule is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a user, or % and a group: letters, digits, `_`, `.` and `-`, the first one no digit or sign")]
pub struct BadGrantee;

impl Grantee {
    /// # Errors
    /// [`BadGrantee`] where the text is no name as useradd(8) of Debian makes them.
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
    /// A stolen key alone makes nobody root.
    Password,
    /// `NOPASSWD`: for runs that nobody watches.
    Nothing,
}

/// A file for /etc/sudoers.d that allows what rabbitup runs, whole and without further arguments.
///
/// The settings are those of sudoers(5) that stand in the way: there is no terminal (`requiretty`), and what
/// comes over standard input is secret (`log_input`), as some of what is printed (`log_output`).
pub fn sudoers(grantee: &Grantee, asks: SudoAsks) -> String {
    let Grantee(who) = grantee;
    let tag = match asks {
        SudoAsks::Password => "",
        SudoAsks::Nothing => "NOPASSWD: ",
    };
    format!(
        "# A root shell, under the one name that rabbitup calls it by. Whoever may run it is root.\n\
         Cmnd_Alias RABBITUP = {SHELL} -c {}\n\
         Defaults!RABBITUP !requiretty, !log_input, !log_output\n\
         {who} ALL = (root) {tag}RABBITUP\n",
        sudoers_argument(&root_text())
    )
}

/// The line of doas.conf(5) that does the same. It has groups with a colon.
pub fn doas_conf(grantee: &Grantee) -> String {
    let who = grantee.0.replacen('%', ":", 1);
    let text = root_text().replace('\\', "\\\\").replace('"', "\\\"");
    format!(
        "# A root shell, under the one name that rabbitup calls it by. Whoever may run it is root.\n\
         permit nopass {who} as root cmd {SHELL} args -c \"{text}\"\n"
    )
}

/// sudoers(5), "Other special characters and reserved words" and "Wildcards": what an argument must not hold as
/// it is.
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

    /// Who pastes a rule from the page gets the one that this version needs.
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
