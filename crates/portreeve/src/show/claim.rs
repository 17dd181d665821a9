//! Claims, for a person and as JSON (A25, A26).

mod note;

pub(crate) use self::note::unreserved;

use jiff::Timestamp;
use portreeve_core::{
    address::Address,
    desired::DesiredPort,
    ledger::{Claim, ClaimId, Entry, Lease, Name, Now, Refusal, Scope, Seen, State},
    policy::{Place, Service},
    port::{PortRange, Protocol},
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::passwd;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    age,
    table::{Cell, Column, Fit, Table},
    view::GapView,
};
use crate::ledger::{
    failure,
    home::{Home, Obeyed},
    kernel::{Kept, token},
};

/// The layout of these documents.
const VERSION: u32 = 1;

/// The answer of `claim`, `renew` and `release`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Claimed")]
pub(crate) struct ClaimedView<'a> {
    version: u32,
    #[serde(flatten)]
    claim: ClaimView<'a>,
    /// Whether this very ask made it.
    fresh: bool,
    /// What the asker should know.
    notes: Vec<&'a str>,
}

/// A claim.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Claim")]
pub(crate) struct ClaimView<'a> {
    /// 32 hexadecimal digits that no other claim has.
    #[schemars(with = "String")]
    claim: ClaimId,
    #[schemars(with = "String")]
    name: &'a Name,
    /// `host:MACHINE-ID`, `netns:NAME`, `user:UID` or `fleet`.
    #[schemars(with = "String")]
    scope: &'a Scope,
    protocol: Protocol,
    /// The port; of a range, its first.
    port: u16,
    /// The last port of a range; the same as `port` for a single one.
    port_last: u16,
    /// Null is every address.
    address: Option<&'a Address>,
    /// Null is every interface.
    device: Option<&'a str>,
    claimant: ClaimantView,
    lease: LeaseView,
    #[schemars(with = "String")]
    since: Timestamp,
    /// The revision of the ledger that wrote it last.
    revision: u64,
    /// Whether the kernel keeps it from clients: `reserved` or `unreserved`.
    kernel: &'static str,
    /// Whether the host obeys the ledger: false of one of a user's own.
    enforced: bool,
    /// `held`, `unbound`, `stolen`, `stale` or `elsewhere`.
    state: &'static str,
    note: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Claimant")]
struct ClaimantView {
    uid: u32,
    /// The process that it is for.
    pid: Option<u32>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Lease")]
struct LeaseView {
    /// `permanent`, `until` or `while`.
    kind: &'static str,
    /// When it ends.
    #[schemars(with = "Option<String>")]
    until: Option<Timestamp>,
    /// The process with which it ends.
    pid: Option<u32>,
}

impl<'a> ClaimView<'a> {
    /// A claim that the kernel keeps so, and that stands so.
    pub(crate) fn new(claim: &'a Claim, kernel: &'static str, state: State) -> Self {
        let until = match claim.lease {
            Lease::Until { until, .. } => Some(until),
            Lease::Permanent | Lease::While { .. } => None,
        };
        let lease = LeaseView {
            kind: claim.lease.kind(),
            until,
            pid: claim.lease.process().map(|process| process.pid),
        };
        let pid = claim.claimant.process.as_ref().map(|process| process.pid);
        Self {
            claim: claim.id,
            name: &claim.name,
            scope: &claim.scope,
            protocol: claim.protocol,
            port: claim.ports.first,
            port_last: claim.ports.last,
            address: claim.address.as_ref(),
            device: claim.device.as_deref(),
            claimant: ClaimantView { uid: claim.claimant.uid, pid },
            lease,
            since: claim.since,
            revision: claim.revision,
            kernel,
            enforced: !matches!(claim.scope, Scope::User(_)),
            state: state.token(),
            note: claim.note.as_deref(),
        }
    }
}

/// What the ledger granted, as a document.
pub(crate) fn document<'a>(
    entry: &'a Entry,
    kept: &Kept,
    state: State,
    notes: &'a [Text],
    lang: Lang,
) -> ClaimedView<'a> {
    ClaimedView {
        version: VERSION,
        claim: ClaimView::new(&entry.claim, kept.token(), state),
        fresh: entry.fresh,
        notes: notes.iter().map(|note| note.in_lang(lang)).collect(),
    }
}

/// Every note of an entry, in a sentence each.
pub(crate) fn notes(entry: &Entry, kept: &Kept) -> Vec<Text> {
    let unreserved = match kept {
        Kept::Unreserved(why) => Some(unreserved(why)),
        Kept::Reserved => None,
    };
    entry.notes.iter().map(note::of).chain(unreserved).collect()
}

/// The answer of `claims`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Claims")]
pub(crate) struct ClaimsView<'a> {
    version: u32,
    /// How often the ledger was changed.
    revision: u64,
    claims: Vec<ClaimView<'a>>,
    /// What the policy declares: nobody else may claim it.
    declared: Vec<DeclaredView<'a>>,
    gaps: Vec<GapView<'a>>,
}

impl<'a> ClaimsView<'a> {
    /// The claims of a ledger, what the policy declares, and what could not be seen of the host.
    pub(crate) const fn new(
        revision: u64,
        claims: Vec<ClaimView<'a>>,
        declared: Vec<DeclaredView<'a>>,
        gaps: Vec<GapView<'a>>,
    ) -> Self {
        Self { version: VERSION, revision, claims, declared, gaps }
    }
}

/// A line before each list but the first that `claims --watch -o ndjson` writes: what follows is the whole list again.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Again")]
pub(crate) struct AgainView {
    version: u32,
    /// How often the ledger was changed.
    revision: u64,
    /// How many lines follow, a claim each.
    claims: usize,
}

impl AgainView {
    /// So many claims of a ledger follow.
    pub(crate) const fn new(revision: u64, claims: usize) -> Self {
        Self { version: VERSION, revision, claims }
    }
}

/// A claim of a list, with what became of it.
#[derive(Debug)]
pub(crate) struct Listed<'a> {
    /// The claim.
    pub(crate) claim: &'a Claim,
    /// How it stands.
    pub(crate) state: State,
    /// Whether the kernel of this host keeps it from clients.
    pub(crate) is_kept: bool,
    /// Whether it should.
    is_to_be_kept: bool,
    /// Whether it holds here by another scope than usual, or elsewhere.
    is_of_other_scope: bool,
}

impl<'a> Listed<'a> {
    /// `claim` of the ledger `home`, as the host is `seen`.
    pub(crate) fn new(
        claim: &'a Claim,
        home: &Home,
        seen: &Seen<'_>,
        now: &Now,
        is_kept: impl Fn(PortRange) -> bool,
    ) -> Self {
        let (is_here, state) = (claim.scope.meets(&home.scope), claim.state(seen, now));
        Self {
            claim,
            state,
            is_kept: is_here && is_kept(claim.ports),
            is_to_be_kept: is_here && home.obeyed == Obeyed::ByHost && state != State::Stale,
            is_of_other_scope: claim.scope != home.scope,
        }
    }

    /// Its document.
    pub(crate) fn view(&self) -> ClaimView<'a> {
        ClaimView::new(self.claim, token(self.is_kept), self.state)
    }

    fn name(&self) -> String {
        let Claim { name, scope, .. } = self.claim;
        if self.is_of_other_scope { format!("{name} ({scope})") } else { name.to_string() }
    }

    fn state(&self, lang: Lang) -> String {
        let state = word(self.state).in_lang(lang);
        if self.is_kept || !self.is_to_be_kept {
            return state.into();
        }
        format!("{state}, {}", UNRESERVED.in_lang(lang))
    }
}

const UNRESERVED: Words = Words { en: "unreserved", ja: "予約なし" };

/// A port that the policy declares, for good.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeclaredClaim")]
pub(crate) struct DeclaredView<'a> {
    service: &'a str,
    protocol: Protocol,
    /// The port; of a range, its first.
    port: u16,
    /// The last port of a range; the same as `port` for a single one.
    port_last: u16,
    /// Where it is declared: `policy.toml:12`.
    place: String,
    /// Whether the kernel keeps it from clients: `reserved` or `unreserved`.
    kernel: &'static str,
    /// `held`, `unbound` or `stolen`.
    state: &'static str,
}

impl<'a> DeclaredView<'a> {
    /// A port that the kernel keeps so, and that stands so.
    pub(crate) fn new(port: &DesiredPort<'a>, kernel: &'static str, state: State) -> Self {
        let DesiredPort { spec, service } = port;
        Self {
            service: &service.name,
            protocol: spec.protocol,
            port: spec.range.first,
            port_last: spec.range.last,
            place: place(service),
            kernel,
            state: state.token(),
        }
    }
}

fn place(service: &Service) -> String {
    let Place { file, line, .. } = &service.place;
    format!("{file}:{line}")
}

/// What the ledger refuses.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Refusal")]
pub(crate) struct RefusalView<'a> {
    version: u32,
    /// Why, in a word: `port-held`, `port-bound`, `port-declared`, `name-held`, `well-known`, `pool-full`, and others.
    refused: &'static str,
    /// Whose claim stands in the way; null where it is none.
    owner: Option<OwnerView<'a>>,
    /// Why, in a sentence.
    text: String,
    fix: String,
    commands: Vec<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RefusalOwner")]
struct OwnerView<'a> {
    #[schemars(with = "String")]
    name: &'a Name,
    uid: u32,
    #[schemars(with = "String")]
    since: Timestamp,
    /// The ports that it has: `8080/tcp`.
    ports: String,
    /// How it stands (`held`, `unbound` or `stolen`), where a number of it was asked for.
    state: Option<&'static str>,
}

impl<'a> RefusalView<'a> {
    /// The document of `refusal`.
    pub(crate) fn new(refusal: &'a Refusal, home: &Home, lang: Lang) -> Self {
        let state = match refusal {
            Refusal::Held(_, state) => Some(state.token()),
            _ => None,
        };
        let owner = |claim: &'a Claim| OwnerView {
            name: &claim.name,
            uid: claim.claimant.uid,
            since: claim.since,
            ports: claim.spec().to_string(),
            state,
        };
        Self {
            version: VERSION,
            refused: refusal.token(),
            owner: refusal.claim().map(owner),
            text: refusal.why().in_lang(lang).into(),
            fix: failure::fix(refusal, home).in_lang(lang).into(),
            commands: failure::commands(refusal, home),
        }
    }
}

/// The answer of `claim --batch` to a line that is no ask.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Mistake")]
pub(crate) struct MistakeView<'a> {
    version: u32,
    /// Which line of the input, from 1.
    line: usize,
    /// What is wrong with it, in a sentence.
    text: &'a str,
    fix: &'a str,
}

impl<'a> MistakeView<'a> {
    /// The document of a mistake in `line`.
    pub(crate) const fn new(line: usize, text: &'a str, fix: &'a str) -> Self {
        Self { version: VERSION, line, text, fix }
    }
}

const COLUMNS: [Column; 6] = [
    Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole },
    Column { head: Words { en: "NAME", ja: "名前" }, fit: Fit::Cut },
    Column { head: Words { en: "STATE", ja: "状態" }, fit: Fit::Whole },
    Column { head: Words { en: "CLAIMANT", ja: "申請者" }, fit: Fit::Cut },
    Column { head: Words { en: "LEASE", ja: "期限" }, fit: Fit::Whole },
    Column { head: Words { en: "NOTE", ja: "メモ" }, fit: Fit::Spare },
];

/// A table of claims and of what is declared, with how each stands.
pub(crate) fn table(
    claims: &[Listed<'_>],
    declared: &[(DesiredPort<'_>, State)],
    now: Timestamp,
    lang: Lang,
) -> Table {
    let mut table = Table::new(&COLUMNS, 0);
    for (port, state) in declared {
        let place = place(port.service);
        table.push::<6>([
            port.spec.to_string().into(),
            port.service.name.as_str().into(),
            word(*state).in_lang(lang).into(),
            place.into(),
            Cell::from(lease(&Lease::Permanent, now).in_lang(lang)),
            "".into(),
        ]);
    }
    for listed in claims {
        let claim = listed.claim;
        let uid = claim.claimant.uid;
        let who = passwd::name(uid).unwrap_or_else(|| uid.to_string());
        table.push::<6>([
            place_of(claim).into(),
            listed.name().into(),
            listed.state(lang).into(),
            who.into(),
            Cell::from(lease(&claim.lease, now).in_lang(lang)),
            claim.note.as_deref().unwrap_or_default().into(),
        ]);
    }
    table
}

/// Its ports, and where: as ss(8) writes an interface.
fn place_of(claim: &Claim) -> String {
    let spec = claim.spec();
    match (&claim.address, &claim.device) {
        (None, None) => spec.to_string(),
        (Some(address), None) => format!("{spec} {address}"),
        (None, Some(device)) => format!("{spec} *%{device}"),
        (Some(address), Some(device)) => format!("{spec} {address}%{device}"),
    }
}

/// A state, in a word.
pub(crate) const fn word(state: State) -> Words {
    match state {
        State::Held => Words { en: "held", ja: "使用中" },
        State::Unbound => Words { en: "unbound", ja: "未使用" },
        State::Stolen => Words { en: "stolen", ja: "他者が使用" },
        State::Stale => Words { en: "stale", ja: "期限切れ" },
        State::Elsewhere => Words { en: "elsewhere", ja: "別の環境" },
    }
}

fn lease(lease: &Lease, now: Timestamp) -> Text {
    match lease {
        Lease::Permanent => text!("permanent", "無期限"),
        Lease::Until { until, .. } if *until <= now => text!("over", "終了"),
        Lease::Until { until, .. } => {
            let Text { en, ja } = age::length(until.as_second().abs_diff(now.as_second()));
            text!("{en} more", "あと {ja}")
        }
        Lease::While { process } => {
            let pid = process.pid;
            text!("while {pid} lives", "{pid} の動作中")
        }
    }
}
