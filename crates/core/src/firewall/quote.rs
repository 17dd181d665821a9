//! Quotes what a listing says in the reason why it cannot be read.

use alloc::string::String;

/// A name has at most 128 characters (include/uapi/linux/netfilter/nf_tables.h, `NFT_NAME_MAXLEN`); what is longer is none.
const QUOTED_CHARS_MAX: usize = 128;

/// `text`, as much of it as a sentence can hold, and on one line.
pub(super) fn quote(text: &str) -> String {
    let shown = text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character });
    let mut quoted: String = shown.take(QUOTED_CHARS_MAX).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        quoted.push('…');
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_whole_and_a_long_line_is_not() {
        assert_eq!(quote("ufw-user-input"), "ufw-user-input");
        assert_eq!(quote(&"あ".repeat(128)), "あ".repeat(128));
        assert_eq!(quote(&"あ".repeat(129)), "あ".repeat(128) + "…");
        assert_eq!(quote("a\nb\u{2028}"), "a\u{fffd}b\u{2028}");
    }
}
