//! The story of a port as programs read it.

use jiff::Timestamp;
use portreeve_core::{
    address::Address,
    facts::{Container, Line, Process},
    opener::{KnownBy, Moment, Opener, Who},
    origin::Origin,
    policy::Service,
    port::Protocol,
    registry::in_practice,
    words::Lang,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    Telling,
    opened::Openers,
    origin,
    story::{self, Evidence, Story},
};
use crate::{
    last_audit::News,
    settings::Verbosity,
    show::{
        audit::{self, FindingView},
        diff::{ChangeView, Comparison},
        guard::refused::{RefusalView, refusal_view},
        view::{
            ConnectionView, GapView, HolderView, ListenerView, NetnsView, PassedView, SteeredView, Viewer,
            holder, netns_view, recorded,
        },
    },
};

/// The layout of this document.
const VERSION: u32 = 1;

/// The answer of `why`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Why")]
pub(crate) struct WhyView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// When the look was taken, UTC.
    #[schemars(with = "String")]
    taken: Timestamp,
    /// One entry for each owner of a number that was asked for; none where nobody listens.
    ports: Vec<PortView<'a>>,
    /// The sockets that keep a number on which nobody listens.
    kept: Vec<ConnectionView<'a>>,
    /// Where the kernel passes packets on to that no socket of this host takes.
    passed: Vec<PassedView<'a>>,
    /// Where packets to the numbers are led, whoever has bound them.
    steered: Vec<SteeredView<'a>>,
    /// Who bound one of those numbers without owning it, or was kept from it by the guard; root alone is told.
    refused: Vec<RefusalView<'a>>,
    /// What is wrong with the numbers and not with one of `ports`.
    findings: Vec<FindingView<'a>>,
    /// What was different in the snapshot that was named, of numbers that none of `ports` is about; else null.
    earlier: Option<EarlierView<'a>>,
    /// What was different at the last audit that kept its findings, of numbers on which nobody listens; else null.
    since_last_audit: Option<News>,
    /// What could not be seen.
    gaps: Vec<GapView<'a>>,
}

/// The story of one owner's port.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Story")]
struct PortView<'a> {
    protocol: Protocol,
    port: u16,
    netns: NetnsView<'a>,
    /// What IANA calls it.
    iana: Vec<&'a str>,
    /// What it is used for in practice, where that is something else.
    in_practice: Option<String>,
    /// What the policy declares; null where it does not, or where there is none.
    declared: Option<DeclaredView<'a>>,
    /// The sockets.
    listeners: Vec<ListenerView<'a>>,
    /// Who opened it, as far as that can be told; unknown where its sockets have several openers, as the sentence tells.
    opener: OpenerView<'a>,
    /// The processes through which it is held, from the first one on.
    chain: Vec<LinkView<'a>>,
    /// What started the holder.
    origin: OriginView<'a>,
    /// Where it leads to, where it is a port of a container; else null.
    inside: Option<InsideView<'a>>,
    /// On which addresses it answers.
    answers: Vec<AnswersView<'a>>,
    /// Who is connected; null where nobody looked.
    connected: Option<ConnectedView>,
    /// What is wrong with it.
    findings: Vec<FindingView<'a>>,
    /// What was different in the snapshot that was named; else null.
    earlier: Option<EarlierView<'a>>,
    /// What was different at the last audit that kept its findings; null where none did.
    since_last_audit: Option<&'a News>,
}

/// What the policy declares.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Declared")]
struct DeclaredView<'a> {
    service: &'a str,
    file: &'a str,
    line: u32,
    /// Who may hold it; empty means anybody.
    owners: Vec<String>,
    reach: &'a [String],
    why: Option<&'a str>,
}

/// Who opened a port.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Opener")]
struct OpenerView<'a> {
    /// How certain it is: `certain` (the service manager for a `.socket`, or the guard's record), `likely` or `unknown`.
    certainty: Certainty,
    /// The process that the guard recorded, or that fits by user, cgroup and age; null where none is.
    process: Option<HolderView<'a>>,
    /// The unit in whose cgroup the socket was created.
    unit: Option<&'a str>,
    /// The user of whoever created it.
    uid: Option<u32>,
    /// Not before then.
    earliest: Option<MomentView>,
    /// Not after then.
    latest: MomentView,
    /// The same as a sentence.
    text: String,
}

/// How certain an opener is.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Certainty {
    Certain,
    Likely,
    Unknown,
}

/// A bound in time, and what it rests on.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Moment")]
struct MomentView {
    #[schemars(with = "String")]
    at: Timestamp,
    /// `record`, `look`, `seen-earlier`, `not-seen-earlier`, `unit-start`, `session-start`.
    known_by: &'static str,
}

/// A process of the chain.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Link")]
struct LinkView<'a> {
    pid: u32,
    name: &'a str,
    user: Option<&'a str>,
    unit: Option<&'a str>,
    #[schemars(with = "Option<String>")]
    started: Option<Timestamp>,
    role: Role,
}

/// What a process is to the port.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Role {
    /// It stands above the main process.
    Above,
    /// The main process.
    Main,
    /// A holder below the main process.
    Worker,
    /// A holder beside it.
    Other,
}

/// What started the holder.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[schemars(rename = "Origin")]
struct OriginView<'a> {
    /// `unit`, `cron`, `login`, `user-unit`, `container`, `kernel` or `unknown`.
    kind: &'static str,
    /// The unit; of a login the scope of its session.
    unit: Option<&'a str>,
    /// The `.socket` that starts the unit.
    socket: Option<&'a str>,
    /// The file that describes the unit.
    file: Option<&'a str>,
    /// The lines that count: ExecStart= or Listen…= of a unit, that of a crontab.
    lines: Vec<&'a Line>,
    /// Since when the unit or the session runs.
    #[schemars(with = "Option<String>")]
    started: Option<Timestamp>,
    /// Who logged in, or whose own service manager it is.
    user: Option<&'a str>,
    /// From where.
    remote: Option<String>,
    /// The container.
    container: Option<&'a Container>,
    /// The same as a sentence.
    text: String,
}

/// Where a published port leads to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Inside")]
struct InsideView<'a> {
    protocol: Protocol,
    address: Address,
    port: u16,
    /// Who listens there, as far as seen.
    listeners: Vec<ListenerView<'a>>,
}

/// An interface and its addresses that answer.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Answers")]
struct AnswersView<'a> {
    interface: &'a str,
    addresses: &'a [Address],
}

/// Who is connected.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connected")]
struct ConnectedView {
    count: u32,
    peers: Vec<PeersView>,
}

/// How many come from a network: IPv4 by 24 bits, IPv6 by 64, `host` for this host.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Peers")]
struct PeersView {
    network: String,
    count: u32,
}

/// What was different then.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Earlier")]
struct EarlierView<'a> {
    #[schemars(with = "String")]
    taken: Timestamp,
    changes: Vec<ChangeView<'a>>,
    /// On how many places an owner was not seen, so that other hands cannot be told.
    unknown: u32,
}

/// The document.
pub(super) fn document<'v, 'w: 'v, 'a: 'w>(
    evidence: &'v Evidence<'w, 'a>,
    tellings: &'v [Telling<'w, 'a>],
) -> WhyView<'v> {
    let (world, lang) = (evidence.world, evidence.settings.lang);
    let viewer = Viewer::new(world, lang);
    let stories = tellings.iter().flat_map(|telling| &telling.stories);
    let findings = tellings.iter().flat_map(|telling| &telling.findings);
    let steered = tellings.iter().flat_map(|telling| &telling.answer.steered);
    let kept = tellings.iter().flat_map(|telling| {
        let viewer = Viewer::new(telling.answered_by, lang);
        telling.answer.kept_sockets().into_iter().map(move |socket| viewer.connection(socket))
    });
    WhyView {
        version: VERSION,
        taken: world.snapshot.taken,
        ports: stories.filter_map(|story| port(evidence, story)).collect(),
        kept: kept.collect(),
        passed: tellings
            .iter()
            .flat_map(|telling| &telling.answer.passed)
            .map(|passed| viewer.passed(passed))
            .collect(),
        steered: steered.map(|steered| viewer.steered(steered)).collect(),
        refused: evidence.refused.iter().map(refusal_view).collect(),
        findings: findings.map(|finding| audit::view(world.snapshot, finding, lang)).collect(),
        earlier: untold(tellings, lang),
        since_last_audit: silent_news(evidence, tellings),
        gaps: viewer.gaps(),
    }
}

fn port<'v, 'w: 'v, 'a: 'w>(
    evidence: &'v Evidence<'w, 'a>,
    story: &'v Story<'w, 'a>,
) -> Option<PortView<'v>> {
    let (world, lang) = (evidence.world, evidence.settings.lang);
    let viewer = Viewer::new(world, lang);
    let first = story.row.first()?;
    let practice = in_practice(first.port, first.protocol);
    Some(PortView {
        protocol: first.protocol,
        port: first.port,
        netns: netns_view(world.snapshot, first.netns),
        iana: world.registry.names(first.port, first.protocol).collect(),
        in_practice: practice.map(|practice| practice.text().in_lang(lang).into()),
        declared: world.service_of(first).map(declared),
        listeners: story.row.listeners.iter().map(|listener| viewer.listener(listener)).collect(),
        opener: openers(&story.openers, world.snapshot.taken, lang),
        chain: chain(story),
        origin: origin_view(story.origin.as_ref()?, world.snapshot.taken, first.port, lang),
        inside: inside(story, viewer),
        answers: answers(story),
        connected: connected(story),
        findings: story.findings.iter().map(|it| audit::view(world.snapshot, it, lang)).collect(),
        earlier: story.comparison.as_ref().map(|comparison| earlier(comparison, lang)),
        since_last_audit: story.news.as_ref(),
    })
}

fn declared(service: &Service) -> DeclaredView<'_> {
    DeclaredView {
        service: &service.name,
        file: &service.place.file,
        line: service.place.line,
        owners: service.owners.iter().map(|owner| format!("{}: {}", owner.key(), owner.value())).collect(),
        reach: &service.reach,
        why: service.why.as_deref(),
    }
}

/// Of sockets that several opened nothing holds but that all of them are open now.
fn openers<'v>(openers: &'v Openers<'_, '_>, now: Timestamp, lang: Lang) -> OpenerView<'v> {
    if let Some(opener) = openers.only() {
        return one_opener(opener, lang);
    }
    let texts = openers.texts(now);
    let texts: Vec<_> = texts.iter().map(|text| text.in_lang(lang)).collect();
    OpenerView {
        certainty: Certainty::Unknown,
        process: None,
        unit: None,
        uid: None,
        earliest: None,
        latest: MomentView { at: now, known_by: KnownBy::Look.name() },
        text: texts.join(" · "),
    }
}

fn one_opener<'v>(opener: &'v Opener<'_>, lang: Lang) -> OpenerView<'v> {
    let moment = |moment: &Moment<'_>| MomentView { at: moment.at, known_by: moment.known_by.name() };
    let (certainty, process) = match &opener.who {
        Who::Manager { .. } => (Certainty::Certain, None),
        Who::Recorded { opening, process, .. } => (Certainty::Certain, Some(recorded(opening, *process))),
        Who::Likely(pid, process) => (Certainty::Likely, Some(holder(*pid, None, process))),
        Who::Unknown(_) => (Certainty::Unknown, None),
    };
    OpenerView {
        certainty,
        process,
        unit: opener.unit,
        uid: opener.uid,
        earliest: opener.earliest.as_ref().map(moment),
        latest: moment(&opener.latest),
        text: opener.text().in_lang(lang).into(),
    }
}

fn chain<'v>(story: &'v Story<'_, '_>) -> Vec<LinkView<'v>> {
    let chain = &story.chain;
    let workers = chain.workers.concat();
    let parts = [
        (Role::Above, chain.above.as_slice()),
        (Role::Main, chain.main.as_slice()),
        (Role::Worker, &workers),
        (Role::Other, chain.others.as_slice()),
    ];
    let links = parts.into_iter().flat_map(|(role, links)| links.iter().map(move |link| (role, *link)));
    links.map(|(role, (pid, process))| link(role, pid, process)).collect()
}

fn link(role: Role, pid: u32, process: &Process) -> LinkView<'_> {
    LinkView {
        pid,
        name: &process.name,
        user: process.user.as_deref(),
        unit: process.unit.as_deref(),
        started: process.started,
        role,
    }
}

fn origin_view<'v>(origin: &'v Origin<'_>, now: Timestamp, port: u16, lang: Lang) -> OriginView<'v> {
    let telling = origin::Telling { now, verbosity: Verbosity::Verbose, port };
    let text = origin::text(origin, telling).in_lang(lang).to_owned();
    let view = OriginView { text, ..OriginView::default() };
    match origin {
        Origin::Container(container) => OriginView { kind: "container", container: Some(container), ..view },
        Origin::Cron { unit, line } => {
            OriginView { kind: "cron", unit: Some(unit), lines: line.iter().copied().collect(), ..view }
        }
        Origin::Login(login) => OriginView {
            kind: "login",
            unit: login.scope,
            user: login.user,
            started: login.session.and_then(|session| session.since),
            remote: login
                .session
                .and_then(|session| session.remote_host.clone())
                .or_else(|| login.peer.map(|peer| peer.address.to_string())),
            ..view
        },
        Origin::UserUnit { unit, user } => {
            OriginView { kind: "user-unit", unit: Some(unit), user: *user, ..view }
        }
        Origin::Unit { unit, origin, socket } => OriginView {
            kind: "unit",
            unit: Some(unit),
            socket: socket.map(|(socket, _)| socket),
            file: origin.and_then(|origin| origin.file.as_deref()),
            lines: origin.iter().flat_map(|origin| &origin.lines).collect(),
            started: origin.and_then(|origin| origin.started),
            ..view
        },
        Origin::Kernel => OriginView { kind: "kernel", ..view },
        Origin::Unknown => OriginView { kind: "unknown", ..view },
    }
}

fn inside<'v, 'w: 'v, 'a: 'w>(story: &'v Story<'w, 'a>, viewer: Viewer<'v, 'a>) -> Option<InsideView<'v>> {
    let (target, listeners) = story.inside.as_ref()?;
    Some(InsideView {
        protocol: target.protocol,
        address: target.address.into(),
        port: target.port,
        listeners: listeners.iter().map(|listener| viewer.listener(listener)).collect(),
    })
}

fn answers<'v>(story: &'v Story<'_, '_>) -> Vec<AnswersView<'v>> {
    let view = story.answers.iter();
    view.map(|it| AnswersView { interface: it.interface, addresses: &it.addresses }).collect()
}

fn connected(story: &Story<'_, '_>) -> Option<ConnectedView> {
    let peers = story.peers.as_ref()?;
    let view =
        |it: &portreeve_core::peers::Peers| PeersView { network: it.network.to_string(), count: it.count };
    let count = peers.iter().map(|peers| peers.count).sum();
    Some(ConnectedView { count, peers: peers.iter().map(view).collect() })
}

fn earlier<'v>(comparison: &Comparison<'v, 'v>, lang: Lang) -> EarlierView<'v> {
    EarlierView {
        taken: comparison.before.snapshot.taken,
        changes: comparison.changes(lang).collect(),
        unknown: comparison.difference.unknown,
    }
}

/// What no story tells, of every question.
fn untold<'v>(tellings: &'v [Telling<'_, '_>], lang: Lang) -> Option<EarlierView<'v>> {
    let comparisons = tellings.iter().filter_map(|telling| telling.comparison.as_ref());
    comparisons.map(|comparison| earlier(comparison, lang)).reduce(|mut all, more| {
        all.changes.extend(more.changes);
        all
    })
}

fn silent_news(evidence: &Evidence<'_, '_>, tellings: &[Telling<'_, '_>]) -> Option<News> {
    let silent: Vec<_> = tellings.iter().filter(|telling| telling.stories.is_empty()).collect();
    let asked: Vec<_> = silent.iter().flat_map(|telling| telling.asked).copied().collect();
    let findings: Vec<_> = silent.iter().flat_map(|telling| &telling.findings).copied().collect();
    (!silent.is_empty()).then(|| story::news(evidence, &asked, &findings)).flatten()
}
