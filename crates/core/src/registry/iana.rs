//! Reads IANA's official list, `service-names-port-numbers.csv`, in all its oddities (A7).
//!
//! A row that names no service ("Unassigned", "Reserved"), or that names one without a number, assigns nothing. A
//! row without a protocol assigns the number for TCP and UDP, as was the custom before RFC 6335 (§7.2 there).

mod mistake;
mod rows;

pub use mistake::{Mistake, Reason};

use alloc::{string::String, vec::Vec};

use super::{
    Source,
    table::{EntryError, NAME_BYTES_MAX, Table},
};
use crate::port::{PortRange, Protocol};
use rows::{Row, Rows};

/// The largest file that is read; IANA's has a little over one megabyte.
pub const FILE_BYTES_MAX: usize = 16 << 20;

/// What the table says of its origin.
const NAME: &str = "IANA service-names-port-numbers.csv";

/// Reads the file; the table's date is that of the newest row.
///
/// ```
/// use portreeve_core::registry::iana;
///
/// let file = b"Service Name,Port Number,Transport Protocol,Description\r\nhttp,80,tcp,\"World\nWide Web\"\r\n";
/// let table = iana::read(file).unwrap();
/// let (range, protocol, names, description) = table.entries().next().unwrap();
/// assert_eq!((range.first, protocol.name(), &names[0][..], description), (80, "tcp", "http", "World Wide Web"));
/// ```
///
/// # Errors
///
/// The first row that is no row of that list, or that nothing is assigned at all.
pub fn read(bytes: &[u8]) -> Result<Table, Mistake> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(Reason::TooLarge.at(1));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut rows = Rows::new(bytes);
    let columns = Columns::of(&rows.next().ok_or(Reason::Empty.at(1))??)?;
    let (mut table, mut date) = (Table::new(Source { name: NAME, version: "", date: "" }), String::new());
    for row in rows {
        let row = row?;
        if row.cells.len() != columns.count {
            return Err(Reason::Cells { expected: columns.count, found: row.cells.len() }.at(row.line));
        }
        columns.read(&row, &mut table).map_err(|reason| reason.at(row.line))?;
        columns.dates(&row).for_each(|newer| {
            if newer > date.as_str() {
                date = newer.into();
            }
        });
    }
    if table.is_empty() {
        return Err(Reason::Empty.at(1));
    }
    table.date(date);
    Ok(table)
}

/// Where the columns stand that are read.
struct Columns {
    count: usize,
    name: usize,
    number: usize,
    protocol: usize,
    description: usize,
    dates: Vec<usize>,
}

impl Columns {
    fn of(header: &Row) -> Result<Self, Mistake> {
        let place = |name: &str| header.cells.iter().position(|cell| cell.trim().eq_ignore_ascii_case(name));
        let column = |name: &'static str| place(name).ok_or(Reason::Column(name).at(header.line));
        Ok(Self {
            count: header.cells.len(),
            name: column("Service Name")?,
            number: column("Port Number")?,
            protocol: column("Transport Protocol")?,
            description: column("Description")?,
            dates: ["Registration Date", "Modification Date"].into_iter().filter_map(place).collect(),
        })
    }

    /// Puts what `row` assigns into `table`; its cells are as many as the header's.
    fn read(&self, row: &Row, table: &mut Table) -> Result<(), Reason> {
        let cell = |place: usize| row.cells.get(place).map_or("", |cell| cell.trim());
        let range = range(cell(self.number))?;
        let protocols = protocols(cell(self.protocol))?;
        let name = name(cell(self.name))?;
        if let (Some(range), false) = (range, name.is_empty()) {
            for protocol in protocols {
                table.add(range, *protocol, &name, cell(self.description)).map_err(|error| match error {
                    EntryError::TooManyNames(range) => Reason::TooManyNames(range),
                    EntryError::TooMany => Reason::TooMany,
                    _ => Reason::Name(name.clone()),
                })?;
            }
        }
        Ok(())
    }

    fn dates<'a>(&self, row: &'a Row) -> impl Iterator<Item = &'a str> {
        let cells = self.dates.iter().filter_map(|&place| row.cells.get(place));
        cells.map(|cell| cell.trim()).filter(|cell| is_date(cell))
    }
}

/// `443` or `6000-6063`; nothing where the cell is empty.
fn range(cell: &str) -> Result<Option<PortRange>, Reason> {
    if cell.is_empty() {
        return Ok(None);
    }
    cell.parse().map(Some).map_err(|_| Reason::Number(shown(cell)))
}

fn protocols(cell: &str) -> Result<&'static [Protocol], Reason> {
    const NAMED: [(&str, &[Protocol]); 5] = [
        ("", &[Protocol::Tcp, Protocol::Udp]),
        ("tcp", &[Protocol::Tcp]),
        ("udp", &[Protocol::Udp]),
        ("sctp", &[Protocol::Sctp]),
        ("dccp", &[Protocol::Dccp]),
    ];
    let named = NAMED.into_iter().find(|(name, _)| cell.eq_ignore_ascii_case(name));
    named.map(|(_, protocols)| protocols).ok_or_else(|| Reason::Protocol(shown(cell)))
}

/// A few old names hold spaces, which a list of names cannot: they become hyphens.
fn name(cell: &str) -> Result<String, Reason> {
    let name = cell.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    let is_proper = name.len() <= NAME_BYTES_MAX && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_proper { Ok(name) } else { Err(Reason::Name(shown(cell))) }
}

/// As much of a cell as a message needs.
fn shown(cell: &str) -> String {
    cell.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// `2024-08-28`; other forms are left alone, since the date is only told, never reckoned with.
fn is_date(cell: &str) -> bool {
    let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut parts = cell.split('-');
    [4, 2, 2].into_iter().all(|count| parts.next().is_some_and(|part| digits(part, count)))
        && parts.next().is_none()
}
