//! The step functions of the RPM family in real shells: dnf, rpm and the host's files are stand-ins.

use std::path::PathBuf;

use crate::model::shells::run_in;

/// A directory for the files that the functions write, and the functions themselves.
struct Host {
    directory: PathBuf,
}

impl Host {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("rabbitup-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
        Self { directory }
    }

    /// Defines the functions, then the stand-ins, then runs these lines. Gives what they print.
    fn run(&self, lines: &str) -> String {
        let at = |file: &str| self.directory.join(file).display().to_string();
        let functions = concat!(include_str!("dnf.sh"), include_str!("dnf_keys.sh"))
            .replace("/var/lib/dnf/rabbitup-unfinished", &at("unfinished"))
            .replace("/run/rabbitup-keys", &at("keys"))
            .replace("/run/rabbitup.dnf", &at("dnf-log"));
        let stand_ins = "is_as_planned() { :; }\nforbid_start() { :; }\nallow_start() { forget_keys; }\nlists_are_fresh() { false; }\n\
            held_packages() { :; }\nis_dnf5() { false; }\nare_installed() { :; }\nversions_of() { echo 1; }\n\
            told() { :; }\nfail() { echo \"FAILED: $*\"; exit 1; }\n";
        let script = format!("{functions}\n{stand_ins}\n{lines}\n");
        String::from_utf8(run_in(&["sh"], script.as_bytes()).stdout).expect("UTF-8")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// `dnf -y` accepts what gpgkey names, for metadata too. So no run that may load metadata comes before the keys are judged.
#[test]
fn keys_from_the_network_are_judged_before_dnf_loads_anything() {
    let host = Host::new("dnf-keys");
    let printed = host.run(
        "network_keys() { echo 'vendor https://repo.example/key.asc'; }\n\
         curl() { while [ \"$1\" != -o ]; do shift; done; echo key >\"$2\"; }\n\
         timeout() { case $* in *curl*) shift; \"$@\" ;; *) printf 'dnf %s\\n' \"$*\" >&3 ;; esac; }\n\
         within() { limit=$1; }\nread_clock() { clock=0; }\n\
         fingerprints() { echo 0123456789ABCDEF0123456789ABCDEF01234567; }\nrpm_has_key() { false; }\n\
         exec 3>&1\n\
         (install_packages '' '' - rabbitmq-server=3.10.8-1.el9) 3>&1 >/dev/null\n\
         versions_of() { printf '1\\n2\\n'; }\n\
         (install_packages '' '' - rabbitmq-server=3.10.8-1.el9) 3>&1 >/dev/null",
    );
    let runs: Vec<&str> = printed.lines().filter(|line| line.starts_with("dnf ")).collect();
    assert_eq!(
        runs.len(),
        7,
        "makecache, download and install; the second time duplicates as well\n{printed}"
    );
    for run in runs {
        assert!(
            run.contains("--setopt=vendor.gpgkey=file:///") && run.contains("/keys/none "),
            "a key that nobody trusts: {run}"
        );
    }
    assert!(!host.directory.join("keys").exists(), "the keys' directory is removed");
}

/// A transaction that was killed leaves its note; one that failed before it began leaves the earlier one's.
#[test]
fn what_a_killed_transaction_was_installing_stays_known() {
    let host = Host::new("dnf-unfinished");
    let note = host.directory.join("unfinished");
    let install = |version: &str, exits: &str| {
        host.run(&format!(
            "network_keys() {{ :; }}\nlists_are_fresh() {{ :; }}\nrpm() {{ echo 1000; }}\n\
             run_dnf() {{ said='Error: nothing to see'; case $* in *downloadonly*) ended={} ;; *) ended={} ;; esac; return $ended; }}\n\
             install_packages '' '' - rabbitmq-server={version}",
            exits.split(' ').next().unwrap_or_default(),
            exits.split(' ').nth(1).unwrap_or_default(),
        ))
    };
    let noted = || std::fs::read_to_string(&note).unwrap_or_default();
    assert!(install("2", "137 0").contains("while it fetched packages"));
    assert_eq!(noted(), "", "nothing was begun");
    assert!(install("2", "0 137").contains("in the middle of its work"));
    assert_eq!(noted(), "rabbitmq-server 2\n");
    install("3", "1 0");
    assert_eq!(noted(), "rabbitmq-server 2\n", "a download that failed");
    install("3", "0 1");
    assert_eq!(noted(), "rabbitmq-server 2\n", "a transaction that did not begin");
    let known = |time: u64| {
        host.run(&format!("rpm() {{ echo {time}; }}\nversions_of() {{ echo 9; }}\nbroker_package"))
    };
    assert_eq!(known(1000), "2\n", "rpm's package is older than the note");
    assert_eq!(known(u64::from(u32::MAX)), "9\n", "somebody has installed another since");
    install("2", "0 0");
    assert!(!note.exists());
}
