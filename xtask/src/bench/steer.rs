//! How fast connections are made that are led to their service, beside a direct bind and beside proxies (A11, A12).

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use portreeve_core::{
    port::{PortRange, Protocol},
    steer::{Route, Routes, Tenancy, WhenDead},
};
use portreeve_host::enforce::steer::{Steer, socket};
use portreeve_lab::namespace::Namespace;

use super::{
    report::{Figure, Promise, Row},
    stopwatch::{compile, median},
};
use crate::shell::{Result, find_program, output, target};

const ROUNDS: usize = 7;
const CONNECTIONS: &str = "6000";
const PORT: &str = "7000";
/// Where everything is led, and a port of it.
const LED: &str = "127.0.0.9";
const LED_PORT: &str = "4430";
const SERVICE: &str = "web";
/// Until a proxy is ready.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(20);

const RATE_SHARE_MIN: f64 = 0.95;
const TIME_SHARE_MAX: f64 = 1.05;
const ALL_PORTS_SECONDS_MAX: f64 = 1.0;

/// Somebody who stands between client and server.
struct Proxy {
    name: &'static str,
    package: &'static str,
    port: &'static str,
    /// So many times as fast at least.
    times: f64,
    /// Its words, where `{}` is a file for its configuration.
    words: &'static [&'static str],
    configuration: &'static str,
}

const PROXIES: [Proxy; 3] = [
    Proxy {
        name: "haproxy",
        package: "haproxy",
        port: "7001",
        times: 1.7,
        words: &["haproxy", "-f", "{}"],
        configuration: "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n  timeout server 30s\nlisten led\n  bind 127.0.0.1:7001\n  server web 127.0.0.1:7000\n",
    },
    Proxy {
        name: "systemd-socket-proxyd",
        package: "systemd",
        port: "7002",
        times: 2.0,
        words: &[
            "systemd-socket-activate",
            "-l",
            "127.0.0.1:7002",
            "/lib/systemd/systemd-socket-proxyd",
            "--connections-max=4096",
            "127.0.0.1:7000",
        ],
        configuration: "",
    },
    Proxy {
        name: "sslh",
        package: "sslh",
        port: "7003",
        times: 3.0,
        words: &["sslh", "-f", "-n", "-u", "root", "-p", "127.0.0.1:7003", "--anyprot", "127.0.0.1:7000"],
        configuration: "",
    },
];

/// A network of its own with the server, and whoever is compared.
struct Scene {
    namespace: Namespace,
    program: PathBuf,
    children: Vec<Child>,
}

/// What was measured, round by round: connections in a second, and the nanoseconds of one.
#[derive(Default)]
struct Rates {
    rate: Vec<u64>,
    time: Vec<u64>,
}

/// Every row.
pub(super) fn rows() -> Result<Vec<Row>> {
    for proxy in &PROXIES {
        let (word, package) = (proxy.words[0], proxy.package);
        find_program(word).ok_or_else(|| format!("{word} is missing; type: apt-get install {package}"))?;
    }
    let mut scene = Scene::create()?;
    let server = scene.serve()?;
    for proxy in &PROXIES {
        scene.start(proxy)?;
    }
    let mut told = Duration::ZERO;
    // It leads as long as this value is there.
    let _steer = scene.lead(server, &mut told)?;
    let mut direct = Rates::default();
    let mut led = Rates::default();
    let mut proxied = PROXIES.map(|_| Rates::default());
    for _ in 0..ROUNDS {
        direct.measure(&scene, "127.0.0.1", PORT)?;
        led.measure(&scene, LED, LED_PORT)?;
        for (proxy, rates) in PROXIES.iter().zip(&mut proxied) {
            rates.measure(&scene, "127.0.0.1", proxy.port)?;
        }
    }
    Ok(table(&direct, &led, &proxied, told))
}

fn table(direct: &Rates, led: &Rates, proxied: &[Rates], told: Duration) -> Vec<Row> {
    let rate = |rates: &Rates| Figure::EachSecond(median(&rates.rate));
    let time = |rates: &Rates| Figure::Nanoseconds(median(&rates.time));
    let mut rows = vec![
        Row {
            what: "connections, 65,535 routes".into(),
            ours: rate(led),
            rival: Some(("direct bind".into(), rate(direct))),
            promise: Promise::Times(RATE_SHARE_MIN),
        },
        Row {
            what: "one connection, 65,535 routes".into(),
            ours: time(led),
            rival: Some(("direct bind".into(), time(direct))),
            promise: Promise::Share(TIME_SHARE_MAX),
        },
    ];
    rows.extend(PROXIES.iter().zip(proxied).map(|(proxy, rates)| Row {
        what: "connections, 65,535 routes".into(),
        ours: rate(led),
        rival: Some((proxy.name.into(), rate(rates))),
        promise: Promise::Times(proxy.times),
    }));
    rows.push(Row {
        what: "telling 65,535 routes".into(),
        ours: Figure::Nanoseconds(told.as_secs_f64() * 1e9),
        rival: None,
        promise: Promise::AtMost(Figure::Nanoseconds(ALL_PORTS_SECONDS_MAX * 1e9)),
    });
    rows
}

impl Scene {
    fn create() -> Result<Self> {
        let namespace = Namespace::create()?;
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(Self { namespace, program: compile("connect")?, children: Vec::new() })
    }

    fn command(&self, program: &str) -> Command {
        self.namespace.command_beside(self.namespace.group().path(), program)
    }

    /// Starts the server; its process and the descriptor that it listens by.
    fn serve(&mut self) -> Result<(u32, u32)> {
        let mut command = self.command(&self.program.to_string_lossy());
        let mut child = command.args(["serve", PORT]).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().ok_or("the server has no output")?).read_line(&mut line)?;
        let server = (child.id(), line.trim().parse()?);
        self.children.push(child);
        Ok(server)
    }

    fn start(&mut self, proxy: &Proxy) -> Result {
        let file = target().join("bench").join(format!("{}.cfg", proxy.name));
        fs::write(&file, proxy.configuration)?;
        let file = file.to_string_lossy().into_owned();
        let words = proxy.words[1..].iter().map(|word| word.replace("{}", &file));
        let mut command = self.command(proxy.words[0]);
        let child = command.args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        self.children.push(child);
        let end = Instant::now() + PATIENCE;
        while self.ask("127.0.0.1", proxy.port, "1").is_err() {
            if Instant::now() >= end {
                return Err(format!("{} hands nothing on", proxy.name).into());
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Has everything for an address led to the server of this process and descriptor, by a route for each port.
    fn lead(&self, (pid, fd): (u32, u32), told: &mut Duration) -> Result<Steer> {
        let lead = || -> Result<(Steer, Duration)> {
            self.namespace.enter()?;
            let steer = Steer::load()?;
            let begin = Instant::now();
            steer.keep(&routes()?)?;
            let told = begin.elapsed();
            let found = socket::find(pid, fd)?;
            for family in found.families {
                steer.lead((SERVICE, Tenancy::default()), (found.protocol, *family), &found.socket)?;
            }
            Ok((steer, told))
        };
        // Errors of several kinds cross from one thread to the other as text.
        let inside = thread::scope(|scope| scope.spawn(|| lead().map_err(|error| error.to_string())).join());
        let (steer, took) = inside.map_err(|_| "who entered the namespace is gone")??;
        *told = took;
        Ok(steer)
    }

    /// How many connections there were in a second, and the nanoseconds of one.
    fn ask(&self, address: &str, port: &str, count: &str) -> Result<(u64, u64)> {
        let mut command = self.command(&self.program.to_string_lossy());
        let printed = output(command.args(["ask", address, port, count]))?;
        let mut numbers = printed.split_whitespace();
        let mut next = || numbers.next().ok_or("two numbers were to be printed");
        Ok((next()?.parse()?, next()?.parse()?))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Rates {
    fn measure(&mut self, scene: &Scene, address: &str, port: &str) -> Result {
        let (rate, time) = scene.ask(address, port, CONNECTIONS)?;
        self.rate.push(rate);
        self.time.push(time);
        Ok(())
    }
}

/// All ports of the address but the last, so that each is an entry of its own, and one more.
fn routes() -> Result<Routes> {
    let route = |address: &str, ports| -> Result<Route> {
        let (service, protocol, when_dead) = (SERVICE.into(), Protocol::Tcp, WhenDead::Refuse);
        Ok(Route {
            service,
            tenancy: Tenancy::default(),
            owners: Vec::new(),
            protocol,
            address: Some(address.parse()?),
            ports,
            when_dead,
            local: false,
            target_port: None,
        })
    };
    let all =
        [route(LED, PortRange { first: 1, last: u16::MAX - 1 })?, route("127.0.0.10", PortRange::one(1))?];
    Ok(all.into_iter().collect())
}
