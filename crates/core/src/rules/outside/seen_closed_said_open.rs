//! A port does not answer from outside, and the model says that somebody is reached there (A17, A20).

use alloc::{format, vec::Vec};

use crate::{
    exposure::Reached,
    finding::{Finding, Severity},
    outside::{Beside, Seen},
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// Something stands between whoever looked and that host.
pub(super) const RULE: Rule = Rule {
    name: "seen-closed-said-open",
    severity: Severity::Warning,
    article: &["A17", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A scan did not get to a port on which somebody listens and to which the rules of that host let packets.",
            ja: "待ち受けがあり、ホストのルールでもパケットが届くはずのポートに、スキャンでは届きませんでした。",
        },
        why: Words {
            en: "Something between drops or refuses it, such as a router, a cloud's own filter or another host with that address: the service is not to be had from there, and the host cannot tell. Or the service itself takes no connections: where the queue of those that wait to be accepted is full (`ss -ltn`: Recv-Q above Send-Q), the kernel drops the next one, and the port is silent.",
            ja: "ルーター、クラウド側のフィルター、同じアドレスを持つ別のホストなど、途中の何かがパケットを破棄または拒否しています。そこからはサービスを利用できず、ホスト側では気付けません。または、サービス自身が接続を受け付けていません。accept 待ちのキューが満杯のとき(`ss -ltn` で Recv-Q が Send-Q を超えている状態)、カーネルは新しい接続を破棄するため、ポートは応答なしになります。",
        },
        fix: Words {
            en: "Look on the host whether the service takes connections (`ss -ltn`, `portreeve explain backlog-full`), then at what stands between, such as the security group of a cloud; or look again, as the service may have ended in between.",
            ja: "サービスが接続を受け付けているかをホスト上で確認し(`ss -ltn`、`portreeve explain backlog-full`)、次にクラウドのセキュリティグループなど、途中にあるものを確認します。スキャン中にサービスが終了した可能性もあるため、再度スキャンしてみてください。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.outside.iter().filter(|it| is_found(it)).map(finding).collect()
}

/// Where nobody listens, a host that is reached says so, and many hosts say nothing. What is sent on is refused, as a rule, by
/// whoever gets it, such as a container in which nobody listens.
fn is_found(it: &Beside) -> bool {
    let is_refused_there = it.is_sent_on && it.glimpse.seen == Seen::Closed;
    it.is_shut() && it.said == Reached::Reachable && it.is_served && !is_refused_there
}

fn finding(it: &Beside) -> Finding {
    if it.is_full && it.glimpse.seen == Seen::Silent { full(it) } else { stopped(it) }
}

/// Nothing between is to blame: the kernel drops whoever comes, as nobody accepts those who came before.
fn full(it: &Beside) -> Finding {
    let spec = it.spec();
    let text = text!(
        "{spec} is silent: the service takes no connections, as the queue of those that wait to be accepted is full",
        "{spec} は応答しません。accept 待ちのキューが満杯で、サービスが接続を受け付けていません"
    );
    let fix = text!(
        "find out why the program does not accept, then raise its backlog",
        "プログラムが accept しない理由を調べ、必要なら backlog を増やしてください"
    );
    RULE.finding(text, fix).at(spec).run([format!("portreeve why {spec}")])
}

fn stopped(it: &Beside) -> Finding {
    let spec = it.spec();
    let text = match (it.glimpse.seen, it.glimpse.by) {
        (Seen::Closed, _) => text!(
            "{spec} refuses, and by the model somebody is reached there: something between refuses in its name, or the service has ended since",
            "{spec} は接続を拒否しますが、判定では届くはずです。途中の何かがホストに代わって拒否しているか、その後サービスが終了しています"
        ),
        (_, Some(by)) => text!(
            "{spec} is not reached, and by the model it is: {by} stops it",
            "{spec} に届きませんが、判定では届くはずです。{by} が遮断しています"
        ),
        _ => text!(
            "{spec} is silent, and by the model somebody is reached there: something between, or a filter of the host that asks, drops it",
            "{spec} は応答しませんが、判定では届くはずです。途中の何か、またはスキャン元のホストのフィルターがパケットを破棄しています"
        ),
    };
    let fix = text!(
        "look at what stands between, such as a router or a cloud's own filter",
        "ルーターやクラウド側のフィルターなど、途中にあるものを確認してください"
    );
    RULE.finding(text, fix).at(spec).run([format!("portreeve exposure {spec}")])
}

#[cfg(test)]
mod tests {
    use super::{super::testing::seen, *};
    use crate::{port::Protocol, rules::testing::scene};

    #[test]
    fn who_listens_and_is_not_reached_is_found_and_a_port_of_nobody_is_not() {
        let of = |how, said, is_served| {
            let rows = [seen(25, how, said, is_served)];
            scene().with_world(|world| check(&world.clone().seen_from_outside(&rows)).len())
        };
        for how in [Seen::Closed, Seen::Filtered, Seen::Silent] {
            assert_eq!(of(how, Reached::Reachable, true), 1, "{how:?}");
            assert_eq!(of(how, Reached::Reachable, false), 0, "{how:?}");
            assert_eq!(of(how, Reached::Dropped, true), 0, "{how:?}");
        }
        assert_eq!(of(Seen::Open, Reached::Reachable, true), 0);
    }

    #[test]
    fn silence_among_answers_that_get_lost_accuses_nobody() {
        let of = |how| {
            let rows = [Beside { is_in_doubt: true, ..seen(25, how, Reached::Reachable, true) }];
            scene().with_world(|world| check(&world.clone().seen_from_outside(&rows)).len())
        };
        assert_eq!([Seen::Silent, Seen::Filtered, Seen::Closed].map(of), [0, 1, 1]);
    }

    #[test]
    fn who_gets_what_is_sent_on_may_refuse_it_himself() {
        let of = |how| {
            let rows = [Beside { is_sent_on: true, ..seen(8080, how, Reached::Reachable, true) }];
            scene().with_world(|world| check(&world.clone().seen_from_outside(&rows)).len())
        };
        assert_eq!([Seen::Closed, Seen::Filtered, Seen::Silent].map(of), [0, 1, 1]);
    }

    #[test]
    fn a_port_of_udp_is_found_where_it_is_refused_and_never_where_it_is_silent() {
        let of = |how| {
            let rows = [Beside { protocol: Protocol::Udp, ..seen(53, how, Reached::Reachable, true) }];
            scene().with_world(|world| check(&world.clone().seen_from_outside(&rows)).len())
        };
        assert_eq!([Seen::Closed, Seen::Filtered, Seen::Silent, Seen::Open].map(of), [1, 1, 0, 0]);
    }

    #[test]
    fn who_accepts_nobody_is_told_as_such_where_it_is_silent() {
        let told = |how, is_full| {
            let rows = [Beside { is_full, ..seen(25, how, Reached::Reachable, true) }];
            let found = scene().with_world(|world| check(&world.clone().seen_from_outside(&rows)));
            (found[0].text.en.contains("takes no connections"), found[0].commands.clone())
        };
        assert_eq!(told(Seen::Silent, true), (true, ["portreeve why 25/tcp".into()].into()));
        assert_eq!(told(Seen::Silent, false), (false, ["portreeve exposure 25/tcp".into()].into()));
        // A queue refuses nobody.
        assert!(!told(Seen::Closed, true).0);
    }

    #[test]
    fn who_stops_it_is_named() {
        let mut row = seen(25, Seen::Filtered, Reached::Reachable, true);
        row.glimpse.by = Some([192, 0, 2, 254].into());
        let rows = [row];
        let found = scene().with_world(|world| check(&world.clone().seen_from_outside(&rows)));
        assert!(found[0].text.en.contains("192.0.2.254 stops it"));
    }
}
