use crate::facts::HoldingCounts;
use crate::model::NodeName;

/// Something that is gone, or that there is no way back from, once a step has been carried out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// The node leaves its cluster. What its cluster knows only by it goes with it.
    Member(NodeName),
    /// The queues of which only the node that leaves has a copy, and every message in them.
    OnlyCopies(NodeName),
    /// What the node holds of its own: RabbitMQ empties a node that joins another cluster.
    Holdings(NodeName),
    /// The node's data directory: moved aside, and no node serves it any more.
    DataDirectory(NodeName),
    /// The version of RabbitMQ that the node runs: an older one does not start on data of a newer one.
    Version(NodeName),
    /// The states of the cluster's feature flags: none is ever disabled again.
    FeatureFlags,
}

impl Loss {
    /// Whether members or data go, rather than only the way back.
    pub fn destroys(&self) -> bool {
        match self {
            Self::Member(_) | Self::OnlyCopies(_) | Self::Holdings(_) | Self::DataDirectory(_) => true,
            Self::Version(_) | Self::FeatureFlags => false,
        }
    }

    /// All of it.
    pub(super) fn whole(self) -> Vec<(Self, Amount)> {
        vec![(self, Amount::All)]
    }
}

/// How much of it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// All there is, whatever that is.
    All,
    /// At most so many of each kind. None: nobody could count them.
    AtMost(HoldingCounts),
}

impl Amount {
    pub fn covers(&self, now: &Self) -> bool {
        match (self, now) {
            (Self::All, _) => true,
            (Self::AtMost(_), Self::All) => false,
            (Self::AtMost(shown), Self::AtMost(now)) => shown.covers(now),
        }
    }

    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::AtMost(one), Self::AtMost(other)) => Self::AtMost(one.at_least(&other)),
        }
    }
}
