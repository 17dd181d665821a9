//! Addresses of IPv4 as text without the machinery of `fmt`: a busy host has a hundred thousand rows with two in each.

use core::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str,
};

const PREFIX: &[u8] = b"::ffff:";
/// `::ffff:255.255.255.255`.
const BYTES_MAX: usize = 22;

/// Room for one address.
#[derive(Default)]
pub(super) struct Dotted {
    bytes: [u8; BYTES_MAX],
    length: usize,
}

impl Dotted {
    /// The text of an IPv4 address, and of one that stands in IPv6 (RFC 5952 §5), as `Display` has it; `None` of any
    /// other.
    pub(super) fn write(&mut self, ip: IpAddr) -> Option<&str> {
        let ip = match ip {
            IpAddr::V4(ip) => ip,
            IpAddr::V6(ip) => self.unmapped(ip)?,
        };
        self.push_octets(ip);
        Some(str::from_utf8(&self.bytes[..self.length]).expect("digits, dots and colons are ASCII"))
    }

    fn unmapped(&mut self, ip: Ipv6Addr) -> Option<Ipv4Addr> {
        let mapped = ip.to_ipv4_mapped()?;
        PREFIX.iter().for_each(|&byte| self.push(byte));
        Some(mapped)
    }

    fn push_octets(&mut self, ip: Ipv4Addr) {
        for (at, octet) in ip.octets().into_iter().enumerate() {
            if at > 0 {
                self.push(b'.');
            }
            if octet >= 100 {
                self.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                self.push(b'0' + octet / 10 % 10);
            }
            self.push(b'0' + octet % 10);
        }
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn it_is_what_display_writes() {
        for octet in 0..=u8::MAX {
            let ip = Ipv4Addr::new(octet, 255 - octet, octet / 2, octet / 25);
            for ip in [IpAddr::V4(ip), IpAddr::V6(ip.to_ipv6_mapped())] {
                assert_eq!(Dotted::default().write(ip), Some(ip.to_string().as_str()));
            }
        }
        for other in ["::", "::1", "2001:db8::1", "::255.255.255.255"] {
            assert_eq!(Dotted::default().write(other.parse().unwrap()), None, "{other}");
        }
    }
}
