//! Which service owns which port: the file a person writes (A15, A24, A25).

mod ledger;
pub mod limits;
mod parse;
mod scan;
mod schema;
mod watch;

pub use ledger::{LedgerChoice, LedgerStore};
pub(crate) use parse::owner_of;
pub use parse::{Mistake, POLICY_VERSION, Parsed, Source, is_interface, is_mark, parse};
pub use scan::{Host, ScanChoice};
pub use schema::schema;
pub use watch::{LogChoice, LogPlace, WatchChoice, WatchMode};

use alloc::{string::String, sync::Arc, vec::Vec};
use core::fmt;

use ipnet::IpNet;
use jiff::civil::Date;

use crate::{
    address::Address,
    facts::Listener,
    gate::{OtherProtocol, Refusal},
    guard::Mode,
    owner::Owner,
    port::{PortRange, PortSpec, Protocol},
    steer::Steering,
};

/// The zone that holds every packet.
pub const WORLD: &str = "world";
/// The zone of packets that never leave the host.
pub const HOST: &str = "host";

/// Everything that a person decided about the ports of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The files it was read from, in order.
    pub files: Vec<Arc<str>>,
    /// What becomes of packets that are not let in.
    pub refusal: Refusal,
    /// The zones that the policy names, besides the built-in `world` and `host`.
    pub zones: Vec<Zone>,
    /// The services.
    pub services: Vec<Service>,
    /// Who may send other protocols than those that are judged by ports; one that is not here passes.
    pub protocols: Vec<ProtocolReach>,
    /// The findings that a person lives with.
    pub waivers: Vec<Waiver>,
    /// What is told of the news of an audit that runs by itself: a program by absolute path, and its arguments; empty
    /// where nobody is.
    pub audit_command: Vec<String>,
    /// Where the advisories are that packages are judged by: a file, or a directory of files, by absolute path.
    pub advisories: Option<String>,
    /// Where the book of claims is, and from which numbers it gives.
    pub ledger: LedgerChoice,
    /// What the watch does with whom it suspects, and where it reads.
    pub watch: WatchChoice,
    /// The other hosts that are ours.
    pub hosts: Vec<Host>,
    /// How they are scanned.
    pub scan: ScanChoice,
}

impl Policy {
    /// Whether any service is to be kept by the guard: then those that do not speak of it are watched.
    #[must_use]
    pub fn speaks_of_guard(&self) -> bool {
        self.services.iter().any(|service| matches!(service.guard, Some(Guarding::Kept(_))))
    }

    /// Whether it has a service of this name, and what comes in for it is led to its socket.
    #[must_use]
    pub fn steers(&self, name: &str) -> bool {
        self.services.iter().any(|service| service.name == name && service.steer.is_some())
    }

    /// Whether it steers any service, and so says that packets are led past whoever has bound their port.
    #[must_use]
    pub fn speaks_of_steering(&self) -> bool {
        self.services.iter().any(|service| service.steer.is_some())
    }

    /// Whether it has packets for any port of `range`, of this protocol or of any, led to a service.
    #[must_use]
    pub fn steers_any(&self, protocol: Option<Protocol>, range: PortRange) -> bool {
        let steered = self.services.iter().filter(|service| service.steer.is_some());
        steered.flat_map(|service| &service.ports).any(|spec| {
            spec.range.overlaps(range) && protocol.is_none_or(|protocol| protocol == spec.protocol)
        })
    }

    /// The services that are steered and name the port of `listener` for their socket.
    pub fn targets<'p>(&'p self, listener: &'p Listener) -> impl Iterator<Item = &'p Service> {
        self.services.iter().filter(move |service| service.aims_at(listener))
    }

    /// How many ports the services declare together, each number of a range counted, once for each protocol.
    #[must_use]
    pub fn port_count(&self) -> u64 {
        let ports = self.services.iter().flat_map(|service| &service.ports);
        ports.map(|spec| u64::from(spec.range.count())).sum()
    }
}

/// Where a packet comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Source networks; empty means any.
    pub from: Vec<IpNet>,
    /// Interfaces, `*` at the end stands for anything; empty means any.
    pub interfaces: Vec<String>,
    /// By which ports people there manage this host, if they do: no plan may keep them out.
    pub management: Option<Management>,
    /// Where it is written.
    pub place: Place,
}

/// By which ports a host is managed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Management {
    /// By those at which it lets people in by ssh, whichever these are.
    Ssh,
    /// By these.
    Ports(Vec<PortSpec>),
}

/// A service: the ports it owns, who it is, and who may reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The ports; a range of several numbers is a pool.
    pub ports: Vec<PortSpec>,
    /// Where it may be bound; empty means anywhere.
    pub addresses: Vec<Address>,
    /// The interface it must be tied to, if any.
    pub device: Option<String>,
    /// Who may hold it; empty means anybody.
    pub owners: Vec<Owner>,
    /// The zones from which it may be reached; `host` where the policy is silent.
    pub reach: Vec<String>,
    /// How its ports are kept for its owners, where the policy says so.
    pub guard: Option<Guarding>,
    /// Whether and how packets for it are led to its socket, where the policy says so.
    pub steer: Option<Steering>,
    /// What a person wrote about it.
    pub why: Option<String>,
    /// Where it is written.
    pub place: Place,
}

/// How the ports of a service are kept for its owners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guarding {
    /// Not at all.
    Off,
    /// By the guard, so.
    Kept(Mode),
}

impl Service {
    /// Whether packets from outside the host are meant to reach it.
    #[must_use]
    pub fn reaches_beyond_host(&self) -> bool {
        self.reach.iter().any(|zone| zone != HOST)
    }

    /// Whether packets from everywhere are meant to reach it.
    #[must_use]
    pub fn reaches_world(&self) -> bool {
        self.reach.iter().any(|zone| zone == WORLD)
    }

    /// Whether it is steered, and names the port of `listener` for its socket.
    #[must_use]
    pub fn aims_at(&self, listener: &Listener) -> bool {
        let target = self.steer.and_then(|steering| steering.target_port);
        listener.protocol == Protocol::Tcp && target == Some(listener.port)
    }

    /// Whether it is declared for this very port, and not for all that are left.
    #[must_use]
    pub fn names(&self, protocol: Protocol, port: u16) -> bool {
        let mut own =
            self.ports.iter().filter(|spec| spec.protocol == protocol && spec.range.last < u16::MAX);
        own.any(|spec| spec.range.contains(port))
    }
}

/// Who may send a protocol of which the gate judges no ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolReach {
    /// The protocol.
    pub protocol: OtherProtocol,
    /// The zones from which it passes; `host` alone closes it.
    pub reach: Vec<String>,
    /// Where it is written.
    pub place: Place,
}

/// A finding that a person has looked at and lives with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiver {
    /// The rule.
    pub rule: String,
    /// The ports it is about; empty means every finding of the rule.
    pub ports: Vec<PortSpec>,
    /// Why.
    pub why: String,
    /// The last day on which it holds.
    pub until: Option<Date>,
    /// Where it is written.
    pub place: Place,
}

/// A place in a policy file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column in characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::scene;

    #[test]
    fn as_many_ports_as_a_policy_can_hold_are_counted() {
        let scene = scene().service("all", "0-65535/tcp", "a.service").declared(|service| {
            service.ports = alloc::vec![service.ports[0]; 65_536];
        });
        assert_eq!(scene.policy.unwrap().port_count(), 1 << 32);
    }
}
