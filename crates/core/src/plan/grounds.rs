//! What a plan rests on, as digests: whoever carries it out later looks again and compares (A15, A24).

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};
use core::{fmt, str::FromStr};

use super::{Effect, Plan, ZoneChange, protect::verdict};
use crate::{
    address::Breadth,
    exposure::Reached,
    facts::Foothold,
    firewall::Filter,
    fnv::fnv64,
    gate::Standing,
    port::PortSpec,
    words::Words,
    world::{Holding, World},
};

/// Digests of all that a plan rests on; rules of others that have nothing to do with it do not matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grounds([u64; 4]);

/// What a plan rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// What is to be done, as the policy has it.
    Changes,
    /// Who listens on the ports that zones gain and lose.
    Owners,
    /// The gate as it stands: its revision and what it lets in, not what is open or blocked for a while.
    Gate,
    /// What becomes of those who are on the host.
    Footholds,
}

impl Ground {
    /// Every one, in the order in which they are written.
    pub const ALL: [Self; 4] = [Self::Changes, Self::Owners, Self::Gate, Self::Footholds];

    /// What has changed where it is not as it was.
    #[must_use]
    pub const fn words(self) -> Words {
        match self {
            Self::Changes => Words {
                en: "the policy wants something else now",
                ja: "policy の内容が変わりました",
            },
            Self::Owners => Words {
                en: "somebody else listens on a port that the plan names",
                ja: "計画にあるポートで待ち受けるプロセスが変わりました",
            },
            Self::Gate => Words {
                en: "somebody has changed the gate",
                ja: "ゲートがほかの操作で変更されました",
            },
            Self::Footholds => Words {
                en: "what becomes of your own connection has changed",
                ja: "操作中の接続に対する影響が変わりました",
            },
        }
    }
}

impl Grounds {
    /// What a plan of `changes` rests on, by which zones gain and lose so, and after which the filter is `after`.
    pub(super) fn of(
        world: &World<'_>,
        plan: &Plan,
        standing: Option<&Standing>,
        after: &Filter,
        footholds: &[Foothold],
    ) -> Self {
        let wanted = plan.changes.iter().map(|change| change.what.text());
        Self([
            digest(wanted),
            digest(owners(world, &plan.zones)),
            digest(standing.map(gate)),
            digest(cut(after, footholds)),
        ])
    }

    /// What is no longer as it was when a plan rested on `self`, where a plan made now rests on `now`.
    ///
    /// With another gate zones gain and lose other ports, and who listens on those tells nothing of anybody who came.
    pub fn moved(self, now: Self) -> impl Iterator<Item = Ground> {
        let differs = move |ground: &Ground| self.0[*ground as usize] != now.0[*ground as usize];
        let is_gate = differs(&Ground::Gate);
        let is_told = move |ground: &Ground| !is_gate || *ground != Ground::Owners;
        Ground::ALL.into_iter().filter(differs).filter(is_told)
    }
}

/// Four numbers in hexadecimal with a hyphen between.
impl fmt::Display for Grounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [changes, owners, gate, footholds] = self.0;
        write!(f, "{changes:016x}-{owners:016x}-{gate:016x}-{footholds:016x}")
    }
}

/// It is not what a plan is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not four numbers of 16 hexadecimal digits with a hyphen between")]
pub struct GroundsError;

impl FromStr for Grounds {
    type Err = GroundsError;

    fn from_str(text: &str) -> Result<Self, GroundsError> {
        let is_plain = |part: &str| part.len() == 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = |part: &str| u64::from_str_radix(part, 16).ok().filter(|_| is_plain(part));
        let numbers: Option<Vec<u64>> = text.split('-').map(number).collect();
        let numbers = numbers.and_then(|numbers| numbers.try_into().ok());
        numbers.map(Self).ok_or(GroundsError)
    }
}

/// A byte that is in no text ends each, so that no two lists are one.
fn digest(texts: impl IntoIterator<Item = String>) -> u64 {
    fnv64(texts.into_iter().flat_map(|text| text.into_bytes().into_iter().chain([0xff])))
}

/// Who listens for others on the ports of which something becomes another.
fn owners(world: &World<'_>, zones: &[ZoneChange]) -> BTreeSet<String> {
    let changes = zones.iter().flat_map(|zone| zone.gains.iter().chain(&zone.loses));
    let changes: Vec<_> = changes.map(|change| change.ports).collect();
    let is_named = |holding: &&Holding<'_>| {
        let (spec, breadth) = (holding.spec(), holding.breadth());
        let holds =
            |ports: &PortSpec| ports.protocol == spec.protocol && ports.range.contains(spec.range.first);
        breadth != Breadth::Loopback && changes.iter().any(holds)
    };
    world.holdings().filter(is_named).map(|it| format!("{} {}", it.spec(), it.who().en)).collect()
}

/// Counters and what is there for a while are no part of it.
fn gate(standing: &Standing) -> String {
    let body = standing.body().map(|body| Effect::gate(body.clone()).text());
    format!("{} {} {}", standing.revision.number(), standing.confirmed, body.unwrap_or_default())
}

/// Those who would be cut off: who comes and is not, or goes, changes nothing.
fn cut(after: &Filter, footholds: &[Foothold]) -> BTreeSet<String> {
    let is_cut =
        |foothold: &&Foothold| verdict(after, foothold).is_none_or(|run| run.reached != Reached::Reachable);
    let told =
        |Foothold { protocol, peer, local, port, .. }: &Foothold| format!("{peer} {local} {port}/{protocol}");
    footholds.iter().filter(is_cut).map(told).collect()
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;
    use crate::{
        gate::Keep,
        plan::{
            Asked, plan, simulate,
            tests::{host, planned},
        },
        port::Protocol,
        rules::testing::Scene,
    };

    const OPEN: &str = "-A INPUT -j ACCEPT\n";

    fn serving(rules: &str) -> Scene {
        host(&[("web", "443/tcp", "world")], rules).listens("redis-server.service", "0.0.0.0:6379/tcp")
    }

    fn moved(was: &Scene, is: &Scene) -> Vec<Ground> {
        planned(was).based_on.moved(planned(is).based_on).collect()
    }

    #[test]
    fn what_has_nothing_to_do_with_a_plan_does_not_matter() {
        let was = serving(OPEN);
        // Somebody was banned, and somebody else came.
        let banned = serving("-A INPUT -s 198.51.100.9/32 -p tcp -j DROP\n-A INPUT -j ACCEPT\n");
        assert_eq!(moved(&was, &banned), []);
        let local = serving(OPEN).listens("postgresql.service", "127.0.0.1:5432/tcp");
        assert_eq!(moved(&was, &local), []);
        // The same owner is another process.
        let restarted = host(&[("web", "443/tcp", "world")], OPEN)
            .listens("other.service", "127.0.0.1:1/tcp")
            .listens("redis-server.service", "0.0.0.0:6379/tcp");
        assert_eq!(moved(&was, &restarted), []);
    }

    #[test]
    fn each_ground_that_moved_is_told() {
        let was = serving(OPEN);
        let stranger =
            host(&[("web", "443/tcp", "world")], OPEN).listens("miner.service", "0.0.0.0:6379/tcp");
        assert_eq!(moved(&was, &stranger), [Ground::Owners]);
        let policy =
            host(&[("web", "80/tcp", "world")], OPEN).listens("redis-server.service", "0.0.0.0:6379/tcp");
        assert_eq!(moved(&was, &policy), [Ground::Changes]);
        let mut gated = host(&[("web", "444/tcp", "world")], OPEN);
        let done = simulate(&was.snapshot, &planned(&gated).changes, Keep::AtOnce).unwrap();
        gated = was.clone();
        gated.snapshot = done;
        assert_eq!(moved(&was, &gated), [Ground::Gate], "nobody else listens");
    }

    #[test]
    fn whoever_is_cut_off_since_matters_and_whoever_is_not_does_not() {
        let scene = serving(OPEN);
        let of = |ports: &[u16]| {
            let foothold = |port: &u16| Foothold {
                protocol: Protocol::Tcp,
                peer: "198.51.100.9".parse().unwrap(),
                local: "203.0.113.1".parse().unwrap(),
                port: *port,
                interface: None,
                who: "sshd".into(),
            };
            let asked = Asked { footholds: ports.iter().map(foothold).collect(), ..Asked::default() };
            scene.with_world(|world| plan(world, &asked).unwrap().based_on)
        };
        let told = |was: &[u16], is: &[u16]| of(was).moved(of(is)).collect::<Vec<_>>();
        assert_eq!(told(&[443], &[443, 443]), []);
        assert_eq!(told(&[443], &[443, 22]), [Ground::Footholds]);
    }

    #[test]
    fn it_reads_back_as_it_is_written() {
        let based_on = planned(&serving(OPEN)).based_on;
        assert_eq!(based_on.to_string().parse(), Ok(based_on));
        for wrong in ["", "1-2-3-4", "0000000000000000-0000000000000000-0000000000000000"] {
            assert_eq!(wrong.parse::<Grounds>(), Err(GroundsError), "{wrong}");
        }
        let signed = ["+000000000000000"; 4].join("-");
        assert_eq!(signed.parse::<Grounds>(), Err(GroundsError));
    }
}
