//! Columns that align, by the width that characters have on a terminal.

use portreeve_core::words::{Lang, Words};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{
    escape::visible,
    out::{Paint, painted},
};
use crate::settings::Colour;

/// Between two columns.
const SPACING: &str = "  ";
/// A column is never made narrower than this.
const COLUMN_WIDTH_MIN: usize = 8;
/// Where nothing is cut off, a longer cell pushes its own row aside and no other.
const COLUMN_WIDTH_ALIGNED_MAX: usize = 64;

/// A table: a head, and rows of as many cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<Cell>>,
    indent: usize,
    head: Head,
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
    /// It is cut off, with `…`.
    Cut,
}

/// What stands in one place of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    text: String,
    paint: Option<Paint>,
}

impl Cell {
    /// A cell with `paint`.
    pub(crate) fn painted(text: &str, paint: Paint) -> Self {
        Self { paint: Some(paint), ..Self::from(text) }
    }
}

impl From<&str> for Cell {
    /// Makes visible what others wrote.
    fn from(text: &str) -> Self {
        Self { text: visible(text).into_owned(), paint: None }
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
        Self { columns: columns.to_vec(), rows: Vec::new(), indent, head: Head::Shown }
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

    /// The text, no wider than `width` where that can be had by cutting.
    pub(crate) fn render(&self, lang: Lang, width: Option<usize>, colour: Colour) -> String {
        let named = self.columns.iter().filter(|_| self.head == Head::Shown);
        let head: Vec<_> =
            named.map(|column| Cell::painted(column.head.in_lang(lang), Paint::Bold)).collect();
        let mut widths = self.widths(&head);
        match width {
            Some(width) => self.narrow(&mut widths, width.saturating_sub(self.indent)),
            None => widths.iter_mut().for_each(|width| *width = (*width).min(COLUMN_WIDTH_ALIGNED_MAX)),
        }
        let rows = Some(&head).filter(|head| !head.is_empty()).into_iter().chain(&self.rows);
        rows.map(|row| self.line(row, &widths, width, colour)).collect()
    }

    fn widths(&self, head: &[Cell]) -> Vec<usize> {
        let width = |column: usize| {
            let rows = self.rows.iter().filter_map(|row| row.get(column));
            rows.chain(head.get(column)).map(|cell| cell.text.width()).max().unwrap_or(0)
        };
        (0..self.columns.len()).map(width).collect()
    }

    /// Takes from the widest column that may be cut until everything fits.
    fn narrow(&self, widths: &mut [usize], room: usize) {
        let spacing = SPACING.len() * widths.len().saturating_sub(1);
        loop {
            let over = (widths.iter().sum::<usize>() + spacing).saturating_sub(room);
            let cut = (0..widths.len()).filter(|&column| self.columns[column].fit == Fit::Cut);
            let widest = cut.filter(|&column| widths[column] > COLUMN_WIDTH_MIN).max_by_key(|&c| widths[c]);
            match widest {
                Some(column) if over > 0 => {
                    widths[column] -= over.min(widths[column] - COLUMN_WIDTH_MIN);
                }
                _ => return,
            }
        }
    }

    fn line(&self, row: &[Cell], widths: &[usize], terminal: Option<usize>, colour: Colour) -> String {
        let mut line = " ".repeat(self.indent);
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
        for (column, (cell, &width)) in row.iter().zip(widths).enumerate().take(last + 1) {
            let text = terminal.map_or_else(|| cell.text.clone(), |_| cut(&cell.text, width));
            line += &painted(&text, cell.paint, colour);
            if column < last {
                line += &" ".repeat(width.saturating_sub(text.width()));
                line += SPACING;
            }
        }
        line.push('\n');
        line
    }
}

/// `text` with spaces behind it up to `width` columns of the terminal.
pub(crate) fn pad(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(text.width())))
}

/// `text` in at most `width` columns of the terminal.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.into();
    }
    let mut kept = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(character);
    }
    kept.push('…');
    kept
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
    fn no_line_ends_in_spaces() {
        let mut table = Table::new(&COLUMNS, 2);
        table.push(["22/tcp".into(), "".into(), "".into()]);
        assert!(table.render(Lang::En, None, Colour::Off).lines().all(|line| !line.ends_with(' ')));
    }
}
