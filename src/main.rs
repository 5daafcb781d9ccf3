//! rabbitup: see the library's documentation and docs/architecture.md.

use std::process::ExitCode;

use clap::Parser;
use rabbitup::cli::{self, Cli};

fn main() -> ExitCode {
    cli::disable_core_dumps();
    // A reader that goes away (`rabbitup plan | head`) ends the output, not the program with a panic.
    cli::quiet_broken_pipes();
    cli::complete();
    let arguments = match Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return cli::usage(&error),
    };
    cli::run(arguments)
}
