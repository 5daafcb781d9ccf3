//! The program's command line without hosts: its output, exit codes and interruption.

mod adopt;
mod completion;
mod errors;
mod exec;
#[path = "../report/fixtures.rs"]
#[expect(dead_code, reason = "its plan is enough here")]
mod fixtures;
mod history;
mod home;
mod init;
#[path = "../report/journals.rs"]
#[expect(dead_code, reason = "the texts of its journals are enough here")]
mod journals;
mod page_files;
mod pages;
mod password;
mod schema;
mod signals;
#[path = "../transport/sshd.rs"]
#[expect(dead_code, reason = "its server is enough here")]
mod sshd;
mod terminal;
mod watch;
