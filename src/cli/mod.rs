//! The command line: one file per verb.

mod adopt;
mod apply;
mod arguments;
mod bundle;
mod candidates;
mod check;
mod command_line;
mod connection;
mod consent;
mod displays;
mod doctor;
mod examine;
mod exec;
mod execute;
mod exit;
mod failure_diagnosis;
mod harden;
mod history;
mod host_arguments;
mod init;
mod inventory_path;
mod keys;
mod left_out;
mod lists;
mod log_file;
mod logs;
mod named_hosts;
mod new_inventory;
mod option_values;
mod outsider;
mod page_file;
mod password;
mod plan;
mod print;
mod private_file;
mod record;
mod render;
mod seen;
mod session;
mod signals;
mod ssh;
mod status;
mod terminal_modes;
mod up;
mod usage;
mod verified_errors;
mod wait_for_steps;
mod watch;

use std::path::Path;
use std::process::ExitCode;

pub use arguments::{Cli, Command};

use arguments::Called;
use command_line::Words;
pub(crate) use exit::Exit;
pub use harden::disable_core_dumps;
pub use lists::complete;
pub use print::quiet_broken_pipes;
pub use usage::usage;

use crate::report::FailureCode;
use exit::Failure;

/// Runs one command line.
pub fn run(cli: Cli) -> ExitCode {
    let result = cli.common.log.as_deref().map_or(Ok(()), log_into).and_then(|()| {
        match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                let result = runtime.block_on(dispatch(&cli));
                // An interrupted prompt still reads standard input: nothing waits for a line that nobody types.
                runtime.shutdown_background();
                result
            }
            Err(error) => Err(Failure::other(
                FailureCode::Internal,
                "rabbitup could not start its async runtime",
                &error,
            )),
        }
    });
    let exit = match result {
        Ok(exit) => exit,
        Err(failure) => {
            let failure = failure.about(&Words::of(&cli.common));
            failure.print(cli.common.style_of_stderr());
            if cli.common.json {
                failure.print_json(cli.command.form());
            }
            failure.exit
        }
    };
    log_file::write(&format!("exit code {}\n", exit.code()));
    exit.into()
}

fn log_into(path: &Path) -> Result<(), Failure> {
    log_file::begin(path).map_err(|error| {
        Failure::new(FailureCode::LogFile, format!("the log {} cannot be written", session::shown(path)))
            .why(error.to_string())
            .next("name a file in a directory of yours with --log")
    })
}

async fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    let common = &cli.common;
    match &cli.command {
        Command::Init(arguments) => init::run(common, arguments),
        Command::Adopt(arguments) => adopt::run(common, arguments).await,
        Command::Check => check::run(common),
        Command::Plan(arguments) => plan::run(common, arguments).await,
        Command::Up(arguments) => up::run(common, &Called::default(), arguments).await,
        Command::Run(arguments) if arguments.called.playbook.is_none() => lists::playbooks(common),
        Command::Run(arguments) => up::run(common, &arguments.called, &arguments.up).await,
        Command::Apply(arguments) => apply::run(common, arguments).await,
        Command::Status(arguments) => status::run(common, arguments).await,
        Command::History(arguments) => history::run(common, arguments),
        Command::Doctor(arguments) => doctor::run(common, arguments).await,
        Command::Logs(arguments) => logs::run(common, arguments).await,
        Command::Exec(arguments) => exec::run(common, arguments).await,
        Command::Ssh(arguments) => ssh::run(common, arguments),
        Command::Render(arguments) => render::run(common, arguments).await,
        Command::Privileges(arguments) => lists::privileges(arguments),
        Command::Schema(arguments) => lists::schema(arguments),
        Command::Completions(arguments) => lists::completions(arguments),
        Command::Man => lists::man(),
    }
}
