//! Reads what a person told apt to prefer (apt_preferences(5), apt.conf(5), A18).

use portreeve_core::packages::{
    apt_settings::AptSettings,
    candidate::Archive,
    pins::{Pins, Understanding, is_of},
};

use super::tree::{Tree, Unread, join};

const PREFERENCES: &str = "/etc/apt/preferences";
const PREFERENCES_PARTS: &str = "/etc/apt/preferences.d";
const SETTINGS: &str = "/etc/apt/apt.conf";
const SETTINGS_PARTS: &str = "/etc/apt/apt.conf.d";
/// The architectures of which dpkg takes packages, the host's own first; it is there where there is another (dpkg(1),
/// `--add-architecture`).
const ARCHITECTURES: &str = "/var/lib/dpkg/arch";
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// What decides which of it would be installed, and below which directories all else that does.
pub(super) const SOURCES: [&str; 3] = [PREFERENCES, SETTINGS, ARCHITECTURES];
pub(super) const FOLDERS: [&str; 2] = [PREFERENCES_PARTS, SETTINGS_PARTS];

/// What a person told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) pins: Pins,
    /// The files that say something of every package that is not understood, or that apt itself refuses.
    pub(super) strange: Vec<String>,
    /// The release that is installed from, and the file that says so.
    release: Option<(String, String)>,
}

/// All that was told in a root.
pub(super) fn read(tree: Tree<'_>) -> Result<Told, Unread> {
    let mut told = Told::default();
    // The first word counts, and the file is read before the parts' directory (apt's `pkgCacheFile::BuildPolicy`).
    for path in std::iter::once(PREFERENCES.to_owned()).chain(parts(tree, PREFERENCES_PARTS, "pref")?) {
        let bytes = content(tree, &path)?;
        told.read(path, &bytes);
    }
    let mut settings = AptSettings::default();
    // The last word counts, and the file is read after the parts' directory (apt.conf(5)).
    for path in parts(tree, SETTINGS_PARTS, "conf")?.into_iter().chain([SETTINGS.to_owned()]) {
        let before = settings.clone();
        let understanding = settings.read(&content(tree, &path)?);
        if settings != before {
            told.release = settings.default_release.clone().map(|release| (release, path.clone()));
        }
        told.note(path, understanding);
    }
    if let Some((release, path)) = told.release.clone().filter(|_| told.strange.is_empty()) {
        let understanding = told.pins.prefer(&release);
        told.note(path, understanding);
    }
    told.pins.native = native(&content(tree, ARCHITECTURES)?);
    Ok(told)
}

/// The host's own architecture, where it takes packages of others too.
fn native(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let own = lines.next()?;
    lines.next().map(|_| own.to_owned())
}

impl Told {
    /// Notes that apt installs nothing at all, where it is to install from a release that none of `archives` is of, which are all.
    pub(super) fn compare<'a>(&mut self, mut archives: impl Iterator<Item = &'a Archive>) {
        let Some((release, path)) = self.release.clone() else { return };
        // What is installed is of a release of its own to apt.
        if release != "now" && !archives.any(|archive| is_of(&release, archive)) {
            self.note(path, Understanding::Partial);
        }
    }

    /// What is known where a file could not be read.
    pub(super) fn unread() -> Self {
        Self { pins: Pins::unread(), ..Self::default() }
    }

    fn read(&mut self, path: String, bytes: &[u8]) {
        let understanding = self.pins.read(bytes);
        self.note(path, understanding);
    }

    fn note(&mut self, path: String, understanding: Understanding) {
        if understanding == Understanding::Partial {
            self.pins.understanding = understanding;
            if !self.strange.contains(&path) {
                self.strange.push(path);
            }
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
