//! What bash offers with the script of `rabbitup completions bash`.

use std::process::Command;

use crate::home::Home;

/// Answers what bash would offer for the last of these words; bash takes words apart at `=`.
const ASK: &str = r#"
PATH=$1:$PATH
shift
source <(rabbitup completions bash) || exit 1
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_TYPE=9 COMPREPLY=()
_clap_complete_rabbitup rabbitup "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
printf '%s\n' "${COMPREPLY[@]}"
"#;

fn offered(home: &Home, words: &[&str]) -> Vec<String> {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_rabbitup"));
    let output = Command::new("bash")
        .args(["--norc", "-c", ASK, "ask"])
        .arg(program.parent().expect("it is in a directory"))
        .args(words)
        .current_dir(home.path(""))
        .env_remove("RABBITUP_INVENTORY")
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // What it offers is separated by vertical tabs.
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.split(['\n', '\u{b}']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_offers_hosts_playbooks_and_their_values() {
    let home = Home::new();
    let made = home.run(&["init", "node1=10.0.0.1", "node2=10.0.0.2", "lb1=10.0.0.4"]);
    assert!(made.status.success());
    assert_eq!(offered(&home, &["rabbitup", "run", "rem"]), ["remove-node"]);
    assert_eq!(offered(&home, &["rabbitup", "run", "remove-node", "n"]), ["node="]);
    assert_eq!(offered(&home, &["rabbitup", "run", "remove-node", "node", "=", "n"]), ["node1", "node2"]);
    assert_eq!(offered(&home, &["rabbitup", "--limit", "node1,l"]), ["node1,lb1"]);
    assert_eq!(offered(&home, &["rabbitup", "up", "--without", "@l"]), ["@load-balancer"]);
    assert_eq!(offered(&home, &["rabbitup", "exec", "@b"]), ["@broker"]);
    assert_eq!(offered(&home, &["rabbitup", "exec", "node1,l"]), ["node1,lb1"]);
    assert_eq!(offered(&home, &["rabbitup", "ssh", "l"]), ["lb1"]);
    assert_eq!(offered(&home, &["rabbitup", "-i", "none.toml", "up", "--without", "n"]), [""; 0]);
    // A mistake elsewhere in the file does not take the hosts away.
    let text = std::fs::read_to_string(home.path("inventory.toml")).expect("it is written");
    home.write("inventory.toml", &text.replace("[cluster]", "[cluster]\nnmae = \"orders\""));
    assert_eq!(offered(&home, &["rabbitup", "render", "haproxy", "--host", "l"]), ["lb1"]);
}
