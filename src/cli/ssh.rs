//! `rabbitup ssh`: a shell on one host, reached as rabbitup reaches it.

use std::os::unix::process::CommandExt as _;

use super::arguments::Common;
use super::connection::{Rights, target};
use super::exit::{Exit, Failure};
use super::host_arguments::SshArguments;
use super::named_hosts::the_host;
use super::session::load;
use crate::inventory::SecretPolicy;
use crate::report::FailureCode;

/// `rabbitup ssh`. ssh takes the place of this process, so that terminal, signals and exit code are its own.
pub fn run(common: &Common, arguments: &SshArguments) -> Result<Exit, Failure> {
    // A shell needs none of the cluster's secrets.
    let (loaded, _) = load(common, SecretPolicy::Tolerate)?;
    let desired = loaded.desired;
    let host = the_host(&desired, &arguments.host)?;
    let error = target(&host.ssh, &Rights::Login, &desired.secret_sources).shell().exec();
    Err(Failure::other(FailureCode::Internal, "ssh could not be started on this machine", &error))
}
