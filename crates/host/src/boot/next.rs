//! Whether the next boot puts the confirmed gate in force (A15, A20).

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use portreeve_core::{
    facts::AtBoot,
    gate::{BOOT_UNIT, EARLY_UNIT},
};

use super::{BOOTS, early, unit};
use crate::{
    observe::origins::unit_file::folders,
    own::stranger,
    present::UNIT_DIRECTORIES,
    systemd::{self, Unit},
};

/// There where systemd is the first process (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";
/// The folder of drop-ins of every service.
const OF_ALL: &str = "service.d";
/// Entries of a folder of drop-ins that are looked at.
const ENTRIES_MAX: usize = 10_000;
/// How the folders of units begin that no boot outlasts.
const TRANSIENT: &str = "run/";

/// Whether the systemd of this host starts the gate's unit when it boots; of another network namespace than the one that
/// boots nobody knows.
#[must_use]
pub fn at_boot() -> AtBoot {
    match at_boot_of(Path::new("/")) {
        AtBoot::Enabled if systemd::has_failed(BOOT_UNIT) => AtBoot::Failed,
        at_boot => at_boot,
    }
}

/// The same of the host below `root`.
fn at_boot_of(root: &Path) -> AtBoot {
    let below = |path: &str| below(root, path);
    let namespace = |pid: &str| Some(fs::metadata(below(&format!("/proc/{pid}/ns/net"))).ok()?.ino());
    let is_apart = namespace("1").is_some_and(|first| namespace("self") != Some(first));
    if is_apart || !below(BOOTED).is_dir() {
        return AtBoot::Unknown;
    }
    let is_early = || of_unit(root, EARLY_UNIT, early::unit) == AtBoot::Enabled;
    match of_unit(root, BOOT_UNIT, unit) {
        AtBoot::Enabled if !is_early() => AtBoot::Late,
        at_boot => at_boot,
    }
}

/// The same of the unit of this name, which is `written` for a program.
fn of_unit(root: &Path, name: &str, written: fn(&Path) -> Unit) -> AtBoot {
    match unit_file(root, name, lasting()) {
        Some(file) if is_masked(&file) => AtBoot::Masked,
        Some(file) if is_wanted(root, name) => changed(root, &file, name, written).unwrap_or(AtBoot::Enabled),
        _ => AtBoot::NotEnabled,
    }
}

/// The link or empty file that masks the unit of this name by now, if only until the host boots (systemctl(1), "mask").
pub(super) fn masked_by(root: &Path, name: &str) -> Option<PathBuf> {
    unit_file(root, name, UNIT_DIRECTORIES.iter()).filter(|file| is_masked(file))
}

/// The unit, or what masks it, in the first of these folders where it is.
fn unit_file(
    root: &Path,
    name: &str,
    folders: impl Iterator<Item = &'static &'static str>,
) -> Option<PathBuf> {
    folders.map(|units| root.join(units).join(name)).find(|file| is_there(file))
}

/// The folders of units that outlast a boot.
fn lasting() -> impl Iterator<Item = &'static &'static str> {
    UNIT_DIRECTORIES.iter().filter(|units| !units.starts_with(TRANSIENT))
}

/// What keeps the enabled unit from starting this program: the unit is another one than is written for a program that stands
/// where it should, and that root alone can change.
fn changed(root: &Path, file: &Path, name: &str, written: fn(&Path) -> Unit) -> Option<AtBoot> {
    if changed_by(root, name).is_some() {
        return Some(AtBoot::DropIn);
    }
    let text = systemd::read(file).unwrap_or_default();
    let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=")?.split_once(" apply --boot"));
    match start.map(|(program, _)| Path::new(program)) {
        Some(program) if text != written(program).text => Some(AtBoot::Edited),
        Some(program) if stranger(program).is_some() || !is_executable(program) => Some(AtBoot::NoProgram),
        Some(_) => None,
        None => Some(AtBoot::Edited),
    }
}

fn is_executable(program: &Path) -> bool {
    fs::metadata(program).is_ok_and(|file| file.mode() & 0o111 != 0)
}

/// The folder of a drop-in of the unit of this name, which may start another program in its place (systemd.unit(5), "foo.service.d/" and
/// "foo-.service.d/").
///
/// One of all services, as of `service.d`, is the host's own and none against the gate.
pub(super) fn changed_by(root: &Path, name: &str) -> Option<PathBuf> {
    let own = folders(name).into_iter().filter(|folder| folder != OF_ALL);
    let has_any = |folder: &PathBuf| {
        let entries = fs::read_dir(below(root, folder)).into_iter().flatten().take(ENTRIES_MAX).flatten();
        entries.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|ending| ending == "conf"))
    };
    own.flat_map(|folder| UNIT_DIRECTORIES.map(|units| Path::new("/").join(units).join(&folder)))
        .find(has_any)
}

fn below(root: &Path, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Whether the unit is there, if only so that nothing starts it: a link to one that is gone is none.
fn is_there(file: &Path) -> bool {
    is_masked(file) || fs::metadata(file).is_ok_and(|file| file.is_file())
}

/// Whether the unit is an empty file or /dev/null: nothing starts it then.
pub(super) fn is_masked(file: &Path) -> bool {
    let leads_nowhere = fs::read_link(file).is_ok_and(|target| target == Path::new("/dev/null"));
    leads_nowhere || fs::metadata(file).is_ok_and(|file| file.is_file() && file.len() == 0)
}

/// Whether whatever brings a machine up wants the unit, as `systemctl enable` lets it; what else wants it may be enabled by
/// nobody.
fn is_wanted(root: &Path, name: &str) -> bool {
    let mut wants =
        lasting().flat_map(|units| ["wants", "requires"].map(|kind| format!("{units}/{BOOTS}.{kind}")));
    wants.any(|folder| fs::symlink_metadata(root.join(folder).join(name)).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// The root of a host, gone when dropped.
    struct Root(PathBuf);

    impl Root {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("portreeve-next-{}-{name}", std::process::id()));
            let root = Self(path);
            root.make("run/systemd/system");
            root
        }

        fn make(&self, folder: &str) -> PathBuf {
            let path = self.0.join(folder);
            fs::create_dir_all(&path).unwrap();
            path
        }
    }

    impl Root {
        /// With the unit that comes before any service.
        fn with_early(self) -> Self {
            let units = self.make("etc/systemd/system");
            fs::write(units.join(EARLY_UNIT), early::unit(Path::new("/usr/bin/env")).text).unwrap();
            let wants = self.make("etc/systemd/system/sysinit.target.wants");
            symlink("/etc/systemd/system/portreeve-early.service", wants.join(EARLY_UNIT)).unwrap();
            self
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_unit_is_enabled_by_a_link_of_what_wants_it() {
        let root = Root::new("enabled").with_early();
        assert_eq!(at_boot_of(&root.0), AtBoot::NotEnabled);
        // That there is a unit does not start it.
        let units = root.make("etc/systemd/system");
        let text = unit(Path::new("/usr/bin/env")).text;
        fs::write(units.join(BOOT_UNIT), &text).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::NotEnabled);
        let wants = root.make("etc/systemd/system/sysinit.target.wants");
        symlink("/etc/systemd/system/portreeve-boot.service", wants.join(BOOT_UNIT)).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::Enabled);
        for (other, at_boot) in [
            (unit(Path::new("/usr/bin/no-such-program")).text, AtBoot::NoProgram),
            (unit(Path::new("/tmp")).text, AtBoot::NoProgram),
            (unit(Path::new("/etc/passwd")).text, AtBoot::NoProgram),
            (text.replace("apply --boot", "gate status"), AtBoot::Edited),
            (text.replace("ProtectHome=yes\n", ""), AtBoot::Edited),
        ] {
            fs::write(units.join(BOOT_UNIT), &other).unwrap();
            assert_eq!(at_boot_of(&root.0), at_boot, "{other}");
        }
        fs::write(units.join(BOOT_UNIT), &text).unwrap();
        for (folder, at_boot) in [
            ("etc/systemd/system/service.d", AtBoot::Enabled),
            ("etc/systemd/system/portreeve-boot.service.d", AtBoot::DropIn),
            ("run/systemd/system/portreeve-boot.service.d", AtBoot::DropIn),
            ("usr/lib/systemd/system/portreeve-boot.service.d", AtBoot::DropIn),
            ("etc/systemd/system/portreeve-.service.d", AtBoot::DropIn),
            ("etc/systemd/system.control/portreeve-boot.service.d", AtBoot::DropIn),
            ("run/systemd/transient/portreeve-boot.service.d", AtBoot::DropIn),
        ] {
            let folder = root.make(folder);
            assert_eq!(at_boot_of(&root.0), AtBoot::Enabled, "nothing is in it");
            fs::write(folder.join("x.conf"), "[Service]\nExecStart=\nExecStart=/bin/true\n").unwrap();
            assert_eq!(at_boot_of(&root.0), at_boot, "{}", folder.display());
            fs::remove_dir_all(&folder).unwrap();
        }
        for other in ["", "[Service]\nExecStart=/usr/bin/env apply --boot=early\n"] {
            fs::write(units.join(EARLY_UNIT), other).unwrap();
            assert_eq!(at_boot_of(&root.0), AtBoot::Late, "{other}");
        }
        fs::remove_file(units.join(EARLY_UNIT)).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::Late);
        fs::remove_file(units.join(BOOT_UNIT)).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::NotEnabled, "the unit is gone");
        symlink("/dev/null", units.join(BOOT_UNIT)).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::Masked);
    }

    /// Until then the unit cannot be started, and whoever enables it is told.
    #[test]
    fn a_mask_that_no_boot_outlasts_is_in_the_way_of_this_one_alone() {
        let root = Root::new("masked");
        let [lasting, runtime] =
            ["etc/systemd/system", "run/systemd/system"].map(|units| root.make(units).join(BOOT_UNIT));
        assert_eq!(masked_by(&root.0, BOOT_UNIT), None);
        symlink("/dev/null", &runtime).unwrap();
        assert_eq!((at_boot_of(&root.0), masked_by(&root.0, BOOT_UNIT)), (AtBoot::NotEnabled, Some(runtime)));
        symlink("/dev/null", &lasting).unwrap();
        assert_eq!((at_boot_of(&root.0), masked_by(&root.0, BOOT_UNIT)), (AtBoot::Masked, Some(lasting)));
    }

    /// nftables.service, which wants it too, is disabled as long as nobody enables it.
    #[test]
    fn what_no_boot_reaches_or_outlasts_enables_nothing() {
        let root = Root::new("unreached").with_early();
        let units = root.make("etc/systemd/system");
        fs::write(units.join(BOOT_UNIT), unit(Path::new("/usr/bin/env")).text).unwrap();
        for (folder, at_boot) in [
            ("etc/systemd/system/nftables.service.wants", AtBoot::NotEnabled),
            ("run/systemd/system/sysinit.target.wants", AtBoot::NotEnabled),
            ("usr/lib/systemd/system/sysinit.target.wants", AtBoot::Enabled),
        ] {
            let link = root.make(folder).join(BOOT_UNIT);
            symlink("/etc/systemd/system/portreeve-boot.service", &link).unwrap();
            assert_eq!(at_boot_of(&root.0), at_boot, "{folder}");
            fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn without_systemd_nobody_knows() {
        let root = Root::new("none");
        fs::remove_dir_all(root.0.join("run")).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::Unknown);
    }
}
