//! The command line: one file per verb.

mod apply;
mod arguments;
mod bundle;
mod check;
mod command_line;
mod consent;
mod doctor;
mod echo;
mod examine;
mod execute;
mod exit;
mod harden;
mod init;
mod lists;
mod plan;
mod print;
mod private_file;
mod render;
mod session;
mod status;
mod up;
mod usage;
mod wait_for_steps;

use std::process::ExitCode;

pub use arguments::{Cli, Command};

use arguments::Called;
use command_line::Words;
pub(crate) use exit::Exit;
pub use harden::disable_core_dumps;
pub use print::quiet_broken_pipes;
pub use usage::usage;

use exit::Failure;

/// Runs one command line.
pub fn run(cli: Cli) -> ExitCode {
    let result = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(dispatch(&cli)),
        Err(error) => Err(Failure::other("rabbitup could not start its async runtime", &error)),
    };
    match result {
        Ok(exit) => exit.into(),
        Err(failure) => {
            let failure = failure.about(&Words::of(&cli.common));
            failure.print(cli.common.style_of_stderr());
            if cli.common.json {
                failure.print_json(cli.command.form());
            }
            failure.exit.into()
        }
    }
}

async fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    let common = &cli.common;
    match &cli.command {
        Command::Init(arguments) => init::run(common, arguments),
        Command::Check => check::run(common),
        Command::Plan(arguments) => plan::run(common, arguments).await,
        Command::Up(arguments) => up::run(common, &Called::default(), arguments).await,
        Command::Run(arguments) if arguments.called.playbook.is_none() => lists::playbooks(common),
        Command::Run(arguments) => up::run(common, &arguments.called, &arguments.up).await,
        Command::Apply(arguments) => apply::run(common, arguments).await,
        Command::Status(arguments) => status::run(common, arguments).await,
        Command::Doctor(arguments) => doctor::run(common, arguments).await,
        Command::Render(arguments) => render::run(common, arguments),
        Command::Privileges(arguments) => lists::privileges(arguments),
        Command::Schema(arguments) => lists::schema(arguments),
        Command::Completions(arguments) => lists::completions(arguments),
        Command::Man => lists::man(),
    }
}
