use super::{Finding, Severity};
use crate::facts::{Facts, Guest, HostFacts};
use crate::inventory::{Desired, GuestSetting};
use crate::model::Problem;

/// Users who can log in but should not, and whether any client can log in. Waiting does not change this, so a run that waits for
/// health does not wait for it.
pub fn access(desired: &Desired, facts: &Facts) -> Vec<Finding> {
    if desired.cluster.guest == GuestSetting::Keep {
        return Vec::new();
    }
    // Users belong to the cluster: all nodes report the same.
    let node = desired.brokers().find_map(|host| facts.host(&host.name).and_then(HostFacts::node));
    let Some(node) = node.filter(|node| node.guest == Guest::Open) else { return Vec::new() };
    let holdings = &node.holdings;
    let knows_users = !holdings.unreadable.iter().any(|kind| kind == "user");
    let is_only_user = knows_users && holdings.users.is_empty() && !holdings.more.contains_key("user");
    let what = if is_only_user {
        "guest is the only user: it can log in only from the brokers' own hosts, so no client can log in through the load balancer, and \
         every local user there is an administrator"
    } else {
        "guest has its well-known password: every local user of the brokers' hosts can log in as an administrator"
    };
    let advice = if desired.cluster.admin.is_some() {
        "`rabbitup up` removes the password"
    } else {
        "declare an administrator in the inventory, under [cluster]: admin = { user = \"admin\", password = { from = \"env\", \
         name = \"RABBITUP_ADMIN_PASSWORD\" } }"
    };
    vec![Finding { severity: Severity::Warning, problem: Problem::new(what, "", advice) }]
}
