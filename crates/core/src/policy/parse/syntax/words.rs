//! What the TOML reader's messages mean, in both languages, and what to write instead.

use alloc::format;

use crate::{
    policy::parse::{report::clip, tree},
    text,
    words::{Text, Words},
};

/// Whether the reader reached the end of the file inside a list or a table.
pub(super) fn is_unclosed(message: &str) -> bool {
    ["unclosed array", "unclosed inline table"]
        .iter()
        .any(|start| message.strip_prefix(start).is_some_and(|rest| !rest.starts_with(" table")))
}

/// Whether a message can be the first sign of a list or table that is not closed.
pub(super) fn is_swallowing(message: &str) -> bool {
    is_unclosed(message) || message.contains("between") || message.starts_with("unexpected `=`")
}

/// What is said of a list or table that is not closed, at the first error that it causes.
pub(super) const UNCLOSED: (Words, Words) = (
    Words {
        en: "a list or table that begins above is not closed",
        ja: "これより前で始まったリストまたはテーブルが閉じられていません",
    },
    Words {
        en: "write the missing ] or } before this", ja: "この前に足りない ] か } を書いてください"
    },
);

/// What is wrong, in words, and the start of each message that says it.
const MEANINGS: &[(&[&str], Words, Words)] = &[
    (
        &["unclosed table", "unclosed array table", "missing table open"],
        Words { en: "the header is not closed", ja: "見出しが閉じられていません" },
        Words { en: "write it like [service.web]", ja: "[service.web] のように書いてください" },
    ),
    (
        &[
            "string values must be quoted",
            "invalid float",
            "invalid integer",
            "invalid value",
            "unexpected sign",
        ],
        Words { en: "text must stand in quotes", ja: "文字列は引用符で囲む必要があります" },
        Words { en: "write it like \"443/tcp\"", ja: "\"443/tcp\" のように書いてください" },
    ),
    (
        &["invalid basic string", "invalid literal string", "invalid multi-line", "missing opening quote"],
        Words {
            en: "a quote is missing, or a character is not allowed",
            ja: "引用符が足りないか、使えない文字があります",
        },
        Words {
            en: "put a quote before and after the text, and \\ twice",
            ja: "文字列の前後を引用符で囲み、\\ は 2 つ重ねて書いてください",
        },
    ),
    (
        &["missing escaped value", "too few unicode"],
        Words {
            en: "`\\` begins something that has no meaning",
            ja: "`\\` の後に解釈できない文字があります",
        },
        Words {
            en: "write \\\\ for one \\, or use '…'",
            ja: "\\ を \\\\ と書くか、文字列を '…' で囲んでください",
        },
    ),
    (
        &["invalid unquoted key", "unquoted keys", "keys cannot be", "missing key"],
        Words { en: "this key needs quotes", ja: "このキーには引用符が必要です" },
        Words {
            en: "put quotes around it, as in [service.\"my@name\"]",
            ja: "[service.\"my@name\"] のように引用符で囲んでください",
        },
    ),
    (
        &["key with no value", "missing value", "missing assignment", "invalid key-value pair"],
        Words { en: "a key stands here without a value", ja: "値のないキーがあります" },
        Words {
            en: "write it like reach = \"world\"", ja: "reach = \"world\" のように書いてください"
        },
    ),
    (
        &["missing comma"],
        Words { en: "a comma is missing before this", ja: "この前にコンマが足りません" },
        Words {
            en: "put a comma between the items", ja: "項目の間をコンマで区切ってください"
        },
    ),
    (
        &["unexpected key or value", "unexpected content"],
        Words {
            en: "this does not belong to the line any more", ja: "この行の内容はこの前で終わっています"
        },
        Words {
            en: "begin a new line before it, or delete it", ja: "この前で改行するか、削除してください"
        },
    ),
    (
        &["extra comma", "extra `=`", "extra assignment"],
        Words { en: "there is one sign too many", ja: "記号が 1 つ余分です" },
        Words { en: "delete it", ja: "削除してください" },
    ),
    (
        &["cannot extend value"],
        Words {
            en: "this key has a value already and cannot hold another key",
            ja: "このキーには既に値があるため、下にキーを置けません",
        },
        Words {
            en: "write everything of it in one place", ja: "1 か所にまとめて書いてください"
        },
    ),
    (
        &["cannot recurse"],
        Words {
            en: "lists and tables are nested too deeply", ja: "リストやテーブルの入れ子が深すぎます"
        },
        Words {
            en: "no value of a policy nests more than two deep",
            ja: "policy の値の入れ子は 2 段までです",
        },
    ),
    (
        &[tree::DEEP_KEY],
        Words { en: "this key has too many parts", ja: "キーの階層が深すぎます" },
        Words {
            en: "no key of a policy has more than four, as service.web.owner.unit",
            ja: "policy のキーは service.web.owner.unit のように 4 階層までです",
        },
    ),
    (
        &[tree::BROKEN_KEY],
        Words { en: "this key has no value on its line", ja: "キーと値が同じ行にありません" },
        Words {
            en: "write key, = and value on one line", ja: "キー、=、値を 1 行に書いてください"
        },
    ),
    (
        &["invalid comment character", "carriage return"],
        Words { en: "a control character stands here", ja: "制御文字があります" },
        Words { en: "delete it", ja: "削除してください" },
    ),
];

/// What `message` means where `written` stands, and what to do.
pub(super) fn of(message: &str, written: &str) -> (Text, Text) {
    let meaning = MEANINGS.iter().find(|(starts, ..)| starts.iter().any(|start| message.starts_with(start)));
    let Some((_, text, fix)) = meaning else {
        return (
            text!("this is not TOML: {message}", "TOML として読めません: {message}"),
            text!(
                "a line is `key = value` or `[service.name]`",
                "各行は `key = value` か `[service.name]` の形で書きます"
            ),
        );
    };
    let needs_quotes = message.starts_with("string values") || message.starts_with("invalid float");
    if needs_quotes && !written.is_empty() && !written.contains(['"', '\\']) {
        let quoted = format!("\"{}\"", clip(written));
        return ((*text).into(), text!("write {quoted}", "{quoted} と書いてください"));
    }
    ((*text).into(), (*fix).into())
}
