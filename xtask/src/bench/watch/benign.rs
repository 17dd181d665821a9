//! Who is suspected of all who do nothing wrong, and whom others could have kept out (A19).

use std::net::{IpAddr, Ipv4Addr};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    logs::{Reading, header, read},
    policy::{WatchChoice, WatchMode},
    port::{PortRange, Protocol},
    watch::{Bonds, Event, Happening, Known, Reaction, Suspicion, Touch, Watch, Written},
};

use super::{
    super::report::{Figure, Promise, Row},
    HERE, KEY, PORTS, SYN,
};
use crate::shell::Result;

const ACK: u8 = 0x10;
const RST: u8 = 0x04;
const FIN: u8 = 0x01;
const CLIENTS: PortRange = PortRange { first: 32_768, last: 60_999 };
const CLIENTS_PORT: u16 = 40_000;
const GROUP: &str = "224.0.0.251";
const FORGED: usize = 1_000;

/// What one of them sends: by which protocol, from which port, to which, with which flags.
type Packets = Vec<(Protocol, u16, u16, u8)>;

/// Both rows.
pub(super) fn rows() -> Result<[Row; 2]> {
    let mut scene = Scene::new();
    let cases = packets();
    for (nth, (what, packets)) in cases.iter().enumerate() {
        let before = scene.suspects.len();
        scene.sends(address(nth)?, HERE[0], packets);
        if scene.suspects.len() > before {
            println!("suspected, and should not be: {what}");
        }
    }
    scene.sends(address(cases.len())?, GROUP.parse()?, &opens(&PORTS));
    let logs = logs();
    logs.iter().for_each(|lines| scene.writes(lines));
    let count = cases.len() + 1 + logs.len();
    let (suspects, blocked) = (scene.suspects.len(), blocked_by_forgery()?);
    let row = |what: String, count: usize| Row {
        what,
        #[expect(clippy::cast_precision_loss, reason = "there are few")]
        ours: Figure::Count(count as f64),
        rival: None,
        promise: Promise::AtMost(Figure::Count(0.0)),
    };
    Ok([
        row(format!("suspects among {count} who do nothing wrong"), suspects),
        row(format!("innocents blocked, {FORGED} of whom others write the address"), blocked),
    ])
}

/// Whoever scans in the names of as many others has them suspected, and nobody kept out.
fn blocked_by_forgery() -> Result<usize> {
    let mut scene = Scene::new();
    for nth in 0..FORGED {
        scene.at += SignedDuration::from_secs(1);
        scene.sends(address(nth)?, HERE[0], &opens(&PORTS));
    }
    if scene.suspects.len() != FORGED {
        return Err(format!("{} of {FORGED} are suspected", scene.suspects.len()).into());
    }
    let choice = WatchChoice { mode: WatchMode::Block, ..WatchChoice::default() };
    let react = |suspicion: &Suspicion| scene.watch.reaction(suspicion, &choice, &Bonds::default());
    let blocks = scene.suspects.iter().map(react).filter(|reaction| matches!(reaction, Reaction::Block(_)));
    Ok(blocks.count())
}

/// A host of the web, and who was suspected.
struct Scene {
    watch: Watch,
    known: Known,
    at: Timestamp,
    suspects: Vec<Suspicion>,
}

impl Scene {
    fn new() -> Self {
        let declared = [80, 443, 8_443].map(|port| (Protocol::Tcp, PortRange::one(port)));
        let known = Known {
            declared: declared.into(),
            served: [(Protocol::Tcp, 22)].into(),
            client_range: Some(CLIENTS),
            own: HERE.into(),
        };
        let at = Timestamp::UNIX_EPOCH;
        Self { watch: Watch::new(KEY, at), known, at, suspects: Vec::new() }
    }

    fn sends(&mut self, from: IpAddr, to: IpAddr, packets: &Packets) {
        for &(protocol, from_port, port, flags) in packets {
            let touch = Touch { from, to, protocol, from_port, port, flags };
            self.happens(Happening::Touch(touch));
        }
    }

    fn writes(&mut self, lines: &[String]) {
        for line in lines {
            let Some(header) = header::split(line) else { continue };
            let service = self.watch.service("a service");
            if let Reading::Attempt(attempt) = read(header.program, header.message) {
                self.happens(Happening::Written(Written::of(service, &header, attempt)));
            }
        }
    }

    fn happens(&mut self, what: Happening<'_>) {
        self.at += SignedDuration::from_millis(100);
        self.suspects.extend(self.watch.step(&self.known, &Event { at: self.at, what }));
    }
}

/// Of nobody else, and each in a network of its own, as they are no group.
fn address(nth: usize) -> Result<IpAddr> {
    Ok(Ipv4Addr::from(0x0b00_0001 + (u32::try_from(nth)? << 8)).into())
}

fn opens(ports: &[u16]) -> Packets {
    ports.iter().map(|port| (Protocol::Tcp, CLIENTS_PORT, *port, SYN)).collect()
}

fn asks(ports: impl IntoIterator<Item = u16>) -> Packets {
    ports.into_iter().map(|port| (Protocol::Udp, CLIENTS_PORT, port, 0)).collect()
}

fn answers(protocol: Protocol, from_port: u16, flags: u8) -> Packets {
    (CLIENTS.first..CLIENTS.first + 200).map(|port| (protocol, from_port, port, flags)).collect()
}

/// What each of them does, and what he sends.
fn packets() -> Vec<(&'static str, Packets)> {
    let neighbour = [opens(&[135, 139, 445, 5_357]), asks([137, 138, 1_900, 3_702, 5_353, 5_355])];
    vec![
        ("a mail program looks for its server", opens(&[25, 110, 143, 465, 587, 993, 995, 4_190])),
        ("a monitor asks for a declared port that is closed", opens(&[8_443; 100])),
        (
            "thirty people behind one address try the usual ones of the web",
            opens(&[8_000, 8_008, 8_080].repeat(30)),
        ),
        ("a client of FTP tries it plain and encrypted", opens(&[21, 20, 989, 990])),
        ("a mail server asks who it is", opens(&[113])),
        ("somebody knocks at three ports", opens(&[7_000, 8_000, 9_000])),
        ("somebody mistypes a port twice", opens(&[2_222, 222])),
        ("a neighbour looks round", neighbour.concat()),
        ("names are told late", answers(Protocol::Udp, 53, 0)),
        ("the time is told late", answers(Protocol::Udp, 123, 0)),
        ("QUIC goes on after a reboot", answers(Protocol::Udp, 443, 0)),
        ("connections go on after a reboot", answers(Protocol::Tcp, 443, ACK)),
        ("connections end after a reboot", answers(Protocol::Tcp, 443, FIN | ACK)),
        ("connections are refused", answers(Protocol::Tcp, 443, RST | ACK)),
        ("somebody else writes our address into his packets", answers(Protocol::Tcp, 80, SYN | ACK)),
        ("somebody looks for the way", asks(33_434..=33_534)),
        ("a browser tries QUIC", asks([443])),
    ]
}

/// What services write of each of some more.
fn logs() -> Vec<Vec<String>> {
    let sshd = |from: &str, said: &str| {
        format!("Nov 28 10:00:00 host sshd[100]: {said} from {from} port 40022 ssh2")
    };
    let failed = "Failed password for ann";
    let let_in = "Accepted password for ann";
    let agent: Vec<String> = ["Failed publickey for ann"; 5]
        .into_iter()
        .chain(["Accepted publickey for ann"])
        .map(|said| sshd("198.51.100.1", said))
        .collect();
    let typing = [failed, failed, let_in].map(|said| sshd("198.51.100.2", said)).into();
    let behind_one = [failed, let_in].repeat(5).iter().map(|said| sshd("198.51.100.3", said)).collect();
    let page = |nth: usize| {
        let status = if nth.is_multiple_of(2) { 404 } else { 200 };
        format!(
            "198.51.100.4 - - [28/Nov/2026:10:00:00 +0000] \"GET /page/{nth} HTTP/1.1\" {status} 10 \"-\" \"-\""
        )
    };
    vec![agent, typing, behind_one, (0..100).map(page).collect()]
}
