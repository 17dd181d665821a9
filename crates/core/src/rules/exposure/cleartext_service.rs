//! Passwords or content cross the network unencrypted (A20).

use alloc::{format, vec::Vec};

use crate::{
    address::Breadth,
    finding::{Finding, Severity},
    kinds::{Kind, Nature},
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// A service that talks in the clear and can be heard beyond this host.
pub(super) const RULE: Rule = Rule {
    name: "cleartext-service",
    severity: Severity::Warning,
    article: &["A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Telnet, FTP, rlogin, rsh, TFTP, finger, POP3, IMAP, LDAP, VNC or X11 without encryption of its own is bound wider than loopback.",
            ja: "Telnet、FTP、rlogin、rsh、TFTP、finger、POP3、IMAP、LDAP、VNC、X11 が、暗号化を前提としない番号で外部から到達できます。",
        },
        why: Words {
            en: "Whoever sits on the way reads the passwords. FTP, POP3, IMAP, LDAP and VNC can encrypt, but only where server or client insist; from outside that cannot be seen.",
            ja: "通信経路上にいれば誰でもパスワードを盗み見できます。FTP、POP3、IMAP、LDAP、VNC は暗号化もできますが、サーバーかクライアントが強制しなければ平文のままです。番号からは判別できません。",
        },
        fix: Words {
            en: "Use the encrypted form (ssh, sftp, 993/tcp, 995/tcp, 636/tcp), or bind it to loopback. Where the server already insists on TLS, waive the finding and say so.",
            ja: "暗号化された方式(ssh、sftp、993/tcp、995/tcp、636/tcp)に替えるか、ループバックだけで待ち受けます。TLS を強制済みなら、その旨を書いて容認(waive)します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.holdings().filter(|holding| holding.breadth() > Breadth::Loopback).filter_map(judge).collect()
}

fn judge(holding: &Holding<'_>) -> Option<Finding> {
    let kind = holding.kind?;
    let (text, fix) = if kind.is(Nature::Cleartext) {
        (describe_always(kind, holding), advise_always())
    } else if kind.is(Nature::OptionalTls) {
        (describe_optional(kind, holding), advise_optional())
    } else {
        return None;
    };
    Some(RULE.finding(text, fix).about(holding).run([format!("portreeve explain {}", RULE.name)]))
}

fn describe_always(kind: &Kind, holding: &Holding<'_>) -> Text {
    let Text { en, ja } = holding.who();
    let (name, spec) = (kind.name, holding.spec());
    text!(
        "{name} on {spec} sends everything unencrypted, passwords too ({en})",
        "{spec} の {name} は、パスワードも含めてすべてを平文で送受信します({ja})"
    )
}

fn describe_optional(kind: &Kind, holding: &Holding<'_>) -> Text {
    let Text { en, ja } = holding.who();
    let (name, spec) = (kind.name, holding.spec());
    text!(
        "{name} on {spec} lets passwords cross unencrypted unless server or client insist on TLS ({en})",
        "{spec} の {name} は、サーバーかクライアントが TLS を強制しない限り、パスワードを平文で送受信します({ja})"
    )
}

fn advise_always() -> Text {
    text!(
        "replace it by an encrypted service (ssh, sftp), or bind it to loopback",
        "暗号化されたサービス(ssh、sftp など)に替えるか、ループバックだけで待ち受けてください"
    )
}

fn advise_optional() -> Text {
    text!(
        "let the server insist on TLS and waive this, or use the encrypted number",
        "サーバーで TLS を強制したうえで容認(waive)するか、TLS 専用のポートを使ってください"
    )
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::scene;

    fn found(unit: &str, spot: &str) -> usize {
        scene().listens(unit, spot).found("cleartext-service").len()
    }

    #[test]
    fn telnet_is_always_in_the_clear_and_ftp_unless_somebody_insists() {
        assert_eq!(
            scene().listens("inetd.service", "0.0.0.0:23/tcp").texts("cleartext-service"),
            ["23/tcp: Telnet on 23/tcp sends everything unencrypted, passwords too (inetd)"]
        );
        assert_eq!(
            scene().listens("vsftpd.service", "[::]:21/tcp").texts("cleartext-service"),
            [
                "21/tcp: FTP on 21/tcp lets passwords cross unencrypted unless server or client insist on TLS (vsftpd)"
            ]
        );
    }

    #[test]
    fn every_protocol_of_the_list_is_known() {
        for spot in [
            "0.0.0.0:69/udp",
            "0.0.0.0:79/tcp",
            "0.0.0.0:110/tcp",
            "192.168.1.5:143/tcp",
            "0.0.0.0:389/tcp",
            "0.0.0.0:512/tcp",
            "0.0.0.0:513/tcp",
        ] {
            assert_eq!(found("some.service", spot), 1, "{spot}");
        }
        assert_eq!(found("inetd.service", "0.0.0.0:514/tcp"), 1);
        assert_eq!(found("Xtigervnc.service", "0.0.0.0:5901/tcp"), 1);
        assert_eq!(found("Xorg.service", "0.0.0.0:6000/tcp"), 1);
    }

    #[test]
    fn encrypted_numbers_loopback_and_mail_relay_are_none() {
        for (unit, spot) in [
            ("dovecot.service", "0.0.0.0:993/tcp"),
            ("dovecot.service", "0.0.0.0:995/tcp"),
            ("slapd.service", "0.0.0.0:636/tcp"),
            ("dovecot.service", "127.0.0.1:143/tcp"),
            ("postfix@-.service", "0.0.0.0:25/tcp"),
            ("postfix@-.service", "0.0.0.0:587/tcp"),
            ("rsyslog.service", "0.0.0.0:514/udp"),
            ("rsyslog.service", "0.0.0.0:514/tcp"),
            ("shop.service", "0.0.0.0:5900/tcp"),
        ] {
            assert_eq!(found(unit, spot), 0, "{unit} {spot}");
        }
        assert!(
            scene()
                .listens("x.service", "0.0.0.0:23/tcp")
                .program("sshd", "root")
                .found("cleartext-service")
                .is_empty()
        );
    }

    #[test]
    fn data_ports_of_ftp_are_none() {
        assert_eq!(found("vsftpd.service", "0.0.0.0:30007/tcp"), 0);
    }
}
