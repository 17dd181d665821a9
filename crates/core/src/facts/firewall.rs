//! What a host's own programs print about its packet filter and the way of packets (A15, A17, A20).

use alloc::{collections::BTreeMap, string::String};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The listings of a network namespace, as they were printed: whoever reads them later knows as much as who took them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Firewall {
    /// Each listing by what it lists; one that is not here lists nothing.
    pub listings: BTreeMap<Listing, String>,
}

impl Firewall {
    /// What is listed, if anything is.
    #[must_use]
    pub fn text(&self, listing: Listing) -> Option<&str> {
        self.listings.get(&listing).map(String::as_str)
    }
}

/// What a listing lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Listing {
    /// The rules of nftables: `nft -j list ruleset`.
    #[serde(rename = "nft.json")]
    Nft,
    /// What that leaves out: `nft -t --debug=netlink list ruleset`.
    #[serde(rename = "nft-netlink.txt")]
    NftNetlink,
    /// Those of iptables for IPv4, kept in nftables: `iptables-save`.
    #[serde(rename = "iptables-save.txt")]
    Iptables,
    /// The same for IPv6: `ip6tables-save`.
    #[serde(rename = "ip6tables-save.txt")]
    Ip6tables,
    /// Those of iptables for IPv4, kept in the kernel's older tables: `iptables-legacy-save`.
    #[serde(rename = "iptables-legacy-save.txt")]
    IptablesLegacy,
    /// The same for IPv6: `ip6tables-legacy-save`.
    #[serde(rename = "ip6tables-legacy-save.txt")]
    Ip6tablesLegacy,
    /// The sets that rules of iptables name: `ipset save`.
    #[serde(rename = "ipset.txt")]
    Ipset,
    /// The interfaces with their addresses: `ip -j addr`.
    #[serde(rename = "addr.json")]
    Addresses,
    /// The routes: `ip -j route` and `ip -j -6 route`, one after the other, and those of the table `local`.
    #[serde(rename = "route.json")]
    Routes,
    /// The rules that choose among tables of routes: `ip -j rule` and `ip -j -6 rule`, one after the other.
    #[serde(rename = "rule.json")]
    Rules,
    /// The settings of the network: `sysctl -a`.
    #[serde(rename = "sysctl.txt")]
    Settings,
}

impl Listing {
    /// Every one, in the order in which they are read.
    pub const ALL: [Self; 11] = [
        Self::Addresses,
        Self::Routes,
        Self::Rules,
        Self::Settings,
        Self::Ipset,
        Self::Nft,
        Self::NftNetlink,
        Self::Iptables,
        Self::Ip6tables,
        Self::IptablesLegacy,
        Self::Ip6tablesLegacy,
    ];

    /// What prints it.
    #[must_use]
    pub const fn command(self) -> &'static str {
        match self {
            Self::Nft => "nft -j list ruleset",
            Self::NftNetlink => "nft -t --debug=netlink list ruleset",
            Self::Iptables => "iptables-nft-save",
            Self::Ip6tables => "ip6tables-nft-save",
            Self::IptablesLegacy => "iptables-legacy-save",
            Self::Ip6tablesLegacy => "ip6tables-legacy-save",
            Self::Ipset => "ipset save",
            Self::Addresses => "ip -j addr",
            Self::Routes => {
                "(ip -j route; ip -j -6 route; ip -j route show table local; ip -j -6 route show table local)"
            }
            Self::Rules => "(ip -j rule; ip -j -6 rule)",
            Self::Settings => "sysctl -a",
        }
    }

    /// The name of the file that holds it in a folder of saved ones.
    #[must_use]
    pub const fn file_name(self) -> &'static str {
        match self {
            Self::Nft => "nft.json",
            Self::NftNetlink => "nft-netlink.txt",
            Self::Iptables => "iptables-save.txt",
            Self::Ip6tables => "ip6tables-save.txt",
            Self::IptablesLegacy => "iptables-legacy-save.txt",
            Self::Ip6tablesLegacy => "ip6tables-legacy-save.txt",
            Self::Ipset => "ipset.txt",
            Self::Addresses => "addr.json",
            Self::Routes => "route.json",
            Self::Rules => "rule.json",
            Self::Settings => "sysctl.txt",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_has_the_same_name_in_a_snapshot_and_in_a_folder() {
        for listing in Listing::ALL {
            let name = serde_json::to_value(listing).unwrap();
            assert_eq!(name, listing.file_name());
        }
    }

    #[test]
    fn a_snapshot_keeps_what_was_printed() {
        let listings = [(Listing::Nft, "{\"nftables\":[]}".into())].into();
        let firewall = Firewall { listings };
        let text = serde_json::to_string(&firewall).unwrap();
        assert_eq!(text, r#"{"listings":{"nft.json":"{\"nftables\":[]}"}}"#);
        assert_eq!(serde_json::from_str::<Firewall>(&text).unwrap(), firewall);
    }
}
