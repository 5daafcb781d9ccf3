//! Requests to hosts: a script is sent over the open connection, and its framed answer is parsed. One round trip each, all hosts
//! at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::facts::{ParseError, Unreachable, UnreachableCause};
use crate::model::HostName;
use crate::transport::{
    Exec, Output, Script, Transport, TransportError, TransportErrorKind, evidence, nonce,
};

/// How often a host is asked if a file changed during its answer.
const LOOKS: u32 = 3;

/// What is asked of one host, and how its answer is read.
pub(crate) trait Request: Send + Sync + 'static {
    /// How long the host may take.
    const TIMEOUT: Duration;
    type Answer: Send + 'static;

    /// The command text that a POSIX shell runs, as root. It contains no secret, and marks what it prints with the nonce.
    fn command(&self, nonce: &str) -> String;

    /// Parses what the host printed between the marks with the nonce.
    ///
    /// # Errors
    /// The output is not complete.
    fn parse(&self, nonce: &str, output: &Output) -> Result<Self::Answer, ParseError>;
}

/// Asks these hosts, all at once, and waits for all answers.
pub(crate) async fn ask_all<T: Transport, R: Request>(
    transport: &Arc<T>,
    requests: impl IntoIterator<Item = (HostName, R)>,
) -> BTreeMap<HostName, Result<R::Answer, Unreachable>> {
    let mut asking = JoinSet::new();
    for (name, request) in requests {
        let transport = transport.clone();
        asking.spawn(async move {
            let answer = ask(transport.as_ref(), &name, &request).await;
            (name, answer)
        });
    }
    let mut answers = BTreeMap::new();
    while let Some(asked) = asking.join_next().await {
        // Only an aborted or panicked task ends otherwise, and there is none.
        if let Ok((name, answer)) = asked {
            answers.insert(name, answer);
        }
    }
    answers
}

/// Asks one host.
///
/// # Errors
/// Why there is no answer, or none that can be read.
pub(crate) async fn ask<T: Transport, R: Request>(
    transport: &T,
    host: &HostName,
    request: &R,
) -> Result<R::Answer, Unreachable> {
    let mut looks = 0;
    loop {
        looks += 1;
        let nonce = nonce();
        let exec = Exec { script: Script::Argument(request.command(&nonce)), timeout: R::TIMEOUT };
        let output = transport.exec(host, exec, None).await.map_err(Unreachable::from)?;
        match request.parse(&nonce, &output) {
            Err(ParseError::Torn) if looks < LOOKS => {}
            parsed => return parsed.map_err(|error| garbled_answer(&error, &output)),
        }
    }
}

/// Why a host gives no answer.
impl From<TransportError> for Unreachable {
    fn from(error: TransportError) -> Self {
        let cause = match error.kind {
            // A lost connection counts as a missing one.
            TransportErrorKind::NoConnection | TransportErrorKind::Lost => UnreachableCause::NoConnection,
            TransportErrorKind::NameUnknown => UnreachableCause::NameUnknown,
            TransportErrorKind::SshConfiguration => UnreachableCause::SshConfiguration,
            TransportErrorKind::HostKeyChanged => UnreachableCause::HostKeyChanged,
            TransportErrorKind::HostKeyUnknown => UnreachableCause::HostKeyUnknown,
            TransportErrorKind::AuthenticationRefused => UnreachableCause::AuthenticationRefused,
            TransportErrorKind::LoginShell => UnreachableCause::LoginShell,
            TransportErrorKind::NoPrivilege => UnreachableCause::NoPrivilege,
            TransportErrorKind::SudoPassword => UnreachableCause::SudoPassword,
            TransportErrorKind::SudoPasswordRefused => UnreachableCause::SudoPasswordRefused,
            TransportErrorKind::SudoRule => UnreachableCause::SudoRule,
            TransportErrorKind::TimedOut => UnreachableCause::TimedOut,
            TransportErrorKind::TooMuchOutput => UnreachableCause::Garbled,
        };
        Self { cause, evidence: error.evidence }
    }
}

/// What came instead of an answer. It shows no stdout once the probe has begun to answer: that contains files,
/// and files contain secrets.
fn garbled_answer(error: &ParseError, output: &Output) -> Unreachable {
    let mut seen = vec![format!("{error} (exit code {})", output.code)];
    if *error == ParseError::Absent {
        seen.push(evidence(&String::from_utf8_lossy(&output.stdout)));
    }
    seen.push(evidence(&String::from_utf8_lossy(&output.stderr)));
    seen.retain(|text| !text.is_empty());
    Unreachable { cause: UnreachableCause::Garbled, evidence: seen.join("\n") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::transport::FakeTransport;

    fn output(stdout: &str) -> Output {
        Output {
            code: 3,
            stdout: stdout.as_bytes().to_vec(),
            stderr: b"sh: \x1b[31msomething\x1b[0m\n".to_vec(),
            ..Output::default()
        }
    }

    /// The words of a host, as soon as their file holds still.
    struct Words;

    impl Request for Words {
        const TIMEOUT: Duration = Duration::from_secs(7);
        type Answer = String;

        fn command(&self, nonce: &str) -> String {
            format!("say {nonce}")
        }

        fn parse(&self, nonce: &str, output: &Output) -> Result<String, ParseError> {
            match String::from_utf8_lossy(&output.stdout).strip_prefix(nonce) {
                Some("torn") => Err(ParseError::Torn),
                Some(words) => Ok(words.to_owned()),
                None => Err(ParseError::Absent),
            }
        }
    }

    /// Answers of a host whose file changes during so many of them.
    fn asked(torn: usize) -> (Result<String, Unreachable>, usize) {
        let asked = AtomicUsize::new(0);
        let transport = FakeTransport::new(move |_, exec| {
            let Script::Argument(text) = &exec.script else { panic!("nothing here is secret") };
            assert_eq!(exec.timeout, Words::TIMEOUT);
            let nonce = text.strip_prefix("say ").expect("the command");
            let words = if asked.fetch_add(1, Ordering::Relaxed) < torn { "torn" } else { "hello" };
            Ok(output(&format!("{nonce}{words}")))
        });
        let host = HostName::parse("node1").expect("a host name");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let answer = runtime.block_on(ask(&transport, &host, &Words));
        let ran = transport.ran();
        let nonces: BTreeSet<&String> = ran.iter().map(|(_, text)| text).collect();
        assert_eq!(nonces.len(), ran.len(), "each command has a nonce of its own");
        (answer, ran.len())
    }

    #[test]
    fn a_host_whose_file_changes_meanwhile_is_asked_three_times() {
        assert_eq!(asked(0), (Ok("hello".to_owned()), 1));
        assert_eq!(asked(2), (Ok("hello".to_owned()), 3));
        let (answer, times) = asked(9);
        assert_eq!((answer.expect_err("it never holds still").cause, times), (UnreachableCause::Garbled, 3));
    }

    #[test]
    fn a_garbled_answer_is_shown_without_file_contents() {
        let seen = garbled_answer(&ParseError::Absent, &output("Welcome, only restricted commands here\n"));
        assert_eq!(seen.cause, UnreachableCause::Garbled);
        assert!(seen.evidence.contains("restricted") && seen.evidence.ends_with("sh: something"));
        let early = ParseError::Incomplete { after: "system".into() };
        let seen = garbled_answer(&early, &output("N clock 1\npassword\n"));
        assert!(!seen.evidence.contains("password") && seen.evidence.contains("exit code 3"));
    }
}
