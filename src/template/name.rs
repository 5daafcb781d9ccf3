use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file that rabbitup renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TemplateName {
    /// The marked block of /etc/hosts.
    Hosts,
    /// rabbitmq.conf.
    Rabbitmq,
    /// haproxy.cfg.
    Haproxy,
    /// nginx.conf with its stream block.
    Nginx,
    /// chrony.conf.
    Chrony,
    /// The systemd drop-in with the broker's limits.
    Limits,
}

impl TemplateName {
    pub const ALL: [Self; 6] =
        [Self::Hosts, Self::Rabbitmq, Self::Haproxy, Self::Nginx, Self::Chrony, Self::Limits];

    /// The word for it in `[templates]` and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Rabbitmq => "rabbitmq",
            Self::Haproxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Chrony => "chrony",
            Self::Limits => "limits",
        }
    }

    /// Reads the word, or the name of the rendered file: `haproxy` or `haproxy.cfg`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| {
            let file = name.file().trim_end_matches(".hbs");
            [name.as_str(), name.file(), file].contains(&text)
        })
    }

    /// The template's file in templates/.
    pub fn file(self) -> &'static str {
        match self {
            Self::Hosts => "hosts.hbs",
            Self::Rabbitmq => "rabbitmq.conf.hbs",
            Self::Haproxy => "haproxy.cfg.hbs",
            Self::Nginx => "nginx-stream.conf.hbs",
            Self::Chrony => "chrony.conf.hbs",
            Self::Limits => "limits.conf.hbs",
        }
    }

    /// The template as it is embedded.
    pub fn embedded(self) -> &'static str {
        match self {
            Self::Hosts => include_str!("../../templates/hosts.hbs"),
            Self::Rabbitmq => include_str!("../../templates/rabbitmq.conf.hbs"),
            Self::Haproxy => include_str!("../../templates/haproxy.cfg.hbs"),
            Self::Nginx => include_str!("../../templates/nginx-stream.conf.hbs"),
            Self::Chrony => include_str!("../../templates/chrony.conf.hbs"),
            Self::Limits => include_str!("../../templates/limits.conf.hbs"),
        }
    }
}
