//! Pages of rabbitup as a browser shows them: nothing is loaded, nothing is out of place on a telephone, on paper or in the dark,
//! the numbers are those of the JSON documents, and everything is reached with the keyboard. Needs Chromium and no hosts.

#[path = "../browser/mod.rs"]
mod browser;
#[path = "../report/fixtures.rs"]
#[expect(dead_code, reason = "its plans and facts are enough here")]
mod fixtures;
#[path = "../report/journals.rs"]
#[expect(dead_code, reason = "the report's own tests use the values of the lines")]
mod journals;
mod made;
mod seen;

use std::path::{Path, PathBuf};
use std::time::Duration;

use browser::Browser;
use rabbitup::plan::Change;
use rabbitup::report::{PlanDocument, StatusDocument};
use serde_json::Value;

use seen::{CONTRAST, HEADINGS, OVERFLOW, UNNAMED};

const SOON: Duration = Duration::from_secs(20);
const DESK: (u32, u32) = (1280, 800);
const TELEPHONE: (u32, u32) = (320, 640);

/// A directory of this process below the target directory.
fn place(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pages-{name}"));
    std::fs::create_dir_all(&place).expect("the target directory is writable");
    place
}

#[track_caller]
fn show(browser: &mut Browser, name: &str, html: &str) {
    let file = place("files").join(format!("{name}.html"));
    std::fs::write(&file, html).expect("the target directory is writable");
    browser.go(&format!("file://{}", file.display()));
    browser.wait_for("the page is complete", SOON, "document.readyState === 'complete'");
}

/// What holds for every page.
#[track_caller]
fn assert_usable(browser: &mut Browser, name: &str, html: &str) {
    for scheme in ["light", "dark"] {
        browser.show_as("screen", scheme);
        for (window, size) in [("desk", DESK), ("telephone", TELEPHONE)] {
            browser.resize(size);
            show(browser, name, html);
            let place = format!("{name}, {scheme}, {window}");
            assert_eq!(list(browser, OVERFLOW), [""; 0], "{place}: wider than the window");
            assert_eq!(list(browser, CONTRAST), [""; 0], "{place}: text that is hard to read");
            browser.screenshot_of_all(&format!("{name}-{window}-{scheme}"));
        }
    }
    browser.resize(DESK);
    assert_eq!(list(browser, HEADINGS), [""; 0], "{name}: headings skip a level");
    assert_eq!(list(browser, UNNAMED), [""; 0], "{name}: without a name or a head");
    let scripts = browser.ask("document.querySelectorAll('script, img, iframe, link, form').length");
    assert_eq!(scripts, Some(Value::from(0)), "{name}: runs or loads something");
    assert_keyboard(browser, name);
    browser.show_as("print", "light");
    browser.screenshot_of_all(&format!("{name}-paper"));
    let hidden = "[...document.querySelectorAll('.diff > *')].filter(line => line.getClientRects().length === 0).length";
    assert_eq!(browser.ask(hidden), Some(Value::from(0)), "{name}: folded lines are missing on paper");
    browser.show_as("screen", "light");
    assert_eq!(browser.errors(), [""; 0], "{name}: the console");
}

/// The first tabulator leads past the contents, and everything that reacts is reached in as many.
#[track_caller]
fn assert_keyboard(browser: &mut Browser, name: &str) {
    let all = browser.ask("document.querySelectorAll('a[href], summary, [tabindex=\"0\"]').length");
    let all = all.and_then(|all| all.as_u64()).expect("a number").min(200);
    browser.press_tab();
    let first = browser.ask("document.activeElement.className");
    assert_eq!(first, Some(Value::from("skip")), "{name}: the first stop");
    let visible = browser.ask("document.activeElement.getBoundingClientRect().left >= 0");
    assert_eq!(
        visible,
        Some(Value::from(true)),
        "{name}: the link past the contents is seen when it has the focus"
    );
    let mut without_ring = Vec::new();
    for _ in 1..all {
        browser.press_tab();
        let ring = browser.ask(
            "(() => { const at = document.activeElement; if (at === document.body) return null; \
             const box = at.querySelector('.box') ?? at; const seen = getComputedStyle(box); \
             return box !== at || (seen.outlineStyle !== 'none' && parseFloat(seen.outlineWidth) >= 2) \
                 ? null : at.outerHTML.slice(0, 80); })()",
        );
        without_ring.extend(ring.filter(|ring| !ring.is_null()));
    }
    assert_eq!(without_ring, [""; 0], "{name}: focus that is not seen");
}

/// The strings that an expression lists.
#[track_caller]
fn list(browser: &mut Browser, expression: &str) -> Vec<String> {
    let value = browser.ask(expression).expect("the page stays");
    serde_json::from_value(value).expect("a list of strings")
}

/// The cells of a section's rows, with their marks.
#[track_caller]
fn rows(browser: &mut Browser, section: &str) -> Vec<Vec<String>> {
    let rows = format!(
        "[...document.querySelectorAll('#{section} tbody tr')].map(row => [...row.children].map(cell => \
         [...cell.childNodes].filter(part => part.className !== 'mark').map(part => part.textContent).join('')))"
    );
    let rows = browser.ask(&rows).expect("the page stays");
    serde_json::from_value(rows).expect("rows of cells")
}

#[test]
fn a_plan() {
    let Some(mut browser) = Browser::open(&place("plan"), "page") else { return };
    let (plan, html) = made::plan();
    assert_usable(&mut browser, "plan", &html);
    let document = PlanDocument::from(&plan);
    let summary = document.summary;
    let shown =
        list(&mut browser, "[...document.querySelectorAll('.numbers dd')].map(number => number.innerText)");
    let counts =
        [summary.add, summary.change, summary.remove, summary.restart, summary.command, summary.hosts];
    assert_eq!(shown, counts.map(|count| count.to_string()));
    let steps =
        list(&mut browser, "[...document.querySelectorAll('.step .title')].map(title => title.innerText)");
    assert_eq!(steps.len(), document.steps.len());
    for step in &document.steps {
        let is_shown = |title: &&String| title.ends_with(step.title.as_str());
        assert!(steps.iter().any(|title| is_shown(&title)), "{} is missing", step.title);
    }
    for host in document.hosts.iter().filter(|host| host.steps > 0) {
        let count = format!("document.querySelectorAll('#host-{} .step').length", host.name);
        assert_eq!(browser.ask(&count), Some(Value::from(host.steps)), "the steps of {}", host.name);
    }
    let waits = browser.ask("document.querySelectorAll('.step .after a').length");
    let after: usize = plan.steps.iter().map(|step| step.after.len()).sum();
    assert_eq!(waits, Some(Value::from(after)), "every wait is a link");
    assert!(plan.counts().contains_key(&Change::Restart), "the fixture has all kinds that are shown");
    // Folded as in the text, and opened with a click.
    let lines = "[...document.querySelectorAll('.more .diff')].map(diff => diff.children.length).join()";
    assert_eq!(browser.ask(lines), Some(Value::from("34")), "50 lines, of which 16 are shown at once");
    let is_seen = "document.querySelector('.more .diff').checkVisibility({ contentVisibilityAuto: true, checkVisibilityCSS: true })";
    assert_eq!(browser.ask(is_seen), Some(Value::from(false)), "folded");
    browser.ask("document.querySelector('.more').scrollIntoView({ block: 'center', behavior: 'instant' })");
    browser.click(".more > summary");
    browser.wait_for("the rest of a diff is shown after a click", SOON, is_seen);
}

#[test]
fn a_status() {
    let Some(mut browser) = Browser::open(&place("status"), "page") else { return };
    for (name, seen) in made::states() {
        assert_usable(&mut browser, name, &seen.html());
        let document: StatusDocument = seen.document();
        let verdict = browser.ask("document.querySelector('.verdict').innerText").unwrap_or_default();
        let word = if document.healthy { "Healthy:" } else { "Unhealthy:" };
        assert!(verdict.as_str().is_some_and(|words| words.contains(word)), "{name}: {verdict}");
        let nodes = rows(&mut browser, "nodes");
        assert_eq!(nodes.len(), document.nodes.len(), "{name}");
        for (row, node) in nodes.iter().zip(&document.nodes) {
            let known = |value: Option<String>| value.unwrap_or_else(|| "–".to_owned());
            assert_eq!(row[0], node.node, "{name}");
            assert_eq!(row[2], known(node.rabbitmq_version.clone()), "{name}: {row:?}");
            assert_eq!(row[3], known(node.erlang.clone()), "{name}: {row:?}");
            assert_eq!(row[7], known(node.queue_leaders.map(|count| count.to_string())), "{name}: {row:?}");
            let sees = (!node.members.is_empty())
                .then(|| format!("{} of {}", node.running.len(), node.members.len()));
            assert_eq!(row[8], known(sees), "{name}: {row:?}");
        }
        let shown = rows(&mut browser, "balancers").concat();
        for backend in document.load_balancers.iter().flat_map(|balancer| &balancer.backends) {
            let words = format!("{} ({})", backend.status, backend.check);
            assert!(shown.contains(&words) && shown.contains(&backend.server), "{name}: {backend:?}");
        }
        let servers = document.load_balancers.iter().map(|balancer| balancer.backends.len()).sum::<usize>();
        let cells = browser.ask("document.querySelectorAll('#balancers tbody td').length");
        assert_eq!(cells, Some(Value::from(servers)), "{name}: every server in every backend");
        let findings = list(
            &mut browser,
            "[...document.querySelectorAll('#findings .what')].map(what => what.innerText)",
        );
        for finding in &document.findings {
            assert!(
                findings.iter().any(|what| what.ends_with(&finding.what)),
                "{name}: {} is missing",
                finding.what
            );
        }
        if let Some(queues) = &document.queues {
            assert_eq!(
                rows(&mut browser, "queues").len(),
                queues.unavailable.len() + queues.under_replicated.len() + queues.unsynchronised.len()
            );
        }
        let silent = browser.ask("document.querySelectorAll('#unreachable .trouble').length");
        assert_eq!(silent, Some(Value::from(seen.silent())), "{name}: hosts that did not answer");
    }
}

#[test]
fn what_went_wrong() {
    let Some(mut browser) = Browser::open(&place("failures"), "page") else { return };
    for (name, html, words) in made::failures() {
        assert_usable(&mut browser, name, &html);
        let text = browser.ask("document.body.innerText").unwrap_or_default();
        for words in words {
            assert!(
                text.as_str().is_some_and(|text| text.contains(&words)),
                "{name}: {words} is missing in\n{text}"
            );
        }
    }
}

#[test]
fn runs_of_the_past() {
    let Some(mut browser) = Browser::open(&place("runs"), "page") else { return };
    for (name, journal, html) in made::runs() {
        assert_usable(&mut browser, name, &html);
        let (_, run) = journals::found(&journal);
        let begun = run.steps().filter(|step| step.began.is_some()).count();
        let bars = browser.ask("document.querySelectorAll('.timeline .bar').length");
        assert_eq!(bars, Some(Value::from(begun)), "{name}: bars");
        let steps = browser.ask("document.querySelectorAll('details.host tbody tr').length");
        assert_eq!(steps, Some(Value::from(run.steps().count())), "{name}: rows");
        let tally = run.tally();
        let shown = list(
            &mut browser,
            "[...document.querySelectorAll('.numbers dd')].map(number => number.innerText).slice(0, 5)",
        );
        let counts = [run.steps().count(), tally.done, tally.failed, tally.blocked, tally.skipped];
        assert_eq!(shown, counts.map(|count| count.to_string()), "{name}: numbers");
        browser.show_as("print", "light");
        let hidden = "[...document.querySelectorAll('tbody tr, .output')].filter(at => at.getClientRects().length === 0).length";
        assert_eq!(browser.ask(hidden), Some(Value::from(0)), "{name}: folded steps are missing on paper");
        browser.show_as("screen", "light");
    }
}

/// A bar is as wide as its step was long, and a click unfolds a host.
#[test]
fn a_timeline() {
    let Some(mut browser) = Browser::open(&place("timeline"), "page") else { return };
    let runs = made::runs();
    let (name, journal, html) = &runs[0];
    show(&mut browser, name, html);
    let widths = "(() => { const all = document.querySelector('.timeline svg').getBoundingClientRect().width; \
         return [...document.querySelectorAll('.timeline .bar')].map(bar => bar.getBoundingClientRect().width / all); })()";
    let widths: Vec<f64> = serde_json::from_value(browser.ask(widths).unwrap_or_default()).expect("numbers");
    let (_, run) = journals::found(journal);
    let start = run.passes[0].began.expect("a begin");
    let ends = run.steps().filter_map(|step| step.ended?.since(start));
    let whole = ends.max().expect("steps").as_secs_f64();
    for (step, width) in run.steps().zip(widths) {
        let took = step.ended.zip(step.began).and_then(|(end, begin)| end.since(begin)).expect("it ended");
        let part = took.as_secs_f64() / whole;
        assert!((width - part).abs() < 0.01, "{}: {width} and not {part}", step.id);
    }
    let critical = browser.ask("document.querySelectorAll('.timeline .critical .bar').length");
    assert_eq!(critical, Some(Value::from(7)), "packages, config and start of each node after the other");
    let (name, _, html) = &runs[4];
    show(&mut browser, name, html);
    let seen = "document.querySelector('details.host table').checkVisibility({ contentVisibilityAuto: true, checkVisibilityCSS: true })";
    assert_eq!(browser.ask(seen), Some(Value::from(false)), "a host on which all went well is folded");
    browser.ask(
        "document.querySelector('details.host').scrollIntoView({ block: 'center', behavior: 'instant' })",
    );
    browser.click("details.host > summary");
    browser.wait_for("its steps are shown after a click", SOON, seen);
}

/// A host's text is text, even where it looks like a page.
#[test]
fn hostile_text() {
    let Some(mut browser) = Browser::open(&place("hostile"), "page") else { return };
    for (name, html) in ["hostile-plan", "hostile-run"].into_iter().zip(made::hostile()) {
        show(&mut browser, name, &html);
        let found = browser.ask(
            "document.querySelectorAll('script, img, iframe, [onerror], [onmouseover], [style]').length",
        );
        assert_eq!(found, Some(Value::from(0)));
        assert_eq!(browser.ask("globalThis.broken ?? false"), Some(Value::from(false)));
        let text = browser.ask("document.body.innerText.includes('<img src=x onerror=\"broken = true\">')");
        assert_eq!(text, Some(Value::from(true)), "it is shown as it is");
        assert_eq!(browser.errors(), [""; 0], "the console");
    }
}
