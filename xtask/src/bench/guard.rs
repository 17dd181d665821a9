//! What the guard adds to a bind, by whomever, beside a host without one; and how long it takes to stand and to be told (A24).

mod listeners;

use std::{path::PathBuf, thread, time::Instant};

use portreeve_core::{
    guard::{Badge, Entry, Mode, Rules},
    port::Protocol,
};
use portreeve_host::{
    enforce::guard::{Guard, Home},
    network::cookie,
};
use portreeve_lab::namespace::Namespace;

use super::{
    report::{Figure, Promise, Row},
    stopwatch::{compile, median},
};
use crate::shell::{Result, output};

const ROUNDS: usize = 11;
const BINDS: &str = "4000";
/// The kernel chooses.
const ANY: &str = "0";
/// Declared, each with an owner.
const FEW: u16 = 3;
const MANY: u16 = 65_000;
const GUARDED: u16 = 1_000;
const OWNER: &str = "system.slice/web.service";
const STRANGER: &str = "system.slice/other.service";

const CLIENT_SHARE_MAX: f64 = 1.4;
const OWNER_SHARE_MAX: f64 = 2.6;
const REFUSED_SHARE_MAX: f64 = 1.2;
const MANY_SHARE_MAX: f64 = 1.1;
const TELL_MILLISECONDS_MAX: f64 = 400.0;
const STAND_MILLISECONDS_MAX: f64 = 100.0;

/// A network and a cgroup, to whose processes the guard is put and from whom it is taken again.
struct Scene {
    namespace: Namespace,
    home: Home,
    cookie: u64,
    program: PathBuf,
}

/// What was measured, in nanoseconds, round by round.
#[derive(Default)]
struct Times {
    client_alone: Vec<u64>,
    client: Vec<u64>,
    client_many: Vec<u64>,
    port_alone: Vec<u64>,
    owner: Vec<u64>,
    refused: Vec<u64>,
    stand: Vec<u64>,
    tell: Vec<u64>,
}

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    let scene = Scene::create()?;
    let mut times = Times::default();
    for _ in 0..ROUNDS {
        times.measure(&scene)?;
    }
    drop(scene);
    let mut rows = times.rows();
    rows.extend(listeners::rows()?);
    Ok(rows)
}

impl Scene {
    fn create() -> Result<Self> {
        let namespace = Namespace::create()?;
        namespace.ip(&["link", "set", "lo", "up"])?;
        let group = namespace.group();
        let mount = group.path().parent().ok_or("the cgroup lies below nothing")?;
        let home = Home { folder: mount.join(group.name()) };
        let inside = thread::scope(|scope| scope.spawn(|| namespace.enter().map(|()| cookie())).join());
        let cookie = inside.map_err(|_| "who entered the namespace is gone")???;
        Ok(Self { namespace, home, cookie, program: compile("bind")? })
    }

    /// What one bind of somebody in the cgroup `place` takes; all of them must come to what is expected.
    fn bind(&self, place: &str, port: &str, is_bound: bool) -> Result<u64> {
        let group = self.namespace.group().below(place)?;
        let mut command = self.namespace.command_beside(&group, &self.program.to_string_lossy());
        let printed = output(command.args([port, BINDS]))?;
        let told: Vec<&str> = printed.split_whitespace().collect();
        let expected = if is_bound { [BINDS, "0"] } else { ["0", BINDS] };
        match told[..] {
            [time, bound, refused] if [bound, refused] == expected => Ok(time.parse()?),
            _ => Err(format!("binding {port} in {place} came to {printed}").into()),
        }
    }
}

impl Times {
    /// Everybody once.
    fn measure(&mut self, scene: &Scene) -> Result {
        let port = GUARDED.to_string();
        self.client_alone.push(scene.bind(STRANGER, ANY, true)?);
        self.port_alone.push(scene.bind(STRANGER, &port, true)?);
        let begin = Instant::now();
        let guard = Guard::load(scene.home.clone())?;
        self.stand.push(nanoseconds(begin));
        guard.keep(scene.cookie, &rules(FEW))?;
        self.client.push(scene.bind(STRANGER, ANY, true)?);
        self.owner.push(scene.bind(OWNER, &port, true)?);
        self.refused.push(scene.bind(STRANGER, &port, false)?);
        let begin = Instant::now();
        guard.keep(scene.cookie, &rules(MANY))?;
        self.tell.push(nanoseconds(begin));
        self.client_many.push(scene.bind(STRANGER, ANY, true)?);
        Ok(())
    }

    fn rows(&self) -> Vec<Row> {
        let row = |what: &str, ours: &[u64], name: &str, rival: &[u64], share| Row {
            what: what.into(),
            ours: Figure::Nanoseconds(median(ours)),
            rival: Some((name.into(), Figure::Nanoseconds(median(rival)))),
            promise: Promise::Share(share),
        };
        let within = |what: &str, ours: &[u64], milliseconds: f64| Row {
            what: what.into(),
            ours: Figure::Nanoseconds(median(ours)),
            rival: None,
            promise: Promise::AtMost(Figure::Nanoseconds(milliseconds * 1e6)),
        };
        let alone = "no guard";
        vec![
            row("a client's bind", &self.client, alone, &self.client_alone, CLIENT_SHARE_MAX),
            row("an owner's bind", &self.owner, alone, &self.port_alone, OWNER_SHARE_MAX),
            row("a bind that is refused", &self.refused, alone, &self.port_alone, REFUSED_SHARE_MAX),
            row("a client's bind, 65,000 rules", &self.client_many, "3 rules", &self.client, MANY_SHARE_MAX),
            within("putting the guard into the kernel", &self.stand, STAND_MILLISECONDS_MAX),
            within("telling it 65,000 rules, and the swap", &self.tell, TELL_MILLISECONDS_MAX),
        ]
    }
}

/// The guarded port and so many others, of a protocol in which nobody binds here, each of the owner alone.
fn rules(others: u16) -> Rules {
    let owned = |place| {
        let owner = Badge::Unit("web.service".into());
        (place, vec![Entry { owner, address: None, mode: Mode::Enforce, service: 0 }])
    };
    let others = (1..=others).map(|port| (Protocol::Udp, port));
    Rules { entries: others.chain([(Protocol::Tcp, GUARDED)]).map(owned).collect() }
}

fn nanoseconds(begin: Instant) -> u64 {
    u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}
