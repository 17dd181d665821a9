//! Takes TOML values as what a key means them to be, and says what else stands there.

use alloc::{borrow::Cow, format, string::String, vec::Vec};

use super::{
    limits,
    lines::Mark,
    report::{Report, clip, did_you_mean},
    tree::{Content, Value},
};
use crate::{
    text,
    words::{Text, Words},
};

/// A key that a table may have, with what a person would write there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) example: &'static str,
}

/// A table of the policy whose keys are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<'v, 't> {
    pub(super) entries: Value<'v, 't>,
    /// Its name, or where it begins.
    pub(super) at: Mark,
}

/// What a value is, for a sentence that says it should be something else.
const fn kind(content: &Content<'_>) -> Words {
    match content {
        Content::Text(_) => Words { en: "text", ja: "文字列" },
        Content::Integer(_) | Content::Float => Words { en: "a number", ja: "数値" },
        Content::Boolean => Words { en: "true or false", ja: "真偽値" },
        Content::Date(_) => Words { en: "a date", ja: "日付" },
        Content::List(_) => Words { en: "a list", ja: "リスト" },
        Content::Table(_) => Words { en: "a table", ja: "テーブル" },
    }
}

impl<'v, 't> Table<'v, 't> {
    /// The value of a key.
    pub(super) fn get(&self, key: Key) -> Option<Value<'v, 't>> {
        self.entries.get(key.name)
    }

    /// Reports every key that is not among `known`.
    pub(super) fn refuse_unknown(&self, known: &[Key], report: &mut Report<'_>) {
        for entry in self.entries.children() {
            let name = entry.name();
            if known.iter().any(|key| key.name == name) {
                continue;
            }
            let guess = report.guess(name, known.iter().map(|key| key.name));
            let guess = guess.map(|guess| format!("`{guess}`"));
            let all: Vec<_> = known.iter().map(|key| key.name).collect();
            let (en_all, ja_all) = (all.join(", "), all.join("、"));
            let name = clip(name);
            report.wrong(
                entry.name_at(),
                text!("`{name}` is not a key here", "`{name}` というキーはここにはありません"),
                did_you_mean(
                    guess.as_deref(),
                    text!("the keys are: {en_all}", "使えるキーは次のとおりです: {ja_all}"),
                ),
            );
        }
    }

    /// A key's text, if it is there and is text with something in it.
    pub(super) fn string(&self, key: Key, report: &mut Report<'_>) -> Option<(Mark, &'v str)> {
        let value = self.get(key)?;
        let Some(written) = value.text() else {
            refuse_kind(value.at(), key, TEXT, value, report);
            return None;
        };
        if written.trim().is_empty() {
            refuse_empty(value.at(), key, report);
            return None;
        }
        Some((value.at(), written))
    }

    /// What a key says by one of `words`, if it is there, with its place; `odd` tells of another word, and `fix` of these.
    pub(super) fn one_of<T: Copy, const N: usize>(
        &self,
        key: Key,
        words: [(&'static str, T); N],
        odd: impl FnOnce(&str) -> Text,
        fix: Text,
        report: &mut Report<'_>,
    ) -> Option<(Mark, T)> {
        let (at, written) = self.string(key, report)?;
        if let Some((_, meant)) = words.iter().find(|(word, _)| *word == written) {
            return Some((at, *meant));
        }
        let guess = report.guess(written, words.map(|(word, _)| word));
        let guess = guess.map(|guess| format!("\"{guess}\""));
        report.wrong(at, odd(&clip(written)), did_you_mean(guess.as_deref(), fix));
        None
    }

    /// What a key says of yes or no, if it is there, with its place.
    pub(super) fn boolean(&self, key: Key, report: &mut Report<'_>) -> Option<(Mark, bool)> {
        let value = self.get(key)?;
        if !matches!(value.content(), Content::Boolean) {
            let wanted = Words { en: "true or false", ja: "true か false" };
            refuse_kind(value.at(), key, wanted, value, report);
            return None;
        }
        Some((value.at(), report.written(value.at()) == "true"))
    }

    /// A key's texts: a list, or one text that stands for a list of one.
    pub(super) fn strings(&self, key: Key, report: &mut Report<'_>) -> Vec<(Mark, &'v str)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        if value.items_count() == 0 {
            refuse_empty(value.at(), key, report);
        }
        if is_too_long(value, key, report) {
            return Vec::new();
        }
        let mut strings = Vec::with_capacity(value.items_count());
        for item in value.items() {
            match item.text() {
                Some(written) => strings.push((item.at(), written)),
                None => refuse_kind(item.at(), key, TEXTS, item, report),
            }
        }
        strings
    }
}

const TEXT: Words = Words { en: "text", ja: "文字列" };
const TEXTS: Words = Words { en: "text or a list of texts", ja: "文字列か文字列のリスト" };

/// Reports that a value is of another kind than `wanted`.
pub(super) fn refuse_kind(at: Mark, key: Key, wanted: Words, value: Value<'_, '_>, report: &mut Report<'_>) {
    let Key { name, example } = key;
    let (kind, wanted_en, wanted_ja) = (kind(value.content()), wanted.en, wanted.ja);
    let (kind_en, kind_ja) = (kind.en, kind.ja);
    let text = Text {
        en: format!("`{name}` is {wanted_en}, not {kind_en}"),
        ja: format!("`{name}` には{wanted_ja}を書きますが、{kind_ja}が書かれています"),
    };
    report.wrong(at, text, text!("write it like this: {example}", "次のように書きます: {example}"));
}

/// Whether a list holds more items than a policy may; then that is reported.
pub(super) fn is_too_long(value: Value<'_, '_>, key: Key, report: &mut Report<'_>) -> bool {
    let count = value.items_count();
    if count > limits::ITEMS_MAX {
        let (name, most) = (key.name, limits::ITEMS_MAX);
        report.wrong(
            value.at(),
            text!(
                "`{name}` has {count} items; {most} is the limit",
                "`{name}` の項目は {count} 個あり、上限の {most} 個を超えています"
            ),
            text!("write ranges, or several services", "範囲で書くか、サービスを分けてください"),
        );
    }
    count > limits::ITEMS_MAX
}

fn refuse_empty(at: Mark, key: Key, report: &mut Report<'_>) {
    let Key { name, example } = key;
    report.wrong(
        at,
        text!("`{name}` is empty", "`{name}` が空です"),
        text!(
            "write it like {example}, or leave it out",
            "{example} のように書くか、この行を削除してください"
        ),
    );
}

/// Whether a name can stand in tables, on a command line and in a sentence without being quoted.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.chars().count() <= NAME_CHARACTERS_MAX
        && name.chars().all(|letter| letter.is_alphanumeric() || "-_.@+:".contains(letter))
}

/// A name as it stands in a header: TOML wants quotes around all but ASCII letters, digits, `-` and `_`.
pub(super) fn as_key(name: &str) -> Cow<'_, str> {
    let is_bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if is_bare { name.into() } else { format!("\"{name}\"").into() }
}

/// Long enough for any unit or container; short enough for a table.
const NAME_CHARACTERS_MAX: usize = 128;

/// Reports a service's or zone's name that cannot be shown as it is.
pub(super) fn check_name(name: &str, at: Mark, report: &mut Report<'_>) {
    if !is_name(name) {
        let name: String = clip(name);
        report.wrong(
            at,
            text!("`{name}` cannot be a name", "`{name}` は名前に使えません"),
            text!(
                "use up to {NAME_CHARACTERS_MAX} letters, digits and - _ . @ + :",
                "文字、数字、- _ . @ + : を使い、{NAME_CHARACTERS_MAX} 文字以内で書いてください"
            ),
        );
    }
}
