use std::net::{IpAddr, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use super::arguments::{Common, Init};
use super::exit::{Exit, Failure};
use super::new_inventory::{Existing, NewInventory, next};
use super::print;
use super::session::{bad_file, graphics, shown};
use crate::ansible::starter_from;
use crate::document::report;
use crate::inventory::{ADMIN_PASSWORD, Admin, starter};
use crate::report::FailureCode;

/// `rabbitup init`.
pub fn run(common: &Common, arguments: &Init) -> Result<Exit, Failure> {
    let existing = if arguments.force { Existing::IsReplaced } else { Existing::Stays };
    let file = NewInventory::new(common, arguments.output.as_deref(), existing);
    let text = match &arguments.from_ansible {
        Some(path) => {
            file.check()?;
            of_ansible(common, path, arguments.admin.as_ref())?
        }
        None => starter(&arguments.hosts, arguments.admin.as_ref()).map_err(|error| {
            Failure::new(FailureCode::StarterHosts, "no inventory can be made of these hosts")
                .why(error.to_string())
        })?,
    };
    let Some(path) = file.write(&text)? else { return Ok(Exit::Done) };
    let next = next(common, path);
    if common.json {
        let next = next.to_string();
        print::json(&serde_json::json!({ "format_version": 1, "inventory": shown(path), "next": next }));
    } else {
        let set = match &arguments.admin {
            Some(_) => format!(", set {ADMIN_PASSWORD}"),
            None => String::new(),
        };
        print::usual(common, |_| format!("Wrote {}. Read it{set}, then: {next}\n", shown(path)));
    }
    Ok(Exit::Done)
}

/// How long names are looked up, all of them together; the resolver's own timeout ends the last.
const LOOKUPS: Duration = Duration::from_secs(20);

fn of_ansible(common: &Common, path: &Path, admin: Option<&Admin>) -> Result<String, Failure> {
    let until = Instant::now() + LOOKUPS;
    let resolve = |name: &str| (Instant::now() < until).then(|| address_of(name)).flatten();
    starter_from(path, admin, &resolve).map_err(|problems| {
        let style = common.style_of_stderr();
        let errors =
            if problems.len() == 1 { "1 error".to_owned() } else { format!("{} errors", problems.len()) };
        let message = format!("{errors} in {}; nothing was written", shown(path));
        let told = format!("{}\n{message}\n", report(&problems, style.width, graphics(style)));
        bad_file(FailureCode::AnsibleInventory, told, &message, &problems)
    })
}

/// What this machine makes of a name: its IPv4 address first, as brokers use it.
fn address_of(name: &str) -> Option<IpAddr> {
    let found: Vec<IpAddr> = (name, 0).to_socket_addrs().ok()?.map(|found| found.ip()).collect();
    let usable = |address: &&IpAddr| !address.is_loopback();
    let ipv4 = found.iter().filter(usable).find(|address| address.is_ipv4());
    ipv4.or_else(|| found.iter().find(usable)).copied()
}
