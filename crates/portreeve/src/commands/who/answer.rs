//! The answer of `who` in sentences: who, since when, from where, and what to type next.

use std::collections::BTreeSet;

use jiff::Timestamp;
use portreeve_core::{
    activation,
    facts::{Gap, HolderGap, Listener, Process},
    owner::is_service_manager,
    policy::Service,
    port::{Class, Protocol},
    registry::{Registry, in_practice},
    text,
    words::{Lang, Text, Words},
    world::World,
};
use portreeve_host::observe::Holders;

use super::{SPOKEN, steered};
use crate::{
    asked::{Asked, spoken},
    failure::Failure,
    footing::Footing,
    settings::{Settings, Verbosity},
    show::{
        age::ago,
        escape::visible,
        gaps,
        listeners::{self},
        next,
        occupants::{ended, ended_text, occupants},
        out::Out,
        owner,
        rows::{Folding, Row, fold},
    },
};

/// A command line is shown up to here; `-v` and `-o json` have it whole.
const COMMAND_LINE_CHARS_MAX: usize = 200;
const ENDPOINTS_MAX: usize = 6;
const OTHERS_MAX: usize = 8;
/// More namespaces are counted, not named.
const NAMESPACES_MAX: usize = 4;

/// Says that nobody holds what was asked for; of a look without connections, only that nobody listens there.
pub(in crate::commands) fn free(world: &World<'_>, asked: &[Asked], out: &mut Out) -> Result<(), Failure> {
    let Text { en, ja } = spoken(asked);
    let sentence = match world.snapshot.connections {
        Some(_) => text!("nobody holds {en}", "{ja}は誰も保持していません"),
        None => text!("nobody listens on {en}", "{ja}では誰も待ち受けていません"),
    };
    out.line(&visible(sentence.in_lang(out.lang)))?;
    if world.snapshot.connections.is_none() {
        out.say(Words {
            en: "  a socket that does not listen may keep it: this snapshot has none of those (snapshot -a has)",
            ja: "  待ち受けていないソケットが使っている可能性はあります(それを含むのは snapshot -a だけです)",
        })?;
    }
    about(world, asked, out)
}

/// What there is to say of numbers on which nobody listens.
pub(super) fn about(world: &World<'_>, asked: &[Asked], out: &mut Out) -> Result<(), Failure> {
    let ended = ended(world, asked);
    if ended > 0 {
        out.line(&format!("  {}", ended_text(ended).in_lang(out.lang)))?;
    }
    if let [Asked { range, protocol }] = asked
        && range.is_one()
    {
        let protocols = protocol.map_or(SPOKEN.to_vec(), |protocol| vec![protocol]);
        out.line(&format!("  {}", iana(world.registry, &protocols, range.first, out.lang)))?;
    }
    let gaps = world.snapshot.gaps.iter().filter(|gap| gap.hides_listeners());
    for gap in gaps.chain(steered::hidden(world, asked)) {
        out.line(&gaps::line(gap, out.lang))?;
    }
    Ok(())
}

/// Says who holds what was asked for, an owner each.
pub(super) fn held(
    world: &World<'_>,
    asked: &[Asked],
    found: &[&Listener],
    holders: Holders,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let rows = fold(world, found, Folding::Holders, out.lang);
    let is_free_here = !found.iter().any(|listener| world.judges(listener.netns));
    if is_free_here {
        out.line(&visible(elsewhere(world, asked, &rows).in_lang(out.lang)))?;
    }
    for row in &rows {
        let Some(first) = row.first() else { continue };
        match row.main(world) {
            Some((pid, process)) => seen(world, row, pid, process, settings, out)?,
            None => unseen(world, row, first, out)?,
        }
        out.line(&format!("  {}", visible(&place(world, row, out.lang))))?;
        out.line(&format!("  {}", visible(&meaning(world, row, out.lang))))?;
    }
    footer(world, found, settings, out)?;
    if let Some(gap) = steered::hidden(world, asked) {
        out.line(&gaps::line(gap, out.lang))?;
    }
    let is_held_by_more = may_be_held_by_more(found, holders);
    if is_held_by_more {
        out.say(Words {
            en: "  looked only in the socket's own cgroup, others may share it: --full",
            ja: "  ソケットの cgroup 内だけを調べました。ほかの保持者も含めて調べるには --full を付けてください",
        })?;
    }
    let commands = match rows.first().and_then(|row| Some((row, row.first()?))) {
        Some((_, first)) if is_held_by_more => look_on(first),
        Some((row, first)) => next_commands(world, row, first, is_free_here, &Footing::of(settings)),
        None => Vec::new(),
    };
    next::print(&commands, out)
}

/// Whether others may hold what somebody was seen to hold, for not everybody was asked.
fn may_be_held_by_more(found: &[&Listener], holders: Holders) -> bool {
    let is_seen = |listener: &&Listener| !listener.holders_complete && !listener.holders.is_empty();
    holders == Holders::Quick && found.iter().any(is_seen)
}

/// Another namespace's ports are not in the way of anybody here.
pub(in crate::commands) fn elsewhere<'a>(world: &World<'a>, asked: &[Asked], rows: &[Row<'a>]) -> Text {
    let Text { en, ja } = spoken(asked);
    let names: BTreeSet<_> = rows.iter().filter_map(|row| listeners::namespace(world, row)).collect();
    let Text { en: en_where, ja: ja_where } = in_namespaces(&names);
    if !occupants(world, asked).is_empty() {
        return text!("{en_where} {en} is held:", "{ja_where}では {ja}が使われています:");
    }
    text!(
        "nobody holds {en} here; {en_where} it is held:",
        "{ja}はここでは誰も使っていません。{ja_where}では使われています:"
    )
}

/// Each by name, where there are few.
fn in_namespaces(names: &BTreeSet<String>) -> Text {
    let count = names.len();
    if count > NAMESPACES_MAX {
        return text!("in {count} network namespaces", "{count} 個のネットワーク名前空間");
    }
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (en, ja) = (names.join(", "), names.join("、"));
    text!("in network namespace {en}", "ネットワーク名前空間 {ja} ")
}

fn seen<'a>(
    world: &World<'a>,
    row: &Row<'a>,
    pid: u32,
    process: &Process,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut line = headline(world, row, out.lang);
    let command = command_line(process, settings.verbosity);
    if !command.is_empty() && !is_service_manager(process) {
        line = format!("{line}: `{command}`");
    }
    out.line(&visible(&line))?;
    let others = others(world, row, pid);
    if others.is_empty() {
        return Ok(());
    }
    let listed = others.iter().take(OTHERS_MAX).cloned().collect::<Vec<_>>().join(" ");
    let more = others.len().saturating_sub(OTHERS_MAX);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let also = text!("  also held by pid {listed}{more}", "  ほかに保持しているプロセス: pid {listed}{more}");
    out.line(&visible(also.in_lang(out.lang)))
}

/// Who holds `row`, in a line.
pub(in crate::commands) fn headline<'a>(world: &World<'a>, row: &Row<'a>, lang: Lang) -> String {
    match (row.main(world), row.first()) {
        (Some((pid, process)), _) if is_service_manager(process) => activated(world, row, pid, process, lang),
        (Some((pid, process)), _) => held_by(world, row, pid, process, lang),
        (None, Some(first)) => unseen_by(row, first, lang),
        (None, None) => String::new(),
    }
}

/// Who holds it, since when; and through which unit, where one opened the socket for it.
fn held_by<'a>(world: &World<'a>, row: &Row<'a>, pid: u32, process: &Process, lang: Lang) -> String {
    let (ports, name) = (row.ports(), process.called());
    let held = match (row.socket_unit(), row.first()) {
        (Some(socket), Some(first)) => {
            let owner = owner::owner(world, first, lang);
            text!(
                "{ports} is held by {name} (pid {pid}, {owner} via {socket})",
                "{ports} は {name}(pid {pid}、{socket} 経由の {owner})が保持しています"
            )
        }
        _ => text!("{ports} is held by {name} (pid {pid})", "{ports} は {name}(pid {pid})が保持しています"),
    };
    format!("{}{}", held.in_lang(lang), since(process, world.snapshot.taken).in_lang(lang))
}

/// Of a socket that the service manager holds, the service counts that it holds it for.
fn activated<'a>(world: &World<'a>, row: &Row<'a>, pid: u32, process: &Process, lang: Lang) -> String {
    let (ports, name) = (row.ports(), process.called());
    let held = match (row.socket_unit(), row.first()) {
        (Some(socket), Some(first)) => {
            let owner = owner::owner(world, first, lang);
            text!(
                "{ports} is held by {owner} via {socket} ({name}, pid {pid})",
                "{ports} は {owner} が {socket} 経由で保持しています({name}、pid {pid})"
            )
        }
        (None, Some(first)) if let Some((socket, _)) = activation::socket(world.snapshot, first) => text!(
            "{ports} is held by {name} (pid {pid}), by its settings for {socket}",
            "{ports} は {name}(pid {pid})が保持しています(設定によれば {socket} のため)"
        ),
        _ => text!(
            "{ports} is held by {name} (pid {pid}) for a unit that cannot be told",
            "{ports} は {name}(pid {pid})が保持していますが、どのユニットのためかは分かりません"
        ),
    };
    held.in_lang(lang).into()
}

/// The other holders by pid, with their names where they are other programs.
fn others<'a>(world: &World<'a>, row: &Row<'a>, main: u32) -> Vec<String> {
    let named = |pid: &u32| world.snapshot.processes.get(pid).map(Process::called);
    let shown = |pid: u32| match named(&pid) {
        Some(name) if named(&main).as_ref() != Some(&name) => format!("{pid} ({name})"),
        _ => pid.to_string(),
    };
    row.pids().into_iter().filter(|&pid| pid != main).map(shown).collect()
}

pub(super) fn since(process: &Process, now: Timestamp) -> Text {
    let ago = process.started.map(|started| ago(started, now));
    match (&process.user, ago) {
        (Some(user), Some(ago)) => Text {
            en: format!(", started by user {user} {}", ago.en),
            ja: format!("(ユーザー {user}、{}に起動)", ago.ja),
        },
        (Some(user), None) => text!(", started by user {user}", "(ユーザー {user})"),
        (None, Some(ago)) => {
            Text { en: format!(", started {}", ago.en), ja: format!("({}に起動)", ago.ja) }
        }
        (None, None) => Text::default(),
    }
}

pub(super) fn command_line(process: &Process, verbosity: Verbosity) -> String {
    let whole = process.cmdline.join(" ");
    if verbosity == Verbosity::Verbose || whole.chars().count() <= COMMAND_LINE_CHARS_MAX {
        return whole;
    }
    whole.chars().take(COMMAND_LINE_CHARS_MAX).chain(['…']).collect()
}

fn unseen_by(row: &Row<'_>, first: &Listener, lang: Lang) -> String {
    let ports = row.ports();
    let sentence = match (first.gap, &first.socket_unit) {
        (Some(HolderGap::Kernel), _) => {
            text!("{ports} is held by the kernel", "{ports} はカーネルが保持しています")
        }
        (_, None) => {
            text!("{ports} is held by somebody", "{ports} を保持しているプロセスを特定できません")
        }
        (_, Some(unit)) => text!(
            "{ports} was opened by {unit}; who holds it now was not seen",
            "{ports} は {unit} が開きました。今の保持者は見えません"
        ),
    };
    sentence.in_lang(lang).into()
}

fn unseen(world: &World<'_>, row: &Row<'_>, first: &Listener, out: &mut Out) -> Result<(), Failure> {
    out.line(&visible(&headline(world, row, out.lang)))?;
    match first.gap {
        Some(gap) => out.line(&format!("  {}", gap.text().in_lang(out.lang))),
        None => Ok(()),
    }
}

/// Where it listens, in which unit, and from where it was started.
fn place<'a>(world: &World<'a>, row: &Row<'a>, lang: Lang) -> String {
    let Some(first) = row.first() else { return String::new() };
    let mut parts = vec![endpoints(row).in_lang(lang).to_string()];
    let process = row.main(world).map(|(_, process)| process).filter(|holder| !is_service_manager(holder));
    let opened = |uid: u32| text!("opened by uid {uid}", "uid {uid} が開いたもの").in_lang(lang).into();
    parts.extend(first.uid.filter(|_| process.is_none()).map(opened));
    parts.extend(process.and_then(|process| process.unit.clone()));
    parts.extend(process.and_then(|process| process.user_unit.clone()));
    parts.extend(process.and_then(|process| process.container.as_ref()).map(owner::container));
    parts.extend(process.and_then(|process| process.cwd.as_ref()).map(|cwd| format!("cwd {cwd}")));
    if let Some(name) = listeners::namespace(world, row) {
        parts.push(text!("network namespace {name}", "ネットワーク名前空間 {name}").in_lang(lang).into());
    }
    parts.join(" · ")
}

/// The very endpoints, and whether one of IPv6 takes IPv4 too.
fn endpoints(row: &Row<'_>) -> Text {
    let listed = places(&row.listeners);
    // One that is bound to an IPv4 address in IPv6's clothes takes nothing else.
    if row.listeners.iter().any(|listener| listener.hears_ipv6() && listener.hears_ipv4()) {
        text!("listens on {listed}, also reachable over IPv4", "{listed} で待ち受け(IPv4 でも到達可)")
    } else {
        text!("listens on {listed}", "{listed} で待ち受け")
    }
}

/// Where the sockets are bound, each endpoint once.
pub(in crate::commands) fn places(listeners: &[&Listener]) -> String {
    let places: BTreeSet<String> = listeners.iter().map(|listener| endpoint(listener)).collect();
    let listed = places.iter().take(ENDPOINTS_MAX).cloned().collect::<Vec<_>>().join(" ");
    let more = if places.len() > ENDPOINTS_MAX { " …" } else { "" };
    format!("{listed}{more}")
}

fn endpoint(listener: &Listener) -> String {
    let Listener { address, port, .. } = listener;
    let device = listener.device.as_ref().map(|device| format!("%{device}")).unwrap_or_default();
    if address.ip.is_ipv4() {
        format!("{address}{device}:{port}")
    } else {
        format!("[{address}]{device}:{port}")
    }
}

/// What the number is for, and what the policy says.
fn meaning(world: &World<'_>, row: &Row<'_>, lang: Lang) -> String {
    let Some(first) = row.first() else { return String::new() };
    let assigned = assigned(world.registry, &[first.protocol], first.port, lang);
    let is_one = row.listeners.iter().all(|listener| listener.port == first.port);
    let iana = if is_one { format!("IANA: {assigned}") } else { format!("IANA: {} {assigned}", first.port) };
    let policy: Text = match (world.policy, world.service_of(first)) {
        (None, _) => return iana,
        (Some(_), None) => Words { en: "policy: not declared", ja: "policy: 宣言なし" }.into(),
        (Some(_), Some(Service { name, .. })) if world.target_of(first).is_some() => {
            text!("policy: service {name}, led here", "policy: サービス {name} の誘導先")
        }
        (Some(_), Some(Service { name, .. })) => text!("policy: service {name}", "policy: サービス {name}"),
    };
    format!("{iana} · {}", policy.in_lang(lang))
}

fn iana(registry: Registry<'_>, protocols: &[Protocol], port: u16, lang: Lang) -> String {
    format!("IANA: {}", assigned(registry, protocols, port, lang))
}

/// What IANA assigns the number to, and what it is used for where that is something else.
pub(in crate::commands) fn assigned(
    registry: Registry<'_>,
    protocols: &[Protocol],
    port: u16,
    lang: Lang,
) -> String {
    let class = Class::of(port).name();
    let name = protocols.iter().find_map(|&protocol| registry.name(port, protocol));
    let assigned = match name {
        Some(name) => text!("{name} ({class})", "{name}({class})"),
        None => text!("not assigned ({class})", "割り当てなし({class})"),
    };
    let practice = protocols.iter().find_map(|&protocol| in_practice(port, protocol));
    match practice {
        Some(practice) => {
            let comma = Words { en: ", ", ja: "、" }.in_lang(lang);
            format!("{}{comma}{}", assigned.in_lang(lang), practice.text().in_lang(lang))
        }
        None => assigned.in_lang(lang).into(),
    }
}

fn footer(world: &World<'_>, found: &[&Listener], settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    if found.iter().any(|listener| listener.hides_every_holder()) {
        let hides = |gap: &&Gap| gap.hides_holders();
        for gap in world.snapshot.gaps.iter().filter(hides) {
            out.line(&gaps::line(gap, settings.lang))?;
        }
    }
    Ok(())
}

/// To stop one of several holders frees nothing, so whoever else holds it comes first.
fn look_on(first: &Listener) -> Vec<String> {
    let port = shortest(first);
    vec![format!("portreeve who {port} --full"), format!("portreeve why {port}")]
}

/// Whoever holds it elsewhere need not be stopped, nor whoever holds what is his.
fn next_commands<'a>(
    world: &World<'a>,
    row: &Row<'a>,
    first: &Listener,
    is_free_here: bool,
    footing: &Footing,
) -> Vec<String> {
    let mut commands = vec![format!("portreeve why {}", shortest(first))];
    let is_right = row.listeners.iter().all(|listener| world.is_its_owners(listener));
    commands.extend(next::stop(world, row, footing).filter(|_| !is_free_here && !is_right));
    commands
}

/// A bare number asks about TCP and whoever else is there.
fn shortest(listener: &Listener) -> String {
    match listener.protocol {
        Protocol::Tcp => listener.port.to_string(),
        _ => listener.spec().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_namespaces_are_counted_and_few_are_named() {
        let said = |count: usize| {
            let names = (1..=count).map(|number| format!("box-{number}")).collect();
            let text = in_namespaces(&names);
            [Lang::En, Lang::Ja].map(|lang| text.in_lang(lang).to_owned())
        };
        assert_eq!(said(2), ["in network namespace box-1, box-2", "ネットワーク名前空間 box-1、box-2 "]);
        assert_eq!(said(200), ["in 200 network namespaces", "200 個のネットワーク名前空間"]);
    }
}
