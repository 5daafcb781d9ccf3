//! Whether a file is trusted. An inventory and the files it names are code: commands that run here, files that root writes on the
//! hosts. Write access to them is as powerful as rabbitup itself.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::model::quote;

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// In a directory with this bit, only a file's owner can rename or remove it.
const STICKY: u32 = 0o1000;

/// Why a file is not trusted, and how to fix that.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    #[error("{} can be changed by {who}: its mode is {mode:04o}", path.display())]
    Writable { path: PathBuf, who: &'static str, mode: u32 },
    #[error("{} belongs to {owner}, neither to you nor to root", path.display())]
    Foreign { path: PathBuf, owner: String },
    /// One of its parent directories, for the reason in `inner`.
    #[error("{} can be replaced: {inner}", file.display())]
    Replaceable { file: PathBuf, inner: Box<Distrust> },
}

impl Distrust {
    /// The command that fixes it.
    pub fn hint(&self) -> String {
        let word = |path: &Path| quote(&path.display().to_string());
        match self {
            Self::Writable { path, who: "the group", .. } => format!("chmod g-w {}", word(path)),
            Self::Writable { path, .. } => format!("chmod go-w {}", word(path)),
            Self::Foreign { path, .. } => {
                format!("read it, and if you trust it: sudo chown \"$(id -u)\" {}", word(path))
            }
            Self::Replaceable { inner, .. } => inner.hint(),
        }
    }
}

/// Why the open file at `path` is not trusted, if so. Anything but a regular file (a pipe, a terminal) was connected by the
/// operator and is trusted.
///
/// The rule is that of OpenSSH's StrictModes (`safe_path` in misc.c): after resolving links, the file and every parent directory
/// belong to the operator or to root, and nobody else has write access. As in Debian's OpenSSH (`secure_permissions` in its
/// user-group-modes patch), the owner's private group may have write access: with a umask of 002 everything does. A directory
/// with the sticky bit (/tmp) is accepted. Under sudo, the operator is the calling user, as for git's safe.directory.
pub(super) fn distrust(path: &Path, open: &Metadata) -> Option<Distrust> {
    if !open.is_file() {
        return None;
    }
    let operators = Operators::here();
    let file = fs::canonicalize(path).ok()?;
    if let Some(found) = operators.distrust(&file, open) {
        return Some(found);
    }
    let replaceable = |inner| Distrust::Replaceable { file: file.clone(), inner: Box::new(inner) };
    file.ancestors().skip(1).find_map(|directory| {
        let found = fs::metadata(directory).ok()?;
        operators.distrust(directory, &found).map(replaceable)
    })
}

/// The users whose files are trusted.
struct Operators {
    users: Vec<u32>,
    accounts: String,
    groups: String,
}

impl Operators {
    fn here() -> Self {
        let me = rustix::process::geteuid().as_raw();
        let called_sudo = std::env::var("SUDO_UID").ok().filter(|_| me == 0).and_then(|uid| uid.parse().ok());
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        Self {
            users: [Some(0), Some(me), called_sudo].into_iter().flatten().collect(),
            accounts: read("/etc/passwd"),
            groups: read("/etc/group"),
        }
    }

    fn distrust(&self, path: &Path, found: &Metadata) -> Option<Distrust> {
        let (mode, owner) = (found.mode() & 0o7777, found.uid());
        if !self.users.contains(&owner) {
            let owner = self.account(owner).map_or_else(|| format!("user {owner}"), str::to_owned);
            return Some(Distrust::Foreign { path: path.to_owned(), owner });
        }
        if found.is_dir() && mode & STICKY != 0 {
            return None;
        }
        let who = match mode {
            mode if mode & OTHERS_WRITE != 0 => "others",
            mode if mode & GROUP_WRITES != 0 && !self.is_private(found.gid(), owner) => "the group",
            _ => return None,
        };
        Some(Distrust::Writable { path: path.to_owned(), who, mode })
    }

    fn account(&self, uid: u32) -> Option<&str> {
        let uid = uid.to_string();
        self.accounts
            .lines()
            .map(fields)
            .find(|account| account.get(2) == Some(&uid.as_str()))?
            .first()
            .copied()
    }

    /// Whether the owner is the only member of the group: by its list, and by the accounts that have it as their primary group. A
    /// group that is not in /etc/group may have any members.
    fn is_private(&self, gid: u32, owner: u32) -> bool {
        let gid = gid.to_string();
        let Some(name) = self.account(owner) else { return false };
        let Some(group) = self.groups.lines().map(fields).find(|group| group.get(2) == Some(&gid.as_str()))
        else {
            return false;
        };
        let mut listed =
            group.get(3).copied().unwrap_or_default().split(',').filter(|member| !member.is_empty());
        let mut own =
            self.accounts.lines().map(fields).filter(|account| account.get(3) == Some(&gid.as_str()));
        listed.all(|member| member == name) && own.all(|account| account.first() == Some(&name))
    }
}

/// The fields of a line of /etc/passwd or /etc/group.
fn fields(line: &str) -> Vec<&str> {
    line.split(':').collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;
    use crate::document::{ReadError, read_bounded};

    const ACCOUNTS: &str = "root:x:0:0::/root:/bin/sh\nops:x:1000:1000::/home/ops:/bin/sh\n\
        eve:x:1001:1000::/home/eve:/bin/sh\ndev:x:1002:1002::/home/dev:/bin/sh\n";
    const GROUPS: &str = "root:x:0:\nops:x:1000:\ndev:x:1002:dev\nstaff:x:50:dev,ops\n";

    fn operators() -> Operators {
        Operators { users: vec![0], accounts: ACCOUNTS.to_owned(), groups: GROUPS.to_owned() }
    }

    #[test]
    fn a_private_group_has_its_owner_in_it_and_nobody_else() {
        for (gid, owner, private) in [
            (0, 0, true),
            (1002, 1002, true),
            (1000, 1000, false),
            (50, 1002, false),
            (77, 0, false),
            (1002, 0, false),
        ] {
            assert_eq!(operators().is_private(gid, owner), private, "group {gid} of {owner}");
        }
    }

    #[test]
    fn what_others_may_write_or_replace_is_refused_and_links_hide_nothing() {
        let top = std::env::temp_dir().join(format!("rabbitup-trust-{}", std::process::id()));
        let inner = top.join("inner");
        fs::create_dir_all(&inner).expect("a directory for temporary use");
        let file = inner.join("inventory.toml");
        fs::write(&file, "").expect("a file");
        let link = top.join("link.toml");
        symlink(&file, &link).expect("a link");
        let mode = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours")
        };
        let found = |path: &Path| distrust(path, &fs::metadata(path).expect("it is there"));
        let says = |path: &Path| found(path).map(|found| (found.to_string(), found.hint()));
        mode(&top, 0o755);
        mode(&inner, 0o755);
        mode(&file, 0o644);
        assert_eq!((found(&file), found(&link)), (None, None));
        mode(&file, 0o666);
        let real = fs::canonicalize(&file).expect("it is there");
        let (what, hint) = says(&link).expect("others may write it");
        assert_eq!(what, format!("{} can be changed by others: its mode is 0666", real.display()));
        assert_eq!(hint, format!("chmod go-w {}", quote(&real.display().to_string())));
        assert!(matches!(read_bounded(&link, 10), Err(ReadError::Distrusted(_))));
        mode(&file, 0o644);
        assert!(read_bounded(&link, 10).is_ok());
        mode(&inner, 0o777);
        let (what, hint) = says(&link).expect("others may replace it");
        assert!(
            what.contains("can be replaced: ")
                && what.ends_with("inner can be changed by others: its mode is 0777"),
            "{what}"
        );
        assert!(hint.starts_with("chmod go-w ") && hint.contains("inner"), "{hint}");
        mode(&inner, 0o1777);
        assert_eq!(found(&file), None);
        fs::remove_dir_all(&top).expect("it is ours");
    }
}
