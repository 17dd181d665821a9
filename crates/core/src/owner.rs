//! Who somebody is, whom a policy means, and the only place where the two are compared (A12, A24).

mod roll;

pub use roll::Roll;

use alloc::{format, string::String};
use core::fmt;

use crate::{
    facts::{Container, Listener, Process},
    guard::digest_of_mark,
    unit,
};

/// Whom a policy means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A unit of the host's service manager; `*` stands for any instance (`postgresql@*.service`).
    Unit(String),
    /// A user, by name or number.
    User(String),
    /// An executable by absolute path; of the script of an interpreter nobody can tell for sure who runs it.
    Exe(String),
    /// A cgroup by path, with everything below it.
    Cgroup(String),
    /// A container, by name or by the beginning of its id.
    Container(String),
    /// Whoever has a socket that was marked so as it was made (`portreeve guard mark`).
    Mark(String),
}

impl Owner {
    /// The key that the policy writes it under.
    #[must_use]
    pub const fn key(&self) -> &'static str {
        match self {
            Self::Unit(_) => "unit",
            Self::User(_) => "user",
            Self::Exe(_) => "exe",
            Self::Cgroup(_) => "cgroup",
            Self::Container(_) => "container",
            Self::Mark(_) => "mark",
        }
    }

    /// Whether it is a unit that is called after `other`, as one in which somebody tests it: `nginx-test.service` beside
    /// `nginx.service` (systemd-run(1)).
    #[must_use]
    pub fn is_called_after(&self, other: &Self) -> bool {
        let (Self::Unit(own), Self::Unit(other)) = (self, other) else { return false };
        let stem = other.strip_suffix(".service");
        let rest = own.strip_suffix(".service").zip(stem).and_then(|(own, stem)| own.strip_prefix(stem));
        rest.is_some_and(|rest| rest.starts_with('-'))
    }

    /// The one that stands under `key`; `None` where there is no such key.
    #[must_use]
    pub fn of(key: &str, value: String) -> Option<Self> {
        Some(match key {
            "unit" => Self::Unit(value),
            "user" => Self::User(value),
            "exe" => Self::Exe(value),
            "cgroup" => Self::Cgroup(value),
            "container" => Self::Container(value),
            "mark" => Self::Mark(value),
            _ => return None,
        })
    }

    /// What stands beside the key.
    #[must_use]
    pub fn value(&self) -> &str {
        match self {
            Self::Unit(value)
            | Self::User(value)
            | Self::Exe(value)
            | Self::Cgroup(value)
            | Self::Container(value)
            | Self::Mark(value) => value,
        }
    }
}

impl fmt::Display for Owner {
    /// The value alone, as tables show it; a user says so, since a bare name could be anything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "user {user}"),
            Self::Mark(mark) => write!(f, "mark {mark}"),
            other => f.write_str(other.value()),
        }
    }
}

/// Who somebody was observed to be; what could not be seen is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity<'a> {
    /// The host manager's unit; only meaningful when `cgroup` is known.
    pub unit: Option<&'a str>,
    /// The cgroup path: known means that unit and container are known too, also where there is none.
    pub cgroup: Option<&'a str>,
    /// The container of the host; a rootless one is a program of its user.
    pub container: Option<&'a Container>,
    /// The executable.
    pub exe: Option<&'a str>,
    /// Whether the executable's path is one of another mount namespace, where its user may have put it.
    pub exe_elsewhere: bool,
    /// The script that an interpreter runs, as its command line says: whoever runs may have rewritten that.
    pub script: Option<&'a str>,
    /// Name of the user.
    pub user: Option<&'a str>,
    /// Number of the user.
    pub uid: Option<u32>,
    /// The digest of the mark of the socket, where the guard tells of it; none of one without a mark.
    pub mark: Option<Option<u64>>,
    /// What all of this was read from.
    pub evidence: Evidence,
}

/// What somebody is known from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Evidence {
    /// A process that holds the socket.
    #[default]
    Holder,
    /// The socket alone: whoever holds it was not seen, and may have moved to its unit after it bound.
    Socket,
    /// The `.socket` for which the service manager opened it: the guard asks for nobody else.
    SocketUnit,
}

/// What tells one observed owner from another, whatever its pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lasting<'a> {
    /// A container, by name or id.
    Container(&'a str),
    /// A unit of the host's service manager, without its suffix: a socket unit is its service.
    Service(&'a str),
    /// An executable or script, and its user.
    Program(&'a str, &'a str),
}

impl fmt::Display for Lasting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Container(name) => write!(f, "container {name}"),
            Self::Service(stem) => write!(f, "{stem}.service"),
            Self::Program(program, user) => write!(f, "{program} ({user})"),
        }
    }
}

/// Whether an observed somebody is the one that a policy means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// What would decide it could not be seen.
    Unknown,
}

impl Match {
    const fn of(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl<'a> Identity<'a> {
    /// The identity of a holder of `listener`.
    ///
    /// A socket that the service manager holds for a unit (socket activation: pid 1 in init.scope) belongs to the
    /// unit in whose cgroup it was created; program and user of the unit that it will start are not known yet.
    #[must_use]
    pub fn of_holder(process: &'a Process, listener: &'a Listener) -> Self {
        if is_service_manager(process) {
            return Self { uid: None, evidence: Evidence::Holder, ..Self::of_socket(listener) };
        }
        Self { mark: mark_of(listener), ..Self::of_process(process) }
    }

    /// The identity of a process, whatever it holds.
    #[must_use]
    pub fn of_process(process: &'a Process) -> Self {
        Self {
            unit: process.unit.as_deref(),
            cgroup: process.cgroup.as_deref(),
            container: process.host_container(),
            exe: process.exe.as_deref(),
            exe_elsewhere: process.exe_elsewhere,
            script: process.script.as_deref(),
            user: process.user.as_deref(),
            uid: process.uid,
            mark: None,
            evidence: Evidence::Holder,
        }
    }

    /// What the socket alone tells about whoever created it, where no holder can be seen.
    ///
    /// The service manager creates sockets for others: one that it created in its own cgroup tells nothing.
    /// The cgroup is the one in which the socket was created, where its holder need not be any more: it can only agree.
    #[must_use]
    pub fn of_socket(listener: &'a Listener) -> Self {
        let told = listener.socket_unit.as_deref() != Some(SERVICE_MANAGER);
        Self {
            unit: listener.socket_unit.as_deref().filter(|_| told),
            cgroup: listener.socket_cgroup.as_deref().filter(|_| told),
            uid: listener.uid,
            mark: mark_of(listener),
            evidence: Evidence::Socket,
            ..Self::default()
        }
    }

    /// Who the guard takes for the opener of a socket that the service manager opens for a `.socket`: a child of the manager, in
    /// the control group of that unit (systemd, src/core/socket.c, `socket_open_fds`). None of any other socket.
    #[must_use]
    pub fn of_socket_unit(listener: &'a Listener) -> Option<Self> {
        listener.socket_unit.as_deref().filter(|unit| unit.ends_with(".socket"))?;
        let (user, uid) = (Some("root"), Some(0));
        Some(Self { user, uid, evidence: Evidence::SocketUnit, ..Self::of_socket(listener) })
    }

    /// Whether `owner` means this somebody.
    #[must_use]
    pub fn matches(&self, owner: &Owner) -> Match {
        match owner {
            Owner::Unit(pattern) => self.is_unit(pattern),
            Owner::Cgroup(path) => self.known_place(|| self.cgroup.is_some_and(|own| is_below(own, path))),
            Owner::Container(_) if self.forwards_for_containers() => Match::Unknown,
            Owner::Container(name) => self.is_in_container(name),
            Owner::User(user) => self.is_user(user),
            Owner::Exe(path) => self.is_exe(path),
            Owner::Mark(name) => {
                self.mark.map_or(Match::Unknown, |mark| Match::of(mark == Some(digest_of_mark(name))))
            }
        }
    }

    /// Whether any of `owners` means this somebody; no owner means anybody.
    #[must_use]
    pub fn matches_any(&self, owners: &[Owner]) -> Match {
        if owners.is_empty() {
            return Match::Yes;
        }
        let mut best = Match::No;
        for owner in owners {
            match self.matches(owner) {
                Match::Yes => return Match::Yes,
                Match::Unknown => best = Match::Unknown,
                Match::No => {}
            }
        }
        best
    }

    /// What stays the same when the process restarts: container, else a `.service` unit, else executable with user.
    ///
    /// `None` where too little could be seen to tell one from another.
    #[must_use]
    pub fn lasting_owner(&self) -> Option<Lasting<'a>> {
        if let Some(container) = self.container {
            return Some(Lasting::Container(container.name.as_deref().unwrap_or(&container.id)));
        }
        match self.unit.filter(|unit| unit::is_service_or_socket(unit)) {
            Some(unit) => Some(Lasting::Service(unit::stem(unit))),
            None => Some(Lasting::Program(self.script.or(self.exe)?, self.user?)),
        }
    }

    /// The same, as text.
    #[must_use]
    pub fn lasting(&self) -> Option<String> {
        self.lasting_owner().map(|owner| format!("{owner}"))
    }

    fn known_place(&self, decide: impl FnOnce() -> bool) -> Match {
        if self.cgroup.is_none() {
            return Match::Unknown;
        }
        match (decide(), self.evidence) {
            (true, _) => Match::Yes,
            (false, Evidence::Holder | Evidence::SocketUnit) => Match::No,
            (false, Evidence::Socket) => Match::Unknown,
        }
    }

    /// Without its runtime's files a container has no name, and could be the one that is meant.
    fn is_in_container(&self, name: &str) -> Match {
        match self.container {
            Some(container) if container.name.is_none() && !is_container(name, container) => Match::Unknown,
            container => self.known_place(|| container.is_some_and(|it| is_container(name, it))),
        }
    }

    /// `Service=` may name another unit than the socket's own (systemd.socket(5)), so a `.socket` never says no, but to the guard.
    fn is_unit(&self, pattern: &str) -> Match {
        match self.unit {
            Some(unit) if is_unit(pattern, unit) => self.known_place(|| true),
            Some(unit) if unit.ends_with(".socket") && self.evidence != Evidence::SocketUnit => {
                Match::Unknown
            }
            _ => self.known_place(|| false),
        }
    }

    /// A published port of a container is held by its engine's forwarder, outside the container's cgroup.
    ///
    /// Anybody may start the forwarders: those of other users than root serve rootless containers.
    #[must_use]
    pub fn forwards_for_containers(&self) -> bool {
        const ENGINES: [&str; 4] =
            ["docker.service", "containerd.service", "podman.service", "snap.docker.dockerd.service"];
        const FORWARDERS: [&str; 6] =
            ["docker-proxy", "dockerd", "rootlessport", "conmon", "slirp4netns", "pasta"];
        let exe = self.exe.filter(|exe| exe.starts_with("/usr/") && !self.exe_elsewhere);
        let program = exe.and_then(|exe| exe.rsplit('/').next());
        self.container.is_none()
            && self.uid.is_none_or(|uid| uid == 0)
            && (self.unit.is_some_and(|unit| ENGINES.contains(&unit))
                || program.is_some_and(|program| FORWARDERS.contains(&program)))
    }

    /// A number alone is the creator's of a socket whose holder was not seen, so it can only agree.
    fn is_user(&self, user: &str) -> Match {
        let numbered = self.uid.is_some() && self.uid == user.parse().ok();
        match self.user {
            Some(name) => Match::of(name == user || numbered),
            None if numbered => Match::Yes,
            None => Match::Unknown,
        }
    }

    /// A process overwrites its arguments at will, so the name of a script proves nobody; without it there is no claim.
    /// Nor does a path of a mount namespace that it may have made itself.
    fn is_exe(&self, path: &str) -> Match {
        match self.exe {
            None => Match::Unknown,
            Some(exe) if exe == path && self.exe_elsewhere => Match::Unknown,
            Some(exe) if exe == path => Match::Yes,
            Some(_) if self.script == Some(path) => Match::Unknown,
            Some(_) => Match::No,
        }
    }
}

/// Of a socket of which nothing was written down the mark is not known.
fn mark_of(listener: &Listener) -> Option<Option<u64>> {
    listener.opening.as_ref().map(|opening| opening.mark)
}

/// The cgroup of pid 1, which holds the sockets of units that it has not started yet.
const SERVICE_MANAGER: &str = "init.scope";

/// Whether it is pid 1 (systemd.special(7), init.scope), which holds sockets for units.
#[must_use]
pub fn is_service_manager(process: &Process) -> bool {
    process.unit.as_deref() == Some(SERVICE_MANAGER)
}

/// Whether the unit that a policy calls so is this one: any instance of a template, and a socket is its service.
pub(crate) fn is_unit(pattern: &str, unit: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else {
        return unit::served_by(pattern) == unit::served_by(unit);
    };
    if unit.strip_suffix(".socket").is_some_and(|socket| unit::accepting(pattern) == Some(socket)) {
        return true;
    }
    let (stem, suffix) = unit::served_by(unit);
    let (after, after_suffix) = unit::served_by(after);
    suffix == after_suffix
        && stem.len() >= before.len() + after.len()
        && stem.starts_with(before)
        && stem.ends_with(after)
}

fn is_below(own: &str, path: &str) -> bool {
    let path = path.trim_matches('/');
    let own = own.trim_matches('/');
    own.strip_prefix(path).is_some_and(|rest| rest.is_empty() || path.is_empty() || rest.starts_with('/'))
}

/// Whether `name` means `container`: its name, its id, or as much of that as engines show.
pub(crate) fn is_container(name: &str, container: &Container) -> bool {
    container.name.as_deref() == Some(name)
        || container.id == name
        || (name.len() >= 12 && container.id.starts_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_unit<'a>(unit: &'a str, cgroup: &'a str) -> Identity<'a> {
        Identity { unit: Some(unit), cgroup: Some(cgroup), ..Identity::default() }
    }

    #[test]
    fn only_the_host_managers_unit_satisfies_a_unit_owner() {
        let owner = Owner::Unit("nginx.service".into());
        assert_eq!(in_unit("nginx.service", "/system.slice/nginx.service").matches(&owner), Match::Yes);
        let own = in_unit("user@1000.service", "/user.slice/user@1000.service/app.slice/nginx.service");
        assert_eq!(own.matches(&owner), Match::No);
    }

    #[test]
    fn a_mark_is_known_where_the_guard_tells_of_the_socket() {
        let owner = Owner::Mark("web".into());
        let marked = |mark| Identity { mark, ..Identity::default() }.matches(&owner);
        assert_eq!(marked(None), Match::Unknown);
        assert_eq!(marked(Some(None)), Match::No);
        assert_eq!(marked(Some(Some(digest_of_mark("db")))), Match::No);
        assert_eq!(marked(Some(Some(digest_of_mark("web")))), Match::Yes);
    }

    #[test]
    fn a_star_stands_for_any_instance_and_nothing_else() {
        let owner = Owner::Unit("postgresql@*.service".into());
        assert_eq!(in_unit("postgresql@15-main.service", "/x").matches(&owner), Match::Yes);
        assert_eq!(in_unit("postgresql.service", "/x").matches(&owner), Match::No);
    }

    #[test]
    fn a_socket_unit_is_its_service() {
        let owner = Owner::Unit("ssh.service".into());
        assert_eq!(in_unit("ssh.socket", "/system.slice/ssh.socket").matches(&owner), Match::Yes);
        let any = Owner::Unit("sys*.socket".into());
        assert_eq!(in_unit("syslog.socket", "/system.slice/syslog.socket").matches(&any), Match::Yes);
        assert_eq!(in_unit("syslog.scope", "/system.slice/syslog.scope").matches(&any), Match::No);
    }

    #[test]
    fn a_socket_whose_connections_are_instances_is_theirs() {
        let owner = Owner::Unit("in@*.service".into());
        assert_eq!(in_unit("in.socket", "/system.slice/in.socket").matches(&owner), Match::Yes);
        assert_eq!(in_unit("in@7.service", "/system.slice/in@7.service").matches(&owner), Match::Yes);
        assert_eq!(in_unit("inn.socket", "/system.slice/inn.socket").matches(&owner), Match::Unknown);
        assert_eq!(in_unit("in.service", "/system.slice/in.service").matches(&owner), Match::No);
    }

    #[test]
    fn a_socket_unit_may_start_another_service() {
        let owner = Owner::Unit("shop.service".into());
        assert_eq!(in_unit("http.socket", "/system.slice/http.socket").matches(&owner), Match::Unknown);
    }

    #[test]
    fn a_forwarder_does_not_say_for_which_container() {
        let proxy = Identity {
            exe: Some("/usr/bin/docker-proxy"),
            ..in_unit("docker.service", "/system.slice/docker.service")
        };
        assert_eq!(proxy.matches(&Owner::Container("web".into())), Match::Unknown);
        let impostor = Identity { exe: Some("/tmp/docker-proxy"), cgroup: Some("/"), ..Identity::default() };
        assert_eq!(impostor.matches(&Owner::Container("web".into())), Match::No);
        let rootless = Identity { uid: Some(1000), exe: Some("/usr/bin/pasta"), ..in_unit("a", "/a") };
        assert_eq!(rootless.matches(&Owner::Container("web".into())), Match::No);
    }

    #[test]
    fn what_cannot_be_seen_is_neither_yes_nor_no() {
        let hidden = Identity::default();
        for owner in [Owner::Unit("a.service".into()), Owner::Exe("/a".into()), Owner::User("a".into())] {
            assert_eq!(hidden.matches(&owner), Match::Unknown, "{owner}");
        }
        assert_eq!(hidden.matches_any(&[]), Match::Yes);
    }

    #[test]
    fn a_script_that_a_command_line_names_proves_nobody() {
        let python = Identity {
            exe: Some("/usr/bin/python3.11"),
            script: Some("/srv/honest.py"),
            user: Some("shop"),
            ..Identity::default()
        };
        let honest = Owner::Exe("/srv/honest.py".into());
        assert_eq!(python.matches(&honest), Match::Unknown);
        assert_eq!(python.matches(&Owner::Exe("/srv/other.py".into())), Match::No);
        assert_eq!(python.matches(&Owner::Exe("/usr/bin/python3.11".into())), Match::Yes);
        assert_eq!(python.matches_any(&[honest, Owner::User("shop".into())]), Match::Yes);
    }

    #[test]
    fn a_path_of_another_mount_namespace_proves_nobody() {
        let sshd = Identity { exe: Some("/usr/sbin/sshd"), exe_elsewhere: true, ..Identity::default() };
        assert_eq!(sshd.matches(&Owner::Exe("/usr/sbin/sshd".into())), Match::Unknown);
        assert_eq!(sshd.matches(&Owner::Exe("/usr/sbin/nginx".into())), Match::No);
        let proxy = Identity {
            exe: Some("/usr/bin/docker-proxy"),
            exe_elsewhere: true,
            ..in_unit("evil.service", "/system.slice/evil.service")
        };
        assert_eq!(proxy.matches(&Owner::Container("web".into())), Match::No);
    }

    #[test]
    fn a_socket_whose_holder_was_not_seen_agrees_or_says_nothing() {
        let alone = |unit, cgroup| Identity { evidence: Evidence::Socket, ..in_unit(unit, cgroup) };
        let web = alone("web.service", "/system.slice/web.service");
        let root = Identity { unit: None, ..alone("", "/") };
        let strangers =
            [Owner::Unit("a.service".into()), Owner::Cgroup("/a".into()), Owner::Container("a".into())];
        for owner in strangers {
            assert_eq!(web.matches(&owner), Match::Unknown, "{owner}");
            assert_eq!(root.matches(&owner), Match::Unknown, "{owner}");
        }
        assert_eq!(web.matches(&Owner::Unit("web.service".into())), Match::Yes);
        assert_eq!(web.matches(&Owner::Cgroup("/system.slice".into())), Match::Yes);
    }

    #[test]
    fn a_cgroup_means_everything_below_it_but_no_namesake() {
        let owner = Owner::Cgroup("/apps.slice/shop".into());
        assert_eq!(in_unit("x", "/apps.slice/shop/worker").matches(&owner), Match::Yes);
        assert_eq!(in_unit("x", "/apps.slice/shopping").matches(&owner), Match::No);
    }

    #[test]
    fn a_user_is_a_name_or_a_number() {
        let somebody = Identity { user: Some("www-data"), uid: Some(33), ..Identity::default() };
        assert_eq!(somebody.matches(&Owner::User("33".into())), Match::Yes);
        assert_eq!(somebody.matches(&Owner::User("www-data".into())), Match::Yes);
        assert_eq!(somebody.matches(&Owner::User("34".into())), Match::No);
        let creator = Identity { uid: Some(0), ..Identity::default() };
        assert_eq!(creator.matches(&Owner::User("0".into())), Match::Yes);
        assert_eq!(creator.matches(&Owner::User("www-data".into())), Match::Unknown);
    }
}
