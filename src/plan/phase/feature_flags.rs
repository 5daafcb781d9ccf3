use super::{Draft, roll};
use crate::cluster::phrases::counted;
use crate::facts::HostFacts;
use crate::inventory::Host;
use crate::operation::{EnableFeatureFlags, Operation};
use crate::plan::{Change, Proposal};

/// Enables the disabled stable feature flags. After an upgrade only the new version knows its flags, so then
/// this step always runs.
pub fn plan(draft: &mut Draft<'_>) {
    let upgraded = draft.steps.iter().any(|step| matches!(step.operation, Operation::UpgradeBroker(_)));
    let reason =
        if upgraded { Some("the new version may have new flags".to_owned()) } else { disabled(draft) };
    if let Some(reason) = reason {
        enable(draft, "feature-flags", reason);
    }
}

/// Enables disabled flags before an upgrade: newer versions refuse to start without the flags of older ones
/// (rabbitmq.com/docs/feature-flags; each series requires flags of the previous one).
pub(super) fn before_upgrade(draft: &mut Draft<'_>) {
    if let Some(reason) = disabled(draft) {
        enable(draft, "feature-flags-before", format!("{reason}, which the new version may require"));
    }
}

fn disabled(draft: &Draft<'_>) -> Option<String> {
    let node = draft.host(&draft.anchor).and_then(HostFacts::node)?;
    let flags = &node.disabled_feature_flags;
    let shown: Vec<&str> = flags.iter().take(3).map(String::as_str).collect();
    let more = if flags.len() > 3 { " …" } else { "" };
    (!flags.is_empty()).then(|| {
        format!("{} not enabled: {}{more}", counted(flags.len(), "stable feature flag"), shown.join(", "))
    })
}

fn enable(draft: &mut Draft<'_>, what: &str, reason: String) {
    let Some(node) = draft.desired.host(&draft.anchor).map(Host::node) else { return };
    let after = roll::turn(draft);
    let anchor = draft.anchor.clone();
    draft.propose(
        Proposal::new(&anchor, what, Change::Command, EnableFeatureFlags { node })
            .title("enable all stable feature flags")
            .because(reason)
            .after(after)
            .within(400),
    );
}
