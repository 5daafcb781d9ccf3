//! A new Erlang cookie for a running cluster, and every kind of interruption.

use std::time::Duration;

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::load::Load;
use crate::processes::ProcessWatch;
use crate::program::until;
use crate::stage::{BROKERS, Stage};

const FILE: &str = "/var/lib/rabbitmq/.erlang.cookie";
const STAGED: &str = "/var/lib/rabbitmq/.rabbitup-cookie";

fn cookie(stage: &Stage, host: &str) -> String {
    stage.lab.stdout_of(host, &format!("cat {FILE}"))
}

/// The nodes that each node is connected to, queried with the cookie in its file.
fn links(stage: &Stage) -> Vec<String> {
    let lab = &stage.lab;
    on_all(&BROKERS, |host| lab.stdout_of(host, "timeout 60 rabbitmqctl -q eval 'lists:sort(nodes()).'"))
}

/// How often each node has logged so far that another one went down.
fn partings(stage: &Stage) -> Vec<String> {
    let lab = &stage.lab;
    let command = "grep -cE \"(rabbit on )?node '?rabbit@node[0-9]'? (is )?down\" /var/log/rabbitmq/rabbit@$(hostname).log || :";
    on_all(&BROKERS, |host| lab.stdout_of(host, command))
}

/// One cookie in all files and in all running nodes, and none staged. Returns its digest.
#[track_caller]
fn assert_one_cookie(stage: &Stage) -> String {
    let lab = &stage.lab;
    let command = format!(
        "tr -d '\\r\\n' <{FILE} | md5sum | cut -d' ' -f1; timeout 60 rabbitmqctl -q eval \
         'io_lib:format(\"~32.16.0b\", [binary:decode_unsigned(erlang:md5(atom_to_list(erlang:get_cookie())))]).' | \
         tr -d '[]\"'; ls -d {STAGED} 2>/dev/null || :"
    );
    let found = on_all(&BROKERS, |host| lab.stdout_of(host, &command));
    let digest = found[0].lines().next().unwrap_or_default().to_owned();
    for (host, text) in BROKERS.iter().zip(&found) {
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [&digest; 2],
            "file and running node of {host}: {found:?}"
        );
    }
    hosts::assert_cookie(lab, &BROKERS);
    digest
}

/// A rotation restarts no node, drops no link, never shows the cookie and leaves no trace of the old one.
pub fn live(stage: &Stage) {
    let mut inventory = Inventory::whole();
    let lab = &stage.lab;
    let old = cookie(stage, "node1");
    let services = hosts::all_services(lab, &BROKERS);
    let (linked, parted) = (links(stage), partings(stage));
    let load = Load::start(stage, "rotate-cookie");
    let processes = ProcessWatch::start();
    stage.playbook(&inventory, &["rotate-cookie"]).expect(0).says("Verified: No changes.");
    let seen = processes.stop();
    load.end("rotate-cookie");
    let new = cookie(stage, "node1");
    assert_ne!(new, old, "the cookie has changed");
    let transcript = stage.home.borrow().transcript();
    for secret in [old.trim(), new.trim()] {
        assert!(!seen.iter().any(|line| line.contains(secret)), "a cookie was in the list of processes");
        assert!(!transcript.contains(secret), "a cookie was printed");
    }
    let left =
        format!("grep -rlF -- '{}' /var/lib/rabbitmq /etc /run /tmp /var/tmp /root /home || :", old.trim());
    for (host, files) in BROKERS.iter().zip(on_all(&BROKERS, |host| lab.stdout_of(host, &left))) {
        assert_eq!(files, "", "the old cookie is left on {host}");
    }
    assert_one_cookie(stage);

    // The inventory's cookie, and the same again.
    let file = stage.home.borrow().path("cookie");
    std::fs::write(&file, "e2e+cookie/of+nobody+that+is+long+enough\n").expect("the home is writable");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&file, mode).expect("the file is ours");
    inventory.cluster.push("cookie = { from = \"file\", path = \"cookie\" }".to_owned());
    stage.playbook(&inventory, &["rotate-cookie"]).expect(0).says("the inventory has a new one");
    assert_eq!(cookie(stage, "node3").trim(), "e2e+cookie/of+nobody+that+is+long+enough");
    assert_one_cookie(stage);
    let again = stage.playbook(&inventory, &["rotate-cookie"]).expect(0).says("No changes.");
    again.says("every node has the inventory's cookie; change it there to rotate to another");
    stage.assert_nothing_to_do(&inventory);
    stage.assert_nothing_to_do(&Inventory::whole());
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "who was restarted");
    assert_eq!(links(stage), linked, "the links");
    assert_eq!(partings(stage), parted, "links that were dropped");

    lab.stdout_of("node2", "systemctl restart rabbitmq-server && timeout 60 rabbitmqctl -q await_startup");
    super::steady::wait_for_balancer(stage, "node2", "UP");
    stage.assert_serves();
    assert_ne!(partings(stage), parted, "a link that is dropped is seen");
}

/// A stopped node and a host without power get the new cookie when they are back at the latest.
pub fn nodes_down(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    lab.stdout_of("node3", "systemctl stop rabbitmq-server");
    // The cookie is rotated; that node3 does not run is still an error.
    stage
        .playbook(&inventory, &["rotate-cookie"])
        .expect(1)
        .says("it is not running and starts with the new one");
    hosts::assert_cookie(lab, &BROKERS);
    stage.up(&inventory).expect(0).says("start rabbit@node3");
    let stopped = assert_one_cookie(stage);
    stage.assert_serves();

    lab.kill("node3");
    stage.home.borrow_mut().forget_connections();
    let run = stage.playbook(&inventory, &["rotate-cookie"]).expect(1);
    run.says("node3");
    hosts::assert_cookie(lab, &["node1", "node2"]);
    lab.boot("node3");
    // Its broker starts by itself, with the old cookie; a VM that has just begun to boot does not answer.
    let run = until("node3 gets the cookie", Duration::from_secs(90), || {
        let run = stage.up(&inventory);
        run.succeeded().then_some(run)
    });
    run.says("install the Erlang cookie");
    assert_ne!(assert_one_cookie(stage), stopped, "the cookie was rotated without node3");
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}

/// Replaces erl_call: refuses to change the node's cookie while the flag file exists, and may remove the flag.
fn refuse_on_node3(stage: &Stage, often: &str) {
    let script = format!(
        "set -e; real=$(command -v erl_call || ls /usr/lib*/erlang/lib/erl_interface-*/bin/erl_call); install -o rabbitmq /dev/null /var/tmp/refuse; \
         cat >/usr/local/bin/erl_call <<EOF\n\
         #!/bin/sh\n\
         said=\\$(cat)\n\
         case \\$said in *set_cookie*) if [ -e /var/tmp/refuse ]; then {often}; exit 1; fi ;; esac\n\
         printf '%s\\n' \"\\$said\" | $real \"\\$@\"\n\
         EOF\n\
         chmod 755 /usr/local/bin/erl_call"
    );
    stage.lab.stdout_of("node3", &script);
}

fn refuse_no_more(stage: &Stage) {
    stage.lab.stdout_of("node3", "rm -f /usr/local/bin/erl_call /var/tmp/refuse");
}

/// A failure before any node has the new cookie is reverted; a later one is completed, by the same run or by the next.
/// Until then `back=yes` is possible.
pub fn half_way(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let rotate = |words: &[&str]| {
        let words: Vec<&str> = ["rotate-cookie"].iter().chain(words).copied().collect();
        stage.playbook(&inventory, &words)
    };
    let services = hosts::all_services(lab, &BROKERS);
    let linked = links(stage);
    let first = assert_one_cookie(stage);
    let load = Load::start(stage, "half-rotated");

    // Staging fails: a file is at the path of the directory.
    lab.stdout_of("node3", &format!("install -m 600 /dev/null {STAGED}"));
    let run = rotate(&[]).expect(1).says("node3").says("The run failed half-way. This ends it:");
    run.says("Ended: no node has the new cookie, so the old one stays.");
    lab.stdout_of("node3", &format!("rm {STAGED}"));
    assert_eq!(assert_one_cookie(stage), first, "the old cookie");

    // One node does not accept it at first.
    refuse_on_node3(stage, "rm -f /var/tmp/refuse");
    let run = rotate(&[]).expect(1).says("The run failed half-way. This ends it:");
    run.says("Ended: some nodes already have the new cookie, so all get it.");
    refuse_no_more(stage);
    let second = assert_one_cookie(stage);
    assert_ne!(second, first, "the new cookie");

    // It never does: reverted, and then completed.
    refuse_on_node3(stage, ":");
    rotate(&[]).expect(1).says("The run failed half-way. This ends it:").says("node3");
    assert_eq!(hosts::assert_cookie(lab, &BROKERS), md5_of_file(stage), "no file was renamed");
    rotate(&["back=yes"]).expect(0).says("switch rabbit@node1 back to the old cookie while it runs");
    assert_eq!(assert_one_cookie(stage), second, "the old cookie");
    rotate(&[]).expect(1);
    let status = stage.rabbitup(&inventory).args(["status"]).run().expect(1);
    status.says("a cookie rotation was not finished: the new cookie is staged beside the one in use");
    refuse_no_more(stage);
    let run = rotate(&[]).expect(0).says("a rotation was not finished");
    run.says("Verified: No changes.");
    assert_ne!(assert_one_cookie(stage), second, "the new cookie");

    load.end("rotate-cookie that fails half-way, four times");
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "who was restarted");
    assert_eq!(links(stage), linked, "the links");
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}

fn md5_of_file(stage: &Stage) -> String {
    stage.lab.stdout_of("node1", &format!("md5sum <{FILE}"))
}

/// All files got another cookie by hand: no running node accepts commands, so all stop and start.
pub fn behind_their_backs(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let before = hosts::starts(lab, &BROKERS);
    let load = Load::start(stage, "all-restarted");
    let theirs = "somebodys+cookie/in+all+the+files";
    on_all(&BROKERS, |host| {
        lab.stdout_of(
            host,
            &format!("cd /var/lib/rabbitmq && chmod 600 {FILE} && echo {theirs} >{FILE} && chmod 400 {FILE}"),
        )
    });
    let run = stage.playbook(&inventory, &["rotate-cookie"]).expect(0);
    let run =
        run.says("the cookie files were changed while the nodes ran, so no running node can be reached");
    run.says("no client is served meanwhile, and no data on disk is lost").says("Verified: No changes.");
    load.end("rotate-cookie by stopping all nodes");
    let after = hosts::starts(lab, &BROKERS);
    assert!(before.iter().zip(&after).all(|(was, is)| is > was), "{before:?}, then {after:?}");
    assert_one_cookie(stage);
    assert_eq!(cookie(stage, "node2"), theirs, "what the files held");
    stage.assert_nothing_to_do(&inventory);
    stage.assert_serves();
}
