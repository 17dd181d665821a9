//! What cgroups are called that own something, and which ones are called so now: as `made` of bpf/guard.bpf.c does it for those
//! that are yet to come.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{DirEntryExt as _, MetadataExt as _},
    path::Path,
};

use portreeve_core::guard::Badge;

/// The number of a name; 0 is none.
pub(super) type Slot = u32;

/// What a cgroup may be called: its path, its unit, and its unit without an instance (`SLOTS`).
pub(super) const SLOTS: usize = 3;
/// `NAME_BYTES`, with the letter before it and the end behind it.
pub(super) const NAME_BYTES: usize = 256;
/// `LEVELS_MAX`: what lies deeper is not asked for.
const LEVELS_MAX: usize = 10;
/// More than any host has; what is beyond is not known before it is made again.
const CGROUPS_MAX: usize = 131_072;

/// Every name that stands for `badge`: a unit's socket is opened for it, before it runs (systemd.socket(5)).
pub(super) fn called(badge: &Badge) -> Vec<Vec<u8>> {
    match badge {
        Badge::Unit(unit) => {
            let socket = unit.strip_suffix(".service").map(|stem| format!("{stem}.socket"));
            [Some(unit.clone()), socket].into_iter().flatten().map(|unit| name_of_unit(&unit)).collect()
        }
        Badge::Cgroup(path) => vec![name('p', path)],
        Badge::User(_) | Badge::Mark(_) => Vec::new(),
    }
}

fn name_of_unit(unit: &str) -> Vec<u8> {
    match unit.split_once("@*") {
        Some((stem, suffix)) => name('i', &format!("{stem}@{suffix}")),
        None => name('u', unit),
    }
}

/// As long as every other one; what is too long is cut, as the kernel cuts it.
fn name(kind: char, text: &str) -> Vec<u8> {
    let mut name = vec![0; NAME_BYTES];
    let bytes = std::iter::once(kind as u8).chain(text.bytes()).take(NAME_BYTES - 1);
    name.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    name
}

/// The cgroups below `home` that have a name of `slots`, by id, each with the numbers of its names.
pub(super) fn standing(home: &Path, slots: &BTreeMap<Vec<u8>, Slot>) -> Vec<(u64, [Slot; SLOTS])> {
    let (mut found, mut left) = (Vec::new(), vec![(home.to_path_buf(), String::new(), 0)]);
    let mut seen = 0;
    while let Some((folder, path, depth)) = left.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let is_cgroup = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let Some(component) = entry.file_name().to_str().map(str::to_owned).filter(|_| is_cgroup) else {
                continue;
            };
            seen += 1;
            if seen > CGROUPS_MAX || depth >= LEVELS_MAX {
                continue;
            }
            let path = format!("{path}/{component}");
            let own =
                names_at(&path).map(|name| name.and_then(|name| slots.get(&name).copied()).unwrap_or(0));
            if own.iter().any(|slot| *slot != 0) {
                // What the kernel calls a cgroup by is the number of its folder (kernfs).
                let id = fs::metadata(entry.path()).map_or_else(|_| entry.ino(), |folder| folder.ino());
                found.push((id, own));
            }
            left.push((entry.path(), path, depth + 1));
        }
    }
    found
}

/// What a cgroup is called, in the order of `struct slots`.
fn names_at(path: &str) -> [Option<Vec<u8>>; SLOTS] {
    let (above, own) = path.rsplit_once('/').unwrap_or(("", path));
    let is_in_slices = above.split('/').skip(1).all(|above| has_suffix(above, ".slice"));
    let suffix = [".service", ".socket", ".scope"].into_iter().find(|suffix| has_suffix(own, suffix));
    let suffix = suffix.filter(|_| is_in_slices);
    let instance = suffix.and_then(|suffix| {
        let (stem, _) = own.split_once('@')?;
        Some(name('i', &format!("{stem}@{suffix}")))
    });
    [Some(name('p', path)), suffix.map(|_| name('u', own)), instance]
}

fn has_suffix(name: &str, suffix: &str) -> bool {
    name.len() > suffix.len() && name.ends_with(suffix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(names: impl IntoIterator<Item = Vec<u8>>) -> Vec<String> {
        let text = |name: Vec<u8>| String::from_utf8(name).expect("text").trim_end_matches('\0').to_owned();
        names.into_iter().map(text).collect()
    }

    #[test]
    fn a_unit_is_called_by_its_service_and_its_socket() {
        let of = |badge| told(called(&badge));
        assert_eq!(of(Badge::Unit("web.service".into())), ["uweb.service", "uweb.socket"]);
        assert_eq!(of(Badge::Unit("a@*.service".into())), ["ia@.service", "ia@.socket"]);
        assert_eq!(of(Badge::Unit("session-4.scope".into())), ["usession-4.scope"]);
        assert_eq!(of(Badge::Cgroup("/a/b".into())), ["p/a/b"]);
        assert_eq!(of(Badge::User(3)), [""; 0]);
    }

    #[test]
    fn only_what_lies_in_slices_is_a_unit() {
        let at = |path: &str| told(names_at(path).into_iter().flatten());
        assert_eq!(at("/system.slice/web.service"), ["p/system.slice/web.service", "uweb.service"]);
        assert_eq!(at("/init.scope"), ["p/init.scope", "uinit.scope"]);
        assert_eq!(
            at("/system.slice/system-a.slice/a@15-b.service"),
            ["p/system.slice/system-a.slice/a@15-b.service", "ua@15-b.service", "ia@.service"]
        );
        for path in ["/docker/0f/system.slice/web.service", "/a.service/web.service", "/.slice/web.service"] {
            assert_eq!(at(path), [format!("p{path}")], "{path}");
        }
        assert_eq!(at("/.service"), ["p/.service"]);
    }

    #[test]
    fn every_name_is_as_long() {
        let long = "x".repeat(300);
        assert_eq!(name('p', &long).len(), NAME_BYTES);
        assert_eq!(name('p', &long).last(), Some(&0));
    }
}
