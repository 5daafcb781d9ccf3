use std::path::Path;

use rabbitup::document::Graphics;
use rabbitup::inventory::{Options, load};

use super::{said, shared, with_node};

/// Asserts the output for each text.
macro_rules! cases {
    ($($name:ident: $text:expr;)*) => {
        $(#[test]
        fn $name() {
            let said = said(&$text);
            assert!(!said.contains("hunter"), "a secret is shown:\n{said}");
            insta::assert_snapshot!(stringify!($name), said);
        })*
    };
}

fn two_hosts(first: &str, second: &str) -> String {
    format!(
        "[[host]]\n{first}\nroles = [\"broker\"]\n\n[[host]]\n{second}\nroles = [\"load-balancer\"]\n\n[load_balancer]\n"
    )
}

fn balancer(settings: &str) -> String {
    with_node(&format!(
        "\n[[host]]\nname = \"lb1\"\naddress = \"10.0.0.9\"\nroles = [\"load-balancer\"]\n\n[load_balancer]\n{settings}\n"
    ))
}

fn cluster(settings: &str) -> String {
    with_node(&format!("\n[cluster]\n{settings}\n"))
}

cases! {
    syntax: with_node("\n[cluster]\nname = orders\nplugins = [\"rabbitmq_management\"\n");
    unquoted_string: with_node("\n[cluster]\nname = node3\n");
    table_twice: with_node("\n[cluster]\nname = \"a\"\n[cluster]\nname = \"b\"\n");
    empty: "# nothing yet\n\n";
    unknown_keys: with_node("user = \"ops\"\nnode_typ = \"disc\"\n[cluster]\npluginz = []\nfrobnicate = 1\n[clusters]\n");
    firewall_with_words_of_others: with_node("\n[firewall]\nmanage = \"yes\"\nmanaged = true\n[firewal]\n");
    words_of_other_tools: "[[host]]\nhostname = \"node1\"\nip = \"10.0.0.1\"\nrole = \"broker\"\n";
    wrong_types: with_node("node_type = 1\n[cluster]\nname = 5\nplugins = \"rabbitmq_management\"\nfile_descriptors = \"65536\"\n[package]\nhold = \"yes\"\n");
    hosts_in_one_bracket: "[host]\nname = \"node1\"\naddress = \"10.0.0.1\"\nroles = [\"broker\"]\n";
    no_hosts: "[cluster]\nname = \"orders\"\n";
    no_hosts_in_a_list: "host = []\n";
    duplicate_names: two_hosts("name = \"node1\"\naddress = \"10.0.0.1\"", "name = \"node1\"\naddress = \"10.0.0.2\"");
    duplicate_addresses: two_hosts("name = \"node1\"\naddress = \"fd00::1\"", "name = \"lb1\"\naddress = \"fd00:0::1\"");
    names_that_are_none: two_hosts("name = \"node_1\"\naddress = \"10.0.0.1\"", "name = \"LB1\"\naddress = \"10.0.0.2\"");
    dotted_name_in_short_mode: "[[host]]\nname = \"node1.example.com\"\naddress = \"10.0.0.1\"\nroles = [\"broker\"]\n";
    bare_name_in_long_mode: format!("[cluster]\nnames = \"long\"\n\n{}", with_node(""));
    localhost: two_hosts("name = \"localhost\"\naddress = \"localhost\"", "name = \"lb1\"\naddress = \"127.0.0.1\"");
    addresses_that_are_none: two_hosts("name = \"node1\"\naddress = \"0.0.0.0\"", "name = \"lb1\"\naddress = \"ops@10.0.0.2\"");
    brokers_of_both_address_families: with_node("\n[[host]]\nname = \"node2\"\naddress = \"10.0.0.2\"\nroles = [\"broker\"]\n\n[[host]]\nname = \"node3\"\naddress = \"fd00::3\"\nroles = [\"broker\"]\n");
    no_broker: "[[host]]\nname = \"lb1\"\naddress = \"10.0.0.1\"\nroles = [\"load-balancer\"]\n\n[load_balancer]\n";
    no_role: with_node("\n[[host]]\nname = \"node2\"\naddress = \"10.0.0.2\"\nroles = []\n");
    two_brokers: with_node("\n[[host]]\nname = \"node2\"\naddress = \"10.0.0.2\"\nroles = [\"broker\"]\n");
    four_brokers: (2..5).fold(with_node(""), |text, n| {
        format!("{text}\n[[host]]\nname = \"node{n}\"\naddress = \"10.0.0.{n}\"\nroles = [\"broker\"]\n")
    });
    ram_seed: with_node("node_type = \"ram\"\n\n[[host]]\nname = \"node2\"\naddress = \"10.0.0.2\"\nroles = [\"broker\"]\n[[host]]\nname = \"node3\"\naddress = \"10.0.0.3\"\nroles = [\"broker\"]\n");
    no_disc_node: with_node("node_type = \"ram\"\n");
    balancer_without_table: with_node("\n[[host]]\nname = \"lb1\"\naddress = \"10.0.0.2\"\nroles = [\"load-balancer\"]\n");
    table_without_balancer: with_node("\n[load_balancer]\nbalance = \"leastconn\"\n");
    unknown_role: with_node("\n[[host]]\nname = \"lb1\"\naddress = \"10.0.0.2\"\nroles = [\"loadbalancer\", \"queen\"]\n");
    unknown_time_server: with_node("\n[time]\nservers = [\"node2\", \"10.0.0.77\", \"ntp.example.com\", \"time one\"]\n");
    time_server_without_role: with_node("\n[time]\nservers = [\"node1\"]\n");
    unreadable_cookie: cluster("cookie = { from = \"file\", path = \"tests/inventory/files/none.cookie\" }");
    cookie_with_bad_byte: cluster("cookie = { from = \"file\", path = \"tests/inventory/files/bad-byte.cookie\" }");
    secret_open_to_others: cluster("[cluster.config]\ndefault_pass = { from = \"file\", path = \"tests/inventory/files/open.secret\" }");
    cookie_too_long: cluster("cookie = { from = \"file\", path = \"tests/inventory/files/long.cookie\" }");
    cookie_that_debian_replaces: cluster("cookie = { from = \"file\", path = \"tests/inventory/files/debian.cookie\" }");
    cookie_written_out: cluster("cookie = \"hunter2hunter2hunter2\"");
    cookie_misspelt: cluster("cookie = \"gen-erate\"");
    cookie_from_elsewhere: cluster("cookie = { from = \"fil\", path = \"cookie\" }");
    cookie_without_path: cluster("cookie = { from = \"file\", name = \"cookie\" }");
    command_as_text: cluster("cookie = { from = \"command\", argv = \"pass show cookie\" }");
    command_that_fails: cluster("cookie = { from = \"command\", argv = [\"sh\", \"-c\", \"echo no such entry >&2; exit 3\"] }");
    command_that_traces_itself: cluster("cookie = { from = \"command\", argv = [\"sh\", \"-c\", \"printf + >&2; printf %s aHVudGVyMg== | base64 -d >&2; exit 1\"] }");
    command_that_is_not_there: cluster("cookie = { from = \"command\", argv = [\"rabbitup-no-such-program\"] }");
    variable_not_set: cluster("admin = { user = \"admin\", password = { from = \"env\", name = \"RABBITUP_TEST_NOT_SET\" } }");
    password_written_out: cluster("admin = { user = \"admin\", password = \"hunter2\" }\n[cluster.config]\ndefault_pass = \"hunter2\"");
    substitution_of_nothing: cluster("[cluster.config]\ndefault_vhost = \"$(touch /x)\"\nheartbeat = 30\nmqtt.vhost = \"a$(heartbeat)\"");
    password_of_two_lines: cluster("[cluster.config]\ndefault_pass = { from = \"file\", path = \"tests/inventory/files/two-lines.secret\" }");
    password_written_out_in_broken_toml: cluster("admin = { user = admin, password = \"hunter2\" }");
    template_with_unknown_variable: with_node("\n[templates]\nhaproxy = \"tests/inventory/files/unknown-variable.hbs\"\n");
    template_that_does_not_compile: with_node("\n[templates]\nhaproxy = \"tests/inventory/files/unclosed.hbs\"\n");
    template_with_a_variable_that_is_not_set: balancer("balance = \"leastconn\"\n\n[templates]\nhaproxy = \"tests/inventory/files/no-value.hbs\"");
    template_missing: with_node("\n[templates]\nhaproxi = \"a\"\nnginx = \"tests/inventory/files/none.hbs\"\n");
    bad_version: with_node("\n[package]\nversion = \"latest\"\n");
    bad_key: with_node("\n[package]\nkeys = [\"6026DFCA\"]\n");
    bad_version_pattern: with_node("\n[package]\nversion = \"4*0\"\n");
    bad_durations: with_node("\n[ssh]\nconnect_timeout = \"10\"\npersist = \"soon\"\n[time]\nmax_offset = 250\n");
    bad_choices: with_node("\n[ssh]\nhost_keys = \"accept_new\"\nbecome = \"su\"\n");
    option_in_a_word: with_node("\n[ssh]\nuser = \"-oProxyCommand=id\"\njump = \"a b\"\n");
    definitions_missing: cluster("definitions = \"tests/inventory/files/none.json\"");
    definitions_not_json: cluster("definitions = \"tests/inventory/files/broken.json\"");
    definitions_misspelt: cluster("definitions = \"tests/inventory/files/misspelt.json\"");
    definitions_of_something_else: cluster("definitions = \"tests/inventory/files/other.json\"");
    definitions_without_name: cluster("definitions = \"tests/inventory/files/nameless.json\"");
    unknown_balance: balancer("balance = \"round-robin\"");
    http_balance: balancer("balance = \"uri\"");
    unknown_balance_of_nginx: balancer("software = \"nginx\"\nbalance = \"ip_hash\"");
    stats_of_nginx: balancer("software = \"nginx\"\nstats = { port = 8404 }");
    stats_without_password: balancer("stats = { port = 8404, user = \"ops\" }");
    stats_password_with_quote: balancer("stats = { port = 8404, user = \"ops\", password = { from = \"file\", path = \"tests/inventory/files/quote.secret\" } }");
    plugin_names: cluster("plugins = [\"management\", \"rabbitmq_prometeus\", \"rabbitmq-shovel\", \"my_own_plugin\"]");
    port_zero: balancer("amqp_port = 0\nmanagement_port = 70000");
    port_clash: balancer("amqp_port = 8404\nstats = { port = 8404 }");
    port_of_the_broker: "[[host]]\nname = \"node1\"\naddress = \"10.0.0.1\"\nroles = [\"broker\", \"load-balancer\"]\n\n[load_balancer]\n";
    no_listener_for_the_balancer: format!("{}\n[cluster]\nplugins = []\n[cluster.config]\nlisteners.tcp = \"none\"\n", balancer(""));
    listener_on_loopback_alone: format!("{}\n[cluster]\nplugins = []\n[cluster.config]\nlisteners.tcp.default = \"127.0.0.1:5672\"\n", balancer(""));
    two_listeners_on_one_port: cluster("plugins = [\"rabbitmq_management\", \"rabbitmq_prometheus\"]\n[cluster.config]\nlisteners.tcp.default = 5673\nlisteners.ssl.default = 5673\nprometheus.tcp.port = 15672\n");
    listener_on_the_port_between_brokers: cluster("[cluster.config]\nlisteners.tcp.default = 25680\ndistribution.listener.port_range.min = 25680\n");
    ui_on_loopback_behind_the_balancer: format!("{}\n[cluster]\nplugins = [\"rabbitmq_management\"]\n[cluster.config]\nmanagement.tcp.ip = \"127.0.0.1\"\n", balancer("management_port = 15672"));
    listener_without_a_plugin: balancer("listeners = [{ serves = \"mqtt\" }]");
    a_header_that_nobody_sends: cluster("plugins = [\"rabbitmq_mqtt\"]\n[cluster.config]\nproxy_protocol = true\nmqtt.proxy_protocol = \"yes\"\n");
    a_header_for_a_listener_that_is_not_offered: balancer("[cluster]\nplugins = [\"rabbitmq_mqtt\"]\n[cluster.config]\nproxy_protocol = true\nmqtt.proxy_protocol = true\n");
    a_template_that_leaves_the_header_out: balancer("[cluster.config]\nproxy_protocol = true\n[templates]\nhaproxy = \"tests/inventory/files/no-header.hbs\"\n");
    two_listeners_of_a_kind: balancer("listeners = [{ serves = \"prometheus\" }, { serves = \"prometheus\", port = 9 }]");
    unknown_listener: balancer("listeners = [{ serves = \"stream\" }]");
    listeners_on_one_port: balancer("listeners = [{ serves = \"prometheus\", port = 5672 }]");
    bind_that_is_no_address: balancer("bind = [\"lb1\"]");
    too_few_connections: balancer("max_connections = 10");
    unknown_check: balancer("check = \"http\"");
    management_without_plugin: cluster("plugins = []\n[[host]]\nname = \"lb1\"\naddress = \"10.0.0.2\"\nroles = [\"load-balancer\"]\n[load_balancer]\nmanagement_port = 15672");
    config_with_line_break: cluster("[cluster.config]\nlog.file = \"a\\nloopback_users = none\"\nlog.dir = \"\\u001b[31m\"");
    config_values: cluster("[cluster.config]\nauth_backends = [\"ldap\", \"internal\"]\nlog.file = \"a # b\"\n\"log.file\" = \"c\"\n\"bad key\" = 1\nx = nan\n");
    date_in_config: cluster("[cluster.config]\nheartbeat = 30\nlog.file = 2026-01-01\n");
    config_keys_that_nobody_knows: cluster("[cluster.config]\nvm_memory_high_watermrk = 0.4\nhartbeat = 30\nlisteners.tcpp.default = 5672\n[cluster.config.frob]\nnicate = 1\n");
    config_keys_of_other_versions: cluster("[cluster.config]\nmqtt.default_user = \"a\"\ncluster_queue_limit = 5\n[package]\nversion = \"4.0.*\"");
    config_keys_before_their_patch_release: cluster("[cluster.config]\ncluster_queue_limit = 5\n[package]\nversion = \"3.13.2-1\"");
    config_written_by_rabbitup: cluster("[cluster.config]\ncluster_formation.peer_discovery_backend = \"dns\"");
    cluster_name_with_odd_bytes: cluster("name = \"orders\\u0007; rm\"");
    wide_text_before_an_error: cluster("name = \"日本語 📦\"");
    vip_that_is_none: shared("vip = [\"10.0.0.40\", \"10.0.0.40/33\", \"lb/24\", \"10.0.0.0/24\", \"10.0.0.255/24\", \"127.0.0.9/24\"]");
    vip_of_another_kind: shared("vip = 7");
    vip_without_any: shared("vip = []");
    vip_of_a_host: shared("vip = \"10.0.0.9/24\"");
    vip_outside_every_network: shared("vip = \"10.0.1.40/24\"");
    vip_of_the_other_family: shared("vip = \"fd00::40/64\"");
    vip_twice: shared("vip = [\"10.0.0.40/24\", \"10.0.0.40/25\"]");
    vip_that_is_bound_to_one: shared("vip = \"10.0.0.40/24\"\nbind = [\"10.0.0.40\"]");
    vip_with_odd_settings: shared("vip = \"10.0.0.40/24\"\nrouter_id = 256\ninterface = \"no such thing\"");
    vip_that_is_missing: shared("router_id = 7\ninterface = \"eth0\"");
    vip_of_a_single_balancer: balancer("vip = \"10.0.0.40/24\"");
    vip_of_balancers_of_both_families: shared("vip = \"10.0.0.40/24\"").replace("10.0.0.9", "fd00::9");
    control_characters_in_the_text: "[cluster]\nname = \"a\u{1b}[31mb\"\n";
}

#[test]
fn many_independent_errors_are_shown_at_once() {
    let text = "[[host]]\nname = \"Node1\"\naddress = \"127.0.0.1\"\nroles = [\"broker\"]\nnode_type = \"disk\"\n\n\
        [ssh]\npersist = \"1\"\n\n[package]\nversion = \"newest\"\n\n[cluster]\nplugins = [\"prometheus\"]\n";
    insta::assert_snapshot!(said(text));
}

#[test]
fn a_report_needs_neither_colour_nor_unicode() {
    let text = with_node("user = \"ops\"\n[cluster]\npluginz = []\n");
    let errors = rabbitup::inventory::load_text(Path::new("inventory.toml"), &text, Options::default())
        .expect_err("errors");
    let ascii = errors.render(80, Graphics::Ascii);
    assert!(!ascii.contains('\u{1b}'));
    insta::assert_snapshot!(ascii);
    assert!(errors.render(80, Graphics::Colour).contains('\u{1b}'));
    assert!(!errors.render(80, Graphics::Unicode).contains('\u{1b}'));
}

#[test]
fn lines_of_a_report_fit_80_columns() {
    let texts =
        [with_node("user = 1\nnode_typ = 2\n"), cluster("cookie = \"hunter2\""), cluster("name = \"日本\"")];
    for line in texts.iter().flat_map(|text| said(text).lines().map(str::to_owned).collect::<Vec<_>>()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

fn of_file(path: &str) -> String {
    load(Path::new(path), Options::default()).expect_err("no inventory").render(80, Graphics::Unicode)
}

#[test]
fn files_that_are_not_inventories() {
    insta::assert_snapshot!("file_missing", of_file("none/inventory.toml"));
    insta::assert_snapshot!("file_is_a_directory", of_file("inventories"));
    insta::assert_snapshot!("file_is_endless", of_file("/dev/zero"));
    insta::assert_snapshot!("file_is_latin1", of_file("tests/inventory/files/latin1.toml"));
}

#[test]
fn ten_megabytes_of_noise_are_refused_unread() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("noise.toml");
    std::fs::write(&path, vec![b'['; 10 << 20]).expect("a file");
    let start = std::time::Instant::now();
    let errors = load(&path, Options::default()).expect_err("noise");
    assert!(start.elapsed().as_secs() < 2);
    assert!(errors.problems()[0].message().contains("larger than 1 MiB"));
}

#[test]
fn a_configuration_of_ssh_that_is_not_there_is_an_error_at_its_line() {
    let said = said(&with_node("\n[ssh]\nconfig = \"/nonexistent/ssh_config\"\n"));
    assert!(said.contains("/nonexistent/ssh_config does not exist"), "{said}");
    assert!(said.contains("no such file") && said.contains("[ssh]"), "it is pointed at:\n{said}");
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/inventories/production/ssh_confg");
    let near = super::said(&with_node(&format!("\n[ssh]\nconfig = \"{path}\"\n")));
    assert!(near.contains("did you mean `ssh_config`"), "{near}");
    let host = "[[host]]\nname = \"node1\"\naddress = \"10.0.0.1\"\nroles = [\"broker\"]\nssh = { config = \"/nonexistent/of-one\" }\n";
    let of_one = super::said(host);
    assert!(of_one.contains("/nonexistent/of-one does not exist"), "{of_one}");
    let directory = super::said(&with_node(&format!("\n[ssh]\nconfig = \"{root}/inventories\"\n")));
    assert!(directory.contains("is a directory"), "{directory}");
}
