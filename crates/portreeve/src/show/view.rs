//! What programs read of sockets and processes: the shapes of `-o json`, a promise from the first release on.

mod passed;
mod row;
mod rows;
mod steered;

use std::collections::BTreeMap;

use jiff::Timestamp;
use portreeve_core::{
    address::{Address, Family},
    facts::{
        Backlog, Connection, Container, ExeState, Gap, GapKind, HolderGap, Listener, Opening, OtherSocket,
        Parent, Peer, Process, SeenBy, Snapshot, SocketState, TcpState,
    },
    opener::{Who, opener},
    port::{Class, Protocol},
    reach::Reach,
    words::Lang,
    world::{Claimed, World},
};
use schemars::JsonSchema;
use serde::Serialize;

use self::rows::Rows;
pub(crate) use self::{passed::PassedView, steered::SteeredView};
use super::{claim::ClaimView, reach};

/// The layout of these documents.
const VERSION: u32 = 1;

/// The answer of `ls` and `who`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Listeners")]
pub(crate) struct ListenersView<'w, 'a> {
    version: u32,
    #[schemars(with = "String")]
    taken: Timestamp,
    #[schemars(with = "Vec<ListenerView<'a>>")]
    listeners: Rows<'w, 'a, Listener>,
    gaps: Vec<GapView<'a>>,
    /// Of `who`: the claims of the numbers that were asked for, whether or not somebody is there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) claims: Vec<ClaimView<'a>>,
    /// Of `who`: where the kernel passes packets on to that no socket of this host takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) passed: Vec<PassedView<'a>>,
    /// Of `who`: where packets to the numbers are led, whoever has bound them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) steered: Vec<SteeredView<'a>>,
    #[serde(flatten)]
    everything: Option<EverythingView<'w, 'a>>,
}

/// What `ls -a` adds, and `who` where nobody listens.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Everything")]
pub(crate) struct EverythingView<'w, 'a> {
    #[schemars(with = "Vec<ConnectionView<'a>>")]
    connections: Rows<'w, 'a, Connection>,
    other: Vec<OtherView<'a>>,
    processes: BTreeMap<u32, HolderView<'a>>,
}

/// A socket on which something can arrive from a stranger.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Listener")]
pub(crate) struct ListenerView<'a> {
    protocol: Protocol,
    mptcp: bool,
    family: Family,
    port: u16,
    address: &'a Address,
    device: Option<&'a str>,
    v6only: bool,
    state: SocketState,
    class: Class,
    client_range: bool,
    ephemeral: bool,
    netns: NetnsView<'a>,
    iana: Vec<&'a str>,
    service: Option<&'a str>,
    claim: Option<ListenerClaimView<'a>>,
    reach: Vec<Reach>,
    holders: Vec<HolderView<'a>>,
    holders_complete: bool,
    opener: Option<HolderView<'a>>,
    opener_gap: Option<String>,
    socket_unit: Option<&'a str>,
    socket_uid: Option<u32>,
    inode: u64,
    cookie: u64,
    backlog: Option<Backlog>,
    gap: Option<String>,
    seen_by: SeenBy,
}

/// The claim on whose place a socket stands.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListenerClaim")]
pub(crate) struct ListenerClaimView<'a> {
    name: &'a str,
    claimant_uid: u32,
    state: &'static str,
}

/// A network namespace.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[schemars(rename = "NetworkNamespace")]
pub(crate) struct NetnsView<'a> {
    id: u64,
    name: Option<&'a str>,
    own: bool,
}

/// A process that holds a socket; without `pid` it is one that cannot be seen, of which nothing is known.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Holder")]
pub(crate) struct HolderView<'a> {
    pid: Option<u32>,
    fd: Option<u32>,
    name: Option<&'a str>,
    exe: Option<&'a str>,
    exe_state: ExeState,
    stale_files: &'a [String],
    cmdline: &'a [String],
    user: Option<&'a str>,
    uid: Option<u32>,
    unit: Option<&'a str>,
    user_unit: Option<&'a str>,
    container: Option<&'a Container>,
    #[schemars(with = "Option<String>")]
    started: Option<Timestamp>,
    cwd: Option<&'a str>,
    parent: Option<&'a Parent>,
}

/// A socket with a peer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connection")]
pub(crate) struct ConnectionView<'a> {
    protocol: Protocol,
    family: Family,
    address: &'a Address,
    port: u16,
    peer: &'a Peer,
    state: TcpState,
    netns: NetnsView<'a>,
    inode: u64,
    cookie: u64,
    pids: &'a [u32],
    socket_unit: Option<&'a str>,
}

/// A socket without ports.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OtherSocket")]
pub(crate) struct OtherView<'a> {
    kind: &'a str,
    number: u32,
    netns: NetnsView<'a>,
    inode: u64,
    pids: &'a [u32],
}

/// Something that could not be seen.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Gap")]
pub(crate) struct GapView<'a> {
    what: GapKind,
    count: u32,
    why: String,
    fix: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
}

/// Makes views of what one look saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Viewer<'w, 'a> {
    world: &'w World<'a>,
    lang: Lang,
}

impl<'w, 'a> Viewer<'w, 'a> {
    /// Views of `world`, with sentences in `lang`.
    pub(crate) const fn new(world: &'w World<'a>, lang: Lang) -> Self {
        Self { world, lang }
    }

    /// The document that holds `listeners`.
    pub(crate) fn listeners(self, listeners: &'w [&'a Listener]) -> ListenersView<'w, 'a> {
        ListenersView {
            version: VERSION,
            taken: self.world.snapshot.taken,
            listeners: Rows { viewer: self, of: listeners },
            gaps: self.gaps(),
            claims: Vec::new(),
            passed: Vec::new(),
            steered: Vec::new(),
            everything: None,
        }
    }

    /// The same document with `connections`, sockets without ports (`others`), and every process.
    pub(crate) fn everything(
        self,
        listeners: &'w [&'a Listener],
        connections: &'w [&'a Connection],
        others: &[&'a OtherSocket],
    ) -> ListenersView<'w, 'a> {
        let processes = self.world.snapshot.processes.iter();
        let everything = EverythingView {
            connections: Rows { viewer: self, of: connections },
            other: others.iter().map(|socket| self.other(socket)).collect(),
            processes: processes.map(|(&pid, process)| (pid, holder(pid, None, process))).collect(),
        };
        ListenersView { everything: Some(everything), ..self.listeners(listeners) }
    }

    /// The document of a number on which nobody listens here, with the `connections` that keep it.
    pub(crate) fn occupied(
        self,
        listeners: &'w [&'a Listener],
        connections: &'w [&'a Connection],
    ) -> ListenersView<'w, 'a> {
        let mut document = self.everything(listeners, connections, &[]);
        if let Some(everything) = &mut document.everything {
            everything.processes.retain(|pid, _| connections.iter().any(|socket| socket.pids.contains(pid)));
        }
        document
    }

    /// What could not be seen.
    pub(crate) fn gaps(self) -> Vec<GapView<'a>> {
        self.world.snapshot.gaps.iter().map(|gap| gap_view(gap, self.lang)).collect()
    }

    /// One listener.
    pub(crate) fn listener(self, listener: &'a Listener) -> ListenerView<'a> {
        let namespace = self.world.snapshot.namespace(listener.netns);
        let (opener, opener_gap) = self.opener(listener);
        ListenerView {
            protocol: listener.protocol,
            mptcp: listener.mptcp,
            family: listener.family,
            port: listener.port,
            address: &listener.address,
            device: listener.device.as_deref(),
            v6only: listener.v6only,
            state: listener.state,
            class: Class::of(listener.port),
            client_range: namespace.is_some_and(|namespace| namespace.hands_out(listener.port)),
            ephemeral: listener.ephemeral,
            netns: self.netns(listener.netns),
            iana: self.world.registry.names(listener.port, listener.protocol).collect(),
            service: self.world.service_of(listener).map(|service| service.name.as_str()),
            claim: self.world.claim_of(listener).map(|Claimed { claim, state }| ListenerClaimView {
                name: claim.name.as_str(),
                claimant_uid: claim.claimant.uid,
                state: state.token(),
            }),
            reach: reach::of(self.world, listener),
            holders: self.holders(listener),
            holders_complete: listener.holders_complete,
            opener,
            opener_gap,
            socket_unit: listener.socket_unit.as_deref(),
            socket_uid: listener.uid,
            inode: listener.inode,
            cookie: listener.cookie,
            backlog: listener.backlog,
            gap: listener.gap.map(|gap| gap.text().in_lang(self.lang).into()),
            seen_by: listener.seen_by,
        }
    }

    /// Who opened it, or why that cannot be told.
    fn opener(self, listener: &'a Listener) -> (Option<HolderView<'a>>, Option<String>) {
        let opener = opener(self.world.snapshot, listener, None);
        match opener.who {
            Who::Recorded { opening, process, .. } => (Some(recorded(opening, process)), None),
            _ => (None, Some(opener.text().in_lang(self.lang).into())),
        }
    }

    fn netns(self, id: u64) -> NetnsView<'a> {
        netns_view(self.world.snapshot, id)
    }

    fn holders(self, listener: &'a Listener) -> Vec<HolderView<'a>> {
        let seen: Vec<_> = self
            .world
            .snapshot
            .holders(listener)
            .map(|(hold, process)| {
                // What is told when a socket is bound does not tell its descriptor.
                let fd = hold.descriptor().filter(|_| listener.seen_by != SeenBy::BindRecord);
                holder(hold.pid, fd, process)
            })
            .collect();
        if seen.is_empty() { unseen(listener).into_iter().collect() } else { seen }
    }

    /// One connection.
    pub(crate) fn connection(self, connection: &'a Connection) -> ConnectionView<'a> {
        ConnectionView::of(connection, self.netns(connection.netns))
    }

    fn other(self, socket: &'a OtherSocket) -> OtherView<'a> {
        OtherView {
            kind: &socket.kind,
            number: socket.number,
            netns: self.netns(socket.netns),
            inode: socket.inode,
            pids: &socket.pids,
        }
    }
}

impl<'a> ConnectionView<'a> {
    fn of(connection: &'a Connection, netns: NetnsView<'a>) -> Self {
        Self {
            protocol: connection.protocol,
            family: connection.family,
            address: &connection.address,
            port: connection.port,
            peer: &connection.peer,
            state: connection.state,
            netns,
            inode: connection.inode,
            cookie: connection.cookie,
            pids: &connection.pids,
            socket_unit: connection.socket_unit.as_deref(),
        }
    }
}

/// The namespace with this inode.
pub(crate) fn netns_view(snapshot: &Snapshot, id: u64) -> NetnsView<'_> {
    let namespace = snapshot.namespace(id);
    NetnsView {
        id,
        name: namespace.and_then(|namespace| namespace.name.as_deref()),
        own: namespace.is_some_and(|namespace| namespace.own),
    }
}

/// One gap, with its sentences in `lang`.
pub(crate) fn gap_view(gap: &Gap, lang: Lang) -> GapView<'_> {
    GapView {
        what: gap.what,
        count: gap.count,
        why: gap.why().in_lang(lang).into(),
        fix: gap.fix().in_lang(lang),
        detail: &gap.detail,
    }
}

/// One process; `fd` where it stands beside a socket.
pub(crate) fn holder(pid: u32, fd: Option<u32>, process: &Process) -> HolderView<'_> {
    HolderView {
        pid: Some(pid),
        fd,
        name: Some(&process.name),
        exe: process.exe.as_deref(),
        exe_state: process.exe_state,
        stale_files: process.stale_files.as_deref().unwrap_or_default(),
        cmdline: &process.cmdline,
        user: process.user.as_deref(),
        uid: process.uid,
        unit: process.unit.as_deref(),
        user_unit: process.user_unit.as_deref(),
        container: process.container.as_ref(),
        started: process.started,
        cwd: process.cwd.as_deref(),
        parent: process.parent.as_ref(),
    }
}

/// Whoever opened a socket by the guard's record: all that is known of `process`, where it holds that still.
pub(crate) fn recorded<'a>(opening: &'a Opening, process: Option<&'a Process>) -> HolderView<'a> {
    let gone = || HolderView {
        pid: Some(opening.pid),
        name: Some(&opening.name),
        uid: Some(opening.uid),
        started: Some(opening.started),
        ..HolderView::default()
    };
    process.map_or_else(gone, |process| holder(opening.pid, None, process))
}

/// A process that exists and cannot be seen: what the socket tells is of whoever opened it.
fn unseen(listener: &Listener) -> Option<HolderView<'_>> {
    match listener.gap? {
        HolderGap::Kernel | HolderGap::NoDescriptor | HolderGap::InFlight => None,
        HolderGap::OtherUser | HolderGap::OutOfSight | HolderGap::Vanished => Some(HolderView::default()),
    }
}
