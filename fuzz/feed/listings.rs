//! Gives bytes to the readers of a packet filter's listings: others chose the names, comments and sets in them.

use portreeve_core::{
    address::Family,
    facts::{Firewall, Listing},
    firewall::{Ruleset, Surroundings, ipset, iptables, network, nft, read},
};

/// A listing is read whatever it is, alone and as that of every program; nobody finds more rules than there are bytes.
pub(crate) fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut around = Surroundings::default();
    let _ = network::read_addresses(&text, &mut around);
    let _ = network::read_routes(&text, &mut around);
    let _ = network::read_rules(&text, &mut around);
    network::read_settings(&text, &mut around);
    let sets = ipset::read(&text).unwrap_or_default();
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut ruleset = Ruleset::default();
        let _ = iptables::read(&text, family, &around, &sets, &mut ruleset);
        assert!(rules(&ruleset) <= bytes.len());
    }
    let mut ruleset = Ruleset::default();
    let _ = nft::read(&text, &nft::Details::read(&text), &around, &mut ruleset);
    assert!(rules(&ruleset) <= bytes.len());
    for listing in Listing::ALL {
        let firewall = Firewall { listings: [(listing, text.as_ref().into())].into() };
        if let Err(error) = read(&firewall) {
            // One sentence, however long the line.
            assert!(error.to_string().lines().count() == 1 && error.to_string().len() < 1_000, "{error}");
        }
    }
}

fn rules(ruleset: &Ruleset) -> usize {
    ruleset.chains.iter().map(|chain| chain.rules.len()).sum()
}
