//! Obstacles: what a step must not overwrite.

use super::{Reason, RefusalKind};
use crate::facts::{FileKind, HostFacts};

/// What is at the path of a file, if it must not be replaced.
pub(super) fn in_place_of(host: &HostFacts, path: &str) -> Option<Reason> {
    let file = host.file(path)?;
    let advice = "move it away, then run the same command again";
    if let Some(target) = &file.link_to {
        let what = format!("{path} is a symbolic link, so it is not written");
        let (why, next) = match file.kind {
            FileKind::Nothing => (
                format!("it points to {target}, which does not exist or which user rabbitmq cannot reach"),
                format!("create its target, or remove the link: rm {path}"),
            ),
            FileKind::Unreadable => (
                format!("it points to {target}, which user rabbitmq may not read but may have linked to"),
                format!("check who created the link (ls -la {path}), and remove it: rm {path}"),
            ),
            FileKind::Regular | FileKind::Shared | FileKind::Directory | FileKind::Special => (
                format!("it points to {target}, which is managed elsewhere"),
                format!(
                    "change {target} at its source, or replace the link with a regular file: cp \
                     --remove-destination \"$(readlink -f {path})\" {path}"
                ),
            ),
        };
        return Some(RefusalKind::FileIsLink.reason(what, why, next));
    }
    match file.kind {
        FileKind::Directory => Some(RefusalKind::FileIsDirectory.reason(
            format!("{path} is a directory, but should be a file"),
            "a directory is never replaced",
            advice,
        )),
        FileKind::Special | FileKind::Nothing => Some(RefusalKind::FileIsSpecial.reason(
            format!("{path} is not a regular file, so it is not written"),
            file.kind.in_words(),
            advice,
        )),
        FileKind::Unreadable => Some(RefusalKind::FileUnreadable.reason(
            format!("user rabbitmq may not read {path}, so its contents are unknown"),
            format!("its owner is {}:{}, its mode {:04o}", file.owner, file.group, file.mode),
            format!("let user rabbitmq read it: chgrp rabbitmq {path} && chmod g+r {path}"),
        )),
        FileKind::Shared => Some(RefusalKind::FileHasSecondName.reason(
            format!("{path} has a second name (a hard link), so it is not written"),
            "user rabbitmq may write to its directory, so the other name may be any file of this file system",
            format!(
                "find the other name (find / -xdev -samefile {path}), and replace this one with a copy: cp {path} {path}.copy && mv {path}.copy {path}"
            ),
        )),
        FileKind::Regular if file.content.is_none() => Some(RefusalKind::FileIsNoText.reason(
            format!("{path} cannot be read as text, so it is not overwritten"),
            "it is larger than 256 KiB or not UTF-8: its contents would be lost",
            format!(
                "inspect it (file {path}), then convert it to UTF-8 (iconv -f latin1 -t utf8) or move it away"
            ),
        )),
        FileKind::Regular => None,
    }
}
