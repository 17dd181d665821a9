//! A ledger of a fleet in etcd, an existing consensus of its own, asked through its JSON gateway (A25, A26).
//!
//! etcd 3.4 or later. What its majority has not made is not made: where none is to be had there is an error, and neither
//! a guess nor a ledger of this host in its place.

mod access;
mod address;
mod control;
mod gateway;
mod keys;
mod lease;
mod names;
mod trouble;
mod view;
mod wire;

#[cfg(all(test, feature = "lab"))]
pub(crate) use self::access::Secret;
pub(crate) use self::{access::Access, address::AddressError, control::Control, view::CHANGES_MAX};

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use portreeve_core::{
    ledger::{Book, Change, Scope},
    user_info,
    words::Words,
};
use rustix::rand::{GetRandomFlags, getrandom};

use self::{
    address::Address,
    gateway::{Gateway, Heard, Unheard},
    keys::{Keys, Span},
    lease::Granted,
    view::{View, fault, spans, turn},
    wire::{
        Done, Grant, Integer, KeyValue, LeaseName, Range, RangeAnswer, Transaction, TransactionAnswer, Watch,
    },
};
use super::{FAULTS_MAX, Store, StoreError, Swap, Wrong};

/// Where transactions are made, and keys are read.
const TRANSACTION: &str = "/v3/kv/txn";
const RANGE: &str = "/v3/kv/range";
const GRANT: &str = "/v3/lease/grant";
const REVOKE: &str = "/v3/lease/revoke";
/// As long as whoever watches trusts one member; one that was cut off says nothing, and never that.
const WATCH: Duration = Duration::from_secs(5);
/// So many changes of others are looked through for our own.
const STEPS_MAX: u32 = 256;

/// Whose ledger is meant, and what it takes to be let in.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The scope whose claims are asked for: those of it and of the fleet are read, its own are written. For
    /// [`Scope::Fleet`] those of every scope are read, since a claim of the fleet may meet any.
    pub(crate) scope: Scope,
    /// The host (machine-id(5)): network namespaces and users are its own.
    pub(crate) machine: String,
    /// What it takes to be let in.
    pub(crate) access: Access,
}

/// The ledger of a fleet, as far as one scope is concerned.
#[derive(Debug)]
pub(crate) struct Etcd {
    gateway: Gateway,
    keys: Keys,
    /// What asks the same by hand.
    control: Control,
    /// What was read last.
    view: Option<View>,
}

/// Whether what is asked at `url` leaves the host, for anybody to read and to change.
pub(crate) fn goes_in_clear(url: &str) -> bool {
    Address::read(url).is_ok_and(|address| address.is_in_clear())
}

/// Whether both addresses are of one ledger: its members may be more or fewer by now.
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let (Ok(one), Ok(other)) = (Address::read(one), Address::read(other)) else { return one == other };
    one.prefix == other.prefix && one.endpoints.iter().any(|endpoint| other.endpoints.contains(endpoint))
}

/// The same address in one order, as whoever writes its members in another one means the same ledger.
pub(crate) fn in_order(url: &str) -> String {
    let Ok(Address { mut endpoints, prefix }) = Address::read(url) else { return url.into() };
    endpoints.sort_unstable();
    endpoints.dedup();
    let hosts =
        endpoints.iter().map(|endpoint| endpoint.split_once("://").map_or(&**endpoint, |(_, host)| host));
    let scheme = if goes_in_clear(url) { "http" } else { "https" };
    format!("etcd+{scheme}://{}{prefix}", hosts.collect::<Vec<_>>().join(","))
}

impl Etcd {
    /// The ledger at `url`: `etcd+https://h1:2379,h2:2379/prefix`, or `etcd+http://…` without encryption. Nobody is asked yet.
    ///
    /// # Errors
    ///
    /// The address is none, or a file with certificates cannot be used.
    pub(crate) fn open(url: &str, options: Options) -> Result<Self, StoreError> {
        let no_address = |source| StoreError::Address { url: user_info::hidden(url).into(), source };
        let address = Address::read(url).map_err(no_address)?;
        let control = Control::of(&address.endpoints, &options.access);
        let gateway = Gateway::new(address.endpoints, options.access.tls()?, options.access.user());
        let keys = Keys::new(address.prefix, options.machine, options.scope);
        Ok(Self { gateway, keys, control, view: None })
    }

    /// The same for whoever would only like to know, and does not wait long.
    pub(crate) fn briefly(self) -> Self {
        Self { gateway: self.gateway.within(gateway::PATIENCE_BRIEF), ..self }
    }

    /// Everything that is wrong with what is kept below the prefix, of whatever scope; nothing is written.
    ///
    /// # Errors
    ///
    /// Nobody answers, or not as an etcd does.
    pub(crate) fn check(&mut self) -> Result<Vec<StoreError>, StoreError> {
        self.gateway.begin();
        let faults = self.faults().map_err(|error| self.control.beside(error))?;
        Ok(faults.into_iter().map(|error| self.control.beside(error)).collect())
    }

    fn faults(&mut self) -> Result<Vec<StoreError>, StoreError> {
        let (mut span, mut revision, mut faults) = (self.keys.whole(), None, Vec::new());
        loop {
            let range = Range::of(&span);
            let range = revision.map_or_else(|| range.clone(), |revision| range.clone().at(revision));
            let page: RangeAnswer = self.ask(RANGE, &range)?.answer;
            revision = revision.or(Some(page.header.revision.0));
            let mut pairs = Vec::new();
            let next = turn(&span, page, &mut pairs)?;
            faults.extend(pairs.iter().filter_map(|pair| fault(&self.keys, pair)));
            match next {
                Some(next) if faults.len() < FAULTS_MAX => span = next,
                _ => return Ok(faults),
            }
        }
    }

    /// The book as it stands, which is read anew only where it was changed.
    fn look(&mut self) -> Result<&View, StoreError> {
        let view = match self.view.take() {
            None => self.read()?,
            Some(mut view) => {
                let answer = self.transact(&view.look(&self.keys))?.answer;
                let revision = answer.header.revision.0;
                match (answer.succeeded, ranges(answer)?) {
                    (true, counted) if view.has(&counted) => {
                        view.etcd = revision;
                        view
                    }
                    (true, _) => self.read()?,
                    (false, pages) => self.leaf(revision, pages)?,
                }
            }
        };
        Ok(self.view.insert(view))
    }

    fn read(&mut self) -> Result<View, StoreError> {
        let reads = View::reads(&self.keys);
        let read = Transaction { compare: Vec::new(), success: reads, failure: Vec::new() };
        let answer = self.transact(&read)?.answer;
        self.leaf(answer.header.revision.0, ranges(answer)?)
    }

    /// Reads on from the first pages, all of it as it was after `revision`.
    fn leaf(&mut self, revision: u64, pages: Vec<RangeAnswer>) -> Result<View, StoreError> {
        let spans = spans(&self.keys);
        if pages.len() != spans.len() {
            return Err(self.odd(Words {
                en: "another number of answers than of questions",
                ja: "応答の数が要求の数と一致しません",
            }));
        }
        let mut parts = Vec::new();
        for (mut span, mut page) in spans.into_iter().zip(pages) {
            let mut pairs: Vec<KeyValue> = Vec::new();
            while let Some(next) = turn(&span, page, &mut pairs)? {
                page = self.ask(RANGE, &Range::of(&next).at(revision))?.answer;
                span = next;
            }
            parts.push(pairs);
        }
        let claims = parts.split_off(2).into_iter().flatten().collect();
        View::new(&self.keys, revision, [&parts[0], &parts[1]], claims)
    }

    /// Changes the book where it still has the revision `expected`.
    fn swap_where(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError> {
        let is_known = self.view.as_ref().is_some_and(|view| view.book.revision() == expected);
        if !is_known {
            self.look()?;
        }
        match self.view.take() {
            Some(view) if view.book.revision() == expected => self.change(view, changes),
            Some(view) => Ok(Swap::Moved(self.view.insert(view).book.clone())),
            None => Err(self.odd(Words { en: "it was not read", ja: "読み取られていません" })),
        }
    }

    /// Tries a change on `view`, and says what came of it.
    fn change(&mut self, view: View, changes: &[Change]) -> Result<Swap, StoreError> {
        let leases = self.grant(changes)?;
        let now = Timestamp::now();
        let lease = |claim: &_| lease::fitting(&leases, lease::needed(claim, now)?);
        let nonce = nonce();
        let transaction = view.transaction(&self.keys, changes, lease, &nonce)?;
        let Heard { answer, is_repeated } = match self.gateway.ask(TRANSACTION, &transaction) {
            Err(Unheard::Nobody { was_sent: true, .. }) => return Ok(Swap::Undetermined),
            heard => heard.map_err(told)?,
        };
        let answer: TransactionAnswer = answer;
        let revision = answer.header.revision.0;
        if answer.succeeded {
            self.view = Some(view.after(&self.keys, changes, revision)?);
            return Ok(Swap::Swapped);
        }
        let before = view.etcd;
        let moved = ranges(answer).and_then(|pages| self.leaf(revision, pages));
        let is_made = if is_repeated { self.was_made(&nonce, before, revision) } else { Some(false) };
        let Some(is_made) = is_made else { return Ok(Swap::Undetermined) };
        if is_made {
            self.view = moved.ok();
            return Ok(Swap::Swapped);
        }
        self.revoke(&leases);
        Ok(Swap::Moved(self.view.insert(moved?).book.clone()))
    }

    /// Whether a change that nobody acknowledged was made between two revisions of etcd: each leaves a number of its own.
    ///
    /// It cannot be made later, since what it was compared with has moved.
    fn was_made(&mut self, nonce: &str, before: u64, mut revision: u64) -> Option<bool> {
        let last = Range::of(&Span::one(self.keys.last()));
        for _ in 0..STEPS_MAX {
            let answer: RangeAnswer = self.ask(RANGE, &last.clone().at(revision)).ok()?.answer;
            let Some(pair) = answer.kvs.into_iter().next() else { return Some(false) };
            if pair.value.text() == Some(nonce) {
                return Some(true);
            }
            if pair.mod_revision.0 <= before {
                return Some(false);
            }
            revision = pair.mod_revision.0 - 1;
        }
        None
    }

    /// A lease for each claim that ends at a time; few, where many end at about the same.
    fn grant(&mut self, changes: &[Change]) -> Result<Vec<Granted>, StoreError> {
        let now = Timestamp::now();
        let mut granted: Vec<Granted> = Vec::new();
        for change in changes {
            let Some(claim) = change.claim() else { continue };
            let Some(seconds) = lease::needed(claim, now) else { continue };
            if lease::fitting(&granted, seconds).is_none() {
                let seconds = lease::asked(seconds);
                let lease: LeaseName =
                    self.ask(GRANT, &Grant { seconds: Integer(seconds.unsigned_abs()) })?.answer;
                granted.push(Granted { id: lease.id.0, seconds });
            }
        }
        Ok(granted)
    }

    /// Ends leases that nothing hangs on; where nobody hears it, they end by themselves.
    fn revoke(&mut self, leases: &[Granted]) {
        for lease in leases {
            let _: Result<Heard<Done>, _> = self.gateway.ask(REVOKE, &LeaseName { id: Integer(lease.id) });
        }
    }

    fn transact(&mut self, transaction: &Transaction) -> Result<Heard<TransactionAnswer>, StoreError> {
        self.ask(TRANSACTION, transaction)
    }

    fn ask<T: serde::de::DeserializeOwned>(
        &mut self,
        path: &str,
        request: &impl serde::Serialize,
    ) -> Result<Heard<T>, StoreError> {
        self.gateway.ask(path, request).map_err(told)
    }

    fn odd(&self, why: Words) -> StoreError {
        StoreError::Foreign {
            key: self.keys.common_revision(),
            source: Wrong::Ours(why),
            control: Control::default(),
        }
    }
}

/// Claims that end at a time hang on leases of etcd and vanish by themselves, a minute or two after their end; the
/// revision does not tell of that, and need not, since they hold nothing any more.
impl Store for Etcd {
    fn load(&mut self) -> Result<Book, StoreError> {
        self.gateway.begin();
        let book = self.look().map(|view| view.book.clone());
        book.map_err(|error| self.control.beside(error))
    }

    /// One transaction, which compares that nothing was written since to what the scope depends on. A reply that does not
    /// come is asked for again, with the same content, of each member in turn; whether an earlier try was made is then
    /// read, and never guessed.
    ///
    /// Whole or not at all is one transaction of etcd, which takes 128 operations, so that more than [`CHANGES_MAX`] are
    /// refused ([`StoreError::TooMany`]) and not split: who has more to write asks in parts, each of which is decided on the
    /// book that the one before left. The same is so for claims of another scope than it was opened for
    /// ([`StoreError::Elsewhere`]), which the book that was read cannot judge.
    fn swap(&mut self, expected: u64, changes: &[Change]) -> Result<Swap, StoreError> {
        self.gateway.begin();
        self.swap_where(expected, changes).map_err(|error| self.control.beside(error))
    }

    fn watch(&mut self, known: u64, patience: Duration) -> Result<Option<Book>, StoreError> {
        let end = Instant::now() + patience;
        loop {
            let book = self.load()?;
            if book.revision() != known {
                return Ok(Some(book));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            // What is told is only that something moved, from the revision on that was read last; where etcd has forgotten
            // that one, it says so, and all is read anew in either case.
            let revision = self.view.as_ref().map_or(0, |view| view.etcd);
            let watches: Vec<_> = spans(&self.keys).iter().map(|span| Watch::after(span, revision)).collect();
            self.gateway.wait(&watches, left.min(WATCH));
        }
    }

    fn changes_max(&self) -> usize {
        CHANGES_MAX
    }
}

fn ranges(answer: TransactionAnswer) -> Result<Vec<RangeAnswer>, StoreError> {
    Ok(answer.responses.into_iter().filter_map(|part| part.response_range).collect())
}

fn told(unheard: Unheard) -> StoreError {
    match unheard {
        Unheard::Refused { endpoint, said, is_denied: true } => StoreError::Denied { endpoint, said },
        Unheard::Refused { endpoint, said, .. } => StoreError::Refused { endpoint, said },
        Unheard::Nobody { tried, .. } => StoreError::Unreachable { tried, control: Control::default() },
    }
}

/// A number that nobody else has: 128 bits by chance.
fn nonce() -> String {
    let mut bytes = [0_u8; 16];
    // The kernel fills as few bytes at once without fail, once it has begun to (getrandom(2)).
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
