use super::arguments::Common;
use super::exit::{Exit, Failure};
use super::print;
use super::session::{load, playbook, shown};
use crate::cluster::phrases::counted;
use crate::inventory::{Loaded, SecretPolicy};
use crate::playbook::Playbook;
use crate::report::CheckDocument;

/// `rabbitup check`.
pub fn run(common: &Common) -> Result<Exit, Failure> {
    let (Loaded { desired, warnings }, _) = load(common, SecretPolicy::Tolerate)?;
    for name in Playbook::embedded_names() {
        playbook(common, name)?;
    }
    let hosts = counted(desired.hosts.len(), "host");
    let brokers = counted(desired.brokers().count(), "broker");
    if common.json {
        print::json(&CheckDocument::new(desired.hosts.len(), &warnings));
    }
    print::usual(common, |_| {
        format!("{} is valid: {hosts}, {brokers}. No host was contacted.\n", shown(&common.inventory))
    });
    Ok(Exit::Done)
}
