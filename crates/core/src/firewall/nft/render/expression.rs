//! Expressions and constants as nft(8) writes them; how deep they nest is bounded by the JSON.

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::Value;

use crate::firewall::nft::{several, tagged, text};

/// More elements than this of a set are not shown.
const ELEMENTS_MAX: usize = 100;
/// What stands without `meta` before it.
const UNQUALIFIED: [&str; 6] = ["iif", "iifname", "oif", "oifname", "iifgroup", "oifgroup"];

/// How the constants that something is compared with are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Plain,
    /// `"eth0"`.
    Quoted,
    /// `0x00000010`.
    Mark,
}

/// How constants are written that are compared with `left`.
pub(super) fn key_style(left: &Value) -> Style {
    match tagged(left) {
        Some(("meta", inner)) => match text(inner, "key") {
            Some("mark") => Style::Mark,
            Some("iif" | "iifname" | "oif" | "oifname" | "ibrname" | "obrname") => Style::Quoted,
            _ => Style::Plain,
        },
        Some(("ct", inner)) => match text(inner, "key") {
            Some("mark") => Style::Mark,
            Some("helper") => Style::Quoted,
            _ => Style::Plain,
        },
        Some(("&" | "|" | "^", Value::Array(sides))) => sides.first().map(key_style).unwrap_or_default(),
        _ => Style::Plain,
    }
}

pub(super) fn expression(value: &Value) -> String {
    constant(value, Style::Plain, " | ")
}

/// A constant in the style of what it is compared with; `separator` stands between bits.
pub(super) fn constant(value: &Value, style: Style, separator: &str) -> String {
    match value {
        Value::String(word) if style == Style::Quoted && !word.starts_with('@') => format!("\"{word}\""),
        Value::String(word) => word.clone(),
        Value::Number(number) => match number.as_u64() {
            Some(mark) if style == Style::Mark => format!("0x{mark:08x}"),
            _ => number.to_string(),
        },
        Value::Bool(true) => "exists".to_owned(),
        Value::Bool(false) => "missing".to_owned(),
        Value::Null => String::new(),
        Value::Array(bits) => joined(bits, style, separator),
        Value::Object(_) => object(value, style),
    }
}

fn joined(values: &[Value], style: Style, separator: &str) -> String {
    let words: Vec<String> = values.iter().map(|value| constant(value, style, " | ")).collect();
    words.join(separator)
}

fn object(value: &Value, style: Style) -> String {
    let Some((name, inner)) = tagged(value) else { return with_words("", value) };
    match name {
        "prefix" => format!("{}/{}", member(inner, "addr", style), member(inner, "len", Style::Plain)),
        "range" => inner.as_array().map_or_else(String::new, |ends| joined(ends, style, "-")),
        "set" => set(inner, style),
        "concat" => inner.as_array().map_or_else(String::new, |parts| joined(parts, style, " . ")),
        "elem" => element(inner, style),
        "meta" => match text(inner, "key") {
            Some(key) if UNQUALIFIED.contains(&key) => key.to_owned(),
            key => format!("meta {}", key.unwrap_or_default()),
        },
        "ct" => {
            worded(&["ct", text(inner, "dir").unwrap_or_default(), text(inner, "key").unwrap_or_default()])
        }
        "payload" => payload(inner),
        "fib" => fib(inner),
        "numgen" => format!(
            "numgen {} mod {}",
            text(inner, "mode").unwrap_or_default(),
            member(inner, "mod", Style::Plain)
        ),
        "jhash" | "symhash" => hash(name, inner),
        "map" => {
            let style = inner.get("key").map(key_style).unwrap_or_default();
            format!("{} map {}", member(inner, "key", Style::Plain), member(inner, "data", style))
        }
        "&" | "|" | "^" | "<<" | ">>" => operation(name, inner, style),
        "jump" | "goto" => format!("{name} {}", text(inner, "target").unwrap_or_default()),
        "socket" | "rt" | "osf" | "exthdr" | "tcp option" | "ip option" | "sctp chunk" | "dccp option" => {
            let words = ["name", "field", "key"].map(|key| text(inner, key).unwrap_or_default());
            worded(&[if name == "exthdr" { "" } else { name }, words[0], words[1], words[2]])
        }
        _ => with_words(name, inner),
    }
}

/// `jhash ip saddr mod 2`.
fn hash(name: &str, inner: &Value) -> String {
    let of = inner.get("expr").map(expression).unwrap_or_default();
    let seeded = inner.get("seed").map(|seed| format!("seed {seed}")).unwrap_or_default();
    worded(&[name, &of, "mod", &member(inner, "mod", Style::Plain), &seeded])
}

/// Whatever is written in a way that is not known here: its name, and the words of its object.
pub(super) fn with_words(name: &str, inner: &Value) -> String {
    let Some(members) = inner.as_object() else { return worded(&[name, &expression(inner)]) };
    let members: Vec<String> =
        members.iter().map(|(key, value)| worded(&[key, &expression(value)])).collect();
    let words: Vec<&str> = [name].into_iter().chain(members.iter().map(String::as_str)).collect();
    worded(&words)
}

fn member(inner: &Value, key: &str, style: Style) -> String {
    inner.get(key).map(|value| constant(value, style, " | ")).unwrap_or_default()
}

fn worded(words: &[&str]) -> String {
    let words: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// `{ 22, 80-90 }`, `{ 22 : accept }`.
fn set(inner: &Value, style: Style) -> String {
    let all = several(inner);
    let mut words: Vec<String> = all.iter().take(ELEMENTS_MAX).map(|value| entry(value, style)).collect();
    if all.len() > ELEMENTS_MAX {
        words.push("…".to_owned());
    }
    format!("{{ {} }}", words.join(", "))
}

/// A pair is an entry of a map: no set has several bits in an array.
fn entry(value: &Value, style: Style) -> String {
    match value.as_array().map(Vec::as_slice) {
        Some([key, data]) => format!("{} : {}", constant(key, style, " | "), expression(data)),
        _ => constant(value, style, " | "),
    }
}

fn element(inner: &Value, style: Style) -> String {
    let timeout = inner.get("timeout").and_then(Value::as_u64);
    let timeout = timeout.map_or_else(String::new, |seconds| format!(" timeout {seconds}s"));
    format!("{}{timeout}", member(inner, "val", style))
}

fn payload(inner: &Value) -> String {
    match (text(inner, "protocol"), text(inner, "field")) {
        (Some(protocol), Some(field)) => format!("{protocol} {field}"),
        _ => {
            let number = |key| member(inner, key, Style::Plain);
            format!("@{},{},{}", text(inner, "base").unwrap_or_default(), number("offset"), number("len"))
        }
    }
}

fn fib(inner: &Value) -> String {
    let flags = inner.get("flags").map(several).unwrap_or_default();
    let flags: Vec<&str> = flags.into_iter().filter_map(Value::as_str).collect();
    format!("fib {} {}", flags.join(" . "), text(inner, "result").unwrap_or_default())
}

/// `tcp flags & (syn | ack)`.
fn operation(sign: &str, sides: &Value, style: Style) -> String {
    let Some([left, right]) = sides.as_array().map(Vec::as_slice) else { return sides.to_string() };
    let style = if style == Style::Plain { key_style(left) } else { style };
    let bits = constant(right, style, " | ");
    let right = if bits.contains(" | ") { format!("({bits})") } else { bits };
    format!("{} {sign} {right}", constant(left, style, " | "))
}
