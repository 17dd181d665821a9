//! `exposure`: who reaches which port, asked about saved listings of a packet filter (A15, A17, A20).

mod asked;
mod refused;
mod traced;

use std::{
    fs,
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};

use crate::run::{Said, program, run, saved, web_with, with_input};

/// A host with `wan0`, `lan0` and `docker0`: ssh for an office, a web server that one neighbour is kept from, a published
/// container, and rules that hang on a rate, on content and on a rejection.
fn on_firewall(line: &str) -> Said {
    let folder = saved("firewall");
    let words = line.split_whitespace();
    program().arg("exposure").arg("--from-files").arg(folder).args(words).output().unwrap().into()
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("portreeve-exposure-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in files {
            fs::write(folder.join(name), content).unwrap();
        }
        Self(folder)
    }

    /// The listings of the host that these tests know, one of them replaced.
    fn with_listing(name: &str, content: &str) -> Self {
        let folder = Self::with(&[]);
        for entry in fs::read_dir(saved("firewall")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, folder.0.join(path.file_name().unwrap())).unwrap();
        }
        fs::write(folder.0.join(name), content).unwrap();
        folder
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn exposure(&self, line: &str) -> Said {
        run(&format!("exposure --from-files {} {line}", self.0.display()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The rows of one port, each as its zone, family and verdict.
fn verdicts(said: &Said, port: u16, protocol: &str) -> Vec<String> {
    let document = said.json();
    let rows = document["exposure"].as_array().unwrap().iter();
    let covers = |row: &&Value| {
        let (first, last) = (row["port"].as_u64().unwrap(), row["port_last"].as_u64().unwrap());
        row["protocol"] == protocol && (first..=last).contains(&u64::from(port))
    };
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let told = |row: &Value| [&row["zone"], &row["family"], &row["verdict"]].map(text).join(" ");
    rows.filter(covers).map(told).collect()
}

#[test]
fn every_number_is_told_once_for_each_zone_protocol_and_family() {
    let said = on_firewall("--all -o json");
    assert_eq!(said.code, Some(0));
    for (port, world) in [
        (22, ["partly", "reachable"]),
        (23, ["dropped", "dropped"]),
        (25, ["rejected", "dropped"]),
        (80, ["partly", "dropped"]),
        (81, ["reachable", "dropped"]),
        (82, ["unknown", "dropped"]),
        (8080, ["partly", "dropped"]),
        (65_535, ["dropped", "dropped"]),
    ] {
        let world = [format!("world ipv4 {}", world[0]), format!("world ipv6 {}", world[1])];
        let host = ["host ipv4 reachable".to_owned(), "host ipv6 reachable".to_owned()];
        let mut told = verdicts(&said, port, "tcp");
        told.sort();
        let mut expected = [host, world].concat();
        expected.sort();
        assert_eq!(told, expected, "{port}");
    }
    assert_eq!(verdicts(&said, 53, "udp").len(), 4);
}

#[test]
fn a_row_has_the_fields_of_the_documented_shape() {
    let document = on_firewall("22/tcp --from world -o json").json();
    assert_eq!((&document["version"], &document["basis"]), (&json!(1), &json!("firewall")));
    assert_eq!(document["gaps"], json!([]));
    let office = json!({
        "family": "ip", "table": "filter", "chain": "office", "handle": null,
        "text": "-A office -m set --match-set office src -j ACCEPT",
    });
    let policy = json!({
        "family": "ip", "table": "filter", "chain": "INPUT", "handle": null, "text": "policy drop",
    });
    let row = json!({
        "zone": "world", "source": null, "destination": null, "family": "ipv4", "protocol": "tcp",
        "port": 22, "port_last": 22, "verdict": "partly", "basis": "firewall",
        "how": {"kind": "local", "to": null},
        "passing": [{"interfaces": [], "sources": ["198.51.100.0/24"], "destinations": []}],
        "rate_limited": false, "decided_by": [office, policy],
    });
    assert_eq!(document["exposure"][0], row);
    let published = &on_firewall("8080/tcp --from wan0 -o json").json()["exposure"][0];
    let to = json!({"kind": "forwarded", "to": {"address": "172.17.0.2", "port": 80}});
    assert_eq!((&published["how"], &published["zone"]), (&to, &Value::Null));
}

#[test]
fn a_table_says_who_passes_and_which_rule_decides() {
    let said = on_firewall("22/tcp 81/tcp 82/tcp 8080/tcp");
    let line = |begin: &str| {
        let found = said.out.lines().find(|line| line.starts_with(begin));
        found.unwrap_or_else(|| panic!("no {begin} in {}", said.out)).to_owned()
    };
    assert!(line("22/tcp    world IPv4").contains("partly"), "{}", said.out);
    assert!(line("22/tcp    world IPv4").contains("here (from 198.51.100.0/24)"));
    assert!(
        line("22/tcp    world IPv6")
            .ends_with("ip6 filter INPUT: -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT")
    );
    assert!(line("81/tcp    world IPv4").contains("reachable (rate-limited)"));
    assert!(line("82/tcp    world IPv4").contains("--string"), "who doubts quotes the rule");
    assert!(line("8080/tcp  world IPv4").contains("→ 172.17.0.2:80 (by wan0 lan0)"));
    // The host itself reaches all of them, as everybody expects.
    assert!(!said.out.contains("host"), "{}", said.out);
}

#[test]
fn japanese_says_the_same() {
    let said = on_firewall("22/tcp 81/tcp 82/tcp --from world --lang ja");
    for words in [
        "一部到達可",
        "このホスト(送信元: 198.51.100.0/24)",
        "到達可(頻度制限あり)",
        "判定不能",
        "決め手のルール",
    ] {
        assert!(said.out.contains(words), "{words}: {}", said.out);
    }
}

#[test]
fn a_place_is_a_zone_an_address_a_network_or_an_interface() {
    let policy = saved("web.toml");
    let policy = policy.display();
    for (from, verdict) in [
        ("198.51.100.7", "- ipv4 reachable"),
        ("198.51.100.0/25", "- ipv4 reachable"),
        ("8.8.8.8", "- ipv4 dropped"),
        ("::ffff:198.51.100.7", "- ipv4 reachable"),
        ("240.0.0.1", "- ipv4 dropped"),
        ("203.0.113.1", "- ipv4 reachable"),
        ("lan0", "- ipv4 partly"),
        ("world", "world ipv4 partly"),
        ("host", "host ipv4 reachable"),
    ] {
        let said = on_firewall(&format!("22/tcp --from {from} -o json --policy {policy}"));
        assert_eq!(verdicts(&said, 22, "tcp")[0], verdict, "{from}: {said:?}");
    }
    let zone = on_firewall(&format!("22/tcp --from office -o json --policy {policy}"));
    assert!(verdicts(&zone, 22, "tcp")[0].starts_with("office ipv4"), "{zone:?}");
}

#[test]
fn beside_those_who_get_in_it_is_said_that_of_others_nobody_knows() {
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n\
        -A INPUT -s 198.51.100.0/24 -j ACCEPT\n-A INPUT -m string --string x --algo bm -j ACCEPT\nCOMMIT\n";
    let addresses = fs::read_to_string(saved("firewall").join("addr.json")).unwrap();
    let folder = Folder::with(&[("addr.json", &addresses), ("iptables-legacy-save.txt", rules)]);
    let said = folder.exposure("22/tcp --from world");
    assert!(said.out.contains("  partly, else unknown  here (from 198.51.100.0/24)"), "{}", said.out);
}

/// The same listings in a snapshot.
fn snapshot() -> Vec<u8> {
    let mut listings = serde_json::Map::new();
    for entry in fs::read_dir(saved("firewall")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        listings.insert(name, fs::read_to_string(&path).unwrap().into());
    }
    web_with(|snapshot| snapshot["firewall"] = json!({ "listings": listings }))
}

#[test]
fn a_snapshot_answers_as_its_listings_do() {
    for line in ["--all -o json", "80 --from 203.0.113.66", "--trace 198.51.100.7 22/tcp --lang ja"] {
        let saved = with_input(&format!("exposure {line} --snapshot -"), &snapshot());
        let listed = on_firewall(line);
        assert_eq!((saved.out, saved.code), (listed.out, Some(0)), "{line}");
    }
    // Without a port it tells of those that somebody listens on.
    let said = with_input("exposure --snapshot - --from world -o json", &snapshot());
    assert_eq!(verdicts(&said, 80, "tcp"), ["world ipv4 partly", "world ipv6 dropped"]);
    assert_eq!(verdicts(&said, 81, "tcp"), Vec::<String>::new());
    assert_eq!(verdicts(&said, 8080, "tcp")[0], "world ipv4 partly");
}

/// What gets in where nobody listens is not heard, which only who knows the sockets can say.
#[test]
fn where_nobody_hears_what_gets_in_it_is_said() {
    let said = |line: &str| with_input(&format!("exposure {line} --snapshot -"), &snapshot());
    let nobody = "Nobody listens for others on these: 81/tcp\n";
    assert!(said("22/tcp 80/tcp 81/tcp").out.contains(nobody));
    assert!(said("81/tcp --lang ja").out.contains("ホスト外に向けた待ち受けのないポート: 81/tcp\n"));
    let document = said("22/tcp 80/tcp 81/tcp -o json").json();
    assert_eq!(document["unheard"], json!([{"protocol": "tcp", "port": 81, "port_last": 81}]));
    for silent in ["22/tcp 80/tcp", "81/tcp --from host", "--all"] {
        assert!(!said(silent).out.contains("Nobody listens"), "{silent}");
    }
    assert!(!on_firewall("81/tcp").out.contains(nobody), "listings tell of no socket");
    assert_eq!(on_firewall("81/tcp -o json").json()["unheard"], Value::Null);
}

/// Among others it goes without saying that the host reaches itself, and not where it alone is meant.
#[test]
fn whoever_asks_about_the_host_alone_is_answered() {
    let said = on_firewall("22/tcp --from host");
    assert!(said.out.contains("host") && said.out.contains("reachable"), "{}", said.out);
    let all = on_firewall("22/tcp");
    assert!(!all.out.contains(" host "), "{}", all.out);
}

#[test]
fn a_redacted_snapshot_decides_alike_and_tells_no_comment() {
    assert!(String::from_utf8(snapshot()).unwrap().matches("s3cret: ").count() >= 3);
    let redacted = with_input("snapshot --redact --snapshot -", &snapshot());
    assert!(!redacted.out.contains("s3cret"), "{}", redacted.out);
    let line = "exposure --all -o json --snapshot -";
    let verdicts = |said: Said| {
        let rows = said.json()["exposure"].as_array().unwrap().clone();
        let told =
            |row: &Value| [&row["port"], &row["port_last"], &row["verdict"], &row["how"]].map(Clone::clone);
        rows.iter().map(told).collect::<Vec<_>>()
    };
    let before = verdicts(with_input(line, &snapshot()));
    assert_eq!(verdicts(with_input(line, redacted.out.as_bytes())), before);
}

#[test]
fn what_hides_the_rules_is_said_and_ends_with_3() {
    let hidden = web_with(|snapshot| {
        let addresses = fs::read_to_string(saved("firewall/addr.json")).unwrap();
        snapshot["firewall"] = json!({ "listings": { "addr.json": addresses } });
        snapshot["gaps"] = json!([{ "what": "hidden-firewall", "count": 1 }]);
    });
    let said = with_input("exposure 80/tcp --from world --snapshot -", &hidden);
    assert_eq!(said.code, Some(3));
    assert!(said.out.contains("reachable") && said.out.contains("sudo portreeve"), "{}", said.out);
    let document = with_input("exposure 80/tcp --from world --snapshot - -o json", &hidden);
    assert_eq!(document.code, Some(3));
    let document = document.json();
    assert_eq!(
        (&document["basis"], &document["gaps"][0]["what"]),
        (&json!("bind"), &json!("hidden-firewall"))
    );
    assert_eq!(with_input("exposure 80/tcp --snapshot - --allow-gaps", &hidden).code, Some(0));
    assert_eq!(with_input("exposure --trace 8.8.8.8 80/tcp --snapshot -", &hidden).code, Some(3));
}

#[test]
fn a_snapshot_of_before_is_answered_by_where_listeners_are_bound() {
    let said = crate::run::on_web("exposure -o json --from world");
    assert_eq!(said.code, Some(3));
    assert_eq!(said.json()["gaps"][0]["what"], "unkept-firewall");
    assert_eq!(verdicts(&said, 6379, "tcp"), ["world ipv4 reachable", "world ipv6 reachable"]);
    assert_eq!(verdicts(&said, 5432, "tcp")[0], "world ipv4 dropped");
    let blind = web_with(|snapshot| snapshot["namespaces"][0]["interfaces"] = json!([]));
    let line = r#"{"from":"8.8.8.8","to":"203.0.113.5","protocol":"tcp","port":80}"#;
    let folder = Folder::with(&[("questions", line)]);
    let said = with_input(&format!("exposure --snapshot - --ask {}", folder.file("questions")), &blind);
    assert_eq!((said.json()["verdict"].as_str(), said.code), (Some("unknown"), Some(3)));
}

#[test]
fn where_all_but_a_few_get_in_those_are_named() {
    let addresses = fs::read_to_string(saved("firewall/addr.json")).unwrap();
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A INPUT -s 203.0.113.8/32 -p tcp -m tcp --dport 80 -j DROP\n\
                 -A INPUT -s 198.51.100.0/24 -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n";
    let folder = Folder::with(&[("addr.json", &addresses), ("iptables-legacy-save.txt", rules)]);
    let files = folder.file("addr.json");
    let folder = std::path::Path::new(&files).parent().unwrap().display().to_string();
    let said =
        |lang: &str| run(&format!("exposure 80/tcp --from world --from-files {folder} --lang {lang}")).out;
    let (en, ja) = (said("en"), said("ja"));
    assert!(en.contains("(from all but 198.51.100.0/24 203.0.113.8)"), "{en}");
    assert!(ja.contains("送信元: 198.51.100.0/24 203.0.113.8 以外"), "{ja}");
    let json = run(&format!("exposure 80/tcp --from world --from-files {folder} -o json")).json();
    let others = &json["exposure"][0]["passing"][0]["other_sources"];
    assert_eq!(*others, json!(["198.51.100.0/24", "203.0.113.8"]));
}

#[test]
fn a_network_that_this_host_is_in_is_told_whole() {
    let link =
        json!([{"ifname": "lan0", "addr_info": [{"local": "192.0.2.1", "prefixlen": 24}]}]).to_string();
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 80 -j ACCEPT\nCOMMIT\n";
    let folder = Folder::with(&[("addr.json", &link), ("iptables-legacy-save.txt", rules)]);
    let screen = folder.exposure("80/tcp --from world").out;
    assert!(screen.contains("(from 192.0.2.0/24)"), "{screen}");
}

#[test]
fn from_where_a_rule_leads_to_a_port_is_told_beside_it() {
    let addresses = fs::read_to_string(saved("firewall/addr.json")).unwrap();
    let rules = "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A INPUT -m conntrack --ctstate DNAT -j ACCEPT\nCOMMIT\n\
                 *nat\n:PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A PREROUTING -p tcp -m tcp --dport 7000 -j REDIRECT --to-ports 5432\nCOMMIT\n";
    let folder = Folder::with(&[("addr.json", &addresses), ("iptables-legacy-save.txt", rules)]);
    let said = |words: &str| folder.exposure(&format!("{words} --from world")).out;
    assert!(said("5432/tcp").contains("dropped"), "{}", said("5432/tcp"));
    let through = "5432/tcp is also reached through 7000/tcp, ";
    assert!(said("5432/tcp").contains(through), "{}", said("5432/tcp"));
    assert!(
        said("5432/tcp --lang ja").contains("7000/tcp 経由でも届きます"),
        "{}",
        said("5432/tcp --lang ja")
    );
    for other in ["5433/tcp", "5432/udp", "7000/tcp", "5000-8000/tcp", "--all"] {
        assert!(!said(other).contains("also reached"), "{other}: {}", said(other));
    }
}

#[test]
fn where_they_come_in_by_all_but_one_interface_that_is_named() {
    let link = |place: u8| json!({"ifname": format!("wan{place}"), "addr_info": [{"local": format!("203.0.113.{place}"), "prefixlen": 32}]});
    let addresses = json!((1..=6).map(link).collect::<Vec<_>>()).to_string();
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A INPUT -i wan3 -p tcp -m tcp --dport 80 -j DROP\nCOMMIT\n";
    let folder = Folder::with(&[("addr.json", &addresses), ("iptables-legacy-save.txt", rules)]);
    let files = folder.file("addr.json");
    let folder = std::path::Path::new(&files).parent().unwrap().display().to_string();
    let said = |rest: &str| run(&format!("exposure 80/tcp --from world --from-files {folder} {rest}"));
    let screen = said("").out;
    assert!(screen.contains("(by all but wan3)"), "{screen}");
    let json = said("-o json").json();
    assert_eq!(json["exposure"][0]["passing"][0]["other_interfaces"], json!(["wan3"]));
}

#[test]
fn all_ports_but_a_few_are_one_line() {
    let addresses = fs::read_to_string(saved("firewall/addr.json")).unwrap();
    let rules = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
                 -A INPUT -p tcp -m tcp --dport 22 -j DROP\n\
                 -A INPUT -p tcp -m tcp --dport 8000:8099 -j DROP\nCOMMIT\n";
    let folder = Folder::with(&[("addr.json", &addresses), ("iptables-legacy-save.txt", rules)]);
    let files = folder.file("addr.json");
    let folder = std::path::Path::new(&files).parent().unwrap().display().to_string();
    let said = |words: &str| run(&format!("exposure {words} --from world --from-files {folder}")).out;
    let told = |words: &str| -> Vec<String> {
        let out = said(words);
        let lines = out.lines().filter(|line| line.contains("world IPv4"));
        lines.map(|line| line.split("  ").next().unwrap().to_owned()).collect()
    };
    assert_eq!(told("--all"), ["tcp, all but 22 8000-8099", "22/tcp", "8000-8099/tcp"], "{}", said("--all"));
    assert!(said("--all --lang ja").contains("tcp(22 8000-8099 以外)"), "{}", said("--all --lang ja"));
    assert!(said("--all").contains("0-65535/udp"), "{}", said("--all"));
    // Of the rest nothing was asked.
    assert_eq!(told("20-24/tcp"), ["20-21/tcp", "22/tcp", "23-24/tcp"]);
}

#[test]
fn what_excludes_another_is_refused() {
    for line in [
        "--all 22",
        "--all --ask -",
        "--ask - 22",
        "--trace 8.8.8.8 22 --all",
        "--trace 8.8.8.8 22 --from lan0",
    ] {
        assert_eq!(on_firewall(line).code, Some(2), "{line}");
    }
    assert_eq!(run("exposure --in lan0 22").code, Some(2));
}

/// Of several ports it is told which, unlike where the port stays.
#[test]
fn one_of_several_ports_is_told() {
    let saved = "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A PREROUTING -p tcp -m tcp --dport 8000 -j DNAT --to-destination 172.17.0.2:22-122\nCOMMIT\n";
    let folder = Folder::with_listing("iptables-save.txt", saved);
    fs::remove_file(folder.file("nft.json")).unwrap();
    let said = folder.exposure("8000/tcp");
    assert!(said.out.contains("→ 172.17.0.2:22-122"), "{}", said.out);
    let document = folder.exposure("8000/tcp -o json").json();
    let to = &document["exposure"][0]["how"]["to"];
    assert_eq!(*to, json!({"address": "172.17.0.2", "port": null, "ports": "22-122"}));
}
