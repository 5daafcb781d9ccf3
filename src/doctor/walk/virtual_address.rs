use super::case::{Case, Notes};
use crate::cluster::virtual_address::{Trouble, troubles, vip};
use crate::doctor::{Cause, Finding};
use crate::model::Role;

/// The address that load balancers share.
pub(super) fn walk(case: &Case<'_>, notes: &mut Notes) {
    let Some(vip) = vip(case.desired) else { return };
    for _ in case.desired.with_role(Role::LoadBalancer).filter(|host| case.facts.host(&host.name).is_some()) {
        notes.checked(Cause::KeepalivedDown);
        notes.checked(Cause::AddressCheckFails);
    }
    vip.addresses.iter().for_each(|_| notes.checked(Cause::AddressSplit));
    for (trouble, problem) in troubles(case.desired, case.facts) {
        let cause = match trouble {
            Trouble::KeepalivedDown => Cause::KeepalivedDown,
            Trouble::CheckFails => Cause::AddressCheckFails,
            Trouble::Split => Cause::AddressSplit,
            Trouble::Nowhere => Cause::AddressNowhere,
            Trouble::Taken => Cause::AddressTaken,
            // A load balancer that does not answer is no cause of what doctor looks for.
            Trouble::Unseen => continue,
        };
        notes.add(Finding::of_problem(cause, problem));
    }
}
