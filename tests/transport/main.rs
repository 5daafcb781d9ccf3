//! The transport with a real sshd on the loopback interface, started and stopped for each test.

mod connect;
mod lock;
mod pollution;
mod run;
mod shells;
mod sshd;
