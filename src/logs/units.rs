use crate::balancer;
use crate::rabbitmq::BROKER_UNIT;
use crate::virtual_address::KEEPALIVED;

/// The units whose journals tell of a cluster, on whichever host.
pub(crate) fn units() -> Vec<&'static str> {
    [BROKER_UNIT].into_iter().chain(balancer::units()).chain([KEEPALIVED]).collect()
}
