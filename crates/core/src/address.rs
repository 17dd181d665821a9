//! An IP address as the kernel has it, with the interface that a link-local one belongs to (A4).

use alloc::{borrow::Cow, borrow::ToOwned, string::String};
use core::{fmt, net::IpAddr, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// An address, and for `fe80::…` the interface (`fe80::1%eth0`, RFC 4007 §11).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The address itself.
    pub ip: IpAddr,
    /// The interface, where the address alone does not say which network is meant.
    pub interface: Option<String>,
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
}

impl From<IpAddr> for Address {
    fn from(ip: IpAddr) -> Self {
        Self { ip, interface: None }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.interface {
            Some(interface) => write!(f, "{}%{interface}", self.ip),
            None => write!(f, "{}", self.ip),
        }
    }
}

impl FromStr for Address {
    type Err = core::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (ip, interface) = match text.split_once('%') {
            Some((ip, interface)) => (ip, Some(interface.to_owned())),
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
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
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
