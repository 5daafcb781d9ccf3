use serde::{Deserialize, Serialize};

use crate::model::{NodeName, NodeType};

/// A member of a cluster, as one node or its disk says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ClusterMember {
    pub node: NodeName,
    pub node_type: NodeType,
}
