//! The policy as a JSON Schema, for editors and for `portreeve schema policy` (A26).
//!
//! The shapes are never filled: they stand beside the parser, and a test keeps their keys equal to its.

use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::{gate::OtherProtocol, rules, steer::WhenDead};

/// The schema of one policy file, as the JSON that its TOML stands for.
#[must_use]
pub fn schema() -> Schema {
    SchemaGenerator::default().into_root_schema_for::<Policy>()
}

/// What a person decided about the ports of a host: one file of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Policy {
    /// The layout of the file: 1. The first file must say it.
    #[schemars(range(min = 1, max = 1))]
    version: Option<u32>,
    /// What becomes of packets that are not let in; absent: `drop`.
    refuse: Option<Refusal>,
    /// Where packets come from, by name; `world` and `host` are built in.
    #[serde(default)]
    zone: BTreeMap<String, Zone>,
    /// The services, by name.
    #[serde(default)]
    service: BTreeMap<String, Service>,
    /// Who may send other protocols than tcp, udp, udplite, sctp and ICMP, by name; one that is not here passes.
    #[serde(default)]
    #[schemars(extend("propertyNames" = {"enum": OtherProtocol::ALL.map(OtherProtocol::name)}))]
    protocol: BTreeMap<String, Protocol>,
    /// Whom an audit tells that runs by itself.
    audit: Option<Audit>,
    /// Where the book of claims is, and from which numbers it gives.
    ledger: Option<Ledger>,
    /// What the watch does with whom it suspects, and where the logs are.
    watch: Option<Watch>,
    /// Other hosts that are ours, by name, and may be scanned once they say so too.
    #[serde(default)]
    host: BTreeMap<String, Host>,
    /// How hosts are scanned.
    scan: Option<Scan>,
    /// Findings that a person lives with.
    #[serde(default)]
    waive: Vec<Waiver>,
}

/// Whom an audit tells that runs by itself.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Audit {
    /// A program by absolute path and its arguments, without a shell: what is new stands on its standard input.
    command: Option<OneOrMany<Word>>,
    /// Advisories that packages are judged by, by absolute path: OSV's JSON, a directory of it, or debsecan's data.
    #[schemars(regex(pattern = "^/"))]
    advisories: Option<String>,
}

/// Where the book of claims is, and from which numbers it gives.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Ledger {
    /// `sqlite`, a file of the host, or `etcd+https://host1:2379,host2:2379/prefix`, a fleet's; absent: `sqlite`.
    #[schemars(regex(pattern = r"^(sqlite|etcd\+https://[!-~]+)$"))]
    store: Option<String>,
    /// The numbers of which a claim gets one that asks for any; absent: `20000-29999`.
    #[schemars(regex(pattern = "^[0-9]+(-[0-9]+)?$"))]
    pool: Option<String>,
}

/// What the watch does with whom it suspects, and where the logs are.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Watch {
    /// `observe` tells, `block` has the gate keep proven sources out, too; absent: `observe`.
    mode: Option<WatchMode>,
    /// Networks or single addresses that are never blocked, besides zones, operators, gateways and resolvers.
    allow: Option<OneOrMany<String>>,
    /// How long somebody is blocked the first time, from 10 seconds to 7 days; absent: `1h`.
    block_for: Option<String>,
    /// So many are blocked in a minute, and no more; absent: 30.
    #[schemars(range(min = 1, max = 10_000))]
    blocks_per_minute_max: Option<u32>,
    /// Whether those are blocked, too, whose address may be somebody else's; absent: no.
    block_unproven: Option<bool>,
    /// Whether the sessions of whoever is blocked for trying passwords are ended, on that service; absent: no.
    end_sessions: Option<bool>,
    /// Where logs of services are, besides the usual places.
    log: Option<OneOrMany<Log>>,
}

/// Another host that is ours.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Host {
    /// Its addresses, each of one host.
    address: OneOrMany<String>,
}

/// How hosts are scanned.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Scan {
    /// The secret that hosts which consent share, by absolute path: 32 bytes that root alone may read.
    #[schemars(regex(pattern = "^/"))]
    scan_secret_file: Option<String>,
    /// Packets a second, at most; absent: 20000 unless the command line says otherwise, 100000 at most.
    #[schemars(range(min = 1, max = 100_000))]
    rate_max: Option<u32>,
    /// The port of UDP at which a host that consents is asked; absent: 29317.
    #[schemars(range(min = 1, max = 65_535))]
    consent_port: Option<u16>,
}

/// What the watch does with whom it suspects.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "a shape for the schema alone")]
enum WatchMode {
    /// It tells of him.
    Observe,
    /// The gate keeps him out, too.
    Block,
}

/// Where a log of a service is: by one of `file` and `unit`.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [{"required": ["file"]}, {"required": ["unit"]}]))]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Log {
    /// The service, as the policy calls it.
    service: String,
    /// A file, by absolute path.
    #[schemars(regex(pattern = "^/"))]
    file: Option<String>,
    /// What a unit of the host's service manager writes into the journal.
    #[schemars(regex(pattern = r"^([A-Za-z0-9:_.\\@-]+|[A-Za-z0-9:_.\\-]+@\*)\.(service|socket|scope)$"))]
    unit: Option<String>,
}

/// What becomes of packets that are not let in.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "a shape for the schema alone")]
enum Refusal {
    /// They vanish.
    Drop,
    /// The sender is told.
    Reject,
}

/// Where packets come from; with both `from` and `interface`, where both hold. One of them at least.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("anyOf" = [{"required": ["from"]}, {"required": ["interface"]}]))]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Zone {
    /// Networks or single addresses: `203.0.113.0/24`, `2001:db8::1`.
    from: Option<OneOrMany<String>>,
    /// Interfaces; `*` at the end stands for anything: `eth1`, `br-*`.
    interface: Option<OneOrMany<Pattern>>,
    /// Whether people there manage this host: `true` for those ports where it lets them in by ssh, or the ports. A change that
    /// would keep them out is refused.
    management: Option<Management>,
}

/// Whether, or by which ports, people of a zone manage this host.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a shape for the schema alone")]
enum Management {
    BySsh(bool),
    By(OneOrMany<Port>),
}

/// A service: the ports it owns, who it is, and who may reach it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Service {
    /// Its ports: `443/tcp`, `30000-30099/tcp`, `smtp/tcp`. A range is a pool: it need not be all in use.
    ports: OneOrMany<Port>,
    /// Where it may be bound; absent: anywhere.
    address: Option<OneOrMany<String>>,
    /// The interface it must be tied to.
    device: Option<Interface>,
    /// Who may hold it; absent: anybody.
    owner: Option<OneOrMany<Owner>>,
    /// From which zones it may be reached; absent: `host`.
    reach: Option<OneOrMany<String>>,
    /// How its ports are kept for its owners: `enforce` refuses strangers, `observe` writes them down, `off` lets them be;
    /// absent: `observe`, where any service has this key.
    guard: Option<Guarding>,
    /// Packets for its ports are led to its socket, wherever that listens.
    steer: Option<Steering>,
    /// Why it is so.
    why: Option<Said>,
}

/// How packets are led to the socket of a service.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Steering {
    /// What becomes of them while it has none; absent: `refuse`.
    when_dead: Option<WhenDead>,
    /// Whether the host takes in packets for its addresses that no interface has; absent: no.
    local: Option<bool>,
    /// The port of TCP on which its socket listens; absent: a declared one.
    #[schemars(range(min = 1))]
    target_port: Option<u16>,
}

/// How ports are kept for their owners.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "a shape for the schema alone")]
enum Guarding {
    /// Whoever is no owner cannot bind them.
    Enforce,
    /// Whoever is no owner is written down.
    Observe,
    /// Not at all.
    Off,
}

/// Who may send a protocol of which no ports are judged.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Protocol {
    /// From which zones it passes; `host` closes it.
    reach: OneOrMany<String>,
}

/// Somebody, by one key.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Owner {
    /// A unit of the host's service manager; `postgresql@*.service` is any instance.
    #[schemars(regex(pattern = r"^([A-Za-z0-9:_.\\@-]+|[A-Za-z0-9:_.\\-]+@\*)\.(service|socket|scope)$"))]
    unit: Option<String>,
    /// A user, by name or number.
    #[schemars(regex(pattern = r"^[^\s:/,]+$"))]
    user: Option<String>,
    /// An executable or a script, by absolute path.
    #[schemars(regex(pattern = "^/"))]
    exe: Option<String>,
    /// A cgroup with everything below it, by absolute path.
    #[schemars(regex(pattern = "^/"))]
    cgroup: Option<String>,
    /// A container, by name or beginning of its id.
    container: Option<Name>,
    /// Whoever has a socket that was marked so as it was made (`portreeve guard mark`).
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]{0,31}$"))]
    mark: Option<String>,
}

/// A finding that a person has looked at and lives with.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Waiver {
    /// The rule, as `portreeve audit` prints it.
    #[schemars(extend("enum" = rules::all().map(|rule| rule.name).collect::<Vec<_>>()))]
    rule: String,
    /// The ports it is about; absent: every finding of the rule.
    ports: Option<OneOrMany<Port>>,
    /// Why.
    why: Said,
    /// The last day on which it holds, as `2027-06-30`.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"))]
    until: Option<String>,
}

/// One, or a list of them.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "a shape for the schema alone")]
enum OneOrMany<T> {
    One(T),
    Many(#[schemars(length(min = 1))] Vec<T>),
}

/// A number, a range or an IANA name, with its protocol.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Port(#[schemars(regex(pattern = "^[^/]+/(tcp|udp|udplite|sctp)$"))] String);

/// The name of an interface, or the beginning of names.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Pattern(#[schemars(regex(pattern = r#"^([^/:*%"\\\s]{1,15}\*?|\*)$"#))] String);

/// The name of an interface.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Interface(#[schemars(regex(pattern = r#"^[^/:*%"\\\s]{1,15}$"#))] String);

/// A name that can be shown as it is.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Name(#[schemars(length(min = 1, max = 128), regex(pattern = r"^[^\s]+$"))] String);

/// A word of a command.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Word(#[schemars(regex(pattern = r"^[^\u0000]*$"))] String);

/// A sentence of a person.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "a shape for the schema alone")]
struct Said(#[schemars(regex(pattern = r"\S"))] String);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::parse::known_keys;
    use serde_json::Value;

    fn keys(shape: &Value) -> Vec<&str> {
        let mut keys: Vec<_> = shape["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        keys.sort_unstable();
        keys
    }

    #[test]
    fn the_schema_and_the_parser_know_the_same_keys() {
        let schema = schema().to_value();
        for (section, mut known) in known_keys() {
            let shape = if section == "Policy" { &schema } else { &schema["$defs"][section] };
            known.sort_unstable();
            assert_eq!(keys(shape), known, "{section}");
            assert_eq!(shape["additionalProperties"], false, "{section} refuses other keys");
        }
    }

    #[test]
    fn what_is_required_of_a_person_is_required_by_the_schema() {
        let schema = schema().to_value();
        assert_eq!(schema["$defs"]["Service"]["required"], serde_json::json!(["ports"]));
        assert_eq!(schema["$defs"]["Waiver"]["required"], serde_json::json!(["rule", "why"]));
        assert!(schema.get("required").is_none(), "files of policy.d need no version");
    }
}
