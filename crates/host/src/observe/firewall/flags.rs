//! Says in the JSON of nft which flags a table has, as newer versions of it do: 1.0.6 writes its name there (A15, A17).

use serde_json::Value;

use super::kernel::Table;

/// NFT_TABLE_F_DORMANT, NFT_TABLE_F_OWNER and NFT_TABLE_F_PERSIST (include/uapi/linux/netfilter/nf_tables.h), as nft calls them.
const NAMES: [(u32, &str); 3] = [(1, "dormant"), (2, "owner"), (4, "persist")];

/// Says in `listing` which flags each of `tables` has.
pub(crate) fn mark(listing: &mut String, tables: &[Table]) {
    for table in tables.iter().filter(|table| table.flags != 0) {
        mark_one(listing, table);
    }
}

fn mark_one(listing: &mut String, table: &Table) {
    let Some(family) = table.family_name() else { return };
    let name = Value::from(table.name.as_str());
    let begin = format!(r#"{{"table": {{"family": "{family}", "name": {name}, "#);
    let Some(at) = listing.find(&begin) else { return };
    let at = at + begin.len();
    let own = &listing[at..at + listing[at..].find('}').unwrap_or_default()];
    let (garbled, told) = (format!(r#""flags": {name}"#), format!(r#""flags": {}"#, named(table.flags)));
    match own.find(&garbled) {
        Some(flags) => listing.replace_range(at + flags..at + flags + garbled.len(), &told),
        None if own.contains(r#""flags":"#) => {}
        None => listing.insert_str(at, &format!("{told}, ")),
    }
}

/// A flag of which no name is known stands by its number.
fn named(flags: u32) -> Value {
    let known = NAMES.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| Value::from(*name));
    let unknown = NAMES.iter().fold(flags, |left, (flag, _)| left & !flag);
    known.chain((unknown != 0).then(|| unknown.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(names: &[&str]) -> Vec<Table> {
        let dormant = |name: &&str| Table { family: 1, name: (*name).into(), flags: 1 };
        names.iter().map(dormant).collect()
    }

    fn listing(of_first: &str, of_last: &str) -> String {
        let table = |family: &str, name: &str, more: &str| {
            format!(r#"{{"table": {{"family": "{family}", "name": "{name}", "handle": 7{more}}}}}"#)
        };
        let all = [table("ip", "a", of_first), table("inet", "ab", of_first), table("inet", "a", of_last)];
        format!(r#"{{"nftables": [{}]}}"#, all.join(", "))
    }

    fn flags_of_last(text: &str) -> Value {
        let listing: Value = serde_json::from_str(text).unwrap();
        listing["nftables"][2]["table"]["flags"].clone()
    }

    #[test]
    fn a_dormant_table_is_told_whatever_nft_makes_of_it() {
        for of_last in [r#", "flags": "a""#, r#", "flags": ["dormant"]"#, ""] {
            let mut text = listing("", of_last);
            mark(&mut text, &tables(&["a", "gone"]));
            assert_eq!(flags_of_last(&text), serde_json::json!(["dormant"]), "{text}");
            assert_eq!(text.matches("flags").count(), 1, "{text}");
        }
    }

    #[test]
    fn each_flag_is_told() {
        let told = [1, 2, 7, 8, 9].map(|flags| named(flags).to_string());
        assert_eq!(
            told,
            [r#"["dormant"]"#, r#"["owner"]"#, r#"["dormant","owner","persist"]"#, "[8]", r#"["dormant",8]"#]
        );
    }

    #[test]
    fn what_is_awake_or_told_whole_stays_as_it_is() {
        let whole = listing("", r#", "flags": ["dormant", "owner"]"#);
        let mut same = whole.clone();
        mark(&mut same, &tables(&["a"]));
        assert_eq!(same, whole);
        let mut awake = listing("", "");
        mark(&mut awake, &[Table { flags: 0, ..tables(&["a"])[0].clone() }]);
        assert_eq!(awake, listing("", ""));
    }
}
