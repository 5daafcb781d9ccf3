//! Damaged real input, and input that caused failures in the past.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;

/// One kind of damage.
#[derive(Clone, Debug)]
enum Damage {
    /// One byte is changed.
    Flip(Index, u8),
    /// Everything after this position is lost.
    Cut(Index),
    /// A part is lost.
    Lose(Index, u8),
    /// A line is repeated.
    Repeat(Index, u8),
    /// Two lines are swapped.
    Swap(Index, Index),
    /// A line of another sample is inserted.
    Splice(Index, Index, Index),
    /// A difficult sequence is inserted.
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

/// The corpus of a reader: files in tests/fuzz/corpus/READER. Past failures belong there.
pub fn kept(reader: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(reader);
    let mut files: Vec<_> = fs::read_dir(directory).expect("the corpus is there").flatten().collect();
    files.sort_by_key(fs::DirEntry::path);
    files.iter().map(|file| fs::read(file.path()).expect("a case")).collect()
}

/// The size of large input, in bytes: a megabyte, or less in a build without optimisation. Quadratic algorithms would take
/// minutes for either.
pub const MUCH: usize = if cfg!(debug_assertions) { 1 << 17 } else { 1 << 20 };

/// Asserts that a reader takes less than a second for this input, and little memory. Allows three attempts on a busy machine, and
/// ten times as long in a build without optimisation.
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

/// Resets this process's peak memory (proc_pid_clear_refs(5)), and returns its current use in KiB.
fn forget_peak() -> u64 {
    let _ = fs::write("/proc/self/clear_refs", "5");
    memory("VmRSS:")
}

fn memory(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix(key)).expect("it tells of memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
