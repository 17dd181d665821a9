//! Findings as a SARIF 2.1.0 log (OASIS, 2020), which code hosts show beside the policy file.

use std::fmt::Write as _;

use portreeve_core::{
    facts::Gap,
    finding::{Finding, Severity},
    policy::Place,
    rules::{self, Rule},
    words::{Lang, Words},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::judgement::Judgement;

/// Where the format is described.
const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log of one run.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Value,
    language: &'static str,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    results: Vec<ResultObject>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    end_time_utc: String,
    tool_execution_notifications: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject {
    rule_id: &'static str,
    level: &'static str,
    message: Value,
    locations: [Value; 1],
    partial_fingerprints: Value,
    suppressions: Vec<Value>,
    properties: Map<String, Value>,
}

/// The log of `judgement`. It carries no command line: those can hold secrets.
pub(crate) fn log(judgement: &Judgement<'_>, lang: Lang) -> Log {
    let run = Run {
        tool: tool(judgement, lang),
        language: match lang {
            Lang::En => "en",
            Lang::Ja => "ja",
        },
        column_kind: "unicodeCodePoints",
        invocations: [invocation(judgement, lang)],
        results: judgement.findings.iter().map(|finding| result(judgement, finding, lang)).collect(),
    };
    Log { schema: SCHEMA, version: "2.1.0", runs: [run] }
}

fn tool(judgement: &Judgement<'_>, lang: Lang) -> Value {
    let used = |rule: &&Rule| judgement.findings.iter().any(|finding| finding.rule == rule.name);
    let rules: Vec<_> = rules::all().filter(used).map(|rule| descriptor(rule, lang)).collect();
    json!({"driver": {"name": "portreeve", "version": env!("CARGO_PKG_VERSION"), "rules": rules}})
}

fn descriptor(rule: &Rule, lang: Lang) -> Value {
    let text = |words: Words| json!({"text": words.in_lang(lang)});
    json!({
        "id": rule.name,
        "shortDescription": text(rule.page.what),
        "fullDescription": text(rule.page.why),
        "help": text(rule.page.fix),
        "defaultConfiguration": {"level": level(rule.severity)},
        "properties": {"severity": rule.severity, "tags": rule.article},
    })
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Notice => "note",
        Severity::Warning => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

fn invocation(judgement: &Judgement<'_>, lang: Lang) -> Invocation {
    Invocation {
        execution_successful: true,
        end_time_utc: judgement.snapshot.taken.to_string(),
        tool_execution_notifications: judgement.gaps.iter().map(|gap| notification(gap, lang)).collect(),
    }
}

fn notification(gap: &Gap, lang: Lang) -> Value {
    json!({"level": "warning", "message": {"text": gap.why().in_lang(lang)}})
}

fn result(judgement: &Judgement<'_>, finding: &Finding, lang: Lang) -> ResultObject {
    let suppression =
        finding.waived.as_ref().map(|waived| json!({"kind": "external", "justification": waived.why}));
    ResultObject {
        rule_id: finding.rule,
        level: level(finding.severity),
        message: json!({"text": format!("{}\n{}", finding.text.in_lang(lang), finding.fix.in_lang(lang))}),
        locations: [location(judgement, finding)],
        partial_fingerprints: json!({"finding/v1": fingerprint(finding)}),
        suppressions: suppression.into_iter().collect(),
        properties: properties(finding),
    }
}

/// The policy where it speaks of the finding, else the port of the host as a logical place.
fn location(judgement: &Judgement<'_>, finding: &Finding) -> Value {
    match &finding.place {
        Some(place) => json!({"physicalLocation": {
            "artifactLocation": {"uri": uri(&place.file)},
            "region": region(place),
        }}),
        None => {
            let host = &judgement.snapshot.host.name;
            let (name, kind) = match finding.ports {
                Some(ports) => (ports.to_string(), "port"),
                None => (host.clone(), "host"),
            };
            json!({"logicalLocations": [{
                "name": name,
                "kind": kind,
                "fullyQualifiedName": if kind == "port" { format!("{host}/{name}") } else { name.clone() },
            }]})
        }
    }
}

fn region(place: &Place) -> Value {
    json!({"startLine": place.line.max(1), "startColumn": place.column.max(1)})
}

/// A path as a URI reference (RFC 3986): absolute ones with their scheme.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").expect("a String takes every write");
        }
    }
    uri
}

/// What stays the same when the same thing is found again.
fn fingerprint(finding: &Finding) -> String {
    let ports = finding.ports.map(|ports| ports.to_string()).unwrap_or_default();
    let address = finding.address.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{}:{ports}:{address}:{}", finding.rule, finding.service.as_deref().unwrap_or_default())
}

fn properties(finding: &Finding) -> Map<String, Value> {
    let mut properties = Map::new();
    properties.insert("severity".into(), json!(finding.severity));
    if let Some(ports) = finding.ports {
        properties.insert("protocol".into(), json!(ports.protocol));
        properties.insert("port".into(), json!(ports.range.first));
        properties.insert("port_last".into(), json!(ports.range.last));
    }
    if let Some(address) = &finding.address {
        properties.insert("address".into(), json!(address));
    }
    if let Some(service) = &finding.service {
        properties.insert("service".into(), json!(service));
    }
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_uri_reference() {
        assert_eq!(uri("/etc/portreeve/policy.toml"), "file:///etc/portreeve/policy.toml");
        assert_eq!(uri("policy.d/網.toml"), "policy.d/%E7%B6%B2.toml");
        assert_eq!(uri("<stdin>"), "%3Cstdin%3E");
    }
}
