//! Which versions apt prefers, as a person told it (apt_preferences(5), A18).

mod expression;
mod named;

use alloc::{string::String, vec::Vec};
use core::mem;

pub use self::named::Subject;

use self::{
    expression::Expression,
    named::{Named, to_apt},
};
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
    /// The architecture of the host, where it takes packages of others too.
    pub native: Option<String>,
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

    /// Whether what is `listed` for an architecture would be installed in the place of a package of another: what fits every one is of the
    /// host's own to apt.
    #[must_use]
    pub fn is_same_package(&self, installed: Option<&str>, listed: &str) -> bool {
        let native = self.native.as_deref();
        match (to_apt(installed, native), to_apt(Some(listed), native)) {
            (Some(installed), Some(listed)) => installed == listed,
            // Of a host that takes packages of one architecture all are.
            _ => true,
        }
    }

    /// Whether what is built for that is of another architecture than the host's own.
    #[must_use]
    pub fn is_foreign(&self, built: Option<&str>) -> bool {
        let native = self.native.as_deref();
        to_apt(built, native).zip(native).is_some_and(|(built, native)| built != native)
    }

    /// Whether something that only apt itself understands may be about a package.
    #[must_use]
    pub fn is_open(&self, of: &Subject<'_>) -> bool {
        let native = self.native.as_deref();
        self.understanding == Understanding::Partial
            || self.open.iter().any(|named| named.names(of))
            || self.named.iter().any(|(all, _)| all.iter().any(|named| named.is_open(of, native)))
    }

    /// As apt's `ReadPinFile` does: what it warns of it leaves out, and where it refuses a record it installs nothing at all.
    fn add(&mut self, stanza: Stanza<'_>) {
        // One of nothing but comments.
        if stanza.fields().next().is_none() {
            return;
        }
        let Some(packages) = stanza.folded("Package").filter(|packages| !packages.is_empty()) else {
            self.understanding = Understanding::Partial;
            return;
        };
        let (packages, pin) = (&*packages, stanza.folded("Pin"));
        let Some(pin) = pin.as_deref().filter(|pin| is_known(pin, packages)) else { return };
        let Some(priority) = stanza.folded("Pin-Priority").as_deref().and_then(priority) else {
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
        match (packages.split_whitespace().map(Named::read).collect::<Option<Vec<_>>>(), what(pin)) {
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
            named.iter().any(|named| named.fits(of, self.native.as_deref()))
                && (pin.fits_version(version) || archives.iter().any(|archive| pin.fits_archive(archive)))
        };
        self.named.iter().find(fits).map(|(_, pin)| pin.priority)
    }
}

impl Pin {
    fn fits_version(&self, version: &str) -> bool {
        matches!(&self.what, What::Version(told) if told.fits_version(version))
    }

    fn fits_archive(&self, archive: &Archive) -> bool {
        match &self.what {
            What::Version(_) => false,
            What::Origin(None) => archive.host.is_empty() && !archive.is_installed,
            What::Origin(Some(host)) => host.fits(&archive.host),
            What::Release(told) => told.iter().all(|(key, value)| match key {
                Key::Version => value.fits_version(&archive.release.version),
                key => value.fits_any(key.of(archive)),
            }),
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

/// A key of one letter with what is told behind it, blanks and all; without that apt does not take it for one.
fn pair_of(pair: &str) -> Option<(Key, &str)> {
    let (key, value) = pair.split_once('=').filter(|(key, value)| key.len() == 1 && !value.is_empty())?;
    Some((Key::read(key)?, value))
}

/// `a=stable,o=Debian`, or the one word for suite or code name, or a version.
///
/// A key that apt does not know says nothing; where no other is told, it is apt's own which archives that means.
fn release_of(told: &str) -> Option<What> {
    if told == "*" {
        return Some(What::Release(Vec::new()));
    }
    if told.contains('=') {
        let mut read = Vec::new();
        for (key, value) in told.split(',').filter_map(|pair| pair_of(pair.trim())) {
            let value = Expression::read(value)?;
            read.retain(|(known, _)| *known != key);
            read.push((key, value));
        }
        return (!read.is_empty()).then_some(What::Release(read));
    }
    if told.is_empty() {
        return None;
    }
    let key = if told.starts_with(|first: char| first.is_ascii_digit()) { Key::Version } else { Key::Either };
    Some(What::Release([(key, Expression::read(told)?)].into()))
}

/// Whether an archive is of the release that is installed from: where none is, apt refuses to install anything. A regular expression
/// may mean any.
#[must_use]
pub fn is_of(release: &str, archive: &Archive) -> bool {
    let Some(told) = Expression::read(release) else { return true };
    let of = &archive.release;
    release.get(1..2) == Some("=") || told.fits_any([&*of.suite, &*of.codename, &*of.version].into_iter())
}

#[cfg(test)]
mod tests;
