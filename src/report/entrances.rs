//! Where to connect and how to log in: the end of `up`, and a part of `status`.

use serde::Serialize;

use super::style::{Detail, Ink, Style};
use crate::cluster::entrances::{Entrance, Login, Served, Through, entrances, login};
use crate::facts::Facts;
use crate::inventory::Desired;
use crate::model::{SecretSource, one_line};

/// How many addresses of a kind are listed.
const SHOWN: usize = 3;

/// The addresses for AMQP and the management UI and the login, a line each. Empty if no node serves.
pub fn entrances_text(desired: &Desired, facts: &Facts, style: Style) -> String {
    let (all, login) = (entrances(desired, facts), login(desired, facts));
    let mut text = String::new();
    for (served, label) in [(Served::Amqp, "AMQP"), (Served::Management, "UI")] {
        let of: Vec<&Entrance> = all.iter().filter(|entrance| entrance.served == served).collect();
        let shown = if style.detail == Detail::Full { of.len() } else { of.len().min(SHOWN) };
        for (at, entrance) in of.iter().take(shown).enumerate() {
            let label = if at == 0 { label } else { "" };
            text.push_str(&format!(
                "{}  {}\n",
                style.paint(Ink::Heading, format!("{label:<5}")),
                entrance.url
            ));
        }
        if of.len() > shown {
            text.push_str(&format!("       and {} more\n", of.len() - shown));
        }
    }
    if let Some(login) = login.filter(|_| !text.is_empty()) {
        text.push_str(&format!("{}  {}\n", style.paint(Ink::Heading, "Login"), login_words(&login)));
    }
    text
}

fn login_words(login: &Login<'_>) -> String {
    let user = one_line(login.user);
    match login.password.map(source) {
        Some(source) => format!("{user} (password: {source})"),
        None => user,
    }
}

/// Where a password comes from, never what it is. Of a command only its program: its arguments may be secrets.
fn source(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("environment variable {}", one_line(name)),
        SecretSource::File(path) => format!("file {}", one_line(&path.display().to_string())),
        SecretSource::Command(words) => {
            format!("output of the command {}", words.first().map(|word| one_line(word)).unwrap_or_default())
        }
        SecretSource::Generate => "made by rabbitup".to_owned(),
        SecretSource::HostCookie(host) | SecretSource::StagedCookie(host) => format!("on {host}"),
    }
}

/// An address that serves now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Endpoint")]
pub struct EndpointEntry {
    pub serves: Served,
    pub url: String,
    /// What answers there.
    pub through: Through,
}

/// The administrator's login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[schemars(rename = "Login")]
pub struct LoginEntry {
    pub user: String,
    /// Where the password comes from; null if the inventory does not say.
    pub password_from: Option<String>,
}

/// All addresses, as JSON.
pub(crate) fn endpoint_entries(desired: &Desired, facts: &Facts) -> Vec<EndpointEntry> {
    let entry = |Entrance { served, url, through }| EndpointEntry { serves: served, url, through };
    entrances(desired, facts).into_iter().map(entry).collect()
}

/// The login, as JSON.
pub(crate) fn login_entry(desired: &Desired, facts: &Facts) -> Option<LoginEntry> {
    let login = login(desired, facts)?;
    Some(LoginEntry { user: login.user.to_owned(), password_from: login.password.map(source) })
}
