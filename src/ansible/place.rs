//! At which address the other hosts reach one, and how ssh does.

use std::net::IpAddr;

use super::fault::Fault;
use super::listing::Listed;
use super::taken::{is_word, shown};
use super::variables::{Text, Value, Variable, Variables};

/// Finds the address of a name.
pub(super) type Resolve<'r> = &'r dyn Fn(&str) -> Option<IpAddr>;

/// Where a host is.
pub(super) struct Place {
    pub address: IpAddr,
    /// What ssh connects to, if that is not the address.
    pub route: Option<String>,
    pub remark: Option<String>,
}

impl Place {
    /// # Errors
    /// No address can be told.
    pub fn of(host: &Listed, variables: &Variables, resolve: Resolve<'_>) -> Result<Self, Fault> {
        let target = match variables.get(Variable::Host).map(|value| &value.text) {
            None => host.name.clone(),
            Some(Text::Plain(text)) if is_word(text.trim()) => text.trim().to_owned(),
            Some(Text::Plain(text)) if text.contains('{') => {
                return Err(no_address(
                    host,
                    variables,
                    "its `ansible_host` is a template, which only Ansible evaluates",
                ));
            }
            Some(Text::Plain(_) | Text::Structure) => {
                return Err(no_address(host, variables, "its `ansible_host` is no address and no name"));
            }
            Some(Text::Shut) => {
                return Err(no_address(
                    host,
                    variables,
                    "its `ansible_host` is in a vault, which stays shut",
                ));
            }
        };
        let typed: Option<IpAddr> = target.parse().ok();
        if let Some(address) = typed.filter(is_reachable) {
            return Ok(Self { address, route: None, remark: None });
        }
        let route = Some(target.clone());
        let beside = variables.get(Variable::Address).and_then(|Value { text, .. }| match text {
            Text::Plain(text) => text.trim().parse::<IpAddr>().ok().filter(is_reachable),
            Text::Shut | Text::Structure => None,
        });
        if let Some(address) = beside {
            return Ok(Self {
                address,
                route,
                remark: Some("The address is from its variables.".to_owned()),
            });
        }
        if typed.is_some() {
            let why = format!("at {target} no other host reaches it");
            return Err(no_address(host, variables, &why));
        }
        if !is_word(&target) {
            return Err(no_address(host, variables, "its name is none that ssh takes"));
        }
        let address = resolve(&target).filter(is_reachable).ok_or_else(|| {
            no_address(
                host,
                variables,
                &format!("`{}` leads to no address on this machine that other hosts reach", shown(&target)),
            )
        })?;
        let remark = format!(
            "The address is what `{}` resolves to on the machine where this file was written: check that the other hosts reach it there.",
            shown(&target)
        );
        Ok(Self { address, route, remark: Some(remark) })
    }
}

fn no_address(host: &Listed, variables: &Variables, why: &str) -> Fault {
    let own = variables.get(Variable::Host).filter(|value| value.file.is_none());
    let span = own.map_or(&host.span, |value| &value.span);
    Fault::new(
        format!("the host `{}` has no address: {why}", shown(&host.name)),
        span.clone(),
        "give it ansible_host=ADDRESS, or ip=ADDRESS beside the name that ssh connects to: ip=192.168.0.41",
    )
}

/// Whether another host can connect to it.
fn is_reachable(address: &IpAddr) -> bool {
    !(address.is_loopback() || address.is_unspecified() || address.is_multicast())
}
