//! ssh's arguments that lead to a host: the same for the connections of scripts and for a shell at the terminal.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::target::SshTarget;

/// Which keys are offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// Only the target's identity, if it names one.
    Target,
    /// As with `-J`: those in the configuration; the target's identity may be tried too.
    Jump,
}

/// The options that do not depend on what the connection is for, and the destination. They override every configuration file.
pub(super) fn to_destination(target: &SshTarget, login: Login, proxy: Option<OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = Vec::new();
    let mut option = |name: &str, value: &dyn AsRef<OsStr>| {
        let mut text = OsString::from(format!("{name}="));
        text.push(value.as_ref());
        arguments.push("-o".into());
        arguments.push(text);
    };
    option("StrictHostKeyChecking", &target.host_keys.option());
    option("ConnectTimeout", &target.connect_timeout.as_secs().max(1).to_string());
    option("ServerAliveInterval", &"10");
    option("ServerAliveCountMax", &"3");
    if let Some(proxy) = proxy {
        option("ProxyCommand", &proxy);
    } else if target.jump.as_deref() == Some("none") {
        option("ProxyJump", &"none");
    }
    if target.identity.is_some() && login == Login::Target {
        option("IdentitiesOnly", &"yes");
    }
    let mut flag = |name: &str, value: Option<OsString>| {
        if let Some(value) = value {
            arguments.push(name.into());
            arguments.push(value);
        }
    };
    flag("-F", target.config.as_ref().map(|path| path.into()));
    flag("-i", target.identity.as_ref().map(|path| path.into()));
    flag("-p", target.port.map(|port| port.to_string().into()));
    flag("-l", target.user.as_ref().map(|user| user.into()));
    arguments.push("--".into());
    arguments.push(target.destination.as_str().into());
    arguments
}

/// ssh expands `%` in paths (ssh_config(5), TOKENS).
pub(super) fn escape_percent(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt, OsStringExt};
    let bytes = path.as_os_str().as_bytes();
    OsString::from_vec(
        bytes.iter().flat_map(|b| std::iter::repeat_n(*b, 1 + usize::from(*b == b'%'))).collect(),
    )
}
