//! Gets secrets when they are needed: the plan only names them.

use std::collections::BTreeMap;
use std::future::Future;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rand::RngExt;
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::document::{ReadError, read_bounded};
use crate::model::{
    CookieDigest, CookieError, DigestKey, HostName, Problem, Secret, SecretName, SecretSource, Secrets,
    check_cookie, generate_cookie,
};
use crate::operation::{InstallCookie, Operation, StageCookie};
use crate::plan::{Plan, Step};
use crate::rabbitmq::{COOKIE_FILE, STAGED_COOKIE_FILE};
use crate::transport::{Exec, Script, Transport, evidence};

/// The timeout for getting a secret from a file, a command or a host.
const PATIENCE: Duration = Duration::from_secs(30);

/// The largest file with a secret, in bytes: definitions are such a file.
const LARGEST: usize = 64 << 20;

/// Finds the secrets that a plan's steps name. Each source is tried once per run, even if it fails: a command may
/// prompt the operator.
#[derive(Debug)]
pub struct SecretResolver {
    known: Secrets,
    sources: BTreeMap<SecretName, Entry>,
    digest_key: DigestKey,
}

#[derive(Debug)]
struct Entry {
    source: SecretSource,
    found: OnceCell<Result<Secret, SecretError>>,
}

/// Why a step cannot get a secret, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.what)]
pub struct SecretError(pub Problem);

impl SecretError {
    fn new(cause: impl Into<String>, advice: impl Into<String>) -> Self {
        Self(Problem::new(cause, "", advice.into()))
    }
}

impl SecretResolver {
    /// A resolver for one plan. For secrets in `known`, no source is used.
    pub fn new(known: Secrets, plan: &Plan) -> Self {
        let entry = |source: &SecretSource| Entry { source: source.clone(), found: OnceCell::new() };
        let sources = plan.secrets.iter().map(|(name, source)| (name.clone(), entry(source))).collect();
        Self { known, sources, digest_key: plan.digest_key }
    }

    /// Whether the secret must be read on `host`, so that the host's earlier steps must end first.
    pub(super) fn must_be_read_on(&self, name: &SecretName, host: &HostName) -> bool {
        let unread = |entry: &Entry| {
            let on_host = matches!(
                &entry.source,
                SecretSource::HostCookie(from) | SecretSource::StagedCookie(from) if from == host
            );
            on_host && !entry.found.initialized()
        };
        self.known.get(name).is_none() && self.sources.get(name).is_some_and(unread)
    }

    /// The secret of this name, from any source.
    pub(super) async fn get<T: Transport>(
        &self,
        name: &SecretName,
        transport: &T,
    ) -> Result<Secret, SecretError> {
        if let Some(known) = self.known.get(name) {
            return Ok(known.clone());
        }
        let Some(entry) = self.sources.get(name) else {
            return Err(SecretError::new(
                format!("the plan does not say where the secret `{}` comes from", name.as_str()),
                "make the plan again with `rabbitup plan`",
            ));
        };
        entry.found.get_or_init(|| find(&entry.source, transport)).await.clone()
    }

    /// Whether the cookie that `step` installs, if it is such a step, is the one in the plan.
    pub(super) fn check(&self, step: &Step, secrets: &Secrets) -> Result<(), SecretError> {
        let (Operation::InstallCookie(InstallCookie { secret: name, digest: planned })
        | Operation::StageCookie(StageCookie { secret: name, digest: planned })) = &step.operation
        else {
            return Ok(());
        };
        let Some(cookie) = secrets.get(name) else {
            return Ok(());
        };
        let origin =
            self.sources.get(name).map_or_else(|| "the cookie".to_owned(), |entry| origin(&entry.source));
        let of_host = self.sources.get(name).is_some_and(|entry| {
            matches!(entry.source, SecretSource::HostCookie(_) | SecretSource::StagedCookie(_))
        });
        let checked = if of_host { check_hosts_cookie(cookie) } else { check_cookie(cookie) };
        if let Err(error) = checked {
            return Err(SecretError::new(format!("{origin} cannot be used: {error}"), "set another value"));
        }
        if !planned.is_empty() && CookieDigest::of(cookie).keyed(self.digest_key) != *planned {
            return Err(SecretError::new(
                format!("{origin} has changed since the plan was made"),
                "run the same command again: it inspects the hosts and makes a new plan",
            ));
        }
        Ok(())
    }
}

fn origin(source: &SecretSource) -> String {
    match source {
        SecretSource::Generate => "the generated cookie".to_owned(),
        SecretSource::HostCookie(host) => format!("the cookie on {host}"),
        SecretSource::StagedCookie(host) => format!("the cookie that is staged on {host}"),
        SecretSource::File(path) => format!("the cookie in {}", path.display()),
        SecretSource::Command(argv) => format!("the cookie from the command `{}`", program(argv)),
        SecretSource::Env(name) => format!("the cookie in ${name}"),
    }
}

async fn find<T: Transport>(source: &SecretSource, transport: &T) -> Result<Secret, SecretError> {
    match source {
        SecretSource::Generate => Ok(generate_cookie()),
        SecretSource::HostCookie(host) => host_cookie(host, COOKIE_FILE, transport).await,
        SecretSource::StagedCookie(host) => host_cookie(host, STAGED_COOKIE_FILE, transport).await,
        SecretSource::File(path) => {
            let late = || {
                SecretError::new(format!("reading {} timed out after 30 s", path.display()), "check the file")
            };
            in_time(read_file(path), late).await
        }
        SecretSource::Command(argv) => {
            let late = || by_hand(argv, "timed out after 30 s");
            in_time(run_command(argv), late).await
        }
        SecretSource::Env(name) => read_env(name),
    }
}

async fn in_time(
    work: impl Future<Output = Result<Secret, SecretError>>,
    late: impl FnOnce() -> SecretError,
) -> Result<Secret, SecretError> {
    tokio::time::timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(late()))
}

/// Reads a host's cookie unchanged: trailing line ends never count in a cookie. The frame
/// separates it from the output of login scripts.
async fn host_cookie<T: Transport>(
    host: &HostName,
    path: &str,
    transport: &T,
) -> Result<Secret, SecretError> {
    let frame = format!("{:032x}", rand::rng().random::<u128>());
    let script = format!("printf '%s\\n' {frame}; cat {path}; rc=$?; printf '%s\\n' {frame}; exit $rc");
    let unread = |why: &str| {
        SecretError::new(
            format!("the cookie on {host} could not be read: {why}"),
            format!("check whether {path} exists on {host}"),
        )
    };
    let exec = Exec { script: Script::Argument(script), timeout: PATIENCE };
    let output = transport.exec(host, exec, None).await.map_err(|error| unread(&error.evidence))?;
    let printed = Secret::new(output.stdout);
    if output.code != 0 {
        return Err(unread(&evidence(&String::from_utf8_lossy(&output.stderr))));
    }
    let framed =
        between(printed.expose(), frame.as_bytes()).ok_or_else(|| unread("its answer is incomplete"))?;
    let cookie = Secret::new(framed.to_vec());
    check_hosts_cookie(&cookie).map_err(|error| unread(&error.to_string()))?;
    Ok(cookie)
}

/// Checks a cookie that is in use on a host. The plan has decided that it stays, also one of the form that Erlang generates: RPM hosts
/// keep such a cookie, and on Debian a running node does.
fn check_hosts_cookie(cookie: &Secret) -> Result<(), CookieError> {
    match check_cookie(cookie) {
        Err(CookieError::DebianReplaces) => Ok(()),
        checked => checked,
    }
}

/// The text between the line `frame` and the next `frame`, which need not start a line.
fn between<'a>(text: &'a [u8], frame: &[u8]) -> Option<&'a [u8]> {
    let find = |within: &[u8]| within.windows(frame.len()).position(|part| part == frame);
    let rest = &text[find(text)? + frame.len()..];
    let rest = rest.strip_prefix(b"\n")?;
    Some(&rest[..find(rest)?])
}

async fn read_file(path: &Path) -> Result<Secret, SecretError> {
    let shown = path.display().to_string();
    let path = path.to_owned();
    // A separate thread waits, since a file on a lost server may block.
    let read = tokio::task::spawn_blocking(move || read_bounded(&path, LARGEST)).await;
    let bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(ReadError::Distrusted(why))) => return Err(SecretError::new(why.to_string(), why.hint())),
        Ok(Err(error)) => {
            let advice = "check whether the file exists and is readable";
            return Err(SecretError::new(format!("cannot read {shown}: {error}"), advice));
        }
        Err(_) => return Err(SecretError::new(format!("cannot read {shown}"), "run the same command again")),
    };
    given(bytes, &shown)
}

async fn run_command(argv: &[String]) -> Result<Secret, SecretError> {
    let Some((program, arguments)) = argv.split_first() else {
        return Err(SecretError::new("the command for a secret is empty", "set a command"));
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        // Not shown: a failing script may print the secret there (`set -x`).
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| by_hand(argv, &format!("could not be run: {error}")))?;
    let printed = Secret::new(output.stdout);
    if !output.status.success() {
        return Err(by_hand(argv, &format!("failed with {}", output.status)));
    }
    given(printed.expose().to_vec(), &format!("the output of `{program}`"))
}

fn read_env(name: &str) -> Result<Secret, SecretError> {
    let Some(value) = std::env::var_os(name) else {
        return Err(SecretError::new(format!("the environment variable {name} is not set"), "set it"));
    };
    let secret = Secret::new(value.into_vec());
    if secret.expose().is_empty() {
        return Err(SecretError::new(format!("the environment variable {name} is empty"), "set it"));
    }
    Ok(secret)
}

/// A secret as the operator provides it: one trailing newline does not count, and an empty value is not a secret.
fn given(mut bytes: Vec<u8>, origin: &str) -> Result<Secret, SecretError> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    if bytes.is_empty() {
        return Err(SecretError::new(format!("{origin} is empty"), "add the secret there"));
    }
    let secret = Secret::new(bytes);
    if secret.expose().contains(&0) {
        // A shell word cannot contain one: it would arrive as a different secret.
        return Err(SecretError::new(format!("{origin} contains a NUL byte"), "use a value of plain text"));
    }
    Ok(secret)
}

/// Arguments are not shown: they may contain secrets.
fn program(argv: &[String]) -> &str {
    argv.first().map_or("", String::as_str)
}

fn by_hand(argv: &[String], what: &str) -> SecretError {
    let program = program(argv);
    SecretError::new(
        format!("the command `{program}` for a secret {what}"),
        "run the command yourself to see why; its error output is not shown here, since it may contain the secret",
    )
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_hosts_cookie_of_the_form_that_erlang_generates_is_used_and_the_inventorys_is_not() {
        let cookie = Secret::new(b"QWERTYUIOPASDFGHJKLZ\n".to_vec());
        assert_eq!(check_hosts_cookie(&cookie), Ok(()));
        assert_eq!(check_cookie(&cookie), Err(CookieError::DebianReplaces));
        assert_eq!(check_hosts_cookie(&Secret::new(Vec::new())), Err(CookieError::Empty));
    }
    use crate::apply::run_fixtures::{Answer, TestHosts, host, plan, step};

    const NAME: &str = "cookie";

    fn resolver(source: SecretSource) -> SecretResolver {
        let mut plan = plan(vec![]);
        plan.secrets.insert(SecretName::new(NAME), source);
        SecretResolver::new(Secrets::default(), &plan)
    }

    async fn get(resolver: &SecretResolver, hosts: &Arc<TestHosts>) -> Result<Vec<u8>, SecretError> {
        resolver.get(&SecretName::new(NAME), hosts.as_ref()).await.map(|secret| secret.expose().to_vec())
    }

    fn command(script: &str) -> SecretSource {
        SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    #[tokio::test]
    async fn one_trailing_newline_does_not_count_and_nul_is_refused() {
        let hosts = TestHosts::new(|_, _| Answer::Ends);
        assert_eq!(get(&resolver(command("printf 'a b\n\n'")), &hosts).await, Ok(b"a b\n".to_vec()));
        let path = std::env::temp_dir().join(format!("rabbitup-resolver-{}", std::process::id()));
        std::fs::write(&path, "secret\n").expect("a file");
        assert_eq!(get(&resolver(SecretSource::File(path.clone())), &hosts).await, Ok(b"secret".to_vec()));
        std::fs::write(&path, "\n").expect("a file");
        let empty = get(&resolver(SecretSource::File(path.clone())), &hosts).await;
        assert_eq!(empty.map_err(|error| error.0.what), Err(format!("{} is empty", path.display())));
        std::fs::write(&path, "sec\0ret\n").expect("a file");
        let cut = get(&resolver(SecretSource::File(path.clone())), &hosts).await;
        assert_eq!(cut.map_err(|error| error.0.what), Err(format!("{} contains a NUL byte", path.display())));
        std::fs::remove_file(path).expect("it is there");
    }

    #[tokio::test]
    async fn a_source_is_asked_once_even_when_it_fails() {
        let hosts = TestHosts::new(|_, _| Answer::Ends);
        let path = std::env::temp_dir().join(format!("rabbitup-asked-{}", std::process::id()));
        let resolver =
            resolver(command(&format!("echo asked >> '{}'; echo leaked-secret; exit 3", path.display())));
        for _ in 0..2 {
            let error = get(&resolver, &hosts).await.expect_err("the command fails");
            assert!(error.0.what.contains("exit status: 3") && !error.0.what.contains("leaked"), "{error}");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("it was run"), "asked\n");
        std::fs::remove_file(path).expect("it is there");
    }

    #[tokio::test]
    async fn a_generated_cookie_is_the_same_for_all() {
        let hosts = TestHosts::new(|_, _| Answer::Ends);
        let resolver = resolver(SecretSource::Generate);
        let first = get(&resolver, &hosts).await;
        assert!(first.is_ok() && first == get(&resolver, &hosts).await);
    }

    #[tokio::test]
    async fn known_secrets_are_not_looked_up() {
        let hosts = TestHosts::new(|_, _| Answer::Lost);
        let mut plan = plan(vec![]);
        plan.secrets.insert(SecretName::new(NAME), SecretSource::HostCookie(host("a")));
        let mut known = Secrets::default();
        known.insert(SecretName::new(NAME), Secret::new(b"known".to_vec()));
        let resolver = SecretResolver::new(known, &plan);
        assert!(!resolver.must_be_read_on(&SecretName::new(NAME), &host("a")));
        assert_eq!(get(&resolver, &hosts).await, Ok(b"known".to_vec()));
    }

    #[tokio::test]
    async fn a_host_cookie_is_read_within_its_frame() {
        let hosts = TestHosts::new(|_, _| Answer::Ends);
        hosts.put_cookie("a", "Welcome!\n", "MONSTERmonster\n");
        let resolver = resolver(SecretSource::HostCookie(host("a")));
        assert!(resolver.must_be_read_on(&SecretName::new(NAME), &host("a")));
        assert_eq!(get(&resolver, &hosts).await, Ok(b"MONSTERmonster\n".to_vec()));
        assert!(!resolver.must_be_read_on(&SecretName::new(NAME), &host("a")));
    }

    #[tokio::test]
    async fn a_cookie_that_changed_since_the_plan_is_refused() {
        let hosts = TestHosts::new(|_, _| Answer::Ends);
        hosts.put_cookie("a", "", "MONSTERmonster\n");
        let mut plan = plan(vec![]);
        plan.secrets.insert(SecretName::cookie(), SecretSource::HostCookie(host("a")));
        let resolver = SecretResolver::new(Secrets::default(), &plan);
        let mut install = step("b", "cookie", &[]);
        let planned =
            |digest: String| Operation::InstallCookie(InstallCookie { secret: SecretName::cookie(), digest });
        let right = CookieDigest::of(&Secret::new(b"MONSTERmonster".to_vec())).keyed(plan.digest_key);
        let mut secrets = Secrets::default();
        let name = SecretName::cookie();
        secrets.insert(name.clone(), resolver.get(&name, hosts.as_ref()).await.expect("it is readable"));
        for (digest, cause) in [
            (String::new(), None),
            (right, None),
            ("00000000".to_owned(), Some("the cookie on a has changed since the plan was made")),
        ] {
            install.operation = planned(digest);
            assert_eq!(resolver.check(&install, &secrets).err().map(|error| error.0.what).as_deref(), cause);
        }
    }
}
