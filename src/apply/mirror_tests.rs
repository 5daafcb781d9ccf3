//! What ends an apt-get that waits for a silent mirror, in a real shell with an apt-get that is made up.

use crate::model::shells::run_in;

const PRELUDE: &str = include_str!("prelude.sh");
const MIRROR: &str = include_str!("../platform/apt.sh");

/// Half a second is none, and two looks without a byte are silence.
const QUICK: &str = r#"
silence=2
sleep() { :; }
dir=$(mktemp -d) fetched=$dir/fetched
trap 'rm -r "$dir"' EXIT
du() { cat "$dir/bytes" 2>/dev/null; }
export dir fetched PATH="$dir:$PATH"
be_apt_get() { printf '%s\n' '#!/bin/sh' "$1" >"$dir/apt-get" && chmod 755 "$dir/apt-get"; }
"#;

/// `apt_get` is what it does, without single quotes; a process is known by its file `pid`.
fn fetching(apt_get: &str, settings: &str) -> (bool, String) {
    let script = format!(
        "set -u\nnonce=N\n{PRELUDE}\n{MIRROR}\n{QUICK}\nbe_apt_get '{apt_get}'\n{settings}\nfetching 20 update; echo \"code $?\"\n\
         ! kill -0 \"$(cat \"$dir/pid\")\" 2>/dev/null || echo 'apt-get is left'"
    );
    let output = run_in(&["sh"], script.as_bytes());
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (said.contains("code 0"), said)
}

#[test]
fn apt_get_without_data_is_killed() {
    let (ok, said) = fetching("echo $$ >$dir/pid; exec sleep 15", "unset -f sleep");
    assert!(!ok && said.contains("nothing has come for 1 s, so apt-get is ended"), "{said}");
    assert!(!said.contains("apt-get is left"), "{said}");
}

/// dpkg may be silent for as long as it likes: from its beginning on nothing is ended.
#[test]
fn apt_get_with_all_downloads_is_left_alone() {
    let (ok, said) = fetching("echo $$ >$dir/pid; : >$fetched; sleep 1", "silence=1000000");
    assert!(ok && !said.contains("ended"), "{said}");
    let bytes = "echo $$ >$dir/pid; for n in 1 2 3 4; do echo $n >$dir/bytes; sleep 0.1; done";
    let (ok, said) = fetching(bytes, "silence=1000000");
    assert!(ok && !said.contains("ended"), "{said}");
}

#[test]
fn the_exit_code_of_apt_get_is_returned() {
    let (_, said) = fetching("echo $$ >$dir/pid; exit 100", "silence=1000000");
    assert!(said.contains("code 100"), "{said}");
}

/// What is said where apt-helper ends like this.
fn blamed(apt_helper: &str) -> String {
    let script = format!(
        "set -u\nnonce=N\n{PRELUDE}\n{MIRROR}\n{QUICK}\nfail() {{ echo \"$1\"; exit 1; }}\n\
         bounded() {{ echo \"'http://m:1/debian/InRelease' m_1_InRelease 0\"; }}\ntimeout() {{ {apt_helper}; }}\n\
         blame_mirrors 'no list' update\necho nobody"
    );
    String::from_utf8_lossy(&run_in(&["sh"], script.as_bytes()).stdout).into_owned()
}

#[test]
fn only_a_silent_mirror_is_blamed() {
    assert_eq!(blamed("return 0"), "nobody\n");
    let lacks =
        "echo 'E: Failed to fetch http://m:1/debian/InRelease  404  Not Found [IP: 10.0.0.1 80]'; return 100";
    assert_eq!(blamed(lacks), "nobody\n");
    let refused = "echo 'E: Failed to fetch http://m:1/debian/InRelease  Could not connect to m:1 (10.0.0.1).'; return 100";
    assert_eq!(
        blamed(refused),
        "no list: the mirror http://m:1 does not answer (Could not connect to m:1 (10.0.0.1).)\n"
    );
    let silent = blamed("return 124");
    assert_eq!(silent, "no list: the mirror http://m:1 does not answer (timed out after 20 s)\n");
}
