//! A port, its class, and where it is bound (A1–A4).

use alloc::{format, string::String};
use core::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::words::Text;

/// A transport protocol that has port numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// RFC 9293; also what an MPTCP socket listens on.
    Tcp,
    /// RFC 768.
    Udp,
    /// RFC 3828.
    Udplite,
    /// RFC 9260.
    Sctp,
    /// RFC 4340; only a name in the registry, Linux dropped it in 6.16.
    Dccp,
}

impl Protocol {
    /// Every protocol, in the order tables show them.
    pub const ALL: [Self; 5] = [Self::Tcp, Self::Udp, Self::Udplite, Self::Sctp, Self::Dccp];

    /// The name as /etc/services, nmap and the policy write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Udplite => "udplite",
            Self::Sctp => "sctp",
            Self::Dccp => "dccp",
        }
    }

    /// The number that stands for it in the header of a packet (IANA, Assigned Internet Protocol Numbers).
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Udplite => 136,
            Self::Sctp => 132,
            Self::Dccp => 33,
        }
    }

    /// IANA has no column for UDP-Lite: it shares UDP's assignments (RFC 3828 §6).
    #[must_use]
    pub const fn assigned_as(self) -> Self {
        match self {
            Self::Udplite => Self::Udp,
            other => other,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Protocol {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        Self::ALL
            .into_iter()
            .find(|protocol| protocol.name() == text)
            .ok_or_else(|| PortError::Protocol(text.into()))
    }
}

/// IANA's three classes of port numbers (RFC 6335 §6, A3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// 0–1023.
    WellKnown,
    /// 1024–49151.
    Registered,
    /// 49152–65535: never assigned, for clients.
    Dynamic,
}

impl Class {
    /// The class of a number (A2: every 16-bit number has one).
    #[must_use]
    pub const fn of(port: u16) -> Self {
        match port {
            0..=1023 => Self::WellKnown,
            1024..=49151 => Self::Registered,
            49152..=65535 => Self::Dynamic,
        }
    }

    /// The token of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WellKnown => "well-known",
            Self::Registered => "registered",
            Self::Dynamic => "dynamic",
        }
    }
}

/// Consecutive port numbers, `first..=last`, of one number at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
pub struct PortRange {
    /// The lowest number.
    pub first: u16,
    /// The highest number; not below `first`.
    pub last: u16,
}

impl PortRange {
    /// Every number.
    pub const EVERY: Self = Self { first: 0, last: u16::MAX };
    /// Stands for a range that could not be seen: 0 is the number of no port.
    pub const UNTOLD: Self = Self::one(0);

    fn ordered(first: u16, last: u16) -> Result<Self, PortError> {
        if first > last { Err(PortError::Backwards(first, last)) } else { Ok(Self { first, last }) }
    }

    /// The range of a single number.
    #[must_use]
    pub const fn one(port: u16) -> Self {
        Self { first: port, last: port }
    }

    /// Whether `port` lies within.
    #[must_use]
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// Whether any number lies in both.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// The numbers that lie in both.
    #[must_use]
    pub fn meet(self, other: Self) -> Option<Self> {
        let meet = Self { first: self.first.max(other.first), last: self.last.min(other.last) };
        (meet.first <= meet.last).then_some(meet)
    }

    /// Whether it is a single number.
    #[must_use]
    pub const fn is_one(self) -> bool {
        self.first == self.last
    }

    /// How many numbers it holds, 1 to 65,536.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.last as u32 - self.first as u32 + 1
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_one() { write!(f, "{}", self.first) } else { write!(f, "{}-{}", self.first, self.last) }
    }
}

impl FromStr for PortRange {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        // Of `22-` nobody sees what is missing by what is not there.
        let whole = || PortError::Number(text.into());
        let number = |end: &str| if end.is_empty() { Err(whole()) } else { number(end) };
        Self::ordered(number(first)?, number(last)?)
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Ends {
            first: u16,
            last: u16,
        }
        let Ends { first, last } = Ends::deserialize(from)?;
        Self::ordered(first, last).map_err(D::Error::custom)
    }
}

/// A port range of one protocol, written `443/tcp` or `30000-30099/tcp` as /etc/services and nmap do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSpec {
    /// The numbers.
    pub range: PortRange,
    /// The protocol.
    pub protocol: Protocol,
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.range, self.protocol)
    }
}

impl FromStr for PortSpec {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        let named = text.split_once('/').filter(|(_, protocol)| !protocol.is_empty());
        let (range, protocol) = named.ok_or_else(|| PortError::NoProtocol(text.into()))?;
        if range.is_empty() {
            return Err(PortError::Number(text.into()));
        }
        Ok(Self { range: range.parse()?, protocol: protocol.parse()? })
    }
}

/// Why a text is no port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PortError {
    /// Not a decimal number.
    #[error("`{0}` is not a port number")]
    Number(String),
    /// A number above 65535 (A2).
    #[error("{0} is above 65535, the highest port")]
    TooHigh(String),
    /// No such protocol.
    #[error("`{0}` is not a protocol")]
    Protocol(String),
    /// A port without `/tcp` or the like.
    #[error("`{0}` names no protocol")]
    NoProtocol(String),
    /// A range that ends before it starts.
    #[error("the range {0}-{1} ends before it starts")]
    Backwards(u16, u16),
}

impl PortError {
    /// The same in both languages.
    #[must_use]
    pub fn text(&self) -> Text {
        let ja = match self {
            Self::Number(text) => format!("`{text}` はポート番号ではありません"),
            Self::TooHigh(text) => format!("{text} は最大のポート番号 65535 を超えています"),
            Self::Protocol(text) => format!("`{text}` というプロトコルはありません"),
            Self::NoProtocol(text) => format!("`{text}` にプロトコルがありません"),
            Self::Backwards(first, last) => format!("範囲 {first}-{last} は終わりが始まりより前です"),
        };
        Text { en: format!("{self}"), ja }
    }
}

fn number(text: &str) -> Result<u16, PortError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PortError::Number(text.into()));
    }
    text.parse().map_err(|_| PortError::TooHigh(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn classes_meet_at_ianas_borders() {
        let classes = [0, 1023, 1024, 49151, 49152, 65535].map(|port| Class::of(port).name());
        assert_eq!(classes, ["well-known", "well-known", "registered", "registered", "dynamic", "dynamic"]);
    }

    #[test]
    fn a_spec_reads_back_as_it_is_written() {
        for text in ["443/tcp", "30000-30099/tcp", "0/udp", "65535/sctp"] {
            assert_eq!(text.parse::<PortSpec>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_range_that_ends_before_it_starts_is_none_in_a_snapshot_either() {
        let read = |text| serde_json::from_str::<PortRange>(text);
        assert_eq!(read(r#"{"first":1,"last":2}"#).unwrap(), PortRange { first: 1, last: 2 });
        let error = read(r#"{"first":32768,"last":15383}"#).unwrap_err().to_string();
        assert!(error.starts_with("the range 32768-15383 ends before it starts"), "{error}");
    }

    #[test]
    fn two_ranges_meet_where_they_overlap() {
        let range = |first, last| PortRange { first, last };
        for (one, other, meet) in [
            (range(1, 5), range(5, 9), Some(PortRange::one(5))),
            (range(1, 9), range(3, 4), Some(range(3, 4))),
            (range(1, 4), range(5, 9), None),
        ] {
            assert_eq!((one.meet(other), other.meet(one)), (meet, meet));
            assert_eq!(one.overlaps(other), meet.is_some());
        }
    }

    /// No number but 0 to 65535 is a port (A2).
    #[test]
    fn a_bad_spec_says_what_is_bad() {
        let error = |text: &str| text.parse::<PortSpec>().unwrap_err().to_string();
        assert_eq!(error("443/tpc"), "`tpc` is not a protocol");
        assert_eq!(error("70000/tcp"), "70000 is above 65535, the highest port");
        assert_eq!(error("9-3/tcp"), "the range 9-3 ends before it starts");
        assert_eq!(error("+5/tcp"), "`+5` is not a port number");
        assert_eq!(error("443"), "`443` names no protocol");
        assert_eq!(error("443/"), "`443/` names no protocol");
        assert_eq!(error("22-/tcp"), "`22-` is not a port number");
        assert_eq!(error("-22/tcp"), "`-22` is not a port number");
        assert_eq!(error("/tcp"), "`/tcp` is not a port number");
        let text = "9-3/tcp".parse::<PortSpec>().unwrap_err().text();
        assert_eq!(text.en, "the range 9-3 ends before it starts");
        assert_eq!(text.ja, "範囲 9-3 は終わりが始まりより前です");
    }
}
