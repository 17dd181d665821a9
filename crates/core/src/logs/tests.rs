//! What a stranger writes into a line is never taken for what the program wrote (A19).

use alloc::{
    format,
    string::{String, ToString as _},
};

use super::{Attempt, Deed, LINE_BYTES_MAX, Program, Reading, header, read, read_beginning};

/// `failed 192.0.2.1 as x`, `ambiguous` or `nothing`.
fn told(program: Program, message: &str) -> String {
    match read(program, message) {
        Reading::Ambiguous => "ambiguous".into(),
        Reading::Nothing => "nothing".into(),
        Reading::Attempt(Attempt { source, deed, user, .. }) => {
            let deed = match deed {
                Deed::Failed => "failed".into(),
                Deed::Welcome => "welcome".into(),
                Deed::Refused => "refused".into(),
                Deed::Left => "left".into(),
                Deed::Asked(asked) => {
                    let led = if asked.is_led { " by a page" } else { "" };
                    format!("{} {}{}{led}", asked.status, asked.host.unwrap_or_default(), asked.target())
                }
            };
            let user = user.map(|user| format!(" as {user}")).unwrap_or_default();
            format!("{deed} {source}{user}")
        }
    }
}

#[test]
fn sshd_tells_who_was_not_let_in() {
    for (message, expected) in [
        ("Failed password for root from 192.0.2.1 port 5 ssh2", "failed 192.0.2.1 as root"),
        ("Failed password for invalid user x y from 2001:db8::1 port 5 ssh2", "failed 2001:db8::1 as x y"),
        ("Failed password for root from ::ffff:192.0.2.1 port 5 ssh2", "failed 192.0.2.1 as root"),
        (
            "Accepted publickey for root from 192.0.2.1 port 5 ssh2: ED25519 SHA256:a",
            "welcome 192.0.2.1 as root",
        ),
        ("Failed publickey for root from 192.0.2.1 port 5 ssh2: RSA a", "nothing"),
        ("Failed publickey for invalid user x from 192.0.2.1 port 5 ssh2: RSA a", "failed 192.0.2.1 as x"),
        ("Invalid user  from 192.0.2.1 port 5", "failed 192.0.2.1"),
        ("Invalid user x from 192.0.2.1", "failed 192.0.2.1 as x"),
        (
            "error: maximum authentication attempts exceeded for root from 192.0.2.1 port 5 ssh2 [preauth]",
            "failed 192.0.2.1 as root",
        ),
        (
            "Connection closed by authenticating user root 192.0.2.1 port 5 [preauth]",
            "left 192.0.2.1 as root",
        ),
        ("Connection closed by 192.0.2.1 port 5 [preauth]", "left 192.0.2.1"),
        ("Received disconnect from 192.0.2.1 port 5:11: Bye", "left 192.0.2.1"),
        ("User root from 192.0.2.1 not allowed because listed in DenyUsers", "failed 192.0.2.1 as root"),
        ("User root from 192.0.2.1 not allowed because of the moon", "nothing"),
        ("Failed password for root from host.example port 5 ssh2", "nothing"),
        ("Failed password for root from 192.0.2.1", "nothing"),
    ] {
        assert_eq!(told(Program::Sshd, message), expected, "{message}");
    }
}

#[test]
fn a_user_of_sshd_cannot_call_himself_another_address() {
    let forged = "root from 192.0.2.1 port 22 ssh2";
    for (message, expected) in [
        (format!("Failed password for invalid user {forged} from 203.0.113.9 port 5 ssh2"), format!("failed 203.0.113.9 as {forged}")),
        (format!("Invalid user {forged} from 203.0.113.9 port 5"), format!("failed 203.0.113.9 as {forged}")),
        (format!("Failed password for invalid user {forged} from host.example port 5 ssh2"), "nothing".into()),
        (format!("Failed password for invalid user {forged}: x from host.example port 5 ssh2"), "ambiguous".into()),
        (format!("Failed password for invalid user {forged}: x from 203.0.113.9 port 5 ssh2"), "ambiguous".into()),
        ("Connection closed by authenticating user x 192.0.2.1 port 1 [preauth] 203.0.113.9 port 5 [preauth]".into(), "left 203.0.113.9 as x 192.0.2.1 port 1 [preauth]".into()),
        ("Bad protocol version identification 'x' from 192.0.2.1 port 1' from 203.0.113.9 port 5".into(), "left 203.0.113.9 as x' from 192.0.2.1 port 1".into()),
        ("pam_unix(sshd:auth): authentication failure; logname= ruser=x rhost=192.0.2.1 rhost=203.0.113.9".into(), "ambiguous".into()),
        ("Disconnecting invalid user x 192.0.2.1 port 1: Too many authentication failures 203.0.113.9 port 5: Too many authentication failures [preauth]".into(), "ambiguous".into()),
    ] {
        assert_eq!(told(Program::Sshd, &message), expected, "{message}");
    }
}

#[test]
fn mail_servers_tell_who_was_not_let_in() {
    use Program::{Dovecot, Postfix};
    for (program, message, expected) in [
        (Postfix, "warning: host[192.0.2.1]: SASL LOGIN authentication failed: x", "failed 192.0.2.1"),
        (
            Postfix,
            "warning: unknown[2001:db8::1]: SASL PLAIN authentication failed: x, sasl_username=a@b",
            "failed 2001:db8::1 as a@b",
        ),
        (
            Postfix,
            "warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: Connection lost to authentication server",
            "nothing",
        ),
        (
            Postfix,
            "ABC1: client=host[192.0.2.1], sasl_method=PLAIN, sasl_username=a",
            "welcome 192.0.2.1 as a",
        ),
        (Postfix, "ABC1: client=host[192.0.2.1]", "nothing"),
        (
            Postfix,
            "NOQUEUE: reject: RCPT from host[192.0.2.1]: 554 5.7.1 <x[203.0.113.9]>: Relay access denied",
            "refused 192.0.2.1",
        ),
        (Postfix, "lost connection after AUTH from host[192.0.2.1]", "left 192.0.2.1"),
        (Postfix, "warning: header Subject: x[192.0.2.1]: SASL LOGIN authentication failed: y", "nothing"),
        (
            Dovecot,
            "imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<x>, method=PLAIN, rip=192.0.2.1, lip=203.0.113.9",
            "failed 192.0.2.1 as x",
        ),
        (
            Dovecot,
            "imap-login: Login: user=<x>, method=PLAIN, rip=192.0.2.1, lip=203.0.113.9",
            "welcome 192.0.2.1 as x",
        ),
        (
            Dovecot,
            "imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip=192.0.2.1, lip=203.0.113.9",
            "left 192.0.2.1",
        ),
        (
            Dovecot,
            "imap-login: Disconnected (auth failed): user=<x>, rip=192.0.2.9, >, method=PLAIN, rip=192.0.2.1, lip=203.0.113.9",
            "ambiguous",
        ),
        (Dovecot, "auth: sql(x,192.0.2.1,<s>): Password mismatch", "failed 192.0.2.1 as x"),
        (Dovecot, "auth: sql(192.0.2.9,192.0.2.1,<s>): Password mismatch", "ambiguous"),
        (Dovecot, "auth: sql(x,192.0.2.1,<s>): Connection lost", "nothing"),
    ] {
        assert_eq!(told(program, message), expected, "{message}");
    }
}

#[test]
fn servers_of_files_and_of_the_web_tell_who_was_not_let_in() {
    use Program::{Access, Nginx, Vsftpd};
    for (program, message, expected) in [
        (Vsftpd, "[pid 2] [x] FAIL LOGIN: Client \"::ffff:192.0.2.1\"", "failed 192.0.2.1 as x"),
        (Vsftpd, "[pid 2] [x] OK LOGIN: Client \"192.0.2.1\"", "welcome 192.0.2.1 as x"),
        (
            Vsftpd,
            "[pid 2] [x] FAIL LOGIN: Client \"192.0.2.9\"] FAIL LOGIN: Client \"192.0.2.1\"",
            "ambiguous",
        ),
        (Vsftpd, "[pid 2] CONNECT: Client \"192.0.2.1\"", "nothing"),
        (Vsftpd, "[pid 2] [ftp] OK LOGIN: Client \"192.0.2.1\", anon password \"a@b\"", "nothing"),
        (
            Vsftpd,
            "[pid 2] [x] FAIL DOWNLOAD: Client \"192.0.2.1\", \"/x FAIL LOGIN: Client \"203.0.113.9\"\", 0.00Kbyte/sec",
            "ambiguous",
        ),
        (
            Vsftpd,
            "[pid 2] FTP command: Client \"192.0.2.1\", \"USER x FAIL LOGIN: Client \"203.0.113.9\"\"",
            "ambiguous",
        ),
        (
            Nginx,
            "*6 user \"x\": password mismatch, client: 192.0.2.1, server: a, request: \"GET /\"",
            "failed 192.0.2.1 as x",
        ),
        (
            Nginx,
            "*6 user \"x\" was not found in \"/f\", client: 192.0.2.1, server: a",
            "failed 192.0.2.1 as x",
        ),
        (Nginx, "*6 open() \"/x\" failed, client: 192.0.2.1, server: a", "nothing"),
        (
            Nginx,
            "*6 user \"x, client: 192.0.2.9, \": password mismatch, client: 192.0.2.1, server: a",
            "ambiguous",
        ),
        (Access, "192.0.2.1 - - [a] \"GET /x?y HTTP/1.1\" 404 1 \"-\" \"-\"", "404 /x?y 192.0.2.1"),
        (Access, "192.0.2.1 - - [a] \"GET /\\\" 200 HTTP/1.1\" 404 1", "404 /\\\" 200 192.0.2.1"),
        (Access, "192.0.2.1 - - [a] \"\\x16\\x03\" 400 1", "400 \\x16\\x03 192.0.2.1"),
        (Access, "192.0.2.1 - ann [a] \"GET / HTTP/1.1\" 401 1 \"-\" \"-\"", "401 / 192.0.2.1 as ann"),
        (Access, "192.0.2.1 - a [b] c [a] \"GET / HTTP/1.1\" 401 1", "401 / 192.0.2.1 as a [b] c"),
        (Access, "192.0.2.1 - x] \\\" [a] \"GET / HTTP/1.1\" 401 1", "401 / 192.0.2.1 as x] \\\""),
        (Access, "192.0.2.1 - \"\" [a] \"GET / HTTP/1.1\" 401 1", "401 / 192.0.2.1"),
        (
            Access,
            "192.0.2.1 - - [a] \"GET /x HTTP/1.1\" 404 1 \"https://a/ \\\"b\" \"c\"",
            "404 /x by a page 192.0.2.1",
        ),
        (
            Access,
            "www.example:443 192.0.2.1 - - [a] \"GET /x HTTP/1.1\" 404 1",
            "404 www.example:443/x 192.0.2.1",
        ),
        (Access, "192.0.2.1 - - [a] \"GET   /x y   HTTP/1.1\" 404 1", "404 /x y 192.0.2.1"),
        (Access, "192.0.2.1 - - [a] \" GET /x\" 404 1", "404 /x 192.0.2.1"),
        (Access, "192.0.2.9 192.0.2.1 - - [a] \"GET /x HTTP/1.1\" 404 1", "nothing"),
        (Access, "192.0.2.9 ann x [a] \"GET /x HTTP/1.1\" 404 1", "nothing"),
        (Access, "www.example:x 192.0.2.1 - - [a] \"GET /x HTTP/1.1\" 404 1", "nothing"),
        (Access, "host.example - - [a] \"GET / HTTP/1.1\" 200 1", "nothing"),
        (Access, "192.0.2.1 - - [a] \"GET / HTTP/1.1", "nothing"),
        (Access, "192.0.2.1 - - [a] \"GET / HTTP/1.1\" 999 1", "nothing"),
    ] {
        assert_eq!(told(program, message), expected, "{message}");
    }
}

/// Where a line was cut a stranger chooses.
#[test]
fn the_end_of_a_line_that_was_cut_is_nobodys() {
    let user = "x".repeat(LINE_BYTES_MAX);
    let message = format!("Failed password for invalid user {user} from 192.0.2.1 port 5 ssh2");
    assert_eq!(told(Program::Sshd, &message), "ambiguous");
    assert_eq!(
        read_beginning(Program::Sshd, "Accepted password for x from 192.0.2.1 port 5 ssh2"),
        Reading::Ambiguous
    );
}

/// What a client makes long in a request to a web server stands behind what is judged.
#[test]
fn the_beginning_of_a_request_is_enough() {
    let whole = "192.0.2.1 - ann [a] \"GET /x HTTP/1.1\" 401 153 \"-\" \"long";
    let read = |end: usize| match read_beginning(Program::Access, &whole[..end]) {
        Reading::Attempt(Attempt { user, deed: Deed::Asked(asked), .. }) => Some((user, asked.status)),
        reading => {
            assert_eq!(reading, Reading::Ambiguous);
            None
        }
    };
    let status = whole.find(" 401 ").unwrap() + 5;
    assert_eq!(
        (read(whole.len()), read(status), read(status - 1)),
        (Some((Some("ann"), 401)), Some((Some("ann"), 401)), None)
    );
}

#[test]
fn no_line_is_too_odd() {
    let pieces = [
        " from ",
        "192.0.2.1",
        "::1",
        " port ",
        "5",
        " ssh2",
        ": ",
        "\"",
        "[",
        "]",
        "(",
        ")",
        "<",
        ">",
        ",",
        "\0",
        "é",
        "user ",
        "rip=",
        ", client: ",
        "Failed password for ",
        "Invalid user ",
        " LOGIN: Client \"",
        "- - [",
        "] \"",
        "\\",
        " rhost=",
        "authentication failure; logname=",
        "imap-login: ",
        "auth: sql(",
        "warning: ",
        " SASL ",
        "99999999999999999999",
    ];
    let mut seed = 1_u64;
    for _ in 0..20_000 {
        let mut line = String::new();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            line += pieces[(seed >> 33) as usize % pieces.len()];
        }
        let _ = header::split(&line);
        use Program::{Access, Dovecot, Nginx, Postfix, Sshd, Vsftpd};
        for program in [Sshd, Postfix, Dovecot, Vsftpd, Nginx, Access] {
            if let Reading::Attempt(Attempt { source, .. }) = read(program, &line) {
                assert!(line.contains(&source.to_string()), "{line}");
            }
        }
    }
}
