use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes};
use crate::balancer::Software;
use crate::model::{HostName, SecretName};

/// The functions of each software: validate a file, and control it while it runs.
pub(super) const SOFTWARE: Shell = Shell::of("software", crate::balancer::STEPS);

const SHELL: Shell = Shell { on: &[&SOFTWARE], ..Shell::of("balancer", include_str!("balancer.sh")) };

/// Whether a load balancer uses a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BalancerState {
    Out,
    /// Then waits until a health check has passed since.
    In,
    /// Regardless of its health check, because a step in between failed or did not start. No plan contains it; the run uses it in
    /// place of `In`.
    InAnyway,
}

/// Disables a server in the running balancer, or enables it and waits until a check of it has passed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SwitchServer {
    #[serde(default)]
    pub software: Software,
    pub server: HostName,
    pub to: BalancerState,
    /// By the name of the balancer's backend: where the server is from now on, before it is enabled there.
    #[serde(default)]
    pub moved: BTreeMap<String, Moved>,
}

/// What becomes of a server whose broker listens elsewhere since its restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moved {
    /// The running balancer is told the port. Its configuration file follows when all brokers have moved.
    To { address: IpAddr, port: u16 },
    /// It stays out until the balancer reads a new configuration: what serves there now, the configured check cannot ask; or another
    /// backend has it.
    Later,
}

impl Moved {
    /// As the step function reads it.
    fn word(self, backend: &str) -> String {
        match self {
            Self::To { address, port } => format!("{backend}={address}={port}"),
            Self::Later => format!("{backend}=later"),
        }
    }
}

impl Operate for SwitchServer {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        let to = match self.to {
            BalancerState::Out => "out",
            BalancerState::In => "in",
            BalancerState::InAnyway => "in-anyway",
        };
        let software = self.software;
        call.words(["switch_server", software.as_str(), software.balancer().name, self.server.as_str(), to]);
        for (backend, moved) in &self.moved {
            // A broker that may not have restarted may ask for what it did before: the greeting shows it in one of the two backends.
            let is_shown = software.balancer().runtime.as_ref().is_some_and(|runtime| {
                backend.strip_suffix(runtime.proxied).unwrap_or(backend) == runtime.amqp
            });
            if self.to == BalancerState::InAnyway && *moved == Moved::Later && is_shown {
                continue;
            }
            call.word(&moved.word(backend));
        }
        Ok(())
    }

    fn effect(&self, world: &mut World<'_>) {
        world.on_host(|host| {
            let backends = host.load_balancer.iter_mut().flat_map(|balancer| &mut balancer.backends);
            for backend in backends.filter(|backend| backend.server == self.server.as_str()) {
                let moved = self.moved.get(&backend.proxy);
                if let Some(Moved::To { port, .. }) = moved {
                    backend.port = Some(*port);
                }
                backend.status = match (self.to, moved) {
                    (BalancerState::Out, _) | (_, Some(Moved::Later)) => "MAINT".to_owned(),
                    (BalancerState::In | BalancerState::InAnyway, _) => "UP".to_owned(),
                };
            }
        });
    }
}
