//! What cloud-init does to /etc/hosts.

use serde::{Deserialize, Serialize};

use crate::platform::OsFamily;

/// A setting of cloud-init that makes it write /etc/hosts at every boot (`manage_etc_hosts`, module update_etc_hosts).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudInit {
    pub rule: HostsFileRule,
    /// The file with the setting that has the last word. Settings from the cloud (vendor-data, then user-data) outrank those of
    /// /etc/cloud.
    pub set_by: String,
}

/// What it writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostsFileRule {
    /// `true` or `template`: the whole file, from a template.
    Template,
    /// `localhost`: a line that maps the host's own names to a loopback address.
    Localhost,
}

impl CloudInit {
    /// The file that takes the setting back in /etc/cloud.
    pub const OVERRIDE: &str = "/etc/cloud/cloud.cfg.d/99-rabbitup.cfg";

    /// The templates of all families.
    pub fn templates() -> impl Iterator<Item = &'static str> {
        OsFamily::ALL.iter().filter_map(|family| Self::template(*family))
    }

    /// The template of a family: `hosts.OSFAMILY.tmpl` of cloud-init.
    pub fn template(family: OsFamily) -> Option<&'static str> {
        match family {
            OsFamily::Debian => Some("/etc/cloud/templates/hosts.debian.tmpl"),
            OsFamily::Rpm => Some("/etc/cloud/templates/hosts.redhat.tmpl"),
            OsFamily::Other => None,
        }
    }

    /// Reads `FILE:manage_etc_hosts: VALUE` lines, the one with the last word last, as cloud-init does
    /// (cloudinit/config/cc_update_etc_hosts.py, `translate_bool`).
    pub(super) fn read<'l>(lines: impl Iterator<Item = &'l str>) -> Option<Self> {
        let (file, value) = lines.filter_map(|line| line.split_once(":manage_etc_hosts:")).last()?;
        let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['"', '\'']);
        let rule = match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" | "template" => HostsFileRule::Template,
            "localhost" => HostsFileRule::Localhost,
            _ => return None,
        };
        Some(Self { rule, set_by: file.to_owned() })
    }

    /// Whether a file in /etc/cloud can take the setting back.
    pub fn is_local(&self) -> bool {
        self.set_by.starts_with("/etc/cloud/")
    }

    /// The setting, for messages: `manage_etc_hosts: true in /etc/cloud/cloud.cfg`.
    pub fn in_words(&self) -> String {
        let value = match self.rule {
            HostsFileRule::Template => "true",
            HostsFileRule::Localhost => "localhost",
        };
        let of = match self.set_by.rsplit('/').next() {
            Some("cloud-config.txt") => "its user-data, ",
            Some("vendor-cloud-config.txt" | "vendor2-cloud-config.txt") => "its vendor-data, ",
            _ => "",
        };
        format!("manage_etc_hosts: {value} in {of}{}", self.set_by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_setting_has_the_last_word() {
        let read =
            |lines: &[&str]| CloudInit::read(lines.iter().copied()).map(|found| (found.rule, found.set_by));
        let base = "/etc/cloud/cloud.cfg:manage_etc_hosts: true";
        let own = "/etc/cloud/cloud.cfg.d/99-rabbitup.cfg:manage_etc_hosts: false";
        let users = "/var/lib/cloud/instance/cloud-config.txt:manage_etc_hosts:  \"localhost\"   # ours";
        let template = |file: &str| Some((HostsFileRule::Template, file.to_owned()));
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[base]), template("/etc/cloud/cloud.cfg"));
        assert_eq!(read(&[base, own]), None);
        let localhost = (HostsFileRule::Localhost, "/var/lib/cloud/instance/cloud-config.txt".to_owned());
        assert_eq!(read(&[base, own, users]), Some(localhost));
        assert_eq!(read(&["/a.cfg:manage_etc_hosts: 'Yes'"]), template("/a.cfg"));
        assert_eq!(read(&["/a.cfg:manage_etc_hosts: template#no comment"]), None);
    }
}
