//! A service can be heard where its policy does not want it heard (A15, A20).

use alloc::{format, vec::Vec};

use super::list;
use crate::{
    address::{Address, Breadth},
    facts::Listener,
    finding::{Finding, Severity},
    ledger::Claim,
    policy::{HOST, Service},
    reach::Verdict,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// A wildcard where an address is declared, or a way in from outside where none is.
pub(super) const RULE: Rule = Rule {
    name: "bound-wider-than-declared",
    severity: Severity::High,
    article: &["A15", "A20"],
    outranks: &["wider-on-ipv6"],
    page: Page {
        what: Words {
            en: "A service listens on a wider address, or can be reached from further away, than the policy says.",
            ja: "サービスが policy の宣言より広いアドレスで待ち受けているか、宣言より広い範囲から到達できます。",
        },
        why: Words {
            en: "Whoever decided that it is for this host or one network relied on it: such services often ask for no password.",
            ja: "このホストや特定のネットワーク専用のサービスは、外部から到達されない前提で運用されており、認証がないことも少なくありません。",
        },
        fix: Words {
            en: "Bind it to the declared address in its own configuration, or declare the address and reach that it needs.",
            ja: "サービスの設定で宣言どおりのアドレスに限定するか、必要な address と reach を宣言します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world
        .holdings()
        .filter_map(|holding| {
            by_address(holding).or_else(|| by_packets(world, holding)).or_else(|| of_claim(world, holding))
        })
        .collect()
}

/// A claim opens nothing: what is to be reached from elsewhere is declared.
fn of_claim(world: &World<'_>, holding: &Holding<'_>) -> Option<Finding> {
    if world.policy.is_none() || holding.declared.is_some() {
        return None;
    }
    let is_own =
        |listener: &&&Listener| listener.breadth() > Breadth::Loopback && world.is_claimants(listener);
    let reached = holding.listeners.iter().filter(is_own).map(|own| (from_elsewhere(world, own), own));
    let (verdict, listener) = reached.max_by_key(|(verdict, _)| *verdict)?;
    let Claim { name, .. } = world.claim_of(listener)?.claim;
    let spec = holding.spec();
    let said = match verdict {
        Verdict::Blocked => return None,
        Verdict::Unknown => text!(
            "{name} is claimed for this host alone, and whether packets from elsewhere get to it on {spec} cannot be told",
            "{name} の申請はこのホスト内だけのものですが、それ以外から {spec} に届くかどうか判定できません"
        ),
        Verdict::Partly | Verdict::Reachable => text!(
            "{name} is claimed for this host alone, and packets from elsewhere get to it on {spec}",
            "{name} の申請はこのホスト内だけのものですが、それ以外からも {spec} に届きます"
        ),
    };
    let finding = RULE.finding(
        said,
        text!(
            "bind it to 127.0.0.1 and ::1, or declare {spec} in the policy with its reach",
            "127.0.0.1 と ::1 だけで待ち受けるか、policy に {spec} と reach を宣言してください"
        ),
    );
    let mut finding = finding.about(holding);
    finding.address = Some(listener.address.clone());
    Some(finding.run([format!("portreeve exposure {spec}")]))
}

/// How well the zone gets to it that does best, beside this host itself.
fn from_elsewhere(world: &World<'_>, listener: &Listener) -> Verdict {
    let others = world.reach(listener).into_iter().filter(|reach| reach.zone != HOST);
    others.map(|reach| reach.verdict).max().unwrap_or(Verdict::Unknown)
}

fn by_address(holding: &Holding<'_>) -> Option<Finding> {
    let service = holding.declared?.service;
    let excess =
        |listener: &&&Listener| is_beyond_address(service, listener) || is_beyond_host(service, listener);
    let listener = holding.listeners.iter().find(excess)?;
    let mut finding = RULE.finding(describe(holding, service, listener), advise(service)).about(holding);
    finding.address = Some(listener.address.clone());
    let spec = holding.spec();
    Some(finding.run([format!("portreeve who {spec}")]))
}

/// An address cannot keep to a zone: whether packets get in from outside of it is the firewall's business.
fn by_packets(world: &World<'_>, holding: &Holding<'_>) -> Option<Finding> {
    let service = holding.declared?.service;
    if service.reaches_world() {
        return None;
    }
    let zones = world.policy.into_iter().flat_map(|policy| &policy.zones);
    let zones: Vec<_> = zones.filter(|zone| service.reach.contains(&zone.name)).collect();
    let mut listeners = holding.listeners.iter();
    let listener = listeners.find(|listener| world.is_reached_beyond(listener, &zones))?;
    let Text { en, ja } = match zones.as_slice() {
        [] => text!("this host", "このホスト内"),
        zones => list(zones.iter().map(|zone| &zone.name)),
    };
    let (spec, name) = (holding.spec(), &service.name);
    let mut finding = RULE
        .finding(
            text!(
                "{name} is declared for {en} alone, and packets from elsewhere get to it on {spec}",
                "{name} の宣言は {ja} からだけですが、それ以外からも {spec} に届きます"
            ),
            text!(
                "close it to all others (`portreeve plan` shows what the gate would do), or declare who else may reach {name}",
                "それ以外からは閉じるか(ゲートでの変更は `portreeve plan` で確認できます)、policy の {name} の reach に送信元のゾーンを加えてください"
            ),
        )
        .about(holding);
    finding.address = Some(listener.address.clone());
    Some(finding.run([format!("portreeve exposure {spec}"), "portreeve plan".into()]))
}

/// Only a wildcard can be: a specific address that is not declared stands on no declared port.
fn is_beyond_address(service: &Service, listener: &Listener) -> bool {
    let any = |address: &Address| address.breadth() == Breadth::Wildcard && covers_family(address, listener);
    listener.breadth() == Breadth::Wildcard
        && !service.addresses.is_empty()
        && !service.addresses.iter().any(any)
}

/// `::` is every address, `0.0.0.0` those of IPv4 alone.
fn covers_family(declared: &Address, listener: &Listener) -> bool {
    declared.ip.is_ipv6() || !listener.hears_ipv6()
}

/// Where its address is declared, who gets there is the firewall's business.
fn is_beyond_host(service: &Service, listener: &Listener) -> bool {
    !service.reaches_beyond_host()
        && listener.breadth() > Breadth::Loopback
        && !service.addresses.contains(&listener.address)
}

fn describe(holding: &Holding<'_>, service: &Service, listener: &Listener) -> Text {
    let Text { en, ja } = holding.who();
    let spec = holding.spec();
    let address = &listener.address;
    let name = &service.name;
    if is_beyond_address(service, listener) {
        let Text { en: en_declared, ja: ja_declared } = list(&service.addresses);
        return text!(
            "{en} listens on {address} at {spec}, but {name} is declared for {en_declared} alone",
            "{ja} は {address} の {spec} で待ち受けていますが、{name} の宣言は {ja_declared} だけです"
        );
    }
    text!(
        "{en} listens on {address} at {spec}, but {name} is declared for this host alone",
        "{ja} は {address} の {spec} で待ち受けていますが、{name} の宣言はこのホスト内だけです"
    )
}

fn advise(service: &Service) -> Text {
    let name = &service.name;
    if service.addresses.is_empty() {
        return text!(
            "bind it to 127.0.0.1 and ::1, or declare the reach of {name} in the policy",
            "127.0.0.1 と ::1 だけで待ち受けるか、policy の {name} に reach を宣言してください"
        );
    }
    let Text { en: en_declared, ja: ja_declared } = list(&service.addresses);
    text!(
        "bind it to {en_declared}, or declare the address and reach of {name} in the policy",
        "{ja_declared} だけで待ち受けるか、policy の {name} に address と reach を宣言してください"
    )
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::facts::{Firewall, Listing};
    use crate::port::PortRange;
    use crate::rules::testing::{filtering, scene, zone};

    #[test]
    fn one_at_its_declared_address_is_found_where_packets_get_in() {
        let found = |rules| {
            let scene = scene().service("db", "5433/tcp", "shop.service").at("203.0.113.1");
            let scene = scene.listens("shop.service", "203.0.113.1:5433/tcp");
            scene.filtered(filtering(rules), &[]).texts("bound-wider-than-declared")
        };
        assert!(found("").is_empty(), "it is where it is declared");
        let said =
            "5433/tcp: db is declared for this host alone, and packets from elsewhere get to it on 5433/tcp";
        assert_eq!(found("-A INPUT -j ACCEPT\n"), [said]);
    }

    #[test]
    fn what_its_claimant_holds_is_found_where_others_get_to_it() {
        let at = |spot: &str| {
            let kept = scene().namespace(|own| own.reserved = [PortRange::one(20_500)].into());
            let scene = kept.claims(&[(0, "shop 20500/tcp")]).listens("shop.service", spot).policy();
            (scene.rules(), scene.texts("bound-wider-than-declared"))
        };
        assert_eq!(at("127.0.0.1:20500/tcp").0, [""; 0], "a claim is a reason to be there");
        let (rules, texts) = at("0.0.0.0:20500/tcp");
        assert_eq!(rules, ["bound-wider-than-declared"]);
        let said = "20500/tcp: shop is claimed for this host alone, and packets from elsewhere get to it on 20500/tcp";
        assert_eq!(texts, [said]);
    }

    /// Who is let in may be one network alone, or nobody knows whom a rule lets in.
    #[test]
    fn what_its_claimant_holds_is_found_where_one_zone_gets_to_it_or_perhaps_anybody() {
        let found = |rules: &str| {
            let kept = scene().namespace(|own| own.reserved = [PortRange::one(20_500)].into());
            let scene = kept.claims(&[(0, "shop 20500/tcp")]).listens("shop.service", "0.0.0.0:20500/tcp");
            let mut scene = scene.policy().filtered(filtering(rules), &[]);
            scene.policy.as_mut().unwrap().zones.push(zone("office", &["10.1.0.0/16"], &[]));
            (scene.rules(), scene.texts("bound-wider-than-declared").concat())
        };
        assert_eq!(found("").0, [""; 0], "nobody gets to it");
        let (rules, text) = found("-A INPUT -s 10.1.0.0/16 -p tcp -m tcp --dport 20500 -j ACCEPT\n");
        assert_eq!(rules, ["bound-wider-than-declared"]);
        assert!(text.ends_with("packets from elsewhere get to it on 20500/tcp"), "{text}");
        let (rules, text) = found("-A INPUT -p tcp -m tcp --dport 20500 -m u32 --u32 0x0=0x1 -j ACCEPT\n");
        assert_eq!(rules, ["bound-wider-than-declared"]);
        assert!(text.ends_with("get to it on 20500/tcp cannot be told"), "{text}");
    }

    #[test]
    fn a_host_service_on_every_address_is_found() {
        let scene = scene()
            .service("db", "5433/tcp", "shop.service")
            .listens("shop.service", "127.0.0.1:5433/tcp")
            .again("[::]:5433/tcp");
        assert_eq!(
            scene.texts("bound-wider-than-declared"),
            ["5433/tcp: shop listens on :: at 5433/tcp, but db is declared for this host alone"]
        );
        assert_eq!(scene.rules(), ["bound-wider-than-declared"]);
    }

    #[test]
    fn a_host_service_on_loopback_is_as_declared() {
        let scene = scene()
            .service("db", "5433/tcp", "shop.service")
            .listens("shop.service", "127.0.0.1:5433/tcp")
            .again("[::1]:5433/tcp");
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn a_wildcard_is_wider_than_a_declared_address() {
        let declared = || scene().service("web", "80/tcp", "nginx.service").at("192.168.1.5").reach("lan");
        assert_eq!(declared().listens("nginx.service", "192.168.1.5:80/tcp").rules(), [""; 0]);
        let wide = declared().listens("nginx.service", "0.0.0.0:80/tcp");
        assert_eq!(wide.found("bound-wider-than-declared"), ["80/tcp 0.0.0.0"]);
    }

    #[test]
    fn every_ipv4_address_is_not_every_address() {
        let declared = || scene().service("web", "80/tcp", "nginx.service").at("0.0.0.0").reach("world");
        assert_eq!(declared().listens("nginx.service", "0.0.0.0:80/tcp").rules(), [""; 0]);
        let wide = declared().listens("nginx.service", "[::]:80/tcp");
        assert_eq!(wide.rules(), ["bound-wider-than-declared"]);
    }

    #[test]
    fn a_zone_cannot_be_bound_to_so_every_address_is_no_excess() {
        let scene = scene()
            .service("imap", "993/tcp", "dovecot.service")
            .reach("office")
            .listens("dovecot.service", "0.0.0.0:993/tcp");
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn packets_from_outside_the_declared_zones_are_found() {
        let over = |rules: &str, reach: &str| {
            let mut scene = scene()
                .service("db", "5433/tcp", "shop.service")
                .reach(reach)
                .listens("shop.service", "0.0.0.0:5433/tcp")
                .filtered(filtering(rules), &[]);
            scene.policy.as_mut().unwrap().zones.push(zone("lan", &["172.17.0.0/16"], &[]));
            scene.texts("bound-wider-than-declared")
        };
        let all = "-A INPUT -p tcp -m tcp --dport 5433 -j ACCEPT\n";
        let said = "5433/tcp: db is declared for lan alone, and packets from elsewhere get to it on 5433/tcp";
        assert_eq!(over(all, "lan"), [said]);
        assert!(over(all, "world").is_empty());
        for close in ["-s 172.17.0.0/16", "-i docker0"] {
            let rule = format!("-A INPUT {close} -p tcp -m tcp --dport 5433 -j ACCEPT\n");
            assert!(over(&rule, "lan").is_empty(), "{close}");
        }
    }

    #[test]
    fn without_a_rule_everybody_gets_to_what_a_zone_is_declared_for() {
        let mut scene = scene()
            .service("db", "5433/tcp", "shop.service")
            .reach("lan")
            .listens("shop.service", "0.0.0.0:5433/tcp")
            .filtered(Firewall::default(), &[]);
        scene.policy.as_mut().unwrap().zones.push(zone("lan", &["172.17.0.0/16"], &[]));
        let addresses = filtering("").listings.remove(&Listing::Addresses).unwrap();
        scene.snapshot.firewall.as_mut().unwrap().listings.insert(Listing::Addresses, addresses);
        assert_eq!(scene.rules(), ["bound-wider-than-declared", "firewall-absent"]);
    }
}
