//! Passwords and cookies do not leak, for every command and verbosity, even when something fails.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use md5::{Digest, Md5};

use crate::hosts::{self, on_all};
use crate::inventory::{ADMIN_PASSWORD, Inventory};
use crate::processes::ProcessWatch;
use crate::program::{Start, until};
use crate::remains::{on_controller, on_host};
use crate::search::{Search, forms};
use crate::stage::{ALL, BROKERS, Stage};

/// Of no real account, and none like another.
const SUDO: &str = "sudo-Zx81+of/nobody";
const WRONG_SUDO: &str = "wrong-Qv27\"of nobody%";
const STATS: &str = "stats-Kd33+of/nobody";
const LITERAL: &str = "literal-Wn54-of-nobody";
const USER_PASSWORD: &str = "plain-Hb92+of/nobody";
const USER_HASH: &str = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30wTcYlGvLQ7Bd";

/// A planted string, so that every search has something to find. It is a valid host name.
const CANARY: &str = "canary-mt65-of-nobody";
const CANARY_OF_ENVIRONMENT: &str = "canary-env-Rb18-of-nobody";

/// Policies of the definitions: one that RabbitMQ refuses, and none.
const REFUSED: &str =
    r#"{"vhost": "/", "name": "odd", "pattern": ".*", "definition": {"message-ttl": "soon"}, "priority": 0}"#;
const ACCEPTED: &str = "";

/// A program on the operator's machine that records its environment, and its own mark.
const PROGRAMS: [&str; 2] = ["ssh", "id"];
const NOTES: &str = "notes-of-programs";
const NOTING: &str =
    "#!/bin/sh\n{ echo \"${0##*/} was started\"; env; } >>'NOTES'\nexec '/usr/bin/'\"${0##*/}\" \"$@\"\n";

/// A tool that prints the file that it refuses, in three forms, and one that is slow with a cookie.
const TELLTALE: &str = "#!/bin/sh\nfor file; do :; done\ncat \"$file\"; base64 -w 0 \"$file\"; echo; \
    grep stats.auth \"$file\" | od -A n -v -t x1 | tr -d ' \\n'; echo; exit 1\n";
const SLOW: &str = "#!/bin/sh\nfor file; do :; done\ncase $PWD/$file in /var/lib/rabbitmq/*.rabbitup.*) echo $$ >/run/slow; \
    while [ -e /run/slow ]; do sleep 0.05; done ;; esac\nexec /bin/chown \"$@\"\n";

/// The watch sees every process of this machine, also what this scenario plants on the hosts of another release.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What `--log` writes, in the home.
const LOG: &str = "all.log";

/// Every command at every verbosity, five failures, and a search of everything that they left.
pub fn nowhere(stage: &Stage) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let lab = &stage.lab;
    lab.stdout_of(
        "node1",
        &format!("echo 'ops:{SUDO}' | chpasswd; echo 'ops ALL=(ALL) ALL' >/etc/sudoers.d/ops"),
    );
    searches_find_what_is_planted(stage);
    // A broker that an earlier scenario kept from starting has left its memory there, as Erlang does: the cookie is in it.
    on_all(&BROKERS, |host| lab.stdout_of(host, "rm -f /var/log/rabbitmq/erl_crash.dump"));
    let before = lab.stdout_of("node1", "cat /var/lib/rabbitmq/.erlang.cookie");
    note_environments(stage);
    let watch = ProcessWatch::start();
    stage.home.borrow_mut().forget_connections();

    mistakes(stage);
    every_command(stage);
    refusals(stage);
    saved_plan(stage);
    let staged = cut_off_rotation(stage);
    told_afterwards(stage);

    let processes = watch.stop();
    let after = lab.stdout_of("node1", "cat /var/lib/rabbitmq/.erlang.cookie");
    assert!(before != after && staged != before, "the cookie was rotated");
    let mut search = Search::default();
    for (what, secret) in [
        ("the old cookie", before.as_str()),
        ("a staged cookie", &staged),
        ("the new cookie", &after),
        ("the administrator's password", ADMIN_PASSWORD),
        ("the password for sudo", SUDO),
        ("a wrong password for sudo", WRONG_SUDO),
        ("the statistics page's password", STATS),
        ("a password in a bad inventory", LITERAL),
        ("a password in the definitions", USER_PASSWORD),
        ("a password's hash in the definitions", USER_HASH),
    ] {
        search.secret(what, secret);
    }
    let mut canary = Search::default();
    canary.secret("arguments", CANARY);
    canary.secret("environments", CANARY_OF_ENVIRONMENT);
    assert_eq!(
        canary.find(processes.join("\n").as_bytes()).len(),
        2,
        "the watch sees arguments and environments"
    );
    let mut found: Vec<String> = Vec::new();
    let mut look = |place: &str, bytes: &[u8]| {
        found.extend(search.find(bytes).into_iter().map(|what| format!("{what}: {place}")));
    };
    for words in &processes {
        look(&format!("process {}", words.chars().take(200).collect::<String>()), words.as_bytes());
    }
    let controller = on_controller(stage);
    let journal =
        |(place, bytes): &&(String, Vec<u8>)| place.ends_with(".jsonl") && !canary.find(bytes).is_empty();
    assert!(controller.iter().find(journal).is_some(), "the search sees the journals");
    let noted = std::fs::read_to_string(stage.home.borrow().path(NOTES)).expect("programs were started");
    for program in PROGRAMS {
        assert!(noted.contains(&format!("{program} was started")), "nothing was noted of {program}");
    }
    controller.iter().for_each(|(place, bytes)| look(place, bytes));
    for (host, files) in ALL.iter().zip(on_all(&ALL, |host| on_host(lab, host))) {
        files
            .iter()
            .filter(|(path, _)| !belongs(path))
            .for_each(|(path, bytes)| look(&format!("{host}:{path}"), bytes));
    }
    assert!(found.is_empty(), "secrets were to be seen:\n{}", found.join("\n"));
    assert_no_digest(&controller, [&before, &staged, &after]);
    hosts::assert_cookie(lab, &BROKERS);
    hosts::assert_tidy(lab, &ALL);
    put_back(stage);
}

/// The unsalted MD5 of a cookie would confirm a right guess. On the hosts RabbitMQ itself logs it.
fn assert_no_digest(controller: &[(String, Vec<u8>)], cookies: [&str; 3]) {
    let mut search = Search::default();
    for digest in cookies.map(Md5::digest) {
        search.secret("a cookie's MD5", &BASE64_STANDARD.encode(digest));
        search.secret("a cookie's MD5", &digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    }
    for (place, bytes) in controller {
        let found = search.find(bytes);
        assert!(found.is_empty(), "{found:?}: {place}");
    }
}

/// From here on every program that it starts on this machine saves its environment in the home, to be searched.
fn note_environments(stage: &Stage) {
    let home = stage.home.borrow();
    let folder = home.path("programs");
    std::fs::create_dir(&folder).expect("the home is writable");
    for program in PROGRAMS {
        let file = folder.join(program);
        write(&file, &NOTING.replace("NOTES", &home.path(NOTES).display().to_string()));
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
    }
}

/// Files that may contain a secret, readable only by their owner; other tests check those.
fn belongs(path: &str) -> bool {
    path.ends_with("/.erlang.cookie") || path.starts_with("etc/haproxy/haproxy.cfg")
}

/// Every run of this scenario: whatever the umask, and as talkative as libraries can be made.
fn rabbitup(stage: &Stage, inventory: &str) -> Start {
    let programs = stage.home.borrow().path("programs").display().to_string();
    let path = std::env::var("PATH").expect("there is a search path");
    stage
        .rabbitup_on(inventory)
        .env("PATH", &format!("{programs}:{path}"))
        // Without these the program has to query the user name.
        .env("USER", "")
        .env("LOGNAME", "")
        .env("E2E_STATS", STATS)
        .env("E2E_CANARY", CANARY_OF_ENVIRONMENT)
        .env("RABBITUP_BECOME_PASSWORD", SUDO)
        .env("RUST_BACKTRACE", "full")
        .env("RUST_LOG", "trace")
        .with_open_umask()
}

fn inventory(stage: &Stage) -> String {
    let mut inventory = Inventory::whole();
    inventory.balancer = vec![
        "stats = { port = 8404, user = \"watcher\", password = { from = \"env\", name = \"E2E_STATS\" } }"
            .to_owned(),
    ];
    inventory.cluster.push("definitions = \"definitions.json\"".to_owned());
    inventory.text(&stage.lab, None)
}

fn definitions(stage: &Stage, policies: &str) {
    let text = format!(
        r#"{{"users": [{{"name": "till", "password_hash": "{USER_HASH}", "tags": "",
                         "hashing_algorithm": "rabbit_password_hashing_sha256"}},
                       {{"name": "shop", "password": "{USER_PASSWORD}", "tags": ""}}], "policies": [{policies}]}}"#
    );
    write(&stage.home.borrow().path("definitions.json"), &text);
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the home is writable");
}

/// Passwords written out in inventories that are wrong besides, and broken definitions beside a password's hash.
fn mistakes(stage: &Stage) {
    let good = inventory(stage);
    for line in [
        format!("cookie = \"{LITERAL}\""),
        format!("cookie = \"{LITERAL}"),
        format!("admin = {{ user = operator, password = \"{LITERAL}\" }}"),
        format!("password = {LITERAL}"),
        format!("\"password\" = '''{LITERAL}"),
    ] {
        let bad = good.replacen("[cluster]\n", &format!("[cluster]\n{line}\n"), 1);
        for args in [&["check"][..], &["plan", "--json"], &["up", "--yes", "-v"]] {
            rabbitup(stage, &bad).args(args.iter().copied()).run().expect(64);
        }
    }
    let file = stage.home.borrow().path("definitions.json");
    write(
        &file,
        &format!(
            "{{\"users\": [{{\"password_hash\": \"{USER_HASH}\",, \"password\": \"{USER_PASSWORD}\"}}]}}"
        ),
    );
    rabbitup(stage, &good).args(["check"]).run().expect(64).says("is not JSON: line 1");
    definitions(stage, REFUSED);
}

/// What asks nothing of the hosts, and what only looks at them, plain, verbose, for machines, on a terminal.
fn every_command(stage: &Stage) {
    let text = inventory(stage);
    let render = ["haproxy", "hosts", "rabbitmq", "chrony"].map(|template| vec!["render", template]);
    let schema = ["inventory", "playbook", "plan"].map(|document| vec!["schema", document]);
    let shells = ["bash", "zsh", "fish"].map(|shell| vec!["completions", shell]);
    // Their pages and their log are among the files that are searched.
    let pages =
        ["plan.html", "status.html", LOG].map(|name| stage.home.borrow().path(name).display().to_string());
    let hosts = [
        vec!["plan", "--html", &pages[0], "--log", &pages[2]],
        vec!["plan", "rotate-cookie"],
        vec!["status", "--html", &pages[1], "--log", &pages[2]],
    ];
    let others = [vec!["check"], vec!["run"], vec!["man"], vec!["init", "node1=10.0.0.1", "-o", "-"]];
    for (at, words) in render.iter().chain(&schema).chain(&shells).chain(&others).chain(&hosts).enumerate() {
        for more in [&[][..], &["-v"], &["--json"]] {
            let run = rabbitup(stage, &text).args(words.iter().chain(more).copied()).run();
            assert!(run.succeeded(), "{run}");
        }
        // A terminal is slow to create, and commands without hosts print the same on each.
        if at % 5 == 0 || words[0] == "plan" {
            let run = rabbitup(stage, &text).args(words.iter().copied()).on_terminal().run();
            assert!(run.succeeded(), "{run}");
        }
    }
}

/// A wrong password for sudo, a tool that prints what it refuses, and definitions that RabbitMQ does not take.
fn refusals(stage: &Stage) {
    let text = inventory(stage);
    let wrong =
        rabbitup(stage, &text).env("RABBITUP_BECOME_PASSWORD", WRONG_SUDO).args(["up", "--yes", "-v"]).run();
    wrong.expect(1).says("Nothing was changed.");
    stage.lab.stdout_of(
        "lb1",
        &format!(
            "printf %s '{}' >/usr/local/sbin/haproxy; chmod 755 /usr/local/sbin/haproxy",
            TELLTALE.replace('\'', "'\\''")
        ),
    );
    let log = stage.home.borrow().path(LOG).display().to_string();
    for more in [&["--log", &log][..], &["--json", "--log", &log]] {
        let run = rabbitup(stage, &text).args(["up", "--yes", "-v"].iter().chain(more).copied()).run();
        run.expect(1)
            .says("••••")
            .says("the old one is still in place")
            .says("RabbitMQ refused the definitions");
    }
    stage.lab.stdout_of("lb1", "rm /usr/local/sbin/haproxy");
    definitions(stage, ACCEPTED);
}

/// A plan that is saved in a file that others could read, and applied with a typed password.
fn saved_plan(stage: &Stage) {
    let (text, plan) = (inventory(stage), stage.home.borrow().path(&format!("{CANARY}.plan")));
    let (name, mode) = (plan.display().to_string(), |mode| std::fs::Permissions::from_mode(mode));
    // Empty: what has something else in it is not replaced.
    write(&plan, "");
    std::fs::set_permissions(&plan, mode(0o644)).expect("the file is ours");
    let journals = stage.home.borrow().path("state/rabbitup/journal");
    std::fs::set_permissions(&journals, mode(0o755)).expect("the directory is ours");
    rabbitup(stage, &text).args(["plan", "-o", &name]).run().expect(0).says("Saved.");
    let typed = rabbitup(stage, &text).args(["apply", &name, "--yes", "-K", "-v"]).on_terminal();
    let mut typed = typed.spawn();
    typed.wait_for("Password for sudo");
    typed.type_line(SUDO);
    typed.wait().expect(0).says("import definitions.json");
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&plan), mode(&journals)), (0o600, 0o700), "the plan's mode, the journals'");
    for journal in std::fs::read_dir(&journals).expect("it is there").flatten() {
        assert_eq!(mode(&journal.path()), 0o600, "{}", journal.path().display());
    }
    rabbitup(stage, &text).args(["up", "--yes"]).run().expect(0).says("No changes.");
    let open =
        "grep -lE 'stats auth|insecure-password' /etc/haproxy/* | xargs stat -c %a | grep -v '0$' || :";
    assert_eq!(stage.lab.stdout_of("lb1", open), "", "others can read a password on lb1");
}

/// The program is killed while a host writes a cookie; the next run fixes that. Returns the cookie that was being written.
fn cut_off_rotation(stage: &Stage) -> String {
    let (text, lab) = (inventory(stage), &stage.lab);
    lab.stdout_of(
        "node2",
        &format!("printf %s '{SLOW}' >/usr/local/sbin/chown; chmod 755 /usr/local/sbin/chown"),
    );
    let run = rabbitup(stage, &text).args(["run", "rotate-cookie", "--yes", "--json"]).spawn();
    let half = "/var/lib/rabbitmq/.rabbitup-cookie/.rabbitup.*/new";
    until("node2 writes the cookie", Duration::from_secs(60), || {
        lab.run_on("node2", "test -s /run/slow").status.success().then_some(())
    });
    assert_eq!(lab.stdout_of("node2", &format!("stat -c '%a %U' {half}")), "600 root", "half a cookie");
    let staged = lab.stdout_of("node2", &format!("cat {half}"));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", run.pid())).expect("it still runs");
    let core =
        limits.lines().find(|line| line.starts_with("Max core file size")).expect("Linux has that limit");
    assert_eq!(core.split_whitespace().nth(4), Some("0"), "a crash would leave a core dump: {core}");
    run.kill();
    // Its host loses power, too: the step does not continue.
    lab.stdout_of("node2", "rm /usr/local/sbin/chown; kill -9 $(cat /run/slow); rm /run/slow");
    rabbitup(stage, &text).args(["run", "rotate-cookie", "--yes", "-v"]).run().expect(0);
    staged
}

/// What `history` tells of all these runs: text, pages, a log. They are among the files that are searched.
fn told_afterwards(stage: &Stage) {
    let text = inventory(stage);
    let log = stage.home.borrow().path(LOG).display().to_string();
    let list = rabbitup(stage, &text).args(["history", "--json"]).run().expect(0).json();
    let runs = list["runs"].as_array().expect("runs were recorded");
    assert!(runs.iter().any(|run| run["result"] == "failed"), "{list}");
    for run in runs {
        let journal = run["journal"].as_str().expect("it has a name");
        let page = stage.home.borrow().path(&format!("{journal}.html")).display().to_string();
        let show = ["history", "show", journal, "--html", &page, "--log", &log, "-v"];
        rabbitup(stage, &text).args(show).run().expect(0);
    }
    let logged = std::fs::read_to_string(&log).expect("the log was written");
    assert!(logged.contains("••••") && logged.contains("of bring-up: failed"), "{logged}");
}

/// Each place on a host has the canary in a different form, and the search names each.
fn searches_find_what_is_planted(stage: &Stage) {
    let places = [
        "tmp/x",
        "var/tmp/x",
        "run/x",
        "dev/shm/x",
        "root/.bash_history",
        "home/ops/.bash_history",
        "etc/x",
        "var/log/apt/x",
        "var/log/rabbitmq/x",
        "var/log/x",
        "var/lib/rabbitmq/erl_crash.dump",
        "var/log/rabbitmq/erl_crash.dump",
        "var/crash/x",
    ];
    let forms = forms(CANARY);
    let planted = places.iter().zip(forms.iter().cycle()).map(|(place, (_, text))| {
        format!(
            "mkdir -p /{}; printf 'before%safter' '{text}' >>/{place}",
            place.rsplit_once('/').expect("a path").0
        )
    });
    let lab = &stage.lab;
    lab.stdout_of("node1", &planted.collect::<Vec<_>>().join("; "));
    lab.stdout_of(
        "node1",
        &format!("logger 'it is {CANARY}'; runuser -u ops -- sudo -n true {CANARY_OF_ENVIRONMENT} || :"),
    );
    let mut search = Search::default();
    search.secret("planted", CANARY);
    let mut logged = Search::default();
    logged.secret("logged", CANARY_OF_ENVIRONMENT);
    let missed = until("the journal has it", Duration::from_secs(10), || {
        let files = on_host(lab, "node1");
        let seen = |search: &Search, place: &str| {
            files.iter().any(|(path, bytes)| path == place && !search.find(bytes).is_empty())
        };
        let missed: Vec<&str> = places.iter().copied().filter(|place| !seen(&search, place)).collect();
        (seen(&search, "journal") && seen(&logged, "journal")).then_some(missed)
    });
    assert!(missed.is_empty(), "the search does not see {missed:?}");
    let paths = places.map(|place| format!("/{place}")).join(" ");
    lab.stdout_of("node1", &format!("rm -rf /var/crash {paths}"));
    // What is printed, on either stream, and what lies in the home.
    let text = inventory(stage).replace("definitions = \"definitions.json\"", "");
    rabbitup(stage, &text).args(["init", &format!("{CANARY}=10.0.0.1"), "-o", "-"]).run().expect(0);
    let printed = |seen: usize| {
        let transcript = stage.home.borrow().transcript();
        assert!(transcript.matches(CANARY).count() > seen, "the transcript has what was printed");
        transcript.matches(CANARY).count()
    };
    let seen = printed(0);
    rabbitup(stage, &text).args(["plan", "--limit", CANARY]).run().expect(64);
    printed(seen);
    write(&stage.home.borrow().path("run-of-a-canary"), CANARY);
    let found = |(place, bytes): &(String, Vec<u8>)| (!search.find(bytes).is_empty()).then(|| place.clone());
    let found: Vec<String> = on_controller(stage).iter().filter_map(found).collect();
    assert!(found.iter().any(|place| place.ends_with("run-of-a-canary")), "{found:?}");
    assert!(found.iter().any(|place| place == "printed"), "{found:?}");
}

/// The next scenario finds the cluster as it was.
fn put_back(stage: &Stage) {
    stage.up(&Inventory::whole()).expect(1).says("sudo asks for a password");
    stage.lab.stdout_of(
        "node1",
        "echo 'ops ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/ops; rabbitmqctl -q delete_user till; \
         rabbitmqctl -q delete_user shop; rabbitmqctl -q clear_global_parameter rabbitup_definitions",
    );
    stage.up(&Inventory::whole()).expect(0);
    stage.assert_serves();
}
