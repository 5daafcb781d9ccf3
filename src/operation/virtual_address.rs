use super::{Call, Nature, OnBroker, Operate, Shell, World, Writes};
use crate::model::SecretName;
use crate::virtual_address::CHECK;

const SHELL: Shell = Shell::of("virtual_address", include_str!("virtual_address.sh"));

/// Waits until the load balancer on this host may have the address that it shares: the check passed as often in a row as keepalived wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwaitStandby;

impl Operate for AwaitStandby {
    fn nature(&self) -> Nature {
        Nature { shell: &[&SHELL], writes: Writes::Nothing, broker: OnBroker::Untouched, losses: Vec::new() }
    }

    fn call(&self, call: &mut Call<'_>) -> Result<(), SecretName> {
        call.words(["await_standby", CHECK]);
        Ok(())
    }

    fn effect(&self, _: &mut World<'_>) {}
}
