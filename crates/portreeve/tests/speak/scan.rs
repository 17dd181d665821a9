//! `scan` of this machine's own loopback, by connections, which take no right of root's; and what is refused (A17, A20).

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    process::{Command, id},
};

use serde_json::Value;

use crate::run::{Said, run, with_input};

/// Somebody listens at the first port, and nobody at the second, which was free a moment ago.
fn ports() -> (TcpListener, u16, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = |listener: &TcpListener| listener.local_addr().expect("it is bound").port();
    let free = TcpListener::bind("127.0.0.1:0").expect("another port is free");
    let (open, closed) = (port(&listener), port(&free));
    (listener, open, closed)
}

/// How `scan` answers of these ports.
fn scan(open: u16, closed: u16, words: &str) -> Said {
    run(&format!("scan 127.0.0.1 {open} {closed} --connect --allow-gaps {words}"))
}

#[test]
fn what_is_scanned_is_announced_and_what_is_seen_stands_beside_what_is_said() {
    let (_listener, open, closed) = ports();
    let said = scan(open, closed, "");
    assert_eq!(said.code, Some(0), "{said:?}");
    let announced = "scanning 127.0.0.1 (this host) from 127.0.0.1 · 2 tcp ports · by connections";
    assert!(said.out.starts_with(announced), "{}", said.out);
    assert!(said.out.contains("\n1 open, 1 closed\n"), "{}", said.out);
    let row = |port: u16| said.out.lines().find(|line| line.contains(&format!("{port}/tcp")));
    assert!(row(open).is_some_and(|row| row.split_whitespace().nth(1) == Some("open")), "{}", said.out);
}

#[test]
fn japanese_says_the_same() {
    let (_listener, open, closed) = ports();
    let said = scan(open, closed, "--lang ja");
    let announced = "127.0.0.1(このホスト)を 127.0.0.1 からスキャン中 · TCP 2 ポート";
    assert!(said.out.starts_with(announced), "{}", said.out);
    assert!(said.out.contains("\n開 1、閉 1\n"), "{}", said.out);
}

#[test]
fn programs_read_the_fields_of_the_contract() {
    let (_listener, open, closed) = ports();
    let answer = scan(open, closed, "--all -o json").json();
    let mut keys: Vec<_> = answer.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "counts",
            "ended",
            "findings",
            "from",
            "gaps",
            "lost_estimate",
            "means",
            "opens_everything",
            "ports",
            "proof",
            "rounds",
            "sent",
            "target",
            "version"
        ]
    );
    let told = |port: u16| {
        let ports = answer["ports"].as_array().expect("a list");
        ports.iter().find(|it| it["port"] == port).cloned().unwrap_or_default()
    };
    assert_eq!(
        (&told(open)["seen"], &told(closed)["seen"]),
        (&"open".into(), &"closed".into()),
        "{answer:#}"
    );
    let mut keys: Vec<_> = told(open).as_object().expect("an object").keys().cloned().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["by", "declared", "port", "protocol", "rtt_ms", "said", "seen"]);
    assert_eq!(
        (&answer["proof"]["kind"], &answer["ended"]),
        (&Value::from("own-address"), &Value::from("whole"))
    );
}

#[test]
fn nobody_consents_for_no_time_or_for_years() {
    for time in ["0", "0s", "25h", "10000000000h"] {
        let said = run(&format!("scan --consent --for {time}"));
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{time}: {said:?}");
        assert!(said.err.contains("for a day at most"), "{time}: {}", said.err);
    }
}

/// Every host has this address.
#[test]
fn a_snapshot_of_another_host_is_none_of_the_loopback_device() {
    let (_listener, open, closed) = ports();
    let against = |change: &dyn Fn(&mut Value)| {
        let mut snapshot = run("snapshot").json();
        change(&mut snapshot);
        let words = format!("scan 127.0.0.1 {open} {closed} --connect --allow-gaps --against -");
        with_input(&words, snapshot.to_string().as_bytes())
    };
    let own = against(&|_| {});
    assert_eq!(own.code, Some(0), "{own:?}");
    let other_boot = against(&|it| it["host"]["boot_id"] = "another".into());
    let other_network = against(&|it| {
        let namespaces = it["namespaces"].as_array_mut().expect("a list");
        let own = namespaces.iter_mut().find(|it| it["own"] == true).expect("one is its own");
        own["id"] = 1.into();
    });
    for said in [other_boot, other_network] {
        assert_eq!((said.code, said.out.as_str()), (Some(2), ""), "{said:?}");
        let told = "127.0.0.1 is on every host, and this snapshot is of another one";
        assert!(said.err.contains(told) && said.err.contains("leave out --against"), "{}", said.err);
    }
}

#[test]
fn what_is_no_secret_is_said_to_be_none() {
    let folder = std::env::temp_dir().join(format!("portreeve-scan-secret-{}", id()));
    fs::create_dir_all(&folder).expect("it is ours");
    let (secret, policy) = (folder.join("secret"), folder.join("policy.toml"));
    let text = format!("version = 1\n[scan]\nscan_secret_file = {:?}\n", secret.display().to_string());
    fs::write(&policy, text).expect("it is ours");
    let with_mode = |mode, make: &dyn Fn(&Path)| {
        make(&secret);
        fs::set_permissions(&secret, fs::Permissions::from_mode(mode)).expect("it is ours");
        let said = run(&format!("scan --consent --for 1s --policy {}", policy.display()));
        fs::remove_file(&secret).expect("it is there");
        assert_eq!((said.code, said.out.as_str()), (Some(5), ""), "{said:?}");
        said.err
    };
    let consents = |make: &dyn Fn(&Path)| with_mode(0o600, make);
    let fifo =
        consents(&|path| assert!(Command::new("mkfifo").arg(path).status().expect("it runs").success()));
    assert!(fifo.contains("it is no regular file") && !fifo.contains("others may"), "{fifo}");
    let same = consents(&|path| fs::write(path, [7; 32]).expect("it is ours"));
    assert!(same.contains("it is one byte over and over"), "{same}");
    let short = consents(&|path| fs::write(path, [7; 31]).expect("it is ours"));
    assert!(short.contains("it is not 32 bytes long"), "{short}");
    for said in [&fifo, &same, &short] {
        assert!(said.contains("take it away and make another") && said.contains("rm /"), "{said}");
    }
    let read = with_mode(0o640, &|path| fs::write(path, [7; 32]).expect("it is ours"));
    assert!(read.contains("others may read") && read.contains("chmod 600 /"), "{read}");
    symlink(folder.join("nowhere"), &secret).expect("it is ours");
    let said = run(&format!("scan --consent --for 1s --policy {}", policy.display()));
    assert!(said.code == Some(5) && said.err.contains("a link to a file that is not there"), "{said:?}");
    fs::remove_dir_all(&folder).expect("it is ours");
}

#[test]
fn a_thousand_is_written_with_its_comma_wherever_it_is_told() {
    for (words, told) in [("", "1,001 ports of UDP may take"), (" --lang ja", "UDP の 1,001 ポートには")]
    {
        let said = run(&format!("scan 127.0.0.1 1-1001/udp{words}"));
        assert!(said.code == Some(2) && said.err.contains(told), "{said:?}");
    }
    assert!(run("scan --help").out.contains("20,000 unless it is said, 100,000 at most"));
}

#[test]
fn nobody_elses_address_is_asked() {
    for target in [
        "192.0.2.77",
        "2001:db8::77",
        "192.0.2.0/24",
        "255.255.255.255",
        "ff02::1",
        "example.org",
        "::ffff:192.0.2.1",
    ] {
        let said = run(&format!("scan {target} 80"));
        assert_eq!((said.code, said.out.as_str()), (Some(5), ""), "{target}: {said:?}");
        assert!(
            said.err.contains("nothing was sent") && said.err.contains("cause: "),
            "{target}: {}",
            said.err
        );
    }
}
