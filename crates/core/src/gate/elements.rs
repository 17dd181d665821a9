//! What stands outside the generations, and mostly for a while: blocked sources and ports that are open (nft(8), "SETS").

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, net::IpAddr, time::Duration};

use ipnet::Ipv6Net;
use jiff::{SignedDuration, Timestamp};

use super::{Body, JUDGED, Kept, Open, Temporary, Transaction, ZoneName, askers};
use crate::{policy::WORLD, port::PortSpec};

/// Longer than ten years is for good.
const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// How long something is kept, in milliseconds: never 0, by which nftables means for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeout(u64);

impl Timeout {
    /// `duration`; `None` where it is shorter than a millisecond or longer than ten years.
    #[must_use]
    pub fn of(duration: Duration) -> Option<Self> {
        let milliseconds = u64::try_from(duration.as_millis()).ok()?;
        (milliseconds > 0 && duration <= LONGEST).then_some(Self(milliseconds))
    }

    /// When it ends, where it begins at `now`; the end of all time where nobody can write that one.
    #[must_use]
    pub fn end(self, now: Timestamp) -> Timestamp {
        let length = i64::try_from(self.0).map_or(SignedDuration::MAX, SignedDuration::from_millis);
        now.saturating_add(length).unwrap_or(Timestamp::MAX)
    }

    /// The whole seconds, as listings have them.
    pub(super) const fn seconds(self) -> u64 {
        self.0 / 1_000
    }
}

/// As `1d12h` or `1m500ms`: nft 1.0.6 takes no number of more than eight digits.
impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
        let mut rest = self.0;
        for (unit, milliseconds) in units {
            if rest >= milliseconds {
                write!(f, "{}{unit}", rest / milliseconds)?;
                rest %= milliseconds;
            }
        }
        Ok(())
    }
}

/// Who is kept out: an address of IPv4, or a whole network of 64 bits of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockedSource(IpAddr);

impl BlockedSource {
    /// The sets of the gate that they are in, of IPv4 and of IPv6.
    pub const SETS: [&str; 2] = ["blocked4", "blocked64"];

    /// Whoever sends from `address`.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(address.into()),
            IpAddr::V6(address) => {
                Self(Ipv6Net::new(address, 64).map_or(address, |net| net.network()).into())
            }
        }
    }

    /// The address, or the first one of the network.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }

    /// The set that it is in.
    #[must_use]
    pub const fn set(self) -> &'static str {
        match self.0 {
            IpAddr::V4(_) => Self::SETS[0],
            IpAddr::V6(_) => Self::SETS[1],
        }
    }
}

/// Keeps `source` out for so long from now on, whatever was said of it before; for good without a timeout.
#[must_use]
pub fn block(source: BlockedSource, timeout: Option<Timeout>) -> Transaction {
    put(source.set(), &[source.0], timeout)
}

/// Lets `source` in again, also where it is not kept out, or no longer.
#[must_use]
pub fn unblock(source: BlockedSource) -> Transaction {
    let mut transaction = Transaction::default();
    // What is not there cannot be taken out, so it is put there first.
    change("add", source.set(), &[source.0], None, &mut transaction);
    change("delete", source.set(), &[source.0], None, &mut transaction);
    transaction
}

/// Opens ports to a zone, or to everybody, for so long from now on; `None` where the gate does not judge their protocol.
///
/// The kernel refuses it where the gate does not have the zone.
#[must_use]
pub fn open_for(zone: Option<&ZoneName>, ports: PortSpec, timeout: Timeout) -> Option<Transaction> {
    Some(put(&open(zone, ports)?, &numbers(ports), Some(timeout)))
}

/// Closes ports that are open for a while, and takes those as closed that are not open, or no longer.
#[must_use]
pub fn close_early(zone: Option<&ZoneName>, ports: PortSpec) -> Option<Transaction> {
    let mut transaction = Transaction::default();
    close(&open(zone, ports)?, &numbers(ports), &mut transaction);
    Some(transaction)
}

/// Closes what is open for a while, and takes it as closed where its time is over already.
#[must_use]
pub fn shut(open: &[Open]) -> Transaction {
    let mut transaction = Transaction::default();
    for Open { zone, port, from } in open {
        let number = port.what.range.first;
        if let Some(source) = from {
            close(askers::set_of(*source), &[askers::element(*source, number)], &mut transaction);
            continue;
        }
        let zone = (zone != WORLD).then(|| ZoneName::of(zone)).flatten();
        if let Some(set) = self::open(zone.as_ref(), port.what) {
            close(&set, &numbers(port.what), &mut transaction);
        }
    }
    transaction
}

/// What is not there cannot be taken out, so it is put there first.
pub(super) fn close<T: fmt::Display>(set: &str, elements: &[T], transaction: &mut Transaction) {
    change("add", set, elements, None, transaction);
    change("delete", set, elements, None, transaction);
}

/// Puts what is open and who is kept out for a while into a table that is made anew with `body`, for what is left of it.
pub(super) fn carried(temporary: &Temporary, body: &Body) -> Transaction {
    let mut sets: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let blocked = temporary.blocked.iter().map(|Kept { what, left }| {
        let source = BlockedSource::of(*what);
        (source.set().into(), source.0.to_string(), left.map(Timeout::of))
    });
    let open = temporary.open.iter().filter_map(|open| {
        let (set, element) = place(open, body)?;
        // Nobody opens a port without an end but whoever goes round this program.
        Some((set, element, Some(Timeout::of(open.port.left?))))
    });
    for (set, element, timeout) in blocked.chain(open) {
        // Where less than a second is left, or more than ten years, it is over, or none of ours.
        let timed = match timeout {
            None => element.clone(),
            Some(Some(timeout)) => format!("{element} timeout {timeout}"),
            Some(None) => continue,
        };
        sets.entry(set).or_default().insert(element, timed);
    }
    let mut transaction = Transaction::default();
    for (set, elements) in sets {
        let elements: Vec<String> = elements.into_values().collect();
        transaction.line(format_args!("add element inet portreeve {set} {{ {} }}", elements.join(", ")));
    }
    transaction
}

/// The set that it is in, where a table with `body` has that, and its element there.
fn place(Open { zone, port, from }: &Open, body: &Body) -> Option<(String, String)> {
    let number = port.what.range.first;
    match from {
        Some(source) => Some((askers::set_of(*source).into(), askers::element(*source, number))),
        None => Some((set_of(zone, port.what, body)?, number.to_string())),
    }
}

/// The set of ports that are open to a zone for a while, where a table with `body` has it.
fn set_of(zone: &str, ports: PortSpec, body: &Body) -> Option<String> {
    if zone == WORLD {
        return open(None, ports);
    }
    let zone = ZoneName::of(zone)?;
    let is_there = body.zones.contains(&zone.to_string());
    open(Some(&zone), ports).filter(|_| is_there)
}

/// A hash has no intervals.
fn numbers(ports: PortSpec) -> Vec<u16> {
    (ports.range.first..=ports.range.last).collect()
}

/// The set of ports that are open to a zone, or to everybody, for a while.
pub(super) fn open(zone: Option<&ZoneName>, ports: PortSpec) -> Option<String> {
    let protocol = ports.protocol;
    let zone = zone.map_or_else(|| "world".into(), |zone| format!("{zone}"));
    JUDGED.contains(&protocol).then(|| format!("open_{zone}_{protocol}"))
}

/// What is there keeps its time whatever is added, so it is taken out first, and what is not there cannot be taken out.
pub(super) fn put<T: fmt::Display>(set: &str, elements: &[T], timeout: Option<Timeout>) -> Transaction {
    let mut transaction = Transaction::default();
    close(set, elements, &mut transaction);
    change("add", set, elements, timeout, &mut transaction);
    transaction
}

fn change<T: fmt::Display>(
    verb: &str,
    set: &str,
    elements: &[T],
    timeout: Option<Timeout>,
    transaction: &mut Transaction,
) {
    let timeout = timeout.map_or_else(String::new, |timeout| format!(" timeout {timeout}"));
    let elements: Vec<String> = elements.iter().map(|element| format!("{element}{timeout}")).collect();
    transaction.line(format_args!("{verb} element inet portreeve {set} {{ {} }}", elements.join(", ")));
}
