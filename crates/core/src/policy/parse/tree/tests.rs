//! The tree against the `toml` crate, which reads the same language in another way (A15).

use alloc::{format, string::String, vec::Vec};

use proptest::prelude::*;
use toml::de::{DeTable, DeValue};

use super::{Content, Tree, Value, read};

/// A value as text, its entries by name: `{a:1,b:[x]}`.
fn shown(value: Value<'_, '_>) -> String {
    match value.content() {
        Content::Text(text) => format!("{text:?}"),
        Content::Integer(digits) => digits.clone().into_owned(),
        Content::Float => "float".into(),
        Content::Boolean => "boolean".into(),
        Content::Date(written) => (*written).into(),
        Content::List(_) => format!("[{}]", value.children().map(shown).collect::<Vec<_>>().join(",")),
        Content::Table(_) => {
            let entry = |child: Value<'_, '_>| format!("{}:{}", child.name(), shown(child));
            let mut entries: Vec<_> = value.children().map(entry).collect();
            entries.sort();
            format!("{{{}}}", entries.join(","))
        }
    }
}

fn shown_table(table: &DeTable<'_>) -> String {
    let entry = |(name, value): (&toml::Spanned<_>, &toml::Spanned<_>)| {
        format!("{}:{}", name.get_ref(), shown_by_toml(value.get_ref()))
    };
    let mut entries: Vec<_> = table.iter().map(entry).collect();
    entries.sort();
    format!("{{{}}}", entries.join(","))
}

fn shown_by_toml(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => number.as_str().into(),
        DeValue::Float(_) => "float".into(),
        DeValue::Boolean(_) => "boolean".into(),
        DeValue::Datetime(moment) => format!("{moment}"),
        DeValue::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| shown_by_toml(item.get_ref())).collect();
            format!("[{}]", items.join(","))
        }
        DeValue::Table(table) => shown_table(table),
    }
}

/// What the tree says of a text, if the text is TOML.
fn ours(text: &str) -> Option<String> {
    let (tree, errors) = read(text, 0, Tree::default());
    errors.is_empty().then(|| shown(tree.root()))
}

fn theirs(text: &str) -> Option<String> {
    DeTable::parse(text).ok().map(|table| shown_table(table.get_ref()))
}

#[test]
fn an_entry_far_behind_in_a_large_table_is_found() {
    let text: String = (0..100).map(|number| format!("[a.n{number}]\nb.c = {number}\n")).collect();
    let again = format!("{text}[a.n99.d]\n[a.n98.b.e]\n");
    assert_eq!(ours(&again), theirs(&again));
    let (tree, errors) = read(&text, 0, Tree::default());
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(tree.root().get("a").map(|a| a.children().count()), Some(100));
    for written_twice in ["[a.n99]", "[a.n3]", "[a]\nn50.c = 1", "[a.n97.b]"] {
        let text = format!("{text}{written_twice}\n");
        assert_eq!((ours(&text), read(&text, 0, Tree::default()).1.len()), (None, 1), "{written_twice}");
    }
}

#[test]
fn a_header_may_come_after_those_of_its_tables() {
    let text = "[service.web.owner]\nunit = 'a.service'\n[service.web]\nports = '1/tcp'\n";
    let (tree, errors) = read(text, 7, Tree::default());
    assert!(errors.is_empty(), "{errors:?}");
    let web = tree.root().get("service").and_then(|service| service.get("web")).unwrap();
    let written = |mark: super::Mark| &text[mark.start as usize..mark.end as usize];
    assert_eq!((written(web.at()), written(web.name_at())), ("[service.web]", "web"));
    assert_eq!((web.name_at().file, web.name_at().start), (7, 20 + 19 + 9));
    assert_eq!(web.get("owner").and_then(|owner| owner.get("unit")).and_then(Value::text), Some("a.service"));
}

#[test]
fn between_braces_a_line_ends_behind_a_value_and_nowhere_else() {
    for broken in
        ["a = {b\n= 1}", "a = {b = 1, c\n= 2}", "a = {b =\n1}", "a = {b.\nc = 1}", "a = {b # c\n= 1}"]
    {
        assert_eq!(ours(broken), None, "{broken}");
    }
    assert_eq!(ours("a = {b = [1,\n2]}").as_deref(), Some("{a:{b:[1,2]}}"));
}

#[test]
fn a_value_is_where_it_is_written() {
    let text = "a = [ 'x',\n  { b.c = 7 } ] # é\n";
    let (tree, _) = read(text, 0, Tree::default());
    let list = tree.root().get("a").unwrap();
    let written = |value: Value<'_, '_>| &text[value.at().start as usize..value.at().end as usize];
    assert_eq!(written(list), "[ 'x',\n  { b.c = 7 } ]");
    assert_eq!(list.children().map(written).collect::<Vec<_>>(), ["'x'", "{ b.c = 7 }"]);
    assert_eq!((list.items_count(), list.children().next().unwrap().items_count()), (2, 1));
}

#[test]
fn a_file_of_several_stretches_is_read_as_one() {
    let list: String = (0..3_000).map(|number| format!("  {number},\n")).collect();
    let lines: String = (0..3_000).map(|number| format!("n{number} = [{{ a = {number} }}]\n")).collect();
    let text = format!("a = [\n{list}]\nb = {{ c = [1] }}\n{lines}");
    assert_eq!(ours(&text), theirs(&text));
    let broken = format!("{lines}a = [\n{lines}");
    let (_, errors) = read(&broken, 0, Tree::default());
    let last = errors.last().map(toml_parser::ParseError::description);
    assert_eq!((last, errors.len()), (Some("unclosed array"), 4_096));
}

#[test]
fn the_memory_of_another_file_holds_nothing_of_it() {
    let (tree, _) = read("a = 1\n[b]\nc = [2, 3]\n", 0, Tree::default());
    let (tree, errors) = read("[d]\n", 1, tree);
    assert_eq!((shown(tree.root()), errors.len(), tree.root().at().file), ("{d:{}}".into(), 0, 1));
}

/// Lines that may meet in one table.
fn toml() -> impl Strategy<Value = String> {
    let lines = prop::sample::select(alloc::vec![
        "[a]",
        "[b]",
        "[a.b]",
        "[a.b.c]",
        "[b.'a']",
        "[[a]]",
        "[[a.b]]",
        "[[b]]",
        "[[b.a.c]]",
        "[\"a\"]",
        "[ a . c ]",
        "a = 1",
        "b = 'x'",
        "a.b = 2",
        "a.b.c = \"\\u0041\"",
        "b.a = 0x1F",
        "a.c = 1.5",
        "c = true",
        "c = 2027-06-30",
        "c.a = [1, 'x', [2]]",
        "a = { b = 1 }",
        "a = { b.c = 1, b.a = { c = 2 } }",
        "b = { b.c = 1, b = 2 }",
        "b = [{ a = 1 }, { a.b = 2 }]",
        "a = {}",
        "b = [\n 1, # one\n 2,\n]",
        "c = '''\nx\n'''",
        "a = { b = 1, b = 2 }",
        "a",
        "a = ",
        "= 1",
        "[",
        "[a",
        "[]",
        "[a.]",
        "]",
        "a = [1",
        "a = { b",
        "# a",
        "a = 'x",
        "a = 1 2",
        "a = x",
        "a.. = 1",
        "a. b = 1",
    ]);
    prop::collection::vec(lines, 0..8).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, ..ProptestConfig::default() })]

    #[test]
    fn what_is_toml_and_what_it_says_is_agreed(text in toml()) {
        prop_assert_eq!(ours(&text), theirs(&text));
    }
}
