//! Columns that align, by the width that characters have on a terminal.

use portreeve_core::words::{Lang, Words};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr};

use super::{
    escape::visible,
    out::{Paint, painted},
};
use crate::settings::Colour;

/// Between two columns.
pub(crate) const SPACING: &str = "  ";
/// A column is made no narrower than the first while a spare one can be left out instead, then one after the other.
const COLUMN_WIDTHS_MIN: [usize; 3] = [14, 8, 4];
/// Of what stands before a number, so much is kept: a letter and `…`.
const HEAD_WIDTH_MIN: usize = 2;
/// A blank and `…`.
const CUT_WIDTH: usize = 2;
/// A process is shown with its number and how many others there are: `nginx 812 +4`.
const NUMBERS_KEPT_MAX: usize = 2;
/// Where nothing is cut off, a longer cell pushes its own row aside and no other.
const COLUMN_WIDTH_ALIGNED_MAX: usize = 64;

/// A table: a head, and rows of as many cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
    head: Head,
    note: Option<Note>,
}

/// A last line: what stands in the first column, and what stands across all others.
#[derive(Clone, Debug)]
struct Note {
    first: String,
    rest: String,
}

/// Whether the columns' heads are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Head {
    #[default]
    Shown,
    Hidden,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    /// What stands above it.
    pub(crate) head: Words,
    /// Whether it may be cut off on a narrow terminal.
    pub(crate) fit: Fit,
}

/// What happens to a column on a narrow terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It stays whole.
    Whole,
    /// It is cut off, with `…`, but for the numbers at its end.
    Cut,
    /// The same, and left out where that is not enough.
    Spare,
}

/// What stands in one place of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    paint: Option<Paint>,
    /// How narrow it may become.
    least: usize,
}

impl Cell {
    /// A cell with `paint`.
    pub(crate) fn painted(text: &str, paint: Paint) -> Self {
        Self { paint: Some(paint), ..Self::from(text) }
    }

    /// The same, of which nothing of `head`, its beginning, is cut off.
    pub(crate) fn keeping(self, head: &str) -> Self {
        let head = visible(head).width() + CUT_WIDTH;
        Self { least: self.least.max(head.min(self.text.width())), ..self }
    }
}

impl From<&str> for Cell {
    /// Makes visible what others wrote.
    fn from(text: &str) -> Self {
        let text = visible(text).into_owned();
        Self { least: least(&text), text, paint: None }
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl Table {
    /// A table without rows, `indent` spaces from the left.
    pub(crate) fn new(columns: &[Column], indent: usize) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), indent, head: Head::Shown, note: None }
    }

    /// Whether it has no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The same without the heads of its columns.
    pub(crate) fn headless(columns: &[Column], indent: usize) -> Self {
        Self { head: Head::Hidden, ..Self::new(columns, indent) }
    }

    /// Adds a row below; a cell that is missing stays empty.
    pub(crate) fn push<const N: usize>(&mut self, row: [Cell; N]) {
        self.push_row(row.into());
    }

    /// Adds a row of any length below.
    pub(crate) fn push_row(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    /// Adds a line below all rows that begins in the second column and minds no other.
    pub(crate) fn note(&mut self, first: &str, rest: &str) {
        self.note = Some(Note { first: first.into(), rest: rest.into() });
    }

    /// The text, no wider than `width` where that can be had by cutting.
    pub(crate) fn render(&self, lang: Lang, width: Option<usize>, colour: Colour) -> String {
        let head = self.heads(lang);
        let mut columns = self.natural(&head);
        match width {
            Some(width) => self.narrow(&mut columns, width.saturating_sub(self.indent)),
            None => align(&mut columns),
        }
        let rows = Some(&head).filter(|head| !head.is_empty()).into_iter().chain(&self.rows);
        let lines: String = rows.map(|row| self.line(row, &columns, width, colour)).collect();
        let note = self.note.as_ref().map(|Note { first, rest }| {
            let width = columns.first().map_or(0, |shown| shown.width);
            format!("{}{}{SPACING}{rest}\n", " ".repeat(self.indent), pad(first, width))
        });
        lines + &note.unwrap_or_default()
    }

    /// Whether nothing of the last column is cut off at that width.
    pub(crate) fn is_last_whole(&self, lang: Lang, width: Option<usize>) -> bool {
        let Some(width) = width else { return true };
        let mut columns = self.natural(&self.heads(lang));
        let whole = columns.last().map(|last| (last.column, last.width));
        self.narrow(&mut columns, width.saturating_sub(self.indent));
        columns.last().map(|last| (last.column, last.width)) == whole
    }

    fn heads(&self, lang: Lang) -> Vec<Cell> {
        let named = self.columns.iter().filter(|_| self.head == Head::Shown);
        named.map(|column| Cell::painted(column.head.in_lang(lang), Paint::Bold)).collect()
    }

    /// Every column, as wide as its widest cell.
    fn natural(&self, head: &[Cell]) -> Vec<Shown> {
        let widest = |column: usize, width: fn(&Cell) -> usize| {
            let rows = self.rows.iter().filter_map(|row| row.get(column));
            rows.chain(head.get(column)).map(width).max().unwrap_or(0)
        };
        let shown = |column| Shown {
            column,
            width: widest(column, |cell| cell.text.width()),
            least: widest(column, |cell| cell.least),
        };
        (0..self.columns.len()).map(shown).collect()
    }

    /// Cuts, then leaves out what can be spared, then cuts further.
    fn narrow(&self, columns: &mut Vec<Shown>, room: usize) {
        let [comfortable, narrower @ ..] = COLUMN_WIDTHS_MIN;
        self.cut_to(columns, room, comfortable);
        let spare = |columns: &[Shown]| {
            columns.iter().rposition(|shown| self.columns[shown.column].fit == Fit::Spare)
        };
        while let Some(spare) = spare(columns).filter(|_| over(columns, room) > 0) {
            columns.remove(spare);
        }
        for least in narrower {
            self.cut_to(columns, room, least);
        }
    }

    /// Takes from the widest column that may be cut, down to the next widest, until everything fits or all are as
    /// narrow as `least` or as what is never cut off.
    fn cut_to(&self, columns: &mut [Shown], room: usize, least: usize) {
        loop {
            let over = over(columns, room);
            let mut cut: Vec<_> = columns
                .iter_mut()
                .filter(|shown| {
                    self.columns[shown.column].fit != Fit::Whole && shown.width > least.max(shown.least)
                })
                .collect();
            cut.sort_by_key(|shown| std::cmp::Reverse(shown.width));
            let next = cut.get(1).map_or(least, |shown| shown.width);
            let next = cut.first().map_or(next, |widest| next.max(widest.least));
            match cut.first_mut() {
                Some(widest) if over > 0 => widest.width -= over.min((widest.width - next).max(1)),
                _ => return,
            }
        }
    }

    fn line(&self, row: &[Cell], columns: &[Shown], terminal: Option<usize>, colour: Colour) -> String {
        let cells: Vec<_> =
            columns.iter().filter_map(|shown| Some((row.get(shown.column)?, shown.width))).collect();
        let last = cells.iter().rposition(|(cell, _)| !cell.text.is_empty()).unwrap_or(0);
        let mut line = " ".repeat(self.indent);
        for (place, &(cell, width)) in cells.iter().enumerate().take(last + 1) {
            let text = terminal.map_or_else(|| cell.text.clone(), |_| cut(&cell.text, width));
            line += &painted(&text, cell.paint, colour);
            if place < last {
                line += &" ".repeat(width.saturating_sub(text.width()));
                line += SPACING;
            }
        }
        line.push('\n');
        line
    }
}

/// A column that is shown, and how wide.
#[derive(Clone, Copy, Debug)]
struct Shown {
    column: usize,
    width: usize,
    /// It is cut to no less.
    least: usize,
}

fn align(columns: &mut [Shown]) {
    for shown in columns {
        shown.width = shown.width.min(COLUMN_WIDTH_ALIGNED_MAX);
    }
}

/// By how much `columns` are too wide.
fn over(columns: &[Shown], room: usize) -> usize {
    let spacing = SPACING.len() * columns.len().saturating_sub(1);
    (columns.iter().map(|shown| shown.width).sum::<usize>() + spacing).saturating_sub(room)
}

/// `text` with spaces behind it up to `width` columns of the terminal.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// The numbers at the end of `text` with the space before them: ` 812 +4`.
fn numbers(text: &str) -> &str {
    let mut rest = text;
    for _ in 0..NUMBERS_KEPT_MAX {
        let (before, word) = rest.rsplit_once(' ').unwrap_or(("", rest));
        let digits = word.strip_prefix('+').unwrap_or(word);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        rest = before;
    }
    &text[rest.len()..]
}

/// How narrow `text` may become.
fn least(text: &str) -> usize {
    let numbers = numbers(text);
    if numbers.is_empty() { 0 } else { text.width().min(HEAD_WIDTH_MIN + numbers.width()) }
}

/// `text` in at most `width` columns of the terminal; the numbers at its end stay.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.into();
    }
    let numbers = numbers(text);
    let head = &text[..text.len() - numbers.len()];
    let room = width.saturating_sub(numbers.width());
    let mut kept = String::new();
    let mut used = 1;
    for character in head.chars() {
        used += character.width().unwrap_or(0);
        if used > room {
            break;
        }
        kept.push(character);
    }
    if !head.is_empty() {
        kept.push('…');
    }
    kept + numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 3] = [
        Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole },
        Column { head: Words { en: "OWNER", ja: "所有者" }, fit: Fit::Cut },
        Column { head: Words { en: "REACH", ja: "到達" }, fit: Fit::Whole },
    ];

    fn table() -> Table {
        let mut table = Table::new(&COLUMNS, 0);
        table.push(["22/tcp".into(), "ssh.service".into(), "world".into()]);
        table.push(["80/tcp".into(), "案内係の長い名前".into(), "host".into()]);
        table
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let text = table().render(Lang::Ja, None, Colour::Off);
        let starts: Vec<_> = text
            .lines()
            .zip(["到達", "world", "host"])
            .map(|(line, last)| line.split(last).next().unwrap().width())
            .collect();
        assert_eq!(starts, [26, 26, 26]);
    }

    #[test]
    fn only_a_terminal_cuts_and_only_what_may_be_cut() {
        let text = table().render(Lang::En, Some(24), Colour::Off);
        assert!(text.lines().all(|line| line.width() <= 24), "{text}");
        assert!(text.contains("ssh.serv…"), "{text}");
        assert!(table().render(Lang::En, None, Colour::Off).contains("案内係の長い名前"));
    }

    #[test]
    fn a_spare_column_is_left_out_before_others_become_illegible() {
        let mut columns = COLUMNS.to_vec();
        columns.push(Column { head: Words { en: "PROCESS", ja: "プロセス" }, fit: Fit::Spare });
        let mut table = Table::new(&columns, 0);
        table.push([
            "22/tcp".into(),
            "a-rather-long.service".into(),
            "world".into(),
            "sshd 700 and more".into(),
        ]);
        let shown = |width| table.render(Lang::En, Some(width), Colour::Off);
        assert!(shown(60).contains("sshd 700 and more"), "{}", shown(60));
        assert!(shown(46).contains("sshd 700 and"), "{}", shown(46));
        assert!(!shown(40).contains("sshd") && shown(40).contains("a-rather-long…"), "{}", shown(40));
        assert!(shown(30).lines().all(|line| line.width() <= 30), "{}", shown(30));
    }

    #[test]
    fn a_number_is_never_cut_off() {
        assert_eq!(numbers("nginx 812 +4"), " 812 +4");
        assert_eq!(numbers("4026532281"), "4026532281");
        assert_eq!(numbers("run 1 2 3"), " 2 3");
        assert_eq!(numbers("+"), "");
        assert_eq!(cut("a-long-name 812 +4", 12), "a-lo… 812 +4");
        let mut table = Table::new(&COLUMNS, 0);
        table.push(["22/tcp".into(), "a-long-name 812 +4".into(), "world".into()]);
        table.push(["23/tcp".into(), "4026532281".into(), "world".into()]);
        // 6 and 2 for the port, 10 for the number, 2 and 5 for the reach.
        for width in [1, 20, 25] {
            let text = table.render(Lang::En, Some(width), Colour::Off);
            let cells = ["a-… 812 +4  world", "4026532281  world"];
            assert!(cells.iter().all(|cell| text.contains(cell)), "{width}: {text}");
        }
    }

    #[test]
    fn what_a_cell_keeps_is_not_cut_off_and_what_is_cut_is_known() {
        let mut columns = COLUMNS.to_vec();
        columns.push(Column { head: Words { en: "DO", ja: "対処" }, fit: Fit::Spare });
        let mut table = Table::new(&columns, 0);
        let kept = Cell::from("3.0-2 security CVE-2026-1").keeping("3.0-2 security");
        table.push(["22/tcp".into(), kept, "a".into(), "renew it".into()]);
        assert!(table.is_last_whole(Lang::En, Some(60)) && table.is_last_whole(Lang::En, None));
        for width in [45, 35, 20] {
            assert_eq!(table.is_last_whole(Lang::En, Some(width)), width == 45, "{width}");
            let text = table.render(Lang::En, Some(width), Colour::Off);
            assert!(text.contains("3.0-2 security "), "{width}: {text}");
        }
    }

    #[test]
    fn no_line_ends_in_spaces() {
        let mut table = Table::new(&COLUMNS, 2);
        table.push(["22/tcp".into(), "".into(), "".into()]);
        assert!(table.render(Lang::En, None, Colour::Off).lines().all(|line| !line.ends_with(' ')));
    }
}
