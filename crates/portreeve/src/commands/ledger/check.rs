//! `portreeve ledger check`: whether the ledger is whole, what is wrong with it, and the command that mends it (A25).

use std::path::Path;

use portreeve_core::{
    ledger::{Book, Claim, Seen},
    port::PortRange,
    registry::Registry,
    shell, text,
    words::{Text, Words, inflect},
};

use super::{none_yet, sentence, shown};
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{failure, home::Home, know_processes, sight},
    settings::{Settings, Verbosity},
    show::{escape::visible, next, out::Out},
    store::{DayCopy, FAULTS_MAX, Fault, Sqlite, StoreError, check, copies, read_copy},
};

const FAILED: Words = Words { en: "cannot check the ledger", ja: "台帳を検査できません" };

/// Something that is wrong, and the command that mends it, where there is one.
type Wrong = (Text, Option<String>);

/// Checks the ledger.
///
/// # Errors
///
/// It cannot be looked at.
pub(super) fn run(home: &Home, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    home.refuse_lost().map_err(|error| failure::store(&error, FAILED))?;
    match home.file() {
        Some(path) if !Sqlite::was_made(path) => none_yet(path, out),
        Some(path) => of_file(path, home, settings, out),
        None => of_fleet(home, settings, out),
    }
}

fn of_file(path: &Path, home: &Home, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let checked = check(path).map_err(|error| failure::store(&error, FAILED))?;
    let listed = copies(path).unwrap_or_default();
    let of_faults = checked.faults.iter().map(|fault| wrong(fault, home, path, &listed));
    let all: Vec<Wrong> = of_faults.chain(clashes(&checked.book, home)?).collect();
    let (place, count, days) = (shown(path), checked.book.len(), listed.len());
    let revision = checked.book.revision();
    let (en_claims, en_days) = (inflect(count, "claim", "claims"), inflect(days, "day", "days"));
    let whole = text!(
        "{place} is whole: {count} {en_claims}, revision {revision}, copies of {days} {en_days}.",
        "{place} は正常です: 申請 {count} 件、リビジョン {revision}、コピー {days} 日分。"
    );
    tell(&all, &whole, settings, out)
}

/// Every key of the prefix is looked at; whether claims clash, as whoever asks here sees it.
fn of_fleet(home: &Home, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let fail = |error: StoreError| failure::store(&error, FAILED);
    let faults = home.check_fleet().map_err(fail)?;
    if !faults.is_empty() {
        let all: Vec<Wrong> = faults.iter().map(wrong_key).collect();
        return tell(&all, &Text::default(), settings, out);
    }
    let book = home.store().and_then(|mut store| store.load()).map_err(fail)?;
    let (count, revision) = (book.len(), book.revision());
    let en_claims = inflect(count, "claim", "claims");
    let whole = text!(
        "The ledger in etcd is whole: {count} {en_claims} of this host and the fleet, revision {revision}.",
        "etcd の台帳は正常です: このホストと fleet の申請 {count} 件、リビジョン {revision}。"
    );
    tell(&clashes(&book, home)?, &whole, settings, out)
}

/// What is kept there may be somebody else's: a person looks at it first.
fn wrong_key(error: &StoreError) -> Wrong {
    let command = match error {
        StoreError::Foreign { key, control, .. } => {
            Some(control.command(&format!("get {}", shell::quoted(&visible(key)))))
        }
        _ => None,
    };
    (failure::told(error).1, command)
}

fn tell(all: &[Wrong], whole: &Text, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if all.is_empty() {
        if settings.verbosity != Verbosity::Quiet {
            sentence(whole, out)?;
        }
        return Ok(Exit::Fine);
    }
    for (text, _) in all {
        sentence(text, out)?;
    }
    let mut commands: Vec<String> = Vec::new();
    for command in all.iter().filter_map(|(_, command)| command.clone()) {
        if !commands.contains(&command) {
            commands.push(command);
        }
    }
    next::print(&commands, out)?;
    Ok(Exit::Refused)
}

fn wrong(fault: &Fault, home: &Home, path: &Path, copies: &[DayCopy]) -> Wrong {
    let place = shown(path);
    let put_back = || Some(put_back(home, path, copies));
    match fault {
        Fault::Whole(
            error @ (StoreError::Newer { .. } | StoreError::NoLedger { .. } | StoreError::OtherNames { .. }),
        ) => {
            let (_, Text { en, ja }, hint) = failure::told(error);
            let (en_hint, ja_hint) = (hint.en, hint.ja);
            (text!("{en}: {en_hint}", "{ja}: {ja_hint}"), None)
        }
        Fault::Whole(error) => (failure::told(error).1, put_back()),
        Fault::Part(part) => {
            let part = visible(part);
            (text!("{place} is damaged: {part}", "{place} は破損しています: {part}"), put_back())
        }
        Fault::Twice(name) => {
            let name = visible(name);
            let text = text!(
                "{place}, table claim: {name} has more than one claim",
                "{place} の表 claim: {name} の申請が複数あります"
            );
            (text, put_back())
        }
        Fault::Row { id, why } => {
            let (id, why) = (visible(id), visible(why));
            let text = text!(
                "{place}, table claim, row `{id}`: it is no claim: {why}",
                "{place} の表 claim、行 `{id}`: 申請として読み取れません: {why}"
            );
            (text, put_back())
        }
        Fault::Ahead(claim) => {
            let (name, revision) = (&claim.name, claim.revision);
            let text = text!(
                "{place}: the claim {name} has revision {revision}, which the ledger has not reached",
                "{place}: 申請 {name} のリビジョン {revision} が、台帳のリビジョンを超えています"
            );
            (text, put_back())
        }
        Fault::Unmarked => {
            let text = text!(
                "{place}: nothing beside it says that it was made, so that nobody would miss it",
                "{place}: 作成済みの印のファイルがないため、台帳が失われても検出できません"
            );
            (text, Some(home.command("claims")))
        }
    }
}

/// The newest copy that is whole takes its place; where there is none, a new ledger does.
pub(super) fn put_back(home: &Home, path: &Path, copies: &[DayCopy]) -> String {
    let newest = copies.iter().rev().find(|copy| read_copy(path, &copy.path).is_ok());
    match newest.and_then(|copy| copy.path.file_name()) {
        Some(name) => home.command(&format!("ledger restore {}", shell::quoted(&name.to_string_lossy()))),
        None => home.command("ledger init --new-ledger"),
    }
}

/// Live claims that overlap: of two, the later one is to go.
fn clashes(book: &Book, home: &Home) -> Result<Vec<Wrong>, Failure> {
    let now = sight::now()?;
    let mut seen = Seen::new(home.machine.clone(), PortRange::UNTOLD, Registry::builtin());
    seen.scope = home.scope.clone();
    know_processes(&mut seen, book);
    let clashes = book.clashes(&seen, &now, FAULTS_MAX);
    Ok(clashes.into_iter().map(|(one, other)| clash(one, other, home)).collect())
}

fn clash(one: &Claim, other: &Claim, home: &Home) -> Wrong {
    let later = if one.since > other.since { one } else { other };
    let (first, second) = (one.told(), other.told());
    let text = text!("{first} and {second} clash", "{first} と {second} が競合しています");
    (text, Some(home.asked_by(&later.release())))
}
