//! Looks for what is left on this host of the gate that was confirmed, and whether a boot puts it in force (A15, A20).

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use portreeve_core::{
    facts::{AtBoot, Gap, GapKind, LeftGate, Snapshot},
    gate::BOOT_UNIT,
};
use rustix::process::geteuid;

use crate::enforce::receipts;

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
/// Entries of such a folder that are looked at.
const ENTRIES_MAX: usize = 10_000;

/// Adds to a look what is left in `folder`, where receipts are kept: most hosts have no such folder, and only root reads
/// it.
pub fn add(folder: &Path, snapshot: &mut Snapshot) {
    match receipts::boot(folder) {
        Ok(None) => {}
        Ok(Some(boot)) => {
            let (confirmed, at) = (boot.gate.digest(), boot.at);
            snapshot.gate = Some(LeftGate { confirmed, at, at_boot: at_boot(Path::new("/")) });
        }
        Err(_) if !geteuid().is_root() => {}
        Err(error) => {
            let detail = error.path().map(|path| path.display().to_string()).unwrap_or_default();
            snapshot.gaps.push(Gap { what: GapKind::MissingSource, count: 1, detail });
            snapshot.gaps.sort_by(|a, b| (a.what, &a.detail).cmp(&(b.what, &b.detail)));
        }
    }
}

/// Whether the systemd of the host below `root` starts the gate's unit when it boots; of another network namespace than
/// the one that boots nobody knows.
fn at_boot(root: &Path) -> AtBoot {
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    let namespace = |pid: &str| Some(fs::metadata(below(&format!("/proc/{pid}/ns/net"))).ok()?.ino());
    let is_apart = namespace("1").is_some_and(|first| namespace("self") != Some(first));
    if is_apart || !below(BOOTED).is_dir() {
        return AtBoot::Unknown;
    }
    let is_enabled = !is_masked(&below(UNITS[0])) && UNITS.iter().any(|folder| is_wanted(&below(folder)));
    if is_enabled { AtBoot::Enabled } else { AtBoot::NotEnabled }
}

/// Whether a folder has the unit as an empty file or as /dev/null: nothing starts it then.
fn is_masked(units: &Path) -> bool {
    let path = units.join(BOOT_UNIT);
    let leads_nowhere = fs::read_link(&path).is_ok_and(|target| target == Path::new("/dev/null"));
    leads_nowhere || fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() == 0)
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
            let path = std::env::temp_dir().join(format!("portreeve-left-{}-{name}", std::process::id()));
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
        assert_eq!(at_boot(&root.0), AtBoot::NotEnabled);
        // That there is a unit does not start it.
        let units = root.make("etc/systemd/system");
        fs::write(units.join(BOOT_UNIT), "[Unit]\n").unwrap();
        assert_eq!(at_boot(&root.0), AtBoot::NotEnabled);
        let wants = root.make("etc/systemd/system/sysinit.target.wants");
        symlink("/etc/systemd/system/portreeve-boot.service", wants.join(BOOT_UNIT)).unwrap();
        assert_eq!(at_boot(&root.0), AtBoot::Enabled);
        fs::remove_file(units.join(BOOT_UNIT)).unwrap();
        symlink("/dev/null", units.join(BOOT_UNIT)).unwrap();
        assert_eq!(at_boot(&root.0), AtBoot::NotEnabled, "it is masked");
    }

    #[test]
    fn without_systemd_nobody_knows() {
        let root = Root::new("none");
        fs::remove_dir_all(root.0.join("run")).unwrap();
        assert_eq!(at_boot(&root.0), AtBoot::Unknown);
    }
}
