//! When a fault is injected: at a step, by its id, from rabbitup's own events.

use std::fmt;

use serde_json::Value;

use super::fault::Fault;
use super::ways::hold;
use crate::release::Family;
use crate::stage::Stage;

/// The point in a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    Begins,
    Middle,
    Ends,
}

impl When {
    pub const ALL: [Self; 3] = [Self::Begins, Self::Middle, Self::Ends];

    pub fn word(self) -> &'static str {
        match self {
            Self::Begins => "begins",
            Self::Middle => "middle",
            Self::Ends => "ends",
        }
    }
}

/// A step of a plan. Its id is the same in every plan for the same purpose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepId(String);

impl StepId {
    pub fn host(&self) -> &str {
        self.0.split_once('/').map_or("", |(host, _)| host)
    }

    /// `packages`, `restart`: what it does, on whichever host.
    pub fn what(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, what)| what)
    }

    /// The condition on the host by which the moment shows, where no event tells it: in the middle of a long step with little
    /// output, and where the fault needs something to hit.
    pub fn shown(&self, when: When, fault: Fault, family: Family) -> Option<&'static str> {
        match when {
            When::Begins if fault == Fault::PackageManager => family.before_work(),
            When::Middle => self.middle(fault, family),
            When::Begins | When::Ends => None,
        }
    }

    fn middle(&self, fault: Fault, family: Family) -> Option<&'static str> {
        match self.what() {
            "packages" => Some(family.at_work()),
            "upgrade" if fault == Fault::PackageManager => Some(family.half_way()),
            "start" | "join" => {
                Some("[ \"$(systemctl show -p ActiveState --value rabbitmq-server)\" = activating ]")
            }
            // Drained: it runs but accepts no clients.
            "restart" | "upgrade" | "retire" => {
                Some("systemctl -q is-active rabbitmq-server && ! ss -Hltn 'sport = :5672' | grep -q .")
            }
            what => hold::shown(what),
        }
    }

    /// Whether that condition is met now.
    pub fn is_then(&self, stage: &Stage, shown: &str) -> bool {
        stage.lab.run_on(self.host(), shown).status.success()
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The event of a step in a line of `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Begins,
    Output,
    Ends,
}

/// Parses one line. A truncated line is ignored.
pub fn read(line: &str) -> Option<(StepId, Sign)> {
    let event: Value = serde_json::from_str(line).ok()?;
    let sign = match event["event"].as_str()? {
        "step_started" => Sign::Begins,
        "step_output" => Sign::Output,
        "step_succeeded" | "step_failed" => Sign::Ends,
        _ => return None,
    };
    Some((StepId(event["step"].as_str()?.to_owned()), sign))
}
