//! `wait`: for scripts, so its codes are its answer (A12).

use std::net::TcpListener;

use crate::run::{on_web, run, web_with, with_input};

#[test]
fn the_code_says_whether_it_came() {
    for (line, code) in [
        ("wait 5432", 0),
        ("wait 5432 --owner postgresql@15-main.service", 0),
        ("wait 5432 --owner postgres", 0),
        ("wait 443 --owner nginx", 0),
        ("wait 3000 --owner user=dev", 0),
        ("wait 3000 --owner /home/dev/shop/server.js", 0),
        ("wait 443 --owner apache2.service", 4),
        ("wait 12345", 1),
        ("wait 443 --gone", 1),
        ("wait 12345 --gone", 0),
        ("wait 9999 --owner nginx", 3),
        ("wait 9999 --owner nginx --allow-gaps", 1),
        ("wait 15001", 1),
        ("wait 443 --owner user=", 2),
    ] {
        let said = on_web(line);
        assert_eq!(said.code, Some(code), "{line}: {said:?}");
    }
}

#[test]
fn it_says_what_it_saw() {
    assert_eq!(on_web("wait 443").out, "443 is up, held by nginx.service\n");
    assert_eq!(on_web("wait 12345/udp").out, "nobody listens on 12345/udp\n");
    assert_eq!(on_web("wait 443 -q").out, "");
}

#[test]
fn a_time_that_is_none_is_refused() {
    let said = on_web("wait 443 --for soon");
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("`soon` is not possible for --for <TIME>"), "{}", said.err);
    assert_eq!(on_web("wait banana").code, Some(2));
}

#[test]
fn of_holders_in_several_units_the_one_that_was_asked_for_is_named() {
    let input = web_with(|snapshot| {
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        let web =
            listeners.iter().find(|it| it["port"] == 443 && it["holders"] != serde_json::json!([])).unwrap();
        let pids: Vec<_> =
            web["holders"].as_array().unwrap().iter().map(|hold| hold["pid"].to_string()).collect();
        let [_, second, ..] = pids.as_slice() else { panic!("{web:#}") };
        snapshot["processes"][second]["unit"] = "helper.service".into();
        snapshot["processes"][second]["cgroup"] = "/system.slice/helper.service".into();
    });
    for unit in ["nginx.service", "helper.service"] {
        let said = with_input(&format!("wait 443 --owner {unit} --snapshot -"), &input);
        assert_eq!((said.code, said.out), (Some(0), format!("443 is up, held by {unit}\n")));
    }
    let said = with_input("wait 443 --owner other.service --snapshot -", &input);
    assert_eq!(said.code, Some(4), "{said:?}");
}

#[test]
fn whose_it_is_is_looked_for_once_it_is_open() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let name = std::fs::read_to_string("/proc/self/comm").unwrap();
    let said = run(&format!("wait {port}/tcp --owner {}", name.trim()));
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = run(&format!("wait {port}/tcp --owner portreeve-nobody.service --for 0s"));
    assert_eq!(said.code, Some(4), "{said:?}");
    drop(listener);
    let said = run(&format!("wait {port}/tcp --owner {} --for 0s", name.trim()));
    assert_eq!(said.code, Some(1), "{said:?}");
}

#[test]
fn whoever_holds_it_is_called_the_holder_in_japanese() {
    for (line, said) in [
        ("wait 443 --lang ja", "443 番では nginx.service が待ち受けています\n"),
        ("wait 443 --gone --lang ja --for 0s", "443 番はまだ nginx.service が保持しています\n"),
        (
            "wait 443 --owner apache2.service --lang ja",
            "443 番は apache2.service ではなく nginx.service が保持しています\n",
        ),
    ] {
        assert_eq!(on_web(line).out, said, "{line}");
    }
}

#[test]
fn a_holder_who_is_not_seen_is_somebody() {
    let said = on_web("wait 9999");
    assert_eq!(said.out, "9999 is up, held by somebody who cannot be seen\n");
    // It was asked whether it is up, and it is.
    assert_eq!(said.code, Some(0));
    let said = on_web("wait 9999 --gone --for 0s");
    assert_eq!(said.out, "9999 is still held by somebody who cannot be seen\n");
    assert_eq!(said.code, Some(1));
    let said = on_web("wait 9999/tcp --lang ja");
    assert_eq!(said.out, "9999/tcp では所有者不明のプロセスが待ち受けています\n");
}

#[test]
fn of_several_numbers_the_one_that_is_up_is_named() {
    assert_eq!(on_web("wait 3000-3010").out, "3000/tcp, one of 3000-3010, is up, held by server.js (dev)\n");
    assert_eq!(on_web("wait https").out, "443/tcp is up, held by nginx.service\n");
    assert_eq!(on_web("wait 3000-3010/tcp --gone --for 0s").code, Some(1));
    assert_eq!(
        on_web("wait 20-500 --owner nginx").out,
        "80/tcp, one of 20-500, is up, held by nginx.service\n"
    );
    assert_eq!(
        on_web("wait 3000-3010 --lang ja").out,
        "3000-3010 のうち 3000/tcp では server.js (dev) が待ち受けています\n"
    );
}

#[test]
fn what_the_service_manager_holds_needs_no_root_to_be_seen() {
    let input = web_with(|snapshot| {
        snapshot["processes"]["1"] = snapshot["processes"]["700"].clone();
        for (key, value) in [("name", "systemd"), ("unit", "init.scope"), ("cgroup", "/init.scope")] {
            snapshot["processes"]["1"][key] = value.into();
        }
        for listener in snapshot["listeners"].as_array_mut().unwrap() {
            if listener["port"] == 22 {
                listener["socket_unit"] = "init.scope".into();
                listener["socket_cgroup"] = "/init.scope".into();
                listener["holders"] = serde_json::json!([{"pid": 1, "fd": 3}]);
                listener["holders_complete"] = true.into();
            }
        }
    });
    let said = with_input("wait 22 --owner ssh.socket --snapshot -", &input);
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.out.contains("systemctl list-sockets") && !said.out.contains("root"), "{}", said.out);
}

#[test]
fn what_the_kernel_holds_is_nobodys_whom_root_would_see() {
    let input = web_with(|snapshot| {
        let listeners = snapshot["listeners"].as_array_mut().unwrap();
        let nginx = listeners.iter_mut().find(|listener| listener["port"] == 443).unwrap();
        nginx["holders"] = serde_json::json!([]);
        nginx["gap"] = "kernel".into();
    });
    let said = with_input("wait 443 --owner apache2 --for 0s --snapshot -", &input);
    assert_eq!(said.out, "443 is held by kernel, not by apache2\n");
    assert_eq!(said.code, Some(4), "{said:?}");
    for owner in ["kernel", "nginx.service"] {
        let said = with_input(&format!("wait 443 --owner {owner} --snapshot -"), &input);
        assert_eq!(said.code, Some(0), "the kernel holds it for whoever opened it: {said:?}");
    }
}
