//! `portreeve ledger`: looks after the ledger itself, where claims are kept (A25).

mod check;
mod export;
mod history;
mod import;
mod init;
mod restore;

use std::path::Path;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::enforce::reserved::OtherLedger;
use rustix::process::geteuid;

use super::Command;
use crate::{
    exit::Exit,
    failure::{Failure, warn},
    ledger::{
        failure::{self, shown},
        home::{self, Home, Obeyed},
        kernel::{self, Kept},
        sight, twice,
    },
    settings::{Common, Settings, options},
    show::{claim as show, escape::visible, out::Out},
    store::{Store, StoreError},
};

const ACTION: &str = "action";
const CHECK: &str = "check";
const RESTORE: &str = "restore";
const INIT: &str = "init";
const EXPORT: &str = "export";
const IMPORT: &str = "import";
const HISTORY: &str = "history";
const WHAT: &str = "what";
const NEW_LEDGER: &str = "new-ledger";

/// `ledger`.
pub(super) const COMMAND: Command = Command {
    name: "ledger",
    about: Words {
        en: "Check, restore, move or begin the ledger of claims",
        ja: "申請台帳の検査、復元、移行、作成",
    },
    examples: &[
        "portreeve ledger check",
        "portreeve ledger restore",
        "portreeve ledger history web",
        "portreeve ledger export > claims.ndjson",
        "portreeve ledger import claims.ndjson",
    ],
    takes: &[Common::Policy],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let action = Words {
        en: "check: is it whole; restore: the copies, or put COPY back; history: who changed what; export: all claims as NDJSON; import: those of FILE; init: begin one",
        ja: "check: 検査、restore: コピーの一覧または COPY からの復元、history: 変更の記録、export: 全申請の NDJSON 出力、import: FILE の取り込み、init: 作成",
    };
    let what = Words {
        en: "Of restore a copy, of import a file (-: standard input), of history a name",
        ja: "restore ではコピー、import ではファイル(- は標準入力)、history では申請の名前",
    };
    let new = Words {
        en: "Begin a new empty ledger although there was one; what is left of it is kept",
        ja: "以前の台帳があっても新しい空の台帳を作成する(残っているファイルは保存する)",
    };
    vec![
        Arg::new(ACTION)
            .value_name("check|restore|history|export|import|init")
            .value_parser([CHECK, RESTORE, HISTORY, EXPORT, IMPORT, INIT])
            .hide_possible_values(true)
            .default_value(CHECK)
            .hide_default_value(true)
            .help(action.in_lang(lang)),
        Arg::new(WHAT).value_name("COPY|FILE|NAME").required_if_eq(ACTION, IMPORT).help(what.in_lang(lang)),
        options::flag(NEW_LEDGER, new, lang),
        home::argument(lang),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let home = Home::of(own, settings)?;
    let action = own.get_one::<String>(ACTION).map_or(CHECK, String::as_str);
    let what = own.get_one::<String>(WHAT).map(String::as_str);
    let is_new = own.get_flag(NEW_LEDGER);
    if is_new && action != INIT {
        return Err(only(Words {
            en: "only init takes --new-ledger",
            ja: "--new-ledger を指定できるのは init だけです",
        }));
    }
    match (action, what) {
        (RESTORE, None) => restore::list(&home, settings, out),
        (RESTORE, Some(copy)) => restore::run(copy, &home, settings, out),
        (HISTORY, name) => history::run(name, &home, settings, out),
        (IMPORT, Some(file)) => import::run(file, &home, settings, out),
        (_, Some(_)) => Err(only(Words {
            en: "only restore, import and history take another word",
            ja: "引数を続けて指定できるのは restore、import、history だけです",
        })
        .hint(Words {
            en: "another ledger is named by --ledger FILE",
            ja: "別の台帳は --ledger FILE で指定してください",
        })),
        (INIT, None) => init::run(is_new, &home, settings, out),
        (EXPORT, None) => export::run(&home, out),
        _ => check::run(&home, settings, out),
    }
}

fn only(why: Words) -> Failure {
    Failure::usage(why)
}

/// The file of the ledger, where it is one.
///
/// # Errors
///
/// It is in etcd, which looks after it in its own way.
fn file(home: &Home, what: Words) -> Result<&Path, Failure> {
    home.file().ok_or_else(|| {
        Failure::usage(what)
            .because(Words { en: "the ledger is in etcd", ja: "台帳は etcd にあります" })
            .hint(Words {
                en: "etcd keeps and restores copies of its own: etcdctl snapshot save FILE",
                ja: "コピーの保存と復元は etcd 側で行ってください: etcdctl snapshot save FILE",
            })
    })
}

const UNFOLLOWED: Words = Words {
    en: "the ledger was changed, and the kernel does not follow it yet",
    ja: "台帳は変更しましたが、カーネルにまだ反映されていません",
};

/// Has the kernel follow the ledger, which is no longer what it was.
fn follow(home: &Home, settings: &Settings) -> Result<(), Failure> {
    let now = sight::now()?;
    let look = sight::look(settings)?;
    let world = look.world();
    // What the store says would be that nothing was changed.
    let unfollowed = |why: Text| {
        let repair = home.command("claims --repair");
        Failure::new(Exit::Unreachable, UNFOLLOWED)
            .because(why)
            .hint(text!("once that is mended: {repair}", "問題を解決してから実行してください: {repair}"))
    };
    let why = |error: StoreError| unfollowed(failure::told(&error).1);
    let mut ledger = home.open().map_err(why)?;
    let book = ledger.load().map_err(why)?;
    let mut seen = sight::seen(&world, home, &book);
    if let Kept::Unreserved(why) = kernel::keep(&home.scope, &mut ledger, &book, home, &mut seen, &now) {
        if home.obeyed == Obeyed::ByHost && geteuid().is_root() {
            return Err(unfollowed(why));
        }
        // By design nobody else obeys a user's own, and a member cannot tell the kernel; of nothing there is nothing to say.
        if !book.is_empty() {
            warn(&visible(show::unreserved(&why).in_lang(settings.lang)));
        }
    }
    twice::tell(&book, home, &seen, &now, settings.lang);
    Ok(())
}

/// Has the kernel give back what it kept for `former` ledgers at the place of `home`, which another file has taken.
fn forget(mut former: Vec<OtherLedger>, home: &Home, settings: &Settings) {
    let own = home.reason();
    former.retain(|former| own.other_ledger() != Some(former));
    if let Err(error) = kernel::forget(former) {
        warn(&visible(show::unreserved(&kernel::why(&error)).in_lang(settings.lang)));
    }
}

/// A sentence on a line of its own.
fn sentence(text: &Text, out: &mut Out) -> Result<(), Failure> {
    let lang = out.lang;
    out.sentences(text.in_lang(lang))
}

/// There is none yet, and nothing is wrong with that.
fn none_yet(path: &Path, out: &mut Out) -> Result<Exit, Failure> {
    let path = shown(path);
    let none = text!(
        "There is no ledger at {path} yet; the first claim makes one.",
        "{path} に台帳はまだありません。最初の申請で作成されます。"
    );
    sentence(&none, out)?;
    Ok(Exit::Fine)
}
