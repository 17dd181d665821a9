//! The kernel's list lacks numbers that are claimed (A9, A24).

use alloc::{format, string::ToString, vec::Vec};

use super::claim_in_dynamic_range::is_handed_out;
use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule, declared::list},
    text,
    words::{Text, Words},
    world::{Claimed, World},
};

/// Somebody replaced the list.
pub(super) const RULE: Rule = Rule {
    name: "unreserved-claim",
    severity: Severity::Warning,
    article: &["A9", "A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Claimed numbers are missing from the kernel's list of reserved ports, though clients get none of them as the range stands now.",
            ja: "申請済みの番号がカーネルの予約リスト(net.ipv4.ip_local_reserved_ports)にありません。現在のエフェメラルポートの範囲では、クライアントに割り当てられることはありません。",
        },
        why: Words {
            en: "Whoever widens the range of clients lets them have these numbers. `sysctl --system`, and whatever else writes the list, replaces it as a whole.",
            ja: "エフェメラルポートの範囲を広げると、その番号がクライアントに割り当てられるようになります。`sysctl --system` などはリスト全体を置き換えます。",
        },
        fix: Words {
            en: "`portreeve claims --repair` as root puts them back beside what else is there.",
            ja: "root で `portreeve claims --repair` を実行すると、ほかの予約を残したまま追加し直します。",
        },
    },
    check,
};

/// One finding for all of them: it has one cause.
fn check(world: &World<'_>) -> Vec<Finding> {
    let Some(own) = world.own_namespace() else { return Vec::new() };
    let missing: Vec<_> = world.unreserved_claims().filter(|it| !is_handed_out(it.claim, own)).collect();
    let Some(first) = missing.first() else { return Vec::new() };
    let Text { en, ja } = list(missing.iter().map(named));
    let finding = RULE.finding(
        text!(
            "the kernel's list of reserved ports lacks what is claimed: {en}",
            "申請済みの番号がカーネルの予約リストにありません: {ja}"
        ),
        text!("put them back", "予約し直してください"),
    );
    let mut finding = finding.run(["portreeve claims --repair".to_string()]);
    finding.netns = Some(own.id);
    if missing.len() == 1 {
        finding = finding.at(first.claim.spec());
    }
    Vec::from([finding])
}

fn named(claimed: &Claimed<'_>) -> alloc::string::String {
    format!("{} ({})", claimed.claim.spec(), claimed.claim.name)
}

#[cfg(test)]
mod tests {
    use crate::{port::PortRange, rules::testing::scene};

    const NAME: &str = "unreserved-claim";

    #[test]
    fn what_is_missing_is_one_finding() {
        let two = scene().claims(&[(1000, "web 20500/tcp"), (0, "dns 20501/udp")]);
        assert_eq!(
            two.texts(NAME),
            ["the kernel's list of reserved ports lacks what is claimed: 20500/tcp (web), 20501/udp (dns)"]
        );
        assert_eq!(two.commands(NAME), ["portreeve claims --repair"]);
        let one = two.namespace(|own| own.reserved = [PortRange::one(20_500)].into());
        assert_eq!(one.found(NAME), ["20501/udp"]);
        assert_eq!(one.rules(), [NAME]);
    }

    #[test]
    fn what_is_kept_or_obeyed_by_nobody_is_none() {
        let web = scene().claims(&[(1000, "web 20500/tcp")]);
        let kept = web.clone().namespace(|own| own.reserved = [PortRange { first: 1, last: 30_000 }].into());
        assert_eq!(kept.rules(), [""; 0]);
        let mut own = web;
        own.claims.as_mut().unwrap().is_obeyed = false;
        assert_eq!(own.rules(), [""; 0]);
    }
}
