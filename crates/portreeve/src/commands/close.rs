//! `portreeve close PORT…`: closes ports to everybody outside; `close --from ADDRESS`: keeps a source out (A16, A17).

mod halt;
mod last;
mod led;
mod port;
mod source;
mod verify;

use clap::{Arg, ArgAction, ArgMatches};
use portreeve_core::words::{Lang, Words};

pub(super) use self::source::{address, keep_out, whom};
use super::{Command, plan::sessions_arguments};
use crate::{
    exit::Exit,
    failure::Failure,
    settings::{Common, Settings, options},
    show::out::Out,
};

const PORT: &str = "port";
const FROM: &str = "from";
const FOR: &str = "for";
const STOP: &str = "stop";
const UNLISTEN: &str = "unlisten";

/// `close`.
pub(super) const COMMAND: Command = Command {
    name: "close",
    about: Words { en: "Close ports, or keep a source out", ja: "ポートの閉鎖、送信元の遮断" },
    examples: &[
        "portreeve close 8080/tcp",
        "portreeve close 6379/tcp --stop",
        "portreeve close --from 203.0.113.7 --for 2h",
    ],
    takes: &[Common::Policy],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let port = Words {
        en: "443, https, 443/udp, 30000-30009/tcp; a number alone is of every protocol",
        ja: "443、https、443/udp、30000-30009/tcp など(ポート番号だけなら全プロトコル)",
    };
    let from = Words {
        en: "An address; of IPv6 its whole network of 64 bits is kept out",
        ja: "アドレス(IPv6 では、それを含む /64 全体を遮断)",
    };
    let length = Words {
        en: "How long the source is kept out: 30m, 2h (default: for good)",
        ja: "送信元を遮断する時間: 30m、2h など(既定値: 無期限)",
    };
    let stop = Words {
        en: "Also stop who listens there: the unit, or its processes by SIGTERM",
        ja: "待ち受けているユニット(なければプロセスを SIGTERM で)も停止する",
    };
    let unlisten = Words {
        en: "Also take the listening sockets of TCP from their processes, which keep running",
        ja: "TCP の待ち受けソケットも閉じる(プロセスは動き続ける)",
    };
    let mut arguments = vec![
        Arg::new(PORT)
            .value_name("PORT")
            .num_args(1..)
            .action(ArgAction::Append)
            .required_unless_present(FROM)
            .conflicts_with(FROM)
            .help(port.in_lang(lang)),
        options::value(FROM, "ADDRESS", from, lang),
        options::value(FOR, "TIME", length, lang).value_parser(options::duration).conflicts_with(PORT),
        options::flag(STOP, stop, lang).conflicts_with_all([FROM, UNLISTEN]),
        options::flag(UNLISTEN, unlisten, lang).conflicts_with(FROM),
    ];
    arguments.extend(sessions_arguments(lang));
    arguments
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    match own.get_one::<String>(FROM) {
        Some(word) => source::run(word, own, settings, out),
        None => {
            let words: Vec<String> = own.get_many(PORT).into_iter().flatten().cloned().collect();
            port::run(&words, own, settings, out)
        }
    }
}
