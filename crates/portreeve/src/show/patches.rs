//! What ports run and what waits for it, for a person and as JSON (A18).

mod table;

pub(crate) use self::table::{Told, print};

use std::borrow::Cow;

use jiff::Timestamp;
use portreeve_core::{
    facts::{Build, Code, CodeRoot, ExeState, Gap, KernelStanding},
    patches::{Patch, Security},
    port::Protocol,
    words::Lang,
    world::World,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    escape::visible,
    gaps,
    out::Out,
    view::{GapView, HolderView, NetnsView, gap_view, holder, netns_view},
};
use crate::{
    failure::Failure,
    settings::{Format, Settings, Verbosity},
};

/// The layout of the JSON document.
const VERSION: u32 = 1;
/// What code of portreeve's own host is called.
const HOST: &str = "host";

/// The answer of `patches`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Patches")]
pub(crate) struct PatchesView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// When the look was taken, UTC.
    #[schemars(with = "String")]
    taken: Timestamp,
    /// What each port runs, by package, the worst first.
    patches: Vec<PatchView<'a>>,
    /// The kernel; `null` where no package of this root has one, as in a container.
    kernel: Option<KernelView<'a>>,
    /// What waits is known from where.
    data: DataView<'a>,
    /// What could not be seen.
    gaps: Vec<GapView<'a>>,
}

/// What one port runs of one package.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Patch")]
pub(crate) struct PatchView<'a> {
    /// The protocol; `null` of a process that listens nowhere.
    protocol: Option<Protocol>,
    port: Option<u16>,
    netns: Option<NetnsView<'a>>,
    /// The main process; `null` where it cannot be seen.
    holder: Option<HolderView<'a>>,
    /// Every process, the main one first.
    pids: Vec<u32>,
    /// The package; `null` where the files are of none. With its architecture where that is not the host's own, as dpkg has it.
    package: Option<Cow<'a, str>>,
    /// The file that is the worst, as its process has it.
    file: Option<&'a str>,
    /// Every file of the package that runs.
    files: Vec<FileView<'a>>,
    /// Whether that is still the file on the disk.
    running: ExeState,
    /// Since when another file has stood in its place, RFC 3339, UTC; `null` where none does.
    #[schemars(with = "Option<String>")]
    since: Option<Timestamp>,
    /// The installed version.
    installed: Option<&'a str>,
    /// The version that would be installed now; the installed one where nothing waits, `null` where it cannot be told.
    candidate: Option<&'a str>,
    /// The newest version of any archive.
    newest: Option<&'a str>,
    /// Whether a person had the package kept as it is.
    held: bool,
    /// Whether a security update waits.
    security: Security,
    /// Which advisories affect the installed version; empty where none was asked.
    advisories: Vec<&'a str>,
    /// `host`, `container NAME`, `chroot PATH`, or the mount namespace of whoever is in none: `mnt:[4026532561]`.
    root: String,
    /// What its makers say of a file of no package.
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<&'a Build>,
    /// What to type.
    commands: Vec<String>,
}

/// A file that runs.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunningFile")]
struct FileView<'a> {
    path: &'a str,
    state: ExeState,
}

/// The kernel that runs beside the newest that is installed.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RunningKernel")]
struct KernelView<'a> {
    /// The release that runs.
    running: &'a str,
    /// The newest that is installed.
    newest: &'a str,
    /// Its package.
    package: &'a str,
    /// The package's version.
    version: &'a str,
    /// Whether that is newer than what runs; `null` where what runs is of no package here, so that it cannot be compared.
    reboot: Option<bool>,
}

/// What waits is known from where.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PatchData")]
struct DataView<'a> {
    /// `apt` where there are lists of packages; `null` where nothing tells what waits.
    source: Option<&'a str>,
    /// When they were fetched, RFC 3339, UTC; `null` where that cannot be told.
    #[schemars(with = "Option<String>")]
    taken: Option<Timestamp>,
}

/// The document.
pub(crate) fn document<'a>(
    world: &World<'a>,
    patches: &'a [Patch<'a>],
    gaps: &[&'a Gap],
    lang: Lang,
) -> PatchesView<'a> {
    let code = world.snapshot.code.as_ref();
    PatchesView {
        version: VERSION,
        taken: world.snapshot.taken,
        patches: views(world, patches).collect(),
        kernel: code.and_then(kernel),
        data: data(code),
        gaps: gaps.iter().map(|gap| gap_view(gap, lang)).collect(),
    }
}

/// Every patch.
pub(crate) fn views<'a>(world: &World<'a>, patches: &'a [Patch<'a>]) -> impl Iterator<Item = PatchView<'a>> {
    let snapshot = world.snapshot;
    patches.iter().map(move |patch| {
        let offer = patch.package.and_then(|package| package.offer.as_ref());
        PatchView {
            protocol: patch.place.map(|(spec, _)| spec.protocol),
            port: patch.place.map(|(spec, _)| spec.range.first),
            netns: patch.place.map(|(_, netns)| netns_view(snapshot, netns)),
            holder: patch.holders.first().map(|(pid, process)| holder(*pid, None, process)),
            pids: patch.holders.iter().map(|(pid, _)| *pid).collect(),
            package: patch.package.map(|package| package.called()),
            file: patch.files.first().map(|file| &*file.path),
            files: patch.files.iter().map(|file| FileView { path: &file.path, state: file.state }).collect(),
            running: patch.running(),
            since: patch.since(),
            installed: patch.package.map(|package| &*package.version),
            candidate: patch.candidate(),
            newest: offer.and_then(|offer| offer.newest.as_deref()),
            held: patch.package.is_some_and(|package| package.held),
            security: patch.security,
            advisories: patch.advisories.iter().map(|advisory| &*advisory.id).collect(),
            root: root(patch),
            build: patch.files.iter().find_map(|file| file.build.as_ref()),
            commands: patch.commands(),
        }
    })
}

fn root(patch: &Patch<'_>) -> String {
    patch.root.and_then(|root| root.name.clone()).unwrap_or_else(|| HOST.into())
}

fn kernel(code: &Code) -> Option<KernelView<'_>> {
    let kernels = code.kernel.as_ref()?;
    let standing = kernels.standing();
    let newest = kernels.waiting().or(kernels.newest())?;
    Some(KernelView {
        running: &kernels.running,
        newest: &newest.release,
        package: &newest.package,
        version: &newest.version,
        reboot: (standing != KernelStanding::Unknown).then(|| standing != KernelStanding::Newest),
    })
}

/// The root by whose lists it is told what waits: the host's, else the only one there is.
fn listed(code: &Code) -> Option<&CodeRoot> {
    let only = || code.roots.first().filter(|_| code.roots.len() == 1);
    code.host().or_else(only)
}

fn data(code: Option<&Code>) -> DataView<'_> {
    let fetched = code.and_then(listed).and_then(CodeRoot::lists_known);
    DataView { source: fetched.is_some().then_some("apt"), taken: fetched }
}

/// A patch as a row of a spreadsheet.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    port: Option<u16>,
    protocol: Option<Protocol>,
    netns: Option<u64>,
    pid: Option<u32>,
    package: Option<String>,
    file: Option<String>,
    running: ExeState,
    installed: Option<String>,
    candidate: Option<String>,
    security: Security,
    advisories: String,
    root: String,
}

/// Every patch as a record.
pub(crate) fn records(patches: &[Patch<'_>]) -> impl Iterator<Item = Record> {
    let text = |text: &str| visible(text).into_owned();
    patches.iter().map(move |patch| Record {
        port: patch.place.map(|(spec, _)| spec.range.first),
        protocol: patch.place.map(|(spec, _)| spec.protocol),
        netns: patch.place.map(|(_, netns)| netns),
        pid: patch.holders.first().map(|(pid, _)| *pid),
        package: patch.package.map(|package| text(&package.called())),
        file: patch.files.first().map(|file| text(&file.path)),
        running: patch.running(),
        installed: patch.package.map(|package| text(&package.version)),
        candidate: patch.candidate().map(text),
        security: patch.security,
        advisories: text(
            &patch.advisories.iter().map(|advisory| &*advisory.id).collect::<Vec<_>>().join(" "),
        ),
        root: text(&root(patch)),
    })
}

/// Says what could not be seen below a table, or beside a list of records; a document has it.
pub(crate) fn tell_gaps(gaps: &[&Gap], settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    for gap in gaps {
        let line = gaps::line(gap, settings.lang);
        match settings.format {
            _ if settings.verbosity == Verbosity::Quiet => {}
            Format::Table => out.sentences(&line)?,
            Format::Json => {}
            _ => eprintln!("{line}"),
        }
    }
    Ok(())
}
