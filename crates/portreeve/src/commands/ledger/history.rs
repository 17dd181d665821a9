//! `portreeve ledger history [NAME]`: who claimed or gave up what, and when (A25).
//!
//! `portreeve history` tells of the gate, which is root's and the host's alone; a ledger may be another file, or a user's.

use portreeve_core::{ledger::Name, text, words::Words};
use portreeve_host::passwd;

use super::none_yet;
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{failure, home::Home},
    settings::Settings,
    show::{
        out::Out,
        table::{Column, Fit, Table},
    },
    store::{CHANGED, CLAIMED, REMOVED, Sqlite},
};

const FAILED: Words =
    Words { en: "cannot tell what was claimed before", ja: "申請の記録を確認できません" };

const COLUMNS: [Column; 6] = [
    Column { head: Words { en: "WHEN", ja: "日時" }, fit: Fit::Whole },
    Column { head: Words { en: "WHAT", ja: "内容" }, fit: Fit::Whole },
    Column { head: Words { en: "NAME", ja: "名前" }, fit: Fit::Cut },
    Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole },
    Column { head: Words { en: "BY", ja: "実行者" }, fit: Fit::Cut },
    Column { head: Words { en: "REVISION", ja: "リビジョン" }, fit: Fit::Spare },
];

/// etcd has no history of what is kept in it.
fn unkept(home: &Home) -> Failure {
    let claims = home.command("claims");
    Failure::usage(FAILED).because(Words { en: "the ledger is in etcd", ja: "台帳は etcd にあります" }).hint(
        text!(
            "of etcd no history is kept; what stands: {claims}",
            "etcd の台帳には記録がありません。現在の申請: {claims}"
        ),
    )
}

/// Lists it, the newest last.
///
/// # Errors
///
/// The ledger is no file, or not to be had; the name is none.
pub(super) fn run(
    name: Option<&str>,
    home: &Home,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let path = home.file().ok_or_else(|| unkept(home))?;
    let name: Option<Name> =
        name.map(str::parse).transpose().map_err(|error| failure::misnamed(&error, FAILED))?;
    home.refuse_lost().map_err(|error| failure::store(&error, FAILED))?;
    if !Sqlite::was_made(path) {
        return none_yet(path, out);
    }
    let fail = |error| failure::store(&error, FAILED);
    let happened = Sqlite::open(path).map_err(fail)?.history(name.as_ref()).map_err(fail)?;
    if happened.is_empty() {
        out.say(Words { en: "Nothing is known.", ja: "記録はありません。" })?;
        return Ok(Exit::Fine);
    }
    let mut table = Table::new(&COLUMNS, 0);
    for it in happened {
        table.push::<6>([
            format!("{:.0}", it.at).into(),
            word(&it.what).map_or(it.what.as_str(), |words| words.in_lang(settings.lang)).into(),
            it.name.as_str().into(),
            it.spec.to_string().into(),
            passwd::name(it.uid).unwrap_or_else(|| it.uid.to_string()).into(),
            it.revision.to_string().into(),
        ]);
    }
    out.table(&table)?;
    Ok(Exit::Fine)
}

fn word(what: &str) -> Option<Words> {
    Some(match what {
        CLAIMED => Words { en: "claimed", ja: "申請" },
        CHANGED => Words { en: "changed", ja: "変更" },
        REMOVED => Words { en: "removed", ja: "解放" },
        _ => return None,
    })
}
