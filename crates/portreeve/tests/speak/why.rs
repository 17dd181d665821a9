//! `why`: how a port came to be so, told of a saved host (A5, A12, A20).

use serde_json::{Value, json};

use crate::run::{Said, assert_harmless, on_web, program, saved, with_input};

/// Asks about the saved host that knows how its processes came to run.
fn on_shop(line: &str) -> Said {
    let words = line.split_whitespace();
    program()
        .args(words)
        .arg("--snapshot")
        .arg(saved("why.json"))
        .output()
        .expect("the program starts")
        .into()
}

/// That host, changed by `change`.
fn shop_with(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let text = std::fs::read(saved("why.json")).unwrap();
    let mut snapshot = serde_json::from_slice(&text).unwrap();
    change(&mut snapshot);
    serde_json::to_vec(&snapshot).unwrap()
}

/// The line with this word in front.
#[track_caller]
fn told<'s>(said: &'s Said, label: &str) -> &'s str {
    let line = said.out.lines().find_map(|line| line.trim_start().strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in {}", said.out)).trim_start()
}

#[test]
fn the_story_of_a_web_server_is_told_on_one_screen() {
    let said = on_shop("why 443");
    assert_eq!(said.code, Some(0));
    assert_eq!(
        said.out,
        "443/tcp is held by nginx (pid 812), started by user root 4 h ago
  IANA     https (well-known)
  policy   none
  holder   nginx.service: systemd 1 (root) → nginx 812 → nginx 813 814 (www-data)
  opener   not recorded; a guess by user and cgroup: nginx (pid 812) or one that it was forked from; at the earliest 4 h ago (nginx.service was started)
  started  nginx.service, 4 h ago: /etc/systemd/system/nginx.service.d/local.conf:3 `ExecStart=/usr/sbin/nginx -g 'daemon off;'`
  bound    0.0.0.0:443 [::]:443
  answers  lo 127.0.0.1 ::1 · eth0 203.0.113.5 fe80::1 · docker0 172.17.0.1
  reach    from world, host (by its address alone; a firewall may stand before it)
  peers    3 connections: 2 from 198.51.100.0/24 · 1 from this host
  wrong    nothing
next: portreeve explain 443 · systemctl stop nginx.service
"
    );
}

#[test]
fn each_way_to_start_something_is_told() {
    for (port, label, expected) in [
        ("3000", "started", "user dev, session-4.scope, sshd from 198.51.100.20, pts/0, logged in 3 h ago"),
        ("3000", "holder", "session-4.scope: sshd 47990 (dev) → bash 48000 → server.js 48211"),
        (
            "8123",
            "started",
            "cron.service by /etc/cron.d/files:3 `@reboot dev cd /tmp && python3 -m http.server 8123`",
        ),
        ("8123", "holder", "cron.service: systemd 1 (root) → cron 598 → sh 599 (dev) → python3 600"),
        (
            "631",
            "opener",
            "systemd opened it, by its settings for cups.socket, and handed it to cups.service (cupsd, pid 640)",
        ),
        ("8080", "inside", "172.17.0.2:80 → nginx 2200 (root) in docker container shop, image nginx:1.27"),
    ] {
        assert_eq!(told(&on_shop(&format!("why {port}")), label), expected, "{port}");
    }
    let said = on_shop("why 631");
    assert!(told(&said, "started").ends_with("net.conf:2 `ListenStream=0.0.0.0:631`"), "{}", said.out);
}

#[test]
fn a_parent_that_is_younger_than_its_child_is_not_named() {
    // The sshd with the number 700 began after the session below it.
    assert!(!on_shop("why 3000").out.contains("700"), "a number that another process has by now");
}

#[test]
fn nothing_is_stopped_that_serves_others_too() {
    let last = |said: Said| said.out.lines().last().unwrap().to_owned();
    assert_eq!(last(on_shop("why 8123")), "next: portreeve explain 8123 · kill 600");
    assert_eq!(last(on_shop("why 8080")), "next: portreeve explain 8080 · docker stop shop");
    assert_eq!(last(on_web("why 22")), "next: portreeve explain 22");
}

#[test]
fn what_is_wrong_comes_with_its_rule_and_its_page() {
    let said = on_web("why 6379");
    let wrong = told(&said, "wrong");
    assert!(wrong.starts_with("✗ high  datastore-open-to-world  Redis on 6379/tcp answers"), "{wrong}");
    assert!(said.out.contains("\nnext: portreeve explain datastore-open-to-world · "), "{}", said.out);
    assert!(!on_web("why 443/tcp").out.contains("datastore"), "another port's finding is not this one's");
}

#[test]
fn the_policy_is_quoted_with_its_place() {
    let policy = saved("web.toml");
    let asked = |port: &str| on_web(&format!("why {port} --policy {}", policy.display()));
    let declared = told(&asked("443/tcp"), "policy").to_owned();
    assert!(declared.starts_with("service web (") && declared.contains("web.toml:"), "{declared}");
    assert!(declared.ends_with("owner nginx.service; reach world"), "{declared}");
    assert_eq!(told(&asked("3000"), "policy"), "not declared");
    // Whoever holds what is his is not to be stopped.
    assert!(asked("443/tcp").out.ends_with("next: portreeve explain 443\n"));
    assert!(asked("3000").out.ends_with(" · kill 48211\n"));
}

#[test]
fn a_number_on_which_nobody_listens_is_an_answer() {
    let said = on_shop("why 12345");
    assert_eq!(said.code, Some(0));
    assert!(said.out.starts_with("nobody holds 12345\n"), "{}", said.out);
    assert_eq!(on_shop("why -q 12345").code, Some(1));
    assert_eq!(on_shop("why -q 443").code, Some(0));
    assert_eq!(on_shop("why 70000").code, Some(2));
    let document = on_shop("why 12345 -o json").json();
    assert_eq!((&document["ports"], &document["kept"]), (&json!([]), &json!([])));
}

#[test]
fn a_hidden_holder_leaves_what_the_socket_tells() {
    let said = on_web("why 9100");
    assert_eq!(said.code, Some(3));
    assert!(told(&said, "opener").starts_with("not recorded (a process of uid 997)"), "{}", said.out);
    assert_eq!(told(&said, "opened in"), "exporter.service");
    assert!(said.out.contains("run as root"), "{}", said.out);
    assert_eq!(on_web("why 2049").code, Some(0), "the kernel is an answer");
}

#[test]
fn an_earlier_snapshot_tells_what_was_different_and_since_when() {
    let earlier = |change: fn(&mut Value)| {
        let input = shop_with(|snapshot| {
            snapshot["taken"] = json!("2026-11-25T11:00:00Z");
            change(snapshot);
        });
        with_input(&format!("why 443 --before - --snapshot {}", saved("why.json").display()), &input)
    };
    let same = earlier(|_| {});
    assert_eq!(told(&same, "earlier"), "the same at 2026-11-25T11:00:00Z");
    assert!(
        told(&same, "opener").ends_with("; at the latest 60 min ago (the earlier snapshot has it)"),
        "{}",
        same.out
    );
    let opened = earlier(|snapshot| {
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        listeners.retain(|listener| listener["port"] != 443);
    });
    let line = told(&opened, "earlier");
    assert!(line.starts_with("since 2026-11-25T11:00:00Z: + opened: *, nginx.service"), "{line}");
    assert!(told(&opened, "opener").contains("60 min ago (the earlier snapshot lacks it)"), "{}", opened.out);
    let handed = earlier(|snapshot| {
        snapshot["processes"]["812"]["unit"] = json!("apache2.service");
        snapshot["processes"]["813"]["unit"] = json!("apache2.service");
        snapshot["processes"]["814"]["unit"] = json!("apache2.service");
    });
    let line = told(&handed, "earlier");
    assert!(line.contains("~ changed hands: ") && line.contains("apache2.service → nginx.service"), "{line}");
    let both = with_input("why 443 --before - --snapshot -", b"");
    assert_eq!(both.code, Some(2));
}

#[test]
fn an_earlier_snapshot_tells_of_a_port_that_is_gone() {
    let now = shop_with(|snapshot| {
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        listeners.retain(|listener| listener["port"] != 443);
        snapshot["connections"] = json!([]);
    });
    let asked = |line: &str| {
        with_input(&format!("{line} --before {} --snapshot -", saved("why.json").display()), &now)
    };
    let gone = asked("why 443");
    assert!(gone.out.starts_with("nobody holds 443"), "{}", gone.out);
    let then = "since 2026-11-25T12:00:00Z: - closed: *, nginx.service";
    assert_eq!(told(&gone, "earlier"), then);
    assert!(asked("why 400-4000/tcp").out.contains(&format!("\n  earlier  {then}\n")), "beside other ports");
    assert_eq!(told(&asked("why 444"), "earlier"), "the same at 2026-11-25T12:00:00Z");

    let document = asked("why 443 3000 -o json").json();
    let earlier = &document["earlier"];
    assert_eq!(earlier["taken"], "2026-11-25T12:00:00Z");
    let changes = earlier["changes"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["kind"]), (2, &json!("closed")), "IPv4 and IPv6: {earlier:#}");
    assert_eq!(changes[0]["before"]["holders"][0]["unit"], "nginx.service");
    assert_eq!(document["ports"][0]["earlier"]["changes"], json!([]), "3000 is as it was");
    assert_eq!(on_shop("why 443 -o json").json()["earlier"], Value::Null);
}

#[test]
fn the_document_holds_the_same_story() {
    let document = on_shop("why 8080 443 -o json").json();
    let ports = document["ports"].as_array().unwrap();
    let [published, web] = ports.as_slice() else { panic!("{document:#}") };
    assert_eq!(published["inside"]["address"], "172.17.0.2");
    assert_eq!(published["inside"]["listeners"][0]["holders"][0]["container"]["name"], "shop");
    assert_eq!(
        web["connected"],
        json!({"count": 3, "peers": [
            {"network": "198.51.100.0/24", "count": 2}, {"network": "host", "count": 1},
        ]})
    );
    let roles: Vec<_> = web["chain"].as_array().unwrap().iter().map(|link| &link["role"]).collect();
    assert_eq!(roles, ["above", "main", "worker", "worker"]);
    assert_eq!(web["opener"]["certainty"], "likely");
    assert_eq!(web["opener"]["process"]["pid"], 812);
    assert_eq!(web["listeners"][0]["opener"], Value::Null, "what was not recorded is not asserted");
    assert_eq!(web["listeners"][0]["opener_gap"], web["opener"]["text"]);
    let socket = &on_shop("why 631 -o json").json()["ports"][0];
    assert_eq!(
        (&socket["opener"]["certainty"], &socket["origin"]["socket"]),
        (&json!("certain"), &json!("cups.socket"))
    );
}

#[test]
fn a_range_of_more_owners_than_anybody_reads_is_refused() {
    let input = shop_with(|snapshot| {
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        let first = listeners[0].clone();
        listeners.clear();
        for number in 1..=257 {
            let mut listener = first.clone();
            listener["port"] = json!(number);
            listener["holders"] = json!([]);
            listener["gap"] = json!("other-user");
            listener["socket_unit"] = Value::Null;
            listeners.push(listener);
        }
    });
    let said = with_input("why 1-257/tcp --snapshot -", &input);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("257 owners") && said.err.contains("hint: ask about one port"), "{}", said.err);
    assert_eq!(with_input("why 1-256/tcp --snapshot -", &input).code, Some(3), "hidden, and told");
}

#[test]
fn both_languages_tell_the_same_lines() {
    for port in ["443", "3000", "8080", "8123", "631"] {
        let [en, ja] = ["en", "ja"].map(|lang| on_shop(&format!("why {port} --lang {lang}")));
        assert_eq!(en.out.lines().count(), ja.out.lines().count(), "{port}");
        assert!(en.out.lines().count() <= 24, "one screen: {}", en.out);
        assert_harmless(&ja.out);
    }
    assert!(
        on_shop("why 443 --lang ja")
            .out
            .contains("\n  開いたプロセス  記録なし。ユーザーと cgroup だけから推測すると nginx(pid 812)")
    );
}

#[test]
fn bytes_of_strangers_are_made_visible_wherever_they_stand() {
    assert_harmless(&on_web("why 4444").out);
    let input = shop_with(|snapshot| {
        let odd = json!("\u{1b}[2Jx\u{202e}\n");
        for (table, key, field) in
            [("units", "nginx.service", "file"), ("sessions", "session-4.scope", "remote_host")]
        {
            snapshot["origins"][table][key][field] = odd.clone();
        }
        snapshot["origins"]["units"]["nginx.service"]["lines"][0]["text"] = odd.clone();
        snapshot["origins"]["jobs"]["600"]["text"] = odd.clone();
        snapshot["origins"]["ancestors"]["599"]["name"] = odd;
    });
    for port in ["443", "3000", "8123"] {
        assert_harmless(&with_input(&format!("why {port} --snapshot -"), &input).out);
        assert_harmless(&with_input(&format!("why {port} --snapshot - -o json"), &input).out);
    }
}

#[test]
fn a_redacted_snapshot_tells_the_story_without_arguments() {
    let redacted = on_shop("snapshot --redact").out;
    for secret in ["daemon off", "http.server", "container-port"] {
        assert!(!redacted.contains(secret), "{secret}");
    }
    let said = with_input("why 443 --snapshot -", redacted.as_bytes());
    assert!(told(&said, "started").ends_with("local.conf:3 `ExecStart=/usr/sbin/nginx <3>`"), "{}", said.out);
}

#[test]
fn it_answers_where_it_is_bound_and_nowhere_else() {
    let bound = |address: &str| {
        let input = shop_with(|snapshot| {
            let listeners = snapshot["listeners"].as_array_mut().unwrap();
            listeners.retain(|listener| listener["port"] == 443 && listener["family"] == "ipv4");
            listeners[0]["address"] = address.into();
        });
        with_input("why 443 --snapshot -", &input)
    };
    let resolver = bound("127.0.0.53");
    assert_eq!(told(&resolver, "bound"), "127.0.0.53:443");
    assert_eq!(told(&resolver, "answers"), "lo 127.0.0.53");
    let absent = bound("192.0.2.9");
    assert_eq!(told(&absent, "bound"), "192.0.2.9:443");
    assert_eq!(told(&absent, "answers"), "on no address of an interface");
}

#[test]
fn sockets_that_several_opened_are_told_one_by_one() {
    let input = shop_with(|snapshot| {
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        let other = listeners.iter_mut().find(|it| it["port"] == 443 && it["family"] == "ipv6").unwrap();
        other["holders"].as_array_mut().unwrap().retain(|hold| hold["pid"] == 813);
    });
    let said = with_input("why 443 --snapshot -", &input);
    assert!(told(&said, "opener").starts_with("0.0.0.0:443: "), "{}", said.out);
    assert!(told(&said, "opener").contains("nginx (pid 812)"), "{}", said.out);
    assert!(told(&said, "[::]:443: ").contains("nginx (pid 813)"), "{}", said.out);
    let answer = with_input("why 443 -o json --snapshot -", &input).json();
    let opener = &answer["ports"][0]["opener"];
    assert_eq!((&opener["certainty"], &opener["process"]), (&json!("unknown"), &Value::Null), "{opener:#}");
    let text = opener["text"].as_str().unwrap();
    assert!(text.contains("pid 812") && text.contains("pid 813"), "{text}");
}

/// The same host where Docker runs no forwarder; `held` where it keeps the number for itself.
fn without_forwarder(held: bool) -> Vec<u8> {
    shop_with(|snapshot| {
        let published = json!([{"protocol": "tcp", "address": "0.0.0.0", "port": 8080, "inside": 80}]);
        snapshot["processes"]["2200"]["container"]["published"] = published;
        snapshot["processes"]["2100"]["name"] = json!("dockerd");
        snapshot["processes"]["2100"]["exe"] = json!("/usr/sbin/dockerd");
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        listeners.retain(|listener| held || listener["port"] != 8080);
    })
}

#[test]
fn a_port_that_the_kernel_passes_on_is_told_by_its_container() {
    let held = with_input("why 8080 --snapshot -", &without_forwarder(true));
    assert_eq!(
        told(&held, "inside"),
        "172.17.0.2:80 → nginx 2200 (root) in docker container shop, image nginx:1.27"
    );

    // Of a stranger's listener it is told beside, and nobody stops the container for it.
    let mut host: Value = serde_json::from_slice(&without_forwarder(true)).unwrap();
    host["processes"]["2100"]["exe"] = json!("/home/dev/server");
    host["processes"]["2100"]["unit"] = Value::Null;
    let said = with_input("why 8080 --snapshot -", &serde_json::to_vec(&host).unwrap());
    assert!(!said.out.contains("  inside") && !said.out.contains("docker stop"), "{}", said.out);
    assert!(said.out.contains("8080/tcp is passed on to 172.17.0.2:80"), "{}", said.out);

    let passed =
        "  0.0.0.0:8080/tcp is passed on to 172.17.0.2:80 → nginx (pid 2200) in docker shop (nginx:1.27)";
    for command in ["why", "who"] {
        let said = with_input(&format!("{command} 8080 --snapshot -"), &without_forwarder(false));
        assert!(said.out.contains(passed), "{command}: {}", said.out);
        let other = with_input(&format!("{command} 8081 --snapshot -"), &without_forwarder(false));
        assert!(!other.out.contains("passed on"), "{command}: {}", other.out);
    }
    for (command, list) in [("why", "ports"), ("who", "listeners")] {
        let document =
            with_input(&format!("{command} 8080 -o json --snapshot -"), &without_forwarder(false)).json();
        assert_eq!((&document[list], &document["passed"][0]["port"]), (&json!([]), &json!(8080)));
        assert_eq!(document["passed"][0]["listener"]["holders"][0]["pid"], 2200);
    }
    let inside = with_input("who 8080 --netns 4026532600 --snapshot -", &without_forwarder(false));
    assert!(inside.out.contains("nobody") && !inside.out.contains("passed on"), "{}", inside.out);
}
