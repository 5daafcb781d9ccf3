//! A healthy cluster has no findings, and doctor does not affect it.

use crate::hosts;
use crate::inventory::Inventory;
use crate::scenarios::steady::{count_vms, counted_vms};
use crate::stage::{ALL, Stage, say};

/// The checks are listed with counts; nothing is written, restarted or started; two scripts per broker.
pub fn healthy(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    let files = hosts::all_files(lab, &ALL);
    let services = hosts::all_services(lab, &ALL);
    let text = stage.rabbitup(&inventory).args(["doctor"]).run().expect(0);
    let json = stage.rabbitup(&inventory).args(["doctor", "--json"]).run().expect(0);
    hosts::assert_untouched(lab, &ALL, &files);
    assert_eq!(hosts::all_services(lab, &ALL), services, "services");
    assert_walked(&json.json());

    count_vms(lab);
    let counted = stage.rabbitup(&inventory).args(["doctor", "-v"]).run().expect(0);
    assert_eq!(counted_vms(lab), ["0", "0", "0"], "Erlang VMs that doctor started");
    counted.says("ssh: 0 connections opened, 7 scripts run");
    say(&format!("                    doctor: {:.2?}, again {:.2?}", text.took, json.took));
}

/// Every check of the walk ran at least once, and pairwise checks covered every pair.
fn assert_walked(document: &serde_json::Value) {
    assert_eq!(document["format_version"], 1, "{document}");
    assert_eq!(document["healthy"], true, "{document}");
    assert_eq!(document["findings"].as_array().map(Vec::len), Some(0), "{document}");
    let checked = document["checked"].as_array().expect("what was checked is a list");
    assert!(checked.len() >= 8, "{document}");
    for check in checked {
        assert!(check["looks"].as_u64() >= Some(1), "{check} was checked\n{document}");
        assert_eq!(check["wrong"], 0, "{document}");
    }
    let looks = |name: &str| {
        checked.iter().find(|check| check["check"] == name).and_then(|check| check["looks"].as_u64())
    };
    // At least six pairs; a check of a host itself may count too.
    assert!(looks("resolution") >= Some(6), "{document}");
}
