//! Gives bytes to the readers of what the packet filter hands over and conntrack tells: strangers chose those of packets.

use portreeve_core::{port::Protocol, watch::Known};
use portreeve_host::{
    events::{handshakes::read_opened, logged::LoggedPacket},
    sys::netlink::messages,
};

/// The smallest headers of IPv4 with ports.
const PACKET_BYTES_MIN: usize = 24;

/// The bytes are one message, and a run of them.
pub(crate) fn feed(bytes: &[u8]) {
    read(bytes);
    messages(bytes).for_each(|message| read(message.payload));
}

/// What is told was there.
fn read(message: &[u8]) {
    let touch = LoggedPacket::read(message).and_then(|told| told.touch);
    if let Some(touch) = touch {
        assert!(message.len() >= PACKET_BYTES_MIN, "{touch:?} is longer than its message");
        assert!([Protocol::Tcp, Protocol::Udp].contains(&touch.protocol));
        assert_eq!(touch.from.is_ipv4(), touch.to.is_ipv4());
        let known = Known { own: [touch.to.to_canonical()].into(), ..Known::default() };
        let _ = known.innocence(&touch);
    }
    if let Some(tracked) = read_opened(message) {
        assert_eq!(tracked.from.0.is_ipv4(), tracked.to.0.is_ipv4());
    }
}
