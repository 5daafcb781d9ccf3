use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::document::listed;
use crate::report::{Detail, Style};
use crate::template::TemplateName;
use crate::transport::Grantee;

/// The inventory that is read if the command line names none.
pub const DEFAULT_INVENTORY: &str = "inventory.toml";
/// The environment variable that names another.
pub const INVENTORY_VARIABLE: &str = "RABBITUP_INVENTORY";

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
    #[arg(short, long, global = true, value_name = "HOST,@ROLE", value_delimiter = ',')]
    pub limit: Vec<String>,
    /// One JSON document on standard output; for `up`, `run` and `apply` one event per line
    #[arg(long, global = true)]
    pub json: bool,
    /// Show everything: full diffs, counts of connections and scripts
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Ask for the sudo password for the hosts (or set RABBITUP_BECOME_PASSWORD)
    #[arg(short = 'K', long, global = true)]
    pub ask_become_pass: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented starter inventory for these hosts
    Init(Init),
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
    /// Run another playbook: rolling-restart, upgrade, rotate-cookie, remove-node… Without a name: list them
    Run(Run),
    #[command(about = format!("Print a file as rabbitup would write it: {}", template_words().join(", ")))]
    Render(Render),
    /// Print the sudo or doas rule that a login without other rights needs: a root shell under a fixed command
    Privileges(Privileges),
    /// Print a JSON Schema
    Schema(Schema),
    /// Print a shell's completion script
    Completions(Completions),
    /// Print the manual page
    Man,
}

impl Command {
    /// How `--json` prints why the command ended early.
    pub fn form(&self) -> Form {
        match self {
            // Events, one per line.
            Self::Up(_) | Self::Run(_) | Self::Apply(_) => Form::Line,
            Self::Init(_)
            | Self::Check
            | Self::Plan(_)
            | Self::Status(_)
            | Self::Doctor(_)
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
    #[arg(required = true, value_name = "HOST")]
    pub hosts: Vec<String>,
    /// Replace a file that is already there
    #[arg(long)]
    pub force: bool,
    /// Where to write it, instead of the path in --inventory; `-` for standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PlanArguments {
    #[command(flatten)]
    pub called: Called,
    /// Save the plan for `rabbitup apply`; readable only by you
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
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
    #[arg(long, value_name = "HOST")]
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
    #[arg(value_name = "PLAYBOOK")]
    pub playbook: Option<String>,
    /// The playbook's values: node=node3, version=4.0.6
    #[arg(value_name = "KEY=VALUE")]
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
    /// Refresh every SECONDS (2 if omitted) until interrupted
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..))]
    pub watch: Option<u64>,
}

#[derive(Debug, Args)]
pub struct Doctor {
    /// Also write logs, states and configurations, without secrets, to this tar.gz for a colleague
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Render {
    #[arg(help = listed(&template_words(), "or"), value_name = "TEMPLATE")]
    pub template: String,
    /// The host whose file to print, if hosts differ (default: the first host with such a file)
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,
}

/// The program whose rule is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Elevator {
    /// A file for /etc/sudoers.d
    Sudoers,
    /// A line for /etc/doas.conf
    Doas,
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

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Document {
    Inventory,
    Playbook,
    Check,
    Plan,
    Doctor,
    Error,
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
