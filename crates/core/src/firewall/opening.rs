//! How a person lets packets in where a rule keeps them out, for those alone who are meant (A15, A20).

use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use ipnet::IpNet;

use super::{Author, Chain, ChainId, Decision, Hook, Layer, Place, Ruleset, Step, author, network_name};
use crate::{
    facts::{Firewall, Listing},
    port::PortSpec,
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
}

/// The commands that let packets in where `place` keeps them out; none where the program that keeps the rule cannot say it,
/// or a name in it is not one that a shell passes on as it is.
#[must_use]
pub fn openings(
    ruleset: &Ruleset,
    firewall: &Firewall,
    place: Place,
    admission: &Admission<'_>,
) -> Vec<String> {
    let Admission { interfaces, from, .. } = *admission;
    if interfaces.len().max(from.len()) > LISTED_MAX {
        return Vec::new();
    }
    let chain = &ruleset.chains[place.chain.0];
    // On its way to another host a packet has the port of that host.
    let is_sent_on = hooks(ruleset, place.chain).contains(&Hook::Forward);
    let interfaces: Vec<_> = match interfaces {
        [] => vec![None],
        names => names.iter().map(|name| plain_interface(name)).filter(Option::is_some).collect(),
    };
    let commands = |interface: &Option<&str>| match author(ruleset, place) {
        Author::Ufw | Author::Firewalld if is_sent_on => Vec::new(),
        Author::Ufw => by_ufw(chain, place, *interface, admission),
        Author::Firewalld => by_firewalld(*interface, admission).into_iter().collect(),
        Author::Iptables => {
            let program = program(ruleset, firewall, place.chain);
            by_iptables(chain, &program, *interface, admission, is_sent_on).into_iter().collect()
        }
        Author::Nftables => by_nft(chain, *interface, admission, is_sent_on),
    };
    interfaces.iter().flat_map(commands).collect()
}

/// ufw heeds the first rule that fits, and puts a new one behind the others.
fn by_ufw(chain: &Chain, place: Place, interface: Option<&str>, admission: &Admission<'_>) -> Vec<String> {
    let PortSpec { range, protocol } = admission.spec;
    let ports = range.to_string().replace('-', ":");
    let is_behind = place.rule.is_some() && chain.name.contains("user");
    let verb = if is_behind { "ufw prepend allow" } else { "ufw allow" };
    let by = interface.map(|name| format!(" in on {}", name.replace('*', "+"))).unwrap_or_default();
    let one = |from: &str| format!("{verb}{by} proto {protocol} from {from} to any port {ports}");
    match (interface, admission.from) {
        (None, []) => vec![format!("{verb} {ports}/{protocol}")],
        (Some(_), []) => vec![one("any")],
        (_, from) => from.iter().map(|network| one(&network_name(network))).collect(),
    }
}

/// An interface is in a zone of firewalld's, which may hold others too.
fn by_firewalld(interface: Option<&str>, admission: &Admission<'_>) -> Option<String> {
    let PortSpec { range, protocol } = admission.spec;
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
    interface.is_none().then(|| format!("firewall-cmd --permanent {what} && firewall-cmd --reload"))
}

fn by_iptables(
    chain: &Chain,
    program: &str,
    interface: Option<&str>,
    admission: &Admission<'_>,
    is_sent_on: bool,
) -> Option<String> {
    let PortSpec { range, protocol } = admission.spec;
    let (name, ports) = (plain(&chain.name)?, range.to_string().replace('-', ":"));
    let by = interface.map(|name| format!(" -i {}", name.replace('*', "+"))).unwrap_or_default();
    let sources = of_layer(admission.from, chain.layer)?;
    let from = if sources.is_empty() { String::new() } else { format!(" -s {}", sources.join(",")) };
    let port = if is_sent_on {
        format!("-m conntrack --ctdir ORIGINAL --ctorigdstport {ports}")
    } else {
        format!("--dport {ports}")
    };
    Some(format!("{program} -I {name}{by}{from} -p {protocol} {port} -j ACCEPT"))
}

fn by_nft(
    chain: &Chain,
    interface: Option<&str>,
    admission: &Admission<'_>,
    is_sent_on: bool,
) -> Vec<String> {
    let PortSpec { range, protocol } = admission.spec;
    let (Some(table), Some(name)) = (plain(&chain.table), plain(&chain.name)) else { return Vec::new() };
    let by = interface.map(|name| {
        let name = if name.ends_with('*') { format!("'{name}'") } else { name.into() };
        format!(" iifname {name}")
    });
    let by = by.unwrap_or_default();
    let port = if is_sent_on {
        format!("meta l4proto {protocol} ct original proto-dst {range}")
    } else {
        format!("{protocol} dport {range}")
    };
    let one =
        |from: &str| format!("nft insert rule {} {table} {name}{by}{from} {port} accept", chain.layer.name());
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

/// The hooks from which packets get to a chain.
fn hooks(ruleset: &Ruleset, id: ChainId) -> Vec<Hook> {
    let (mut reached, mut hooks, mut next) = (vec![id], Vec::new(), 0);
    while let Some(&id) = reached.get(next) {
        next += 1;
        hooks.extend(ruleset.chains[id.0].base.as_ref().map(|base| base.hook));
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
    hooks
}

/// A name that neither a shell nor nft takes for anything else.
fn plain(name: &str) -> Option<&str> {
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic());
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-' | '.');
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
    const CHAINS: &str = "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -s 198.51.100.0/24 -j DROP\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";

    /// The commands that open 443/tcp in a chain of a listing; without a name in the first of input.
    fn told(listing: Listing, text: &str, name: &str, interfaces: &[&str], from: &[&str]) -> Vec<String> {
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
        let admission = Admission { spec: "443/tcp".parse().unwrap(), interfaces: &interfaces, from: &from };
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
        let firewalld = |from: &[&str]| told(Listing::Nft, FIREWALLD, "", &[], from);
        let reload = "&& firewall-cmd --reload";
        assert_eq!(firewalld(&[]), [format!("firewall-cmd --permanent --add-port=443/tcp {reload}")]);
        let rich = "--add-rich-rule='rule family=\"ipv4\" source address=\"192.0.2.0/24\" port port=\"443\" protocol=\"tcp\" accept'";
        assert_eq!(firewalld(&office), [format!("firewall-cmd --permanent {rich} {reload}")]);
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
        let sent_on = "iptables-legacy -I DOCKER-USER -i lan0 -p tcp -m conntrack --ctdir ORIGINAL --ctorigdstport 443 -j ACCEPT";
        assert_eq!(told(Listing::IptablesLegacy, CHAINS, "DOCKER-USER", &["lan0"], &[]), [sent_on]);
        let newer = "iptables -I INPUT -s 192.0.2.0/24 -p tcp --dport 443 -j ACCEPT";
        assert_eq!(told(Listing::Iptables, CHAINS, "INPUT", &[], &["192.0.2.0/24"]), [newer]);
        assert!(told(Listing::Iptables, CHAINS, "INPUT", &[], &["2001:db8::/32"]).is_empty());
    }

    #[test]
    fn a_name_that_a_shell_would_act_on_stands_in_no_command() {
        assert_eq!(plain("in_put-2.a"), Some("in_put-2.a"));
        for name in ["a b", "a;b", "$(a)", "-a", "", "a\nb", "é"] {
            assert_eq!(plain(name), None, "{name:?}");
        }
    }
}
