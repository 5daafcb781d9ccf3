use crate::facts::HoldingCounts;
use crate::model::NodeName;

/// Something that a step destroys, or changes irreversibly.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// The node leaves its cluster, with the data that only it has.
    Member(NodeName),
    /// The queues of which only the leaving node has a copy, with all their messages.
    OnlyCopies(NodeName),
    /// The node's own data: RabbitMQ wipes a node that joins another cluster.
    Holdings(NodeName),
    /// The node's data directory: moved aside, so that no node serves it.
    DataDirectory(NodeName),
    /// The node's version of RabbitMQ: an older one does not start on data of a newer one.
    Version(NodeName),
    /// The states of the cluster's feature flags: they cannot be disabled.
    FeatureFlags,
}

impl Loss {
    /// Whether members or data are removed, rather than changed irreversibly.
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

/// How much of it is destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Amount {
    /// All of it, however much.
    All,
    /// At most this many of each kind. None: they could not be counted.
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
