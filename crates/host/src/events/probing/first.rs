//! How many sources touched each port first, of which the kernel told no event (A14, A19).

use portreeve_core::{port::Protocol, watch::FirstTouches};
use rustix::io::Errno;

use crate::sys::{bpf::OpenMap, counts::Counts};

/// A bit for the protocol and 16 for the port (`asked` in bpf/watch.bpf.c).
const PLACES: usize = 1 << 17;
const IS_UDP: usize = 1 << 16;

/// What the kernel counts, and what of it was read.
#[derive(Debug)]
pub(super) struct First {
    counts: Counts,
    before: Box<[u64]>,
}

impl First {
    /// What is counted in `map`.
    ///
    /// # Errors
    ///
    /// What mmap(2) answers.
    pub(super) fn of(map: &OpenMap) -> Result<Self, Errno> {
        let counts = Counts::new(map, PLACES)?;
        Ok(Self { counts, before: vec![0; PLACES].into() })
    }

    /// Gives each port to `each` whose count is another than it was at the last call.
    pub(super) fn read(&mut self, mut each: impl FnMut(FirstTouches)) {
        for (place, (now, before)) in self.counts.all().zip(&mut self.before).enumerate() {
            let more = now.wrapping_sub(*before).cast_signed();
            *before = now;
            if more != 0 {
                each(touches(place, more));
            }
        }
    }
}

/// What `more` is of the port that is counted at `place`: there its number is in network order.
fn touches(place: usize, more: i64) -> FirstTouches {
    let protocol = if place & IS_UDP == 0 { Protocol::Tcp } else { Protocol::Udp };
    #[expect(clippy::cast_possible_truncation, reason = "the bit above is the protocol's")]
    let port = u16::from_be(place as u16);
    let more = i32::try_from(more).unwrap_or(if more < 0 { i32::MIN } else { i32::MAX });
    FirstTouches { protocol, port, more }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_port_in_network_order() {
        let touches = |place, more| {
            let FirstTouches { protocol, port, more } = touches(place, more);
            (protocol, port, more)
        };
        let telnet = usize::from(23_u16.to_be());
        assert_eq!(touches(telnet, 7), (Protocol::Tcp, 23, 7));
        assert_eq!(touches(telnet | IS_UDP, -1), (Protocol::Udp, 23, -1));
        assert_eq!(touches(PLACES - 1, i64::MAX), (Protocol::Udp, u16::MAX, i32::MAX));
    }
}
