//! Hosts with many ports: policies, what is given to nft, and the time that a command takes there.

use portreeve_lab::{Host, Network, profile};

use crate::{
    bench::{report::Figure, stopwatch::median},
    shell::{Result, target},
};

/// As many ports as anybody has.
pub(super) const MANY: u16 = 10_000;
/// The first of the ports, which are so far apart that no two make a range.
pub(super) const FIRST: u16 = 1_001;
pub(super) const STEP: u16 = 2;
/// One that is not among them.
pub(super) const ANOTHER: u16 = 50_001;
/// Where policies are on the hosts.
pub(super) const MANY_POLICY: &str = "/root/many.toml";
pub(super) const MORE_POLICY: &str = "/root/more.toml";

/// The first `count` of the ports.
pub(super) fn ports(count: u16) -> impl Iterator<Item = u16> {
    (0..count).map(|at| FIRST + at * STEP)
}

/// Opens ports of a protocol to everybody.
pub(super) fn policy(ports: impl Iterator<Item = u16>, protocol: &str) -> String {
    let ports: Vec<String> = ports.map(|port| format!("\"{port}/{protocol}\"")).collect();
    format!("version = 1\n[service.many]\nports = [{}]\nreach = \"world\"\n", ports.join(", "))
}

/// A host without services, which has the release build.
pub(super) fn boot(network: &Network) -> Result<Host> {
    Ok(Host::boot(network, &profile::BARE, &target().join("release/portreeve"))?)
}

/// The same, where changes are rehearsed as on any machine: the settings of its network namespaces can be written.
pub(super) fn boot_writable(network: &Network) -> Result<Host> {
    let host = boot(network)?;
    run(&host, "mount -o remount,rw /proc/sys")?;
    Ok(host)
}

/// Changes the host for good at once, by a policy that is there.
pub(super) fn apply(policy: &str) -> String {
    format!("portreeve apply --policy {policy} --no-trial --no-session")
}

/// Runs a command that must end well, and tells what it printed.
pub(super) fn run(host: &Host, command: &str) -> Result<String> {
    Ok(host.run(command)?.success(command)?.stdout)
}

/// The nanoseconds that a command took, told by a shell that has been started already; without single quotes.
pub(super) fn time(host: &Host, command: &str) -> Result<u64> {
    let script = format!(
        "bash -c 'begin=$EPOCHREALTIME; {command} >/dev/null || exit; end=$EPOCHREALTIME; \
         echo $((${{end/./}} - ${{begin/./}}))'"
    );
    Ok(run(host, &script)?.trim().parse::<u64>()? * 1_000)
}

/// The median of times.
pub(super) fn middle(times: &[u64]) -> Figure {
    Figure::Nanoseconds(median(times))
}
