//! What is played on the hosts.

pub mod access;
pub mod balancer;
pub mod changes;
pub mod cold;
pub mod consent;
pub mod doctor;
pub mod exposure;
pub mod files;
pub mod half_done;
pub mod hostile;
pub mod leaving;
pub mod membership;
pub mod only_copies;
pub mod planted;
pub mod queues;
pub mod recovery;
pub mod rolling;
pub mod rotation;
pub mod runs;
pub mod secrets;
pub mod steady;
pub mod taken_over;
pub mod tls;
pub mod traffic_check;
pub mod trouble;
pub mod versions;
