//! A rule as nft(8) writes it, so that a person finds it again.

mod expression;

use alloc::{
    borrow::ToOwned,
    format,
    string::{String, ToString},
    vec::Vec,
};

use serde_json::Value;

use self::expression::{constant, expression, key_style, with_words};
use super::{several, tagged, text};

/// More bytes than this of a rule are not shown.
const TEXT_BYTES_MAX: usize = 2_000;

/// The rule of these statements, without what its counters say.
pub(super) fn rule(statements: &[Value], comment: Option<&str>) -> String {
    let mut all = String::new();
    let comment = comment.map(|comment| format!("comment \"{comment}\""));
    for words in statements.iter().map(statement).chain(comment) {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&words);
        if all.len() > TEXT_BYTES_MAX {
            break;
        }
    }
    cut(all)
}

fn cut(mut words: String) -> String {
    if words.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|at| words.is_char_boundary(*at)).unwrap_or(0);
        words.truncate(end);
        words.push('…');
    }
    words
}

fn statement(value: &Value) -> String {
    if let Some(name) = value.as_str() {
        return name.to_owned();
    }
    let Some((name, inner)) = tagged(value) else { return expression(value) };
    match name {
        "match" => matching(inner),
        "vmap" => format!("{} vmap {}", side(inner, "key"), data(inner)),
        "mangle" => mangle(inner),
        "dnat" | "snat" | "redirect" | "masquerade" | "tproxy" => translation(name, inner),
        "reject" => reject(inner),
        "counter" | "quota" | "limit" => stateful(name, inner),
        "log" => log(inner),
        "set" => update(inner),
        "meter" => meter(inner),
        "ct helper" | "ct timeout" | "ct expectation" => format!("{name} set {}", constant_plain(inner)),
        "ct count" => format!("ct count {}{}", over(inner), number(inner, "val")),
        "flow" => format!("flow add {}", text(inner, "flowtable").unwrap_or_default()),
        "dup" | "fwd" | "queue" | "synproxy" | "xt" | "secmark" | "last" => with_words(name, inner),
        _ => verdict(name, inner).unwrap_or_else(|| with_words(name, inner)),
    }
}

/// `accept`, `jump name` and the like.
fn verdict(name: &str, inner: &Value) -> Option<String> {
    match (name, text(inner, "target")) {
        ("jump" | "goto", Some(target)) => Some(format!("{name} {target}")),
        (_, _) if inner.is_null() => Some(name.to_owned()),
        _ => None,
    }
}

fn matching(inner: &Value) -> String {
    let (Some(left), Some(right)) = (inner.get("left"), inner.get("right")) else {
        return with_words("match", inner);
    };
    let op = text(inner, "op").unwrap_or_default();
    let is_masked = matches!(tagged(left), Some(("&" | "|" | "^", _)));
    let between = match op {
        "==" if is_masked => " == ".to_owned(),
        "==" | "in" => " ".to_owned(),
        other => format!(" {other} "),
    };
    let separator = if op == "in" || op == "!" { "," } else { " | " };
    format!("{}{between}{}", expression(left), constant(right, key_style(left), separator))
}

fn side(inner: &Value, key: &str) -> String {
    inner.get(key).map(expression).unwrap_or_default()
}

fn data(inner: &Value) -> String {
    let style = inner.get("key").map(key_style).unwrap_or_default();
    inner.get("data").map(|data| constant(data, style, " | ")).unwrap_or_default()
}

fn constant_plain(value: &Value) -> String {
    expression(value)
}

fn number(inner: &Value, key: &str) -> String {
    inner.get(key).map(ToString::to_string).unwrap_or_default()
}

fn over(inner: &Value) -> &'static str {
    if inner.get("inv").and_then(Value::as_bool) == Some(true) { "over " } else { "" }
}

fn mangle(inner: &Value) -> String {
    let style = inner.get("key").map(key_style).unwrap_or_default();
    let value = inner.get("value").map(|value| constant(value, style, " | ")).unwrap_or_default();
    format!("{} set {value}", side(inner, "key"))
}

/// `dnat ip to 10.0.0.2:8080 random`.
fn translation(name: &str, inner: &Value) -> String {
    let mut words: Vec<String> = [name.to_owned()].into();
    words.extend(text(inner, "family").map(ToOwned::to_owned));
    let address = inner.get("addr").map(expression);
    let port = inner.get("port").map(|port| format!(":{}", expression(port)));
    let bracketed = address.map(|address| match (&port, address.parse::<core::net::Ipv6Addr>()) {
        (Some(_), Ok(_)) => format!("[{address}]"),
        _ => address,
    });
    if bracketed.is_some() || port.is_some() {
        words.push(format!("to {}{}", bracketed.unwrap_or_default(), port.unwrap_or_default()));
    }
    let flags = inner.get("flags").map(several).unwrap_or_default();
    let flags: Vec<&str> = flags.into_iter().filter_map(Value::as_str).collect();
    if !flags.is_empty() {
        words.push(flags.join(","));
    }
    words.join(" ")
}

fn reject(inner: &Value) -> String {
    match (text(inner, "type"), text(inner, "expr")) {
        (Some(kind), Some(code)) => format!("reject with {kind} {code}"),
        (Some(kind), None) => format!("reject with {kind}"),
        _ => "reject".to_owned(),
    }
}

/// What counts: by a name, or by itself.
fn stateful(name: &str, inner: &Value) -> String {
    match (name, inner) {
        (_, Value::String(object)) => format!("{name} name \"{object}\""),
        (_, map) if map.get("map").is_some() => format!("{name} name {}", expression(map)),
        ("limit", _) => {
            let unit = text(inner, "rate_unit").map_or_else(String::new, |unit| format!(" {unit}"));
            let per = text(inner, "per").unwrap_or_default();
            format!("limit rate {}{}{unit}/{per}", over(inner), number(inner, "rate"))
        }
        ("quota", _) => {
            let unit = text(inner, "val_unit").unwrap_or("bytes");
            format!("quota {}{} {unit}", over(inner), number(inner, "val"))
        }
        _ => name.to_owned(),
    }
}

fn log(inner: &Value) -> String {
    let mut words: Vec<String> = ["log".to_owned()].into();
    words.extend(text(inner, "prefix").map(|prefix| format!("prefix \"{prefix}\"")));
    words.extend(inner.get("group").map(|group| format!("group {group}")));
    words.extend(text(inner, "level").map(|level| format!("level {level}")));
    words.join(" ")
}

fn update(inner: &Value) -> String {
    let op = text(inner, "op").unwrap_or("add");
    let set = text(inner, "set").unwrap_or_default();
    let statements = inner.get("stmt").map(several).unwrap_or_default();
    let statements: Vec<String> = statements.into_iter().map(within).collect();
    let element: Vec<String> = inner.get("elem").map(expression).into_iter().chain(statements).collect();
    format!("{op} {set} {{ {} }}", element.join(" "))
}

/// A statement of an element, of which none holds another one.
fn within(value: &Value) -> String {
    match tagged(value) {
        Some((name @ ("counter" | "quota" | "limit"), inner)) => stateful(name, inner),
        Some(("ct count", inner)) => format!("ct count {}{}", over(inner), number(inner, "val")),
        _ => expression(value),
    }
}

fn meter(inner: &Value) -> String {
    let name = text(inner, "name").unwrap_or_default();
    let statement = inner.get("stmt").map(within).unwrap_or_default();
    format!("meter {name} {{ {} {statement} }}", side(inner, "key"))
}
