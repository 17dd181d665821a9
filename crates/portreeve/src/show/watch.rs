//! Who seems to probe this host, for a person and as JSON, a line each (A14, A16, A19).

pub(crate) mod blocked;
pub(crate) mod status;
pub(crate) mod suspect;

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    gate::Timeout,
    port::Protocol,
    text,
    watch::{Confidence, Kind, Mercy, Reaction, Suspicion},
    words::{Lang, Text, inflect},
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    escape::visible,
    guard::refused::{Refusal, deed},
    out::Out,
    table::pad,
};
use crate::{
    commands::watch::{followed::Lost, react::Reacted, traces::Trace},
    failure::Failure,
    settings::Format,
};

/// The layout of the document.
const VERSION: u32 = 1;
/// The duties of the article that it serves.
const DAY: SignedDuration = SignedDuration::from_hours(24);
const ARTICLE: [&str; 3] = ["A14", "A16", "A19"];

/// A line of `watch -o ndjson`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Watch")]
pub(crate) struct WatchView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// `suspicion`; `block`: he is kept out; `would-block`: he would be if the policy did not only observe; `refused-block`: never,
    /// for what he is to this host; `own-scan`: this host consents to it, and it is no attack; `blocked`: he is kept out now
    /// (`watch list`); `lost`: then all but `count`, or of a log `text`, is null; `read`: all but `lines`, `attempts`, `ambiguous` and `older`, and of captures `packets`,
    /// `touches` and `portless`.
    event: &'static str,
    /// When, RFC 3339, UTC.
    at: Option<String>,
    /// Who: an address; null where many share the work.
    source: Option<String>,
    /// The same as a network: of IPv6 64 bits. Of many who share a scan the network that all of them are of; null where that is not
    /// for what they are a group.
    prefix: Option<String>,
    /// The first 16 that are known of many that share the work, and how many there are, at least; none are known where the kernel
    /// counted all of them.
    sources: Option<Vec<String>>,
    /// See `sources`.
    sources_count: Option<u32>,
    /// What he does: `port-scan`, `distributed-scan`, `brute-force`, `password-spray`, `distributed-brute-force`, `path-probing` or `own-scan`; or, of a process of
    /// this host, which has no address, `stolen-port-attempt`.
    kind: Option<&'a str>,
    /// `proven`: he finished a handshake within the hour; else `unproven`, and the address may be another's.
    confidence: Option<&'static str>,
    /// How many times as likely it is that he probes as that he does not; of a `port-scan` alone.
    score: Option<u32>,
    /// His first contact.
    first: Option<String>,
    /// His last.
    last: Option<String>,
    /// First contacts with ports of nobody's; failed logins; paths that only a probe asks for.
    contacts: Option<u32>,
    /// The first 16 ports that are remembered.
    ports: Vec<u16>,
    /// The protocols of these.
    protocols: Vec<Protocol>,
    /// The services that wrote of him.
    services: Vec<&'a str>,
    /// As how many users he tried, at least.
    users_count: Option<u32>,
    /// What he did, the last 16 that are remembered; none of what is saved.
    evidence: Vec<TraceView<'a>>,
    /// What became of him; null of what is saved.
    action: Option<ActionView>,
    /// What he did, or what was lost, as a sentence.
    text: Option<String>,
    /// Which duties of the article this serves.
    article: [&'static str; 3],
    /// How many events found no room, where some were lost; null of a log, where nobody knows how many lines.
    count: Option<u64>,
    /// How many lines were read.
    lines: Option<u64>,
    /// How many told of somebody.
    attempts: Option<u64>,
    /// How many could have been read two ways, and are nobody's.
    ambiguous: Option<u64>,
    /// How many of those that tell of somebody, and packets, are a second or more older than the one before them.
    older: Option<u64>,
    /// How many packets of captures were read; null where there was no capture.
    packets: Option<u64>,
    /// How many of these reached nobody on ports of nobody's.
    touches: Option<u64>,
    /// How many do not tell their port: they were cut too short, or are later fragments.
    portless: Option<u64>,
}

/// Something that he did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Evidence")]
pub(crate) struct TraceView<'a> {
    /// Who told of it: `kernel`, or the service whose log it stands in.
    from: &'a str,
    /// When, RFC 3339, UTC.
    at: String,
    /// What: bytes of others, of a line at most 200.
    text: &'a str,
}

/// What became of somebody who is suspected.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Action")]
pub(crate) struct ActionView {
    /// `block`, `would-block` or `none`.
    what: &'static str,
    /// Until when he is kept out, or would be; RFC 3339, UTC.
    until: Option<String>,
    /// How many of his sessions were ended with it; null where nobody knows.
    sessions_ended: Option<u32>,
    /// Why he is not, as a sentence.
    why_not: Option<String>,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// So many files.
    pub(crate) files: usize,
    /// So many lines.
    pub(crate) lines: u64,
    /// So many of these told of somebody.
    pub(crate) attempts: u64,
    /// So many could have been read two ways.
    pub(crate) ambiguous: u64,
    /// So many that tell of somebody, and packets, are older than the one before them.
    pub(crate) older: u64,
    /// So many packets, where there was a capture.
    pub(crate) packets: Option<u64>,
    /// So many of these reached nobody.
    pub(crate) touches: u64,
    /// So many do not tell their port.
    pub(crate) portless: u64,
    /// So many were for the host, or from it.
    pub(crate) own: u64,
    /// For whom the first one was.
    pub(crate) seen: Option<IpAddr>,
}

/// Tells of one, and of what became of him.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn tell(told: &Reacted, format: Format, out: &mut Out) -> Result<(), Failure> {
    tell_at(TIME, &told.suspicion, Some(told), format, out)
}

/// The same of one of whom a saved log tells: it may be of any day.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn tell_saved(suspicion: &Suspicion, format: Format, out: &mut Out) -> Result<(), Failure> {
    tell_at(DAY_AND_TIME, suspicion, None, format, out)
}

/// The same of one who was told of before, and of what became of him.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn tell_again(told: &Reacted, format: Format, out: &mut Out) -> Result<(), Failure> {
    tell_at(DAY_AND_TIME, &told.suspicion, Some(told), format, out)
}

const TIME: &str = "%H:%M:%S";
const DAY_AND_TIME: &str = "%Y-%m-%d %H:%M:%S";

/// Tells what was read.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn tell_counts(counts: &Counts, format: Format, out: &mut Out) -> Result<(), Failure> {
    let Counts { files, lines, attempts, ambiguous, packets, touches, portless, .. } = *counts;
    if format == Format::Ndjson {
        let of_captures = |count| packets.and(Some(count));
        return out.ndjson(&WatchView {
            event: "read",
            lines: Some(lines),
            attempts: Some(attempts),
            ambiguous: Some(ambiguous),
            older: Some(counts.older),
            packets,
            touches: of_captures(touches),
            portless: of_captures(portless),
            ..EMPTY
        });
    }
    let count = |count: u64, one, many| inflect(usize::try_from(count).unwrap_or(2), one, many);
    let (en_files, en_lines) = (inflect(files, "file", "files"), count(lines, "line", "lines"));
    if let Some(packets) = packets {
        let en_packets = count(packets, "packet", "packets");
        let text = text!(
            "read: {packets} {en_packets} of {files} {en_files}; {touches} asked for ports of nobody's, {portless} do not tell their port",
            "read: {files} 個のファイルの {packets} パケット(誰のものでもないポート宛て {touches}、ポートがわからず判定しないもの {portless})"
        );
        out.line(text.in_lang(out.lang))?;
    }
    if packets.is_none() || lines > 0 {
        let text = text!(
            "read: {lines} {en_lines} of {files} {en_files}; {attempts} tell of somebody who asked, {ambiguous} could be read two ways",
            "read: {files} 個のファイルの {lines} 行(相手の分かる行 {attempts}、複数の解釈ができて判定しない行 {ambiguous})"
        );
        out.line(text.in_lang(out.lang))?;
    }
    tell_older(counts.older, out)
}

fn tell_older(count: u64, out: &mut Out) -> Result<(), Failure> {
    let en_are = if count == 1 { "is" } else { "are" };
    let text = text!(
        "of these {count} {en_are} older than what stood before: all was judged in the order in which it stands",
        "このうち {count} 件は、直前のものより古い時刻です(記録された順に判定しました)"
    );
    if count == 0 { Ok(()) } else { out.line(text.in_lang(out.lang)) }
}

fn tell_at(
    time: &str,
    suspicion: &Suspicion,
    told: Option<&Reacted>,
    format: Format,
    out: &mut Out,
) -> Result<(), Failure> {
    let text = suspicion.text();
    let text = text.in_lang(out.lang);
    if format == Format::Ndjson {
        return out.ndjson(&line(suspicion, told, out.lang));
    }
    let is_blocked = told.is_some_and(|told| matches!(told.reaction, Reaction::Block(_)));
    let is_own = suspicion.kind == Kind::OwnScan;
    let event = if is_own { OWN_SCAN } else { SUSPICION };
    let event = pad(if is_blocked { BLOCK } else { event }, 9);
    let done = told.map(|told| format!("   {}", done(told).in_lang(out.lang))).unwrap_or_default();
    let time = suspicion.at.strftime(time);
    let many = suspicion.group.as_ref().map(|group| {
        let count = group.count;
        text!("{count} sources", "送信元 {count} 個").in_lang(out.lang).to_owned()
    });
    let source = pad(&many.unwrap_or_else(|| suspicion.source.to_string()), 18);
    let (kind, confidence) = (pad(suspicion.kind.name(), 14), pad(suspicion.confidence.name(), 8));
    out.line(&format!("{time}  {event}  {source}  {kind}  {confidence}  {text}{done}"))
}

/// A line about somebody.
pub(crate) fn line<'a>(suspicion: &'a Suspicion, told: Option<&'a Reacted>, lang: Lang) -> WatchView<'a> {
    let text = suspicion.text().in_lang(lang).to_owned();
    let event = event(told.map(|told| &told.reaction));
    let action = told.map(|told| action(told, lang));
    let evidence = told.iter().flat_map(|told| &told.traces).map(trace).collect();
    WatchView { event, action, evidence, ..view(suspicion, text) }
}

fn trace(trace: &Trace) -> TraceView<'_> {
    TraceView { from: &trace.from, at: trace.at.to_string(), text: &trace.text }
}

const SUSPICION: &str = "suspicion";
const BLOCK: &str = "block";
const OWN_SCAN: &str = "own-scan";

/// What a program is told that it is.
const fn event(reaction: Option<&Reaction>) -> &'static str {
    match reaction {
        Some(Reaction::Block(_)) => BLOCK,
        Some(Reaction::WouldBlock(_)) => "would-block",
        Some(Reaction::Spare(Mercy::Consent(_))) => OWN_SCAN,
        Some(Reaction::Spare(Mercy::Bond(_))) => "refused-block",
        Some(Reaction::Spare(_)) | None => SUSPICION,
    }
}

/// What became of him, for a person: `until 04:14`, `would block 1h`.
fn done(Reacted { suspicion, reaction, sessions_ended, .. }: &Reacted) -> Text {
    match reaction {
        Reaction::Block(length) => {
            let until = end(*length, suspicion.at);
            let until = until.strftime(if *length < DAY { "%H:%M" } else { "%Y-%m-%d %H:%M" });
            let en_sessions = inflect(*sessions_ended as usize, "session", "sessions");
            match sessions_ended {
                0 => text!("until {until}", "{until} まで遮断"),
                count => text!(
                    "until {until}, {count} {en_sessions} ended",
                    "{until} まで遮断、セッション {count} 個を終了"
                ),
            }
        }
        Reaction::WouldBlock(length) => {
            let length = Timeout::of(length.unsigned_abs()).map(|length| length.to_string());
            let length = length.unwrap_or_default();
            text!("would block {length}", "遮断対象({length})")
        }
        Reaction::Spare(mercy) => {
            let Text { en, ja } = mercy.text();
            text!("not blocked: {en}", "遮断しない: {ja}")
        }
    }
}

/// The same for a program.
fn action(told: &Reacted, lang: Lang) -> ActionView {
    let (reaction, at) = (&told.reaction, told.suspicion.at);
    let (what, length, why_not) = match reaction {
        Reaction::Block(length) => (BLOCK, Some(*length), None),
        Reaction::WouldBlock(length) => ("would-block", Some(*length), None),
        Reaction::Spare(mercy) => ("none", None, Some(mercy.text().in_lang(lang).to_owned())),
    };
    let until = length.map(|length| end(length, at).to_string());
    ActionView { what, until, sessions_ended: Some(told.sessions_ended), why_not }
}

fn end(length: SignedDuration, at: Timestamp) -> Timestamp {
    at.saturating_add(length).unwrap_or(Timestamp::MAX)
}

/// Tells of a process of this host that bound what is another's, or tried to: nobody whom a gate could keep out.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn tell_bind(refusal: &Refusal, format: Format, out: &mut Out) -> Result<(), Failure> {
    let Text { en, ja } = deed(refusal);
    let spec = refusal.spec();
    let text = text!("{spec}: {en}", "{spec}: {ja}");
    let text = text.in_lang(out.lang);
    if format == Format::Ndjson {
        return out.ndjson(&bind(refusal, text));
    }
    let (at, event) = (refusal.last.strftime(TIME), pad(SUSPICION, 9));
    let source = pad(&format!("pid {}", refusal.tried.pid), 18);
    out.line(&format!("{at}  {event}  {source}  {STOLEN}  {text}"))
}

fn bind<'a>(refusal: &'a Refusal, text: &str) -> WatchView<'a> {
    WatchView {
        event: SUSPICION,
        at: Some(refusal.last.to_string()),
        kind: Some(STOLEN),
        confidence: Some(Confidence::Proven.name()),
        first: Some(refusal.first.to_string()),
        last: Some(refusal.last.to_string()),
        contacts: u32::try_from(refusal.tried.count).ok(),
        ports: vec![refusal.tried.port],
        protocols: vec![refusal.tried.protocol],
        services: refusal.service.as_deref().into_iter().collect(),
        text: Some(text.to_owned()),
        ..EMPTY
    }
}

const STOLEN: &str = "stolen-port-attempt";

/// Tells that some were not heard of.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn tell_lost(count: u64, format: Format, out: &mut Out) -> Result<(), Failure> {
    if format == Format::Ndjson {
        return out.ndjson(&WatchView { count: Some(count), ..EMPTY });
    }
    let text = text!(
        "lost: {count} events came faster than they were read",
        "lost: 読み取りが間に合わず、イベント {count} 件を取りこぼしました"
    );
    out.line(text.in_lang(out.lang))
}

/// Tells that nobody will read some of a log.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn tell_unread(lost: &Lost, format: Format, out: &mut Out) -> Result<(), Failure> {
    let text = unread(lost);
    let text = text.in_lang(out.lang);
    if format == Format::Ndjson {
        return out.ndjson(&WatchView { text: Some(text.to_owned()), ..EMPTY });
    }
    out.line(&format!("lost: {text}"))
}

fn unread(Lost { file, bytes }: &Lost) -> Text {
    let Some(file) = file else {
        return text!(
            "lines of the journal cannot be read any more",
            "ジャーナルの一部の行を読み取れませんでした"
        );
    };
    let file = visible(&file.display().to_string()).into_owned();
    match bytes {
        Some(bytes) => text!(
            "{bytes} bytes of {file} came faster than they were read",
            "{file} の読み取りが間に合わず、{bytes} バイトを読み飛ばしました"
        ),
        None => text!(
            "lines of {file} from before this run cannot be read any more, or not be dated",
            "{file} に起動前に書かれた行の一部は、読み取れないか、時刻がわからないため判定しません"
        ),
    }
}

const EMPTY: WatchView<'static> = WatchView {
    version: VERSION,
    event: "lost",
    at: None,
    source: None,
    prefix: None,
    sources: None,
    sources_count: None,
    kind: None,
    confidence: None,
    score: None,
    first: None,
    last: None,
    contacts: None,
    ports: Vec::new(),
    protocols: Vec::new(),
    services: Vec::new(),
    users_count: None,
    evidence: Vec::new(),
    action: None,
    text: None,
    article: ARTICLE,
    count: None,
    lines: None,
    attempts: None,
    ambiguous: None,
    older: None,
    packets: None,
    touches: None,
    portless: None,
};

/// The network of all that the line is about.
fn prefix(suspicion: &Suspicion) -> Option<String> {
    match &suspicion.group {
        Some(group) => group.network.map(|network| network.to_string()),
        None => Some(suspicion.source.prefix().to_string()),
    }
}

fn view(suspicion: &Suspicion, text: String) -> WatchView<'_> {
    let mut protocols: Vec<_> = suspicion.ports.iter().map(|contact| contact.protocol).collect();
    protocols.sort_unstable();
    protocols.dedup();
    let group = suspicion.group.as_ref();
    let alone = group.is_none();
    WatchView {
        event: SUSPICION,
        at: Some(suspicion.at.to_string()),
        source: alone.then(|| suspicion.source.address().to_string()),
        prefix: prefix(suspicion),
        sources: group.map(|group| group.sources.iter().map(ToString::to_string).collect()),
        sources_count: group.map(|group| group.count),
        kind: Some(Kind::name(suspicion.kind)),
        confidence: Some(Confidence::name(suspicion.confidence)),
        score: (suspicion.kind == Kind::PortScan).then(|| suspicion.ratio()),
        first: Some(suspicion.first.to_string()),
        last: Some(suspicion.last.to_string()),
        contacts: Some(suspicion.contacts),
        ports: suspicion.ports.iter().map(|contact| contact.port).collect(),
        protocols,
        services: suspicion.service.as_deref().into_iter().collect(),
        users_count: (suspicion.users > 0).then_some(suspicion.users),
        text: Some(text),
        ..EMPTY
    }
}
