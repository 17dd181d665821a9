//! The examples are policies without a mistake, and each says what it is meant to say (A15, A26).

use std::{fs, path::PathBuf};

use portreeve_core::{
    policy::{Parsed, Source, parse},
    registry::Registry,
};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn text(name: &str) -> String {
    let path = folder().join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(name: &str) -> Parsed {
    let text = text(name);
    let source = Source { name: name.into(), text: &text };
    parse(&[source], Registry::builtin()).unwrap_or_else(|mistakes| panic!("{name}: {mistakes:#?}"))
}

fn services(parsed: &Parsed) -> Vec<&str> {
    parsed.policy.services.iter().map(|service| service.name.as_str()).collect()
}

#[test]
fn every_example_is_read_without_a_mistake() {
    let mut names: Vec<_> = fs::read_dir(folder())
        .expect("the examples stand at the root of the project")
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".toml"))
        .collect();
    names.sort();
    assert_eq!(
        names,
        ["containers.toml", "database.toml", "gateway.toml", "laptop.toml", "web-mail-ftp.toml"]
    );
    for name in names {
        let parsed = read(&name);
        assert!(text(&name).starts_with("# "), "{name} says first what it is for");
        for service in &parsed.policy.services {
            assert!(!service.owners.is_empty(), "{name}: {} has an owner", service.name);
        }
    }
}

#[test]
fn the_web_server_has_web_mail_and_files_on_their_own_ports() {
    let parsed = read("web-mail-ftp.toml");
    assert_eq!(services(&parsed), ["web", "smtp", "imap", "ftp", "ssh", "db"]);
    assert!(parsed.warnings.is_empty(), "{:#?}", parsed.warnings);
    let reach = |name: &str| {
        let service = parsed.policy.services.iter().find(|service| service.name == name).unwrap();
        service.reach.clone()
    };
    assert_eq!(reach("imap"), ["office", "lan"]);
    assert_eq!(reach("db"), ["host"]);
    let mail: Vec<_> = parsed.policy.services[1].ports.iter().map(ToString::to_string).collect();
    assert_eq!(mail, ["25/tcp", "465/tcp", "587/tcp"], "smtp/tcp is IANA's name of the first");
}

#[test]
fn only_the_vpn_of_the_laptop_is_for_the_world() {
    let parsed = read("laptop.toml");
    let open: Vec<_> = parsed.policy.services.iter().filter(|service| service.reaches_world()).collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].name, "vpn");
    assert!(parsed.warnings.is_empty(), "two owners of one port need no division: {:#?}", parsed.warnings);
}

#[test]
fn nothing_of_the_database_host_is_for_the_world() {
    let parsed = read("database.toml");
    assert!(parsed.policy.services.iter().all(|service| !service.reaches_world()));
    assert_eq!(parsed.policy.waivers.len(), 1);
    assert!(parsed.warnings.is_empty(), "{:#?}", parsed.warnings);
}

#[test]
fn the_container_host_names_containers_units_and_cgroups() {
    let parsed = read("containers.toml");
    let mut keys: Vec<_> = parsed
        .policy
        .services
        .iter()
        .flat_map(|service| service.owners.iter().map(portreeve_core::owner::Owner::key))
        .collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys, ["cgroup", "container", "unit", "user"]);
    assert!(parsed.warnings.is_empty(), "{:#?}", parsed.warnings);
}
