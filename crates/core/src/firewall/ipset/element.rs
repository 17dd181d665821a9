//! Reads an element of a set (ipset(8)).

use alloc::{borrow::ToOwned, string::String, vec::Vec};

use super::kinds::{Dimension, dimensions, has_ports};
use crate::{
    address::Family,
    firewall::{
        intervals::{Interval, Intervals},
        iptables::{
            icmp,
            numbers::{address, addresses, free, mask, width, word},
        },
        protocols,
    },
};

/// What a set's elements look like.
pub(super) struct Form {
    /// `None` where it is for both.
    pub(super) family: Option<Family>,
    pub(super) dimensions: &'static [Dimension],
    /// How many of an address' lowest bits do not count.
    free: u32,
    /// The bits of a mark that count.
    mark_mask: u32,
}

/// What is looked up beside the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Address(Interval),
    Port { protocol: u8, port: u16 },
    Interface { name: String, is_prefix: bool },
    Mark(Interval),
    Unknown,
}

/// What is looked up first.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    /// Its numbers; `None` where nobody can tell.
    pub(super) numbers: Option<Interval>,
    /// How many bits of a network's address count: the longest one decides.
    pub(super) length: u32,
    /// Whether what is there is not in the set.
    pub(super) is_except: bool,
}

impl Form {
    /// What the options of `create` say; `None` where that is not understood.
    pub(super) fn of(kind: &str, options: &[&str]) -> Option<Self> {
        let dimensions = dimensions(kind)?;
        let value = |name: &str| options.iter().position(|word| *word == name).map(|at| options.get(at + 1));
        let is_for_addresses = matches!(dimensions[0], Dimension::Address | Dimension::Network);
        let family = match value("family") {
            Some(word) => Some(if *word? == "inet6" { Family::Ipv6 } else { Family::Ipv4 }),
            None => is_for_addresses.then_some(Family::Ipv4),
        };
        let free = match value("netmask").or_else(|| value("bitmask")) {
            Some(text) => free(mask(text?, family?)?, family?)?,
            None => 0,
        };
        let mark_mask = match value("markmask") {
            Some(text) => word(text?)?,
            None => u32::MAX,
        };
        // Several networks with one mask for all: which of them it is meant for is not told.
        let is_clear = free == 0 || !dimensions.contains(&Dimension::Network);
        is_clear.then_some(Self { family, dimensions, free, mark_mask })
    }

    pub(super) fn is_list(&self) -> bool {
        self.dimensions == [Dimension::Set]
    }

    /// What `add` says; `None` where that is not understood.
    pub(super) fn element(&self, text: &str, options: &[&str]) -> Option<(Vec<Part>, Leaf)> {
        let flags = Flags::of(options);
        let mut words = text.split(',');
        let (first, others) = self.dimensions.split_first()?;
        let leaf = self.leaf(*first, words.next()?, flags)?;
        let mut parts = Vec::new();
        for dimension in others {
            // An element without a hardware address takes the first one that comes.
            let Some(word) = words.next() else {
                return (*dimension == Dimension::Mac).then_some((parts, leaf));
            };
            parts.push(self.part(*dimension, word, flags)?);
        }
        words.next().is_none().then_some((parts, leaf))
    }

    fn leaf(&self, dimension: Dimension, text: &str, flags: Flags) -> Option<Leaf> {
        let (numbers, length) = match dimension {
            Dimension::Address | Dimension::Network => {
                let (numbers, length) = network(text, self.family?)?;
                (Some(self.widened(numbers)), length)
            }
            Dimension::BarePort => (Some(span(text)?), 0),
            Dimension::Mac => (None, 0),
            _ => return None,
        };
        // Ranges are no networks: which one is the longer cannot be said.
        let is_clear = !flags.is_except || dimension == Dimension::Network;
        is_clear.then_some(Leaf { numbers, length, is_except: flags.is_except })
    }

    fn part(&self, dimension: Dimension, text: &str, flags: Flags) -> Option<Part> {
        Some(match dimension {
            Dimension::Address | Dimension::Network => {
                Part::Address(self.widened(network(text, self.family?)?.0))
            }
            Dimension::Port => port(text)?,
            Dimension::Interface if text.starts_with("physdev:") => Part::Unknown,
            Dimension::Interface => Part::Interface { name: text.to_owned(), is_prefix: flags.is_prefix },
            Dimension::Mac => Part::Unknown,
            Dimension::Mark => self.mark(word(text)?)?,
            Dimension::BarePort | Dimension::Set => return None,
        })
    }

    /// The addresses that are the same to a set with a mask.
    fn widened(&self, numbers: Interval) -> Interval {
        let tail = |number: u128| Intervals::prefix(number, self.free);
        Interval {
            first: tail(numbers.first).first().unwrap_or(numbers.first),
            last: tail(numbers.last).last().unwrap_or(numbers.last),
        }
    }

    /// The marks whose bits that count are those of `mark`: an interval only where the lowest bits do not count.
    fn mark(&self, mark: u32) -> Option<Part> {
        let tail = !self.mark_mask;
        let first = mark & self.mark_mask;
        let last = first | tail;
        (tail & tail.wrapping_add(1) == 0)
            .then_some(Part::Mark(Interval { first: first.into(), last: last.into() }))
    }
}

/// What stands behind an element.
#[derive(Clone, Copy, Default)]
struct Flags {
    is_except: bool,
    is_prefix: bool,
}

impl Flags {
    fn of(options: &[&str]) -> Self {
        let mut flags = Self::default();
        let mut words = options.iter();
        while let Some(word) = words.next() {
            match *word {
                "nomatch" => flags.is_except = true,
                "wildcard" => flags.is_prefix = true,
                // A comment may be any word.
                "comment" => {
                    words.next();
                }
                _ => {}
            }
        }
        flags
    }
}

/// The addresses `10.0.0.0/8`, `10.0.0.1` or `10.0.0.1-10.0.0.9`, and the length of the prefix.
fn network(text: &str, family: Family) -> Option<(Interval, u32)> {
    let Some((first, length)) = text.split_once('/') else {
        return Some((addresses(text, family)?.iter().next()?, width(family)));
    };
    let length: u32 = length.parse().ok()?;
    let free = width(family).checked_sub(length)?;
    Some((Intervals::prefix(address(first, family)?, free).iter().next()?, length))
}

fn span(text: &str) -> Option<Interval> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first <= last).then_some(Interval { first: first.into(), last: last.into() })
}

/// `tcp:80`, `icmp:echo-request`, or `gre:0` for what has no ports; for ICMP the type and the code are the number.
fn port(text: &str) -> Option<Part> {
    let (protocol, number) = text.split_once(':').unwrap_or(("tcp", text));
    let protocol = protocols::number(protocol)?;
    let port = match protocol {
        protocols::ICMP | protocols::ICMPV6 => {
            let (kind, code) = icmp::type_and_code(number, protocol == protocols::ICMPV6)?;
            u16::from(kind) << 8 | u16::from(code)
        }
        _ => number.parse().ok()?,
    };
    (has_ports(protocol) || port == 0 || protocols::ICMP == protocol || protocols::ICMPV6 == protocol)
        .then_some(Part::Port { protocol, port })
}
