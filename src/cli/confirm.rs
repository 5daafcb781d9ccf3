use console::Term;

use super::arguments::Common;
use super::exit::{Exit, Failure};

/// Asks on a terminal; without one, only `--yes` is an answer.
pub fn confirm(common: &Common, yes: bool, question: &str) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    let terminal = Term::stderr();
    if common.json || !terminal.is_term() || !std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        return Err(Failure::new(Exit::Usage, "nobody is there to confirm the plan")
            .why("standard input is no terminal, or --json was given")
            .next("add --yes to apply without asking"));
    }
    let ask = terminal.write_str(&format!("{question} [y/N] ")).and_then(|()| terminal.read_line());
    let answer = ask.map_err(|error| Failure::other("no answer could be read", &error))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}
