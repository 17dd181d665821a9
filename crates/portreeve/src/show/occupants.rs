//! Who keeps a number on which nobody listens: a bound and idle socket, or a connection from it (A5, A12).

use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::{
    facts::{Connection, Process, TcpState},
    text,
    words::{Text, inflect},
    world::World,
};

use super::{
    connection::{endpoint, state},
    owner,
};
use crate::asked::Asked;

/// The sockets of one process, or of nobody who is seen, that keep one number.
#[derive(Debug)]
pub(crate) struct Occupant<'a> {
    sockets: Vec<&'a Connection>,
}

/// Everybody who keeps one of the numbers in the namespaces that are judged, by number; none of a number that somebody
/// listens on by the same protocol.
///
/// Nobody, where `world` was seen without connections.
pub(crate) fn occupants<'a>(world: &World<'a>, asked: &[Asked]) -> Vec<Occupant<'a>> {
    let mut occupants: BTreeMap<_, Occupant<'a>> = BTreeMap::new();
    let listeners = world.snapshot.listeners.iter().filter(|listener| world.judges(listener.netns));
    let heard: BTreeSet<_> = listeners.map(|listener| (listener.protocol, listener.port)).collect();
    let is_kept = |connection: &&Connection| {
        connection.keeps_port() && !heard.contains(&(connection.protocol, connection.port))
    };
    for connection in connections(world, asked).filter(is_kept) {
        let whose = (&*connection.pids, connection.inode == 0, connection.socket_unit.as_deref());
        let occupant = occupants.entry((connection.port, connection.protocol, whose));
        occupant.or_insert_with(|| Occupant { sockets: Vec::new() }).sockets.push(connection);
    }
    occupants.into_values().collect()
}

/// How many connections from these numbers are over and not yet forgotten (TIME-WAIT, RFC 9293 §3.6.1).
pub(crate) fn ended(world: &World<'_>, asked: &[Asked]) -> usize {
    connections(world, asked).filter(|connection| connection.state == TcpState::TimeWait).count()
}

/// What is said of `count` connections that are over.
pub(crate) fn ended_text(count: usize) -> Text {
    let en = inflect(count, "connection that has ended keeps", "connections that have ended keep");
    text!(
        "{count} {en} a trace for up to a minute (time-wait); until then a bind fails unless both programs set SO_REUSEADDR",
        "終了した接続 {count} 件が最長 1 分 time-wait として残ります。その間の bind は、双方のプログラムが SO_REUSEADDR を設定していない限り失敗します"
    )
}

fn connections<'a>(world: &World<'a>, asked: &[Asked]) -> impl Iterator<Item = &'a Connection> {
    world.snapshot.connections.iter().flatten().filter(|connection| {
        world.judges(connection.netns)
            && asked.iter().any(|asked| asked.is(connection.protocol, connection.port))
    })
}

impl<'a> Occupant<'a> {
    /// Its sockets.
    pub(crate) fn sockets(&self) -> &[&'a Connection] {
        &self.sockets
    }

    /// The first process that has them open, as far as one is seen.
    pub(crate) fn process(&self, world: &World<'a>) -> Option<(u32, &'a Process)> {
        let mut pids = self.sockets.iter().flat_map(|socket| socket.pids.iter());
        pids.find_map(|pid| Some((*pid, world.snapshot.processes.get(pid)?)))
    }

    /// Whether a process has them open that could not be seen.
    pub(crate) fn is_unseen(&self, world: &World<'a>) -> bool {
        self.process(world).is_none() && self.sockets.iter().any(|socket| socket.inode != 0)
    }

    /// A clause that says who uses which number, and how.
    pub(crate) fn clause(&self, world: &World<'a>) -> Text {
        let Some(first) = self.sockets.first() else { return Text::default() };
        let (port, Text { en, ja }) = (first.spec(), self.how(first));
        match (self.process(world), &first.socket_unit) {
            (Some((pid, process)), _) => {
                let (name, unit) = (process.called(), of_what(process));
                let more = first.pids.len().saturating_sub(1);
                let more = if more > 0 { format!(" +{more}") } else { String::new() };
                text!(
                    "{name} (pid {pid}{more}{unit}) still uses {port} ({en})",
                    "{name}(pid {pid}{more}{unit})が {port} を使っています({ja})"
                )
            }
            (None, _) if first.inode == 0 => text!(
                "a connection that no process has open still keeps {port} ({en})",
                "どのプロセスも開いていない接続が {port} を占めています({ja})"
            ),
            (None, Some(unit)) => text!(
                "a process that cannot be seen still uses {port}, which {unit} opened, or it is in flight ({en})",
                "{unit} が開いた {port} を、見えないプロセスが使っているか、受け渡し中です({ja})"
            ),
            (None, None) => text!(
                "a process that cannot be seen still uses {port}, or it is in flight ({en})",
                "見えないプロセスが {port} を使っているか、受け渡し中です({ja})"
            ),
        }
    }

    /// What the first socket does, and how many more there are.
    fn how(&self, first: &Connection) -> Text {
        let Text { en, ja } = use_of(first);
        match self.sockets.len() {
            0 | 1 => Text { en, ja },
            several => {
                let more = several - 1;
                text!("{en}, and {more} more", "{ja}、ほか {more} 件")
            }
        }
    }
}

fn use_of(socket: &Connection) -> Text {
    let local = endpoint(&socket.address, socket.port);
    let peer = endpoint(&socket.peer.address, socket.peer.port);
    match socket.state {
        TcpState::BoundInactive => {
            text!("bound to {local}, not listening", "{local} にバインド済み、待ち受けなし")
        }
        TcpState::Established => text!("connected to {peer}", "{peer} に接続中"),
        other => {
            let state = state(other);
            text!("connection to {peer} in {state}", "{peer} との接続が {state}")
        }
    }
}

/// The container or unit of a process, after a comma.
fn of_what(process: &Process) -> String {
    let container = process.container.as_ref().map(owner::container);
    let unit = process.unit.clone().or_else(|| process.user_unit.clone());
    container.or(unit).map(|of| format!(", {of}")).unwrap_or_default()
}
