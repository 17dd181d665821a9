//! A line of the journal as `journalctl -o json` prints it (<https://systemd.io/JOURNAL_EXPORT_FORMATS/>).

use std::borrow::Cow;

use jiff::Timestamp;
use portreeve_core::logs::journal::Entry;
use serde::{Deserialize, de::IgnoredAny};

/// What is read of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'t> {
    pub(super) cursor: Cow<'t, str>,
    pub(super) at: Timestamp,
    unit: Option<String>,
    uid: Option<u32>,
    pid: Option<u32>,
    identifier: Option<String>,
    /// `None` where it was too long to be printed.
    message: Option<String>,
}

impl Line<'_> {
    /// What stands in it, and who wrote it.
    #[must_use]
    pub fn entry(&self) -> Entry<'_> {
        Entry {
            unit: self.unit.as_deref(),
            uid: self.uid,
            pid: self.pid,
            identifier: self.identifier.as_deref(),
            message: self.message.as_deref(),
        }
    }
}

#[derive(Deserialize)]
struct Written<'t> {
    #[serde(rename = "__CURSOR", borrow)]
    cursor: Cow<'t, str>,
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    at: String,
    #[serde(rename = "_SYSTEMD_UNIT", default)]
    unit: Field,
    #[serde(rename = "_UID", default)]
    uid: Field,
    #[serde(rename = "_PID", default)]
    pid: Field,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Field,
    #[serde(rename = "MESSAGE", default)]
    message: Field,
}

/// What stands in a field.
#[derive(Deserialize, Default)]
#[serde(untagged)]
enum Field {
    Text(String),
    /// What is no text, or not printable.
    Bytes(Vec<u8>),
    /// What was written twice, or is too long.
    Other(IgnoredAny),
    #[default]
    None,
}

impl Field {
    fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Bytes(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Self::Other(_) | Self::None => None,
        }
    }

    fn number(self) -> Option<u32> {
        self.text()?.parse().ok()
    }
}

/// Reads one; `None` of what is none.
#[must_use]
pub fn read(text: &[u8]) -> Option<Line<'_>> {
    let written: Written<'_> = serde_json::from_slice(text).ok()?;
    Some(Line {
        at: Timestamp::from_microsecond(written.at.parse().ok()?).ok()?,
        cursor: written.cursor,
        unit: written.unit.text(),
        uid: written.uid.number(),
        pid: written.pid.number(),
        identifier: written.identifier.text(),
        message: written.message.text(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(more: &str) -> Option<Line<'static>> {
        let text =
            format!(r#"{{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1764412902000000","_UID":"0"{more}}}"#);
        read(Box::leak(text.into_boxed_str()).as_bytes())
    }

    #[test]
    fn a_line_is_read_as_it_is_printed() {
        let read = line(
            r#","_PID":"7","_SYSTEMD_UNIT":"ssh.service","SYSLOG_IDENTIFIER":"sshd","MESSAGE":"a \"b\" é""#,
        );
        let read = read.unwrap();
        assert_eq!((read.cursor.as_ref(), read.uid, read.pid), ("s=1;i=2", Some(0), Some(7)));
        assert_eq!(read.at.to_string(), "2025-11-29T10:41:42Z");
        assert_eq!(read.message.as_deref(), Some("a \"b\" é"));
        assert_eq!((read.unit.as_deref(), read.identifier.as_deref()), (Some("ssh.service"), Some("sshd")));
    }

    #[test]
    fn odd_fields_are_bytes_or_nothing() {
        let message = |value: &str| line(&format!(r#","MESSAGE":{value}"#)).unwrap().message;
        assert_eq!(message("[97,0,255,10,98]").as_deref(), Some("a\0\u{fffd}\nb"));
        for odd in ["null", r#"["a","b"]"#, "[[97],[98]]", "[256]", "{}", "7"] {
            assert_eq!(message(odd), None, "{odd}");
        }
        assert_eq!(line(r#","_SYSTEMD_UNIT":["ssh.service","x"]"#).unwrap().unit, None);
        assert_eq!(line(r#","_PID":"-1""#).unwrap().pid, None);
        for none in ["", "{}", "null", r#"{"__CURSOR":"a","__REALTIME_TIMESTAMP":"x"}"#, "[]"] {
            assert_eq!(read(none.as_bytes()), None, "{none}");
        }
    }
}
