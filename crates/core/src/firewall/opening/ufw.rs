//! How ufw(8) lets packets in where it keeps them out.

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use ipnet::IpNet;

use super::{Admission, about, asks_for, keeps_out};
use crate::{
    firewall::{
        Chain, Decision, Field, Layer, Place, Question, Rule, Ruleset, Step, author::ufw_has_ipv6,
        network_name,
    },
    port::{PortSpec, Protocol},
};

/// The commands; none where ufw knows no ports of the protocol, has no IPv6 for the networks, or a rule stands in the way.
pub(super) fn commands(
    ruleset: &Ruleset,
    place: Place,
    interface: Option<&str>,
    admission: &Admission<'_>,
) -> Vec<String> {
    let PortSpec { range, protocol } = admission.spec;
    let is_plain = interface.is_none() && admission.from.is_empty();
    let is_known =
        matches!(protocol, Protocol::Tcp | Protocol::Udp) && !may_be_same(ruleset, place, interface);
    let verb = verb(ruleset, place, admission.spec, is_plain);
    let Some(verb) = verb.filter(|_| is_known) else { return Vec::new() };
    let ports = range.to_string().replace('-', ":");
    let by = interface.map(|name| format!(" in on {}", name.replace('*', "+"))).unwrap_or_default();
    let one = |from: &str| format!("{verb}{by} proto {protocol} from {from} to any port {ports}");
    let is_shut = !ufw_has_ipv6(ruleset) && ruleset.chains[place.chain.0].layer == Layer::Ip6;
    let commands = match (interface, admission.from) {
        (None, []) => vec![format!("{verb} {}", named(admission.spec))],
        (Some(_), []) => vec![one("any")],
        (_, from) => {
            let is_seen = |network: &&IpNet| ufw_has_ipv6(ruleset) || network.addr().is_ipv4() != is_shut;
            from.iter().filter(is_seen).map(|network| one(&network_name(network))).collect()
        }
    };
    // A rule for both families got none of IPv6 before, and gets it where it is added once more.
    if is_shut && !commands.is_empty() {
        vec![format!("{WITH_IPV6} && {}", commands.join(" && "))]
    } else {
        commands
    }
}

/// ufw rules IPv6 too from then on, and lets in what every host needs of it, as neighbour discovery.
const WITH_IPV6: &str = "sed -i 's/^IPV6=.*/IPV6=yes/' /etc/default/ufw && ufw reload";

/// ufw heeds the first rule that fits, and puts a new one behind the others, or in the place of one that differs in nothing but
/// what it does; it puts none in front while there is such a one, which goes first, nor past those who are kept out there.
/// Before its own chain for these it lets nobody in.
///
/// Whether the new one is about `spec` alone says `is_plain`.
fn verb(ruleset: &Ruleset, place: Place, spec: PortSpec, is_plain: bool) -> Option<String> {
    let chain = &ruleset.chains[place.chain.0];
    let is = |part| chain.name.contains(part);
    let is_same = |rule: &Rule| is_plain && is_about(rule, spec);
    // Of either family: a command is for both.
    let users = ruleset.chains.iter().filter(|chain| chain.name.ends_with("-user-input"));
    let mut same = users.flat_map(|chain| &chain.rules).filter(|rule| is_same(rule));
    match place.rule {
        Some(rule) if is("user-input") => {
            let (before, rest) = chain.rules.split_at_checked(rule)?;
            let (decisive, _) = rest.split_first()?;
            let is_replaced = is_same(decisive) && !is_of_any_protocol(chain, spec);
            let is_banning = |rule: &Rule| keeps_out(rule) && may_be_about(rule, spec);
            let denying: BTreeSet<_> = same.map(denying).collect::<Option<_>>()?;
            if is_replaced {
                return Some("ufw allow".into());
            }
            let goes = |deny| format!("ufw delete {deny} {} && ", named(spec));
            let first: String = denying.into_iter().map(goes).collect();
            (!before.iter().any(is_banning)).then(|| format!("{first}ufw prepend allow"))
        }
        Some(_) if !["after", "reject", "skip-to-policy"].into_iter().any(is) => None,
        // Where it limits a port over one family, it would no longer.
        _ => (!same.any(|rule| is_limiting(ruleset, rule))).then(|| "ufw allow".into()),
    }
}

/// A port as ufw names it.
fn named(PortSpec { range, protocol }: PortSpec) -> String {
    format!("{}/{protocol}", range.to_string().replace('-', ":"))
}

/// How ufw calls what a rule does that keeps packets out. Whoever deletes one that is not there is told so, and may go on.
fn denying(rule: &Rule) -> Option<&'static str> {
    rule.steps.iter().find_map(|step| match step {
        Step::Decide(Decision::Drop) => Some("deny"),
        Step::Decide(Decision::Reject) => Some("reject"),
        _ => None,
    })
}

/// Whether the rule at `place` is about an interface, as the new one is: they may be the same.
fn may_be_same(ruleset: &Ruleset, place: Place, interface: Option<&str>) -> bool {
    let rule = ruleset.rule(place);
    interface.is_some() && rule.is_some_and(|rule| asks_for(rule, Field::InInterface))
}

/// Whether a rule is about a port of one protocol, and about nothing else.
fn is_about(rule: &Rule, spec: PortSpec) -> bool {
    let meant = about(Field::DestinationPort, spec);
    let mut asked = rule.steps.iter().filter_map(|step| match step {
        Step::Ask(question) => Some(question),
        _ => None,
    });
    let are_asked = meant.iter().all(|question| rule.steps.contains(&Step::Ask(question.clone())));
    are_asked && asked.all(|question| meant.contains(question))
}

/// Whether a rule may hold for packets to a port.
fn may_be_about(rule: &Rule, spec: PortSpec) -> bool {
    about(Field::DestinationPort, spec).iter().all(|meant| {
        rule.steps.iter().all(|step| match (step, meant) {
            (Step::Ask(Question::Is(asked, others)), Question::Is(field, own)) => {
                asked != field || !others.and(own).is_empty()
            }
            _ => true,
        })
    })
}

/// Whether the rule is half of one about a port of any protocol, which is another than that about a port of one: `ufw deny 53`.
fn is_of_any_protocol(chain: &Chain, spec: PortSpec) -> bool {
    let protocol = if spec.protocol == Protocol::Tcp { Protocol::Udp } else { Protocol::Tcp };
    let other = PortSpec { protocol, ..spec };
    chain.rules.iter().any(|rule| is_about(rule, other) && keeps_out(rule))
}

/// `ufw limit`.
fn is_limiting(ruleset: &Ruleset, rule: &Rule) -> bool {
    rule.steps.iter().any(|step| {
        matches!(step, Step::Decide(Decision::Jump(to)) if ruleset.chains[to.0].name.contains("-limit"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Firewall, Listing},
        firewall::{ChainId, openings, read},
    };

    /// The commands for `spec` at a rule of ufw's about what comes in, or at the policy of INPUT.
    fn told(rules: &str, at: Option<usize>, spec: &str, interfaces: &[&str], from: &[&str]) -> Vec<String> {
        let text = format!(
            "*filter\n:INPUT DROP [0:0]\n:ufw-user-input - [0:0]\n:ufw-user-limit-accept - [0:0]\n-A INPUT -j ufw-user-input\n{rules}COMMIT\n"
        );
        let firewall = Firewall { listings: [(Listing::Iptables, text)].into() };
        let ruleset = read(&firewall).unwrap().ruleset;
        let name = if at.is_some() { "ufw-user-input" } else { "INPUT" };
        let chain = ChainId(ruleset.chains.iter().position(|chain| chain.name == name).unwrap());
        let interfaces: Vec<_> = interfaces.iter().map(ToString::to_string).collect();
        let from: Vec<_> = from.iter().map(|network| network.parse().unwrap()).collect();
        let spec = spec.parse().unwrap();
        let admission = Admission { spec, interfaces: &interfaces, from: &from, is_by_these_alone: false };
        openings(&ruleset, &firewall, Place { chain, rule: at }, &admission)
    }

    #[test]
    fn a_rule_about_the_same_is_replaced_and_another_gets_one_in_front() {
        let rules = |ports: &str| format!("-A ufw-user-input -p tcp -m tcp --dport {ports} -j DROP\n");
        let at = |rules: &str, interfaces: &[&str]| told(rules, Some(0), "83/tcp", interfaces, &[]);
        assert_eq!(at(&rules("83"), &[]), ["ufw allow 83/tcp"]);
        assert_eq!(at(&rules("80:90"), &[]), ["ufw prepend allow 83/tcp"]);
        let any = rules("83") + &rules("83").replace("tcp", "udp");
        let first = "ufw delete deny 83/tcp && ufw prepend allow 83/tcp";
        assert_eq!(at(&any, &[]), [first], "that is `ufw deny 83`, or also `ufw deny 83/tcp`");
        assert_eq!(at(&(rules("80:90") + &rules("83")), &[]), [first], "ufw puts none in front that it has");
        let both = rules("80:90") + &rules("83") + &rules("83").replace("DROP", "REJECT");
        let all = "ufw delete deny 83/tcp && ufw delete reject 83/tcp && ufw prepend allow 83/tcp";
        assert_eq!(at(&both, &[]), [all]);
        let behind = rules("80:90") + "-A ufw-user-input -p tcp -m tcp --dport 83 -j ACCEPT\n";
        assert!(at(&behind, &[]).is_empty(), "nobody is told to delete what lets in");
        let by_lan = rules("83").replace("-p tcp", "-i lan0 -p tcp");
        assert!(at(&by_lan, &["lan0"]).is_empty(), "that may be the same");
        let in_front = "ufw prepend allow in on lan0 proto tcp from any to any port 83";
        assert_eq!(at(&rules("83"), &["lan0"]), [in_front]);
    }

    #[test]
    fn what_is_denied_before_it_is_in_the_way_where_it_is_of_the_same_port_alone() {
        let deny = |port| format!("-A ufw-user-input -p tcp -m tcp --dport {port} -j DROP\n");
        let at = |rules: String| told(&rules, Some(1), "83/tcp", &[], &[]);
        assert_eq!(at(deny("90") + &deny("83")), ["ufw allow 83/tcp"]);
        assert_eq!(at(deny("90") + &deny("80:85")), ["ufw prepend allow 83/tcp"]);
        let ban = String::from("-A ufw-user-input -s 192.0.2.9/32 -j DROP\n");
        assert_eq!(at(ban.clone() + &deny("83")), ["ufw allow 83/tcp"], "the ban stays in front");
        assert!(at(ban + &deny("80:85")).is_empty(), "in front of all it would let in who is banned");
    }

    #[test]
    fn a_limit_over_one_family_stays() {
        let limit = "-A ufw-user-input -p tcp -m tcp --dport 84 -j ufw-user-limit-accept\n";
        assert!(told(limit, None, "84/tcp", &[], &[]).is_empty());
        assert_eq!(told(limit, None, "85/tcp", &[], &[]), ["ufw allow 85/tcp"]);
    }

    #[test]
    fn what_ufw_does_not_know_it_is_not_told() {
        assert!(told("", None, "84/udplite", &[], &[]).is_empty());
        let from = ["192.0.2.0/24", "2001:db8::/32"];
        let ipv4 = "ufw allow proto tcp from 192.0.2.0/24 to any port 84";
        assert_eq!(told("", None, "84/tcp", &[], &from), [ipv4], "it has no chain for IPv6");
        let ipv6 = "ufw allow proto tcp from 2001:db8::/32 to any port 84";
        assert_eq!(told(":ufw6-user-input - [0:0]\n", None, "84/tcp", &[], &from), [ipv4, ipv6]);
    }

    #[test]
    fn where_ufw_shuts_out_ipv6_it_is_to_rule_it_first() {
        let listed = |chains: &str| format!("*filter\n:INPUT DROP [0:0]\n{chains}COMMIT\n");
        let own = ":ufw-user-input - [0:0]\n-A INPUT -j ufw-user-input\n";
        let listings =
            [(Listing::Iptables, listed(own)), (Listing::Ip6tables, listed("-A INPUT -i lo -j ACCEPT\n"))];
        let firewall = Firewall { listings: listings.into() };
        let ruleset = read(&firewall).unwrap().ruleset;
        let chain = ruleset.chains.iter().position(|chain| chain.layer == Layer::Ip6).map(ChainId).unwrap();
        let told = |from: &[&str]| {
            let from: Vec<_> = from.iter().map(|network| network.parse().unwrap()).collect();
            let spec = "84/tcp".parse().unwrap();
            let admission = Admission { spec, interfaces: &[], from: &from, is_by_these_alone: false };
            openings(&ruleset, &firewall, Place { chain, rule: None }, &admission)
        };
        assert_eq!(told(&[]), [format!("{WITH_IPV6} && ufw allow 84/tcp")]);
        let of_zone = "ufw allow proto tcp from 2001:db8::/32 to any port 84";
        assert_eq!(told(&["192.0.2.0/24", "2001:db8::/32"]), [format!("{WITH_IPV6} && {of_zone}")]);
    }
}
