//! Hosts, askers and a store, a step of one of them at a time, and what must hold after each.

use std::{collections::BTreeMap, sync::Arc};

use portreeve_core::ledger::{Ask, Change, Claim, ClaimId, Entry, Lease, decide};

use super::{
    asker::{Asker, ask},
    chance::Chance,
    host::Host,
    truth::{have_both, lives},
    warehouse::{Heard, Warehouse},
};

const MACHINES: [&str; 3] = ["alpha", "beta", "gamma"];
const ASKERS: usize = 16;
/// So much later than need be a store ends a lease.
const SLACK_MILLISECONDS: u64 = 60_000;

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) granted: u32,
    pub(crate) refused: u32,
    pub(crate) renewed: u32,
    pub(crate) released: u32,
    pub(crate) moved: u32,
    pub(crate) lost_requests: u32,
    pub(crate) lost_replies: u32,
    pub(crate) crashes: u32,
    pub(crate) deaths: u32,
    pub(crate) reused: u32,
    pub(crate) jumps: u32,
    pub(crate) reboots: u32,
    pub(crate) cut_off: u32,
}

/// All of it.
pub(crate) struct Simulation {
    pub(crate) counts: Counts,
    chance: Chance,
    milliseconds: u64,
    warehouse: Warehouse,
    hosts: Vec<Host>,
    askers: Vec<Asker>,
    /// What was acknowledged to somebody, and neither ended nor was given up since.
    promised: BTreeMap<ClaimId, Arc<Claim>>,
}

impl Simulation {
    /// Of one host, or of a fleet where the warehouse ends leases.
    pub(crate) fn new(seed: u64, warehouse: Warehouse) -> Self {
        let machines = if warehouse.ends.is_some() { &MACHINES[..] } else { &MACHINES[..1] };
        Self {
            counts: Counts::default(),
            chance: Chance(seed),
            milliseconds: 0,
            warehouse,
            hosts: machines.iter().map(|machine| Host::new(machine)).collect(),
            askers: (0..ASKERS).map(|_| Asker::Idle).collect(),
            promised: BTreeMap::new(),
        }
    }

    /// Something happens, and what must hold still does.
    pub(crate) fn step(&mut self) -> Result<(), String> {
        let passed = self.chance.below(200);
        self.milliseconds += passed;
        self.hosts.iter_mut().for_each(|host| host.pass(passed));
        self.warehouse.end_leases(self.milliseconds);
        self.forget_ended();
        if self.chance.percent(15) {
            self.mishap();
            self.forget_ended();
        } else {
            let at = self.chance.place(ASKERS);
            let asker = std::mem::replace(&mut self.askers[at], Asker::Idle);
            self.askers[at] = self.advance(asker)?;
        }
        self.check_promises()
    }

    /// What ended once, nobody relies on, also where a clock is set back.
    fn forget_ended(&mut self) {
        let (hosts, milliseconds, warehouse) = (&self.hosts, self.milliseconds, &self.warehouse);
        let store_ends = warehouse.ends.is_some();
        self.promised.retain(|id, claim| {
            let is_over = warehouse.end_of(*id).is_none() && matches!(claim.lease, Lease::Until { .. });
            lives(claim, hosts, milliseconds, store_ends) && !(store_ends && is_over)
        });
    }

    fn is_live(&self, claim: &Claim) -> bool {
        lives(claim, &self.hosts, self.milliseconds, self.warehouse.ends.is_some())
    }

    fn a_host(&mut self) -> usize {
        self.chance.place(self.hosts.len())
    }

    fn mishap(&mut self) {
        let at = self.a_host();
        let (host, chance, counts) = (&mut self.hosts[at], &mut self.chance, &mut self.counts);
        match chance.below(100) {
            0..=9 => {
                host.jump(chance);
                counts.jumps += 1;
            }
            10..=11 => {
                host.reboot();
                counts.reboots += 1;
                let here = self.askers.iter_mut().filter(|asker| asker.host() == Some(at));
                here.for_each(|asker| *asker = Asker::Idle);
            }
            12..=19 => {
                host.is_cut_off = !host.is_cut_off;
                counts.cut_off += u32::from(host.is_cut_off);
            }
            20..=29 => {
                self.askers[chance.place(ASKERS)] = Asker::Idle;
                counts.crashes += 1;
            }
            30..=59 => counts.deaths += u32::from(host.end(chance)),
            _ => counts.reused += u32::from(host.start(chance).is_some()),
        }
    }

    fn advance(&mut self, asker: Asker) -> Result<Asker, String> {
        Ok(match asker {
            Asker::Idle => {
                let host = self.a_host();
                let book = &self.warehouse.book;
                let ask = ask(&mut self.chance, &self.hosts, host, self.milliseconds, book);
                Asker::Asking { host, ask }
            }
            Asker::Asking { host, ask } if self.hosts[host].is_cut_off => Asker::Asking { host, ask },
            Asker::Asking { host, ask } => Asker::Knows { host, ask, book: self.warehouse.book.clone() },
            Asker::Knows { host, ask, book } => {
                let seen = self.hosts[host].seen(&book, self.warehouse.ends.is_some(), &mut self.chance);
                match decide(&book, &ask, &seen, &self.hosts[host].now(self.milliseconds)) {
                    Err(_) => {
                        self.counts.refused += 1;
                        Asker::Idle
                    }
                    Ok(entry) => {
                        let (expected, entry) = (book.revision(), Box::new(entry));
                        Asker::Decided { host, ask, expected, entry }
                    }
                }
            }
            Asker::Decided { host, ask, expected, entry } => self.send(host, ask, expected, *entry)?,
        })
    }

    fn send(&mut self, host: usize, ask: Ask, expected: u64, entry: Entry) -> Result<Asker, String> {
        if self.hosts[host].is_cut_off {
            return Ok(Asker::Asking { host, ask });
        }
        if entry.changes.is_empty() {
            // He read it long ago by now, and is told what stood then: only of a fresh one he may rely on it.
            return Ok(Asker::Idle);
        }
        // Whoever asks to give up, or for another lease, relies on what was from now on no more.
        if let Ask::Release { .. } | Ask::Renew { .. } = &ask {
            self.promised.remove(&entry.claim.id);
        }
        let heard = self.warehouse.swap(expected, &entry.changes, &mut self.chance);
        if matches!(heard, Heard::Swapped | Heard::LostReply) {
            self.lend(host, &entry.changes);
            self.check_owners(&entry.changes)?;
        }
        Ok(match heard {
            Heard::Swapped => {
                self.acknowledge(&ask, entry.claim);
                Asker::Idle
            }
            Heard::Moved => {
                self.counts.moved += 1;
                Asker::Asking { host, ask }
            }
            Heard::LostRequest => {
                self.counts.lost_requests += 1;
                Asker::Asking { host, ask }
            }
            Heard::LostReply => {
                self.counts.lost_replies += 1;
                Asker::Asking { host, ask }
            }
        })
    }

    /// The store ends what is lent for a time, from now on as long as is asked for.
    fn lend(&mut self, host: usize, changes: &[Change]) {
        let now = self.hosts[host].now(self.milliseconds);
        for change in changes {
            let Some(claim) = change.claim() else { continue };
            let Some(written) = self.warehouse.book.claim(claim.id).filter(|own| *own == &**claim) else {
                continue;
            };
            let end = match &written.lease {
                Lease::Until { boot: Some(boot), .. } => {
                    let left = boot.milliseconds.saturating_sub(now.boot.milliseconds);
                    Some(self.milliseconds + left + SLACK_MILLISECONDS)
                }
                _ => None,
            };
            self.warehouse.end_at(claim.id, end);
        }
    }

    fn acknowledge(&mut self, ask: &Ask, claim: Arc<Claim>) {
        match ask {
            Ask::Claim(_) => self.counts.granted += 1,
            Ask::Renew { .. } => self.counts.renewed += 1,
            Ask::Release { .. } => {
                self.counts.released += 1;
                return;
            }
        }
        if self.is_live(&claim) {
            self.promised.insert(claim.id, claim);
        }
    }

    /// No number of what was written has two owners.
    fn check_owners(&self, changes: &[Change]) -> Result<(), String> {
        let book = &self.warehouse.book;
        let is_live = |claim: &&Claim| self.is_live(claim);
        let written = changes.iter().filter_map(|change| book.claim(change.claim()?.id));
        for own in written.filter(is_live) {
            let mut others = book.claims().filter(|other| other.id != own.id).filter(is_live);
            if let Some(other) = others.find(|other| have_both(own, other)) {
                return Err(format!("a number has two owners: {own:?} and {other:?}"));
            }
        }
        Ok(())
    }

    /// What was acknowledged stands.
    fn check_promises(&self) -> Result<(), String> {
        for (id, promised) in &self.promised {
            let stands = self.warehouse.book.claim(*id).is_some_and(|claim| {
                (&claim.name, claim.ports, &claim.scope, claim.protocol)
                    == (&promised.name, promised.ports, &promised.scope, promised.protocol)
            });
            if !stands {
                return Err(format!("{promised:?} was promised, and stands no more"));
            }
        }
        Ok(())
    }
}
