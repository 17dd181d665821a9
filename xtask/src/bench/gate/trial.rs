//! How late the kernel takes a change back that nobody confirms, with all of ours dead.

use std::path::Path;

use portreeve_lab::{Client, Host, Network};

use super::scene::{ANOTHER, apply, boot, policy, ports, run};
use crate::{
    bench::{
        report::{Figure, Promise, Row},
        stopwatch::compile,
    },
    shell::Result,
};

const ROUNDS: u32 = 3;
const SECONDS: u32 = 3;
/// Until after the trial, whenever it began.
const SECONDS_HEARD: u32 = 6;
const PACKETS_A_SECOND: u32 = 1_000;
const MILLISECONDS_MAX: f64 = 100.0;

/// By packets alone: for how much longer than the trial they got in, at worst.
pub(super) fn rows() -> Result<Vec<Row>> {
    let network = Network::create()?;
    let client = Client::create(&network)?;
    let host = boot(&network)?;
    let traffic = compile("traffic")?;
    host.put(&traffic, "/root/traffic")?;
    host.write("/root/before.toml", &policy(ports(1), "udp"))?;
    host.write("/root/trial.toml", &policy(ports(1).chain([ANOTHER]), "udp"))?;
    run(&host, &apply("/root/before.toml"))?;
    let mut worst = 0.0_f64;
    for _ in 0..ROUNDS {
        worst = worst.max(heard(&traffic, &client, &host)? - f64::from(SECONDS) * 1e9);
    }
    Ok(vec![Row {
        what: "rollback after a trial of 3 s, none of ours alive".into(),
        ours: Figure::Nanoseconds(worst.max(0.0)),
        rival: None,
        promise: Promise::AtMost(Figure::Nanoseconds(MILLISECONDS_MAX * 1e6)),
    }])
}

/// The nanoseconds during which packets got to a port that only the trial opens.
fn heard(traffic: &Path, client: &Client, host: &Host) -> Result<f64> {
    let (traffic, address, gap) = (traffic.display(), host.place().ipv4, 1_000_000_000 / PACKETS_A_SECOND);
    let packets = SECONDS_HEARD * PACKETS_A_SECOND;
    let send = format!("{traffic} send {address} {ANOTHER} 1 1 {packets} {SECONDS_HEARD} {gap}");
    let script = format!(
        "/root/traffic hear {ANOTHER} {SECONDS_HEARD} & \
         portreeve apply --policy /root/trial.toml --trial {SECONDS}s --no-session >/dev/null || exit; \
         if pgrep -x portreeve; then exit 9; fi; wait $!"
    );
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| client.run(&send));
        let heard = run(host, &script)?;
        let sent = sender.join().map_err(|_| "the sender panicked")??;
        sent.success(&send)?;
        Ok(heard.trim().parse()?)
    })
}
