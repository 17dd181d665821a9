//! The way through this host's own gate to where it is asked for its consent: open to those who may ask, for that time (A15, A20).

use std::{net::IpAddr, time::Duration};

use portreeve_core::{
    gate::{self, Standing, Timeout},
    outside::askers,
    policy::Policy,
    port::{PortRange, PortSpec, Protocol},
    receipt::{Deed, Ports},
    text,
    words::{Text, Words},
};
use portreeve_host::{
    enforce::firewall::{StandingError, standing},
    observe::links,
};
use rustix::process::geteuid;

use crate::{
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::Failure,
    settings::Settings,
    show::out::Out,
};

const FAILED: Words = Words {
    en: "the gate lets nobody ask for the consent",
    ja: "許可の問い合わせをゲートで開けません",
};
const UNCLOSED: Words = Words {
    en: "the gate cannot be closed now to those who may ask; the kernel closes it when the time is over",
    ja: "問い合わせ用のポートを今は閉じられません(時間が来ればカーネルが自動的に閉じます)",
};
const SINCE: Words = Words {
    en: "it was put in force after this began: begin again to have it let them in",
    ja: "許可の開始後にゲートが適用されました。もう一度実行すると、問い合わせを通します",
};

/// How whoever asks gets to this host.
#[derive(Debug)]
pub(super) enum Way {
    /// No gate of ours stands in it, as far as that was so when it was looked at.
    Free,
    /// Only root sees whether one does.
    Unknown(u16, Duration),
    /// The gate lets these alone ask at this port.
    Open(u16, Vec<IpAddr>),
    /// The gate stands in it.
    Shut(Failure),
}

impl Way {
    /// Opens it for so long, where a gate of ours is in force: it closes by itself, also where nobody is left to close it.
    pub(super) fn open(
        policy: Option<&Policy>,
        port: u16,
        time: Duration,
        (settings, out): (&Settings, &mut Out),
    ) -> Self {
        match stands() {
            Ok(false) => Self::Free,
            Ok(true) => match open(policy, port, time, settings) {
                Ok(sources) => {
                    out.changed();
                    Self::Open(port, sources)
                }
                Err(failure) => Self::Shut(failure.hint(by_hand(port, time))),
            },
            // Nobody else is told of it.
            Err(_) if !geteuid().is_root() => Self::Unknown(port, time),
            Err(error) => Self::Shut(door::standing(&error, FAILED).hint(by_hand(port, time))),
        }
    }

    /// Closes it before its time, where it is open.
    pub(super) fn close(&self, settings: &Settings) {
        let Self::Open(port, sources) = self else { return };
        if let Err(failure) = close(*port, sources, settings) {
            failure.print(settings.lang);
        }
    }

    /// How it ends where so many were answered: a gate that was put in force since keeps out whoever asks, too.
    pub(super) fn exit(&self, answered: usize, settings: &Settings) -> Exit {
        if answered > 0 {
            return Exit::Fine;
        }
        match self {
            Self::Shut(_) => Exit::Found,
            Self::Free if stands().is_ok_and(|stands| stands) => {
                Failure::new(Exit::Found, FAILED).because(SINCE).print(settings.lang)
            }
            Self::Free | Self::Open(..) | Self::Unknown(..) => Exit::Fine,
        }
    }

    /// Who is let in; nothing where no gate keeps anybody out.
    pub(super) fn told(&self) -> Option<Text> {
        let sources = match self {
            Self::Open(_, sources) => sources,
            Self::Unknown(port, time) => return Some(unknown(*port, *time)),
            Self::Free | Self::Shut(_) => return None,
        };
        Some(match sources.as_slice() {
            [one] => text!(
                "The gate lets {one} alone ask until then.",
                "ゲートは、その間 {one} からの問い合わせだけを通します。"
            ),
            several => {
                let count = several.len();
                text!(
                    "The gate lets {count} addresses of the policy's hosts alone ask until then.",
                    "ゲートは、その間 policy のホストの {count} 個のアドレスからの問い合わせだけを通します。"
                )
            }
        })
    }
}

/// Whether a gate of ours keeps anybody out.
fn stands() -> Result<bool, StandingError> {
    let refuses = |standing: Standing| !standing.foundation.refuses_nothing() && !standing.lets_all_in();
    Ok(standing()?.is_some_and(refuses))
}

fn open(
    policy: Option<&Policy>,
    port: u16,
    time: Duration,
    settings: &Settings,
) -> Result<Vec<IpAddr>, Failure> {
    let timeout = Timeout::of(time).ok_or_else(|| door::no_time(FAILED))?;
    let sources = sources(policy);
    if sources.is_empty() {
        return Err(Failure::usage(FAILED).because(Words {
            en: "the policy names no other host that may ask ([host.NAME])",
            ja: "問い合わせできるほかのホスト([host.名前])が policy にありません",
        }));
    }
    let door = door::open(FAILED)?;
    let until = timeout.end(door.now);
    let deed = Deed::Open { zone: None, ports: spec(port), until, from: sources.clone() };
    let passed = door.pass(deed, &gate::ask_for(&sources, port, timeout));
    see_to_next_boot(&passed.map_err(|error| door::failure(error, FAILED))?, settings);
    Ok(sources)
}

fn close(port: u16, sources: &[IpAddr], settings: &Settings) -> Result<(), Failure> {
    let door = door::open(UNCLOSED)?;
    if door.standing.is_none() {
        return Ok(());
    }
    let deed = Deed::Shut { zone: None, ports: spec(port), from: sources.to_vec() };
    let passed = door.pass(deed, &gate::ask_no_more(sources, port));
    see_to_next_boot(&passed.map_err(|error| door::failure(error, UNCLOSED))?, settings);
    Ok(())
}

/// Who may ask.
fn sources(policy: Option<&Policy>) -> Vec<IpAddr> {
    let links = links::list().unwrap_or_default();
    let own: Vec<IpAddr> = links.iter().flat_map(|link| link.addresses.iter().copied()).collect();
    let hosts = policy.map_or(&[][..], |policy| &policy.hosts);
    askers(hosts, &own).into_iter().collect()
}

const fn spec(port: u16) -> Ports {
    Ports(PortSpec { range: PortRange::one(port), protocol: Protocol::Udp })
}

fn by_hand(port: u16, time: Duration) -> Text {
    let typed = typed(port, time);
    text!(
        "it listens all the same; open it to everybody: {typed}",
        "待ち受けは続けています。すべての相手に開放するには: {typed}"
    )
}

/// What opens it to everybody.
fn typed(port: u16, time: Duration) -> String {
    let time = Timeout::of(time).map_or_else(|| "10m".into(), |time| time.to_string());
    format!("portreeve open {port}/udp --for {time}")
}

fn unknown(port: u16, time: Duration) -> Text {
    let typed = typed(port, time);
    text!(
        "Whether a gate of this host keeps out whoever asks only root sees. If it does: sudo {typed}",
        "このホストのゲートが問い合わせを遮断するかどうかは、root でなければ分かりません。遮断する場合: sudo {typed}"
    )
}
