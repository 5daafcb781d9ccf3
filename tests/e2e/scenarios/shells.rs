//! Logins whose shell is no POSIX shell, restricts commands, or runs none.

use crate::hosts::{self, on_all};
use crate::inventory::Inventory;
use crate::lab::Lab;
use crate::release::Family;
use crate::stage::Stage;

const ALL: [&str; 4] = ["node1", "node2", "node3", "lb1"];

fn shell(lab: &Lab, host: &str, shell: &str) {
    lab.stdout_of(host, &format!("usermod -s {shell} ops"));
}

/// The shells of four hosts, and how many commands their first script takes.
fn foreign(lab: &Lab) -> ([&'static str; 4], usize) {
    match lab.suite().family() {
        Family::Apt => {
            let install = "DEBIAN_FRONTEND=noninteractive timeout 120 apt-get -q -y install tcsh csh fish";
            on_all(&ALL, |host| lab.stdout_of(host, install));
            (["/bin/tcsh", "/usr/bin/fish", "/bin/bsd-csh", "/bin/rbash"], 6)
        }
        // Its repositories have no such shells here; a restricted one is a name of bash.
        Family::Dnf => {
            on_all(&ALL, |host| lab.stdout_of(host, "ln -sfn bash /usr/bin/rbash"));
            (["/bin/bash", "/bin/sh", "/bin/rbash", "/bin/rbash"], 6)
        }
    }
}

pub fn login_shells(stage: &Stage) {
    let (lab, inventory) = (&stage.lab, Inventory::whole());
    let (shells, scripts) = foreign(lab);
    for (host, path) in ALL.iter().zip(shells) {
        shell(lab, host, path);
    }
    let balanced = inventory.clone().balanced(r#"balance = "roundrobin""#);
    stage.home.borrow_mut().forget_connections();
    let first = stage.rabbitup(&inventory).args(["plan", "-v"]).run().expect(0).says("No changes.");
    first.says(&format!("ssh: 4 connections opened, {scripts} scripts run"));
    // Steps over standard input, locks, and a look back.
    stage.up(&balanced).expect(0).says("Verified: No changes.");
    stage.up(&inventory).expect(0).says("Verified: No changes.");
    stage.rabbitup(&inventory).args(["doctor"]).run().expect(0);

    shell(lab, "node1", "$(command -v nologin)");
    lab.stdout_of("lb1", "echo PATH=/nowhere >/home/ops/.bashrc");
    let files = hosts::all_files(lab, &["node2"]);
    stage.home.borrow_mut().forget_connections();
    let refused = stage.up(&inventory).expect(1);
    refused
        .says("node1: the login runs no commands: its shell, or a ForceCommand, ends first")
        .says("This account is currently not available.")
        .says("lb1: the login shell of ops is /bin/rbash, which does not start /bin/sh; as root on the host: chsh -s /bin/sh ops")
        .says("2 of 4 hosts could not be inspected. Nothing was changed.");
    hosts::assert_untouched(lab, &["node2"], &files);

    // Its advice works at once, although the run before left its connections open.
    lab.stdout_of("lb1", "rm /home/ops/.bashrc");
    on_all(&ALL, |host| shell(lab, host, "/bin/sh"));
    stage.assert_nothing_to_do(&inventory);
    on_all(&ALL, |host| shell(lab, host, "/bin/bash"));
}
