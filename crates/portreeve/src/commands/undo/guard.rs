//! What `undo` has the guard keep: what it kept before (A15, A24).

use portreeve_core::{
    gate::Transaction,
    guard::Rules,
    receipt::{Back, Deed, History, Receipt},
    text,
    words::{Text, Words},
};

use crate::{
    failure::Failure,
    guards::{self, Comes},
};

const NOT_AS_BEFORE: Words = Words {
    en: "the gate is as it was, but the guard is not",
    ja: "ゲートは元に戻しましたが、ガードを戻せません",
};

/// The change of the gate that is taken back, and what the guard kept before it; `None` where nothing of that changes.
pub(super) fn before(history: &History, back: &Back<'_>) -> Option<(u32, Rules)> {
    match back {
        Back::Restore(Receipt { number: of, .. }, _) | Back::EndTrial(Receipt { number: of, .. }) => {
            history.guarded_before(*of).map(|was| (*of, was.clone()))
        }
        _ => None,
    }
}

/// Has the guard keep that again, with the change of receipt `with`.
pub(super) fn go_with(before: Option<(u32, Rules)>, with: u32) -> Result<(), Failure> {
    let Some((of, was)) = before else { return Ok(()) };
    let comes = Comes { with: Some(with), undoes: Some(of), ..Comes::default() };
    guards::keep(&was, comes, NOT_AS_BEFORE).map(drop)
}

/// What takes back the change of receipt `of` alone, before which the guard kept `was`.
pub(super) fn back(of: u32, was: &Rules) -> (Deed, Transaction, Text) {
    let said = text!(
        "Taken back: the guard keeps what it kept before receipt {of}.",
        "ガードを、記録 {of} より前の状態に戻しました。"
    );
    let undoes = Some(of);
    let (rules, before) = (was.clone(), Rules::default());
    let deed = Deed::Guard { rules, was: before, until: None, with: None, confirms: None, undoes };
    (deed, Transaction::default(), said)
}
