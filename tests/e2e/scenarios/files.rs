//! Files that something protects from changes.

use crate::hosts;
use crate::inventory::Inventory;
use crate::stage::{ALL, Stage};

/// A link is detected before anything is changed, a mount during the step; after the fix, the next run does the rest.
pub fn in_the_way(stage: &Stage) {
    let inventory = Inventory::whole();
    let lab = &stage.lab;
    lab.stdout_of(
        "node2",
        "sed -i '/^# BEGIN rabbitup/,/^# END rabbitup/d' /etc/hosts && mv /etc/hosts /srv/hosts && ln -s /srv/hosts /etc/hosts",
    );
    let files = hosts::all_files(lab, &ALL);
    let run = stage.up(&inventory).expect(1);
    run.says("node2: /etc/hosts is a symbolic link")
        .says("it points to /srv/hosts")
        .says("Nothing was changed.");
    hosts::assert_untouched(lab, &ALL, &files);

    lab.stdout_of(
        "node2",
        "rm /etc/hosts && mv /srv/hosts /etc/hosts && mount --bind /etc/hosts /etc/hosts && mount -o remount,bind,ro /etc/hosts",
    );
    let files = hosts::all_files(lab, &["node2"]);
    let run = stage.up(&inventory).expect(1);
    run.says("/etc/hosts could not be written: it is a mount point").says("findmnt -M /etc/hosts");
    let after = hosts::all_files(lab, &["node2"]);
    // A directory's time changes when a file is created and removed in it.
    let left: Vec<String> = hosts::changed(&files[0], &after[0])
        .into_iter()
        .filter(|line| !line.starts_with("~ /etc "))
        .collect();
    assert!(left.is_empty(), "something was left behind: {left:?}");

    lab.stdout_of("node2", "umount /etc/hosts");
    stage.up(&inventory).expect(0);
    stage.assert_nothing_to_do(&inventory);
    hosts::assert_tidy(lab, &ALL);
}
