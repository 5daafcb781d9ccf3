//! What matters of a line that a tool printed, where there is no room for all of it.

/// The line without what only says where something comes from: apt's addresses of mirrors, the directories of packages, and the spaces
/// that align columns.
pub(super) fn useful(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        // Get:20 http://deb.example.org/debian trixie/main amd64 rabbitmq-server all 4.0.5-1 [15.2 MB] (apt-pkg's acquire-item.cc)
        [what, from, _, _, package, _, version, size @ ..] if is_apts(what) && from.contains(":/") => {
            [[*what, *package, *version].as_slice(), size].concat().join(" ")
        }
        // Hit:1 http://deb.example.org/debian trixie InRelease
        [what, from, rest @ ..] if is_apts(what) && from.contains(":/") => {
            [[*what].as_slice(), rest].concat().join(" ")
        }
        // Preparing to unpack .../07-rabbitmq-server_4.0.5-1_all.deb ...
        ["Preparing", "to", "unpack", file, ..] => {
            format!("unpacking {}", file.rsplit('/').next().unwrap_or(file))
        }
        words => words.join(" "),
    }
}

/// `Get:20`.
fn is_apts(word: &str) -> bool {
    let number = ["Get:", "Hit:", "Ign:", "Err:"].iter().find_map(|kind| word.strip_prefix(kind));
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_tools_line_the_package_remains() {
        for (line, wanted) in [
            (
                "Get:20 http://deb.example.org/debian trixie/main amd64 rabbitmq-server all 4.0.5-1 [15.2 MB]",
                "Get:20 rabbitmq-server 4.0.5-1 [15.2 MB]",
            ),
            ("Hit:1 file:/srv/repo trixie InRelease", "Hit:1 trixie InRelease"),
            (
                "Preparing to unpack .../07-rabbitmq-server_4.0.5-1_all.deb ...",
                "unpacking 07-rabbitmq-server_4.0.5-1_all.deb",
            ),
            ("  Installing       : erlang-25.3.x86_64        5/5 ", "Installing : erlang-25.3.x86_64 5/5"),
            (
                "apt-get update (process 812) holds the package lists; waiting",
                "apt-get update (process 812) holds the package lists; waiting",
            ),
            ("Get: out http://here 1 2 3 4 5", "Get: out http://here 1 2 3 4 5"),
            ("", ""),
        ] {
            assert_eq!(useful(line), wanted);
        }
    }
}
