//! `explain`: numbers, names, rules, and what is none of them (A1–A3, A6–A10).

use crate::program::run;

#[test]
fn a_number_is_told_with_its_class_and_every_protocol() {
    assert_eq!(
        run("explain 443").ends(0),
        "443: well-known (0-1023), for standard services; on Linux only a privileged program may take it\n  \
         443/tcp   https  http protocol over TLS/SSL\n  \
         443/udp   https  http protocol over TLS/SSL\n  \
         443/sctp  https  http protocol over TLS/SSL\n\
         next: portreeve who 443\n"
    );
}

#[test]
fn a_name_is_told_by_its_number_in_either_language() {
    let page = run("explain https --lang ja").ends(0);
    assert!(page.starts_with("443: ウェルノウンポート(0-1023)。"), "{page}");
    assert!(page.contains("443/tcp"), "{page}");
    assert_eq!(run("explain https/tcp").ends(0).matches("https").count(), 1);
}

#[test]
fn the_three_classes_meet_where_rfc_6335_says() {
    let page = run("explain 0-65535/dccp").ends(0);
    let heads: Vec<_> = page.lines().take(3).map(|line| line.split(':').next().unwrap()).collect();
    assert_eq!(heads, ["0-1023", "1024-49151", "49152-65535"]);
    for (port, class) in
        [(1023, "well-known"), (1024, "registered"), (49151, "registered"), (49152, "dynamic")]
    {
        assert_eq!(run(&format!("explain {port} -o json")).json(0)["class"], class, "{port}");
    }
}

#[test]
fn a_dynamic_number_belongs_to_no_fixed_service() {
    let page = run("explain 49152").ends(0);
    assert!(page.contains("dynamic (49152-65535), never assigned"), "{page}");
    assert!(page.contains("no fixed service belongs here"), "{page}");
    assert!(page.contains("not assigned by IANA"), "{page}");
    let page = run("explain 49152 --lang ja").ends(0);
    assert!(page.contains("固定のサービスには向きません"), "{page}");
}

#[test]
fn what_a_number_is_used_for_stands_apart_from_what_iana_says() {
    let page = run("explain 3000").ends(0);
    let practice =
        page.lines().find(|line| line.contains("development servers")).expect("3000 is known for them");
    assert!(practice.trim_start().starts_with("in practice"), "{page}");
    let document = run("explain 3000 -o json").json(0);
    assert!(document["in_practice"].as_str().unwrap().contains("development servers"));
    assert!(
        document["assignments"]
            .as_array()
            .unwrap()
            .iter()
            .all(|assignment| { !assignment["description"].as_str().unwrap().contains("development") })
    );
    assert_eq!(run("explain 443 -o json").json(0)["in_practice"], serde_json::Value::Null);
}

#[test]
fn a_number_that_linux_hands_out_is_told_apart_from_ianas_class() {
    assert!(run("explain 40000").ends(0).contains("32768-60999"));
    assert!(!run("explain 30000").ends(0).contains("32768-60999"));
}

#[test]
fn a_range_is_a_pool_of_numbers() {
    let document = run("explain 6000-6063/tcp -o json").json(0);
    assert_eq!((&document["port"], &document["port_last"]), (&6000.into(), &6063.into()));
    assert_eq!(document["assignments"][0]["names"][0], "x11");
}

#[test]
fn a_rule_is_told_in_both_languages_and_as_json() {
    let page = run("explain unneeded-open-port").ends(0);
    assert!(page.starts_with("unneeded-open-port (warning; A16, A17)\n"), "{page}");
    assert!(page.contains("\nwhy: ") && page.contains("\nhint: ") && page.contains("[[waive]]"), "{page}");
    assert!(run("explain unneeded-open-port --lang ja").ends(0).contains("\n直し方: "));
    assert_eq!(run("explain unneeded-open-port -o json").json(0)["severity"], "warning");
}

#[test]
fn what_is_neither_is_refused_with_the_nearest_thing() {
    for (word, said) in [
        ("99999/tcp", "cause: 99999 is above 65535, the highest port\n"),
        ("443/tpc", "cause: `tpc` is not a protocol\nhint: did you mean 443/tcp?\n"),
        ("9-3/tcp", "cause: the range 9-3 ends before it starts\n"),
        ("httsp", "hint: did you mean https?\n"),
        ("stolen-prot", "hint: did you mean stolen-port?\n"),
        ("banana", "error: `banana` is neither a port, nor a registered name, nor a rule\n"),
    ] {
        let err = run(&format!("explain {word}")).fails(2);
        assert!(err.contains(said), "{word}: {err}");
    }
    let err = run("explain 99999/tcp --lang ja").fails(2);
    assert!(err.contains("99999 は最大のポート番号 65535 を超えています"), "{err}");
}
