//! The file systems that a host's work uses: their free space, and whether they are writable.

/// A directory in which rabbitup, the package manager or the broker writes, and its file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    pub path: String,
    /// Equal for directories on one file system.
    pub file_system: String,
    pub free_bytes: u64,
    pub free_inodes: u64,
    /// Zero if the file system does not count inodes (btrfs).
    pub inodes: u64,
    pub access: Access,
}

/// Whether it is writable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    ReadWrite,
    /// Mounted read-only, or remounted by the kernel after a disk error (`errors=remount-ro`).
    ReadOnly,
}

/// Why nothing can be written to a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortage {
    ReadOnly,
    Space,
    Inodes,
}

/// Below this, a step of a bring-up may not have enough space: a configuration file and its backup, the first
/// segments of a node's database.
pub const LEAST_TO_WRITE: u64 = 16 << 20;
/// Below this, a starting broker may run out of inodes.
const LEAST_INODES: u64 = 64;

impl Storage {
    /// The shortage, for a need of this many bytes.
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

    /// The shortage as a sentence, without a full stop.
    pub fn what(&self, shortage: Shortage) -> String {
        let path = &self.path;
        match shortage {
            Shortage::ReadOnly => format!("the file system of {path} is read-only"),
            Shortage::Space => format!("the file system of {path} has no space left"),
            Shortage::Inodes => format!("the file system of {path} has no inodes left"),
        }
    }

    /// The measured values.
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
                "find out why (`journalctl -k` on the host shows disk errors), then `mount -o remount,rw` its \
                 mount point (`findmnt -T {path}`)"
            ),
            Shortage::Space => {
                format!("free some space; `du -xah --max-depth=3 {path}` on the host shows what uses it")
            }
            Shortage::Inodes => {
                format!(
                    "remove unneeded files; `du -x --inodes --max-depth=3 {path}` shows where most of them are"
                )
            }
        }
    }
}

/// The directories with a shortage, each file system and shortage once.
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
