//! What should not be declared wide open merely because it was found so.

use alloc::{collections::BTreeSet, vec::Vec};

use crate::{
    kinds::{Nature, kind_of},
    port::Protocol,
    words::Words,
};

/// Why a listener deserves a second look before it is opened to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Danger {
    /// A database, cache, search engine, queue or control interface that trusts whoever reaches it.
    Datastore,
    /// Passwords travel readable.
    Cleartext,
}

impl Danger {
    pub(super) const fn words(self) -> Words {
        match self {
            Self::Datastore => Words {
                en: "a datastore or control interface: whoever reaches it can use it",
                ja: "データストアや制御用のインターフェースです。到達できれば誰でも使えます。",
            },
            Self::Cleartext => Words {
                en: "not encrypted: passwords can be read on the way",
                ja: "暗号化されていません。通信経路上でパスワードを盗み見られる可能性があります。",
            },
        }
    }
}

impl Danger {
    /// The danger of a listener on this number, held by these programs, if it were open to others.
    pub(super) fn of(programs: &BTreeSet<&str>, port: u16, protocol: Protocol) -> Option<Self> {
        let programs: Vec<_> = programs.iter().copied().collect();
        let kind = kind_of(&programs, port, protocol)?;
        if kind.is(Nature::Datastore) {
            Some(Self::Datastore)
        } else if kind.is(Nature::Cleartext) || kind.is(Nature::OptionalTls) {
            Some(Self::Cleartext)
        } else {
            None
        }
    }
}
