//! The data that debsecan reads: `VERSION 1`, the holes, and the packages that have them (A18).
//!
//! `fetch_data` and `Vulnerability` of debsecan 0.4.20 define the format. A document is about one release of Debian, or
//! about all of them, and does not say which: it is taken to be about that of the host that it is laid down on.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::str;

use super::{ADVISORIES_MAX, Asked, Malformed, Told, Unread, ecosystem::speaks_of, oldest};
use crate::{
    packages::Installed,
    version::{Scheme, compare},
};

/// What this speaks of.
const ECOSYSTEM: &str = "Debian";
/// How an archive and what is compressed begin: zlib as the tracker sends it (RFC 1950 §2.2), gzip, xz, zstd, bzip2, zip.
const COMPRESSED: [&[u8]; 9] = [
    b"\x78\x01",
    b"\x78\x5e",
    b"\x78\x9c",
    b"\x78\xda",
    b"\x1f\x8b",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
    b"BZh",
    b"PK\x03\x04",
];

/// What packages are said to have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statements {
    /// Of whose packages: of the release of this host, whose administrator laid it down, where it is of Debian.
    ecosystem: String,
    by_package: BTreeMap<String, Vec<Statement>>,
    /// Whether anything was said, of whatever package.
    has_lines: bool,
}

/// That a package has a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Statement {
    hole: String,
    /// Whether the package is one that is installed, and no source.
    names_installed: bool,
    /// Whether this release has a version without it.
    is_fixed: bool,
    /// The first one without it in unstable.
    unstable: Option<String>,
    /// Further ones without it.
    others: Vec<String>,
}

/// What it says of what is `asked`, and how many holes it knows.
pub(super) fn read(document: &[u8], asked: &Asked) -> Result<(Statements, usize), Unread> {
    let mut lines = Lines { rest: document, number: 0 };
    begin(document, &mut lines)?;
    let holes = holes(&mut lines)?;
    let mut statements = Statements { ecosystem: asked.meant(ECOSYSTEM), ..Statements::default() };
    while let Some(line) = lines.next_of_part()? {
        statements.take(line, &holes, asked).map_err(|why| why.at(lines.number))?;
    }
    // What follows says which packages a source makes.
    Ok((statements, holes.len()))
}

fn begin(document: &[u8], lines: &mut Lines) -> Result<(), Unread> {
    if COMPRESSED.iter().any(|magic| document.starts_with(magic)) {
        return Err(Unread::Compressed);
    }
    if !document.starts_with(b"VERSION ") {
        return Err(Unread::Foreign);
    }
    match lines.next_of_part()? {
        Some("VERSION 1") => Ok(()),
        _ => Err(Malformed::Version.at(1)),
    }
}

/// Their names.
fn holes<'d>(lines: &mut Lines<'d>) -> Result<Vec<&'d str>, Unread> {
    let mut holes = Vec::new();
    while let Some(line) = lines.next_of_part()? {
        let mut fields = line.splitn(3, ',');
        let (Some(name), Some(_), Some(_)) = (fields.next(), fields.next(), fields.next()) else {
            return Err(Malformed::Hole.at(lines.number));
        };
        if holes.len() == ADVISORIES_MAX {
            return Err(Unread::TooMany);
        }
        holes.push(name);
    }
    Ok(holes)
}

impl Statements {
    pub(super) fn add(&mut self, other: Self) {
        // Of a document in another format nothing stands here.
        if other.has_lines {
            (self.has_lines, self.ecosystem) = (true, other.ecosystem);
        }
        for (package, statements) in other.by_package {
            self.by_package.entry(package).or_default().extend(statements);
        }
    }

    /// Reads `package,number,flags,version,versions`.
    fn take(&mut self, line: &str, holes: &[&str], asked: &Asked) -> Result<(), Malformed> {
        let mut fields = line.splitn(5, ',');
        let mut field = || fields.next().ok_or(Malformed::Package);
        let (package, number, flags, unstable, others) = (field()?, field()?, field()?, field()?, field()?);
        let number: usize = number.parse().map_err(|_| Malformed::Package)?;
        let hole = holes.get(number).ok_or(Malformed::Number)?;
        let [kind, _, _, fixed, ..] = flags.as_bytes() else { return Err(Malformed::Package) };
        self.has_lines = true;
        if asked.is_told(&self.ecosystem, package) {
            let statement = Statement {
                hole: (*hole).into(),
                names_installed: *kind == b'B',
                is_fixed: *fixed == b'F',
                unstable: (!unstable.is_empty()).then(|| unstable.into()),
                others: others.split(' ').filter(|version| !version.is_empty()).map(Into::into).collect(),
            };
            self.by_package.entry(package.into()).or_default().push(statement);
        }
        Ok(())
    }

    /// Whether any package is said to have a hole, and of `ecosystem`.
    pub(super) fn speak_of(&self, ecosystem: &str) -> bool {
        self.has_lines && speaks_of(&self.ecosystem, ecosystem)
    }

    /// Tells of each hole that `package` has.
    pub(super) fn affecting<'d>(&'d self, ecosystem: &str, package: &Installed, told: &mut Told<'d>) {
        if !speaks_of(&self.ecosystem, ecosystem) {
            return;
        }
        let of = |name: &str| self.by_package.get(name).into_iter().flatten();
        let installed = of(&package.name).filter(|statement| statement.names_installed);
        for statement in installed.filter(|statement| statement.is_older(&package.version)) {
            told.tell(&statement.hole, statement.fixed(&package.version));
        }
        // debsecan takes a name for that of the source wherever it is not that of the package.
        let is_of_source =
            |statement: &&Statement| !statement.names_installed || package.name != package.source;
        for statement in of(&package.source).filter(is_of_source) {
            if statement.affects_source(&package.source_version) {
                told.tell(&statement.hole, statement.fixed(&package.source_version));
            }
        }
    }
}

impl Statement {
    /// Whether it is older than the one in unstable, which any is where there is none.
    fn is_older(&self, version: &str) -> bool {
        self.unstable.as_ref().is_none_or(|unstable| compare(Scheme::Debian, version, unstable).is_lt())
    }

    fn affects_source(&self, version: &str) -> bool {
        let is_same = |other: &String| compare(Scheme::Debian, version, other).is_eq();
        self.is_older(version) && !self.others.iter().any(is_same)
    }

    fn fixed(&self, version: &str) -> Option<&str> {
        let known = self.others.iter().chain(&self.unstable).filter(|_| self.is_fixed);
        let newer = known.filter(|fixed| compare(Scheme::Debian, fixed, version).is_gt());
        oldest(Scheme::Debian, newer.map(String::as_str))
    }
}

/// The lines of a document, and the number of the last one that was read.
struct Lines<'d> {
    rest: &'d [u8],
    number: usize,
}

impl<'d> Lines<'d> {
    /// The next one, or none where an empty one ends a part.
    fn next_of_part(&mut self) -> Result<Option<&'d str>, Unread> {
        let end = self.rest.iter().position(|&byte| byte == b'\n');
        self.number = self.number.saturating_add(1);
        let (line, rest) =
            end.and_then(|end| self.rest.split_at_checked(end)).ok_or(Malformed::End.at(self.number))?;
        self.rest = rest.get(1..).unwrap_or_default();
        let line = str::from_utf8(line).map_err(|_| Malformed::NotUtf8.at(self.number))?;
        Ok((!line.is_empty()).then_some(line))
    }
}
