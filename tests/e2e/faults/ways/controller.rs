//! The controller is paused for longer than hosts keep its locks, or another one starts the same run.

use std::time::Duration;

use super::super::fault::{Scene, Struck};
use crate::inventory::ADMIN_PASSWORD;
use crate::program::{Home, Running};

/// Longer than `LEASE` of src/apply/lock.rs, after which hosts free the lock of a silent controller.
const PAUSE: Duration = Duration::from_secs(75);

/// A laptop's lid that is closed and opened again. False if the run had ended.
pub fn pause(run: &Running) -> bool {
    if !run.signal("STOP") {
        return false;
    }
    // The length of the pause is tested, so no condition ends it.
    std::thread::sleep(PAUSE);
    run.signal("CONT")
}

/// Another operator runs the same command, from a different home.
pub fn second(scene: &Scene<'_>, first: &Running) -> Struck {
    let (stage, playbook) = (scene.stage, scene.playbook);
    let home = Home::new("second");
    let path = home.path("inventory.toml");
    std::fs::write(&path, (playbook.inventory)(stage).text(&stage.lab, None)).expect("the home is writable");
    std::fs::write(home.path("admin-password"), format!("{ADMIN_PASSWORD}\n")).expect("the home is writable");
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(home.path("admin-password"), private).expect("the file is ours");
    let words = (playbook.words)(stage);
    let run = home.rabbitup(&path).args(words.iter().map(String::as_str)).args(["--yes"]).run();
    let said = format!("{} {}", run.out, run.err);
    match run.code() {
        // It is told of the run before it plans, or that a lock is held once it has.
        Some(75) if ["unfinished work of that run", "is locked by"].iter().any(|why| said.contains(why)) => {
            Struck::Found(Vec::new())
        }
        // The first one was done before the second one started.
        _ if !first.signal("0") => Struck::Nothing,
        _ => Struck::Found(vec![format!("the second controller was not kept out by a lock:\n{run}")]),
    }
}
