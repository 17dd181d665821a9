//! A port of a protocol as the number of its place among all of them (A19).

use crate::{port::Protocol, watch::Contact};

/// How many there are: of TCP and of UDP.
pub(super) const PLACES: usize = 1 << 17;
const IS_UDP: u32 = 1 << 16;

/// Where a port is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u32);

impl Place {
    /// Whatever is not UDP is counted as TCP: nothing else is told of.
    pub(super) fn of(protocol: Protocol, port: u16) -> Self {
        Self(u32::from(port) | if protocol == Protocol::Udp { IS_UDP } else { 0 })
    }

    /// That of the number `nth`, which is below [`PLACES`].
    pub(super) fn nth(nth: usize) -> Self {
        Self(u32::try_from(nth % PLACES).unwrap_or(0))
    }

    /// Its number.
    pub(super) fn number(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }

    /// The port itself.
    pub(super) fn contact(self) -> Contact {
        let protocol = if self.0 & IS_UDP == 0 { Protocol::Tcp } else { Protocol::Udp };
        #[expect(clippy::cast_possible_truncation, reason = "the bit above is the protocol's")]
        let port = self.0 as u16;
        Contact { protocol, port }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_has_a_place_of_its_own() {
        for nth in 0..PLACES {
            let Contact { protocol, port } = Place::nth(nth).contact();
            assert_eq!(Place::of(protocol, port).number(), nth);
        }
        assert_eq!(Place::of(Protocol::Udp, 53).number(), 65_589);
    }
}
