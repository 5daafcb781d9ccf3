use super::Shell;

/// Files on trial until a broker has started with them.
pub(super) const SHELL: Shell =
    Shell { first: "end_proved_trial\n", ..Shell::of("trial", include_str!("trial.sh")) };
