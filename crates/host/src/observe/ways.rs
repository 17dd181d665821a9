//! The ways of looking that are open, and those that somebody closed on purpose.

use super::{
    Wanted,
    descriptors::{Descriptors, Pass},
    sight::tables::Tables,
    sockets::Socket,
};

/// A way of looking at sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Programs that run in the kernel (bpf(2)).
    Bpf,
    /// sock_diag(7).
    SockDiag,
    /// The tables below /proc/net (proc(5)).
    Proc,
}

impl Way {
    /// Every way, the best first.
    pub const ALL: [Self; 3] = [Self::Bpf, Self::SockDiag, Self::Proc];

    /// The token that names it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bpf => "bpf",
            Self::SockDiag => "sock_diag",
            Self::Proc => "proc",
        }
    }
}

/// What the sockets of a host are read from, beside what is always there.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub(super) wanted: &'a Wanted,
    /// The pass over every descriptor.
    pub(super) pass: &'a Pass<'a>,
    /// The kernel's own tables, where it may let us go through them.
    pub(super) tables: Option<&'a Tables>,
    /// The network namespaces that are mounted somewhere, by inode.
    pub(super) mounts: &'a [(u64, String)],
}

impl<'a> Sources<'a> {
    /// Every descriptor of a socket, where the kernel tells: this waits until it has.
    pub(super) fn descriptors(&self) -> Option<&'a Descriptors> {
        self.pass.seen()
    }

    /// The sockets of a network namespace that some process has a descriptor of, as far as
    /// [`Descriptors::sockets`] has them.
    pub(super) fn held(&self, netns: u64) -> &'a [Socket] {
        self.descriptors().map_or(&[], |descriptors| descriptors.sockets(netns))
    }
}

/// A set of ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways(u8);

impl Ways {
    /// Every way.
    pub const ALL: Self = Self(u8::MAX);

    /// Every way but those in a list such as `bpf,sock_diag`; a name that is none of a way is returned.
    ///
    /// # Errors
    ///
    /// The first name that is not known.
    pub fn without(names: &str) -> Result<Self, &str> {
        let mut ways = Self::ALL;
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let way = Way::ALL.into_iter().find(|way| way.name() == name).ok_or(name)?;
            ways.0 &= !(1 << way as u8);
        }
        Ok(ways)
    }

    /// Whether a way is open.
    #[must_use]
    pub const fn allow(self, way: Way) -> bool {
        self.0 & (1 << way as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_are_closed_by_name() {
        let ways = Ways::without("bpf, sock_diag").unwrap();
        assert!(!ways.allow(Way::Bpf) && !ways.allow(Way::SockDiag) && ways.allow(Way::Proc));
        assert_eq!(Ways::without(""), Ok(Ways::ALL));
        assert_eq!(Ways::without("sock_diag,telepathy"), Err("telepathy"));
    }
}
