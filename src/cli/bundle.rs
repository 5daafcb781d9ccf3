//! `rabbitup doctor --bundle FILE`: logs, states and configurations for a colleague.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::exit::Failure;
use super::private_file::{self, Kind};
use crate::apply::{Request, ask_all};
use crate::doctor::{Collected, collect_command, parse_collected};
use crate::facts::{Facts, ParseError};
use crate::model::HostName;
use crate::report::FailureCode;
use crate::transport::{Output, Transport};

/// The request for logs and journals.
struct Collect;

impl Request for Collect {
    const TIMEOUT: Duration = Duration::from_secs(60);
    type Answer = Collected;

    fn command(&self, nonce: &str) -> String {
        collect_command(nonce)
    }

    fn parse(&self, nonce: &str, output: &Output) -> Result<Collected, ParseError> {
        parse_collected(nonce, &output.stdout)
    }
}

/// Collects logs and journals from all reachable hosts in parallel. What is missing or incomplete is left out: people read it, and
/// see that it is missing.
pub async fn collect<T: Transport>(transport: &Arc<T>, facts: &Facts) -> BTreeMap<HostName, Collected> {
    let reached = facts.hosts.keys().filter(|name| facts.host(name).is_some());
    let collected = ask_all(transport, reached.map(|name| (name.clone(), Collect))).await.into_iter();
    collected.filter_map(|(name, answer)| Some((name, answer.ok()?))).collect()
}

/// Writes the files into a tar.gz that only its owner can read.
///
/// # Errors
/// The file cannot be written; no partial file is left.
pub fn write(files: &BTreeMap<String, String>, path: &Path) -> Result<(), Failure> {
    let bytes = packed(files)
        .map_err(|error| Failure::other(FailureCode::Internal, "the bundle could not be packed", &error))?;
    private_file::replace(path, &bytes, Kind::Bundle)
}

fn packed(files: &BTreeMap<String, String>) -> io::Result<Vec<u8>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::default()));
    for (path, text) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(now);
        archive.append_data(&mut header, path, text.as_bytes())?;
    }
    archive.into_inner()?.finish()
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::doctor::{BundleContents, bundle};
    use crate::facts::{FileFacts, Observation, ProbeRequest, parse};
    use crate::model::{Secret, SecretName, Secrets};

    const MARK: &str = "S3CRETmark";
    const BLANK: &[u8] = include_bytes!("../facts/testdata/blank-debian12.txt");

    /// A host with marked secrets in every file, log and journal.
    fn facts() -> Facts {
        let request = ProbeRequest { files: vec!["/etc/hosts".to_owned()], ..ProbeRequest::default() };
        let mut seen = parse(&request, "N0NCE", BLANK).expect("complete");
        let texts = [
            (
                "/etc/rabbitmq/rabbitmq.conf",
                format!(
                    "default_user = admin\ndefault_pass = {MARK}\nssl_options.password={MARK}\nshovel = amqp://a:{MARK}@h\n"
                ),
            ),
            (
                "/etc/rabbitmq/rabbitmq-env.conf",
                format!("SERVER_ADDITIONAL_ERL_ARGS=\"-setcookie {MARK}\"\n"),
            ),
            (
                "/etc/haproxy/haproxy.cfg",
                format!("listen stats\n  stats auth admin:{MARK}\n  user x password {MARK}\n"),
            ),
            ("/etc/chrony/chrony.conf", format!("# the inventory's own: {MARK}known\n")),
        ];
        for (path, text) in texts {
            let file = FileFacts {
                content: Some(text),
                kind: crate::facts::FileKind::Regular,
                mode: 0o644,
                owner: "root".to_owned(),
                group: "root".to_owned(),
                modified: 0,
                link_to: None,
            };
            seen.files.insert(path.to_owned(), file);
        }
        let mut facts = Facts::default();
        let name = HostName::parse("node1").expect("a host name");
        facts.hosts.insert(name, Observation::Reached(Box::new(seen)));
        facts
    }

    #[test]
    fn no_secret_is_in_the_bundle_and_only_its_owner_reads_it() {
        let facts = facts();
        let output = format!(
            "N journal-rabbitmq-server\nnode1 rabbit[1]: cookie hash : {MARK}==\nN log-rabbit@node1.log\n\
             {{default_pass,<<\"{MARK}\">>}}\n{{password,\n  <<\"{MARK}\">>}}\nopening amqps://u:{MARK}@h:5671\nall is well\nN end\n"
        );
        let name = HostName::parse("node1").expect("a host name");
        let collected = BTreeMap::from([(name, parse_collected("N", output.as_bytes()).expect("complete"))]);
        let mut secrets = Secrets::default();
        secrets.insert(SecretName::new("admin"), Secret::new(format!("{MARK}known").into_bytes()));
        let contents = BundleContents {
            doctor_json: format!("{{\"evidence\":\"{MARK}known\"}}"),
            status_json: "{}".to_owned(),
            doctor_text: "nothing\n".to_owned(),
            version: "0.1.0",
            secrets: &secrets,
            unknown: &[],
        };
        let path = std::env::temp_dir().join(format!("rabbitup-bundle-{}.tar.gz", std::process::id()));
        // An existing world-readable file does not pass its mode on.
        std::fs::write(&path, "old").expect("a file for temporary use");
        write(&bundle(&facts, &collected, &contents), &path).expect("it is written");
        let mode = std::fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let bytes = std::fs::read(&path).expect("it is ours");
        std::fs::remove_file(&path).expect("it is ours");
        let mut archive = tar::Archive::new(GzDecoder::new(bytes.as_slice()));
        let mut names = Vec::new();
        for entry in archive.entries().expect("a tar") {
            let mut entry = entry.expect("an entry");
            let mut text = String::new();
            entry.read_to_string(&mut text).expect("text");
            let name = entry.path().expect("a path").display().to_string();
            assert!(!text.contains(MARK), "{name} has a secret:\n{text}");
            if name.ends_with("log-rabbit@node1.log.txt") {
                assert!(text.contains("all is well"), "{text}");
            }
            names.push(name);
        }
        for wanted in [
            "README.txt",
            "doctor.json",
            "status.json",
            "node1/host.json",
            "node1/journal-rabbitmq-server.txt",
            "node1/files/etc/rabbitmq/rabbitmq.conf",
            "node1/files/etc/haproxy/haproxy.cfg",
        ] {
            assert!(names.contains(&format!("rabbitup-doctor/{wanted}")), "{wanted} is not among {names:?}");
        }
    }
}
