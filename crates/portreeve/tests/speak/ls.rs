//! `ls`: rows, filters, and what is said of what could not be seen (A4, A5, A12).

use unicode_width::UnicodeWidthStr as _;

use crate::run::{on_web, run, saved, web_with, with_input};

/// The first column of every row below the head.
fn ports(text: &str) -> Vec<&str> {
    text.lines().skip(1).filter_map(|line| line.split(' ').next()).filter(|word| word.contains('/')).collect()
}

fn row<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("no row {start} in\n{text}"))
}

#[test]
fn a_row_is_a_service_and_not_a_socket() {
    let said = on_web("ls");
    for start in ["22/tcp", "25,465,587/tcp", "80,443/tcp", "6379/tcp", "7000/tcp", "5432/tcp"] {
        row(&said.out, start);
    }
    assert_eq!(said.out.lines().filter(|line| line.contains("nginx.service")).count(), 1);
    assert_eq!(said.out.lines().filter(|line| line.starts_with("7000/tcp")).count(), 1);
    assert!(row(&said.out, "80,443/tcp").contains("nginx 812 +2"), "{}", said.out);
}

#[test]
fn each_unfolds_every_socket() {
    assert_eq!(ports(&on_web("ls --each nginx").out), ["80/tcp", "80/tcp", "443/tcp", "443/tcp"]);
    assert_eq!(ports(&on_web("ls --each 7000").out).len(), 100);
}

#[test]
fn strangers_never_share_a_row() {
    let said = on_web("ls 3000 4444 8080");
    assert_eq!(ports(&said.out), ["3000/tcp", "4444/tcp", "8080/tcp"]);
}

#[test]
fn the_head_says_what_reach_is_told_by() {
    assert!(on_web("ls").out.lines().next().unwrap().contains("REACH (BIND)"));
    assert!(row(&on_web("ls 5432").out, "5432").ends_with("127.0.0.1 [::1]  host"));
    assert!(row(&on_web("ls 6379").out, "6379").ends_with("*         world"));
}

#[test]
fn filters_are_ports_names_and_reach() {
    assert_eq!(ports(&on_web("ls 443").out), ["443/tcp"]);
    assert_eq!(ports(&on_web("ls 443/udp").out), Vec::<&str>::new());
    assert_eq!(ports(&on_web("ls 20-30").out), ["22/tcp", "25/tcp"]);
    assert_eq!(ports(&on_web("ls NGINX").out), ["80,443/tcp"]);
    assert_eq!(ports(&on_web("ls dev").out), ["3000/tcp"]);
    assert_eq!(ports(&on_web("ls mesh").out), ["15001/tcp"]);
    let world = on_web("ls --reach world").out;
    assert!(world.contains("6379/tcp") && !world.contains("5432/tcp"), "{world}");
}

#[test]
fn letters_mean_what_they_mean_to_ss() {
    assert_eq!(ports(&on_web("ls -u").out), ["53/udp", "41234/udp"]);
    assert!(!on_web("ls -ltnp").out.contains("/udp"));
    assert_eq!(ports(&on_web("ls -6 --each 22").out), ["22/tcp"]);
    assert!(row(&on_web("ls -6 22").out, "22/tcp").contains("[::]"));
    assert_eq!(ports(&on_web("ls -4 3000").out), Vec::<&str>::new());
}

#[test]
fn nothing_that_matches_is_an_answer() {
    let input = web_with(|snapshot| snapshot["gaps"] = serde_json::json!([]));
    let said = with_input("ls ngnix --snapshot -", &input);
    assert_eq!((said.out.as_str(), said.code), ("nothing matches\n", Some(0)));
}

#[test]
fn where_nothing_is_asked_for_nothing_can_match() {
    let input = web_with(|snapshot| {
        snapshot["gaps"] = serde_json::json!([]);
        snapshot["listeners"] = serde_json::json!([]);
    });
    for (line, said) in [
        ("ls", "no port is open\n"),
        ("ls --lang ja", "開いているポートはありません\n"),
        ("ls -t", "nothing matches\n"),
        ("ls 443", "nothing matches\n"),
    ] {
        assert_eq!(with_input(&format!("{line} --snapshot -"), &input).out, said, "{line}");
    }
}

#[test]
fn a_row_is_reached_by_whoever_reaches_one_of_its_sockets() {
    let told = |closed: &str| {
        let rules = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 22 -j DROP\nCOMMIT\n";
        let addresses = r#"[{"ifname":"eth0","addr_info":[{"local":"203.0.113.5","prefixlen":24},{"local":"2001:db8::5","prefixlen":64}]}]"#;
        let listings = serde_json::json!({"addr.json": addresses, closed: rules});
        let input = web_with(|snapshot| snapshot["firewall"] = serde_json::json!({ "listings": listings }));
        let said = with_input("ls 22 --snapshot -", &input);
        let row = row(&said.out, "22/tcp").trim_end().to_owned();
        (row, with_input("ls 22 --lang ja --snapshot -", &input).out)
    };
    for closed in ["iptables-save.txt", "ip6tables-save.txt"] {
        let (row, japanese) = told(closed);
        assert!(row.ends_with(" part of world"), "{closed}: {row}");
        assert!(japanese.contains("world の一部"), "{closed}: {japanese}");
    }
}

#[test]
fn a_loopback_address_on_another_device_is_reached_by_nobody() {
    let input = web_with(|snapshot| {
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        let local = listeners.iter_mut().find(|listener| listener["address"] == "127.0.0.1").unwrap();
        local["port"] = 1419.into();
        local["device"] = "eth0".into();
    });
    let said = with_input("ls 1419 --snapshot -", &input);
    assert!(row(&said.out, "1419/").trim_end().ends_with(" nobody"), "{}", said.out);
    assert!(with_input("ls 1419 --snapshot - --lang ja", &input).out.trim_end().ends_with(" なし"));
    let reach = &with_input("ls 1419 -o json --snapshot -", &input).json()["listeners"][0]["reach"];
    let blocked = |zone: &str| serde_json::json!({"zone": zone, "verdict": "blocked", "basis": "bind"});
    assert_eq!(*reach, serde_json::json!([blocked("world"), blocked("host")]));
}

#[test]
fn a_gap_is_said_where_it_matters_and_only_there() {
    let said = on_web("ls");
    assert!(said.out.contains("not seen: 2 sockets hide their owner"), "{}", said.out);
    assert_eq!(said.code, Some(3));
    let said = on_web("ls 443");
    assert!(!said.out.contains("not seen"), "{}", said.out);
    assert_eq!(said.code, Some(0));
    assert_eq!(on_web("ls --allow-gaps").code, Some(0));
}

#[test]
fn where_nobody_is_seen_the_unit_that_opened_it_is_named_as_such() {
    let said = on_web("ls 9100 9999 2049");
    assert!(row(&said.out, "9100/tcp").contains("exporter.service (opener)  ?"));
    let japanese = on_web("ls 9100 --lang ja");
    assert!(
        row(&japanese.out, "9100/tcp").contains("exporter.service(開いたユニット)  ?"),
        "{}",
        japanese.out
    );
    let record = on_web("ls 9100 -o csv").out;
    assert!(record.contains(",exporter.service (opener),,"), "no unit of a holder: {record}");
    assert!(row(&said.out, "9999/tcp").contains("?      ") || row(&said.out, "9999/tcp").contains("?  "));
    assert!(row(&said.out, "2049/tcp").contains("kernel"));
}

#[test]
fn a_foreign_namespace_is_marked() {
    let said = on_web("ls 443 15001");
    assert!(said.out.lines().next().unwrap().ends_with("NETNS"));
    assert!(row(&said.out, "15001/tcp").ends_with("mesh"));
    assert!(row(&said.out, "443/tcp").ends_with("world"));
    assert!(!on_web("ls 443").out.contains("NETNS"));
    assert_eq!(ports(&on_web("ls --netns mesh").out), ["15001/tcp"]);
    let said = on_web("ls --netns nowhere");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("no network namespace `nowhere`"), "{}", said.err);
}

#[test]
fn a_number_that_the_kernel_chose_is_marked() {
    assert!(row(&on_web("ls 41234").out, "41234/udp").contains("(temporary)"));
    assert!(!row(&on_web("ls 53").out, "53/udp").contains("(temporary)"));
}

#[test]
fn columns_align_in_japanese() {
    let said = on_web("ls 22 80 443 3000 5432 6379 --lang ja");
    let reach = |line: &str| {
        let last = line.rsplit("  ").next().unwrap();
        line.width() - last.width()
    };
    let starts: Vec<_> =
        said.out.lines().filter(|line| line.contains('/') || line.contains("到達")).map(reach).collect();
    assert_eq!(starts.len(), 6, "{}", said.out);
    assert!(starts.iter().all(|start| *start == starts[0]), "{}", said.out);
}

#[test]
fn undeclared_needs_a_policy() {
    let said = on_web("ls --undeclared");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("--undeclared needs a policy"), "{}", said.err);
}

#[test]
fn a_snapshot_cannot_be_followed() {
    assert_eq!(on_web("ls --follow").code, Some(2));
    let said = run("ls --follow -o json");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("table or ndjson"), "{}", said.err);
}

#[test]
fn csv_carries_no_command_line() {
    let said = on_web("ls -o csv");
    let mut lines = said.out.lines();
    assert_eq!(
        lines.next(),
        Some(
            "protocol,family,address,port,device,state,netns,service,iana,reach,owner,unit,pid,name,user,claim"
        )
    );
    assert!(said.out.contains("tcp,ipv4,0.0.0.0,80,,listen,"), "{}", said.out);
    assert!(!said.out.contains("s3cret"), "{}", said.out);
}

#[test]
fn quiet_is_rows_alone_and_verbose_adds_command_lines() {
    let quiet = on_web("ls -q");
    assert!(quiet.out.starts_with("22/tcp") && !quiet.out.contains("not seen"), "{}", quiet.out);
    assert_eq!(quiet.code, Some(3), "what is not said still counts");
    let verbose = on_web("ls -v 3000");
    assert!(verbose.out.lines().next().unwrap().ends_with("COMMAND"), "{}", verbose.out);
    assert!(row(&verbose.out, "3000/tcp").ends_with("node server.js --token s3cret"));
}

/// `line` about the host that most tests know, with its policy.
fn declared(line: &str) -> crate::run::Said {
    on_web(&format!("{line} --policy {}", saved("web.toml").display()))
}

#[test]
fn services_are_named_by_policy_and_by_iana() {
    assert!(row(&on_web("ls 22").out, "22/tcp").contains("  ssh  "));
    assert!(row(&on_web("ls 80 443").out, "80,443/tcp").contains("http https"));
    assert!(!row(&on_web("ls -n 22").out, "22/tcp").contains("  ssh  "));
    assert!(row(&declared("ls nginx").out, "80,443/tcp").contains("  web  "));
    assert!(row(&declared("ls 6379").out, "6379/tcp").contains("redis (undeclared)"));
    assert_eq!(ports(&on_web("ls https").out), ["443/tcp"]);
}

#[test]
fn undeclared_shows_what_no_service_declares() {
    let said = declared("ls --undeclared");
    assert!(said.out.contains("6379/tcp") && said.out.contains("9999/tcp"), "{}", said.out);
    for declared in ["80,443/tcp", "25,465", "5432/tcp", "41234/udp"] {
        assert!(!said.out.contains(declared), "{declared} in {}", said.out);
    }
}

#[test]
fn reach_takes_a_zone_of_the_policy() {
    let said = declared("ls --reach office");
    assert!(said.out.contains("6379/tcp") && !said.out.contains("5432/tcp"), "{}", said.out);
    let said = on_web("ls --reach office");
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("there is no zone `office`") && said.err.contains("world, host"),
        "{}",
        said.err
    );
}

#[test]
fn the_reach_of_a_foreign_namespace_is_unknown() {
    assert!(row(&on_web("ls 15001").out, "15001/tcp").contains("  ?  "));
}

#[test]
fn a_pipe_gets_every_port_and_all_processes_are_counted() {
    let input = web_with(|snapshot| {
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        let nginx = listeners[0].clone();
        for port in (7_000..7_040).step_by(2) {
            let mut more = nginx.clone();
            more["port"] = port.into();
            more["holders"] = serde_json::json!([{"pid": 900, "fd": 6}]);
            more["socket_unit"] = "postfix@-.service".into();
            listeners.push(more);
        }
        let mut other = nginx;
        other["holders"] = serde_json::json!([{"pid": 815, "fd": 6}]);
        snapshot["processes"]["815"] = snapshot["processes"]["813"].clone();
        snapshot["listeners"].as_array_mut().unwrap().push(other);
    });
    let said = with_input("ls --snapshot - --allow-gaps", &input);
    assert!(said.out.contains("7036,7038/tcp") && !said.out.contains('…'), "{}", said.out);
    assert!(row(&said.out, "80,443/tcp").contains("nginx 812 +3"), "{}", said.out);
}
