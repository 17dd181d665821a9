//! Runs of lines, and who is told of.

use super::*;
use crate::logs::{Deed, Reading, header, read};

/// Whoever is told of, where these lines are written one after the other; `(seconds later, line)`.
fn told(lines: &[(i64, String)]) -> Vec<String> {
    let mut scene = Scene::new();
    for (seconds, line) in lines {
        let header = header::split(line).expect("a known program wrote it");
        let Reading::Attempt(attempt) = read(header.program, header.message) else { continue };
        let service = scene.watch.service("ssh");
        scene.later(seconds * 1_000).happens(Happening::Written(Written::of(service, &header, attempt)));
    }
    scene.lines()
}

fn sshd(pid: u32, said: &str, from: &str) -> String {
    format!("Jun 21 16:47:48 host sshd[{pid}]: {said} from {from} port 50 ssh2")
}

fn failed(pid: u32, user: &str, from: &str) -> String {
    sshd(pid, &format!("Failed password for {user}"), from)
}

#[test]
fn who_tries_passwords_is_told_at_the_fifth() {
    let lines: Vec<_> = (0..9).map(|pid| (20, failed(pid, "root", PROBER))).collect();
    let expected = ["203.0.113.7 brute-force proven ssh: 5 failed logins in 1 min, 1 user, 0 good"];
    assert_eq!(told(&lines), expected);
    let users: Vec<_> = (0..9).map(|pid| (1, failed(pid, &format!("invalid user u{pid}"), PROBER))).collect();
    let text = told(&users);
    let [text] = text.as_slice() else { panic!("{text:?}") };
    assert!(text.starts_with("203.0.113.7 password-spray proven ssh: 5 failed logins in 4.0 s, "), "{text}");
}

#[test]
fn people_who_make_mistakes_are_not_told_of() {
    let typed = [
        (0, failed(1, "ann", PROBER)),
        (5, failed(1, "ann", PROBER)),
        (5, sshd(1, "Accepted password for ann", PROBER)),
    ];
    let year: Vec<_> = typed.iter().cycle().take(150).cloned().collect();
    assert_eq!(told(&year), [""; 0]);
    let keys: Vec<_> = (0..5).map(|_| (0, sshd(9, "Failed publickey for ann", PROBER))).collect();
    assert_eq!(told(&keys), [""; 0]);
    // One connection is one try, however many lines it writes.
    let lines =
        ["Invalid user x", "Failed password for invalid user x", "Failed password for invalid user x"];
    let one: Vec<_> = (0..4).flat_map(|pid| lines.map(|line| (1, sshd(pid, line, PROBER)))).collect();
    assert_eq!(told(&one), [""; 0]);
}

#[test]
fn many_people_behind_one_address_are_not_told_of() {
    let day = (0..30).flat_map(|person| {
        let user = format!("user{person}");
        let good = (40, sshd(100 + person, &format!("Accepted password for {user}"), PROBER));
        let wrong = (40, failed(200 + person, &user, PROBER));
        if person % 3 == 0 { vec![wrong, good] } else { vec![good] }
    });
    assert_eq!(told(&day.collect::<Vec<_>>()), [""; 0]);
}

/// None of them does enough to be told of by himself.
#[test]
fn many_who_share_the_work_are_told_of_together() {
    let lines: Vec<_> = (1..=30)
        .map(|nth| (9, failed(nth, &format!("u{}", nth % 3), &format!("198.51.100.{nth}"))))
        .collect();
    let told = told(&lines);
    let [text] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        text,
        "198.51.100.20 distributed-brute-force proven ssh: 20 sources failed to log in once or twice each in 2 min, 3 users"
    );
    assert_eq!(self::told(&lines[..19]), [""; 0]);
}

#[test]
fn the_host_itself_is_not_told_of() {
    let lines: Vec<_> = (0..20).map(|pid| (1, failed(pid, "root", HERE))).collect();
    assert_eq!(told(&lines), [""; 0]);
}

#[test]
fn who_asks_for_what_only_a_probe_asks_for_is_told_of() {
    let asked = |path: &str| {
        format!("{PROBER} - - [10/Oct/2026:13:55:36 +0000] \"GET {path} HTTP/1.1\" 404 1 \"-\" \"-\"")
    };
    let probed = ["/.env", "/.git/config", "/wp-login.php", "/owa/", "/solr/admin"];
    let lines: Vec<_> = probed.iter().map(|path| (1, asked(path))).collect();
    let expected = ["203.0.113.7 path-probing proven ssh: 5 paths in 4.0 s that only a probe asks for"];
    assert_eq!(told(&lines), expected);
    let odd = ["//.env", "/%2egit/config", "http://h/wp-login.php", "/owa//", "/%73olr/admin"];
    assert_eq!(told(&odd.iter().map(|path| (1, asked(path))).collect::<Vec<_>>()), expected);
    let crawler: Vec<_> = (0..19).map(|dead| (1, asked(&format!("/old/{dead}")))).collect();
    assert_eq!(told(&crawler), [""; 0]);
}

/// Whose word a service has written is there, so what was not proven of him is.
#[test]
fn what_a_service_writes_proves_a_source() {
    let mut scene = Scene::new();
    scene.probes(Protocol::Tcp, &[23, 5_900, 6_379, 27_017]);
    assert!(scene.lines()[0].contains(" unproven "), "{:?}", scene.lines());
    let service = scene.watch.service("ssh");
    let attempt =
        crate::logs::Attempt { source: PROBER.parse().unwrap(), deed: Deed::Left, user: None, port: None };
    let header = header::split("Jun 21 16:47:48 host sshd[1]: x").unwrap();
    scene.happens(Happening::Written(Written::of(service, &header, attempt)));
    assert!(scene.lines()[1].contains(" proven "), "{:?}", scene.lines());
}

fn asked(second: u32, user: &str, path: &str, status: u16) -> (i64, String) {
    let when = format!("10/Oct/2026:13:55:{second:02} +0000");
    (1, format!("{PROBER} - {user} [{when}] \"GET {path} HTTP/1.1\" {status} 1 \"-\" \"-\""))
}

#[test]
fn who_tries_passwords_of_a_web_server_is_told_of_by_its_requests() {
    let browser: Vec<_> = (0..30).map(|second| asked(second, "-", "/", 401)).collect();
    assert_eq!(told(&browser), [""; 0], "it asks whether it has to name a user");
    let guesses: Vec<_> = (0..9).map(|second| asked(second, "ann", "/", 401)).collect();
    let expected = ["203.0.113.7 brute-force proven ssh: 5 failed logins in 4.0 s, 1 user, 0 good"];
    assert_eq!(told(&guesses), expected);
    let typed: Vec<_> =
        (0..30).map(|nth| asked(nth, "ann", "/", if nth % 4 == 3 { 200 } else { 401 })).collect();
    assert_eq!(told(&typed), [""; 0]);
    // A page that anybody may read takes back nothing.
    let open: Vec<_> = (0..30)
        .map(|nth| if nth % 4 == 3 { asked(nth, "ann", "/open", 200) } else { asked(nth, "ann", "/", 401) })
        .collect();
    assert_eq!(told(&open).len(), 1);
}

/// At one of them a user is asked for, and the other gives the same path to everybody.
#[test]
fn no_login_is_good_at_a_path_of_another_host_in_the_same_log() {
    let guesses = |line: &dyn Fn(u32) -> (i64, String)| (0..9).map(line).collect::<Vec<_>>();
    let at = |host: &str, (first, line): (i64, String)| (first, format!("{host}:443 {line}"));
    let by_host = guesses(&|nth| {
        if nth % 2 == 1 {
            at("open.example", asked(nth, "ann", "/", 200))
        } else {
            at("closed.example", asked(nth, "ann", "/", 401))
        }
    });
    assert_eq!(told(&by_host).len(), 1);
    // Where no line says which, somebody who names no user shows it.
    let (ann, nobody) = ("ann", "-");
    let without_host = guesses(&|nth| match nth {
        0 => asked(nth, ann, "/", 401),
        1 => asked(nth, nobody, "/", 200),
        nth => asked(nth, ann, "/", if nth % 2 == 1 { 200 } else { 401 }),
    });
    assert_eq!(told(&without_host).len(), 1);
}

/// What is asked for otherwise than where a password was wanted may be given to everybody.
#[test]
fn no_login_is_good_by_another_method_or_question() {
    for (guarded, open) in [
        ("GET /", "OPTIONS /"),
        ("GET /info/refs?service=git-receive-pack", "GET /info/refs?service=git-upload-pack"),
    ] {
        let request = |nth: u32| {
            let (request, status) = if nth % 4 == 3 { (open, 204) } else { (guarded, 401) };
            let (first, line) = asked(nth, "ann", "/", status);
            (first, line.replace("GET /", request))
        };
        assert_eq!(told(&(0..30).map(request).collect::<Vec<_>>()).len(), 1, "{open}");
    }
}

/// Of two hosts in one log nobody can tell at which one of them a request was answered.
#[test]
fn a_hundred_failures_are_told_of_whatever_good_logins_there_are() {
    let request = |host: &'static str| {
        move |nth: u32| {
            let status = if nth % 4 == 3 { 200 } else { 401 };
            let (_, line) = asked(nth % 60, "ann", "/?nobody-else", status);
            (60, format!("{host}{line}"))
        }
    };
    let requests = |host, count: u32| (0..count).map(request(host)).collect::<Vec<_>>();
    assert_eq!((told(&requests("", 130)).len(), told(&requests("", 300)).len()), (0, 1));
    assert_eq!(told(&requests("a.example:443 ", 300)).len(), 0, "where it is known it is as good as any");
}

/// A browser asks without a password first, for each path.
#[test]
fn who_gives_the_right_password_probes_for_nothing() {
    let paths = ["/wp-login.php", "/wp-admin/", "/wp-includes/", "/wp-content/", "/phpmyadmin/", "/solr/"];
    let requests = (0..)
        .step_by(2)
        .zip(paths)
        .flat_map(|(second, path)| [asked(second, "-", path, 401), asked(second + 1, "ann", path, 200)]);
    assert_eq!(told(&requests.collect::<Vec<_>>()), [""; 0]);
}

/// A program that sends mail tries one mechanism after the other with the same wrong password.
#[test]
fn what_postfix_writes_of_one_login_is_one_try() {
    let line = |(seconds, mechanism): (i64, &str)| {
        let said = format!("warning: unknown[{PROBER}]: SASL {mechanism} authentication failed: x");
        (seconds, format!("Oct 10 13:55:00 host postfix/smtpd[7]: {said}"))
    };
    let login = [(25, "CRAM-MD5"), (8, "PLAIN"), (8, "LOGIN")].map(line);
    let logins = |count: usize| login.iter().cycle().take(3 * count).cloned().collect::<Vec<_>>();
    assert_eq!(told(&logins(4)), [""; 0]);
    assert_eq!(told(&logins(5)).len(), 1);
}

/// Whoever asks nginx for an odd path has it write a line of its own.
#[test]
fn what_nginx_writes_of_errors_proves_nobody() {
    let error = |nth: u32| {
        let said = format!("*{nth} user \"u{nth}\": password mismatch, client: {PROBER}, server: x");
        (1, format!("2026/11/30 02:02:{nth:02} [error] 1#1: {said}"))
    };
    let told = told(&(0..6).map(error).collect::<Vec<_>>());
    let [text] = told.as_slice() else { panic!("{told:?}") };
    assert!(text.starts_with("203.0.113.7 password-spray unproven ssh: 5 failed logins"), "{text}");
    let mut scene = Scene::new();
    scene.probes(Protocol::Tcp, &[23, 5_900, 6_379, 27_017]);
    let service = scene.watch.service("web");
    let line = error(1).1;
    let header = header::split(&line).unwrap();
    let Reading::Attempt(attempt) = read(header.program, header.message) else { panic!("{line}") };
    scene.happens(Happening::Written(Written::of(service, &header, attempt)));
    assert_eq!(scene.told.len(), 1, "it is no handshake: {:?}", scene.lines());
}
