/// With less free space a node blocks all publishers, unless configured otherwise (`disk_free_limit`, in bytes;
/// 50 MB in rabbit.app of every version).
pub const DISK_FREE_LIMIT: u64 = 50_000_000;
