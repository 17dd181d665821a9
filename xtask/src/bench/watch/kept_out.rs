//! How soon after a line of a log the kernel keeps out whom it tells of, beside fail2ban (A19).

use std::time::{Duration, Instant};

use portreeve_lab::{Host, Network, profile};

use super::super::{
    report::{Figure, Promise, Row},
    stopwatch::median,
};
use crate::shell::{Result, target};

const ROUNDS: u8 = 15;
const MILLISECONDS_MAX: f64 = 50.0;
/// Until somebody who has begun to read is ready.
const PATIENCE: Duration = Duration::from_secs(30);
const POLICY: (&str, &str) = (
    "/etc/portreeve/policy.toml",
    r#"version = 1
[service.ssh]
ports = ["22/tcp"]
owner = { unit = "ssh.service" }
reach = "world"
[watch]
mode = "block"
log = { service = "ssh", file = "/var/log/guessed.log" }
"#,
);
/// Its own filter of sshd and its own way to nft, with as many tries; it is told of each line as it is written, as Debian has it.
const JAIL: (&str, &str) = (
    "/etc/fail2ban/jail.d/defaults-debian.conf",
    "[guessed]
enabled = true
filter = sshd
logpath = /var/log/guessed.log
backend = pyinotify
maxretry = 5
findtime = 10m
bantime = 10m
action = nftables[type=allports, name=guessed]
",
);
const WATCHES: &str = "portreeve apply --no-trial --no-session && systemd-run -q -u reader portreeve watch";
const BANS: &str = "mkdir -p /run/fail2ban && systemd-run -q -u reader fail2ban-server -f start";
/// Writes down what nft says of elements that come into sets, and at which microsecond.
const HEARS: &str = r#"stdbuf -oL nft monitor new elements |
while read -r line; do echo "${EPOCHREALTIME/./} $line"; done >/root/heard"#;
/// Has sshd write of five wrong passwords of `$1`, each of another connection and the last one by itself; tells the microseconds from
/// then until nft says that it is in a set, and nothing where it is in none after two seconds.
const GUESSES: &str = r#"
line() { echo "$(date '+%b %e %T') host sshd[$RANDOM]: Failed password for root from $1 port $RANDOM ssh2"; }
for nth in 1 2 3 4; do line $1; done >>/var/log/guessed.log
sleep 0.2; last=$(line $1)
begin=${EPOCHREALTIME/./}; echo "$last" >>/var/log/guessed.log
for nth in $(seq 20); do
    sleep 0.1; heard=$(grep -wF -m 1 $1 /root/heard) && echo $((${heard%% *} - begin)) && break
done; true"#;

/// The row.
pub(super) fn row() -> Result<Row> {
    let network = Network::create()?;
    let hosts = [begin(&network, POLICY, WATCHES)?, begin(&network, JAIL, BANS)?];
    let mut times = [Vec::new(), Vec::new()];
    for nth in 1..=ROUNDS {
        for (host, times) in hosts.iter().zip(&mut times) {
            times.push(took(host, &format!("203.0.113.{nth}"))?.ok_or("nobody is kept out")?);
        }
    }
    let [ours, theirs] = times.map(|times| Figure::Nanoseconds(median(&times)));
    Ok(Row {
        what: "from a line of a log until the kernel keeps its source out".into(),
        ours,
        rival: Some(("fail2ban".into(), theirs)),
        promise: Promise::AtMost(Figure::Nanoseconds(MILLISECONDS_MAX * 1e6)),
    })
}

/// A host on which somebody reads a log, by what stands in this file.
fn begin(network: &Network, (file, text): (&str, &str), reads: &str) -> Result<Host> {
    let host = Host::boot(network, &profile::BARE, &target().join("release/portreeve"))?;
    for (path, text) in [(file, text), ("/root/hears", HEARS), ("/root/guesses", GUESSES)] {
        host.write(path, text)?;
    }
    let begin =
        format!("touch /var/log/guessed.log /root/heard && systemd-run -q bash /root/hears && {reads}");
    host.run(&begin)?.success(reads)?;
    let start = Instant::now();
    while took(&host, "203.0.113.250")?.is_none() {
        if start.elapsed() > PATIENCE {
            return Err(format!("nobody reads the log: {reads}").into());
        }
    }
    Ok(host)
}

/// The nanoseconds from the last line about this source until the kernel keeps it out.
fn took(host: &Host, source: &str) -> Result<Option<u64>> {
    let told = host.run(&format!("bash /root/guesses {source}"))?.success("bash")?.stdout;
    let microseconds = told.lines().next().map(str::parse::<u64>).transpose()?;
    Ok(microseconds.map(|microseconds| microseconds * 1_000))
}
