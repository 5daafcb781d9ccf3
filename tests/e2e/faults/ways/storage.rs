//! Full or read-only file systems: no space, no inodes, no writes.

use crate::lab::Disk;

/// The size of a host's disk that will be filled: what a bring-up requires, and a margin.
pub const SMALL: Disk = Disk::Own("1500M");

/// Only a host's own disk is filled; the machine's disk is shared.
pub const FILL: &str = "[ \"$(df --output=size -m / | tail -n 1)\" -lt 2000 ] || exit 1; \
     rm -f /ballast; head -c 2G /dev/zero >/ballast 2>/dev/null; [ -s /ballast ]";

pub const EMPTY: &str = "rm -f /ballast";

/// The lab gives such a disk 40,000 inodes.
pub const TAKE_INODES: &str = "[ \"$(df --output=itotal / | tail -n 1)\" -lt 100000 ] || exit 1; \
     mkdir -p /inodes && cd /inodes && seq 50000 | xargs touch 2>/dev/null; \
     [ \"$(df --output=iavail / | tail -n 1)\" -lt 8 ]";

pub const GIVE_INODES: &str = "rm -rf /inodes";

/// The kernel refuses to remount a file system with files open for writing, except after a disk error. A
/// read-only mount over each directory has the same effect on files opened from then on; open files stay open.
pub const REMOUNT_READ_ONLY: &str =
    "for d in /etc /var; do mount --bind $d $d && mount -o remount,bind,ro $d || exit 1; done";

pub const REMOUNT_WRITABLE: &str = "for d in /etc /var; do umount -l $d; done";
