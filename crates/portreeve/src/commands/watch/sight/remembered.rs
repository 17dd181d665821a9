//! What the kernel remembers of the watch before this one (A19).

use jiff::Timestamp;
use portreeve_core::{
    receipt::History,
    watch::{Event, Happening, Known, Source, Suspicion, Watch, cleared},
};
use portreeve_host::events::probing::Probing;

use crate::commands::watch::traces::Traces;

/// What happened then, and who tells of it.
pub(super) struct Remembered<'p> {
    events: Vec<Event<'static>>,
    probing: Option<&'p Probing>,
}

impl<'p> Remembered<'p> {
    /// What `probing` remembers.
    pub(super) fn of(probing: Option<&'p Probing>) -> Self {
        Self { events: probing.map(Probing::remembered).unwrap_or_default(), probing }
    }

    /// When the first of it was, or `begin`, where that is earlier.
    pub(super) fn since(&self, begin: Timestamp) -> Timestamp {
        self.events.first().map_or(begin, |event| event.at.min(begin))
    }

    /// Has `watch` judge it, but for what is not held against anybody any more at `now`; whoever is suspected by it.
    pub(super) fn judge(
        self,
        history: &History,
        (watch, known): (&mut Watch, &Known),
        traces: &mut Traces,
        now: Timestamp,
    ) -> Vec<Suspicion> {
        let (cleared, mut suspicions) = (cleared(history, now), Vec::new());
        for event in &self.events {
            let source = source_of(&event.what);
            let until = source.and_then(|source| cleared.get(&source));
            if until.is_none_or(|until| event.at > *until) {
                traces.keep_event(known, event);
                suspicions.extend(watch.step(known, event));
            } else if let (Some(source), Some(probing)) = (source, self.probing) {
                probing.forget(source.address());
            }
        }
        suspicions
    }
}

fn source_of(what: &Happening<'_>) -> Option<Source> {
    match what {
        Happening::Touch(touch) => Some(Source::of(touch.from)),
        Happening::Handshake { from } => Some(Source::of(*from)),
        _ => None,
    }
}
