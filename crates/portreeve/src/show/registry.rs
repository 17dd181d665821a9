//! The registry's table, row by row, and where it is from (A7).

use portreeve_core::{
    port::Protocol,
    registry::{Assignment, Registry},
    text,
    words::{Text, inflect},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::escape::visible;
use crate::table_file::TableFile;

/// The layout of the JSON documents.
const VERSION: u32 = 1;

/// One row of the registry.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct AssignmentView<'a> {
    /// The first number.
    pub(crate) port: u16,
    /// The last number; the same as `port` for a single one.
    pub(crate) port_last: u16,
    /// The protocol.
    pub(crate) protocol: Protocol,
    /// The names, the first one first.
    pub(crate) names: Vec<&'a str>,
    /// The registry's description; may be empty.
    pub(crate) description: &'a str,
}

impl<'a> From<Assignment<'a>> for AssignmentView<'a> {
    fn from(assignment: Assignment<'a>) -> Self {
        Self {
            port: assignment.range.first,
            port_last: assignment.range.last,
            protocol: assignment.protocol,
            names: assignment.names().collect(),
            description: assignment.description(),
        }
    }
}

/// The cells of a row for a person: port, names, description.
pub(crate) fn cells(assignment: &Assignment<'_>) -> [String; 3] {
    let names = assignment.names().map(visible).collect::<Vec<_>>().join(" ");
    [
        format!("{}/{}", assignment.range, assignment.protocol),
        names,
        visible(assignment.description()).into_owned(),
    ]
}

/// One row as a record of CSV.
#[derive(Debug, Serialize)]
pub(crate) struct Record<'a> {
    port: u16,
    port_last: u16,
    protocol: Protocol,
    names: String,
    description: &'a str,
}

impl<'a> From<AssignmentView<'a>> for Record<'a> {
    fn from(view: AssignmentView<'a>) -> Self {
        let AssignmentView { port, port_last, protocol, names, description } = view;
        Self { port, port_last, protocol, names: names.join(" "), description }
    }
}

/// The whole table.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RegistryView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// Whose list it is.
    source: &'a str,
    /// From when it is.
    date: &'a str,
    /// Every assignment, in order of number and protocol.
    assignments: Vec<AssignmentView<'a>>,
}

/// The document with every row.
pub(crate) fn document(registry: Registry<'_>) -> RegistryView<'_> {
    let source = registry.source();
    RegistryView {
        version: VERSION,
        source: source.name,
        date: source.date,
        assignments: registry.assignments().map(AssignmentView::from).collect(),
    }
}

/// Which table is in use.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TableView {
    /// The layout of this document: 1.
    version: u32,
    /// Whose list it is.
    source: &'static str,
    /// The versions of its sources, where they have one.
    source_version: &'static str,
    /// From when it is (RFC 3339 full-date); empty where the list does not say.
    date: &'static str,
    /// The imported file; null for the table that is built in.
    path: Option<String>,
    /// How many assignments it has.
    assignments: usize,
}

/// What is to be said of `table`.
pub(crate) fn about(table: &TableFile) -> TableView {
    let source = table.registry().source();
    TableView {
        version: VERSION,
        source: source.name,
        source_version: source.version,
        date: source.date,
        path: table.path.as_ref().map(|path| path.display().to_string()),
        assignments: table.registry().assignments().count(),
    }
}

impl TableView {
    /// The same for a person.
    pub(crate) fn sentence(&self) -> Text {
        let Self { source, source_version, date, assignments, .. } = self;
        let [source, source_version, date] = [*source, *source_version, *date].map(visible);
        let facts = [source, source_version, date].into_iter().filter(|fact| !fact.is_empty());
        let facts = facts.collect::<Vec<_>>().join(" · ");
        let en_assignments = inflect(*assignments, "assignment", "assignments");
        match self.path.as_deref().map(visible) {
            Some(path) => text!(
                "imported: {path} · {facts} · {assignments} {en_assignments}",
                "取り込み済みの表: {path} · {facts} · 割り当て {assignments} 件"
            ),
            None => text!(
                "built in: {facts} · {assignments} {en_assignments}",
                "組み込みの表: {facts} · 割り当て {assignments} 件"
            ),
        }
    }
}
