//! What is played on the hosts.

pub mod access;
pub mod balancer;
pub mod changes;
pub mod cold;
pub mod doctor;
pub mod files;
pub mod half_done;
pub mod hostile;
pub mod leaving;
pub mod membership;
pub mod planted;
pub mod queues;
pub mod recovery;
pub mod rolling;
pub mod rotation;
pub mod runs;
pub mod secrets;
pub mod steady;
pub mod tls;
pub mod traffic_check;
pub mod trouble;
