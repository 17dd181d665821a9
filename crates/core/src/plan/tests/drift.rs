//! What is planned for a gate that somebody else has changed, and what is not.

use alloc::{format, string::String};

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

const EVIL: &str = r#"{"chain":{"family":"inet","table":"portreeve","name":"evil","type":"filter","hook":"input","prio":-500,"policy":"accept"}}"#;

/// The text by which a table of which no generation was changed is made anew, which must leave it as it was before.
fn made_anew(scene: &Scene) -> String {
    let plan = planned(scene);
    let [change] = plan.changes.as_slice() else { panic!("{plan:?}") };
    assert!(change.because.en.ends_with("in one step and without a trial"), "{:?}", change.because);
    assert_eq!(plan.undo, [], "what somebody else wrote is not written again");
    let standing = standing_of(scene);
    let on_trial = change.what.transaction(Some(&standing), minute(), scene.now);
    assert_eq!(on_trial, Err(gate::Refused::Anew));
    assert_eq!(simulate(&scene.snapshot, &plan.changes, minute()).unwrap_err(), Refused::Anew);
    let done = after(scene, &plan.changes);
    let now = standing_of(&done);
    assert_eq!((now.body(), now.foundation), (standing_of(&with(&[])).body(), Foundation::AsMade));
    assert_eq!(now.revision, standing.revision.next());
    assert_eq!(planned(&done).changes, []);
    let text = change.what.transaction(Some(&standing), Keep::AtOnce, scene.now).unwrap();
    let seen = standing.revision.number();
    let begins = format!(
        "delete element inet portreeve revision {{ {seen} }}\nadd element inet portreeve revision {{ {} }}\ndelete table inet portreeve\ncreate table inet portreeve\n",
        seen + 1
    );
    assert!(text.as_str().starts_with(&begins), "{text:?}");
    text.as_str().into()
}

#[test]
fn what_stands_for_every_generation_is_made_anew_in_one_step() {
    made_anew(&with(&[EVIL]));
    let rule = r#"{"rule":{"family":"inet","table":"portreeve","chain":"input","expr":[{"accept":null}]}}"#;
    made_anew(&with(&[rule]));
    // Before it is asked which generation is confirmed, and in place of what is on trial.
    let rule = r#"{"rule":{"family":"inet","table":"portreeve","chain":"confirmed_input","expr":[{"accept":null}]}}"#;
    made_anew(&with(&[rule]));
    made_anew(&changed(|listing| {
        let map = r#""name":"trial_input""#;
        assert_eq!(listing.matches(map).count(), 1);
        listing.replace(map, &[r#""elem":[["ipv4",{"accept":null}]],"#, map].concat())
    }));
}

#[test]
fn what_sleeps_is_made_anew_in_one_step() {
    let scene = changed(|listing| {
        let table = r#"{"table":{"family":"inet","#;
        assert_eq!(listing.matches(table).count(), 1, "{listing}");
        listing.replace(table, &[table, r#""flags":["dormant"],"#].concat())
    });
    made_anew(&scene);
}

/// A table that cannot tell which change it is of is replaced all the same: else only nft would help.
#[test]
fn what_tells_no_revision_is_made_anew() {
    let unnumbered = |listing: &str| listing.replace("\"revision\"", "\"revised\"");
    for (foundation, scene) in
        [(Foundation::Emptied, changed(|_| TABLE_ALONE.into())), (Foundation::Changed, changed(unnumbered))]
    {
        let standing = standing_of(&scene);
        assert_eq!((standing.foundation, standing.body()), (foundation, None));
        let change = &planned(&scene).changes[0].what;
        let minute = Timeout::of(Duration::from_secs(60)).unwrap();
        let tried = change.transaction(Some(&standing), Keep::OnTrial(minute), scene.now);
        assert_eq!(tried, Err(gate::Refused::Anew));
        let text = change.transaction(Some(&standing), Keep::AtOnce, scene.now).unwrap();
        let begins = "delete table inet portreeve\ncreate table inet portreeve\n";
        assert!(text.as_str().starts_with(begins), "{text:?}");
        let first = gate::Revision::first(scene.now).number();
        assert!(text.as_str().contains(&format!("revision {{ {first} }}")), "as no gate before it had");
        assert_eq!(gate::remove(&standing).as_str(), "delete table inet portreeve\n");
    }
}

const TABLE_ALONE: &str = r#"{"nftables":[{"table":{"family":"inet","name":"portreeve"}}]}"#;

#[test]
fn what_is_there_for_a_while_outlasts_that() {
    let scene = changed(|listing| {
        let begin = listing.strip_suffix("]}").unwrap();
        let listing = [begin, ",", EVIL, "]}"].concat();
        let filled = |listing: String, set: &str, elements: &str| {
            let name = ["\"name\":\"", set, "\""].concat();
            assert_eq!(listing.matches(&name).count(), 1, "{set}");
            listing.replace(&name, &["\"elem\":[", elements, "],", &name].concat())
        };
        let timed =
            r#"{"elem":{"val":22,"timeout":7200,"expires":3599}},{"elem":{"val":23,"timeout":60}},4444"#;
        let listing = filled(listing, "open_world_tcp", timed);
        let listing = filled(
            listing,
            "blocked4",
            r#""192.0.2.7",{"elem":{"val":"192.0.2.8","timeout":60,"expires":59}},{"elem":{"val":"192.0.2.9","timeout":60}}"#,
        );
        filled(listing, "blocked64", r#"{"elem":{"val":"2001:db8::","timeout":60,"expires":1}},["nonsense"]"#)
    });
    let text = made_anew(&scene);
    let ends = "add element inet portreeve blocked4 { 192.0.2.7, 192.0.2.8 timeout 59s }\n\
                add element inet portreeve blocked64 { 2001:db8:: timeout 1s }\n\
                add element inet portreeve open_world_tcp { 22 timeout 59m59s }\n";
    assert!(text.ends_with(ends), "{text}");
    // Where it is tried, nothing of it speaks for or against a packet.
    let standing = standing_of(&scene).without_temporary();
    let change = &planned(&scene).changes[0].what;
    let tried = change.transaction(Some(&standing), Keep::AtOnce, scene.now).unwrap();
    assert_eq!([tried.as_str(), ends].concat(), text);
    let lost = planned(&scene).zones.into_iter().flat_map(|zone| zone.loses).map(|lost| lost.ports);
    let lost: alloc::collections::BTreeSet<_> = lost.collect();
    assert_eq!(lost, ["4444/tcp".parse().unwrap()].into());
}

#[test]
fn what_tells_nothing_of_what_is_confirmed_cannot_be_closed_further() {
    let rule = r#"{"rule":{"family":"inet","table":"portreeve","chain":"confirmed_input","expr":[{"accept":null}]}}"#;
    let ports: gate::Ports = ["443/tcp".parse().unwrap()].into_iter().collect();
    let refused =
        with(&[rule]).with_world(|world| close(world, &ports, None, &Asked::default()).unwrap_err());
    assert_eq!(refused, Refused::Unconfirmed(Foundation::Changed));
}
