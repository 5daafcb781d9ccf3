//! Bytes that begin as something real and are then damaged, and those that once brought something down.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;

/// One way of damaging bytes.
#[derive(Clone, Debug)]
enum Damage {
    /// One byte becomes another.
    Flip(Index, u8),
    /// All behind this place is lost.
    Cut(Index),
    /// A part is lost.
    Lose(Index, u8),
    /// A line stands several times.
    Repeat(Index, u8),
    /// Two lines change places.
    Swap(Index, Index),
    /// A line of another sample comes in between.
    Splice(Index, Index, Index),
    /// Something comes in between that readers stumble over.
    Insert(Index, &'static [u8]),
}

const STUMBLING_BLOCKS: [&[u8]; 22] = [
    b"\0",
    b"\xff\xfe",
    b"\xc3",
    "\u{202e}".as_bytes(),
    b"\x1b[2J",
    b"N0NCE ",
    b"N0NCE bytes 18446744073709551615\n",
    b"N0NCE bytes -1\n",
    b"N0NCE end\n",
    b"N0NCE answer\n",
    b"18446744073709551616",
    b"-1",
    b"1e999",
    b"{ok, [\"",
    b"\"",
    b"'",
    b"\\",
    b"{{",
    b"[[[[[[[[",
    b"= ",
    b"\r\n",
    b"@",
];

fn damage() -> impl Strategy<Value = Damage> {
    let place = any::<Index>;
    prop_oneof![
        4 => (place(), any::<u8>()).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        1 => place().prop_map(Damage::Cut),
        2 => (place(), any::<u8>()).prop_map(|(at, length)| Damage::Lose(at, length)),
        2 => (place(), 1..40_u8).prop_map(|(at, times)| Damage::Repeat(at, times)),
        2 => (place(), place()).prop_map(|(a, b)| Damage::Swap(a, b)),
        2 => (place(), place(), place()).prop_map(|(at, of, line)| Damage::Splice(at, of, line)),
        4 => (place(), prop::sample::select(STUMBLING_BLOCKS.to_vec())).prop_map(|(at, what)| Damage::Insert(at, what)),
    ]
}

/// One of the samples, damaged in up to eight ways.
pub fn damaged(samples: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let (which, damages) = (any::<Index>(), prop::collection::vec(damage(), 0..8));
    (which, damages).prop_map(move |(which, damages)| {
        let mut bytes = which.get(&samples).clone();
        for damage in damages {
            damage.apply(&mut bytes, &samples);
        }
        bytes
    })
}

impl Damage {
    fn apply(self, bytes: &mut Vec<u8>, samples: &[Vec<u8>]) {
        let mut lines: Vec<Vec<u8>> =
            bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        if lines.is_empty() {
            return;
        }
        match self {
            Self::Flip(at, mask) => *at.get_mut(bytes) ^= mask,
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Lose(at, length) => {
                let start = at.index(bytes.len());
                bytes.drain(start..(start + usize::from(length)).min(bytes.len()));
            }
            Self::Repeat(at, times) => {
                let at = at.index(lines.len());
                let line = lines[at].repeat(usize::from(times));
                lines.insert(at, line);
                *bytes = lines.concat();
            }
            Self::Swap(a, b) => {
                let (a, b) = (a.index(lines.len()), b.index(lines.len()));
                lines.swap(a, b);
                *bytes = lines.concat();
            }
            Self::Splice(at, of, line) => {
                let other: Vec<&[u8]> = of.get(samples).split_inclusive(|byte| *byte == b'\n').collect();
                lines.insert(at.index(lines.len()), line.get(&other).to_vec());
                *bytes = lines.concat();
            }
            Self::Insert(at, what) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, what.iter().copied());
            }
        }
    }
}

/// The kept cases of a reader: files of tests/fuzz/corpus/READER. Whatever brought it down once goes there.
pub fn kept(reader: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(reader);
    let mut files: Vec<_> = fs::read_dir(directory).expect("the corpus is there").flatten().collect();
    files.sort_by_key(fs::DirEntry::path);
    files.iter().map(|file| fs::read(file.path()).expect("a case")).collect()
}

/// How much is read at once, in bytes: a megabyte, or as much as a build without optimisation reads in that time. What
/// is quadratic takes minutes for either.
pub const MUCH: usize = if cfg!(debug_assertions) { 1 << 17 } else { 1 << 20 };

/// Asserts that a reader takes so much in less than a second, and no great amount of memory. A busy machine gets three
/// tries, and a build without optimisation ten times as long.
#[track_caller]
pub fn assert_linear(what: &str, input: &[u8], mut read: impl FnMut(&[u8])) {
    const ENOUGH: Duration = Duration::from_secs(if cfg!(debug_assertions) { 10 } else { 1 });
    const MEMORY_KIB: u64 = 256 * 1024;
    let mut best = Duration::MAX;
    for _ in 0..3 {
        let before = forget_peak();
        let since = Instant::now();
        read(input);
        best = best.min(since.elapsed());
        let grown = memory("VmHWM:").saturating_sub(before);
        assert!(grown < MEMORY_KIB, "{what}: {grown} KiB for {} bytes", input.len());
        if best < ENOUGH {
            return;
        }
    }
    panic!("{what}: {best:?} for {} bytes", input.len());
}

/// Makes the kernel count this process's peak anew (proc_pid_clear_refs(5)), and says what it uses now, in KiB.
fn forget_peak() -> u64 {
    let _ = fs::write("/proc/self/clear_refs", "5");
    memory("VmRSS:")
}

fn memory(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("it tells of memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
