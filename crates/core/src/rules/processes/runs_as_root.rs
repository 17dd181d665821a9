//! A program that strangers talk to has all privileges and could drop them (A20).

use alloc::{format, vec::Vec};

use super::{Estate, about, judge_estates};
use crate::{
    address::Breadth,
    facts::{Privilege, Process},
    finding::{Finding, Severity},
    kinds,
    rules::{Page, Rule, declared::list},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// Whoever accepts from outside is root with every capability.
pub(super) const RULE: Rule = Rule {
    name: "runs-as-root",
    severity: Severity::Notice,
    article: &["A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The process that accepts from outside this host is root with every capability, though such a service could drop them.",
            ja: "外部からの接続を受け付けるプロセスが、手放せるはずの root の全権限を持ったまま動いています。",
        },
        why: Words {
            en: "A mistake in a program that strangers talk to then costs the whole host, not one service.",
            ja: "外部と通信するプログラムに欠陥があると、サービス 1 つではなくホスト全体を奪われます。",
        },
        fix: Words {
            en: "Give the unit a User= of its own and, for a low number, AmbientCapabilities=CAP_NET_BIND_SERVICE.",
            ja: "ユニットに専用の User= を設定し、低い番号が必要なら AmbientCapabilities=CAP_NET_BIND_SERVICE を与えます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    judge_estates(world, is_all_root, judge)
}

/// Where one holder has fewer privileges, that one accepts: masters hold what their workers serve.
fn is_all_root(holding: &Holding<'_>) -> bool {
    holding.breadth() > Breadth::Loopback
        && holding.holders.iter().all(|(_, process)| process.privilege == Privilege::Full)
        && !holding.holders.iter().any(|(_, process)| needs_root(process))
}

fn needs_root(process: &Process) -> bool {
    let file = process.exe.as_deref().and_then(|exe| exe.rsplit('/').next());
    kinds::needs_root(&process.name) || file.is_some_and(kinds::needs_root)
}

fn judge(estate: &Estate<'_, '_>) -> Option<Finding> {
    let first = estate.first();
    let Text { en, ja } = first.who();
    let Text { en: en_ports, ja: ja_ports } = list(estate.ports());
    let finding = RULE.finding(
        text!(
            "{en} answers strangers on {en_ports} with all privileges of root",
            "{ja} は、root の全権限を持ったまま {ja_ports} で外部からの接続を受け付けています"
        ),
        text!(
            "give it a user of its own (User= in its unit)",
            "専用のユーザーで動かしてください(ユニットの User=)"
        ),
    );
    Some(about(finding, estate, first.pids()).run([format!("portreeve who {}", first.spec())]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::scene;

    #[test]
    fn a_root_server_that_strangers_reach_is_found_once() {
        let scene = scene()
            .listens("shop.service", "0.0.0.0:8080/tcp")
            .program("shop", "root")
            .again("0.0.0.0:8081/tcp");
        assert_eq!(
            scene.texts(RULE.name),
            ["8080/tcp: shop answers strangers on 8080/tcp, 8081/tcp with all privileges of root"]
        );
    }

    #[test]
    fn a_root_master_with_unprivileged_workers_is_none() {
        let scene =
            scene().listens("nginx.service", "0.0.0.0:80/tcp").program("nginx", "root").worker("www-data");
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn loopback_fewer_privileges_or_unknown_ones_are_none() {
        let local = scene().listens("shop.service", "127.0.0.1:8080/tcp").program("shop", "root");
        assert_eq!(local.rules(), [""; 0]);
        for privilege in [Privilege::Some, Privilege::None, Privilege::Unknown] {
            let scene = scene()
                .listens("shop.service", "0.0.0.0:8080/tcp")
                .process(|process| process.privilege = privilege);
            assert_eq!(scene.rules(), [""; 0], "{privilege:?}");
        }
    }

    #[test]
    fn a_program_whose_work_is_roots_is_none() {
        for (unit, program, spot) in [
            ("ssh.service", "sshd", "0.0.0.0:22/tcp"),
            ("init.scope", "systemd", "0.0.0.0:22/tcp"),
            ("postfix@-.service", "master", "0.0.0.0:25/tcp"),
            ("networking.service", "dhclient", "0.0.0.0:68/udp"),
            ("docker.service", "docker-proxy", "0.0.0.0:8080/tcp"),
        ] {
            let scene = scene().listens(unit, spot).program(program, "root");
            assert_eq!(scene.rules(), [""; 0], "{program}");
        }
    }
}
