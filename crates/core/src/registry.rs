//! What IANA says a number is for (A6, A7).

use crate::port::{PortRange, Protocol};

/// The table of assigned numbers; a view that is free to copy.
#[derive(Clone, Copy, Debug)]
pub struct Registry<'a> {
    numbers: &'a [u8],
    descriptions: &'a [u8],
}

/// What a number, or a range of them, is assigned to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// The numbers.
    pub range: PortRange,
    /// The protocol.
    pub protocol: Protocol,
    /// The names, the first one first, with one space between.
    names: &'a str,
    /// What the registry says of it; may be empty.
    pub description: &'a str,
}

impl<'a> Assignment<'a> {
    /// The names, the first one first.
    pub fn names(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.names.split(' ')
    }
}

impl<'a> Registry<'a> {
    /// The table that is built in.
    #[must_use]
    pub const fn builtin() -> Registry<'static> {
        Registry { numbers: &[], descriptions: &[] }
    }

    /// What `port` is assigned to.
    #[must_use]
    pub fn assignment(&self, _port: u16, _protocol: Protocol) -> Option<Assignment<'a>> {
        let _ = (self.numbers, self.descriptions);
        None
    }

    /// The first name of a number, if it has one.
    #[must_use]
    pub fn name(&self, port: u16, protocol: Protocol) -> Option<&'a str> {
        self.names(port, protocol).next()
    }

    /// Every name of a number, the first one first.
    pub fn names(&self, port: u16, protocol: Protocol) -> impl Iterator<Item = &'a str> + use<'a> {
        self.assignment(port, protocol).into_iter().flat_map(|assignment| assignment.names())
    }

    /// Every assignment that carries `name`, in order of number.
    pub fn find(&self, _name: &str) -> impl Iterator<Item = Assignment<'a>> + use<'a> {
        core::iter::empty()
    }

    /// Every assignment, in order of number and protocol.
    pub fn assignments(&self) -> impl Iterator<Item = Assignment<'a>> + use<'a> {
        core::iter::empty()
    }
}
