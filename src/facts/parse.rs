//! Parses the probe's output. Pure; it skips what it does not know, and no input makes it panic.

mod balancer;
mod base64;
mod files;
mod frame;
mod holdings;
mod node;
mod queues;
mod report;
mod software;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{
    Access, BrokerEnvironment, CloudInit, ClusterMember, CookieFile, CookieShape, DataPlace, HostFacts,
    HostNameFacts, NodeData, OsFamily, PackageLock, PluginFiles, PortState, Privilege, ProbeRequest, Reach,
    Resources, RunUnderWay, SelinuxFacts, Storage, System, TimeService, VirtualAddressFacts,
};
use crate::firewall;
use crate::model::{HostName, NodeName, NodeType};
use crate::platform::GeneratedCookie;
use crate::rabbitmq::BootFailure;
use files::Files;

pub(crate) use frame::Frames;
pub use frame::clock_line;

/// Why the probe's output could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("there is no output of the probe; the shell may not have run it")]
    Absent,
    #[error("the probe's output ended early; its last complete section is {after:?}")]
    Incomplete {
        /// The last complete section; empty if there is none.
        after: String,
    },
    #[error("a file changed while it was read; try again")]
    Torn,
    /// The files there are unknown, which does not mean that there are none.
    #[error(
        "/etc/rabbitmq and /var/lib/rabbitmq could not be inspected as user rabbitmq within 8 s; check who may \
         enter them: ls -ld /etc/rabbitmq /var/lib/rabbitmq"
    )]
    Unseen,
}

/// Parses the probe's output between the marks with `nonce`. The result does not include the clock's offset: only the caller
/// knows when [`clock_line`] arrived.
///
/// # Errors
/// [`ParseError`] if the output is incomplete.
pub fn parse(request: &ProbeRequest, nonce: &str, output: &[u8]) -> Result<HostFacts, ParseError> {
    let frames = Frames::read(nonce, output)?;
    if frames.has("unseen") {
        return Err(ParseError::Unseen);
    }
    let files = Files::read(&frames)?;
    let units = software::units(request, &frames);
    let system = system(&frames, &files);
    let family = system.family;
    let environment = BrokerEnvironment::read(&frames, |path| files.text(path));
    Ok(HostFacts {
        privilege: privilege(&frames),
        system,
        resources: resources(&frames),
        host_name: host_name(&frames, &files),
        resolution: resolution(request, &frames),
        full_names: full_names(request, &frames),
        cloud_init: CloudInit::read(frames.lines("cloud")),
        clock: None,
        time_service: time_service(&frames),
        packages: software::packages(request, &frames),
        package_lock: package_lock(&frames),
        stale_policy: frames.value("system", "stale_policy").is_some(),
        at_work: frames.value("system", "at_work").and_then(|pid| pid.parse().ok()),
        under_way: frames.value("system", "owner").and_then(RunUnderWay::parse),
        leftovers: frames.values("system", "leftover").map(str::to_owned).collect(),
        cookie: files.cookie(&frames).map(|cookie| judged(cookie, family)),
        staged_cookie: files.staged_cookie(&frames),
        in_the_way: files.in_the_way(&frames),
        data: data(request, &frames),
        environment: environment.clone(),
        data_place: DataPlace {
            unmounted: frames.values("data", "unmounted").map(str::to_owned).collect(),
            emptied: frames.value("data", "emptied").map(str::to_owned),
            elsewhere: frames.values("data", "elsewhere").map(str::to_owned).collect(),
            filled: frames.values("data", "filled").map(str::to_owned).collect(),
        },
        kept: kept(&frames),
        plugins: plugin_files(&frames),
        broker: node::broker(request, &frames),
        boot_failure: BootFailure::of(&frames.lines("failure").collect::<Vec<_>>()),
        met: node::met(&frames),
        load_balancer: balancer::load_balancer(request, &frames, &units, |path| files.modified(path)),
        virtual_address: VirtualAddressFacts::read(&frames),
        firewalls: firewalls(&frames),
        selinux: SelinuxFacts::read(frames.lines("selinux")),
        reach: reach(request, &frames),
        files: files.requested(request, &environment),
        units,
    })
}

/// The nodes with data on the host. Each `node=` line may be followed by a `members=` line, Mnesia's `{All, Disc}`, by an
/// `outlived=` line, its list of the nodes that ran when this one stopped, by a `started=` line and by a `flags=` line. A section
/// `schema` has the members in the requested node's database if its file names no other node. Those missing in the file may have
/// kept running when the node stopped, which was not saved either.
///
/// Khepri leaves no such lines; a node that waits for its cluster reports the members it knows.
fn data(request: &ProbeRequest, frames: &Frames) -> Vec<NodeData> {
    let mut found: Vec<NodeData> = Vec::new();
    for line in frames.lines("data") {
        if let Some(name) = line.strip_prefix("node=") {
            found.push(NodeData { node: name.to_owned(), ..NodeData::default() });
        } else if let (Some(terms), Some(last)) = (line.strip_prefix("members="), found.last_mut()) {
            last.members = noted_members(terms);
        } else if let (Some(terms), Some(last)) = (line.strip_prefix("outlived="), found.last_mut()) {
            let this = last.node.clone();
            last.outlived_by = lists_of_nodes(terms).next().unwrap_or_default();
            last.outlived_by.retain(|node| node.to_string() != this);
        } else if let (Some(seconds), Some(last)) = (line.strip_prefix("started="), found.last_mut()) {
            last.started = seconds.parse().ok();
        } else if let (Some(terms), Some(last)) = (line.strip_prefix("flags="), found.last_mut()) {
            last.feature_flags = atoms(terms);
        }
    }
    let asked = request.node.as_ref().map(ToString::to_string);
    if let Some(data) = found.iter_mut().find(|data| Some(&data.node) == asked.as_ref()) {
        let schema = frames.lines("schema").next_back().unwrap_or_default();
        for node in lists_of_nodes(schema).next().unwrap_or_default() {
            if data.members.iter().all(|member| member.node != node) {
                data.members.push(ClusterMember { node_type: NodeType::Disc, node: node.clone() });
                data.outlived_by.push(node);
            }
        }
        if data.members.is_empty() {
            let known = node::known_members(frames).into_iter();
            data.members = known.map(|node| ClusterMember { node_type: NodeType::Disc, node }).collect();
        }
    }
    found
}

/// The directories moved aside by removals.
fn kept(frames: &Frames) -> Vec<String> {
    frames.values("data", "kept").map(str::to_owned).collect()
}

/// Parses `{[rabbit@a,'rabbit@b-2'],[rabbit@a]}`; empty for any other form.
fn noted_members(terms: &str) -> Vec<ClusterMember> {
    let mut lists = lists_of_nodes(terms);
    let all = lists.next().unwrap_or_default();
    let disc: BTreeSet<NodeName> = lists.next().unwrap_or_default().into_iter().collect();
    let node_type = |node: &NodeName| if disc.contains(node) { NodeType::Disc } else { NodeType::Ram };
    all.into_iter().map(|node| ClusterMember { node_type: node_type(&node), node }).collect()
}

/// Parses `[quorum_queue,'rabbitmq_4.0.0'].`; empty for any other form.
fn atoms(terms: &str) -> BTreeSet<String> {
    let list = terms.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix("]."));
    let atoms = list.unwrap_or_default().split(',').map(|atom| atom.trim().trim_matches('\''));
    atoms.filter(|atom| !atom.is_empty()).map(str::to_owned).collect()
}

/// The nodes in each `[rabbit@a,'rabbit@b-2']` of an Erlang term.
fn lists_of_nodes(terms: &str) -> impl Iterator<Item = Vec<NodeName>> {
    let lists = terms.split('[').skip(1).map(|list| list.split(']').next().unwrap_or_default());
    let node = |atom: &str| NodeName::parse(atom.trim().trim_matches('\'')).ok();
    lists.map(move |list| list.split(',').filter_map(node).collect())
}

fn privilege(frames: &Frames) -> Privilege {
    match frames.value("system", "become") {
        Some("sudo") => Privilege::Sudo,
        Some("sudo-password") => Privilege::SudoPassword,
        Some("doas") => Privilege::Doas,
        _ => Privilege::Root,
    }
}

/// A cookie that Erlang generated is as good as any where the broker's package leaves it alone.
fn judged(cookie: CookieFile, family: OsFamily) -> CookieFile {
    let stays = family.platform().is_some_and(|platform| platform.generated_cookie == GeneratedCookie::Stays);
    match cookie.shape {
        CookieShape::DebianReplaces if stays => CookieFile { shape: CookieShape::Generated, ..cookie },
        CookieShape::DebianReplaces
        | CookieShape::Generated
        | CookieShape::Usable
        | CookieShape::Unusable => cookie,
    }
}

fn system(frames: &Frames, files: &Files) -> System {
    let text = files.text("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(value.trim().trim_matches(|c| c == '"' || c == '\'').to_owned())
    };
    let id = value("ID").unwrap_or_default();
    let like = value("ID_LIKE").unwrap_or_default();
    System {
        pretty_name: value("PRETTY_NAME").unwrap_or_else(|| id.clone()),
        family: OsFamily::of(&id, &like),
        id,
        version: value("VERSION_ID").unwrap_or_default(),
        systemd: frames.value("system", "systemd").is_some(),
        machine: frames.value("system", "machine").unwrap_or_default().to_owned(),
        kernel: kernel(frames),
        identity: identity(frames),
    }
}

/// Values that only containers on one machine share: the second in which their kernel booted, and its memory. The first
/// distinguishes virtual machines.
fn kernel(frames: &Frames) -> Option<String> {
    let booted = frames.value("system", "booted")?;
    let memory = frames.lines("system").find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(format!("{booted} {}", memory.trim()))
}

/// `MACHINE-ID BOOT-ID NAMESPACE`; none without all of them.
fn identity(frames: &Frames) -> Option<String> {
    let found = frames.value("system", "identity")?;
    (found.split_whitespace().count() == 3).then(|| found.to_owned())
}

fn resources(frames: &Frames) -> Resources {
    let kib = |key: &str| {
        let line = frames.lines("system").find_map(|line| line.strip_prefix(key))?;
        line.trim().trim_end_matches("kB").trim().parse().ok()
    };
    // Free blocks and their size in bytes.
    let disk = frames.value("system", "disk").and_then(|disk| disk.split_once(' '));
    let disk_free_kib = disk.and_then(|(blocks, size)| {
        let (blocks, size) = (blocks.parse::<u64>().ok()?, size.parse::<u64>().ok()?);
        Some(blocks.checked_mul(size)? / 1024)
    });
    Resources {
        memory_total_kib: kib("MemTotal:"),
        memory_available_kib: kib("MemAvailable:"),
        disk_free_kib,
        storage: storage(frames),
    }
}

/// `/var/lib/rabbitmq eea2c51efea1f1ea 12597592 4096 16214211 16777216`, and `ro /var/lib/rabbitmq` if it is read-only.
fn storage(frames: &Frames) -> Vec<Storage> {
    let read_only: BTreeSet<&str> =
        frames.lines("storage").filter_map(|line| line.strip_prefix("ro ")).collect();
    let read = |line: &str| {
        let mut words = line.split(' ');
        let (path, file_system) = (words.next()?.to_owned(), words.next()?.to_owned());
        let mut number = || words.next()?.parse::<u64>().ok();
        let (blocks, size, free_inodes, inodes) = (number()?, number()?, number()?, number()?);
        let access = if read_only.contains(path.as_str()) { Access::ReadOnly } else { Access::ReadWrite };
        let free_bytes = blocks.saturating_mul(size);
        Some(Storage { path, file_system, free_bytes, free_inodes, inodes, access })
    };
    frames.lines("storage").filter_map(read).collect()
}

fn host_name(frames: &Frames, files: &Files) -> HostNameFacts {
    let persistent = files.text("/etc/hostname").and_then(|text| {
        let name = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'))?;
        Some(name.to_owned())
    });
    HostNameFacts { running: frames.value("system", "hostname").unwrap_or_default().to_owned(), persistent }
}

/// The answers of `getent ahosts`: the name and a line for it. Before each name's lines the address 0.0.x.y says which of the
/// requested names it is: 256 x + y counts them from 1.
fn answers<'f>(
    request: &'f ProbeRequest,
    frames: &'f Frames,
) -> impl Iterator<Item = (&'f HostName, IpAddr, &'f str)> {
    let mut name = None;
    frames.lines("resolve").filter_map(move |line| {
        let address = line.split_whitespace().next()?.parse::<IpAddr>().ok()?;
        if let IpAddr::V4(v4) = address
            && let [0, 0, high, low] = v4.octets()
            && (high, low) != (0, 0)
        {
            name = (usize::from(high) * 256 + usize::from(low))
                .checked_sub(1)
                .and_then(|i| request.names.get(i));
            return None;
        }
        Some((name?, address, line))
    })
}

/// It prints an address up to three times.
fn resolution(request: &ProbeRequest, frames: &Frames) -> BTreeMap<HostName, Vec<IpAddr>> {
    let mut found: BTreeMap<HostName, Vec<IpAddr>> = BTreeMap::new();
    for (name, address, _) in answers(request, frames) {
        let addresses = found.entry(name.clone()).or_default();
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    found
}

/// The first line of a name ends in its canonical name: `10.0.0.1 STREAM node1.example.com`.
fn full_names(request: &ProbeRequest, frames: &Frames) -> BTreeMap<HostName, String> {
    let full = |(name, _, line): (&HostName, IpAddr, &str)| {
        let canonical = line.split_whitespace().nth(2)?.trim_end_matches('.').to_owned();
        Some((name.clone(), canonical))
    };
    let mut found = BTreeMap::new();
    for (name, canonical) in answers(request, frames).filter_map(full) {
        found.entry(name).or_insert(canonical);
    }
    found.retain(|name, canonical| name.as_str() != canonical);
    found
}

fn time_service(frames: &Frames) -> TimeService {
    let value = |key| frames.value("time", key);
    let chrony = value("leap").and_then(|csv| match csv.rsplit(',').next() {
        Some("Normal" | "Insert second" | "Delete second") => Some(true),
        Some("Not synchronised") => Some(false),
        _ => None,
    });
    let timesyncd = value("sync").map(|word| word == "yes");
    let openntpd = frames.lines("time").any(|line| line.contains("clock "));
    let openntpd = openntpd.then(|| frames.lines("time").any(|line| line.contains("clock synced")));
    // leap=11, also named leap_alarm, means in NTP that the clock is not set.
    let ntp = frames
        .lines("time")
        .find_map(|line| line.split_once("leap="))
        .map(|(_, leap)| !leap.starts_with("11"));
    let ntp = ntp.filter(|_| value("ntpq").is_some());
    TimeService {
        running: value("running").map(str::to_owned),
        synchronised: chrony.or(timesyncd).or(openntpd).or(ntp),
    }
}

fn plugin_files(frames: &Frames) -> PluginFiles {
    let mut found = PluginFiles {
        directories: frames.values("plugins", "directory").map(str::to_owned).collect(),
        ..PluginFiles::default()
    };
    for (plugin, file) in frames.values("plugins", "file").filter_map(|line| line.split_once(' ')) {
        let files = found.files.entry(plugin.to_owned()).or_default();
        if !files.iter().any(|known| known == file) {
            files.push(file.to_owned());
        }
    }
    found
}

fn package_lock(frames: &Frames) -> Option<PackageLock> {
    let mut words = frames.lines("lock").next()?.splitn(3, ' ');
    let (pid, file) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    Some(PackageLock { pid, file, command: words.next().unwrap_or_default().trim().to_owned() })
}

fn firewalls(frames: &Frames) -> Vec<firewall::Seen> {
    firewall::in_effect(&|section| frames.texts(section))
}

fn reach(request: &ProbeRequest, frames: &Frames) -> Vec<Reach> {
    let said = |wanted: &super::PeerPort| {
        let mut lines = frames.lines("reach").chain(frames.lines("tried"));
        lines.find_map(|line| {
            let mut words = line.splitn(3, ' ');
            let same = words.next()? == wanted.peer.as_str() && words.next()?.parse() == Ok(wanted.port);
            same.then(|| words.next().unwrap_or_default())
        })
    };
    let seen = request.reach.iter().filter_map(|wanted| {
        let state = match said(wanted) {
            Some("open") => PortState::Open,
            Some("Connection refused") => PortState::Refused,
            Some("Connection timed out" | "") => PortState::Filtered,
            // No route to host, Network is unreachable, Operation not permitted…
            Some(_) => PortState::Rejected,
            None if frames.has("tried") => PortState::Filtered,
            // Without bash no port was tried.
            None => return None,
        };
        Some(Reach { peer: wanted.peer.clone(), port: wanted.port, purpose: wanted.purpose, state })
    });
    seen.collect()
}

#[cfg(test)]
#[path = "parse/recorded.rs"]
mod recorded;
#[cfg(test)]
#[path = "parse/stopped_tests.rs"]
mod stopped_tests;
