//! Takes out of the listings of a packet filter what people wrote for themselves; what decides about packets stays.

use portreeve_core::{
    facts::{Firewall, Listing},
    firewall::nft,
};
use serde_json::Value;

/// What stands in the place of a comment.
const TAKEN_OUT: &str = "<redacted>";
/// What follows these is free text (iptables-extensions(8)).
const TEXTS_OF_IPTABLES: [&str; 6] =
    ["--comment", "--log-prefix", "--nflog-prefix", "--ulog-prefix", "--string", "--hex-string"];

/// The same without comments, the words that go before a line of a log, and patterns of content; nothing where a listing
/// is none.
pub(super) fn redact(mut firewall: Firewall) -> Option<Firewall> {
    for (listing, text) in &mut firewall.listings {
        match listing {
            Listing::Nft => *text = rules_of_nft(text)?,
            Listing::NftNetlink => *text = nft::essence(text),
            Listing::Iptables | Listing::Ip6tables | Listing::IptablesLegacy | Listing::Ip6tablesLegacy => {
                *text = each_line(text, |before, _| TEXTS_OF_IPTABLES.contains(&before));
            }
            // Of a set that may have comments the word itself stands alone.
            Listing::Ipset => {
                *text = each_line(text, |before, word| before == "comment" && word.starts_with('"'));
            }
            Listing::Addresses | Listing::Routes | Listing::Rules | Listing::Settings => {}
        }
    }
    Some(firewall)
}

fn rules_of_nft(text: &str) -> Option<String> {
    let mut value = serde_json::from_str(text).ok()?;
    let mut to_do = vec![&mut value];
    while let Some(value) = to_do.pop() {
        match value {
            Value::Array(list) => to_do.extend(list),
            Value::Object(fields) => {
                for (name, value) in fields {
                    if matches!(name.as_str(), "comment" | "prefix") && value.is_string() {
                        *value = TAKEN_OUT.into();
                    } else {
                        to_do.push(value);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    serde_json::to_string(&value).ok()
}

/// Every line of `text` without the words that are a text by what stands before them.
fn each_line(text: &str, is_text: impl Fn(&str, &str) -> bool) -> String {
    let mut lines = String::with_capacity(text.len());
    for line in text.lines() {
        let (mut before, mut rest) = ("", line);
        while let Some((space, word, after)) = next_word(rest) {
            lines.push_str(space);
            if is_text(before, word) {
                lines.extend(["\"", TAKEN_OUT, "\""]);
            } else {
                lines.push_str(word);
            }
            (before, rest) = (word, after);
        }
        lines.push('\n');
    }
    lines
}

/// The spaces that `text` begins with, the word after them with its quotation marks, and what follows.
fn next_word(text: &str) -> Option<(&str, &str, &str)> {
    let word = text.trim_start();
    let (space, _) = text.split_at(text.len() - word.len());
    let end = match word.strip_prefix('"') {
        Some(quoted) => quoted_end(quoted) + 1,
        None => word.find(char::is_whitespace).unwrap_or(word.len()),
    };
    let (word, after) = word.split_at(end);
    (!word.is_empty()).then_some((space, word, after))
}

/// Where a quoted text ends, its last mark included; a backslash takes the next character with it.
fn quoted_end(text: &str) -> usize {
    let mut is_taken = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_taken => is_taken = false,
            '\\' => is_taken = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(listing: Listing, text: &str) -> Option<String> {
        let firewall = redact(Firewall { listings: [(listing, text.into())].into() })?;
        firewall.text(listing).map(Into::into)
    }

    #[test]
    fn rules_keep_what_they_ask_and_do() {
        let text = "*filter\n-A INPUT -s 10.0.0.0/8 -m comment --comment \"token \\\" s3cret --dport 1\" -p tcp  -j LOG --log-prefix s3cret\nCOMMIT\n";
        let expected = "*filter\n-A INPUT -s 10.0.0.0/8 -m comment --comment \"<redacted>\" -p tcp  -j LOG --log-prefix \"<redacted>\"\nCOMMIT\n";
        assert_eq!(redacted(Listing::Iptables, text).unwrap(), expected);
        let text =
            "create a hash:ip comment timeout 5\nadd a 10.0.0.1 comment \"s3cret\"\nadd comment 10.0.0.2\n";
        let expected = "create a hash:ip comment timeout 5\nadd a 10.0.0.1 comment \"<redacted>\"\nadd comment 10.0.0.2\n";
        assert_eq!(redacted(Listing::Ipset, text).unwrap(), expected);
    }

    #[test]
    fn comments_of_nft_go_wherever_they_stand() {
        let text = r#"{"nftables":[{"rule":{"comment":"s3cret","expr":[{"log":{"prefix":"s3cret"}},{"match":{"left":{"meta":{"key":"prefix"}},"right":{"prefix":{"addr":"10.0.0.0","len":8}}}}]}},{"set":{"elem":[{"elem":{"val":1,"comment":"s3cret"}}]}}]}"#;
        let told = redacted(Listing::Nft, text).unwrap();
        assert_eq!(told.matches("<redacted>").count(), 3, "{told}");
        assert!(!told.contains("s3cret") && told.contains(r#""prefix":{"addr":"10.0.0.0","len":8}"#));
    }

    #[test]
    fn of_the_instructions_of_nft_only_what_is_read_stays() {
        let kept = [
            "inet t in 3\n  [ meta load nfproto => reg 1 ]\n  [ cmp eq reg 1 0x0000000a ]\n",
            "table inet t {\n\tchain in {\n\t\ttype filter hook ingress device \"lo\" priority filter; policy accept;\n",
        ];
        let text = [
            kept[0],
            "  [ log prefix s3cret ]\n  userdata = { \\x00s3cret }\n\n",
            kept[1],
            "\t\tcomment \"s3cret\"\n\t\ttcp dport 1 log prefix \"s3cret\" comment \"of\ninet s3cret in 3 s\"\n\t}\n}\n",
        ]
        .concat();
        let told = redacted(Listing::NftNetlink, &text).unwrap();
        assert_eq!(told.replace("  [ ]\n", ""), kept.concat());
    }

    #[test]
    fn what_cannot_be_read_is_not_kept() {
        assert_eq!(redacted(Listing::Nft, "{\"comment\":\"s3cret"), None);
        assert_eq!(
            redacted(Listing::Iptables, "-A x --comment \"s3cret").unwrap(),
            "-A x --comment \"<redacted>\"\n"
        );
        assert_eq!(redacted(Listing::Iptables, "-A x --comment").unwrap(), "-A x --comment\n");
    }
}
