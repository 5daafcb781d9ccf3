//! What other users could have seen with `ps` while the program ran.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// The command lines and environments of all processes of this machine, including the hosts', as any user with `ps`
/// could have seen them while this was watched.
#[derive(Debug)]
pub struct ProcessWatch {
    stop: Arc<std::sync::atomic::AtomicBool>,
    thread: JoinHandle<BTreeSet<Vec<u8>>>,
}

impl ProcessWatch {
    pub fn start() -> Self {
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
                    if entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit()) {
                        look(&entry.path(), &mut seen);
                    }
                }
                std::thread::sleep(Duration::from_millis(30));
            }
            seen
        });
        Self { stop, thread }
    }

    /// What was seen.
    pub fn stop(self) -> Vec<String> {
        self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let seen = self.thread.join().expect("the watch does not panic");
        seen.into_iter().map(|bytes| String::from_utf8_lossy(&bytes).replace('\0', " ")).collect()
    }
}

fn look(process: &Path, seen: &mut BTreeSet<Vec<u8>>) {
    let arguments = || std::fs::read(process.join("cmdline")).unwrap_or_default();
    let (before, environment) = (arguments(), std::fs::read(process.join("environ")).unwrap_or_default());
    // A process may have become another program between two reads; then the environment belonged to the other program.
    let arguments = arguments();
    if before != arguments {
        seen.extend([before, arguments]);
        return;
    }
    // Without arguments it has not completed its exec, or has ended: at the first read the one, at the second the other,
    // and the environment was that of a program whose name was not seen.
    if arguments.is_empty() {
        return;
    }
    // The program's own environment is one of the ways to hand it a secret. It starts as a copy in the shell that
    // runs it, and programs that it starts must not inherit it.
    let program = env!("CARGO_BIN_EXE_rabbitup").as_bytes();
    if !arguments.windows(program.len()).any(|part| part == program) {
        // With the program's name: a match must name its program.
        seen.insert([arguments.as_slice(), b"\0", &environment].concat());
    }
    seen.insert(arguments);
}
