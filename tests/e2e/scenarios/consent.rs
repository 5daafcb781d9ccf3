//! A run does what was shown and confirmed: on a terminal, with `--yes`, and if the hosts change in between.

use crate::hosts;
use crate::inventory::Inventory;
use crate::program::{Run, Running};
use crate::release::Store;
use crate::scenarios::history;
use crate::stage::{BROKERS, Stage};

/// Blocks a run that is about to lock lb1, the first by name, while the file exists, but not for ever. It replaces flock
/// itself: on some releases sudo's path does not contain /usr/local.
const HELD_BACK: &str = r#"cp -p /usr/bin/flock /usr/bin/flock.away; cat >/usr/bin/flock.new <<'END'
looks=0
while [ -e /run/held-back ] && [ $looks -lt 250 ]; do sleep 0.1; looks=$((looks + 1)); done
exec /usr/bin/flock.away "$@"
END
sed -i '1i #!/bin/sh' /usr/bin/flock.new; chmod 755 /usr/bin/flock.new; : >/run/held-back; mv -f /usr/bin/flock.new /usr/bin/flock"#;
const GO_ON: &str = "rm -f /run/held-back; cp -p /usr/bin/flock.away /usr/bin/flock.new; mv -f /usr/bin/flock.new /usr/bin/flock";

/// node3 is not a member when the plan is shown, but is one when it is executed.
pub fn shown_and_no_more(stage: &Stage) {
    let lab = &stage.lab;
    let two = Inventory::whole().without("node3");
    stage.up(&two).expect(0);
    answers(stage, &two);
    hosts::assert_cluster(lab, &["node1", "node2"]);
    nothing_left(stage, &two);
    grown(stage, &two);
    hosts::assert_cluster(lab, &BROKERS);
    too_many(stage);
    hosts::assert_cluster(lab, &BROKERS);
    stage.up(&Inventory::whole()).expect(0);
    // The node that came back has no replica of any queue, and the next scenario restarts nodes.
    stage.playbook(&Inventory::whole(), &["grow-queues"]).expect(0);
}

/// A plan that removes a member asks for the cluster's name; no other answer counts, and a no is a failure.
fn answers(stage: &Stage, two: &Inventory) {
    let asked = |words: &[&str]| {
        let mut run = stage.rabbitup(two).args(words.iter().copied()).on_terminal().spawn();
        run.wait_for("Apply this plan?");
        run
    };
    let question = "rabbit@node3 leaves the cluster";
    for answer in ["y", "n", ""] {
        let run = typed(asked(&["up", "--prune"]), answer).expect(1).says(question);
        run.says("Type the cluster's name, orders:").says("Not confirmed: nothing was changed.");
    }
    let mut run = asked(&["up", "--prune"]);
    run.type_end();
    run.wait().expect(1).says("Not confirmed: nothing was changed.");
    hosts::assert_cluster(&stage.lab, &BROKERS);

    // If nothing is destroyed, a yes is enough; a no is still a failure.
    stage.lab.stdout_of("lb1", "systemctl stop haproxy");
    typed(asked(&["up"]), "n").expect(1).says("[y/N]").says("Not confirmed: nothing was changed.");
    typed(asked(&["up"]), "y").expect(0).says("Verified: No changes.");

    // A plan that is longer than the screen is shown once more, in a line for each host, right above the question.
    let mut run = stage.rabbitup(two).args(["up", "--prune"]).on_screen(6).spawn();
    run.wait_for("Apply this plan?");
    let run = typed(run, "n").expect(1);
    let behind = run.out.rsplit_once("Plan: ").expect("the plan was shown").1;
    assert!(
        behind.contains("2 to remove; takes a node out of the cluster"),
        "no line for node1 below the plan\n{run}"
    );

    // Once node3 is out, the others' /etc/hosts lose it in a second round, which destroys nothing.
    let mut run = asked(&["up", "--prune"]);
    run.type_line("orders");
    run.wait_for("What runs now shows that there is more to do");
    typed(run, "y").expect(0).says("Verified: No changes.");
    assert_eq!(history::further_passes(stage), ["again"], "both rounds are one run");
    assert_eq!(history::newest(stage)["result"], "done");
}

fn typed(mut run: Running, line: &str) -> Run {
    run.type_line(line);
    run.wait()
}

/// Another run does what the plan was for while the question waits: the run succeeds, and does nothing.
fn nothing_left(stage: &Stage, two: &Inventory) {
    stage.lab.stdout_of("lb1", "systemctl stop haproxy");
    let mut run = stage.rabbitup(two).args(["up"]).on_terminal().spawn();
    run.wait_for("Apply this plan?");
    stage.lab.stdout_of("lb1", "systemctl start haproxy");
    let run = typed(run, "y").expect(0).says("there is nothing left to do").says("Verified: No changes.");
    assert_eq!(run.out.matches("Apply this plan?").count(), 1, "it asks once\n{run}");
    run.does_not_say("0 of 0");
}

/// `--yes` was given for a plan that starts HAProxy. After that node3 becomes a member again, which `--prune` would
/// remove: this was not shown.
fn grown(stage: &Stage, two: &Inventory) {
    let lab = &stage.lab;
    lab.stdout_of("lb1", "systemctl stop haproxy");
    locked(stage, two);
    lab.stdout_of("lb1", HELD_BACK);
    let mut run = stage.rabbitup(two).args(["up", "--prune", "--yes"]).spawn();
    run.wait_for("Plan: ");
    member_again(stage);
    lab.stdout_of("lb1", GO_ON);
    run.wait()
        .expect(1)
        .says("The hosts have changed since; the plan is now:")
        .says("this plan destroys more than the first one shown")
        .says("rabbit@node3 leaves the cluster")
        .says("rabbitup plan --prune");
}

/// A host that is locked is one line for a machine.
fn locked(stage: &Stage, two: &Inventory) {
    let lock = "nohup flock -x -o /run/rabbitup.lock sleep 20 </dev/null >/dev/null 2>&1 & echo $!";
    let holder = stage.lab.stdout_of("lb1", lock);
    let run = stage.rabbitup(two).args(["up", "--yes", "--json"]).run().expect(75);
    stage.lab.stdout_of("lb1", &format!("kill {}", holder.trim()));
    assert_one_line(&run, "locked", 75);
}

/// The inventory has one broker of three: `--prune` alone removes at most one.
fn too_many(stage: &Stage) {
    let one = Inventory::whole().without("node2").without("node3");
    let run = stage.rabbitup(&one).args(["up", "--prune", "--yes", "--limit", "node1,lb1"]).run().expect(1);
    run.says("2 members are not in the inventory, and --prune removes at most 1")
        .says("rabbit@node2 and rabbit@node3 would leave the cluster")
        .says("$ rabbitup --limit node1,lb1 up --prune=2");
    let run = stage.rabbitup(&one).args(["up", "--prune", "--yes", "--json"]).run().expect(1);
    assert_one_line(&run, "refused", 1);
    let run = stage.rabbitup(&one).args(["plan", "--prune=2"]).run();
    // With Khepri a member can leave only if two remain.
    match stage.lab.suite().store() {
        Store::Mnesia | Store::Either => run.expect(0).says("Next: rabbitup up --prune=2"),
        Store::Khepri => run.expect(1).says("cannot be removed from a cluster of two nodes with Khepri"),
    };
}

#[track_caller]
fn assert_one_line(run: &Run, error: &str, code: i32) {
    let document = run.json();
    assert_eq!(run.out.lines().count(), 1, "{run}");
    assert_eq!((&document["error"], &document["exit_code"]), (&error.into(), &code.into()), "{run}");
}

/// Brings back node3, which was removed, by hand.
fn member_again(stage: &Stage) {
    stage.lab.stdout_of(
        "node3",
        "export PATH=$PATH:/usr/sbin; { timeout 60 rabbitmqctl -q force_reset || timeout 60 rabbitmqctl -q reset; } && timeout 60 rabbitmqctl -q join_cluster \
         rabbit@node1 && timeout 60 rabbitmqctl -q start_app",
    );
}
