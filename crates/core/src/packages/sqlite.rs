//! Rows of a table in a file of SQLite, read without SQLite (<https://www.sqlite.org/fileformat.html>; A18).
//!
//! The file may be a stranger's. SQLite opens a path and no descriptor: whatever leads to a file of a container, `/proc/PID/root`
//! and `/proc/self/fd/N` included, it follows by the text of the link (os_unix.c, `unixFullPathname`), and so comes to the host's
//! own file. And all that is asked is to walk over two tables.

mod page;
mod record;

use alloc::{borrow::ToOwned, collections::BTreeMap, vec, vec::Vec};

use self::page::{Page, Row};
pub(super) use self::record::{Value, column};

/// What each file begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
const HEAD_BYTES: usize = 100;
/// Where the head says how large a page is, and how much of it stays free at its end.
const PAGE_BYTES_AT: usize = 16;
const RESERVED_AT: usize = 20;
/// What the head says of the largest page, which its two bytes cannot.
const LARGEST: u16 = 1;
const LARGEST_BYTES: usize = 65_536;
const PAGE_BYTES_MIN: usize = 512;
/// A page keeps at least so much for use.
const USABLE_BYTES_MIN: usize = 480;

/// On which page the table of tables has its root.
const SCHEMA_ROOT: u32 = 1;
/// A table that is written down in more than that is none that is read here.
const SCHEMA_ROW_BYTES_MAX: usize = 1 << 20;
/// So deep SQLite goes (btreeInt.h, `BTCURSOR_MAX_DEPTH`).
const DEPTH_MAX: u8 = 20;
/// So many rows one walk comes to: the names of all files of the largest hosts are a tenth of it.
const ROWS_MAX: u32 = 1 << 23;

/// Why a file is not read.
#[derive(Debug)]
pub(super) enum FileError<E> {
    /// Whoever reads it could not.
    Read(E),
    /// It is none of SQLite's, or broken.
    Broken,
}

/// A file of SQLite's.
pub(super) struct Database<R> {
    read_at: R,
    file_bytes: u64,
    page_bytes: usize,
    usable_bytes: usize,
}

/// What one walk may still do. A sound tree comes to each page once, and each page has its rows once.
struct Allowance {
    bytes: u64,
    rows: u32,
}

/// A part of a tree, and between which numbers its rows are.
struct Branch {
    page: u32,
    depth: u8,
    first: i64,
    last: i64,
}

impl Allowance {
    fn spend<E>(&mut self, bytes: usize) -> Result<(), FileError<E>> {
        let left = u64::try_from(bytes).ok().and_then(|bytes| self.bytes.checked_sub(bytes));
        self.bytes = left.ok_or(FileError::Broken)?;
        Ok(())
    }

    fn spend_row<E>(&mut self) -> Result<(), FileError<E>> {
        self.rows = self.rows.checked_sub(1).ok_or(FileError::Broken)?;
        Ok(())
    }
}

impl<E, R: FnMut(u64, &mut [u8]) -> Result<(), E>> Database<R> {
    /// Reads the head of a file of so many bytes.
    pub(super) fn open(file_bytes: u64, mut read_at: R) -> Result<Self, FileError<E>> {
        let mut head = [0; HEAD_BYTES];
        if file_bytes < HEAD_BYTES as u64 {
            return Err(FileError::Broken);
        }
        read_at(0, &mut head).map_err(FileError::Read)?;
        let (page_bytes, usable_bytes) = sizes(&head).ok_or(FileError::Broken)?;
        Ok(Self { read_at, file_bytes, page_bytes, usable_bytes })
    }

    /// The root pages of those of the tables `names` that are there, and tables of rows and nothing else: a view and a virtual
    /// table have none.
    pub(super) fn tables(
        &mut self,
        names: &[&'static str],
    ) -> Result<BTreeMap<&'static str, u32>, FileError<E>> {
        let mut tables = BTreeMap::new();
        self.rows(SCHEMA_ROOT, SCHEMA_ROW_BYTES_MAX, &|_, _| true, &mut |row| {
            let [kind, name, root] = [0, 1, 3].map(|at| column(row, at));
            if let (Some(Value::Bytes(b"table")), Some(Value::Bytes(name)), Some(Value::Number(root))) =
                (kind, name, root)
                && let Some(name) = names.iter().find(|wanted| wanted.as_bytes() == name)
                && let Some(root) = u32::try_from(root).ok().filter(|root| *root > 0)
            {
                tables.insert(*name, root);
            }
            Ok::<_, FileError<E>>(())
        })?;
        Ok(tables)
    }

    /// Shows the rows of the table with that root, by number, where `wants` says that one of them may be between two numbers.
    /// One of more than `row_bytes_max` breaks it off.
    pub(super) fn rows<F: From<FileError<E>>>(
        &mut self,
        root: u32,
        row_bytes_max: usize,
        wants: &dyn Fn(i64, i64) -> bool,
        show: &mut dyn FnMut(&[u8]) -> Result<(), F>,
    ) -> Result<(), F> {
        let mut allowance = Allowance { bytes: self.file_bytes.saturating_mul(2), rows: ROWS_MAX };
        let mut open = vec![Branch { page: root, depth: 0, first: i64::MIN, last: i64::MAX }];
        while let Some(branch) = open.pop() {
            let bytes = self.page(branch.page, &mut allowance)?;
            let page = Page::read(&bytes, branch.page == SCHEMA_ROOT, self.usable_bytes);
            let page = page.ok_or(FileError::Broken)?;
            if let Some(rightmost) = page.rightmost() {
                let branches = branches(&branch, &page, rightmost).ok_or(FileError::Broken)?;
                open.extend(branches.into_iter().rev().filter(|branch| wants(branch.first, branch.last)));
            } else {
                self.leaf(&page, row_bytes_max, &mut allowance, wants, show)?;
            }
        }
        Ok(())
    }

    fn leaf<F: From<FileError<E>>>(
        &mut self,
        page: &Page<'_>,
        row_bytes_max: usize,
        allowance: &mut Allowance,
        wants: &dyn Fn(i64, i64) -> bool,
        show: &mut dyn FnMut(&[u8]) -> Result<(), F>,
    ) -> Result<(), F> {
        for cell in page.rows() {
            allowance.spend_row()?;
            let cell = cell.ok_or(FileError::Broken)?;
            if !wants(cell.number, cell.number) {
                continue;
            }
            if cell.bytes > row_bytes_max {
                return Err(FileError::Broken.into());
            }
            allowance.spend(cell.local.len())?;
            match cell.overflow {
                None => show(cell.local)?,
                Some(next) => show(&self.joined(&cell, next, allowance)?)?,
            }
        }
        Ok(())
    }

    /// The whole of a row that goes on in other pages, of which each says which one follows.
    fn joined(
        &mut self,
        cell: &Row<'_>,
        mut next: u32,
        allowance: &mut Allowance,
    ) -> Result<Vec<u8>, FileError<E>> {
        let mut row = cell.local.to_owned();
        while let Some(left) = cell.bytes.checked_sub(row.len()).filter(|left| *left > 0) {
            let page = self.page(next, allowance)?;
            let (number, rest) = page.split_first_chunk().ok_or(FileError::Broken)?;
            next = u32::from_be_bytes(*number);
            let room = self.usable_bytes.saturating_sub(number.len());
            row.extend(rest.get(..left.min(room)).ok_or(FileError::Broken)?);
        }
        Ok(row)
    }

    /// A page by its number, of which the first is 1.
    fn page(&mut self, number: u32, allowance: &mut Allowance) -> Result<Vec<u8>, FileError<E>> {
        allowance.spend(self.page_bytes)?;
        let size = self.page_bytes as u64;
        let offset = number.checked_sub(1).and_then(|before| u64::from(before).checked_mul(size));
        let is_in_file = |offset: &u64| offset.checked_add(size).is_some_and(|end| end <= self.file_bytes);
        let offset = offset.filter(is_in_file).ok_or(FileError::Broken)?;
        let mut page = vec![0; self.page_bytes];
        (self.read_at)(offset, &mut page).map_err(FileError::Read)?;
        Ok(page)
    }
}

/// How large a page is, and how much of it is used.
fn sizes(head: &[u8; HEAD_BYTES]) -> Option<(usize, usize)> {
    let told = u16::from_be_bytes(*head.get(PAGE_BYTES_AT..)?.first_chunk()?);
    let page = if told == LARGEST { LARGEST_BYTES } else { usize::from(told) };
    let usable = page.checked_sub(usize::from(*head.get(RESERVED_AT)?))?;
    let is_sound = head.starts_with(MAGIC)
        && page.is_power_of_two()
        && page >= PAGE_BYTES_MIN
        && usable >= USABLE_BYTES_MIN;
    is_sound.then_some((page, usable))
}

/// Into which parts an inner page divides its own.
fn branches(above: &Branch, page: &Page<'_>, rightmost: u32) -> Option<Vec<Branch>> {
    let depth = above.depth.checked_add(1).filter(|depth| *depth < DEPTH_MAX)?;
    let mut first = above.first;
    let mut branches = Vec::new();
    for branch in page.branches() {
        let (page, last) = branch?;
        branches.push(Branch { page, depth, first, last });
        first = last.saturating_add(1);
    }
    branches.push(Branch { page: rightmost, depth, first, last: above.last });
    Some(branches)
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
