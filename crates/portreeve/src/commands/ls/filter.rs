//! Which sockets `ls` shows.

use std::net::IpAddr;

use clap::ArgMatches;
use portreeve_core::{
    address::Family,
    facts::{Connection, Listener, OtherSocket, Process},
    policy::{HOST, WORLD},
    port::Protocol,
    reach::Verdict,
    text,
    words::Words,
    world::{Scope, World},
};
use portreeve_host::Wanted;

use crate::{
    asked::{Asked, listed, number, span},
    failure::Failure,
    settings::{Netns, Settings},
    show::reach,
};

/// What a person wants to see; everything must hold, of the words one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Filter {
    ports: Vec<Asked>,
    words: Vec<String>,
    reach: Option<String>,
    undeclared: bool,
    protocols: Vec<Protocol>,
    families: Vec<Family>,
}

impl Filter {
    /// What the arguments of `ls` ask for.
    ///
    /// # Errors
    ///
    /// Where a word looks like a port and is none.
    pub(super) fn read(own: &ArgMatches) -> Result<Self, Failure> {
        let mut filter = Self {
            reach: own.get_one::<String>("reach").cloned(),
            undeclared: own.get_flag("undeclared"),
            ..Self::default()
        };
        for word in listed(own.get_many::<String>("what").into_iter().flatten()) {
            match number(&word) {
                Some(Ok(asked)) => filter.ports.push(asked),
                Some(Err(error)) => {
                    let words = Words {
                        en: "cannot filter by this port",
                        ja: "このポートでは絞り込めません",
                    };
                    let hint = Words {
                        en: "portreeve ls 443 8080/udp 30000-30099",
                        ja: "portreeve ls 443 8080/udp 30000-30099",
                    };
                    return Err(Failure::usage(words).because(error.text()).hint(hint));
                }
                None => filter.words.push(word.to_lowercase()),
            }
        }
        filter.protocols.extend(own.get_flag("tcp").then_some(Protocol::Tcp));
        filter.protocols.extend(own.get_flag("udp").then_some(Protocol::Udp));
        filter.families.extend(own.get_flag("ipv4").then_some(Family::Ipv4));
        filter.families.extend(own.get_flag("ipv6").then_some(Family::Ipv6));
        Ok(filter)
    }

    /// What to look at: where only numbers are asked for, nothing beside them.
    pub(super) fn wanted(&self) -> Wanted {
        let ports = if self.words.is_empty() { span(&self.ports) } else { None };
        Wanted { ports, ..Wanted::LISTENERS }
    }

    /// Refuses what cannot be answered.
    ///
    /// # Errors
    ///
    /// Where `--undeclared` has no policy to go by, or no such zone is known.
    pub(super) fn check(&self, world: &World<'_>) -> Result<(), Failure> {
        if self.undeclared && world.policy.is_none() {
            return Err(Failure::usage(Words {
                en: "--undeclared needs a policy, and there is none",
                ja: "--undeclared には policy が必要ですが、見つかりません",
            })
            .hint(Words {
                en: "portreeve ls --undeclared --policy FILE",
                ja: "portreeve ls --undeclared --policy FILE",
            }));
        }
        match &self.reach {
            Some(zone) if !is_zone(world, zone) => Err(no_zone(world, zone)),
            _ => Ok(()),
        }
    }

    /// Whether nothing is left out.
    pub(super) fn asks_for_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the answer depends on who holds a socket.
    pub(super) fn asks_for_owner(&self) -> bool {
        !self.words.is_empty()
    }

    /// The listeners to show.
    pub(super) fn listeners<'a>(
        &self,
        world: &World<'a>,
        settings: &Settings,
    ) -> impl Iterator<Item = &'a Listener> {
        let everywhere = settings.netns == Netns::Usual || world.scope == Scope::All;
        let in_scope = move |listener: &&Listener| everywhere || world.judges(listener.netns);
        world.snapshot.listeners.iter().filter(in_scope).filter(|listener| self.shows(world, listener))
    }

    /// The connections to show, by protocol, port and peer.
    pub(super) fn connections<'a>(&self, world: &World<'a>, settings: &Settings) -> Vec<&'a Connection> {
        let everywhere = settings.netns == Netns::Usual || world.scope == Scope::All;
        let connections = world.snapshot.connections.iter().flatten();
        let mut shown: Vec<_> = connections
            .filter(|connection| everywhere || world.judges(connection.netns))
            .filter(|connection| self.shows_connection(world, connection))
            .collect();
        // What hardly ever decides comes first, and does not stand in every key: sorting is stable.
        shown.sort_by(|a, b| network(a).cmp(&network(b)));
        shown.sort_by_cached_key(|connection| order(connection));
        shown
    }

    /// The sockets without ports to show: a question about ports, families or reach is none about them.
    pub(super) fn others<'a>(&self, world: &World<'a>, settings: &Settings) -> Vec<&'a OtherSocket> {
        let everywhere = settings.netns == Netns::Usual || world.scope == Scope::All;
        let is_about_ports = !self.protocols.is_empty()
            || !self.families.is_empty()
            || self.reach.is_some()
            || self.undeclared
            || (!self.ports.is_empty() && self.words.is_empty());
        if is_about_ports {
            return Vec::new();
        }
        let is_shown = |socket: &&OtherSocket| {
            let holders = || socket.pids.iter().filter_map(|pid| world.snapshot.processes.get(pid));
            (everywhere || world.judges(socket.netns))
                && self.names(|_| false, |word| holders().any(|process| is_process(process, word)))
        };
        world.snapshot.other.iter().filter(is_shown).collect()
    }

    fn shows<'a>(&self, world: &World<'a>, listener: &'a Listener) -> bool {
        self.has_kind(listener.protocol, listener.family)
            && self.reaches(world, listener)
            && (!self.undeclared || is_undeclared(world, listener))
            && self.names(|asked| asked.means(listener), |word| is_named(world, listener, word))
    }

    fn shows_connection(&self, world: &World<'_>, connection: &Connection) -> bool {
        self.has_kind(connection.protocol, connection.family)
            && self.names(
                |asked| {
                    asked.is(connection.protocol, connection.port)
                        || asked.is(connection.protocol, connection.peer.port)
                },
                |word| {
                    let mut holders =
                        connection.pids.iter().filter_map(|pid| world.snapshot.processes.get(pid));
                    holders.any(|process| is_process(process, word))
                        || holds(connection.socket_unit.as_deref(), word)
                },
            )
    }

    fn has_kind(&self, protocol: Protocol, family: Family) -> bool {
        (self.protocols.is_empty() || self.protocols.contains(&protocol))
            && (self.families.is_empty() || self.families.contains(&family))
    }

    /// A zone of which nothing can be told may reach it.
    fn reaches(&self, world: &World<'_>, listener: &Listener) -> bool {
        self.reach.as_ref().is_none_or(|zone| {
            let mut reached = reach::of(world, listener).into_iter();
            reached.any(|reach| reach.zone == *zone && reach.verdict != Verdict::Blocked)
        })
    }

    fn names(&self, is_asked: impl Fn(&Asked) -> bool, is_named: impl Fn(&str) -> bool) -> bool {
        (self.ports.is_empty() && self.words.is_empty())
            || self.ports.iter().any(is_asked)
            || self.words.iter().any(|word| is_named(word))
    }
}

/// Addresses as numbers, all of IPv4 before all of IPv6: comparing them byte by byte takes several times as long.
fn order(connection: &Connection) -> impl Ord + use<> {
    let Connection { protocol, port, peer, .. } = connection;
    let (family, ip) = match peer.address.ip {
        IpAddr::V4(ip) => (Family::Ipv4, u32::from(ip).into()),
        IpAddr::V6(ip) => (Family::Ipv6, u128::from(ip)),
    };
    (*protocol, *port, family, ip, peer.port)
}

fn network(connection: &Connection) -> (Option<&str>, u64) {
    (connection.peer.address.interface.as_deref(), connection.netns)
}

fn zones<'a>(world: &World<'a>) -> impl Iterator<Item = &'a str> {
    let declared = world.policy.into_iter().flat_map(|policy| &policy.zones);
    [WORLD, HOST].into_iter().chain(declared.map(|zone| zone.name.as_str()))
}

fn is_zone(world: &World<'_>, name: &str) -> bool {
    zones(world).any(|zone| zone == name)
}

fn no_zone(world: &World<'_>, name: &str) -> Failure {
    let known = zones(world).collect::<Vec<_>>().join(", ");
    Failure::usage(text!("there is no zone `{name}`", "`{name}` というゾーンはありません"))
        .hint(text!("one of: {known}", "次のいずれかを指定してください: {known}"))
}

/// Whether it ought to be declared, and is not.
fn is_undeclared<'a>(world: &World<'a>, listener: &'a Listener) -> bool {
    let is_passing = world.is_ephemeral(listener) || world.is_asked_for_consent(listener);
    world.service_of(listener).is_none() && !is_passing
}

fn is_named<'a>(world: &World<'a>, listener: &'a Listener, word: &str) -> bool {
    world.snapshot.holders(listener).any(|(_, process)| is_process(process, word))
        || holds(listener.socket_unit.as_deref(), word)
        || holds(world.service_of(listener).map(|service| service.name.as_str()), word)
        || world.registry.names(listener.port, listener.protocol).any(|name| name == word)
        || listener.address.to_string() == word
}

fn is_process(process: &Process, word: &str) -> bool {
    let container = process.container.as_ref();
    let texts = [
        Some(process.name.as_str()),
        process.exe.as_deref().and_then(|exe| exe.rsplit('/').next()),
        process.unit.as_deref(),
        process.user_unit.as_deref(),
        process.user.as_deref(),
        container.map(|container| container.id.as_str()),
        container.and_then(|container| container.name.as_deref()),
    ];
    texts.into_iter().any(|text| holds(text, word))
}

fn holds(text: Option<&str>, word: &str) -> bool {
    text.is_some_and(|text| text.to_lowercase().contains(word))
}
