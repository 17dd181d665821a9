//! What is known of one source, for a person and as JSON (A16, A19, A26).

use jiff::Timestamp;
use portreeve_core::{
    text,
    watch::Source,
    words::{Lang, Text},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    WatchView,
    blocked::{self, Blocked},
    line,
    status::late,
    tell_again,
};
use crate::{
    commands::watch::{react::Reacted, traces::Trace},
    failure::Failure,
    settings::Format,
    show::{escape::visible, out::Out},
};

/// The layout of the document.
const VERSION: u32 = 1;

/// What is known of a source.
pub(crate) struct Suspect<'a> {
    /// Whose address was asked about.
    pub(crate) source: Source,
    /// Whether it is kept out.
    pub(crate) blocked: Option<Blocked<'a>>,
    /// What was told of it, the oldest first.
    pub(crate) told: Vec<&'a Reacted>,
    /// When somebody watched last.
    pub(crate) watched: Option<Timestamp>,
    /// Whether he watches, and what he has found since is not known.
    pub(crate) is_late: bool,
    /// When this is told.
    pub(crate) now: Timestamp,
}

/// The answer of `why` about an address.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Suspect")]
pub(crate) struct SuspectView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// Who: an address.
    source: String,
    /// The same as a network: of IPv6 64 bits.
    prefix: String,
    /// The block that keeps it out now; null where none does.
    blocked: Option<WatchView<'a>>,
    /// What was told of it, the oldest first.
    told: Vec<WatchView<'a>>,
    /// When somebody watched last, RFC 3339, UTC; null where nobody did.
    watched: Option<String>,
}

/// The same for a program.
pub(crate) fn document<'a>(suspect: &Suspect<'a>, lang: Lang) -> SuspectView<'a> {
    let told = suspect.told.iter().copied().map(|told| view(told, lang));
    SuspectView {
        version: VERSION,
        source: suspect.source.address().to_string(),
        prefix: suspect.source.prefix().to_string(),
        blocked: suspect.blocked.as_ref().map(|blocked| blocked::line(blocked, suspect.now)),
        told: told.collect(),
        watched: suspect.watched.map(|at| at.to_string()),
    }
}

fn view(told: &Reacted, lang: Lang) -> WatchView<'_> {
    line(&told.suspicion, Some(told), lang)
}

/// Tells it to a person.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(suspect: &Suspect<'_>, out: &mut Out) -> Result<(), Failure> {
    out.sentences(standing(suspect).in_lang(out.lang))?;
    if let Some(at) = suspect.watched.filter(|_| suspect.is_late) {
        out.sentences(late(at).in_lang(out.lang))?;
    }
    if suspect.told.is_empty() {
        return out.sentences(nothing(suspect.watched).in_lang(out.lang));
    }
    suspect.told.iter().try_for_each(|told| print_one(told, out))
}

/// Whether it may come in.
fn standing(suspect: &Suspect<'_>) -> Text {
    let source = suspect.source;
    let Some(blocked) = &suspect.blocked else {
        return text!("{source} is not kept out.", "{source} は遮断されていません。");
    };
    let Text { en, ja } = blocked::reason(blocked);
    match blocked.kept.left.and_then(|left| suspect.now.checked_add(left).ok()) {
        Some(until) => {
            let until = until.strftime("%Y-%m-%d %H:%M:%S");
            text!("{source} is kept out until {until}: {en}.", "{source} は {until} まで遮断中です({ja})。")
        }
        None => text!("{source} is kept out: {en}.", "{source} は遮断中です({ja})。"),
    }
}

fn nothing(watched: Option<Timestamp>) -> Text {
    match watched {
        Some(at) => {
            let at = at.strftime("%Y-%m-%d %H:%M:%S");
            text!(
                "The watch has told nothing of it, until {at}.",
                "{at} までの監視では、疑わしい行為は記録されていません。"
            )
        }
        None => text!("Nobody has watched here yet.", "このホストではまだ監視が行われていません。"),
    }
}

fn print_one(told: &Reacted, out: &mut Out) -> Result<(), Failure> {
    tell_again(told, Format::Table, out)?;
    told.traces.iter().try_for_each(|trace| print_trace(trace, out))?;
    for text in [told.suspicion.sum(), told.reaction.otherwise()] {
        out.line(&format!("  {}", visible(text.in_lang(out.lang))))?;
    }
    Ok(())
}

fn print_trace(Trace { at, from, text }: &Trace, out: &mut Out) -> Result<(), Failure> {
    let (at, from, text) = (at.strftime("%H:%M:%S.%3f"), visible(from), visible(text));
    out.line(&format!("    {at}  {from}  {text}"))
}
