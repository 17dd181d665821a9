//! What the program prints is what its schemas promise (A26).

use serde_json::Value;

use crate::program::run;

#[track_caller]
fn validate(name: &str, document: &Value) {
    let schema = run(&format!("schema {name}")).json(0);
    let validator = jsonschema::validator_for(&schema).expect("a schema of draft 2020-12");
    let errors: Vec<_> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{document:#}");
}

#[test]
fn every_document_is_as_its_schema_says() {
    for (name, line, code) in [
        ("findings", "audit --snapshot judge-host.json -o json --fail-on never", 0),
        ("findings", "audit --snapshot judge-host-later.json --policy judge-policy.toml -o json", 1),
        ("findings", "audit --snapshot judge-host-unprivileged.json -o json --fail-on never", 3),
        ("check", "check judge-policy.toml -o json", 0),
        ("check", "check judge-mistakes.toml -o json", 2),
        ("doctor", "doctor -o json --allow-gaps", 0),
        ("explain", "explain 443 -o json", 0),
        ("explain", "explain 30000-30099/tcp -o json", 0),
        ("explain", "explain unneeded-open-port -o json", 0),
        ("registry", "registry show -o json", 0),
        ("assignments", "registry list -o json", 0),
        ("snapshot", "snapshot --snapshot judge-host.json", 0),
        ("listeners", "ls --snapshot judge-host.json -o json", 0),
        ("listeners", "ls -a --snapshot connections.json -o json", 0),
        ("listeners", "who 12345 --snapshot connections.json -o json", 0),
        ("why", "why 443 --snapshot judge-host.json --policy judge-policy.toml -o json", 0),
        ("why", "why 443 --snapshot judge-host-later.json --before judge-host.json -o json", 0),
        ("why", "why 12345 --snapshot connections.json -o json", 0),
        ("why", "why 8080 --snapshot why.json -o json", 0),
        ("diff", "diff judge-host.json judge-host-later.json -o json", 1),
        ("diff", "diff judge-host.json judge-host.json -o json", 0),
    ] {
        validate(name, &run(line).json(code));
    }
    for line in run("registry list -o ndjson").ends(0).lines().take(200) {
        validate("assignment", &serde_json::from_str(line).unwrap());
    }
}

#[test]
fn a_schema_refuses_what_is_something_else() {
    let schema = run("schema findings").json(0);
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(!validator.is_valid(&serde_json::json!({})));
    let mut document = run("audit --snapshot judge-host.json -o json --fail-on never").json(0);
    document["counts"].as_object_mut().unwrap().remove("high");
    assert!(!validator.is_valid(&document), "counts always has all four");
}

#[test]
fn every_schema_has_a_name_and_an_unknown_one_is_refused() {
    let names = run("schema").ends(0);
    for name in names.lines().map(|line| line.split(' ').next().unwrap()) {
        let schema = run(&format!("schema {name}")).json(0);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{name}");
    }
    assert!(run("schema findngs").fails(2).contains("did you mean findings?"));
}
