//! How long a change is tried with packets before it is made.

use portreeve_lab::Network;

use super::scene::{boot_writable, middle, policy, ports, run, time};
use crate::{
    bench::report::{Figure, Promise, Row},
    shell::Result,
};

const ROUNDS: u32 = 10;
const POLICY: &str = "/root/some.toml";
/// So many that a hundred packets are sent, of both families, beside those to ports that nobody declares.
const PORTS: u16 = 50;
const PACKETS_MIN: u32 = 100;
const SECONDS_MAX: f64 = 2.0;

/// Time.
pub(super) fn rows() -> Result<Vec<Row>> {
    let network = Network::create()?;
    let host = boot_writable(&network)?;
    host.write(POLICY, &policy(ports(PORTS), "tcp"))?;
    let rehearse = format!("portreeve apply --rehearse-only --policy {POLICY}");
    let packets = packets(&run(&host, &rehearse)?)?;
    if packets < PACKETS_MIN {
        return Err(format!("only {packets} packets were sent").into());
    }
    let times: Result<Vec<u64>> = (0..ROUNDS).map(|_| time(&host, &rehearse)).collect();
    Ok(vec![Row {
        what: format!("`portreeve apply --rehearse-only`, {packets} packets"),
        ours: middle(&times?),
        rival: None,
        promise: Promise::AtMost(Figure::Nanoseconds(SECONDS_MAX * 1e9)),
    }])
}

/// With how many it says that it tried the change.
fn packets(said: &str) -> Result<u32> {
    let count = said.split_once("Rehearsed with ").and_then(|(_, rest)| rest.split_whitespace().next());
    Ok(count.ok_or_else(|| format!("it says nothing of packets: {said}"))?.parse()?)
}
