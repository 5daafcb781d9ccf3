//! The directory of the control sockets. Access to a socket is root access to a host, so only its owner can enter.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest path of the directory, in bytes. A socket's path has 104 bytes on macOS and BSD and 108 on Linux
/// (`sun_path`), with the NUL; our names use 26 of them, and ssh adds a suffix of 17 while it binds.
const LONGEST_PATH: usize = 60;

/// Finds or creates the directory: `$XDG_RUNTIME_DIR/rabbitup`, else `/tmp/rabbitup-UID`.
///
/// # Errors
/// The directory belongs to another user, is open to others, is not a directory, or cannot be created.
pub(super) fn find() -> io::Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute());
    if let Some(dir) = runtime.map(|dir| dir.join("rabbitup"))
        && dir.as_os_str().as_bytes().len() <= LONGEST_PATH
        && prepare(&dir, uid).is_ok()
    {
        sweep(&dir);
        return Ok(dir);
    }
    let dir = PathBuf::from(format!("/tmp/rabbitup-{uid}"));
    prepare(&dir, uid)?;
    sweep(&dir);
    Ok(dir)
}

/// Removes leftovers of crashed processes and closed connections: dead sockets and logs without a socket. Files younger than an
/// hour are kept, because they may belong to a connection that is being opened.
fn sweep(dir: &Path) {
    let hour = Duration::from_secs(60 * 60);
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let age = fs::symlink_metadata(&path).and_then(|found| found.modified()).ok();
        let old = age.and_then(|time| time.elapsed().ok()).is_some_and(|age| age > hour);
        let socket = if path.extension().is_some_and(|end| end == "log") {
            path.with_extension("")
        } else {
            path.clone()
        };
        if old && UnixStream::connect(socket).is_err() {
            let _ = fs::remove_file(path);
        }
    }
}

/// Creates the directory with mode 0700, or checks the existing one. Symbolic links are not followed: in a world-writable
/// directory, anyone could have created one.
///
/// # Errors
/// As [`find`].
fn prepare(dir: &Path, uid: u32) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", dir.display()))),
    }
    let found = fs::symlink_metadata(dir)?;
    let wrong = if !found.is_dir() {
        "is not a directory".to_owned()
    } else if found.uid() != uid {
        format!("belongs to user {} and not to user {uid}", found.uid())
    } else if found.mode() & 0o077 != 0 {
        format!("has mode {:04o}, which gives others access", found.mode() & 0o7777)
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("{} {wrong}", dir.display())))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("rabbitup-directory-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        dir
    }

    #[test]
    fn a_new_directory_is_closed_to_others_and_found_again() {
        let dir = scratch("new");
        let uid = rustix::process::geteuid().as_raw();
        prepare(&dir, uid).expect("it is made");
        assert_eq!(fs::metadata(&dir).expect("it is there").permissions().mode() & 0o777, 0o700);
        prepare(&dir, uid).expect("it is taken as it is");
        fs::remove_dir(&dir).expect("it is removed");
    }

    #[test]
    fn only_what_is_old_and_dead_is_swept_away() {
        let dir = scratch("sweep");
        fs::create_dir(&dir).expect("it is made");
        let alive = std::os::unix::net::UnixListener::bind(dir.join("alive")).expect("it listens");
        drop(std::os::unix::net::UnixListener::bind(dir.join("dead")).expect("it listens"));
        for name in ["alive.log", "dead.log", "gone.12.log", "young.log"] {
            fs::write(dir.join(name), "").expect("it is written");
        }
        let old = ["alive", "dead", "alive.log", "dead.log", "gone.12.log"].map(|name| dir.join(name));
        let touched = std::process::Command::new("touch").args(["-t", "200001010000"]).args(&old).status();
        assert!(touched.expect("touch runs").success());
        sweep(&dir);
        let mut left: Vec<_> =
            fs::read_dir(&dir).expect("it is there").flatten().map(|entry| entry.file_name()).collect();
        left.sort();
        assert_eq!(left, ["alive", "alive.log", "young.log"]);
        drop(alive);
        fs::remove_dir_all(&dir).expect("it is removed");
    }

    #[test]
    fn a_directory_that_others_could_use_is_refused() {
        let uid = rustix::process::geteuid().as_raw();
        let dir = scratch("open");
        fs::create_dir(&dir).expect("it is made");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).expect("its mode is set");
        let refused = prepare(&dir, uid).expect_err("open to a group").to_string();
        assert!(refused.contains("mode 0750"), "{refused}");
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("its mode is set");
        let refused = prepare(&dir, uid + 1).expect_err("another's").to_string();
        assert!(refused.contains("belongs to user"), "{refused}");

        let link = scratch("link");
        let _ = fs::remove_file(&link);
        std::os::unix::fs::symlink(&dir, &link).expect("a link is laid");
        let refused = prepare(&link, uid).expect_err("a link").to_string();
        assert!(refused.contains("is not a directory"), "{refused}");
        fs::remove_file(&link).expect("it is removed");
        fs::remove_dir(&dir).expect("it is removed");
    }
}
