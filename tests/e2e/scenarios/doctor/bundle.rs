//! The bundle contains no secret, wherever one was.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use crate::hosts;
use crate::inventory::{ADMIN_PASSWORD, Inventory};
use crate::stage::{ALL, Stage};

/// Where hosts have passwords.
const PLANTED: [&str; 7] = [
    "planted-in-rabbitmq-conf",
    "planted-in-a-uri",
    "planted-in-a-comment",
    "planted-in-the-log",
    "planted-in-the-journal",
    "planted-in-haproxy",
    "planted-in-env-conf",
];

/// In the same files, to show that they are in the bundle at all.
const HARMLESS: [&str; 2] = ["harmless-in-the-log", "harmless-in-the-journal"];

pub fn bundle(stage: &Stage) {
    let lab = &stage.lab;
    lab.stdout_of("node2", PLANT);
    lab.stdout_of(
        "lb1",
        "cp -p /etc/haproxy/haproxy.cfg /root && printf '\\nlisten e2e\\n  bind 127.0.0.1:8405\\n  stats auth \
         admin:planted-in-haproxy\\n' >>/etc/haproxy/haproxy.cfg",
    );
    let file = stage.home.borrow().path("bundle.tar.gz");
    let files = hosts::all_files(lab, &ALL);
    let path = file.display().to_string();
    let run = stage.rabbitup(&Inventory::whole()).args(["doctor", "--bundle", &path]).run();
    hosts::assert_untouched(lab, &ALL, &files);
    lab.stdout_of("node2", "mv /root/rabbitmq.conf /root/rabbitmq-env.conf /etc/rabbitmq");
    lab.stdout_of("lb1", "mv /root/haproxy.cfg /etc/haproxy");
    let mode = std::fs::metadata(&file).unwrap_or_else(|error| panic!("{error}\n{run}")).permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "only its owner reads it");

    let unpacked = stage.home.borrow().path("unpacked");
    std::fs::create_dir_all(&unpacked).expect("the home is writable");
    let tar =
        Command::new("tar").arg("-xf").arg(&file).arg("-C").arg(&unpacked).output().expect("tar starts");
    assert!(tar.status.success(), "{}", String::from_utf8_lossy(&tar.stderr));
    let cookie = lab.stdout_of("node1", "cat /var/lib/rabbitmq/.erlang.cookie");
    let hash = lab.stdout_of("node1", HASH);
    assert!(hash.len() > 20, "{hash}");
    for secret in PLANTED.iter().copied().chain([cookie.as_str(), hash.as_str(), ADMIN_PASSWORD]) {
        assert_eq!(files_with(&unpacked, secret), "", "a secret is in the bundle: {secret}");
        assert!(!run.to_string().contains(secret), "a secret was printed: {secret}");
    }
    for word in HARMLESS {
        assert_ne!(files_with(&unpacked, word), "", "{word} is in the bundle\n{}", tree(&unpacked));
    }
    for name in ["README.txt", "node1", "node2", "node3"] {
        assert!(tree(&unpacked).contains(name), "{name} is in the bundle\n{}", tree(&unpacked));
    }
    assert_ne!(files_with(&unpacked, "format_version"), "", "doctor's own document\n{}", tree(&unpacked));
    let _ = std::fs::remove_dir_all(&unpacked);
    stage.assert_nothing_to_do(&Inventory::whole());
}

/// Settings, a comment, the log, and the journal of the unit, which takes OBJECT_SYSTEMD_UNIT from root
/// (systemd.journal-fields(7)).
const PLANT: &str = r"cd /etc/rabbitmq && { [ -e rabbitmq-env.conf ] || touch -d yesterday rabbitmq-env.conf; } && cp -p rabbitmq.conf rabbitmq-env.conf /root &&
printf '%s\n' 'default_pass = planted-in-rabbitmq-conf' 'auth_ldap.dn_lookup_bind.password=planted-in-rabbitmq-conf' \
  '# before: default_pass = planted-in-a-comment' 'shovel.uri = amqp://guest:planted-in-a-uri@node1' >>rabbitmq.conf &&
echo 'RABBITMQ_DEFAULT_PASS=planted-in-env-conf' >>rabbitmq-env.conf &&
printf '%s\n' '2026-01-01 [info] harmless-in-the-log' '2026-01-01 [error] login with password planted-in-the-log' \
  '2026-01-01 [error] amqps://guest:planted-in-the-log@node1/%2f' '{cookie,planted-in-the-log}' \
  >>/var/log/rabbitmq/rabbit@node2.log &&
for line in 'harmless-in-the-journal' 'default_pass: planted-in-the-journal'; do
  printf 'MESSAGE=%s\nPRIORITY=6\nOBJECT_SYSTEMD_UNIT=rabbitmq-server.service\n' $line | logger --journald || exit
done && journalctl --sync && journalctl -u rabbitmq-server -o cat | grep -q planted-in-the-journal";

/// The administrator's password as the node stores it, the way `rabbitmqctl export_definitions` writes it.
const HASH: &str = "timeout 60 rabbitmqctl -q export_definitions - | grep -o '\"password_hash\":\"[^\"][^\"]*' | \
    sed 's/.*\"//;q'";

fn files_with(directory: &Path, word: &str) -> String {
    let found =
        Command::new("grep").args(["-rlaF", "--", word]).arg(directory).output().expect("grep starts");
    String::from_utf8_lossy(&found.stdout).into_owned()
}

fn tree(directory: &Path) -> String {
    let found = Command::new("find").arg(directory).output().expect("find starts");
    String::from_utf8_lossy(&found.stdout).into_owned()
}
