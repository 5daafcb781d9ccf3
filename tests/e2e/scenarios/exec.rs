//! One command on many hosts, and a shell on one.

use std::time::Duration;

use crate::inventory::Inventory;
use crate::program::{Run, until};
use crate::stage::{BROKERS, Stage};

/// Equal answers are shown once; what fails is named; nothing that was begun stays on a host, whatever ends it.
pub fn side_by_side(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let exec = |words: &[&str]| -> Run {
        stage.rabbitup(&inventory).args(["exec"]).args(words.iter().copied()).run()
    };
    let run = exec(&["@broker", "--", "id", "-un"]).expect(0);
    assert_eq!(run.out, "node1, node2, node3:\n  ops\n", "{run}");
    let run = exec(&["--sudo", "node1,node2,lb1", "--", "sh", "-c", "id -un; hostname"]).expect(0);
    assert_eq!(run.out, "node1:\n  root\n  node1\nnode2:\n  root\n  node2\nlb1:\n  root\n  lb1\n", "{run}");
    exec(&["--sudo", "@broker", "--", "rabbitmqctl", "-q", "eval", "nodes() =/= []."])
        .expect(0)
        .says("node1, node2, node3: true");

    lab.stdout_of("node2", "touch /tmp/exec-fails");
    let run = exec(&["@broker", "--", "test", "!", "-e", "/tmp/exec-fails"]).expect(1);
    assert_eq!(run.out, "node1, node3: no output\nnode2: exit code 1\n", "{run}");
    assert_eq!(run.err, "Failed on 1 of 3: node2 (exit code 1)\n", "{run}");
    lab.stdout_of("node2", "rm /tmp/exec-fails");
    let noted = lab.stdout_of("node2", "journalctl -t rabbitup -n 20 -o cat");
    for command in ["command=id -un", "command=rabbitmqctl -q eval", "-e /tmp/exec-fails"] {
        let is_it = |line: &str| line.contains(" login=ops exec=") && line.contains(command);
        assert!(noted.lines().any(is_it), "{command}: {noted}");
    }

    // The command changes its user on the way, and a process leaves its session.
    let slow = ["rabbitmqctl", "eval", "receive after 60000 -> late end."];
    exec(&[&["--sudo", "--timeout", "4s", "node1", "--"], &slow[..]].concat())
        .expect(1)
        .says("Failed on 1 of 1: node1 (timed out after 4 s)");
    exec(&["--timeout", "1s", "node2", "--", "sh", "-c", "setsid sleep 987654 & sleep 987654"])
        .expect(1)
        .says("node2 (timed out after 1 s)");
    assert_nothing_left(stage, "[r]eceive after");
    assert_nothing_left(stage, "[s]leep 987654");

    let running = stage.rabbitup(&inventory).args(["exec", "@broker", "--", "sleep", "876543"]).spawn();
    for host in BROKERS {
        let begun = || lab.run_on(host, "pgrep -x -f 'sleep 876543'").status.success().then_some(());
        until("the command runs on all hosts", Duration::from_secs(60), begun);
    }
    assert!(running.signal("INT"), "it runs");
    let run = running.wait().expect(130);
    assert_eq!(run.out, "node1, node2, node3: interrupted\n", "{run}");
    assert_nothing_left(stage, "[s]leep 876543");

    lab.cut("node3");
    stage.home.borrow_mut().forget_connections();
    let run = exec(&["@broker", "--", "true"]);
    lab.heal("node3");
    run.expect(1).says("✘ node3: no connection").says("Failed on 1 of 3: node3 (not reached)");
    stage.home.borrow_mut().forget_connections();
    stage.rabbitup(&inventory).args(["ssh", "node2"]).run().expect(0);
    stage.rabbitup(&inventory).args(["ssh", "nod2"]).run().expect(64).says("did you mean node2?");
    stage.assert_nothing_to_do(&inventory);
}

fn assert_nothing_left(stage: &Stage, command: &str) {
    for host in BROKERS {
        let left = stage.lab.stdout_of(host, &format!("pgrep -af '{command}' || true"));
        assert_eq!(left, "", "nothing stays behind on {host}");
    }
}
