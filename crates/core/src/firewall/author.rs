//! Which program keeps a chain, as far as its names tell (A17, A20).

use super::{Base, Chain, Hook, Layer, Place, Ruleset, Step};
use crate::firewall::Decision;

/// A program that keeps rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Author {
    /// ufw(8): its chains begin with its name.
    Ufw,
    /// firewalld(1): its tables have its name, or in iptables its chains have (`IN_public`, `PRE_public`).
    Firewalld,
    /// Somebody with iptables(8).
    Iptables,
    /// Somebody with nft(8).
    Nftables,
}

impl Author {
    /// Its name, as a person says it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ufw => "ufw",
            Self::Firewalld => "firewalld",
            Self::Iptables => "iptables",
            Self::Nftables => "nftables",
        }
    }
}

/// Who keeps the chain of `place`: ufw also keeps the policy of a chain that leads to its own, but not its other rules, and
/// that by which it shuts out IPv6.
#[must_use]
pub fn author(ruleset: &Ruleset, place: Place) -> Author {
    let chain = &ruleset.chains[place.chain.0];
    let is_policy_of_ufw = || leads_to_ufw(ruleset, chain) || is_shut_by_ufw(ruleset, chain);
    if is_of_ufw(chain) || place.rule.is_none() && is_policy_of_ufw() {
        Author::Ufw
    } else if is_of_firewalld(chain) {
        Author::Firewalld
    } else if chain.rules.iter().any(is_of_iptables) || is_empty_of_iptables(chain) {
        Author::Iptables
    } else {
        Author::Nftables
    }
}

fn is_of_ufw(chain: &Chain) -> bool {
    chain.name.starts_with("ufw-") || chain.name.starts_with("ufw6-")
}

/// The table by which firewalld drops everything, while it starts or as long as somebody wants it to.
const LOCK_OF_FIREWALLD: &str = "firewalld_policy_drop";

/// Whether it is of firewalld's panic mode, which drops everything before all other rules; while firewalld starts it drops
/// behind them.
pub(super) fn is_of_panic(chain: &Chain) -> bool {
    let is_early = |base: &Base| base.hook == Hook::Prerouting;
    chain.table == LOCK_OF_FIREWALLD && chain.base.as_ref().is_some_and(is_early)
}

fn is_of_firewalld(Chain { table, name, .. }: &Chain) -> bool {
    let begins = |start| name.starts_with(start);
    matches!(table.as_str(), "firewalld" | LOCK_OF_FIREWALLD)
        || ["IN_", "PRE_"].into_iter().any(begins)
        || name == "INPUT_ZONES"
}

/// Whether ufw shuts out IPv6 there, of which it has no rules: `IPV6=no` in /etc/default/ufw.
fn is_shut_by_ufw(ruleset: &Ruleset, chain: &Chain) -> bool {
    let is_counterpart = |other: &&Chain| {
        other.layer == Layer::Ip && (&other.table, &other.name) == (&chain.table, &chain.name)
    };
    let mut counterparts = ruleset.chains.iter().filter(is_counterpart);
    chain.layer == Layer::Ip6
        && !ufw_has_ipv6(ruleset)
        && counterparts.any(|counterpart| leads_to_ufw(ruleset, counterpart))
}

/// Whether ufw has rules of IPv6.
pub(super) fn ufw_has_ipv6(ruleset: &Ruleset) -> bool {
    ruleset.chains.iter().any(|chain| chain.name.starts_with("ufw6-"))
}

fn leads_to_ufw(ruleset: &Ruleset, chain: &Chain) -> bool {
    let steps = chain.rules.iter().flat_map(|rule| &rule.steps);
    let mut led = steps.filter_map(|step| match step {
        Step::Decide(Decision::Jump(chain) | Decision::Goto(chain)) => ruleset.chains.get(chain.0),
        _ => None,
    });
    led.any(is_of_ufw)
}

/// A rule that was read from iptables-save is written as that writes it.
fn is_of_iptables(rule: &super::Rule) -> bool {
    rule.text.starts_with("-A ")
}

/// The names that iptables gives its chains are in capitals; without a rule nothing else tells.
fn is_empty_of_iptables(chain: &Chain) -> bool {
    chain.rules.is_empty()
        && matches!(chain.layer, Layer::Ip | Layer::Ip6)
        && matches!(chain.name.as_str(), "INPUT" | "FORWARD" | "PREROUTING")
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec::Vec};

    use super::*;
    use crate::{
        facts::{Firewall, Listing},
        firewall::{ChainId, read},
    };

    const UFW: &str = include_str!("../../tests/firewall/iptables/ufw.txt");
    const FIREWALLD: &str = include_str!("../../tests/firewall/nft/firewalld.json");
    const WORKSTATION: &str = include_str!("../../tests/firewall/nft/workstation.json");

    /// The authors of all chains of a listing, each once.
    fn told(listing: Listing, text: &str) -> Vec<Author> {
        let ruleset = read(&Firewall { listings: [(listing, text.into())].into() }).unwrap().ruleset;
        let mut authors = Vec::new();
        for chain in 0..ruleset.chains.len() {
            let author = author(&ruleset, Place { chain: ChainId(chain), rule: None });
            if !authors.contains(&author) {
                authors.push(author);
            }
        }
        authors
    }

    #[test]
    fn the_policy_that_shuts_out_ipv6_is_of_ufw_where_it_has_no_rules_of_it() {
        let of_ipv6 = |chains: &str| {
            let text = format!("*filter\n:INPUT DROP [0:0]\n{chains}-A INPUT -i lo -j ACCEPT\nCOMMIT\n");
            let listings = [(Listing::IptablesLegacy, UFW.into()), (Listing::Ip6tablesLegacy, text)];
            let ruleset = read(&Firewall { listings: listings.into() }).unwrap().ruleset;
            let is_meant = |chain: &Chain| chain.layer == Layer::Ip6 && chain.name == "INPUT";
            let chain = ChainId(ruleset.chains.iter().position(is_meant).unwrap());
            [None, Some(0)].map(|rule| author(&ruleset, Place { chain, rule }))
        };
        assert_eq!(of_ipv6(""), [Author::Ufw, Author::Iptables]);
        assert_eq!(of_ipv6(":ufw6-before-input - [0:0]\n"), [Author::Iptables; 2]);
    }

    #[test]
    fn the_programs_that_people_use_are_known_by_their_names() {
        assert!(told(Listing::IptablesLegacy, UFW).contains(&Author::Ufw));
        assert_eq!(told(Listing::Nft, FIREWALLD), [Author::Firewalld]);
        assert_eq!(told(Listing::Nft, WORKSTATION), [Author::Nftables]);
    }
}
