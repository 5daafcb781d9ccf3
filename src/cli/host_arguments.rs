//! Arguments of the verbs that look at hosts or work on them directly, without a plan.

use std::num::NonZeroU32;

use clap::Args;
use clap_complete::ArgValueCompleter;

use super::candidates;
use super::option_values::{Age, TimeLimit};

#[derive(Debug, Args)]
pub struct LogsArguments {
    /// The hosts (HOST or @ROLE; default: all)
    #[arg(value_name = "HOST|@ROLE", add = ArgValueCompleter::new(candidates::hosts_and_roles))]
    pub hosts: Vec<String>,
    /// Go on with what is logged from now on, until interrupted
    #[arg(short, long)]
    pub follow: bool,
    /// How many lines of each log to begin with (50, or with --since all)
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub lines: Option<NonZeroU32>,
    /// Only lines of this last while: 10m, 2h, 1d
    #[arg(long, value_name = "AGE")]
    pub since: Option<Age>,
}

#[derive(Debug, Args)]
pub struct ExecArguments {
    /// The hosts (HOST or @ROLE, with commas)
    #[arg(required = true, value_name = "HOST|@ROLE", value_delimiter = ',', add = ArgValueCompleter::new(candidates::hosts_and_roles))]
    pub hosts: Vec<String>,
    /// The command and its arguments, as they are; for a pipe or a variable of the host: sh -c '…'
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
    /// Run it as root, in the way of the inventory (`become`); -K asks for the password
    #[arg(long)]
    pub sudo: bool,
    /// End it on a host where it takes longer: 10s, 5m, at most 1d
    #[arg(long, value_name = "TIME", default_value = "60s")]
    pub timeout: TimeLimit,
}

#[derive(Debug, Args)]
pub struct SshArguments {
    /// The host
    #[arg(value_name = "HOST", add = ArgValueCompleter::new(candidates::hosts))]
    pub host: String,
}
