//! `portreeve open PORT --for 2h`: opens a port in the gate for a while, which the kernel ends by itself (A15).

use std::time::Duration;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    address::Family,
    exposure::Reached,
    gate::{self, Timeout, ZoneName},
    plan::{Opening, Refused, Shut, opening},
    policy::{HOST, WORLD},
    port::{PortSpec, Protocol},
    receipt::{Deed, Ports},
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::enforce::{
    DoorError,
    firewall::{EnforceError, Refusal},
};

use super::{Command, exposure::LOOK};
use crate::{
    asked::{self, Asked},
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{PolicyChoice, Settings, Verbosity, options},
    show::{age, escape::visible, next, out::Out},
    table_file::TableFile,
};

const PORT: &str = "port";
const FROM: &str = "from";
const FOR: &str = "for";
/// A hash has no ranges, so each number is an element of its own.
const PORTS_MAX: u32 = 1_024;

/// `open`.
pub(super) const COMMAND: Command = Command {
    name: "open",
    about: Words { en: "Open a port for a while", ja: "ポートの一時的な開放" },
    examples: &["portreeve open 8080 --for 2h", "portreeve open 5432/tcp --from office --for 30m"],
    takes: &[],
    arguments,
    run,
};

const FAILED: Words = Words { en: "cannot open the port", ja: "ポートを開けません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let port = Words {
        en: "443, https, 443/udp, 30000-30009/tcp; a number alone is of tcp",
        ja: "443、https、443/udp、30000-30009/tcp など(番号だけなら tcp)",
    };
    let from = Words {
        en: "The zone that it is open to (default: world, which is everybody)",
        ja: "開放先のゾーン(既定値: world、つまりすべて)",
    };
    let length = Words { en: "How long: 30m, 2h", ja: "開放する時間: 30m、2h など" };
    vec![
        Arg::new(PORT).value_name("PORT").required(true).help(port.in_lang(lang)),
        options::value(FROM, "ZONE", from, lang),
        options::value(FOR, "TIME", length, lang).value_parser(options::duration).required(true),
    ]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let ports = ports(own.get_one::<String>(PORT).expect("clap requires it"))?;
    let length = own.get_one::<Duration>(FOR).copied().expect("clap requires it");
    let timeout = Timeout::of(length).ok_or_else(|| door::no_time(FAILED))?;
    let zone = zone(own.get_one::<String>(FROM).map(String::as_str))?;
    let door = door::open(FAILED)?;
    let Some(standing) = &door.standing else { return Err(no_gate()) };
    let zones: Vec<String> = standing.zones().collect();
    if zone.as_ref().is_some_and(|(zone, _)| !zones.contains(zone)) {
        return Err(no_zone(&zones));
    }
    let name = zone.as_ref().map(|(_, name)| name);
    let transaction = gate::open_for(name, ports, timeout).ok_or_else(|| unjudged(ports.protocol))?;
    let zone = zone.map(|(zone, _)| zone);
    let to = zone.as_deref().unwrap_or(WORLD);
    if let Some(left) = door::temporary(FAILED)?.open_for(to, ports, length) {
        // A shorter time in the place of a longer one would close it before.
        if settings.verbosity != Verbosity::Quiet {
            out.sentences(open_already(ports, to, left).in_lang(settings.lang))?;
        }
        return Ok(Exit::Fine);
    }
    let foreseen = foresee(to, ports, timeout, settings)?;
    if foreseen == Ok(Opening::Needless) {
        return Err(needless(to, ports));
    }
    let deed = Deed::Open {
        zone: zone.clone(),
        ports: Ports(ports),
        until: timeout.end(door.now),
        from: Vec::new(),
    };
    let passed = match door.pass(deed, &transaction) {
        Err(DoorError::Enforce(EnforceError::Refused(Refusal::NoZone))) => return Err(no_zone(&zones)),
        passed => passed.map_err(|error| door::failure(error, FAILED))?,
    };
    out.changed();
    if settings.verbosity != Verbosity::Quiet {
        let Text { en, ja } = age::length(length.as_secs());
        let done = text!(
            "{ports} is open to {to} for {en}; then the kernel closes it by itself.",
            "{ports} を {to} に {ja}開放しました。時間が来ればカーネルが自動的に閉じます。"
        );
        let all = [done].into_iter().chain(beside(&foreseen, ports));
        all.into_iter().try_for_each(|said| out.sentences(&visible(said.in_lang(settings.lang))))?;
        let mut commands: Vec<String> =
            shut(&foreseen).iter().flat_map(|shut| shut.commands.clone()).collect();
        commands.dedup();
        let own =
            [format!("portreeve undo {}", passed.receipt.number), format!("portreeve exposure {ports}")];
        next::print(&[commands, own.to_vec()].concat(), out)?;
    }
    see_to_next_boot(&passed, settings);
    Ok(if shut(&foreseen).is_empty() { Exit::Fine } else { Exit::Found })
}

/// What packets get to then, or why that cannot be told; a policy that is wrong keeps nobody from opening a port.
fn foresee(
    zone: &str,
    ports: PortSpec,
    timeout: Timeout,
    settings: &Settings,
) -> Result<Result<Opening, Refused>, Failure> {
    let without = || Settings { policy: PolicyChoice::Without, ..settings.clone() };
    let look = Look::take(settings, &LOOK).or_else(|_| Look::take(&without(), &LOOK))?;
    Ok(opening(&look.world(), zone, ports, timeout))
}

const fn shut(foreseen: &Result<Opening, Refused>) -> &[Shut] {
    match foreseen {
        Ok(Opening::Open { shut, .. }) => shut.as_slice(),
        _ => &[],
    }
}

/// What is open beside the ports that were asked for, and what of these is not.
fn beside(foreseen: &Result<Opening, Refused>, ports: PortSpec) -> Vec<Text> {
    let also = match foreseen {
        Ok(Opening::Open { also, .. }) => also.as_slice(),
        Ok(Opening::Needless) => &[],
        Err(refused) => {
            let Text { en, ja } = refused.why();
            return vec![text!(
                "Whether packets get there cannot be told: {en}.",
                "パケットが届くかどうかは判定できません({ja})。"
            )];
        }
    };
    let also = also.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let also = (!also.is_empty()).then(|| {
        text!(
            "That opens {also} too: a rule sends these packets on to {ports}.",
            "{also} も開きました。別のルールが、これらのパケットを {ports} に転送しているためです。"
        )
    });
    also.into_iter().chain(shut(foreseen).iter().map(kept_out)).collect()
}

/// Who keeps packets out all the same.
fn kept_out(shut: &Shut) -> Text {
    let Shut { ports, families, rule, .. } = shut;
    let (en_family, ja_family) = match families.as_slice() {
        [Family::Ipv4] => ("IPv4", "IPv4 "),
        [Family::Ipv6] => ("IPv6", "IPv6 "),
        _ => ("IPv4 and IPv6", "IPv4 と IPv6 の"),
    };
    let rule = rule.as_deref().unwrap_or("-");
    match shut.reached {
        Reached::Unknown => text!(
            "But whether packets to {ports} get there over {en_family} cannot be told: `{rule}`.",
            "ただし {ports} 宛ての {ja_family}パケットが届くかどうかは判定できません(`{rule}`)。"
        ),
        Reached::Partly | Reached::Reachable => text!(
            "But not from everybody who was meant: `{rule}` stands before {ports} over {en_family}; portreeve exposure {ports} says whose packets arrive.",
            "ただし {ports} 宛ての {ja_family}パケットは、一部の送信元からしか届きません(`{rule}`)。どこから届くかは portreeve exposure {ports} で確認できます。"
        ),
        _ if shut.is_of_gate => text!(
            "But packets to {ports} do not get there over {en_family}: a rule sends them on to a port that the gate keeps closed, or somebody else has changed the gate (`{rule}`).",
            "ただし {ports} 宛ての {ja_family}パケットは届きません。ゲートが閉じているポートに転送されているか、ゲートがほかの手段で書き換えられています(`{rule}`)。"
        ),
        _ => text!(
            "But `{rule}` keeps packets to {ports} out over {en_family}, and what other rules refuse the gate does not let in.",
            "ただし `{rule}` が {ports} 宛ての {ja_family}パケットを遮断しています。ほかのルールが遮断するものは、ゲートでは開けられません。"
        ),
    }
}

/// When the time is over nothing would be closed.
fn needless(zone: &str, ports: PortSpec) -> Failure {
    Failure::usage(FAILED)
        .because(text!(
            "{ports} can be reached from {zone} without that: nothing of portreeve's keeps the port closed, and nothing would close it when the time is over",
            "{ports} は {zone} から既に到達できます。portreeve はポートを閉じておらず、時間が来ても閉じられません"
        ))
        .hint(text!("portreeve exposure {ports}", "portreeve exposure {ports}"))
}

fn open_already(ports: PortSpec, zone: &str, left: Duration) -> Text {
    let Text { en, ja } = age::length(left.as_secs());
    text!(
        "Nothing to do: {ports} is open to {zone} already, for {en} yet.",
        "変更は不要です。{ports} は既に {zone} に開放中です(残り {ja})。"
    )
}

/// The ports of a word; of a name as the registry has it, tcp before others.
fn ports(word: &String) -> Result<PortSpec, Failure> {
    let asked = asked::any_of(word, TableFile::load()?.registry())?;
    let is_tcp = |asked: &&Asked| asked.protocol.is_none_or(|protocol| protocol == Protocol::Tcp);
    let Some(first) = asked.iter().find(is_tcp).or(asked.first()) else {
        return Err(Failure::usage(FAILED));
    };
    door::refuse_zero(first.range, FAILED)?;
    let ports = PortSpec { range: first.range, protocol: first.protocol.unwrap_or(Protocol::Tcp) };
    if ports.range.count() > PORTS_MAX {
        return Err(Failure::usage(FAILED)
            .because(text!(
                "more than {PORTS_MAX} numbers at once are for the policy to open",
                "一度に {PORTS_MAX} 個を超える番号は policy で開いてください"
            ))
            .hint(Words {
                en: "declare them in the policy, then: portreeve plan",
                ja: "policy で宣言してから portreeve plan を実行してください",
            }));
    }
    if asked.iter().any(|other| other.range != first.range) {
        return Err(Failure::usage(FAILED)
            .because(Words {
                en: "one port, or one range of them, at a time",
                ja: "一度に指定できるのは、1 つのポートまたは 1 つの範囲です",
            })
            .hint(text!("such as {ports}", "例: {ports}")));
    }
    Ok(ports)
}

/// The zone that was named, and how the gate names it; `None` for everybody.
fn zone(word: Option<&str>) -> Result<Option<(String, ZoneName)>, Failure> {
    match word {
        None | Some(WORLD) => Ok(None),
        Some(HOST) => Err(Failure::usage(FAILED).because(Words {
            en: "the gate never stands between the host and itself",
            ja: "ホスト自身からの通信はゲートの対象外です",
        })),
        Some(zone) => match ZoneName::of(zone) {
            Some(name) => Ok(Some((zone.into(), name))),
            None => Err(no_zone(&[])),
        },
    }
}

fn no_zone(zones: &[String]) -> Failure {
    let known = [&[WORLD.to_owned()], zones].concat().join(", ");
    Failure::usage(FAILED)
        .because(Words {
            en: "the gate has no such zone", ja: "ゲートにそのゾーンはありません"
        })
        .hint(text!("one of: {known}", "次のいずれかを指定してください: {known}"))
}

fn no_gate() -> Failure {
    Failure::usage(FAILED)
        .because(Words {
            en: "there is no gate, so nothing of portreeve's keeps the port closed",
            ja: "ゲートがないため、portreeve はポートを閉じていません",
        })
        .hint(text!("portreeve exposure", "portreeve exposure"))
}

fn unjudged(protocol: Protocol) -> Failure {
    Failure::usage(FAILED).because(text!(
        "the gate does not judge {protocol}: it lets all of it in",
        "{protocol} はゲートの対象外で、常に通過します"
    ))
}
