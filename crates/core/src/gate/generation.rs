//! The chains and sets of one generation: what a gate lets in, as rules (A15, A16).

use alloc::{format, string::String, vec::Vec};
use core::fmt::Display;

use super::{
    Closed, Declared, Destination, Gate, Generation, JUDGED, Openings, Ports, Receivers, Refusal, Sources,
    Transaction, Zone,
};
use crate::port::Protocol;

/// Where packets are judged: by another port at each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hook {
    /// On their way into this host: by the port of the listener.
    Input,
    /// On their way into a container: by the port that was asked for.
    Forward,
}

/// Appends the chains and sets of `gate`; the first two chains are there, and empty.
pub(super) fn write(gate: &Gate, generation: Generation, transaction: &mut Transaction) {
    transaction.line(format_args!("table inet portreeve {{"));
    match gate {
        Gate::Declared(declared) => write_declared(declared, generation, transaction),
        Gate::Closed(closed) => write_closed(closed, generation, transaction),
    }
    transaction.line(format_args!("}}"));
}

fn write_declared(gate: &Declared, generation: Generation, transaction: &mut Transaction) {
    write_sets(&format!("{generation}_world"), &gate.world, transaction);
    for zone in &gate.zones {
        write_zone(zone, generation, transaction);
    }
    let judged = JUDGED.map(number).map(|number| format!("{number}"));
    let rest = format!("meta l4proto != {} accept", among(&judged));
    let inside = (!gate.inside.is_empty()).then(|| format!("iifname {} accept", among(&gate.inside)));
    for hook in [Hook::Input, Hook::Forward] {
        let mut rules = match hook {
            Hook::Input => Vec::from(["meta l4proto { 1, 58 } goto control".into()]),
            Hook::Forward => inside.iter().cloned().collect(),
        };
        rules.push(rest.clone());
        rules.extend(passing(&format!("{generation}_world"), &gate.world, hook));
        rules.extend(gate.zones.iter().flat_map(|zone| leading(zone, generation, hook)));
        rules.push(format!("goto {}", refused(gate.refusal)));
        write_chain(&first(generation, hook), &rules, transaction);
    }
}

fn write_closed(gate: &Closed, generation: Generation, transaction: &mut Transaction) {
    let name = format!("{generation}_closed");
    write_ports(&name, &gate.ports, transaction);
    for hook in [Hook::Input, Hook::Forward] {
        let closing = gate.ports.iter().map(|(protocol, _)| {
            format!("{} goto {}", matching(&name, protocol, hook), refused(gate.refusal))
        });
        write_chain(&first(generation, hook), &closing.collect::<Vec<_>>(), transaction);
    }
}

/// A zone's sets, and the chains that are gone through for packets that are in it.
fn write_zone(zone: &Zone, generation: Generation, transaction: &mut Transaction) {
    let name = format!("{generation}_{}", zone.name);
    write_sets(&name, &zone.openings, transaction);
    if let Sources::Networks(four, six) = &zone.sources {
        write_set(&format!("{name}_from4"), "ipv4_addr", four, transaction);
        write_set(&format!("{name}_from6"), "ipv6_addr", six, transaction);
    }
    for protocol in JUDGED {
        transaction.line(format_args!(
            "\tset open_{}_{protocol} {{ type inet_service; flags timeout; }}",
            zone.name
        ));
    }
    for hook in [Hook::Input, Hook::Forward] {
        let mut rules = passing(&name, &zone.openings, hook);
        let open = format!("open_{}", zone.name);
        rules.extend(JUDGED.map(|protocol| format!("{} goto pass", matching(&open, protocol, hook))));
        write_chain(&format!("{name}{}", ending(hook)), &rules, transaction);
    }
}

/// The sets of each destination: none of them has more than one field, as intervals of several are slow (pipapo).
fn write_sets(owner: &str, openings: &Openings, transaction: &mut Transaction) {
    for (at, (_, ports)) in openings.iter().enumerate() {
        write_ports(&numbered(owner, at), ports, transaction);
    }
}

fn write_ports(name: &str, ports: &Ports, transaction: &mut Transaction) {
    for (protocol, ranges) in ports.iter() {
        write_set(&format!("{name}_{protocol}"), "inet_service", ranges, transaction);
    }
}

/// A set of intervals, which neither overlap nor touch; an empty one is not written.
fn write_set<T: Display>(name: &str, typed: &str, elements: &[T], transaction: &mut Transaction) {
    let Some((first, rest)) = elements.split_first() else { return };
    transaction.write(format_args!("\tset {name} {{ type {typed}; flags interval; elements = {{ {first}"));
    rest.iter().for_each(|element| transaction.write(format_args!(", {element}")));
    transaction.line(format_args!(" }} }}"));
}

fn write_chain(name: &str, rules: &[String], transaction: &mut Transaction) {
    transaction.line(format_args!("\tchain {name} {{"));
    rules.iter().for_each(|rule| transaction.line(format_args!("\t\t{rule}")));
    transaction.line(format_args!("\t}}"));
}

/// The rules that let in what is open, whoever sends it.
fn passing(owner: &str, openings: &Openings, hook: Hook) -> Vec<String> {
    let mut rules = Vec::new();
    for (at, (to, ports)) in openings.iter().enumerate() {
        let name = numbered(owner, at);
        for receivers in receivers(to, hook) {
            let matching = ports.iter().map(|(protocol, _)| matching(&name, protocol, hook));
            rules.extend(matching.map(|ports| format!("{receivers}{ports} goto pass")));
        }
    }
    rules
}

/// The rules that lead packets of a zone into its chain.
fn leading(zone: &Zone, generation: Generation, hook: Hook) -> Vec<String> {
    let name = format!("{generation}_{}", zone.name);
    let interfaces = match zone.interfaces.as_slice() {
        [] => String::new(),
        interfaces => format!("iifname {} ", among(interfaces)),
    };
    let sources = match &zone.sources {
        Sources::Any => Vec::from([String::new()]),
        Sources::Networks(four, six) => {
            let four = (!four.is_empty()).then(|| format!("ip saddr @{name}_from4 "));
            let six = (!six.is_empty()).then(|| format!("ip6 saddr @{name}_from6 "));
            four.into_iter().chain(six).collect()
        }
    };
    let jump = |source| format!("{interfaces}{source}jump {name}{}", ending(hook));
    sources.into_iter().map(jump).collect()
}

/// What must hold of packets to a destination: one condition, or one for each family.
fn receivers(to: &Destination, hook: Hook) -> Vec<String> {
    let interface = to.interface.as_ref().map_or_else(String::new, |name| format!("iifname {name} "));
    let original = match hook {
        Hook::Input => "",
        Hook::Forward => "ct original ",
    };
    let four = match &to.ipv4 {
        Receivers::Any => Some("meta nfproto ipv4 ".into()),
        Receivers::These(none) if none.is_empty() => None,
        Receivers::These(addresses) => Some(format!("{original}ip daddr {} ", among(addresses))),
    };
    let six = match &to.ipv6 {
        Receivers::Any => Some("meta nfproto ipv6 ".into()),
        Receivers::These(none) if none.is_empty() => None,
        Receivers::These(addresses) => Some(format!("{original}ip6 daddr {} ", among(addresses))),
    };
    let families = if to.ipv4 == Receivers::Any && to.ipv6 == Receivers::Any {
        Vec::from([String::new()])
    } else {
        four.into_iter().chain(six).collect()
    };
    families.into_iter().map(|family: String| format!("{interface}{family}")).collect()
}

fn matching(name: &str, protocol: Protocol, hook: Hook) -> String {
    match hook {
        Hook::Input => format!("{protocol} dport @{name}_{protocol}"),
        Hook::Forward => {
            format!("meta l4proto {} ct original proto-dst @{name}_{protocol}", number(protocol))
        }
    }
}

/// Numbers, as names of protocols are looked up in /etc/protocols, which not every host has.
const fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
        Protocol::Udplite => 136,
        Protocol::Sctp => 132,
        Protocol::Dccp => 33,
    }
}

/// What stands for one value, or for several of which one must hold.
fn among<'a, T: Display + 'a>(values: impl IntoIterator<Item = &'a T>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| format!("{value}")).collect();
    format!("{{ {} }}", values.join(", "))
}

/// The sets of the first destination carry the owner's name alone.
fn numbered(owner: &str, at: usize) -> String {
    if at == 0 { owner.into() } else { format!("{owner}_at{at}") }
}

fn first(generation: Generation, hook: Hook) -> String {
    match hook {
        Hook::Input => format!("{generation}_input"),
        Hook::Forward => format!("{generation}_forward"),
    }
}

const fn ending(hook: Hook) -> &'static str {
    match hook {
        Hook::Input => "",
        Hook::Forward => "_published",
    }
}

const fn refused(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Drop => "dropped",
        Refusal::Reject => "rejected",
    }
}
