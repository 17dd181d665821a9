//! What a scan saw, for a person and as JSON (A17, A20).

mod announced;
mod table;

pub(crate) use self::{
    announced::{announced, short_of_time, thousands},
    table::print,
};

use portreeve_core::{
    address::Address,
    exposure::Reached,
    facts::Gap,
    finding::Finding,
    outside::{Beside, Ended, Outcome, Seen as Look},
    port::Protocol,
    text,
    words::{Lang, Text},
    world::World,
};
use portreeve_host::scan::Proof;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    audit::{FindingView, view},
    out::Out,
    view::{GapView, gap_view},
};
use crate::{
    commands::scan::{Asked, Means, Ours, Target, consent},
    failure::Failure,
};

/// The layout of the JSON document.
const VERSION: u32 = 1;
/// More ports that the own filter stops are counted alone.
const KEPT_IN_TOLD: u32 = 16;

/// All that there is to tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    /// Who was asked.
    pub(crate) target: &'a Target,
    /// What was asked.
    pub(crate) asked: &'a Asked,
    /// What was seen.
    pub(crate) outcome: &'a Outcome,
    /// Beside what is known.
    pub(crate) rows: &'a [Beside],
    /// What is wrong.
    pub(crate) findings: &'a [Finding],
    /// What they were judged by.
    pub(crate) world: Option<&'a World<'a>>,
    /// What hides rules of the firewall.
    pub(crate) gaps: &'a [Gap],
    /// Whether anything is known of the target.
    pub(crate) is_known: bool,
    /// Whether every port is told.
    pub(crate) tells_all: bool,
}

impl<'a> Seen<'a> {
    /// The ports that are told: those that are open, declared or served, that this host itself stops, or that a finding is about.
    pub(crate) fn told(self) -> impl Iterator<Item = &'a Beside> {
        let is_found = move |it: &Beside| self.findings.iter().any(|found| found.ports == Some(it.spec()));
        self.rows.iter().filter(move |it| {
            let is_told = !self.outcome.opens_everything || it.protocol != Protocol::Tcp;
            let is_open = it.glimpse.seen == Look::Open && is_told;
            self.tells_all
                || is_open
                || it.declared.is_some()
                || it.is_served
                || self.is_kept_in(it)
                || is_found(it)
        })
    }

    /// Whether the filter of this host stops it, which means few.
    fn is_kept_in(self, it: &Beside) -> bool {
        self.outcome.kept_in <= KEPT_IN_TOLD && self.is_by_itself(it)
    }

    /// Whether this host itself says that packets do not get there.
    pub(super) fn is_by_itself(self, it: &Beside) -> bool {
        it.glimpse.by == Some(self.asked.source)
    }

    /// How many were seen so.
    pub(crate) fn count(self, seen: Look) -> usize {
        self.rows.iter().filter(|it| it.glimpse.seen == seen).count()
    }
}

/// The answer of `scan`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Scan")]
pub(crate) struct ScanView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// The address that packets came from.
    from: Address,
    /// The address that was asked.
    target: &'a Address,
    /// Why it is ours.
    proof: ProofView<'a>,
    /// How TCP is asked. `packets`: by the first packet of connections that are never made; `connections`: by connections.
    means: &'static str,
    /// `whole`; `vanished` where the target answered at first and then no more; `cut` where this host lost its way to it; `expired` where
    /// the target consents no more, or confirms it no more; `stopped` by a signal.
    ended: &'static str,
    /// The ports that matter, or with `--all` each: which are left out the counts tell.
    ports: Vec<PortView<'a>>,
    /// What is wrong, the worst first; waived findings too.
    findings: Vec<FindingView<'a>>,
    /// How many ports looked how.
    counts: Counts,
    /// How often ports without an answer were asked: of TCP or of UDP, whichever took more.
    rounds: u8,
    /// All packets, or connections, and datagrams.
    sent: u64,
    /// Which part of the packets of TCP was lost, there or on the way back; null where nothing answered that tells.
    lost_estimate: Option<f64>,
    /// Whether every port of TCP that chance names is open, as with a SYN proxy or a tarpit: then nothing is told of services.
    opens_everything: bool,
    /// What hides rules of the firewall, or kept answers from this host.
    gaps: Vec<GapView<'a>>,
}

/// Why an address is ours.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ScanProof")]
struct ProofView<'a> {
    /// `own-address`: of this host; `joined-namespace`: of a network namespace of this host to which a wire leads; `consent`: a host of
    /// the policy that consents.
    kind: &'static str,
    /// The interface that has the address, or by which packets leave; null of another host.
    interface: Option<&'a str>,
    /// The namespace, by its name or its inode; null for this host's own.
    namespace: Option<&'a str>,
    /// What the policy calls the host; null of this one.
    host: Option<&'a str>,
    /// Until when it consents; null where nobody has to.
    until: Option<String>,
}

/// One port.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ScanPort")]
struct PortView<'a> {
    protocol: Protocol,
    port: u16,
    /// What it looked like.
    seen: Look,
    /// Who says that packets do not get there; null where nobody does.
    by: Option<Address>,
    /// What the rules of that host say becomes of packets from there; `unknown` where nothing is known of it.
    said: Reached,
    /// The service that declares it.
    declared: Option<&'a str>,
    /// How long the answer took; null without one, and where it is unclear which packet it answers.
    rtt_ms: Option<f64>,
}

/// How many ports looked how.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ScanCounts")]
struct Counts {
    open: usize,
    closed: usize,
    filtered: usize,
    silent: usize,
    /// Ports that were to be asked, and were not.
    unasked: usize,
}

/// Writes the document.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn json(seen: &Seen<'_>, out: &mut Out) -> Result<(), Failure> {
    out.json_rows(&document(*seen, out.lang))
}

fn document(seen: Seen<'_>, lang: Lang) -> ScanView<'_> {
    let Seen { target, asked, outcome, .. } = seen;
    let findings = seen
        .world
        .into_iter()
        .flat_map(|world| seen.findings.iter().map(move |finding| view(world.snapshot, finding, lang)));
    ScanView {
        version: VERSION,
        from: asked.source.into(),
        target: &target.address,
        proof: proof(&target.proof),
        means: if asked.means == Means::Packets { "packets" } else { "connections" },
        ended: match outcome.ended {
            Ended::Whole => "whole",
            Ended::Vanished => "vanished",
            Ended::Cut => "cut",
            Ended::Expired => "expired",
            Ended::Stopped => "stopped",
        },
        ports: seen.told().map(port).collect(),
        findings: findings.collect(),
        counts: Counts {
            open: seen.count(Look::Open),
            closed: seen.count(Look::Closed),
            filtered: seen.count(Look::Filtered),
            silent: seen.count(Look::Silent),
            unasked: outcome.unasked,
        },
        rounds: outcome.rounds,
        sent: outcome.sent,
        lost_estimate: lost(outcome),
        opens_everything: outcome.opens_everything,
        gaps: seen.gaps.iter().map(|gap| gap_view(gap, lang)).collect(),
    }
}

fn proof(proof: &Ours) -> ProofView<'_> {
    let nothing = ProofView { kind: "consent", interface: None, namespace: None, host: None, until: None };
    match proof {
        Ours::Here(Proof::Own(interface)) => {
            ProofView { kind: "own-address", interface: Some(interface), ..nothing }
        }
        Ours::Here(Proof::Joined { namespace, interface }) => ProofView {
            kind: "joined-namespace",
            interface: Some(interface),
            namespace: Some(namespace),
            ..nothing
        },
        Ours::Consents { host, lasting } => {
            let until = Some(consent::clock(lasting.until)).filter(|clock| !clock.is_empty());
            ProofView { host: Some(host), until, ..nothing }
        }
    }
}

fn port(it: &Beside) -> PortView<'_> {
    let milliseconds = |trip: std::time::Duration| (trip.as_secs_f64() * 1e6).round() / 1e3;
    PortView {
        protocol: it.protocol,
        port: it.glimpse.port,
        seen: it.glimpse.seen,
        by: it.glimpse.by.map(Address::from),
        said: it.said,
        declared: it.declared.as_deref(),
        rtt_ms: it.glimpse.trip.map(milliseconds),
    }
}

/// Of what was sent to ports that answered, the part that was not.
fn lost(outcome: &Outcome) -> Option<f64> {
    let (sent, lost) = outcome.lost;
    let [sent, lost] = [sent, lost].map(|count| f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    (sent > 0.0).then(|| (lost / sent * 1e4).round() / 1e4)
}

/// Who was asked, as it is told: with the name of the namespace.
pub(crate) fn called(target: &Target) -> Text {
    let address = &target.address;
    match &target.proof {
        Ours::Here(Proof::Own(_)) => text!("{address} (this host)", "{address}(このホスト)"),
        Ours::Here(Proof::Joined { namespace, .. }) => {
            text!("{address} (namespace {namespace})", "{address}(名前空間 {namespace})")
        }
        Ours::Consents { host, lasting } => {
            let clock = consent::clock(lasting.until);
            text!("{address} ({host}, consented until {clock})", "{address}({host}、{clock} まで許可)")
        }
    }
}
