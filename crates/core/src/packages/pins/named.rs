//! Which packages a preference is about (apt_preferences(5), A18).

use alloc::{borrow::ToOwned as _, string::String};

use super::expression::Expression;

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

/// What apt takes a package for that is built so: what fits every architecture is of the host's own, as far as that is told.
pub(super) fn to_apt<'a>(built: Option<&'a str>, native: Option<&'a str>) -> Option<&'a str> {
    if built == Some("all") { native } else { built }
}

/// The packages of a pin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    name: Expression,
    built: Built,
    /// Whether the source package is meant.
    is_source: bool,
}

/// What the packages are built for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Built {
    /// The architecture of the host, as where none is told.
    Native,
    Any,
    One(String),
    /// A pattern, which apt has the names of kernels and libraries for (`linux-any`).
    Pattern,
}

impl Named {
    /// Understands a word of the field; `None` where its name is apt's own.
    pub(super) fn read(word: &str) -> Option<Self> {
        let source = word.strip_prefix("src:");
        let word = source.unwrap_or(word);
        let (name, built) = match word.rsplit_once(':') {
            Some((name, architecture)) => (name, Built::read(architecture)),
            None => (word, Built::Native),
        };
        Some(Self { name: Expression::read(name)?, built, is_source: source.is_some() })
    }

    /// Whether it is about this package, on a host of the `native` architecture; where that is not told it has no other.
    pub(super) fn fits(&self, of: &Subject<'_>, native: Option<&str>) -> bool {
        let built = to_apt(of.architecture, native);
        let is_built = match &self.built {
            Built::Any => true,
            Built::Native => native.is_none() || built == native,
            Built::One(told) => built == Some(told),
            Built::Pattern => false,
        };
        is_built && self.names(of)
    }

    /// Whether only apt itself knows if it is.
    pub(super) fn is_open(&self, of: &Subject<'_>, native: Option<&str>) -> bool {
        let is_unknown = match &self.built {
            Built::Native | Built::Any => false,
            Built::One(told) => told != "all" && of.architecture == Some("all") && native.is_none(),
            Built::Pattern => true,
        };
        is_unknown && self.names(of)
    }

    pub(super) fn names(&self, of: &Subject<'_>) -> bool {
        self.name.names(if self.is_source { of.source } else { of.name })
    }
}

impl Built {
    fn read(architecture: &str) -> Self {
        match architecture {
            "" => Self::Native,
            "any" | "*" => Self::Any,
            one if one.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Self::One(one.to_owned()),
            _ => Self::Pattern,
        }
    }
}
