//! The part of a container's bundle that tells what it is (OCI runtime specification, config.md; A12).

use std::collections::HashMap;

use serde::Deserialize;

/// What portreeve reads of a bundle's `config.json`.
#[derive(Debug, Default, Deserialize)]
pub struct Bundle {
    annotations: Option<HashMap<String, String>>,
    mounts: Option<Vec<Mount>>,
}

#[derive(Debug, Deserialize)]
struct Mount {
    destination: String,
    source: Option<String>,
}

/// Reads a `config.json`; `None` where it is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Option<Bundle> {
    serde_json::from_slice(bytes).ok()
}

impl Bundle {
    /// What the runtime wrote down under this key.
    #[must_use]
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// What of the host is mounted at `destination`.
    #[must_use]
    pub fn source(&self, destination: &str) -> Option<&str> {
        let mount = self.mounts.as_ref()?.iter().find(|mount| mount.destination == destination)?;
        mount.source.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_and_mounts_may_be_absent_or_null() {
        for text in ["{}", r#"{"annotations": null, "mounts": null, "process": {"args": ["sh"]}}"#] {
            let bundle = read(text.as_bytes()).unwrap();
            assert_eq!((bundle.annotation("a"), bundle.source("/etc/hosts")), (None, None));
        }
        let text = r#"{"annotations": {"a": "b"}, "mounts": [{"destination": "/proc", "type": "proc"},
            {"destination": "/etc/hosts", "type": "bind", "source": "/x/hosts"}]}"#;
        let bundle = read(text.as_bytes()).unwrap();
        assert_eq!((bundle.annotation("a"), bundle.source("/etc/hosts")), (Some("b"), Some("/x/hosts")));
        assert_eq!(bundle.source("/proc"), None);
    }

    #[test]
    fn what_is_no_bundle_is_none() {
        for bytes in [b"".as_slice(), b"[]", b"{\"mounts\": 3}", b"\xff", &b"[".repeat(100_000)] {
            assert!(read(bytes).is_none());
        }
    }
}
