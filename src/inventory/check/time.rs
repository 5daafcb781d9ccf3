use std::net::IpAddr;
use std::time::Duration;

use super::Checker;
use crate::document::{At, nearest};
use crate::inventory::raw::RawTime;
use crate::inventory::{Host, Time, TimeServer};
use crate::model::{HostName, Role};

const MAX_OFFSET: Duration = Duration::from_millis(250);

impl Checker<'_> {
    pub(super) fn time(&mut self, raw: RawTime, hosts: &[Host]) -> Time {
        let servers = match &raw.servers {
            Some(servers) => servers.iter().filter_map(|server| self.time_server(server, hosts)).collect(),
            None => hosts
                .iter()
                .filter(|host| host.has(Role::TimeSource))
                .map(|host| TimeServer::Host(host.name.clone()))
                .collect(),
        };
        let max_offset = raw.max_offset.map_or(MAX_OFFSET, |offset| {
            if offset.value.0 < Duration::from_millis(1) {
                self.error(
                    "clocks cannot agree to less than a millisecond",
                    &offset.span,
                    "here",
                    "\"250ms\" is the default",
                );
            }
            offset.value.0
        });
        Time { manage: raw.manage.unwrap_or(true), servers, max_offset }
    }

    fn time_server(&mut self, text: &At<String>, hosts: &[Host]) -> Option<TimeServer> {
        let of_text =
            |host: &&Host| host.name.as_str() == text.value || host.address.to_string() == text.value;
        if let Some(host) = hosts.iter().find(of_text) {
            if !host.has(Role::TimeSource) {
                self.error(
                    format!("`{}` is used as a time server, but does not have the role time-source", host.name),
                    &text.span,
                    "this host",
                    format!(
                        "add \"time-source\" to the roles of `{}`, otherwise it does not serve time to others",
                        host.name
                    ),
                );
            }
            return Some(TimeServer::Host(host.name.clone()));
        }
        if text.parse::<IpAddr>().is_ok() {
            return Some(TimeServer::External(text.value.clone()));
        }
        match HostName::parse(text) {
            Ok(name) if name.is_qualified() => Some(TimeServer::External(text.value.clone())),
            _ => {
                let shown: String = text.chars().take(60).collect();
                let near = nearest(text, hosts.iter().map(|host| host.name.as_str()));
                let label = near.map_or("neither".to_owned(), |name| format!("did you mean \"{name}\"?"));
                self.error(
                    format!("the time server `{shown}` is neither a host of this inventory nor a server's name or address"),
                    &text.span,
                    &label,
                    "write other servers with their domain or address: \"ntp.example.com\", \"192.0.2.123\"",
                );
                None
            }
        }
    }
}
