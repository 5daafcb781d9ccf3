//! User rabbitmq as an attacker: repeatedly creates links, pipes and endless files wherever that user can write, while root works
//! there. Only with new names: the broker itself is not affected.

use crate::lab::Lab;

/// A root-owned target of the links: its content, owner and mode must not change.
const CANARY: &str = "/root/canary";
const UNIT: &str = "hostile-rabbitmq";

/// What user rabbitmq does for a minute, or until it is stopped. Links point to root's file; a process that opens a pipe for reading
/// waits for ever, and /dev/zero never ends.
const PLANT: &str = r#"
plant() {
  ln -s /root/canary "$1" 2>/dev/null || mkfifo "$1" 2>/dev/null || :
}
for round in $(seq 240); do
  for d in /etc/rabbitmq /var/lib/rabbitmq /var/lib/rabbitmq/mnesia /var/log/rabbitmq; do
    [ -d $d ] || continue
    plant $d/.rabbitup.aaaaaaaa; plant $d/.rabbitup.aaaaaaaa.conf; plant $d/new; plant $d/old
    mkfifo $d/pipe.log 2>/dev/null; mkfifo $d/pipe.conf 2>/dev/null
    ln -s /dev/zero $d/endless.log 2>/dev/null
    ln -s /root/canary $d/link.log 2>/dev/null
  done
  mkdir -p /var/lib/rabbitmq/mnesia/evil@host /var/lib/rabbitmq/rabbitup-kept 2>/dev/null
  for f in cluster_nodes.config nodes_running_at_shutdown; do
    mkfifo /var/lib/rabbitmq/mnesia/evil@host/$f 2>/dev/null
  done
  [ -d /var/lib/rabbitmq/.rabbitup-cookie ] || mkdir /var/lib/rabbitmq/.rabbitup-cookie 2>/dev/null && rmdir /var/lib/rabbitmq/.rabbitup-cookie
  sleep 0.25
done
"#;

/// Starts, if that user exists.
pub fn begin(lab: &Lab, host: &str) -> bool {
    let canary = format!("printf 'root alone\\n' >{CANARY} && chmod 600 {CANARY}");
    let run = format!(
        "id rabbitmq >/dev/null 2>&1 || exit 1; {canary}; systemctl stop {UNIT} 2>/dev/null; \
         printf '%s' '{}' >/run/hostile.sh && systemd-run -q --collect --unit={UNIT} --uid=rabbitmq --gid=rabbitmq sh /run/hostile.sh",
        PLANT.replace('\'', r"'\''")
    );
    lab.run_on(host, &run).status.success()
}

/// Stops it and removes what was planted. Returns the changes to root's own file.
pub fn end(lab: &Lab, host: &str) -> Vec<String> {
    let command = format!(
        "systemctl stop {UNIT} 2>/dev/null; rm -f /run/hostile.sh; \
         for d in /etc/rabbitmq /var/lib/rabbitmq /var/lib/rabbitmq/mnesia /var/log/rabbitmq; do \
         [ ! -d $d ] || find $d -maxdepth 1 \\( -type p -o -lname {CANARY} -o -lname /dev/zero \\) -delete; done; \
         rm -rf /var/lib/rabbitmq/mnesia/evil@host; rmdir /var/lib/rabbitmq/rabbitup-kept 2>/dev/null; \
         [ ! -e {CANARY} ] || {{ cat {CANARY}; stat -c '%a %U:%G' {CANARY}; rm {CANARY}; }}"
    );
    let found = lab.stdout_of(host, &command);
    if found.is_empty() || found == "root alone\n600 root:root" {
        return Vec::new();
    }
    vec![format!("{host}: root's own file became, by a link of user rabbitmq: {found}")]
}
