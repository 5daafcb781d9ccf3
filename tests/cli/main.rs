//! The program as it is called, where no host is needed: what it prints, its exit codes, and how it is interrupted.

mod errors;
mod home;
mod init;
mod pages;
mod signals;
