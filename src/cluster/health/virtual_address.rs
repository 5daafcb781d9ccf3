use super::{Finding, Severity};
use crate::cluster::virtual_address::{Trouble, troubles};
use crate::facts::Facts;
use crate::inventory::Desired;

/// The address that load balancers share.
pub(super) fn check(desired: &Desired, facts: &Facts, findings: &mut Vec<Finding>) {
    let found = troubles(desired, facts).into_iter().map(|(trouble, problem)| {
        let severity = match trouble {
            Trouble::KeepalivedDown | Trouble::Split | Trouble::Nowhere | Trouble::Taken => Severity::Error,
            // Another one may have it, and why it fails has a finding of its own.
            Trouble::CheckFails | Trouble::Unseen => Severity::Warning,
        };
        Finding { severity, problem }
    });
    findings.extend(found);
}
