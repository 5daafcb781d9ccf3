//! What must not give way to a file that a step would write.

use crate::facts::{FileKind, HostFacts};
use crate::model::Problem;

/// What stands where a file is to be, if it must not give way.
pub(super) fn in_place_of(host: &HostFacts, path: &str) -> Option<Problem> {
    let file = host.file(path)?;
    let advice = "move what is there away; then run the same command again";
    if let Some(target) = &file.link_to {
        let what = format!("{path} is a symbolic link, so it is not written");
        return Some(match file.kind {
            FileKind::Nothing => Problem::new(
                what,
                format!("it leads to {target}, which does not exist, or which user rabbitmq cannot reach"),
                format!("make what it leads to, or remove the link: rm {path}"),
            ),
            FileKind::Unreadable => Problem::new(
                what,
                format!(
                    "it leads to {target}, which user rabbitmq may not read and may have made the link to"
                ),
                format!("see who made the link (ls -la {path}), and remove it: rm {path}"),
            ),
            FileKind::Regular | FileKind::Shared | FileKind::Directory | FileKind::Special => Problem::new(
                what,
                format!("it leads to {target}; the file behind the link is managed elsewhere"),
                format!(
                    "change {target} where it comes from, or replace the link with a regular file: cp \
                     --remove-destination \"$(readlink -f {path})\" {path}"
                ),
            ),
        });
    }
    match file.kind {
        FileKind::Directory => Some(Problem::new(
            format!("{path} is a directory, and a file is to be there"),
            "a directory is never replaced",
            advice,
        )),
        FileKind::Special | FileKind::Nothing => Some(Problem::new(
            format!("{path} is not a regular file, so it is not written"),
            file.kind.in_words(),
            advice,
        )),
        FileKind::Unreadable => Some(Problem::new(
            format!("user rabbitmq may not read {path}, so what is in it is not known"),
            format!("it belongs to {}:{}, with mode {:04o}", file.owner, file.group, file.mode),
            format!("let user rabbitmq read it: chgrp rabbitmq {path} && chmod g+r {path}"),
        )),
        FileKind::Shared => Some(Problem::new(
            format!("{path} has a second name (a hard link), so it is not written"),
            "user rabbitmq may write in its directory, and it may be any other file of this file system",
            format!(
                "see which one (find / -xdev -samefile {path}), and replace it with a copy: cp --remove-destination"
            ),
        )),
        FileKind::Regular if file.content.is_none() => Some(Problem::new(
            format!("{path} cannot be read as text, so it is not written over"),
            "it is larger than 256 KiB, or no UTF-8: what is in it would be lost",
            format!("look at it (file {path}; iconv -f latin1 -t utf8), and make it UTF-8, or move it away"),
        )),
        FileKind::Regular => None,
    }
}
