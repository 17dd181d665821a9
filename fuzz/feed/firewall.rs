//! Gives whole listings and a question to the walk through a packet filter: `=== nft.json` begins a listing, `=== ask`
//! the question `FROM TO PORT`.

use std::{collections::BTreeMap, net::IpAddr};

use portreeve_core::{
    address::Family,
    exposure::{Exposure, Senders, To, exposed, traced},
    facts::{Firewall, Listing},
    firewall::{Filter, Intervals, number, read},
    port::{PortRange, Protocol},
};

/// What is told of ports is told once each, in order; who follows a packet learns the same as who asks about it.
pub(crate) fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let sections = sections(&text);
    let of = |listing: Listing| sections.get(listing.file_name()).map(|text| (listing, text.clone()));
    let firewall = Firewall { listings: Listing::ALL.into_iter().filter_map(of).collect() };
    let Ok(filter) = read(&firewall) else { return };
    for family in Family::ALL {
        let to = To { family, protocol: Protocol::Tcp, addresses: None, ports: PortRange::EVERY };
        assert_ordered(&exposed(&filter, &Senders::World, &to));
    }
    if let Some((from, to, port)) = sections.get("ask").and_then(|text| question(text)) {
        follow(&filter, from, to, port);
    }
}

fn follow(filter: &Filter, from: IpAddr, to: IpAddr, port: u16) {
    let family = if from.is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
    let addresses = Some(Intervals::one(number(to)));
    let to = To { family, protocol: Protocol::Tcp, addresses, ports: PortRange::one(port) };
    let senders = if filter.around.is_own(from) { Senders::Host } else { Senders::Network(from.into()) };
    let asked = exposed(filter, &senders, &to);
    let (followed, traces) = traced(filter, &senders, &to);
    assert_eq!(asked, followed);
    assert!(asked.len() <= 1, "{asked:?}");
    for trace in traces {
        // Each step comes after an earlier one.
        let mut steps = trace.steps.iter().enumerate();
        assert!(steps.all(|(at, step)| step.after.is_none_or(|after| after < at)));
    }
}

fn assert_ordered(runs: &[Exposure]) {
    assert!(runs.iter().all(|run| run.ports.first <= run.ports.last && run.ports.last <= 65_535));
    assert!(runs.windows(2).all(|pair| pair[0].ports.last < pair[1].ports.first), "{runs:?}");
}

/// The lines below each `=== name`.
fn sections(text: &str) -> BTreeMap<&str, String> {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    let mut name = "";
    for line in text.lines() {
        match line.strip_prefix("=== ") {
            Some(next) => name = next,
            None => {
                let section = sections.entry(name).or_default();
                section.push_str(line);
                section.push('\n');
            }
        }
    }
    sections
}

fn question(text: &str) -> Option<(IpAddr, IpAddr, u16)> {
    let mut words = text.split_whitespace();
    let (from, to): (IpAddr, IpAddr) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    (from.is_ipv4() == to.is_ipv4()).then_some((from, to, words.next()?.parse().ok()?))
}
