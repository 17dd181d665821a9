//! Sentences broken between words where a terminal is too narrow for them, English and Japanese (A26).

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

/// No line begins with one of these (JIS X 4051, 行頭禁則).
const NEVER_FIRST: &[char] =
    &['、', '。', '」', '』', '・', 'ー', 'ゃ', 'ゅ', 'ょ', 'っ', ')', ',', '.', ':', ';', '…'];
/// No line ends with one of these (行末禁則).
const NEVER_LAST: &[char] = &['「', '『', '('];

/// `line` as lines of at most `width` columns where that can be had, each but the first after `indent` spaces.
///
/// Where `width` is `None` the line stays as it is.
pub(crate) fn wrap(line: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width else { return line.into() };
    let mut wrapped = String::with_capacity(line.len());
    let mut column = 0;
    for piece in pieces(line) {
        let solid = piece.trim_start_matches(' ');
        if column + piece.width() > width && column > indent {
            wrapped += "\n";
            wrapped += &" ".repeat(indent);
            wrapped += solid;
            column = indent + solid.width();
        } else {
            wrapped += piece;
            column += piece.width();
        }
    }
    wrapped
}

/// Appends what is to be copied as a whole, like a command, to the last of `lines` or below it.
pub(crate) fn append_whole(lines: &mut String, whole: &str, width: Option<usize>, indent: usize) {
    const SEPARATOR: &str = " · ";
    let column = lines.rsplit('\n').next().map_or(0, UnicodeWidthStr::width);
    if width.is_none_or(|width| column + SEPARATOR.width() + whole.width() <= width) {
        *lines += SEPARATOR;
    } else {
        *lines += "\n";
        *lines += &" ".repeat(indent);
    }
    *lines += whole;
}

/// What is never broken: a word with the spaces before it, or a wide character with what belongs to it.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut before = None;
        let end = rest.char_indices().find_map(|(at, next)| {
            let breaks = before.replace(next).is_some_and(|before| may_break(before, next));
            breaks.then_some(at)
        });
        let (piece, left) = rest.split_at(end.unwrap_or(rest.len()));
        rest = left;
        (!piece.is_empty()).then_some(piece)
    })
}

fn may_break(before: char, next: char) -> bool {
    let is_wide = |character: char| character.width() == Some(2);
    match (before, next) {
        (' ', _) => false,
        (_, ' ') => true,
        _ => {
            (is_wide(before) || is_wide(next))
                && !NEVER_LAST.contains(&before)
                && !NEVER_FIRST.contains(&next)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_is_broken_at_spaces() {
        assert_eq!(wrap("one two three", Some(7), 2), "one two\n  three");
        assert_eq!(wrap("  one two", Some(5), 2), "  one\n  two");
        assert_eq!(wrap("unbreakable", Some(4), 0), "unbreakable");
    }

    #[test]
    fn japanese_is_broken_between_characters_but_not_before_a_full_stop() {
        assert_eq!(wrap("ポートです。次", Some(10), 0), "ポートで\nす。次");
        assert_eq!(wrap("22 は(sshd)で", Some(8), 0), "22 は\n(sshd)で");
    }

    #[test]
    fn a_command_is_never_broken() {
        let mut lines = String::from("do it");
        append_whole(&mut lines, "a b", Some(11), 2);
        append_whole(&mut lines, "c d", Some(11), 2);
        assert_eq!(lines, "do it · a b\n  c d");
    }

    #[test]
    fn nothing_is_broken_where_there_is_no_terminal() {
        assert_eq!(wrap("one two three", None, 0), "one two three");
    }
}
