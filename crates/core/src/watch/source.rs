//! Who sends, as far as an address tells: of IPv6 whoever has a network of 64 bits has all of its addresses (A19).

use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// The bits of an IPv6 address by which one subscriber is told from another (RFC 4291 §2.5.4).
const NETWORK_BITS: u8 = 64;

/// The bits by which one network is told from another: of IPv4 and of IPv6 no longer prefix is announced to others (RFC 7454 §6.1.3).
const SITE_BITS: [u8; 2] = [24, 48];

/// An IPv4 address, or an IPv6 network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "IpAddr", into = "IpAddr")]
pub enum Source {
    /// One address.
    V4(Ipv4Addr),
    /// The upper half of an address.
    V6(u64),
}

impl Source {
    /// Where nobody of many is known: an address that nobody has.
    pub(super) const NOBODY: Self = Self::V4(Ipv4Addr::UNSPECIFIED);

    /// Whose address it is; one of IPv4 that is written as one of IPv6 (RFC 4291 §2.5.5.2) is one of IPv4.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                Self::V6(u64::try_from(address.to_bits() >> NETWORK_BITS).expect("it has so many bits"))
            }
        }
    }

    /// The network of all that is its own.
    #[must_use]
    pub fn prefix(self) -> IpNet {
        let bits = match self {
            Self::V4(_) => 32,
            Self::V6(_) => NETWORK_BITS,
        };
        IpNet::new_assert(self.address(), bits)
    }

    /// Its address, or the first one of its network.
    #[must_use]
    pub fn address(self) -> IpAddr {
        match self {
            Self::V4(address) => address.into(),
            Self::V6(network) => Ipv6Addr::from_bits(u128::from(network) << NETWORK_BITS).into(),
        }
    }
}

impl Source {
    /// The network that it shares with its neighbours: 24 bits of IPv4, 48 of IPv6.
    #[must_use]
    pub fn site(self) -> IpNet {
        let [of_ipv4, of_ipv6] = SITE_BITS;
        let bits = if matches!(self, Self::V4(_)) { of_ipv4 } else { of_ipv6 };
        IpNet::new_assert(self.address(), bits).trunc()
    }

    /// The same network in fewer bits, the highest of which is of IPv6.
    pub(super) fn site_bits(self) -> u64 {
        match self {
            Self::V4(address) => u64::from(address.to_bits() >> 8),
            Self::V6(network) => network >> 16 | 1 << 63,
        }
    }

    /// Which one of its site it is, in eight bits: of IPv6 some of the 65,536 share a number.
    pub(super) const fn number_in_site(self) -> u8 {
        match self {
            Self::V4(address) => address.octets()[3],
            Self::V6(network) => {
                let [.., high, low] = network.to_be_bytes();
                high ^ low
            }
        }
    }
}

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self::of(address)
    }
}

impl From<Source> for IpAddr {
    fn from(source: Source) -> Self {
        source.address()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6(_) => self.prefix().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn an_address_is_somebodys() {
        let told = |address: &str| Source::of(address.parse().unwrap()).to_string();
        assert_eq!(told("203.0.113.7"), "203.0.113.7");
        assert_eq!(told("::ffff:203.0.113.7"), "203.0.113.7");
        assert_eq!(told("2001:db8:7::1"), "2001:db8:7::/64");
        assert_eq!(told("2001:db8:7:0:ffff::9"), "2001:db8:7::/64");
        assert_eq!(told("2001:db8:7:1::1"), "2001:db8:7:1::/64");
    }

    #[test]
    fn neighbours_are_of_one_site() {
        let site = |address: &str| Source::of(address.parse().unwrap()).site().to_string();
        assert_eq!(site("203.0.113.7"), "203.0.113.0/24");
        assert_eq!(site("2001:db8:7:ff::1"), "2001:db8:7::/48");
        let number = |address: &str| Source::of(address.parse().unwrap()).number_in_site();
        assert_eq!(
            [number("203.0.113.7"), number("2001:db8:7:9::1"), number("2001:db8:7:100::1")],
            [7, 9, 1]
        );
    }
}
