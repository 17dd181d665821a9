//! Whether `doctor` says that the rules of a host's packet filter can be listed, and what is missing where not (A15, A26).

use portreeve_lab::profile;
use serde_json::{Value, json};

use super::site::Site;

fn firewall(answer: &Value) -> Value {
    let ways = answer["ways"].as_array().expect("`ways` is promised");
    ways.iter().find(|way| way["way"] == "firewall").expect("there is such a way").clone()
}

/// A program that is missing matters once there are rules that it alone lists; an ordinary user misses nothing that he
/// could have.
#[test]
fn what_lists_the_rules_is_missed_where_there_are_rules() {
    let site = Site::boot(&profile::BARE);
    site.run("nft flush ruleset && mv /usr/sbin/nft /usr/sbin/nft.away");
    assert_eq!(firewall(&site.ask("doctor -o json").json())["open"], true, "there is nothing to list");
    site.run("nft.away add table inet mine && nft.away add chain inet mine c");
    let doctor = site.ask("doctor -o json");
    let way = firewall(&doctor.json());
    let said = [&way["open"], &way["reason"], &way["why"], &way["matters"]];
    assert_eq!(said, [&json!(false), &json!("not-installed"), &json!("nft is not installed"), &json!(true)]);
    assert_eq!(doctor.status, 3, "{doctor:#?}");
    site.run("mv /usr/sbin/nft.away /usr/sbin/nft");
    assert_eq!(firewall(&site.ask("doctor -o json").json())["open"], true);
    let way = firewall(&site.ask_as("dev", "doctor -o json").json());
    assert_eq!((&way["reason"], &way["matters"]), (&json!("not-permitted"), &json!(false)));
}
