//! Where the ledger is kept: the book is read whole, and changed only where nobody else has changed it meanwhile (A23, A25).

mod etcd;
#[cfg(test)]
mod memory;
mod sqlite;
#[cfg(test)]
pub(crate) mod tests;

#[cfg(all(test, feature = "lab"))]
pub(crate) use self::etcd::{CHANGES_MAX, Secret};
#[cfg(test)]
pub(crate) use self::memory::Memory;
pub(crate) use self::{
    etcd::{Access, AddressError, Control, Etcd, Options, goes_in_clear, in_order, is_same},
    sqlite::{
        Anew, CHANGED, CLAIMED, Company, DayCopy, FAULTS_MAX, Fault, GROUP, REMOVED, Restored, Sqlite, Turn,
        begin_anew, check, copies, is_member, read_copy, restore,
    },
};

use std::{io, path::PathBuf, time::Duration};

use portreeve_core::{
    ledger::{Book, Change, OtherClaim, Scope},
    port::PortRange,
    text,
    words::{Text, Words},
};
use portreeve_host::enforce::reserved::ReservedError;

/// What keeps a ledger.
pub(crate) trait Store: Send {
    /// The book as it stands.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn load(&mut self) -> Result<Book, StoreError>;

    /// Changes it, whole or not at all, where it still has the revision `expected`.
    ///
    /// # Errors
    ///
    /// It cannot be changed; then it was not.
    fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError>;

    /// Waits until the book has another revision than `known`: the book as it stands then, or `None` where `patience` ends
    /// before.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    fn watch(&mut self, known: u64, patience: Duration) -> Result<Option<Book>, StoreError>;

    /// Why there is no copy of today, where there should be one; told once.
    fn uncopied(&mut self) -> Option<StoreError> {
        None
    }

    /// As many changes as [`Self::swap`] takes at once.
    fn changes_max(&self) -> usize {
        usize::MAX
    }
}

/// What came of a change.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Swap {
    /// It is made, and lasts.
    Swapped,
    /// It was not made: this is the book by now.
    Moved(Book),
    /// It was not made: other ledgers of this host claim this by now.
    Taken(Vec<OtherClaim>),
    /// Nobody knows whether it was made.
    Undetermined,
}

/// Why a store does not answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// There was a ledger, and its file is gone or empty.
    #[error("{} is gone, and there was a ledger", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Nothing of it is there, not even a folder that tells of it, and the kernel keeps what it claimed.
    #[error("nothing of {} is there, and the kernel keeps its claims", path.display())]
    Lost {
        /// The file.
        path: PathBuf,
        /// Some of what is kept.
        kept: PortRange,
    },
    /// There is no such copy of it, or an empty one.
    #[error("there is no copy {}", path.display())]
    NoCopy {
        /// What was named.
        path: PathBuf,
    },
    /// The file is no ledger, or a part of it cannot be read.
    #[error("{} is damaged, or no ledger", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Wrong,
    },
    /// The file is none of a ledger's, and never was.
    #[error("{} is no ledger", path.display())]
    NoLedger {
        /// The file.
        path: PathBuf,
    },
    /// The file has another name as well.
    #[error("{} has another name as well", path.display())]
    OtherNames {
        /// The file.
        path: PathBuf,
    },
    /// It is another ledger than the one that was here.
    #[error("{} is another ledger than the one that was here", path.display())]
    Another {
        /// The file.
        path: PathBuf,
    },
    /// A newer portreeve wrote it.
    #[error("{} has layout {found}, and this program knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: i64,
        /// The newest that is known here.
        known: i64,
    },
    /// The disk is full, it may not be written, or the system failed: what was there is as it was.
    #[error("cannot use {}", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the words of whoever reads and writes it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another program keeps it locked and does not let go.
    #[error("another program keeps {} locked", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// Somebody uses it who does not let go, while another one is to take its place.
    #[error("somebody uses {}", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// What is said to be the ledger's address is none.
    #[error("`{url}` is no address of a ledger")]
    Address {
        /// What was said, without a user and a password.
        url: String,
        /// What is wrong with it.
        source: AddressError,
    },
    /// Nobody who keeps it answered in time.
    #[error("nobody answers: {}", listed(tried))]
    Unreachable {
        /// Each that was asked.
        tried: Vec<Tried>,
        /// What asks the same by hand.
        control: Control,
    },
    /// Whoever keeps it does not know who asks, or does not let him.
    #[error("{endpoint} does not let us: {said}")]
    Denied {
        /// Who said so.
        endpoint: String,
        /// Its own words.
        said: String,
    },
    /// Whoever keeps it will not do it.
    #[error("{endpoint} refuses: {said}")]
    Refused {
        /// Who said so.
        endpoint: String,
        /// Its own words.
        said: String,
    },
    /// Something that is kept there is none of a ledger's.
    #[error("{key} is damaged, or no part of a ledger")]
    Foreign {
        /// Where it is kept.
        key: String,
        /// What is wrong with it.
        source: Wrong,
        /// What asks the same by hand.
        control: Control,
    },
    /// A file with what it takes to be let in is not what it should be.
    #[error("cannot use {}", path.display())]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Wrong,
    },
    /// Another ledger of the host is asked, and no end of it.
    #[error("another ledger of this host is asked all the time")]
    Asked {
        /// What whoever asks holds.
        path: PathBuf,
    },
    /// What it would claim cannot be kept from other ledgers of this host.
    #[error("what it claims could not be kept from other ledgers of this host")]
    Unkept(#[from] ReservedError),
    /// It cannot change that much at once.
    #[error("{changes} changes at once are more than {most}")]
    TooMany {
        /// How many were asked for.
        changes: usize,
        /// The most that it can.
        most: usize,
    },
    /// It was opened for another scope than a claim has.
    #[error("it was opened for {opened}, and a claim is of {scope}")]
    Elsewhere {
        /// For what it was opened.
        opened: Scope,
        /// What the claim says.
        scope: Scope,
    },
    /// A file beside it cannot be used.
    #[error("cannot use {}", path.display())]
    Beside {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is wrong with something that was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Wrong {
    /// In words of ours.
    #[error("{}", .0.en)]
    Ours(Words),
    /// In those of a library.
    #[error("{0}")]
    Quoted(String),
    /// It is a file of another program.
    #[error("its application id is {0:#x}")]
    Application(i64),
}

impl Wrong {
    /// In the words of `error`.
    pub(crate) fn quoted(error: &dyn std::error::Error) -> Self {
        Self::Quoted(error.to_string())
    }

    /// The same in both languages; what a library says is quoted.
    pub(crate) fn text(&self) -> Text {
        match self {
            Self::Ours(words) => (*words).into(),
            Self::Quoted(said) => quoted(said),
            Self::Application(id) => {
                text!("its application id is {id:#x}", "アプリケーション ID が {id:#x} です")
            }
        }
    }
}

/// What was said by something that has no words of ours.
pub(crate) fn quoted(said: &str) -> Text {
    text!("{said}", "エラーの内容「{said}」")
}

/// Somebody who was asked, and did not help.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{endpoint}: {said}")]
pub(crate) struct Tried {
    /// Where.
    pub(crate) endpoint: String,
    /// What came of it.
    pub(crate) said: Said,
}

/// What came of asking somebody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Said {
    /// No answer in time.
    #[error("no answer in time")]
    Silent,
    /// No connection, in the system's words.
    #[error("{0}")]
    Unreachable(String),
    /// Its certificate proves nothing to us, in the words of the encryption.
    #[error("its certificate is not trusted: {0}")]
    Unproven(String),
    /// It wants a certificate of ours, and we have none.
    #[error("it wants a client certificate: {0}")]
    Uncertified(String),
    /// It does not take our certificate.
    #[error("it does not accept our certificate: {0}")]
    Unwelcome(String),
    /// It ended an encrypted connection, as one may that wants a certificate of ours, and we have none.
    #[error("it hung up: {0}")]
    HungUp(String),
    /// No connection that is encrypted, for another reason.
    #[error("{0}")]
    Untrusted(String),
    /// Something that is no answer.
    #[error("an answer that cannot be read: {0}")]
    Unreadable(String),
    /// That it cannot now, in its own words.
    #[error("{0}")]
    Replied(String),
}

impl Tried {
    /// The same in both languages.
    pub(crate) fn text(&self) -> Text {
        let (endpoint, Text { en, ja }) = (&self.endpoint, self.said.text());
        text!("{endpoint}: {en}", "{endpoint}: {ja}")
    }
}

impl Said {
    /// Whether somebody is there, who did not help.
    pub(crate) const fn is_answer(&self) -> bool {
        !matches!(self, Self::Silent | Self::Unreachable(_))
    }

    /// Whether it is said as often as it is asked for.
    pub(crate) const fn is_lasting(&self) -> bool {
        self.lacks_ca() || matches!(self, Self::Uncertified(_) | Self::Unwelcome(_) | Self::Untrusted(_))
    }

    /// Whether another authority would have to vouch for whoever was asked.
    pub(crate) const fn lacks_ca(&self) -> bool {
        matches!(self, Self::Unproven(_))
    }

    /// Whether it takes another certificate of ours.
    pub(crate) const fn lacks_certificate(&self) -> bool {
        matches!(self, Self::Uncertified(_) | Self::Unwelcome(_) | Self::HungUp(_))
    }

    fn text(&self) -> Text {
        match self {
            Self::Silent => text!("no answer in time", "時間内に応答がありません"),
            Self::Unreachable(said) | Self::Untrusted(said) | Self::Replied(said) => quoted(said),
            Self::Unproven(said) => {
                let Text { en, ja } = quoted(said);
                text!("its certificate is not trusted: {en}", "サーバー証明書を信頼できません({ja})")
            }
            Self::Uncertified(said) => {
                let Text { en, ja } = quoted(said);
                text!("it wants a client certificate: {en}", "クライアント証明書が必要です({ja})")
            }
            Self::Unwelcome(said) => {
                let Text { en, ja } = quoted(said);
                text!(
                    "it does not accept our client certificate: {en}",
                    "クライアント証明書が受け入れられません({ja})"
                )
            }
            Self::HungUp(said) => {
                let Text { en, ja } = quoted(said);
                text!(
                    "it hung up, as one does that wants a client certificate: {en}",
                    "接続が切断されました。クライアント証明書が必要な可能性があります({ja})"
                )
            }
            Self::Unreadable(said) => {
                let Text { en, ja } = quoted(said);
                text!("an answer that cannot be read: {en}", "応答を解釈できません({ja})")
            }
        }
    }
}

fn listed(tried: &[Tried]) -> String {
    tried.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
