//! The units that put in force at each boot what was confirmed: of the gate before there is a network, and of the rest before any
//! service (A15, A16).

mod early;
mod next;

pub use next::at_boot;

use std::path::Path;

use portreeve_core::{
    facts::AtBoot,
    gate::{BOOT_UNIT, EARLY_UNIT},
};

use crate::{
    enforce::guard::shown::PLACE,
    systemd::{self, Begins, OURS, State, Unit, UnitError},
};

/// What was confirmed of the guard last.
const GUARD: &str = "/var/lib/portreeve/gate/guard.json";

/// Both of them.
const UNITS: [&str; 2] = [BOOT_UNIT, EARLY_UNIT];
/// What starts it: whatever brings a machine up reaches it.
const BOOTS: &str = "sysinit.target";
/// What starts it again: it flushes the ruleset as it starts.
const FLUSHES: &str = "nftables.service";

/// The unit, which starts `program`.
///
/// Whatever flushes the ruleset as it starts comes before it. nftables.service stops it and starts it again with itself,
/// also when it is stopped first and started later; a reload, which flushes too, is handed on to it while it is active.
/// Where nobody manages the network, network.target is what servers wait for; sysinit.target it must not come before, as
/// elsewhere than on Debian nftables.service comes after that. Its failure stops nothing: the host comes up, and the unit
/// is failed. Files of the ledger may be those of a member of its group, which a root without privileges cannot read. What
/// ProtectKernelTunables= would close is closed by name: it leaves no bpffs open, in which the guard has its names. What users read of
/// the guard is mounted before it runs, where the manager is: nothing that it mounts itself would anybody else see.
#[must_use]
pub fn unit(program: &Path) -> Unit {
    let program = program.display();
    let confined = confined();
    let text = format!(
        "{OURS}portreeve off gate
[Unit]
Description=The gate and the guard of portreeve, as they were confirmed last, and the ports that are kept from clients
DefaultDependencies=no
RequiresMountsFor=/var/lib/portreeve {program}
After=local-fs.target systemd-sysctl.service portreeve-early.service nftables.service netfilter-persistent.service iptables.service ip6tables.service
Before=network-pre.target network.target shutdown.target
Wants=network-pre.target network.target
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={program} apply --boot
ExecReload={program} apply --boot
{confined}
[Install]
WantedBy={BOOTS} {FLUSHES}
"
    );
    Unit { name: BOOT_UNIT, text }
}

/// What keeps the program of either unit to what it is for, and what is done before it.
fn confined() -> String {
    format!(
        "\
ExecStartPre=-+/usr/bin/nsenter --target 1 --mount /bin/sh -c 'test ! -e {GUARD} || mountpoint -q {PLACE} || {{ mkdir -p -m 0755 {PLACE} && mount -t bpf -o mode=0755,nosuid,nodev,noexec portreeve {PLACE}; }}'
TimeoutStartSec=60
ProtectSystem=strict
ReadWritePaths=/run -/var/lib/portreeve /proc/sys/net/ipv4/ip_local_reserved_ports -/sys/fs/bpf
ProtectHome=yes
ReadOnlyPaths=/sys /proc/sys -/proc/sysrq-trigger -/proc/irq -/proc/bus -/proc/fs -/proc/acpi
ProtectControlGroups=yes
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_BPF CAP_PERFMON CAP_DAC_READ_SEARCH
RestrictAddressFamilies=AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
"
    )
}

/// Puts the units and enables them, and starts them if they `begin` now, which puts the confirmed gate in force; whether there
/// was anything to do.
///
/// # Errors
///
/// systemd does not run, or something is in the way, as a mask or a drop-in of the unit.
pub fn enable(program: &Path, begins: Begins) -> Result<bool, UnitError> {
    if systemd::runs() {
        UNITS.into_iter().try_for_each(refuse_changed)?;
    }
    let (units, at_boot) = ([unit(program), early::unit(program)], at_boot());
    let are_same = systemd::runs() && units.iter().all(|unit| systemd::state(unit) == State::Same);
    let is_put = are_same && at_boot == AtBoot::Enabled;
    if is_put && (begins == Begins::NextBoot || systemd::is_active(BOOT_UNIT)) {
        return Ok(false);
    }
    systemd::put(&units, &UNITS, begins)?;
    Ok(true)
}

/// Somebody's drop-in or mask of the unit of this name decides what it does.
fn refuse_changed(name: &str) -> Result<(), UnitError> {
    let root = Path::new("/");
    let drop_in = next::changed_by(root, name).map(UnitError::DropIn);
    drop_in.or_else(|| next::masked_by(root, name).map(UnitError::Masked)).map_or(Ok(()), Err)
}

/// Starts the unit where it is enabled and not active, as after a boot at which it failed: what is not active is not
/// reloaded with nftables.service. Nobody waits for it.
///
/// # Errors
///
/// systemctl did not do it.
pub fn follow() -> Result<(), UnitError> {
    let is_due = matches!(at_boot(), AtBoot::Enabled | AtBoot::Late | AtBoot::Failed)
        && !systemd::is_active(BOOT_UNIT);
    if is_due { systemd::begin(BOOT_UNIT) } else { Ok(()) }
}

/// What came of taking the unit away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Whether anything of ours was there.
    pub had_any: bool,
    /// The unit that somebody masked in the place of its file: that is his, and stays.
    pub masked: Option<&'static str>,
}

/// Takes the unit away, or of one that is masked what enabled it.
///
/// # Errors
///
/// It is somebody else's, or cannot be taken away.
pub fn disable() -> Result<Disabled, UnitError> {
    let is_masked = |name: &&str| next::is_masked(&systemd::path(name));
    let own = UNITS.into_iter().filter(|name| !is_masked(name));
    let is_taken = systemd::take(&own.collect::<Vec<_>>())?;
    // Where a unit itself is gone its links may not be.
    let is_early_unlinked = systemd::unlink(EARLY_UNIT, &[BOOTS])?;
    let is_unlinked = systemd::unlink(BOOT_UNIT, &[BOOTS, FLUSHES])?;
    let masked = UNITS.into_iter().find(is_masked);
    Ok(Disabled { had_any: is_taken || is_unlinked || is_early_unlinked, masked })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_comes_after_whatever_flushes_and_before_the_network() {
        let Unit { name, text } = unit(Path::new("/usr/bin/portreeve"));
        assert_eq!(name, "portreeve-boot.service");
        let values = |key: &str| -> Vec<String> {
            let lines = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            lines.flat_map(str::split_whitespace).map(str::to_owned).collect()
        };
        assert!(text.starts_with(OURS));
        for before in ["systemd-sysctl.service", "nftables.service"] {
            assert!(values("After").contains(&before.to_owned()), "{before}");
        }
        assert_eq!(values("Before"), ["network-pre.target", "network.target", "shutdown.target"]);
        assert_eq!(values("Wants"), ["network-pre.target", "network.target"], "else nothing waits for them");
        assert_eq!(values("ExecStart"), ["/usr/bin/portreeve", "apply", "--boot"]);
        assert_eq!(values("Requires"), [""; 0], "nothing waits for what may fail");
        let flushes = "nftables.service";
        assert_eq!(values("WantedBy"), ["sysinit.target", flushes], "its start starts it again");
        assert_eq!(
            (values("PartOf"), values("ReloadPropagatedFrom")),
            (vec![flushes.into()], vec![flushes.into()])
        );
    }
}
