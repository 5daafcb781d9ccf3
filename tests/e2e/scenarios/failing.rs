//! What is wrong has its name: a broker that systemd starts again and again is not starting, and a host that answers is not unreachable.

use std::time::Duration;

use crate::inventory::Inventory;
use crate::program::until;
use crate::stage::Stage;

/// systemd waits ten seconds before each start, and RabbitMQ needs some until it fails.
const THIRD_FAILURE: Duration = Duration::from_secs(180);

pub fn again_and_again(stage: &Stage) {
    let (lab, inventory) = (&stage.lab, Inventory::whole());
    lab.stdout_of("node3", "echo 'listeners.tcp.default = nonsense' >>/etc/rabbitmq/rabbitmq.conf");
    lab.stdout_of("node3", "systemctl restart --no-block rabbitmq-server");
    until("systemd has started it again, twice", THIRD_FAILURE, || {
        let restarts = lab.stdout_of("node3", "systemctl show -p NRestarts --value rabbitmq-server");
        restarts.trim().parse::<u32>().ok().filter(|restarts| *restarts >= 2)
    });
    let why = "keeps failing: its configuration cannot be read";
    let status = stage.rabbitup(&inventory).args(["status"]).run().expect(1);
    status.says(&format!("node3: the broker {why}")).does_not_say("is starting");
    stage.plan(&inventory).says(&format!("because it {why}"));
    let doctor = stage.rabbitup(&inventory).args(["doctor"]).run().expect(1);
    doctor
        .says("node3: RabbitMQ does not boot: its configuration cannot be read")
        .says("systemd has restarted it");
    stage.up(&inventory).expect(0);
    stage.rabbitup(&inventory).args(["status"]).run().expect(0).does_not_say("failing");
}

pub fn sudo_alone(stage: &Stage) {
    let (lab, inventory) = (&stage.lab, Inventory::whole());
    lab.stdout_of("node2", "mv /etc/sudoers.d/ops /root/e2e-sudoers");
    let status = stage.rabbitup(&inventory).args(["status"]).run();
    let plan = stage.rabbitup(&inventory).args(["plan"]).run();
    let doctor = stage.rabbitup(&inventory).args(["doctor"]).run();
    lab.stdout_of("node2", "mv /root/e2e-sudoers /etc/sudoers.d/ops");
    for run in [status.expect(1).says("rabbit@node2  sudo failed"), plan.expect(1), doctor.expect(1)] {
        run.says("node2: logged in, but sudo asks for a password").does_not_say("unreachable");
    }
    stage.rabbitup(&inventory).args(["status"]).run().expect(0);
}
