//! Finds which processes hold which sockets by their descriptors (proc_pid_fd(5), A12).

mod order;
pub(super) mod threads;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashSet},
    fs,
    io::Write,
    mem::MaybeUninit,
    os::{fd::OwnedFd, linux::fs::MetadataExt},
};

use portreeve_core::{facts::Hold, port::PortRange};
use rustix::{
    fs::{CWD, Mode, OFlags, RawDir, openat, readlinkat_raw},
    io::Errno,
    process::geteuid,
};

use self::order::{Inodes, Places, abreast};
use super::{
    Holders, Wanted,
    cgroups::Cgroups,
    clock,
    descriptors::Descriptors,
    namespaces::Look,
    pids::Pids,
    share::share,
    sight::{Asked, List, Record, Sight},
};
use crate::proc;

/// Initial pid namespace (PROC_PID_INIT_INO, include/linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// So many descriptors are looked through in about the time in which a program of ours is loaded and run.
const NEARBY_MAX: usize = 3_000;
/// What it takes to begin with a process, in descriptors.
const PROCESS_STEPS: usize = 4;

/// How far the holders were looked for, and what came of it.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) sweep: Sweep,
    /// Where in it each socket stands.
    places: Places,
    extent: Extent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extent {
    Nowhere,
    SomeProcesses,
    EveryProcess,
}

/// A descriptor that referred to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// The process, and the thread of it whose table has the descriptor.
    pub(super) pid: u32,
    pub(super) thread: u32,
    pub(super) fd: u32,
    pub(super) inode: u64,
    /// When the process started, in nanoseconds since the boot, where the kernel told; else 0.
    pub(super) started: u64,
}

impl Found {
    /// A descriptor as the kernel tells it.
    pub(super) const fn of(record: &Record) -> Self {
        let &Record { pid, thread, fd, inode, started, .. } = record;
        Self { pid, thread, fd, inode, started }
    }

    /// Whether the process of this number that started then is the one that had it: a number may be another's by now.
    ///
    /// Whoever the kernel told of lived in the tick `told` or later, and nobody who has got his number since can have
    /// started before that tick.
    fn is_of(self, started_ticks: u64, told: u64) -> bool {
        let is_told = self.started > 0 && started_ticks < told && self.is_there();
        let is_same = self.started == 0 || clock::ticks(self.started) == started_ticks;
        is_same && (is_told || self.still_stands())
    }

    /// Whether its thread is one of the process still.
    fn is_there(self) -> bool {
        let Self { pid, thread, .. } = self;
        thread == pid || fs::exists(format!("/proc/{pid}/task/{thread}")).unwrap_or(false)
    }

    fn still_stands(self) -> bool {
        let Self { thread, fd, inode, .. } = self;
        let link = proc::read_link(format!("/proc/{thread}/fd/{fd}"));
        link.is_some_and(|link| socket_inode(link.as_bytes()) == Some(inode))
    }
}

/// A process that holds wanted sockets.
pub(super) struct Holder {
    pub(super) pid: u32,
    /// The descriptors that prove it, the first few of them.
    proofs: Vec<Found>,
    /// The tick in which the kernel began to tell of them.
    told: u64,
}

/// A process may close one of its sockets during a look, hardly so many.
const PROOFS_MAX: usize = 16;

impl Holder {
    /// The process of this number that started so many nanoseconds after the boot, which the kernel `told` so many
    /// after it.
    pub(super) fn that_started(pid: u32, started: u64, told: u64) -> Self {
        let proofs = vec![Found { pid, thread: pid, fd: 0, inode: 0, started }];
        Self { pid, proofs, told: clock::ticks(told) }
    }

    /// The thread of it that still has files to look at: its first one may have ended before the others.
    pub(super) fn thread(&self) -> u32 {
        let is_first = |proof: &Found| proof.thread == self.pid;
        let other = self.proofs.first().filter(|_| !self.proofs.iter().any(is_first));
        other.map_or(self.pid, |proof| proof.thread)
    }

    /// Whether the process that was read, which started then, is the one that held them.
    pub(super) fn is_the_one(&self, started_ticks: u64) -> bool {
        self.proofs.iter().any(|proof| proof.is_of(started_ticks, self.told))
    }
}

impl Search {
    fn new(sweep: Sweep, extent: Extent) -> Self {
        let places = Places::of(sweep.found.iter().map(|found| found.inode));
        Self { sweep, places, extent }
    }

    /// Everybody who holds a wanted socket.
    pub(super) fn holders(&self) -> Vec<Holder> {
        let mut holders: BTreeMap<u32, Vec<Found>> = BTreeMap::new();
        for found in &self.sweep.found {
            let proofs = holders.entry(found.pid).or_default();
            if proofs.len() < PROOFS_MAX {
                proofs.push(*found);
            }
        }
        let told = self.sweep.told;
        holders.into_iter().map(|(pid, proofs)| Holder { pid, proofs, told }).collect()
    }

    /// The holds of a socket.
    pub(super) fn holds(&self, inode: u64) -> impl Iterator<Item = Hold> {
        let (from, to) = self.places.near(inode);
        of(&self.sweep.found[from..to], inode).iter().map(|found| Hold { pid: found.pid, fd: found.fd })
    }

    /// The processes that hold a socket.
    pub(super) fn pids(&self, inode: u64) -> impl Iterator<Item = u32> {
        self.holds(inode).map(|hold| hold.pid)
    }

    /// Whether every process that exists was asked and answered.
    pub(super) fn is_complete(&self) -> bool {
        self.extent == Extent::EveryProcess && self.sweep.hidden == 0 && self.sweep.unasked == 0
    }

    /// Whether it waits in the queue of a Unix socket to be received.
    pub(super) fn is_queued(&self, inode: u64) -> bool {
        self.sweep.queued.contains(&inode)
    }

    pub(super) fn was_skipped(&self) -> bool {
        self.extent == Extent::Nowhere
    }

    /// Whether no process of the machine is outside this /proc.
    pub(super) fn sees_every_process(&self) -> bool {
        let namespace = fs::metadata("/proc/self/ns/pid").map(|file| file.st_ino());
        self.is_complete() && namespace.is_ok_and(|inode| inode == FIRST_PID_NAMESPACE)
    }
}

/// Looks for the holders of every socket of `looks` as far as is wanted; `descriptors` is what the kernel told before
/// the sockets were listed.
pub(super) fn find(
    wanted: &Wanted,
    pids: &Pids,
    looks: &[Look],
    descriptors: Option<Descriptors>,
    cgroups: &mut Cgroups,
) -> Search {
    let inodes: Inodes = looks.iter().flat_map(Look::inodes).filter(|&inode| inode != 0).collect();
    match wanted.holders {
        Holders::Skip => Search::new(Sweep::default(), Extent::Nowhere),
        Holders::Quick if descriptors.is_none() => find_nearby(wanted, pids, looks, &inodes, cgroups),
        Holders::Quick | Holders::All => everywhere(wanted, pids, &inodes, descriptors),
    }
}

/// Asks the processes of the sockets' own cgroups; everybody else only where that leaves a socket without a holder.
fn find_nearby(
    wanted: &Wanted,
    pids: &Pids,
    looks: &[Look],
    inodes: &Inodes,
    cgroups: &mut Cgroups,
) -> Search {
    cgroups.find(looks.iter().flat_map(Look::cgroups));
    let paths: BTreeSet<_> = looks.iter().flat_map(Look::cgroups).filter_map(|id| cgroups.path(id)).collect();
    let members: Vec<u32> = paths.into_iter().flat_map(|path| cgroups.members(path)).collect();
    if are_many(&members)
        && let Some(descriptors) = Descriptors::see(wanted)
    {
        return everywhere(wanted, pids, inodes, Some(descriptors));
    }
    let near = sweep(&members, inodes);
    // The service manager keeps a socket for somebody else, who may be anywhere.
    let has_holder = |inode: u64| near.of(inode).iter().any(|found| found.pid != 1);
    if inodes.iter().all(has_holder) {
        return Search::new(near, Extent::SomeProcesses);
    }
    everywhere(wanted, pids, inodes, Descriptors::see(wanted))
}

/// Whether the kernel goes through the descriptors of everybody sooner than /proc shows those of `pids`.
///
/// The directory tells how many it has since Linux 6.2 (fs/proc/fd.c, `proc_fd_getattr`); before, they are not counted.
fn are_many(pids: &[u32]) -> bool {
    let mut left = NEARBY_MAX;
    !pids.iter().all(|pid| {
        let count = fs::metadata(format!("/proc/{pid}/fd")).map_or(0, |directory| directory.st_size());
        let steps = usize::try_from(count).unwrap_or(usize::MAX).saturating_add(PROCESS_STEPS);
        left = left.saturating_sub(steps);
        left > 0
    })
}

fn everywhere(wanted: &Wanted, pids: &Pids, inodes: &Inodes, descriptors: Option<Descriptors>) -> Search {
    let told = descriptors.map(|descriptors| ask_kernel(wanted, pids, inodes, descriptors));
    let sweep = told.unwrap_or_else(|| sweep_all(pids.all(), inodes));
    Search::new(sweep, Extent::EveryProcess)
}

/// What the kernel tells of all descriptors; once more where that leaves a socket without a holder, which may have been
/// opened or handed on between the two lists.
///
/// A kernel may keep a process from its own programs too: whoever shows /proc no descriptors may then be the one. To
/// an ordinary user hardly anybody shows his, so that says little about the sockets whose holders were told.
fn ask_kernel(wanted: &Wanted, pids: &Pids, inodes: &Inodes, descriptors: Descriptors) -> Sweep {
    let Descriptors { found, told, .. } = descriptors;
    let mut whole = Sweep { found, told, ..Sweep::default() };
    let mut passes = 1;
    if whole.lacks(inodes).next().is_some()
        && let Some(again) = Descriptors::see(wanted)
    {
        whole.merge(Sweep { found: again.found, ..Sweep::default() });
        passes += 1;
    }
    let mut is_wanted = abreast(inodes.iter());
    whole.found.retain(|found| is_wanted(found.inode));
    let unclaimed: Inodes = whole.lacks(inodes).collect();
    if !unclaimed.is_empty() {
        whole.merge(without_descriptors(&unclaimed));
        passes += 1;
    }
    // Of root's look it is told in any case: what is asked for must not decide what is said of the same socket.
    if geteuid().is_root() {
        whole.hidden = sealed(pids.all());
    } else if !unclaimed.is_empty() {
        whole.reserved = sealed(pids.all());
    }
    // A process is gone through once in a pass; a thread with a table of its own is gone through later.
    if passes > 1 || whole.found.iter().any(|found| found.thread != found.pid) {
        leave_out_the_dead(&mut whole.found);
    }
    whole
}

/// Of two processes that had the same number the later one has it now, and what the other had is no longer had by it.
fn leave_out_the_dead(found: &mut Vec<Found>) {
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    for found in found.iter() {
        let started = last.entry(found.pid).or_default();
        *started = found.started.max(*started);
    }
    found.retain(|found| last.get(&found.pid) == Some(&found.started));
}

/// Who has a socket without a descriptor of it, and which are on their way to somebody.
fn without_descriptors(unclaimed: &Inodes) -> Sweep {
    let mut sweep = Sweep::default();
    let asked = Asked { ports: PortRange::EVERY, connections: true };
    let Ok(sight) = Sight::open(&[(List::Kept, asked)]) else { return sweep };
    // What cannot be learnt stays untold.
    let _ = sight.read(List::Kept, |record| {
        if record.queued && unclaimed.contains(record.inode) {
            sweep.queued.insert(record.inode);
        } else if unclaimed.contains(record.inode) {
            sweep.found.push(Found::of(&record));
        }
    });
    sweep
}

/// How many processes do not show where their descriptors lead.
fn sealed(pids: &[u32]) -> u32 {
    let count = share(
        pids,
        || 0,
        |count, &pid| {
            *count += u32::from(proc::hides_descriptors(pid));
            2
        },
    );
    count.into_iter().sum()
}

/// Every process, and where that leaves a socket without a holder, those that are there by then, and every thread
/// with a table of its own.
///
/// Where a process hides its descriptors the socket is most likely there, and nobody is asked again but the threads of
/// those that hide nothing.
fn sweep_all(pids: &[u32], inodes: &Inodes) -> Sweep {
    let mut whole = sweep(pids, inodes);
    if whole.lacks(inodes).next().is_none() {
        return whole;
    }
    // It may have been handed on to a process that was not there yet, or that was asked before it had it.
    let now = proc::pids().unwrap_or_default();
    if whole.hidden == 0 {
        whole.merge(sweep(&now, &whole.lacks(inodes).collect()));
    }
    let unclaimed: Inodes = whole.lacks(inodes).collect();
    if !unclaimed.is_empty() {
        whole.merge(threads::sweep(&now, &unclaimed));
    }
    whole
}

/// What a sweep over processes found.
#[derive(Debug, Default)]
pub(super) struct Sweep {
    /// Who holds the wanted sockets, in order of socket and process; a process once for each, with its lowest
    /// descriptor.
    found: Vec<Found>,
    /// The tick in which the kernel began to tell of them; 0 where it tells nothing.
    told: u64,
    /// Sockets that wait in a queue to be received.
    queued: HashSet<u64>,
    /// How many processes did not show their descriptors; those that are not even listed count as one.
    pub(super) hidden: u32,
    /// How many threads were not asked any more.
    unasked: usize,
    /// How many did not show them to an ordinary user, whom the kernel told all that its programs see.
    pub(super) reserved: u32,
}

impl Sweep {
    /// Who was seen to hold the socket with this inode.
    fn of(&self, inode: u64) -> &[Found] {
        of(&self.found, inode)
    }

    /// Those of `inodes` that nobody was seen to hold.
    fn lacks(&self, inodes: &Inodes) -> impl Iterator<Item = u64> {
        let mut is_held = abreast(self.found.iter().map(|found| found.inode));
        inodes.iter().filter(move |&inode| !is_held(inode))
    }

    fn merge(&mut self, other: Self) {
        self.hidden += other.hidden;
        self.unasked += other.unasked;
        self.queued.extend(other.queued);
        self.found.extend(other.found);
        settle(&mut self.found);
    }
}

/// Those in a list in order of inode that have this one.
fn of(found: &[Found], inode: u64) -> &[Found] {
    let first = found.partition_point(|found| found.inode < inode);
    let count = found[first..].partition_point(|found| found.inode == inode);
    &found[first..first + count]
}

/// Puts what was found in order, each process once for a socket.
pub(super) fn settle(found: &mut Vec<Found>) {
    found.sort_unstable_by_key(|found| (found.inode, found.pid, Reverse(found.started), found.fd));
    found.dedup_by_key(|found| (found.inode, found.pid));
}

/// Looks through the descriptors of `pids` for sockets with these inodes.
fn sweep(pids: &[u32], inodes: &Inodes) -> Sweep {
    let mut whole = Sweep::default();
    if inodes.is_empty() {
        return whole;
    }
    for part in share(pids, Sweep::default, |sweep, &pid| visit(pid, inodes, sweep)) {
        whole.hidden += part.hidden;
        whole.found.extend(part.found);
    }
    settle(&mut whole.found);
    whole
}

/// Looks through one process; how many steps it took.
fn visit(pid: u32, inodes: &Inodes, sweep: &mut Sweep) -> usize {
    match open_descriptors(pid) {
        Ok(directory) => return 1 + visit_descriptors(pid, pid, &directory, inodes, sweep),
        // ENOENT and ESRCH: it ended meanwhile, and its sockets with it.
        Err(Errno::ACCESS | Errno::PERM) => sweep.hidden += 1,
        Err(_) => {}
    }
    1
}

fn open_descriptors(pid: u32) -> rustix::io::Result<OwnedFd> {
    let mut path = [0; 24];
    let mut rest = path.as_mut_slice();
    write!(rest, "/proc/{pid}/fd").expect("a path of at most 19 bytes fits");
    let length = 24 - rest.len();
    openat(CWD, &path[..length], OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// Looks where each descriptor leads; how many there are.
///
/// Nothing is allocated for a descriptor: its name and its link stay in buffers on the stack.
fn visit_descriptors(
    pid: u32,
    thread: u32,
    directory: &OwnedFd,
    inodes: &Inodes,
    sweep: &mut Sweep,
) -> usize {
    let mut count = 0;
    let mut buffer = [MaybeUninit::uninit(); 32 * 1024];
    let mut link = [0; 32];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(Ok(entry)) = entries.next() {
        let Some(fd) = number(entry.file_name().to_bytes()) else { continue };
        count += 1;
        let length = match readlinkat_raw(directory, entry.file_name(), &mut link) {
            Ok(length) => length,
            // A process may list its descriptors and still not show where they lead.
            Err(Errno::ACCESS | Errno::PERM) => {
                sweep.hidden += 1;
                return count;
            }
            Err(_) => continue,
        };
        let Some(inode) = socket_inode(&link[..length]).filter(|&inode| inodes.contains(inode)) else {
            continue;
        };
        sweep.found.push(Found { pid, thread, fd, inode, started: 0 });
    }
    count
}

/// `socket:[4711]`.
fn socket_inode(link: &[u8]) -> Option<u64> {
    number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

fn number<N: std::str::FromStr>(digits: &[u8]) -> Option<N> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, net::TcpListener, os::fd::AsRawFd, os::linux::fs::MetadataExt};

    #[test]
    fn our_own_socket_is_found_with_its_lowest_descriptor() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _twin = listener.try_clone().unwrap();
        let path = format!("/proc/self/fd/{}", listener.as_raw_fd());
        let inode = fs::metadata(path).unwrap().st_ino();
        let own = std::process::id();
        let sweep = sweep(&[own], &[inode].into_iter().collect());
        let fd = u32::try_from(listener.as_raw_fd()).unwrap();
        assert_eq!(sweep.of(inode), [Found { pid: own, thread: own, fd, inode, started: 0 }]);
    }

    #[test]
    fn many_descriptors_are_counted_before_they_are_looked_through() {
        let own = std::process::id();
        assert!(!are_many(&[own]));
        assert!(are_many(&vec![own; NEARBY_MAX]), "a process is worth some steps whatever it has open");
        let held: Vec<_> = (0..NEARBY_MAX / 8).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        // Linux 6.1 does not tell how many there are.
        let counts = fs::metadata("/proc/self/fd").unwrap().st_size() > 0;
        assert_eq!(are_many(&[own; 9]), counts);
        drop(held);
    }

    #[test]
    fn what_a_process_had_is_not_had_by_the_next_of_its_number() {
        let found = |pid, inode, started| Found { pid, thread: pid, fd: 3, inode, started };
        // What both had is the later one's, and what only the earlier had is nobody's.
        let mut all =
            vec![found(7, 1, 100), found(8, 1, 150), found(7, 2, 200), found(7, 1, 200), found(7, 3, 100)];
        settle(&mut all);
        leave_out_the_dead(&mut all);
        assert_eq!(all, [found(7, 1, 200), found(8, 1, 150), found(7, 2, 200)]);
    }

    #[test]
    fn whoever_may_have_started_since_is_asked_for_the_descriptor_itself() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fd = listener.as_raw_fd();
        let inode = fs::metadata(format!("/proc/self/fd/{fd}")).unwrap().st_ino();
        let own = std::process::id();
        let started_ticks = proc::stat::of(own).unwrap().started_ticks;
        let found =
            |thread, inode, started| Found { pid: own, thread, fd: fd.cast_unsigned(), inode, started };
        let started = started_ticks * 10_000_000;
        let of = |inode, started, told| found(own, inode, started).is_of(started_ticks, told);
        assert!(of(inode, started, 0) && of(inode, 0, 0));
        assert!(!of(inode + 1, started, started_ticks), "another could have our number, and our tick");
        assert!(!of(inode, started + 10_000_000, u64::MAX), "another has our number");
        assert!(of(inode + 1, started, started_ticks + 1), "nobody can have started before that tick since");
        assert!(!of(inode + 1, 0, u64::MAX), "nobody told when it started");
    }

    #[test]
    fn a_thread_counts_while_it_is_one_of_the_process() {
        let own = std::process::id();
        let started_ticks = proc::stat::of(own).unwrap().started_ticks;
        let started = started_ticks * 10_000_000;
        let of = |thread| Found { pid: own, thread, fd: 0, inode: 0, started }.is_of(started_ticks, u64::MAX);
        let thread = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        assert_ne!(thread, own, "a test runs in a thread of its own");
        assert!(of(thread), "it need not show its descriptors");
        assert!(!of(1), "it is another process'");
    }

    #[test]
    fn only_a_socket_link_has_an_inode() {
        assert_eq!(socket_inode(b"socket:[4711]"), Some(4711));
        assert_eq!(socket_inode(b"pipe:[4711]"), None);
        assert_eq!(socket_inode(b"socket:[471"), None);
    }
}
