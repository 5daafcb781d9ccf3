//! What is told of a node that does not serve.

use super::recorded::{NONCE, REFUSED, STOPPED, node, request};
use super::*;
use crate::facts::{BrokerState, CookieShape};
use crate::model::CookieDigest;

/// A node that stopped while another one entered, on 3.10.8: its member file does not contain the other one, its database does,
/// and it starts as a member. It used to be refused as if it had been reset.
#[test]
fn members_that_only_the_database_knows_are_members() {
    let seen = |schema: &str| {
        let output = format!(
            "N0NCE clock 1\nN0NCE data\nnode=rabbit@t1\nmembers={{[rabbit@t1],[rabbit@t1]}}.\noutlived=[rabbit@t1].\n\
             N0NCE schema\n{schema}\nN0NCE end\n"
        );
        let facts = parse(&request("t1", &[]), NONCE, output.as_bytes()).expect("complete");
        let data = facts.data_of(&node("rabbit@t1")).expect("there are data").clone();
        (data.members.into_iter().map(|member| member.node).collect::<Vec<_>>(), data.outlived_by)
    };
    let (this, other) = (node("rabbit@t1"), node("rabbit@t2"));
    assert_eq!(seen("[rabbit@t2,rabbit@t1]."), (vec![this.clone(), other.clone()], vec![other]));
    // One that runs alone, and an unreadable schema.
    for schema in ["[rabbit@t1].", "", "{error,{not_a_dets_file,\"schema.DAT\"}}."] {
        assert_eq!(seen(schema), (vec![this.clone()], Vec::new()), "{schema}");
    }
}

#[test]
fn a_wrong_cookie_and_a_stopped_app_are_told_from_a_node_that_is_down() {
    let refused = parse(&request("t1", &[]), NONCE, REFUSED).expect("complete");
    assert_eq!(refused.broker, BrokerState::CookieRefused);
    let file = refused.cookie.expect("a cookie");
    assert_eq!(file.shape, CookieShape::DebianReplaces);
    // printf QWERTYUIOPASDFGHJKLZ | md5sum: the line end counts in one of the digests only.
    assert_eq!(Some(file.normalised), CookieDigest::from_hex("dc79b160050e39ce6320b30e2da75d5d"));
    assert_ne!(file.raw, file.normalised);
    let stopped = parse(&request("t1", &[]), NONCE, STOPPED).expect("complete");
    assert_eq!(stopped.broker, BrokerState::AppStopped);
}

#[test]
fn a_generated_cookie_is_as_good_as_any_where_no_package_replaces_it() {
    let refused = parse(&request("t1", &[]), NONCE, REFUSED).expect("complete");
    let file = refused.cookie.expect("a cookie");
    let shape = |family| super::judged(file.clone(), family).shape;
    assert_eq!(shape(OsFamily::Rpm), CookieShape::Generated);
    assert_eq!(
        (shape(OsFamily::Debian), shape(OsFamily::Other)),
        (CookieShape::DebianReplaces, CookieShape::DebianReplaces)
    );
}

/// Khepri leaves no note beside its data.
#[test]
fn a_node_that_waits_for_its_cluster_tells_who_the_members_were() {
    let text = String::from_utf8_lossy(STOPPED)
        .replace("state stopped", "state stopped\",\"known rabbit@t1\",\"known rabbit@t2");
    let seen = |text: &str| {
        let stopped = parse(&request("t1", &[]), NONCE, text.as_bytes()).expect("complete");
        assert_eq!(stopped.broker, BrokerState::AppStopped);
        let data = stopped.data.iter().find(|data| data.node == "rabbit@t1").cloned().unwrap_or_default();
        data.members.iter().map(|member| member.node.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(seen(&text), ["rabbit@t1", "rabbit@t2"]);
    assert!(seen(&String::from_utf8_lossy(STOPPED)).is_empty(), "a node that tells nothing");
}

/// Mnesia had stopped inside a running RabbitMQ, which reported no cluster name and no users.
#[test]
fn a_node_that_lost_its_database_does_not_count_as_an_empty_one() {
    let text = String::from_utf8_lossy(STOPPED).replace("state stopped", "state closed");
    assert!(text.contains("state closed"));
    let closed = parse(&request("t1", &[]), NONCE, text.as_bytes()).expect("complete");
    let BrokerState::Unknown(why) = closed.broker else { panic!("{:?}", closed.broker) };
    assert!(why.contains("its database (Mnesia) has stopped") && why.contains("restart it"), "{why}");
}
