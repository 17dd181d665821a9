//! What is planned for a gate that somebody else has changed, and what is not.

use alloc::string::String;

use super::*;

const OPEN: &str = "-A INPUT -j ACCEPT\n";

/// A host whose gate lets in 443/tcp, with these objects at the end of its listing.
fn with(objects: &[&str]) -> Scene {
    changed(|listing| {
        let begin = listing.strip_suffix("]}").unwrap();
        [begin].into_iter().chain(objects.iter().flat_map(|object| [",", object])).chain(["]}"]).collect()
    })
}

fn changed(change: impl FnOnce(&str) -> String) -> Scene {
    let scene = host(&[("web", "443/tcp", "world")], OPEN);
    let mut done = after(&scene, &planned(&scene).changes);
    let listings = &mut done.snapshot.firewall.as_mut().unwrap().listings;
    let listing = change(&listings[&Listing::Nft]);
    listings.insert(Listing::Nft, listing);
    done
}

fn standing_of(scene: &Scene) -> Standing {
    Standing::read(scene.snapshot.firewall.as_ref().unwrap().text(Listing::Nft).unwrap()).unwrap().unwrap()
}

/// What carries the only change of a plan out, which must leave the gate as it was before somebody changed it.
fn healed(scene: &Scene) -> String {
    let plan = planned(scene);
    let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
    assert!(change.because.en.ends_with("is taken out"), "{:?}", change.because);
    assert_eq!(plan.undo, [], "what somebody else wrote is not written again");
    let done = after(scene, &plan.changes);
    assert_eq!(standing_of(&done).body(), standing_of(&with(&[])).body());
    assert_eq!(planned(&done).changes, []);
    change.what.transaction(Some(&standing_of(scene)), Keep::AtOnce, scene.now).unwrap().as_str().into()
}

#[test]
fn a_generation_that_somebody_changed_is_made_anew() {
    let drop = r#"{"rule":{"family":"inet","table":"portreeve","chain":"a_input","expr":[{"drop":null}]}}"#;
    healed(&with(&[drop]));
    let chain = r#"{"chain":{"family":"inet","table":"portreeve","name":"a_evil"}}"#;
    let jump = r#"{"rule":{"family":"inet","table":"portreeve","chain":"a_input","expr":[{"jump":{"target":"a_evil"}}]}}"#;
    let text = healed(&with(&[chain, jump]));
    let [flush, delete] =
        ["flush", "delete"].map(|verb| text.find(&[verb, " chain inet portreeve a_evil\n"].concat()));
    assert!(flush.is_some() && flush < delete, "{text}");
}

#[test]
fn what_somebody_opened_without_an_end_is_closed() {
    let scene = changed(|listing| {
        let set = r#""name":"open_world_tcp""#;
        assert_eq!(listing.matches(set).count(), 1);
        let elements = r#""elem":[{"elem":{"val":22,"timeout":60,"expires":59}},4444],"#;
        listing.replace(set, &[elements, set].concat())
    });
    let text = healed(&scene);
    assert!(text.ends_with("delete element inet portreeve open_world_tcp { 4444 }\n"), "{text}");
    assert!(!text.contains("open_world_tcp { 22 }"), "{text}");
    let lost = planned(&scene).zones.into_iter().flat_map(|zone| zone.loses).map(|lost| lost.ports);
    assert_eq!(lost.collect::<Vec<_>>(), ["4444/tcp".parse().unwrap()]);
}

#[test]
fn what_no_change_makes_anew_is_refused_with_a_command() {
    let evil = r#"{"chain":{"family":"inet","table":"portreeve","name":"evil","type":"filter","hook":"input","prio":-500,"policy":"accept"}}"#;
    let refused = with(&[evil]).with_world(|world| plan(world, &Asked::default()).unwrap_err());
    assert_eq!(refused, Refused::Undermined);
    assert!(refused.fix().en.ends_with(": portreeve off gate --no-session && portreeve apply"));
}
