//! Which versions apt prefers, as a person told it (apt_preferences(5), A18).

mod expression;

use alloc::{
    borrow::ToOwned as _,
    string::{String, ToString as _},
    vec::Vec,
};
use core::mem;

use self::expression::Expression;
use super::{candidate::Archive, control::Stanza};

/// Every pin, in the order in which they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pins {
    /// Of named packages.
    named: Vec<(Vec<Named>, Pin)>,
    /// Of whole archives.
    general: Vec<Pin>,
    /// Of whom something is told that only apt itself understands.
    open: Vec<Named>,
    /// Whether there is something of that kind that may be about every package.
    pub understanding: Understanding,
}

/// Whether all that was told of every package is understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Understanding {
    /// All of it.
    #[default]
    Whole,
    /// Not all: of no package it can be told which version would be installed.
    Partial,
}

/// The packages of a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    name: Expression,
    architecture: Option<String>,
    /// Whether the source package is meant.
    is_source: bool,
}

/// What is preferred, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pin {
    what: What,
    priority: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Version(Expression),
    Release(Vec<(Key, Expression)>),
    /// The host of an archive; none for archives on this host.
    Origin(Option<Expression>),
}

/// What of an archive is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Suite,
    Codename,
    Version,
    Origin,
    Label,
    Component,
    Architecture,
    /// The suite or the code name.
    Either,
}

/// What a version never is, whatever else is said of it (`Pin-Priority: never`).
pub const NEVER: i32 = i32::MIN;
/// What stands for every package.
const EVERY: &str = "*";
/// The release that a person installs from counts more than others.
const DEFAULT_RELEASE: i32 = 990;

impl Pins {
    /// Those of a root whose preferences could not be read.
    #[must_use]
    pub fn unread() -> Self {
        Self { understanding: Understanding::Partial, ..Self::default() }
    }

    /// Adds what a file of preferences says, and tells whether that is understood as far as it may be about every package.
    pub fn read(&mut self, bytes: &[u8]) -> Understanding {
        let before = mem::take(&mut self.understanding);
        super::control::every(bytes, |stanza| self.add(stanza));
        let told = self.understanding;
        if before == Understanding::Partial {
            self.understanding = before;
        }
        told
    }

    /// Prefers a release, as `APT::Default-Release` of apt.conf(5) does; it comes before whatever files say. Tells whether it is
    /// understood.
    pub fn prefer(&mut self, release: &str) -> Understanding {
        match release_of(release) {
            Some(what) => self.general.insert(0, Pin { what, priority: DEFAULT_RELEASE }),
            None => self.understanding = Understanding::Partial,
        }
        self.understanding
    }

    /// Whether something that only apt itself understands may be about a package.
    #[must_use]
    pub fn is_open(&self, of: &Subject<'_>) -> bool {
        self.understanding == Understanding::Partial || self.open.iter().any(|named| named.fits(of))
    }

    /// As apt's `ReadPinFile` does: what it warns of it leaves out, and where it refuses a record it installs nothing at all.
    fn add(&mut self, stanza: Stanza<'_>) {
        // One of nothing but comments.
        if stanza.fields().next().is_none() {
            return;
        }
        let Some(packages) = stanza.field("Package").filter(|packages| !packages.is_empty()) else {
            self.understanding = Understanding::Partial;
            return;
        };
        let Some(pin) = stanza.field("Pin").filter(|pin| is_known(pin, packages)) else { return };
        let Some(priority) = stanza.field("Pin-Priority").and_then(priority) else {
            self.understanding = Understanding::Partial;
            return;
        };
        if packages == EVERY {
            match what(pin) {
                Some(what) => self.general.push(Pin { what, priority }),
                None => self.understanding = Understanding::Partial,
            }
            return;
        }
        self.add_named(packages, pin, priority);
    }

    fn add_named(&mut self, packages: &str, pin: &str, priority: i32) {
        match (packages.split_whitespace().map(named).collect::<Option<Vec<_>>>(), what(pin)) {
            // apt takes that word for whole archives only.
            _ if priority == NEVER => self.understanding = Understanding::Partial,
            (Some(named), Some(what)) => self.named.push((named, Pin { what, priority })),
            (Some(named), None) => self.open.extend(named),
            (None, _) => self.understanding = Understanding::Partial,
        }
    }

    /// The priority of an archive, where one is told: the first one, except that "never" counts wherever it stands.
    #[must_use]
    pub fn archive(&self, archive: &Archive) -> Option<i32> {
        let mut told = self.general.iter().filter(|pin| pin.fits_archive(archive)).map(|pin| pin.priority);
        let first = told.next()?;
        if told.any(|priority| priority == NEVER) { Some(NEVER) } else { Some(first) }
    }

    /// The priority of a version that `archives` offer, where one is told of just this package.
    #[must_use]
    pub fn version(&self, of: &Subject<'_>, version: &str, archives: &[&Archive]) -> Option<i32> {
        let fits = |(named, pin): &&(Vec<Named>, Pin)| {
            named.iter().any(|named| named.fits(of))
                && (pin.fits_version(version) || archives.iter().any(|archive| pin.fits_archive(archive)))
        };
        self.named.iter().find(fits).map(|(_, pin)| pin.priority)
    }
}

/// The package that a pin may mean.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its source's.
    pub source: &'a str,
    /// What it was built for.
    pub architecture: Option<&'a str>,
}

impl Named {
    fn fits(&self, of: &Subject<'_>) -> bool {
        let is_of_it = match self.architecture.as_deref() {
            None | Some("any" | "all") => true,
            told => told == of.architecture,
        };
        is_of_it && self.name.names(if self.is_source { of.source } else { of.name })
    }
}

impl Pin {
    fn fits_version(&self, version: &str) -> bool {
        matches!(&self.what, What::Version(told) if told.fits(version))
    }

    fn fits_archive(&self, archive: &Archive) -> bool {
        match &self.what {
            What::Version(_) => false,
            What::Origin(None) => archive.host.is_empty() && !archive.is_installed,
            What::Origin(Some(host)) => host.fits(&archive.host),
            What::Release(told) => told.iter().all(|(key, value)| value.fits_any(key.of(archive))),
        }
    }
}

impl Key {
    fn read(letter: &str) -> Option<Self> {
        Some(match letter.to_ascii_lowercase().as_str() {
            "a" => Self::Suite,
            "n" => Self::Codename,
            "v" => Self::Version,
            "o" => Self::Origin,
            "l" => Self::Label,
            "c" => Self::Component,
            "b" => Self::Architecture,
            _ => return None,
        })
    }

    fn of(self, archive: &Archive) -> impl Iterator<Item = &str> {
        let release = &archive.release;
        let (one, other) = match self {
            Self::Suite => (&release.suite, None),
            Self::Codename => (&release.codename, None),
            Self::Version => (&release.version, None),
            Self::Origin => (&release.origin, None),
            Self::Label => (&release.label, None),
            Self::Component => (&archive.component, None),
            Self::Architecture => (&archive.architecture, None),
            Self::Either => (&release.suite, Some(&release.codename)),
        };
        [Some(one), other].into_iter().flatten().map(String::as_str)
    }
}

fn named(word: &str) -> Option<Named> {
    let source = word.strip_prefix("src:");
    let word = source.unwrap_or(word);
    let (name, architecture) = match word.rsplit_once(':') {
        Some((name, architecture)) => (name, Some(architecture.to_owned())),
        None => (word, None),
    };
    Some(Named { name: Expression::read(name)?, architecture, is_source: source.is_some() })
}

/// What stands behind a number is nothing to apt, and 0 is none.
fn priority(value: &str) -> Option<i32> {
    if value == "never" {
        return Some(NEVER);
    }
    let digits = value.trim_start_matches(['+', '-']);
    let length = digits.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(digits.len());
    let number = &value[..value.len() - digits.len() + length];
    number.parse::<i16>().ok().filter(|&priority| priority != 0).map(Into::into)
}

/// The kind of a pin, and what is told of it.
fn halves(pin: &str) -> (String, &str) {
    let (kind, told) = pin.split_once(char::is_whitespace).unwrap_or((pin, ""));
    (kind.to_ascii_lowercase(), told.trim())
}

/// Whether apt takes a pin of that kind for these packages: one of a version is none of all packages.
fn is_known(pin: &str, packages: &str) -> bool {
    match halves(pin).0.as_str() {
        "version" => packages != EVERY,
        kind => matches!(kind, "release" | "origin"),
    }
}

fn what(pin: &str) -> Option<What> {
    let (kind, told) = halves(pin);
    match kind.as_str() {
        "version" => Some(What::Version(Expression::read(told)?)),
        "release" => release_of(told),
        _ => {
            let host = told.trim_matches('"');
            let host = if host.is_empty() { None } else { Some(Expression::read(host)?) };
            Some(What::Origin(host))
        }
    }
}

/// `a=stable,o=Debian`, or the one word for suite or code name, or a version.
///
/// A key that apt does not know says nothing; where no other is told, it is apt's own which archives that means.
fn release_of(told: &str) -> Option<What> {
    if told == "*" {
        return Some(What::Release(Vec::new()));
    }
    if told.contains('=') {
        let pairs = told.split(',').filter_map(|pair| pair.trim().split_once('='));
        let known = pairs.filter_map(|(key, value)| Some((Key::read(key.trim())?, value.trim())));
        let read = known.map(|(key, value)| Some((key, Expression::read(value)?)));
        return read.collect::<Option<Vec<_>>>().filter(|told| !told.is_empty()).map(What::Release);
    }
    let key = if told.starts_with(|first: char| first.is_ascii_digit()) { Key::Version } else { Key::Either };
    Some(What::Release([(key, Expression::read(told)?)].into()))
}

/// The release that apt.conf(5) has installed from, where `bytes` say one.
///
/// # Errors
///
/// They say one in a way that is not understood here.
pub fn default_release(bytes: &[u8]) -> Result<Option<String>, Understanding> {
    const KEY: &str = "default-release";
    let text = String::from_utf8_lossy(bytes);
    let mut told = None;
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with("//") && !line.starts_with('#')) {
        let Some(place) = line.to_ascii_lowercase().find(KEY) else { continue };
        // It may be the last word of groups that end in the same line.
        let value = Some(line[place + KEY.len()..].trim()).filter(|value| value.ends_with([';', '}']));
        let value = value.map(|value| value.trim_end_matches([';', '}', ' ']).trim_matches('"'));
        let plain = value.filter(|value| !value.contains(['"', ' ', ';', '{']) && is_closed(line));
        told = Some(plain.ok_or(Understanding::Partial)?.to_string());
    }
    Ok(told.filter(|release| !release.is_empty()))
}

fn is_closed(line: &str) -> bool {
    line.matches('"').count().is_multiple_of(2)
}

#[cfg(test)]
mod tests;
