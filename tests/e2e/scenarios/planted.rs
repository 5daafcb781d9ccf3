//! User rabbitmq in the hands of an attacker: it owns three directories in which root reads and writes.

use std::process::Command;
use std::time::{Duration, Instant};

use rabbitup::model::quote;

use crate::inventory::Inventory;
use crate::program::Run;
use crate::stage::Stage;

const CANARY: &str = "CANARY-of-root";
/// A broker's start that fails three times, without waiting for the attacker.
const BOUND: Duration = Duration::from_secs(150);

/// What must stay unchanged, whatever user rabbitmq does: `/root/canary` must not even be read.
const CANARIES: &str = "stat -c '%n %a %u:%g %Y %X' /root/canary; stat -c '%n %a %u:%g %Y' /srv/canary /etc/shadow /etc/passwd /root /srv\n\
    ls -A /root /srv; cat /srv/canary; ls /var/tmp/ran-as-0 2>/dev/null || :";

/// Everything that it can create, everywhere. It owns the environment file: a root shell that evaluates it runs its commands. (On
/// RPM hosts /etc/rabbitmq belongs to root, and there is no such file; the test gives it both.)
const PLANT: &str = "cd /var/log/rabbitmq; ln -s /etc/shadow zz.log; ln -s /root/canary zy.log; mkfifo zx.log; ln -s /dev/zero zw.log\n\
    truncate -s 200G zv.log; mkdir zu.log; touch -d '+2 minutes' zv.log\n\
    cd /var/lib/rabbitmq/mnesia; mkdir pipe@x link@x zero@x; mkfifo pipe@x/cluster_nodes.config\n\
    ln -s /root/canary link@x/cluster_nodes.config; ln -s /dev/zero zero@x/cluster_nodes.config\n\
    cd /etc/rabbitmq; touch -r rabbitmq-env.conf /tmp/then; echo 'touch /var/tmp/ran-as-$(id -u) 2>/dev/null || :' >>rabbitmq-env.conf\n\
    touch -r /tmp/then rabbitmq-env.conf";
const UNPLANT: &str = "rm -rf /var/log/rabbitmq/z?.log /var/lib/rabbitmq/mnesia/*@x";

/// Where rabbitup itself writes or reads a cookie.
const IN_THE_WAY: &str = "cd /var/lib/rabbitmq; mv .erlang.cookie kept; mkfifo .erlang.cookie; ln -s /root .rabbitup-cookie\n\
    cd /etc/rabbitmq; mv rabbitmq.conf kept; ln -s /root/canary rabbitmq.conf";
const OUT_OF_THE_WAY: &str = "cd /var/lib/rabbitmq; mv -f kept .erlang.cookie; rm .rabbitup-cookie\n\
    cd /etc/rabbitmq; mv -f -T kept rabbitmq.conf";

/// Waits (inotify) until root creates its workshop in a directory, and swaps once; two minutes at most.
const SWAP: &str = r#"use POSIX; my ($dir, $from, $aside, $to) = @ARGV; my $end = time + 120; alarm 120;
    my ($init, $add) = (POSIX::uname())[4] eq "aarch64" ? (26, 27) : (294, 254);
    my $fd = syscall($init, 0); open(my $in, "<&=", $fd) or die;
    select(undef, undef, undef, 0.001) while syscall($add, $fd, $dir, 0x100) < 0 && time < $end;
    while (1) { opendir(my $d, $dir) or die; for (readdir $d) { next unless /^\.rabbitup\.\w{8}$/;
    $from =~ s/WORKSHOP/$dir\/$_/; rename $from, $aside; symlink $to, $from; exit } sysread($in, my $b, 4096) }"#;

struct Attacker<'a> {
    stage: &'a Stage,
    before: String,
}

impl Attacker<'_> {
    /// On node1, as user rabbitmq.
    fn does(&self, text: &str) -> String {
        self.stage.lab.stdout_of("node1", &as_rabbitmq(&format!("set -e\n{text}")))
    }

    /// In the background: `from` moves aside and becomes a link to `to` when root's workshop is made in `dir`.
    fn waits_to_swap(&self, dir: &str, from: &str, aside: &str, to: &str) {
        let perl = format!("perl -e {} {dir} {from} {aside} {to}", quote(SWAP));
        let text = format!("setsid timeout 150 {perl} </dev/null >/dev/null 2>&1 &");
        self.stage.lab.stdout_of("node1", &as_rabbitmq(&text));
    }

    #[track_caller]
    fn calm(&self, inventory: &Inventory, args: &[&str]) -> Run {
        let start = Instant::now();
        let run = self.stage.rabbitup(inventory).args(args.iter().copied()).run();
        let said = format!("{run}");
        assert!(start.elapsed() < BOUND, "it waited for the attacker: {said}");
        assert!(!said.contains(CANARY) && !said.contains("$y$"), "root read for the attacker: {said}");
        assert_eq!(self.stage.lab.stdout_of("node1", CANARIES), self.before, "{said}");
        run
    }
}

fn as_rabbitmq(text: &str) -> String {
    format!("setpriv --reuid=rabbitmq --regid=rabbitmq --clear-groups sh -c {}", quote(text))
}

/// Nothing that it plants makes root read, change or wait.
pub fn broker_user(stage: &Stage) {
    let lab = &stage.lab;
    let whole = Inventory::whole();
    lab.stdout_of(
        "node1",
        &format!(
            "cd /etc/rabbitmq; stat -c %u:%g . >/root/owner; chown rabbitmq: .\n\
             [ -e rabbitmq-env.conf ] || {{ install -o rabbitmq -g rabbitmq -m 644 /dev/null rabbitmq-env.conf; touch -d yesterday rabbitmq-env.conf; }}\n\
             rm -f /var/tmp/ran-as-*; for f in /root/canary /srv/canary; do echo {CANARY} >$f; done; chmod 600 /root/canary\n\
             chmod 644 /srv/canary; touch -d 2020-01-01 /root/canary /srv/canary"
        ),
    );
    // The shell's own look at it is none of root's.
    let before = lab.stdout_of("node1", CANARIES);
    let attacker = Attacker { stage, before };
    planted(&attacker, &whole);
    in_the_way(&attacker, &whole);
    swapped(&attacker);
    failing_start(&attacker);
    attacker.does("cd /etc/rabbitmq; sed -i /ran-as/d rabbitmq-env.conf");
    lab.stdout_of(
        "node1",
        "rm -f /root/canary /srv/canary /var/tmp/ran-as-*; chown $(cat /root/owner) /etc/rabbitmq; rm /root/owner; \
         find /etc/rabbitmq/rabbitmq-env.conf -empty -delete",
    );
    stage.up(&whole).expect(0);
    stage.assert_nothing_to_do(&whole);
}

fn planted(attacker: &Attacker<'_>, whole: &Inventory) {
    attacker.does(PLANT);
    attacker.calm(whole, &["plan"]).expect(0).says("No changes.");
    attacker.calm(whole, &["status"]).expect(0);
    attacker.calm(whole, &["doctor"]).expect(0);
    let bundle = attacker.stage.home.borrow().path("planted.tar.gz");
    let path = bundle.display().to_string();
    attacker.calm(whole, &["doctor", "--bundle", &path]).expect(0);
    let packed = Command::new("tar").args(["-xzOf", &path]).output().expect("tar runs").stdout;
    let packed = String::from_utf8_lossy(&packed);
    assert!(!packed.contains(CANARY) && !packed.contains("$y$") && !packed.contains("daemon:*:"), "{packed}");
    // RabbitMQ's own logs are still in it, also the one that systemd writes as root.
    assert!(packed.contains("Starting RabbitMQ") || packed.contains("Server startup complete"), "{packed}");
    // Debian's wrapper of rabbitmq-plugins would evaluate its file as root.
    let mut more = whole.clone();
    more.plugins.push("rabbitmq_shovel");
    attacker.calm(&more, &["up", "--yes", "--limit", "node1"]).expect(0);
    attacker.calm(whole, &["up", "--yes", "--limit", "node1"]).expect(0);
    attacker.does(UNPLANT);
}

fn in_the_way(attacker: &Attacker<'_>, whole: &Inventory) {
    attacker.does(IN_THE_WAY);
    attacker
        .calm(whole, &["up", "--yes"])
        .expect(1)
        .says("/var/lib/rabbitmq/.erlang.cookie is not a file that user rabbitmq can use")
        .says("it is a named pipe")
        .says("/var/lib/rabbitmq/.rabbitup-cookie is not a file that user rabbitmq can use")
        .says("it is a symbolic link to /root")
        .says("/etc/rabbitmq/rabbitmq.conf is a symbolic link")
        .says("it points to /root/canary")
        .says("Nothing was changed.");
    attacker.calm(whole, &["status"]);
    attacker.calm(whole, &["doctor"]);
    attacker.does(OUT_OF_THE_WAY);
    attacker.calm(whole, &["plan"]).expect(0).says("No changes.");
}

/// It waits until root has checked and not yet acted.
fn swapped(attacker: &Attacker<'_>) {
    let etc = "/etc/rabbitmq";
    // With a secret in it, so that the old file is made private.
    let mut secret = Inventory::whole();
    secret.config.push("default_pass = { from = \"file\", path = \"admin-password\" }".to_owned());
    let up = ["up", "--yes", "--limit", "node1"];
    attacker.waits_to_swap(etc, &format!("{etc}/rabbitmq.conf"), &format!("{etc}/aside"), "/srv/canary");
    let run = attacker.calm(&secret, &up);
    // It may be too late for this file, and then has swapped the one that was replaced a moment later.
    if !run.succeeded() {
        run.says("not a regular file with one name");
        attacker.does(&format!("mv -f -T {etc}/aside {etc}/rabbitmq.conf"));
    }
    attacker.does(&format!("test -L {etc}/rabbitmq.conf && exit 1; rm -f {etc}/aside"));
    secret.config.push("max_message_size = 1000000".to_owned());
    attacker.waits_to_swap(etc, "WORKSHOP", &format!("{etc}/aside"), "/root");
    let run = attacker.calm(&secret, &up);
    assert!(
        attacker.stage.lab.run_on("node1", "test -d /etc/rabbitmq/aside").status.success(),
        "no swap: {run}"
    );
    attacker.stage.lab.stdout_of("node1", "rm -rf /etc/rabbitmq/aside /etc/rabbitmq/.rabbitup.*");

    let home = "/var/lib/rabbitmq";
    attacker.waits_to_swap(
        &format!("{home}/.rabbitup-cookie"),
        &format!("{home}/.rabbitup-cookie"),
        &format!("{home}/aside"),
        "/root",
    );
    attacker.calm(&Inventory::whole(), &["run", "rotate-cookie", "--yes"]);
    attacker.does(&format!("rm -rf {home}/.rabbitup-cookie {home}/aside 2>/dev/null || :"));
    attacker.stage.lab.stdout_of("node1", &format!("rm -rf {home}/aside"));
    attacker.calm(&Inventory::whole(), &["run", "rotate-cookie", "--yes"]).expect(0);
    attacker.calm(&Inventory::whole(), &["run", "rolling-restart", "--yes", "--limit", "node1"]).expect(0);
}

/// A log that is a pipe has no last lines to print.
fn failing_start(attacker: &Attacker<'_>) {
    let whole = Inventory::whole();
    let data = "/var/lib/rabbitmq/mnesia/rabbit@node1";
    attacker.stage.lab.stdout_of("node1", "systemctl stop rabbitmq-server");
    attacker.does(&format!(
        "chmod 0 {data}; mkfifo /var/log/rabbitmq/zx.log; ln -s /dev/zero /var/log/rabbitmq/zw.log"
    ));
    attacker
        .calm(&whole, &["up", "--yes", "--limit", "node1"])
        .expect(1)
        .says("rabbitmq-server did not start");
    attacker.does(&format!("chmod 750 {data}; rm /var/log/rabbitmq/z?.log"));
    attacker.calm(&whole, &["up", "--yes", "--limit", "node1"]).expect(0);
}
