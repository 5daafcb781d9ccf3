//! RabbitMQ's own user guest, whose password is publicly known.

use rabbitup::facts::{Facts, Guest};
use rabbitup::inventory::{Admin, Desired, GuestSetting};
use rabbitup::model::Secret;

use crate::fixtures::{INVENTORY, converged, desired, fresh, options, planned, running};
use rabbitup::operation::Operation;

fn with_admin(user: &str) -> Desired {
    let mut desired = desired(INVENTORY);
    desired.cluster.admin = Some(Admin { user: user.to_owned() });
    desired.secrets.insert(Admin::secret(), Secret::new(b"admins-password".to_vec()));
    desired
}

fn closes(desired: &Desired, facts: &Facts) -> bool {
    let (plan, _) = planned(desired, facts, &options()).expect("a plan");
    plan.steps.iter().any(|step| matches!(step.operation, Operation::CloseGuest(_)))
}

#[test]
fn guest_is_closed_where_there_is_an_administrator() {
    let alone = desired(INVENTORY);
    assert!(!closes(&alone, &fresh(&alone)), "nobody else could log in");
    let desired = with_admin("ops");
    assert!(closes(&desired, &fresh(&desired)));
    let mut facts = converged(&desired);
    assert!(!closes(&desired, &facts), "again");
    for (guest, is_closed) in
        [(Guest::Open, true), (Guest::Closed, false), (Guest::Absent, false), (Guest::Unknown, false)]
    {
        running(&mut facts, "node1").guest = guest;
        assert_eq!(closes(&desired, &facts), is_closed, "{guest:?}");
    }
}

#[test]
fn a_guest_that_the_inventory_wants_stays() {
    let mut keeps = with_admin("ops");
    keeps.cluster.guest = GuestSetting::Keep;
    assert!(!closes(&keeps, &fresh(&keeps)));
    let is_admin = with_admin("guest");
    assert!(!closes(&is_admin, &fresh(&is_admin)));
}

#[test]
fn a_cluster_with_a_first_user_of_its_own_has_no_guest() {
    let mut desired = desired(&INVENTORY.replace("heartbeat = 30", "default_user = \"first\""));
    desired.cluster.admin = Some(Admin { user: "ops".to_owned() });
    desired.secrets.insert(Admin::secret(), Secret::new(b"admins-password".to_vec()));
    assert!(!closes(&desired, &fresh(&desired)));
}
