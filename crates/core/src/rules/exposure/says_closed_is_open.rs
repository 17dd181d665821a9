//! The firewall that a person keeps says that a port is closed, and packets get in all the same (A15, A17, A20).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    port::PortSpec,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, Passage, World},
};

/// ufw or firewalld would drop it, and never sees it.
pub(in crate::rules) const RULE: Rule = Rule {
    name: "says-closed-is-open",
    severity: Severity::Critical,
    article: &["A15", "A17", "A20"],
    outranks: &["open-through-forward", "unneeded-open-port"],
    page: Page {
        what: Words {
            en: "ufw or firewalld keeps a port closed, and packets to it get in by a way that it does not guard.",
            ja: "ufw や firewalld では閉じているはずのポートに、その監視を通らない経路でパケットが届いています。",
        },
        why: Words {
            en: "Whoever asks that program is told that the port is closed, and believes it.",
            ja: "そのプログラムで確認しても「閉じている」と表示されるため、開いていることに誰も気付けません。",
        },
        fix: Words {
            en: "Publish the container's port on 127.0.0.1 only, or delete the rule in front of the program's own; declare the port as a service if it is meant to be open.",
            ja: "コンテナのポートを 127.0.0.1 だけで公開するか、そのプログラムより前にあるルールを削除します。公開が意図したものなら、policy にサービスとして宣言します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let sent_on = sent_on(world).filter_map(|passage| finding(world, &passage));
    sent_on.chain(world.past_ufw().into_iter().map(past_ufw)).collect()
}

/// What is found of each of `open` alone, whichever other ports the same rule is about.
pub(in crate::rules) fn at(world: &World<'_>, open: &[PortSpec]) -> Vec<Finding> {
    let sent_on: Vec<_> = sent_on(world).collect();
    let past_ufw = world.past_ufw();
    let of_one = |spec: &PortSpec| {
        let sent_on = sent_on.iter().find_map(|passage| finding(world, &passage.only_at(*spec)?));
        sent_on
            .or_else(|| past_ufw.iter().find(|holding| holding.spec() == *spec).map(|it| self::past_ufw(it)))
    };
    open.iter().filter_map(of_one).collect()
}

/// Where packets are sent on from ports that somebody keeps closed, and no service declares.
fn sent_on<'a>(world: &'a World<'_>) -> impl Iterator<Item = Passage> + 'a {
    let closed = world.passages().iter().filter(|passage| passage.closed_by.is_some());
    closed.filter_map(|passage| passage.undeclared(world))
}

/// A rule in front of ufw's own lets packets in.
fn past_ufw(holding: &Holding<'_>) -> Finding {
    let (spec, Text { en, ja }) = (holding.spec(), holding.who());
    let finding = RULE.finding(
        text!(
            "ufw says that {spec} is closed, and a rule in front of its own lets packets in to {en}",
            "ufw では {spec} は閉じていますが、ufw より前にあるルールが {ja} へのパケットを許可しています"
        ),
        text!(
            "delete the rule that ufw does not know, or say `ufw allow {spec}` if it is meant to be open",
            "ufw が管理していないルールを削除するか、公開が意図したものなら `ufw allow {spec}` を実行してください"
        ),
    );
    finding.about(holding).run([format!("portreeve exposure {spec}")])
}

fn finding(world: &World<'_>, passage: &Passage) -> Option<Finding> {
    let author = passage.closed_by?.name();
    let (ports, Text { en, ja }) = (passage.named(), passage.target());
    let Text { en: en_undo, ja: ja_undo } = passage.undoing();
    let finding = RULE.finding(
        text!(
            "{author} says that {ports} is closed, and packets from the world get to {en} by it",
            "{author} では {ports} は閉じていますが、外部からのパケットが {ja} に届きます"
        ),
        text!(
            "{en_undo}: {author} never sees it as {ports}",
            "{ja_undo}必要があります。{author} から見ると {ports} へのパケットではなくなっています"
        ),
    );
    let finding = passage.about(finding, world);
    Some(finding.run(passage.specs().next().map(|spec| format!("portreeve exposure {spec}"))))
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec::Vec};

    use crate::{
        facts::Listing,
        rules::testing::{Scene, filtering, published, scene, translated},
    };

    const UFW: &str = ":ufw-user-input - [0:0]\n-A INPUT -j ufw-user-input\n-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n";

    #[test]
    fn what_ufw_denies_and_a_container_answers_is_found_with_and_without_a_policy() {
        for scene in [scene(), scene().policy()] {
            let scene = scene.filtered(published(UFW), &[]);
            assert_eq!(scene.rules(), ["says-closed-is-open"]);
            assert_eq!(
                scene.texts("says-closed-is-open"),
                [
                    "8080/tcp: ufw says that 8080/tcp is closed, and packets from the world get to 172.17.0.2:80 by it"
                ]
            );
        }
    }

    /// What ufw sees last, behind `rules` that somebody put in front.
    fn in_front(scene: Scene, rules: &str, spot: &str) -> Vec<alloc::string::String> {
        let rules = format!(":ufw-user-input - [0:0]\n{rules}{}", UFW.split_once('\n').unwrap().1);
        let scene = scene.listens("lis.service", spot).program("lis", "lis");
        scene.filtered(filtering(&rules), &[]).texts("says-closed-is-open")
    }

    #[test]
    fn a_rule_in_front_of_ufw_is_found() {
        let accepts = "-A INPUT -p tcp -m tcp --dport 8001 -j ACCEPT\n";
        assert_eq!(
            in_front(scene(), accepts, "0.0.0.0:8001/tcp"),
            [
                "8001/tcp: ufw says that 8001/tcp is closed, and a rule in front of its own lets packets in to lis"
            ]
        );
        assert!(in_front(scene(), accepts, "0.0.0.0:22/tcp").is_empty(), "ufw lets it in");
        assert!(in_front(scene(), accepts, "0.0.0.0:8002/tcp").is_empty(), "nobody does");
        assert!(in_front(scene(), accepts, "127.0.0.1:8001/tcp").is_empty());
        let declared = scene().service("lis", "8001/tcp", "lis.service").reach("world");
        assert!(in_front(declared, accepts, "0.0.0.0:8001/tcp").is_empty());
    }

    #[test]
    fn whom_an_inner_network_reaches_is_nobodys_secret() {
        let inner = "-A INPUT -i docker0 -j ACCEPT\n";
        assert!(in_front(scene(), inner, "0.0.0.0:8001/tcp").is_empty());
    }

    #[test]
    fn what_ufw_allows_is_not_said_to_be_closed() {
        let allowed = format!("{UFW}-A ufw-user-input -p tcp -m tcp --dport 8080 -j ACCEPT\n");
        assert!(scene().filtered(published(&allowed), &[]).texts("says-closed-is-open").is_empty());
    }

    #[test]
    fn what_ufw_itself_lets_on_it_does_not_call_closed() {
        let found = |rules: &str| {
            let chain = ":ufw-user-forward - [0:0]\n-A FORWARD -j ufw-user-forward\n";
            let rules = format!("{UFW}{chain}{rules}-A FORWARD -i eth0 -j DROP\n");
            scene().filtered(published(&rules), &[]).texts("says-closed-is-open").len()
        };
        let to = "-d 172.17.0.2 -p tcp -m tcp --dport 80 -j ACCEPT\n";
        assert_eq!(found(&format!("-A ufw-user-forward {to}")), 0);
        assert_eq!(found(&format!("-A FORWARD {to}")), 1, "that is none of ufw's");
        assert_eq!(found(&format!("-A ufw-user-forward -s 192.0.2.0/24 {to}-A FORWARD {to}")), 1);
    }

    #[test]
    fn what_firewalld_itself_sends_on_it_does_not_call_closed() {
        let zone = ":IN_public - [0:0]\n-A INPUT -j IN_public\n-A IN_public -p tcp -m tcp --dport 22 -j ACCEPT\n-A IN_public -j DROP\n";
        let sent = "-p tcp -m tcp --dport 2223 -j DNAT --to-destination 172.17.0.2:80";
        let found = |by: &str| scene().filtered(translated(zone, by), &[]).texts("says-closed-is-open");
        let own = ":PRE_public_allow - [0:0]\n-A PREROUTING -j PRE_public_allow\n-A PRE_public_allow ";
        assert!(found(&format!("{own}{sent}")).is_empty());
        assert_eq!(
            found(&format!("-A PREROUTING {sent}")),
            [
                "2223/tcp: firewalld says that 2223/tcp is closed, and packets from the world get to 172.17.0.2:80 by it"
            ]
        );
    }

    #[test]
    fn what_firewalld_lets_in_from_containers_it_calls_closed_to_others() {
        let zones = ":IN_docker - [0:0]\n:IN_public - [0:0]\n-A INPUT -i docker0 -j IN_docker\n-A INPUT -j IN_public\n-A IN_docker -j ACCEPT\n-A IN_public -j DROP\n";
        let told = |firewall| scene().filtered(firewall, &[]).texts("says-closed-is-open").len();
        assert_eq!(told(published(zones)), 1);
        let mut apart = published(zones);
        apart.listings.insert(Listing::Routes, r#"[{"dst":"172.17.0.0/16","dev":"docker0"}]"#.into());
        assert_eq!(told(apart), 1, "nor has every host a way to the world");
        let inner =
            "-A PREROUTING -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80";
        assert_eq!(told(translated(zones, inner)), 0, "nobody from outside gets there");
    }

    #[test]
    fn of_one_that_leads_to_another_port_here_the_rule_is_to_go() {
        let fixes = |firewall| {
            let findings = scene().filtered(firewall, &[]).judge();
            findings.into_iter().map(|finding| finding.fix.en).collect::<Vec<_>>()
        };
        let rules = format!("{UFW}-A INPUT -m conntrack --ctstate DNAT -j ACCEPT\n");
        let sent = "-A PREROUTING -p tcp -m tcp --dport 7005 -j REDIRECT --to-ports 23";
        let rule = "delete the rule that sends it on: ufw never sees it as 7005/tcp";
        assert_eq!(fixes(translated(&rules, sent)), [rule]);
        let container = "publish it on 127.0.0.1 only or not at all: ufw never sees it as 8080/tcp";
        assert_eq!(fixes(published(UFW)), [container]);
        let own =
            "-A PREROUTING -d 127.0.0.1/32 -p tcp -m tcp --dport 8182 -j DNAT --to-destination 172.17.0.2:80";
        let [fix] = fixes(translated(UFW, own)).try_into().unwrap();
        assert!(fix.starts_with("have a gate close it (`portreeve plan`)"), "{fix}");
    }

    #[test]
    fn what_the_policy_opens_is_meant_to_be_open() {
        let declared = scene().service("shop", "8080/tcp", "docker.service").reach("world");
        assert!(declared.filtered(published(UFW), &[]).texts("says-closed-is-open").is_empty());
    }
}
