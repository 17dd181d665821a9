//! Reads the packet filter of this network namespace as its own programs list it (A15, A17, A20).

mod kernel;
mod program;
mod settings;
mod ways;

use std::{collections::BTreeMap, fs};

use portreeve_core::facts::{Firewall, GapKind, Listing};

use self::{
    kernel::{FilterError, Tables},
    program::{Program, ProgramError},
};
use super::Gaps;

/// A filter that somebody changes faster than it is listed is read this often.
const READS_MAX: u32 = 5;
/// Where the kernel names the older tables of iptables that it has (net/netfilter/x_tables.c).
const LEGACY: [(&str, Listing, &str); 2] = [
    ("/proc/net/ip_tables_names", Listing::IptablesLegacy, "iptables-legacy-save"),
    ("/proc/net/ip6_tables_names", Listing::Ip6tablesLegacy, "ip6tables-legacy-save"),
];

/// The listings of the packet filter, all of the same moment; what hides some of it is a gap, and then there is none.
pub(super) fn read(gaps: &mut Gaps) -> Option<Firewall> {
    for _ in 0..READS_MAX {
        match read_once() {
            Ok(Some(firewall)) => return Some(firewall),
            Ok(None) => {}
            Err(Hidden::Filter(FilterError::NotPermitted)) => {
                gaps.add(GapKind::HiddenFirewall, 1);
                return None;
            }
            Err(hidden) => {
                gaps.unlisted(&hidden.to_string());
                return None;
            }
        }
    }
    gaps.unsteady("nftables");
    None
}

/// Why the filter, or a part of it, is not known.
#[derive(Debug, thiserror::Error)]
enum Hidden {
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("rtnetlink: {0}")]
    Ways(#[from] crate::sys::netlink::NetlinkError),
}

/// One reading; `None` where somebody changed the filter meanwhile.
fn read_once() -> Result<Option<Firewall>, Hidden> {
    let tables = kernel::tables()?;
    // The programs of nftables and of the older tables work at the same time.
    let legacy = start_legacy()?;
    let nft = start_nft(&tables)?;
    let mut listings = BTreeMap::new();
    listings.insert(Listing::Addresses, ways::addresses()?);
    listings.insert(Listing::Routes, ways::routes()?);
    listings.insert(Listing::Settings, settings::read());
    for (listing, program) in nft.into_iter().chain(legacy) {
        listings.insert(listing, program.finish()?);
    }
    if listings.values().any(|text| text.contains("--match-set")) {
        listings.insert(Listing::Ipset, Program::start("ipset", &["save"])?.finish()?);
    }
    let is_same = kernel::tables()?.generation == tables.generation;
    Ok(is_same.then_some(Firewall { listings }))
}

/// What lists the tables of nftables; nothing where there is none.
fn start_nft(tables: &Tables) -> Result<Vec<(Listing, Program)>, ProgramError> {
    if tables.names.is_empty() {
        return Ok(Vec::new());
    }
    let mut started = vec![(Listing::Nft, Program::start("nft", &["-j", "list", "ruleset"])?)];
    for (layer, listing, program) in [
        (kernel::IPV4, Listing::Iptables, "iptables-nft-save"),
        (kernel::IPV6, Listing::Ip6tables, "ip6tables-nft-save"),
    ] {
        if tables.may_be_of_iptables(layer) && Program::exists(program) {
            started.push((listing, Program::start(program, &[])?));
        }
    }
    Ok(started)
}

/// What lists the older tables of iptables; to ask for those that the kernel does not have would make them.
fn start_legacy() -> Result<Vec<(Listing, Program)>, ProgramError> {
    let is_used = |path: &str| fs::read_to_string(path).is_ok_and(|names| !names.trim().is_empty());
    let used = LEGACY.into_iter().filter(|(path, ..)| is_used(path));
    used.map(|(_, listing, program)| Ok((listing, Program::start(program, &[])?))).collect()
}
