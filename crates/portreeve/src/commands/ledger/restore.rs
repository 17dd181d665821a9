//! `portreeve ledger restore [COPY]`: the copies of the ledger, and one of them put back in its place (A25).

use std::path::{Path, PathBuf};

use portreeve_core::{
    ledger::Claim,
    shell, text,
    words::{Text, Words, inflect},
};

use super::{check, file, follow, forget, sentence, shown};
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{Held, failure, home::Home, kernel},
    settings::{Settings, Verbosity},
    show::{
        next,
        out::Out,
        table::{Cell, Column, Fit, Table},
    },
    store::{Restored, StoreError, copies, read_copy, restore},
};

const FAILED: Words =
    Words { en: "no copy of the ledger was put back", ja: "台帳をコピーから復元できません" };
const UNLISTED: Words =
    Words { en: "cannot list the copies of the ledger", ja: "台帳のコピーを一覧できません" };

const COLUMNS: [Column; 3] = [
    Column { head: Words { en: "COPY", ja: "コピー" }, fit: Fit::Whole },
    Column { head: Words { en: "CLAIMS", ja: "申請" }, fit: Fit::Whole },
    Column { head: Words { en: "REVISION", ja: "リビジョン" }, fit: Fit::Whole },
];

/// Lists the copies, each with what is in it.
///
/// # Errors
///
/// The ledger is no file, or its folder cannot be listed.
pub(super) fn list(home: &Home, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let path = file(home, UNLISTED)?;
    refuse_away(path, home).map_err(|error| failure::store(&error, UNLISTED))?;
    let listed = match copies(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        listed => listed
            .map_err(|source| failure::store(&StoreError::Beside { path: path.into(), source }, UNLISTED))?,
    };
    if listed.is_empty() {
        let place = shown(path);
        sentence(&text!("There is no copy of {place}.", "{place} のコピーはありません。"), out)?;
        return Ok(Exit::Fine);
    }
    let mut table = Table::new(&COLUMNS, 0);
    for copy in &listed {
        let name = copy.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let cells = match read_copy(path, &copy.path) {
            Ok(book) => [Cell::from(book.len().to_string()), Cell::from(book.revision().to_string())],
            Err(error) => [Cell::from(failure::told(&error).1.in_lang(settings.lang)), Cell::default()],
        };
        let [claims, revision] = cells;
        table.push::<3>([name.into(), claims, revision]);
    }
    out.table(&table)?;
    if settings.verbosity != Verbosity::Quiet && listed.iter().any(|copy| read_copy(path, &copy.path).is_ok())
    {
        next::print(&[check::put_back(home, path, &listed)], out)?;
    }
    Ok(Exit::Fine)
}

/// Puts `copy` back.
///
/// # Errors
///
/// It is no copy of this ledger, or damaged; somebody uses the ledger; or the system refuses.
pub(super) fn run(copy: &str, home: &Home, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let path = file(home, FAILED)?;
    refuse_away(path, home).map_err(|error| failure::store(&error, FAILED))?;
    let copy = named(path, copy);
    let former = kernel::former(home);
    let held = Held::of(home, &former);
    let restored = restore(path, &copy).map_err(|error| unrestored(&error, path, &copy, home))?;
    out.changed();
    tell(&copy, &restored, home, settings, out)?;
    // First: what stays claimed is never given back in between.
    follow(home, settings)?;
    forget(former, home, settings);
    held.tell_given(out)?;
    Ok(Exit::Fine)
}

/// Where something is wrong with the copy, and not with the ledger, others of it may do.
fn unrestored(error: &StoreError, path: &Path, copy: &Path, home: &Home) -> Failure {
    let failure = failure::store(error, FAILED);
    match error {
        StoreError::NoCopy { .. } => failure.because(there_are(path)).hint(listing(home)),
        StoreError::Damaged { path: wrong, .. }
        | StoreError::Another { path: wrong }
        | StoreError::Failed { path: wrong, .. }
            if wrong == copy =>
        {
            failure.hint(listing(home))
        }
        _ => failure,
    }
}

/// Refuses where not even the ledger's folder is there, and the kernel keeps what it claimed.
fn refuse_away(path: &Path, home: &Home) -> Result<(), StoreError> {
    if path.parent().is_some_and(Path::exists) { Ok(()) } else { home.refuse_lost() }
}

/// A word without a slash is a file beside the ledger, where there is one of that name.
fn named(path: &Path, copy: &str) -> PathBuf {
    let beside = path.with_file_name(copy);
    if !copy.contains('/') && beside.exists() { beside } else { copy.into() }
}

/// The copies that there are, by name.
fn there_are(path: &Path) -> Text {
    let listed = copies(path).unwrap_or_default();
    let names = listed.iter().filter_map(|copy| copy.path.file_name()).map(|name| name.to_string_lossy());
    match names.collect::<Vec<_>>().join(" ") {
        names if names.is_empty() => text!("there is no copy at all", "コピーは 1 つもありません"),
        names => text!("there are: {names}", "あるのは次のコピーです: {names}"),
    }
}

/// What lists them, of this very ledger.
fn listing(home: &Home) -> Text {
    let list = home.command("ledger restore");
    text!(
        "nothing was changed; what is in each of them: {list}",
        "何も変更していません。それぞれの内容は次のコマンドで確認できます: {list}"
    )
}

fn tell(
    copy: &Path,
    restored: &Restored,
    home: &Home,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let (copy, count, revision) = (shown(copy), restored.book.len(), restored.book.revision());
    if settings.verbosity != Verbosity::Quiet {
        let en_claims = inflect(count, "claim", "claims");
        let put = text!(
            "{copy} is the ledger now: {count} {en_claims}, revision {revision}.",
            "{copy} から台帳を復元しました: 申請 {count} 件、リビジョン {revision}。"
        );
        sentence(&put, out)?;
    }
    let Some(aside) = &restored.aside else { return Ok(()) };
    let place = shown(aside);
    sentence(&text!("What was there is kept: {place}", "元のファイルは保存してあります: {place}"), out)?;
    for text in lost(restored) {
        sentence(&text, out)?;
    }
    // What changed meanwhile would clash with what it was.
    let is_gone = |claim: &Claim| restored.book.claim(claim.id).is_none();
    if !restored.missing.is_empty() && restored.missing.iter().all(is_gone) {
        let aside = shell::quoted(&aside.display().to_string());
        let import = home.command("ledger import -");
        next::print(&[format!("portreeve ledger export --ledger {aside} | {import}")], out)?;
    }
    Ok(())
}

/// What was claimed and is not any more.
fn lost(restored: &Restored) -> Vec<Text> {
    if !restored.was_readable {
        return vec![text!(
            "It cannot be read, so that nobody can tell which of its claims are missing now.",
            "読み取れないため、失われた申請があるかは確認できません。"
        )];
    }
    let missing = restored.missing.iter().map(|claim| {
        let claim = claim.told();
        text!("missing, or not as it was: {claim}", "失われたか、以前と異なる申請: {claim}")
    });
    missing.collect()
}
