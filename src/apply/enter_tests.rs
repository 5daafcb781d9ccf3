//! The random delay of old versions before they enter a cluster, in a real shell with a host that is made up.

use crate::model::shells::{run_in, shells};

const PRELUDE: &str = include_str!("steps/prelude.sh");
const ENTER: &str = include_str!("steps/enter.sh");

/// What becomes of a rabbitmq.conf where this version is installed.
fn written(shell: &[&str], version: &str, conf: &str) -> String {
    let older = if version.starts_with("3.8.9") { 0 } else { 1 };
    // No shell's function may be called dpkg-query in all of them.
    let script = format!(
        "set -eu\nnonce=N\n{PRELUDE}\n{ENTER}\ntools=$(mktemp -d)\nPATH=$tools:$PATH\n\
         printf '#!/bin/sh\\nprintf %%s {version}\\n' >\"$tools/dpkg-query\"\nchmod +x \"$tools/dpkg-query\"\n\
         dpkg() {{ [ \"$1 $2 $3 $4\" = '--compare-versions {version} lt 3.8.18' ] && return {older}; }}\n\
         as_rabbitmq() {{ printf %s '{conf}'; }}\nenter_workshop() {{ :; }}\nleave_workshop() {{ :; }}\n\
         make_new() {{ printf '%s %s:%s\\n%s' \"$2\" \"$3\" \"$4\" \"$6\"; }}\n\
         place() {{ echo \"$1 becomes $2\"; }}\nhasten_entry\nrm -r \"$tools\"\n"
    );
    let output = run_in(shell, script.as_bytes());
    assert!(output.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn only_a_version_that_waits_is_told_not_to() {
    for shell in shells() {
        let old = written(shell, "3.8.9-3+deb11u1", "a = 1\n");
        assert!(old.starts_with("640 root:rabbitmq\na = 1\n\n## RabbitMQ before 3.8.18"), "{shell:?}: {old}");
        assert!(old.contains("range.min = 0\n") && old.contains("range.max = 1\n"), "{shell:?}: {old}");
        assert!(old.contains("new becomes /etc/rabbitmq/rabbitmq.conf"), "{shell:?}: {old}");
        assert_eq!(written(shell, "3.10.8-1.1+deb12u1", "a = 1\n"), "", "{shell:?}");
        let told = "cluster_formation.randomized_startup_delay_range.max = 1\n";
        assert_eq!(written(shell, "3.8.9-3+deb11u1", told), "", "{shell:?}: once is enough");
    }
}
