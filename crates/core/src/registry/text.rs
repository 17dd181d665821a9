//! The table as text that a person reviews: one assignment a line, `80/tcp,udp http www # World Wide Web HTTP`.

use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

use super::{
    Source,
    table::{EntryError, Table},
};
use crate::port::{PortError, PortRange, Protocol};

const HEAD: &str = "# portreeve's table of port numbers: cargo xtask registry writes it";

/// Why a line of the text is no assignment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The head lacks `# source`, `# version` or `# date`.
    #[error("the head does not say `# {0}`")]
    Head(&'static str),
    /// A line without ports, protocols or names.
    #[error("line {0} is not `80/tcp,udp name … # description`")]
    Line(usize),
    /// A line with a bad port or protocol.
    #[error("line {line} has a bad port")]
    Port {
        /// The line, from 1.
        line: usize,
        /// What is bad.
        source: PortError,
    },
    /// A line whose names cannot be put into a table.
    #[error("line {line} has a bad name")]
    Name {
        /// The line, from 1.
        line: usize,
        /// What is bad.
        source: EntryError,
    },
}

/// Reads the text form.
///
/// # Errors
///
/// The first line that is no assignment.
pub fn read(text: &str) -> Result<Table, TextError> {
    let mut table = Table::new(Source {
        name: head(text, "source")?,
        version: head(text, "version")?,
        date: head(text, "date")?,
    });
    for (index, line) in text.lines().enumerate() {
        if !(line.is_empty() || line.starts_with('#')) {
            read_line(&mut table, index + 1, line)?;
        }
    }
    Ok(table)
}

fn head<'a>(text: &'a str, key: &'static str) -> Result<&'a str, TextError> {
    text.lines()
        .take_while(|line| line.starts_with('#'))
        .find_map(|line| line.strip_prefix("# ")?.strip_prefix(key)?.strip_prefix(':'))
        .map(str::trim)
        .ok_or(TextError::Head(key))
}

fn read_line(table: &mut Table, line: usize, text: &str) -> Result<(), TextError> {
    let (assignment, description) = text.split_once(" # ").unwrap_or((text, ""));
    let mut words = assignment.split(' ');
    let ports = words.next().and_then(|ports| ports.split_once('/'));
    let (range, protocols) = ports.ok_or(TextError::Line(line))?;
    let names: Vec<&str> = words.collect();
    if names.is_empty() {
        return Err(TextError::Line(line));
    }
    let range: PortRange = range.parse().map_err(|source| TextError::Port { line, source })?;
    for protocol in protocols.split(',') {
        let protocol: Protocol = protocol.parse().map_err(|source| TextError::Port { line, source })?;
        for name in &names {
            table
                .add(range, protocol, name, description)
                .map_err(|source| TextError::Name { line, source })?;
        }
    }
    Ok(())
}

/// The text form of `table`.
#[must_use]
pub fn write(table: &Table) -> String {
    let Source { name, version, date } = table.source();
    let mut text = alloc::format!("{HEAD}\n# source: {name}\n# version: {version}\n# date: {date}\n");
    let mut entries = table.entries().peekable();
    while let Some((range, protocol, names, description)) = entries.next() {
        let mut protocols = protocol.to_string();
        while let Some((_, next, ..)) =
            entries.next_if(|(its, _, other, said)| (*its, *other, *said) == (range, names, description))
        {
            protocols.push(',');
            protocols.push_str(next.name());
        }
        write!(text, "{range}/{protocols} {}", names.join(" ")).expect("a String takes whatever is written");
        if !description.is_empty() {
            text.push_str(" # ");
            text.push_str(description);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# portreeve's table of port numbers: cargo xtask registry writes it
# source: a hand
# version: 1
# date: 2026-01-31
80/tcp,udp,sctp http www # World Wide Web # HTTP
512/tcp exec
512/udp biff comsat
6000-6063/tcp x11 # X Window System
";

    #[test]
    fn it_reads_back_as_it_is_written() {
        assert_eq!(write(&read(TEXT).unwrap()), TEXT);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = |line: &str| read(&alloc::format!("{TEXT}{line}\n")).unwrap_err().to_string();
        assert_eq!(error("80/tcp"), "line 9 is not `80/tcp,udp name … # description`");
        assert_eq!(error("http 80/tcp"), "line 9 is not `80/tcp,udp name … # description`");
        assert_eq!(error("81/tpc x"), "line 9 has a bad port");
        assert_eq!(error("81/tcp a  b"), "line 9 has a bad name");
        assert_eq!(read("80/tcp http\n"), Err(TextError::Head("source")));
    }
}
