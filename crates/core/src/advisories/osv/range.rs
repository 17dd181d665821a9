//! Which versions lie in a range, by its events (OSV schema 1.7, "Evaluation"; A18).

use alloc::{boxed::Box, string::String, vec::Vec};
use core::cmp::Ordering;

use serde::Deserialize;

use crate::version::{Scheme, compare};

/// What happened at a version.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// It is the first one that is affected; `0` is before any.
    Introduced(String),
    /// It is the first one that is not.
    Fixed(String),
    /// It is the last one that is.
    LastAffected(String),
    /// Whatever is not older is not spoken of; `*` is behind any.
    Limit(String),
}

/// The events, in the order of their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    events: Box<[Event]>,
    limits: Box<[String]>,
}

impl Event {
    /// None where it is before any.
    fn version(&self) -> Option<&str> {
        match self {
            Self::Introduced(version) => Some(version.as_str()).filter(|&version| version != "0"),
            Self::Fixed(version) | Self::LastAffected(version) | Self::Limit(version) => Some(version),
        }
    }

    /// How the version of something installed stands to it.
    fn against(&self, scheme: Scheme, version: &str) -> Ordering {
        self.version().map_or(Ordering::Greater, |own| compare(scheme, version, own))
    }
}

impl Range {
    pub(super) fn of(scheme: Scheme, events: Vec<Event>) -> Self {
        let (mut happened, mut limits) = (Vec::new(), Vec::new());
        for event in events {
            match event {
                Event::Limit(version) => limits.push(version),
                event => happened.push(event),
            }
        }
        happened.sort_by(|one, other| match (one.version(), other.version()) {
            (Some(one), Some(other)) => compare(scheme, one, other),
            (one, other) => one.is_some().cmp(&other.is_some()),
        });
        Self { events: happened.into(), limits: limits.into() }
    }

    pub(super) const fn events_count(&self) -> usize {
        self.events.len()
    }

    pub(super) fn holds(&self, scheme: Scheme, version: &str) -> bool {
        let is_below = |limit: &String| limit == "*" || compare(scheme, version, limit).is_lt();
        if !self.limits.is_empty() && !self.limits.iter().any(is_below) {
            return false;
        }
        self.events.iter().fold(false, |is_affected, event| {
            let ordering = event.against(scheme, version);
            match event {
                Event::Introduced(_) if ordering.is_ge() => true,
                Event::Fixed(_) if ordering.is_ge() => false,
                Event::LastAffected(_) if ordering.is_gt() => false,
                _ => is_affected,
            }
        })
    }

    /// The first version that is fixed and newer than this one.
    pub(super) fn fixed_after(&self, scheme: Scheme, version: &str) -> Option<&str> {
        self.events.iter().find_map(|event| match event {
            Event::Fixed(fixed) if compare(scheme, fixed, version).is_gt() => Some(fixed.as_str()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(events: &str, versions: &[&'static str]) -> Vec<&'static str> {
        let range = Range::of(Scheme::Debian, serde_json::from_str(events).unwrap());
        versions.iter().copied().filter(|version| range.holds(Scheme::Debian, version)).collect()
    }

    /// The examples of the schema.
    #[test]
    fn a_version_lies_between_what_affects_and_what_fixes_it() {
        let versions = ["0~", "0.9", "1.0.0", "1.0.1", "1.0.2", "2.0", "3.0.0", "3.2.4", "3.2.5", "4.0"];
        assert_eq!(held(r#"[{"introduced":"0"}]"#, &versions), versions);
        assert_eq!(held(r#"[{"introduced":"0"},{"fixed":"1.0.2"}]"#, &versions), versions[..4]);
        let twice = r#"[{"introduced":"1.0.0"},{"fixed":"1.0.2"},{"introduced":"3.0.0"},{"fixed":"3.2.5"}]"#;
        assert_eq!(held(twice, &versions), ["1.0.0", "1.0.1", "3.0.0", "3.2.4"]);
        let unordered =
            r#"[{"fixed":"3.2.5"},{"fixed":"1.0.2"},{"introduced":"3.0.0"},{"introduced":"1.0.0"}]"#;
        assert_eq!(held(unordered, &versions), ["1.0.0", "1.0.1", "3.0.0", "3.2.4"]);
        let last = r#"[{"introduced":"0.9"},{"last_affected":"1.0.1"}]"#;
        assert_eq!(held(last, &versions), ["0.9", "1.0.0", "1.0.1"]);
        assert_eq!(held(r#"[{"introduced":"0"},{"limit":"1.0.1"}]"#, &versions), versions[..3]);
        assert_eq!(held(r#"[{"introduced":"0"},{"limit":"*"},{"limit":"1"}]"#, &versions), versions);
        assert_eq!(held(r#"[{"fixed":"1.0.2"}]"#, &versions), [""; 0]);
        assert_eq!(held("[]", &versions), [""; 0]);
    }

    #[test]
    fn what_fixes_a_version_is_newer_than_it() {
        let events = r#"[{"introduced":"0"},{"fixed":"3"},{"introduced":"2"},{"fixed":"1"}]"#;
        let range = Range::of(Scheme::Debian, serde_json::from_str(events).unwrap());
        assert_eq!(range.fixed_after(Scheme::Debian, "0.5"), Some("1"));
        assert_eq!(range.fixed_after(Scheme::Debian, "1"), Some("3"));
        assert_eq!(range.fixed_after(Scheme::Debian, "3"), None);
    }

    /// The schema allows one thing an event, and four of them.
    #[test]
    fn an_event_is_one_thing() {
        for broken in [r#"{"introduced":"0","fixed":"1"}"#, r#"{"mended":"1"}"#, r#"{"fixed":1}"#, "{}"] {
            assert!(serde_json::from_str::<Event>(broken).is_err(), "{broken}");
        }
    }
}
