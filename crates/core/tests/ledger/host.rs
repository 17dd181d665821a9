//! A host with clocks that are set, boots that end, and processes whose numbers are given again.

use std::collections::BTreeMap;

use portreeve_core::{
    ledger::{Book, BootTime, Now, ProcessId, Seen},
    port::PortRange,
    registry::Registry,
};

use super::chance::Chance;

/// Few, so that they are often full.
pub(crate) const POOL: PortRange = PortRange { first: 20_000, last: 20_047 };
const CLIENTS: PortRange = PortRange { first: 32_768, last: 60_999 };
/// Few, so that they are given again soon.
const PIDS: u64 = 12;

/// A host of the fleet.
pub(crate) struct Host {
    pub(crate) machine: String,
    pub(crate) is_cut_off: bool,
    boots: u32,
    boot_milliseconds: u64,
    /// What its clock on the wall is off by, in milliseconds.
    off: i64,
    /// When the process of a number started, in ticks.
    processes: BTreeMap<u32, u64>,
}

impl Host {
    pub(crate) fn new(machine: &str) -> Self {
        Self {
            machine: machine.into(),
            is_cut_off: false,
            boots: 0,
            boot_milliseconds: 1_000,
            off: 0,
            processes: BTreeMap::new(),
        }
    }

    pub(crate) fn pass(&mut self, milliseconds: u64) {
        self.boot_milliseconds += milliseconds;
    }

    /// Sets the clock of the wall by up to two hours, either way.
    pub(crate) fn jump(&mut self, chance: &mut Chance) {
        self.off = chance.below(4 * 3_600_000).cast_signed() - 2 * 3_600_000;
    }

    pub(crate) fn reboot(&mut self) {
        self.boots += 1;
        self.boot_milliseconds = 1_000;
        self.processes.clear();
    }

    /// Starts a process; whether another one had its number in this boot.
    pub(crate) fn start(&mut self, chance: &mut Chance) -> Option<ProcessId> {
        let pid = u32::try_from(100 + chance.below(PIDS)).expect("a small number");
        if self.processes.contains_key(&pid) {
            return None;
        }
        self.processes.insert(pid, self.boot_milliseconds / 10);
        self.process(pid)
    }

    /// Ends a process; its number may be given again.
    pub(crate) fn end(&mut self, chance: &mut Chance) -> bool {
        let pids: Vec<u32> = self.processes.keys().copied().collect();
        !pids.is_empty() && self.processes.remove(chance.one(&pids)).is_some()
    }

    pub(crate) fn process(&self, pid: u32) -> Option<ProcessId> {
        let started_ticks = *self.processes.get(&pid)?;
        let machine = self.machine.clone();
        let boot_id = self.boot_id();
        Some(ProcessId { machine, boot_id, pid, started_ticks, inode: None, namespace: None })
    }

    pub(crate) fn some_process(&self, chance: &mut Chance) -> Option<ProcessId> {
        let pids: Vec<u32> = self.processes.keys().copied().collect();
        if pids.is_empty() { None } else { self.process(*chance.one(&pids)) }
    }

    pub(crate) fn boot_id(&self) -> String {
        format!("{}-{}", self.machine, self.boots)
    }

    /// What both clocks show `milliseconds` after all began.
    pub(crate) fn now(&self, milliseconds: u64) -> Now {
        let shown = 1_800_000_000_000 + milliseconds.cast_signed() + self.off;
        let wall = jiff::Timestamp::from_millisecond(shown).expect("a time");
        let boot = BootTime { boot_id: self.boot_id(), milliseconds: self.boot_milliseconds };
        Now { wall, boot }
    }

    /// What somebody sees who decides here about `book`; now and then nobody can tell of a process who it is.
    pub(crate) fn seen(&self, book: &Book, store_ends: bool, chance: &mut Chance) -> Seen<'static> {
        let mut seen = Seen::new(self.machine.clone(), CLIENTS, Registry::builtin());
        seen.pool = POOL;
        seen.store_ends_leases = store_ends;
        for process in book.claims().filter_map(|claim| claim.lease.process()) {
            if process.machine == self.machine && self.processes.contains_key(&process.pid) {
                let told = self.process(process.pid).filter(|_| !chance.percent(5));
                seen.processes.insert(process.pid, told);
            }
        }
        seen
    }
}
