//! Gives documents to the readers of advisories: whoever lays them down may have been sent anything.

use portreeve_core::{
    advisories::{Asked, ecosystem, read},
    packages::Installed,
};

const ECOSYSTEMS: [&str; 3] = ["Debian:12", "Alpine:v3.20", "Red Hat:enterprise_linux:9"];

/// Whatever is told is told once and in order, and a document that is read twice says nothing new.
pub(crate) fn feed(bytes: &[u8]) {
    let _ = ecosystem(&String::from_utf8_lossy(bytes));
    let package = Installed {
        name: "mill-tools".into(),
        version: "1:1.2-3".into(),
        source: "mill".into(),
        source_version: "1.2-3".into(),
        ..Installed::default()
    };
    let mut asked = Asked::default();
    for ecosystem in ECOSYSTEMS {
        asked.add(ecosystem, &package);
    }
    let mut advisories = match read(bytes, &asked) {
        Ok(advisories) => advisories,
        Err(unread) => return assert!(!unread.text().en.is_empty() && !unread.text().ja.is_empty()),
    };
    let told = ECOSYSTEMS.map(|ecosystem| advisories.affecting(ecosystem, &package));
    assert!(told.iter().all(|told| told.is_sorted_by(|one, other| one.id < other.id)));
    advisories.add(advisories.clone()).expect("a fuzzer's documents are small");
    assert_eq!(told, ECOSYSTEMS.map(|ecosystem| advisories.affecting(ecosystem, &package)));
}
