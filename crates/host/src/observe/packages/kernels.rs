//! Finds the kernels that are installed (A18).

use std::collections::BTreeMap;

use portreeve_core::{
    facts::{InstalledKernel, Kernels},
    packages::{Installed, Owners},
};
use rustix::system::uname;

use super::tree::Tree;

const BOOT: &str = "/boot";
const MODULES: &str = "/lib/modules";
const IMAGE: &str = "vmlinuz";
/// More than any host keeps.
const KERNELS_MAX: usize = 1000;
/// Where kernels are.
pub(super) const SOURCES: [&str; 2] = [BOOT, MODULES];

/// The images of kernels, each with its release: `/boot/vmlinuz-RELEASE`, and `/lib/modules/RELEASE/vmlinuz` as Fedora has
/// them (kernel-install(8)).
pub(super) fn images(tree: Tree<'_>) -> BTreeMap<String, String> {
    let names = |path: &str| {
        let folder = tree.folder(path).ok().flatten();
        folder.and_then(|folder| folder.names().ok()).unwrap_or_default()
    };
    let in_boot = names(BOOT).into_iter().filter_map(|name| {
        let release = name.strip_prefix(IMAGE)?.strip_prefix('-')?.to_owned();
        Some((format!("{BOOT}/{name}"), release))
    });
    let beside_modules =
        names(MODULES).into_iter().map(|release| (format!("{MODULES}/{release}/{IMAGE}"), release));
    in_boot.chain(beside_modules).take(KERNELS_MAX).collect()
}

/// Those of `images` that a package owns.
pub(super) fn installed(images: &BTreeMap<String, String>, owners: &Owners) -> Vec<InstalledKernel> {
    let owned = images.iter().filter_map(|(path, release)| Some((release, owners.of(path)?)));
    let kernel = |(release, package): (&String, &Installed)| InstalledKernel {
        release: release.clone(),
        package: package.name.clone(),
        version: package.version.clone(),
    };
    owned.map(kernel).collect()
}

/// The kernel that runs beside those that are installed; `None` where no package has one.
pub(super) fn read(installed: Vec<InstalledKernel>) -> Option<Kernels> {
    let names = uname();
    (!installed.is_empty()).then(|| Kernels {
        running: names.release().to_string_lossy().into_owned(),
        running_version: version(&names.version().to_string_lossy()).map(str::to_owned),
        installed,
    })
}

/// Debian's kernels tell the version of their package: `#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)`.
fn version(told: &str) -> Option<&str> {
    told.split_once(" Debian ")?.1.split(' ').next().filter(|version| !version.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debians_kernels_tell_their_version() {
        assert_eq!(version("#1 SMP PREEMPT_DYNAMIC Debian 6.1.119-1 (2024-11-22)"), Some("6.1.119-1"));
        assert_eq!(version("#52-Ubuntu SMP Thu Oct 26 2023"), None);
    }
}
