//! Where the packet filter is read from: a look, or a folder of saved listings.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, builder::ValueParser};
use jiff::Timestamp;
use portreeve_core::{
    facts::{Firewall, Gap, GapKind, Listing, Snapshot},
    firewall::{self, Filter, Surroundings},
    reach::Basis,
    text,
    words::{Lang, Text, Words},
};

use crate::{
    exit::Exit,
    failure::Failure,
    read,
    settings::{Format, Settings, Verbosity, options},
    show::{gaps, out::Out},
};

/// More than any packet filter has.
const LISTING_BYTES_MAX: usize = 256 << 20;

/// `--from-files DIR`.
pub(super) fn argument(name: &'static str, help: Words, lang: Lang) -> Arg {
    options::value(name, "DIR", help, lang).value_parser(ValueParser::path_buf())
}

/// The folder that was named.
pub(super) fn folder<'a>(own: &'a ArgMatches, name: &str) -> Option<&'a Path> {
    own.get_one::<PathBuf>(name).map(PathBuf::as_path)
}

/// A host of which nothing but the saved listings is known.
///
/// # Errors
///
/// Where there is no such folder, no listing in it, or one of them cannot be read.
pub(super) fn snapshot(folder: &Path) -> Result<Snapshot, Failure> {
    if !folder.is_dir() {
        return Err(unreadable(folder)
            .because(Words {
                en: "there is no such folder", ja: "そのようなフォルダはありません"
            })
            .hint(hint(Listing::Addresses)));
    }
    let mut listings = BTreeMap::new();
    for listing in Listing::ALL {
        let path = folder.join(listing.file_name());
        match read::file(&path, LISTING_BYTES_MAX) {
            Ok(bytes) => {
                listings.insert(listing, String::from_utf8_lossy(&bytes).into_owned());
            }
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(unreadable(&path).because(error.text()).hint(hint(listing))),
        }
    }
    if listings.is_empty() {
        let names = Listing::ALL.map(Listing::file_name).join(", ");
        return Err(unreadable(folder)
            .because(Words { en: "there is no listing in it", ja: "一覧のファイルがありません" })
            .hint(text!("any of: {names}", "次のファイルを置いてください(いずれか 1 つでも可): {names}")));
    }
    if !listings.contains_key(&Listing::Addresses) {
        let name = Listing::Addresses.file_name();
        return Err(unreadable(folder)
            .because(text!(
                "{name} is missing, and only it tells which addresses and interfaces are this host's",
                "{name} がありません。このホストのアドレスとインターフェースは、このファイルからしか分かりません"
            ))
            .hint(hint(Listing::Addresses)));
    }
    let firewall = Some(Firewall { listings });
    Ok(Snapshot { firewall, ..Snapshot::bare(Timestamp::now()) })
}

fn hint(listing: Listing) -> Text {
    let (command, file) = (listing.command(), listing.file_name());
    text!("on that host: {command} > {file}", "対象のホストで実行: {command} > {file}")
}

fn unreadable(path: &Path) -> Failure {
    let path = path.display().to_string();
    Failure::usage(text!("cannot read the listings of {path}", "{path} の一覧を読めません"))
}

/// A program of the host printed what it never does.
fn garbled(why: &str, command: &str) -> Failure {
    let failed = Words {
        en: "cannot judge the packet filter", ja: "パケットフィルターを判定できません"
    };
    Failure::new(Exit::Unreachable, failed)
        .because(text!(
            "what `{command}` prints cannot be read ({why})",
            "`{command}` の出力を読み取れません({why})"
        ))
        .hint(text!("look at what it prints: {command}", "出力を確認してください: {command}"))
}

/// The packet filter as far as it is known, and what is not.
#[derive(Debug)]
pub(in super::super) struct Sight {
    /// The filter; where its rules are hidden, one that lets everything pass.
    pub(in super::super) filter: Filter,
    /// What hides its rules.
    pub(in super::super) gaps: Vec<Gap>,
}

impl Sight {
    /// What `snapshot` tells of it, which is of this host now where it `is_live`.
    ///
    /// # Errors
    ///
    /// Where a listing is none: what would be missing without it may be what lets packets in, or keeps them out.
    pub(in super::super) fn of(snapshot: &Snapshot, is_live: bool) -> Result<Self, Failure> {
        let Some(firewall) = &snapshot.firewall else { return Ok(Self::hidden(snapshot)) };
        let filter = firewall::read(firewall).map_err(|error| {
            let (why, command) = (error.to_string(), error.listing.command());
            if is_live {
                return garbled(&why, command);
            }
            Failure::usage(Words {
                en: "cannot judge the packet filter by its listings",
                ja: "一覧からパケットフィルターを判定できません",
            })
            .because(text!("{why}", "一覧の形式に合いません: {why}"))
            .hint(text!("see what it should hold: {command}", "正しい内容の確認: {command}"))
        })?;
        let is_meant = |gap: &&Gap| gap.hides_firewall() || gap.is_before_rules();
        let gaps = snapshot.gaps.iter().filter(is_meant).cloned().collect();
        Ok(Self { filter, gaps })
    }

    fn hidden(snapshot: &Snapshot) -> Self {
        let mut gaps: Vec<_> = snapshot.gaps.iter().filter(|gap| gap.hides_firewall()).cloned().collect();
        if gaps.is_empty() {
            gaps.push(Gap::new(GapKind::UnkeptFirewall, 1));
        }
        let own = snapshot.own_namespace();
        let around = own.map(|namespace| Surroundings::of(&namespace.interfaces)).unwrap_or_default();
        Self { filter: Filter { around, ..Filter::default() }, gaps }
    }

    /// What an answer rests on.
    pub(in super::super) fn basis(&self) -> Basis {
        let is_hidden = self.gaps.iter().any(Gap::hides_firewall);
        if is_hidden { Basis::Bind } else { Basis::Firewall }
    }

    /// Whether answers could be others.
    pub(super) fn is_grave(&self) -> bool {
        !self.gaps.is_empty()
    }

    /// Says below a table what hides the rules; a document has it.
    pub(super) fn tell(&self, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
        if settings.format != Format::Table || settings.verbosity == Verbosity::Quiet {
            return Ok(());
        }
        self.gaps.iter().try_for_each(|gap| out.sentences(&gaps::line(gap, settings.lang)))
    }

    /// The same beside answers that a program reads line by line.
    pub(super) fn tell_aside(&self, settings: &Settings) {
        for gap in self.gaps.iter().filter(|_| settings.verbosity != Verbosity::Quiet) {
            eprintln!("{}", gaps::line(gap, settings.lang));
        }
    }
}
