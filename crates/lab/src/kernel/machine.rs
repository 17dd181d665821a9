//! The machine's own files on another kernel: whatever is installed and built here runs there as it is, and writes nothing here.

use super::{Guest, Initramfs, Kernel, guest::Hardware};
use crate::{error::LabError, folder, output::Output, root};

/// What makes them the guest's.
const SCRIPT: &str = include_str!("machine.sh");

/// By which the guest reads them (Documentation/filesystems/9p.rst).
const MODULES: &[&str] = &["virtio_pci", "9pnet_virtio", "9p"];

/// Hosts of the lab keep what they write in memory.
const MEMORY: &str = "6G";

/// Runs a shell's command as root on the newest kernel of `series` that is here, with the lab's root made ready, for so long at
/// most.
///
/// # Errors
///
/// As of [`Kernel::whole`], [`root::ready`] and [`Guest::boot`]; how the command ends is in the output.
pub fn run(series: &str, command: &str, seconds_max: u64) -> Result<Output, LabError> {
    let kernel = Kernel::whole(series)?;
    root::ready()?;
    let mut initramfs = Initramfs::bare()?;
    MODULES.iter().for_each(|module| initramfs.module(module));
    initramfs.write("command", command, 0o755);
    let hardware = Hardware { memory: MEMORY, run_seconds_max: seconds_max, sees_machine: true };
    let guest = Guest::boot_on(&kernel, &initramfs, "", hardware)?;
    let place = |path: std::path::PathBuf| path.display().to_string();
    let (release, modules, lab) = (kernel.release(), place(kernel.modules()), place(folder::lab()));
    guest.run(&format!("RELEASE={release} MODULES='{modules}' LAB='{lab}'\n{SCRIPT}"))
}
