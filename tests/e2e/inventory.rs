//! The inventories of the tests, as text that tests can change.

use crate::lab::Lab;

/// The administrator of every cluster here; his password is in a file beside the inventory.
pub const ADMIN: &str = "operator";

/// Of no real account.
pub const ADMIN_PASSWORD: &str = "e2e-Passw0rd-of-nobody";

#[derive(Debug, Clone)]
pub struct Entry {
    pub name: String,
    pub octet: u8,
    pub roles: &'static str,
    pub more: String,
}

impl Entry {
    pub fn broker(name: &str, octet: u8) -> Self {
        Self { name: name.to_owned(), octet, roles: r#""broker""#, more: String::new() }
    }

    pub fn balancer() -> Self {
        Self {
            name: "lb1".into(),
            octet: 21,
            roles: r#""load-balancer", "time-source""#,
            more: String::new(),
        }
    }
}

/// An inventory; every list contains lines of its table.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub plugins: Vec<&'static str>,
    pub names: &'static str,
    /// More lines of `[cluster]`.
    pub cluster: Vec<String>,
    pub config: Vec<String>,
    pub ssh: Vec<String>,
    pub hosts: Vec<Entry>,
    pub balancer: Vec<String>,
    /// Lines of `[package]`.
    pub package: Vec<String>,
    /// Lines of `[firewall]`.
    pub firewall: Vec<&'static str>,
}

impl Inventory {
    /// Three brokers and a load balancer.
    pub fn whole() -> Self {
        let broker = |n: u8| Entry::broker(&format!("node{n}"), 10 + n);
        Self {
            plugins: vec!["rabbitmq_management", "rabbitmq_prometheus"],
            names: "short",
            cluster: Vec::new(),
            config: vec!["heartbeat = 30".into()],
            ssh: Vec::new(),
            hosts: vec![broker(1), broker(2), broker(3), Entry::balancer()],
            // With a login, so that the tests see it from outside (watch.rs).
            balancer: vec![format!(
                r#"stats = {{ port = 8404, user = "{ADMIN}", password = {{ from = "file", path = "admin-password" }} }}"#
            )],
            package: Vec::new(),
            firewall: Vec::new(),
        }
    }

    /// With one more broker, `nodeN`, behind the others.
    pub fn with_broker(mut self, n: u8) -> Self {
        let brokers = self.hosts.iter().filter(|host| host.roles.contains("broker")).count();
        self.hosts.insert(brokers, Entry::broker(&format!("node{n}"), 10 + n));
        self
    }

    /// Without this host.
    pub fn without(mut self, name: &str) -> Self {
        let before = self.hosts.len();
        self.hosts.retain(|host| host.name != name);
        assert_eq!(self.hosts.len() + 1, before, "the inventory has {name} once");
        self
    }

    /// With these lines in `[load_balancer]`.
    pub fn balanced(mut self, line: &str) -> Self {
        self.balancer.push(line.to_owned());
        self
    }

    /// The same with another rabbitmq.conf.
    pub fn reconfigured() -> Self {
        Self { config: vec!["heartbeat = 45".into()], ..Self::whole() }
    }

    /// That one with the version of RabbitMQ that comes next.
    pub fn upgraded(lab: &Lab) -> Self {
        let version = format!("version = \"{}\"", crate::hosts::next_version(lab, "node1"));
        Self { package: vec![version], ..Self::whole() }
    }

    /// With one more line for a host.
    pub fn host_with(mut self, name: &str, line: &str) -> Self {
        let host = self.hosts.iter_mut().find(|host| host.name == name).expect("the inventory has that host");
        host.more = format!("{line}\n");
        self
    }

    pub fn text(&self, lab: &Lab, known_hosts: Option<&str>) -> String {
        let config = known_hosts.map_or_else(|| lab.ssh_config().display().to_string(), str::to_owned);
        let mut text = format!(
            "[cluster]\nname = \"orders\"\nnames = \"{}\"\nplugins = {:?}\n\
             admin = {{ user = \"{ADMIN}\", password = {{ from = \"file\", path = \"admin-password\" }} }}\n{}\n\
             [cluster.config]\n{}\n[ssh]\nconfig = \"{config}\"\nconnect_timeout = \"4s\"\n{}\n",
            self.names,
            self.plugins,
            self.cluster.join("\n"),
            self.config.join("\n"),
            self.ssh.join("\n"),
        );
        for host in &self.hosts {
            text += &format!(
                "[[host]]\nname = \"{}\"\naddress = \"{}\"\nroles = [{}]\n{}\n",
                host.name,
                lab.address(host.octet),
                host.roles,
                host.more
            );
        }
        if self.hosts.iter().any(|host| host.roles.contains("load-balancer")) {
            text += &format!("[load_balancer]\n{}\n", self.balancer.join("\n"));
        }
        if !self.package.is_empty() {
            text += &format!("[package]\n{}\n", self.package.join("\n"));
        }
        if !self.firewall.is_empty() {
            text += &format!("[firewall]\n{}\n", self.firewall.join("\n"));
        }
        text
    }
}
