use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::model::{HostName, HostNameError};

/// `[USER@]HOST`: what ssh connects to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    pub user: Option<String>,
    /// An address, a name, or an alias of ssh's configuration.
    pub destination: String,
}

/// `NAME=[USER@]ADDRESS`: a host whose name nobody else can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLogin {
    pub name: HostName,
    pub user: Option<String>,
    pub address: IpAddr,
}

/// Why a word of the command line is no login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    #[error("`{0}` is not [USER@]HOST, as in ops@192.168.0.41")]
    Shape(String),
    #[error("`{0}` has a port: write it as --port")]
    Port(String),
    #[error("`{0}` is not NAME=[USER@]ADDRESS, as in lb1=ops@192.168.0.44")]
    Named(String),
    #[error("`{0}`: {1}")]
    Name(String, HostNameError),
}

impl Login {
    /// Its address, if it is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.destination.parse().ok()
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "{user}@{}", self.destination),
            None => f.write_str(&self.destination),
        }
    }
}

impl FromStr for Login {
    type Err = LoginError;

    fn from_str(text: &str) -> Result<Self, LoginError> {
        let (user, host) = match text.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, text),
        };
        let is_address = host.parse::<IpAddr>().is_ok();
        let (before, port) = host.rsplit_once(':').unwrap_or((host, ""));
        if !is_address && is_word(before) && !port.is_empty() && port.chars().all(|c| c.is_ascii_digit()) {
            return Err(LoginError::Port(text.to_owned()));
        }
        if !(is_address || is_word(host)) || user.is_some_and(|user| !is_word(user)) {
            return Err(LoginError::Shape(text.to_owned()));
        }
        Ok(Self { user: user.map(str::to_owned), destination: host.to_owned() })
    }
}

impl FromStr for NamedLogin {
    type Err = LoginError;

    fn from_str(text: &str) -> Result<Self, LoginError> {
        let wrong = || LoginError::Named(text.to_owned());
        let (name, login) = text.split_once('=').ok_or_else(wrong)?;
        let login = Login::from_str(login).map_err(|_| wrong())?;
        let address = login.address().ok_or_else(wrong)?;
        let name = HostName::parse(name).map_err(|why| LoginError::Name(text.to_owned(), why))?;
        Ok(Self { name, user: login.user, address })
    }
}

/// Whether ssh takes it for a name: one word, and no option.
fn is_word(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_read_as_ssh_has_them() {
        let login = |text: &str| text.parse::<Login>().map(|login| (login.user, login.destination));
        let ok = |user: Option<&str>, host: &str| Ok((user.map(str::to_owned), host.to_owned()));
        assert_eq!(login("node1"), ok(None, "node1"));
        assert_eq!(login("ops@10.0.0.1"), ok(Some("ops"), "10.0.0.1"));
        assert_eq!(login("ops@fd00::1"), ok(Some("ops"), "fd00::1"));
        assert!(matches!(login("ops@node1:2222"), Err(LoginError::Port(_))));
        for wrong in
            ["", "@", "ops@", "-oProxyCommand=x", "ops@-x", "a b", "ssh://ops@node1", "node1=10.0.0.1"]
        {
            assert!(matches!(login(wrong), Err(LoginError::Shape(_))), "{wrong}");
        }
    }

    #[test]
    fn a_balancer_needs_a_name_and_an_address() {
        let named = |text: &str| text.parse::<NamedLogin>();
        let lb = named("lb1=ops@192.168.0.44").expect("it is whole");
        assert_eq!((lb.name.as_str(), lb.user.as_deref()), ("lb1", Some("ops")));
        assert!(matches!(named("ops@192.168.0.44"), Err(LoginError::Named(_))));
        assert!(matches!(named("lb1=balancer"), Err(LoginError::Named(_))));
        assert!(matches!(named("lb_1=10.0.0.1"), Err(LoginError::Name(..))));
    }
}
