//! A port answers from outside, and the model says that no packet gets there (A17, A20).

use alloc::{format, vec::Vec};

use super::is_kept_out;
use crate::{
    exposure::Reached,
    finding::{Finding, Severity},
    outside::{Beside, Seen},
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// Whoever trusts the model believes that it is closed.
pub(super) const RULE: Rule = Rule {
    name: "seen-open-said-closed",
    severity: Severity::Critical,
    article: &["A17", "A20"],
    outranks: &["unneeded-open-port"],
    page: Page {
        what: Words {
            en: "A scan found a port open of which the rules of that host say that packets are dropped or rejected.",
            ja: "ホストのルールではパケットが破棄または拒否されるはずのポートが、スキャンでは開いていました。",
        },
        why: Words {
            en: "Either portreeve misjudges the rules, or something on the way answers in the host's name; what is thought to be closed is open, and everything that rests on it is wrong.",
            ja: "portreeve によるルールの判定が誤っているか、経路上の何かがホストに代わって応答しています。閉じているはずのポートが開いており、それを前提にした判断がすべて誤りになります。",
        },
        fix: Words {
            en: "Follow the packet with `portreeve exposure --trace`; where each rule is told as the kernel has it, look for a load balancer, a proxy or another host with that address. Report what portreeve misjudges.",
            ja: "`portreeve exposure --trace` でパケットを追跡します。ルールの判定がカーネルの動作と合っているなら、ロードバランサー、プロキシ、同じアドレスを持つ別のホストを探してください。portreeve の誤判定であれば報告してください。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.outside.iter().filter(|it| is_found(it)).map(finding).collect()
}

pub(super) fn is_found(it: &Beside) -> bool {
    it.glimpse.seen == Seen::Open && is_kept_out(it.said)
}

fn finding(it: &Beside) -> Finding {
    let spec = it.spec();
    let finding = RULE.finding(
        if it.said == Reached::Rejected {
            text!(
                "{spec} is open, and by the rules of that host it is rejected: the model is wrong, or something on the way answers",
                "{spec} は開いていますが、ホストのルールでは拒否されるはずです。判定の誤りか、経路上の何かが応答しています"
            )
        } else {
            text!(
                "{spec} is open, and by the rules of that host it is dropped: the model is wrong, or something on the way answers",
                "{spec} は開いていますが、ホストのルールでは破棄されるはずです。判定の誤りか、経路上の何かが応答しています"
            )
        },
        text!(
            "follow a packet to {spec} rule by rule, then look for whoever answers",
            "{spec} へのパケットをルールごとに追跡し、応答元を特定してください"
        ),
    );
    finding.at(spec).run([format!("portreeve exposure {spec}"), format!("portreeve why {spec}")])
}

#[cfg(test)]
mod tests {
    use super::{super::testing::seen, *};
    use crate::rules::testing::scene;

    fn found(how: Seen, said: Reached) -> usize {
        let rows = [seen(8080, how, said, true)];
        scene().with_world(|world| check(&world.clone().seen_from_outside(&rows)).len())
    }

    #[test]
    fn what_is_open_and_said_to_be_dropped_or_rejected_is_found() {
        let of = |said| found(Seen::Open, said);
        assert_eq!((of(Reached::Dropped), of(Reached::Rejected)), (1, 1));
    }

    #[test]
    fn what_is_as_it_is_said_or_of_which_nothing_is_said_is_fine() {
        for said in [Reached::Reachable, Reached::Partly, Reached::Unknown] {
            assert_eq!(found(Seen::Open, said), 0, "{said:?}");
        }
        for how in [Seen::Closed, Seen::Filtered, Seen::Silent] {
            assert_eq!(found(how, Reached::Dropped), 0, "{how:?}");
        }
    }
}
