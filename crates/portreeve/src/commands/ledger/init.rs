//! `portreeve ledger init --new-ledger`: a new empty ledger where there was one that cannot be used any more (A25).

use std::path::Path;

use portreeve_core::{
    text,
    words::{Words, inflect},
};
use rustix::process::geteuid;

use super::{UNFOLLOWED, file, follow, sentence, shown};
use crate::{
    exit::Exit,
    failure::Failure,
    ledger::{
        Held, failure,
        home::{Home, Obeyed},
        kernel::{self, KeepError},
    },
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
        told(None, path, settings, out)?;
        return Ok(Exit::Fine);
    }
    let gone = home.given_up();
    if !gone.is_empty() && !geteuid().is_root() {
        return Err(roots(home));
    }
    if !gone.is_empty() {
        kernel::refuse_unwritable().map_err(|error| unwritable(&error))?;
    }
    let held = Held::of(home, &gone);
    match begin_anew(path).map_err(fail)? {
        Anew::Stands(book) if !book.is_empty() => return Err(stands(home, &shown(path), book.len())),
        Anew::Stands(_) => told(None, path, settings, out)?,
        Anew::Made(aside) => {
            out.changed();
            told(aside.as_deref(), path, settings, out)?;
        }
    }
    // Whoever asks again where this ends in the middle finds an empty one, and gives back what is kept yet.
    kernel::forget(gone).map_err(|error| unforgotten(&error, home))?;
    follow(home, settings)?;
    held.tell_given(out)?;
    if !held.is_nothing() && !geteuid().is_root() && home.obeyed == Obeyed::ByHost {
        sentence(&ROOT_GIVES_BACK.into(), out)?;
    }
    Ok(Exit::Fine)
}

const ROOT_GIVES_BACK: Words = Words {
    en: "What the one before had claimed is kept from clients until root gives it back: sudo portreeve claims --repair",
    ja: "以前の台帳の予約を解除できるのは root だけです: sudo portreeve claims --repair",
};

/// A user's own file in which root claimed.
fn roots(home: &Home) -> Failure {
    let init = home.command("ledger init --new-ledger");
    Failure::new(Exit::Unreachable, FAILED)
        .because(Words {
            en: "the kernel keeps what root claimed in it, which only root can give back",
            ja: "root の申請がカーネルに予約されており、解除できるのは root だけです",
        })
        .hint(text!("as root: sudo {init}", "root で実行してください: sudo {init}"))
}

/// What the one before had could not be given back.
fn unwritable(error: &KeepError) -> Failure {
    Failure::new(Exit::Unreachable, FAILED).because(kernel::why(error)).hint(Words {
        en: "nothing was changed; see that the kernel's list, /run/portreeve and /var/lib/portreeve can be written, and try again",
        ja: "何も変更していません。カーネルの予約リスト、/run/portreeve、/var/lib/portreeve に書き込めるようにして、もう一度実行してください",
    })
}

fn unforgotten(error: &KeepError, home: &Home) -> Failure {
    let init = home.command("ledger init --new-ledger");
    Failure::new(Exit::Unreachable, UNFOLLOWED)
        .because(kernel::why(error))
        .hint(text!("once that is mended: {init}", "問題を解決してから実行してください: {init}"))
}

fn told(aside: Option<&Path>, path: &Path, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    if settings.verbosity != Verbosity::Quiet {
        let path = shown(path);
        sentence(&text!("The ledger is {path}.", "台帳は {path} です。"), out)?;
    }
    if let Some(aside) = aside {
        let aside = shown(aside);
        let kept = text!("What was there is kept: {aside}", "元のファイルは保存してあります: {aside}");
        sentence(&kept, out)?;
    }
    Ok(())
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
