//! rabbitup at a terminal of 80 columns and 24 rows, whose keys are pressed by the test.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::home::Home;

const PATIENCE: Duration = Duration::from_secs(60);

/// What a terminal gets from a run of rabbitup with these words, during which keys are pressed once it has said something, and from
/// what the shell says before and after it: how the terminal is set, and the exit code.
pub fn at_terminal(home: &Home, words: &str, (said, keys): (&str, &[u8])) -> String {
    // A terminal's signals go to the shell too, which waits for the program because it handles them.
    let command = format!(
        "trap : INT QUIT; stty rows 24 cols 80; stty -g; '{}' {words}; echo rc=$?; stty -g",
        env!("CARGO_BIN_EXE_rabbitup")
    );
    let like_it = home.rabbitup(&[]);
    // Of util-linux (bsdutils on Debian): runs a command in a terminal.
    let mut script = Command::new("script");
    script.args(["-qec", &command, "/dev/null"]).current_dir(home.path(""));
    script.envs(like_it.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // Shells differ in what a signal does to them; script(1) takes the one of the environment.
    script.env("SHELL", "/bin/sh").env("TERM", "xterm").env_remove("RABBITUP_INVENTORY");
    let mut child = script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("script(1) is installed");
    let mut output = child.stdout.take().expect("it is piped");
    let (sender, printed) = mpsc::channel();
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = output.read(&mut bytes) {
            if sender.send(bytes[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    let mut input = child.stdin.take().expect("it is piped");
    let (mut text, mut pressed, start) = (String::new(), false, Instant::now());
    loop {
        let left = PATIENCE.checked_sub(start.elapsed()).unwrap_or_default();
        match printed.recv_timeout(left) {
            Ok(bytes) => text.push_str(&String::from_utf8_lossy(&bytes)),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = child.kill();
                panic!("it goes on: {text}");
            }
        }
        if !pressed && text.contains(said) {
            pressed = true;
            input.write_all(keys).and_then(|()| input.flush()).expect("the terminal is there");
        }
    }
    let _ = child.wait();
    text
}

/// The modes that `stty -g` prints, before and after.
pub fn modes(text: &str) -> Vec<&str> {
    let is_modes = |line: &&str| line.split(':').count() > 20;
    text.lines().map(str::trim).filter(is_modes).collect()
}
