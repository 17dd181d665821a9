//! What lies around a host that has a firewall: the world, a network of its own, and a container behind it.
//!
//! Neighbours are told by hand and addresses are not tried for duplicates, so a rule about neighbour discovery
//! changes nothing of what becomes of the packet that is asked about; errors of ICMP are sent without a limit.

mod oracle;
mod probe;

use std::{
    cell::Cell,
    io::Write,
    net::IpAddr,
    path::PathBuf,
    process::{Command, Stdio},
};

pub use self::oracle::{Outcome, Protocol, Question, questions};
use crate::{cgroup, error::LabError, namespace::Namespace, output::Output};

/// The first source port of a question; none is used twice, so that every packet begins a connection.
const FIRST_TOKEN: u16 = 2_000;

/// A side of the host, from which packets come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Everybody else, behind `wan0`.
    World,
    /// The host's own network, behind `lan0`.
    Network,
    /// A container, behind the bridge `br0`.
    Container,
}

impl Side {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::World, Self::Network, Self::Container];

    /// The host's interface there.
    #[must_use]
    pub const fn interface(self) -> &'static str {
        match self {
            Self::World => "wan0",
            Self::Network => "lan0",
            Self::Container => "br0",
        }
    }

    /// Who lives there, at the first of these addresses (RFC 5737, RFC 3849) and at all others.
    #[must_use]
    pub const fn addresses(self) -> &'static [&'static str] {
        match self {
            Self::World => &[
                "203.0.113.7",
                "203.0.113.8",
                "198.18.7.77",
                "2001:db8:1::7",
                "2001:db8:1::8",
                "2001:db8:77::77",
            ],
            Self::Network => &["192.0.2.7", "192.0.2.8", "2001:db8:2::7", "2001:db8:2::8"],
            Self::Container => &["10.88.0.2", "10.88.0.3", "fd00:88::2", "fd00:88::3"],
        }
    }

    /// The host's own addresses there.
    #[must_use]
    pub const fn own_addresses(self) -> &'static [&'static str] {
        match self {
            Self::World => &["203.0.113.1", "203.0.113.2", "2001:db8:1::1", "2001:db8:1::2"],
            Self::Network => &["192.0.2.1", "2001:db8:2::1"],
            Self::Container => &["10.88.0.1", "fd00:88::1"],
        }
    }

    /// What its hardware addresses differ in.
    const fn number(self) -> u8 {
        match self {
            Self::World => 1,
            Self::Network => 2,
            Self::Container => 3,
        }
    }

    fn hardware_address(self) -> String {
        format!("02:00:00:00:{:02x}:07", self.number())
    }

    fn own_hardware_address(self) -> String {
        format!("02:00:00:00:{:02x}:01", self.number())
    }
}

/// The surroundings of one host; they go, with their wires, when this value does.
#[derive(Debug)]
pub struct Perimeter {
    places: Vec<Place>,
    sides: [(Side, Namespace); 3],
    next_token: Cell<u16>,
}

/// Where packets may arrive.
#[derive(Debug)]
struct Place {
    name: String,
    network: PathBuf,
    side: Option<Side>,
}

impl Perimeter {
    /// Lays the wires around `host`, which forwards from now on.
    ///
    /// # Errors
    ///
    /// Where `ip` refuses.
    pub fn around(host: &Namespace) -> Result<Self, LabError> {
        settle(host, HOST_SETTINGS)?;
        let mut sides = Vec::new();
        for side in Side::ALL {
            let namespace = Namespace::create()?;
            settle(&namespace, PEER_SETTINGS)?;
            batch(host, &host_end(side, &namespace.path().display().to_string()))?;
            batch(&namespace, &peer_end(side))?;
            sides.push((side, namespace));
        }
        let (_, world) = &sides[0];
        batch(world, EVERYBODY)?;
        world.ip(&["rule", "add", "iif", "eth0", "lookup", "7"])?;
        world.ip(&["-6", "rule", "add", "iif", "eth0", "lookup", "7"])?;
        batch(host, "route replace default via 203.0.113.7\nroute replace ::/0 via 2001:db8:1::7\n")?;
        let mut places = vec![Place { name: "host".into(), network: host.path(), side: None }];
        places.extend(sides.iter().map(|(side, namespace)| Place {
            name: side.interface().into(),
            network: namespace.path(),
            side: Some(*side),
        }));
        let sides = sides.try_into().expect("there are as many as in ALL");
        Ok(Self { places, sides, next_token: Cell::new(FIRST_TOKEN) })
    }

    /// Looks out for packets in one more network, which is called `name` from now on.
    pub fn watch(&mut self, name: &str, network: PathBuf) {
        self.places.push(Place { name: name.into(), network, side: None });
    }

    /// A command that runs `program` of the machine in the network of a place.
    fn command(&self, place: &Place, program: &std::path::Path) -> Result<Command, LabError> {
        let (_, namespace) = &self.sides[0];
        let mut command = cgroup::command(&namespace.group().below("probe")?, "nsenter");
        command.arg(format!("--net={}", place.network.display())).arg("--").arg(program);
        Ok(command)
    }

    /// So many source ports that no packet has had yet.
    fn tokens(&self, count: usize) -> Result<Vec<u16>, LabError> {
        let first = self.next_token.get();
        let after = u16::try_from(usize::from(first) + count).map_err(|_| LabError::Failed {
            what: "asking".into(),
            status: -1,
            said: "every source port has been used; make a new perimeter".into(),
        })?;
        self.next_token.set(after);
        Ok((first..after).collect())
    }
}

/// Switches off what makes an oracle lie.
const SETTINGS: &str = "cd /proc/sys/net && put() { [ ! -e $2 ] || echo $1 >$2; }
put 0 ipv4/icmp_ratelimit; put 0 ipv6/icmp/ratelimit
put 1000000 ipv4/icmp_msgs_per_sec; put 1000000 ipv4/icmp_msgs_burst
for which in all default; do
  put 0 ipv4/conf/$which/rp_filter; put 0 ipv4/conf/$which/send_redirects
  put 0 ipv6/conf/$which/accept_dad; put 0 ipv6/conf/$which/accept_ra
done";

const HOST_SETTINGS: &str = "put 1 ipv4/ip_forward; put 1 ipv6/conf/all/forwarding";

/// What the host sends back to where it came from arrives there too.
const PEER_SETTINGS: &str = "put 1 ipv4/conf/all/accept_local";

/// Whoever lives in the world is everybody: what is sent there arrives, whatever its address.
const EVERYBODY: &str = "route add local 0.0.0.0/0 dev lo table 7
route add local ::/0 dev lo table 7
";

fn settle(namespace: &Namespace, more: &str) -> Result<(), LabError> {
    let output = namespace
        .command_beside(&namespace.group().below("anchor")?, "sh")
        .args(["-c", &format!("{SETTINGS}\n{more}")])
        .stdin(Stdio::null())
        .output()
        .map_err(|source| LabError::Start { program: "nsenter".into(), source })?;
    Output::from(output).success("setting up a network").map(drop)
}

fn host_end(side: Side, peer: &str) -> String {
    let interface = side.interface();
    let (own, other) = (side.own_hardware_address(), side.hardware_address());
    let mut lines = match side {
        Side::Container => format!(
            "link add br0 address {own} type bridge\nlink add shop0 type veth peer name eth0 address {other} netns {peer}\n\
             link set shop0 master br0 up\nlink set shop0 type bridge_slave hairpin on\n"
        ),
        _ => format!(
            "link add {interface} address {own} type veth peer name eth0 address {other} netns {peer}\n"
        ),
    };
    lines += &addresses(interface, side.own_addresses());
    lines += &format!("link set {interface} up\n");
    lines + &neighbours(interface, side.addresses(), &other)
}

fn peer_end(side: Side) -> String {
    let own = side.own_addresses();
    let gateway = |is: fn(&&&str) -> bool| own.iter().find(is).expect("a side has both families");
    format!(
        "{}link set eth0 up\n{}route add default via {}\nroute add ::/0 via {}\n",
        addresses("eth0", side.addresses()),
        neighbours("eth0", own, &side.own_hardware_address()),
        gateway(|address| address.contains('.')),
        gateway(|address| address.contains(':')),
    )
}

/// What is not on the wire's own network lives behind it.
fn addresses(interface: &str, addresses: &[&str]) -> String {
    let line = |address: &&str| {
        let is_far = address.starts_with("198.18.") || address.starts_with("2001:db8:77:");
        match (is_far, address.contains(':')) {
            (true, true) => format!("address add {address}/128 dev lo nodad\n"),
            (true, false) => format!("address add {address}/32 dev lo\n"),
            (false, true) => format!("address add {address}/64 dev {interface} nodad\n"),
            (false, false) => format!("address add {address}/24 dev {interface}\n"),
        }
    };
    addresses.iter().map(line).collect()
}

fn neighbours(interface: &str, addresses: &[&str], hardware_address: &str) -> String {
    let line = |address: &&str| {
        format!("neighbour replace {address} lladdr {hardware_address} dev {interface} nud permanent\n")
    };
    addresses.iter().map(line).collect()
}

/// Runs `ip` once with all these lines.
fn batch(namespace: &Namespace, lines: &str) -> Result<(), LabError> {
    let start = |source| LabError::Start { program: "ip".into(), source };
    let mut child = namespace
        .command_beside(&namespace.group().below("anchor")?, "ip")
        .args(["-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    let mut stdin = child.stdin.take().expect("standard input is piped");
    stdin.write_all(lines.as_bytes()).map_err(start)?;
    drop(stdin);
    let output = child.wait_with_output().map_err(start)?;
    Output::from(output).success(&format!("ip -batch:\n{lines}")).map(drop)
}

/// An address of the tables above.
fn parse(address: &str) -> IpAddr {
    address.parse().expect("the perimeter's own addresses are addresses")
}
