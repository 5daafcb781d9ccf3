use crate::balancer::Software;
use crate::virtual_address::{self, KEEPALIVED};

/// A file that rabbitup renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TemplateName {
    /// The marked block of /etc/hosts.
    Hosts,
    /// rabbitmq.conf.
    Rabbitmq,
    /// What the load balancer's software reads.
    Balancer(Software),
    /// keepalived.conf.
    Keepalived,
    /// chrony.conf.
    Chrony,
    /// The systemd drop-in with the broker's limits.
    Limits,
}

impl TemplateName {
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Hosts, Self::Rabbitmq]
            .into_iter()
            .chain(Software::ALL.iter().map(|software| Self::Balancer(*software)))
            .chain([Self::Keepalived, Self::Chrony, Self::Limits])
    }

    /// The word for it in `[templates]` and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hosts => "hosts",
            Self::Rabbitmq => "rabbitmq",
            Self::Balancer(software) => software.as_str(),
            Self::Keepalived => KEEPALIVED,
            Self::Chrony => "chrony",
            Self::Limits => "limits",
        }
    }

    /// What it makes, in a sentence of the inventory's schema.
    pub fn about(self) -> &'static str {
        match self {
            Self::Hosts => "The marked block of /etc/hosts.",
            Self::Rabbitmq => "rabbitmq.conf.",
            Self::Balancer(software) => software.balancer().template.about,
            Self::Keepalived => "keepalived.conf.",
            Self::Chrony => "chrony.conf.",
            Self::Limits => "The systemd drop-in with the broker's limits.",
        }
    }

    /// Reads the word, or the name of the rendered file: `haproxy` or `haproxy.cfg`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|name| {
            let file = name.file().trim_end_matches(".hbs");
            [name.as_str(), name.file(), file].contains(&text)
        })
    }

    /// The template's file in templates/.
    pub fn file(self) -> &'static str {
        match self {
            Self::Hosts => "hosts.hbs",
            Self::Rabbitmq => "rabbitmq.conf.hbs",
            Self::Balancer(software) => software.balancer().template.file,
            Self::Keepalived => "keepalived.conf.hbs",
            Self::Chrony => "chrony.conf.hbs",
            Self::Limits => "limits.conf.hbs",
        }
    }

    /// The template as it is embedded.
    pub fn embedded(self) -> &'static str {
        match self {
            Self::Hosts => include_str!("../../templates/hosts.hbs"),
            Self::Rabbitmq => include_str!("../../templates/rabbitmq.conf.hbs"),
            Self::Balancer(software) => software.balancer().template.text,
            Self::Keepalived => virtual_address::TEMPLATE,
            Self::Chrony => include_str!("../../templates/chrony.conf.hbs"),
            Self::Limits => include_str!("../../templates/limits.conf.hbs"),
        }
    }
}
