//! `portreeve ledger import FILE`: claims of another ledger, all of them or none (A24, A25).

use std::{collections::BTreeMap, io, path::Path};

use portreeve_core::{
    ledger::{Book, Claim, ClaimId, Scope, Unmergeable, transfer},
    text,
    words::{Text, Words, inflect},
};

use super::{follow, sentence};
use crate::{
    exit::Exit,
    failure::{Failure, warn},
    ledger::{
        Opened, Unanswered,
        bring::{Brought, Stopped, bring, judge, take_back},
        failure,
        home::Home,
        sight,
    },
    read::{self, ReadError},
    settings::{Settings, Verbosity},
    show::{
        escape::{visible, visible_text},
        out::Out,
    },
    store::{Store, StoreError},
};

/// Bytes of a text with claims: as many claims as a ledger has, with room.
const BYTES_MAX: usize = 256 << 20;
const FAILED: Words = Words { en: "nothing was imported", ja: "取り込めません" };
const HALF: Words = Words {
    en: "not all of it was imported, and what was could not be taken back",
    ja: "一部だけが取り込まれ、取り消せませんでした",
};

const EXPORT: Words = Words {
    en: "portreeve ledger export > FILE writes one; - is standard input",
    ja: "portreeve ledger export > FILE で出力したファイルか、-(標準入力)を指定してください",
};

/// Claims, with the scope that the ledger is opened for.
type Part = (Scope, Vec<Claim>);

/// Brings the claims of a file.
///
/// # Errors
///
/// It is no such file; a claim clashes; or the ledger is not to be had.
pub(super) fn run(file: &str, home: &Home, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let claims = transfer::claims(&bytes(file)?).map_err(|error| no_transfer(&error))?;
    refuse_unobeyed(&claims, home)?;
    let parts = parts(claims, home);
    let now = sight::now()?;
    let look = sight::look(settings)?;
    let world = look.world();
    let _turn = home.turn().map_err(|error| failure::store(&error, FAILED))?;
    let mut seen = sight::seen(&world, home, &Book::default());
    seen.elsewhere = home.claimed_by_others().iter().map(|other| other.ports).collect();
    for (scope, claims) in &parts {
        judge(&mut open(home, scope)?, claims, &mut seen, &now).map_err(|stopped| refused(&stopped, home))?;
    }
    let mut brought: Vec<Brought> = Vec::new();
    for (scope, claims) in &parts {
        let mut came = Brought::default();
        let mut store = open(home, scope)?;
        let at_once = at_once(&store);
        let stopped = bring(&mut store, claims, at_once, (&mut seen, &now), &mut came);
        failure::tell_uncopied(&mut store, settings.lang);
        brought.push(came);
        if let Err(stopped) = stopped {
            drop(store);
            return Err(undone(&stopped, home, &parts, &brought));
        }
    }
    out.changed();
    tell(&brought, settings, out)?;
    follow(home, settings)?;
    Ok(Exit::Fine)
}

/// A number that a user has in a ledger of his own is anybody's on the host, and the other way round.
fn refuse_unobeyed(claims: &[Claim], home: &Home) -> Result<(), Failure> {
    let Some(claim) = claims.iter().find(|claim| !home.is_obeyed_within(&claim.scope)) else { return Ok(()) };
    let (own, other, name) = (&home.scope, &claim.scope, &claim.name);
    let cause = text!(
        "nobody obeys a claim of {other} that stands in this ledger, which is of {own}: {name}",
        "この台帳({own})に {other} の申請を取り込んでも、適用されません: {name}"
    );
    let edit = format!("sed 's/\"{other}\"/\"{own}\"/' FILE | {}", home.command("ledger import -"));
    let hint = text!(
        "to claim them within {own} instead, and for all who obey it: {edit}",
        "{own} の申請として取り込む場合: {edit}"
    );
    Err(Failure::new(Exit::Taken, FAILED).because(visible_text(&cause)).hint(visible_text(&hint)))
}

fn open(home: &Home, scope: &Scope) -> Result<Opened, Failure> {
    home.open_within(scope).map_err(|error| failure::store(&error, FAILED))
}

/// How many claims `store` takes at once: in the place of each, one that ended may go.
fn at_once(store: &dyn Store) -> usize {
    store.changes_max() / 2
}

/// A file takes all of them; of etcd, each scope is opened for itself.
fn parts(claims: Vec<Claim>, home: &Home) -> Vec<Part> {
    if home.file().is_some() {
        return vec![(home.scope.clone(), claims)];
    }
    let mut scopes: BTreeMap<Scope, Vec<Claim>> = BTreeMap::new();
    for claim in claims {
        scopes.entry(claim.scope.clone()).or_default().push(claim);
    }
    scopes.into_iter().collect()
}

fn bytes(file: &str) -> Result<Vec<u8>, Failure> {
    let bytes = match file {
        "-" => read::bounded(io::stdin().lock(), BYTES_MAX),
        file => read::file(Path::new(file), BYTES_MAX),
    };
    bytes.map_err(|error| unread(file, &error))
}

fn unread(file: &str, error: &ReadError) -> Failure {
    let Text { en, ja } = error.text();
    Failure::usage(FAILED)
        .because(text!("cannot read {file}: {en}", "{file} を読めません: {ja}"))
        .hint(EXPORT)
}

fn no_transfer(error: &transfer::TransferError) -> Failure {
    let cause = visible_text(&error.text());
    match error.fault {
        transfer::TransferFault::Newer(_) => Failure::new(Exit::Refused, FAILED).because(cause).hint(Words {
            en: "use the portreeve that wrote it, or a newer one",
            ja: "新しい portreeve を使ってください",
        }),
        _ => Failure::usage(FAILED).because(cause).hint(EXPORT),
    }
}

fn refused(stopped: &Stopped, home: &Home) -> Failure {
    let why = match stopped {
        Stopped::Unanswered(error) => return failure::unanswered(error, FAILED),
        Stopped::Unmergeable(why) => why,
    };
    let shown = match why {
        Unmergeable::Refused(refusal) => failure::commands(refusal, home).into_iter().next(),
        Unmergeable::Clash { .. } => None,
    };
    let shown = shown.unwrap_or_else(|| home.command("claims"));
    let hint = text!(
        "nothing was changed; release one of them first: {shown} lists those that stand",
        "何も変更していません。先にどちらかを解放してください({shown} で登録済みの申請を確認)"
    );
    Failure::new(Exit::Taken, FAILED).because(visible_text(&why.why())).hint(visible_text(&hint))
}

/// Takes back what came; where that fails too, nobody is told that nothing was changed.
fn undone(stopped: &Stopped, home: &Home, parts: &[Part], brought: &[Brought]) -> Failure {
    let take = |scope: &Scope, ids: &[ClaimId]| -> Result<(), Unanswered> {
        let mut store = home.open_within(scope).map_err(|error: StoreError| Unanswered::from(error))?;
        let at_once = at_once(&store);
        take_back(&mut store, ids, at_once)
    };
    let taken = parts.iter().zip(brought).try_for_each(|((scope, _), came)| take(scope, &came.ids));
    match taken {
        Ok(()) => refused(stopped, home),
        Err(error) => failure::unanswered(&Unanswered::Undetermined, HALF).because(match error {
            Unanswered::Store(error) => failure::told(&error).1,
            other => crate::door::quoted(&other),
        }),
    }
}

fn tell(brought: &[Brought], settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let came: usize = brought.iter().map(|came| came.ids.len()).sum();
    let same: usize = brought.iter().map(|came| came.same).sum();
    for claim in brought.iter().flat_map(|came| &came.ended) {
        let claim = claim.told();
        let ended = text!(
            "note: left out, since it ended meanwhile: {claim}",
            "注意: 既に終了しているため取り込みませんでした: {claim}"
        );
        warn(&visible(ended.in_lang(settings.lang)));
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    let (en_claims, en_were) = (inflect(came, "claim was", "claims were"), inflect(same, "was", "were"));
    let told = text!(
        "{came} {en_claims} imported; {same} {en_were} there already.",
        "{came} 件の申請を取り込みました({same} 件は登録済み)。"
    );
    sentence(&told, out)
}
