//! The unit that watches as long as the host runs (A19).

pub mod writer;

use std::path::Path;

use portreeve_core::watch::UNIT;

use crate::systemd::{self, Begins, OURS, Started, State, Unit, UnitError};

/// The unit that watches.
pub const SERVICE: &str = UNIT;
const TARGET: &str = "multi-user.target";

/// The unit, which runs `program`.
///
/// It looks at everything, so that little is closed to it but to change: what it writes is its own state, the receipts, and one
/// table of the packet filter. The journal has what it tells.
#[must_use]
pub fn unit(program: &Path) -> Unit {
    let program = program.display();
    let text = format!(
        "{OURS}portreeve watch disable
[Unit]
Description=Who is probing this host, and who is blocked for it
RequiresMountsFor=/var/lib/portreeve {program}
After=network.target portreeve-boot.service

[Service]
ExecStart={program} watch --resume
# Also where the policy is half written at that moment.
Restart=on-failure
RestartSec=5
StateDirectory=portreeve
StateDirectoryMode=0755
ProtectSystem=strict
ReadWritePaths=/run /var/lib/portreeve -/sys/fs/bpf
ProtectHome=read-only
# Not ProtectControlGroups: journalctl of systemd 252 follows no journal with it.
ProtectKernelModules=yes
ProtectClock=yes
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_NET_ADMIN CAP_BPF CAP_PERFMON CAP_DAC_READ_SEARCH CAP_SYS_PTRACE CAP_SYS_ADMIN
RestrictAddressFamilies=AF_UNIX AF_NETLINK
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
MemoryMax=256M

[Install]
WantedBy={TARGET}
"
    );
    Unit { name: SERVICE, text }
}

/// Has the host watch from now on, and after each boot; whether there was anything to do.
///
/// # Errors
///
/// systemd does not run, or something is in the way.
pub fn enable(program: &Path) -> Result<bool, UnitError> {
    let unit = unit(program);
    let is_put = systemd::runs() && systemd::state(&unit) == State::Same;
    if is_put && systemd::started(SERVICE, TARGET) == Started::ByItself && systemd::is_active(SERVICE) {
        return Ok(false);
    }
    systemd::put(&[unit], &[SERVICE], Begins::Now)?;
    Ok(true)
}

/// Ends it; whether there was anything to end.
///
/// # Errors
///
/// What is there is somebody else's, or cannot be taken away.
pub fn disable() -> Result<bool, UnitError> {
    systemd::take(&[SERVICE])
}

/// Whether a boot starts it.
#[must_use]
pub fn is_enabled() -> bool {
    systemd::runs() && systemd::started(SERVICE, TARGET) == Started::ByItself
}

/// Whether it watches now.
#[must_use]
pub fn is_active() -> bool {
    systemd::is_active(SERVICE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_begins_again_whatever_ended_it() {
        let Unit { name, text } = unit(Path::new("/usr/bin/portreeve"));
        assert_eq!(name, "portreeve-watch.service");
        assert!(text.starts_with(OURS));
        for line in [
            "ExecStart=/usr/bin/portreeve watch --resume",
            "Restart=on-failure",
            "WantedBy=multi-user.target",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}");
        }
    }
}
