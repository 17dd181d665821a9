//! Says in the JSON of nft which tables are dormant, as newer versions of it do: 1.0.6 leaves out that the kernel asks none of
//! their chains (A15, A17).

use serde_json::Value;

use super::kernel::Table;

/// The key of a table's object below which its flags stand (libnftables-json(5)).
const FLAGS: &str = "\"flags\"";

/// Adds what `tables` are to `listing`, where that does not say it.
pub(crate) fn mark(listing: &mut String, tables: &[Table]) {
    for table in tables.iter().filter(|table| table.is_dormant) {
        mark_one(listing, table);
    }
}

fn mark_one(listing: &mut String, table: &Table) {
    let Some(family) = table.family_name() else { return };
    let name = Value::from(table.name.as_str());
    let begin = format!(r#"{{"table": {{"family": "{family}", "name": {name}"#);
    let Some(at) = listing.find(&begin) else { return };
    let end = at + begin.len();
    let object = listing[end..].split('}').next().unwrap_or_default();
    if !object.contains(FLAGS) {
        listing.insert_str(end, &format!(r#", {FLAGS}: ["dormant"]"#));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(names: &[&str]) -> Vec<Table> {
        let dormant = |name: &&str| Table { family: 1, name: (*name).into(), is_dormant: true };
        names.iter().map(dormant).collect()
    }

    #[test]
    fn a_dormant_table_is_told_once() {
        let table = |family: &str, name: &str, more: &str| {
            format!(r#"{{"table": {{"family": "{family}", "name": "{name}"{more}, "handle": 7}}}}"#)
        };
        let listing = |more: &str| {
            let all = [table("ip", "a", ""), table("inet", "ab", ""), table("inet", "a", more)];
            format!(r#"{{"nftables": [{}]}}"#, all.join(", "))
        };
        let told = listing(r#", "flags": ["dormant"]"#);
        for mut text in [listing(""), told.clone()] {
            mark(&mut text, &tables(&["a", "gone"]));
            assert_eq!(text, told);
        }
        let mut awake = listing("");
        mark(&mut awake, &[Table { is_dormant: false, ..tables(&["a"])[0].clone() }]);
        assert_eq!(awake, listing(""));
    }
}
