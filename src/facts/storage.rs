//! The file systems that a host's work goes to: what is left of them, and whether they take anything at all.

/// A directory in which rabbitup, the package manager or the broker writes, and the file system that it lies on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    pub path: String,
    /// Equal for directories on one file system.
    pub file_system: String,
    pub free_bytes: u64,
    pub free_inodes: u64,
    /// Zero where the file system does not count inodes (btrfs).
    pub inodes: u64,
    pub access: Access,
}

/// Whether the kernel takes what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    /// Mounted so, or made so by the kernel after an error of the disk (`errors=remount-ro`).
    ReadOnly,
}

/// Why a file system takes nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortage {
    ReadOnly,
    Space,
    Inodes,
}

/// Below this a step of a bring-up may find no room for what it writes: a configuration file and its backup, the first
/// segments of a node's database.
pub const LEAST_TO_WRITE: u64 = 16 << 20;
/// Below this a broker that starts may find none left.
const LEAST_INODES: u64 = 64;

impl Storage {
    /// What is missing for somebody who needs this many bytes.
    pub fn shortage(&self, least_bytes: u64) -> Option<Shortage> {
        if self.access == Access::ReadOnly {
            Some(Shortage::ReadOnly)
        } else if self.free_bytes < least_bytes {
            Some(Shortage::Space)
        } else if self.inodes > 0 && self.free_inodes < LEAST_INODES {
            Some(Shortage::Inodes)
        } else {
            None
        }
    }

    /// The shortage as a sentence, without an end.
    pub fn what(&self, shortage: Shortage) -> String {
        let path = &self.path;
        match shortage {
            Shortage::ReadOnly => format!("the file system of {path} is read-only"),
            Shortage::Space => format!("the file system of {path} has no space left"),
            Shortage::Inodes => format!("the file system of {path} has no inodes left"),
        }
    }

    /// What was measured.
    pub fn evidence(&self, shortage: Shortage) -> String {
        match shortage {
            Shortage::ReadOnly => format!("{} is mounted read-only (option ro)", self.path),
            Shortage::Space => format!("{:.1} MB are free", self.free_bytes as f64 / 1e6),
            Shortage::Inodes => format!("{} of {} inodes are free", self.free_inodes, self.inodes),
        }
    }

    /// What to do on the host.
    pub fn remedy(&self, shortage: Shortage) -> String {
        let path = &self.path;
        match shortage {
            Shortage::ReadOnly => format!(
                "find out why (`journalctl -k` on the host shows errors of the disk), then `mount -o remount,rw` its \
                 mount point (`findmnt -T {path}`)"
            ),
            Shortage::Space => {
                format!("make room; `du -xah --max-depth=3 {path}` on the host shows what takes it")
            }
            Shortage::Inodes => {
                format!(
                    "remove files that nobody needs; `du -x --inodes --max-depth=3 {path}` shows where they are"
                )
            }
        }
    }
}

/// The directories that lack something, each file system and shortage once.
pub fn shortages(storage: &[Storage], least_bytes: u64) -> Vec<(&Storage, Shortage)> {
    let mut found: Vec<(&Storage, Shortage)> = Vec::new();
    for directory in storage {
        let Some(shortage) = directory.shortage(least_bytes) else { continue };
        let told = |(other, told): &(&Storage, Shortage)| {
            other.file_system == directory.file_system && *told == shortage
        };
        if !found.iter().any(told) {
            found.push((directory, shortage));
        }
    }
    found
}
