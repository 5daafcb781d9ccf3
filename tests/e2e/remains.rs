//! What runs leave behind, on the operator's machine and on the hosts.

use crate::lab::Lab;
use crate::search::files_of;
use crate::stage::Stage;

/// Everything printed so far, and every file that the program created for its user; not the files that the user provided.
pub fn on_controller(stage: &Stage) -> Vec<(String, Vec<u8>)> {
    let home = stage.home.borrow();
    let mut found = vec![("printed".to_owned(), home.transcript().into_bytes())];
    let mut folders = vec![home.path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind)
                    if kind.is_file()
                        && !["admin-password", "definitions.json", "inventory.toml"].contains(&&*name) =>
                {
                    found.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
                }
                _ => {}
            }
        }
    }
    found
}

/// Readable data on a host: logs, histories, temporary files, dumps, settings, and its journal.
pub fn on_host(lab: &Lab, host: &str) -> Vec<(String, Vec<u8>)> {
    let archive = lab.run_on(
        host,
        "cd /; for d in tmp var/tmp run dev/shm root home etc var/log var/crash var/spool var/lib/rabbitmq \
         var/lib/systemd/coredump; do [ ! -e $d ] || set -- \"$@\" $d; done; \
         tar --format=gnu --exclude='*.journal' --exclude=var/lib/rabbitmq/mnesia -cf - \"$@\" 2>/dev/null; :",
    );
    let journal =
        lab.run_on(host, "journalctl -q --no-pager -o export; cat /proc/[0-9]*/cmdline 2>/dev/null; :");
    let mut files: Vec<(String, Vec<u8>)> =
        files_of(&archive.stdout).into_iter().map(|(path, bytes)| (path, bytes.to_vec())).collect();
    assert!(files.len() > 100 && journal.stdout.len() > 1000, "{host} has files and a journal");
    files.push(("journal".to_owned(), journal.stdout));
    files
}
