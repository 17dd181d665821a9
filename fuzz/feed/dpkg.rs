//! Gives bytes to the readers of what dpkg keeps: a container's may say anything.

use portreeve_core::packages::{
    Installed, Paths, changelog,
    control::{self, Stanza},
    dpkg::{Diversions, Search, installed, is_journal, is_named, listed, named, summed},
};

const WANTED: [&str; 4] = ["/bin/sh", "/usr/bin/dash", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/x"];

/// Only what was wanted is found, nothing is longer than what was there, and a document in pieces says what the whole says.
pub(crate) fn feed(bytes: &[u8]) {
    let mut whole = Vec::new();
    control::every(bytes, |stanza| {
        let package = installed(stanza);
        let is_its = |package: &Installed| named(stanza).is_some_and(|(name, _)| name == package.name);
        assert!(package.as_ref().is_none_or(is_its));
        whole.extend(package);
    });
    // A byte that is no UTF-8 takes three as U+FFFD.
    let length = |package: &Installed| package.name.len() + package.version.len();
    assert!(whole.iter().map(length).sum::<usize>() <= 3 * bytes.len());
    assert_eq!(whole, in_pieces(bytes));
    let text = String::from_utf8_lossy(bytes);
    for name in text.lines().filter_map(listed) {
        let _ = whole.iter().any(|package| is_named(package, &name));
    }
    assert!(text.lines().filter(|name| is_journal(name)).all(|name| name.parse::<u64>().is_ok()));
    let wanted: Paths = WANTED.map(str::to_owned).into();
    let search = Search::new(&wanted, Diversions::read(&text));
    let sums = summed(bytes);
    assert!(sums.len() <= bytes.len() + 1);
    for list in [bytes, &sums] {
        assert!(search.find("dash", list).keys().all(|path| wanted.contains(path)));
    }
    let _ = changelog::is_from_security(bytes, "1");
}

/// The packages of a document of which a few bytes more are there each time.
fn in_pieces(bytes: &[u8]) -> Vec<Installed> {
    let mut found = Vec::new();
    let mut each = |stanza: Stanza<'_>| found.extend(installed(stanza));
    let mut begin = 0;
    for end in (0..bytes.len()).step_by(1 + bytes.len() / 8) {
        begin += control::stanzas(&bytes[begin..end], &mut each);
    }
    control::every(&bytes[begin..], &mut each);
    found
}
