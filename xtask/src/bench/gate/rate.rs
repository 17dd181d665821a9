//! How many new connections a second get past the packet filter, however many ports are declared.

use std::path::Path;

use portreeve_lab::{Client, Host, Network};

use super::scene::{FIRST, MANY, MANY_POLICY, STEP, apply, boot, policy, ports, run};
use crate::{
    bench::{
        report::{Figure, Promise, Row},
        stopwatch::{compile, median},
    },
    shell::Result,
};

const ROUNDS: usize = 5;
const FEW: u16 = 3;
const PACKETS: u32 = 40_000;
/// Who is slow gets fewer packets.
const SECONDS: u32 = 2;

/// The nanoseconds that a packet takes, against few ports, and against a rule for each port.
pub(super) fn rows() -> Result<Vec<Row>> {
    let network = Network::create()?;
    let client = Client::create(&network)?;
    let traffic = compile("traffic")?;
    let (few, many, linear) = (gated(&network, FEW)?, gated(&network, MANY)?, linear(&network)?);
    let hosts = [(&few, FEW), (&many, MANY), (&linear, MANY)];
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        for ((host, count), times) in hosts.iter().zip(&mut times) {
            times.push(nanoseconds_each(&traffic, &client, host, *count)?);
        }
    }
    let [few, many, linear] = times.map(|times| Figure::Nanoseconds(median(&times)));
    let row = |name: &str, rival, share| Row {
        what: "a packet past the gate, 10,000 ports".into(),
        ours: many,
        rival: Some((name.into(), rival)),
        promise: Promise::Share(share),
    };
    Ok(vec![row("3 ports", few, 1.0 / 0.8), row("iptables, a rule for each port", linear, 1.0 / 20.0)])
}

fn gated(network: &Network, count: u16) -> Result<Host> {
    let host = boot(network)?;
    host.write(MANY_POLICY, &policy(ports(count), "udp"))?;
    run(&host, &apply(MANY_POLICY))?;
    Ok(host)
}

/// A rule for each port, and then nothing more passes.
fn linear(network: &Network) -> Result<Host> {
    let host = boot(network)?;
    let rules: String =
        ports(MANY).map(|port| format!("-A INPUT -p udp --dport {port} -j ACCEPT\n")).collect();
    let established = "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
    host.write("/root/rules", &format!("*filter\n:INPUT DROP [0:0]\n{established}{rules}COMMIT\n"))?;
    run(&host, "iptables-restore < /root/rules")?;
    Ok(host)
}

/// What one packet takes that gets to the host's UDP, of many to all of its ports.
fn nanoseconds_each(traffic: &Path, client: &Client, host: &Host, count: u16) -> Result<u64> {
    let (traffic, address) = (traffic.display(), host.place().ipv4);
    let before = arrived(host)?;
    let send = format!("{traffic} send {address} {FIRST} {STEP} {count} {PACKETS} {SECONDS} 0");
    let output = client.run(&send)?.success(&send)?;
    let arrived = arrived(host)? - before;
    let numbers: Vec<u64> =
        output.stdout.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
    let [sent, nanoseconds] = numbers[..] else { return Err("the sender printed something else".into()) };
    // What is lost on the way was let in by nobody.
    if arrived < sent / 2 {
        return Err(format!("of {sent} packets {arrived} got in").into());
    }
    Ok(nanoseconds / arrived)
}

/// How many packets got to UDP: nobody listens on any port (proc_net_snmp, "NoPorts").
fn arrived(host: &Host) -> Result<u64> {
    let lines = run(host, "grep ^Udp: /proc/net/snmp")?;
    let mut lines = lines.lines().map(str::split_whitespace);
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return Err("no Udp".into()) };
    let value = names.zip(values).find(|(name, _)| *name == "NoPorts").map(|(_, value)| value);
    Ok(value.ok_or("no NoPorts")?.parse()?)
}
