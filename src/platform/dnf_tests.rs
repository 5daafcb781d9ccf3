//! dnf's step functions in real shells, with a dnf and an rpm that are made up.

use crate::model::shells::{run_in, shells};

const PRELUDE: &str = include_str!("../apply/prelude.sh");
const STEPS: [&str; 4] = [
    include_str!("packages.sh"),
    include_str!("dnf.sh"),
    include_str!("dnf_failures.sh"),
    include_str!("dnf_keys.sh"),
];

/// A directory of tools: `dnf` prints what `$says` says and exits with `$exits`, once per word; every call is noted. rpm has
/// the packages of the file `db`, as `NAME TIME VERSION`.
const TOOLS: &str = r#"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
PATH=$dir:$PATH
cat >"$dir/dnf" <<'T'
#!/bin/sh
dir=${0%/*}
echo "$*" >>"$dir/calls"
rc=$(head -n 1 "$dir/exits" 2>/dev/null) || rc=0
[ ! -s "$dir/exits" ] || sed -i 1d "$dir/exits"
cat "$dir/says" 2>/dev/null
[ ! -e "$dir/then" ] || . "$dir/then"
exit "${rc:-0}"
T
cat >"$dir/rpm" <<'T'
#!/bin/sh
dir=${0%/*}
case $1 in
  --eval) echo "$2" | sed 's/.*vercmp(//; s/[",)}]//g' | { read -r a b; [ "$a" = "$b" ] && echo 0 && exit; [ "$(printf '%s\n' "$a" "$b" | sort -V | tail -n 1)" = "$a" ] && echo 1 || echo -1; } ;;
  -q) if [ "$3" = '%{INSTALLTIME}\n' ]; then sed -n "s/^$4 \([0-9]*\) .*/\1/p" "$dir/db"; elif [ "$3" = '%{DESCRIPTION}\n' ]; then cat "$dir/$4"; elif [ "$2" = --qf ]; then sed -n "s/^$4 //p" "$dir/db"; else grep -q "^${2%%-[0-9]*} .* ${2##*[a-z]-}$" "$dir/db" || grep -q "^$2 " "$dir/db"; fi ;;
  -qa) ls "$dir" | grep '^gpg-pubkey' ;;
esac
T
chmod +x "$dir/dnf" "$dir/rpm"
systemctl() { echo "systemctl $*" >>"$dir/calls"; }
bounded() { shift; "$@"; }
sleep() { :; }
"#;

fn run(shell: &[&str], script: &str) -> String {
    let steps: String = STEPS.concat();
    // Nothing outside of the test's own directory is touched.
    let steps = [
        "/var/lib/dnf",
        "/run/systemd/system",
        "/run/rabbitup-keys",
        "/run/rabbitup.dnf",
        "/etc/yum.repos.d",
        "/etc/dnf",
        "/var/cache/dnf",
    ]
    .into_iter()
    .fold(steps, |text, path| text.replace(path, &format!("$dir{path}")));
    let text = format!(
        "nonce=N lock_patience=1200\n{PRELUDE}\n{TOOLS}\n{steps}\nmkdir -p \"$dir/var/lib/dnf\" \"$dir/etc/yum.repos.d\" \"$dir/etc/dnf/plugins\" \"$dir/run\"\n: >\"$dir/db\"\n\
         refreshed=yes\nholds_data() {{ return 1; }}\n{script}\n"
    );
    let output = run_in(shell, text.as_bytes());
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_transaction_is_marked_until_it_is_through() {
    for shell in shells() {
        let said = run(
            shell,
            "cat >\"$dir/then\" <<'T'\ncase $* in *downloadonly*) ;; *) cat \"$dir/var/lib/dnf/rabbitup-unfinished\" | sed 's/^/begun: /'; echo 'rabbitmq-server 2 3.10.8-1.el9' >\"$dir/db\" ;; esac\nT\n\
             (set -eu; install_packages rabbitmq-server '' '' no-data rabbitmq-server=3.10.8-1.el9) && echo installed\n\
             ls \"$dir/var/lib/dnf\"; find \"$dir/run\" -type f; cat \"$dir/calls\"",
        );
        assert!(said.contains("begun: rabbitmq-server 3.10.8-1.el9"), "{shell:?}: {said}");
        assert!(
            said.contains("\ninstalled\n") && !said.contains("\nrabbitup-unfinished"),
            "{shell:?}: {said}"
        );
        assert!(said.contains("install rabbitmq-server-3.10.8-1.el9"), "{shell:?}: {said}");
        assert!(!said.contains("rabbitup-install.conf"), "{shell:?}: the guard is gone: {said}");
    }
}

#[test]
fn what_was_killed_stays_marked_and_is_completed() {
    for shell in shells() {
        let said = run(
            shell,
            "printf '0\\n137\\n' >\"$dir/exits\"\n\
             (set -eu; install_packages '' '' '' no-data rabbitmq-server=3.10.9-1.el9) || echo failed\n\
             cat \"$dir/var/lib/dnf/rabbitup-unfinished\"\n\
             echo 'rabbitmq-server 1 3.10.8-1.el9' >\"$dir/db\"; printf 'there: '; broker_package\n\
             printf 'rabbitmq-server 1 3.10.8-1.el9\\nrabbitmq-server 2 3.10.9-1.el9\\n' >\"$dir/db\"; rm \"$dir/var/lib/dnf/rabbitup-unfinished\"\n\
             printf 'there: '; broker_package; : >\"$dir/calls\"; end_interrupted_rpm rabbitmq-server; cat \"$dir/calls\"",
        );
        assert!(said.contains("was terminated during the transaction"), "{shell:?}: {said}");
        assert!(said.contains("\nrabbitmq-server 3.10.9-1.el9\n"), "{shell:?}: {said}");
        assert_eq!(said.matches("there: 3.10.9-1.el9").count(), 2, "{shell:?}: {said}");
        assert!(said.contains("remove --duplicates"), "{shell:?}: {said}");
    }
}

#[test]
fn another_dnf_is_waited_for_and_then_named() {
    let dnf_of_another = "mkdir -p \"$dir/var/cache/dnf\"; command sleep 20 & another=$!; echo $another >\"$dir/var/cache/dnf/metadata_lock.pid\";";
    for shell in shells() {
        let waits = format!(
            "{dnf_of_another} sleep() {{ kill $another; wait $another || :; }}; printf '200\\n0\\n' >\"$dir/exits\"; \
             (set -eu; run_dnf 60 makecache) && echo went; wc -l <\"$dir/calls\""
        );
        let said = run(shell, &waits);
        assert!(said.contains("holds the package lists; waiting"), "{shell:?}: {said}");
        assert!(said.contains("went\n2"), "{shell:?}: {said}");
        let never = format!(
            "{dnf_of_another} clock=0; read_clock() {{ clock=$((clock + 5000)); }}; yes 200 | head -n 99 >\"$dir/exits\"; \
             (set -eu; refreshed=; refresh_lists); kill $another"
        );
        let said = run(shell, &never);
        assert!(said.contains("holds the package lists: waited 20 min for it"), "{shell:?}: {said}");
    }
}

#[test]
fn no_older_version_over_data() {
    for shell in shells() {
        let said = run(
            shell,
            "echo 'rabbitmq-server 1 3.10.10-1.el9' >\"$dir/db\"\n\
             (set -eu; install_packages '' '' '' data=3.10.10-1.el9 rabbitmq-server=3.10.9-1.el9); cat \"$dir/calls\" 2>/dev/null || echo untouched",
        );
        assert!(said.contains("cannot be downgraded") && said.contains("untouched"), "{shell:?}: {said}");
    }
}

#[test]
fn why_nothing_was_installed() {
    let reasons = [
        (
            "No match for argument: rabbitmq-server\nError: Unable to find a match: rabbitmq-server\nIgnoring repositories: x",
            "these repositories could not be read: x",
        ),
        (
            "Error: Unable to find a match: rabbitmq-server",
            "no repository of this host offers rabbitmq-server",
        ),
        (
            " - nothing provides erlang >= 26 needed by rabbitmq-server-4.1.0-1.el8.noarch",
            "offers erlang >= 26",
        ),
        (
            "All matches were filtered out by exclude filtering for argument: rabbitmq-server",
            "own settings keep dnf from installing rabbitmq-server",
        ),
        ("Error: GPG check FAILED", "could not be verified"),
        (
            "Problem repository: [vendor]\nprotected_packages: dnf\nYou do not have any GPG public keys",
            "of the repository vendor (gpgcheck=1) cannot be verified: it has no gpgkey",
        ),
        (
            "Error: Failed to download metadata for repo 'vendor': repomd.xml GPG signature verification error: Bad GPG signature\n\
          Ignoring repositories: vendor\nError: Unable to find a match: rabbitmq-server",
            "the metadata of the repository vendor (repo_gpgcheck=1) cannot be verified: it has no gpgkey",
        ),
        (
            "[MIRROR] erlang-25.2.3-1.el9.x86_64.rpm: Curl error (28): Timeout was reached for http://192.0.2.1/rabbitmq/erlang-25.2.3-1.el9.x86_64.rpm \
          [Operation too slow. Less than 1000 bytes/sec transferred the last 30 seconds]\nError: Error downloading packages:",
            ": Operation too slow. Less than 1000 bytes/sec transferred the last 30 seconds, at http://192.0.2.1",
        ),
        ("Error: disk full", "could not install rabbitmq-server"),
    ];
    for shell in shells() {
        for (dnf_says, cause) in reasons {
            let script = format!(
                "cat >\"$dir/says\" <<'T'\n{dnf_says}\nT\nprintf '1\\n' >\"$dir/exits\"\n(set -eu; install_packages '' '' '' no-data rabbitmq-server)"
            );
            let said = run(shell, &script);
            assert!(said.contains(cause), "{shell:?}: {dnf_says}: {said}");
        }
    }
}

/// What dnf 4 prints of a repository whose server drops packets, where that is on; the others have all that is asked for.
const FOREIGN: &str = "cat >\"$dir/then\" <<'T'\ncase $* in *'--disablerepo=foreign'* | *'--disablerepo=*'*) ;; *) echo tried >>\"$dir/tried\"; cat <<'S'\n\
Errors during downloading metadata for repository 'foreign':\n\
  - Curl error (28): Timeout was reached for http://192.0.2.1/repodata/repomd.xml [Failed to connect to 192.0.2.1 port 80 after 10000 ms: Timeout was reached]\n\
Error: Failed to download metadata for repo 'foreign': Cannot download repomd.xml: Cannot download repodata/repomd.xml: All mirrors were tried\n\
Ignoring repositories: foreign\nS\nesac\nT\n";

#[test]
fn a_repository_that_does_not_answer_is_tried_once() {
    const INSTALL: &str = "are_installed() { :; }\nheld_packages() { echo rabbitmq-server; }\nare_held() { return 1; }\n\
        (set -eu; refreshed=; install_packages rabbitmq-server '' '' no-data rabbitmq-server=3.10.8-1.el9) || echo failed\n\
        echo \"tried: $(wc -l <\"$dir/tried\"), commands: $(wc -l <\"$dir/calls\")\"; cat \"$dir/calls\"";
    for shell in shells() {
        let said = run(shell, &format!("{FOREIGN}{INSTALL}"));
        // Metadata, download, transaction; versionlock's list, delete and add. The two others are systemctl's.
        assert!(said.contains("tried: 1, commands: 8"), "{shell:?}: {said}");
        assert!(
            said.contains(
                "could not be read: foreign (Failed to connect to 192.0.2.1 port 80 after 10000 ms: Timeout was reached, at http://192.0.2.1)"
            ),
            "{shell:?}: {said}"
        );
        assert!(!said.contains("failed"), "{shell:?}: {said}");
    }
}

/// A package that nobody offers may be in the repository that was left out by an earlier command of the step.
#[test]
fn repositories_that_were_left_out_are_named_where_a_package_is_missing() {
    for shell in shells() {
        let said = run(
            shell,
            &format!(
                "{FOREIGN}cat >>\"$dir/then\" <<'T'\ncase $* in *' install '*) echo 'Error: Unable to find a match: rabbitmq-server'; exit 1 ;; esac\nT\n\
                 (set -eu; refreshed=; install_packages rabbitmq-server '' '' no-data rabbitmq-server)"
            ),
        );
        assert!(
            said.contains(
                "offers rabbitmq-server; these repositories could not be read: foreign (Failed to connect"
            ),
            "{shell:?}: {said}"
        );
        assert!(said.contains("dnf makecache; then run"), "{shell:?}: {said}");
    }
}

/// Keys come over the network before metadata does: a server that does not answer costs its timeout once, whatever it has.
#[test]
fn a_server_that_does_not_answer_is_asked_for_one_key() {
    for shell in shells() {
        let said = run(
            shell,
            "printf '[a]\ngpgkey=http://192.0.2.1/1 http://192.0.2.1/2\n[b]\ngpgkey=http://192.0.2.1/3\n[c]\ngpgkey=http://192.0.2.2/4\n' \
               >\"$dir/etc/yum.repos.d/a.repo\"\n\
             timeout() { for address in \"$@\"; do :; done; echo \"asked $address\" >>\"$dir/calls\"; return 28; }\n\
             unread=' c'; accept_keys; cat \"$dir/calls\"",
        );
        assert_eq!(said.trim(), "asked http://192.0.2.1/1", "{shell:?}");
    }
}

/// Only a key that is known may come over the network, and dnf gets the very file that was checked.
#[test]
fn keys_from_the_network() {
    const REPOSITORY: &str = "printf '[vendor]\\nenabled=1\\ngpgkey=https://192.0.2.1/key\\n[off]\\nenabled=0\\ngpgkey=https://192.0.2.1/off\\n\
        [local]\\ngpgkey=file:///etc/pki/key\\n' >\"$dir/etc/yum.repos.d/a.repo\"\n\
        timeout() { shift; case $1 in curl) : >\"$dir/run/rabbitup-keys/fetched\" ;; *) \"$@\" ;; esac; }\n\
        fingerprints() { case $1 in */imported) cat \"$1\" ;; *) echo 0A9AF2115F4687BD29803A206B73A36E6026DFCA ;; esac; }\n";
    for shell in shells() {
        let accept = |accepted: &str, keys: &str| {
            run(
                shell,
                &format!(
                    "{REPOSITORY}{keys}\naccepted_keys='{accepted}'; accept_keys; echo \"options: $key_options\"; cat \"$dir/run/rabbitup-keys/untrusted\" 2>/dev/null"
                ),
            )
        };
        let refused = accept("", "");
        let gets_none = |said: &str| {
            said.contains("options: --setopt=vendor.gpgkey=file://") && said.contains("/rabbitup-keys/none\n")
        };
        assert!(gets_none(&refused), "{shell:?}: {refused}");
        assert!(
            refused.contains("vendor 0A9AF2115F4687BD29803A206B73A36E6026DFCA https://192.0.2.1/key"),
            "{shell:?}: {refused}"
        );
        assert!(!refused.contains("off") && !refused.contains("local"), "{shell:?}: {refused}");
        let imported = |key: &str| format!("echo {key} >\"$dir/gpg-pubkey-6026dfca-4b0d1d6a\"");
        let forged = accept("", &imported("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF6026DFCA"));
        assert!(gets_none(&forged), "{shell:?}: {forged}");
        let key = "0A9AF2115F4687BD29803A206B73A36E6026DFCA";
        for (accepted, keys) in [(key, String::new()), ("", imported(key))] {
            let said = accept(accepted, &keys);
            assert!(
                said.contains("options: --setopt=vendor.gpgkey=file://") && !gets_none(&said),
                "{shell:?}: {said}"
            );
        }
    }
}

/// `dnf -y` accepts what gpgkey names, for metadata too. So no run that may load metadata comes before the keys are judged.
#[test]
fn keys_from_the_network_are_judged_before_dnf_loads_anything() {
    for shell in shells() {
        let said = run(
            shell,
            "network_keys() { echo 'vendor https://repo.example/key.asc'; }\n\
             curl() { while [ \"$1\" != -o ]; do shift; done; echo key >\"$2\"; }\n\
             timeout() { while :; do case $1 in -k) shift 2 ;; [0-9]*) shift ;; *) break ;; esac; done; \"$@\"; }\n\
             fingerprints() { echo 0123456789ABCDEF0123456789ABCDEF01234567; }\nrpm_has_key() { false; }\n\
             refreshed=\nis_as_planned() { :; }\nare_installed() { :; }\nversions_of() { echo 1; }\n\
             (install_packages '' '' '' - rabbitmq-server=3.10.8-1.el9) >/dev/null\n\
             versions_of() { printf '1\\n2\\n'; }\n\
             (install_packages '' '' '' - rabbitmq-server=3.10.8-1.el9) >/dev/null\n\
             sed 's/^/dnf /' \"$dir/calls\"; [ ! -e \"$dir/run/rabbitup-keys\" ] || echo 'keys are left'",
        );
        let runs: Vec<&str> = said.lines().filter(|line| line.starts_with("dnf ")).collect();
        assert_eq!(
            runs.len(),
            7,
            "makecache, download and install; the second time duplicates as well\n{shell:?}: {said}"
        );
        for run in runs {
            assert!(
                run.contains("--setopt=vendor.gpgkey=file:///") && run.contains("/rabbitup-keys/none "),
                "{shell:?}: a key that nobody trusts: {run}"
            );
        }
        assert!(!said.contains("keys are left"), "{shell:?}: the keys' directory is removed: {said}");
    }
}

/// A transaction that was killed leaves its note; one that failed before it began leaves the earlier one's.
#[test]
fn what_a_killed_transaction_was_installing_stays_known() {
    const INSTALL: &str = "network_keys() { :; }\nis_as_planned() { :; }\nare_installed() { :; }\nversions_of() { echo 1; }\nrpm() { echo \"$time\"; }\n\
        time=1000 note=$dir/var/lib/dnf/rabbitup-unfinished\n\
        run_dnf() { said='Error: nothing to see'; case $* in *downloadonly*) ended=$download ;; *) ended=$transaction ;; esac; return \"$ended\"; }\n\
        install() { download=$2 transaction=$3; (install_packages '' '' '' - \"rabbitmq-server=$1\"); echo \"after $*: $(cat \"$note\" 2>/dev/null)\"; }\n";
    for shell in shells() {
        let said = run(
            shell,
            &format!(
                "{INSTALL}install 2 137 0\ninstall 2 0 137\ninstall 3 1 0\ninstall 3 0 1\nversions_of() {{ echo 9; }}\n\
                 echo \"older: $(broker_package)\"\ntime={}\necho \"since: $(broker_package)\"\n\
                 versions_of() {{ echo 1; }}\ntime=1000\ninstall 2 0 0\n[ -e \"$note\" ] || echo 'no note'\n",
                u32::MAX
            ),
        );
        let (first, rest) = said.split_once("after 2 137 0: ").expect("the first installation");
        assert!(first.contains("while it downloaded packages"), "{shell:?}: {first}");
        assert!(rest.starts_with('\n'), "{shell:?}: nothing was begun: {rest}");
        let (second, rest) = rest.split_once("after 2 0 137: ").expect("the second installation");
        assert!(second.contains("terminated during the transaction"), "{shell:?}: {second}");
        assert!(rest.starts_with("rabbitmq-server 2\n"), "{shell:?}: {rest}");
        assert!(
            said.contains("after 3 1 0: rabbitmq-server 2\n"),
            "{shell:?}: a download that failed: {said}"
        );
        assert!(
            said.contains("after 3 0 1: rabbitmq-server 2\n"),
            "{shell:?}: a transaction that did not begin: {said}"
        );
        assert!(said.contains("older: 2\n"), "{shell:?}: rpm's package is older than the note: {said}");
        assert!(said.contains("since: 9\n"), "{shell:?}: somebody has installed another since: {said}");
        assert!(said.contains("no note"), "{shell:?}: {said}");
    }
}
