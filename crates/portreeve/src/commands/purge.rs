//! `portreeve purge`: takes everything of portreeve's away, also what it knows, after asking (A20, A26).

use std::{
    fs,
    io::{self, BufRead as _, ErrorKind, IsTerminal as _, Read as _, Write as _},
    path::Path,
};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::{
    enforce::reserved::{Reason, Reserved, ReservedError, every_reason},
    network::{Network, network},
    root, schedule, watching,
};

use super::{Command, off, plan::sessions_arguments, watch};
use crate::{
    clients::{self, reservation},
    directories::{self, RUN, SYSTEM},
    exit::Exit,
    failure::{Failure, io_cause},
    settings::{Settings, Verbosity, options},
    show::out::Out,
    units,
};

const YES: &str = "yes";
/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64;

/// `purge`.
pub(super) const COMMAND: Command = Command {
    name: "purge",
    about: Words {
        en: "Take everything of portreeve's away, also what it knows",
        ja: "portreeve の完全な撤去",
    },
    examples: &["portreeve purge"],
    takes: &[],
    arguments,
    run,
};

const FAILED: Words = Words { en: "nothing more was taken away", ja: "これ以上は取り除けません" };
const NOT_ASKED: Words = Words { en: "nothing was taken away", ja: "何も取り除いていません" };
const WHAT: Words = Words {
    en: "This takes away for good, and no undo brings it back:\n  out of the kernel: the gate, the guard, what is steered, pins, and what is kept from clients\n  what starts portreeve: portreeve-early.service, portreeve-boot.service, portreeve-watch.service and scheduled audits\n  what it knows: /var/lib/portreeve with the ledger and its copies, the receipts and the last audit; /run/portreeve\nThe policy in /etc/portreeve, ledgers elsewhere and the program stay.\n",
    ja: "次のものを完全に取り除きます(元に戻せません):\n  カーネル: ゲート、ガード、誘導、pin、クライアント用の範囲からの除外\n  起動時や定期実行の設定: portreeve-early.service、portreeve-boot.service、portreeve-watch.service と定期 audit\n  記録: /var/lib/portreeve(台帳とそのコピー、変更の記録、前回の audit)と /run/portreeve\n/etc/portreeve の policy、ほかの場所の台帳、プログラム本体は残ります。\n",
};
const QUESTION: Words =
    Words { en: "Type yes to go on: ", ja: "続けるには yes と入力してください: " };
const LEFT: Words = Words { en: "Nothing was taken away.", ja: "何も取り除いていません。" };
const GONE: Words = Words {
    en: "Nothing of portreeve's is left but its policy and its program.",
    ja: "policy とプログラム本体以外の、portreeve に関するものをすべて取り除きました。",
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let yes = Words { en: "Do not ask", ja: "確認せずに実行する" };
    let mut arguments = sessions_arguments(lang);
    arguments.push(options::flag(YES, yes, lang));
    arguments
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if !root::is_of_host() {
        return Err(units::not_root(NOT_ASKED));
    }
    refuse_elsewhere()?;
    if !own.get_flag(YES) && !is_meant(settings.lang)? {
        out.say(LEFT)?;
        return Ok(Exit::Found);
    }
    // That an undo brings it back is not so any more.
    let quiet = Settings { verbosity: Verbosity::Quiet, ..settings.clone() };
    off::everything(own, &quiet, out)?;
    schedule::take().map_err(|_| failed("portreeve-audit.timer", &ErrorKind::Other.into()))?;
    watching::disable().map_err(|_| failed(watching::SERVICE, &ErrorKind::Other.into()))?;
    watch::enable::forget(FAILED)?;
    give_back().map_err(|error| Failure::new(Exit::Unreachable, FAILED).because(clients::why(&error)))?;
    for folder in [RUN, SYSTEM] {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(folder, &error)),
            _ => {}
        }
    }
    out.changed();
    if settings.verbosity != Verbosity::Quiet {
        out.say(GONE)?;
    }
    Ok(Exit::Fine)
}

/// What somebody keeps in a folder of his own he removes himself; and of the host's what is in the kernel only the host's own network
/// namespace shows.
fn refuse_elsewhere() -> Result<(), Failure> {
    if network() != Network::Host {
        return Err(Failure::usage(NOT_ASKED)
            .because(Words {
                en: "this network namespace is not the host's own",
                ja: "ここはホスト自身のネットワーク名前空間ではありません",
            })
            .hint(text!(
                "what is in this one's kernel: portreeve off",
                "この名前空間のものだけを取り除く場合: portreeve off"
            )));
    }
    if directories::state().as_deref() == Some(Path::new(SYSTEM)) {
        return Ok(());
    }
    Err(Failure::usage(NOT_ASKED)
        .because(Words {
            en: "PORTREEVE_STATE names another folder, which is yours to remove",
            ja: "PORTREEVE_STATE が別のディレクトリを指しています。そこは手動で削除してください",
        })
        .hint(text!("leave it out: unset PORTREEVE_STATE", "解除してください: unset PORTREEVE_STATE")))
}

/// Whether somebody at a terminal says so.
fn is_meant(lang: Lang) -> Result<bool, Failure> {
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        return Err(Failure::usage(NOT_ASKED)
            .because(Words { en: "nobody can be asked here", ja: "確認できる端末がありません" })
            .hint(text!("portreeve purge --yes", "portreeve purge --yes")));
    }
    let mut terminal = io::stderr().lock();
    let asked = write!(terminal, "{}{}", WHAT.in_lang(lang), QUESTION.in_lang(lang));
    let mut answer = String::new();
    let read = asked.and_then(|()| io::stdin().lock().take(ANSWER_BYTES_MAX).read_line(&mut answer));
    // Who says nothing that can be read does not say yes.
    Ok(read.is_ok() && answer.trim() == "yes")
}

/// What is kept from clients for whatever reason goes back to them.
fn give_back() -> Result<(), ReservedError> {
    let lasting = directories::reserved();
    let forget = |reason: Reason| {
        let reserved = Reserved::open(lasting.as_deref())?;
        let change = reservation(&reserved, &reason, &[]);
        reserved.forget(&reason, &change)
    };
    every_reason(lasting.as_deref()).into_iter().try_for_each(forget)
}

fn failed(what: &str, error: &io::Error) -> Failure {
    let Text { en, ja } = io_cause(error);
    Failure::new(Exit::Unreachable, FAILED)
        .because(text!("cannot remove {what}: {en}", "{what} を削除できません: {ja}"))
        .hint(text!(
            "what is left goes with another run: portreeve purge",
            "残りを取り除くには、もう一度実行してください: portreeve purge"
        ))
}
