//! Events as the kernel tells them, some of them lost.

use portreeve_host::events::listening::EVENT_BYTES;

use super::*;

/// A UDP socket of this cookie, bound (1) or closed (2); `peer` is the port it is connected to.
pub(in super::super) fn udp(cookie: u64, kind: u8, peer: u16) -> Event {
    let mut bytes = [0; EVENT_BYTES];
    let parts: [(usize, &[u8]); 6] = [
        (8, &cookie.to_ne_bytes()),
        (76, &53_u16.to_ne_bytes()),
        (78, &peer.to_be_bytes()),
        (80, &2_u16.to_ne_bytes()),
        (82, &17_u16.to_ne_bytes()),
        (84, &[kind]),
    ];
    for (place, part) in parts {
        bytes[place..place + part.len()].copy_from_slice(part);
    }
    Event::read(&bytes).unwrap()
}

#[test]
fn what_is_told_of_one_side_alone_is_counted_unless_it_is_known() {
    let counted =
        |events: &[Event], known: &[u64]| halves(events, |event| known.contains(&event.socket.cookie));
    assert_eq!(counted(&[udp(1, 1, 0), udp(1, 2, 0)], &[]), 0, "a whole life");
    assert_eq!(counted(&[udp(1, 1, 0), udp(1, 2, 0), udp(2, 1, 0)], &[]), 1, "its end is lost");
    assert_eq!(counted(&[udp(1, 2, 0), udp(2, 1, 0), udp(2, 2, 0)], &[]), 1, "its begin is lost");
    assert_eq!(counted(&[udp(1, 2, 9)], &[]), 0, "it was connected: no change at all");
    assert_eq!(counted(&[udp(1, 2, 0), udp(2, 1, 0)], &[1, 2]), 0, "looks tell of both");
}
