use std::fmt;

use serde::{Deserialize, Serialize};

use super::{HostName, HostNameError};

/// The name of a RabbitMQ node, `rabbit@node1`: rabbitup always uses `rabbit` before the `@`, but clusters that were set up by
/// hand may use other names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeName {
    name: String,
    host: HostName,
}

/// Why a string is not a node name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeNameError {
    #[error("a node name has the form NAME@HOST, {0:?} does not")]
    Shape(String),
    #[error("the host of the node name {0:?} is invalid: {1}")]
    Host(String, HostNameError),
}

impl NodeName {
    /// The node that RabbitMQ's packages start on `host`.
    pub fn rabbit(host: &HostName) -> Self {
        Self { name: "rabbit".to_owned(), host: host.clone() }
    }

    /// Parses `NAME@HOST`.
    ///
    /// # Errors
    /// [`NodeNameError`] if there is no `@`, no name before it, or no host name after it.
    pub fn parse(text: &str) -> Result<Self, NodeNameError> {
        let (name, host) = text.split_once('@').ok_or_else(|| NodeNameError::Shape(text.to_owned()))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(NodeNameError::Shape(text.to_owned()));
        }
        let host = HostName::parse(host).map_err(|why| NodeNameError::Host(text.to_owned(), why))?;
        Ok(Self { name: name.to_owned(), host })
    }

    /// The host part.
    pub fn host(&self) -> &HostName {
        &self.host
    }
}

impl TryFrom<String> for NodeName {
    type Error = NodeNameError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<NodeName> for String {
    fn from(name: NodeName) -> Self {
        name.to_string()
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}@{}", self.name, self.host))
    }
}
