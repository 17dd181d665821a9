//! What is true of a case: which sockets there are, who can accept on them, and who is needed for it to stay so.

use crate::error::LabError;

use super::keeper::Keeper;

/// A case that stands.
#[derive(Debug)]
pub struct Scene {
    /// What is true, in words, without numbers that change.
    pub says: &'static str,
    /// The number that everybody is asked about.
    pub port: u32,
    /// The sockets of that number; empty where there is none.
    pub sockets: Vec<Socket>,
    /// What a witness must be right about.
    pub point: Point,
    /// Who looks.
    pub viewer: Viewer,
    /// How the kernel shows that it is so.
    pub proof: Proof,
    /// The programs of the case; they go with it.
    pub keepers: Vec<Keeper>,
}

/// A socket as `ls -a -o json` must show it.
#[derive(Clone, Debug)]
pub struct Socket {
    /// In which of its lists.
    pub list: List,
    /// `tcp`, `udp`; `packet`, `vsock` in the list of others.
    pub protocol: &'static str,
    /// `ipv4`, `ipv6`; empty in the list of others.
    pub family: &'static str,
    /// Where it is bound; empty in the list of others.
    pub address: String,
    /// The state; empty in the list of others.
    pub state: &'static str,
    /// The inode of its network namespace.
    pub netns: u64,
    /// Whether it is one of the cases' point: IPV6_V6ONLY.
    pub v6only: bool,
    /// Whether it accepts Multipath TCP.
    pub mptcp: bool,
    /// Who can accept on it: all of them.
    pub holders: Vec<Holder>,
    /// How the reason begins that portreeve must give where no process has it.
    pub gap: Option<&'static str>,
    /// The unit in which it was opened; `None` where the kernel does not say.
    pub socket_unit: Option<&'static str>,
    /// The process that opened it, be it gone; `None` where that is nobody's to know.
    pub opener: Option<u32>,
}

/// The list of `ls -a -o json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// `listeners`.
    Listeners,
    /// `connections`.
    Connections,
    /// `other`.
    Other,
}

impl List {
    /// The key.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Listeners => "listeners",
            Self::Connections => "connections",
            Self::Other => "other",
        }
    }
}

/// A process that can accept on a socket.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// Its number; `None` where whoever looks must not see it.
    pub pid: Option<u32>,
    /// What the table calls it.
    pub label: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// Its name; `None` where it must not be seen.
    pub name: Option<String>,
    /// What became of its executable.
    pub exe_state: &'static str,
}

/// What a case is about: a witness that is not ours need be right about that alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Point {
    /// Who holds it.
    Holders,
    /// What the holder is called; bytes that act on a terminal are never the right way to print it.
    Name(&'static str),
    /// That the executable is not on the disk, by this word.
    Executable(&'static str),
    /// A property that `ss` prints by this text.
    Property(&'static str),
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Viewer {
    /// Root, as usual.
    Root,
    /// This user, under a /proc that lists nobody else's processes (proc(5), hidepid=2).
    Veiled(u32),
}

/// How the kernel shows who is needed, once everybody has looked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// All of `bystanders` are killed and the number stays taken; it is free with the last of `needed`, not before.
    Deaths {
        /// Who is not needed.
        bystanders: Vec<u32>,
        /// Who is; nobody, where the kernel needs none.
        needed: Vec<u32>,
    },
    /// Nobody has the number, while the program lives that had it.
    Free,
    /// The program itself has seen it where it is, which is not here.
    Seen,
}

/// Why a case does not stand.
#[derive(Debug)]
pub enum Trouble {
    /// This kernel does not have it.
    Missing {
        /// What would be true.
        truth: &'static str,
        /// What is missing.
        what: String,
    },
    /// The lab failed.
    Lab(LabError),
}

impl From<LabError> for Trouble {
    fn from(error: LabError) -> Self {
        Self::Lab(error)
    }
}

impl Scene {
    /// One that root looks at for its holders, each of whom is needed for the number to stay taken.
    #[must_use]
    pub fn new(says: &'static str, port: u32, sockets: Vec<Socket>, keepers: Vec<Keeper>) -> Self {
        let holders = sockets.iter().flat_map(|socket| &socket.holders);
        let needed = holders.filter_map(|holder| holder.pid).collect();
        Self {
            says,
            port,
            point: Point::Holders,
            viewer: Viewer::Root,
            proof: Proof::Deaths { bystanders: Vec::new(), needed },
            sockets,
            keepers,
        }
    }
}

impl Socket {
    /// The same, opened by `keeper` in its unit and held by it under `name`.
    #[must_use]
    pub fn held_by(self, keeper: &Keeper, name: &str) -> Self {
        let holders = vec![holder("its process", keeper, name)];
        Self { holders, ..self.opened_by(keeper) }
    }

    /// The same, opened by `keeper` in its unit.
    #[must_use]
    pub fn opened_by(self, keeper: &Keeper) -> Self {
        Self { socket_unit: Some(keeper.unit), opener: Some(keeper.pid), ..self }
    }
}

/// A listener of TCP on 127.0.0.1 in the zoo's own namespace, of which nothing else is said yet.
#[must_use]
pub fn listener(netns: u64) -> Socket {
    Socket {
        list: List::Listeners,
        protocol: "tcp",
        family: "ipv4",
        address: "127.0.0.1".into(),
        state: "listen",
        netns,
        v6only: false,
        mptcp: false,
        holders: Vec::new(),
        gap: None,
        socket_unit: None,
        opener: None,
    }
}

/// A process that the zoo started, with its program where it was.
#[must_use]
pub fn holder(label: &'static str, keeper: &Keeper, name: &str) -> Holder {
    Holder { pid: Some(keeper.pid), label, unit: keeper.unit, name: Some(name.into()), exe_state: "same" }
}

#[cfg(test)]
pub(super) mod testing {
    use super::{Holder, Point, Scene, Socket, listener};

    /// A listener on 7001/tcp that these processes hold, of which a witness is asked about `point`.
    pub(in crate::zoo) fn scene(pids: &[u32], point: Point) -> Scene {
        let holder = |&pid| Holder {
            pid: Some(pid),
            label: "it",
            unit: "a.service",
            name: Some("odd".into()),
            exe_state: "same",
        };
        let socket = Socket { holders: pids.iter().map(holder).collect(), ..listener(1) };
        Scene { point, ..Scene::new("", 7001, vec![socket], vec![]) }
    }
}
