//! The step functions that install packages, in real shells.

use super::script_tests::script;
use crate::model::shells::run_in;
use crate::operation::{InstallPackages, InstalledOver, Operation, PackageChoice};

#[test]
fn an_interrupted_dpkg_run_is_completed_before_apt_starts() {
    let directory = std::env::temp_dir().join(format!("rabbitup-dpkg-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("the temporary directory is writable");
    let packages = vec![PackageChoice { name: "rabbitmq-server".to_owned(), version: None, over: None }];
    let text = script(vec![Operation::InstallPackages(InstallPackages {
        packages,
        held_back_units: Vec::new(),
        keys: Vec::new(),
        removes: Vec::new(),
    })]);
    let tools = "\nbounded() { shift; echo \"$1\" \"${4:-}\"; }\nfetching() { echo apt-get; }\nrefresh_lists() { :; }\nmain() {";
    let told = String::from_utf8(text)
        .expect("UTF-8")
        .replace("/var/lib/dpkg/updates", &directory.display().to_string())
        .replace("/usr/sbin/policy-rc.d", &directory.join("policy-rc.d").display().to_string())
        .replace("\nmain() {", tools);
    let ran = |told: &str| {
        let printed = String::from_utf8(run_in(&["sh"], told.as_bytes()).stdout).expect("UTF-8");
        let lines = printed.lines().filter(|line| line.starts_with("dpkg -") || line.starts_with("apt-get"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = ran(&told);
    std::fs::write(directory.join("0003"), "Package: erlang-base\n").expect("it is ours");
    let interrupted = ran(&told);
    std::fs::remove_dir_all(&directory).expect("it is ours");
    assert_eq!(whole.len(), 1, "{whole:?}");
    assert!(interrupted.len() == 2 && interrupted[0] == "dpkg --configure", "{interrupted:?}");
}

/// What the plan found beneath the broker's package must be there still when the step comes.
#[test]
fn a_package_that_differs_from_the_plan_is_not_changed() {
    let data = |package: &str| Some(InstalledOver::Data { package: Some(package.to_owned()) });
    // What the plan saw, what it installs, whether there are data and what dpkg has; and what the step says.
    let cases = [
        (Some(InstalledOver::NoData), "3.9.27-1", false, "", "INSTALLED"),
        (
            Some(InstalledOver::NoData),
            "3.9.27-1",
            true,
            "",
            "data that it did not have when the plan was made",
        ),
        (Some(InstalledOver::NoData), "3.9.27-1", false, "4.0.5-1", "REMOVED"),
        (data("3.10.8-1"), "3.10.9-1", true, "3.10.8-1", "INSTALLED"),
        (
            data("3.10.8-1"),
            "3.10.9-1",
            true,
            "4.0.5-1",
            "made for rabbitmq-server 3.10.8-1, but 4.0.5-1 is installed now",
        ),
        (data("3.10.8-1"), "3.9.27-1", true, "3.10.8-1", "cannot be downgraded to 3.9.27-1 over its data"),
        (Some(InstalledOver::Data { package: None }), "3.10.8-1", true, "", "INSTALLED"),
        (
            Some(InstalledOver::Data { package: None }),
            "3.10.8-1",
            true,
            "4.0.5-1",
            "rabbitmq-server (not installed), but 4.0.5-1 is installed now",
        ),
    ];
    for (over, version, has_data, there, wanted) in cases {
        let package = PackageChoice {
            name: "rabbitmq-server".to_owned(),
            version: Some(version.to_owned()),
            over: over.clone(),
        };
        let text = script(vec![Operation::InstallPackages(InstallPackages {
            packages: vec![package],
            held_back_units: Vec::new(),
            keys: Vec::new(),
            removes: Vec::new(),
        })]);
        let tools = format!(
            "\nrefresh_lists() {{ :; }}\nallow_start() {{ :; }}\nforbid_start() {{ :; }}\nend_interrupted_dpkg() {{ :; }}\n\
             holds_data() {{ {has_data}; }}\nbroker_package() {{ printf '%s\\n' '{there}'; }}\n\
             bounded() {{ case \"$*\" in *--allow-downgrades*) echo GOES_BACK ;; *' remove '*) echo REMOVED ;; *) echo INSTALLED ;; esac; }}\n\
             fetching() {{ bounded \"$@\"; }}\n\
             main() {{"
        );
        let told = String::from_utf8(text).expect("UTF-8").replace("\nmain() {", &tools);
        let printed = String::from_utf8(run_in(&["sh"], told.as_bytes()).stdout).expect("UTF-8");
        assert!(printed.contains(wanted) && !printed.contains("GOES_BACK"), "{over:?} {version}: {printed}");
        let refused = !["INSTALLED", "REMOVED"].contains(&wanted);
        assert_eq!(printed.contains("INSTALLED"), !refused, "{over:?} {version}: {printed}");
    }
}
