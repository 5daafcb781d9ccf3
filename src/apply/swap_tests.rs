//! User rabbitmq puts something else in the directory of what root is working on, at every single moment of a step. The moments
//! are the commands that the step calls: each is a function here that lets the attacker in first. Needs root, for owners.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::place_tests::{Directory, OLD, output, run, script};
use crate::model::{NameMode, NodeName};
use crate::operation::{AdoptCookie, Operation, Proof, Then, WriteFile};
use crate::template::Rendered;

/// What steps call, as far as it looks at files; `cd` is one of the shell's own.
const MOMENTS: [&str; 14] = [
    "cd", "stat", "mktemp", "md5sum", "ln", "cp", "mv", "chown", "chmod", "date", "ls", "rm", "touch",
    "timeout",
];
const CANARY: &str = "CANARY for root alone\n";
/// Longer than any step here takes, and shorter than a wait on a pipe without a writer.
const BOUND: Duration = Duration::from_secs(20);

/// A directory of user nobody, who stands for rabbitmq, and files of root's beside it.
struct Bed {
    directory: Directory,
}

impl Bed {
    fn of(test: &str) -> Option<Self> {
        Directory::of(test).map(|directory| Self { directory })
    }

    fn path(&self, name: &str) -> String {
        self.directory.path(name).display().to_string()
    }

    /// The initial state.
    fn reset(&self) {
        let dir = self.directory.dir.display();
        let text = format!(
            "set -e; cd {dir}; rm -rf ./* ; umask 022; mkdir theirs root open; chmod 700 root\n\
             printf '{CANARY}' >root/secret; chmod 600 root/secret; printf '{CANARY}' >victim\n\
             printf '{OLD}' >theirs/rabbitmq.conf; printf 'COOKIE' >theirs/.erlang.cookie; chmod 400 theirs/.erlang.cookie\n\
             mkdir -m 700 theirs/.rabbitup-cookie; printf 'STAGED' >theirs/.rabbitup-cookie/.erlang.cookie\n\
             chmod 400 theirs/.rabbitup-cookie/.erlang.cookie\n\
             chown -R nobody theirs; touch -d 2020-01-01 root/secret victim root open"
        );
        let done = Command::new("sh").args(["-c", &text]).status().expect("sh runs");
        assert!(done.success(), "the bed could not be made");
    }

    /// What must not change of what is root's: owner, mode, time of the last change, and of the last read where the file
    /// system notes it.
    fn canaries(&self) -> Vec<String> {
        let of = |name: &str| {
            let meta = std::fs::metadata(self.directory.path(name)).expect("it is there");
            // The other files are world-readable.
            let read = if name == "root/secret" { meta.atime() } else { 0 };
            format!("{name} {:o} {}:{} {} {read}", meta.mode(), meta.uid(), meta.gid(), meta.mtime())
        };
        ["root", "root/secret", "victim", "open"].map(of).to_vec()
    }

    #[track_caller]
    fn assert_unharmed(&self, before: &[String], what: &str) {
        assert_eq!(self.canaries(), before, "{what}");
        for name in ["root/secret", "victim"] {
            let content = std::fs::read_to_string(self.directory.path(name)).expect("it is there");
            assert_eq!(content, CANARY, "{name}: {what}");
        }
    }

    /// The script with an attacker who does this once, as nobody, when the `moment`-th command is called.
    fn attacked(&self, text: &str, moment: usize, attack: &str) -> String {
        let counter = self.path("moment");
        let hooks: String =
            MOMENTS.iter().map(|name| format!("{name}() {{ let_in; command {name} \"$@\"; }}\n")).collect();
        let become_nobody = "setpriv --reuid=nobody --regid=nogroup --clear-groups sh -c";
        let let_in = format!(
            "let_in() {{ [ -e {counter} ] || return 0; IFS= read -r left <{counter}; left=$((left - 1)); echo $left >{counter}\n\
             if [ $left = 0 ]; then command rm {counter}; {become_nobody} '{attack}' >/dev/null 2>&1 </dev/null; fi; }}\n"
        );
        std::fs::write(&counter, format!("{moment}\n")).expect("the directory is ours");
        assert!(text.contains("\nmain() {\n"), "the hooks have a directory");
        text.replacen("\nmain() {\n", &format!("\n{let_in}{hooks}main() {{\n"), 1)
            .replace("broker_user=rabbitmq", "broker_user=nobody")
            .replace("broker_group=rabbitmq", "broker_group=nogroup")
    }

    /// Plays the attack at every moment that the step has, until one is past its end; their number.
    fn play(&self, text: &str, name: &str, attack: &str) -> usize {
        let mut moment = 0;
        loop {
            moment += 1;
            assert!(moment < 200, "{name}: the step does not end");
            self.reset();
            let before = self.canaries();
            let attacked = self.attacked(text, moment, attack);
            let start = Instant::now();
            let (done, printed) = run(&attacked);
            let met = !Path::new(&self.path("moment")).exists();
            let what = format!("{name} at moment {moment}: {printed}");
            assert!(start.elapsed() < BOUND, "it waited for {:?}: {what}", start.elapsed());
            self.assert_unharmed(&before, &what);
            assert!(!printed.contains("CANARY"), "{what}");
            let made: Vec<PathBuf> = ["root", "open"]
                .iter()
                .flat_map(|dir| std::fs::read_dir(self.directory.path(dir)).expect("it is there").flatten())
                .map(|entry| entry.path())
                .filter(|path| !path.ends_with("secret"))
                .collect();
            assert!(made.is_empty(), "made {made:?}: {what}");
            if !met {
                assert!(done, "without an attack it succeeds: {what}");
                return moment - 1;
            }
        }
    }
}

/// In the directory of a file: each kind of thing that user rabbitmq can make.
fn plants(bed: &Bed, file: &str) -> [(&'static str, String); 5] {
    let (secret, victim, open) = (bed.path("root/secret"), bed.path("victim"), bed.path("open"));
    [
        ("a link to a file of root's", format!("rm -f {file}; ln -s {victim} {file}")),
        ("a pipe", format!("rm -f {file}; mkfifo {file}")),
        ("a link to what does not exist", format!("rm -f {file}; ln -s {open}/made {file}")),
        ("a link to what root alone reads", format!("rm -f {file}; ln -s {secret} {file}")),
        ("an endless file", format!("rm -f {file}; ln -s /dev/zero {file}")),
    ]
}

fn writes(path: &str) -> String {
    script(Operation::WriteFile(WriteFile {
        path: path.to_owned(),
        mode: 0o640,
        owner: "root".to_owned(),
        group: "daemon".to_owned(),
        body: Rendered::from_text("new = content\n"),
        proof: Proof::None,
        validate: None,
        then: Then::Nothing,
        resolves: Vec::new(),
        full_names: BTreeMap::new(),
    }))
}

#[test]
fn a_file_that_is_swapped_while_it_is_written_leads_nowhere() {
    let Some(bed) = Bed::of("swap-file") else { return };
    let file = bed.path("theirs/rabbitmq.conf");
    // The other kinds are links to root, too, and each moment costs a run of the step.
    for (name, attack) in plants(&bed, &file).into_iter().take(2) {
        let moments = bed.play(&writes(&file), name, &attack);
        assert!(moments > 10, "{name}: only {moments} moments, so the hooks do not work");
    }
}

#[test]
fn a_workshop_that_is_swapped_for_roots_directory_is_left_at_once() {
    let Some(bed) = Bed::of("swap-workshop") else { return };
    let file = bed.path("theirs/rabbitmq.conf");
    let workshop = format!("{}/.rabbitup.????????", bed.path("theirs"));
    for target in ["root", "open"] {
        let attack = format!(
            "for w in {workshop}; do [ ! -d $w ] || {{ mv $w {}/away && ln -s {} $w; }}; done",
            bed.path("theirs"),
            bed.path(target)
        );
        assert!(bed.play(&writes(&file), target, &attack) > 10);
    }
}

/// With fs.protected_hardlinks = 0 every user can give any file a name of his own.
#[test]
fn a_hard_link_to_another_file_is_neither_made_private_nor_kept() {
    let Some(bed) = Bed::of("second-name") else { return };
    bed.reset();
    let (file, victim) = (bed.path("theirs/rabbitmq.conf"), bed.path("victim"));
    assert!(output("ln", &["-f", &victim, &file]).status.success());
    let before = bed.canaries();
    let (done, printed) = run(&writes(&file));
    assert!(!done && printed.contains("not a regular file with one name"), "{printed}");
    bed.assert_unharmed(&before, &printed);
    let names = std::fs::read_dir(bed.directory.path("theirs")).expect("it is there").flatten();
    let left: Vec<_> = names.map(|entry| entry.file_name()).filter(|name| name != "rabbitmq.conf").collect();
    assert!(
        left.iter().all(|name| !name.to_string_lossy().contains("rabbitup-2")),
        "a backup was kept: {left:?}"
    );
}

#[test]
fn a_staged_cookie_that_is_swapped_is_nothing_that_root_touches() {
    let Some(bed) = Bed::of("swap-cookie") else { return };
    let home = bed.path("theirs");
    let node = NodeName::parse("rabbit@node1").expect("a node name");
    let digest = "printf %s STAGED | command md5sum | cut -d\" \" -f 1";
    let text = script(Operation::AdoptCookie(AdoptCookie { node, names: NameMode::Short }))
        .replace("/var/lib/rabbitmq", &home)
        .replacen(
            "\nmain() {\n",
            &format!("\nis_down() {{ return 1; }}\nrunning_md5() {{ let_in; {digest}; }}\nmain() {{\n"),
            1,
        );
    let (staged, dir) =
        (format!("{home}/.rabbitup-cookie/.erlang.cookie"), format!("{home}/.rabbitup-cookie"));
    for (name, attack) in plants(&bed, &staged) {
        assert!(bed.play(&text, name, &attack) > 3, "{name}: the hooks do not work");
    }
    for target in ["root", "open"] {
        let attack = format!("mv {dir} {home}/away; ln -s {} {dir}", bed.path(target));
        bed.play(&text, target, &attack);
    }
}
