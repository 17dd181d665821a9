//! How soon somebody who probes is told of, what an event costs, and how much is remembered (A19).

mod benign;
mod flood;
mod kept_out;
mod logs;
mod slow;

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    port::Protocol,
    watch::{Event, Happening, Known, Touch, Watch},
};
use portreeve_host::sys::pages::enlarge;

use super::report::{Figure, Promise, Row};
use crate::shell::Result;

const KEY: [u64; 2] = [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210];
const HERE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1))];
const PROBER: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7));
const SYN: u8 = 0x02;
/// Ports of nobody's, no two of one family.
const PORTS: [u16; 10] = [23, 111, 3306, 3389, 5432, 5900, 6379, 9200, 11_211, 27_017];

const TCP_CONTACTS_MAX: f64 = 5.0;
const UDP_CONTACTS_MAX: f64 = 9.0;
const CROWD: u32 = 1_000_000;
const SOURCES: u32 = 10_000_000;
/// Four million a second.
const NANOSECONDS_MAX: f64 = 250.0;
const BYTES_MAX: f64 = 64.0 * 1024.0 * 1024.0;

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    let contacts = |what: &str, count: u32, most| Row {
        what: format!("contacts until it is told: {what}"),
        ours: Figure::Count(count.into()),
        rival: None,
        promise: Promise::AtMost(Figure::Count(most)),
    };
    let rotating = |nth: u32| Ipv6Addr::from(0x2001_0db8_0007_u128 << 80 | u128::from(nth) << 7).into();
    let mut rows = vec![
        contacts("TCP", until_told(Protocol::Tcp, 0, |_| PROBER)?, TCP_CONTACTS_MAX),
        contacts("UDP", until_told(Protocol::Udp, 0, |_| PROBER)?, UDP_CONTACTS_MAX),
        contacts(
            "IPv6, another address each time",
            until_told(Protocol::Tcp, 0, rotating)?,
            TCP_CONTACTS_MAX,
        ),
        contacts(
            "TCP, 1,000,000 others between two",
            until_told(Protocol::Tcp, CROWD, |_| PROBER)?,
            TCP_CONTACTS_MAX,
        ),
    ];
    rows.extend(benign::rows()?);
    rows.extend(load()?);
    rows.extend(flood::rows()?);
    rows.extend(slow::rows()?);
    rows.extend(logs::rows()?);
    rows.push(kept_out::row()?);
    Ok(rows)
}

/// A host of which nobody listens anywhere, and what is remembered of those who touch it.
struct Scene {
    watch: Watch,
    known: Known,
    at: Timestamp,
}

impl Scene {
    fn new() -> Self {
        let known = Known { own: HERE.into(), ..Known::default() };
        let watch = Watch::new(KEY, Timestamp::UNIX_EPOCH);
        watch.far_memory().into_iter().for_each(enlarge);
        Self { watch, known, at: Timestamp::UNIX_EPOCH }
    }

    /// Whether anything is told of that.
    fn touch(&mut self, from: IpAddr, protocol: Protocol, port: u16) -> bool {
        let to = HERE[usize::from(from.is_ipv6())];
        let touch = Touch { from, to, protocol, from_port: 40_000, port, flags: SYN };
        let event = Event { at: self.at, what: Happening::Touch(touch) };
        !self.watch.step(&self.known, &event).is_empty()
    }
}

/// How many contacts it takes, with so many others between two of them.
fn until_told(protocol: Protocol, crowd: u32, from: impl Fn(u32) -> IpAddr) -> Result<u32> {
    let mut scene = Scene::new();
    let mut others = 0..;
    for (nth, port) in (1..).zip(PORTS) {
        scene.at += SignedDuration::from_secs(15);
        if scene.touch(from(nth), protocol, port) {
            return Ok(nth);
        }
        for other in others.by_ref().take(usize::try_from(crowd)?) {
            scene.touch(scattered(other), Protocol::Tcp, 23);
        }
    }
    Err("nobody is told of".into())
}

/// What an event of each of many sources takes, and how much memory all of them.
fn load() -> Result<[Row; 2]> {
    let before = resident_bytes()?;
    let mut scene = Scene::new();
    let start = Instant::now();
    for source in 0..SOURCES {
        let port = PORTS[usize::try_from(source)? % PORTS.len()];
        scene.touch(scattered(source), Protocol::Tcp, port);
    }
    #[expect(clippy::cast_precision_loss, reason = "a time that a person waits for")]
    let each = start.elapsed().as_nanos() as f64 / f64::from(SOURCES);
    let grown = resident_bytes()?.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "a size that a machine has")]
    let grown = grown as f64;
    let row = |what: &str, ours, most| Row {
        what: format!("{what}, 10,000,000 sources"),
        ours,
        rival: None,
        promise: Promise::AtMost(most),
    };
    Ok([
        row("an event", Figure::Nanoseconds(each), Figure::Nanoseconds(NANOSECONDS_MAX)),
        row("memory", Figure::Bytes(grown), Figure::Bytes(BYTES_MAX)),
    ])
}

/// The address of that number, so that neighbours are far apart; no two numbers have the same.
fn scattered(number: u32) -> IpAddr {
    Ipv4Addr::from(number.wrapping_mul(0x9e37_79b1)).into()
}

/// What this process has in memory (proc_pid_status(5)).
fn resident_bytes() -> Result<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix(" kB"));
    let kilobytes: u64 = line.ok_or("/proc/self/status is strange")?.trim().parse()?;
    Ok(kilobytes * 1024)
}
