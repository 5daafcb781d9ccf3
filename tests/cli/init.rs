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
