use serde::{Deserialize, Serialize};

/// The state of the load balancer on this host.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerFacts {
    /// From HAProxy's runtime socket; empty for nginx, which has none.
    pub backends: Vec<Backend>,
    /// Whether an AMQP handshake through the load balancer's AMQP port was answered by a broker.
    pub amqp_answers: Option<bool>,
    /// None if it does not run, or its configuration was not asked for.
    #[serde(default)]
    pub runs_with: Option<Configuration>,
}

/// Which configuration the processes that serve have read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Configuration {
    /// The file as it is.
    Current,
    /// As it was before.
    Earlier,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// HAProxy's proxy name (`amqp`).
    pub proxy: String,
    /// HAProxy's server name, for which rabbitup uses the host's name.
    pub server: String,
    /// `UP`, `DOWN`, `MAINT`, `no check`…
    pub status: String,
    /// The result of the last check (`L4OK`, `L4CON`…).
    pub check: String,
    /// The port to which it connects; none if it did not report it.
    #[serde(default)]
    pub port: Option<u16>,
}

impl Backend {
    /// Whether the server was put into maintenance in HAProxy: `MAINT`, `DRAIN`.
    pub fn is_spared(&self) -> bool {
        self.status.starts_with("MAINT") || self.status.starts_with("DRAIN")
    }
}
