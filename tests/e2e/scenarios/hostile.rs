//! Values that a shell would execute, on a host whose login scripts interfere in every possible way.

use rabbitup::model::quote;

use crate::inventory::{ADMIN, Inventory};
use crate::lab::Host;
use crate::stage::Stage;

/// What every login of the host runs, with any shell and user.
const LOGIN: &str = r#"printf '\033[2JWelcome\n'; printf 'no line end'; echo complaint >&2
cd /tmp; umask 077; set -e; trap 'echo trapped' EXIT; alias cat=false
PATH=/nonexistent; export LC_ALL=de_DE.UTF-8 BASH_ENV=/etc/noise ENV=/etc/noise
"#;

/// Of no real account.
const PASSWORD: &str = "p'a\"s$(touch /pwned)`touch /pwned`\\ $HOME é\u{1f430} {{x}} %s *;&|<>!~";

/// A `$(` for RabbitMQ is refused before anything is done.
const VHOST: &str = "v'h\"${x}`touch /pwned`\\ $HOME {{x}} %s *;&|<>!~";

/// One broker from scratch: all values arrive unchanged, and it prints no more than any other host.
pub fn words_and_logins(stage: &Stage) {
    let lab = &stage.lab;
    stage.fresh_hosts(&[Host::new("node1", 11)]);
    // Before Debian's own first lines, which end where the shell is not interactive.
    lab.stdout_of(
        "node1",
        &format!(
            "cat >/var/tmp/login <<'EOF'\n{LOGIN}EOF\necho 'echo noise' >/etc/noise\n\
             for f in /home/ops/.bashrc /home/ops/.profile /root/.bashrc /root/.profile; do\n\
             touch $f; cat /var/tmp/login $f >$f.new && mv $f.new $f; done\n\
             printf 'Defaults lecture=always\\n' >/etc/sudoers.d/lecture; chmod 440 /etc/sudoers.d/lecture"
        ),
    );
    let file = stage.home.borrow().path("hostile-password");
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("the home is writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).expect("the file is ours");
    let mut inventory = Inventory::whole();
    inventory.hosts.truncate(1);
    inventory.plugins.clear();
    // TOML's basic strings have JSON's escapes.
    inventory.config = vec![format!("default_vhost = {}", serde_json::json!(VHOST))];
    let text = inventory.text(lab, None).replace("\"admin-password\"", "\"hostile-password\"")
        // There is no time server here.
        + "[time]\nmanage = false\n";
    let run = |args: &[&str]| {
        let run = stage.rabbitup_on(&text).args(args.iter().copied()).run().expect(0);
        let said = format!("{run}");
        assert!(!said.contains(['\u{1b}', '\u{fffd}']) && !said.contains("Welcome"), "{said}");
        assert!(!said.contains(PASSWORD), "{said}");
        run
    };
    run(&["up", "--yes"]).says("Verified: No changes.");
    run(&["plan", "--detailed-exitcode"]).says("No changes. 1 host matches the inventory.");
    run(&["status"]).says("Healthy: 1 of 1 node runs");

    let vhosts = lab.stdout_of("node1", "timeout 60 rabbitmqctl -q list_vhosts name --no-table-headers");
    assert_eq!(vhosts, VHOST, "what the broker took from its configuration");
    // As numbers: rabbitmqctl's own wrapper does not accept such words.
    let login = |password: &str| {
        let bytes: Vec<String> = password.bytes().map(|byte| byte.to_string()).collect();
        let bytes = bytes.join(",");
        let check = format!("rabbit_access_control:check_user_pass_login(<<\"{ADMIN}\">>, <<{bytes}>>).");
        let said = lab.stdout_of("node1", &format!("timeout 60 rabbitmqctl -q eval {}", quote(&check)));
        said.starts_with("{ok,")
    };
    assert!(login(PASSWORD), "the password is the one of the file");
    assert!(!login("p'a"), "and no other");
    lab.stdout_of("node1", "! ls /pwned /tmp/pwned /root/pwned /home/ops/pwned 2>/dev/null");
}
