//! What a watch on this host has found lately (A14, A19).

use portreeve_core::{
    facts::{Snapshot, Suspected, Watched},
    watch::{Confidence, Reaction, is_held},
};
use portreeve_host::enforce::receipts::history;

use crate::{
    commands::watch::{
        react::Reacted,
        told::{Told, ToldError},
    },
    directories,
};

/// Adds it to `snapshot`; nothing where nobody watched, or where whoever looks may not know.
pub(super) fn add(snapshot: &mut Snapshot) {
    let told: Option<Result<Told, ToldError>> = directories::watch().map(|folder| Told::read(&folder));
    let Some(Ok(told)) = told else { return };
    let history = directories::gate().ok().and_then(|folder| history(&folder).ok()).unwrap_or_default();
    let is_held =
        |Reacted { suspicion, .. }: &&Reacted| is_held(&history, suspicion.source, Some(suspicion.at));
    snapshot.watched = told.is_of_somebody().then(|| Watched {
        at: told.at,
        suspects: told.all.iter().filter(is_held).map(suspected).collect(),
        unread: told.unread.clone(),
        not_understood: told.not_understood.clone(),
    });
}

fn suspected(Reacted { suspicion, reaction, .. }: &Reacted) -> Suspected {
    let blocked_until = match reaction {
        Reaction::Block(length) => suspicion.at.checked_add(*length).ok(),
        _ => None,
    };
    Suspected {
        at: suspicion.at,
        source: suspicion.source.address().to_string(),
        count: suspicion.group.as_ref().map_or(1, |group| group.count),
        kind: suspicion.kind,
        service: suspicion.service.clone(),
        proven: suspicion.confidence == Confidence::Proven,
        blocked_until,
    }
}
