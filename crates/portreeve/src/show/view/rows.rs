//! The long lists of a document: each row is made when it is written, and nothing is kept of the one before.

use std::collections::BTreeMap;

use portreeve_core::facts::{Connection, Listener};
use serde::{Serialize, Serializer, ser::SerializeSeq as _};

use super::{ConnectionView, Viewer, netns_view};
use crate::show::json::Written;

/// So many are fetched at once: they are in order, and in memory they lie about, so each alone would be waited for.
const TOGETHER: usize = 16;

/// What a row each is to be written of.
#[derive(Debug)]
pub(crate) struct Rows<'w, 'a, T> {
    pub(super) viewer: Viewer<'w, 'a>,
    pub(super) of: &'w [&'a T],
}

impl Serialize for Rows<'_, '_, Listener> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.of.iter().map(|listener| self.viewer.listener(listener)))
    }
}

impl Serialize for Rows<'_, '_, Connection> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let snapshot = self.viewer.world.snapshot;
        let ids = snapshot.namespaces.iter().map(|namespace| namespace.id);
        let known: BTreeMap<_, _> = ids.map(|id| (id, netns_view(snapshot, id))).collect();
        let netns = |id| known.get(&id).copied().unwrap_or_else(|| netns_view(snapshot, id));
        let mut list = serializer.serialize_seq(Some(self.of.len()))?;
        let (mut views, mut text) = (Vec::with_capacity(TOGETHER), Vec::new());
        for few in self.of.chunks(TOGETHER) {
            views.extend(few.iter().map(|row| ConnectionView::of(row, netns(row.netns))));
            for view in views.drain(..) {
                text.clear();
                view.write(&mut text);
                list.serialize_element(&Written(&text))?;
            }
        }
        list.end()
    }
}
