//! No rule at all stands before the ports that others can reach (A15, A20).

use alloc::vec::Vec;

use crate::{
    finding::{Finding, Severity},
    firewall::{Base, Chain, Filter, Hook, Policy},
    reach::Verdict,
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// Whatever is started here is open at once.
pub(super) const RULE: Rule = Rule {
    name: "firewall-absent",
    severity: Severity::Notice,
    article: &["A15", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "Something listens where the world can reach it, and the packet filter has no rule about what comes in.",
            ja: "外部から届くポートで待ち受けがあるのに、受信パケットに対するルールが 1 つもありません。",
        },
        why: Words {
            en: "Whatever is started next is open at once, whether or not somebody meant it to be.",
            ja: "次に起動したプログラムのポートは、意図したかどうかにかかわらず、すぐに外部へ開きます。",
        },
        fix: Words {
            en: "Set up a firewall that lets in what the policy declares and nothing else.",
            ja: "policy で宣言したものだけを通すファイアウォールを設定します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    // A table of ours that lets everything in is no firewall, whatever stands in it.
    let is_own_open = world.standing().is_ok_and(|standing| standing.is_some_and(|it| it.lets_all_in()));
    let is_firewall = |chain: &Chain| guards(chain) && !(is_own_open && chain.is_of_gate());
    let is_open = |filter: &&Filter| !filter.ruleset.chains.iter().any(is_firewall);
    world.filter().filter(is_open).and_then(|_| finding(world)).into_iter().collect()
}

/// Whether a chain may keep out what comes in.
fn guards(chain: &Chain) -> bool {
    let Some(Base { hook, policy, .. }) = &chain.base else { return false };
    let comes_in = matches!(hook, Hook::Ingress | Hook::Prerouting | Hook::Input);
    comes_in && (!chain.rules.is_empty() || *policy == Policy::Drop)
}

fn finding(world: &World<'_>) -> Option<Finding> {
    let own = world.own_namespace()?;
    let is_judged = |it: &&crate::facts::Listener| it.netns == own.id && !world.is_asked_for_consent(it);
    let mut listeners = world.listeners().filter(is_judged);
    let is_reached = listeners
        .any(|listener| world.reach(listener).first().is_some_and(|world| world.verdict >= Verdict::Partly));
    let finding = RULE.finding(
        text!(
            "no rule stands before the ports of this host",
            "このホストのポートの前に、ファイアウォールのルールがありません"
        ),
        text!(
            "set up a firewall that lets in what is meant to be reached and nothing else",
            "必要な通信だけを通すファイアウォールを設定してください"
        ),
    );
    is_reached.then(|| finding.run(["portreeve exposure".into()]))
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec::Vec};

    use crate::{
        facts::{Firewall, Listing},
        gate::{Body, Listing as Table, Revision},
        rules::testing::{filtering, scene},
    };

    fn found(spot: &str, firewall: Firewall) -> Vec<&'static str> {
        let scene = scene().listens("x.service", spot).filtered(firewall, &[]);
        let all = scene.rules();
        all.into_iter().filter(|rule| *rule == "firewall-absent").collect()
    }

    #[test]
    fn a_host_without_rules_is_found_where_it_can_be_reached() {
        assert_eq!(found("0.0.0.0:80/tcp", Firewall::default()), ["firewall-absent"]);
        assert!(found("127.0.0.1:80/tcp", Firewall::default()).is_empty());
    }

    #[test]
    fn one_rule_about_what_comes_in_is_a_firewall() {
        assert!(found("0.0.0.0:80/tcp", filtering("")).is_empty());
    }

    #[test]
    fn a_gate_that_lets_everything_in_is_none() {
        let mut table = Table::read(r#"{"nftables":[]}"#).unwrap();
        table.create(&Body::open(), Revision::of(7));
        let with = |text: String| Firewall { listings: [(Listing::Nft, text)].into() };
        assert_eq!(found("0.0.0.0:80/tcp", with(table.text())), ["firewall-absent"]);
        // Somebody else may have closed something there, which is another rule's business.
        let rule =
            r#"{"rule":{"family":"inet","table":"portreeve","chain":"input","expr":[{"drop":null}]}}]}"#;
        let changed = table.text();
        let changed = alloc::format!("{},{rule}", changed.strip_suffix("]}").unwrap());
        assert!(found("0.0.0.0:80/tcp", with(changed)).is_empty());
    }

    #[test]
    fn rules_about_what_goes_out_are_none() {
        let out = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT DROP [0:0]\nCOMMIT\n";
        let listings = [(Listing::IptablesLegacy, out.into())].into();
        assert_eq!(found("0.0.0.0:80/tcp", Firewall { listings }), ["firewall-absent"]);
    }
}
