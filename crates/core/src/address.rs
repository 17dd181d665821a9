//! An IP address as the kernel has it, with the interface that a link-local one belongs to (A4).

mod dotted;

use alloc::{borrow::Cow, sync::Arc};
use core::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use ipnet::{Ipv4Net, Ipv6Net};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use self::dotted::Dotted;

/// An address, and for `fe80::…` the interface (`fe80::1%eth0`, RFC 4007 §11).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The address itself.
    pub ip: IpAddr,
    /// The interface, where the address alone does not say which network is meant.
    pub interface: Option<Arc<str>>,
}

/// How far an address, as a place to be bound to, can be heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breadth {
    /// 127.0.0.0/8, ::1: this host only.
    Loopback,
    /// One address of one interface.
    Specific,
    /// 0.0.0.0 or :: : every address.
    Wildcard,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6; a dual-stack socket is one of these with `v6only` false.
    Ipv6,
}

/// The network of IPv4 that one of IPv6 is in other clothes, as sockets of both families show it (RFC 4291 §2.5.5.2).
#[must_use]
pub fn mapped(network: Ipv6Net) -> Option<Ipv4Net> {
    let length = network.prefix_len().checked_sub(96)?;
    Ipv4Net::new(network.addr().to_ipv4_mapped()?, length).ok()
}

impl Family {
    /// Both, the older first.
    pub const ALL: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// As a person writes it.
    #[must_use]
    pub const fn written(self) -> &'static str {
        match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
        }
    }

    /// The family of an address, as it is written.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// The address that stands for every one of it.
    #[must_use]
    pub const fn wildcard(self) -> IpAddr {
        match self {
            Self::Ipv4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Self::Ipv6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }

    /// The token of machine output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

impl Address {
    /// How far a socket bound here can be heard.
    #[must_use]
    pub fn breadth(&self) -> Breadth {
        let ip = self.ip.to_canonical();
        if ip.is_unspecified() {
            Breadth::Wildcard
        } else if ip.is_loopback() {
            Breadth::Loopback
        } else {
            Breadth::Specific
        }
    }

    /// Whether both are one place to be bound to: `fe80::1` on two interfaces is two (RFC 4007 §6).
    #[must_use]
    pub fn is_same_place(&self, other: &Self) -> bool {
        let is_on_link = match (&self.interface, &other.interface) {
            (Some(own), Some(theirs)) => own == theirs,
            _ => true,
        };
        self.ip.to_canonical() == other.ip.to_canonical() && is_on_link
    }

    /// Whether the internet can route to it: no private, shared, link-local or other special range (RFC 6890).
    ///
    /// Documentation ranges count as public: they stand for public addresses wherever they are used.
    #[must_use]
    pub fn is_public(&self) -> bool {
        match self.ip.to_canonical() {
            IpAddr::V4(ip) => {
                let [first, second, ..] = ip.octets();
                let shared = first == 100 && second & 0b1100_0000 == 64;
                let benchmark = first == 198 && second & 0b1111_1110 == 18;
                let special = ip.is_private() || ip.is_link_local() || ip.is_multicast() || first >= 240;
                !(first == 0 || ip.is_loopback() || shared || benchmark || special)
            }
            // Only 2000::/3 is handed out (RFC 4291 §2.4).
            IpAddr::V6(ip) => ip.segments()[0] & 0xe000 == 0x2000,
        }
    }
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self { ip, interface: None }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Dotted::default().write(self.ip) {
            Some(text) => f.write_str(text)?,
            None => write!(f, "{}", self.ip)?,
        }
        self.interface.as_ref().map_or(Ok(()), |interface| write!(f, "%{interface}"))
    }
}

impl FromStr for Address {
    type Err = core::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (ip, interface) = match text.split_once('%') {
            Some((ip, interface)) => (ip, Some(interface.into())),
            None => (text, None),
        };
        Ok(Self { ip: ip.parse()?, interface })
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "An IP address as the kernel has it: 0.0.0.0, ::, 127.0.0.1, fe80::1%eth0."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn an_address_reads_back_as_it_is_written() {
        for text in ["0.0.0.0", "::", "127.0.0.1", "fe80::1%eth0", "::ffff:10.0.0.1"] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
            assert_eq!(serde_json::to_value(&address).unwrap(), text);
        }
    }

    #[test]
    fn only_what_the_internet_routes_to_is_public() {
        let public = |text: &str| text.parse::<Address>().unwrap().is_public();
        for text in ["8.8.8.8", "203.0.113.5", "2001:db8::1", "100.128.0.1", "::ffff:8.8.8.8"] {
            assert!(public(text), "{text}");
        }
        for text in ["10.0.0.5", "100.64.0.1", "169.254.1.1", "192.168.1.1", "fd00::1", "fe80::1%eth0", "::"]
        {
            assert!(!public(text), "{text}");
        }
    }

    #[test]
    fn breadth_sees_through_mapped_addresses() {
        let breadth = |text: &str| text.parse::<Address>().unwrap().breadth();
        assert_eq!(breadth("::ffff:127.0.0.1"), Breadth::Loopback);
        assert_eq!(breadth("::ffff:0.0.0.0"), Breadth::Wildcard);
        assert_eq!(breadth("192.0.2.1"), Breadth::Specific);
        assert_eq!(breadth("::"), Breadth::Wildcard);
    }
}
