//! Two hosts on one wire: one that looks, and one that is looked at.

use std::fmt;

use portreeve_lab::{
    fixture::{self, Fixture},
    programs,
};

use crate::shell::{Result, output};

/// The wire has an end in a network of its own, below a /run of its own.
const WIRE: &str = "mount -t tmpfs run /run; ip netns add far; ip link add near type veth peer name end netns far; \
    ip address add 198.51.100.1/24 dev near; ip link set near up; ip -n far address add 198.51.100.2/24 dev end; \
    ip -n far link set end up; ip -n far link set lo up";
/// As many listen there.
pub(super) const OPEN: [u16; 20] = [
    22, 25, 53, 80, 111, 443, 587, 993, 2049, 3306, 5432, 6379, 8080, 9100, 11_211, 15_672, 27_017, 33_333,
    50_051, 65_535,
];

/// What the host that is looked at does with packets.
#[derive(Clone, Copy, Debug)]
pub(super) enum Far {
    /// It takes or refuses them.
    Refuses,
    /// It takes them where somebody listens, and drops all others.
    Drops,
    /// It loses so many of a hundred, and as many of its answers.
    Loses(u8),
}

impl fmt::Display for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuses => f.write_str("65,535 ports, all but 20 closed"),
            Self::Drops => f.write_str("65,535 ports, all but 20 silent"),
            Self::Loses(percent) => write!(f, "65,535 ports, {percent} % lost each way"),
        }
    }
}

impl Far {
    /// Has it do so from now on.
    pub(super) fn begin(self, wire: &Fixture) -> Result {
        run(wire, &format!("ip netns exec far nft -f - <<'END'\nflush ruleset\n{}\nEND", self.rules()))
            .map(drop)
    }

    fn rules(self) -> String {
        match self {
            Self::Refuses => String::new(),
            Self::Drops => format!(
                "table ip t {{ chain i {{ type filter hook input priority 0; tcp dport != {{ {} }} drop; }}; }}",
                OPEN.map(|port| port.to_string()).join(", ")
            ),
            Self::Loses(percent) => format!(
                "table netdev l {{ chain i {{ type filter hook ingress device end priority 0; \
                 ip protocol tcp numgen random mod 100 < {percent} drop; }}; }}\n\
                 table ip o {{ chain o {{ type filter hook output priority 0; \
                 meta l4proto tcp numgen random mod 100 < {percent} drop; }}; }}"
            ),
        }
    }
}

/// The wire, with twenty who listen at its other end.
pub(super) fn begin() -> Result<Fixture> {
    let wire = fixture::empty()?;
    run(&wire, WIRE)?;
    let addresses: Vec<String> = OPEN.iter().map(|port| format!("0.0.0.0:{port}")).collect();
    let holder = programs::holder()?;
    let listen = format!(
        "ip netns exec far {} listen {} </dev/null >/run/said 2>&1 & \
         for nth in $(seq 200); do grep -qs ready /run/said && exit 0; sleep 0.05; done; cat /run/said; exit 1",
        holder.display(),
        addresses.join(" ")
    );
    run(&wire, &listen)?;
    Ok(wire)
}

/// What a shell's command prints there; it must end well.
fn run(wire: &Fixture, command: &str) -> Result<String> {
    output(&mut wire.command(["sh", "-c", &format!("set -e; {command}")]))
}
