//! What the keys of a ledger are called, and which of them a scope is about.
//!
//! ```text
//! PREFIX/claim/host:4c1d/00…01    a claim, as JSON
//! PREFIX/claim/fleet/00…02        a claim of the whole fleet
//! PREFIX/revision                 how often the fleet's claims were changed, and more (see `View`)
//! PREFIX/revision/host:4c1d       how often those of the host were changed since
//! PREFIX/last/host:4c1d           who changed them last, by a number of his own choice
//! ```

use std::fmt::Write as _;

use portreeve_core::ledger::{ClaimId, Scope};

/// What the ledger of one scope is kept under.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
    /// Of the host whose network namespaces and users are meant.
    machine: String,
    scope: Scope,
}

/// One key, or all keys from one on and below another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// The first.
    pub(super) first: String,
    /// The end, which is none of them.
    pub(super) end: Option<String>,
}

impl Span {
    pub(super) fn one(key: impl Into<String>) -> Self {
        Self { first: key.into(), end: None }
    }

    /// Every key that begins with `folder` and a slash.
    fn below(folder: &str) -> Self {
        // The byte after the slash is the zero (ascii(7)).
        Self { first: format!("{folder}/"), end: Some(format!("{folder}0")) }
    }

    /// Whether `key` is one of it.
    pub(super) fn has(&self, key: &str) -> bool {
        match &self.end {
            None => key == self.first,
            Some(end) => *key >= *self.first && *key < **end,
        }
    }
}

impl Keys {
    pub(super) fn new(prefix: String, machine: String, scope: Scope) -> Self {
        Self { prefix, machine, scope }
    }

    /// Whose claims may be written.
    pub(super) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The fleet's number of changes, which every host sees.
    pub(super) fn common_revision(&self) -> String {
        format!("{}/revision", self.prefix)
    }

    /// The number of changes since then: of the scope, or of every host for the fleet.
    pub(super) fn own_revision(&self) -> Span {
        match self.scope {
            Scope::Fleet => Span::below(&self.common_revision()),
            _ => Span::one(format!("{}/{}", self.common_revision(), self.folder(&self.scope))),
        }
    }

    /// Who changed something last.
    pub(super) fn last(&self) -> String {
        format!("{}/last/{}", self.prefix, self.folder(&self.scope))
    }

    /// All claims that a new one of the scope may meet: those of the scope and the fleet, for the fleet those of everybody.
    pub(super) fn claims(&self) -> Vec<Span> {
        let all = format!("{}/claim", self.prefix);
        let below = |scope| Span::below(&format!("{all}/{}", self.folder(scope)));
        match &self.scope {
            Scope::Fleet => vec![Span::below(&all)],
            scope => vec![below(scope), below(&Scope::Fleet)],
        }
    }

    /// Everything that is a ledger's, of whatever scope.
    pub(super) fn whole(&self) -> Span {
        Span::below(&self.prefix)
    }

    /// Whether a number of changes is kept at `key`.
    pub(super) fn is_revision(&self, key: &str) -> bool {
        let common = self.common_revision();
        key == common || Span::below(&common).has(key)
    }

    /// Whether a claim is kept at `key`.
    pub(super) fn is_claim(&self, key: &str) -> bool {
        Span::below(&format!("{}/claim", self.prefix)).has(key)
    }

    /// Whether it is kept at `key` who changed something last.
    pub(super) fn is_last(&self, key: &str) -> bool {
        Span::below(&format!("{}/last", self.prefix)).has(key)
    }

    /// Of a claim of the scope.
    pub(super) fn claim(&self, id: ClaimId) -> String {
        format!("{}/claim/{}/{id}", self.prefix, self.folder(&self.scope))
    }

    /// Whether a claim of the scope `scope` and the id `id` belongs at `key`; what is in a network namespace or a user's may
    /// be so on any host.
    pub(super) fn fits(&self, key: &str, scope: &Scope, id: ClaimId) -> bool {
        let parts = key.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix("/claim/"));
        let Some((folder, end)) = parts.and_then(|rest| rest.split_once('/')) else { return false };
        let is_folder = match scope {
            Scope::Host(_) | Scope::Fleet => folder == escaped(&scope.to_string()),
            Scope::Netns(_) | Scope::User(_) => {
                folder.rsplit_once('@').is_some_and(|(scoped, _)| scoped == escaped(&scope.to_string()))
            }
        };
        is_folder && end == id.to_string()
    }

    /// Whether `key` is of a claim of the whole fleet.
    pub(super) fn is_of_fleet(&self, key: &str) -> bool {
        Span::below(&format!("{}/claim/{}", self.prefix, Scope::Fleet)).has(key)
    }

    /// What a scope is called in a key: two hosts may each have a network namespace of one name.
    fn folder(&self, scope: &Scope) -> String {
        match scope {
            Scope::Host(_) | Scope::Fleet => escaped(&scope.to_string()),
            Scope::Netns(_) | Scope::User(_) => {
                format!("{}@{}", escaped(&scope.to_string()), escaped(&self.machine))
            }
        }
    }
}

/// Without slashes, and in one way only.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b":.-_".contains(&byte) {
            escaped.push(byte.into());
        } else {
            let _ = write!(escaped, "%{byte:02x}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(scope: &str) -> Keys {
        Keys::new("/p".into(), "4c1d".into(), scope.parse().expect("a scope"))
    }

    #[test]
    fn a_host_reads_its_own_and_the_fleets() {
        let keys = keys("host:4c1d");
        let read = |key: &str| keys.claims().iter().any(|span| span.has(key));
        assert!(read("/p/claim/host:4c1d/1") && read("/p/claim/fleet/1"));
        assert!(!read("/p/claim/host:4c1e/1") && !read("/p/claim/host:4c1d") && !read("/p/claim/fleet0"));
        assert_eq!(keys.claim(ClaimId(1)), format!("/p/claim/host:4c1d/{:032x}", 1));
        assert_eq!(keys.own_revision(), Span::one("/p/revision/host:4c1d"));
        assert!(!keys.own_revision().has(&keys.common_revision()));
    }

    #[test]
    fn the_fleet_reads_everybodys() {
        let keys = keys("fleet");
        let read = |key: &str| keys.claims().iter().any(|span| span.has(key));
        assert!(read("/p/claim/host:4c1d/1") && read("/p/claim/netns:a@b/1") && read("/p/claim/fleet/1"));
        assert!(!read("/p/claims/fleet/1") && !read("/p/last/fleet"));
        assert!(keys.own_revision().has("/p/revision/host:4c1d"));
        assert!(!keys.own_revision().has(&keys.common_revision()));
    }

    #[test]
    fn a_namespace_is_its_hosts() {
        let keys = keys("netns:a/b%@c");
        assert_eq!(keys.last(), "/p/last/netns:a%2fb%25%40c@4c1d");
        let scope = |text: &str| text.parse::<Scope>().expect("a scope");
        let id = ClaimId(7);
        assert!(keys.fits(&keys.claim(id), keys.scope(), id));
        assert!(!keys.fits(&keys.claim(id), &scope("netns:a"), id) && !keys.fits("/p/x", keys.scope(), id));
        assert!(!keys.fits(&keys.claim(id), keys.scope(), ClaimId(8)));
        assert!(keys.is_of_fleet("/p/claim/fleet/1") && !keys.is_of_fleet(&keys.claim(id)));
    }
}
