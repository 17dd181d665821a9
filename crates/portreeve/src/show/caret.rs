//! Shows a mistake in a policy as a person finds it fastest: the line, a caret below, and what to write instead (A26).

use portreeve_core::{
    policy::{Mistake, Place, Source},
    user_info,
    words::{Lang, Words},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape::visible;

/// Characters of a line that are shown at most, and how many of them before the caret.
const LINE_CHARS_MAX: usize = 120;
const LEAD_CHARS_MAX: usize = 40;
const TAB_COLUMNS: usize = 4;

const AND: Words = Words { en: "and", ja: "と" };

/// Every mistake with its line of the policy, in the order given.
pub(crate) fn render(mistakes: &[Mistake], sources: &[Source<'_>], lang: Lang) -> String {
    let gutter = gutter(mistakes);
    let files: Vec<_> = sources.iter().map(|source| File::of(source, mistakes)).collect();
    mistakes.iter().map(|mistake| one(mistake, &files, gutter, lang)).collect()
}

/// A file cut into lines once, for however many mistakes, down to the last of them.
struct File<'a> {
    name: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> File<'a> {
    fn of(source: &'a Source<'_>, mistakes: &[Mistake]) -> Self {
        let places = mistakes.iter().map(|mistake| &mistake.place);
        let last = places.filter(|place| *place.file == *source.name).map(|place| place.line).max();
        let count = usize::try_from(last.unwrap_or(0)).unwrap_or(usize::MAX);
        Self { name: &source.name, lines: source.text.lines().take(count).collect() }
    }
}

/// Columns of the widest line number.
fn gutter(mistakes: &[Mistake]) -> usize {
    let last =
        mistakes.iter().filter(|mistake| mistake.also.is_none()).map(|mistake| mistake.place.line).max();
    last.unwrap_or(0).to_string().len()
}

fn one(mistake: &Mistake, files: &[File<'_>], gutter: usize, lang: Lang) -> String {
    let Mistake { place, also, text, fix, .. } = mistake;
    let heading = match also {
        Some(also) => format!("{} {} {}", shown(place), AND.in_lang(lang), shown(also)),
        None => shown(place),
    };
    let text = visible(text.in_lang(lang));
    let body = match line(place, files).filter(|_| also.is_none()) {
        Some(line) => {
            // A password in an address is a mistake too, and what is printed ends in logs.
            let excerpt = Excerpt::of(&user_info::hidden(line), place.column, mistake.width);
            let Excerpt { text: code, lead, carets } = excerpt;
            let carets = "^".repeat(carets);
            format!(
                "{number:>gutter$} │ {code}\n{blank:gutter$} │ {blank:lead$}{carets} {text}\n",
                number = place.line,
                blank = ""
            )
        }
        None => format!("{blank:gutter$} │ {text}\n", blank = ""),
    };
    let fix = visible(fix.in_lang(lang));
    let fix = if fix.is_empty() { String::new() } else { format!("{blank:gutter$} = {fix}\n", blank = "") };
    format!("{blank:gutter$} ┌─ {heading}\n{body}{fix}", blank = "")
}

fn shown(place: &Place) -> String {
    visible(&place.to_string()).into_owned()
}

fn line<'a>(place: &Place, files: &[File<'a>]) -> Option<&'a str> {
    let file = files.iter().find(|file| *file.name == *place.file)?;
    let index = usize::try_from(place.line).ok()?.checked_sub(1)?;
    file.lines.get(index).copied()
}

/// A part of a line as it can be shown, and where the carets belong, in display columns.
#[derive(Debug, PartialEq, Eq)]
struct Excerpt {
    text: String,
    lead: usize,
    carets: usize,
}

impl Excerpt {
    /// The part of `line` around the `width` characters from `column` (from 1).
    fn of(line: &str, column: u32, width: u32) -> Self {
        let first = usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1);
        let end = first.saturating_add(usize::try_from(width.max(1)).unwrap_or(usize::MAX));
        let skipped = skipped(line, first);
        let mut excerpt = Self { text: String::new(), lead: 0, carets: 0 };
        if skipped > 0 {
            excerpt.push("…", Part::Before);
        }
        for (index, char) in line.chars().enumerate().skip(skipped).take(LINE_CHARS_MAX) {
            let part = Part::of(index, first, end);
            let columns = excerpt.lead + excerpt.carets;
            match char {
                '\t' => excerpt.push(&" ".repeat(TAB_COLUMNS - columns % TAB_COLUMNS), part),
                _ => excerpt.push(&visible(char.encode_utf8(&mut [0; 4])), part),
            }
        }
        if line.chars().nth(skipped + LINE_CHARS_MAX).is_some() {
            excerpt.text.push('…');
        }
        excerpt.carets = excerpt.carets.max(1);
        excerpt
    }

    fn push(&mut self, text: &str, part: Part) {
        self.text.push_str(text);
        match part {
            Part::Before => self.lead += columns(text),
            Part::Within => self.carets += columns(text),
            Part::After => {}
        }
    }
}

/// Where a character stands: before, below or after the carets.
#[derive(Clone, Copy)]
enum Part {
    Before,
    Within,
    After,
}

impl Part {
    fn of(index: usize, first: usize, end: usize) -> Self {
        if index < first {
            Self::Before
        } else if index < end {
            Self::Within
        } else {
            Self::After
        }
    }
}

/// How many characters at the start of a long line are left out so that the caret is seen.
fn skipped(line: &str, first: usize) -> usize {
    let is_long = line.chars().nth(LINE_CHARS_MAX).is_some();
    if is_long { first.saturating_sub(LEAD_CHARS_MAX).min(line.chars().count()) } else { 0 }
}

/// Display columns of `text`: a single character alone counts as a terminal draws it.
fn columns(text: &str) -> usize {
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(char), None) => char.width().unwrap_or(0),
        _ => text.width(),
    }
}

#[cfg(test)]
mod tests {
    use portreeve_core::text;

    use super::*;

    fn place(file: &str, line: u32, column: u32) -> Place {
        Place { file: file.into(), line, column }
    }

    fn mistake(line: u32, column: u32, width: u32) -> Mistake {
        Mistake {
            place: place("p.toml", line, column),
            width,
            also: None,
            text: text!("`tpc` is not a protocol", "`tpc` というプロトコルはありません"),
            fix: text!("did you mean \"443/tcp\"?", "\"443/tcp\" のことですか?"),
        }
    }

    fn rendered(text: &str, mistakes: &[Mistake], lang: Lang) -> String {
        render(mistakes, &[Source { name: "p.toml".into(), text }], lang)
    }

    #[test]
    fn the_caret_stands_below_what_is_wrong() {
        let text = "version = 1\nports = [\"443/tpc\"]\n";
        assert_eq!(
            rendered(text, &[mistake(2, 10, 9)], Lang::En),
            "  ┌─ p.toml:2:10\n\
             2 │ ports = [\"443/tpc\"]\n\
             \x20 │          ^^^^^^^^^ `tpc` is not a protocol\n\
             \x20 = did you mean \"443/tcp\"?\n"
        );
    }

    #[test]
    fn a_password_is_not_shown() {
        let text = "store = \"etcd+https://harbour:secret@a/p\"\n";
        let shown = rendered(text, &[mistake(1, 9, 38)], Lang::En);
        assert!(shown.contains("etcd+https://**************@a/p") && !shown.contains("secret"), "{shown}");
    }

    #[test]
    fn line_numbers_of_several_mistakes_share_a_gutter() {
        let text = "a\n".repeat(12);
        let shown = rendered(&text, &[mistake(2, 1, 1), mistake(12, 1, 1)], Lang::Ja);
        assert!(shown.contains("\n 2 │ a\n   │ ^ `tpc`"), "{shown}");
        assert!(shown.contains("\n12 │ a\n   │ ^ `tpc`"), "{shown}");
    }

    #[test]
    fn two_places_that_contradict_each_other_share_a_heading() {
        let mut both = mistake(22, 1, 1);
        both.also = Some(place("policy.d/ftp.toml", 3, 1));
        assert_eq!(
            rendered("", &[both], Lang::En),
            "  ┌─ p.toml:22:1 and policy.d/ftp.toml:3:1\n  │ `tpc` is not a protocol\n  = did you mean \"443/tcp\"?\n"
        );
    }

    fn excerpt(line: &str, column: u32, width: u32) -> (String, usize, usize) {
        let Excerpt { text, lead, carets } = Excerpt::of(line, column, width);
        (text, lead, carets)
    }

    #[test]
    fn wide_characters_take_two_columns() {
        // Six characters of two columns, ` = "` of four, then three wide ones.
        assert_eq!(excerpt("ポートの番号 = \"八十番\"", 11, 3), ("ポートの番号 = \"八十番\"".into(), 16, 6));
    }

    #[test]
    fn tabs_reach_to_the_next_stop() {
        assert_eq!(excerpt("\tab\tc", 5, 1), ("    ab  c".into(), 8, 1));
        assert_eq!(excerpt("\tx", 1, 1), ("    x".into(), 0, 4));
    }

    #[test]
    fn nothing_in_a_line_reaches_the_terminal_raw() {
        let (text, lead, _) = excerpt("\u{1b}[31m\u{202e}x", 7, 1);
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
        assert_eq!(lead, text.width() - 1);
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret() {
        let line = format!("{}!{}", "a".repeat(5000), "b".repeat(5000));
        let (text, lead, carets) = excerpt(&line, 5001, 1);
        assert_eq!((text.chars().count(), lead, carets), (LINE_CHARS_MAX + 2, LEAD_CHARS_MAX + 1, 1));
        assert_eq!(text.chars().nth(lead), Some('!'));
    }

    #[test]
    fn a_place_beyond_the_text_still_says_what_is_wrong() {
        assert_eq!(excerpt("ab", 9, 4), ("ab".into(), 2, 1));
        assert!(rendered("", &[mistake(9, 9, 9)], Lang::En).contains("│ `tpc` is not a protocol"));
        assert_eq!(
            rendered("a", &[mistake(0, 0, 0)], Lang::En),
            "  ┌─ p.toml:0:0\n  │ `tpc` is not a protocol\n  = did you mean \"443/tcp\"?\n"
        );
    }
}
