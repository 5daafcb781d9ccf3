//! The bundle for a colleague who cannot log in to the hosts, with secrets removed. Pure: texts in, files out.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::balancer::Software;
use crate::facts::{
    Facts, Frames, HostFacts, Observation, PackageFacts, ParseError, System, UnitFacts, command_text,
};
use crate::logs::units;
use crate::model::{HostName, SecretName, Secrets};
use crate::redact::{Known, MARK, Redactor, allowed_only};

const COLLECT: &str = concat!(
    include_str!("../facts/script_head.sh"),
    include_str!("../facts/broker_user.sh"),
    include_str!("../facts/broker_logs.sh"),
    include_str!("collect.sh")
);
/// The top directory of the archive, so that unpacking does not litter the current one.
const TOP: &str = "rabbitup-doctor";

/// What one host returned: the journals and the ends of the logs, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected(pub BTreeMap<String, String>);

/// What is packed besides the logs of the hosts.
pub struct BundleContents<'a> {
    /// The documents of `doctor --json` and `status --json`, and doctor's readable output.
    pub doctor_json: String,
    pub status_json: String,
    pub doctor_text: String,
    /// rabbitup's version.
    pub version: &'a str,
    pub secrets: &'a Secrets,
    /// Secrets in the inventory that could not be read: they are redacted only if their shape gives them away.
    pub unknown: &'a [SecretName],
}

/// The command text that collects on one host; its output is for [`parse_collected`].
pub fn collect_command(nonce: &str) -> String {
    command_text(&[("nonce", nonce.to_owned()), ("units", units().join("\n"))], COLLECT)
}

/// Parses the output of the collection.
///
/// # Errors
/// The output is not complete.
pub fn parse_collected(nonce: &str, output: &[u8]) -> Result<Collected, ParseError> {
    let frames = Frames::read(nonce, output)?;
    let text = |name: &str| frames.lines(name).collect::<Vec<_>>().join("\n");
    let names = frames.names().filter(|name| name.starts_with("journal-") || name.starts_with("log-"));
    let texts = names.map(|name| (name.to_owned(), text(name)));
    Ok(Collected(texts.filter(|(_, text)| !["", "-- No entries --"].contains(&text.trim())).collect()))
}

/// The files of the bundle with their contents, by their paths in it.
pub fn bundle(
    facts: &Facts,
    collected: &BTreeMap<HostName, Collected>,
    contents: &BundleContents<'_>,
) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let known = Known::from(contents.secrets);
    // A new redactor for each file: an unfinished PEM block in one must not affect the next.
    let redactor = || Redactor::new(known.clone());
    let mut put = |path: String, text: &str| {
        files.insert(format!("{TOP}/{path}"), redactor().text(text));
    };
    put("README.txt".to_owned(), &readme(facts, contents));
    put("doctor.json".to_owned(), &contents.doctor_json);
    put("doctor.txt".to_owned(), &contents.doctor_text);
    put("status.json".to_owned(), &contents.status_json);
    for (host, seen) in &facts.hosts {
        match seen {
            Observation::LeftOut => {}
            Observation::Unreachable(why) => put(format!("{host}/unreachable.txt"), &why.evidence),
            Observation::Reached(seen) => {
                put(format!("{host}/host.json"), &host_document(seen));
                for (path, file) in &seen.files {
                    if let Some(content) = &file.content {
                        put(format!("{host}/files{path}"), &allowed_only(path, content, &mut redactor()));
                    }
                }
            }
        }
        for (name, text) in collected.get(host).map(|collected| &collected.0).into_iter().flatten() {
            put(format!("{host}/{}.txt", plain(name)), text);
        }
    }
    files
}

/// Versions and states, as they were seen.
#[derive(Serialize)]
struct HostDocument<'a> {
    system: &'a System,
    packages: &'a BTreeMap<String, PackageFacts>,
    units: &'a BTreeMap<String, UnitFacts>,
}

fn host_document(seen: &HostFacts) -> String {
    let document = HostDocument { system: &seen.system, packages: &seen.packages, units: &seen.units };
    // A plain struct: it always serialises.
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

/// A name from a host, as a safe file name.
fn plain(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || "-_@.".contains(c) { c } else { '_' };
    name.chars().map(keep).collect()
}

fn readme(facts: &Facts, contents: &BundleContents<'_>) -> String {
    let unknown: Vec<&str> = contents.unknown.iter().map(SecretName::as_str).collect();
    let unknown = match unknown.as_slice() {
        [] => String::new(),
        names => format!(", except for these, which could not be read: {}", names.join(", ")),
    };
    let files: Vec<&str> = Software::ALL.iter().map(|software| software.balancer().conf_name()).collect();
    let files = files.join(", ");
    let hosts: Vec<String> = facts.hosts.keys().map(ToString::to_string).collect();
    format!(
        "Collected by rabbitup {} from these hosts: {}\n\n\
         doctor.txt, doctor.json   the problems that `rabbitup doctor` found, and how to fix them\n\
         status.json               the cluster as every node sees it\n\
         HOST/host.json            system, versions of packages, states of units\n\
         HOST/journal-UNIT.txt     the unit's journal, the last 1500 lines, 256 KiB at most\n\
         HOST/log-NAME.txt         the last 256 KiB of each of RabbitMQ's newest logs\n\
         HOST/files/               /etc/hosts, rabbitmq.conf, rabbitmq-env.conf, enabled_plugins, {files} and others\n\n\
         Replaced by {MARK}: the values of keys and arguments that name a secret (password,\n\
         secret, token, cookie, credential, private key …), the user's part of URIs, PEM blocks, stored password hashes, and\n\
         every secret that the inventory names, in every encoding{unknown}. Of configuration files\n\
         only the values of keys that are known to hold no secret are shown. The Erlang cookie was never read.\n\
         It contains names, addresses, users and other details of your systems: read it before you send it.\n",
        contents.version,
        hosts.join(", "),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_gives_its_journals_in_frames() {
        let output = std::process::Command::new("sh")
            .arg("-c")
            .arg(collect_command("n0nce"))
            .output()
            .expect("sh runs")
            .stdout;
        assert!(
            output.starts_with(b"n0nce journal-rabbitmq-server\n"),
            "{}",
            String::from_utf8_lossy(&output)
        );
        assert!(output.ends_with(b"n0nce end\n"));
    }

    #[test]
    fn names_from_hosts_stay_in_their_directory() {
        let output = b"N log-../../etc/passwd\nroot\nN journal-x\n\nN other\nz\nN end\n";
        let collected = parse_collected("N", output).expect("complete");
        assert_eq!(collected.0.keys().collect::<Vec<_>>(), ["log-../../etc/passwd"]);
        assert_eq!(plain("log-../../etc/passwd"), "log-.._.._etc_passwd");
    }
}
