//! Clients knock faster than they are let in (A20).

use alloc::{format, vec::Vec};

use crate::{
    facts::Backlog,
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::{Text, Words, inflect},
    world::{Holding, World},
};

/// The accept queue of a socket is at its limit, or beyond.
pub(super) const RULE: Rule = Rule {
    name: "backlog-full",
    severity: Severity::Warning,
    article: &["A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The queue of connections that wait to be accepted is at its limit (listen(2)).",
            ja: "accept 待ちの接続が、待ち受けソケットの上限に達しています(listen(2))。",
        },
        why: Words {
            en: "Beyond the limit the kernel drops connections: clients wait and then give up, while the service seems to be up.",
            ja: "上限を超えた接続はカーネルが破棄します。サービスは動いているように見えますが、クライアントは待たされた末に接続を諦めます。",
        },
        fix: Words {
            en: "Find out why the program does not accept (stuck, too few workers); then raise its backlog and net.core.somaxconn.",
            ja: "プログラムが accept しない理由(ハング、ワーカー不足など)を調べ、必要なら backlog と net.core.somaxconn を増やします。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.holdings().filter_map(judge).collect()
}

fn judge(holding: &Holding<'_>) -> Option<Finding> {
    let full = holding.listeners.iter().find(|listener| listener.backlog.is_some_and(Backlog::is_full))?;
    let Backlog { used, limit } = full.backlog?;
    let Text { en, ja } = holding.who();
    let spec = holding.spec();
    let en_connections = inflect(used as usize, "connection waits", "connections wait");
    let mut finding = RULE
        .finding(
            text!(
                "{used} {en_connections} for {en} on {spec}: its queue is at its limit of {limit}",
                "{ja} の {spec} で accept 待ちの接続が {used} 件あり、上限の {limit} 件に達しています"
            ),
            text!(
                "find out why {en} does not accept, then raise its backlog",
                "{ja} が accept しない理由を調べ、必要なら backlog を増やしてください"
            ),
        )
        .about(holding);
    finding.address = Some(full.address.clone());
    Some(finding.run([format!("portreeve who {spec}")]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{Scene, scene};

    fn queued(used: u32, limit: u32) -> Scene {
        scene()
            .listens("shop.service", "0.0.0.0:8080/tcp")
            .socket(|socket| socket.backlog = Some(Backlog { used, limit }))
    }

    #[test]
    fn a_queue_at_its_limit_is_found() {
        assert_eq!(
            queued(128, 128).texts(RULE.name),
            ["8080/tcp: 128 connections wait for shop on 8080/tcp: its queue is at its limit of 128"]
        );
        assert_eq!(queued(129, 128).rules(), [RULE.name]);
    }

    #[test]
    fn room_for_one_or_an_empty_queue_is_none() {
        assert_eq!(queued(127, 128).rules(), [""; 0]);
        assert_eq!(queued(0, 0).rules(), [""; 0]);
    }
}
