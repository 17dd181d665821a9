//! Packets are led to a service that has no socket, or are not led to it any more (A5, A12, A20).

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    facts::{GuardStands, LeftSteer},
    finding::{Finding, Severity},
    plan::{choice, is_served},
    rules::{Page, Rule, guard::again},
    text,
    words::Words,
    world::World,
};

/// A service that was restarted, or that nobody started.
pub(super) const RULE: Rule = Rule {
    name: "steered-to-nobody",
    severity: Severity::High,
    article: &["A5", "A12", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "What comes in for a service is led to its socket, and it has none for some of it; or the steering that was confirmed is not in the kernel any more.",
            ja: "サービス宛ての通信を誘導していますが、誘導先のソケットがないものがあります。または、確定した誘導がカーネルから失われています。",
        },
        why: Words {
            en: "Whoever asks for the service is refused, or gets whoever has bound the very port. A service that is restarted has a new socket, which nobody is led to yet.",
            ja: "そのサービスへの接続は拒否されるか、同じポートを bind している別のプログラムに届きます。再起動したサービスのソケットは新しいものなので、登録し直すまで誘導先になりません。",
        },
        fix: Words {
            en: "Start the service and `portreeve steer register SERVICE`; `ExecStartPost=-+portreeve steer register SERVICE --wait 10s` in its unit has each start do so, and a `.socket` unit keeps one socket through all of them. If the steering is gone: `portreeve apply --boot` puts back what was confirmed, and `portreeve apply` puts in force what the policy says by now.",
            ja: "サービスを起動して `portreeve steer register サービス名` を実行します。ユニットに `ExecStartPost=-+portreeve steer register サービス名 --wait 10s` と書くと、起動のたびに登録されます。`.socket` ユニットを使えば、再起動してもソケットは変わりません。誘導そのものが失われている場合は、`portreeve apply --boot` で確定した内容を復元するか、`portreeve apply` で policy を適用し直します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.snapshot.steer.as_ref().map(|steer| findings(world, steer)).unwrap_or_default()
}

fn findings(world: &World<'_>, LeftSteer { stands, dead, led, routes }: &LeftSteer) -> Vec<Finding> {
    let policy = world.policy;
    if *stands != GuardStands::Whole {
        let said =
            text!("the steering that was confirmed is not in force", "確定した誘導が有効ではありません");
        let (fix, commands) = again(*stands);
        return vec![RULE.finding(said, fix).run(commands.map(Into::into))];
    }
    let of = |service: &String| {
        if !policy.is_none_or(|policy| policy.steers(service)) {
            return forgotten(service);
        }
        let said = if led.iter().any(|led| led.service == *service) {
            text!(
                "what comes in for {service} is led to it, and it has no socket for some of it, of one family or protocol",
                "{service} 宛ての通信を誘導していますが、一部のアドレスファミリーまたはプロトコルには誘導先のソケットがありません"
            )
        } else {
            text!(
                "what comes in for {service} is led to it, and it has no socket",
                "{service} 宛ての通信を誘導していますが、誘導先のソケットがありません"
            )
        };
        if let Some(why) = choice(world, (routes, led), service) {
            return RULE.finding(said, why.fix()).run(["portreeve plan".into()]);
        }
        let fix =
            text!("start it, and lead to its socket", "サービスを起動し、ソケットを誘導先に登録してください");
        RULE.finding(said, fix).run([format!("portreeve steer register {service}")])
    };
    dead.iter().filter(|service| !is_served(world, (routes, led), service)).map(of).collect()
}

/// Of a service that the policy has no more nobody knows the owner.
fn forgotten(service: &str) -> Finding {
    let said = text!(
        "what comes in for {service} is led to it, it has no socket, and the policy does not steer it any more",
        "policy では {service} を誘導していませんが、カーネルには誘導が残っていて、誘導先のソケットがありません"
    );
    let fix =
        text!("end that, or write it in the policy again", "誘導をやめるか、policy に書き戻してください");
    RULE.finding(said, fix).run(["portreeve plan".into(), "portreeve apply".into()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        address::Family,
        facts::Led,
        port::Protocol,
        rules::testing::{Scene, scene},
        steer::{Routes, WhenDead, wanted},
    };

    fn left(stands: GuardStands, dead: &[&str]) -> Scene {
        let scene = scene().service("mail", "25/tcp", "x.service").service("web", "443/tcp", "nginx.service");
        let mut scene = scene;
        for service in &mut scene.policy.as_mut().expect("a policy").services {
            service.steer = Some(WhenDead::Refuse.into());
        }
        let dead = dead.iter().map(|name| (*name).into()).collect();
        scene.snapshot.steer = Some(LeftSteer { stands, dead, led: Vec::new(), routes: Routes::default() });
        scene
    }

    #[test]
    fn a_service_without_a_socket_is_found() {
        let scene = left(GuardStands::Whole, &["mail", "web"]);
        let commands = ["portreeve steer register mail", "portreeve steer register web"];
        assert_eq!(scene.texts("steered-to-nobody").len(), 2);
        assert_eq!(scene.commands("steered-to-nobody"), commands);
        assert!(left(GuardStands::Whole, &[]).texts("steered-to-nobody").is_empty());
    }

    /// To register it would be refused.
    #[test]
    fn of_several_sockets_somebody_has_to_choose() {
        let mut scene = left(GuardStands::Whole, &["web"])
            .listens("nginx.service", "127.0.0.1:443/tcp")
            .listens("nginx.service", "127.0.0.2:443/tcp");
        let policy = scene.policy.clone().expect("a policy");
        let steer = scene.snapshot.steer.as_mut().expect("it is steered");
        steer.routes = wanted(&policy).expect("routes");
        assert_eq!(scene.commands("steered-to-nobody"), ["portreeve plan"]);
        let found = scene.judge().into_iter().find(|it| it.rule == "steered-to-nobody").expect("it is");
        assert!(found.fix.en.starts_with("name one: portreeve steer register web"), "{:?}", found.fix);
    }

    /// Before the steering nobody listened there either.
    #[test]
    fn of_a_server_of_one_family_the_other_is_missed_where_it_is_named_or_there() {
        let found = |addresses: &[&str], led: &str, also: Option<&str>| {
            let mut scene =
                left(GuardStands::Whole, &["web"]).listens("nginx.service", &format!("{led}:443/tcp"));
            let service = &mut scene.policy.as_mut().expect("a policy").services[1];
            service.addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
            let listener = &scene.snapshot.listeners[0];
            let (cookie, protocol) = (listener.cookie, Protocol::Tcp);
            let family = Family::of(listener.address.ip);
            let routes = wanted(scene.policy.as_ref().expect("a policy")).expect("routes");
            let steer = scene.snapshot.steer.as_mut().expect("it is steered");
            let tenancy = routes.of("web").next().expect("a route").tenancy;
            steer.led.push(Led { service: "web".into(), tenancy, protocol, family, cookie });
            steer.routes = routes;
            let scene = match also {
                Some(address) => scene.listens("nginx.service", &format!("{address}:443/tcp")),
                None => scene,
            };
            scene.commands("steered-to-nobody")
        };
        let register = ["portreeve steer register web"];
        assert_eq!(found(&[], "0.0.0.0", None), [""; 0]);
        assert_eq!(found(&[], "127.0.0.1", None), [""; 0]);
        assert_eq!(found(&[], "[::1]", None), [""; 0]);
        assert_eq!(found(&["0.0.0.0", "::"], "[::1]", None), register, "it is named");
        assert_eq!(found(&["192.0.2.1", "2001:db8::1"], "0.0.0.0", None), register, "it is named");
        assert_eq!(found(&[], "127.0.0.1", Some("[::1]")), register, "it is there");
    }

    #[test]
    fn a_service_that_the_policy_does_not_steer_any_more_cannot_be_registered() {
        let mut scene = left(GuardStands::Whole, &["mail", "web"]);
        scene.policy.as_mut().expect("a policy").services[0].steer = None;
        assert!(scene.texts("steered-to-nobody")[0].contains("does not steer it any more"));
        let commands = ["portreeve plan", "portreeve apply", "portreeve steer register web"];
        assert_eq!(scene.commands("steered-to-nobody"), commands);
    }

    #[test]
    fn a_steering_that_is_gone_is_found_once() {
        // What the policy's file says by now may be something else than what was confirmed.
        for (stands, commands) in [
            (GuardStands::Gone, ["portreeve apply --boot", "portreeve plan"]),
            (GuardStands::Cut, ["portreeve plan", "portreeve apply"]),
            (GuardStands::Changed, ["portreeve plan", "portreeve apply"]),
        ] {
            let scene = left(stands, &["web"]);
            assert_eq!(scene.texts("steered-to-nobody"), ["the steering that was confirmed is not in force"]);
            assert_eq!(scene.commands("steered-to-nobody"), commands);
        }
    }
}
