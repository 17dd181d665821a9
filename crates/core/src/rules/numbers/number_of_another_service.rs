//! A daemon stands on a well-known number that IANA gave to something else (A6, A8).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    kinds::ordinary_ports,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// A known daemon on a well-known number that belongs to another service.
pub(super) const RULE: Rule = Rule {
    name: "number-of-another-service",
    severity: Severity::Notice,
    article: &["A6", "A8"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A daemon that is known for one service stands on a well-known number that IANA gives to another.",
            ja: "特定のサービス用として知られるデーモンが、IANA で別のサービスに割り当てられたウェルノウンポートで待ち受けています。",
        },
        why: Words {
            en: "People, firewalls and logs take the number at its word; and the proper service cannot have it.",
            ja: "人もファイアウォールもログの読み手も、番号どおりのサービスとみなします。本来のサービスもその番号を使えません。",
        },
        fix: Words {
            en: "Give it its own number or one above 1023; if it is meant (ssh on 443 behind a strict network), waive this.",
            ja: "本来の番号か 1024 以上に移します。意図したもの(制限の厳しい環境での 443 番の ssh など)なら容認(waive)します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let assigned = |holding: &Holding<'_>| {
        let spec = holding.spec();
        world.registry.name(spec.range.first, spec.protocol)
    };
    let well_known = world.holdings().filter(|holding| holding.widest().port < 1024);
    well_known.filter_map(|holding| judge(holding, assigned)).collect()
}

/// `assigned` tells what IANA gives the number of a holding to.
fn judge<'r>(holding: &Holding<'_>, assigned: impl Fn(&Holding<'_>) -> Option<&'r str>) -> Option<Finding> {
    let port = holding.widest().port;
    let programs = holding.programs();
    let program = programs.iter().find(|program| is_elsewhere_at_home(program, port))?;
    let assigned = assigned(holding)?;
    let Text { en, ja } = holding.who();
    let spec = holding.spec();
    let finding = RULE.finding(
        text!(
            "{en} ({program}) stands on {spec}, which IANA gives to {assigned}",
            "{ja}({program})が、IANA で {assigned} に割り当てられた {spec} で待ち受けています"
        ),
        text!(
            "give it its own number or one above 1023, or waive this if it is meant",
            "本来の番号か 1024 以上に移してください。意図したものなら容認(waive)してください"
        ),
    );
    Some(finding.about(holding).run([format!("portreeve explain {spec}")]))
}

/// Whether the program is known, and its well-known numbers are others; of anything else nobody guesses.
fn is_elsewhere_at_home(program: &str, port: u16) -> bool {
    port < 1024 && ordinary_ports(program).is_some_and(|ports| !ports.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::scene;

    #[test]
    fn ssh_on_the_number_of_https_is_found() {
        let scene = scene().listens("ssh.service", "0.0.0.0:443/tcp").program("sshd", "root");
        let found = scene.with_world(|world| {
            let found =
                |name| world.holdings().filter_map(|holding| judge(holding, |_| name)).collect::<Vec<_>>();
            assert!(found(None).is_empty());
            found(Some("https"))
        });
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text.en, "ssh (sshd) stands on 443/tcp, which IANA gives to https");
        assert_eq!(found[0].commands, ["portreeve explain 443/tcp"]);
    }

    #[test]
    fn a_daemon_at_home_or_above_1023_is_none() {
        for (program, port) in [
            ("sshd", 22),
            ("sshd", 2222),
            ("nginx", 80),
            ("nginx", 8080),
            ("dovecot", 993),
            ("vsftpd", 21),
            ("chronyd", 323),
            ("systemd-resolve", 53),
            ("mysqld", 3306),
        ] {
            assert!(!is_elsewhere_at_home(program, port), "{program} {port}");
        }
        assert!(is_elsewhere_at_home("mysqld", 443));
        assert!(is_elsewhere_at_home("sshd", 443));
    }

    #[test]
    fn a_program_that_serves_anything_is_not_guessed_at() {
        for program in ["haproxy", "traefik", "node", "docker-proxy", "app.py", "master"] {
            assert!(!is_elsewhere_at_home(program, 443), "{program}");
        }
    }
}
