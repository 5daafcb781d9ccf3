//! Who runs, with which commands, and when a run with nothing to do counts as one.

use std::path::{Path, PathBuf};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// From fresh hosts to a cluster behind a load balancer.
    Cold,
    /// The same command again.
    Noop,
    /// The same question without leave to change anything.
    Plan,
}

impl Stage {
    pub const ALL: [Self; 3] = [Self::Cold, Self::Noop, Self::Plan];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Noop => "noop",
            Self::Plan => "plan",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Cold => "Cold bring-up",
            Self::Noop => "A second run, with nothing to do",
            Self::Plan => "A plan (dry run) with nothing to do",
        }
    }

    /// The rows of which the fastest is what the others are compared with: the ways by hand that keep the
    /// safety rules.
    pub fn floors(self) -> &'static [&'static str] {
        match self {
            Self::Cold => &[RABBITMQCTL, ERL_CALL, DISCOVERY, STAGGERED],
            Self::Noop | Self::Plan => &[LOOK],
        }
    }
}

/// The rows by which ratios are computed.
pub const RABBITUP: &str = "rabbitup";
const RABBITMQCTL: &str = "by hand, joins with rabbitmqctl";
const ERL_CALL: &str = "by hand, joins with erl_call";
const DISCOVERY: &str = "by hand, peer discovery in order";
const STAGGERED: &str = "by hand, peer discovery in order, installs staggered";
const LOOK: &str = "by hand, one ssh per host, erl_call";

/// Where everything is that the commands name.
pub struct Setup {
    pub repository: PathBuf,
    /// The benchmark's own directory, for what it has to keep private.
    pub work: PathBuf,
    /// Where the last output of every task stays.
    pub logs: PathBuf,
    pub venv: PathBuf,
    pub rabbitup: PathBuf,
    pub ssh_config: PathBuf,
    pub known_hosts: PathBuf,
    pub cookie: PathBuf,
}

impl Setup {
    pub fn inventory(&self, persist: bool) -> PathBuf {
        self.work.join(if persist { "inventory-open.toml" } else { "inventory.toml" })
    }

    fn benches(&self) -> PathBuf {
        self.repository.join("benches")
    }
}

/// Whether connections may be left over from an earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connections {
    /// The run finds an empty socket directory.
    New,
    /// The run finds what the contender's last run left open; one run before it is not counted.
    Open,
}

/// One command, measured.
pub struct Task {
    /// The row in the table.
    pub row: &'static str,
    pub stage: Stage,
    pub connections: Connections,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    pub environment: Vec<(String, String)>,
    /// Whether the output of a successful run says that nothing was to do.
    pub nothing_to_do: fn(&str) -> bool,
}

impl Task {
    /// The file for its output.
    pub fn log_name(&self) -> String {
        let words: String =
            self.row.chars().filter(|c| c.is_ascii_alphanumeric() || *c == ' ' || *c == '_').collect();
        format!("{}-{}.log", words.split_whitespace().collect::<Vec<_>>().join("-"), self.stage.name())
    }
}

/// Tasks that share fresh hosts: the first one is the cold bring-up, which is always run.
pub struct Contender {
    /// The word for `BENCH_ONLY`.
    pub name: &'static str,
    pub tasks: Vec<Task>,
}

impl Contender {
    /// Whether it comes from the package index.
    pub fn needs_venv(&self) -> bool {
        ["ansible", "pyinfra"].contains(&self.name)
    }
}

pub fn contenders(setup: &Setup) -> Vec<Contender> {
    vec![
        rabbitup(setup),
        ansible(setup),
        pyinfra(setup),
        by_hand(setup, "rabbitmqctl", RABBITMQCTL),
        by_hand(setup, "erl_call", ERL_CALL),
        discovery(setup),
        by_hand(setup, "staggered", STAGGERED),
        by_hand(setup, "parallel", "by hand, peer discovery all at once (no order)"),
    ]
}

fn rabbitup(setup: &Setup) -> Contender {
    let task = |row, stage, persist, verb: &[&str]| Task {
        row,
        stage,
        connections: if persist { Connections::Open } else { Connections::New },
        program: setup.rabbitup.clone(),
        arguments: ["-i", &text(&setup.inventory(persist))]
            .iter()
            .chain(verb)
            .map(|word| (*word).to_owned())
            .collect(),
        environment: Vec::new(),
        nothing_to_do: |output| output.contains("No changes"),
    };
    const OPEN: &str = "rabbitup, connections open";
    Contender {
        name: "rabbitup",
        tasks: vec![
            task(RABBITUP, Stage::Cold, false, &["up", "--yes"]),
            task(RABBITUP, Stage::Noop, false, &["up", "--yes"]),
            task(RABBITUP, Stage::Plan, false, &["plan"]),
            task(OPEN, Stage::Noop, true, &["up", "--yes"]),
            task(OPEN, Stage::Plan, true, &["plan"]),
        ],
    }
}

fn ansible(setup: &Setup) -> Contender {
    let folder = setup.benches().join("ansible");
    let task = |stage, more: &[&str]| Task {
        row: "Ansible",
        stage,
        connections: Connections::New,
        program: setup.venv.join("bin/ansible-playbook"),
        arguments: [
            &text(&folder.join("bring_up.yml")),
            "-e",
            &format!("cookie_file={}", text(&setup.cookie)),
        ]
        .iter()
        .chain(more)
        .map(|word| (*word).to_owned())
        .collect(),
        environment: [
            ("ANSIBLE_CONFIG", text(&folder.join("ansible.cfg"))),
            ("ANSIBLE_HOME", text(&setup.work.join("ansible"))),
            // In front of the settings in ansible.cfg, since this path is known at run time only.
            ("ANSIBLE_SSH_COMMON_ARGS", format!("-F {}", text(&setup.ssh_config))),
            ("ANSIBLE_NOCOLOR", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        nothing_to_do: |output| {
            let recap: Vec<&str> = output.lines().filter(|line| line.contains(" changed=")).collect();
            recap.len() == 4 && recap.iter().all(|line| line.contains(" changed=0 "))
        },
    };
    Contender {
        name: "ansible",
        tasks: vec![
            task(Stage::Cold, &[]),
            task(Stage::Noop, &[]),
            task(Stage::Plan, &["--check", "--diff"]),
        ],
    }
}

fn pyinfra(setup: &Setup) -> Contender {
    let folder = setup.benches().join("pyinfra");
    let task = |stage, mode: &str| Task {
        row: "pyinfra",
        stage,
        connections: Connections::New,
        program: setup.venv.join("bin/pyinfra"),
        arguments: [mode, &text(&folder.join("inventory.py")), &text(&folder.join("deploy.py"))]
            .map(ToOwned::to_owned)
            .into(),
        environment: [
            ("BENCH_SSH_CONFIG", text(&setup.ssh_config)),
            ("BENCH_KNOWN_HOSTS", text(&setup.known_hosts)),
            ("BENCH_COOKIE", text(&setup.cookie)),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into(),
        nothing_to_do: pyinfra_nothing_to_do,
    };
    Contender {
        name: "pyinfra",
        tasks: vec![task(Stage::Cold, "--yes"), task(Stage::Noop, "--yes"), task(Stage::Plan, "--dry")],
    }
}

/// A run ends with `Grand total   43   -   -   43` where all 43 operations are without a change; a dry run
/// has a table of operation, change and conditional change, in columns two spaces apart.
fn pyinfra_nothing_to_do(output: &str) -> bool {
    if let Some(total) = output.lines().find(|line| line.trim_start().starts_with("Grand total")) {
        let numbers: Vec<&str> = total.split_whitespace().skip(2).collect();
        return numbers.len() == 4 && numbers[0] == numbers[3];
    }
    let table = output.lines().skip_while(|line| !line.contains("Conditional Change")).skip(1);
    let mut changes = table
        .take_while(|line| !line.trim().is_empty())
        .map(|line| line.trim().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).nth(1));
    output.contains("Conditional Change") && changes.all(|change| change == Some("-"))
}

fn by_hand(setup: &Setup, mode: &'static str, row: &'static str) -> Contender {
    Contender {
        name: mode,
        tasks: vec![by_hand_task(setup, row, Stage::Cold, "bring_up.sh", mode, Connections::New)],
    }
}

/// The by-hand bring-up whose hosts are also looked at, as a floor for the other stages.
fn discovery(setup: &Setup) -> Contender {
    let mut contender = by_hand(setup, "discovery", DISCOVERY);
    for stage in [Stage::Noop, Stage::Plan] {
        for (row, mode, connections) in [
            (LOOK, "erl_call", Connections::New),
            ("by hand, one ssh per host, rabbitmqctl", "rabbitmqctl", Connections::New),
            ("`ssh host true`", "true", Connections::New),
            ("by hand, erl_call, connections open", "erl_call", Connections::Open),
        ] {
            contender.tasks.push(by_hand_task(setup, row, stage, "look.sh", mode, connections));
        }
    }
    contender
}

fn by_hand_task(
    setup: &Setup,
    row: &'static str,
    stage: Stage,
    script: &str,
    mode: &str,
    connections: Connections,
) -> Task {
    let mut environment = vec![
        ("BENCH_SSH_CONFIG".to_owned(), text(&setup.ssh_config)),
        ("BENCH_COOKIE".to_owned(), text(&setup.cookie)),
    ];
    if connections == Connections::Open {
        environment.push(("BENCH_OPEN".to_owned(), "1".to_owned()));
    }
    Task {
        row,
        stage,
        connections,
        program: setup.benches().join("by_hand").join(script),
        arguments: vec![mode.to_owned()],
        environment,
        nothing_to_do: |_| true,
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
