//! The transport against a real sshd on the loopback interface, started for each test and ended with it.

mod connect;
mod lock;
mod pollution;
mod run;
mod sshd;
