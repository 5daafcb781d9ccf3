//! Runs the program under test like a user: in its own home, without colours, with a timeout.

use std::fmt;
use std::io::{Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The timeout of a run: a cold bring-up on a machine that is busy with another one.
const LONGEST: Duration = Duration::from_secs(480);

/// How often a condition is polled.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A home for the program: its files for the user stay here, and are removed with it.
#[derive(Debug)]
pub struct Home {
    dir: PathBuf,
    /// Directories for connections that were used so far; the last is in use.
    runtimes: u32,
    /// Everything that was ever printed.
    transcript: Arc<Mutex<String>>,
}

impl Home {
    /// An empty one. The path is short: ssh's sockets have room for about a hundred bytes.
    pub fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("rabbitup-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(dir.join("home")).expect("the temporary directory is writable");
        let mut home = Self { dir, runtimes: 0, transcript: Arc::default() };
        home.forget_connections();
        home
    }

    /// A file or directory in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Closes the connections that outlived their run; the next run opens its own.
    pub fn forget_connections(&mut self) {
        self.end_connections();
        self.runtimes += 1;
        let runtime = self.runtime();
        std::fs::create_dir_all(&runtime).expect("the home is writable");
        // The program keeps its sockets only in a private directory.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&runtime, mode).expect("the directory is ours");
    }

    fn runtime(&self) -> PathBuf {
        self.dir.join(format!("run{}", self.runtimes))
    }

    fn end_connections(&self) {
        let Ok(sockets) = std::fs::read_dir(self.runtime().join("rabbitup")) else { return };
        for socket in sockets.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket())) {
            // One that has ended by itself answers with an error, which is as good.
            let _ = Command::new("timeout")
                .args(["5", "ssh", "-O", "exit", "-S"])
                .arg(socket.path())
                .arg("any")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }

    /// Everything that the program printed so far.
    pub fn transcript(&self) -> String {
        self.transcript.lock().expect("no reader panics").clone()
    }

    /// Starts the program; more can be set before [`Start::spawn`].
    pub fn rabbitup(&self, inventory: &Path) -> Start {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rabbitup"));
        command
            .arg("-i")
            .arg(inventory)
            .env("HOME", self.dir.join("home"))
            .env("XDG_STATE_HOME", self.dir.join("state"))
            .env("XDG_RUNTIME_DIR", self.runtime())
            .env("NO_COLOR", "1")
            .env_remove("RABBITUP_BECOME_PASSWORD")
            .env_remove("RABBITUP_INVENTORY")
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Start { command, inventory: inventory.display().to_string(), transcript: self.transcript.clone() }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        self.end_connections();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A run that is being prepared.
#[derive(Debug)]
pub struct Start {
    command: Command,
    inventory: String,
    transcript: Arc<Mutex<String>>,
}

impl Start {
    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// With a umask of 0: private files must be created private.
    pub fn with_open_umask(self) -> Self {
        let words = self.words();
        self.by("sh", ["-c", "umask 0; exec \"$@\"", "sh"].map(str::to_owned).into_iter().chain(words))
    }

    /// On a terminal of its own, in colours; both streams come back as one, and lines can be typed.
    pub fn on_terminal(self) -> Self {
        let line = self.line();
        self.by_script(line)
    }

    /// The same on a terminal with so many rows.
    pub fn on_screen(self, rows: u16) -> Self {
        let line = format!("stty rows {rows} cols 100; {}", self.line());
        self.by_script(line)
    }

    fn line(&self) -> String {
        let quoted: Vec<String> =
            self.words().iter().map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
        quoted.join(" ")
    }

    fn by_script(self, line: String) -> Self {
        let mut start = self.by("script", ["-qec".to_owned(), line, "/dev/null".to_owned()]);
        start
            .command
            .env_remove("NO_COLOR")
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped());
        start
    }

    fn words(&self) -> Vec<String> {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(|word| word.to_str().expect("the tests' words are text").to_owned()).collect()
    }

    /// The same environment for another program, which is to run the command line.
    fn by(self, program: &str, args: impl IntoIterator<Item = String>) -> Self {
        let mut command = Command::new(program);
        command.args(args);
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { command, inventory: self.inventory, transcript: self.transcript }
    }

    pub fn spawn(mut self) -> Running {
        let words = self.command.get_args().map(|arg| arg.to_string_lossy().into_owned()).skip(2);
        let words = words.collect::<Vec<_>>().join(" ");
        let mut child = self.command.spawn().expect("the program starts");
        let (out, err) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<String>>::default());
        let (each, lines) = mpsc::channel();
        let readers = vec![
            reader(child.stdout.take().expect("it is piped"), out.clone(), Some(each)),
            reader(child.stderr.take().expect("it is piped"), err.clone(), None),
        ];
        Running {
            words,
            inventory: self.inventory,
            child,
            out,
            err,
            lines,
            readers,
            peak_kib: 0,
            start: Instant::now(),
            longest: LONGEST,
            transcript: self.transcript,
        }
    }

    /// Runs it to its end.
    pub fn run(self) -> Run {
        self.spawn().wait()
    }
}

fn reader(
    mut from: impl Read + Send + 'static,
    to: Arc<Mutex<String>>,
    lines: Option<Sender<String>>,
) -> JoinHandle<()> {
    std::thread::spawn(move || {
        let mut bytes = [0; 8192];
        let mut whole = Vec::new();
        let mut told = 0;
        while let Ok(count) = from.read(&mut bytes) {
            if count == 0 {
                break;
            }
            whole.extend_from_slice(&bytes[..count]);
            while let Some(lines) = &lines
                && let Some(length) = whole[told..].iter().position(|byte| *byte == b'\n')
            {
                // The receiver may be gone.
                let _ = lines.send(String::from_utf8_lossy(&whole[told..told + length]).into_owned());
                told += length + 1;
            }
            *to.lock().expect("nobody panics with it") = String::from_utf8_lossy(&whole).into_owned();
        }
    })
}

/// A run that has not ended yet.
#[derive(Debug)]
pub struct Running {
    words: String,
    inventory: String,
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    lines: Receiver<String>,
    readers: Vec<JoinHandle<()>>,
    peak_kib: u64,
    start: Instant,
    longest: Duration,
    transcript: Arc<Mutex<String>>,
}

impl Running {
    /// The same run with this timeout.
    pub fn at_most(mut self, longest: Duration) -> Self {
        self.longest = longest;
        self
    }

    /// Whether it has taken longer than it may.
    pub fn is_overdue(&self) -> bool {
        self.start.elapsed() > self.longest
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Every complete line of its standard output, as it arrives; ends with the output.
    pub fn lines(&self) -> &Receiver<String> {
        &self.lines
    }

    /// Sends it a signal by its name, such as `INT`. Returns whether it still runs.
    pub fn signal(&self, name: &str) -> bool {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs").success()
    }

    /// Waits until its standard output says this.
    pub fn wait_for(&mut self, words: &str) {
        let out = self.out.clone();
        self.wait_in(&out, words);
    }

    /// Waits until its standard error says this.
    pub fn wait_for_error(&mut self, words: &str) {
        let err = self.err.clone();
        self.wait_in(&err, words);
    }

    fn wait_in(&mut self, said: &Mutex<String>, words: &str) {
        while !said.lock().expect("nobody panics with it").contains(words) {
            let ended = self.child.try_wait().expect("it is our child").is_some();
            assert!(
                !ended && !self.is_overdue(),
                "`rabbitup {}` never said `{words}`\n{}\n{}",
                self.words,
                self.out.lock().expect("nobody panics with it"),
                self.err.lock().expect("nobody panics with it")
            );
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Types a line on its terminal.
    pub fn type_line(&mut self, line: &str) {
        let keyboard = self.child.stdin.as_mut().expect("it was started on a terminal");
        writeln!(keyboard, "{line}").expect("the terminal takes a line");
    }

    /// Ends its terminal's input: Ctrl-D on an empty line.
    pub fn type_end(&mut self) {
        let keyboard = self.child.stdin.as_mut().expect("it was started on a terminal");
        keyboard.write_all(b"\x04").expect("the terminal takes a key");
    }

    /// Ctrl-C: the terminal sends the signal to all that runs on it.
    pub fn type_interrupt(&mut self) {
        let keyboard = self.child.stdin.as_mut().expect("it was started on a terminal");
        keyboard.write_all(b"\x03").expect("the terminal takes a key");
    }

    /// Ends it at once, as a crash or `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("it still runs");
        self.finish(None);
    }

    pub fn wait(mut self) -> Run {
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return self.finish(status.code());
            }
            self.peak_kib = self.peak_kib.max(peak_kib(self.child.id()));
            if self.is_overdue() {
                let _ = self.child.kill();
                let run = self.finish(None);
                panic!("a run did not end within {:?}\n{run}", self.longest);
            }
            // Often enough that a short run's memory is seen.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn finish(&mut self, code: Option<i32>) -> Run {
        let _ = self.child.wait();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        let taken = |text: &Mutex<String>| text.lock().expect("nobody panics with it").clone();
        let run = Run {
            words: self.words.clone(),
            inventory: self.inventory.clone(),
            code,
            out: taken(&self.out),
            err: taken(&self.err),
            took: self.start.elapsed(),
            peak_kib: self.peak_kib,
        };
        let mut transcript = self.transcript.lock().expect("nobody panics with it");
        transcript.push_str(&run.out);
        transcript.push_str(&run.err);
        run
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Only a failed test leaves one behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The most memory that the process ever had.
fn peak_kib(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// A run that has ended.
#[derive(Debug)]
pub struct Run {
    words: String,
    /// The path of its inventory, as in the commands that it prints.
    inventory: String,
    code: Option<i32>,
    pub out: String,
    pub err: String,
    pub took: Duration,
    pub peak_kib: u64,
}

impl Run {
    /// The run ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "the wrong exit code (right is {code})\n{self}");
        self
    }

    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }

    /// The exit code; none if a signal ended it.
    pub fn code(&self) -> Option<i32> {
        self.code
    }

    /// Either stream contains these words, regardless of line breaks. Commands can be given without the inventory, which differs
    /// in every run.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let said = self.said();
        let short = said.replace(&format!("rabbitup -i {}", self.inventory), "rabbitup");
        let words = flat(words);
        assert!(said.contains(&words) || short.contains(&words), "`{words}` is not said\n{self}");
        self
    }

    /// No stream has these words.
    #[track_caller]
    pub fn does_not_say(self, words: &str) -> Self {
        assert!(!self.said().contains(&flat(words)), "`{words}` is said\n{self}");
        self
    }

    fn said(&self) -> String {
        format!("{} {}", flat(&self.out), flat(&self.err))
    }

    /// The one JSON document on standard output.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON document: {error}\n{self}"))
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "rabbitup {} (exit {:?}, {:.1?})", self.words, self.code, self.took)?;
        write!(f, "--- stdout\n{}\n--- stderr\n{}", shortened(&self.out), shortened(&self.err))
    }
}

/// The beginning and the end of a long text: a CI's log may cut out its middle, with the reason of a failure.
fn shortened(text: &str) -> String {
    const BEGINNING: usize = 20;
    const END: usize = 60;
    let lines: Vec<&str> = text.lines().collect();
    if lines.len() <= BEGINNING + END {
        return text.to_owned();
    }
    let left_out = lines.len() - BEGINNING - END;
    let (beginning, end) = (&lines[..BEGINNING], &lines[lines.len() - END..]);
    format!("{}\n[{left_out} lines left out]\n{}", beginning.join("\n"), end.join("\n"))
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Waits until the condition holds, and panics with its name after a timeout.
#[track_caller]
pub fn until<T>(what: &str, within: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    // A check may be a whole run of the program: not too many on a busy machine.
    let mut pause = LOOK_AGAIN;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(start.elapsed() < within, "waited {within:?} in vain: {what}");
        std::thread::sleep(pause);
        pause = (pause + pause / 2).min(LONGEST_PAUSE);
    }
}
