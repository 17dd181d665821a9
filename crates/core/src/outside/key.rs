//! The numbers of a scan that nobody can guess: who answers has seen the packet that asked (A20).

use core::{hash::Hasher, net::IpAddr};

use siphasher::sip::SipHasher13;

/// Two numbers that chance gave.
#[derive(Clone, Copy, Debug)]
pub struct Key([u64; 2]);

impl Key {
    /// The key that these make.
    #[must_use]
    pub const fn new(numbers: [u64; 2]) -> Self {
        Self(numbers)
    }

    /// The sequence number of the packet that asks `port` of `target`; whoever acknowledges it has seen it (RFC 6528 makes
    /// initial numbers alike).
    #[must_use]
    pub fn sequence(&self, target: IpAddr, port: u16) -> u32 {
        let [_, _, _, _, first, second, third, fourth] = self.number(target, port).to_be_bytes();
        u32::from_be_bytes([first, second, third, fourth])
    }

    /// The number by which a datagram to `port` of `target` is known, where its protocol has room for one.
    #[must_use]
    pub fn number(&self, target: IpAddr, port: u16) -> u64 {
        let mut hasher = self.hasher();
        match target {
            IpAddr::V4(ip) => hasher.write(&ip.octets()),
            IpAddr::V6(ip) => hasher.write(&ip.octets()),
        }
        hasher.write(&port.to_be_bytes());
        hasher.finish()
    }

    /// The `nth` number of a row by which things are put in an order that nobody foresees.
    pub(super) fn draw(&self, nth: u64) -> u64 {
        let mut hasher = self.hasher();
        hasher.write_u64(nth);
        hasher.finish()
    }

    fn hasher(&self) -> SipHasher13 {
        let Self([one, two]) = *self;
        SipHasher13::new_with_keys(one, two)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_of_each_host_has_a_number_of_its_own() {
        let key = Key::new([1, 2]);
        let [one, other]: [IpAddr; 2] = [[192, 0, 2, 1].into(), [192, 0, 2, 2].into()];
        assert_eq!(key.sequence(one, 22), key.sequence(one, 22));
        assert_ne!(key.sequence(one, 22), key.sequence(one, 23));
        assert_ne!(key.sequence(one, 22), key.sequence(other, 22));
        assert_ne!(key.sequence(one, 22), Key::new([1, 3]).sequence(one, 22));
    }
}
