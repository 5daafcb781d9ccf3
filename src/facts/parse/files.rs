//! Files, and the cookie, whose content is never printed.

use std::collections::BTreeMap;

use super::frame::Frames;
use super::{ParseError, ProbeRequest};
use crate::facts::{BrokerEnvironment, CookieFile, CookieShape, FileFacts, FileKind, InTheWay};
use crate::model::CookieDigest;
use crate::platform::locks;

const COOKIE: &str = "/var/lib/rabbitmq/.erlang.cookie";
const STAGED_HOME: &str = "/var/lib/rabbitmq/.rabbitup-cookie";
const STAGED_COOKIE: &str = "/var/lib/rabbitmq/.rabbitup-cookie/.erlang.cookie";
/// The maximum size of a file's content in the probe's output.
const MOST: u64 = 256 * 1024;

/// Every file that the probe inspected: the requested ones, and a few of its own.
#[derive(Debug)]
pub(super) struct Files {
    by_path: BTreeMap<String, FileFacts>,
}

impl Files {
    /// Assigns the contents, which arrive as one block of bytes in the order of the files with content.
    ///
    /// # Errors
    /// [`ParseError::Torn`] if there are fewer or more bytes than the files should have.
    pub fn read(frames: &Frames) -> Result<Self, ParseError> {
        let mut by_path = BTreeMap::new();
        let mut rest = frames.bytes;
        let unreadable = |path: &str| {
            frames.lines("files").any(|line| line.strip_prefix("unreadable ").is_some_and(|it| it == path))
        };
        let shared = |path: &str| {
            frames.lines("files").any(|line| line.strip_prefix("shared ").is_some_and(|it| it == path))
        };
        for line in frames.lines("files") {
            let Some((path, mut facts, size)) = stat(line) else { continue };
            if unreadable(&path) {
                (facts.kind, facts.content) = (FileKind::Unreadable, None);
            } else if size > 0 {
                let content = rest.get(..size).ok_or(ParseError::Torn)?;
                rest = &rest[size..];
                facts.content = std::str::from_utf8(content).ok().map(str::to_owned);
            }
            if shared(&path) && facts.kind == FileKind::Regular {
                facts.kind = FileKind::Shared;
            }
            by_path.insert(path, facts);
        }
        if !rest.is_empty() {
            return Err(ParseError::Torn);
        }
        for line in frames.lines("files") {
            if let Some((path, target)) = line.strip_prefix("link ").and_then(|link| link.split_once('\t')) {
                let dangling = || FileFacts {
                    kind: FileKind::Nothing,
                    content: None,
                    mode: 0,
                    owner: String::new(),
                    group: String::new(),
                    modified: 0,
                    link_to: None,
                };
                by_path.entry(path.to_owned()).or_insert_with(dangling).link_to = Some(target.to_owned());
            }
        }
        Ok(Self { by_path })
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.by_path.get(path)?.content.as_deref()
    }

    /// When the content was last changed, Unix seconds.
    pub fn modified(&self, path: &str) -> Option<u64> {
        self.by_path.get(path).map(|file| file.modified)
    }

    /// The cookie file in use, as digests.
    pub fn cookie(&self, frames: &Frames) -> Option<CookieFile> {
        self.judged(frames, "cookie", COOKIE)
    }

    /// The cookie staged by a rotation.
    pub fn staged_cookie(&self, frames: &Frames) -> Option<CookieFile> {
        self.judged(frames, "staged", STAGED_COOKIE)
    }

    /// Objects in the place of a cookie that could not be read as one, and a link in the place of the staged cookie's directory.
    pub fn in_the_way(&self, frames: &Frames) -> Vec<InTheWay> {
        let unread = [("cookie", COOKIE), ("staged", STAGED_COOKIE)]
            .into_iter()
            .filter(|(section, path)| self.judged(frames, section, path).is_none())
            .map(|(_, path)| path);
        unread
            .chain([STAGED_HOME])
            .filter_map(|path| {
                let file = self.by_path.get(path)?;
                let (kind, link_to) = (file.kind, file.link_to.clone());
                Some(InTheWay { path: path.to_owned(), kind, link_to })
            })
            .collect()
    }

    fn judged(&self, frames: &Frames, section: &str, path: &str) -> Option<CookieFile> {
        let digest_of = |name: &str| CookieDigest::from_hex(frames.value(section, name)?);
        let file = self.by_path.get(path)?;
        Some(CookieFile {
            raw: digest_of("raw")?,
            normalised: digest_of("normalised")?,
            mode: file.mode,
            owner: file.owner.clone(),
            link_to: file.link_to.clone(),
            shape: match frames.value(section, "shape") {
                Some("usable") => CookieShape::Usable,
                Some("debian") => CookieShape::DebianReplaces,
                _ => CookieShape::Unusable,
            },
        })
    }

    /// The requested files, and the broker's configuration files.
    pub fn requested(
        mut self,
        request: &ProbeRequest,
        environment: &BrokerEnvironment,
    ) -> BTreeMap<String, FileFacts> {
        let is_read = |path: &str| request.node.is_some() && environment.files().any(|file| file == path);
        self.by_path.retain(|path, _| request.files.contains(path) || is_read(path));
        self.by_path
    }
}

/// Parses `stat MODE OWNER GROUP MODIFIED SIZE INODE PATH`; the number is the size of the content that the probe prints, by the
/// same rules as in the probe.
fn stat(line: &str) -> Option<(String, FileFacts, usize)> {
    let mut words = line.strip_prefix("stat ")?.splitn(7, ' ');
    let kind = u32::from_str_radix(words.next()?, 16).ok()?;
    let (owner, group) = (words.next()?.to_owned(), words.next()?.to_owned());
    let modified = words.next()?.parse().unwrap_or_default();
    let size = words.next()?.parse::<u64>().ok()?;
    let path = words.nth(1)?.to_owned();
    // The S_IFMT of stat(2).
    let file_kind = match kind >> 12 {
        0o10 => FileKind::Regular,
        0o4 => FileKind::Directory,
        _ => FileKind::Special,
    };
    let regular = file_kind == FileKind::Regular;
    let unread = ["/proc/", "/sys/"].iter().any(|start| path.starts_with(start))
        || locks().any(|lock| lock.file == path)
        || path.ends_with(".erlang.cookie");
    let printed = if regular && !unread && size <= MOST { usize::try_from(size).ok()? } else { 0 };
    let content = (regular && !unread && size == 0).then(String::new);
    let facts =
        FileFacts { kind: file_kind, content, mode: kind & 0o7777, owner, group, modified, link_to: None };
    Some((path, facts, printed))
}
