//! The program's command line without hosts: its output, exit codes and interruption.

mod errors;
mod home;
mod init;
mod pages;
mod signals;
