//! `portreeve snapshot`: saves what is true now, to be judged later or elsewhere (A17, A20).

mod redact;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    port::PortRange,
    words::{Lang, Words},
};
use portreeve_host::{
    Wanted,
    observe::{Connections, Firewall, Origins},
};

use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    look,
    settings::{Common, Settings, options},
    show::out::Out,
};

/// Whoever reads a saved host may ask `why` of any of its ports.
const EVERY_PORT: PortRange = PortRange { first: 0, last: u16::MAX };

/// `snapshot`.
pub(super) const COMMAND: Command = Command {
    name: "snapshot",
    about: Words { en: "What is true now? Saved as JSON", ja: "現在の状態の保存(JSON)" },
    examples: &["portreeve snapshot > host.json", "portreeve snapshot -a --redact > report.json"],
    takes: &[Common::Snapshot],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let all = Words {
        en: "Connections and sockets without ports too",
        ja: "接続とポートのないソケットも含める",
    };
    let redact = Words {
        en: "Take out what may be secret: arguments of command lines, home directories, comments of firewall rules",
        ja: "秘密を含みうるもの(コマンドラインの引数、ホームディレクトリ、ファイアウォールのルールのコメント)を取り除く",
    };
    vec![options::flag("all", all, lang).short('a'), options::flag("redact", redact, lang)]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let connections = if own.get_flag("all") { Connections::List } else { Connections::Count };
    let wanted = Wanted {
        connections,
        origins: Origins::Tell(EVERY_PORT),
        firewall: Firewall::Whole,
        ..Wanted::JUDGEMENT
    };
    let mut snapshot = look::take_snapshot(settings, &wanted)?;
    if own.get_flag("redact") {
        redact::redact(&mut snapshot);
    }
    out.json_rows(&snapshot)?;
    Ok(Exit::Fine)
}
