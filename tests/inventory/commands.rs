//! A secret's command runs only when the secret is needed, and once.

use std::path::Path;

use rabbitup::inventory::{Options, SecretPolicy, load_text};

use crate::with_node;

#[test]
fn a_load_runs_no_command_and_reading_runs_it() {
    let mark = std::env::temp_dir().join(format!("rabbitup-ran-{}", std::process::id()));
    let _ = std::fs::remove_file(&mark);
    let script = format!("echo ran >>{}; echo hunter2-hunter2-hunter2", mark.display());
    let text = with_node(&format!(
        "[cluster]\ncookie = {{ from = \"command\", argv = [\"sh\", \"-c\", \"{script}\"] }}\n"
    ));
    for secrets in [SecretPolicy::Require, SecretPolicy::Tolerate] {
        let loaded = load_text(Path::new("inventory.toml"), &text, Options { secrets }).expect("it is good");
        assert!(!mark.exists(), "{secrets:?} ran the command");
        assert_eq!(loaded.desired.commands.len(), 1);
        let secret = loaded.desired.commands.values().next().map(|command| command.read());
        assert!(matches!(secret, Some(Ok(secret)) if secret.expose() == b"hunter2-hunter2-hunter2"));
        assert_eq!(std::fs::read_to_string(&mark).expect("it ran"), "ran\n");
        std::fs::remove_file(&mark).expect("it is ours");
    }
}
