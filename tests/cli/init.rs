//! `init` writes the inventory that the other commands read.

use crate::home::Home;

#[test]
fn it_writes_to_the_given_inventory_and_prints_a_command_that_finds_it() {
    let home = Home::new();
    let said = |output: &std::process::Output| {
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let host = "node1=192.168.0.41";
    let usual = said(&home.run(&["init", host]));
    assert!(usual.ends_with("then: rabbitup plan\n") && home.path("inventory.toml").exists(), "{usual}");

    let named = said(&home.run(&["-i", "my lab.toml", "init", host]));
    assert!(
        named.ends_with("then: rabbitup -i 'my lab.toml' plan\n") && home.path("my lab.toml").exists(),
        "{named}"
    );

    let mut by_variable = home.rabbitup(&["init", host]);
    let by_variable =
        said(&by_variable.env("RABBITUP_INVENTORY", "of-env.toml").output().expect("it starts"));
    assert!(by_variable.ends_with("then: rabbitup -i of-env.toml plan\n"), "{by_variable}");
    assert!(home.path("of-env.toml").exists());

    let elsewhere = said(&home.run(&["-i", "a.toml", "init", "-o", "b.toml", host]));
    assert!(
        elsewhere.ends_with("then: rabbitup -i b.toml plan\n") && !home.path("a.toml").exists(),
        "{elsewhere}"
    );
    said(&home.run(&["-i", "b.toml", "check"]));
}

/// The README's first screen: nothing is to be edited before one can log in.
#[test]
fn an_administrator_needs_no_editing() {
    let home = Home::new();
    let made = home.run(&["init", "--admin", "boss", "node1=192.168.0.41"]);
    let told = String::from_utf8_lossy(&made.stdout).into_owned();
    assert!(told.contains("set RABBITUP_ADMIN_PASSWORD, then: rabbitup plan"), "{told}");
    let mut check = home.rabbitup(&["check"]);
    let check = check.env("RABBITUP_ADMIN_PASSWORD", "of-nobody-at-all").output().expect("it starts");
    assert_eq!(check.status.code(), Some(0), "{}", String::from_utf8_lossy(&check.stderr));
    let wrong = home.run(&["init", "--force", "--admin", "two words", "node1=192.168.0.41"]);
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert!(wrong.status.code() == Some(64) && told.contains("printable ASCII"), "{told}");
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let home = Home::new();
    home.write("lab.toml", "# mine\n");
    let run = |words: &[&str]| {
        let output = home.rabbitup(words).env("RABBITUP_INVENTORY", "lab.toml").output().expect("it starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = run(&["init", "node1=192.168.0.41"]);
    assert_eq!(code, Some(64), "{told}");
    assert!(told.contains("lab.toml exists already") && told.contains("--force"), "{told}");
    let kept = std::fs::read_to_string(home.path("lab.toml")).expect("it is there");
    assert_eq!(kept, "# mine\n");
    assert_eq!(run(&["init", "--force", "node1=192.168.0.41"]).0, Some(0));
    assert!(!home.path("inventory.toml").exists(), "no other file than the one that was named");
}

/// Writes the text, runs `init` with it, and returns what went to the screen.
fn from_ansible(home: &Home, name: &str, text: &str) -> (Option<i32>, String) {
    home.write(name, text);
    let output = home.run(&["init", "--force", "--from-ansible", name]);
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), told)
}

#[test]
fn the_hosts_of_an_ansible_inventory_need_no_typing() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("group_vars/rabbitmq")).expect("a directory");
    home.write("group_vars/all.yml", "ansible_user: ops\nansible_become_pass: hunter2\n");
    home.write("group_vars/rabbitmq/port.yml", "ansible_port: 2222\n");
    home.write("group_vars/haproxy.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n");
    let hosts =
        "[rabbitmq]\nnode[1:3]\n[haproxy]\nlb1 ansible_host=192.168.0.44\n[all:vars]\nansible_user=other\n";
    let addresses = "[rabbitmq]\nnode1 ansible_host=192.168.0.41\nnode2 ansible_host=192.168.0.42\nnode3 ansible_host=192.168.0.43\n";
    let (code, told) = from_ansible(&home, "hosts", &format!("{hosts}{addresses}"));
    assert_eq!((code, told.as_str()), (Some(0), "Wrote inventory.toml. Read it, then: rabbitup plan\n"));
    let text = std::fs::read_to_string(home.path("inventory.toml")).expect("it was written");
    for part in [
        "\nuser = \"ops\"\n",
        "# Not read: group_vars/haproxy.yml is encrypted",
        "ssh = { port = 2222 }",
        "`ansible_become_pass`",
        "RABBITUP_BECOME_PASSWORD",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    let checked = home.run(&["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stderr));

    // What `ansible-inventory --list` prints of the same.
    let listed = r#"{"_meta": {"hostvars": {"node1": {"ansible_host": "192.168.0.41", "ansible_password": "hunter2"}}},
        "all": {"children": ["ungrouped", "rabbitmq"]}, "rabbitmq": {"hosts": ["node1"]}}"#;
    let (code, told) = from_ansible(&home, "hosts.json", listed);
    assert_eq!(code, Some(0), "{told}");
    let text = std::fs::read_to_string(home.path("inventory.toml")).expect("it was written");
    assert!(text.contains("address = \"192.168.0.41\"") && !text.contains("hunter2"), "{text}");

    let both = home.run(&["init", "--from-ansible", "hosts", "node1=192.168.0.41"]);
    assert_eq!(both.status.code(), Some(64), "either hosts or a file that has them");
}

#[test]
fn an_ansible_inventory_that_cannot_be_read_says_where_and_what_to_do() {
    let home = Home::new();
    let refused = |name: &str, text: &str, parts: &[&str]| {
        let (code, told) = from_ansible(&home, name, text);
        assert_eq!(code, Some(64), "{told}");
        let told =
            told.split_whitespace().filter(|word| !["│", "|"].contains(word)).collect::<Vec<_>>().join(" ");
        parts.iter().for_each(|part| assert!(told.contains(part), "{part}: {told}"));
        assert!(!told.contains("hunter2"), "{told}");
        assert!(!home.path("inventory.toml").exists(), "nothing was written");
    };
    let way_out = "ansible-inventory -i";
    refused(
        "a.yml",
        "plugin: amazon.aws.aws_ec2\nregions: [x]\n",
        &["configuration of a plugin", way_out, "a.yml:1:1"],
    );
    refused("b", "$ANSIBLE_VAULT;1.1;AES256\n6162\n", &["opens no vault"]);
    refused(
        "c",
        "[rabbitmq]\nnode1 ansible_password=hunter2\n",
        &["`node1` has no address", "c:2:1", "ansible_host=ADDRESS"],
    );
    refused("d", "[rabbitmq]\nn[1-3] ansible_password=hunter2\n", &["[1-3]", "node[1:3]", "d:2:1"]);
    refused("e", "[rabbitmq]\nnode_1 ansible_host=10.0.0.1\n", &["node_1", "'_' is not allowed", "e:2:1"]);
    refused("f", "[a:children]\nb\n[b:children]\na\n[a]\nn ansible_host=10.0.0.1\n", &["is in itself"]);
    refused(
        "g",
        "[rabbitmq]\na ansible_host=10.0.0.1\nb ansible_host=10.0.0.1\n",
        &["two hosts have the address", "g:3:1"],
    );
    refused(
        "h",
        "[rabbitmq]\na ansible_host=10.0.0.1 ansible_port=x\n",
        &["`ansible_port` is no port", "h:2:"],
    );
    refused("i.yml", "all:\n  hosts:\n    - node1\n", &["`hosts` is a list", "i.yml:3:"]);
    refused("j.yml", "all:\n  vars: {ansible_password: hunter2}\n  hosts: [\n", &["not YAML"]);
    refused("k", "# nothing\n", &["no host is in it"]);
    refused(
        "n.json",
        "{\"_meta\": {}, \"rabbitmq\": {\"hosts\": {\"node1\": {}}}}",
        &["`hosts` must be a list", "n.json:1:"],
    );
    refused("o", "[rabbitmq]\nnode1 ansible_host=10.0.0.1 x\n", &["no KEY=VALUE", "o:2:"]);
    refused("l.toml", "[all]\n", &[way_out]);
    std::fs::create_dir(home.path("several")).expect("a directory");
    let directory = home.run(&["init", "--from-ansible", "several", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&directory.stdout).expect("a document");
    assert_eq!(
        (&told["code"], &told["exit_code"]),
        (&"usage.ansible-inventory".into(), &64.into()),
        "{told}"
    );
    assert!(told["problems"][0]["hint"].as_str().is_some_and(|hint| hint.contains(way_out)), "{told}");
    home.write("script", "#!/bin/sh\necho ran > ran\n");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(home.path("script"), mode).expect("a mode");
    std::fs::write(home.path("utf16"), b"\xff\xfe[\0a\0]\0").expect("a file");
    let utf16 = home.run(&["init", "--from-ansible", "utf16"]);
    assert_eq!(utf16.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&utf16.stderr).contains("save it in UTF-8"), "{utf16:?}");
    let script = home.run(&["init", "--from-ansible", "script"]);
    assert_eq!(script.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&script.stderr).contains("a program"), "{script:?}");
    assert!(!home.path("ran").exists(), "it was not run");
}
