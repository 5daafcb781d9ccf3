//! What stands in the way of a file, on real file systems. Needs root, for owners, mounts and attributes.

use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::run_fixtures::{frame, mark, without_trail};
use super::script::render;
use crate::model::{HostName, Secrets};
use crate::operation::{Operation, Proof, Then, WriteFile};
use crate::plan::{Change, Phase, Step, StepId};
use crate::template::Rendered;

const NEW: &str = "new = content\n";
pub(super) const OLD: &str = "old = content\n";

/// Root's directory of this test, or none where the test cannot run, which is said.
pub(super) struct Directory {
    pub(super) dir: PathBuf,
}

impl Directory {
    pub(super) fn of(test: &str) -> Option<Self> {
        if !output("id", &["-u"]).stdout.starts_with(b"0\n") {
            eprintln!("SKIPPED: {test} needs root");
            return None;
        }
        let dir = std::env::temp_dir().join(format!("rabbitup-place-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("the temporary directory is writable");
        Some(Self { dir: dir.canonicalize().expect("it was just made") })
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn old(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, OLD).expect("the directory is ours");
        path
    }

    /// Everything that is in there, sorted.
    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.dir).expect("the directory is ours").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

pub(super) fn output(program: &str, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().expect("the program is there")
}

fn step(operation: Operation) -> Step {
    let host = HostName::parse("node1").expect("a host name");
    Step {
        id: StepId::new(&host, "file"),
        host,
        phase: Phase::Start,
        change: Change::Change,
        title: "write a file".to_owned(),
        reason: String::new(),
        diff: None,
        after: Vec::new(),
        operation,
        timeout_s: 30,
    }
}

pub(super) fn script(operation: Operation) -> String {
    let step = step(operation);
    let text = render(&frame(&mark()), &[&step], &Secrets::default()).expect("no secret in it");
    String::from_utf8(without_trail(text.expose())).expect("UTF-8")
}

/// The script that writes [`NEW`] there.
pub(super) fn writes(path: &Path) -> String {
    script(Operation::WriteFile(WriteFile {
        path: path.display().to_string(),
        mode: 0o640,
        owner: "root".to_owned(),
        group: "daemon".to_owned(),
        body: Rendered::from_text(NEW),
        validate: None,
        then: Then::Nothing,
        proof: Proof::None,
        resolves: Vec::new(),
        full_names: BTreeMap::new(),
    }))
}

/// Runs a text in a shell with mounts of its own, and says whether its step succeeded, and all that it printed.
pub(super) fn run(text: &str) -> (bool, String) {
    let mut child = Command::new("unshare")
        .args(["-m", "timeout", "60", "sh"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .expect("unshare is part of util-linux");
    child.stdin.take().expect("it is piped").write_all(text.as_bytes()).expect("the shell reads");
    let output = child.wait_with_output().expect("it ends");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    (printed.contains("nonce end node1/file 0\n"), printed)
}

#[track_caller]
fn refused(text: &str, cause: &str) {
    let (done, printed) = run(text);
    let said = printed.lines().find_map(|line| line.strip_prefix("nonce cause node1/file "));
    assert!(!done && said.is_some_and(|said| said.contains(cause)), "not for '{cause}': {printed}");
    assert!(printed.contains("nonce advice node1/file "), "what to do is not said: {printed}");
}

#[track_caller]
fn assert_content(path: &Path, content: &str) {
    assert_eq!(std::fs::read_to_string(path).expect("it is there"), content, "{}", path.display());
}

#[test]
fn a_file_is_put_in_place_and_the_old_one_kept_beside_it() {
    let Some(directory) = Directory::of("replace") else { return };
    let path = directory.path("fresh/rabbitmq.conf");
    let (done, printed) = run(&writes(&path));
    assert!(done, "{printed}");
    let found = std::fs::metadata(&path).expect("it was written");
    assert_eq!((found.permissions().mode() & 0o7777, found.uid()), (0o640, 0));
    assert_ne!(found.gid(), 0, "the group is not the one asked for");

    let path = directory.old("hosts");
    for day in 1..=4 {
        std::fs::write(directory.path(&format!("hosts.rabbitup-2020010{day}T000000Z")), "older")
            .expect("it is ours");
    }
    assert!(run(&writes(&path)).0);
    assert_content(&path, NEW);
    let names = directory.names();
    let backups: Vec<_> = names.iter().filter(|name| name.starts_with("hosts.rabbitup-")).collect();
    assert_eq!(backups.len(), 3, "{names:?}");
    assert_content(&directory.path(backups[2]), OLD);
    assert_eq!(names.len(), 5, "something of ours was left behind: {names:?}");
}

#[test]
fn only_regular_files_are_replaced() {
    let Some(directory) = Directory::of("kinds") else { return };
    let target = directory.old("target");
    let link = directory.path("link");
    symlink(&target, &link).expect("a link");
    symlink("nowhere", directory.path("dangling")).expect("a link");
    std::fs::create_dir(directory.path("directory")).expect("a directory");
    assert!(output("mkfifo", &[&directory.path("pipe").display().to_string()]).status.success());
    let before = directory.names();
    for (name, cause) in [
        ("link", "is a symbolic link, to /"),
        ("dangling", "is a symbolic link, to nowhere"),
        ("directory", "is a directory"),
        ("pipe", "is not a regular file"),
    ] {
        refused(&writes(&directory.path(name)), cause);
    }
    assert_eq!(directory.names(), before);
    assert_content(&target, OLD);
    assert!(link.is_symlink());
}

#[test]
fn a_link_to_the_directory_is_followed() {
    let Some(directory) = Directory::of("middle") else { return };
    std::fs::create_dir(directory.path("real")).expect("a directory");
    symlink("real", directory.path("linked")).expect("a link");
    let (done, printed) = run(&writes(&directory.path("linked/rabbitmq.conf")));
    assert!(done, "{printed}");
    assert_content(&directory.path("real/rabbitmq.conf"), NEW);
    assert!(directory.path("linked").is_symlink());
}

#[test]
fn full_and_read_only_file_systems_are_named_and_left_clean() {
    let Some(directory) = Directory::of("mounts") else { return };
    let (dir, path) = (directory.dir.display().to_string(), directory.old("hosts"));
    let text = writes(&path);
    let hosts = path.display();
    // The result is inspected in the same mount namespace.
    let after = format!("[ \"$(cat {hosts})\" = '{}' ] && echo unharmed; ls -A {dir}\n", OLD.trim_end());
    let on = |mounts: &str| format!("set -e\n{mounts}\nset +e\n{text}{after}");
    let tmpfs = |options: &str| {
        format!("mount -t tmpfs -o {options} none {dir}; printf '{}\\n' >{hosts}", OLD.trim_end())
    };
    let cases = [
        (format!("mount --bind {hosts} {hosts}; mount -o remount,bind,ro {hosts}"), "is a mount point"),
        (format!("mount --bind {hosts} {hosts}"), "is a mount point"),
        (format!("{}; mount -o remount,ro {dir}", tmpfs("size=1m")), "is read-only"),
        (format!("{}; cat /dev/zero >{dir}/filler 2>/dev/null || :", tmpfs("size=64k")), "is full"),
        (tmpfs("size=1m,nr_inodes=3"), "has no free inodes"),
    ];
    for (mounts, cause) in cases {
        let text = on(&mounts);
        refused(&text, cause);
        let (_, printed) = run(&text);
        assert!(printed.contains("\nunharmed\n"), "{cause}: {printed}");
        let ours = |line: &str| line.starts_with(".rabbitup") || line.starts_with("hosts.rabbitup-");
        assert!(!printed.lines().any(ours), "{cause}: something of ours was left: {printed}");
    }
    assert_content(&path, OLD);
}

#[test]
fn file_attributes_that_prevent_changes_are_named() {
    let Some(directory) = Directory::of("attributes") else { return };
    let path = directory.old("hosts");
    let (file, dir) = (path.display().to_string(), directory.dir.display().to_string());
    if !output("chattr", &["+i", &file]).status.success() {
        return eprintln!("SKIPPED: the file system of {dir} knows no attributes, or root may not set them");
    }
    let cases = [
        (&file, "i", "is immutable"),
        (&file, "a", "is append-only"),
        (&dir, "i", "is immutable"),
        (&dir, "a", "is append-only"),
    ];
    let clear = |flag: &str| assert!(output("chattr", &[&format!("-{flag}"), &file, &dir]).status.success());
    clear("i");
    for (what, flag, cause) in cases {
        assert!(output("chattr", &[&format!("+{flag}"), what]).status.success());
        let (done, printed) = run(&writes(&path));
        clear(flag);
        assert!(
            !done && printed.contains(cause) && printed.contains(&format!("chattr -{flag} {what}")),
            "{printed}"
        );
        assert_content(&path, OLD);
    }
    let (done, printed) = run(&writes(&path));
    assert!(done, "after it was fixed: {printed}");
    let names = directory.names();
    assert!(names.iter().all(|name| !name.starts_with(".rabbitup")), "left behind: {names:?}");
}

/// The directory is another user's, who puts links to a file of root's wherever our names turn up.
#[test]
fn the_owner_of_the_directory_gains_nothing() {
    let Some(directory) = Directory::of("attack") else { return };
    let victim = directory.old("victim");
    std::fs::set_permissions(&victim, PermissionsExt::from_mode(0o600)).expect("it is ours");
    std::fs::create_dir(directory.path("theirs")).expect("a directory");
    let (theirs, target) = (directory.path("theirs").display().to_string(), victim.display().to_string());
    assert!(output("chown", &["nobody", &theirs]).status.success());
    let attack = r#"chdir $ARGV[0]; my $n = 0; while (!-e ".stop") { opendir my $d, "." or die;
        for (grep { /^\.rabbitup\./ && !-l } readdir $d) { rename $_, "away." . $n++; symlink $ARGV[1], $_ } }"#;
    let mut attacker = Command::new("setpriv")
        .args(["--reuid=nobody", "--clear-groups", "timeout", "60", "perl", "-e", attack, &theirs, &target])
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv is part of util-linux");
    for _ in 0..20 {
        run(&writes(&directory.path("theirs/rabbitmq.conf")));
    }
    std::fs::write(directory.path("theirs/.stop"), "").expect("root may");
    attacker.wait().expect("it ends");
    let found = std::fs::metadata(&victim).expect("it is there");
    assert_eq!(
        (found.uid(), found.gid(), found.permissions().mode() & 0o7777),
        (0, 0, 0o600),
        "the victim's owner or mode"
    );
    assert_content(&victim, OLD);
}

#[test]
fn a_cookie_that_is_a_link_or_has_two_names_is_not_given_away() {
    let Some(directory) = Directory::of("cookie") else { return };
    let home = directory.dir.display().to_string();
    let text = script(Operation::GuardCookie)
        .replace("/var/lib/rabbitmq", &home)
        .replace("id -u rabbitmq", "id -u nobody")
        .replace("id -g rabbitmq", "id -g nobody");
    let cookie = directory.path(".erlang.cookie");
    let victim = directory.old("victim");
    symlink(&victim, &cookie).expect("a link");
    refused(&text, "is a symbolic link");
    std::fs::remove_file(&cookie).expect("it is ours");
    std::fs::hard_link(&victim, &cookie).expect("a second name");
    let (done, printed) = run(&text);
    assert!(!done && printed.contains("has a second name"), "{printed}");
    assert_eq!(std::fs::metadata(&victim).expect("it is there").uid(), 0);
    std::fs::remove_file(&cookie).expect("it is ours");
    directory.old(".erlang.cookie");
    let (done, printed) = run(&text);
    assert!(done, "{printed}");
    let found = std::fs::metadata(&cookie).expect("it is there");
    assert!(found.uid() != 0 && found.permissions().mode() & 0o7777 == 0o400, "{found:?}");
}
