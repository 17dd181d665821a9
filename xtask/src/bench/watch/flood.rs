//! What the watch takes of a flood that reaches nobody, beside a host without it, and how much of it user space is told (A19).

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use portreeve_core::port::PortRange;
use portreeve_host::events::probing::{Lasting, Place, Probing};
use portreeve_lab::namespace::Namespace;

use super::super::{
    report::{Figure, Promise, Row},
    stopwatch::{compile, median},
};
use crate::shell::Result;

const ROUNDS: usize = 5;
/// The promise about events is of so long a flood.
const SECONDS: &str = "3";
const MAC: &str = "02:00:00:00:00:02";
/// Where all of it is sent.
pub(super) const ADDRESS: &str = "192.0.2.1";
const CLIENTS: PortRange = PortRange { first: 61_000, last: 65_535 };
const PAUSE: Duration = Duration::from_millis(20);

/// Whoever sends: how the bench calls him, his word for the program, and what is promised: the share of the rate, and the events.
const SENDERS: [(&str, &str, f64, f64); 2] =
    [("one source", "one", 0.9, 50.0), ("forged sources", "any", 0.75, 500.0)];

/// A network with both ends of a wire.
pub(super) struct Scene {
    namespace: Namespace,
    program: PathBuf,
}

/// Packets in a second, round by round, and the events of the last round.
#[derive(Default)]
struct Rates {
    alone: Vec<u64>,
    watched: Vec<u64>,
    events: Vec<u64>,
}

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    let scene = Scene::create()?;
    let mut all = SENDERS.map(|_| Rates::default());
    for _ in 0..ROUNDS {
        for ((_, word, ..), rates) in SENDERS.iter().zip(&mut all) {
            rates.alone.push(rate(scene.send(word)?)?);
            let (rate, events) = scene.watched(word)?;
            rates.watched.push(rate);
            rates.events.push(events);
        }
    }
    Ok(SENDERS.iter().zip(&all).flat_map(|(sender, rates)| table(sender, rates)).collect())
}

fn table((name, _, share, events): &(&str, &str, f64, f64), rates: &Rates) -> [Row; 2] {
    [
        Row {
            what: format!("packets of a flood, {name}"),
            ours: Figure::EachSecond(median(&rates.watched)),
            rival: Some(("no watch".into(), Figure::EachSecond(median(&rates.alone)))),
            promise: Promise::Times(*share),
        },
        Row {
            what: format!("events of a flood of {SECONDS} s, {name}"),
            ours: Figure::Count(median(&rates.events)),
            rival: None,
            promise: Promise::AtMost(Figure::Count(*events)),
        },
    ]
}

impl Scene {
    pub(super) fn create() -> Result<Self> {
        let namespace = Namespace::create()?;
        namespace.ip(&["link", "add", "wire", "type", "veth", "peer", "name", "own", "address", MAC])?;
        namespace.ip(&["address", "add", &format!("{ADDRESS}/24"), "dev", "own"])?;
        for end in ["wire", "own"] {
            namespace.ip(&["link", "set", end, "up"])?;
        }
        Ok(Self { namespace, program: compile("flood")? })
    }

    fn send(&self, from: &str) -> Result<Child> {
        self.send_for(SECONDS, &[from])
    }

    /// The same for so many seconds: who, and how many packets in each.
    pub(super) fn send_for(&self, seconds: &str, how: &[&str]) -> Result<Child> {
        let program = self.program.display().to_string();
        let mut command = self.namespace.command_beside(self.namespace.group().path(), &program);
        command.args(["wire", MAC, ADDRESS, seconds]).args(how).stdout(Stdio::piped());
        Ok(command.spawn()?)
    }

    /// Hears of what is sent here.
    pub(super) fn listen(&self) -> Result<Probing> {
        let netns = u32::try_from(fs::metadata(self.namespace.path())?.ino())?;
        Ok(Probing::open(Place { netns, client_range: CLIENTS }, Lasting::No)?)
    }

    /// The same while it is watched: the rate, and how many events were told, also those for which there was no room.
    fn watched(&self, from: &str) -> Result<(u64, u64)> {
        let mut probing = self.listen()?;
        let (mut sender, mut events) = (self.send(from)?, 0);
        let mut listen = || {
            let mut told = 0;
            let lost = probing.read(|_| told += 1);
            events += told + lost;
        };
        while sender.try_wait()?.is_none() {
            listen();
            thread::sleep(PAUSE);
        }
        listen();
        if events == 0 {
            return Err("nobody is told of a flood".into());
        }
        Ok((rate(sender)?, events))
    }
}

fn rate(sender: Child) -> Result<u64> {
    let output = sender.wait_with_output()?;
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
