//! Obstacles at the path of a file: detected before any change.

use rabbitup::facts::FileKind;
use rabbitup::report::{Style, refusals_text};

use crate::fixtures::*;

#[test]
fn links_directories_and_binary_files_are_refused_in_the_plan() {
    let desired = desired(INVENTORY);
    let mut facts = fresh(&desired);
    let plain = host(&mut facts, "node1").files["/etc/hosts"].clone();
    let mut put = |host: &str, path: &str, change: &dyn Fn(&mut rabbitup::facts::FileFacts)| {
        let mut file = plain.clone();
        change(&mut file);
        crate::fixtures::host(&mut facts, host).files.insert(path.to_owned(), file);
    };
    put("node1", "/etc/hosts", &|file| file.link_to = Some("/srv/puppet/hosts".to_owned()));
    put("node2", "/etc/hosts", &|file| file.content = None);
    put("node2", "/etc/rabbitmq/rabbitmq.conf", &|file| {
        (file.kind, file.content, file.link_to) = (FileKind::Nothing, None, Some("../gone".to_owned()));
    });
    put("node3", "/etc/rabbitmq/enabled_plugins", &|file| {
        (file.kind, file.content) = (FileKind::Directory, None)
    });
    let refused = planned(&desired, &facts, &options()).expect_err("they must not give way");
    insta::assert_snapshot!(refusals_text(&refused, Style::plain(100)));
}

#[test]
fn a_link_to_the_right_content_is_left_alone() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    for path in ["/etc/hosts", "/etc/rabbitmq/rabbitmq.conf"] {
        let file = host(&mut facts, "node2").files.get_mut(path).expect("it was written");
        file.link_to = Some("/srv/puppet/it".to_owned());
    }
    host(&mut facts, "node2").cookie.as_mut().expect("a cookie").link_to = Some("/srv/secret".to_owned());
    let (plan, _) = planned(&desired, &facts, &options()).expect("a plan");
    assert_eq!(ids(&plan), Vec::<String>::new());
}

#[test]
fn a_cookie_that_is_a_link_is_refused_and_its_target_unchanged() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let cookie = |facts: &mut rabbitup::facts::Facts| {
        let cookie = host(facts, "node2").cookie.as_mut().expect("a cookie");
        cookie.link_to = Some("/etc/shadow".to_owned());
        (cookie.mode, cookie.owner) = (0o640, "root".to_owned());
    };
    cookie(&mut facts);
    let refused = planned(&desired, &facts, &options()).expect_err("not guarded");
    let text = refusals_text(&refused, Style::plain(100));
    assert!(text.contains("it points to /etc/shadow; its mode is 0640, its owner root"), "{text}");
    crate::fixtures::cookie(&mut facts, "node2", "another-cookie-than-the-others");
    cookie(&mut facts);
    let refused = planned(&desired, &facts, &options()).expect_err("not replaced");
    assert!(refusals_text(&refused, Style::plain(100)).contains("its cookie differs from node1's"));
}

/// What user rabbitmq can plant: named in the plan, and root neither follows it, nor changes its mode, nor treats the file as missing.
#[test]
fn files_planted_by_user_rabbitmq_are_named_in_the_plan() {
    let desired = desired(INVENTORY);
    let mut facts = converged(&desired);
    let planted = |path: &str, kind, link_to: Option<&str>| rabbitup::facts::InTheWay {
        path: path.to_owned(),
        kind,
        link_to: link_to.map(str::to_owned),
    };
    let node1 = host(&mut facts, "node1");
    node1.cookie = None;
    node1.in_the_way = vec![
        planted("/var/lib/rabbitmq/.erlang.cookie", FileKind::Special, None),
        planted("/var/lib/rabbitmq/.rabbitup-cookie", FileKind::Nothing, Some("/root")),
    ];
    for (name, kind, link_to) in
        [("node2", FileKind::Unreadable, Some("/etc/shadow")), ("node3", FileKind::Unreadable, None)]
    {
        let file =
            host(&mut facts, name).files.get_mut("/etc/rabbitmq/rabbitmq.conf").expect("it was written");
        (file.kind, file.content, file.link_to) = (kind, None, link_to.map(str::to_owned));
    }
    let shared =
        host(&mut facts, "node1").files.get_mut("/etc/rabbitmq/rabbitmq.conf").expect("it was written");
    (shared.kind, shared.content) = (FileKind::Shared, Some("heartbeat = 1\n".to_owned()));
    let refused = planned(&desired, &facts, &options()).expect_err("none of it gives way");
    insta::assert_snapshot!(refusals_text(&refused, Style::plain(100)));
}
