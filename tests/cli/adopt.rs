//! `adopt` before it has reached a host, and where it reaches none.

use std::process::Output;

use crate::home::Home;

fn told(output: &Output) -> (Option<i32>, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stderr) + &text(&output.stdout))
}

#[test]
fn a_word_that_is_no_login_is_refused_before_anything_else() {
    let home = Home::new();
    for (word, why) in [
        ("ops@node1:2222", "write it as --port"),
        ("-oProxyCommand=x", "is not [USER@]HOST"),
        ("ssh://node1", "is not [USER@]HOST"),
    ] {
        let (code, text) = told(&home.run(&["adopt", "--", word]));
        assert!(code == Some(64) && text.contains(why), "{word}: {text}");
    }
    let (code, text) = told(&home.run(&["adopt", "--load-balancer", "ops@10.0.0.4", "node1"]));
    assert!(code == Some(64) && text.contains("NAME=[USER@]ADDRESS"), "{text}");
    let (code, text) = told(&home.run(&["adopt", "--jump", "-x y", "node1"]));
    assert_eq!(code, Some(64), "{text}");
}

#[test]
fn a_file_that_is_there_stays_and_no_host_is_asked() {
    let home = Home::new();
    home.write("inventory.toml", "# mine\n");
    let (code, text) = told(&home.run(&["adopt", "192.0.2.1"]));
    assert!(code == Some(64) && text.contains("inventory.toml exists already"), "{text}");
    assert_eq!(std::fs::read_to_string(home.path("inventory.toml")).expect("it is there"), "# mine\n");
}

#[test]
fn a_host_that_does_not_answer_is_named_with_the_way_to_it() {
    let home = Home::new();
    home.write("ssh_config", "Host *\n  HostName 127.0.0.1\n  Port 1\n");
    let words = ["adopt", "--ssh-config", "ssh_config", "ops@node1"];
    let (code, text) = told(&home.run(&words));
    assert!(code == Some(1) && text.contains("no connection") && text.contains("node1: "), "{text}");
    assert!(text.contains("ssh -F") && !home.path("inventory.toml").exists(), "{text}");
    let json = home.run(&[&["--json"], &words[..]].concat());
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).expect("one document");
    assert_eq!(document["error"], "unreachable");
    assert_eq!(document["unreachable"][0]["host"], "node1", "{document}");
}
