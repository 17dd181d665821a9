//! The standard output: what it can show, and what is written to it.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use portreeve_core::words::{Lang, Words};
use serde::Serialize;

use super::{
    json::{self, Layout},
    table::Table,
    wrap::wrap,
};
use crate::{
    failure::Failure,
    settings::{Colour, Settings},
};

/// A paint for a word that matters; never the only sign of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Severe.
    Red,
    /// To be looked at.
    Yellow,
    /// Aside.
    Dim,
    /// A heading.
    Bold,
}

/// What a command says, and so what becomes of it when nobody reads that (`| head`, a pager that was quit).
#[derive(Clone, Copy, Debug)]
enum Says {
    /// An answer: whoever has gone does not want it any more.
    Answer,
    /// What it is about to change, which is changed all the same; where it cannot be written, this is said.
    Change(Words),
    /// What it has changed.
    Changed,
}

/// The standard output of a command.
#[derive(Debug)]
pub(crate) struct Out {
    /// The language of every sentence.
    pub(crate) lang: Lang,
    /// Whether colour is used.
    pub(crate) colour: Colour,
    /// Columns of the terminal; `None` where it is none: then nothing is cut off.
    pub(crate) width: Option<usize>,
    writer: BufWriter<Stdout>,
    says: Says,
}

impl Out {
    /// The output that `settings` ask for.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { colour: settings.colour, width: terminal_width(), ..Self::plain(settings.lang) }
    }

    /// Text without colour.
    pub(crate) fn plain(lang: Lang) -> Self {
        let writer = BufWriter::with_capacity(64 * 1024, io::stdout());
        Self { lang, colour: Colour::Off, width: None, writer, says: Says::Answer }
    }

    /// From now on it tells of a change, which takes no reader; `not_made` says that it was not made.
    pub(crate) fn outlive_reader(&mut self, not_made: Words) {
        self.says = Says::Change(not_made);
    }

    /// From now on it tells of a change that was made.
    pub(crate) fn changed(&mut self) {
        self.says = Says::Changed;
    }

    /// Writes text as it is: whatever others wrote in it has been made visible.
    pub(crate) fn write(&mut self, text: &str) -> Result<(), Failure> {
        let written = self.writer.write_all(text.as_bytes());
        self.told(written)
    }

    /// Writes a line as it is.
    pub(crate) fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.write(text)?;
        self.write("\n")
    }

    /// Writes a fixed sentence.
    pub(crate) fn say(&mut self, words: Words) -> Result<(), Failure> {
        self.sentences(words.in_lang(self.lang))
    }

    /// Writes lines of sentences, broken where the terminal is too narrow for them.
    pub(crate) fn sentences(&mut self, lines: &str) -> Result<(), Failure> {
        lines.lines().try_for_each(|line| {
            let indent = line.len() - line.trim_start_matches(' ').len();
            self.line(&wrap(line, self.width, indent))
        })
    }

    /// Writes a table.
    pub(crate) fn table(&mut self, table: &Table) -> Result<(), Failure> {
        let text = table.render(self.lang, self.width, self.colour);
        self.write(&text)
    }

    /// Writes one document.
    pub(crate) fn json<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        json::write(&mut self.writer, value, Layout::Indented).map_err(|error| Failure::output(&error))
    }

    /// Writes one document of long lists, each row of them on a line.
    pub(crate) fn json_rows<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        json::write(&mut self.writer, value, Layout::Rows).map_err(|error| Failure::output(&error))
    }

    /// Writes one object on a line.
    pub(crate) fn ndjson<T: Serialize>(&mut self, value: &T) -> Result<(), Failure> {
        json::write(&mut self.writer, value, Layout::Line).map_err(|error| Failure::output(&error))
    }

    /// Writes a table for spreadsheets: a record each, headed by the fields' names. No cell of it is a formula.
    pub(crate) fn csv<T: Serialize>(&mut self, rows: impl IntoIterator<Item = T>) -> Result<(), Failure> {
        let mut writer = csv::Writer::from_writer(&mut self.writer);
        let write = || {
            for (at, row) in rows.into_iter().enumerate() {
                for record in records(row, at == 0)? {
                    writer.write_record(record.iter().map(text_cell)).map_err(csv_cause)?;
                }
            }
            writer.flush()
        };
        write().map_err(|error| Failure::output(&error))
    }

    /// Hands over what was written so far.
    pub(crate) fn finish(&mut self) -> Result<(), Failure> {
        let flushed = self.writer.flush();
        self.told(flushed)
    }

    fn told(&self, written: io::Result<()>) -> Result<(), Failure> {
        let Err(error) = written else { return Ok(()) };
        let what = match self.says {
            Says::Answer => return Err(Failure::output(&error)),
            Says::Change(_) | Says::Changed if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Says::Change(not_made) => not_made,
            Says::Changed => Words {
                en: "the change was made, but not all could be told",
                ja: "変更は行われましたが、結果を表示できません",
            },
        };
        Err(Failure::unwritten(what, &error))
    }
}

/// A row as cells, below the names of its fields where it is the first.
fn records<T: Serialize>(row: T, is_first: bool) -> io::Result<Vec<csv::StringRecord>> {
    let mut writer = csv::WriterBuilder::new().has_headers(is_first).from_writer(Vec::new());
    writer.serialize(row).map_err(csv_cause)?;
    let text = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_slice());
    reader.records().collect::<Result<_, _>>().map_err(csv_cause)
}

/// A quotation mark in front keeps a spreadsheet from running what begins like a formula (OWASP, CSV Injection): a
/// process calls itself `=HYPERLINK(…)` at will.
fn text_cell(cell: &str) -> String {
    const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];
    let mark = if cell.starts_with(FORMULA) { "'" } else { "" };
    format!("{mark}{cell}")
}

/// What the system said, where it said something: csv would hide that the reader has gone.
fn csv_cause(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

/// `text` in `paint`, where `colour` is on.
pub(crate) fn painted(text: &str, paint: Option<Paint>, colour: Colour) -> String {
    let code = match paint {
        _ if colour == Colour::Off => return text.into(),
        None => return text.into(),
        Some(Paint::Red) => "31",
        Some(Paint::Yellow) => "33",
        Some(Paint::Dim) => "2",
        Some(Paint::Bold) => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

pub(super) fn terminal_width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stdout).ok()?;
    (size.ws_col > 0).then_some(size.ws_col.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        let cells = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "＝1", "nginx", "", "a=b", "'x"];
        let expected = ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\tx", "'＝1", "nginx", "", "a=b", "'x"];
        assert_eq!(cells.map(text_cell), expected);
    }

    #[test]
    fn a_row_is_cells_and_the_first_has_a_head() {
        #[derive(Serialize)]
        struct Row {
            name: &'static str,
            pid: Option<u32>,
        }
        let row = || Row { name: "a,\"b\"\nc", pid: None };
        let expected = vec![csv::StringRecord::from(vec![row().name, ""])];
        assert_eq!(records(row(), false).unwrap(), expected);
        assert_eq!(records(row(), true).unwrap()[0], vec!["name", "pid"]);
    }
}
