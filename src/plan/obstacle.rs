//! Obstacles: what a step must not overwrite.

use super::{Reason, RefusalKind};
use crate::facts::{FileKind, HostFacts};
use crate::model::{Advice, Next};

/// What is at the path of a file, if it must not be replaced. `on_host` makes a command for the host.
pub(super) fn in_place_of(host: &HostFacts, path: &str, on_host: &dyn Fn(&str) -> Advice) -> Option<Reason> {
    let file = host.file(path)?;
    if let Some(target) = &file.link_to {
        let what = format!("{path} is a symbolic link, so it is not written");
        let remove = on_host(&format!("rm {path}"));
        let (why, next) = match file.kind {
            FileKind::Nothing => (
                format!("it points to {target}, which does not exist or which user rabbitmq cannot reach"),
                Next::say("create its target, or remove the link:").and(remove),
            ),
            FileKind::Unreadable => (
                format!("it points to {target}, which user rabbitmq may not read but may have linked to"),
                Next::say(format!("check who created the link (ls -la {path}), and remove it:")).and(remove),
            ),
            FileKind::Regular | FileKind::Shared | FileKind::Directory | FileKind::Special => (
                format!("it points to {target}, which is managed elsewhere"),
                Next::say(format!("change {target} at its source, or replace the link with a regular file:"))
                    .and(on_host(&unlink(path))),
            ),
        };
        return Some(RefusalKind::FileIsLink.reason(what, why, next));
    }
    match file.kind {
        FileKind::Directory => Some(RefusalKind::FileIsDirectory.reason(
            format!("{path} is a directory, but should be a file"),
            "a directory is never replaced",
            Next::say("move it away:").and(on_host(&format!("mv {path} {path}.old"))),
        )),
        FileKind::Special | FileKind::Nothing => Some(RefusalKind::FileIsSpecial.reason(
            format!("{path} is not a regular file, so it is not written"),
            file.kind.in_words(),
            Next::say("move it away:").and(on_host(&format!("mv {path} {path}.old"))),
        )),
        FileKind::Unreadable => Some(RefusalKind::FileUnreadable.reason(
            format!("user rabbitmq may not read {path}, so its contents are unknown"),
            format!("its owner is {}:{}, its mode {:04o}", file.owner, file.group, file.mode),
            Next::say("let user rabbitmq read it:")
                .and(on_host(&format!("chgrp rabbitmq {path}")))
                .and(on_host(&format!("chmod g+r {path}"))),
        )),
        FileKind::Shared => Some(RefusalKind::FileHasSecondName.reason(
            format!("{path} has a second name (a hard link), so it is not written"),
            "user rabbitmq may write to its directory, so the other name may be any file of this file system",
            Next::say("find the other name:")
                .and(on_host(&format!("find / -xdev -samefile {path}")))
                .also("and replace this one with a copy:")
                .and(on_host(&format!("cp -p {path} {path}.copy")))
                .and(on_host(&format!("mv {path}.copy {path}"))),
        )),
        FileKind::Regular if file.content.is_none() => Some(RefusalKind::FileIsNoText.reason(
            format!("{path} cannot be read as text, so it is not overwritten"),
            "it is larger than 256 KiB or not UTF-8: its contents would be lost",
            Next::say(format!("inspect it (file {path}), and convert it to UTF-8 (iconv -f latin1 -t utf8) or move it away:"))
                .and(on_host(&format!("mv {path} {path}.old"))),
        )),
        FileKind::Regular => None,
    }
}

/// The command that replaces a link with a copy of its target.
pub(super) fn unlink(path: &str) -> String {
    format!("cp --remove-destination \"$(readlink -f {path})\" {path}")
}
