//! Takes one snapshot (A4, A5, A12, A13).

mod assemble;
mod brief;
mod cgroups;
pub(crate) mod clock;
mod connected;
pub mod containers;
mod delegated;
mod descriptors;
pub(crate) mod firewall;
pub mod foreign_steering;
mod gaps;
mod holders;
pub mod kept_out;
mod kernel;
pub mod left_gate;
pub mod left_guard;
pub mod left_steer;
pub mod left_watch;
pub mod lifelines;
pub mod links;
mod namespaces;
mod openings;
pub mod origins;
pub mod packages;
mod pids;
mod processes;
pub(crate) mod rules;
pub mod sessions;
pub(crate) mod share;
pub mod sight;
pub mod socket_denials;
pub mod sockets;
pub mod sysctls;
mod tally;
mod unported;
mod users;
mod wanted;
mod ways;

pub use brief::{Brief, brief};
pub use firewall::may_lead_to_containers;
pub use wanted::{Connections, Files, Firewall, Holders, Namespaces, Origins, Processes, Wanted};
pub use ways::{Way, Ways};

use std::{mem, thread};

use portreeve_core::{
    facts::{GapKind, HostFacts, Snapshot},
    port::PortRange,
};
use rustix::{process::geteuid, system::uname};

use self::{
    assemble::Pieces,
    cgroups::Cgroups,
    descriptors::{Descriptors, Pass},
    gaps::Gaps,
    holders::{Holder, Search},
    kernel::KernelHolders,
    namespaces::Look,
    openings::Openings,
    pids::Pids,
    sight::tables::Tables,
    ways::Sources,
};
use crate::{
    enforce::guard,
    proc::{
        self,
        mounts::{self, Mounts},
    },
};

/// Why nothing at all could be observed; what is merely incomplete is a gap of the snapshot.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The kernel lists no sockets, neither by sock_diag nor below /proc.
    #[error("cannot list sockets: neither sock_diag nor /proc/net answers")]
    NoSource,
}

/// One look at this host.
///
/// # Errors
///
/// Only where the kernel lists no sockets at all.
pub fn observe(wanted: &Wanted) -> Result<Snapshot, ObserveError> {
    if wanted.holders == Holders::Recorded && !guard::openings::are_told() {
        // Whoever has to ask everybody begins with that.
        return look(&Wanted { holders: Holders::All, ..*wanted });
    }
    look(wanted)
}

fn look(wanted: &Wanted) -> Result<Snapshot, ObserveError> {
    let taken = clock::now();
    let mut gaps = Gaps::default();
    let pids = Pids::default();
    let mounts =
        mounts::read(&proc::read("/proc/self/mountinfo", mounts::MOUNTS_BYTES_MAX).unwrap_or_default());
    let mut cgroups = Cgroups::of(&mounts);

    let pass = Pass::over(wanted);
    let tables = Tables::of(wanted.ports.unwrap_or(PortRange::EVERY));
    let tables = wanted.ways.allow(Way::Bpf).then_some(&tables);
    let sources = Sources { wanted, pass: &pass, tables, mounts: &mounts.network_namespaces };
    let mut looks = thread::scope(|scope| {
        if wanted.connections != Connections::Skip {
            // The kernel goes through descriptors and through its tables at the same time, and either takes long.
            // Where no thread can be made, whoever asks first what was seen goes through the descriptors.
            let _ = thread::Builder::new().spawn_scoped(scope, || pass.seen());
        }
        namespaces::look(sources, &pids, &mut gaps)
    })?;
    let openings = Openings::read();
    let search = find((wanted, &openings), &pids, &looks, pass.into_seen(), &mut cgroups);
    let Some(mut search) = search else { return look(&Wanted { holders: Holders::All, ..*wanted }) };
    if mounts.hides_processes && !proc::shows_everybody() {
        search.sweep.hidden += 1;
    }
    let told = told(wanted, &pids, &search);
    let (mut processes, code) = processes::read_all(wanted.files, &told, &mut gaps);
    delegated::disown(&mut processes, mounts.cgroup2.as_deref());
    containers::label(&mut processes);
    if processes::hide_their_units(&processes) {
        gaps.missing("cgroup2");
    }
    cgroups.learn(processes.values().filter_map(|process| process.cgroup.as_deref()));
    gaps.too_many("cgroups", cgroups.find(looks.iter().flat_map(Look::cgroups)));
    tell_hidden(&mounts, search.sweep.hidden, &mut gaps);
    let kernel = KernelHolders::among(&pids);
    let connected = looks.iter_mut().map(|look| mem::take(&mut look.connected)).collect();
    let pieces = Pieces { looks: &looks, search: &search, processes: &processes, cgroups: &cgroups, kernel };
    let (listeners, hides_openings) = openings.add(pieces.listeners(&mut gaps));
    let connections =
        (wanted.connections == Connections::List).then(|| pieces.connections(connected, &mut gaps));
    let tell = |range| origins::tell(range, &listeners, &processes, mounts.cgroup2.as_deref());
    let origins = wanted.origins.range().map(tell);
    if pids.are_none() {
        gaps.missing("/proc");
    }
    Ok(Snapshot {
        taken,
        host: host(),
        other: pieces.other(),
        namespaces: looks.into_iter().map(|look| look.namespace).collect(),
        listeners,
        connections,
        processes,
        origins,
        code,
        firewall: firewall::read(wanted.firewall, &mut gaps),
        hides_openings,
        gaps: gaps.into_sorted(),
        ..Snapshot::bare(taken)
    })
}

/// The processes that are told of.
fn told(wanted: &Wanted, pids: &Pids, search: &Search) -> Vec<Holder> {
    let mut told = search.holders();
    if wanted.processes == Processes::All {
        told.extend(holders::others(pids, &told));
    }
    told
}

/// Says how many processes hide what they hold.
fn tell_hidden(mounts: &Mounts, count: u32, gaps: &mut Gaps) {
    if mounts.hides_processes {
        // Whom the kernel told of and /proc does not list has not ended.
        gaps.call(GapKind::VanishedProcesses, GapKind::HiddenProcesses);
        gaps.add(GapKind::HiddenProcesses, count);
    } else if geteuid().is_root() {
        gaps.add(GapKind::SealedProcesses, count);
    }
}

/// Who holds what was listed, where `seen` was seen before; `None` where only a look at everybody tells.
fn find(
    (wanted, openings): (&Wanted, &Openings),
    pids: &Pids,
    looks: &[Look],
    seen: Option<Descriptors>,
    cgroups: &mut Cgroups,
) -> Option<Search> {
    let knows_kernels = seen.is_some();
    if wanted.holders == Holders::Recorded && !knows_kernels {
        return holders::find_recorded(openings, looks, cgroups);
    }
    let search = holders::find(wanted, pids, looks, seen, cgroups);
    let is_unheld = || looks.iter().any(|look| look.lacks_holder(&search));
    // Whether the kernel itself holds one, only a look tells that knew the descriptors when it listed the sockets.
    (knows_kernels || !search.was_told() || !is_unheld()).then_some(search)
}

/// Whether the descriptors of all are worth their price: also to whom they are the only sight of other namespaces.
fn asks_everybody(wanted: &Wanted) -> bool {
    let is_kept_out = || wanted.namespaces == Namespaces::All && !sight::may_load();
    match wanted.holders {
        Holders::All => true,
        Holders::Quick | Holders::Recorded => is_kept_out(),
        Holders::Skip => false,
    }
}

fn host() -> HostFacts {
    let names = uname();
    HostFacts {
        name: names.nodename().to_string_lossy().into_owned(),
        boot_id: proc::read_text("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned(),
        kernel: names.release().to_string_lossy().into_owned(),
    }
}
