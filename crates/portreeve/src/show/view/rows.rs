//! The long lists of a document: each row is made when it is written, and nothing is kept of the one before.

use std::collections::BTreeMap;

use portreeve_core::facts::{Connection, Listener};
use serde::{Serialize, Serializer, ser::SerializeSeq as _};

use super::{ConnectionView, Viewer, netns_view};
use crate::show::json::Written;

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
        let mut text = Vec::new();
        for connection in self.of {
            text.clear();
            ConnectionView::of(connection, netns(connection.netns)).write(&mut text);
            list.serialize_element(&Written(&text))?;
        }
        list.end()
    }
}
