//! Which files on a host are rabbitup's own.

/// The word in the first two lines of every complete file that rabbitup writes, by which it recognises them. An operator's own template
/// keeps it there, or its file counts as somebody else's.
const WORD: &str = "rabbitup";

/// Whether rabbitup wrote this file, so that it may replace or stop what it is for, and read its own words in it.
pub(crate) fn is_ours(text: &str) -> bool {
    text.lines().take(2).any(|line| line.contains(WORD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_complete_file_that_rabbitup_writes_is_its_own() {
        for template in [
            include_str!("../../templates/chrony.conf.hbs"),
            include_str!("../../templates/haproxy.cfg.hbs"),
            include_str!("../../templates/keepalived.conf.hbs"),
            include_str!("../../templates/limits.conf.hbs"),
            include_str!("../../templates/nginx-stream.conf.hbs"),
            include_str!("../../templates/rabbitmq.conf.hbs"),
        ] {
            assert!(is_ours(template), "{template}");
        }
        assert!(is_ours("#!/bin/sh\n# Written by rabbitup from the inventory\n"));
        assert!(!is_ours("") && !is_ours("# HAProxy\nglobal\n# migrated from rabbitup\n"));
    }
}
