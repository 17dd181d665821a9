//! What the ledger must know of the host: who listens, what is passed on, what the kernel hands out and keeps back (A9, A24).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portreeve_core::{
    address::Family,
    facts::{Namespace, Published},
    ledger::{Ask, Book, Now, OtherClaim, Seen},
    plan::reserve,
    port::PortRange,
    words::Words,
    world::{Passage, World},
};
use portreeve_host::{
    Wanted, claimant,
    enforce::reserved::{Reason, kept_for, reserved},
    observe::{
        Connections, Files, Firewall, Holders, Namespaces, Origins, Processes, Ways, may_lead_to_containers,
    },
};

use super::home::{Home, Obeyed};
use crate::{exit::Exit, failure::Failure, look::Look, settings::Settings};

/// A rule that sends on more ports than this publishes none: it stands before the whole host.
const PUBLISHED_MAX: u32 = 1_024;

/// A look at the host for nobody who asks for a number.
///
/// # Errors
///
/// As of [`look_for`].
pub(crate) fn look(settings: &Settings) -> Result<Look, Failure> {
    look_for(&[], settings)
}

/// The same, and at who holds what is bound, as far as that is had the quick way: of what is declared its owners are known.
///
/// # Errors
///
/// As of [`look_for`].
pub(crate) fn look_at_holders(settings: &Settings) -> Result<Look, Failure> {
    Look::take(settings, &Wanted { holders: Holders::Quick, ..wanted() })
}

/// The same for all of `asks`: as far as the numbers that they want, and at who holds those.
///
/// # Errors
///
/// Where nothing can be observed, or the policy is wrong.
pub(crate) fn look_for(asks: &[Ask], settings: &Settings) -> Result<Look, Failure> {
    let named = |ask: &Ask| match ask {
        Ask::Claim(wish) => wish.ports,
        Ask::Renew { .. } | Ask::Release { .. } => None,
    };
    let holders = if asks.iter().any(|ask| named(ask).is_some()) { Holders::Quick } else { Holders::Skip };
    let all = asks.iter().map(named).reduce(|all, more| {
        let (all, more) = (all?, more?);
        Some(PortRange { first: all.first.min(more.first), last: all.last.max(more.last) })
    });
    Look::take(settings, &Wanted { ports: all.flatten(), holders, ..wanted() })
}

/// All that a ledger must know, and nobody's processes.
fn wanted() -> Wanted {
    Wanted {
        ports: None,
        holders: Holders::Skip,
        processes: Processes::Holders,
        files: Files::Executable,
        connections: Connections::Skip,
        namespaces: Namespaces::Own,
        origins: Origins::Skip,
        // Where nothing is passed on, no rule leads to a container.
        firewall: if may_lead_to_containers() { Firewall::Rules } else { Firewall::Skip },
        ways: Ways::ALL,
    }
}

/// What `world` tells the ledger; what `book` claims is not foreign to the kernel's list, which is read once more: since the host
/// was looked at another ledger may have been asked.
pub(crate) fn seen<'a>(world: &'a World<'a>, home: &Home, book: &Book) -> Seen<'a> {
    let own = world.own_namespace();
    let client_range = own.map_or(PortRange::UNTOLD, |own| own.client_range);
    let mut seen = Seen::new(home.machine.clone(), client_range, world.registry);
    seen.scope = home.scope.clone();
    seen.pool = world.pool();
    seen.store_ends_leases = home.ends_leases();
    let usual = home.claimed_by_usual();
    seen.foreign = own.map(|own| foreign(own, home, book, &usual)).unwrap_or_default();
    seen.others = home.claimed_besides();
    seen.others.extend(usual);
    // Beside the host's own nobody can tell what is kept for a claim of another ledger from the rest.
    if home.obeyed == Obeyed::ByUser || home.is_other() {
        seen.elsewhere = seen.foreign.clone();
    }
    seen.namespace = claimant::namespace();
    seen.declared = world.desired.clone();
    let is_own = |netns: u64| own.is_some_and(|own| own.id == netns);
    let listeners = world.snapshot.listeners.iter().filter(|listener| is_own(listener.netns));
    let published = world.passages().iter().filter(|passage| passage.leaves()).flat_map(published);
    let mut seen = seen.with(listeners, published.collect());
    super::know_processes(&mut seen, book);
    seen
}

/// What the kernel keeps back, or is about to for what the `usual` ledger claims, and no claim of this one does.
fn foreign(own: &Namespace, home: &Home, book: &Book, usual: &[OtherClaim]) -> Vec<PortRange> {
    let claims = book.claims().filter(|claim| claim.scope.meets(&home.scope));
    let mut claimed: Vec<PortRange> = claims.map(|claim| claim.ports).collect();
    if home.obeyed == Obeyed::ByHost {
        // Whoever asks again gets what was kept for him when no answer came, and what a member has given up before root saw it.
        let former = home.replaced().into_iter().map(Reason::OtherLedger);
        claimed.extend(kept_for(&former.chain([home.reason()]).collect::<Vec<_>>()));
    }
    let mut kept = reserved().unwrap_or_else(|_| own.reserved.clone());
    kept.extend(usual.iter().map(|claim| claim.ports));
    reserve(&kept, &claimed, &[]).add
}

fn published(passage: &Passage) -> impl Iterator<Item = Published> {
    let address = match passage.family() {
        Family::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Family::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let narrow = passage.specs().filter(|spec| spec.range.count() <= PUBLISHED_MAX);
    narrow.flat_map(move |spec| {
        (spec.range.first..=spec.range.last).map(move |port| Published {
            protocol: spec.protocol,
            address,
            port,
            inside: port,
        })
    })
}

/// The time, on both clocks.
///
/// # Errors
///
/// The kernel hides which boot it is.
pub(crate) fn now() -> Result<Now, Failure> {
    let hidden = Words {
        en: "cannot tell which boot this is: /proc/sys/kernel/random/boot_id cannot be read",
        ja: "/proc/sys/kernel/random/boot_id を読めないため、現在の起動を識別できません",
    };
    claimant::now().ok_or_else(|| Failure::new(Exit::Unreachable, hidden))
}
