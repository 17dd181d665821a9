//! What changed between two looks, for a person and as JSON (A17, A20).

use std::collections::BTreeSet;

use jiff::Timestamp;
use portreeve_core::{
    address::Address,
    diff::{Change, ChangeKind, Difference},
    facts::{Gap, Listener},
    port::Protocol,
    text,
    words::{Lang, Text, Words, inflect},
    world::World,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    escape::visible,
    owner,
    rows::bound,
    table::{Column, Fit, Table},
    view::{GapView, ListenerView, NetnsView, Viewer, gap_view, netns_view},
};

/// The layout of the JSON document.
const VERSION: u32 = 1;
/// More owners of one place than this are counted.
const OWNERS_MAX: usize = 8;

/// Two looks, and what changed from one to the other.
#[derive(Debug)]
pub(crate) struct Comparison<'w, 'a> {
    /// The earlier look.
    pub(crate) before: &'w World<'a>,
    /// The later one.
    pub(crate) after: &'w World<'a>,
    /// What changed.
    pub(crate) difference: Difference<'a>,
}

/// The answer of `diff`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Difference")]
pub(crate) struct DiffView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// When the first look was taken, UTC.
    #[schemars(with = "String")]
    before: Timestamp,
    /// When the second look was taken, UTC.
    #[schemars(with = "String")]
    after: Timestamp,
    /// What changed, in order of number.
    changes: Vec<ChangeView<'a>>,
    /// On how many places an owner was not seen, so that other hands cannot be told.
    unknown: u32,
    /// What either look could not see.
    gaps: Vec<GapView<'a>>,
}

/// One change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Change")]
pub(crate) struct ChangeView<'a> {
    kind: ChangeKind,
    protocol: Protocol,
    port: u16,
    /// Where it is bound now, or was where it is closed.
    address: Address,
    netns: NetnsView<'a>,
    before: Option<ListenerView<'a>>,
    after: Option<ListenerView<'a>>,
}

impl<'w, 'a> Comparison<'w, 'a> {
    /// What either look could not see, each gap once.
    pub(crate) fn gaps(&self) -> Vec<&'a Gap> {
        let mut gaps: Vec<&Gap> = Vec::new();
        for gap in self.before.snapshot.gaps.iter().chain(&self.after.snapshot.gaps) {
            if !gaps.contains(&gap) {
                gaps.push(gap);
            }
        }
        gaps
    }

    /// The document.
    pub(crate) fn document(&self, lang: Lang) -> DiffView<'a> {
        DiffView {
            version: VERSION,
            before: self.before.snapshot.taken,
            after: self.after.snapshot.taken,
            changes: self.changes(lang).collect(),
            unknown: self.difference.unknown,
            gaps: self.gaps().into_iter().map(|gap| gap_view(gap, lang)).collect(),
        }
    }

    /// Each change.
    pub(crate) fn changes(&self, lang: Lang) -> impl Iterator<Item = ChangeView<'a>> + use<'_, 'w, 'a> {
        self.difference.changes.iter().map(move |change| ChangeView {
            kind: change.kind,
            protocol: change.protocol,
            port: change.port,
            address: change.address.clone(),
            netns: netns_view(self.side(change).snapshot, change.netns),
            before: change.before.map(|listener| Viewer::new(self.before, lang).listener(listener)),
            after: change.after.map(|listener| Viewer::new(self.after, lang).listener(listener)),
        })
    }

    /// The look in which the port of `change` is open.
    fn side(&self, change: &Change<'a>) -> &'w World<'a> {
        if change.after.is_some() { self.after } else { self.before }
    }

    /// Each change as a record for spreadsheets; it carries no command line.
    pub(crate) fn records(&self, lang: Lang) -> impl Iterator<Item = Record> + use<'_, 'w, 'a> {
        self.difference.changes.iter().map(move |change| Record {
            kind: change.kind,
            protocol: change.protocol,
            port: change.port,
            address: change.address.to_string(),
            before: self.owner(self.before, change.before, lang),
            after: self.owner(self.after, change.after, lang),
        })
    }

    /// Everybody who holds the place of `listener`, where several share it (SO_REUSEPORT) too.
    fn owner(&self, world: &World<'a>, listener: Option<&'a Listener>, lang: Lang) -> Option<String> {
        let place = listener?;
        let is_place = |other: &&Listener| {
            (other.netns, other.protocol, other.port) == (place.netns, place.protocol, place.port)
                && (&other.address, &other.device) == (&place.address, &place.device)
                && other.hears()
        };
        let sockets = world.snapshot.listeners.iter().filter(is_place);
        let owners: BTreeSet<String> =
            sockets.flat_map(|socket| owner::owners(world, socket, lang)).collect();
        let listed = owners.iter().take(OWNERS_MAX).cloned().collect::<Vec<_>>().join(", ");
        let more = owners.len().saturating_sub(OWNERS_MAX);
        let more = if more > 0 { format!(", +{more}") } else { String::new() };
        Some(visible(&format!("{listed}{more}")).into_owned())
    }

    /// The changes for a person.
    pub(crate) fn table(&self, lang: Lang) -> Table {
        let mut table = Table::new(&COLUMNS, 0);
        for change in &self.difference.changes {
            let bound = |listener: &'a Listener| bound(&[listener]);
            table.push([
                words(change.kind).in_lang(lang).into(),
                format!("{}/{}", change.port, change.protocol).into(),
                arrow(change.before.map(bound), change.after.map(bound)).into(),
                arrow(
                    self.owner(self.before, change.before, lang),
                    self.owner(self.after, change.after, lang),
                )
                .into(),
            ]);
        }
        table
    }

    /// Each change as a line: how it changed, where it is bound and whose it is; both families alike are one.
    pub(crate) fn lines(&self, lang: Lang) -> Vec<String> {
        let line = |change: &Change<'a>| {
            let bound = |listener: &'a Listener| bound(&[listener]);
            let places = arrow(change.before.map(bound), change.after.map(bound));
            let owners = arrow(
                self.owner(self.before, change.before, lang),
                self.owner(self.after, change.after, lang),
            );
            format!("{}: {places}, {owners}", words(change.kind).in_lang(lang))
        };
        let mut lines: Vec<_> = self.difference.changes.iter().map(line).collect();
        lines.dedup();
        lines
    }

    /// Two hosts differ in more than time.
    pub(crate) fn hosts(&self) -> Option<Text> {
        let [before, after] = [self.before, self.after].map(|world| &world.snapshot.host.name);
        if before == after {
            return None;
        }
        let (before, after) = (visible(before), visible(after));
        Some(text!(
            "two hosts are compared: {before} and {after}",
            "異なるホストの比較です: {before} と {after}"
        ))
    }

    /// How much changed, between when and when.
    pub(crate) fn summary(&self) -> Text {
        let [before, after] = [self.before, self.after].map(|world| seconds(world.snapshot.taken));
        let count = self.difference.changes.len();
        if count == 0 {
            return text!(
                "no changes from {before} to {after}",
                "{before} から {after} までの変化はありません"
            );
        }
        let en_changes = inflect(count, "change", "changes");
        text!("{count} {en_changes} from {before} to {after}", "{before} から {after} までの変化: {count} 件")
    }

    /// Where an owner was not seen, other hands cannot be told.
    pub(crate) fn unknown(&self) -> Option<Text> {
        let count = self.difference.unknown;
        let en_ports = inflect(count as usize, "port", "ports");
        (count > 0).then(|| {
            text!(
                "{count} {en_ports}: an owner was not seen, so other hands cannot be told",
                "{count} ポート: 所有者が見えなかったため、所有者が変わったかどうかは判定できません"
            )
        })
    }
}

/// One change as a record of CSV: the owners before and after.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    kind: ChangeKind,
    protocol: Protocol,
    port: u16,
    address: String,
    before: Option<String>,
    after: Option<String>,
}

const COLUMNS: [Column; 4] = [
    Column { head: Words { en: "CHANGE", ja: "変化" }, fit: Fit::Whole },
    Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole },
    Column { head: Words { en: "BOUND TO", ja: "アドレス" }, fit: Fit::Whole },
    Column { head: Words { en: "OWNER", ja: "所有者" }, fit: Fit::Cut },
];

const fn words(kind: ChangeKind) -> Words {
    match kind {
        ChangeKind::Opened => Words { en: "+ opened", ja: "+ 開始" },
        ChangeKind::Closed => Words { en: "- closed", ja: "- 終了" },
        ChangeKind::ChangedHands => Words { en: "~ changed hands", ja: "~ 所有者変更" },
        ChangeKind::Widened => Words { en: "> widened", ja: "> 公開範囲が拡大" },
        ChangeKind::Narrowed => Words { en: "< narrowed", ja: "< 公開範囲が縮小" },
        ChangeKind::Outdated => Words { en: "! runs replaced code", ja: "! 更新前のコード" },
        ChangeKind::Renewed => Words { en: "  runs new code", ja: "  新しいコード" },
    }
}

/// `a → b`, or what there is of it.
fn arrow(before: Option<String>, after: Option<String>) -> String {
    match (before, after) {
        (Some(before), Some(after)) if before != after => format!("{before} → {after}"),
        (before, after) => after.or(before).unwrap_or_default(),
    }
}

/// Finer than a second is no use to a person.
pub(crate) fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
