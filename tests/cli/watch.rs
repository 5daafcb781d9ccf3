//! `status --watch`.

use crate::home::{Home, silent_port};
use crate::terminal::{at_terminal, modes};

#[test]
fn q_ends_it_well_and_signals_end_it_as_interrupted_and_the_terminal_is_as_before() {
    for (keys, code) in [(&b"q"[..], 0), (b"xQ", 0), (b"\x03", 130), (b"\x1c", 130)] {
        let (listener, port) = silent_port();
        drop(listener);
        let home = Home::new();
        home.inventory(port);
        // The keys are read from its first screen on.
        let text = at_terminal(&home, "status --watch 1", ("Unhealthy: ", keys));
        assert!(text.contains(&format!("rc={code}\r\n")), "{keys:?}: {text}");
        let modes = modes(&text);
        assert!(modes.len() == 2 && modes[0] == modes[1], "{keys:?}: {modes:?} in {text}");
        let screen = text.rsplit("\u{1b}[2J\u{1b}[H").next().expect("a screen");
        assert!(screen.starts_with("Cluster orders: 0 of 1 node run"), "{screen}");
        assert!(screen.contains("As of ") && screen.contains("UTC, every 1 s; q ends"), "{screen}");
        assert!(screen.lines().count() <= 24 + 2, "the screen, the exit code and the modes: {screen}");
    }
}
