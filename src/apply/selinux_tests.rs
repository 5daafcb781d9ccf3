//! What SELinux's tools are told. They are made up: no test host has SELinux.

use std::os::unix::fs::PermissionsExt;

use super::place_tests::{Directory, OLD, script, writes};
use crate::facts::SelinuxPort;
use crate::model::shells::run_in;
use crate::operation::{LabelPort, Operation, SetSelinuxBoolean};

/// Runs a script with these tools, which write down their calls; the output, and the calls.
pub(super) fn run(place: &Directory, text: &str, tools: &[(&str, &str)]) -> (String, String) {
    let dir = place.dir.display();
    std::fs::create_dir_all(place.path("tools")).expect("it is ours");
    for (name, end) in tools {
        let path = place.path(&format!("tools/{name}"));
        std::fs::write(&path, format!("#!/bin/sh\necho {name} \"$@\" >>{dir}/log\n{end}\n"))
            .expect("it is ours");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    }
    let text = text.replace("PATH=/usr/local/sbin:", &format!("PATH={dir}/tools:/usr/local/sbin:"));
    let printed = String::from_utf8_lossy(&run_in(&["sh"], text.as_bytes()).stdout).into_owned();
    let log = std::fs::read_to_string(place.path("log")).unwrap_or_default();
    let _ = std::fs::remove_file(place.path("log"));
    (printed, log.replace(&format!("{dir}/"), "/"))
}

#[test]
fn a_boolean_is_set_for_good() {
    let Some(place) = Directory::of("selinux-boolean") else { return };
    let set =
        script(Operation::SetSelinuxBoolean(SetSelinuxBoolean { name: "haproxy_connect_any".to_owned() }));
    let (printed, calls) = run(&place, &set, &[("setsebool", "")]);
    assert!(printed.contains(" end node1/file 0"), "{printed}");
    assert_eq!(calls, "setsebool -P haproxy_connect_any 1\n");
    let (printed, _) = run(&place, &set, &[("setsebool", "exit 1")]);
    assert!(printed.contains("SELinux's boolean haproxy_connect_any could not be set"), "{printed}");
}

#[test]
fn a_port_gets_a_type_whether_it_has_one_or_not() {
    let Some(place) = Directory::of("selinux-port") else { return };
    let label = SelinuxPort { port: 15671, r#type: "rabbitmq_port_t".to_owned() };
    let give = script(Operation::LabelPort(LabelPort { label }));
    let (printed, _) = run(&place, &give, &[]);
    assert!(printed.contains("dnf install policycoreutils-python-utils"), "{printed}");
    let (printed, calls) = run(&place, &give, &[("semanage", "[ \"$2\" = -m ]")]);
    assert!(printed.contains(" end node1/file 0"), "{printed}");
    let add = "semanage port -a -t rabbitmq_port_t -p tcp 15671\n";
    assert_eq!(calls, format!("{add}{}", add.replace("-a", "-m")));
}

#[test]
fn a_file_gets_its_label_where_nobody_else_may_write() {
    let Some(place) = Directory::of("selinux-label") else { return };
    let path = place.path("hosts");
    std::fs::write(&path, OLD).expect("it is ours");
    let (printed, calls) = run(&place, &writes(&path), &[("restorecon", "")]);
    assert!(printed.contains(" end node1/file 0"), "{printed}");
    assert_eq!(calls, "restorecon /hosts\n");
    std::fs::set_permissions(&place.dir, std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    std::fs::write(&path, OLD).expect("it is ours");
    let (_, calls) = run(&place, &writes(&path), &[("restorecon", "")]);
    assert_eq!(calls, "");
}
