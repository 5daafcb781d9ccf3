use std::num::NonZeroU16;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::{ArgValueCompleter, Shell};

use super::candidates;
use super::host_arguments::{ExecArguments, LogsArguments, SshArguments};
use super::inventory_path::{DEFAULT_INVENTORY, INVENTORY_VARIABLE};
use super::option_values::{Document, Elevator, GraphLanguage, PageFile};
use crate::adopt::{Login, NamedLogin};
use crate::document::listed;
use crate::inventory::Admin;
use crate::report::{Detail, Style};
use crate::template::TemplateName;
use crate::transport::Grantee;

/// Brings up and manages RabbitMQ clusters on plain hosts over SSH, from one inventory.
///
/// A plan shows exactly what an apply would do; a second run changes nothing.
#[derive(Debug, Parser)]
#[command(name = "rabbitup", version, propagate_version = true, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done or nothing to do; 1 something failed, was not confirmed or is unhealthy; 2 changes are \
                        pending (plan --detailed-exitcode); 64 bad usage or inventory; 75 another run is in progress on a \
                        host; 130 interrupted."
)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The inventory: the hosts and their roles
    #[arg(
        short,
        long,
        global = true,
        value_name = "FILE",
        default_value = DEFAULT_INVENTORY,
        env = INVENTORY_VARIABLE
    )]
    pub inventory: PathBuf,
    /// Change only these hosts (HOST or @ROLE, with commas); all are still inspected
    #[arg(short, long, global = true, value_name = "HOST,@ROLE", value_delimiter = ',', add = ArgValueCompleter::new(candidates::hosts_and_roles))]
    pub limit: Vec<String>,
    /// One JSON document on standard output; for `up`, `run`, `apply` and `logs` one event per line
    #[arg(long, global = true)]
    pub json: bool,
    /// Show everything: full diffs, counts of connections and scripts
    // Once more (-vv) means the same.
    #[arg(short, long, global = true, overrides_with = "verbose")]
    pub verbose: bool,
    /// Print only what failed, changed or must be known: nothing if all is as it should be
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also append what is printed to this file, in full, with times; readable only by you
    #[arg(long, global = true, value_name = "FILE")]
    pub log: Option<PathBuf>,
    /// Ask for the sudo password for the hosts (or set RABBITUP_BECOME_PASSWORD)
    #[arg(short = 'K', long, global = true)]
    pub ask_become_pass: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented starter inventory for these hosts, or for those of an Ansible inventory
    Init(Init),
    /// Write the inventory of a running cluster, of which one node is named; changes nothing on its hosts
    Adopt(Adopt),
    /// Validate inventory, playbooks and templates; contacts no host
    Check,
    /// Show what would change; changes nothing
    Plan(PlanArguments),
    /// Make the hosts match the inventory: plan, confirm, apply, verify
    Up(Up),
    /// Execute a plan saved with `plan -o`; refuses if the hosts have changed since
    Apply(Apply),
    /// Show the state of the cluster, as every node sees it
    Status(StatusArguments),
    /// Find out why the hosts do not cluster: the root cause and how to fix it; changes nothing
    Doctor(Doctor),
    /// Print what brokers and load balancers logged, with the steps of rabbitup, as one sequence; changes nothing
    Logs(LogsArguments),
    /// Run one command on hosts, side by side, and print what each answered; without privileges, or as root with --sudo
    Exec(ExecArguments),
    /// Open a shell on a host, with the settings for ssh of the inventory
    Ssh(SshArguments),
    /// List what was run from here and what came of it, newest first; contacts no host
    History(History),
    /// Run another playbook: rolling-restart, upgrade, rotate-cookie, remove-node… Without a name: list them
    Run(Run),
    #[command(about = format!("Print a file as rabbitup would write it: {}", template_words().join(", ")))]
    Render(Render),
    /// Print the sudo or doas rule that a login without other rights needs: a root shell under a fixed command
    Privileges(Privileges),
    /// Print a JSON Schema
    Schema(Schema),
    /// Print the script by which a shell completes commands, hosts, playbooks and their values
    Completions(Completions),
    /// Print the manual page
    Man,
}

impl Command {
    /// How `--json` prints why the command ended early.
    pub fn form(&self) -> Form {
        match self {
            // Events, one per line.
            Self::Up(_) | Self::Run(_) | Self::Apply(_) | Self::Logs(_) => Form::Line,
            Self::Init(_)
            | Self::Adopt(_)
            | Self::Check
            | Self::Plan(_)
            | Self::Status(_)
            | Self::Doctor(_)
            | Self::Exec(_)
            | Self::Ssh(_)
            | Self::History(_)
            | Self::Render(_)
            | Self::Privileges(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Man => Form::Document,
        }
    }
}

#[derive(Debug, Args)]
pub struct Init {
    /// NAME=ADDRESS, ADDRESS or USER@ADDRESS, in the order of joining; names that start with lb become load balancers
    #[arg(required_unless_present = "from_ansible", value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Take the hosts of an Ansible inventory in INI, YAML or JSON instead; its passwords and vaults stay shut
    #[arg(long, value_name = "FILE", conflicts_with = "hosts")]
    pub from_ansible: Option<PathBuf>,
    /// An administrator to create, whose password every run takes from the variable RABBITUP_ADMIN_PASSWORD
    #[arg(long, value_name = "USER")]
    pub admin: Option<Admin>,
    /// Replace a file that is already there
    #[arg(long)]
    pub force: bool,
    /// Where to write it, instead of the path in --inventory; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Adopt {
    /// Any node's host: an address, a name, or an alias of your ssh configuration
    #[arg(value_name = "[USER@]HOST")]
    pub node: Login,
    /// A load balancer in front of the cluster; can be repeated
    #[arg(long, value_name = "NAME=[USER@]ADDRESS")]
    pub load_balancer: Vec<NamedLogin>,
    /// Replace a file that is already there
    #[arg(long)]
    pub force: bool,
    /// Where to write it, instead of the path in --inventory; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The port of sshd on every host; without it your ssh configuration decides
    #[arg(long)]
    pub port: Option<NonZeroU16>,
    /// The private key (ssh -i)
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// A jump host (ssh -J)
    #[arg(long, value_name = "[USER@]HOST[:PORT]")]
    pub jump: Option<String>,
    /// An ssh configuration file that replaces yours and the system's (ssh -F)
    #[arg(long, value_name = "FILE")]
    pub ssh_config: Option<PathBuf>,
    /// Trust the keys of new hosts; a changed key is still refused
    #[arg(long)]
    pub accept_new: bool,
}

#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    pub called: Called,
    /// Save the plan for `rabbitup apply`; readable only by you
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Also write it as a page for a browser, readable only by you; `-` for standard output, instead of the text
    #[arg(long, value_name = "FILE")]
    pub html: Option<PageFile>,
    /// Print the graph of the steps instead of the text
    #[arg(long, value_name = "LANGUAGE", conflicts_with = "json")]
    pub graph: Option<GraphLanguage>,
    /// Exit with 2 if there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    #[command(flatten)]
    pub data: Data,
}

#[derive(Debug, Args)]
pub struct Up {
    /// Apply the plan without confirmation; the run ends if a later plan destroys more than the first one shown
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub data: Data,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Data {
    /// Allow joining or removing this node to destroy what exists only on it: queues, users, virtual hosts
    #[arg(long, value_name = "HOST", add = ArgValueCompleter::new(candidates::hosts))]
    pub destroy_data: Vec<String>,
    /// Remove members that are not in the inventory from the cluster: one, or at most NUMBER
    #[arg(
        long,
        value_name = "NUMBER",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub prune: Option<u64>,
    /// Leave these hosts out (HOST or @ROLE, with commas): neither contacted nor changed. What depends on them is refused
    #[arg(long, value_name = "HOST,@ROLE", value_delimiter = ',', add = ArgValueCompleter::new(candidates::hosts_and_roles))]
    pub without: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Run {
    #[command(flatten)]
    pub called: Called,
    #[command(flatten)]
    pub up: Up,
}

/// A playbook and its values.
#[derive(Clone, Debug, Default, Args)]
pub struct Called {
    /// A built-in playbook, one in playbooks/ beside the inventory, or a path
    #[arg(value_name = "PLAYBOOK", add = ArgValueCompleter::new(candidates::playbooks))]
    pub playbook: Option<String>,
    /// The playbook's values: node=node3, version=4.0.6
    #[arg(value_name = "KEY=VALUE", add = ArgValueCompleter::new(candidates::values))]
    pub values: Vec<String>,
}

impl Called {
    /// The playbook of `up`, and of `plan` without a name.
    pub const BRING_UP: &'static str = "bring-up";

    pub fn name(&self) -> &str {
        self.playbook.as_deref().unwrap_or(Self::BRING_UP)
    }
}

#[derive(Debug, Args)]
pub struct Apply {
    /// The saved plan
    #[arg(value_name = "FILE")]
    pub plan: PathBuf,
    /// Apply it without confirmation
    #[arg(short, long)]
    pub yes: bool,
}

#[derive(Debug, Args)]
pub struct StatusArguments {
    /// Refresh every SECONDS (2 if omitted) until `q` or Ctrl-C
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..))]
    pub watch: Option<u64>,
    /// Also write it as a page for a browser, readable only by you; `-` for standard output, instead of the text
    #[arg(long, value_name = "FILE", conflicts_with = "watch")]
    pub html: Option<PageFile>,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Also write logs, states and configurations, without secrets, to this tar.gz for a colleague
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct History {
    /// How many runs to list
    #[arg(short, long, value_name = "NUMBER", default_value_t = 20)]
    pub number: usize,
    #[command(subcommand)]
    pub show: Option<HistoryCommand>,
}

#[derive(Debug, Subcommand)]
pub enum HistoryCommand {
    /// Show one run: its plan, each host's steps with their times, what failed and why
    Show {
        /// The beginning of the run's name or of its journal's, or `last`
        #[arg(value_name = "RUN")]
        run: String,
        /// Also write it as a page for a browser, readable only by you; `-` for standard output, instead of the text
        #[arg(long, value_name = "FILE")]
        html: Option<PageFile>,
    },
}

#[derive(Debug, Args)]
pub struct Render {
    #[arg(help = listed(&template_words(), "or"), value_name = "TEMPLATE")]
    pub template: String,
    /// The host whose file to print, if hosts differ (default: the first host with such a file; with --diff, every one)
    #[arg(long, value_name = "HOST", add = ArgValueCompleter::new(candidates::hosts))]
    pub host: Option<String>,
    /// Ask the hosts, and show what differs in the files that they have; changes nothing
    #[arg(long)]
    pub diff: bool,
    /// With --diff: exit with 2 if a file differs
    #[arg(long, requires = "diff")]
    pub detailed_exitcode: bool,
}

#[derive(Debug, Args)]
pub struct Privileges {
    #[arg(value_name = "FORMAT")]
    pub elevator: Elevator,
    /// The login, or % and a group
    #[arg(value_name = "USER")]
    pub grantee: Grantee,
    /// Do not require a password from sudo (NOPASSWD), for unattended runs; doas never asks
    #[arg(long)]
    pub nopasswd: bool,
}

#[derive(Debug, Args)]
pub struct Schema {
    pub document: Document,
}

#[derive(Debug, Args)]
pub struct Completions {
    pub shell: Shell,
}

impl Common {
    pub fn style(&self) -> Style {
        Style::stdout().with_detail(self.detail())
    }

    pub fn style_of_stderr(&self) -> Style {
        Style::stderr().with_detail(self.detail())
    }

    fn detail(&self) -> Detail {
        if self.verbose { Detail::Full } else { Detail::Folded }
    }
}

/// The words for the files that can be printed, the load balancer's first.
fn template_words() -> Vec<&'static str> {
    let (balancers, others): (Vec<_>, Vec<_>) =
        TemplateName::all().partition(|name| matches!(name, TemplateName::Balancer(_)));
    balancers.into_iter().chain(others).map(TemplateName::as_str).collect()
}

/// The layout of an error's JSON document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The only document in the output.
    Document,
    /// One line among events.
    Line,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
