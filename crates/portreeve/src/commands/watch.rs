//! `portreeve watch`: who is probing us, as it happens (A14, A16, A19).

mod binds;
pub(crate) mod blocked;
mod deeds;
pub(super) mod enable;
mod file;
pub(crate) mod followed;
mod kept;
mod kept_out;
pub(crate) mod lapse;
mod lines;
mod local;
mod packets;
pub(crate) mod pen;
pub(crate) mod pulse;
pub(crate) mod react;
mod saved;
pub(crate) mod sight;
pub(crate) mod status;
pub(crate) mod told;
pub(crate) mod traces;
mod usual;

use std::{
    net::IpAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::{Arg, ArgAction, ArgMatches, value_parser};
use portreeve_core::words::{Lang, Words};
use portreeve_host::events::probing::Lasting;

use self::sight::{Heard, Sight};
use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    settings::{Common, Format, Settings, options},
    show::{out::Out, watch as show},
    stop::{Stop, Woken},
};

const ACTION: &str = "action";
const LIST: &str = "list";
const STATUS: &str = "status";
const BLOCK: &str = "block";
const FORGIVE: &str = "forgive";
const ENABLE: &str = "enable";
const DISABLE: &str = "disable";
const ADDRESS: &str = "address";
const FOR: &str = "for";
const READ: &str = "read";
const RESUME: &str = "resume";
const LOCAL: &str = "local";
/// So soon somebody hears that the host has changed, or that nobody reads.
const NAP: Duration = Duration::from_secs(1);

/// `watch`.
pub(super) const COMMAND: Command = Command {
    name: "watch",
    about: Words { en: "Who is probing us?", ja: "ポートを探っている相手" },
    examples: &[
        "portreeve watch",
        "portreeve watch --for 60s -o ndjson",
        "portreeve watch --read /var/log/auth.log",
        "portreeve watch status",
        "portreeve watch --read capture.pcapng --local 192.0.2.1",
        "portreeve watch forgive 203.0.113.7",
        "portreeve watch enable",
    ],
    takes: &[Common::Output(&[Format::Table, Format::Ndjson]), Common::Policy],
    arguments,
    run,
};

const UNNAMED: Words = Words {
    en: "only block and forgive take an address",
    ja: "アドレスは block、forgive と併用します",
};
const LISTED: Words = Words { en: "portreeve watch list", ja: "portreeve watch list" };
const UNADDRESSED: Words = Words { en: "whom?", ja: "アドレスが必要です" };
const ADDRESSED: Words = Words {
    en: "such as: portreeve watch forgive 203.0.113.7",
    ja: "例: portreeve watch forgive 203.0.113.7",
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let action = Words {
        en: "status: whether somebody watches, and how that goes; list: who is kept out, and why; block: keep a source out; forgive: let one in again; enable, disable: watch as long as the host runs, or no more (default: watch)",
        ja: "status: 監視の動作状況を表示、list: 遮断中の送信元と理由を表示、block: 送信元を遮断、forgive: 遮断を解除、enable、disable: 常時監視を設定、解除(省略すると監視)",
    };
    let address = Words {
        en: "Of block and forgive: an address; of IPv6 its whole network of 64 bits",
        ja: "block、forgive と併用: アドレス(IPv6 では、それを含む /64 全体)",
    };
    let time = Words {
        en: "So long (default: until it is stopped; a block: for good)",
        ja: "監視または遮断する時間(既定値: 停止するまで。block では無期限)",
    };
    let saved = Words {
        en: "Judge saved logs and captures (pcap, pcapng) instead, as they were written (-: standard input)",
        ja: "保存されたログとキャプチャー(pcap、pcapng)を、記録された時刻に従って判定する(-: 標準入力)",
    };
    let local = Words {
        en: "With a capture: the addresses of the host that it is of (default: those of this host)",
        ja: "キャプチャーと併用: 対象となるホストのアドレス(既定値: このホストのアドレス)",
    };
    let resume = Words {
        en: "Go on where the watch before ended, and have what the kernel remembers stay for the next (as portreeve-watch.service does)",
        ja: "前回の監視を引き継ぎ、カーネル内の記録を次回のために残す(portreeve-watch.service の動作)",
    };
    vec![
        Arg::new(ACTION)
            .value_name("status|list|block|forgive|enable|disable")
            .value_parser([STATUS, LIST, BLOCK, FORGIVE, ENABLE, DISABLE])
            .hide_possible_values(true)
            .help(action.in_lang(lang)),
        Arg::new(ADDRESS).value_name("ADDRESS").help(address.in_lang(lang)),
        options::value(FOR, "TIME", time, lang).value_parser(options::duration),
        options::value(READ, "FILE", saved, lang)
            .num_args(1..)
            .value_parser(value_parser!(PathBuf))
            .conflicts_with_all([FOR, ACTION]),
        options::value(LOCAL, "ADDRESS", local, lang)
            .action(ArgAction::Append)
            .value_delimiter(',')
            .value_parser(own_address)
            .requires(READ),
        options::flag(RESUME, resume, lang).conflicts_with_all([READ, ACTION]),
    ]
}

fn own_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| String::from("192.0.2.1, 2001:db8::1"))
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if let Some(files) = own.get_many::<PathBuf>(READ) {
        let local: Vec<_> = own.get_many(LOCAL).into_iter().flatten().copied().collect();
        return saved::judge(&files.collect::<Vec<_>>(), &local, settings, out);
    }
    let length = own.get_one::<Duration>(FOR).copied();
    let action = own.get_one::<String>(ACTION).map(String::as_str);
    match (action, own.get_one::<String>(ADDRESS)) {
        (None, _) => follow(length, lasting(own), settings, out),
        (Some(STATUS), None) => status::tell(settings, out),
        (Some(LIST), None) => blocked::list(settings, out),
        (Some(BLOCK), Some(address)) => blocked::block(address, length, settings, out),
        (Some(FORGIVE), Some(address)) => blocked::forgive(address, settings, out),
        (Some(ENABLE), None) => enable::enable(settings, out),
        (Some(DISABLE), None) => enable::disable(settings, out),
        (Some(STATUS | LIST | ENABLE | DISABLE), Some(_)) => Err(Failure::usage(UNNAMED).hint(LISTED)),
        (Some(_), _) => Err(Failure::usage(UNADDRESSED).hint(ADDRESSED)),
    }
}

fn lasting(own: &ArgMatches) -> Lasting {
    if own.get_flag(RESUME) { Lasting::Yes } else { Lasting::No }
}

fn follow(
    length: Option<Duration>,
    lasting: Lasting,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let stop = Stop::on_signals()?;
    let end = length.map(|length| Instant::now() + length);
    let mut sight = Sight::open(settings, lasting)?;
    let mut said = Said::default();
    loop {
        said.tell(&sight, settings, out)?;
        out.finish()?;
        let left = end.map_or(NAP, |end| end.saturating_duration_since(Instant::now()).min(NAP));
        let left =
            if sight.has_more() { Duration::ZERO } else { sight.due().map_or(left, |due| due.min(left)) };
        let woken = stop.wait(left, &sight.sources())?;
        // What happened until the end is told too.
        let heard = sight.listen();
        tell(&heard, settings, out)?;
        if woken != Woken::Time || end.is_some_and(|end| end <= Instant::now()) {
            sight.close();
            out.finish()?;
            return Ok(Exit::Fine);
        }
    }
}

fn tell(heard: &Heard, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    heard.reacted.iter().try_for_each(|told| show::tell(told, settings.format, out))?;
    heard.binds.iter().try_for_each(|bind| show::tell_bind(bind, settings.format, out))?;
    if heard.lost > 0 {
        show::tell_lost(heard.lost, settings.format, out)?;
    }
    heard.unread.iter().try_for_each(|lost| show::tell_unread(lost, settings.format, out))
}

/// What was said of what is seen.
#[derive(Default)]
struct Said {
    last: Option<String>,
    /// What is seen by now, unless it is so for a moment only, as while a log is rotated.
    next: Option<String>,
    looked: Option<Instant>,
}

impl Said {
    fn tell(&mut self, sight: &Sight<'_>, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
        if self.looked.is_some_and(|looked| looked.elapsed() < NAP) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let sees = sight.sees();
        let text = sees.text();
        let text = text.in_lang(out.lang);
        let is_lasting = self.last.is_none() || self.next.as_deref() == Some(text);
        if is_lasting && self.last.as_deref() != Some(text) {
            self.last = Some(text.to_owned());
            sees.tell(text, settings, out)?;
        }
        self.next = Some(text.to_owned());
        Ok(())
    }
}
