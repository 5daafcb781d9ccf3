//! One operator at a time: every host is locked for the run by a session that holds flock(2) on a file there.
//! The kernel frees it when that session ends for any reason, so no lock outlives its run and none has to be
//! broken.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::fence::{RunId, RunMark, plan_digest};
use crate::facts::RunUnderWay;
use crate::model::{HostName, one_line, quote, shortened};
use crate::plan::Plan;
use crate::transport::{Held, Transport, TransportError};

/// Where hosts keep the lock. Only root may write there: in the world-writable /run/lock any user could take
/// the lock, or create a link for root to follow.
const DIRECTORY: &str = "/run";
/// The timeout for one host's answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// After how long without a keepalive a host frees its lock: the network may fail without its sshd
/// noticing. The controller notices after 40 s at most (`ServerAliveInterval`), and starts nothing from then
/// on.
const LEASE: Duration = Duration::from_secs(70);
/// The timeout for releasing; the hosts' side of a lost connection ends by itself.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// The owner of the locks, as shown to other runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// `USER@MACHINE`.
    pub who: String,
    pub pid: u32,
    /// The playbook that it runs.
    pub playbook: String,
}

/// Why a run may not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Another run is active on the host.
    #[error("{host} is locked by {owner}")]
    Held {
        host: HostName,
        /// `USER@MACHINE (process PID: PLAYBOOK)`, as far as known.
        owner: String,
        /// When it took the lock, by this machine's clock.
        since: Option<SystemTime>,
    },
    /// The host has no flock(1) (Debian: util-linux), or its lock file cannot be created.
    #[error("{host} cannot be locked: {reason}")]
    Impossible { host: HostName, reason: String },
    #[error("{host} cannot be locked: {error}")]
    Unreachable { host: HostName, error: TransportError },
}

impl LockError {
    pub fn host(&self) -> &HostName {
        match self {
            Self::Held { host, .. } | Self::Impossible { host, .. } | Self::Unreachable { host, .. } => host,
        }
    }
}

/// The locks of one run. Dropping them releases every host; [`Locks::release`] also waits for it.
#[derive(Debug)]
pub struct Locks {
    /// None if no host is locked.
    run: Option<RunId>,
    operator: String,
    lost: watch::Receiver<Option<HostName>>,
    release: watch::Sender<bool>,
    watchers: JoinSet<()>,
}

impl Operator {
    /// This process and its user.
    pub fn here(playbook: String) -> Self {
        let known = |name: String| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let of_environment = |name: &str| std::env::var(name).ok().and_then(known);
        let user =
            of_environment("USER").or_else(|| of_environment("LOGNAME")).or_else(|| known(user_name()?));
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").ok().and_then(known);
        let machine = machine.or_else(|| of_environment("HOSTNAME"));
        let [user, machine] = [user, machine].map(|name| name.unwrap_or_else(|| "?".to_owned()));
        let who = format!("{user}@{machine}");
        Self { who, pid: std::process::id(), playbook }
    }
}

/// The user of this process, by id(1). It gets no environment, since that may contain secrets.
fn user_name() -> Option<String> {
    let mut id = std::process::Command::new("id");
    id.arg("-un").env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    let output = id.output().ok()?;
    String::from_utf8(output.stdout).ok()
}

impl Locks {
    /// Locks every host, with one round trip each. Nothing waits for a lock, so there are no deadlocks. The
    /// first host by name is locked before the others, so that of two runs that start together one gets all.
    ///
    /// # Errors
    /// The first host by name that cannot be locked. The locks taken until then are released.
    pub async fn acquire<'h, T: Transport>(
        transport: &Arc<T>,
        hosts: impl IntoIterator<Item = &'h HostName>,
        operator: &Operator,
    ) -> Result<Self, LockError> {
        Self::acquire_in(DIRECTORY, transport, hosts, operator).await
    }

    /// As [`Locks::acquire`], with the lock in another directory of the hosts, which must be root's alone.
    ///
    /// # Errors
    /// As [`Locks::acquire`].
    pub async fn acquire_in<'h, T: Transport>(
        directory: &str,
        transport: &Arc<T>,
        hosts: impl IntoIterator<Item = &'h HostName>,
        operator: &Operator,
    ) -> Result<Self, LockError> {
        let mut hosts: Vec<HostName> = hosts.into_iter().cloned().collect();
        hosts.sort();
        hosts.dedup();
        let run = RunId::random();
        let script = script(directory, operator, &run);
        let none = hosts.is_empty();
        let mut locked = Vec::with_capacity(hosts.len());
        let mut hosts = hosts.into_iter();
        if let Some(first) = hosts.next() {
            let held = lock(transport.as_ref(), &first, &script).await?;
            locked.push((first, held));
        }
        let mut locking = JoinSet::new();
        for host in hosts {
            let (transport, script) = (transport.clone(), script.clone());
            locking.spawn(
                async move { lock(transport.as_ref(), &host, &script).await.map(|held| (host, held)) },
            );
        }
        let mut errors = Vec::new();
        while let Some(done) = locking.join_next().await {
            match done {
                Ok(Ok(pair)) => locked.push(pair),
                Ok(Err(error)) => errors.push(error),
                // Only an aborted or panicked task ends so, and there is none.
                Err(_) => {}
            }
        }
        match errors.into_iter().min_by(|a, b| a.host().cmp(b.host())) {
            Some(error) => Err(error),
            None => Ok(Self::watch_over((!none).then_some(run), operator.who.clone(), locked)),
        }
    }

    fn watch_over<H: Held>(run: Option<RunId>, operator: String, locked: Vec<(HostName, H)>) -> Self {
        let (report, lost) = watch::channel(None);
        let (release, released) = watch::channel(false);
        let mut watchers = JoinSet::new();
        for (host, mut held) in locked {
            let (report, mut released) = (report.clone(), released.clone());
            watchers.spawn(async move {
                // An error means that the locks were dropped.
                let let_go = async { drop(released.wait_for(|released| *released).await) };
                tokio::select! {
                    () = held.ended() => {
                        report.send_if_modified(|lost| lost.is_none() && lost.replace(host).is_none());
                    }
                    () = let_go => {
                        let _ = tokio::time::timeout(RELEASE_TIMEOUT, held.release()).await;
                    }
                }
            });
        }
        Self { run, operator, lost, release, watchers }
    }

    /// The mark of this plan's scripts under these locks.
    pub fn mark(&self, plan: &Plan) -> RunMark {
        RunMark { run: self.run.clone(), operator: self.operator.clone(), plan: plan_digest(plan) }
    }

    /// The first host whose lock was lost: its session ended, and another run may be active there.
    pub fn lost(&self) -> Option<HostName> {
        self.lost.borrow().clone()
    }

    /// Waits until a lock is lost; for ever, if there are none. The future does not borrow the locks.
    pub fn next_lost(&self) -> impl Future<Output = HostName> + Send + use<> {
        let mut lost = self.lost.clone();
        async move {
            if let Ok(lost) = lost.wait_for(Option::is_some).await
                && let Some(host) = lost.clone()
            {
                return host;
            }
            std::future::pending().await
        }
    }

    /// Releases every host and waits until they have noticed, so that the next run finds them free.
    pub async fn release(mut self) {
        self.release.send_replace(true);
        while self.watchers.join_next().await.is_some() {}
    }
}

async fn lock<T: Transport>(transport: &T, host: &HostName, script: &str) -> Result<T::Held, LockError> {
    let held = transport.hold(host, script.to_owned(), TIMEOUT).await;
    let (answer, held) = held.map_err(|error| LockError::Unreachable { host: host.clone(), error })?;
    let mut words = answer.split('\t');
    match words.next() {
        Some("held") => Ok(held),
        Some("busy") => Err(taken(host, &words.collect::<Vec<_>>().join("\t"))),
        Some("impossible") => {
            let reason = words.collect::<Vec<_>>().join(" ");
            Err(LockError::Impossible { host: host.clone(), reason })
        }
        _ => {
            let reason = format!("it answered `{}`", shortened(&answer, 200));
            Err(LockError::Impossible { host: host.clone(), reason })
        }
    }
}

/// The owner of a taken lock, from the note on the host.
fn taken(host: &HostName, note: &str) -> LockError {
    let run = RunUnderWay::parse(note);
    let age = run.as_ref().and_then(|run| run.age);
    let plain = |text: &str| shortened(text, 200);
    let owner = match run {
        Some(RunUnderWay { who, process: Some(process), playbook, .. }) => {
            format!("{} (process {process}: {})", plain(&who), plain(&playbook))
        }
        Some(run) => plain(&run.who),
        None => "an unknown run".to_owned(),
    };
    let since = age.and_then(|age| SystemTime::now().checked_sub(age)).filter(|since| *since > UNIX_EPOCH);
    LockError::Held { host: host.clone(), owner, since }
}

/// The script that holds the lock on a host. The shell itself has the file open, so the lock lives as long as the
/// shell, and the shell as long as it reads keepalives from its standard input. flock(1): with `-n` it does not
/// wait and exits with 1 if the lock is taken; its errors exit with 64 or more.
///
/// The run's name is written before the answer: scripts of a run that had the lock before read it and end
/// (`prelude.sh`). A killed shell leaves it, and its run may go on until the next run writes its own name.
fn script(directory: &str, operator: &Operator, run: &RunId) -> String {
    // One line with tabs: no value may look like another value or line.
    let owner = format!("{}\t{}\t{}", one_line(&operator.who), operator.pid, one_line(&operator.playbook));
    format!(
        r#"directory={directory} owner={owner} run={run}
lock=$directory/rabbitup.lock note=$directory/rabbitup.owner run_file=$directory/rabbitup.run
no() {{ printf 'impossible\t%s\n' "$1"; exit 1; }}
command -v flock >/dev/null 2>&1 || no 'it has no flock command (package util-linux)'
umask 077
( : >>"$lock" ) 2>/dev/null || no "$lock cannot be written"
exec 9>>"$lock"
flock -n 9; code=$?
if [ $code = 1 ]; then
  IFS= read -r line <"$note"
  printf 'busy\t%s\t%s\n' "$(date +%s)" "$line"
  exit 1
fi 2>/dev/null
[ $code = 0 ] || no "flock ended with code $code"
{{ printf '%s\n' "$run" >"$run_file"; }} 2>/dev/null || no "$run_file cannot be written"
umask 022
read -r holder rest </proc/self/stat
printf '%s\t%s\t%s\n' "$(date +%s)" "$owner" "$holder" >"$note"
echo held
if command -v timeout >/dev/null 2>&1; then
  while timeout {lease} sh -c 'IFS= read -r line' 9>&-; do :; done
else
  cat >/dev/null 9>&-
fi
rm -f "$note" "$run_file"
"#,
        lease = LEASE.as_secs(),
        directory = quote(directory),
        owner = quote(&owner),
        run = quote(run.as_str())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::{FakeTransport, Output};

    fn host(name: &str) -> HostName {
        HostName::parse(name).expect("a name")
    }

    fn operator() -> Operator {
        Operator { who: "ann@desk".into(), pid: 7, playbook: "bring-up".into() }
    }

    fn answering(busy: &'static str) -> Arc<FakeTransport> {
        Arc::new(FakeTransport::new(move |host, _| {
            let answer = if host.as_str() == "node2" { busy } else { "held" };
            Ok(Output { stdout: format!("{answer}\n").into_bytes(), ..Output::default() })
        }))
    }

    #[tokio::test]
    async fn a_taken_lock_says_whose_it_is_and_frees_the_others() {
        let transport = answering("busy\t1000100\t1000000\tbob@desk\t42\tbring-up\t99");
        let hosts = [host("node3"), host("node2"), host("node1")];
        let error = Locks::acquire(&transport, &hosts, &operator()).await.expect_err("taken");
        let LockError::Held { host, owner, since } = error else { panic!("{error}") };
        assert_eq!((host.as_str(), owner.as_str()), ("node2", "bob@desk (process 42: bring-up)"));
        let age = since.and_then(|since| since.elapsed().ok()).expect("it is in the past");
        assert!((100..=101).contains(&age.as_secs()), "{age:?}");
        assert_eq!(transport.open_holds(), 0);
        assert_eq!(transport.ran()[0].0.as_str(), "node1");
    }

    #[tokio::test]
    async fn a_lost_lock_is_reported_and_release_frees_all() {
        let transport = answering("held");
        let hosts = [host("node1"), host("node2")];
        let locks = Locks::acquire(&transport, &hosts, &operator()).await.expect("free");
        assert_eq!((transport.open_holds(), locks.lost()), (2, None));
        let lost = locks.next_lost();
        transport.lose_holds(&hosts[1]);
        assert_eq!(lost.await, hosts[1]);
        assert_eq!(locks.lost().as_ref(), Some(&hosts[1]));
        locks.release().await;
        assert_eq!(transport.open_holds(), 0);
    }

    #[tokio::test]
    async fn a_host_without_flock_is_distinguished() {
        let transport = answering("impossible\tit has no flock command (package util-linux)");
        let error = Locks::acquire(&transport, &[host("node2")], &operator()).await.expect_err("no flock");
        assert_eq!(error.to_string(), "node2 cannot be locked: it has no flock command (package util-linux)");
    }
}
