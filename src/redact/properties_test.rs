//! A secret is never shown, whatever the text around it and however malformed.

use proptest::prelude::*;

use super::{MARK, Redactor, allowed_only, redacted};

/// How many consecutive characters of a secret may be shown: short parts also occur in other words.
const SHOWN: usize = 5;

/// Characters of a secret that the surrounding text does not have.
fn secret() -> impl Strategy<Value = String> {
    "[A-Z][A-Z0-9!#$%*+/=?@^_|~.-]{5,22}[A-Z0-9]"
}

/// A secret with characters that break URIs and quotes, but not at its end.
fn broken_secret() -> impl Strategy<Value = String> {
    "[A-Z][A-Z0-9!#$%*+/=?@:^_|~.'\"-]{4,20}[A-Z][A-Z0-9]".prop_filter(
        "a quote before a sign ends the value",
        |text: &String| {
            let ends = |pair: &[u8]| b"'\"".contains(&pair[0]) && b";:)]}>|&\"',.".contains(&pair[1]);
            !text.as_bytes().windows(2).any(ends)
        },
    )
}

/// Surrounding text: words, open and closed quotes and brackets, other URIs.
fn surroundings() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z \"'<>{}\\[\\](),;\\\\é\u{202e}]{0,24}",
        Just("2026-11-23 10:00:00 [error] <0.1.0>".to_owned()),
        Just("see https://node1:15672/api/nodes/rabbit@node1".to_owned()),
        Just("amqp://node2:5672".to_owned()),
    ]
}

/// Templates whose SECRET contains neither white space nor quotes.
const BARE: [&str; 24] = [
    "password=SECRET",
    "password: SECRET",
    "Password => SECRET",
    "api_key=SECRET",
    "the api key: SECRET",
    "secretKey: SECRET,",
    "{password,<<\"SECRET\">>}",
    "{<<\"password\">>,<<\"SECRET\">>}",
    "[{default_pass, <<\"SECRET\">>}, {host, \"h\"}]",
    "{cookie, 'SECRET'}",
    "set_cookie('SECRET')",
    "erlang:set_cookie(node(), 'SECRET')",
    "#{password => <<\"SECRET\">>}",
    "\"token\":\"SECRET\"",
    "\"tokens\": [\"x\", \"SECRET\", \"y\"]",
    "{\\\"credentials\\\":\\\"SECRET\\\"}",
    "'client_secret' : 'SECRET'",
    "erl -sname x -setcookie SECRET -noshell",
    "rabbitmqctl add_user till SECRET",
    "rabbitmqctl change_password till 'SECRET'",
    "curl -u till:SECRET http://node1",
    "curl -H 'Authorization: Bearer SECRET' http://node1",
    "tool --password SECRET --host node1",
    "Erlang cookie hash : SECRET",
];

/// Templates that fill a whole line, with any SECRET.
const LINES: [&str; 7] = [
    "default_pass = SECRET",
    "  ssl_options.password=SECRET",
    "RABBITMQ_DEFAULT_PASS=SECRET",
    "export PGPASSWORD=SECRET",
    "# password: SECRET",
    "  stats auth admin:SECRET",
    "Proxy-Authorization: Basic SECRET",
];

const URIS: [&str; 9] = [
    "amqp://u:SECRET@h",
    "amqps://u:SECRET@h:5671/%2f?cacertfile=/x",
    "amqp://u:SECRET@",
    "https://SECRET@h/path",
    "http://x:SECRET@[::1]:15672/api/",
    "\"amqp://u:SECRET@h\"",
    "[\"amqp://u:SECRET@a\",\"amqp://u:SECRET@b\"]",
    "{\"src-uri\": [\"amqp://u:SECRET@a\", \"amqp://b\"]",
    "<<\"amqp://u:SECRET@h\">>, <<\"queue\">>",
];

/// The first part of the secret that the text shows.
fn leak(shown: &str, secret: &str) -> Option<String> {
    let secret: Vec<char> = secret.chars().collect();
    let parts = secret.windows(SHOWN + 1).map(|part| part.iter().collect::<String>());
    parts
        .filter(|part| part.chars().filter(char::is_ascii_alphabetic).count() > 1)
        .find(|part| shown.contains(part))
}

fn assert_hidden(line: &str, secret: &str) -> Result<(), TestCaseError> {
    let shown = Redactor::default().line(line);
    prop_assert!(leak(&shown, secret).is_none(), "{line:?}\nbecame {shown:?}");
    Ok(())
}

fn base64(seed: &[u8]) -> String {
    use base64::prelude::{BASE64_STANDARD, Engine};
    BASE64_STANDARD.encode(seed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_template_shows_its_secret(
        secret in secret(), before in surroundings(), after in surroundings(), at in 0..BARE.len(),
    ) {
        // A quote that was opened before is not the value's own.
        let line = format!("{before} {} {after}", BARE[at].replace("SECRET", &secret));
        assert_hidden(&line, &secret)?;
    }

    #[test]
    fn no_line_of_a_configuration_shows_its_value(secret in "[A-Z][ -~]{6,30}[A-Z]", at in 0..LINES.len()) {
        assert_hidden(&LINES[at].replace("SECRET", &secret), &secret)?;
    }

    #[test]
    fn no_uri_shows_its_secret_however_broken_it_is(
        secret in broken_secret(), before in surroundings(), after in surroundings(), at in 0..URIS.len(),
    ) {
        let line = format!("{before} {} {after}", URIS[at].replace("SECRET", &secret));
        assert_hidden(&line, &secret)?;
    }

    #[test]
    fn no_piece_of_pem_shows_its_body(
        key in prop::collection::vec(any::<u8>(), 120..400), width in 16..77usize, cut in 0..6usize, lost in 0..4usize,
        indent in "[ \t]{0,6}", prefix in prop_oneof![Just(""), Just("Nov 28 10:00:00 node1 rabbit[12]: ")], crlf: bool,
    ) {
        let body = base64(&key);
        let lines: Vec<&str> = body.as_bytes().chunks(width).map(|part| std::str::from_utf8(part).expect("ASCII")).collect();
        let mut text = vec!["-----BEGIN RSA PRIVATE KEY-----"];
        text.extend(&lines);
        text.push("-----END RSA PRIVATE KEY-----");
        text.truncate(text.len() - cut.min(text.len() - 1));
        // In a block without its beginning, full PEM lines are recognised by themselves, shorter ones by its end.
        let chance = lines.iter().filter(|line| line.len() >= 16).all(|line| super::hashes::is_mixed(line));
        let headless = lost > 0 && prefix.is_empty() && ((width >= 60 && chance) || cut == 0);
        // A short last line alone is not recognisable: keep a full line before it.
        let lost = if cut == 0 { lost } else { lost.min(lines.len() - 1) };
        let text = &text[if headless { lost.min(text.len() - 1) } else { 0 }..];
        let end = if crlf { "\r\n" } else { "\n" };
        let whole: String = text.iter().map(|line| format!("{prefix}{indent}{line}{end}")).collect();
        let shown = Redactor::default().text(&format!("before it\n{whole}behind, on node1\n"));
        for line in lines.iter().filter(|line| line.len() >= 16) {
            prop_assert!(!shown.contains(&line[..12]), "{line}\nin\n{shown}\nof\n{whole}");
        }
        prop_assert!(shown.contains("before it\n"));
        // On one line, as in JSON.
        let joined = format!("{{\"key\":\"{}\"}}", text.join("\\n"));
        let shown = Redactor::default().line(&joined);
        for line in lines.iter().filter(|line| !headless && line.len() >= 16) {
            prop_assert!(!shown.contains(&line[..12]), "{line}\nin\n{shown}");
        }
    }

    #[test]
    fn what_is_redacted_stays_as_it_is(text in "(?s).{0,200}", secret in broken_secret(), at in 0..URIS.len(), key in 0..BARE.len()) {
        let text = format!("{text} {}\n{} {text}", URIS[at].replace("SECRET", &secret), BARE[key].replace("SECRET", &secret));
        let once = redacted(&text);
        prop_assert_eq!(redacted(&once), once);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let text = String::from_utf8_lossy(&bytes);
        let _ = redacted(&text);
        for path in ["rabbitmq.conf", "haproxy.cfg", "hosts", "x"] {
            let _ = allowed_only(path, &text, &mut Redactor::default());
        }
    }

    #[test]
    fn structure_without_sense_makes_it_neither_panic_nor_wander(
        parts in prop::collection::vec(prop::sample::select(vec![
            "password", "=", ":", "\"", "'", "\\\"", "{", "[", "(", "}", "]", ")", "<<", ">>", ",", " ", "amqp://", "@", "/",
            "-----BEGIN A KEY-----", "-----END A KEY-----", "$6$aaaaaaaaaaaa", "Authorization", "stats auth a:b", "é", MARK,
            "cookie", "hash", "\n", "\r", "-setcookie", "x", ":\\/\\/",
        ]), 0..40),
    ) {
        let once = redacted(&parts.concat());
        prop_assert_eq!(redacted(&once), once);
    }
}

/// Harmless lines that an operator needs to read.
#[test]
fn harmless_text_is_unchanged() {
    for line in [
        "Cookie file /var/lib/rabbitmq/.erlang.cookie must be accessible by owner only",
        "cat: /var/lib/rabbitmq/.erlang.cookie: Permission denied",
        "default_user = admin",
        "auth_oauth2.token_endpoint = https://idp.lan/token",
        "password_hashing_module = rabbit_password_hashing_sha512",
        "ssl_options.keyfile = /etc/rabbitmq/key.pem",
        "see https://www.rabbitmq.com/docs/clustering",
        "Error: {inconsistent_cluster,\"Node rabbit@a thinks it's clustered with node rabbit@b\"}",
        "Error: operation failed on rabbit@node1: invalid credentials for user 'till'",
        "the cookie of rabbit@node2 differs from rabbit@node1's",
        "binding queue orders with routing key: orders.new on node3",
        "GET http://node1:15672/api/healthchecks/node/rabbit@node1 503",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08  rabbitmq-server_4.0.5-1_all.deb",
        "listeners.tcp.default = 5672",
        "    option httpchk GET /api/health",
        "Get:1 http://mirror.example/debian bookworm/main amd64 rabbitmq-server all 3.10.8-1.1+deb12u1 [15.3 MB]",
        "[sudo] password for ops",
        "PWD=/root",
        "the password of till was changed",
        "the token bucket of node1 is empty",
        "",
    ] {
        assert_eq!(Redactor::default().line(line), line);
    }
}

#[test]
fn only_passwords_are_removed() {
    for (line, shown) in [
        ("default_pass = hunter2", "default_pass = ••••"),
        ("cluster_formation.aws.secret_key=hunter2", "cluster_formation.aws.secret_key=••••"),
        ("RABBITMQ_DEFAULT_PASS=hunter2", "RABBITMQ_DEFAULT_PASS=••••"),
        ("ARGS=\"-kernel x 1 -setcookie hunter2 -y\"", "ARGS=\"-kernel x 1 -setcookie •••• -y\""),
        ("    stats auth 'admin:hunter2'", "    stats auth 'admin:••••'"),
        ("  stats\tauth  admin:hunter2", "  stats\tauth  admin:••••"),
        ("  user till insecure-password hunter2 groups a", "  user till insecure-password •••• groups a"),
        ("  user till password $5$hunter2", "  user till password ••••"),
        (
            "  http-check send hdr Authorization \"Basic hunter2\"",
            "  http-check send hdr Authorization \"••••",
        ),
        ("user=till password=hunter2 host=node1", "user=till password=•••• host=node1"),
        (
            "{\"user\":\"till\",\"password\":\"hunter2\",\"host\":\"node1\"}",
            "{\"user\":\"till\",\"password\":\"••••\",\"host\":\"node1\"}",
        ),
        ("{default_pass,<<\"hunter2\">>},{host,node1}", "{default_pass,<<\"••••\">>},{host,node1}"),
        ("{password,<<104,117,110>>}, x", "{password,<<••••>>}, x"),
        (" * Erlang cookie hash: h/Z1lQaSI+vw90HoOxadag==", " * Erlang cookie hash: ••••"),
        ("login with password planted-in-1, from node1", "login with password •••• from node1"),
        ("one cookie hash: a= two cookie hash: b=", "one cookie hash: •••• two cookie hash: ••••"),
        ("the cookie hash differs", "the cookie hash differs"),
    ] {
        assert_eq!(Redactor::default().line(line), shown);
    }
}

#[test]
fn a_value_on_a_later_line_is_redacted() {
    let text = "[{password,\n\n   <<\"HUNTER2\">>},\n {user,admin}]\n{\"tokens\": [\n  \"HUNTER2\",\n  \"HUNTER3\"\n], \"a\": 1}\n";
    let clean = redacted(text);
    assert!(
        !clean.contains("HUNTER") && clean.contains("{user,admin}]") && clean.contains("], \"a\": 1}"),
        "{clean}"
    );
}

/// The CPU time of this thread in nanoseconds, independent of other load.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux counts them");
    text.split(' ').next().and_then(|word| word.parse().ok()).expect("the first number")
}

/// The time grows linearly with the length, for any text. Only the ratio is checked, since the machine's speed is unknown.
#[test]
fn hostile_text_takes_linear_time() {
    for part in [
        "password=\"",
        "password=[",
        "{password,",
        "amqp://u:p",
        "amqp://",
        "\"amqp://a\"b",
        "$6$",
        "://@",
        "a",
        "\"",
        "\\\"",
        "stats auth ",
        "Authorization ",
        "'Authorization ",
        "-----BEGIN ",
        "-----END ",
        "cookie hash ",
        "<<",
        "{ ",
        "é",
        "'-u a:b",
        "add_user ",
        "(\"",
        "AAAA/aa1",
        "http://a b@",
    ] {
        let time = |bytes: usize| {
            let text = part.repeat(bytes / part.len());
            let tries = (0..2).map(|_| {
                let began = processor_time();
                let _ = Redactor::default().text(&text);
                processor_time() - began
            });
            tries.min().unwrap_or_default()
        };
        let (short, long) = (time(10_000), time(40_000));
        // Four times the length; quadratic time would be sixteen times. Below ten milliseconds only the kernel's ticks are
        // measured.
        assert!(
            long < 11 * short.max(10_000_000),
            "{part:?}: {short} ns, and {long} ns for four times as much"
        );
    }
}

/// journalctl shows the second line of a message without the prefix.
#[test]
fn a_value_on_the_next_line_of_a_log_entry_is_redacted() {
    let text =
        "2026-11-28T17:42:27+00:00 node2 logger[70]: default_pass:\n          planted-in-1\nharmless\n";
    let shown = Redactor::default().text(text);
    assert!(!shown.contains("planted-in-1") && shown.ends_with("harmless\n"), "{shown}");
}
