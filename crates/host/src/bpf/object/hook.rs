//! What in the kernel runs a program, as the name of its section says it (libbpf's `SEC("iter/tcp")`).

use crate::bpf::btf::kind;

/// Where a program hangs in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook<'a> {
    /// An iterator runs it for each thing it lists; its name without `bpf_iter_`.
    Iterator(&'a str),
    /// A tracepoint runs it; its name.
    Tracepoint(&'a str),
    /// The processes of a cgroup run it.
    Cgroup(Occasion),
    /// Packets that look for a socket run it, in one network namespace.
    Lookup,
}

/// What processes of a cgroup do when they run a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// They ask to bind a socket to an IPv4 address.
    Asked4,
    /// They ask to bind a socket to an IPv6 address.
    Asked6,
    /// They have bound a socket to an IPv4 address.
    Bound4,
    /// They have bound a socket to an IPv6 address.
    Bound6,
    /// They make a socket.
    Created,
    /// They close the last descriptor of a socket.
    Released,
}

impl<'a> Hook<'a> {
    /// The hook of a section; `None` of one that portreeve does not load.
    #[must_use]
    pub fn of_section(section: &'a str) -> Option<Self> {
        let (what, name) = section.split_once('/')?;
        Some(match (what, name) {
            // A section has one function; what follows a further slash tells two of the same iterator apart.
            ("iter", name) => Self::Iterator(name.split('/').next().unwrap_or(name)),
            ("tp_btf", name) => Self::Tracepoint(name),
            ("cgroup", "bind4") => Self::Cgroup(Occasion::Asked4),
            ("cgroup", "bind6") => Self::Cgroup(Occasion::Asked6),
            ("cgroup", "post_bind4") => Self::Cgroup(Occasion::Bound4),
            ("cgroup", "post_bind6") => Self::Cgroup(Occasion::Bound6),
            ("cgroup", "sock_create") => Self::Cgroup(Occasion::Created),
            ("cgroup", "sock_release") => Self::Cgroup(Occasion::Released),
            ("sk_lookup", _) => Self::Lookup,
            _ => return None,
        })
    }

    /// The type in the kernel's description of itself that stands for it; `None` where it is no part of that.
    #[must_use]
    pub fn r#type(self) -> Option<(u32, String)> {
        match self {
            Self::Iterator(name) => Some((kind::FUNC, format!("bpf_iter_{name}"))),
            Self::Tracepoint(name) => Some((kind::TYPEDEF, format!("btf_trace_{name}"))),
            Self::Cgroup(_) | Self::Lookup => None,
        }
    }
}
