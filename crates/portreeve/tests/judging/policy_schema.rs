//! The policy's schema takes what the parser takes, and refuses what it refuses wherever a schema can tell (A15).

use serde_json::Value;

use crate::program::{data, run, run_with};

/// What `[service.a]` may say.
const GOOD_SERVICES: &[&str] = &[
    "ports = \"80/tcp\"",
    "ports = [\"80/tcp\", \"443/udp\", \"1-9/udplite\", \"7/sctp\"]",
    "ports = [\"smtp/tcp\", \"x11/tcp\", \"HTTPS/udp\"]",
    "ports = \"1/tcp\"\naddress = \"127.0.0.1\"",
    "ports = \"1/tcp\"\naddress = [\"::1\", \"fe80::1%eth0\"]",
    "ports = \"1/tcp\"\ndevice = \"eth0.100\"",
    "ports = \"1/tcp\"\nowner = { unit = \"nginx.service\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"postgresql@*.service\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"postfix@-.service\" }",
    "ports = \"1/tcp\"\nowner = { unit = 'dev-a\\x2db.socket' }",
    "ports = \"1/tcp\"\nowner = [{ user = \"www-data\" }, { user = \"1000\" }, { user = \"名前\" }]",
    "ports = \"1/tcp\"\nowner = { exe = \"/usr/sbin/a b\" }",
    "ports = \"1/tcp\"\nowner = { cgroup = \"/\" }",
    "ports = \"1/tcp\"\nowner = { container = \"0123456789ab\" }",
    "ports = \"1/tcp\"\nowner = { mark = \"shop-2\" }",
    "ports = \"1/tcp\"\nreach = \"world\"",
    "ports = \"1/tcp\"\nreach = [\"world\", \"host\"]",
    "ports = \"1/tcp\"\nwhy = \"理由\"",
];

/// What it may not, and no schema need be told why.
const BAD_SERVICES: &[&str] = &[
    "",
    "ports = []",
    "ports = 80",
    "ports = [80]",
    "ports = \"80\"",
    "ports = \"80/tpc\"",
    "ports = \"80/TCP\"",
    "ports = \"5/dccp\"",
    "ports = \"/tcp\"",
    "ports = \"80/tcp/udp\"",
    "ports = { number = 80 }",
    "ports = \"1/tcp\"\nreech = \"world\"",
    "ports = \"1/tcp\"\nreach = []",
    "ports = \"1/tcp\"\nreach = true",
    "ports = \"1/tcp\"\naddress = 1.5",
    "ports = \"1/tcp\"\naddress = []",
    "ports = \"1/tcp\"\ndevice = [\"eth0\"]",
    "ports = \"1/tcp\"\ndevice = \"eth*\"",
    "ports = \"1/tcp\"\ndevice = \"a-name-that-is-long\"",
    "ports = \"1/tcp\"\nwhy = \"\"",
    "ports = \"1/tcp\"\nwhy = \" \"",
    "ports = \"1/tcp\"\nwhy = 5",
    "ports = \"1/tcp\"\nowner = \"nginx.service\"",
    "ports = \"1/tcp\"\nowner = []",
    "ports = \"1/tcp\"\nowner = {}",
    "ports = \"1/tcp\"\nowner = [{}]",
    "ports = \"1/tcp\"\nowner = { unti = \"a.service\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"a.service\", user = \"b\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"nginx\" }",
    "ports = \"1/tcp\"\nowner = { unit = \".service\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"a b.service\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"*.service\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"ng*.service\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"a@b@*.service\" }",
    "ports = \"1/tcp\"\nowner = { unit = \"a b@*.service\" }",
    "ports = \"1/tcp\"\nowner = { user = \"\" }",
    "ports = \"1/tcp\"\nowner = { user = \"a:b\" }",
    "ports = \"1/tcp\"\nowner = { exe = \"nginx\" }",
    "ports = \"1/tcp\"\nowner = { cgroup = \"a.slice\" }",
    "ports = \"1/tcp\"\nowner = { container = \"a b\" }",
    "ports = \"1/tcp\"\nowner = { mark = \"Shop\" }",
    "ports = \"1/tcp\"\nowner = 2027-01-01",
];

/// What `[zone.a]` and `[[waive]]` may say, and the whole of a file.
const GOOD_FILES: &[&str] = &[
    "",
    "refuse = \"reject\"",
    "[zone.a]\nfrom = \"10.0.0.1\"\nmanagement = true",
    "[zone.a]\ninterface = \"wg0\"\nmanagement = [\"22/tcp\", \"60000-61000/udp\"]",
    "[protocol.gre]\nreach = \"host\"",
    "[protocol.esp]\nreach = [\"world\"]\n[protocol.vrrp]\nreach = \"world\"",
    "refuse = \"drop\"\n[zone.a]\nfrom = \"10.0.0.1\"",
    "[zone.a]\nfrom = \"10.0.0.1\"",
    "[zone.a]\nfrom = [\"10.0.0.0/8\", \"2001:db8::/32\"]\ninterface = \"eth1\"",
    "[zone.\"何処か\"]\ninterface = [\"br-*\", \"*\", \"fifteen-letters*\"]",
    "zone.a.from = \"10.0.0.1\"\nservice.b.ports = \"1/tcp\"",
    "service = { a = { ports = \"1/tcp\" } }",
    "waive = []",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"it is ours\"",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nports = \"30000-30099/tcp\"\nuntil = \"2028-02-29\"",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nuntil = 2028-02-29",
];

const BAD_FILES: &[&str] = &[
    "refuse = \"tarpit\"",
    "[zone.a]\nmanagement = true",
    "[zone.a]\nfrom = \"10.0.0.1\"\nmanagement = 22",
    "[zone.a]\nfrom = \"10.0.0.1\"\nmanagement = []",
    "[zone.a]\nfrom = \"10.0.0.1\"\nmanagement = \"22\"",
    "[protocol]\ngre = \"host\"",
    "[protocol.tcp]\nreach = \"host\"",
    "[protocol.gree]\nreach = \"host\"",
    "[protocol.gre]",
    "[protocol.gre]\nreach = []",
    "[protocol.gre]\nreech = \"host\"",
    "[protocol.gre]\nreach = true",
    "refuse = \"Reject\"",
    "refuse = true",
    "refuse = [\"drop\"]",
    "[refuse]",
    "[zones.a]\nfrom = \"10.0.0.1\"",
    "[zone]\na = 1",
    "[[zone]]\nfrom = \"10.0.0.1\"",
    "[zone.a]",
    "[zone.a]\nfrom = []",
    "[zone.a]\nfrom = 10",
    "[zone.a]\ninterfaces = \"eth1\"",
    "[zone.a]\ninterface = \"\"",
    "[zone.a]\ninterface = \"a*b\"",
    "[zone.a]\ninterface = \"sixteen--letters\"",
    "[service]\na = 1",
    "[[service]]\nports = \"1/tcp\"",
    "service = 1",
    "[waive]\nrule = \"stolen-port\"\nwhy = \"x\"",
    "[[waive]]\nrule = \"stolen-port\"",
    "[[waive]]\nwhy = \"x\"",
    "[[waive]]\nrule = \"stolen-prot\"\nwhy = \"x\"",
    "[[waive]]\nrule = 7\nwhy = \"x\"",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"\"",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nuntil = \"soon\"",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nuntil = \"2027-1-1\"",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nuntil = 2027-01-01T00:00:00Z",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nuntil = 7",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nports = []",
    "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nfrom = \"10.0.0.1\"",
];

/// What only the parser can refuse, by the reason why a schema cannot: it compares places, or knows numbers and names.
const ONLY_THE_PARSER_REFUSES: &[(&str, &str)] = &[
    ("two services claim one port", "[service.a]\nports = \"1/tcp\"\n[service.b]\nports = \"1-2/tcp\""),
    ("one service claims a port twice", "[service.a]\nports = [\"1/tcp\", \"1/tcp\"]"),
    ("a zone that nobody defined", "[service.a]\nports = \"1/tcp\"\nreach = \"office\""),
    ("a zone that is built in", "[zone.world]\nfrom = \"10.0.0.1\""),
    ("a name with a space", "[service.\"a b\"]\nports = \"1/tcp\""),
    ("a port above the highest", "[service.a]\nports = \"65536/tcp\""),
    ("port 0", "[service.a]\nports = \"0/tcp\""),
    ("a range that ends before it starts", "[service.a]\nports = \"9-3/tcp\""),
    ("a name that IANA does not give", "[service.a]\nports = \"nonesuch/tcp\""),
    ("a name of several numbers", "[service.a]\nports = \"compressnet/tcp\""),
    ("text that is no address", "[service.a]\nports = \"1/tcp\"\naddress = \"localhost\""),
    ("text that is no network", "[zone.a]\nfrom = \"10.0.0.0/33\""),
    ("a path that the kernel never shows", "[service.a]\nports = \"1/tcp\"\nowner = { exe = \"/usr/../a\" }"),
    ("a user number above 32 bits", "[service.a]\nports = \"1/tcp\"\nowner = { user = \"4294967296\" }"),
    ("a day that no calendar has", "[[waive]]\nrule = \"stolen-port\"\nwhy = \"x\"\nuntil = \"2027-02-29\""),
];

/// Judges policies as an editor does that knows the schema.
struct Editor(jsonschema::Validator);

impl Editor {
    fn new() -> Self {
        Self(jsonschema::validator_for(&run("schema policy").json(0)).expect("a schema of draft 2020-12"))
    }

    /// The schema is about the JSON that TOML stands for: there a date is text.
    fn takes(&self, policy: &str) -> bool {
        let table: toml::Table = policy.parse().unwrap_or_else(|error| panic!("not TOML: {error}\n{policy}"));
        self.0.is_valid(&json(toml::Value::Table(table)))
    }
}

fn json(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Array(items) => items.into_iter().map(json).collect(),
        toml::Value::Table(entries) => entries.into_iter().map(|(key, value)| (key, json(value))).collect(),
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(truth) => truth.into(),
    }
}

fn parser_takes(policy: &str) -> bool {
    let ran = run_with("check - -q", policy.as_bytes());
    assert!(matches!(ran.code, 0 | 2), "{}: {}", ran.code, ran.err);
    ran.code == 0
}

fn file(text: &str) -> String {
    format!("version = 1\n{text}\n")
}

fn service(lines: &&str) -> String {
    file(&format!("[service.a]\n{lines}"))
}

fn both<'a>(services: &'a [&str], files: &'a [&str]) -> impl Iterator<Item = String> + 'a {
    services.iter().map(service).chain(files.iter().map(|text| file(text)))
}

#[test]
fn what_is_right_is_right_for_both() {
    let editor = Editor::new();
    let whole = std::fs::read_to_string(data().join("judge-policy-whole.toml")).unwrap();
    for policy in both(GOOD_SERVICES, GOOD_FILES).chain([whole]) {
        assert!(parser_takes(&policy), "the parser refuses:\n{policy}");
        assert!(editor.takes(&policy), "the schema refuses:\n{policy}");
    }
}

#[test]
fn what_is_wrong_is_wrong_for_both() {
    let editor = Editor::new();
    let versions = ["version = 2\n", "version = \"1\"\n", "version = 0\n"].map(String::from);
    for policy in both(BAD_SERVICES, BAD_FILES).chain(versions) {
        assert!(!parser_takes(&policy), "the parser takes:\n{policy}");
        assert!(!editor.takes(&policy), "the schema takes:\n{policy}");
    }
}

#[test]
fn what_only_the_parser_refuses_is_listed_by_name() {
    let editor = Editor::new();
    for (name, text) in ONLY_THE_PARSER_REFUSES {
        assert!(!parser_takes(&file(text)), "the parser takes {name}");
        assert!(editor.takes(&file(text)), "the schema can refuse {name}: list it among the bad");
    }
    // Only the first file of a policy must say its version, and a schema sees each alone.
    assert!(!parser_takes("") && editor.takes(""));
    // JSON has one kind of number.
    assert!(!parser_takes("version = 1.0\n") && editor.takes("version = 1.0\n"));
}
