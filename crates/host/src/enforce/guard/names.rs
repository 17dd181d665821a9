//! What cgroups are called that own something, and which ones are called so now: as `made` of bpf/guard.bpf.c does it for those
//! that are yet to come.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::{DirEntryExt as _, MetadataExt as _},
    path::Path,
};

use portreeve_core::guard::{Badge, Rules};

/// The number of an owner; 0 is none.
pub(super) type Slot = u32;

/// Who has a name: the owner that is called so, and the one whose socket is (`struct owners`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owners {
    pub(super) own: Slot,
    pub(super) service: Slot,
}

impl Owners {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (own, service) = bytes.split_first_chunk()?;
        Some(Self { own: Slot::from_ne_bytes(*own), service: Slot::from_ne_bytes(*service.first_chunk()?) })
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        [self.own, self.service].into_iter().flat_map(Slot::to_ne_bytes).collect()
    }
}

/// Who is called `name` as [`called`] has it.
pub(super) fn badge_of(name: &[u8]) -> Option<Badge> {
    let end = name.iter().position(|&byte| byte == 0)?;
    let (kind, text) = name.get(..end)?.split_first()?;
    let text = std::str::from_utf8(text).ok()?;
    match kind {
        b'u' => Some(Badge::Unit(text.into())),
        b'i' => text.split_once('@').map(|(stem, suffix)| Badge::Unit(format!("{stem}@*{suffix}"))),
        b'p' => Some(Badge::Cgroup(text.into())),
        b'm' => Some(Badge::Mark(text.into())),
        _ => None,
    }
}

/// How many owners a cgroup may be (`SLOTS`): by its path, and two each by its unit and as any instance of it.
pub(super) const SLOTS: usize = 5;
/// `NAME_BYTES`, with the letter before it and the end behind it.
pub(super) const NAME_BYTES: usize = 256;
/// `LEVELS_MAX`: what lies deeper is not asked for.
const LEVELS_MAX: usize = 10;
/// More than any host has; what is beyond is not known before it is made again.
const CGROUPS_MAX: usize = 131_072;

/// The name that stands for `badge`: of a mark no cgroup is called so, but it is known by that.
pub(super) fn called(badge: &Badge) -> Option<Vec<u8>> {
    match badge {
        Badge::Unit(unit) => Some(name_of_unit(unit)),
        Badge::Cgroup(path) => Some(name('p', path)),
        Badge::Mark(mark) => Some(name('m', mark)),
        Badge::User(_) => None,
    }
}

/// That of the socket which is opened for `badge` before it runs (systemd.socket(5)).
pub(super) fn socket_of(badge: &Badge) -> Option<Vec<u8>> {
    let Badge::Unit(unit) = badge else { return None };
    Some(name_of_unit(&format!("{}.socket", unit.strip_suffix(".service")?)))
}

/// Gives each owner of `rules` that has none a number among `names`; the names of which that is new. A number is never another
/// owner's: cgroups that were one have it still.
pub(super) fn numbered(names: &mut BTreeMap<Vec<u8>, Owners>, rules: &Rules) -> Vec<Vec<u8>> {
    let mut last = names.values().map(|owners| owners.own.max(owners.service)).max().unwrap_or(0);
    let mut changed = Vec::new();
    for badge in rules.entries.values().flatten().map(|entry| &entry.owner) {
        let Some(name) = called(badge) else { continue };
        let own = &mut names.entry(name.clone()).or_default().own;
        if *own != 0 {
            continue;
        }
        last += 1;
        *own = last;
        changed.push(name);
        if let Some(socket) = socket_of(badge) {
            names.entry(socket.clone()).or_default().service = last;
            changed.push(socket);
        }
    }
    changed
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

/// That the cgroup with this id is the owner with this number (`struct member`).
pub(super) fn member(id: u64, slot: Slot) -> Vec<u8> {
    [&id.to_ne_bytes()[..], &slot.to_ne_bytes(), &[0; 4]].concat()
}

/// The cgroups below `home` that have a name of `names`, by id, each with the owners that it is.
pub(super) fn standing(home: &Path, names: &BTreeMap<Vec<u8>, Owners>) -> Vec<(u64, [Slot; SLOTS])> {
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
            let owners = |name: Option<Vec<u8>>| name.and_then(|name| names.get(&name).copied());
            let [by_path, unit, any] = names_at(&path).map(|name| owners(name).unwrap_or_default());
            let own = [by_path.own, unit.own, unit.service, any.own, any.service];
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

/// The paths of the cgroups below `home` that have these ids, as far as they are there yet.
pub(super) fn paths(home: &Path, ids: &BTreeSet<u64>) -> BTreeMap<u64, String> {
    let mut found = BTreeMap::new();
    let mut left = vec![(home.to_path_buf(), String::new())];
    let mut seen = 0;
    while let Some((folder, path)) = left.pop() {
        if seen > CGROUPS_MAX || found.len() == ids.len() {
            break;
        }
        seen += 1;
        if let Some(id) = fs::metadata(&folder).ok().map(|folder| folder.ino()).filter(|id| ids.contains(id))
        {
            found.insert(id, if path.is_empty() { "/".into() } else { path.clone() });
        }
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                left.push((entry.path(), format!("{path}/{}", entry.file_name().to_string_lossy())));
            }
        }
    }
    found
}

/// What a cgroup is called: by its path, by its unit, and by its unit without an instance.
fn names_at(path: &str) -> [Option<Vec<u8>>; 3] {
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
    use portreeve_core::{
        guard::{Entry, Mode},
        port::Protocol,
    };

    use super::*;

    fn told(names: impl IntoIterator<Item = Vec<u8>>) -> Vec<String> {
        let text = |name: Vec<u8>| String::from_utf8(name).expect("text").trim_end_matches('\0').to_owned();
        names.into_iter().map(text).collect()
    }

    #[test]
    fn a_unit_is_called_by_its_service_and_its_socket() {
        let of = |badge| told([called(&badge), socket_of(&badge)].into_iter().flatten());
        assert_eq!(of(Badge::Unit("web.service".into())), ["uweb.service", "uweb.socket"]);
        assert_eq!(of(Badge::Unit("a@*.service".into())), ["ia@.service", "ia@.socket"]);
        assert_eq!(of(Badge::Unit("session-4.scope".into())), ["usession-4.scope"]);
        assert_eq!(of(Badge::Cgroup("/a/b".into())), ["p/a/b"]);
        assert_eq!(of(Badge::User(3)), [""; 0]);
    }

    #[test]
    fn a_name_tells_whose_it_is() {
        for badge in [
            Badge::Unit("web.service".into()),
            Badge::Unit("a@*.service".into()),
            Badge::Unit("a@b.socket".into()),
            Badge::Cgroup("/a/b".into()),
        ] {
            let name = called(&badge).expect("a name");
            assert_eq!(badge_of(&name), Some(badge));
        }
        assert_eq!((badge_of(b"x/a\0"), badge_of(b"u"), badge_of(b"")), (None, None, None));
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
    fn a_service_has_its_socket_and_nobody_else_the_service() {
        let entry = |unit: &str| Entry {
            owner: Badge::Unit(unit.into()),
            address: None,
            mode: Mode::Enforce,
            service: 0,
        };
        let rules = |units: &[&str]| Rules {
            entries: [((Protocol::Tcp, 80), units.iter().map(|unit| entry(unit)).collect())].into(),
        };
        let mut names = BTreeMap::new();
        assert_eq!(
            told(numbered(&mut names, &rules(&["a.socket", "a.service"]))),
            ["ua.socket", "ua.service", "ua.socket"]
        );
        assert_eq!(numbered(&mut names, &rules(&["a.service"])), [""; 0].map(Vec::from), "they have theirs");
        let of = |names: &BTreeMap<Vec<u8>, Owners>, unit: &str| {
            let owners = names[&name('u', unit)];
            (owners.own, owners.service)
        };
        assert_eq!((of(&names, "a.socket"), of(&names, "a.service")), ((1, 2), (2, 0)));
        numbered(&mut names, &rules(&["b.service"]));
        assert_eq!((of(&names, "b.service"), of(&names, "b.socket")), ((3, 0), (0, 3)));
    }

    #[test]
    fn every_name_is_as_long() {
        let long = "x".repeat(300);
        assert_eq!(name('p', &long).len(), NAME_BYTES);
        assert_eq!(name('p', &long).last(), Some(&0));
    }
}
