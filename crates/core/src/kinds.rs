//! What a listener is known to be: a datastore, a service that talks in the clear, a way to administer a host (A20).
//!
//! A program is believed by its name. A number alone is believed where the program cannot be told, and for
//! well-known numbers also where nothing is known against it.

mod administration;
mod cleartext;
mod daemons;
mod datastores;
mod dhcp;
mod root;

pub use daemons::ordinary_ports;
pub use dhcp::{is_dhcp_client, may_ask_by_dhcp};
pub use root::needs_root;

use crate::port::Protocol;

/// What makes a kind of service dangerous in the wrong place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Nature {
    /// A database, cache, search engine, queue, or the Docker API: whoever reaches it has the data or the host.
    Datastore,
    /// It never encrypts.
    Cleartext,
    /// It encrypts only when client or configuration insist.
    OptionalTls,
    /// It is there to rule the host.
    Administration,
}

/// A kind of service.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// What people call it.
    pub name: &'static str,
    /// What is dangerous about it.
    pub natures: &'static [Nature],
    /// The programs that are it, by file name.
    programs: &'static [&'static str],
    /// Where it lives by habit: first and last number, protocol.
    ports: &'static [(u16, u16, Protocol)],
    /// Whether its programs are it on any other TCP port too.
    elsewhere: Elsewhere,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Elsewhere {
    Too,
    No,
}

/// Programs and units that carry something else, so that their name tells nothing.
const CARRIERS: [&str; 18] = [
    "docker",
    "containerd",
    "podman",
    "openbsd-inetd",
    "java",
    "beam.smp",
    "docker-proxy",
    "rootlessport",
    "conmon",
    "slirp4netns",
    "pasta",
    "systemd",
    "inetd",
    "xinetd",
    "tcpd",
    "socat",
    "init",
    "systemd-socket-proxyd",
];

impl Kind {
    /// Whether it is dangerous in this way.
    #[must_use]
    pub fn is(&self, nature: Nature) -> bool {
        self.natures.contains(&nature)
    }

    fn lives_at(&self, port: u16, protocol: Protocol) -> bool {
        self.ports.iter().any(|&(first, last, own)| own == protocol && first <= port && port <= last)
    }
}

/// What a listener is, from the names of its program (comm, file name, unit) and its number.
///
/// No name, or only names of carriers (java, docker-proxy), leave the decision to the number.
#[must_use]
pub fn kind_of(programs: &[&str], port: u16, protocol: Protocol) -> Option<&'static Kind> {
    let named = all().find(|kind| programs.iter().any(|program| is_program_of(kind, program)));
    match named {
        Some(kind) if kind.lives_at(port, protocol) => return Some(kind),
        Some(kind) if kind.elsewhere == Elsewhere::Too && protocol == Protocol::Tcp => return Some(kind),
        _ => {}
    }
    let unknown = programs.iter().all(|program| is_carrier(program));
    // 514/tcp is rsh's by IANA and syslog's by habit.
    let trusted = port < 1024 && port != 514;
    let unopposed =
        || trusted && named.is_none() && !programs.iter().any(|program| is_foreign(program, port));
    if unknown || unopposed() { all().find(|kind| kind.lives_at(port, protocol)) } else { None }
}

/// Whether this program's name says nothing of what it serves.
#[must_use]
pub fn is_carrier(program: &str) -> bool {
    CARRIERS.contains(&program)
}

fn all() -> impl Iterator<Item = &'static Kind> {
    [datastores::KINDS, cleartext::KINDS, administration::KINDS].into_iter().flatten()
}

fn is_program_of(kind: &Kind, program: &str) -> bool {
    kind.programs.iter().any(|known| is_same_program(known, program))
}

/// The kernel keeps 15 bytes of a name (TASK_COMM_LEN, proc_pid_comm(5)).
fn is_same_program(known: &str, seen: &str) -> bool {
    known == seen || (seen.len() == 15 && known.len() > 15 && known.starts_with(seen))
}

/// An ordinary daemon whose numbers are others.
fn is_foreign(program: &str, port: u16) -> bool {
    ordinary_ports(program).is_some_and(|ports| !ports.contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(programs: &[&str], port: u16) -> Option<&'static str> {
        kind_of(programs, port, Protocol::Tcp).map(|kind| kind.name)
    }

    #[test]
    fn a_program_is_believed_on_any_number() {
        assert_eq!(name(&["redis-server"], 7000), Some("Redis"));
        assert_eq!(name(&["clickhouse-serv"], 1), Some("ClickHouse"));
    }

    #[test]
    fn a_number_is_believed_only_where_nothing_is_known_against_it() {
        assert_eq!(name(&[], 6379), Some("Redis"));
        assert_eq!(name(&["docker-proxy"], 6379), Some("Redis"));
        assert_eq!(name(&["java"], 9200), Some("Elasticsearch"));
        assert_eq!(name(&["nginx"], 6379), None);
        assert_eq!(name(&["app.py"], 6379), None);
    }

    #[test]
    fn a_well_known_number_is_believed_of_a_program_that_nobody_knows() {
        assert_eq!(name(&["ftp.py"], 21), Some("FTP"));
        assert_eq!(name(&["sshd"], 23), None);
        assert_eq!(name(&["rsyslogd"], 514), None);
        assert_eq!(name(&["redis-server"], 23), Some("Redis"));
    }

    #[test]
    fn mail_by_starttls_is_told_apart_from_mail_by_tls() {
        assert!(kind_of(&["dovecot"], 143, Protocol::Tcp).unwrap().is(Nature::OptionalTls));
        assert_eq!(name(&["dovecot"], 993), None);
        assert_eq!(name(&["master"], 25), None);
        assert_eq!(name(&["master"], 587), None);
    }

    #[test]
    fn the_engine_is_dangerous_on_its_open_door_alone() {
        assert_eq!(name(&["dockerd"], 2375), Some("Docker API"));
        assert_eq!(name(&["dockerd"], 7946), None);
    }
}
