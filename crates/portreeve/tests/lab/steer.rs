//! The steering in the kernel before connections and datagrams of plain Python, in a network of the test's own (A5, A11, A12).

mod drawn;
mod oldest;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, Stdio},
    thread,
};

use portreeve_core::{
    address::Family,
    port::Protocol,
    steer::{Route, Routes, Tenancy, WhenDead},
};
use portreeve_host::enforce::steer::{Steer, socket};
use portreeve_lab::namespace::Namespace;

use self::drawn::{Packet, Socket};
use super::{chance::Chance, site::lab};

/// Opens sockets and asks as it is told, a line each. It tells a socket's descriptor, and whoever got what was asked: all of them.
/// Who sends a datagram hears of a refusal alone, as the answer of a socket on another number would not be his.
const WITNESS: &str = "import select, socket, struct, sys
IPV6_FREEBIND = 78
KINDS = {'tcp': socket.SOCK_STREAM, 'udp': socket.SOCK_DGRAM}
servers, poll = {}, select.poll()
def create(protocol, address):
    return socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET, KINDS[protocol])
def listen(name, protocol, address, port, v6only):
    server = create(protocol, address)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if server.family == socket.AF_INET6:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(v6only))
        server.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
    server.bind((address, int(port)))
    if protocol == 'tcp': server.listen()
    servers[server.fileno()] = (name, server)
    poll.register(server, select.POLLIN)
    return server.fileno()
def serve(name, server, client):
    if server.type == socket.SOCK_DGRAM:
        return name if server.recvfrom(64)[1][1] == client.getsockname()[1] else 'stray'
    with server.accept()[0] as served:
        served.sendall(name.encode())
        return client.recv(64).decode()
def ask(protocol, address, port):
    with create(protocol, address) as client:
        if protocol == 'tcp': client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        client.settimeout(5)
        client.connect((address, int(port)))
        if protocol == 'udp': client.send(b'?')
        poll.register(client, 0)
        ready = [number for number, _ in poll.poll(5000)]
        poll.unregister(client)
        if client.fileno() in ready: client.recv(64)
        return ' '.join(serve(*servers[number], client) for number in ready) or 'silence'
for line in sys.stdin:
    verb, *words = line.split()
    try: print(listen(*words) if verb == 'listen' else ask(*words))
    except ConnectionRefusedError: print('refused')
    except OSError as error: print(error)
";
const REFUSED: &str = "refused";
/// Whoever has bound the very port, and is no service.
const ORDINARY: &str = "ordinary";

struct Scene {
    namespace: Namespace,
    steer: Steer,
}

impl Scene {
    fn create() -> Self {
        let namespace = lab(Namespace::create());
        lab(namespace.ip(&["address", "add", "198.51.100.7/32", "dev", "lo"]));
        lab(namespace.ip(&["address", "add", "2001:db8::7/128", "dev", "lo", "nodad"]));
        let steer = inside(&namespace, || Steer::load().expect("the kernel takes it"));
        Self { namespace, steer }
    }

    /// What plain Python tells of each packet, a line each.
    fn told(&self, round: &Round) -> String {
        let mut python = self.witness();
        let mut stdin = python.stdin.take().expect("it is a pipe");
        let mut stdout = BufReader::new(python.stdout.take().expect("it is a pipe"));
        self.steer.seat(&round.routes).expect("there is room");
        for socket in &round.sockets {
            writeln!(stdin, "listen {socket}").expect("it reads them");
            let mut line = String::new();
            stdout.read_line(&mut line).expect("it answers");
            let fd = line.trim().parse().unwrap_or_else(|_| panic!("{socket}: {line}"));
            self.lead(&round.routes, socket, python.id(), fd);
        }
        self.steer.keep(&round.routes).expect("the kernel takes them");
        let mut told = String::new();
        thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(round.asked().as_bytes()).expect("it reads them"));
            stdout.read_to_string(&mut told).expect("words");
        });
        assert!(python.wait().expect("it ends").success(), "{told}");
        told
    }

    fn witness(&self) -> Child {
        let group = lab(self.namespace.group().below("witness"));
        let mut command = self.namespace.command_beside(&group, "/usr/bin/python3");
        command.args(["-u", "-c", WITNESS]).stdin(Stdio::piped()).stdout(Stdio::piped());
        command.spawn().expect("it is started")
    }

    /// Leads what is for a service to its socket; an ordinary one, or one without a route, is led to by nobody.
    fn lead(&self, routes: &Routes, socket: &Socket, pid: u32, fd: u32) {
        if socket.name == ORDINARY || routes.of(socket.name).next().is_none() {
            return;
        }
        inside(&self.namespace, || {
            let found = socket::find(pid, fd).expect("it listens");
            for family in found.families {
                let led = self.steer.lead(
                    (socket.name, Tenancy::default()),
                    (found.protocol, *family),
                    &found.socket,
                );
                led.expect("the kernel takes it");
            }
        });
    }
}

/// What comes of it in the network.
fn inside<T: Send>(namespace: &Namespace, act: impl FnOnce() -> T + Send) -> T {
    let act = || {
        lab(namespace.enter());
        act()
    };
    thread::scope(|scope| scope.spawn(act).join().expect("it ends"))
}

/// Routes, who is there, and what comes in.
struct Round {
    routes: Routes,
    sockets: Vec<Socket>,
    packets: Vec<Packet>,
}

impl Round {
    fn asked(&self) -> String {
        self.packets.iter().map(|packet| format!("ask {packet}\n")).collect()
    }

    fn lead(&self, packet: &Packet) -> Option<&Route> {
        self.routes.lead(packet.protocol, packet.ip(), packet.port)
    }

    /// Who gets it as core says.
    fn judged(&self, packet: &Packet) -> &str {
        match self.lead(packet) {
            Some(route) if self.is_live(&route.service, packet) => &route.service,
            Some(Route { when_dead: WhenDead::Refuse, .. }) => REFUSED,
            Some(_) | None => self.ordinary(packet),
        }
    }

    fn is_live(&self, service: &str, packet: &Packet) -> bool {
        self.sockets.iter().any(|socket| socket.name == service && socket.takes(packet))
    }

    fn ordinary(&self, packet: &Packet) -> &str {
        let is_bound =
            |socket: &&Socket| socket.name == ORDINARY && socket.port == packet.port && socket.takes(packet);
        self.sockets.iter().find(is_bound).map_or(REFUSED, |socket| socket.name)
    }

    /// Whether the order in which routes are looked for decides.
    fn is_contested(&self, packet: &Packet) -> bool {
        let takes = |route: &&Route| {
            Routes(vec![(*route).clone()]).lead(packet.protocol, packet.ip(), packet.port).is_some()
        };
        self.routes.0.iter().filter(takes).count() > 1
    }

    fn case(&self, packet: &Packet) -> Case {
        let precision = match self.lead(packet) {
            None => Precision::Unsteered,
            Some(route) if route.is_anywhere() => Precision::AnyAddress,
            Some(route) if route.takes_every_port() => Precision::EveryPort,
            Some(_) => Precision::Exact,
        };
        let outcome = match self.judged(packet) {
            REFUSED => Outcome::Refused,
            ORDINARY => Outcome::Ordinary,
            _ => Outcome::Led,
        };
        (packet.protocol, packet.family(), precision, outcome)
    }
}

/// What a packet shows.
type Case = (Protocol, Family, Precision, Outcome);
/// Of both protocols and both families each; nobody is led to where no route is.
const CASES: usize = 2 * 2 * (4 * 3 - 1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Precision {
    Exact,
    EveryPort,
    AnyAddress,
    Unsteered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Led,
    Refused,
    Ordinary,
}

/// By chance: up to 64 routes of six services, who is there, and who asks; the kernel leads each packet as core says.
#[test]
fn the_kernel_leads_as_core_says() {
    const ROUNDS: u32 = 100;
    const PACKETS_EACH: u32 = 100;
    let scene = Scene::create();
    let (mut chance, mut contested) = (Chance(0x7374_6565), 0);
    let mut cases: BTreeMap<Case, u32> = BTreeMap::new();
    for number in 0..ROUNDS {
        let round = chance.round(PACKETS_EACH);
        let told = scene.told(&round);
        assert_eq!(told.lines().count(), round.packets.len(), "round {number}: {told}");
        for (packet, told) in round.packets.iter().zip(told.lines()) {
            let Round { routes, sockets, .. } = &round;
            let judged = round.judged(packet);
            assert_eq!(told, judged, "round {number}: {packet} by {routes:#?} with {sockets:#?}");
            *cases.entry(round.case(packet)).or_default() += 1;
            contested += u32::from(round.is_contested(packet));
        }
    }
    let rarest = cases.values().min().copied().unwrap_or_default();
    let shows = (cases.len(), rarest >= 10, contested >= 4_000);
    assert_eq!(shows, (CASES, true, true), "else little is shown: {contested} {cases:#?}");
}
