//! Gives bytes to the reader of IANA's table, then to the readers of what it made: a file from anywhere is imported.

use portreeve_core::registry::{Registry, iana};

/// What is imported can be written, read back and asked; torn tables are refused.
pub(crate) fn feed(bytes: &[u8]) {
    let torn = bytes.split_at(bytes.len() / 2);
    if let Ok(registry) = Registry::from_bytes(torn.0, torn.1) {
        assert!(registry.assignments().count() <= bytes.len());
    }
    let Ok(table) = iana::read(bytes) else { return };
    let Ok(binary) = table.build() else { return };
    let registry =
        Registry::from_bytes(&binary.numbers, &binary.descriptions).expect("what we write, we read");
    for (range, protocol, names, _) in table.entries() {
        let found = registry.names(range.first, protocol).next().expect("what was named has a name");
        assert!(!found.is_empty() && !names.is_empty());
    }
}
