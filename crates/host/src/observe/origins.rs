//! How the holders of sockets came to run: those above them, and what others keep of their start (A12).
//!
//! Nothing is executed and nobody is asked: every answer is a file, and each read of one is bounded.

pub mod crontab;
pub mod session;
mod ssh;
pub mod unit_file;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io::Read as _,
    path::Path,
};

use portreeve_core::{
    activation::is_managers,
    facts::{Line, Listener, Origins, Peer, Process, Session, UnitOrigin},
    origin::{is_cron, is_ssh_daemon},
    port::PortRange,
    unit,
};
use rustix::fs::{Mode, OFlags, open};

use self::crontab::Crontabs;
use super::{delegated, processes, users::Users};
use crate::proc;

/// No file of settings that a person writes is longer.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// The user id of a process that nobody logged in for (`AUDIT_UID_UNSET`, include/uapi/linux/audit.h).
const NO_LOGIN: u32 = u32::MAX;

/// What is known of the start of whoever holds a listener with a number of `range`; `mount` is that of the cgroup2
/// hierarchy.
pub(super) fn tell(
    range: PortRange,
    listeners: &[Listener],
    processes: &BTreeMap<u32, Process>,
    mount: Option<&str>,
) -> Origins {
    let meant: Vec<_> = listeners.iter().filter(|listener| range.contains(listener.port)).collect();
    let holders = meant.iter().flat_map(|listener| &listener.holders).map(|hold| hold.pid).collect();
    let mut ancestors = processes::read_above(&holders, processes);
    delegated::disown(&mut ancestors, mount);
    let seen = Seen { holders, processes, ancestors: &ancestors };
    let units = seen.units(&meant);
    let sessions = seen.sessions();
    let (jobs, ssh_peers, logins) = (seen.jobs(), seen.ssh_peers(&sessions), seen.logins());
    Origins { units, sessions, jobs, ssh_peers, logins, ancestors }
}

/// The holders that are asked about, and everybody around them.
struct Seen<'a> {
    holders: BTreeSet<u32>,
    processes: &'a BTreeMap<u32, Process>,
    ancestors: &'a BTreeMap<u32, Process>,
}

impl<'a> Seen<'a> {
    fn holders(&self) -> impl Iterator<Item = (u32, &'a Process)> {
        self.holders.iter().filter_map(|pid| Some((*pid, self.processes.get(pid)?)))
    }

    /// The units of `listeners`: that a socket's is known does not hang on who may see its holder.
    fn units(&self, listeners: &[&Listener]) -> BTreeMap<String, UnitOrigin> {
        let of_sockets = listeners.iter().filter_map(|listener| listener.socket_unit.clone());
        let of_processes = self.holders().filter_map(|(_, process)| process.unit.clone());
        let mut units: BTreeSet<String> = of_sockets.chain(of_processes).collect();
        let root = Path::new("/");
        if listeners.iter().any(|listener| is_managers(listener)) {
            units.extend(unit_file::sockets(root));
        }
        let services = units.into_iter().filter(|unit| unit::is_service_or_socket(unit));
        services.filter_map(|unit| unit_file::origin(root, &unit).map(|origin| (unit, origin))).collect()
    }

    fn sessions(&self) -> BTreeMap<String, Session> {
        let scopes: BTreeSet<&String> =
            self.holders().filter_map(|(_, process)| process.unit.as_ref()).collect();
        let root = Path::new("/");
        scopes.into_iter().filter_map(|scope| Some((scope.clone(), session::of(root, scope)?))).collect()
    }

    fn jobs(&self) -> BTreeMap<u32, Line> {
        let is_job = |process: &Process| process.unit.as_deref().is_some_and(is_cron);
        let jobs: Vec<_> = self.holders().filter(|(_, process)| is_job(process)).collect();
        if jobs.is_empty() {
            return BTreeMap::new();
        }
        let crontabs = Crontabs::below(Path::new("/"));
        let line = |(pid, process): (u32, &'a Process)| {
            let above = self.above(pid).into_iter().map(|(_, process)| process);
            let lineage: Vec<_> = [process].into_iter().chain(above).filter(|one| is_job(one)).collect();
            Some((pid, crontabs.started(&lineage)?))
        };
        jobs.into_iter().filter_map(line).collect()
    }

    /// Where the login manager tells of the far end nobody else is asked.
    fn ssh_peers(&self, sessions: &BTreeMap<String, Session>) -> BTreeMap<u32, Peer> {
        let is_told = |process: &Process| {
            let session = process.unit.as_ref().and_then(|scope| sessions.get(scope));
            session.is_some_and(|session| session.remote_host.is_some())
        };
        let untold = self.holders().filter(|(_, process)| !is_told(process));
        let above = untold.flat_map(|(pid, _)| self.above(pid));
        let daemons: BTreeSet<u32> =
            above.filter(|(_, process)| is_ssh_daemon(process)).map(|(pid, _)| pid).collect();
        daemons.into_iter().filter_map(|pid| Some((pid, ssh::peer(pid)?))).collect()
    }

    fn logins(&self) -> BTreeMap<u32, String> {
        let uid = |pid: u32| {
            let text = proc::read_text(format!("/proc/{pid}/loginuid"))?;
            text.trim().parse().ok().filter(|uid| *uid != NO_LOGIN)
        };
        let logins: Vec<(u32, u32)> =
            self.holders.iter().filter_map(|pid| Some((*pid, uid(*pid)?))).collect();
        if logins.is_empty() {
            return BTreeMap::new();
        }
        let users = Users::read();
        logins.into_iter().map(|(pid, uid)| (pid, users.name(uid))).collect()
    }

    /// The processes above one, the nearest first.
    fn above(&self, pid: u32) -> Vec<(u32, &'a Process)> {
        let mut above: Vec<(u32, &Process)> = Vec::new();
        let mut child = self.processes.get(&pid);
        while let Some(parent) = child.and_then(|child| child.parent.as_ref()).map(|parent| parent.pid) {
            let process = self.processes.get(&parent).or_else(|| self.ancestors.get(&parent));
            let is_new = parent != pid && above.iter().all(|(known, _)| *known != parent);
            child = process.filter(|_| is_new);
            above.extend(child.map(|process| (parent, process)));
        }
        above
    }
}

/// A regular file as text, where it is no longer than any that a person writes.
///
/// A device or a pipe under its name is never waited for.
fn text(path: &Path) -> Option<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file: File = open(path, flags, Mode::empty()).ok()?.into();
    if !file.metadata().ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= FILE_BYTES_MAX).then(|| proc::text(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::{Holders, Namespaces, Wanted, observe, wanted};

    #[test]
    fn a_pipe_under_the_name_of_a_file_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("portreeve-pipe-{}", std::process::id()));
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert_eq!(text(&path), None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(text(Path::new("/dev/zero")), None);
        assert_eq!(text(Path::new("/nowhere")), None);
    }

    #[test]
    fn those_above_our_own_listener_are_told_where_they_are_asked_for() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let wanted = Wanted {
            ports: Some(PortRange::one(port)),
            holders: Holders::Quick,
            namespaces: Namespaces::Own,
            ..Wanted::LISTENERS
        };
        assert_eq!(observe(&wanted).unwrap().origins, None);
        let told =
            observe(&Wanted { origins: wanted::Origins::Tell(PortRange::one(port)), ..wanted }).unwrap();
        let own = std::process::id();
        let above: Vec<u32> = told.ancestors(own).map(|(pid, _)| pid).collect();
        assert_eq!(above.first(), Some(&std::os::unix::process::parent_id()));
        let other = PortRange::one(port ^ 1);
        let other = observe(&Wanted { origins: wanted::Origins::Tell(other), ..wanted }).unwrap();
        assert_eq!(other.origins, Some(Origins::default()));
    }
}
