//! Limits, quotas and counts of connections, and of which packets they hold (libnftables-json(5), "LIMIT", "QUOTA").

use alloc::collections::BTreeMap;

use serde_json::Value;

use super::{TableKey, tagged, text};
use crate::firewall::ruleset::{Layer, Rate};

/// The kinds of meters, as statements name them.
pub(super) const KINDS: [&str; 3] = ["limit", "quota", "ct count"];

/// The meters that have a name, by their tables, kinds and names.
#[derive(Debug, Default)]
pub(super) struct Meters<'a>(BTreeMap<(TableKey<'a>, &'a str, &'a str), Rate>);

impl<'a> Meters<'a> {
    /// Those of a listing.
    pub(super) fn of(objects: &'a [Value]) -> Self {
        let meter = |(kind, inner): (&'a str, &'a Value)| {
            let table = (text(inner, "family").and_then(Layer::named)?, text(inner, "table")?);
            Some(((table, kind, text(inner, "name")?), of(kind, inner)))
        };
        let meters = objects.iter().filter_map(tagged).filter(|(kind, _)| KINDS.contains(kind));
        Self(meters.filter_map(meter).collect())
    }

    /// Of which packets a statement of `table` holds; `None` where it meters nothing, or nobody knows what.
    pub(super) fn rate(&self, table: TableKey<'_>, kind: &str, inner: &Value) -> Option<Rate> {
        match inner {
            Value::String(name) => self.0.get(&(table, kind, name.as_str())).copied(),
            Value::Object(own) if KINDS.contains(&kind) && !own.contains_key("map") => Some(of(kind, inner)),
            _ => None,
        }
    }
}

/// Of which packets a meter holds; of a quota that is used up nobody is within it any more.
fn of(kind: &str, inner: &Value) -> Rate {
    let is_over = inner.get("inv").and_then(Value::as_bool) == Some(true);
    if is_over == (kind == "quota" && is_used_up(inner)) { Rate::Within } else { Rate::Beyond }
}

/// net/netfilter/nft_quota.c, `nft_overquota`.
fn is_used_up(quota: &Value) -> bool {
    let bytes = |number: &str, unit: &str| {
        let unit = match text(quota, unit) {
            Some("kbytes") => 1 << 10,
            Some("mbytes") => 1 << 20,
            _ => 1,
        };
        quota.get(number).and_then(Value::as_u64).map(|number| u128::from(number) * unit)
    };
    // One that has a name is in bytes.
    let all = bytes("bytes", "").or_else(|| bytes("val", "val_unit"));
    all.zip(bytes("used", "used_unit")).is_some_and(|(all, used)| used >= all)
}
