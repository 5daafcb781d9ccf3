//! What a load balancer says of the addresses that it shares: the probe's part in real shells, with a made-up ip(8), and how it is read.

use std::process::Command;

use super::{Frames, Neighbour, VirtualAddressFacts};
use crate::model::shells::shells;
use crate::virtual_address::PROBE;

/// What is around it in the probe, and an ip(8) that has the addresses OWN and answers SEEN; LATE answers at the second look. What they
/// are told to do goes to standard error.
const TOOLS: &str = r#"
set -f -u
nl='
'
IFS=$nl
slept=0 nonce=n0nce address_check=/nowhere
limit() { shift; "$@"; }
section() { echo "$nonce $1"; }
first() { line=''; read -r line <"$1" || [ -n "$line" ]; }
sleep() { slept=$((slept + 1)); }
bash() { echo "send to $5" >&2; }
ip() {
  case "$1 $2 $3" in
    '-o addr show') printf '%s\n' "$OWN" ;;
    'neigh show to') if [ "$4 $slept" = "$LATE 0" ]; then echo "$4 dev eth0 INCOMPLETE"; else printf '%s\n' "$SEEN" | grep "^$4 "; fi ;;
    *) printf '%s ' "$@" >&2; echo >&2 ;;
  esac
}
"#;

/// What is read, and what the kernel was told.
fn asked(words: &[&str], vips: &str, own: &str, seen: &str, late: &str) -> (VirtualAddressFacts, String) {
    let shell = words.join("-").replace('/', "");
    let links = std::env::temp_dir().join(format!("rabbitup-links-{shell}-{}", std::process::id()));
    for (link, hardware) in [("lo", "00:00:00:00:00:00"), ("eth0", "52:54:00:00:00:01")] {
        std::fs::create_dir_all(links.join(link)).expect("a directory for temporary use");
        std::fs::write(links.join(link).join("address"), format!("{hardware}\n")).expect("it is written");
    }
    let probe = PROBE.replace("/sys/class/net", &links.display().to_string());
    let script = format!("{TOOLS}vips='{vips}'\n{probe}addresses\nsection end\n");
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).args(["-c", &script]);
    let ran = command.env("OWN", own).env("SEEN", seen).env("LATE", late).output().expect("the shell runs");
    std::fs::remove_dir_all(&links).expect("it is ours");
    let frames = Frames::read("n0nce", &ran.stdout).expect("complete");
    let facts = VirtualAddressFacts::read(&frames).expect("addresses");
    (facts, String::from_utf8_lossy(&ran.stderr).into_owned())
}

const VIPS: &str = "10.0.0.40\nfd00::40";
const OWN: &str =
    "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0@if7    inet 10.0.0.4/24 scope global eth0";

fn neighbour(address: &str, hardware: &str) -> Neighbour {
    Neighbour { address: address.parse().expect("an address"), hardware: hardware.to_owned() }
}

#[test]
fn a_host_without_the_addresses_asks_for_them_and_waits_for_what_answers() {
    let seen = "10.0.0.40 dev eth0 lladdr 52:54:00:00:00:02 REACHABLE\nfd00::40 dev eth0 lladdr 52:54:00:00:00:03 router STALE";
    for words in shells() {
        for late in ["", "10.0.0.40"] {
            let (mut facts, told) = asked(words, VIPS, OWN, seen, late);
            assert_eq!(facts.hardware, ["52:54:00:00:00:01"], "{words:?}");
            facts.neighbours.sort_by_key(|seen| seen.address);
            let answers =
                [neighbour("10.0.0.40", "52:54:00:00:00:02"), neighbour("fd00::40", "52:54:00:00:00:03")];
            assert_eq!(facts.neighbours, answers, "{words:?}");
            let asks =
                "neigh flush to 10.0.0.40 \nsend to 10.0.0.40\nneigh flush to fd00::40 \nsend to fd00::40\n";
            assert_eq!(told, asks, "{words:?}");
        }
        let (facts, _) = asked(words, VIPS, OWN, "10.0.0.40 dev eth0 FAILED", "");
        assert_eq!(facts.neighbours, [], "{words:?}");
    }
}

/// The kernel asks the network only if it is told to, and over IPv6 it drops what another machine answers.
#[test]
fn a_host_that_has_the_addresses_asks_for_others_that_have_them() {
    let held = format!(
        "{OWN}\n2: eth0@if7    inet 10.0.0.40/24 scope global secondary eth0\n2: eth0@if7    inet6 fd00::40/64 scope global"
    );
    let asks =
        "neigh flush to 10.0.0.40 \nneigh replace 10.0.0.40 dev eth0 use \nneigh del 10.0.0.40 dev eth0 \n";
    for words in shells() {
        let (facts, told) = asked(words, VIPS, &held, "10.0.0.40 dev eth0 INCOMPLETE", "");
        assert_eq!((facts.neighbours, told.as_str()), (Vec::new(), asks), "{words:?}");
        let (facts, _) =
            asked(words, VIPS, &held, "10.0.0.40 dev eth0 lladdr 52:54:00:12:34:56 REACHABLE", "");
        assert_eq!(facts.neighbours, [neighbour("10.0.0.40", "52:54:00:12:34:56")], "{words:?}");
    }
}
