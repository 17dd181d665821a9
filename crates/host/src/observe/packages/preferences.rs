//! Reads what a person told apt to prefer (apt_preferences(5), apt.conf(5), A18).

use portreeve_core::packages::pins::{Pins, Understanding, default_release};

use super::tree::{Tree, Unread, join};

const PREFERENCES: &str = "/etc/apt/preferences";
const PREFERENCES_PARTS: &str = "/etc/apt/preferences.d";
const SETTINGS: &str = "/etc/apt/apt.conf";
const SETTINGS_PARTS: &str = "/etc/apt/apt.conf.d";
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What decides which of it would be installed, and below which directories all else that does.
pub(super) const SOURCES: [&str; 2] = [PREFERENCES, SETTINGS];
pub(super) const FOLDERS: [&str; 2] = [PREFERENCES_PARTS, SETTINGS_PARTS];

/// What a person told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) pins: Pins,
    /// The files that say something of every package that is not understood, or that apt itself refuses.
    pub(super) strange: Vec<String>,
}

/// All that was told in a root.
pub(super) fn read(tree: Tree<'_>) -> Result<Told, Unread> {
    let mut told = Told::default();
    // The first word counts, and the file is read before the parts' directory (apt's `pkgCacheFile::BuildPolicy`).
    for path in std::iter::once(PREFERENCES.to_owned()).chain(parts(tree, PREFERENCES_PARTS, "pref")?) {
        let bytes = content(tree, &path)?;
        told.read(path, &bytes);
    }
    let mut release = None;
    // The last word counts, and the file is read after the parts' directory (apt.conf(5)).
    for path in parts(tree, SETTINGS_PARTS, "conf")?.into_iter().chain([SETTINGS.to_owned()]) {
        match default_release(&content(tree, &path)?) {
            Ok(named) => release = named.map(|named| (named, path)).or(release),
            Err(understanding) => told.note(path, understanding),
        }
    }
    if let Some((release, path)) = release.filter(|_| told.strange.is_empty()) {
        let understanding = told.pins.prefer(&release);
        told.note(path, understanding);
    }
    Ok(told)
}

impl Told {
    /// What is known where a file could not be read.
    pub(super) fn unread() -> Self {
        Self { pins: Pins::unread(), strange: Vec::new() }
    }

    fn read(&mut self, path: String, bytes: &[u8]) {
        let understanding = self.pins.read(bytes);
        self.note(path, understanding);
    }

    fn note(&mut self, path: String, understanding: Understanding) {
        if understanding == Understanding::Partial {
            self.pins.understanding = understanding;
            self.strange.push(path);
        }
    }
}

/// What a file says; a directory, a pipe or a device in its place says nothing to apt either (`RealFileExists`).
fn content(tree: Tree<'_>, path: &str) -> Result<Vec<u8>, Unread> {
    match tree.read(path, FILE_BYTES_MAX) {
        Err(Unread::NoFile(_)) => Ok(Vec::new()),
        read => Ok(read?.unwrap_or_default()),
    }
}

/// The files of a directory that apt reads: with this ending or none, and a plain name. What is no directory has none.
fn parts(tree: Tree<'_>, folder: &str, ending: &str) -> Result<Vec<String>, Unread> {
    let names = match tree.folder(folder) {
        Err(Unread::NoFile(_)) => Vec::new(),
        found => found?.map(|folder| folder.names()).transpose()?.unwrap_or_default(),
    };
    Ok(names.iter().filter(|name| is_read(name, ending)).map(|name| join(folder, name)).collect())
}

fn is_read(name: &str, ending: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let has_ending = name.rsplit_once('.').is_none_or(|(_, told)| told == ending);
    has_ending && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use super::*;
    use crate::observe::{packages::of_root, processes::view::View};

    /// A root with these files, gone when dropped.
    struct Root(PathBuf);

    impl Root {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let folder = format!("portreeve-preferences-{}-{name}", std::process::id());
            let root = Self(std::env::temp_dir().join(folder));
            for (path, text) in files {
                let file = root.0.join(path.trim_start_matches('/'));
                fs::create_dir_all(file.parent().expect("it is below the root")).unwrap();
                fs::write(file, text).unwrap();
            }
            root
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("the test made it");
        }
    }

    #[test]
    fn what_is_not_understood_of_every_package_is_told_with_its_file() {
        let none = "/etc/apt/preferences.d/none";
        let unclosed = "/etc/apt/apt.conf.d/90unclosed";
        let files = [
            (PREFERENCES, "Package: curl\nPin: release n=/b/\nPin-Priority: 9\n"),
            (none, "Package: *\nPin: release n=x\nPin-Priority: 0\n"),
            (unclosed, "APT::Default-Release \"stable;\n"),
        ];
        let root = Root::with("strange", &files);
        let told = read(Tree(&View::below(&root.0).unwrap())).unwrap();
        assert_eq!(told.strange, [none, unclosed]);
        assert_eq!(told.pins.understanding, Understanding::Partial);
    }

    #[test]
    fn where_no_package_is_asked_for_nobody_misses_them() {
        let files = [
            ("/var/lib/dpkg/status", "Package: a\nStatus: install ok installed\nVersion: 1\n"),
            ("/var/lib/dpkg/info/a.list", "/.\n"),
            (PREFERENCES, "Package: /x/\nPin: version *\nPin-Priority: 9\n"),
        ];
        let root = Root::with("unasked", &files);
        let (_, gaps) = of_root(&root.0, b"7f00-7f10 r-xp 00000000 fe:00 99 /srv/own\n").unwrap();
        assert_eq!(gaps, []);
    }

    /// As apt 2.6 does, which warns at most (`apt-cache policy`).
    #[test]
    fn what_is_no_file_says_nothing() {
        let root = Root::with("no-file", &[("/etc/apt/preferences/below", ""), (SETTINGS_PARTS, "")]);
        let place = |path: &str| root.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(place(PREFERENCES_PARTS).join("old")).unwrap();
        let pipes = [place(PREFERENCES_PARTS).join("50lab"), place(SETTINGS)];
        for pipe in &pipes {
            let file = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(rustix::fs::CWD, pipe, file, rustix::fs::Mode::RUSR, 0).unwrap();
        }
        let told = read(Tree(&View::below(&root.0).unwrap())).unwrap();
        assert_eq!((told.strange.len(), told.pins.understanding), (0, Understanding::Whole));
    }

    #[test]
    fn apt_reads_plain_names_with_its_ending_or_none() {
        let is = |name| is_read(name, "pref");
        assert!(is("50security") && is("my-pin.pref") && is("a_b"));
        assert!(!is("x.bak") && !is("x.pref~") && !is("a b") && !is("x.dpkg-old"));
    }
}
