//! `portreeve ledger init --new-ledger`: a new empty ledger where there was one that cannot be used any more (A25).

use portreeve_core::{
    port::PortRange,
    text,
    words::{Text, Words, inflect},
};

use super::{file, follow, sentence, shown};
use crate::{
    clients,
    exit::Exit,
    failure::Failure,
    ledger::{failure, home::Home, kernel},
    settings::{Settings, Verbosity},
    show::out::Out,
    store::{Anew, Sqlite, begin_anew},
};

const FAILED: Words = Words { en: "no new ledger was made", ja: "新しい台帳を作成できません" };

/// Makes a ledger where there never was one, and with `is_new` also where there was.
///
/// # Errors
///
/// There is one that can be used, or there was one and this was not meant.
pub(super) fn run(is_new: bool, home: &Home, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let path = file(home, FAILED)?;
    let fail = |error| failure::store(&error, FAILED);
    if !is_new {
        // Where one was made, only the word for it makes another.
        home.refuse_lost().and_then(|()| Sqlite::open(path)).map_err(fail)?;
        return told(None, &[], path, settings, out);
    }
    let gone = home.given_up();
    let kept = kernel::kept_of(&gone);
    let give_back = || kernel::forget(gone.clone()).map_err(|error| kernel::why(&error));
    // Before it is made: where this is killed in between, whoever asks again makes it.
    match begin_anew(path, give_back).map_err(fail)? {
        Anew::Stands(book) if !book.is_empty() => Err(stands(home, &shown(path), book.len())),
        Anew::Stands(_) => {
            give_back().map_err(unkept)?;
            told(None, &kept, path, settings, out)
        }
        Anew::Kept(why) => Err(unkept(why)),
        Anew::Made(aside) => {
            out.changed();
            told(aside.as_deref(), &kept, path, settings, out)?;
            follow(home, settings)?;
            Ok(Exit::Fine)
        }
    }
}

fn unkept(why: Text) -> Failure {
    Failure::new(Exit::Unreachable, FAILED).because(why).hint(Words {
        en: "nothing was changed; see that the kernel's list, /run/portreeve and /var/lib/portreeve can be written, and try again",
        ja: "何も変更していません。カーネルの予約リスト、/run/portreeve、/var/lib/portreeve に書き込めるようにして、もう一度実行してください",
    })
}

fn told(
    aside: Option<&std::path::Path>,
    given: &[PortRange],
    path: &std::path::Path,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    if settings.verbosity != Verbosity::Quiet {
        let path = shown(path);
        sentence(&text!("The ledger is {path}.", "台帳は {path} です。"), out)?;
    }
    if let Some(aside) = aside {
        let aside = shown(aside);
        let kept = text!("What was there is kept: {aside}", "元のファイルは保存してあります: {aside}");
        sentence(&kept, out)?;
    }
    if !given.is_empty() {
        let numbers = clients::listed(given);
        let back = text!(
            "Given back to clients: {numbers}, which a ledger at this place had claimed; if that was moved, portreeve claims --repair --ledger FILE keeps them again.",
            "この場所の台帳で申請されていた {numbers} の予約を解除しました。その台帳を移動しただけの場合は、portreeve claims --repair --ledger FILE で予約し直せます。"
        );
        sentence(&back, out)?;
    }
    Ok(Exit::Fine)
}

fn stands(home: &Home, path: &str, count: usize) -> Failure {
    let release = home.command("release NAME");
    let en_claims = inflect(count, "claim", "claims");
    Failure::new(Exit::Refused, FAILED)
        .because(text!(
            "{path} is whole and has {count} {en_claims}",
            "{path} は正常で、{count} 件の申請があります"
        ))
        .hint(text!(
            "give them up one by one ({release}), or use another file: --ledger FILE",
            "{release} で 1 件ずつ解放するか、--ledger FILE で別のファイルを指定してください"
        ))
}
