//! Another load balancer.

use crate::hosts;
use crate::inventory::Inventory;
use crate::load::Load;
use crate::stage::{BROKERS, Stage};

/// nginx replaces HAProxy, and the other way round.
pub fn nginx(stage: &Stage) {
    let lab = &stage.lab;
    let mut nginx = Inventory::whole();
    nginx.balancer = vec![r#"software = "nginx""#.to_owned()];
    let services = hosts::all_services(lab, &BROKERS);
    stage.up(&nginx).expect(0);
    lab.stdout_of("lb1", "nginx -t -q");
    assert_eq!(
        lab.stdout_of("lb1", "systemctl is-active nginx haproxy; systemctl is-enabled nginx; :"),
        "active\ninactive\nenabled"
    );
    stage.assert_amqp("through-nginx");
    stage.assert_nothing_to_do(&nginx);
    stage.rabbitup(&nginx).args(["status"]).run().expect(0).says("nginx");
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "services of the brokers");
    rolling_restart_behind(stage, &nginx);
    let services = hosts::all_services(lab, &BROKERS);
    stage.up(&Inventory::whole()).expect(0);
    assert_eq!(lab.stdout_of("lb1", "systemctl is-active nginx haproxy; :"), "inactive\nactive");
    assert_eq!(hosts::all_services(lab, &BROKERS), services, "services of the brokers");
    stage.assert_serves();
}

/// nginx cannot disable a server at run time: its clients are disconnected, and it tries the next one. Still nothing is
/// lost.
fn rolling_restart_behind(stage: &Stage, nginx: &Inventory) {
    if stage.lab.suite().mirrors() {
        // RabbitMQ 3 takes a dozen seconds for each restart, and what nginx does then is the lost.
        return;
    }
    let load = Load::start(stage, "behind-nginx");
    stage.playbook(nginx, &["rolling-restart", "older-than=0s"]).expect(0).says("Verified: No changes.");
    load.end("rolling-restart behind nginx");
}
