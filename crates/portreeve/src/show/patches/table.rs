//! What ports run and what waits for it, as a table.

use std::collections::BTreeSet;

use portreeve_core::{
    facts::{Code, CodeRoot, ExeState, KernelStanding, Kernels, ListsLack},
    patches::{Patch, Security, Waits, commands},
    port::PortSpec,
    text,
    words::{Lang, Text, Words, inflect},
    world::World,
};

use super::listed;
use crate::{
    failure::Failure,
    show::{
        age::ago,
        escape::visible,
        listeners::{NETNS, PORT, foreign},
        next,
        out::{Out, Paint},
        table::{Cell, Column, Fit, Table},
    },
};

/// Behind the port, and where one is not portreeve's own, its namespace.
const COLUMNS: &[Column] = &[
    Column { head: Words { en: "HOLDER", ja: "保持者" }, fit: Fit::Cut },
    Column { head: Words { en: "PACKAGE", ja: "パッケージ" }, fit: Fit::Cut },
    Column { head: Words { en: "RUNS", ja: "実行中のコード" }, fit: Fit::Whole },
    Column { head: Words { en: "INSTALLED", ja: "導入済み" }, fit: Fit::Spare },
    Column { head: Words { en: "WAITING", ja: "更新待ち" }, fit: Fit::Cut },
    Column { head: Words { en: "DO", ja: "対処" }, fit: Fit::Spare },
];
const NOTHING: &str = "–";
/// Where every command stands.
const ALL: &str = "portreeve patches -o json";
const NOBODY: Words = Words {
    en: "nobody whose code can be seen listens there",
    ja: "実行中のコードを確認できる待ち受けはありません",
};
const NOTHING_MAPPED: Words = Words {
    en: "none of these mappings is of a file whose code could run",
    ja: "実行可能なファイルのマッピングがありません",
};
const NO_FIX: Words = Words { en: "(no fix known here)", ja: "(修正版がこの環境の一覧にない)" };
const NO_PACKAGE: Words = Words { en: "no package", ja: "パッケージなし" };

/// What is told to a person.
pub(crate) struct Told<'a> {
    /// Whatever was asked for.
    pub(crate) patches: &'a [Patch<'a>],
    /// Whether those of which there is nothing to say are told too.
    pub(crate) is_all: bool,
    /// What was asked for beside these, and is no code that is known.
    pub(crate) unheard: &'a [String],
}

/// Prints the table, and what it rests on.
pub(crate) fn print(world: &World<'_>, told: &Told<'_>, out: &mut Out) -> Result<(), Failure> {
    let Told { patches, is_all, unheard } = *told;
    let shown: Vec<_> = patches.iter().filter(|patch| is_all || patch.needs_a_word()).collect();
    let table = table(world, &shown, out.lang);
    if !shown.is_empty() {
        out.table(&table)?;
    }
    let summary = match (patches.is_empty(), runs_here(world)) {
        (true, true) => NOBODY.into(),
        (true, false) => NOTHING_MAPPED.into(),
        (false, true) => summary(patches),
        (false, false) => summary_elsewhere(patches),
    };
    out.sentences(summary.in_lang(out.lang))?;
    if !unheard.is_empty() {
        out.sentences(unheard_at(unheard).in_lang(out.lang))?;
    }
    // It runs whoever listens: a newer one ends a question about a free port with 1 too.
    if let Some(kernel) = kernel(world) {
        out.sentences(kernel.in_lang(out.lang))?;
    }
    if patches.is_empty() {
        return Ok(());
    }
    out.sentences(data(world).in_lang(out.lang))?;
    if table.is_last_whole(out.lang, out.width) {
        return Ok(());
    }
    let typed: Vec<_> =
        commands(shown.iter().copied()).iter().map(|command| visible(command).into_owned()).collect();
    next::print_many(&typed, ALL, out)
}

fn unheard_at(ports: &[String]) -> Text {
    let ports = ports.join(" ");
    text!(
        "{ports}: nobody whose code can be seen listens there",
        "{ports}: 実行中のコードを確認できる待ち受けはありません"
    )
}

fn table(world: &World<'_>, patches: &[&Patch<'_>], lang: Lang) -> Table {
    let is_foreign = patches.iter().any(|patch| namespace(world, patch).is_some());
    let head = [PORT].into_iter().chain(is_foreign.then_some(NETNS));
    let columns: Vec<_> = head.chain(COLUMNS.iter().copied()).collect();
    let mut table = Table::new(&columns, 0);
    for (ports, patch) in folded(patches) {
        let mut cells: Vec<Cell> = vec![visible(&joined(&ports)).into_owned().as_str().into()];
        let namespace = || visible(&namespace(world, patch).unwrap_or_default()).into_owned();
        cells.extend(is_foreign.then(|| namespace().as_str().into()));
        cells.extend(row(world, patch, lang));
        table.push_row(cells);
    }
    table
}

/// The name of the network namespace, where it is not portreeve's own.
fn namespace(world: &World<'_>, patch: &Patch<'_>) -> Option<String> {
    patch.place.and_then(|(_, netns)| foreign(world, netns))
}

/// What one owner runs of one package is one row, however many its ports.
fn folded<'p, 'a>(patches: &[&'p Patch<'a>]) -> Vec<(Vec<PortSpec>, &'p Patch<'a>)> {
    let mut rows: Vec<(Vec<PortSpec>, &Patch<'_>)> = Vec::new();
    for patch in patches {
        let spec = patch.place.map(|(spec, _)| spec);
        let is_same = |(_, known): &&mut (Vec<PortSpec>, &'p Patch<'a>)| {
            let pids = |patch: &Patch<'_>| patch.holders.iter().map(|(pid, _)| *pid).collect::<Vec<_>>();
            known.files == patch.files
                && pids(known) == pids(patch)
                && known.place.map(|(spec, netns)| (spec.protocol, netns))
                    == patch.place.map(|(spec, netns)| (spec.protocol, netns))
        };
        match rows.iter_mut().find(is_same) {
            Some((ports, _)) => ports.extend(spec),
            None => rows.push((spec.into_iter().collect(), patch)),
        }
    }
    rows
}

fn row(world: &World<'_>, patch: &Patch<'_>, lang: Lang) -> [Cell; 6] {
    let installed = patch.package.map_or(NOTHING, |package| &package.version);
    let commands = patch.commands().join("; ");
    [
        holder(patch, lang).into(),
        package(world, patch, lang),
        runs(world, patch, lang),
        installed.into(),
        waiting(patch, lang),
        if commands.is_empty() { NOTHING.into() } else { commands.into() },
    ]
}

/// The package, and of another root than the host's whose it is: of a container the holder tells it.
fn package(world: &World<'_>, patch: &Patch<'_>, lang: Lang) -> Cell {
    let name = patch.package.map_or_else(|| bare(patch, lang), |package| package.called().into_owned());
    let root = patch.root.and_then(|root| root.name.as_deref()).filter(|_| runs_here(world));
    let is_told = |root: &str| patch.identity.container.is_some() && root.starts_with("container ");
    match root.filter(|root| !is_told(root)) {
        Some(root) => format!("{name} ({root})").into(),
        None => name.into(),
    }
}

/// `80,443/tcp`.
fn joined(ports: &[PortSpec]) -> String {
    let Some(first) = ports.first() else { return NOTHING.into() };
    let mut numbers: Vec<_> = ports.iter().map(|spec| spec.range.first).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    format!("{}/{}", numbers.join(","), first.protocol)
}

fn holder(patch: &Patch<'_>, lang: Lang) -> String {
    match patch.identity.unit.filter(|_| patch.identity.container.is_none()) {
        Some(unit) => unit.into(),
        None => patch.who.in_lang(lang).into(),
    }
}

/// A file of no package, with what its makers say of it.
fn bare(patch: &Patch<'_>, lang: Lang) -> String {
    let Some(file) = patch.files.first() else { return NO_PACKAGE.in_lang(lang).into() };
    let more = match patch.files.len() {
        0 | 1 => String::new(),
        count => format!(" +{}", count - 1),
    };
    let build = patch.files.iter().find_map(|file| file.build.as_ref());
    let build = build.map(|build| format!(" ({build})")).unwrap_or_default();
    format!("{}: {}{more}{build}", NO_PACKAGE.in_lang(lang), file.path)
}

fn runs(world: &World<'_>, patch: &Patch<'_>, lang: Lang) -> Cell {
    let since = patch.since().map(|since| ago(since, world.now));
    let said = match (patch.running(), since) {
        (ExeState::Same, _) => return text!("same", "同一").in_lang(lang).into(),
        (ExeState::Replaced, Some(Text { en, ja })) => text!("replaced {en}", "更新前({ja}に置き換え)"),
        (ExeState::Replaced, None) => text!("replaced", "更新前"),
        (ExeState::Deleted, _) => text!("deleted", "削除済み"),
        (ExeState::Memfd, _) => text!("in memory", "メモリー上"),
        (ExeState::Unknown, _) => text!("unknown", "不明"),
    };
    let paint = if patch.is_stale() { Paint::Yellow } else { Paint::Dim };
    Cell::painted(said.in_lang(lang), paint)
}

fn waiting(patch: &Patch<'_>, lang: Lang) -> Cell {
    let offer = patch.package.and_then(|package| package.offer.as_ref());
    let secure = offer.and_then(|offer| offer.security.as_deref());
    let version = patch.waiting().map(|(version, _)| version).or(secure).unwrap_or(NOTHING);
    let is_newest = patch.waiting().is_some_and(|(_, waits)| waits == Waits::Newest);
    let security = match patch.security {
        Security::Yes => Some(Words { en: "security", ja: "セキュリティ" }),
        Security::Unknown if patch.waiting().is_some() => Some(Words { en: "unknown", ja: "種別不明" }),
        Security::Unknown | Security::No => None,
    };
    let held = patch.package.is_some_and(|package| package.held && version != NOTHING);
    let notes = [
        security,
        is_newest.then_some(Words { en: "newest", ja: "最新" }),
        held.then_some(Words { en: "held", ja: "保留" }),
        patch.lacks_fix().then_some(NO_FIX),
    ];
    let notes = notes.into_iter().flatten().map(|note| note.in_lang(lang));
    let head = std::iter::once(version).chain(notes).collect::<Vec<_>>().join(" ");
    let named = patch.advisories.iter().map(|advisory| format!(" {}", advisory.id));
    let said = head.clone() + &named.collect::<String>();
    let cell = match patch.security {
        Security::Yes => Cell::painted(&said, Paint::Red),
        Security::Unknown | Security::No => said.into(),
    };
    cell.keeping(&head)
}

/// Ports by which code is old, and packages by what becomes of them: one package is behind many ports.
fn summary(patches: &[Patch<'_>]) -> Text {
    let stale = |listens: bool| {
        places(patches.iter().filter(|patch| patch.is_stale() && patch.place.is_some() == listens))
    };
    let (stale, silent) = (stale(true), stale(false));
    let secure = packages(patches.iter().filter(|patch| patch.security == Security::Yes));
    let fine = packages(patches.iter().filter(|patch| !patch.needs_a_word() && patch.is_newest()));
    let en_fine = inflect(fine, "package runs", "packages run");
    let Text { en: en_unsure, ja: ja_unsure } = unsure(patches);
    let Text { en: en_open, ja: ja_open } = open_holes(patches);
    let Text { en: en_silent, ja: ja_silent } = silent_processes(silent);
    if stale == 0 && secure == 0 {
        return text!(
            "no port runs old code, and no security update is known to wait for one; {fine} {en_fine} as installed and newest{en_unsure}{en_open}{en_silent}",
            "更新前のコードで動いているポートも、未適用と分かっているセキュリティ更新もありません。最新: {fine} パッケージ{ja_unsure}{ja_open}{ja_silent}"
        );
    }
    let en_stale = inflect(stale, "port runs", "ports run");
    let en_secure = inflect(secure, "package waits", "packages wait");
    text!(
        "{stale} {en_stale} old code, {secure} {en_secure} for a security update, {fine} {en_fine} as installed and newest{en_unsure}{en_open}{en_silent}",
        "更新前のコードで動作中: {stale} ポート、セキュリティ更新待ち: {secure} パッケージ、最新: {fine} パッケージ{ja_unsure}{ja_open}{ja_silent}"
    )
}

/// Of those who listen nowhere, which no port is behind.
fn silent_processes(count: usize) -> Text {
    let en = inflect(count, "process that listens nowhere runs", "processes that listen nowhere run");
    match count {
        0 => Text::default(),
        _ => text!("; {count} {en} old code", "。更新前のコードで動作中の、待ち受けのないプロセス: {count}"),
    }
}

/// Packages of which nothing tells what waits are not passed over.
fn unsure(patches: &[Patch<'_>]) -> Text {
    match packages(patches.iter().filter(|patch| !patch.needs_a_word() && !patch.is_newest())) {
        0 => Text::default(),
        count => {
            text!(", and of {count} it is not known what waits", "、更新の有無が不明: {count} パッケージ")
        }
    }
}

/// Packages with a hole that no advisory knows a version without.
fn open_holes(patches: &[Patch<'_>]) -> Text {
    let count = packages(patches.iter().filter(|patch| patch.has_open_hole()));
    let en = inflect(count, "package has a known hole", "packages have known holes");
    match count {
        0 => Text::default(),
        _ => {
            text!("; {count} {en} that no version mends yet", "、修正版のない脆弱性あり: {count} パッケージ")
        }
    }
}

/// Of a root that does not run here: what runs of it was compared with nothing.
fn summary_elsewhere(patches: &[Patch<'_>]) -> Text {
    let secure = packages(patches.iter().filter(|patch| patch.security == Security::Yes));
    let newest = packages(patches.iter().filter(|patch| patch.is_newest()));
    let en_secure = inflect(secure, "package waits", "packages wait");
    let en_newest = inflect(newest, "is", "are");
    let Text { en: en_open, ja: ja_open } = open_holes(patches);
    text!(
        "{secure} {en_secure} for a security update, {newest} {en_newest} the newest{en_open}; whether what runs is what is installed cannot be told of such a root",
        "セキュリティ更新待ち: {secure} パッケージ、最新: {newest} パッケージ{ja_open}。実行中のコードが導入済みのものと同じかどうかは、このルートでは判定できません"
    )
}

/// Whether it is a look at a host, and not at a root that does not run here.
const fn runs_here(world: &World<'_>) -> bool {
    !world.snapshot.host.kernel.is_empty()
}

/// A process that listens nowhere is a place of its own.
fn places<'p>(patches: impl Iterator<Item = &'p Patch<'p>>) -> usize {
    let place = |patch: &Patch<'_>| match patch.place {
        Some(place) => (Some(place), None),
        None => (None, patch.holders.first().map(|(pid, _)| *pid)),
    };
    patches.map(place).collect::<BTreeSet<_>>().len()
}

fn packages<'p>(patches: impl Iterator<Item = &'p Patch<'p>>) -> usize {
    let of_root = |patch: &'p Patch<'p>| {
        let package = patch.package?;
        Some((
            patch.root.and_then(|root| root.name.as_deref()),
            &*package.name,
            package.architecture.as_deref(),
        ))
    };
    patches.filter_map(of_root).collect::<BTreeSet<_>>().len()
}

fn kernel(world: &World<'_>) -> Option<Text> {
    let code = world.snapshot.code.as_ref()?;
    // Of a root that does not run nobody asks.
    if !runs_here(world) {
        return None;
    }
    let Some(kernels) = &code.kernel else {
        return Some(text!(
            "kernel: of no package here, so not compared",
            "カーネル: この環境のパッケージのものではないため比較しません"
        ));
    };
    let running = &kernels.running;
    Some(match kernels.standing() {
        KernelStanding::Older(newest) => {
            let (release, version) = (&newest.release, &newest.version);
            text!(
                "kernel: {running} runs, {release} ({version}) is installed: reboot",
                "カーネル: {running} で動作中、{release}({version})が導入済みです。再起動してください"
            )
        }
        KernelStanding::Newest => {
            text!("kernel: {running} is the newest installed", "カーネル: {running} は導入済みの中で最新です")
        }
        KernelStanding::Unknown => not_compared(kernels),
    })
}

fn not_compared(kernels: &Kernels) -> Text {
    let running = &kernels.running;
    let installed = kernels.newest().map(|newest| (&newest.release, &newest.version));
    let (release, version) = installed.unwrap_or((running, running));
    text!(
        "kernel: {running} runs, which is of no package here, so not compared with {release} ({version}), which is installed",
        "カーネル: {running} で動作中。この環境のパッケージのものではないため、導入済みの {release}({version})とは比較しません"
    )
}

fn data(world: &World<'_>) -> Text {
    let code = world.snapshot.code.as_ref();
    let Some(fetched) = code.and_then(listed).and_then(CodeRoot::lists_known) else {
        return without_lists(world);
    };
    let Text { en, ja } = ago(fetched, world.now);
    let Text { en: en_lack, ja: ja_lack } = without_security(code);
    if code.is_some_and(is_of_more) {
        return text!(
            "what waits on the host itself: by apt's lists, fetched {en}{en_lack}; portreeve fetches nothing",
            "ホスト自体の更新待ち: {ja}に取得された apt の一覧によります({ja_lack}portreeve は取得しません)"
        );
    }
    text!(
        "what waits: by apt's lists, fetched {en}{en_lack}; portreeve fetches nothing",
        "更新待ち: {ja}に取得された apt の一覧によります({ja_lack}portreeve は取得しません)"
    )
}

/// That nothing in these lists is told to be for security: of a distribution without such an archive that is no gap.
fn without_security(code: Option<&Code>) -> Text {
    match code.and_then(listed).and_then(|root| root.lists_lack) {
        Some(ListsLack::Security) => text!(
            ", none of them of an archive of security updates",
            "セキュリティ用アーカイブの一覧はありません。"
        ),
        Some(ListsLack::Part) | None => Text::default(),
    }
}

/// Whether packages run of a root beside the host's, of which its lists say nothing.
fn is_of_more(code: &Code) -> bool {
    code.host().is_some() && code.roots.iter().any(|root| root.name.is_some() && !root.packages.is_empty())
}

fn without_lists(world: &World<'_>) -> Text {
    if world.advised().is_some_and(|advised| !advised.is_empty()) {
        return text!(
            "what waits: by the advisories alone; portreeve fetches nothing",
            "更新待ち: アドバイザリだけで判定しています(portreeve は取得しません)"
        );
    }
    let code = world.snapshot.code.as_ref();
    if code.is_none_or(|code| code.roots.iter().all(|root| root.packages.is_empty())) {
        return text!(
            "what waits: not asked, as no package of what runs is known",
            "更新待ち: 実行中のコードのパッケージを特定できないため確認していません"
        );
    }
    text!("what waits: nothing tells", "更新待ち: 判定できるデータがありません")
}
