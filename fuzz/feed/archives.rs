//! Gives bytes to the readers of what apt keeps of archives, and of what a person prefers: a mirror's or a container's.

use portreeve_core::{
    packages::{
        Installed,
        apt_settings::AptSettings,
        candidate::{Archive, offer},
        control,
        list::listed,
        pins::Pins,
        release::{ListFile, Release, list_file, names_packages, place},
    },
    version::{Scheme, compare},
};

/// Whatever would be installed is offered or installed, and a security update is newer than what is.
pub(crate) fn feed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let release = Release::read(bytes);
    assert!(release.is_named() || !release.is_security());
    assert!(names_packages(bytes, |_| true) || !names_packages(bytes, |_| false));
    for name in text.lines() {
        if let Some(ListFile::Packages(stem, _) | ListFile::Release(stem)) = list_file(name) {
            let _ = place(stem);
        }
    }
    let mut pins = Pins::default();
    pins.read(bytes);
    let mut settings = AptSettings::default();
    settings.read(bytes);
    if let Some(release) = settings.default_release {
        pins.prefer(&release);
    }
    let archive = Archive { release, ..Archive::default() };
    let mut found = Vec::new();
    control::every(bytes, |stanza| found.extend(listed(stanza, |_| found.len() < 64)));
    let offered: Vec<_> = found.iter().map(|listed| (&archive, listed)).collect();
    let installed = Installed { name: "a".into(), version: "1".into(), ..Installed::default() };
    let offer = offer(&installed, &offered, &pins);
    let is_offered = |version: &String| found.iter().any(|listed| listed.version == *version);
    assert!(offer.candidate.iter().all(|version| *version == installed.version || is_offered(version)));
    assert!(offer.newest.iter().chain(&offer.security).all(is_offered));
    let is_newer = |version: &String| compare(Scheme::Debian, version, &installed.version).is_gt();
    assert!(offer.security.iter().all(is_newer));
}
