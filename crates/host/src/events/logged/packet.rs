//! One packet as the kernel hands it to a log group (include/uapi/linux/netfilter/nfnetlink_log.h): its bytes are a stranger's.

use jiff::Timestamp;
use portreeve_core::watch::Touch;

use crate::{
    capture,
    sys::netlink::{attributes, bytes_at},
};

/// struct nfgenmsg: the family, the version, and the group.
const HEADER_BYTES: usize = 4;
/// NFULA_TIMESTAMP, NFULA_PAYLOAD and NFULA_SEQ.
const TIMESTAMP: u16 = 3;
const PAYLOAD: u16 = 9;
const NUMBER: u16 = 12;
const NANOSECONDS_EACH: i64 = 1_000;

/// What is told of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// When it came, where the kernel wrote that down.
    pub at: Option<Timestamp>,
    /// From whom to whom; `None` where it is neither of TCP nor of UDP, or too little of it is there.
    pub touch: Option<Touch>,
    /// How many were told before it.
    pub number: Option<u32>,
}

impl Logged {
    /// Reads the payload of a message; `None` where it is too short for one.
    #[must_use]
    pub fn read(message: &[u8]) -> Option<Self> {
        let mut told = Self::default();
        for (kind, value) in attributes(message.get(HEADER_BYTES..)?) {
            match kind {
                TIMESTAMP => told.at = moment(value),
                PAYLOAD => told.touch = capture::touch(value),
                NUMBER => told.number = bytes_at(value, 0).map(u32::from_be_bytes),
                _ => {}
            }
        }
        Some(told)
    }
}

/// struct nfulnl_msg_packet_timestamp: seconds and microseconds since 1970.
fn moment(value: &[u8]) -> Option<Timestamp> {
    let seconds = bytes_at(value, 0).map(i64::from_be_bytes)?;
    let microseconds = bytes_at(value, 8).map(i64::from_be_bytes)?;
    let nanoseconds = i32::try_from(microseconds.checked_mul(NANOSECONDS_EACH)?).ok()?;
    Timestamp::new(seconds, nanoseconds).ok()
}

#[cfg(test)]
mod tests {
    use portreeve_core::port::Protocol;

    use super::*;
    use crate::sys::netlink::attribute;

    /// A SYN from 203.0.113.7 to 23/tcp of 192.0.2.1.
    const SYN: [u8; 40] = [
        0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 203, 0, 113, 7, 192, 0, 2, 1, // IPv4
        0x9c, 0x40, 0, 23, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 4, 0, 0, 0, 0, 0, // TCP
    ];

    fn message(packet: &[u8]) -> Vec<u8> {
        let time = [1_700_000_000_i64.to_be_bytes(), 250_000_i64.to_be_bytes()].concat();
        let parts = [
            vec![2, 0, 0x70, 0x72],
            // NFULA_PACKET_HDR and NFULA_PREFIX.
            attribute(1, &[8, 0, 1, 0]),
            attribute(10, b"portreeve refused\0"),
            attribute(TIMESTAMP, &time),
            attribute(NUMBER, &7_u32.to_be_bytes()),
            attribute(PAYLOAD, packet),
        ];
        parts.concat()
    }

    #[test]
    fn a_packet_is_a_touch_with_a_number_and_a_time() {
        let told = Logged::read(&message(&SYN)).unwrap();
        let touch = Touch {
            from: [203, 0, 113, 7].into(),
            to: [192, 0, 2, 1].into(),
            protocol: Protocol::Tcp,
            from_port: 40_000,
            port: 23,
            flags: 2,
        };
        let at = Timestamp::new(1_700_000_000, 250_000_000).unwrap();
        assert_eq!(told, Logged { at: Some(at), touch: Some(touch), number: Some(7) });
    }

    #[test]
    fn what_is_cut_or_no_packet_is_no_touch() {
        for length in [0, 1, 19, 20, 33] {
            let told = Logged::read(&message(&SYN[..length])).unwrap();
            assert_eq!((told.touch, told.number), (None, Some(7)), "{length}");
        }
        assert_eq!(Logged::read(&message(&[0xff; 128])).unwrap().touch, None);
        assert_eq!(Logged::read(&[2, 0, 0]), None);
        assert_eq!(Logged::read(&[2, 0, 0, 0]), Some(Logged::default()));
    }

    #[test]
    fn a_time_that_cannot_be_is_none() {
        let told = |seconds: i64, microseconds: i64| {
            moment(&[seconds.to_be_bytes(), microseconds.to_be_bytes()].concat())
        };
        assert_eq!(told(i64::MAX, 0), None);
        assert_eq!(told(0, i64::MAX), None);
        assert_eq!(told(1, -1), Timestamp::new(1, -1_000).ok());
        assert_eq!(moment(&[0; 15]), None);
    }
}
