//! Shut on IPv4, wide open on IPv6: a door that somebody forgot (A20).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use crate::{
    address::{Breadth, Family},
    exposure::{Passing, Reached, covering, is_most},
    facts::{Listener, Namespace},
    finding::{Finding, Severity},
    port::Protocol,
    reach::Verdict,
    rules::{Page, Rule, declared::list},
    text,
    words::{Text, Words},
    world::{Holding, Passage, World},
};

/// Loopback or nothing on IPv4, every address on IPv6.
pub(super) const RULE: Rule = Rule {
    name: "wider-on-ipv6",
    severity: Severity::Warning,
    article: &["A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A service listens on loopback, or not at all, over IPv4, and on every address over IPv6.",
            ja: "IPv4 ではループバックのみ(または待ち受けなし)なのに、IPv6 では全アドレスで待ち受けています。",
        },
        why: Words {
            en: "Whoever narrowed the IPv4 side meant the service to be narrow. IPv6 is often routed without anybody noticing.",
            ja: "IPv4 側を絞った人は、サービス全体を絞ったつもりのはずです。IPv6 では、気付かないうちに外部から到達できることがよくあります。",
        },
        fix: Words {
            en: "Bind the IPv6 side to ::1 too; if it is meant to be open, open it on IPv4 as well or waive this.",
            ja: "IPv6 側も ::1 に限定します。公開が意図したものなら、IPv4 でも公開するか容認(waive)します。",
        },
    },
    check,
};

/// Protocols that exist on IPv6 alone: DHCPv6 client and server, RIPng.
const IPV6_ALONE: [u16; 3] = [546, 547, 521];

/// More networks than this are not named.
const NETWORKS_MAX: usize = 5;

fn check(world: &World<'_>) -> Vec<Finding> {
    world.holdings().filter_map(|holding| judge(world, holding)).collect()
}

fn judge(world: &World<'_>, holding: &Holding<'_>) -> Option<Finding> {
    by_packets(world, holding).or_else(|| by_address(world, holding))
}

/// A firewall that lets in over IPv6 what it keeps out over IPv4: rules that somebody wrote for one family alone.
fn by_packets(world: &World<'_>, holding: &Holding<'_>) -> Option<Finding> {
    let all =
        |family| holding.listeners.iter().filter_map(|listener| world.verdict_over(listener, family)).max();
    let most = |family| {
        holding.listeners.iter().filter_map(|listener| world.verdict_of_most_over(listener, family)).max()
    };
    let (ipv4, ipv6) = (all(Family::Ipv4)?, all(Family::Ipv6)?);
    let is_shut = ipv4 == Verdict::Blocked;
    let whom = few(world, holding);
    let is_wider = if is_shut {
        ipv6 >= Verdict::Partly
    } else {
        let differ = [Some(Verdict::Blocked), Some(Verdict::Reachable)];
        whom.is_none() && [most(Family::Ipv4), most(Family::Ipv6)] == differ
    };
    let spec = holding.spec();
    let is_sent_on =
        |passage: &Passage| passage.leaves() && passage.family() == Family::Ipv4 && passage.is_at(spec);
    if is_shut && world.passages().iter().any(is_sent_on) {
        // No firewall keeps it closed: somebody else answers.
        return None;
    }
    let what = match whom {
        Some(Text { en, ja }) => text!(
            "the firewall keeps {spec} closed over IPv4 and lets in {en} over IPv6",
            "ファイアウォールは {spec} を IPv4 では遮断し、IPv6 では {ja} からの接続を通しています"
        ),
        None if is_shut => text!(
            "the firewall keeps {spec} closed over IPv4 and lets it in over IPv6",
            "ファイアウォールは {spec} を IPv4 では遮断し、IPv6 では通しています"
        ),
        None => text!(
            "the firewall lets only a few in to {spec} over IPv4, and almost anybody over IPv6",
            "ファイアウォールは {spec} への接続を、IPv4 では一部の送信元だけに限り、IPv6 ではほぼ無制限に通しています"
        ),
    };
    let finding = || {
        RULE.finding(
            what,
            text!(
                "write the same rules for IPv6, or waive this if it is meant to be open",
                "IPv6 にも同じルールを書いてください。意図した公開なら容認(waive)してください"
            ),
        )
    };
    let is_heard = holding
        .listeners
        .iter()
        .any(|listener| listener.breadth() != Breadth::Loopback && listener.hears_ipv4());
    (is_wider && is_heard).then(|| finding().about(holding).run([format!("portreeve exposure {spec}")]))
}

/// The networks, or else the interfaces, from which packets get in over IPv6 where most of the world's do not.
fn few(world: &World<'_>, holding: &Holding<'_>) -> Option<Text> {
    let runs = holding.listeners.iter().flat_map(|listener| world.directly_from_outside(listener));
    let runs: Vec<_> = runs.filter(|(family, _)| *family == Family::Ipv6).map(|(_, run)| run).collect();
    let passing: Vec<&Passing> = runs.iter().flat_map(|run| &run.passing).collect();
    let is_most = |passing: &&Passing| {
        passing.interfaces.as_ref().is_none_or(|by| by.includes(&world.leading_out()))
            && passing.sources.as_ref().is_none_or(|from| is_most(from, &passing.other_sources))
    };
    let are_many = runs.iter().any(|run| run.reached == Reached::Reachable) || passing.iter().any(is_most);
    let names = passing.iter().flat_map(|passing| match (&passing.sources, &passing.interfaces) {
        (Some(from), _) => {
            let networks = covering(from, &passing.other_sources, Family::Ipv6, NETWORKS_MAX);
            networks.iter().map(ToString::to_string).collect::<Vec<_>>()
        }
        (None, Some(by)) => world.named(by).map(String::from).collect(),
        (None, None) => Vec::new(),
    });
    Some(list(names)).filter(|names| !are_many && !names.en.is_empty())
}

fn by_address(world: &World<'_>, holding: &Holding<'_>) -> Option<Finding> {
    let wide = holding.listeners.iter().find(|listener| is_wide_on_ipv6_alone(listener))?;
    let ipv6_only = wide.protocol == Protocol::Udp && IPV6_ALONE.contains(&wide.port);
    let has_both = world.snapshot.namespace(wide.netns).is_none_or(has_both);
    let is_shut = world.verdict_over(wide, Family::Ipv6) == Some(Verdict::Blocked);
    if ipv6_only || !has_both || is_shut || ipv4_breadth(world, holding) > Some(Breadth::Loopback) {
        return None;
    }
    let what = describe(holding, ipv4_breadth(world, holding), few(world, holding));
    let mut finding = RULE.finding(what, advise()).about(holding);
    finding.address = Some(wide.address.clone());
    Some(finding.run([format!("portreeve who {}", holding.spec())]))
}

fn is_wide_on_ipv6_alone(listener: &Listener) -> bool {
    listener.breadth() == Breadth::Wildcard && listener.hears_ipv6() && !listener.hears_ipv4()
}

/// A namespace whose addresses are not known may have some.
fn has_both(namespace: &Namespace) -> bool {
    let addresses = || namespace.interfaces.iter().flat_map(|interface| &interface.addresses);
    let has = |ipv6| addresses().any(|own| own.ip.is_ipv6() == ipv6 && !own.ip.is_loopback());
    namespace.interfaces.is_empty() || [false, true].into_iter().all(has)
}

/// How far the same owner, or somebody who may be the same, can be heard on the number over IPv4.
fn ipv4_breadth(world: &World<'_>, holding: &Holding<'_>) -> Option<Breadth> {
    let spec = holding.spec();
    let own = holding.identity.lasting_owner();
    world
        .holdings_at(holding.netns(), spec.protocol, spec.range.first)
        .iter()
        .filter(|other| {
            own.is_none() || other.identity.lasting_owner().is_none_or(|lasting| Some(lasting) == own)
        })
        .flat_map(|other| &other.listeners)
        .filter(|listener| listener.hears_ipv4())
        .map(|listener| listener.breadth())
        .max()
}

fn describe(holding: &Holding<'_>, ipv4: Option<Breadth>, few: Option<Text>) -> Text {
    let Text { en, ja } = holding.who();
    let Text { en: en_whom, ja: ja_whom } = match few {
        Some(Text { en, ja }) => text!("{en}", "{ja} から"),
        None => text!("everybody", "誰でも"),
    };
    let spec = holding.spec();
    match ipv4 {
        Some(_) => text!(
            "{en} keeps {spec} to this host over IPv4 and opens it to {en_whom} over IPv6",
            "{ja} の {spec} は、IPv4 ではこのホスト内からのみ接続できますが、IPv6 では {ja_whom} 接続できます"
        ),
        None => text!(
            "{en} does not listen on {spec} over IPv4 and opens it to {en_whom} over IPv6",
            "{ja} の {spec} は、IPv4 では待ち受けていませんが、IPv6 では {ja_whom} 接続できます"
        ),
    }
}

fn advise() -> Text {
    text!(
        "bind the IPv6 side to ::1 too, or waive this if it is meant to be open",
        "IPv6 側も ::1 に限定してください。意図した公開なら容認(waive)してください"
    )
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::{
        facts::{Listing, testing::interface},
        rules::testing::{filtering, published, scene},
    };

    #[test]
    fn loopback_on_ipv4_and_everything_on_ipv6_is_found() {
        let scene = scene().listens("shop.service", "127.0.0.1:8080/tcp").again("[::]:8080/tcp").v6only();
        assert_eq!(
            scene.texts("wider-on-ipv6"),
            ["8080/tcp: shop keeps 8080/tcp to this host over IPv4 and opens it to everybody over IPv6"]
        );
        assert_eq!(scene.found("wider-on-ipv6"), ["8080/tcp ::"]);
    }

    #[test]
    fn rules_for_one_family_alone_are_found() {
        let over = |rules| {
            let scene = scene().listens("shop.service", "[::]:8080/tcp").filtered(filtering(rules), &[]);
            scene.texts("wider-on-ipv6")
        };
        let said = "8080/tcp: the firewall keeps 8080/tcp closed over IPv4 and lets it in over IPv6";
        assert_eq!(over(""), [said]);
        assert!(over("-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT\n").is_empty());
        // A few who are let in over IPv4 make the other side no narrower, and a few who are not no wider.
        let few =
            "8080/tcp: the firewall lets only a few in to 8080/tcp over IPv4, and almost anybody over IPv6";
        assert_eq!(over("-A INPUT -i docker0 -p tcp -m tcp --dport 8080 -j ACCEPT\n"), [few]);
        assert_eq!(over("-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 8080 -j ACCEPT\n"), [few]);
        let banned = "-A INPUT -s 192.0.2.9/32 -j DROP\n-A INPUT -p tcp -m tcp --dport 8080 -j ACCEPT\n";
        assert!(over(banned).is_empty());
    }

    #[test]
    fn a_few_who_get_in_over_ipv6_are_named() {
        let told = |accepts: &str| {
            let mut firewall = filtering("");
            let six = format!("*filter\n:INPUT DROP [0:0]\n{accepts}COMMIT\n");
            firewall.listings.insert(Listing::Ip6tablesLegacy, six);
            let closed = scene().listens("shop.service", "[::]:8080/tcp").filtered(firewall.clone(), &[]);
            let alone = scene().listens("shop.service", "[::]:8080/tcp").v6only().filtered(firewall, &[]);
            [closed, alone].map(|scene| scene.texts("wider-on-ipv6").concat())
        };
        let both = |whom: &str| {
            [
                format!(
                    "8080/tcp: the firewall keeps 8080/tcp closed over IPv4 and lets in {whom} over IPv6"
                ),
                format!(
                    "8080/tcp: shop does not listen on 8080/tcp over IPv4 and opens it to {whom} over IPv6"
                ),
            ]
        };
        assert_eq!(told("-A INPUT -s fe80::/10 -j ACCEPT\n"), both("fe80::/10"));
        assert_eq!(told("-A INPUT -i docker0 -j ACCEPT\n"), both("docker0"));
        let [_, everybody] = told("-A INPUT -s 2001:db8:9::/48 -j DROP\n-A INPUT -j ACCEPT\n");
        assert!(everybody.contains("to everybody"), "{everybody}");
    }

    #[test]
    fn what_is_sent_on_over_ipv4_no_firewall_keeps_closed() {
        let over = |spot| {
            let scene = scene().listens("shop.service", spot).filtered(published(""), &[]);
            scene.texts("wider-on-ipv6")
        };
        assert!(over("[::]:8080/tcp").is_empty());
    }

    #[test]
    fn nothing_on_ipv4_is_found_too() {
        let scene = scene().listens("shop.service", "[::]:8080/tcp").v6only();
        assert_eq!(scene.rules(), ["wider-on-ipv6"]);
    }

    #[test]
    fn open_on_both_is_no_difference() {
        let dual = scene().listens("shop.service", "[::]:8080/tcp");
        assert_eq!(dual.rules(), [""; 0]);
        let two = scene().listens("shop.service", "0.0.0.0:8080/tcp").again("[::]:8080/tcp").v6only();
        assert_eq!(two.rules(), [""; 0]);
        let address = scene().listens("shop.service", "192.168.1.5:8080/tcp").again("[::]:8080/tcp").v6only();
        assert_eq!(address.rules(), [""; 0]);
    }

    #[test]
    fn a_protocol_of_ipv6_alone_or_a_host_of_one_family_is_none() {
        let dhcp = scene().listens("NetworkManager.service", "[::]:546/udp").v6only();
        assert_eq!(dhcp.rules(), [""; 0]);
        for address in ["192.0.2.5", "2001:db8::5"] {
            let alone = scene()
                .interface(interface("lo", &["127.0.0.1", "::1"]))
                .interface(interface("eth0", &[address]))
                .listens("shop.service", "[::]:8080/tcp")
                .v6only();
            assert_eq!(alone.rules(), [""; 0], "{address}");
        }
    }
}
