/// Keeps this process's memory to itself: what it holds of secrets must not reach a core dump.
///
/// No core file is written (getrlimit(2), RLIMIT_CORE), nor handed to a program that collects them, which the limit does
/// not keep from it (core(5)); and no other process of the same user may attach (prctl(2), PR_SET_DUMPABLE). Where the
/// system refuses, the run goes on: it is a precaution.
pub fn keep_private() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    let _ = setrlimit(Resource::Core, limit);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}
