//! What a plan destroys and no later run can restore, as a value: the operator agrees to exactly this much.

use std::collections::BTreeMap;

use super::Plan;
use crate::operation::{Amount, Loss};

/// Everything that a plan destroys, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Destruction(BTreeMap<Loss, Amount>);

impl Destruction {
    /// Of all steps of a plan together.
    pub fn of(plan: &Plan) -> Self {
        let mut whole = Self::default();
        plan.steps
            .iter()
            .flat_map(|step| step.operation.nature().losses)
            .for_each(|(loss, amount)| whole.add(loss, amount));
        whole
    }

    /// Whether members or data are removed. Changes that are merely irreversible do not count.
    pub fn destroys(&self) -> bool {
        self.0.keys().any(Loss::destroys)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What `now` destroys that this one, which was shown, did not: another node, a larger number, an unknown number in place of
    /// a known one. Empty if agreeing to this is agreeing to `now`.
    #[must_use]
    pub fn beyond(&self, now: &Self) -> Self {
        let shown =
            |(loss, amount): &(&Loss, &Amount)| self.0.get(loss).is_some_and(|had| had.covers(amount));
        let new = now.0.iter().filter(|entry| !shown(entry));
        Self(new.map(|(loss, amount)| (loss.clone(), amount.clone())).collect())
    }

    /// Each loss with its amount, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (&Loss, &Amount)> {
        self.0.iter()
    }

    fn add(&mut self, loss: Loss, amount: Amount) {
        let whole = match self.0.remove(&loss) {
            Some(had) => had.or_more(amount),
            None => amount,
        };
        self.0.insert(loss, whole);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::HoldingCounts;
    use crate::model::NodeName;

    fn counts() -> impl Strategy<Value = HoldingCounts> {
        prop::array::uniform8(prop::option::of(0..4_u64)).prop_map(|counts| {
            let [queues, messages, vhosts, users, policies, exchanges, parameters, bindings] = counts;
            HoldingCounts { queues, messages, vhosts, users, policies, exchanges, parameters, bindings }
        })
    }

    fn destruction() -> impl Strategy<Value = Destruction> {
        let amount = prop_oneof![Just(Amount::All), counts().prop_map(Amount::AtMost)];
        let node = |at: u8| NodeName::parse(&format!("rabbit@node{at}")).expect("a node's name");
        let loss = (0..6_u8, 1..4_u8).prop_map(move |(kind, at)| match kind {
            0 => Loss::Member(node(at)),
            1 => Loss::OnlyCopies(node(at)),
            2 => Loss::Holdings(node(at)),
            3 => Loss::DataDirectory(node(at)),
            4 => Loss::Version(node(at)),
            _ => Loss::FeatureFlags,
        });
        prop::collection::vec((loss, amount), 0..6).prop_map(|losses| {
            let mut whole = Destruction::default();
            losses.into_iter().for_each(|(loss, amount)| whole.add(loss, amount));
            whole
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_shown_covers_itself_and_nothing_more(shown in destruction(), now in destruction()) {
            prop_assert!(shown.beyond(&shown).is_empty());
            let beyond = shown.beyond(&now);
            // Once the new losses are shown as well, nothing is new.
            let mut both = shown.clone();
            beyond.iter().for_each(|(loss, amount)| both.add(loss.clone(), amount.clone()));
            prop_assert!(both.beyond(&now).is_empty(), "{both:?} does not cover {now:?}");
            // Nothing passes that was never shown.
            for (loss, _) in now.iter() {
                prop_assert!(shown.0.contains_key(loss) || beyond.0.contains_key(loss));
            }
        }

        #[test]
        fn covering_is_transitive(one in destruction(), two in destruction(), three in destruction()) {
            if one.beyond(&two).is_empty() && two.beyond(&three).is_empty() {
                prop_assert!(one.beyond(&three).is_empty());
            }
        }
    }

    #[test]
    fn a_larger_number_and_an_unknown_one_are_more() {
        let node = NodeName::parse("rabbit@node2").expect("a node's name");
        let holds = |messages| {
            let mut holds = Destruction::default();
            let counts = HoldingCounts { queues: Some(1), messages, ..HoldingCounts::NOTHING };
            holds.add(Loss::Holdings(node.clone()), Amount::AtMost(counts));
            holds
        };
        let is_more = |shown, now| !holds(shown).beyond(&holds(now)).is_empty();
        assert!(is_more(Some(3), Some(4)), "503 where 3 were shown");
        assert!(is_more(Some(3), None), "an unknown number where a number was shown");
        assert!(!is_more(Some(3), Some(3)) && !is_more(Some(3), Some(0)) && !is_more(None, Some(9)));
    }
}
