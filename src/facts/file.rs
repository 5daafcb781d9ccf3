use serde::{Deserialize, Serialize};

/// The kind of object at a path, following links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    #[default]
    Regular,
    Directory,
    /// A device, a socket, a named pipe.
    Special,
    /// A dangling link, or one to a target that user rabbitmq cannot reach, in a directory that this user can write.
    Nothing,
    /// A regular file that user rabbitmq cannot read, in a directory that this user can write.
    Unreadable,
    /// A regular file with a hard link elsewhere, in a directory that user rabbitmq can write: it may belong to any other user.
    Shared,
}

impl FileKind {
    /// Its kind, for messages: `it is a named pipe, a device or a socket`.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Regular => "it is a regular file",
            Self::Directory => "it is a directory",
            Self::Special => "it is a named pipe, a device or a socket",
            Self::Nothing => "it is a dangling symbolic link",
            Self::Unreadable => "user rabbitmq cannot read it",
            Self::Shared => "it has another hard link",
        }
    }
}

/// An object in the way of a file that is read only as user rabbitmq.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InTheWay {
    pub path: String,
    pub kind: FileKind,
    /// The target, if it is a symbolic link.
    pub link_to: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFacts {
    #[serde(default)]
    pub kind: FileKind,
    /// The content as text; none if it is not UTF-8, not a regular file, or larger than 256 KiB. Files in /proc or /sys are not
    /// read.
    pub content: Option<String>,
    /// Permission bits, as in `0644`.
    pub mode: u32,
    pub owner: String,
    pub group: String,
    /// Modification time, Unix seconds.
    pub modified: u64,
    /// The target, if the path is a symbolic link. A dangling link has mode 0 and no owner.
    pub link_to: Option<String>,
}

impl InTheWay {
    /// Its kind, for messages: `it is a symbolic link to /etc/shadow, which …`.
    pub fn in_words(&self) -> String {
        match (&self.link_to, self.kind) {
            (Some(target), FileKind::Nothing) => {
                format!(
                    "it is a symbolic link to {target}, which does not exist, or which user rabbitmq cannot reach"
                )
            }
            (Some(target), _) => format!("it is a symbolic link to {target}"),
            (None, kind) => kind.in_words().to_owned(),
        }
    }
}
