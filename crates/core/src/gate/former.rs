//! What earlier versions of this program made of what stands for every generation (A15, A20).
//!
//! Whoever replaces the program replaces no gate: the one that stands goes on, and the one that is kept is put in force by the next
//! boot, as it is made by then.

use alloc::vec::Vec;

use serde_json::{Value, json};

use super::body::{fixed, object};

/// As this version makes it, and as others did.
pub(super) fn forms() -> impl Iterator<Item = Vec<Value>> {
    [fixed, asking_nobody, refusing_invalid].into_iter().map(|form| form())
}

/// No port was open to single addresses.
fn asking_nobody() -> Vec<Value> {
    fixed().into_iter().filter(|object| !is_of_askers(object)).collect()
}

fn is_of_askers(object: &Value) -> bool {
    let name = object["set"]["name"].as_str().unwrap_or_default();
    let set = object.pointer("/rule/expr/0/match/right").and_then(Value::as_str).unwrap_or_default();
    name.starts_with("askers") || set.starts_with("@askers")
}

/// Before that an open port took nothing that conntrack calls invalid.
fn refusing_invalid() -> Vec<Value> {
    let mut all = asking_nobody();
    let is_invalid = json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}});
    let expression = json!([is_invalid, {"counter": "invalid"}, {"drop": null}]);
    let rule = object("rule", json!({"chain": "pass", "expr": expression}));
    let of_pass = all.iter().position(|object| object["rule"]["chain"] == "pass");
    all.insert(of_pass.unwrap_or(all.len()), rule);
    all
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::gate::{Body, Foundation, Listing, Revision, Standing};

    /// As nft lists it.
    fn listed(change: impl FnOnce(&mut Vec<Value>)) -> alloc::string::String {
        let mut listing = Listing::read("{\"nftables\": []}").unwrap();
        listing.create(&Body::open(), Revision::of(7));
        let mut value: Value = serde_json::from_str(&listing.text()).unwrap();
        change(value["nftables"].as_array_mut().unwrap());
        value.to_string()
    }

    fn foundation(text: &str) -> Foundation {
        Standing::read(text).unwrap().unwrap().foundation
    }

    #[test]
    fn a_gate_of_an_earlier_version_is_nobody_elses() {
        let [_, _, former] = forms().collect::<Vec<_>>().try_into().unwrap();
        let rule = former.into_iter().find(|object| object["rule"]["chain"] == "pass").unwrap();
        let with = |rule: Value| {
            listed(|all| {
                all.retain(|object| !is_of_askers(object));
                let at = all.iter().position(|object| object["rule"]["chain"] == "pass").unwrap();
                all.insert(at, rule);
            })
        };
        assert_eq!(foundation(&listed(|_| ())), Foundation::AsMade);
        let without = |all: &mut Vec<Value>| all.retain(|object| !is_of_askers(object));
        let kept = listed(without);
        assert_eq!(foundation(&kept), Foundation::AsMade);
        let part = |all: &mut Vec<Value>| all.retain(|object| object["set"]["name"] != "askers4");
        assert_eq!(foundation(&listed(part)), Foundation::Changed, "a rule asks a set that is not there");
        let kept = with(rule.clone());
        assert_eq!(foundation(&kept), Foundation::AsMade);
        assert!(Standing::read(&kept).unwrap().unwrap().body().is_some());
        let mut other = rule;
        other["rule"]["expr"][2] = json!({"accept": null});
        assert_eq!(foundation(&with(other)), Foundation::Changed);
    }
}
