//! Alpine's database of what is installed, `lib/apk/db/installed`: lines of a letter, a colon and a value (apk-tools,
//! src/database.c; <https://wiki.alpinelinux.org/wiki/Apk_spec>; A18).

use alloc::vec::Vec;

use super::{
    Installed, Owners, Paths,
    sought::{Claims, Folder, Found, Sought, text},
};

/// What a database tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The packages of the wanted paths.
    pub owners: Owners,
    /// Whether it tells of any package.
    pub is_empty: bool,
    /// Whether something stands in it that is no part of a package, or a part of one alone.
    pub is_cut: bool,
}

/// The packages of the wanted paths, by the bytes of the file; what is not understood of it is passed over.
#[must_use]
pub fn read(bytes: &[u8], wanted: &Paths) -> Told {
    let sought = Sought::new(wanted);
    let mut claims = Claims::default();
    let mut package = Package::default();
    let mut told = Told { is_empty: true, is_cut: !bytes.ends_with(b"\n"), owners: Owners::default() };
    // The last package ends with the file, if not by an empty line.
    for line in bytes.split(|&byte| byte == b'\n').chain([&b""[..]]) {
        match line {
            [] => core::mem::take(&mut package).end(&mut claims, &mut told),
            [field, b':', value @ ..] => package.read(*field, value, &sought),
            _ => told.is_cut = true,
        }
    }
    Told { owners: claims.owners(), ..told }
}

/// A package as far as its lines were read.
#[derive(Default)]
struct Package<'b, 's> {
    name: &'b [u8],
    version: &'b [u8],
    architecture: &'b [u8],
    origin: &'b [u8],
    /// Into which its next files belong, where anything of it is wanted.
    folder: Option<&'s Folder>,
    found: Found,
    has_lines: bool,
}

impl<'b, 's> Package<'b, 's> {
    fn read(&mut self, field: u8, value: &'b [u8], sought: &'s Sought<'_>) {
        self.has_lines = true;
        match field {
            b'P' => self.name = value,
            b'V' => self.version = value,
            b'A' => self.architecture = value,
            b'o' => self.origin = value,
            b'F' => self.folder = sought.folder(&from_root(value)),
            b'R' => self.file(value, sought),
            // Modes and owners of files (`a:`) and folders (`M:`), checksums, sizes, what it needs.
            _ => {}
        }
    }

    fn file(&mut self, name: &[u8], sought: &Sought<'_>) {
        if let Some(folder) = self.folder {
            sought.find(folder, name, &mut self.found);
        }
    }

    fn end(self, claims: &mut Claims, told: &mut Told) {
        let (Some(name), Some(version)) = (text(self.name), text(self.version)) else {
            told.is_cut |= self.has_lines;
            return;
        };
        told.is_empty = false;
        if self.found.is_empty() {
            return;
        }
        let package = Installed {
            architecture: text(self.architecture),
            // All packages of one origin are built at once, so theirs is its version.
            source: text(self.origin).unwrap_or_else(|| name.clone()),
            source_version: version.clone(),
            name,
            version,
            held: false,
        };
        claims.add(package, self.found);
    }
}

/// The path of a folder, which the database writes without the slash of the root.
fn from_root(folder: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len().saturating_add(1));
    if !folder.is_empty() {
        path.push(b'/');
    }
    path.extend(folder);
    path
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::*;

    /// Two packages as apk-tools writes them, the second of another origin.
    const INSTALLED: &str = "C:Q1abc=\nP:busybox\nV:1.36.1-r29\nA:x86_64\nS:509600\nI:950272\nT:Size optimized toolbox\n\
        U:https://busybox.net/\nL:GPL-2.0-only\no:busybox\nm:S <s@example.org>\nt:1718000000\nc:1747f0\nD:so:libc.musl-x86_64.so.1\n\
        p:cmd:busybox=1.36.1-r29\nF:\nR:x\nF:bin\nR:busybox\na:0:0:755\nZ:Q1pcf=\nF:etc\nF:tmp\nM:0:0:1777\nF:usr\nF:usr/sbin\n\n\
        C:Q1def=\nP:libssl3\nV:3.3.1-r0\nA:x86_64\no:openssl\nF:lib\nR:libssl.so.3\na:0:0:755\nF:usr/lib\nR:libssl.so.3\n";

    fn wanted(paths: &[&str]) -> Paths {
        paths.iter().copied().map(String::from).collect()
    }

    fn owner(installed: &str, path: &str) -> Option<String> {
        Some(read(installed.as_bytes(), &wanted(&[path])).owners.of(path)?.name.clone())
    }

    #[test]
    fn a_file_is_of_the_package_below_whose_folder_it_stands() {
        let owners =
            read(INSTALLED.as_bytes(), &wanted(&["/bin/busybox", "/lib/libssl.so.3", "/etc/passwd"])).owners;
        let busybox = owners.of("/bin/busybox").unwrap();
        assert_eq!((&*busybox.version, busybox.architecture.as_deref()), ("1.36.1-r29", Some("x86_64")));
        let library = owners.of("/lib/libssl.so.3").unwrap();
        assert_eq!(
            (&*library.name, &*library.source, &*library.source_version),
            ("libssl3", "openssl", "3.3.1-r0")
        );
        assert_eq!(owners.of("/etc/passwd"), None);
    }

    #[test]
    fn only_what_is_wanted_is_kept() {
        let owners = read(INSTALLED.as_bytes(), &wanted(&["/bin/busybox"])).owners;
        assert_eq!(owners.of("/lib/libssl.so.3"), None);
        assert_eq!(read(INSTALLED.as_bytes(), &Paths::new()), Told::default(), "all of it was read");
    }

    #[test]
    fn a_folder_of_a_merged_root_is_found_by_either_spelling() {
        assert_eq!(owner(INSTALLED, "/usr/bin/busybox").as_deref(), Some("busybox"));
        assert_eq!(owner(INSTALLED, "/x").as_deref(), Some("busybox"), "in the root itself");
        assert_eq!(owner(INSTALLED, "/usr/x"), None, "the root is no such folder");
    }

    #[test]
    fn of_two_packages_each_has_the_file_that_it_calls_so() {
        let (short, long) = ("P:a\nV:1\nF:lib\nR:x\n\n", "P:b\nV:1\nF:usr/lib\nR:x\n\n");
        for installed in [format!("{short}{long}"), format!("{long}{short}")] {
            assert_eq!(owner(&installed, "/lib/x").as_deref(), Some("a"));
            assert_eq!(owner(&installed, "/usr/lib/x").as_deref(), Some("b"));
        }
    }

    #[test]
    fn a_package_without_name_or_version_owns_nothing() {
        assert_eq!(owner("V:1\nF:bin\nR:x\n\n", "/bin/x"), None);
        assert_eq!(owner("P:a\nV:\nF:bin\nR:x\n\n", "/bin/x"), None);
        let endless = format!("P:{}\nV:1\nF:bin\nR:x\n\n", "a".repeat(1 << 20));
        assert_eq!(owner(&endless, "/bin/x"), None);
    }

    #[test]
    fn what_one_package_said_is_not_said_of_the_next() {
        let installed = "P:a\nV:1\no:other\nA:x86\nF:bin\n\nP:b\nV:2\nR:x\n\nP:c\nV:3\nF:bin\nR:x\n";
        let owners = read(installed.as_bytes(), &wanted(&["/bin/x"])).owners;
        let package = owners.of("/bin/x").unwrap();
        assert_eq!((&*package.name, &*package.source, &package.architecture), ("c", "c", &None));
    }

    #[test]
    fn bytes_that_mean_nothing_are_passed_over() {
        let installed = b"\xff\xfe\nP:a\nV:1\n:\n:x\nR\nF:\xff\nR:x\nF:../../bin\nR:x\nF:bin\nR:../x\nR:y\n";
        let owners = read(installed, &wanted(&["/bin/x", "/bin/y", "/x"])).owners;
        assert_eq!(owners.of("/bin/x"), None);
        assert_eq!(owners.of("/bin/y").unwrap().name, "a");
    }

    #[test]
    fn what_was_lost_of_it_is_told() {
        let state = |installed: &str| {
            let Told { is_empty, is_cut, .. } = read(installed.as_bytes(), &Paths::new());
            (is_empty, is_cut)
        };
        assert_eq!(state(INSTALLED), (false, false));
        assert_eq!(state("\n"), (true, false));
        assert!(state("").0, "nothing is in it");
        for cut in ["P:a\nV:1\nF:bi", "P:a\nV:1\n\nP:b\n", "P:a\nV:1\nF:bin\n\x00junk\n"] {
            assert_eq!(state(cut), (false, true), "{cut:?}");
        }
    }
}
