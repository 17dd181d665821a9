//! What a look from outside saw, against what the model says and the policy declares (A17, A20).

mod seen_closed_said_open;
mod seen_open_said_closed;

use alloc::{format, vec::Vec};

use super::{Rule, declared::is_needed_at, exposure::says_closed_is_open, find};
use crate::{
    exposure::Reached,
    finding::Finding,
    outside::{Beside, Seen},
    text,
    world::World,
};

/// The rules of this group, in reading order.
pub const RULES: &[&Rule] = &[&seen_open_said_closed::RULE, &seen_closed_said_open::RULE];

/// What they find, what a look from outside adds to two rules of the policy, and which open port a firewall calls closed.
pub(super) fn findings(world: &World<'_>) -> Vec<Finding> {
    let own = RULES.iter().flat_map(|rule| (rule.check)(world));
    own.chain(said_closed(world)).chain(undeclared(world)).chain(blocked(world)).collect()
}

/// Open, and ufw or firewalld tells whoever asks it that it is closed.
fn said_closed(world: &World<'_>) -> Vec<Finding> {
    let open = world.outside.iter().filter(|it| it.glimpse.seen == Seen::Open);
    let open: Vec<_> = open.map(Beside::spec).collect();
    // The rules of the whole host are asked, which takes its time.
    if open.is_empty() {
        return Vec::new();
    }
    let mut findings = says_closed_is_open::at(world, &open);
    for finding in &mut findings {
        // What else was found here is of the number alone.
        finding.silences.push((None, finding.ports, Vec::new()));
    }
    findings
}

/// Open, and no service of the policy declares it.
fn undeclared<'a>(world: &'a World<'_>) -> impl Iterator<Item = Finding> + 'a {
    let rule = find("unneeded-open-port").filter(|_| world.policy.is_some());
    let open = world.outside.iter().filter(|it| it.glimpse.seen == Seen::Open && it.declared.is_none());
    // What the model calls closed is told as worse.
    let open = open.filter(|it| !seen_open_said_closed::is_found(it));
    // Who has the number elsewhere answers for what is heard here alone.
    let open = open.filter(|it| !it.is_served || it.is_sent_on || !is_needed_at(world, it.spec()));
    rule.into_iter().flat_map(move |rule| {
        open.clone().map(move |it| {
            let spec = it.spec();
            let finding = rule.finding(
                text!(
                    "{spec} answers, and no service of the policy declares it",
                    "{spec} は応答しますが、policy のどのサービスも宣言していません"
                ),
                text!(
                    "stop what listens there, or declare it as a service",
                    "待ち受けているプログラムを止めるか、サービスとして宣言してください"
                ),
            );
            finding.at(spec).run([format!("portreeve why {spec}"), format!("portreeve close {spec}")])
        })
    })
}

/// Declared for whoever looked, and the model says why he does not get there.
fn blocked<'a>(world: &'a World<'_>) -> impl Iterator<Item = Finding> + 'a {
    let rule = find("declared-but-blocked");
    let shut = world.outside.iter().filter(|it| it.is_meant && it.is_shut() && is_kept_out(it.said));
    rule.into_iter().flat_map(move |rule| shut.clone().filter_map(|it| kept_out(rule, it)))
}

fn kept_out(rule: &Rule, it: &Beside) -> Option<Finding> {
    let (spec, service) = (it.spec(), it.declared.as_deref()?);
    let mut finding = rule.finding(
        text!(
            "{spec} is declared for {service}, and a rule keeps out packets from where it was looked",
            "{spec} は {service} のポートとして宣言されていますが、スキャン元からのパケットをルールが遮断しています"
        ),
        text!("open {spec} in the firewall that closes it", "閉じているファイアウォールで {spec} を開けてください"),
    );
    finding.service = Some(service.into());
    Some(finding.at(spec).run([format!("portreeve exposure {spec}")]))
}

/// Whether no packet gets there, as the model says.
const fn is_kept_out(said: Reached) -> bool {
    matches!(said, Reached::Dropped | Reached::Rejected)
}

#[cfg(test)]
pub(crate) mod testing {
    //! Ports as they were seen, in a line each.

    use crate::{
        exposure::Reached,
        outside::{Beside, Glimpse, Seen},
        port::Protocol,
    };

    /// A port that nobody declares.
    pub(crate) fn seen(port: u16, seen: Seen, said: Reached, is_served: bool) -> Beside {
        let glimpse = Glimpse { port, seen, by: None, trip: None };
        let (protocol, declared) = (Protocol::Tcp, None);
        let [is_full, is_sent_on, is_in_doubt, is_meant] = [false; 4];
        Beside { protocol, glimpse, said, is_served, is_full, is_sent_on, is_in_doubt, declared, is_meant }
    }

    /// The same of a service that means everybody.
    pub(crate) fn declared(port: u16, how: Seen, said: Reached, is_served: bool) -> Beside {
        Beside { declared: Some("web".into()), is_meant: true, ..seen(port, how, said, is_served) }
    }
}

#[cfg(test)]
mod tests {
    use super::{testing::*, *};
    use crate::rules::{
        judge_outside,
        testing::{Scene, published, scene, translated},
    };

    const UFW: &str = ":ufw-user-input - [0:0]\n-A INPUT -j ufw-user-input\n-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n";

    fn found(rows: &[Beside], with_policy: bool) -> Vec<alloc::string::String> {
        let scene = scene();
        found_of(&if with_policy { scene.policy() } else { scene }, rows)
    }

    fn found_of(scene: &Scene, rows: &[Beside]) -> Vec<alloc::string::String> {
        let told = |finding: &Finding| format!("{} {}", finding.rule, finding.ports.unwrap());
        scene.with_world(|world| {
            judge_outside(&world.clone().seen_from_outside(rows)).iter().map(told).collect()
        })
    }

    #[test]
    fn an_open_port_that_nobody_declares_is_told_where_there_is_a_policy() {
        let rows = [
            seen(8080, Seen::Open, Reached::Reachable, true),
            declared(443, Seen::Open, Reached::Reachable, true),
            seen(81, Seen::Closed, Reached::Reachable, false),
        ];
        assert_eq!(found(&rows, true), ["unneeded-open-port 8080/tcp"]);
        assert!(found(&rows, false).is_empty());
    }

    #[test]
    fn what_its_claimant_holds_is_needed_without_a_declaration() {
        let open = [seen(20_500, Seen::Open, Reached::Reachable, true)];
        let listens = |scene: Scene| {
            let scene = scene.policy().listens("shop.service", "0.0.0.0:20500/tcp");
            scene.socket(|socket| socket.uid = Some(100))
        };
        let claimed = listens(scene()).claims(&[(100, "web 20500/tcp")]);
        assert!(found_of(&claimed, &open).is_empty());
        for other in [listens(scene()), listens(scene()).claims(&[(101, "web 20500/tcp")]), scene().policy()]
        {
            assert_eq!(found_of(&other, &open), ["unneeded-open-port 20500/tcp"]);
        }
    }

    #[test]
    fn an_open_port_that_ufw_calls_closed_is_told_as_such_and_not_as_undeclared() {
        let open = |port| seen(port, Seen::Open, Reached::Reachable, true);
        for scene in [scene(), scene().policy()] {
            let scene = scene.filtered(published(UFW), &[]);
            assert_eq!(found_of(&scene, &[open(8080)]), ["says-closed-is-open 8080/tcp"]);
            assert!(found_of(&scene, &[seen(8080, Seen::Silent, Reached::Reachable, false)]).is_empty());
        }
        let allowed = format!("{UFW}-A ufw-user-input -p tcp -m tcp --dport 8080 -j ACCEPT\n");
        assert!(found_of(&scene().filtered(published(&allowed), &[]), &[open(8080)]).is_empty());
    }

    #[test]
    fn of_many_ports_that_one_rule_sends_on_each_that_is_open_is_told() {
        let rule = "-A PREROUTING -p tcp -m tcp --dport 8000:8099 -j DNAT --to-destination 172.17.0.2:80";
        let scene = scene().filtered(translated(UFW, rule), &[]);
        let open = |port| seen(port, Seen::Open, Reached::Reachable, true);
        let expected = ["says-closed-is-open 8005/tcp", "says-closed-is-open 8010/tcp"];
        assert_eq!(found_of(&scene, &[open(22), open(8005), open(8010)]), expected);
    }

    #[test]
    fn a_declared_port_that_a_rule_closes_is_told_to_whom_it_is_meant_for() {
        let blocked = declared(443, Seen::Silent, Reached::Dropped, true);
        assert!(found(&[Beside { is_meant: false, ..blocked.clone() }], true).is_empty());
        assert_eq!(found(core::slice::from_ref(&blocked), true), ["declared-but-blocked 443/tcp"]);
        // Of UDP silence proves nothing, and a refusal does.
        let udp = |how| {
            let mut row = Beside { protocol: crate::port::Protocol::Udp, ..blocked.clone() };
            row.glimpse.seen = how;
            found(&[row], true)
        };
        assert!(udp(Seen::Silent).is_empty());
        assert_eq!(udp(Seen::Filtered), ["declared-but-blocked 443/udp"]);
        // It answers all the same, so the model is wrong.
        let mut open = blocked;
        open.glimpse.seen = Seen::Open;
        assert_eq!(found(&[open], true), ["seen-open-said-closed 443/tcp"]);
    }
}
