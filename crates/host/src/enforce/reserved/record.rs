//! Which of the numbers that the kernel keeps back are there through portreeve: kept below /run, which a boot empties too.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use portreeve_core::port::PortRange;

use super::Reason;
use crate::{
    network::{Network, network},
    pins::RUN,
};

/// Every other number, and some words.
pub(super) const BYTES_MAX: u64 = 1 << 20;

/// Where what is ours in `network` is written.
fn path(network: &Network) -> PathBuf {
    let name = match network {
        Network::Host => "reserved".into(),
        Network::Apart(name) => format!("reserved-{name}"),
    };
    Path::new(RUN).join(name)
}

/// The word before what is ours.
const OURS: &str = "ours";

/// What is ours, and what is wanted why.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    path: PathBuf,
    written: Option<String>,
    /// What is kept back through portreeve.
    pub(super) ours: Vec<PortRange>,
    /// What is wanted, by reason.
    pub(super) wanted: BTreeMap<Reason, Vec<PortRange>>,
}

impl Record {
    /// What was written of the network namespace of the calling thread.
    pub(super) fn of_here() -> io::Result<Self> {
        Self::read(&path(&network()))
    }

    /// What was written at `path`.
    fn read(path: &Path) -> io::Result<Self> {
        let text = text_at(path)?.unwrap_or_default();
        let record = parse(&text).unwrap_or_default();
        Ok(Self { path: path.into(), written: Some(text), ..record })
    }

    pub(super) fn wanted_besides(&self, reason: &Reason) -> impl Iterator<Item = PortRange> {
        self.wanted.iter().filter(move |(other, _)| *other != reason).flat_map(|(_, ranges)| ranges).copied()
    }

    pub(super) fn want(&mut self, reason: &Reason, ranges: &[PortRange]) {
        // It may be known by another place.
        self.wanted.remove(reason);
        self.wanted.insert(reason.clone(), ranges.to_vec());
        self.wanted.retain(|reason, ranges| !ranges.is_empty() || reason.is_remembered());
    }

    pub(super) fn forget(&mut self, reason: &Reason) {
        self.wanted.remove(reason);
    }

    /// Writes it.
    pub(super) fn write(&mut self) -> io::Result<()> {
        self.prepare()?;
        self.put()
    }

    /// Writes it beside the one that counts, so that there is room for it.
    pub(super) fn prepare(&self) -> io::Result<()> {
        let text = self.text();
        if self.written.as_ref() == Some(&text) { Ok(()) } else { fs::write(self.fresh(), text) }
    }

    /// Whether it could be written.
    pub(super) fn refuse_unwritable(&self) -> io::Result<()> {
        fs::write(self.fresh(), self.text()).and_then(|()| fs::remove_file(self.fresh()))
    }

    /// Has what was prepared count.
    pub(super) fn put(&mut self) -> io::Result<()> {
        let text = self.text();
        if self.written.as_ref() != Some(&text) {
            fs::rename(self.fresh(), &self.path)?;
            self.written = Some(text);
        }
        Ok(())
    }

    fn fresh(&self) -> PathBuf {
        self.path.with_extension("new")
    }

    fn text(&self) -> String {
        let wanted = self.wanted.iter().map(|(reason, ranges)| reason.line(ranges));
        line(OURS, &self.ours, None) + &wanted.collect::<String>()
    }
}

/// What is written at `path`; `None` where nobody wrote it.
pub(super) fn text_at(path: &Path) -> io::Result<Option<String>> {
    let mut text = String::new();
    match File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_string(&mut text)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(|_| Some(text)),
    }
}

/// A name, its ranges, and a place where it has one, as a line.
pub(super) fn line(name: &str, ranges: &[PortRange], place: Option<&str>) -> String {
    let ranges: Vec<String> = ranges.iter().map(ToString::to_string).collect();
    let place = place.map(|place| format!(" {place}")).unwrap_or_default();
    format!("{name} {}{place}\n", ranges.join(","))
}

/// What [`line()`] wrote; `None` of any other text.
pub(super) fn of_line(line: &str) -> Option<(&str, Vec<PortRange>, Option<&str>)> {
    let (name, rest) = line.split_once(' ')?;
    let (ranges, place) = rest.split_once(' ').map_or((rest, None), |(ranges, place)| (ranges, Some(place)));
    Some((name, ranges.split_terminator(',').map(str::parse).collect::<Result<_, _>>().ok()?, place))
}

/// What a record says; `None` of any other text.
fn parse(text: &str) -> Option<Record> {
    let mut record = Record::default();
    for line in text.lines() {
        match of_line(line)? {
            (OURS, ranges, None) => record.ours = ranges,
            _ => {
                let (reason, ranges) = Reason::of_line(line)?;
                record.wanted.insert(reason, ranges);
            }
        }
    }
    Some(record)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<PortRange> {
        text.split(',').map(|range| range.parse().expect("a range")).collect()
    }

    #[test]
    fn a_record_says_nothing_else() {
        let read = parse("ours 20500,20510-20512\nledger 20500\ndeclared \n").expect("a record");
        assert_eq!(read.ours, of("20500,20510-20512"));
        assert_eq!(read.wanted, [(Reason::LEDGER, of("20500")), (Reason::Declared, Vec::new())].into());
        for text in ["ours x\n", "others 1\n", "ours"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = std::env::temp_dir().join(format!("portreeve-record-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let path = folder.join("reserved");
        let mut record = Record::read(&path).expect("there is none yet");
        record.ours = of("20500-20501");
        record.wanted.insert(Reason::LEDGER, of("20500"));
        record.write().expect("written");
        let read = Record::read(&path).expect("it is there");
        assert_eq!(read, record);
        assert_eq!(read.wanted_besides(&Reason::Declared).collect::<Vec<_>>(), of("20500"));
        assert_eq!(read.wanted_besides(&Reason::LEDGER).count(), 0);
        fs::remove_dir_all(folder).expect("ours");
    }
}
