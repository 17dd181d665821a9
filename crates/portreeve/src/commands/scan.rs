//! `portreeve scan`: what the outside sees of a host that is ours, beside what is said of it (A17, A20).

mod against;
mod ask;
pub(crate) mod consent;
mod datagrams;
mod elsewhere;
mod hindered;
mod other_host;
mod ports;
mod secret;
mod target;
mod way;
mod written;

use clap::{Arg, ArgAction, ArgMatches, builder::ValueParser};
use portreeve_core::{
    outside::{Beside, Ended, Outcome},
    port::Protocol,
    rules, text,
    words::{Lang, Words},
};

pub(crate) use self::{
    ask::{Asked, Means},
    target::{Ours, Target},
};

use self::{against::Against, hindered::Hindered};
use super::Command;
use crate::{
    exit::Exit,
    failure::Failure,
    look::checked_policy,
    settings::{Common, Format, Gaps, Settings, Verbosity, options},
    show::{out::Out, scan as show},
    stop::{Stop, Until},
};

const TARGET: &str = "target";
const PORT: &str = "port";
const RATE: &str = "rate";
const AGAINST: &str = "against";
const CONNECT: &str = "connect";
const ALL: &str = "all";
const UDP: &str = "udp";
const REALLY: &str = "really";
const CONSENT: &str = "consent";
const FOR: &str = "for";
const PORT_OF_CONSENT: &str = "port-of-consent";
const NEW_SECRET: &str = "new-secret";
/// What is said of a scan, and of nothing else.
const OF_TARGET: [&str; 7] = [TARGET, AGAINST, RATE, CONNECT, UDP, REALLY, ALL];

/// Packets a second.
const RATE_USUAL: &str = "20000";
const RATE_MAX: u32 = 100_000;

/// `scan`.
pub(super) const COMMAND: Command = Command {
    name: "scan",
    about: Words {
        en: "What does the outside see of a host that is ours?",
        ja: "自分のホストは外からどう見えるか",
    },
    examples: &[
        "portreeve scan 127.0.0.1",
        "portreeve scan 10.0.0.2 22 443 8000-8099",
        "portreeve scan 10.0.0.2 53/udp --udp",
        "portreeve scan 10.0.0.2 --against host.json --policy policy.toml",
        "portreeve scan web-2 --against web-2.json",
        "portreeve scan --consent --for 10m",
    ],
    takes: &[
        Common::Output(&[Format::Table, Format::Json]),
        Common::Policy,
        Common::FailOn,
        Common::AllowGaps,
    ],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let target = Words {
        en: "An address of this host, of a network namespace or container of it to which packets from here lead, or a host of the policy that consents",
        ja: "このホスト、直結する名前空間やコンテナのアドレス、または許可済みの policy のホスト",
    };
    let port = Words {
        en: "443, https, 30000-30099/tcp, 53/udp, several of them; without it, all 65,535 of TCP",
        ja: "443、https、30000-30099/tcp、53/udp(複数可)。省略すると TCP の 65,535 個すべて",
    };
    let rate = Words {
        en: "Packets a second, at most: 20,000 unless it is said, 100,000 at most",
        ja: "1 秒あたりのパケット数の上限(既定値 20,000、最大 100,000)",
    };
    let against = Words {
        en: "Compare with this snapshot of the target (-: standard input)",
        ja: "対象のホストで保存したスナップショットと比較(- は標準入力)",
    };
    let connect = Words {
        en: "Ask by connections, as programs make them: slower, and each open port hears of it",
        ja: "通常の接続で調べる(低速。開いているポートのプログラムには接続として見える)",
    };
    let udp = Words {
        en: "Ask UDP too: the ports that are declared, in use there, or known for a protocol that can be asked",
        ja: "UDP も調べる(宣言済みのポート、対象で使用中のポート、問い合わせ方が分かるプロトコルのポート)",
    };
    let really = Words {
        en: "Ask more than 1,000 ports of UDP, which takes hours",
        ja: "UDP の 1,000 ポートを超えるスキャンを実行する(数時間かかる)",
    };
    let every = Words {
        en: "Tell of every port, not only of those that matter",
        ja: "重要なポートだけでなく、すべてのポートを表示",
    };
    let mut all = vec![
        Arg::new(TARGET)
            .value_name("TARGET")
            .required_unless_present_any([CONSENT, NEW_SECRET])
            .help(target.in_lang(lang)),
        Arg::new(PORT).value_name("PORT").num_args(0..).action(ArgAction::Append).help(port.in_lang(lang)),
        options::value(AGAINST, "FILE", against, lang).value_parser(ValueParser::os_string()),
        options::value(RATE, "N", rate, lang)
            .default_value(RATE_USUAL)
            .hide_default_value(true)
            .value_parser(options::number(1..=RATE_MAX)),
        options::flag(CONNECT, connect, lang),
        options::flag(UDP, udp, lang),
        options::flag(REALLY, really, lang),
        options::flag(ALL, every, lang),
    ];
    all.extend(of_consent(lang));
    all
}

/// What the host that is scanned is asked.
fn of_consent(lang: Lang) -> Vec<Arg> {
    let consent = Words {
        en: "Let whoever has the secret of the policy scan this host, for a time",
        ja: "policy の共有の鍵を持つホストに、このホストのスキャンを一定時間許可する",
    };
    let time = Words { en: "How long: 10m unless it is said", ja: "許可する時間(既定値 10m)" };
    let port = Words {
        en: "The port of UDP at which it is asked, instead of the policy's",
        ja: "受け付ける UDP ポート(policy の指定より優先)",
    };
    let secret = Words {
        en: "Make the secret that hosts which consent share",
        ja: "許可に使う共有の鍵を作成",
    };
    vec![
        options::flag(CONSENT, consent, lang).conflicts_with(NEW_SECRET).conflicts_with_all(OF_TARGET),
        // `requires` is content with a flag that is not given, as that has a value too.
        options::value(FOR, "TIME", time, lang)
            .value_parser(options::duration)
            .conflicts_with_all([TARGET, NEW_SECRET]),
        Arg::new(PORT_OF_CONSENT)
            .long("port")
            .value_name("N")
            .value_parser(options::number(1..=u16::MAX))
            .conflicts_with_all([TARGET, NEW_SECRET])
            .help(port.in_lang(lang)),
        options::flag(NEW_SECRET, secret, lang).conflicts_with_all(OF_TARGET),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    if settings.format == Format::Json && (own.get_flag(NEW_SECRET) || own.get_flag(CONSENT)) {
        return Err(Failure::usage(Words {
            en: "--consent and --new-secret are told in words alone",
            ja: "--consent と --new-secret に JSON 出力はありません",
        })
        .hint(text!("leave out -o json", "-o json を外してください")));
    }
    if own.get_flag(NEW_SECRET) {
        return secret::make(settings, out);
    }
    if own.get_flag(CONSENT) {
        return consent::give(own, settings, out);
    }
    let policy = checked_policy(settings)?;
    let word = own.get_one::<String>(TARGET).map_or("", String::as_str);
    let target = Target::meant(word, policy.as_deref())?;
    let against = Against::take(own, settings, &target)?;
    let asked = Asked::read(own, &target, policy.as_deref(), &against)?;
    elsewhere::check(&target, &asked, &against, settings)?;
    let stop = Stop::on_signals()?;
    announce(&target, &asked, settings, out)?;
    let hindered = Hindered::begin(&target);
    let outcomes = asked.ask(&Until::new(&stop, target.left())?)?;
    let beside = |(protocol, outcome): &_| against.beside(*protocol, outcome, asked.line(&target));
    let rows: Vec<Beside> = outcomes.iter().flat_map(beside).collect();
    let outcome = together(outcomes);
    let gaps = [against.gaps(), &hindered.gaps(&target, &outcome)].concat();
    let judged = rows.get(if outcome.opens_everything { of_tcp(&rows) } else { 0 }..).unwrap_or_default();
    let world = against.world().map(|world| world.seen_from_outside(judged));
    let mut findings = world.as_ref().map(rules::judge_outside).unwrap_or_default();
    against.aim(&mut findings);
    let seen = show::Seen {
        target: &target,
        asked: &asked,
        outcome: &outcome,
        rows: &rows,
        findings: &findings,
        world: world.as_ref(),
        gaps: &gaps,
        is_known: against.is_known(),
        tells_all: own.get_flag(ALL),
    };
    match settings.format {
        _ if settings.verbosity == Verbosity::Quiet => {}
        Format::Json => show::json(&seen, out)?,
        _ => show::print(&seen, out)?,
    }
    let counted = || findings.iter().filter(|finding| finding.waived.is_none());
    let is_found = settings.fail_on.is_some_and(|least| counted().any(|finding| finding.severity >= least));
    Ok(match outcome.ended {
        // Whoever stopped it wants no verdict, and whoever had to leave off has none.
        Ended::Stopped | Ended::Expired => Exit::Gaps,
        Ended::Cut | Ended::Vanished if settings.gaps == Gaps::Matter => Exit::Gaps,
        _ if is_found => Exit::Found,
        _ if !gaps.is_empty() && settings.gaps == Gaps::Matter => Exit::Gaps,
        _ => Exit::Fine,
    })
}

/// Both as one, whichever was asked.
fn together([(_, tcp), (_, udp)]: [(Protocol, Outcome); 2]) -> Outcome {
    tcp.and(udp)
}

/// How many of the first are of TCP.
fn of_tcp(rows: &[Beside]) -> usize {
    rows.partition_point(|row| row.protocol == Protocol::Tcp)
}

/// Says who scans whom, how fast and how long, before the first packet.
fn announce(target: &Target, asked: &Asked, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    if settings.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    for told in
        [Some(show::announced(target, asked)), show::short_of_time(target, asked)].into_iter().flatten()
    {
        match settings.format {
            Format::Json => eprintln!("{}", told.in_lang(settings.lang)),
            _ => out.sentences(told.in_lang(settings.lang))?,
        }
    }
    if settings.format == Format::Json { Ok(()) } else { out.finish() }
}
