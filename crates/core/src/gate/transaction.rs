//! What is given to nft to make, change, confirm or remove the gate: one text, and so one change or none (nft(8), "-f").

use alloc::string::String;
use core::fmt::{self, Write as _};

use jiff::Timestamp;

use super::{Body, Extent, Generation, Standing, Timeout, elements::carried, name::Name, standing};

/// Everything that is the same in every gate.
const TABLE: &str = include_str!("table.nft");

/// A text for `nft -f -`, of which the kernel does everything or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    text: String,
    makes: Option<String>,
}

impl Transaction {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The digest of the gate that judges once it is carried out, where it is made by it ([`Body::digest`]).
    #[must_use]
    pub fn makes(&self) -> Option<&str> {
        self.makes.as_deref()
    }

    /// Both as one.
    #[must_use]
    pub fn then(mut self, next: &Self) -> Self {
        self.text.push_str(&next.text);
        self.makes = next.makes.clone().or(self.makes);
        self
    }

    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        self.write(line);
        self.text.push('\n');
    }

    pub(super) fn write(&mut self, text: fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a String takes whatever is written to it");
    }
}

/// How often the gate was changed, and so which one it is; whoever changes it names the one that they have seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u32);

impl Revision {
    /// The one of a table that no longer tells it, as somebody else emptied its set.
    pub(super) const UNTOLD: Self = Self(0);

    /// The revision of this number. The first of a gate should be one that no gate before it had, such as a time.
    #[must_use]
    pub const fn of(number: u32) -> Self {
        Self(number)
    }

    /// The first one of a gate that is made at `now`: seconds since 1970, as no gate before it had so many changes.
    #[must_use]
    pub fn first(now: Timestamp) -> Self {
        Self(u32::try_from(now.as_second()).unwrap_or_default())
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The one of a table that is made anew at `now` in the place of one of this revision.
    #[must_use]
    pub fn after(self, now: Timestamp) -> Self {
        if self == Self::UNTOLD { Self::first(now) } else { self.next() }
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// How a new gate comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// For so long, unless somebody confirms it.
    OnTrial(Timeout),
    /// For good.
    AtOnce,
}

/// Why a change cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is a trial, which must be confirmed or taken back first.
    #[error("another change is on trial")]
    OnTrial,
    /// There is nothing on trial, or no longer.
    #[error("nothing is on trial")]
    NoTrial,
    /// The whole table is made anew, and with it what a trial would fall back on.
    #[error("what is made anew as a whole cannot be on trial")]
    Anew,
}

/// Makes the table, where there is none: the kernel refuses it where there is one.
#[must_use]
pub fn create(body: &Body, revision: Revision) -> Transaction {
    let mut transaction = Transaction::default();
    // nft 1.0.6 passes over what stands in the braces of `create table`.
    transaction.line(format_args!("create table inet portreeve"));
    transaction.write(format_args!("{TABLE}"));
    transaction.line(format_args!("add element inet portreeve revision {{ {} }}", revision.number()));
    body.write(Generation::A, &mut transaction);
    point(Generation::A, &mut transaction);
    transaction.makes = Some(body.digest());
    transaction
}

/// Puts `body` in force beside the one that is confirmed, or in its place; where somebody else has changed what stands for
/// both, the whole table is made anew, at `now`.
///
/// # Errors
///
/// Something is on trial; what is made anew is to be.
pub fn apply(body: &Body, standing: &Standing, keep: Keep, now: Timestamp) -> Result<Transaction, Refused> {
    if standing.may_apply(keep)?.is_made_anew() {
        // In one step: not for a moment is there no gate.
        let made = remove(standing).then(&create(body, standing.revision.after(now)));
        return Ok(made.then(&carried(&standing.temporary, body)));
    }
    let new = standing.confirmed.other();
    let mut transaction = step(standing);
    clear(standing, new, &mut transaction);
    body.write(new, &mut transaction);
    transaction.makes = Some(body.digest());
    match keep {
        Keep::OnTrial(timeout) => {
            for hook in standing::HOOKS {
                let entry = |family: &str| alloc::format!("{family} timeout {timeout} : goto {new}_{hook}");
                let (four, six) = (entry("ipv4"), entry("ipv6"));
                // `create`: what is there already, and somebody else's, is not put off.
                transaction
                    .line(format_args!("create element inet portreeve trial_{hook} {{ {four}, {six} }}"));
            }
        }
        Keep::AtOnce => {
            point(new, &mut transaction);
            clear(standing, standing.confirmed, &mut transaction);
            forget(standing, |zone| body.zones.iter().any(|own| own == zone), &mut transaction);
        }
    }
    Ok(transaction)
}

/// Keeps what is on trial; once its time is over the kernel refuses it whole.
///
/// # Errors
///
/// Nothing is on trial.
pub fn confirm(standing: &Standing) -> Result<Transaction, Refused> {
    let trial = standing.trial.ok_or(Refused::NoTrial)?;
    let mut transaction = end_of_trial(standing);
    point(trial.generation, &mut transaction);
    clear(standing, standing.confirmed, &mut transaction);
    forget(standing, |zone| standing.has_zone(trial.generation, zone), &mut transaction);
    Ok(transaction)
}

/// Ends the trial at once, as if nobody had confirmed it.
///
/// # Errors
///
/// Nothing is on trial.
pub fn take_back(standing: &Standing) -> Result<Transaction, Refused> {
    let trial = standing.trial.ok_or(Refused::NoTrial)?;
    let mut transaction = match trial.extent {
        Extent::Whole => end_of_trial(standing),
        Extent::Part => rest_of_trial(standing),
    };
    clear(standing, trial.generation, &mut transaction);
    forget(standing, |zone| standing.has_zone(standing.confirmed, zone), &mut transaction);
    Ok(transaction)
}

/// Takes the table away, and with it all that was blocked or open for a while.
#[must_use]
pub fn remove(standing: &Standing) -> Transaction {
    let mut transaction = step(standing);
    transaction.line(format_args!("delete table inet portreeve"));
    transaction
}

/// A table that has nothing but its revision: as much as a change needs of one that it makes anew.
#[must_use]
pub fn bare(revision: Revision) -> Transaction {
    let mut transaction = Transaction::default();
    let number = revision.number();
    transaction.line(format_args!("table inet portreeve {{"));
    transaction.line(format_args!("\tset revision {{ type mark; elements = {{ {number} }} }}"));
    transaction.line(format_args!("}}"));
    transaction
}

/// Begins a change of `standing`: it is refused where somebody else has changed it meanwhile, as far as its table can tell.
fn step(standing: &Standing) -> Transaction {
    let (seen, next) = (standing.revision.number(), standing.revision.next().number());
    let mut transaction = Transaction::default();
    if standing.revision == Revision::UNTOLD {
        return transaction;
    }
    transaction.line(format_args!("delete element inet portreeve revision {{ {seen} }}"));
    transaction.line(format_args!("add element inet portreeve revision {{ {next} }}"));
    transaction
}

/// Begins with what only a trial has whose time is not over.
fn end_of_trial(standing: &Standing) -> Transaction {
    let mut transaction = Transaction::default();
    for hook in standing::HOOKS {
        transaction.line(format_args!("delete element inet portreeve trial_{hook} {{ ipv4, ipv6 }}"));
    }
    transaction.then(&step(standing))
}

/// Begins with whatever is left of a trial of which somebody else took a part away.
fn rest_of_trial(standing: &Standing) -> Transaction {
    let mut transaction = Transaction::default();
    for hook in standing::HOOKS {
        transaction.line(format_args!("flush map inet portreeve trial_{hook}"));
    }
    transaction.then(&step(standing))
}

/// Lets `generation` judge.
fn point(generation: Generation, transaction: &mut Transaction) {
    for hook in standing::HOOKS {
        transaction.line(format_args!("flush chain inet portreeve confirmed_{hook}"));
        transaction.line(format_args!("add rule inet portreeve confirmed_{hook} goto {generation}_{hook}"));
    }
}

/// Takes away what `generation` is made of. Its first chains stay: a trial that is over refers to them for a moment yet.
fn clear(standing: &Standing, generation: Generation, transaction: &mut Transaction) {
    for hook in standing::HOOKS {
        transaction.line(format_args!("flush chain inet portreeve {generation}_{hook}"));
    }
    let names = standing.names(generation);
    if !standing.is_known(generation) {
        // A chain that another one jumps to cannot be deleted, and the jumps of others are in no order.
        names.chains.iter().for_each(|name| flush(name, transaction));
    }
    names.chains.iter().for_each(|name| delete("chain", name, transaction));
    names.sets.iter().for_each(|name| delete("set", name, transaction));
}

/// Takes away the sets of zones that are no more.
fn forget(standing: &Standing, is_zone: impl Fn(&str) -> bool, transaction: &mut Transaction) {
    let gone = standing.open_zones.iter().filter(|(zone, _)| !is_zone(zone));
    gone.for_each(|(_, name)| delete("set", name, transaction));
}

fn flush(chain: &Name, transaction: &mut Transaction) {
    transaction.line(format_args!("flush chain inet portreeve {}", chain.as_str()));
}

fn delete(what: &str, name: &Name, transaction: &mut Transaction) {
    transaction.line(format_args!("delete {what} inet portreeve {}", name.as_str()));
}
