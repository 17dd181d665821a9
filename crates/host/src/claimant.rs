//! Who asks the ledger, on which host and when: told so that a number that is used again is not the same process (A24).

use std::{
    collections::BTreeMap,
    fs,
    os::{fd::AsFd, unix::fs::MetadataExt as _},
};

use portreeve_core::ledger::{BootTime, ClaimId, Now, ProcessId};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{fstat, fstatfs},
    io::Errno,
    process::{Pid, PidfdFlags, pidfd_open},
    rand::{GetRandomFlags, getrandom},
};

use crate::{boot_id::boot_id, observe::clock, proc};

/// Where the host is named for good (machine-id(5)), and where it was before there was systemd.
const MACHINE_IDS: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
const MACHINE_ID_DIGITS: usize = 32;
/// The file system of pidfds, in which each has an inode of its own (Linux 6.9, include/uapi/linux/magic.h, `PID_FS_MAGIC`).
const PIDFS: u64 = 0x5049_4446;

/// The id of this host; `None` where it has none yet.
#[must_use]
pub fn machine() -> Option<String> {
    let is_id =
        |id: &String| id.len() == MACHINE_ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let read = |path| fs::read_to_string(path).ok().map(|text: String| text.trim().to_owned()).filter(is_id);
    MACHINE_IDS.into_iter().find_map(read)
}

/// What tells an ask from every other one (getrandom(2)); `None` where the kernel has no chance to give.
#[must_use]
pub fn chance() -> Option<ClaimId> {
    let mut bytes = [0; size_of::<u128>()];
    let count = getrandom(&mut bytes, GetRandomFlags::empty()).ok()?;
    (count == bytes.len()).then(|| ClaimId(u128::from_ne_bytes(bytes)))
}

/// The time on both clocks; `None` where the kernel hides which boot it is.
#[must_use]
pub fn now() -> Option<Now> {
    let milliseconds = clock::since_boot() / 1_000_000;
    Some(Now { wall: clock::now(), boot: BootTime { boot_id: boot_id()?, milliseconds } })
}

/// The process that has the number `pid` now; `None` where nobody has it, or it cannot be told who it is.
#[must_use]
pub fn process(machine: &str, pid: u32) -> Option<ProcessId> {
    told(machine, pid).flatten()
}

/// Who has each of `pids` now: who is missing has gone, and `None` is somebody of whom nobody can tell who he is.
#[must_use]
pub fn occupants(machine: &str, pids: impl IntoIterator<Item = u32>) -> BTreeMap<u32, Option<ProcessId>> {
    pids.into_iter().filter_map(|pid| Some((pid, told(machine, pid)?))).collect()
}

fn told(machine: &str, pid: u32) -> Option<Option<ProcessId>> {
    let number = Pid::from_raw(i32::try_from(pid).ok()?)?;
    let process = match pidfd_open(number, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH | Errno::INVAL) => return None,
        Err(_) => return Some(None),
    };
    let identity = || {
        let started_ticks = proc::stat::of(pid)?.started_ticks;
        Some(ProcessId {
            machine: machine.into(),
            boot_id: boot_id()?,
            pid,
            started_ticks,
            inode: inode(&process),
            namespace: namespace(),
        })
    };
    let identity = identity();
    // What /proc told is of this process only where it still lives.
    has_ended(&process).map_or(Some(None), |has_ended| (!has_ended).then_some(identity))
}

/// The namespace in which processes have the numbers that are told here (pid_namespaces(7)).
#[must_use]
pub fn namespace() -> Option<u32> {
    fs::metadata("/proc/self/ns/pid").ok().and_then(|namespace| namespace.ino().try_into().ok())
}

fn inode(process: impl AsFd) -> Option<u64> {
    let is_pidfs = fstatfs(&process).is_ok_and(|system| u64::try_from(system.f_type) == Ok(PIDFS));
    is_pidfs.then(|| fstat(&process).ok().map(|file| file.st_ino)).flatten()
}

/// A pidfd is readable once its process has ended (pidfd_open(2)).
fn has_ended(process: impl AsFd) -> Option<bool> {
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&at_once)).ok().map(|ready| ready > 0)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, id};

    use super::*;

    #[test]
    fn a_process_is_itself_and_no_other() {
        let own = process("m", id()).expect("it lives");
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep is there");
        let other = process("m", child.id()).expect("it lives");
        assert!(own.is(&process("m", id()).expect("it lives")) && !own.is(&other));
        child.kill().and_then(|()| child.wait()).expect("our own child");
        assert_eq!(process("m", child.id()), None);
        assert_eq!(occupants("m", [id(), child.id()]), [(id(), Some(own))].into());
    }

    #[test]
    fn no_two_asks_are_alike() {
        assert_ne!(chance().expect("the kernel has some"), chance().expect("the kernel has some"));
    }

    #[test]
    fn the_time_of_the_boot_goes_on() {
        let (before, after) = (now().expect("a boot"), now().expect("a boot"));
        assert_eq!(before.boot.boot_id, after.boot.boot_id);
        assert!(before.boot.milliseconds <= after.boot.milliseconds);
    }
}
