//! Whether the next boot puts the confirmed gate in force (A15, A20).

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use portreeve_core::{facts::AtBoot, gate::BOOT_UNIT};

use super::unit;
use crate::{observe::origins::unit_file::folders, own::stranger, systemd};

/// Where units are enabled, by links in folders of what wants them (systemd.unit(5), "UNIT FILE LOAD PATH").
const UNITS: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];
/// There where systemd is the first process (sd_booted(3)).
const BOOTED: &str = "/run/systemd/system";
/// The folder of drop-ins of every service.
const OF_ALL: &str = "service.d";
/// Entries of such a folder that are looked at.
const ENTRIES_MAX: usize = 10_000;

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
    let any = |is: fn(&Path) -> bool| UNITS.iter().any(|folder| is(&below(folder)));
    let file = UNITS.iter().map(|folder| below(folder).join(BOOT_UNIT)).find(|file| is_file(file));
    match file.filter(|_| !is_masked(&below(UNITS[0])) && any(is_wanted)) {
        None => AtBoot::NotEnabled,
        Some(file) if is_fit(&file) && changed_by(root).is_none() => AtBoot::Enabled,
        Some(_) => AtBoot::Unfit,
    }
}

/// Whether the unit is as it is written for a program that stands where it should, and that root alone can change.
fn is_fit(file: &Path) -> bool {
    let Ok(text) = systemd::read(file) else { return false };
    let start = text.lines().find_map(|line| line.strip_prefix("ExecStart=")?.strip_suffix(" apply --boot"));
    start.map(Path::new).is_some_and(|program| text == unit(program).text && stranger(program).is_none())
}

/// The folder of a drop-in of the unit, which may start another program in its place (systemd.unit(5), "foo.service.d/" and
/// "foo-.service.d/").
///
/// One of all services, as of `service.d`, is the host's own and none against the gate.
pub(super) fn changed_by(root: &Path) -> Option<PathBuf> {
    let own = folders(BOOT_UNIT).into_iter().filter(|folder| folder != OF_ALL);
    let has_any = |folder: &PathBuf| {
        let entries = fs::read_dir(below(root, folder)).into_iter().flatten().take(ENTRIES_MAX).flatten();
        entries.map(|entry| entry.path()).any(|path| path.extension().is_some_and(|ending| ending == "conf"))
    };
    own.flat_map(|folder| UNITS.map(|units| Path::new(units).join(&folder))).find(has_any)
}

fn below(root: &Path, path: impl AsRef<Path>) -> PathBuf {
    let path = path.as_ref();
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Whether a folder has the unit as an empty file or as /dev/null: nothing starts it then.
fn is_masked(units: &Path) -> bool {
    let path = units.join(BOOT_UNIT);
    let leads_nowhere = fs::read_link(&path).is_ok_and(|target| target == Path::new("/dev/null"));
    leads_nowhere || fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == 0)
}

/// Whether the unit is there: a link to one that is gone starts nothing.
fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file())
}

/// Whether a link to the unit stands in a folder of what another unit wants or requires, as `systemctl enable` makes it.
fn is_wanted(units: &Path) -> bool {
    let entries = fs::read_dir(units).into_iter().flatten().take(ENTRIES_MAX).flatten();
    let wants = |path: &PathBuf| {
        path.extension().is_some_and(|ending| ending == "wants" || ending == "requires")
            && fs::symlink_metadata(path.join(BOOT_UNIT)).is_ok()
    };
    entries.map(|entry| entry.path()).any(|path| wants(&path))
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

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_unit_is_enabled_by_a_link_of_what_wants_it() {
        let root = Root::new("enabled");
        assert_eq!(at_boot_of(&root.0), AtBoot::NotEnabled);
        // That there is a unit does not start it.
        let units = root.make("etc/systemd/system");
        let text = unit(Path::new("/usr/bin/env")).text;
        fs::write(units.join(BOOT_UNIT), &text).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::NotEnabled);
        let wants = root.make("etc/systemd/system/sysinit.target.wants");
        symlink("/etc/systemd/system/portreeve-boot.service", wants.join(BOOT_UNIT)).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::Enabled);
        for other in [
            unit(Path::new("/usr/bin/no-such-program")).text,
            unit(Path::new("/tmp")).text,
            text.replace("apply --boot", "gate status"),
            text.replace("ProtectHome=yes\n", ""),
        ] {
            fs::write(units.join(BOOT_UNIT), &other).unwrap();
            assert_eq!(at_boot_of(&root.0), AtBoot::Unfit, "{other}");
        }
        fs::write(units.join(BOOT_UNIT), &text).unwrap();
        for (folder, at_boot) in [
            ("etc/systemd/system/service.d", AtBoot::Enabled),
            ("etc/systemd/system/portreeve-boot.service.d", AtBoot::Unfit),
            ("run/systemd/system/portreeve-boot.service.d", AtBoot::Unfit),
            ("usr/lib/systemd/system/portreeve-boot.service.d", AtBoot::Unfit),
            ("etc/systemd/system/portreeve-.service.d", AtBoot::Unfit),
        ] {
            let folder = root.make(folder);
            assert_eq!(at_boot_of(&root.0), AtBoot::Enabled, "nothing is in it");
            fs::write(folder.join("x.conf"), "[Service]\nExecStart=\nExecStart=/bin/true\n").unwrap();
            assert_eq!(at_boot_of(&root.0), at_boot, "{}", folder.display());
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::remove_file(units.join(BOOT_UNIT)).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::NotEnabled, "the unit is gone");
        symlink("/dev/null", units.join(BOOT_UNIT)).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::NotEnabled, "it is masked");
    }

    #[test]
    fn without_systemd_nobody_knows() {
        let root = Root::new("none");
        fs::remove_dir_all(root.0.join("run")).unwrap();
        assert_eq!(at_boot_of(&root.0), AtBoot::Unknown);
    }
}
