//! What `cargo auditable` writes into executables, once it is decompressed (<https://github.com/rust-secure-code/cargo-auditable>,
//! PARSING.md and cargo-auditable.schema.json).

use alloc::{string::String, vec::Vec};
use core::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, SeqAccess, Visitor},
};

use super::{Crate, DEPENDENCIES_MAX, Role, RustBuild};

/// The section that it stands in, compressed as zlib does.
pub const SECTION: &str = ".dep-v0";

#[derive(Deserialize)]
struct Audited {
    #[serde(deserialize_with = "first")]
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: String,
    #[serde(default)]
    kind: Kind,
    #[serde(default)]
    root: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Build,
    /// What a later format may name counts as what runs.
    #[default]
    #[serde(other)]
    Runtime,
}

/// Reads the decompressed content of that section; `None` where it is no such thing.
#[must_use]
pub fn rust(json: &[u8]) -> Option<RustBuild> {
    let audited: Audited = serde_json::from_slice(json).ok()?;
    let (roots, others): (Vec<_>, Vec<_>) = audited.packages.into_iter().partition(|package| package.root);
    let mut roots = roots.into_iter().map(Crate::from);
    let root = roots.next();
    Some(RustBuild { root, dependencies: roots.chain(others.into_iter().map(Crate::from)).collect() })
}

impl From<Package> for Crate {
    fn from(package: Package) -> Self {
        let Package { name, version, source, kind, root: _ } = package;
        let role = match kind {
            Kind::Runtime => Role::Runtime,
            Kind::Build => Role::Build,
        };
        Self { name, version, source, role }
    }
}

/// The first packages of a list; what follows is passed over without being kept.
fn first<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Package>, D::Error> {
    deserializer.deserialize_seq(First)
}

struct First;

impl<'de> Visitor<'de> for First {
    type Value = Vec<Package>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of packages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Package>, A::Error> {
        let mut packages = Vec::new();
        while packages.len() < DEPENDENCIES_MAX {
            let Some(package) = list.next_element()? else { return Ok(packages) };
            packages.push(package);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(packages)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec};

    use super::*;

    fn told(name: &str, version: &str, source: &str, role: Role) -> Crate {
        Crate { name: name.into(), version: version.into(), source: source.into(), role }
    }

    #[test]
    fn crates_are_told_with_what_they_were_for() {
        let json = br#"{"packages":[
            {"name":"cc","version":"1.0.83","source":"crates.io","kind":"build"},
            {"name":"server","version":"0.1.0","source":"local","dependencies":[0,2],"root":true},
            {"name":"time","version":"0.3.5","source":"registry","features":["std"]},
            {"name":"odd","version":"2.0.0","source":"https://example.org/x","kind":"later"}],"format":1}"#;
        let expected = RustBuild {
            root: Some(told("server", "0.1.0", "local", Role::Runtime)),
            dependencies: vec![
                told("cc", "1.0.83", "crates.io", Role::Build),
                told("time", "0.3.5", "registry", Role::Runtime),
                told("odd", "2.0.0", "https://example.org/x", Role::Runtime),
            ],
        };
        assert_eq!(rust(json), Some(expected));
    }

    #[test]
    fn what_is_no_such_list_tells_nothing() {
        let deep = format!("{{\"packages\":{}", "[".repeat(100_000));
        for json in ["", "{}", "[]", r#"{"packages":{}}"#, r#"{"packages":[{"name":"a"}]}"#, &deep] {
            assert_eq!(rust(json.as_bytes()), None);
        }
        assert_eq!(rust(br#"{"packages":[]}"#), Some(RustBuild { root: None, dependencies: Vec::new() }));
    }

    #[test]
    fn a_second_root_is_a_crate_like_others() {
        let root = |name| format!(r#"{{"name":"{name}","version":"1","source":"local","root":true}}"#);
        let build = rust(format!(r#"{{"packages":[{},{}]}}"#, root("a"), root("b")).as_bytes()).unwrap();
        assert_eq!(build.root.unwrap().name, "a");
        assert_eq!(build.dependencies, [told("b", "1", "local", Role::Runtime)]);
    }

    #[test]
    fn so_many_crates_are_told_and_no_more() {
        let package = |number| format!(r#"{{"name":"c{number}","version":"1","source":"local"}},"#);
        let packages: String = (0..DEPENDENCIES_MAX + 5).map(package).collect();
        let json = format!(r#"{{"packages":[{packages}7]}}"#);
        let build = rust(json.as_bytes()).unwrap();
        assert_eq!(build.dependencies.len(), DEPENDENCIES_MAX);
    }
}
