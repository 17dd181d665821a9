//! How a person lets packets in where a rule keeps them out, for those alone who are meant (A15, A20).

mod ufw;

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use ipnet::IpNet;

use super::{
    AddressKind, Author, Base, Bits, Chain, ChainId, Decision, Field, Filter, Hook, Intervals, Kind, Layer,
    Place, Question, Rule, Ruleset, Step, Tuple, author, author::is_of_panic, network_name,
};
use crate::{
    facts::{Firewall, Listing},
    port::{PortSpec, Protocol},
};

/// For more networks or interfaces than this nobody types a command.
const LISTED_MAX: usize = 8;

/// Whose packets, and to what.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'a> {
    /// The ports that they are for.
    pub spec: PortSpec,
    /// The interfaces that they come in by, `*` at the end stands for anything; empty means every one.
    pub interfaces: &'a [String],
    /// The networks that they come from; empty means any.
    pub from: &'a [IpNet],
    /// Whether nobody is kept out there who comes in by another interface.
    pub is_by_these_alone: bool,
}

/// The commands that let packets in where `place` keeps them out, after all rules before it: those may keep single sources
/// out. None where the rule itself is about sources, whom somebody meant to keep out, where the program that keeps it cannot
/// say it, nobody can where it stands, or a name in it is not one that a shell passes on as it is.
#[must_use]
pub fn openings(
    ruleset: &Ruleset,
    firewall: &Firewall,
    place: Place,
    admission: &Admission<'_>,
) -> Vec<String> {
    let Admission { interfaces, from, .. } = *admission;
    let bases = bases(ruleset, place.chain);
    // Who accepts where destinations are rewritten keeps them from being so.
    let is_of_nat = bases.iter().any(|base| base.kind == Kind::Nat);
    let chain = &ruleset.chains[place.chain.0];
    let rule = ruleset.rule(place);
    if is_of_nat
        || rule.is_some_and(|rule| asks_for(rule, Field::Source))
        || interfaces.len().max(from.len()) > LISTED_MAX
    {
        return Vec::new();
    }
    let is_of_input = bases.iter().all(|base| base.hook == Hook::Input);
    let way = way(ruleset, place.chain);
    let names: Vec<_> = match interfaces {
        [] => vec![None],
        names => names.iter().map(|name| plain_interface(name)).filter(Option::is_some).collect(),
    };
    let commands = |interface: &Option<&str>| match author(ruleset, place) {
        Author::Firewalld if is_of_panic(chain) => vec!["firewall-cmd --panic-off".into()],
        Author::Ufw | Author::Firewalld if !is_of_input => Vec::new(),
        Author::Ufw => ufw::commands(ruleset, place, *interface, admission),
        Author::Firewalld => by_firewalld(chain, *interface, admission).unwrap_or_default(),
        Author::Iptables => {
            let program = program(ruleset, firewall, place.chain);
            by_iptables(chain, place, &program, *interface, admission, way).into_iter().collect()
        }
        Author::Nftables => by_nft(chain, place, *interface, admission, way),
    };
    names.iter().flat_map(commands).collect()
}

/// `filter` as if a rule before `place` let everything in to `spec`, and what `place` is then.
#[must_use]
pub fn opened(filter: &Filter, place: Place, spec: PortSpec) -> (Filter, Place) {
    let (port, besides) = match way(&filter.ruleset, place.chain) {
        Way::Incoming => (Field::DestinationPort, None),
        Way::Forwarded => {
            let is_sent_on = Bits { mask: IS_SENT_ON, values: Intervals::one(IS_SENT_ON) };
            (Field::OriginalDestinationPort, Some(Question::Has(Field::Status, is_sent_on)))
        }
        Way::Both => {
            let is_local = Question::Kind(Field::Destination, vec![AddressKind::Local]);
            (Field::DestinationPort, Some(is_local))
        }
    };
    let asked = about(port, spec).into_iter().chain(besides).map(Step::Ask);
    let steps = asked.chain([Step::Decide(Decision::Accept)]).collect();
    let mut filter = filter.clone();
    let rules = &mut filter.ruleset.chains[place.chain.0].rules;
    let at = place.rule.unwrap_or(rules.len());
    rules.insert(at, Rule { handle: None, text: String::new(), steps });
    (filter, Place { rule: place.rule.map(|rule| rule + 1), ..place })
}

/// What a rule asks that is about the ports, `field` of a packet.
fn about(field: Field, PortSpec { range, protocol }: PortSpec) -> [Question; 2] {
    [
        Question::Is(Field::Protocol, Intervals::one(protocol.number().into())),
        Question::Is(field, Intervals::span(range.first.into(), range.last.into())),
    ]
}

/// Whether a rule asks for a field.
fn asks_for(rule: &Rule, field: Field) -> bool {
    let is_in = |tuple: &Tuple| tuple.iter().any(|(own, _)| *own == field);
    rule.steps.iter().any(|step| match step {
        Step::Ask(question) => is_asked(question, field),
        Step::Choose(entries) => entries.iter().any(|(tuple, _)| is_in(tuple)),
        _ => false,
    })
}

fn is_asked(question: &Question, field: Field) -> bool {
    match question {
        Question::Is(own, _) | Question::Has(own, _) | Question::Kind(own, _) => *own == field,
        Question::Any(tuples) => tuples.iter().flatten().any(|(own, _)| *own == field),
        Question::Not(question) => is_asked(question, field),
        Question::All(questions) => questions.iter().any(|question| is_asked(question, field)),
        Question::Rate(_) | Question::Unknown => false,
    }
}

fn keeps_out(rule: &Rule) -> bool {
    rule.steps.iter().any(|step| matches!(step, Step::Decide(Decision::Drop | Decision::Reject)))
}

/// For now and for good each: a reload would throw away what others said for now.
///
/// A zone of firewalld's may hold other interfaces too, of which nothing can be said there. Of the protocols that have ports
/// it does not know UDP-Lite.
fn by_firewalld(chain: &Chain, interface: Option<&str>, admission: &Admission<'_>) -> Option<Vec<String>> {
    let PortSpec { range, protocol } = admission.spec;
    if interface.is_some() && !admission.is_by_these_alone || protocol == Protocol::Udplite {
        return None;
    }
    let zone = zone_of_firewalld(&chain.name)?;
    let rule = |network: &IpNet| {
        let (family, address) =
            (if network.addr().is_ipv4() { "ipv4" } else { "ipv6" }, network_name(network));
        format!(
            "--add-rich-rule='rule family=\"{family}\" source address=\"{address}\" port port=\"{range}\" protocol=\"{protocol}\" accept'"
        )
    };
    let what = match admission.from {
        [] => format!("--add-port={range}/{protocol}"),
        from => from.iter().map(rule).collect::<Vec<_>>().join(" "),
    };
    Some(["", "--permanent "].map(|how| format!("firewall-cmd {how}--zone={zone} {what}")).into())
}

/// The zone whose ports are let in before a rule of this chain: `filter_IN_public`, in iptables `IN_public`. What those of
/// the other chains keep out no port lets in.
fn zone_of_firewalld(chain: &str) -> Option<&str> {
    let zone = chain.strip_prefix("filter_").unwrap_or(chain).strip_prefix("IN_")?;
    let is_before = ["_pre", "_log", "_deny", "_allow"].into_iter().any(|end| zone.ends_with(end));
    let zone = zone.strip_suffix("_post").unwrap_or(zone);
    plain(zone).filter(|zone| !is_before && !zone.starts_with("policy_"))
}

fn by_iptables(
    chain: &Chain,
    place: Place,
    program: &str,
    interface: Option<&str>,
    admission: &Admission<'_>,
    way: Way,
) -> Option<String> {
    let PortSpec { range, protocol } = admission.spec;
    let (name, ports) = (plain(&chain.name)?, range.to_string().replace('-', ":"));
    let table = if chain.table == "filter" { String::new() } else { format!(" -t {}", plain(&chain.table)?) };
    let at = place.rule.map_or_else(|| format!("-A {name}"), |rule| format!("-I {name} {}", rule + 1));
    let by = interface.map(|name| format!(" -i {}", name.replace('*', "+"))).unwrap_or_default();
    let sources = of_layer(admission.from, chain.layer)?;
    let from = if sources.is_empty() { String::new() } else { format!(" -s {}", sources.join(",")) };
    let port = match way {
        Way::Incoming => format!("--dport {ports}"),
        Way::Forwarded => {
            format!("-m conntrack --ctstate DNAT --ctdir ORIGINAL --ctorigdstport {ports}")
        }
        Way::Both => format!("--dport {ports} -m addrtype --dst-type LOCAL"),
    };
    Some(format!("{program}{table} {at}{by}{from} -p {protocol} {port} -j ACCEPT"))
}

fn by_nft(
    chain: &Chain,
    place: Place,
    interface: Option<&str>,
    admission: &Admission<'_>,
    way: Way,
) -> Vec<String> {
    let PortSpec { range, protocol } = admission.spec;
    let (Some(table), Some(name)) = (plain(&chain.table), plain(&chain.name)) else { return Vec::new() };
    let handle = place.rule.map(|rule| chain.rules.get(rule).and_then(|rule| rule.handle));
    let (verb, before) = match handle {
        None => ("add", String::new()),
        Some(Some(handle)) => ("insert", format!(" handle {handle}")),
        Some(None) => return Vec::new(),
    };
    let by = interface.map(|name| {
        let name = if name.ends_with('*') { format!("'{name}'") } else { name.into() };
        format!(" iifname {name}")
    });
    let by = by.unwrap_or_default();
    let port = match way {
        Way::Incoming => format!("{protocol} dport {range}"),
        Way::Forwarded => format!("ct status dnat meta l4proto {protocol} ct original proto-dst {range}"),
        Way::Both => format!("fib daddr type local {protocol} dport {range}"),
    };
    let layer = chain.layer.name();
    let one = |from: &str| format!("nft {verb} rule {layer} {table} {name}{before}{by}{from} {port} accept");
    if admission.from.is_empty() {
        return vec![one("")];
    }
    let of_family = |(layer, key): (Layer, &str)| match of_layer(admission.from, layer)?.as_slice() {
        _ if matches!(chain.layer, Layer::Ip | Layer::Ip6) && chain.layer != layer => None,
        [network] => Some(one(&format!(" {key} saddr {network}"))),
        networks => Some(one(&format!(" {key} saddr '{{ {} }}'", networks.join(", ")))),
    };
    [(Layer::Ip, "ip"), (Layer::Ip6, "ip6")].into_iter().filter_map(of_family).collect()
}

/// Those of `networks` that a table of `layer` sees; `None` where it sees none of them.
fn of_layer(networks: &[IpNet], layer: Layer) -> Option<Vec<String>> {
    let is_seen = |network: &&IpNet| network.addr().is_ipv4() == (layer != Layer::Ip6);
    let seen: Vec<_> = networks.iter().filter(is_seen).map(network_name).collect();
    (networks.is_empty() || !seen.is_empty()).then_some(seen)
}

/// The program that writes where the chain was listed: the older iptables keeps rules of its own beside those of nftables,
/// which were read first.
fn program(ruleset: &Ruleset, firewall: &Firewall, id: ChainId) -> String {
    let Chain { layer, table, name, .. } = &ruleset.chains[id.0];
    let is_same = |chain: &Chain| (chain.layer, &chain.table, &chain.name) == (*layer, table, name);
    let is_last = ruleset.chains.iter().rposition(is_same) == Some(id.0);
    let (program, legacy) = match layer {
        Layer::Ip6 => ("ip6tables", Listing::Ip6tablesLegacy),
        _ => ("iptables", Listing::IptablesLegacy),
    };
    let text = firewall.text(legacy).unwrap_or_default();
    let mut of_table = text.lines().skip_while(|line| line.strip_prefix('*') != Some(table)).skip(1);
    let begin = format!(":{name} ");
    let is_listed = of_table
        .by_ref()
        .take_while(|line| !line.starts_with('*'))
        .any(|line| line.starts_with(begin.as_str()));
    format!("{program}{}", if is_last && is_listed { "-legacy" } else { "" })
}

/// Which packets get to a chain: a command lets in those alone that asked this host for the port.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Those for this host.
    Incoming,
    /// Those on their way to another host. They have the port of that host, and whoever routes through here asks it
    /// directly: what asked this host is what a rule sent on.
    Forwarded,
    /// Those for this host, and others too.
    Both,
}

/// A rule sent it on: `IPS_DST_NAT` (include/uapi/linux/netfilter/nf_conntrack_common.h).
const IS_SENT_ON: u128 = 1 << 5;

fn way(ruleset: &Ruleset, id: ChainId) -> Way {
    let bases = bases(ruleset, id);
    let are_all = |hook| bases.iter().all(|base| base.hook == hook);
    if are_all(Hook::Input) {
        Way::Incoming
    } else if are_all(Hook::Forward) {
        Way::Forwarded
    } else {
        Way::Both
    }
}

/// Where packets come from that get to a chain.
fn bases(ruleset: &Ruleset, id: ChainId) -> Vec<&Base> {
    let (mut reached, mut bases, mut next) = (vec![id], Vec::new(), 0);
    while let Some(&id) = reached.get(next) {
        next += 1;
        bases.extend(&ruleset.chains[id.0].base);
        for (number, chain) in ruleset.chains.iter().enumerate() {
            let mut steps = chain.rules.iter().flat_map(|rule| &rule.steps);
            let leads = steps.any(
                |step| matches!(step, Step::Decide(Decision::Jump(to) | Decision::Goto(to)) if *to == id),
            );
            if leads && !reached.contains(&ChainId(number)) {
                reached.push(ChainId(number));
            }
        }
    }
    bases
}

/// A name that neither a shell nor nft takes for anything else (`string` of src/scanner.l in nftables).
fn plain(name: &str) -> Option<&str> {
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.' | '/');
    (begins && name.chars().all(is_letter)).then_some(name)
}

fn plain_interface(name: &str) -> Option<&str> {
    plain(name.strip_suffix('*').unwrap_or(name)).map(|_| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::firewall::read;

    const UFW: &str = include_str!("../../tests/firewall/iptables/ufw.txt");
    const FIREWALLD: &str = include_str!("../../tests/firewall/nft/firewalld.json");
    const WORKSTATION: &str = include_str!("../../tests/firewall/nft/workstation.json");
    const CHAINS: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -j DROP\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

    /// The commands that open 443/tcp in a chain of a listing; without a name in the first of input.
    fn told(listing: Listing, text: &str, name: &str, interfaces: &[&str], from: &[&str]) -> Vec<String> {
        told_of("443/tcp", listing, text, name, (interfaces, from))
    }

    fn told_of(
        spec: &str,
        listing: Listing,
        text: &str,
        name: &str,
        (interfaces, from): (&[&str], &[&str]),
    ) -> Vec<String> {
        let firewall = Firewall { listings: [(listing, text.into())].into() };
        let ruleset = read(&firewall).unwrap().ruleset;
        let is_meant = |chain: &Chain| match name {
            "" => chain.base.as_ref().is_some_and(|base| base.hook == Hook::Input),
            name => chain.name == name,
        };
        let chain = ChainId(ruleset.chains.iter().position(is_meant).unwrap());
        let rule = Some(0).filter(|_| !ruleset.chains[chain.0].rules.is_empty() && !name.is_empty());
        let interfaces: Vec<_> = interfaces.iter().map(ToString::to_string).collect();
        let from: Vec<_> = from.iter().map(|network| network.parse().unwrap()).collect();
        let spec = spec.parse().unwrap();
        let is_by_these_alone = interfaces == ["alone0"];
        let admission = Admission { spec, interfaces: &interfaces, from: &from, is_by_these_alone };
        openings(&ruleset, &firewall, Place { chain, rule }, &admission)
    }

    #[test]
    fn a_port_is_opened_where_a_program_keeps_it_closed_and_for_whom_it_is_meant() {
        let office = ["192.0.2.0/24"];
        let ufw = |name, from: &[&str]| told(Listing::IptablesLegacy, UFW, name, &[], from);
        assert_eq!(ufw("", &[]), ["ufw allow 443/tcp"]);
        assert_eq!(ufw("", &office), ["ufw allow proto tcp from 192.0.2.0/24 to any port 443"]);
        let first = "ufw prepend allow proto tcp from 192.0.2.0/24 to any port 443";
        assert_eq!(ufw("ufw-user-input", &office), [first], "a rule before it would keep them out");
    }

    #[test]
    fn firewalld_is_told_in_the_zone_for_now_and_for_good() {
        let firewalld = |chain, interfaces: &[&str], from: &[&str]| {
            told(Listing::Nft, FIREWALLD, chain, interfaces, from)
        };
        let both =
            |what: &str| ["", "--permanent "].map(|how| format!("firewall-cmd {how}--zone=public {what}"));
        assert_eq!(firewalld("filter_IN_public", &[], &[]), both("--add-port=443/tcp"));
        assert_eq!(firewalld("filter_IN_public", &["alone0"], &[]), both("--add-port=443/tcp"));
        let rich = "--add-rich-rule='rule family=\"ipv4\" source address=\"192.0.2.0/24\" port port=\"443\" protocol=\"tcp\" accept'";
        assert_eq!(firewalld("filter_IN_public", &[], &["192.0.2.0/24"]), both(rich));
        assert!(firewalld("filter_IN_public", &["lan0"], &[]).is_empty(), "the zone has others too");
        assert!(firewalld("filter_IN_public_deny", &[], &[]).is_empty(), "no port comes before it");
        let of = |spec| told_of(spec, Listing::Nft, FIREWALLD, "filter_IN_public", (&[], &[])).len();
        assert_eq!((of("443/sctp"), of("443/udplite")), (2, 0), "it knows no UDP-Lite");
    }

    #[test]
    fn the_panic_mode_of_firewalld_ends_and_gets_no_holes() {
        let lock = |hook| {
            format!(
                r#"{{"nftables":[{{"table":{{"family":"inet","name":"firewalld_policy_drop","handle":2}}}},{{"chain":{{"family":"inet","table":"firewalld_policy_drop","name":"lock","handle":1,"type":"filter","hook":"{hook}","prio":-291,"policy":"drop"}}}}]}}"#
            )
        };
        let ends = ["firewall-cmd --panic-off"];
        assert_eq!(told(Listing::Nft, &lock("prerouting"), "lock", &["lan0"], &["192.0.2.0/24"]), ends);
        assert!(
            told(Listing::Nft, &lock("input"), "lock", &[], &[]).is_empty(),
            "it starts, and goes on alone"
        );
    }

    #[test]
    fn a_rule_of_nft_names_interface_and_source() {
        let nft = |interfaces: &[&str], from: &[&str]| {
            let commands = told(Listing::Nft, WORKSTATION, "", interfaces, from);
            let rest = |command: &String| command.split_whitespace().skip(6).collect::<Vec<_>>().join(" ");
            commands.iter().map(rest).collect::<Vec<_>>()
        };
        assert_eq!(nft(&[], &[]), ["tcp dport 443 accept"]);
        let both = ["iifname lan0 tcp dport 443 accept", "iifname 'br-*' tcp dport 443 accept"];
        assert_eq!(nft(&["lan0", "br-*"], &[]), both);
        let by_family = [
            "ip saddr '{ 192.0.2.0/24, 198.51.100.7 }' tcp dport 443 accept",
            "ip6 saddr 2001:db8::/32 tcp dport 443 accept",
        ];
        assert_eq!(nft(&[], &["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"]), by_family);
        assert!(nft(&["a;b"], &[]).is_empty());
    }

    #[test]
    fn iptables_is_told_of_the_program_that_keeps_it_and_of_the_port_that_was_asked_for() {
        let sent_on = "iptables-legacy -I DOCKER-USER 1 -i lan0 -p tcp -m conntrack --ctstate DNAT --ctdir ORIGINAL --ctorigdstport 443 -j ACCEPT";
        assert_eq!(told(Listing::IptablesLegacy, CHAINS, "DOCKER-USER", &["lan0"], &[]), [sent_on]);
        let newer = "iptables -I INPUT 1 -s 192.0.2.0/24 -p tcp --dport 443 -j ACCEPT";
        assert_eq!(told(Listing::Iptables, CHAINS, "INPUT", &[], &["192.0.2.0/24"]), [newer]);
        assert!(told(Listing::Iptables, CHAINS, "INPUT", &[], &["2001:db8::/32"]).is_empty());
    }

    #[test]
    fn a_rule_of_another_table_is_opened_there_and_none_of_nat() {
        let drops = |table: &str| {
            let text = format!(
                "*{table}\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p tcp --dport 443 -j DROP\nCOMMIT\n"
            );
            told(Listing::Iptables, &text, "PREROUTING", &[], &[])
        };
        for table in ["raw", "mangle"] {
            let opens = format!(
                "iptables -t {table} -I PREROUTING 1 -p tcp --dport 443 -m addrtype --dst-type LOCAL -j ACCEPT"
            );
            assert_eq!(drops(table), [opens]);
        }
        assert!(drops("nat").is_empty());
    }

    #[test]
    fn where_packets_for_others_come_by_too_those_for_this_host_alone_are_let_in() {
        let text = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:RH - [0:0]\n-A INPUT -j RH\n-A FORWARD -j RH\n-A RH -j REJECT\nCOMMIT\n";
        let opens = "iptables -I RH 1 -p tcp --dport 443 -m addrtype --dst-type LOCAL -j ACCEPT";
        assert_eq!(told(Listing::Iptables, text, "RH", &[], &[]), [opens]);
        let firewall = Firewall { listings: [(Listing::Iptables, text.into())].into() };
        let filter = read(&firewall).unwrap();
        let chain = ChainId(filter.ruleset.chains.iter().position(|chain| chain.name == "RH").unwrap());
        let spec = "443/tcp".parse().unwrap();
        let (opened, moved) = opened(&filter, Place { chain, rule: Some(0) }, spec);
        let is_local = Step::Ask(Question::Kind(Field::Destination, [AddressKind::Local].into()));
        assert!(opened.ruleset.chains[chain.0].rules[0].steps.contains(&is_local));
        assert_eq!(moved.rule, Some(1));
    }

    #[test]
    fn ufw_opens_nothing_that_is_closed_before_it_or_behind_a_ban() {
        let text = ":ufw-user-input - [0:0]\n:ufw-before-input - [0:0]\n-A INPUT -p tcp -j DROP\n-A INPUT -j ufw-before-input\n-A ufw-before-input -j DROP\n-A ufw-user-input -p tcp --dport 443 -j DROP\n-A ufw-user-input -s 192.0.2.9 -j DROP\n-A ufw-user-input -p tcp -j DROP\n";
        let text = format!("*filter\n:INPUT DROP [0:0]\n{text}COMMIT\n");
        let firewall = Firewall { listings: [(Listing::Iptables, text)].into() };
        let ruleset = read(&firewall).unwrap().ruleset;
        let told = |name: &str, rule| {
            let chain = ChainId(ruleset.chains.iter().position(|chain| chain.name == name).unwrap());
            let spec = "443/tcp".parse().unwrap();
            let admission = Admission { spec, interfaces: &[], from: &[], is_by_these_alone: false };
            openings(&ruleset, &firewall, Place { chain, rule: Some(rule) }, &admission)
        };
        assert!(told("ufw-before-input", 0).is_empty() && told("ufw-user-input", 2).is_empty());
        assert_eq!(told("ufw-user-input", 0), ["ufw prepend allow 443/tcp"]);
        let own = "iptables -I INPUT 1 -p tcp --dport 443 -j ACCEPT";
        assert_eq!(told("INPUT", 0), [own], "that is none of ufw's");
        assert!(told("ufw-user-input", 1).is_empty(), "somebody means to keep the source out");
    }

    #[test]
    fn a_name_that_a_shell_would_act_on_stands_in_no_command() {
        for name in ["in_put-2.a", "IN/pub"] {
            assert_eq!(plain(name), Some(name));
        }
        for name in ["a b", "a;b", "$(a)", "-a", "/a", "", "a\nb", "é"] {
            assert_eq!(plain(name), None, "{name:?}");
        }
    }
}
