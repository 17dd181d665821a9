//! Every service has the logs of its program, and a line is whose program wrote it.

use alloc::{
    string::{String, ToString as _},
    vec::Vec,
};

use super::*;
use crate::logs::header;
use crate::policy::LogChoice;
use crate::rules::testing::scene;

const ACCOUNTS: Accounts = Accounts { postfix: Some(102) };

fn policy(services: &[(&str, &str)], log: &[(&str, LogPlace)]) -> Policy {
    let scene = services.iter().fold(scene(), |scene, (name, owner)| scene.service(name, "1/tcp", owner));
    let mut policy = scene.policy.expect("it has services");
    policy.watch.log = log
        .iter()
        .map(|(service, place)| LogChoice { service: (*service).into(), place: place.clone() })
        .collect();
    policy
}

/// The services of each place, and those without.
fn told(policy: &Policy, has_journal: bool, paths: &[&str]) -> (Vec<String>, Vec<String>) {
    let logs = Logs::of(policy, Here { has_journal, has: &|path| paths.contains(&path) });
    let all = logs.all.iter().map(|log| {
        let (LogPlace::File(place) | LogPlace::Unit(place)) = &log.place;
        let services: Vec<_> = log.services().collect();
        format!("{place}: {}", services.join(" "))
    });
    (all.collect(), logs.without)
}

#[test]
fn a_service_has_the_journal_or_the_usual_files_of_its_program() {
    let policy = policy(
        &[
            ("ssh", "ssh.service"),
            ("smtp", "postfix@-.service"),
            ("submission", "postfix@-.service"),
            ("imap", "dovecot.service"),
            ("ftp", "vsftpd.service"),
            ("web", "nginx.service"),
            ("cache", "redis.service"),
        ],
        &[],
    );
    let (all, without) = told(&policy, true, &["/var/log/auth.log", "/var/log/nginx", "/var/log/vsftpd.log"]);
    let units = ["ssh.service: ssh", "postfix@-.service: smtp submission", "dovecot.service: imap"];
    let files = ["/var/log/vsftpd.log: ftp", "/var/log/nginx/access.log: web"];
    assert_eq!(
        (all, without),
        ([&units[..], &files].concat().into_iter().map(String::from).collect(), Vec::new())
    );
    let (all, without) = told(&policy, false, &["/var/log/secure", "/var/log/mail.log"]);
    assert_eq!(all, ["/var/log/secure: ssh", "/var/log/mail.log: smtp submission imap"]);
    assert_eq!(without, ["ftp", "web"]);
}

#[test]
fn hosts_that_name_no_log_of_their_own_have_one() {
    let policy = policy(&[("web", "apache2.service")], &[]);
    let folder = "/var/log/apache2";
    let (all, _) = told(&policy, true, &[folder]);
    assert_eq!(all, ["/var/log/apache2/access.log: web"]);
    let others = "/var/log/apache2/other_vhosts_access.log";
    let (all, _) = told(&policy, true, &[folder, others]);
    assert_eq!(all, ["/var/log/apache2/access.log: web", "/var/log/apache2/other_vhosts_access.log: web"]);
}

#[test]
fn the_units_are_the_owners_or_what_serves_for_a_socket() {
    let (all, _) = told(&policy(&[("ssh", "ssh.socket")], &[]), true, &[]);
    assert_eq!(all, ["ssh.service: ssh", "ssh@*.service: ssh"]);
    let mut by_program = policy(&[("ssh", "x.service"), ("mail", "x.service")], &[]);
    by_program.services[0].owners = vec![Owner::Exe("/usr/sbin/sshd".into())];
    by_program.services[1].owners = vec![Owner::Exe("/usr/lib/postfix/sbin/master".into())];
    let (all, _) = told(&by_program, true, &[]);
    assert_eq!(
        all,
        ["ssh.service: ssh", "sshd.service: ssh", "postfix.service: mail", "postfix@-.service: mail"]
    );
}

#[test]
fn what_the_policy_says_stands_before_what_is_usual() {
    let file = LogPlace::File("/srv/ssh.log".into());
    let unit = LogPlace::Unit("x.service".into());
    let policy = policy(
        &[("ssh", "ssh.service"), ("own", "own.service")],
        &[("ssh", file), ("own", unit), ("own", LogPlace::File("/srv/own.log".into()))],
    );
    let (all, without) = told(&policy, true, &[]);
    assert_eq!(all, ["/srv/ssh.log: ssh", "x.service: own", "/srv/own.log: own"]);
    assert_eq!(without, [""; 0]);
    let logs = Logs::of(&policy, Here { has_journal: true, has: &|_| false });
    assert_eq!(logs.all[0].service(Program::Sshd), Some("ssh"));
    assert_eq!(logs.all[0].service(Program::Vsftpd), None, "what else is in the file is not its own");
    assert_eq!(logs.all[2].service(Program::Vsftpd), Some("own"), "nobody knows what it runs");
}

#[test]
fn a_line_of_the_journal_is_its_units_and_its_programs() {
    let policy =
        policy(&[("ssh", "ssh.socket"), ("smtp", "postfix@-.service"), ("imap", "dovecot.service")], &[]);
    let logs = Logs::of(&policy, Here { has_journal: true, has: &|_| false });
    let spoken = |unit, identifier, uid| {
        let entry =
            Entry { unit, uid: Some(uid), pid: Some(7), identifier: Some(identifier), message: Some("a") };
        logs.spoken(&entry, ACCOUNTS, &mut [Form::default(); 4]).map(|(service, _)| service.to_string())
    };
    assert_eq!(spoken(Some("ssh.service"), "sshd", 0).as_deref(), Some("ssh"));
    assert_eq!(spoken(Some("ssh@3-192.0.2.1:22.service"), "sshd", 0).as_deref(), Some("ssh"));
    assert_eq!(spoken(Some("postfix@-.service"), "postfix/smtpd", 102).as_deref(), Some("smtp"));
    for (unit, identifier, uid) in [
        (Some("session-3.scope"), "sshd", 0),
        (Some("user@1000.service"), "sshd", 0),
        (Some("ssh.service"), "sshd", 1_000),
        (Some("ssh.service"), "dovecot", 0),
        (Some("postfix@-.service"), "postfix/smtpd", 1_000),
        (None, "sshd", 0),
    ] {
        assert_eq!(spoken(unit, identifier, uid), None, "{unit:?} {identifier} {uid}");
    }
    let asked =
        ["_SYSTEMD_UNIT=dovecot.service", "_SYSTEMD_UNIT=postfix@-.service", "_SYSTEMD_UNIT=ssh.service"];
    assert_eq!(logs.journal_matches(), [&asked[..], &["_TRANSPORT=syslog"]].concat());
}

/// Anybody has nginx write whole lines into its errors, of whatever form.
#[test]
fn no_line_counts_where_nginx_writes_errors() {
    let file = LogPlace::File("/var/log/nginx/error.log".into());
    let policy = policy(&[("web", "nginx.service"), ("own", "own.service")], &[("own", file)]);
    let logs = Logs::of(&policy, Here { has_journal: true, has: &|_| false });
    let mut forms = [Form::default(); 2];
    let mut heard = |place: usize, program| logs.all[place].speaker(program, &mut forms[place]);
    assert_eq!(heard(1, Program::Nginx), None, "it tells of nobody itself");
    assert_eq!((heard(1, Program::Access), heard(1, Program::Sshd)), (None, None));
    let unit = |message| Entry {
        unit: Some("nginx.service"),
        uid: Some(33),
        pid: None,
        identifier: Some("nginx"),
        message: Some(message),
    };
    let asked = unit("192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] \"GET / HTTP/1.1\" 200 1");
    let error = unit("2026/10/10 13:55:36 [error] 2865#0: *6 a");
    let spoken: Vec<_> = [asked, error, asked]
        .iter()
        .map(|entry| logs.spoken(entry, ACCOUNTS, &mut forms).is_some())
        .collect();
    assert_eq!(spoken, [true, false, false]);
}

#[test]
fn only_a_log_of_requests_is_one_of_which_each_line_is_to_be_understood() {
    const REQUEST: &str = "192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"-\"";
    const JSON: &str = r#"{"remote_addr":"192.0.2.1","status":404}"#;
    const CRON: &str = "Nov 30 05:44:11 host CRON[7]: pam_unix(cron:session): session opened";
    const SSHD: &str = "Nov 30 05:44:11 host sshd[7]: Connection closed by 192.0.2.1 port 50";
    let understands = |owner, file: &str, line| {
        let place = LogPlace::File(file.into());
        let policy = policy(&[("one", owner)], &[("one", place)]);
        let logs = Logs::of(&policy, Here { has_journal: true, has: &|_| false });
        logs.all[0].understands(header::split(line).as_ref())
    };
    for owner in ["nginx.service", "apache2.service"] {
        let told = [REQUEST, JSON, CRON, SSHD].map(|line| understands(owner, "/var/log/web.log", line));
        assert_eq!(told, [Some(true), Some(false), Some(false), Some(false)], "{owner}");
    }
    for owner in ["ssh.service", "vsftpd.service", "dovecot.service", "own.service"] {
        let told = [REQUEST, JSON, CRON, SSHD].map(|line| understands(owner, "/var/log/auth.log", line));
        assert_eq!(told, [None; 4], "{owner}");
    }
    let unit = policy(&[("web", "nginx.service")], &[("web", LogPlace::Unit("nginx.service".into()))]);
    let logs = Logs::of(&unit, Here { has_journal: true, has: &|_| false });
    assert_eq!(logs.all[0].understands(None), None, "the journal");
}
