//! Reads the packet filter of this network namespace as its own programs list it (A15, A17, A20).

pub(crate) mod kernel;
pub(crate) mod nft;
mod programs;
pub(crate) mod sets;
mod settings;
mod ways;

use std::{collections::BTreeMap, fs};

use portreeve_core::facts::{Firewall, GapKind, Listing};
use rustix::process::geteuid;

use self::kernel::{FilterError, Table, Tables};
use super::{Gaps, wanted::Firewall as Wanted};
use crate::{
    program::{Program, ProgramError},
    sys::netlink::NetlinkError,
};

/// A filter that somebody changes faster than it is listed is read this often.
const READS_MAX: u32 = 5;
/// Where the kernel names the older tables of iptables that it has (net/netfilter/x_tables.c).
const LEGACY: [(&str, Listing, &str); 2] = [
    ("/proc/net/ip_tables_names", Listing::IptablesLegacy, "iptables-legacy-save"),
    ("/proc/net/ip6_tables_names", Listing::Ip6tablesLegacy, "ip6tables-legacy-save"),
];

/// Whether others may get to containers here, published or not, which somebody who may read the rules can tell.
pub fn may_lead_to_containers() -> bool {
    geteuid().is_root() && settings::passes_on()
}

/// The listings of the packet filter, all of the same moment. What hides its rules is a gap, and then the interfaces,
/// routes and settings are told alone; without these there is nothing to tell.
pub(super) fn read(wanted: Wanted, gaps: &mut Gaps) -> Option<Firewall> {
    if wanted == Wanted::Skip {
        return None;
    }
    programs::tell(gaps);
    let rules = match rules() {
        Ok(Some(rules)) => rules,
        hidden => {
            tell(hidden, gaps);
            Listings::new()
        }
    };
    if rules.is_empty() && wanted == Wanted::Rules {
        return Some(Firewall::default());
    }
    match ways() {
        Ok(ways) => Some(Firewall { listings: rules.into_iter().chain(ways).collect() }),
        Err(error) => {
            gaps.unlisted(&format!("rtnetlink: {error}"));
            None
        }
    }
}

/// Says what hides the rules.
fn tell(hidden: Result<Option<Listings>, Hidden>, gaps: &mut Gaps) {
    match hidden {
        Ok(_) => gaps.unlisted("nftables changes faster than it is listed"),
        Err(Hidden::Filter(FilterError::NotPermitted)) => gaps.add(GapKind::HiddenFirewall, 1),
        Err(hidden) => gaps.unlisted(&hidden.to_string()),
    }
}

/// What the way of a packet depends on beside the rules.
fn ways() -> Result<Listings, NetlinkError> {
    Ok([
        (Listing::Addresses, ways::addresses()?),
        (Listing::Routes, ways::routes()?),
        (Listing::Rules, ways::rules()?),
        (Listing::Settings, settings::read()),
    ]
    .into())
}

pub(crate) type Listings = BTreeMap<Listing, String>;

/// Why the filter, or a part of it, is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Hidden {
    /// The kernel does not tell of it.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A program does not list it.
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// The rules; `None` where somebody changed them during each reading.
pub(crate) fn rules() -> Result<Option<Listings>, Hidden> {
    for _ in 0..READS_MAX {
        let told = rules_once()?;
        if told.is_some() {
            return Ok(told);
        }
    }
    Ok(None)
}

/// One reading; `None` where somebody changed the filter meanwhile.
fn rules_once() -> Result<Option<Listings>, Hidden> {
    let tables = kernel::tables()?;
    // The programs of nftables and of the older tables work at the same time.
    let legacy = start_legacy()?;
    let nft = (!tables.all.is_empty()).then(|| nft::Listing::of_all(&tables.all)).transpose()?;
    let beside = start_beside(&tables)?;
    let mut listings = Listings::new();
    if let Some(nft) = nft {
        listings.insert(Listing::Nft, nft.finish()?);
    }
    for (listing, program) in beside.into_iter().chain(legacy) {
        listings.insert(listing, program.finish()?);
    }
    if listings.values().any(|text| text.contains("--match-set")) {
        listings.insert(Listing::Ipset, Program::start("ipset", &["save"])?.finish()?);
    }
    let is_same = kernel::tables()?.generation == tables.generation;
    Ok(is_same.then_some(listings))
}

/// What tells more of tables of nftables: the kernel's own form of their rules, and those that may be of iptables.
fn start_beside(tables: &Tables) -> Result<Vec<(Listing, Program)>, ProgramError> {
    let mut started = Vec::new();
    // What the JSON hides it does not even hint at.
    if tables.all.iter().any(Table::may_hide) {
        let words = ["-t", "--debug=netlink", "list", "ruleset"];
        started.push((Listing::NftNetlink, Program::start("nft", &words)?));
    }
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
