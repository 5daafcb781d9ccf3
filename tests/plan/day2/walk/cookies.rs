//! Cookies that differ, and rotations that were not finished.

use super::Hand::{Does, Nothing};
use super::*;

const OLD: &str = "own-cookie-of-node1";

pub const ROWS: &[Row] = &[
    Row {
        kind: RefusalKind::CookieOfCluster,
        typed: "up",
        set_up: |world| {
            for text in BROKERS {
                runs_with(&mut world.facts, text, OLD);
            }
            world.edit("{ from = \"seed\" }", "{ from = \"env\", name = \"NEW_COOKIE\" }");
            let secret = rabbitup::model::Secret::new(b"another-cookie-of-the-inventory".to_vec());
            world.desired.secrets.insert(rabbitup::model::SecretName::cookie(), secret);
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::CookieIsLink,
        typed: "up",
        set_up: |world| {
            cookie(&mut world.facts, "node3", "linked");
            world.stop("node3");
            world.host("node3").cookie.as_mut().expect("a cookie").link_to = Some("/srv/cookie".to_owned());
        },
        hand: Does(|world| world.host("node3").cookie.as_mut().expect("a cookie").link_to = None),
    },
    Row {
        kind: RefusalKind::CookieFilesChanged,
        typed: "up",
        set_up: |world| refused(world, &BROKERS),
        hand: Nothing,
    },
    // Each file has another cookie.
    Row {
        kind: RefusalKind::CookieFilesChanged,
        typed: "up",
        set_up: |world| {
            refused(world, &BROKERS);
            BROKERS.iter().for_each(|text| cookie(&mut world.facts, text, &format!("other-of-{text}")));
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::CookieNotRecoverable,
        typed: "run recover-node node=node3",
        set_up: |world| refused(world, &["node3"]),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::RotationOfSilentNode,
        typed: "run rotate-cookie",
        set_up: |world| world.host("node3").broker = BrokerState::Unknown("no answer".to_owned()),
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::RotationOfIncomplete,
        typed: "run rotate-cookie",
        set_up: |world| {
            let lost = node("node3");
            running(&mut world.facts, "node1").running.retain(|member| *member != lost);
        },
        hand: Does(|world| world.facts = whole()),
    },
    Row {
        kind: RefusalKind::RotationOfChangedFile,
        typed: "run rotate-cookie",
        set_up: |world| refused(world, &["node3"]),
        hand: Nothing,
    },
    // The first broker of the inventory.
    Row {
        kind: RefusalKind::RotationOfChangedFile,
        typed: "run rotate-cookie",
        set_up: |world| refused(world, &["node1"]),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::RotationOfChangedFile,
        typed: "run rotate-cookie",
        set_up: |world| refused(world, &["node1", "node2"]),
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::RotationOfChangedFile,
        typed: "run rotate-cookie",
        set_up: |world| {
            refused(world, &BROKERS);
            BROKERS.iter().for_each(|text| cookie(&mut world.facts, text, &format!("other-of-{text}")));
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::RotationWithoutMajority,
        typed: "run rotate-cookie",
        set_up: |world| {
            BROKERS.iter().for_each(|text| runs_with(&mut world.facts, text, &format!("running-of-{text}")));
            cookie(&mut world.facts, "node2", "running-of-node2");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::RotationTooLateToRevert,
        typed: "run rotate-cookie back=yes",
        set_up: |world| {
            BROKERS.iter().for_each(|text| staged(world, text));
            cookie(&mut world.facts, "node1", "staged");
        },
        hand: Nothing,
    },
    Row {
        kind: RefusalKind::RotationOfUnknownCookie,
        typed: "run rotate-cookie back=yes",
        set_up: |world| {
            BROKERS.iter().for_each(|text| staged(world, text));
            world.host("node3").broker = BrokerState::CookieRefused;
        },
        hand: Does(|world| {
            let there = whole();
            world.host("node3").broker = there.host(&name("node3")).expect("node3").broker.clone();
        }),
    },
    Row {
        kind: RefusalKind::RotationUnfinished,
        typed: "run rolling-restart",
        set_up: |world| BROKERS.iter().for_each(|text| staged(world, text)),
        hand: Nothing,
    },
];

/// The files of these hosts were changed while their nodes ran.
pub fn refused(world: &mut World, which: &[&str]) {
    for text in BROKERS {
        runs_with(&mut world.facts, text, OLD);
    }
    for text in which {
        let members = running(&mut world.facts, text).members.clone();
        world.host(text).data[0].members = members;
        cookie(&mut world.facts, text, "changed-while-it-ran");
        world.host(text).broker = BrokerState::CookieRefused;
    }
}

fn staged(world: &mut World, text: &str) {
    runs_with(&mut world.facts, text, OLD);
    cookie(&mut world.facts, text, "staged");
    let host = world.host(text);
    host.staged_cookie = host.cookie.take();
    cookie(&mut world.facts, text, OLD);
}
