//! The one place where an ask is granted or refused (A23, A24, A25).

use alloc::{
    boxed::Box,
    string::{String, ToString as _},
    sync::Arc,
    vec,
    vec::Vec,
};

use super::{
    ask::{Ask, Entry, Note, Reference, Wish},
    book::{Book, CLAIMS_MAX, Change},
    claim::{Claim, ClaimId, Lease, Name},
    clients::left_for_clients,
    lapse::Now,
    place::{is_free, place},
    refusal::{Declared, Refusal},
    seen::Seen,
};
use crate::{
    desired::DesiredPort,
    facts::Listener,
    port::{Class, PortRange, PortSpec},
};

/// Whose claims are everybody's to him.
const ROOT: u32 = 0;

/// What the ledger answers: an entry with the changes that make it so, or who stands in the way.
///
/// # Errors
///
/// Where it refuses: then nothing is changed.
pub fn decide(book: &Book, ask: &Ask, seen: &Seen<'_>, now: &Now) -> Result<Entry, Refusal> {
    let seen = &*seen.within(ask.scope());
    match ask {
        Ask::Claim(wish) => claim(book, wish, seen, now),
        Ask::Renew { of, lease, uid } => renew(found(book, of, *uid)?, lease, seen, now, book),
        Ask::Release { of, uid } => Ok(release(found(book, of, *uid)?)),
    }
}

fn claim(book: &Book, wish: &Wish, seen: &Seen<'_>, now: &Now) -> Result<Entry, Refusal> {
    let named = book.named(&wish.scope, wish.protocol, &wish.name);
    match named.filter(|claim| claim.holds(seen, now)) {
        Some(claim) => again(claim, wish, book),
        None => anew(book, wish, named, seen, now),
    }
}

/// The claim that the name has already.
fn again(claim: &Claim, wish: &Wish, book: &Book) -> Result<Entry, Refusal> {
    own(claim, wish.claimant.uid)?;
    let is_same_place = claim.address == wish.address && claim.device == wish.device;
    if !is_same_place || wish.ports.is_some_and(|ports| ports != claim.ports) {
        return Err(Refusal::NameHolds(Box::new(claim.clone())));
    }
    let fresh = claim.id == wish.id;
    let is_long_enough = fresh || lasts(&claim.lease, &wish.lease);
    if !is_long_enough && !lasts(&wish.lease, &claim.lease) {
        return Err(Refusal::EndsOtherwise(Box::new(claim.clone())));
    }
    let lease = if is_long_enough { &claim.lease } else { &wish.lease };
    let notes: Vec<Note> = endless(&claim.lease, &wish.lease).into_iter().collect();
    let wanted = Claim {
        lease: lease.clone(),
        note: wish.note.clone().or_else(|| claim.note.clone()),
        ..claim.clone()
    };
    if wanted == *claim {
        return Ok(Entry { claim: Arc::new(wanted), fresh, notes, changes: Vec::new() });
    }
    Ok(Entry { fresh: false, notes, ..put(wanted, book) })
}

/// What to say where only one of the `known` end and the one that is `asked` for is none.
fn endless(known: &Lease, asked: &Lease) -> Option<Note> {
    match (known, asked) {
        (Lease::Permanent, Lease::Permanent) => None,
        (Lease::Permanent, asked) => Some(Note::EndsNot(asked.clone())),
        (known, Lease::Permanent) => Some(Note::EndsNoMore(known.clone())),
        _ => None,
    }
}

/// Whether `own` is sure to last as long as `other`: of a process nobody knows when it ends.
fn lasts(own: &Lease, other: &Lease) -> bool {
    match (own, other) {
        (Lease::Permanent, _) => true,
        (Lease::Until { until: own, .. }, Lease::Until { until: other, .. }) => own >= other,
        (Lease::While { process: own }, Lease::While { process: other }) => own.is(other),
        _ => false,
    }
}

fn anew(
    book: &Book,
    wish: &Wish,
    before: Option<&Claim>,
    seen: &Seen<'_>,
    now: &Now,
) -> Result<Entry, Refusal> {
    if let Some(claim) = book.claim(wish.id).filter(|claim| Some(claim.id) != before.map(|claim| claim.id)) {
        return Err(Refusal::IdTaken(Box::new(claim.clone())));
    }
    if book.len() >= CLAIMS_MAX {
        return Err(Refusal::LedgerFull);
    }
    if let Some(declared) = seen.declared_as(wish.name.as_str(), wish.protocol) {
        return Err(Refusal::NameDeclared(declared_by(declared)));
    }
    let (ports, notes) = match wish.ports {
        Some(ports) => (ports, asked_for(book, wish, ports, seen, now)?),
        None => (PortRange::one(any(book, wish, before, seen, now)?), Vec::new()),
    };
    let entry = put(granted(wish, ports, now), book);
    let gone = ended(book, &entry.claim, before).map(Change::Remove);
    Ok(Entry { changes: gone.chain(entry.changes).collect(), notes, ..entry })
}

/// Those that ended and whose numbers or name the new claim takes.
fn ended<'b>(
    book: &'b Book,
    claim: &'b Claim,
    before: Option<&'b Claim>,
) -> impl Iterator<Item = ClaimId> + 'b {
    let beneath = book.at(&claim.scope, claim.stand()).map(|claim| claim.id);
    let before = before.map(|claim| claim.id);
    before.into_iter().chain(beneath.filter(move |id| Some(*id) != before)).filter(|id| *id != claim.id)
}

/// Any number: the one that the name had, else as its hash says.
fn any(book: &Book, wish: &Wish, before: Option<&Claim>, seen: &Seen<'_>, now: &Now) -> Result<u16, Refusal> {
    let had = before.map(|claim| claim.ports).filter(|ports| ports.is_one()).map(|ports| ports.first);
    let had = had.filter(|port| is_free(book, wish, *port, seen, now));
    had.map_or_else(|| place(book, wish, seen, now), Ok)
}

/// Whether these very numbers may be had, and what is to be known of them.
fn asked_for(
    book: &Book,
    wish: &Wish,
    ports: PortRange,
    seen: &Seen<'_>,
    now: &Now,
) -> Result<Vec<Note>, Refusal> {
    let stand = wish.stand(ports);
    if let Some(claim) = book.at(&wish.scope, stand).find(|claim| claim.holds(seen, now)) {
        return Err(Refusal::Held(Box::new(claim.clone()), claim.state(seen, now)));
    }
    if let Some(declared) = seen.declared_at(stand) {
        return Err(Refusal::Declared(declared_by(declared)));
    }
    let spec = PortSpec { range: ports, protocol: wish.protocol };
    let assigned = assigned(wish, ports, seen);
    let is_its_own = assigned == Assigned::ItsName;
    if Class::of(ports.first) == Class::WellKnown && !is_its_own && !wish.well_known {
        return Err(Refusal::WellKnown { spec, assigned: assigned.other() });
    }
    if let Some(other) = seen.other_claim(ports) {
        return Err(Refusal::OfOthers { spec, ledger: other.ledger.clone() });
    }
    if !wish.force_bound && seen.has_elsewhere(ports) {
        return Err(Refusal::KeptBack(spec));
    }
    let bound = bound(wish, ports, seen)?;
    left_for_clients(book, &wish.scope, Some(ports), seen)?;
    let in_client_range = seen.client_range.overlaps(ports).then_some(Note::InClientRange);
    let notes = [assigned.other().map(Note::AssignedTo), in_client_range, bound];
    Ok(notes.into_iter().flatten().collect())
}

fn declared_by(desired: &DesiredPort<'_>) -> Declared {
    let DesiredPort { spec, service } = desired;
    Declared { service: service.name.clone(), place: service.place.to_string(), spec: *spec }
}

/// What IANA means numbers for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Assigned {
    Nothing,
    /// What the claim is called after.
    ItsName,
    Another(String),
}

impl Assigned {
    fn other(&self) -> Option<String> {
        match self {
            Self::Another(name) => Some(name.clone()),
            Self::Nothing | Self::ItsName => None,
        }
    }
}

fn assigned(wish: &Wish, ports: PortRange, seen: &Seen<'_>) -> Assigned {
    let mut assignments =
        (ports.first..=ports.last).filter_map(|port| seen.registry.assignment(port, wish.protocol));
    let Some(first) = assignments.next() else { return Assigned::Nothing };
    if first.names().any(|name| name == wish.name.as_str()) {
        return Assigned::ItsName;
    }
    first.names().next().map_or(Assigned::Nothing, |name| Assigned::Another(name.into()))
}

/// Somebody who listens there stands in the way, where the asker neither is him nor claims it for him, which only root does for
/// another user; a client that the kernel gave the number to goes by himself.
fn bound(wish: &Wish, ports: PortRange, seen: &Seen<'_>) -> Result<Option<Note>, Refusal> {
    let stand = wish.stand(ports);
    let own = wish.claimant.process.as_ref().map(|process| process.pid);
    let is_own =
        |listener: &Listener| own.is_some_and(|own| listener.holders.iter().any(|hold| hold.pid == own));
    let uid = wish.claimant.uid;
    let is_for_him = |of: Option<u32>| wish.force_bound && (uid == ROOT || of == Some(uid));
    let is_in_the_way =
        |listener: &&Listener| !is_own(listener) && !is_for_him(listener.uid) && !listener.ephemeral;
    // A container's, before the proxy that may listen there for it.
    if let Some(published) = seen.published_at(stand).next().filter(|_| !is_for_him(None)) {
        let spec = PortSpec { range: PortRange::one(published.port), protocol: published.protocol };
        return Err(Refusal::Published { address: published.address.into(), spec });
    }
    if let Some(listener) = seen.bound_at(stand).find(is_in_the_way) {
        return Err(Refusal::Bound(Box::new(listener.clone())));
    }
    let is_taken = seen.bound_at(stand).next().is_some() || seen.published_at(stand).next().is_some();
    Ok(is_taken.then_some(Note::Bound))
}

fn granted(wish: &Wish, ports: PortRange, now: &Now) -> Claim {
    let wish = wish.clone();
    Claim {
        id: wish.id,
        name: wish.name,
        scope: wish.scope,
        protocol: wish.protocol,
        address: wish.address,
        device: wish.device,
        ports,
        claimant: wish.claimant,
        lease: wish.lease,
        since: now.wall,
        revision: 0,
        note: wish.note,
    }
}

fn put(claim: Claim, book: &Book) -> Entry {
    let claim = Arc::new(Claim { revision: book.revision() + 1, ..claim });
    let changes = vec![Change::put(Arc::clone(&claim), book)];
    Entry { claim, fresh: true, notes: Vec::new(), changes }
}

/// The claim that is meant, where the asker may change it and it is as he knows it.
fn found<'b>(book: &'b Book, of: &Reference, uid: u32) -> Result<&'b Claim, Refusal> {
    let claim = book.named(&of.scope, of.protocol, &of.name);
    let claim = claim.ok_or_else(|| no_such_claim(book, &of.name))?;
    own(claim, uid)?;
    match of.revision {
        Some(known) if known != claim.revision => Err(Refusal::Moved(Box::new(claim.clone()))),
        _ => Ok(claim),
    }
}

fn no_such_claim(book: &Book, name: &Name) -> Refusal {
    let beside = book.claims().find(|claim| claim.name == *name);
    Refusal::NoSuchClaim { name: name.clone(), beside: beside.cloned().map(Box::new) }
}

fn own(claim: &Claim, uid: u32) -> Result<(), Refusal> {
    if uid == ROOT || uid == claim.claimant.uid {
        return Ok(());
    }
    Err(Refusal::NotYours(Box::new(claim.clone())))
}

/// One that ended is not renewed: somebody else may have its numbers by now.
fn renew(claim: &Claim, lease: &Lease, seen: &Seen<'_>, now: &Now, book: &Book) -> Result<Entry, Refusal> {
    if !claim.holds(seen, now) {
        return Err(Refusal::Ended(Box::new(claim.clone())));
    }
    // Nobody who asks for more time means an end, or another one.
    match (&claim.lease, lease) {
        (Lease::Permanent, Lease::Until { .. } | Lease::While { .. }) => {
            return Err(Refusal::ForGood(Box::new(claim.clone())));
        }
        (Lease::While { .. }, Lease::Until { .. }) => {
            return Err(Refusal::EndsOtherwise(Box::new(claim.clone())));
        }
        _ => {}
    }
    Ok(Entry { fresh: false, ..put(Claim { lease: lease.clone(), ..claim.clone() }, book) })
}

fn release(claim: &Claim) -> Entry {
    let changes = vec![Change::Remove(claim.id)];
    Entry { claim: Arc::new(claim.clone()), fresh: false, notes: Vec::new(), changes }
}

#[cfg(test)]
mod tests;
