//! What a change does to the host, and the one text for nft that does it (nft(8), "-f").

use jiff::Timestamp;

use crate::{
    gate::{self, Gate, Keep, Revision, Standing, Transaction},
    text,
    words::Text,
};

/// What a change does; carried out against the gate as it stands then, so that an undo needs to know no revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect(Wanted);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wanted {
    Gate(Gate),
    NoGate,
}

impl Effect {
    /// The gate becomes this one.
    pub(super) const fn gate(gate: Gate) -> Self {
        Self(Wanted::Gate(gate))
    }

    /// The gate is taken away.
    pub(super) const fn no_gate() -> Self {
        Self(Wanted::NoGate)
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
            Wanted::Gate(Gate::Declared(_)) => text!(
                "let in what the policy declares, and refuse the rest",
                "policy で宣言したものだけを通し、それ以外を遮断する"
            ),
            Wanted::Gate(Gate::Closed(_)) => {
                text!(
                    "close some ports, and leave all else as it is",
                    "指定のポートだけを閉じ、ほかは変えない"
                )
            }
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
    /// Something is on trial.
    pub fn transaction(
        &self,
        standing: Option<&Standing>,
        keep: Keep,
        now: Timestamp,
    ) -> Result<Transaction, gate::Refused> {
        match (&self.0, standing, keep) {
            (Wanted::Gate(gate), Some(standing), _) => gate::apply(gate, standing, keep),
            (Wanted::Gate(gate), None, Keep::AtOnce) => Ok(gate::create(gate, first(now))),
            (Wanted::Gate(gate), None, Keep::OnTrial(_)) => {
                let made = gate::create(&Gate::open(), first(now));
                Ok(made.then(&gate::apply(gate, &Standing::made(first(now)), keep)?))
            }
            (Wanted::NoGate, Some(standing), Keep::AtOnce) if standing.trial.is_some() => {
                Err(gate::Refused::OnTrial)
            }
            (Wanted::NoGate, Some(standing), Keep::AtOnce) => Ok(gate::remove(standing)),
            (Wanted::NoGate, Some(standing), Keep::OnTrial(_)) => gate::apply(&Gate::open(), standing, keep),
            (Wanted::NoGate, None, _) => Ok(Transaction::default()),
        }
    }
}

/// Seconds since 1970: no gate before it has had the number, as long as changes are rarer than that.
fn first(now: Timestamp) -> Revision {
    Revision::of(u32::try_from(now.as_second()).unwrap_or_default())
}
