//! Whether what stands for every generation is still as this program makes it, whichever version of nft lists it.

use alloc::{collections::BTreeSet, string::ToString, vec::Vec};

use serde_json::{Value, json};

use super::former::forms;
use crate::firewall::{Interface, Ruleset, Surroundings, nft};

/// Whether rules, chains and sets among the objects of the table do what those do that were made, and no others are there
/// than those of generations.
///
/// What the kernel keeps in sets for a while is no part of it.
pub(super) fn is_as_made(objects: &[&Value]) -> bool {
    forms().any(|made| is_made_so(objects, &made))
}

fn is_made_so(objects: &[&Value], made: &[Value]) -> bool {
    let names: BTreeSet<_> = made.iter().filter_map(name).collect();
    let is_fixed = |object: &&&Value| match rule_of(object) {
        Some(chain) => names.contains(&("chain", chain)) && !is_filled(chain),
        None => name(object).is_some_and(|name| names.contains(&name)),
    };
    let standing: Vec<&Value> = objects.iter().filter(is_fixed).copied().collect();
    let made: Vec<&Value> = made.iter().collect();
    let is_same = listed(&standing) == listed(&made);
    let is_known = |known: (&str, &str)| names.contains(&known) || is_of_generation(known);
    let is_alone = objects.iter().filter_map(|object| name(object)).all(is_known);
    is_alone && is_same && read(&standing).is_some_and(|rules| Some(rules) == read(&made))
}

/// What is there, each by its name.
fn listed<'a>(objects: &[&'a Value]) -> BTreeSet<(&'a str, &'a str)> {
    objects.iter().filter_map(|object| name(object)).collect()
}

/// The chains whose rules each change makes anew.
fn is_filled(chain: &str) -> bool {
    ["a_", "b_", "confirmed_"].iter().any(|begin| chain.starts_with(begin))
}

/// Whether a change may have made what has this kind and name: of a generation, or of ports that are open to a zone.
fn is_of_generation((kind, name): (&str, &str)) -> bool {
    let begins = |some: &[&str]| some.iter().any(|begin| name.starts_with(begin));
    kind == "chain" && begins(&["a_", "b_"]) || kind == "set" && begins(&["a_", "b_", "open_zone_"])
}

/// What it is and what it is called; nothing where it has no name.
fn name(object: &Value) -> Option<(&str, &str)> {
    let (kind, inner) = object.as_object()?.iter().next()?;
    Some((kind, inner.get("name")?.as_str()?))
}

/// The chain of a rule.
fn rule_of(object: &Value) -> Option<&str> {
    object.get("rule")?.get("chain")?.as_str()
}

/// What the rules do, chain by chain; the texts of two versions of nft may differ.
fn read(objects: &[&Value]) -> Option<Ruleset> {
    let bare = objects.iter().map(|object| {
        let mut object = (*object).clone();
        let inner = object.as_object_mut().and_then(|object| object.values_mut().next()?.as_object_mut());
        inner.into_iter().for_each(|inner| drop((inner.remove("elem"), inner.remove("handle"))));
        object
    });
    let text = json!({ "nftables": bare.collect::<Vec<_>>() }).to_string();
    let loopback = Interface { name: "lo".into(), ..Interface::default() };
    let around = Surroundings { interfaces: [loopback].into(), ..Surroundings::default() };
    let mut ruleset = Ruleset::default();
    nft::read(&text, &nft::Details::default(), &around, &mut ruleset).ok()?;
    for rule in ruleset.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
        rule.text.clear();
    }
    Some(ruleset)
}
