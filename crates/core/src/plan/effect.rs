//! What a change does to the host, and the one text for nft that does it (nft(8), "-f").

use alloc::{string::String, vec::Vec};

use jiff::Timestamp;

use crate::{
    gate::{self, Body, Keep, Listing, Open, Rest, Revision, Standing, Transaction},
    text,
    words::Text,
};

/// What a change does; carried out against the gate as it stands then, so that an undo needs to know no revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect(Wanted, Vec<Open>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Gate(Body),
    NoGate,
}

impl Effect {
    /// The gate becomes this one.
    #[must_use]
    pub const fn gate(body: Body) -> Self {
        Self(Wanted::Gate(body), Vec::new())
    }

    /// The gate becomes this one, and what is open for a while is so no longer.
    #[must_use]
    pub const fn closing(body: Body, shut: Vec<Open>) -> Self {
        Self(Wanted::Gate(body), shut)
    }

    /// The gate is taken away.
    #[must_use]
    pub const fn no_gate() -> Self {
        Self(Wanted::NoGate, Vec::new())
    }

    /// The gate that is wanted, to be kept as [`Body::saved`]; `None` where none is.
    #[must_use]
    pub const fn wanted(&self) -> Option<&Body> {
        match &self.0 {
            Wanted::Gate(body) => Some(body),
            Wanted::NoGate => None,
        }
    }

    /// What is wanted, as a text for digests.
    pub(super) fn text(&self) -> String {
        match &self.0 {
            Wanted::Gate(body) => body.text() + gate::shut(&self.1).as_str(),
            Wanted::NoGate => String::new(),
        }
    }

    /// The token of machine output.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match &self.0 {
            Wanted::Gate(_) => "gate",
            Wanted::NoGate => "no-gate",
        }
    }

    /// What it does, in a sentence.
    #[must_use]
    pub fn words(&self) -> Text {
        match &self.0 {
            Wanted::Gate(body) => match body.rest() {
                Rest::Refused => text!(
                    "let in what the policy declares, and refuse the rest",
                    "policy で宣言したものだけを通し、それ以外を遮断する"
                ),
                Rest::Passes => text!(
                    "close some ports, and leave all else as it is",
                    "指定のポートだけを閉じ、ほかは変えない"
                ),
                Rest::All => text!("let everything in", "すべてを通す"),
            },
            Wanted::NoGate => text!("take the gate away", "ゲートを取り除く"),
        }
    }

    /// The text for nft that does it where the gate stands so; `None` for `standing` where there is none.
    ///
    /// `now` numbers the first revision of a gate. A first gate on trial stands beside one that lets everything in, and
    /// so does none at all, which cannot be tried in another way: whoever confirms that takes the table away next.
    ///
    /// # Errors
    ///
    /// Something is on trial, or this would be and cannot.
    pub fn transaction(
        &self,
        standing: Option<&Standing>,
        keep: Keep,
        now: Timestamp,
    ) -> Result<Transaction, gate::Refused> {
        Ok(self.becomes(standing, keep, now)?.then(&gate::shut(&self.1)))
    }

    fn becomes(
        &self,
        standing: Option<&Standing>,
        keep: Keep,
        now: Timestamp,
    ) -> Result<Transaction, gate::Refused> {
        match (&self.0, standing, keep) {
            (Wanted::Gate(body), Some(standing), _) => gate::apply(body, standing, keep),
            (Wanted::Gate(body), None, Keep::AtOnce) => Ok(gate::create(body, Revision::first(now))),
            (Wanted::Gate(body), None, Keep::OnTrial(_)) => {
                let made = gate::create(&Body::open(), Revision::first(now));
                Ok(made.then(&gate::apply(body, &Standing::made(Revision::first(now)), keep)?))
            }
            (Wanted::NoGate, Some(standing), Keep::AtOnce) if standing.trial.is_some() => {
                Err(gate::Refused::OnTrial)
            }
            (Wanted::NoGate, Some(standing), Keep::AtOnce) => Ok(gate::remove(standing)),
            (Wanted::NoGate, Some(standing), Keep::OnTrial(_)) => gate::apply(&Body::open(), standing, keep),
            (Wanted::NoGate, None, _) => Ok(Transaction::default()),
        }
    }

    /// Makes of `listing`, where the gate stands so, what the kernel lists once [`Self::transaction`] is done.
    ///
    /// # Errors
    ///
    /// Something is on trial, or this would be and cannot.
    pub(super) fn simulate(
        &self,
        listing: &mut Listing,
        standing: Option<&Standing>,
        keep: Keep,
        now: Timestamp,
    ) -> Result<(), gate::Refused> {
        match (&self.0, standing, keep) {
            (Wanted::Gate(body), Some(standing), _) => listing.apply(body, standing, keep)?,
            (Wanted::Gate(body), None, Keep::AtOnce) => listing.create(body, Revision::first(now)),
            (Wanted::Gate(body), None, Keep::OnTrial(_)) => {
                listing.create(&Body::open(), Revision::first(now));
                listing.apply(body, &Standing::made(Revision::first(now)), keep)?;
            }
            (Wanted::NoGate, Some(standing), Keep::AtOnce) if standing.trial.is_some() => {
                return Err(gate::Refused::OnTrial);
            }
            (Wanted::NoGate, Some(_), Keep::AtOnce) => listing.remove(),
            (Wanted::NoGate, Some(standing), Keep::OnTrial(_)) => {
                listing.apply(&Body::open(), standing, keep)?;
            }
            (Wanted::NoGate, None, _) => {}
        }
        listing.shut(&self.1);
        Ok(())
    }
}
