/// Keeps the secrets in this process's memory out of core dumps.
///
/// Disables core files (getrlimit(2), RLIMIT_CORE). The limit does
/// not stop core collectors (core(5)), so the process is also made non-dumpable (prctl(2), PR_SET_DUMPABLE): no core is handed to
/// a collector, and no other process of the same user can attach. If the system refuses, the run continues: this is only a
/// precaution.
pub fn disable_core_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    let _ = setrlimit(Resource::Core, limit);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
