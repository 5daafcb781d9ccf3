//! Signals end `status --watch` at any moment.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::home::{Home, silent_port};

/// The maximum time until it ends.
const AT_ONCE: Duration = Duration::from_secs(8);

fn end_of(child: &mut Child) -> Option<i32> {
    let start = Instant::now();
    while start.elapsed() < AT_ONCE {
        if let Some(status) = child.try_wait().expect("it is our child") {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// At any moment: while the hosts are being inspected, which takes twenty seconds if one accepts connections but does not answer,
/// and between two refreshes, which follow quickly if it refuses connections.
#[test]
fn a_watch_ends_at_the_first_signal() {
    let (listener, silent) = silent_port();
    let (closed, refusing) = silent_port();
    drop(closed);
    for (at, signal) in ["INT", "TERM", "HUP", "INT", "TERM", "INT"].into_iter().enumerate() {
        let home = Home::new();
        home.inventory(if at % 2 == 0 { silent } else { refusing });
        let mut child = home.rabbitup(&["status", "--watch", "1", "--json"]).spawn().expect("it starts");
        // It handles signals from its first refresh on; when that begins depends on the machine.
        std::thread::sleep(Duration::from_millis(1500 + rand::random_range(0..1500)));
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs").success());
        assert_eq!(
            end_of(&mut child),
            Some(130),
            "SIG{signal} to a watch, {}",
            if at % 2 == 0 { "silent" } else { "refusing" }
        );
    }
    drop(listener);
}
