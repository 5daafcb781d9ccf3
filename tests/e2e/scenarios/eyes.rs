//! What an operator sees in a browser: HAProxy's statistics, and the management UI through HAProxy.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::browser::{Browser, SIZE};
use crate::inventory::{ADMIN, ADMIN_PASSWORD, Inventory};
use crate::program::until;
use crate::stage::{BROKERS, Stage, octet, say};
use crate::watch::takes_clients;

/// From the last connection that a broker accepts to the third check that fails: `inter` 2 s, twice `fastinter` 0.5 s
/// (templates/haproxy.cfg.hbs). The rest is the browser's, on a machine that has more to do.
const CHECKED: Duration = Duration::from_secs(3 + 5);
/// RabbitMQ's start, HAProxy's checks, and the statistics that nodes send each other every five seconds.
const RECOVERED: Duration = Duration::from_secs(60);

/// The rows of HAProxy's page that are servers, `BACKEND/SERVER`, each with the colour that a viewer sees.
const COLOURS: &str = r"
    document.readyState === 'complete' && Object.fromEntries([...document.querySelectorAll('a[name*=\'/\']')]
        .filter(server => !/\/(Frontend|Backend)$/.test(server.name))
        .map(server => {
            const [red, green, blue] = getComputedStyle(server.closest('tr')).backgroundColor.match(/\d+/g).map(Number);
            const colour = green > red && green > blue ? 'green' : red > green && green === blue ? 'red' : 'other';
            return [server.name, colour];
        }))";

/// The table of nodes on the first page of the management UI: of each node its cells by their titles.
const NODES: &str = r"
    (() => {
        const section = [...document.querySelectorAll('.section, .section-visible')]
            .find(one => one.querySelector('h2')?.innerText === 'Nodes');
        const text = cell => cell.innerText.trim();
        const titles = [...section?.querySelectorAll('th') ?? []].map(title => text(title).split(/\s*[\n?]/)[0]);
        const rows = [...section?.querySelectorAll('tr') ?? []]
            .map(row => [...row.children].filter(cell => cell.tagName === 'TD').map(text))
            .filter(cells => cells.length > 1);
        return rows.length > 0 && Object.fromEntries(rows.map(cells => [
            cells[0].split(/\s/)[0],
            Object.fromEntries(cells.map((cell, at) => [titles[at], cell])),
        ]));
    })()";

/// What the UI says of a node whose numbers it does not get, since that node runs without the plugin `rabbitmq_management_agent`.
const NO_NUMBERS: &str = "Node statistics not available";

/// The pages are right on a whole cluster, while a broker is down, and for a node without the plugin, which the tutorials forget.
pub fn in_a_browser(stage: &Stage) {
    let Some(mut browser) = open(stage) else { return };
    let inventory = Inventory::whole();
    let lab = &stage.lab;

    see_whole(stage, &mut browser);
    browser.screenshot("management");
    wait_for_red(stage, &mut browser, &[], RECOVERED);
    browser.screenshot("haproxy");
    assert_eq!(browser.errors(), [""; 0], "the browser's console");

    see_own_pages(stage, &mut browser, &inventory, 3);

    lab.stdout_of("node2", "systemctl stop --no-block rabbitmq-server");
    let address = lab.address(octet("node2"));
    until("node2 takes no clients", RECOVERED, || (!takes_clients(&address)).then_some(()));
    let took = wait_for_red(stage, &mut browser, &["node2"], CHECKED);
    say(&format!("                    HAProxy's page: red after {took:.1?}"));
    browser.screenshot("haproxy-one-down");
    lab.stdout_of("node2", "systemctl stop rabbitmq-server");
    see_own_pages(stage, &mut browser, &inventory, 2);
    let erlang = lab.suite().family().erlang();
    lab.stdout_of("node2", &format!("mv {erlang} {erlang}.gone"));
    stage.up(&inventory).expect(1);
    lab.stdout_of("node2", &format!("mv {erlang}.gone {erlang}"));
    stage.up(&inventory).expect(0);
    see_runs(stage, &mut browser, &inventory);
    see_whole(stage, &mut browser);

    // Two starts of Erlang and the stop of each plugin, beside the other releases of a day on the same two cores.
    lab.stdout_of("node2", "timeout 240 rabbitmq-plugins -q disable --all");
    wait_for_red(stage, &mut browser, &["node2"], RECOVERED);
    log_in(stage, &mut browser);
    wait_for_nodes(&mut browser, &["rabbit@node2"]);
    browser.screenshot("management-without-plugin");
    stage.up(&inventory).expect(0);
    see_whole(stage, &mut browser);
    stage.assert_serves();
}

/// rabbitup's own pages of these hosts, with so many nodes that run: their numbers are those of the JSON documents made with them,
/// nothing is loaded, and nothing sticks out on a telephone.
#[track_caller]
fn see_own_pages(stage: &Stage, browser: &mut Browser, inventory: &Inventory, running: usize) {
    let number =
        |browser: &mut Browser, expression: &str| browser.wait_for(expression, RECOVERED, expression);
    for (name, words) in
        [("status", &["status"][..]), ("plan", &["plan"]), ("roll", &["plan", "rolling-restart"])]
    {
        let file = stage.home.borrow().path(&format!("{name}.html"));
        let path = file.display().to_string();
        let run =
            stage.rabbitup(inventory).args(words.iter().copied().chain(["--json", "--html", &path])).run();
        let json = run.json();
        let mode = std::fs::metadata(&file).expect("a page is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{path}");
        browser.go(&format!("file://{path}"));
        browser.wait_for("a whole page", RECOVERED, "document.querySelector('footer')?.innerText");
        if name == "status" {
            let up = number(browser, "document.querySelectorAll('#nodes td.good:nth-child(2)').length + ''");
            assert_eq!(up, Value::from(running.to_string()), "{run}");
            let word = if json["healthy"] == true { "Healthy:" } else { "Unhealthy:" };
            let verdict = number(browser, "document.querySelector('.verdict').innerText");
            assert!(verdict.as_str().is_some_and(|words| words.contains(word)), "{verdict} and not {word}");
            let nodes = number(browser, "document.querySelectorAll('#nodes tbody tr').length");
            assert_eq!(nodes, json["nodes"].as_array().map_or(0, Vec::len), "{run}");
        } else if let Some(steps) = json["steps"].as_array() {
            let shown = number(browser, "document.querySelectorAll('.step').length + ''");
            assert_eq!(shown, Value::from(steps.len().to_string()), "{run}");
        } else {
            // A rolling restart is refused while a node is down, and its page says so.
            let refusals = number(browser, "document.querySelectorAll('#problems .trouble').length");
            assert!(json["refusals"].is_array() && refusals != 0, "{run}");
        }
        browser.screenshot(&format!("own-{name}-{running}"));
        browser.resize((320, 640));
        let wide = number(browser, "document.documentElement.scrollWidth");
        assert_eq!(wide, Value::from(320), "{path} on a telephone");
        browser.resize(SIZE);
    }
    assert_eq!(browser.errors(), [""; 0], "the browser's console");
    let plan = stage.rabbitup(inventory).args(["plan", "--limit", "node1", "--graph", "dot"]).run();
    plan.expect(0).says("digraph plan {");
}

/// The pages of the runs that this home knows, with the numbers of their documents; at least one of them failed.
#[track_caller]
fn see_runs(stage: &Stage, browser: &mut Browser, inventory: &Inventory) {
    let history = |words: &[&str]| {
        stage
            .rabbitup(inventory)
            .args(["history", "--json"])
            .args(words.iter().copied())
            .run()
            .expect(0)
            .json()
    };
    let list = history(&[]);
    let runs = list["runs"].as_array().expect("a list");
    assert!(runs.iter().any(|run| run["result"] == "failed"), "{list}");
    let longest = runs.iter().max_by_key(|run| run["steps"]["planned"].as_u64());
    let path = stage.home.borrow().path("run.html").display().to_string();
    for run in runs.iter().take(4).chain(longest) {
        let journal = run["journal"].as_str().expect("it has a name");
        let document = history(&["show", journal, "--html", &path]);
        browser.go(&format!("file://{path}"));
        browser.wait_for("a whole page", RECOVERED, "document.querySelector('footer')?.innerText");
        let ask = |browser: &mut Browser, expression: &str| browser.ask(expression).expect("the page stays");
        let steps = &document["run"]["steps"];
        let shown = ask(
            browser,
            "[...document.querySelectorAll('.numbers dd')].map(number => Number(number.innerText)).slice(0, 5)",
        );
        let counts = ["planned", "done", "failed", "blocked", "skipped"].map(|name| steps[name].clone());
        assert_eq!(shown, Value::from(counts.to_vec()), "{document}");
        assert_eq!(
            ask(browser, "document.querySelectorAll('details.host tbody tr').length"),
            steps["planned"]
        );
        let events = document["events"].as_array().expect("events").iter();
        let begun = events.filter(|event| event["event"] == "step_started").count();
        assert_eq!(ask(browser, "document.querySelectorAll('.timeline .bar').length"), begun, "{document}");
        browser.screenshot_of_all(&format!("own-run-{}", run["result"].as_str().unwrap_or("unknown")));
        browser.resize((320, 640));
        let wide = ask(browser, "document.documentElement.scrollWidth");
        assert_eq!(wide, Value::from(320), "{journal} on a telephone");
        browser.resize(SIZE);
    }
    assert_eq!(browser.errors(), [""; 0], "the browser's console");
}

fn open(stage: &Stage) -> Option<Browser> {
    let profile = stage.home.borrow().path("chromium");
    Browser::open(&profile, stage.lab.suite().name())
}

/// HAProxy shows all servers green, and the management UI numbers of every node, without an error on the console.
#[track_caller]
fn see_whole(stage: &Stage, browser: &mut Browser) {
    wait_for_red(stage, browser, &[], RECOVERED);
    let start = Instant::now();
    loop {
        log_in(stage, browser);
        wait_for_nodes(browser, &[]);
        let errors = browser.errors();
        if errors.is_empty() {
            return;
        }
        // Just after a node or its plugins have started, RabbitMQ answers a request with 500 now and then.
        assert!(start.elapsed() < RECOVERED, "the browser's console after {RECOVERED:?}: {errors:#?}");
    }
}

/// Reloads HAProxy's page until these servers are red in each of its tables and all others green, and says how long that took.
#[track_caller]
fn wait_for_red(stage: &Stage, browser: &mut Browser, red: &[&str], within: Duration) -> Duration {
    let colour = |server: &str| if red.contains(&server) { "red" } else { "green" };
    let rows = ["rabbitmq", "management"].into_iter().flat_map(|backend| {
        BROKERS.map(|server| (format!("{backend}/{server}"), Value::from(colour(server))))
    });
    let wanted: BTreeMap<String, Value> = rows.collect();
    // The browser sends the login when HAProxy asks for it.
    let page = format!("http://{ADMIN}:{ADMIN_PASSWORD}@{}:8404/", stage.lab.address(octet("lb1")));
    let start = Instant::now();
    loop {
        browser.go(&page);
        let seen = browser.wait_for("HAProxy's page lists servers", RECOVERED, COLOURS);
        let seen: BTreeMap<String, Value> = serde_json::from_value(seen).expect("an object");
        if seen == wanted {
            return start.elapsed();
        }
        assert!(start.elapsed() < within, "HAProxy's page after {within:?}: {seen:?}, and not {wanted:?}");
    }
}

/// Logs in to the management UI through the balancer, unless it still knows the login.
#[track_caller]
fn log_in(stage: &Stage, browser: &mut Browser) {
    browser.go(&format!("http://{}:15672/", stage.lab.address(octet("lb1"))));
    let shown = "document.querySelector('#login') ? 'login' : document.querySelector('#logout') && 'pages'";
    if browser.wait_for("the management UI", RECOVERED, shown) == "login" {
        browser.type_into("input[name=username]", ADMIN);
        browser.type_into("input[name=password]", ADMIN_PASSWORD);
        browser.click("#login input[type=submit]");
        browser.wait_for(
            "a login to the management UI",
            RECOVERED,
            "document.querySelector('#logout')?.innerText",
        );
    }
}

/// Waits until the management UI shows numbers of all nodes but these.
#[track_caller]
fn wait_for_nodes(browser: &mut Browser, without: &[&str]) {
    let start = Instant::now();
    loop {
        let seen = browser.wait_for("the management UI lists nodes", RECOVERED, NODES);
        let nodes: BTreeMap<String, BTreeMap<String, String>> =
            serde_json::from_value(seen).expect("nodes with their cells");
        let is_right = |(name, cells): (&String, &BTreeMap<String, String>)| {
            let has = |title: &str, word: &str| cells.get(title).is_some_and(|cell| cell.contains(word));
            if without.contains(&name.as_str()) {
                cells.values().any(|cell| cell.contains(NO_NUMBERS))
            } else {
                has("Memory", "iB") && has("Disk space", "iB") && has("Uptime", "s")
            }
        };
        let expected = BROKERS.map(|host| format!("rabbit@{host}"));
        if nodes.keys().eq(&expected) && nodes.iter().all(is_right) {
            return;
        }
        assert!(
            start.elapsed() < RECOVERED,
            "the management UI after {RECOVERED:?}, without {without:?}: {nodes:#?}"
        );
    }
}
