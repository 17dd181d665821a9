//! The story of one owner's port: all that is known of it, before a word is said.

use std::collections::BTreeSet;

use portreeve_core::{
    chain::{Chain, chain},
    diff::{Change, Difference, diff},
    facts::{Connection, Listener, Process, Snapshot},
    finding::Finding,
    origin::{Origin, origin},
    peers::{Peers, peers},
    port::{PortRange, PortSpec},
    published::{Target, behind, passed, past, target},
    reach::{Answers, Reach, answers},
    rules::processes,
    world::{Scope, World},
};

use super::opened::Openers;
use crate::{
    asked::Asked,
    last_audit::{LastAudit, News},
    settings::Settings,
    show::{diff::Comparison, guard::refused::Refusal, rows::Row},
};

/// Everything that stories are told from.
pub(super) struct Evidence<'w, 'a> {
    /// The host, with all its listeners.
    pub(super) world: &'w World<'a>,
    /// The connections on the numbers that were asked for, where they were looked at.
    pub(super) around: Option<&'w [Connection]>,
    /// All that is wrong.
    pub(super) findings: &'w [Finding],
    /// What changed on those numbers since an earlier snapshot.
    pub(super) compared: Option<Compared<'w>>,
    /// What the last audit found.
    pub(super) last: Option<&'w LastAudit>,
    /// Who tried to bind those numbers without owning them.
    pub(super) refused: &'w [Refusal],
    /// What was asked for.
    pub(super) settings: &'w Settings,
}

/// The listeners on the numbers that were asked for, in an earlier snapshot and now.
pub(super) struct Compared<'w> {
    before: &'w World<'w>,
    after: &'w World<'w>,
    /// What changed in the namespaces that are judged.
    judged: Difference<'w>,
    /// What changed in any.
    everywhere: Difference<'w>,
}

impl<'w> Compared<'w> {
    /// What changed from `before` to `after`.
    pub(super) fn of(before: &'w World<'w>, after: &'w World<'w>) -> Self {
        let changed = |scope: &Scope| diff(before.snapshot, after.snapshot, scope);
        Self { before, after, judged: changed(&after.scope), everywhere: changed(&Scope::All) }
    }
}

/// The story of one owner's port.
pub(super) struct Story<'w, 'a> {
    /// Its sockets.
    pub(super) row: Row<'a>,
    /// The process that stands for it.
    pub(super) main: Option<(u32, &'a Process)>,
    /// Through whom it is held.
    pub(super) chain: Chain<'a>,
    /// Who opened its sockets.
    pub(super) openers: Openers<'w, 'a>,
    /// What started its holder.
    pub(super) origin: Option<Origin<'a>>,
    /// Where it leads to, where it is a port of a container.
    pub(super) inside: Option<(Target, Vec<&'a Listener>)>,
    /// On which addresses of which interfaces it answers.
    pub(super) answers: Vec<Answers<'a>>,
    /// From which zones it can be reached, by any of its sockets.
    pub(super) reach: Vec<Reach>,
    /// Who is connected; `None` where nobody looked.
    pub(super) peers: Option<Vec<Peers>>,
    /// What is wrong with it.
    pub(super) findings: Vec<&'w Finding>,
    /// How it changed since an earlier snapshot.
    pub(super) comparison: Option<Comparison<'w, 'w>>,
    /// How its findings changed since the last audit.
    pub(super) news: Option<News>,
}

impl<'w, 'a> Story<'w, 'a> {
    /// The story of `row`, which was asked for.
    pub(super) fn of(evidence: &Evidence<'w, 'a>, asked: &[Asked], row: Row<'a>) -> Self {
        let Evidence { world, around, .. } = evidence;
        let snapshot: &'a Snapshot = world.snapshot;
        let namespace = row.namespace().and_then(|id| snapshot.namespace(id));
        let main = row.main(world);
        let first = row.first();
        let pid = main.map(|(pid, _)| pid);
        let findings = findings(evidence, asked, &row);
        Self {
            chain: chain(snapshot, &row.listeners, main),
            openers: Openers::of(
                snapshot,
                &row.listeners,
                evidence.compared.as_ref().map(|compared| compared.before.snapshot),
            ),
            origin: first.map(|first| origin(snapshot, first, pid)),
            inside: first.and_then(|first| inside(snapshot, first, main)),
            answers: answers(&row.listeners, namespace),
            reach: world.reach_of_all(&row.listeners),
            peers: around.map(|connections| peers(connections, &row.listeners, namespace)),
            comparison: comparison(evidence, &row),
            news: news(evidence, asked, &findings),
            findings,
            main,
            row,
        }
    }
}

/// The findings about any of the numbers.
pub(super) fn about<'f>(findings: &'f [Finding], asked: &[Asked]) -> impl Iterator<Item = &'f Finding> {
    findings.iter().filter(|finding| finding.ports.is_some_and(|ports| is_meant(ports, asked)))
}

/// Whether any of the numbers was asked for.
pub(super) fn is_meant(ports: PortSpec, asked: &[Asked]) -> bool {
    asked.iter().any(|asked| {
        asked.range.overlaps(ports.range) && asked.protocol.is_none_or(|protocol| protocol == ports.protocol)
    })
}

/// What is wrong with the sockets of `row` or with the program behind them.
///
/// What is wrong with a program is one finding, and names one of its ports alone.
fn findings<'w>(evidence: &Evidence<'w, '_>, asked: &[Asked], row: &Row<'_>) -> Vec<&'w Finding> {
    let pids = row.pids();
    let specs: Vec<_> = row.listeners.iter().map(|listener| listener.spec()).collect();
    let is_program = |rule: &str| processes::RULES.iter().any(|known| known.name == rule);
    let holds = |finding: &Finding| finding.holders.iter().any(|pid| pids.contains(pid));
    let is_here = |ports: PortSpec| {
        specs.iter().any(|spec| spec.protocol == ports.protocol && spec.range.overlaps(ports.range))
    };
    let is_about = |finding: &&Finding| {
        let place = finding.ports.is_some_and(|ports| is_meant(ports, asked) && is_here(ports));
        let of_row = place && (finding.holders.is_empty() || holds(finding));
        let namespace = finding.netns.is_none() || finding.netns == row.namespace();
        namespace && (of_row || (is_program(finding.rule) && holds(finding)))
    };
    evidence.findings.iter().filter(is_about).collect()
}

fn inside<'a>(
    snapshot: &'a Snapshot,
    first: &Listener,
    main: Option<(u32, &'a Process)>,
) -> Option<(Target, Vec<&'a Listener>)> {
    if let Some(target) = main.and_then(|(_, process)| target(process)) {
        return Some((target, behind(snapshot, target)));
    }
    // Docker holds a number so that nobody else takes it, and the kernel passes packets on before they come that far.
    let passed = passed(snapshot, Some(first.protocol), PortRange::one(first.port));
    let (_, holder) = main.filter(|_| is_own(snapshot, first))?;
    past(&passed, first, holder).map(|passed| (passed.target, vec![passed.listener]))
}

fn is_own(snapshot: &Snapshot, listener: &Listener) -> bool {
    snapshot.namespace(listener.netns).is_some_and(|namespace| namespace.own)
}

/// The changes of the numbers of `row`; those of another namespace are its own.
fn comparison<'w>(evidence: &Evidence<'w, '_>, row: &Row<'_>) -> Option<Comparison<'w, 'w>> {
    let compared = evidence.compared.as_ref()?;
    let netns = row.namespace()?;
    let is_judged = evidence.world.judges(netns);
    let known = if is_judged { &compared.judged } else { &compared.everywhere };
    let specs: Vec<_> = row.listeners.iter().map(|listener| (listener.protocol, listener.port)).collect();
    let is_its = |change: &&Change<'_>| {
        specs.contains(&(change.protocol, change.port)) && (is_judged || change.netns == netns)
    };
    let changes = known.changes.iter().filter(is_its).cloned().collect();
    let difference = Difference { changes, unknown: known.unknown };
    Some(Comparison { before: compared.before, after: compared.after, difference })
}

/// The changes of the numbers that were asked for and that none of `stories` tells: what is gone, above all.
pub(super) fn untold<'w>(
    evidence: &Evidence<'w, '_>,
    asked: &[Asked],
    stories: &[Story<'w, '_>],
) -> Option<Comparison<'w, 'w>> {
    let compared = evidence.compared.as_ref()?;
    let told: BTreeSet<PortSpec> = stories
        .iter()
        .flat_map(|story| &story.row.listeners)
        .filter(|listener| evidence.world.judges(listener.netns))
        .map(|listener| listener.spec())
        .collect();
    let is_untold = |change: &&Change<'_>| {
        let spec = PortSpec { range: PortRange::one(change.port), protocol: change.protocol };
        is_meant(spec, asked) && !told.contains(&spec)
    };
    let changes = compared.judged.changes.iter().filter(is_untold).cloned().collect();
    // Where one of two looks has nothing, no owner is in doubt.
    let difference = Difference { changes, unknown: 0 };
    Some(Comparison { before: compared.before, after: compared.after, difference })
}

/// How the findings stand to those of the last audit.
pub(super) fn news(evidence: &Evidence<'_, '_>, asked: &[Asked], findings: &[&Finding]) -> Option<News> {
    let settings = evidence.settings;
    let mut now: Vec<&Finding> = about(evidence.findings, asked).collect();
    now.extend(findings.iter().filter(|finding| !about(evidence.findings, asked).any(|it| it == **finding)));
    now.retain(|finding| finding.waived.is_none());
    let is_asked = |ports| is_meant(ports, asked);
    evidence.last?.news(evidence.world.snapshot, &settings.netns, &now, is_asked)
}
