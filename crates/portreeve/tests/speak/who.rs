//! `who`: one port, asked in every way that people ask (A5, A12).

use serde_json::json;

use crate::run::{on_web, program, run, saved, web_with, with_input};

#[test]
fn it_says_who_since_when_and_what_to_type() {
    let said = on_web("who 3000");
    assert_eq!(said.code, Some(0));
    let lines: Vec<_> = said.out.lines().collect();
    assert_eq!(
        lines[0],
        "3000/tcp is held by server.js (pid 48211), started by user dev 2 h ago: `node server.js --token s3cret`"
    );
    assert_eq!(
        lines[1],
        "  listens on [::]:3000, also reachable over IPv4 · session-4.scope · cwd /home/dev/shop"
    );
    assert!(
        lines[2].starts_with("  IANA: ") && lines[2].contains("in practice used by development"),
        "{}",
        lines[2]
    );
    assert!(lines.last().unwrap().starts_with("next: "), "{}", said.out);
    assert!(lines.last().unwrap().ends_with("kill 48211"), "{}", said.out);
}

#[test]
fn a_port_is_asked_for_in_many_ways() {
    for asked in [
        "3000",
        ":3000",
        "3000/tcp",
        "2990-3010/tcp",
        "localhost:3000",
        "http://localhost:3000/cart?x=1",
        "Error: listen EADDRINUSE: address already in use :::3000",
        "Port 3000 is already in use",
    ] {
        let said = on_web(&format!("who {asked}"));
        assert!(said.out.contains("server.js (pid 48211)"), "{asked}: {said:?}");
        assert_eq!(said.code, Some(0), "{asked}");
    }
}

/// Also where that is declared on another port, and led to it.
#[test]
fn nobody_is_told_to_stop_the_right_owner() {
    let on = |line: &str, ports: &str, owner: &str| {
        let steer =
            if ports == "443/tcp" { "" } else { "steer = { when_dead = \"refuse\", target_port = 443 }" };
        let policy = format!(
            "version = 1\n[service.shop]\nports = [\"{ports}\"]\nowner = {{ unit = \"{owner}\" }}\nreach = \"world\"\n{steer}\n"
        );
        let line = format!("{line} --policy - --snapshot {}", saved("web.json").display());
        with_input(&line, policy.as_bytes()).out
    };
    for (asked, told) in [
        ("who 443 --full", "policy: service shop, led here"),
        ("why 443", "led here: service shop (<stdin>:2)"),
        ("ls 443", "shop (led here)"),
        ("who 443 --lang ja", "policy: サービス shop の誘導先"),
    ] {
        let said = on(asked, "8443/tcp", "nginx.service");
        assert!(said.contains(told) && !said.contains("systemctl stop"), "{said}");
        let strangers = on(asked, "8443/tcp", "apache2.service");
        assert!(!strangers.contains(told), "{strangers}");
    }
    assert!(on("who 443", "8443/tcp", "apache2.service").contains("systemctl stop nginx.service"));
    assert!(!on("who 443 --full", "443/tcp", "nginx.service").contains("systemctl stop"));
    assert!(on("who 443 --full", "443/tcp", "apache2.service").contains("systemctl stop nginx.service"));
    assert_eq!(on("ls 443 --undeclared", "8443/tcp", "nginx.service").matches("443/tcp").count(), 0);
}

#[test]
fn a_service_is_stopped_by_its_unit() {
    let said = on_web("who 443/tcp");
    assert!(said.out.contains("also held by pid 813 814"), "{}", said.out);
    assert!(said.out.contains("listens on 0.0.0.0:443 [::]:443 · nginx.service"), "{}", said.out);
    assert!(said.out.contains("systemctl stop nginx.service"), "{}", said.out);
}

/// Two processes of one service: who has which port can be told from the answer.
#[test]
fn what_other_processes_hold_is_another_answer() {
    let host = web_with(|snapshot| {
        let twin = snapshot["processes"]["900"].clone();
        snapshot["processes"]["901"] = twin;
        for listener in snapshot["listeners"].as_array_mut().unwrap() {
            if listener["port"] == 587 {
                listener["holders"] = json!([{"pid": 901, "fd": 6}]);
            }
        }
    });
    let said = with_input("who 465-587/tcp --snapshot -", &host);
    let heads: Vec<_> = said.out.lines().filter(|line| line.contains(" held by ")).collect();
    assert_eq!(heads.len(), 2, "{}", said.out);
    assert!(heads[0].starts_with("465/tcp is held by ") && heads[0].contains("(pid 900)"), "{}", said.out);
    assert!(heads[1].starts_with("587/tcp is held by ") && heads[1].contains("(pid 901)"), "{}", said.out);
}

#[test]
fn a_free_port_is_an_answer() {
    let said = on_web("who 12345");
    assert_eq!(said.code, Some(0));
    assert!(said.out.starts_with("nobody listens on 12345\n"), "{}", said.out);
    assert_eq!(on_web("who 443/udp").out.lines().next(), Some("nobody listens on 443/udp"));
}

#[test]
fn quiet_answers_with_the_code_alone() {
    let held = on_web("who -q 443");
    assert_eq!((held.out.as_str(), held.code), ("", Some(0)));
    let free = on_web("who 12345 -q");
    assert_eq!((free.out.as_str(), free.code), ("", Some(1)));
}

#[test]
fn where_only_the_unit_of_the_opener_is_known_it_says_so() {
    let said = on_web("who 9100");
    assert_eq!(said.code, Some(3));
    let opened = "9100/tcp was opened by exporter.service; who holds it now was not seen\n";
    assert!(said.out.starts_with(opened), "{}", said.out);
    assert!(said.out.contains("run as root"), "{}", said.out);
    assert!(said.out.contains("opened by uid 997"), "{}", said.out);
    assert_eq!(on_web("who 9100 --allow-gaps").code, Some(0));
    assert_eq!(on_web("who 2049").code, Some(0), "the kernel is an answer");
}

#[test]
fn what_is_no_port_is_refused_with_a_sentence() {
    for (asked, cause) in [
        ("banana", "neither a number nor a service that IANA knows"),
        ("70000", "70000 is above 65535"),
        ("443/tpc", "`tpc` is not a protocol"),
        ("9-3", "ends before it starts"),
        ("Address already in use (os error 98)", "not on which port"),
        ("2024/01/02 10:11:12 bind failed", "not on which port"),
    ] {
        let said = on_web(&format!("who {asked}"));
        assert_eq!(said.code, Some(2), "{asked}");
        assert!(said.err.starts_with("error: ") && said.err.contains(cause), "{asked}: {}", said.err);
        assert!(said.err.contains("hint: "), "{}", said.err);
        assert!(said.out.is_empty(), "{}", said.out);
    }
}

#[test]
fn an_error_may_be_pasted_in_quotes_and_over_lines() {
    let pasted = "Error: listen EADDRINUSE: address already in use :::3000\n    at Server.setupListenHandle [as _listen2] (node:net:1817:16)";
    let snapshot = saved("web.json");
    let output = program().args(["who", pasted, "--snapshot"]).arg(snapshot).output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("3000/tcp is held by server.js"));
}

#[test]
fn a_name_or_the_scheme_of_a_url_is_its_number() {
    for asked in ["https", "HTTPS", "https/tcp", "https://example.org/x"] {
        let said = on_web(&format!("who {asked}"));
        assert!(said.out.starts_with("443/tcp is held by nginx"), "{asked}: {said:?}");
        assert!(said.out.contains("IANA: https (well-known)"), "{asked}: {}", said.out);
    }
}

#[test]
fn it_says_what_the_policy_says() {
    let policy = saved("web.toml");
    let asked = |port| on_web(&format!("who {port} --policy {}", policy.display())).out;
    assert!(asked("443/tcp").contains("policy: service web"));
    assert!(asked("3000").contains("policy: not declared"));
    assert!(!on_web("who 443/tcp").out.contains("policy:"));
}

/// The saved host with a service called `name` on 631, started by its socket: it and the service manager may hold it.
fn activated(name: &str, holders: &[u32]) -> Vec<u8> {
    web_with(|snapshot| {
        snapshot["processes"]["1"] = snapshot["processes"]["700"].clone();
        for (key, value) in [("name", "systemd"), ("unit", "init.scope"), ("cgroup", "/init.scope")] {
            snapshot["processes"]["1"][key] = value.into();
        }
        for (key, value) in [("name", name.into()), ("exe", format!("/usr/sbin/{name}"))] {
            snapshot["processes"]["700"][key] = value.into();
        }
        snapshot["processes"]["700"]["unit"] = format!("{name}.service").into();
        for listener in snapshot["listeners"].as_array_mut().unwrap() {
            if listener["port"] == 22 {
                listener["port"] = 631.into();
                listener["socket_unit"] = format!("{name}.socket").into();
                listener["socket_cgroup"] = format!("/system.slice/{name}.socket").into();
                listener["holders"] = holders.iter().map(|pid| json!({"pid": pid, "fd": 3})).collect();
            }
        }
    })
}

#[test]
fn what_the_service_manager_holds_is_stopped_by_its_units() {
    let said = with_input("who 631 --snapshot -", &activated("cups", &[1]));
    assert!(
        said.out.starts_with("631/tcp is held by cups.service via cups.socket (systemd, pid 1)\n"),
        "{}",
        said.out
    );
    assert!(said.out.ends_with(" · systemctl stop cups.socket\n"), "{}", said.out);
    for holders in [[1, 700], [700, 1]] {
        let said = with_input("who 631 --snapshot -", &activated("cups", &holders));
        assert!(
            said.out
                .starts_with("631/tcp is held by cups (pid 700, cups.service via cups.socket), started by"),
            "{}",
            said.out
        );
        assert!(said.out.contains("also held by pid 1 (systemd)"), "{}", said.out);
        assert!(said.out.ends_with(" · systemctl stop cups.socket cups.service\n"), "{}", said.out);
    }
}

#[test]
fn nobody_is_told_to_stop_the_way_in() {
    let said = on_web("who 22");
    assert!(said.out.starts_with("22/tcp is held by sshd"), "{}", said.out);
    assert!(said.out.ends_with("\nnext: portreeve why 22\n"), "{}", said.out);
    for holders in [&[1][..], &[1, 700], &[700]] {
        let said = with_input("who 631 --snapshot -", &activated("ssh", holders)).out;
        assert!(said.ends_with("\nnext: portreeve why 631\n"), "{holders:?}: {said}");
    }
}

#[test]
fn nobody_is_told_to_end_what_he_was_started_by() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let said = run(&format!("who {port}/tcp -v --allow-gaps"));
    let pid = std::process::id();
    assert!(said.out.contains(&format!("(pid {pid}")), "{said:?}");
    assert!(said.out.ends_with(&format!("\nnext: portreeve why {port}\n")), "{}", said.out);
}

#[test]
fn several_ports_are_answered_one_after_the_other() {
    let said = on_web("who 5432 12345 443/tcp");
    let answers: Vec<_> = said.out.split("\n\n").collect();
    assert_eq!(answers.len(), 3, "{}", said.out);
    for (answer, start) in
        answers.iter().zip(["5432/tcp is held by ", "nobody listens on 12345\n", "443/tcp is held by nginx"])
    {
        assert!(answer.starts_with(start), "{answer}");
    }
    assert_eq!(said.code, Some(0));
    let document = on_web("who 443/tcp 5432 -o json").json();
    let ports: std::collections::BTreeSet<_> =
        document["listeners"].as_array().unwrap().iter().map(|listener| listener["port"].as_u64()).collect();
    assert_eq!(ports, [Some(443), Some(5432)].into());
}

#[test]
fn several_ports_are_free_only_where_each_is() {
    assert_eq!(on_web("who -q 12345 443").code, Some(0));
    assert_eq!(on_web("who -q 12345 12346").code, Some(1));
    assert_eq!(on_web("who 443/tcp 9100").code, Some(3), "the holder of one of them is hidden");
    let said = on_web("who 443 70000");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("`70000` names no port"), "{}", said.err);
}

#[test]
fn a_name_may_carry_any_protocol_that_it_holds_for() {
    assert!(on_web("who domain/udplite").out.starts_with("nobody listens on 53/udplite\n"));
    let said = on_web("who https/tpc");
    assert!(said.err.contains("cause: `tpc` is not a protocol"), "{}", said.err);
}

#[test]
fn in_japanese_a_bare_number_is_called_one() {
    assert!(on_web("who 12345 --lang ja").out.starts_with("12345 番では誰も待ち受けていません\n"));
    assert!(on_web("who 12345/tcp --lang ja").out.starts_with("12345/tcp では誰も待ち受けていません\n"));
}

#[test]
fn a_service_is_not_stopped_alone_where_its_socket_would_start_it_again() {
    let opened = |unit: serde_json::Value, holders: &[u32]| {
        let mut snapshot: serde_json::Value = serde_json::from_slice(&activated("cups", holders)).unwrap();
        for listener in snapshot["listeners"].as_array_mut().unwrap() {
            if listener["port"] == 631 {
                listener["socket_unit"] = unit.clone();
                listener["socket_cgroup"] = json!("/init.scope");
            }
        }
        with_input("who 631 --snapshot -", snapshot.to_string().as_bytes()).out
    };
    for (unit, holders) in
        [(json!("init.scope"), &[1, 700][..]), (json!(null), &[700, 1]), (json!("init.scope"), &[700])]
    {
        let said = opened(unit, holders);
        assert!(said.ends_with(" · systemctl list-sockets\n"), "{holders:?}: {said}");
    }
    // A name that a shell would act on is not named, and so neither is its service.
    let said = opened(json!("odd\\x2done.socket"), &[1, 700]);
    assert!(!said.contains("systemctl"), "{said}");
    let said = opened(json!("cups.service"), &[700]);
    assert!(said.ends_with(" · systemctl stop cups.service\n"), "{said}");
}

#[test]
fn no_process_is_killed_that_does_not_hold_it_alone() {
    let held_by = |pids: &[u32]| {
        let input = web_with(|snapshot| {
            snapshot["processes"]["1"] = snapshot["processes"]["48211"].clone();
            for listener in snapshot["listeners"].as_array_mut().unwrap() {
                if listener["port"] == 3000 {
                    listener["holders"] = pids.iter().map(|pid| json!({"pid": pid, "fd": 3})).collect();
                }
            }
        });
        with_input("who 3000 --snapshot -", &input).out
    };
    assert!(held_by(&[48211]).contains("kill 48211"));
    for pids in [&[1][..], &[48211, 667], &[48211, 1]] {
        let said = held_by(pids);
        assert!(!said.contains("kill") && !said.contains("systemctl"), "{pids:?}: {said}");
    }
}

#[test]
fn pasted_words_may_begin_with_a_hyphen() {
    for asked in ["-bash: bind: port 3000 in use", "bind: -sh: port 3000 in use", "-q -bash: port 3000"] {
        assert_eq!(on_web(&format!("who {asked}")).code, Some(0), "{asked}");
    }
    assert_eq!(on_web("who 443 -o json").json()["listeners"][0]["port"], 443);
    assert_eq!(on_web("who -q 443").code, Some(0));
    assert_eq!(on_web("who 443 --jsn").code, Some(2));
}

#[test]
fn what_another_namespace_holds_is_free_here() {
    let said = on_web("who 15001");
    assert!(
        said.out.starts_with(
            "nobody holds 15001 here; in network namespace mesh it is held:\n15001/tcp is held by"
        ),
        "{}",
        said.out
    );
    assert!(!said.out.contains("kill") && !said.out.contains("stop"), "{}", said.out);
    assert_eq!(on_web("who -q 15001").code, Some(1));
    assert_eq!(on_web("who -q 15001 --netns mesh").code, Some(0));
    assert!(on_web("who 15001 --netns mesh").out.starts_with("15001/tcp is held by"));
    assert_eq!(on_web("who -q 443 --netns mesh").code, Some(1));
}
