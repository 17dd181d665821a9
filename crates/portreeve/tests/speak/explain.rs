//! `explain` without a word, and what it suggests for a word that it does not know (A26).

use crate::run::run;

#[test]
fn without_a_word_every_rule_is_listed_with_its_sentence() {
    let said = run("explain");
    assert_eq!(said.code, Some(0));
    let lines: Vec<_> = said.out.lines().collect();
    let heads: Vec<_> = lines.iter().step_by(2).filter(|line| !line.starts_with("next: ")).collect();
    assert!(heads.len() >= 19, "{}", said.out);
    for head in &heads {
        let (name, severity) = head.split_once(" (").expect("a name and a severity");
        assert_eq!(run(&format!("explain {name}")).code, Some(0), "{name}");
        let (severity, duties) = severity.split_once("; A").expect("the duties that it serves");
        assert!(["notice", "warning", "high", "critical"].contains(&severity), "{head}");
        assert!(duties.ends_with(')'), "{head}");
    }
    assert!(lines[1].starts_with("  ") && lines[1].len() > 20, "{}", said.out);
    assert!(lines.last().unwrap().starts_with("next: portreeve explain "), "{}", said.out);
    let japanese = run("explain --lang ja").out;
    assert!(japanese.starts_with("stolen-port(緊急、A") && !japanese.contains(" ("), "{japanese}");
}

#[test]
fn the_list_is_a_document_too() {
    let document = run("explain -o json").json();
    let rules = document["rules"].as_array().unwrap();
    assert!(rules.iter().any(|rule| rule["rule"] == "stolen-port" && rule["why"].is_string()));
    assert!(rules.iter().all(|rule| rule.get("version").is_none()));
    let schema = run("schema explain").json();
    let validator = jsonschema::validator_for(&schema).expect("a schema of draft 2020-12");
    for line in ["explain -o json", "explain stolen-port -o json", "explain 443 -o json"] {
        assert!(validator.is_valid(&run(line).json()), "{line}");
    }
}

#[test]
fn the_beginning_of_a_name_is_enough_for_a_suggestion() {
    for (word, hint) in [
        ("stolen", "did you mean stolen-port?"),
        ("STOLEN", "did you mean stolen-port?"),
        ("datastore", "did you mean datastore-open-to-world?"),
        ("stolen-prot", "did you mean stolen-port?"),
        ("microso", "did you mean microsoft-ds?"),
        ("zzzzzz", "portreeve explain lists the rules"),
    ] {
        let said = run(&format!("explain {word}"));
        assert_eq!(said.code, Some(2), "{word}");
        assert!(said.err.contains(hint), "{word}: {}", said.err);
    }
}
