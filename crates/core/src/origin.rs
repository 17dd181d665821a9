//! What started the holder of a port: its container, a line of a crontab, a person's login, or its unit (A12).

use alloc::string::String;

use crate::{
    activation,
    facts::{Container, HolderGap, Line, Listener, Peer, Process, Session, Snapshot, UnitOrigin},
    owner::is_service_manager,
    unit,
};

/// The units of the daemons that start jobs by the clock, as distributions call them.
const CRONS: [&str; 5] =
    ["cron.service", "crond.service", "cronie.service", "anacron.service", "fcron.service"];
/// The programs of SSH daemons that stand above what a person starts.
const SSH_DAEMONS: [&str; 4] = ["sshd", "sshd-session", "dropbear", "tailscaled"];

/// What started the holder of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// It runs in a container.
    Container(&'a Container),
    /// cron started it.
    Cron {
        /// The daemon's unit.
        unit: &'a str,
        /// The line of a crontab, where exactly one fits.
        line: Option<&'a Line>,
    },
    /// A person started it in a session.
    Login(Login<'a>),
    /// The service manager of a user started it.
    UserUnit {
        /// The unit of that manager.
        unit: &'a str,
        /// Whose manager it is.
        user: Option<&'a str>,
    },
    /// The host's service manager started it.
    Unit {
        /// The unit.
        unit: &'a str,
        /// What is kept of it.
        origin: Option<&'a UnitOrigin>,
        /// The `.socket` through which it is started, and what is kept of that.
        socket: Option<(&'a str, Option<&'a UnitOrigin>)>,
    },
    /// The kernel holds it, and no process was started for it.
    Kernel,
    /// Nothing tells.
    Unknown,
}

/// A login, as far as it can be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Login<'a> {
    /// The scope of the session (`session-4.scope`), where the login manager made one.
    pub scope: Option<&'a str>,
    /// What the login manager keeps of it.
    pub session: Option<&'a Session>,
    /// Who logged in, by the login manager or the kernel's audit.
    pub user: Option<&'a str>,
    /// The far end of the SSH connection, where no login manager tells of one.
    pub peer: Option<&'a Peer>,
}

/// What started the process that holds `listener` and has this number, or its unit where no process was seen.
#[must_use]
pub fn origin<'a>(snapshot: &'a Snapshot, listener: &'a Listener, holder: Option<u32>) -> Origin<'a> {
    let process = holder.and_then(|pid| Some((pid, snapshot.process(pid)?)));
    let process = process.filter(|(_, process)| !is_service_manager(process));
    if listener.gap == Some(HolderGap::Kernel) {
        return Origin::Kernel;
    }
    let Some((pid, process)) = process else { return unit_origin(snapshot, listener, None) };
    if let Some(container) = &process.container {
        return Origin::Container(container);
    }
    if let Some(unit) = &process.user_unit {
        return Origin::UserUnit { unit, user: manager_user(snapshot, process) };
    }
    match process.unit.as_deref() {
        Some(unit) if CRONS.contains(&unit) => {
            let line = snapshot.origins.as_ref().and_then(|origins| origins.jobs.get(&pid));
            Origin::Cron { unit, line }
        }
        Some(unit) if unit::is_service_or_socket(unit) => unit_origin(snapshot, listener, Some(process)),
        _ => login(snapshot, pid, process),
    }
}

/// Whose manager stands above `process`, which may be another user's: sudo(8), or a container with users of its own. By
/// name where anybody who was seen is that user, else by number.
fn manager_user<'a>(snapshot: &'a Snapshot, process: &'a Process) -> Option<&'a str> {
    let number = unit::user_of_manager(process.unit.as_deref()?)?;
    let above = snapshot.origins.iter().flat_map(|origins| origins.ancestors.values());
    let mut seen = [process].into_iter().chain(snapshot.processes.values()).chain(above);
    let named = number.parse().ok().and_then(|uid: u32| seen.find(|process| process.uid == Some(uid)));
    named.and_then(|process| process.user.as_deref()).or(Some(number))
}

/// Of a socket that its unit's process holds, its unit; of one that waits for its service, that service.
fn unit_origin<'a>(
    snapshot: &'a Snapshot,
    listener: &'a Listener,
    process: Option<&'a Process>,
) -> Origin<'a> {
    let kept = |unit: &str| snapshot.origins.as_ref()?.units.get(unit);
    let made_in = listener.socket_unit.as_deref();
    let socket = activation::socket(snapshot, listener).map(|(socket, _)| (socket, kept(socket)));
    let unit = process.and_then(|process| process.unit.as_deref());
    match unit
        .or(socket.map(|(socket, _)| socket))
        .or(made_in)
        .filter(|unit| unit::is_service_or_socket(unit))
    {
        Some(unit) => {
            Origin::Unit { unit, origin: kept(unit), socket: socket.filter(|(name, _)| *name != unit) }
        }
        None => Origin::Unknown,
    }
}

fn login<'a>(snapshot: &'a Snapshot, pid: u32, process: &'a Process) -> Origin<'a> {
    let Some(origins) = &snapshot.origins else {
        let scope = process.unit.as_deref().filter(|unit| is_session(unit));
        let login = Login { scope, ..Login::default() };
        return if scope.is_some() { Origin::Login(login) } else { Origin::Unknown };
    };
    let scope = process.unit.as_deref().filter(|unit| is_session(unit));
    let session = scope.and_then(|scope| origins.sessions.get(scope));
    let daemon = || {
        let daemons = snapshot.ancestors(pid).filter(|(_, above)| is_ssh_daemon(above));
        daemons.filter_map(|(pid, _)| origins.ssh_peers.get(&pid)).next()
    };
    let peer = if session.is_some_and(|session| session.remote_host.is_some()) { None } else { daemon() };
    let logged_in = origins.logins.get(&pid).map(String::as_str);
    let user = session.and_then(|session| session.user.as_deref()).or(logged_in);
    if scope.is_none() && peer.is_none() && user.is_none() {
        return Origin::Unknown;
    }
    Origin::Login(Login { scope, session, user, peer })
}

/// `session-4.scope`, `session-c1.scope` (pam_systemd(8)).
fn is_session(unit: &str) -> bool {
    unit.starts_with("session-") && unit.ends_with(".scope")
}

/// Whether `process` is a daemon through which people log in.
#[must_use]
pub fn is_ssh_daemon(process: &Process) -> bool {
    SSH_DAEMONS.contains(&process.name.as_str())
}

/// Whether this is the unit of a daemon that starts jobs by the clock.
#[must_use]
pub fn is_cron(unit: &str) -> bool {
    CRONS.contains(&unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{Origins, Parent},
        rules::testing::{Scene, scene},
    };

    fn told(host: &Scene) -> Origin<'_> {
        let listener = &host.snapshot.listeners[0];
        origin(&host.snapshot, listener, listener.holders.first().map(|hold| hold.pid))
    }

    fn with(mut host: Scene, change: impl FnOnce(&mut Origins, u32)) -> Scene {
        let pid = host.snapshot.listeners[0].holders.first().map_or(0, |hold| hold.pid);
        change(host.snapshot.origins.get_or_insert_default(), pid);
        host
    }

    fn line() -> Line {
        Line { path: "/etc/cron.d/shop".into(), number: 3, text: String::new() }
    }

    #[test]
    fn a_service_was_started_by_its_unit() {
        let kept = UnitOrigin { file: Some("/lib/nginx.service".into()), ..UnitOrigin::default() };
        let host = with(scene().listens("nginx.service", "0.0.0.0:80/tcp"), |origins, _| {
            origins.units.insert("nginx.service".into(), kept.clone());
        });
        let expected = Origin::Unit { unit: "nginx.service", origin: Some(&kept), socket: None };
        assert_eq!(told(&host), expected);
    }

    #[test]
    fn a_socket_unit_starts_its_service() {
        let host = scene().listens("cups.service", "0.0.0.0:631/tcp").socket(|socket| {
            socket.socket_unit = Some("cups.socket".into());
        });
        let socket = Some(("cups.socket", None));
        assert_eq!(told(&host), Origin::Unit { unit: "cups.service", origin: None, socket });
        let waiting = scene().listens("init.scope", "0.0.0.0:631/tcp").socket(|socket| {
            socket.socket_unit = Some("cups.socket".into());
        });
        assert_eq!(told(&waiting), Origin::Unit { unit: "cups.socket", origin: None, socket: None });
    }

    #[test]
    fn what_cron_started_is_a_line_of_a_crontab() {
        let host = with(scene().listens("cron.service", "0.0.0.0:8123/tcp"), |origins, pid| {
            origins.jobs.insert(pid, line());
        });
        assert_eq!(told(&host), Origin::Cron { unit: "cron.service", line: Some(&line()) });
    }

    #[test]
    fn a_person_is_known_by_the_login_manager_or_else_by_the_connection() {
        let session = Session {
            user: Some("dev".into()),
            remote_host: Some("198.51.100.9".into()),
            ..Session::default()
        };
        let host = with(scene().listens("session-4.scope", "[::]:3000/tcp"), |origins, _| {
            origins.sessions.insert("session-4.scope".into(), session.clone());
        });
        let login =
            Login { scope: Some("session-4.scope"), session: Some(&session), user: Some("dev"), peer: None };
        assert_eq!(told(&host), Origin::Login(login));

        let peer = Peer { address: "198.51.100.7".parse().unwrap(), port: 4711 };
        let mut host = with(scene().listens("lab.scope", "[::]:3000/tcp"), |origins, _| {
            let daemon = Process { name: "sshd".into(), ..Process::default() };
            origins.ancestors.insert(40, daemon);
            origins.ssh_peers.insert(40, peer.clone());
        });
        assert_eq!(told(&host), Origin::Unknown, "nobody known stands above it");
        let parent = Some(Parent { pid: 40, name: "sshd".into() });
        host.snapshot.processes.values_mut().for_each(|process| process.parent.clone_from(&parent));
        assert_eq!(told(&host), Origin::Login(Login { peer: Some(&peer), ..Login::default() }));
    }

    #[test]
    fn a_users_manager_is_that_users_whoever_runs_below_it() {
        let mut host = scene().listens("user@1000.service", "0.0.0.0:8080/tcp");
        let holder = host.snapshot.processes.values_mut().next().unwrap();
        holder.user_unit = Some("web.service".into());
        (holder.user, holder.uid) = (Some("root".into()), Some(0));
        let told_user = |user| Origin::UserUnit { unit: "web.service", user: Some(user) };
        assert_eq!(told(&host), told_user("1000"), "nobody was seen who has that number");
        let host = with(host, |origins, _| {
            let manager = Process {
                user: Some("dev".into()),
                uid: Some(1000),
                name: "systemd".into(),
                ..Process::default()
            };
            origins.ancestors.insert(40, manager);
        });
        assert_eq!(told(&host), told_user("dev"));
    }

    #[test]
    fn nothing_was_started_for_what_the_kernel_holds() {
        let host = scene().listens("nfs.service", "0.0.0.0:2049/tcp").socket(|socket| {
            socket.holders.clear();
            socket.gap = Some(HolderGap::Kernel);
        });
        assert_eq!(told(&host), Origin::Kernel);
    }

    #[test]
    fn where_nothing_was_asked_the_unit_alone_is_told() {
        let host = scene().listens("nginx.service", "0.0.0.0:80/tcp");
        assert_eq!(told(&host), Origin::Unit { unit: "nginx.service", origin: None, socket: None });
        assert_eq!(told(&scene().listens("lab.scope", "0.0.0.0:80/tcp")), Origin::Unknown);
        let session = Login { scope: Some("session-4.scope"), ..Login::default() };
        assert_eq!(told(&scene().listens("session-4.scope", "0.0.0.0:80/tcp")), Origin::Login(session));
    }
}
