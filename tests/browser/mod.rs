//! Chromium without a screen, driven with the DevTools protocol
//! (<https://chromedevtools.github.io/devtools-protocol/>) as JSON through a pipe. A pipe rather than a port or WebDriver: it needs no
//! client for HTTP or WebSockets, and Chromium ends when it closes, even if the test is killed.

//!
//! Two test targets have it: `pages`, which sees pages that rabbitup wrote, and `e2e`, which also sees those of real hosts.
#![allow(dead_code, reason = "each target that includes it uses a part of it")]

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::{Value, json};

/// The longest that the browser may take for one answer. Its start, on a machine that boots hosts, is the slowest.
const ANSWER: Duration = Duration::from_secs(60);
/// How often a page is asked for something that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How long the browser has to end by itself.
const END: Duration = Duration::from_secs(5);

/// The window: as wide as the tables of both pages.
pub const SIZE: (u32, u32) = (1400, 760);

/// No sandbox, since the tests are root's. Nothing leaves the machine: no searches for updates, and no names but the lab's addresses.
const FLAGS: [&str; 15] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 10.77.*",
    "--remote-debugging-pipe",
];

/// One page of a browser of its own, which has no history. Dropping it ends the browser.
#[derive(Debug)]
pub struct Browser {
    child: Child,
    /// None once it was told to end.
    to: Option<ChildStdin>,
    from: Receiver<Value>,
    /// The page's, in the protocol.
    session: Option<String>,
    /// The number of the last request.
    last: u64,
    errors: Vec<String>,
    /// How its screenshots' names begin.
    series: String,
    complaints: PathBuf,
}

impl Browser {
    /// A new browser with an empty page, with `profile` as its directory; none where Chromium is not installed, which it says. In CI
    /// that is a failure. The names of its screenshots begin with `series`.
    pub fn open(profile: &Path, series: &str) -> Option<Self> {
        if !is_installed() {
            let reason = "chromium is missing; tests/lab/install-tools.sh browser installs it";
            assert!(std::env::var_os("CI").is_none(), "the pages have to be seen in CI, but {reason}");
            say(&format!("SKIPPED: NO PAGE WAS SEEN IN A BROWSER ({reason})"));
            return None;
        }
        let _ = std::fs::remove_dir_all(profile);
        std::fs::create_dir_all(profile).expect("the profile's place is writable");
        let mut browser = Self::start(profile, series);
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.call("Target.attachToTarget", attach)["sessionId"].as_str().map(str::to_owned);
        browser.session = Some(session.expect("a page has a session"));
        for domain in ["Page", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), json!({}));
        }
        browser.resize(SIZE);
        Some(browser)
    }

    /// Gives the window this width and height, in CSS pixels.
    pub fn resize(&mut self, (width, height): (u32, u32)) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Shows pages as on a `screen` or in `print`, `dark` or `light`.
    pub fn show_as(&mut self, medium: &str, scheme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "media": medium, "features": features }));
    }

    /// Presses and releases the tabulator.
    pub fn press_tab(&mut self) {
        for kind in ["rawKeyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9 });
            self.call("Input.dispatchKeyEvent", key);
        }
    }

    fn start(profile: &Path, series: &str) -> Self {
        let complaints = profile.join("stderr");
        let stderr = std::fs::File::create(&complaints).expect("the profile is writable");
        // It reads requests on descriptor 3 and answers on descriptor 4.
        let plumbing = r#"exec chromium "$@" 3<&0 4>&1 </dev/null >/dev/null"#;
        let mut child = Command::new("sh")
            .args(["-c", plumbing, "chromium"])
            .args(FLAGS)
            .arg(format!("--user-data-dir={}", profile.join("data").display()))
            .env("HOME", profile)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            // Of its own, with which its renderers can be ended.
            .process_group(0)
            .spawn()
            .expect("sh starts");
        let (sender, from) = channel();
        let stdout = child.stdout.take().expect("it is a pipe");
        std::thread::spawn(move || pass_on(stdout, &sender));
        Self {
            to: child.stdin.take(),
            child,
            from,
            session: None,
            last: 0,
            errors: Vec::new(),
            series: series.to_owned(),
            complaints,
        }
    }

    /// Goes to this address. What the page shows is for [`Browser::wait_for`].
    #[track_caller]
    pub fn go(&mut self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url }));
        assert!(answer.get("errorText").is_none(), "the browser went to {url}: {answer}");
    }

    /// Waits until this JavaScript expression is neither false nor null on the page, and says what it is. In vain, it
    /// panics with what the page shows.
    #[track_caller]
    pub fn wait_for(&mut self, what: &str, within: Duration, expression: &str) -> Value {
        let start = Instant::now();
        loop {
            match self.ask(expression) {
                Some(Value::Null | Value::Bool(false)) | None => {}
                Some(value) => return value,
            }
            if start.elapsed() > within {
                let text = self.ask("document.body.innerText").unwrap_or_default();
                let shot = self.screenshot("in-vain");
                panic!(
                    "the browser waited {within:?} in vain: {what}\n{}\n{}",
                    shot.display(),
                    text.as_str().unwrap_or("a page without text")
                );
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The expression's value now; none while one page makes way for the next.
    pub fn ask(&mut self, expression: &str) -> Option<Value> {
        let answer = self
            .request("Runtime.evaluate", &json!({ "expression": expression, "returnByValue": true }))
            .ok()?;
        let thrown = answer.get("exceptionDetails");
        assert!(thrown.is_none(), "the test's own expression failed: {expression}\n{thrown:?}");
        Some(answer["result"].get("value").cloned().unwrap_or_default())
    }

    /// Types text into the element of this CSS selector, as a user does.
    #[track_caller]
    pub fn type_into(&mut self, selector: &str, text: &str) {
        self.click(selector);
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Clicks on the middle of the element of this CSS selector.
    #[track_caller]
    pub fn click(&mut self, selector: &str) {
        let place = format!(
            "(() => {{ const box = document.querySelector({selector:?})?.getBoundingClientRect(); \
             return box?.width > 0 && {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }} }})()"
        );
        let place = self.wait_for(&format!("{selector} is on the page"), ANSWER, &place);
        for kind in ["mousePressed", "mouseReleased"] {
            let click =
                json!({ "type": kind, "x": place["x"], "y": place["y"], "button": "left", "clickCount": 1 });
            self.call("Input.dispatchMouseEvent", click);
        }
    }

    /// Keeps what the window shows as target/screenshots/RELEASE-NAME.png, and says where.
    pub fn screenshot(&mut self, name: &str) -> PathBuf {
        self.keep(name, json!({ "format": "png" }))
    }

    /// The same of the whole page, however long it is.
    pub fn screenshot_of_all(&mut self, name: &str) -> PathBuf {
        let size = self.call("Page.getLayoutMetrics", json!({}))["cssContentSize"].clone();
        let clip = json!({ "x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1 });
        self.keep(name, json!({ "format": "png", "captureBeyondViewport": true, "clip": clip }))
    }

    fn keep(&mut self, name: &str, how: Value) -> PathBuf {
        let answer = self.call("Page.captureScreenshot", how);
        let image = answer["data"].as_str().expect("a screenshot is text");
        let image = BASE64_STANDARD.decode(image).expect("a screenshot is base64");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("screenshots");
        std::fs::create_dir_all(&folder).expect("the target directory is writable");
        let path = folder.join(format!("{}-{name}.png", self.series));
        std::fs::write(&path, image).expect("the target directory is writable");
        say(&format!("                    screenshot: {}", path.display()));
        path
    }

    /// What the console said since the last time: exceptions, errors, requests that failed.
    pub fn errors(&mut self) -> Vec<String> {
        // Whatever was said before the answer to this has arrived with it.
        self.ask("0");
        std::mem::take(&mut self.errors)
    }

    /// An answer of the protocol; the browser must not refuse.
    #[track_caller]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.request(method, &parameters)
            .unwrap_or_else(|error| panic!("the browser refuses {method} {parameters}: {error}"))
    }

    #[track_caller]
    fn request(&mut self, method: &str, parameters: &Value) -> Result<Value, Value> {
        self.last += 1;
        let mut request = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let mut to = self.to.as_ref().expect("it was not told to end");
        let sent = to.write_all(format!("{request}\0").as_bytes());
        assert!(sent.is_ok(), "the browser has ended before {method}: {}", self.complaints());
        let deadline = Instant::now() + ANSWER;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(mut message) = self.from.recv_timeout(left) else {
                panic!("no answer to {method} within {ANSWER:?}: {}", self.complaints());
            };
            if message["id"] != self.last {
                self.errors.extend(error_in(&message));
                continue;
            }
            return match message.get("error") {
                Some(error) => Err(error.clone()),
                None => Ok(message["result"].take()),
            };
        }
    }

    /// The end of what it wrote to its standard error.
    fn complaints(&self) -> String {
        let all = std::fs::read_to_string(&self.complaints).unwrap_or_default();
        let from = all.lines().count().saturating_sub(20);
        all.lines().skip(from).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // It ends with its pipe.
        self.to = None;
        let start = Instant::now();
        while start.elapsed() < END && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(LOOK_AGAIN);
        }
        // Itself, if it has not, and whatever it left.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-s", "KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}

/// Not captured by the test's harness, which shows only what failed.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Whether there is a Chromium to start.
fn is_installed() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join("chromium").exists())
}

/// Passes the browser's messages on, each of which ends with a zero byte, until it ends.
fn pass_on(mut stdout: ChildStdout, sender: &Sender<Value>) {
    let mut pending = Vec::new();
    let mut chunk = vec![0; 1 << 16];
    while let Ok(length @ 1..) = stdout.read(&mut chunk) {
        pending.extend_from_slice(&chunk[..length]);
        while let Some(end) = pending.iter().position(|byte| *byte == 0) {
            let message: Vec<u8> = pending.drain(..=end).collect();
            let message = serde_json::from_slice(&message[..end]).expect("the browser speaks JSON");
            if sender.send(message).is_err() {
                return;
            }
        }
    }
}

/// The error that an event reports, if it is one.
fn error_in(event: &Value) -> Option<String> {
    let parameters = &event["params"];
    match event["method"].as_str()? {
        "Runtime.exceptionThrown" => Some(format!("exception: {}", parameters["exceptionDetails"])),
        "Runtime.consoleAPICalled" if parameters["type"] == "error" => {
            Some(format!("console: {}", parameters["args"]))
        }
        "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
            let entry = &parameters["entry"];
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            Some(format!("{}: {} {}", text("source"), text("text"), text("url")))
        }
        _ => None,
    }
}
