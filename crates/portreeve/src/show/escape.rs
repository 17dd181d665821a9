//! Makes bytes that others wrote visible, so that none of them acts on a terminal or hides.

use std::borrow::Cow;

use portreeve_core::{visible::is_hidden, words::Text};

/// `text` with every character that would act or hide written out (`\x1b`, `\u{202e}`).
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        match character {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            _ if !is_hidden(character) => shown.push(character),
            _ if character.is_ascii() => shown += &format!("\\x{:02x}", u32::from(character)),
            _ => shown += &format!("\\u{{{:x}}}", u32::from(character)),
        }
    }
    Cow::Owned(shown)
}

/// The same of both languages.
pub(crate) fn visible_text(text: &Text) -> Text {
    Text { en: visible(&text.en).into_owned(), ja: visible(&text.ja).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_is_written_out() {
        assert_eq!(visible("a\x1b[31mb"), "a\\x1b[31mb");
        assert_eq!(visible("x\u{202e}y\u{200b}z\u{9b}"), "x\\u{202e}y\\u{200b}z\\u{9b}");
        assert_eq!(visible("two\nlines"), "two\\nlines");
    }

    #[test]
    fn what_shows_stays() {
        for text in ["nginx", "日本語", "é", "👍", ""] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text));
        }
    }
}
