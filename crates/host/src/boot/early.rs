//! The unit that puts back the guard and what is steered before any service starts, and keeps from clients what they are not to
//! have (A5, A12, A13, A15).

use std::path::Path;

use portreeve_core::gate::EARLY_UNIT;

use super::{BOOTS, confined};
use crate::systemd::{OURS, Unit};

/// The unit, which starts `program`.
///
/// The gate has to come after whatever flushes the packet filter, which elsewhere than on Debian starts no sooner than services do.
/// Whatever services bind, and are led to, does not wait for that: this one comes before sysinit.target, and so before every unit
/// that has the usual dependencies (systemd.service(5), "Default Dependencies"). It asks for no mount: one that waits for the network
/// would make a circle, of which systemd leaves out more than this.
pub(super) fn unit(program: &Path) -> Unit {
    let (program, confined) = (program.display(), confined());
    let text = format!(
        "{OURS}portreeve off gate
[Unit]
Description=The guard of portreeve and what it steers, as they were confirmed last, before any service starts
DefaultDependencies=no
After=local-fs.target systemd-sysctl.service
Before={BOOTS} shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={program} apply --boot=early
{confined}
[Install]
WantedBy={BOOTS}
"
    );
    Unit { name: EARLY_UNIT, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes after services may come after sysinit.target: in a circle something is left out.
    #[test]
    fn it_waits_for_nothing_that_comes_with_services() {
        let Unit { name, text } = unit(Path::new("/usr/bin/portreeve"));
        assert_eq!(name, "portreeve-early.service");
        for line in [
            "DefaultDependencies=no",
            "After=local-fs.target systemd-sysctl.service",
            "Before=sysinit.target shutdown.target",
            "ExecStart=/usr/bin/portreeve apply --boot=early",
            "NoNewPrivileges=yes",
            "WantedBy=sysinit.target",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}");
        }
    }
}
