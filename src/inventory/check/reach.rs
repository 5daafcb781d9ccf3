use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Checker;
use crate::document::{At, ReadError, may_be_read, nearest};
use crate::inventory::Ssh;
use crate::inventory::raw::{RawHost, RawSsh};
use crate::inventory::raw_values::DurationText;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PERSIST: Duration = Duration::from_secs(60);

impl Checker<'_> {
    /// `[ssh]` with its defaults; each host sets the destination.
    pub(super) fn common_ssh(&mut self, raw: Option<&RawSsh>) -> Ssh {
        let raw = raw.cloned().unwrap_or_default();
        Ssh {
            destination: String::new(),
            user: self.word("ssh.user", raw.user.as_ref()),
            port: raw.port.map(Into::into),
            identity: self.file(raw.identity.as_ref()),
            config: self.ssh_config(raw.config.as_ref()),
            jump: self.jump(raw.jump.as_ref()),
            host_keys: raw.host_keys.unwrap_or_default(),
            r#become: raw.r#become.unwrap_or_default(),
            connect_timeout: self.connect_timeout(raw.connect_timeout.as_ref()).unwrap_or(CONNECT_TIMEOUT),
            persist: raw.persist.map_or(PERSIST, |duration| duration.value.0),
        }
    }

    /// The inventory's settings, overridden by one host's own.
    pub(super) fn host_ssh(&mut self, common: &Ssh, host: &RawHost) -> Ssh {
        let raw = host.ssh.clone().unwrap_or_default();
        Ssh {
            destination: self
                .word("ssh.host", raw.host.as_ref())
                .unwrap_or_else(|| host.address.value.clone()),
            user: self.word("ssh.user", raw.user.as_ref()).or_else(|| common.user.clone()),
            port: raw.port.map(Into::into).or(common.port),
            identity: self.file(raw.identity.as_ref()).or_else(|| common.identity.clone()),
            config: self.ssh_config(raw.config.as_ref()).or_else(|| common.config.clone()),
            jump: self.jump(raw.jump.as_ref()).or_else(|| common.jump.clone()),
            host_keys: raw.host_keys.unwrap_or(common.host_keys),
            r#become: raw.r#become.unwrap_or(common.r#become),
            connect_timeout: self
                .connect_timeout(raw.connect_timeout.as_ref())
                .unwrap_or(common.connect_timeout),
            persist: raw.persist.map_or(common.persist, |duration| duration.value.0),
        }
    }

    /// A value of ssh's `-J`, with brackets around IPv6 addresses: without them the end of one would be a port (ssh(1), RFC 3986 3.2.2).
    fn jump(&mut self, text: Option<&At<String>>) -> Option<String> {
        let hops = self.word("ssh.jump", text)?;
        Some(hops.split(',').map(bracketed).collect::<Vec<_>>().join(","))
    }

    /// A word that becomes an argument of ssh: with a leading hyphen it would be parsed as an option.
    fn word(&mut self, what: &str, text: Option<&At<String>>) -> Option<String> {
        let text = text?;
        if text.is_empty()
            || text.starts_with('-')
            || text.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            self.error(
                format!("`{what}` is not a single word that ssh accepts"),
                &text.span,
                "here",
                "it must not be empty, contain white space or start with a hyphen",
            );
            return None;
        }
        Some(text.value.clone())
    }

    fn file(&mut self, text: Option<&At<String>>) -> Option<PathBuf> {
        let text = text?;
        if text.is_empty() {
            self.error(
                "a path cannot be empty",
                &text.span,
                "here",
                "remove the key if there is no such file",
            );
            return None;
        }
        if !self.is_one_line("the path", text) {
            return None;
        }
        let path = self.lasting_path(text);
        // ssh's configuration can run commands: ProxyCommand, Match exec.
        if let Err(ReadError::Distrusted(why)) = may_be_read(&path) {
            self.error(why.to_string(), &text.span, "this file", why.hint());
        }
        Some(path)
    }

    /// ssh does not start without the file that `-F` names.
    fn ssh_config(&mut self, text: Option<&At<String>>) -> Option<PathBuf> {
        let path = self.file(text)?;
        let span = &text?.span;
        match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                self.error(
                    format!("{} is a directory", path.display()),
                    span,
                    "here",
                    "name the file in it that ssh reads as its configuration",
                );
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let hint = match near(&path) {
                    Some(name) => format!("did you mean `{name}`, which is in the same directory?"),
                    None => "a path is relative to the inventory; without this key ssh reads your own configuration"
                        .to_owned(),
                };
                self.error(format!("{} does not exist", path.display()), span, "no such file", hint);
            }
            Err(error) => {
                let what = format!("{} cannot be read: {error}", path.display());
                self.error(what, span, "this file", "let ssh read it, or name another file");
            }
        }
        Some(path)
    }

    fn connect_timeout(&mut self, duration: Option<&At<DurationText>>) -> Option<Duration> {
        let duration = duration?;
        if duration.value.0 < Duration::from_secs(1) {
            self.error(
                "ssh needs connect_timeout in whole seconds, at least 1",
                &duration.span,
                "here",
                "\"10s\" is the default",
            );
        }
        Some(duration.value.0)
    }
}

/// The name most like this one in its directory.
fn near(path: &Path) -> Option<String> {
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    let names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    nearest(path.file_name()?.to_str()?, names.iter().map(String::as_str)).map(str::to_owned)
}

/// `[USER@]HOST[:PORT]`, as ssh reads it.
fn bracketed(hop: &str) -> String {
    let (user, host) = hop.rsplit_once('@').map_or((None, hop), |(user, host)| (Some(user), host));
    let Ok(address) = host.parse::<std::net::Ipv6Addr>() else { return hop.to_owned() };
    match user {
        Some(user) => format!("{user}@[{address}]"),
        None => format!("[{address}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::bracketed;

    #[test]
    fn an_ipv6_address_of_a_jump_host_gets_brackets() {
        for (hop, wanted) in [
            ("fd00::1", "[fd00::1]"),
            ("ops@fd00::1", "ops@[fd00::1]"),
            ("ops@[fd00::1]:2222", "ops@[fd00::1]:2222"),
            ("ops@gate:2222", "ops@gate:2222"),
            ("none", "none"),
        ] {
            assert_eq!(bracketed(hop), wanted);
        }
    }
}
