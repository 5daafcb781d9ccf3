use std::collections::BTreeSet;
use std::path::Path;

use rabbitup::document::Graphics;
use rabbitup::playbook::{PhaseSettings, Playbook};

fn said(text: &str) -> String {
    Playbook::from_text(Path::new("mine.toml"), text).expect_err("refused").render(80, Graphics::Unicode)
}

#[test]
fn bring_up_has_its_phases_in_order() {
    let playbook = Playbook::load("bring-up", Path::new("inventories")).expect("the embedded playbook");
    let names: Vec<&str> = playbook.phases.iter().map(|phase| phase.phase().as_str()).collect();
    assert_eq!(
        names.join(" "),
        "preflight host-names hosts-file packages firewall selinux time broker-config cookie start service upgrade restart \
         join prune node-types cluster-name definitions load-balancer virtual-address verify"
    );
    assert!(
        matches!(&playbook.phases[0], PhaseSettings::Preflight(check) if check.min_free_disk.0 == 1 << 30)
    );
}

#[test]
fn every_embedded_playbook_loads_and_every_phase_is_used() {
    let text = Playbook::schema().to_string();
    let mut used = BTreeSet::new();
    for name in Playbook::embedded_names() {
        let playbook = Playbook::load(name, Path::new("")).expect("an embedded playbook");
        assert_eq!(playbook.name, name);
        used.extend(playbook.phases.iter().chain(&playbook.on_failure).map(PhaseSettings::phase));
    }
    let branches = Playbook::schema()["$defs"]["PhaseSettings"]["oneOf"].as_array().expect("phases").len();
    assert_eq!(branches, used.len(), "{used:?}");
    assert!(used.iter().all(|phase| text.contains(&format!("\"{phase}\""))));
}

#[test]
fn a_file_beside_the_inventory_replaces_the_built_in_one() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("beside");
    std::fs::create_dir_all(directory.join("playbooks")).expect("a directory");
    let text = "name = \"bring-up\"\nsummary = \"mine\"\n[[phase]]\nuse = \"cookie\"\n";
    std::fs::write(directory.join("playbooks/bring-up.toml"), text).expect("a file");
    let playbook = Playbook::load("bring-up", &directory).expect("my playbook");
    assert_eq!((playbook.summary.as_str(), playbook.phases.len()), ("mine", 1));
}

#[test]
fn errors_of_playbooks_are_reported() {
    insta::assert_snapshot!(
        "playbook_with_errors",
        said(
            "name = \"mine\"\nsumary = \"x\"\n[[phase]]\nuse = \"cokie\"\n[[phase]]\nuse = \"start\"\npatience = 5\n\
             [[phase]]\nuse = \"preflight\"\nmin_free_disk = \"lots\"\nmin_ram = 1\n[[phase]]\npatience = \"5m\"\n\
             [[phase]]\nuse = \"time\"\nservers = []\n"
        )
    );
    insta::assert_snapshot!(
        "playbook_without_phases",
        said("name = \"mine\"\nsummary = \"x\"\nphase = []\n")
    );
    insta::assert_snapshot!(
        "playbook_with_a_phase_twice",
        said("name = \"mine\"\nsummary = \"x\"\n[[phase]]\nuse = \"time\"\n[[phase]]\nuse = \"time\"\n")
    );
    let unknown =
        Playbook::load("bring-upp", Path::new("")).expect_err("unknown").render(80, Graphics::Unicode);
    insta::assert_snapshot!("playbook_unknown", unknown);
}
