//! Somebody tries passwords at a service of this host (A16, A19).

use alloc::{collections::BTreeSet, vec::Vec};

use super::lately::{named, suspected, why};
use crate::{
    facts::Suspected,
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    watch::Kind,
    words::{Text, Words, inflect},
    world::World,
};

/// Whoever is kept out is none.
pub(super) const RULE: Rule = Rule {
    name: "brute-forced-now",
    severity: Severity::Warning,
    article: &["A16", "A19"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Within the last hour the log of a service told of somebody who tries passwords there, alone or as one of many, and who is not kept out.",
            ja: "直近 1 時間に、サービスのログから、パスワードを試している送信元(単独、または多数による分担)が見つかり、遮断されていません。",
        },
        why: Words {
            en: "One weak password is enough for him, and he has all the time in the world.",
            ja: "弱いパスワードが 1 つあれば侵入され、試行に時間の制限はありません。",
        },
        fix: Words {
            en: "See who it is: `portreeve why ADDRESS`. `[watch] mode = \"block\"` has the gate keep him out. Let the service take keys alone, or be reached from fewer zones.",
            ja: "`portreeve why アドレス` で相手を確認します。`[watch] mode = \"block\"` と書くとゲートで遮断します。サービス側では、鍵認証だけを許可するか、到達できるゾーンを絞ってください。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let kinds = [Kind::BruteForce, Kind::PasswordSpray, Kind::DistributedBruteForce];
    let suspected = suspected(world, &kinds);
    let services: BTreeSet<&str> = suspected.iter().filter_map(|it| it.service.as_deref()).collect();
    let of = |service: &&str| {
        let own: Vec<&Suspected> =
            suspected.iter().copied().filter(|it| it.service.as_deref() == Some(*service)).collect();
        finding(service, &own)
    };
    services.iter().filter_map(of).collect()
}

fn finding(service: &str, own: &[&Suspected]) -> Option<Finding> {
    let Text { en, ja } = named(own);
    let count: u64 = own.iter().map(|it| u64::from(it.count)).sum();
    let en_sources = inflect(usize::try_from(count).unwrap_or(2), "source", "sources");
    let said = text!(
        "within the hour {count} {en_sources} tried passwords at {service}: {en}",
        "直近 1 時間に、{count} 個の送信元が {service} へのパスワードを試行: {ja}"
    );
    let fix = text!("see who that is", "相手を確認してください");
    Some(RULE.finding(said, fix).run([why(own)?]))
}

#[cfg(test)]
mod tests {
    use crate::rules::watch::testing::{suspect, watched};

    #[test]
    fn whoever_tries_passwords_is_found_by_service() {
        let at = |source: &str, kind: &str, service: &str, count| {
            let mut one = suspect(source, kind);
            (one.service, one.count) = (Some(service.into()), count);
            one
        };
        let scene = watched(&[
            at("203.0.113.7", "brute-force", "ssh", 1),
            at("203.0.113.8", "distributed-brute-force", "ssh", 25),
            at("203.0.113.9", "password-spray", "mail", 1),
            at("203.0.113.1", "port-scan", "web", 1),
        ]);
        assert_eq!(
            scene.texts("brute-forced-now"),
            [
                "within the hour 1 source tried passwords at mail: 203.0.113.9",
                "within the hour 26 sources tried passwords at ssh: 203.0.113.8, 203.0.113.7",
            ]
        );
        assert_eq!(
            scene.commands("brute-forced-now"),
            ["portreeve why 203.0.113.9", "portreeve why 203.0.113.8"]
        );
    }

    #[test]
    fn whoever_is_kept_out_or_only_looks_for_ports_is_none() {
        let mut blocked = suspect("203.0.113.7", "brute-force");
        blocked.service = Some("ssh".into());
        blocked.blocked_until = Some(blocked.at + jiff::SignedDuration::from_hours(1));
        let scan = suspect("203.0.113.8", "port-scan");
        assert!(watched(&[blocked, scan]).texts("brute-forced-now").is_empty());
    }
}
