//! What is done to those who listen on a port that is closed: stopped, or their sockets taken from them, and only where
//! somebody asks for it (A16, A17).

mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use clap::ArgMatches;
use portreeve_core::{
    facts::{Hold, Listener, Process, SocketState},
    gate::Ports,
    port::Protocol,
    receipt::{self, Deed, Means, Outcome},
    shell::quoted,
    text,
    words::{Text, Words},
    world::World,
};
use portreeve_host::{
    Wanted,
    enforce::{
        stop::{self, Held, StopError},
        unlisten::UnlistenError,
    },
    systemd,
};

use self::words::{going, typed};
use super::{
    super::plan::CUT,
    STOP, UNLISTEN,
    last::{self, is_forwarder, listeners},
    led,
};
use crate::{
    door,
    exit::Exit,
    failure::{Failure, io_cause},
    footing::Footing,
    look::Look,
    settings::Settings,
    show::{
        escape::visible,
        next,
        out::Out,
        rows::{Folding, Row, fold},
    },
    unlisten::unlisten,
};

const NOT_STOPPED: Words =
    Words { en: "nothing was closed or stopped", ja: "何も変更していません" };
const ONLY_CLOSED: Words = Words {
    en: "the port is closed, but not everything that listens there was stopped",
    ja: "ポートは閉じましたが、停止できなかった待ち受けがあります",
};
/// As long as a server may take to let go of its port.
const PATIENCE: Duration = Duration::from_secs(5);
const NOT_NOTED: Words = Words {
    en: "what was stopped could not be written down",
    ja: "停止したものを記録できません",
};
/// Failures that are told one by one.
const FAILURES_MAX: usize = 8;

/// What else is done, which no `undo` takes back.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nothing.
    Nothing,
    /// Units and processes are stopped.
    Stop(BTreeSet<String>, BTreeMap<Held, String>),
    /// These sockets listen no longer, with whoever has them.
    Unlisten(BTreeMap<Socket, Deprived>),
}

/// Who listens no longer.
#[derive(Debug)]
pub(super) struct Deprived {
    /// He, in words.
    who: String,
    /// The units that have to start again for it.
    units: BTreeSet<String>,
}

/// What goes on behind a port that is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Whoever listens, for this host itself.
    Listeners,
    /// Connections that are open.
    Connections,
    /// Nothing.
    Nothing,
}

/// A listening socket of TCP: its port and its cookie.
type Socket = (u16, u64);

impl Halt {
    /// What is asked for, of those who listen on `ports`.
    ///
    /// # Errors
    ///
    /// Where it would harm others, or whoever types.
    pub(super) fn of(
        own: &ArgMatches,
        world: &World<'_>,
        ports: &Ports,
        settings: &Settings,
    ) -> Result<Self, Failure> {
        let listeners = listeners(world, ports);
        let footing = Footing::of(settings);
        if own.get_flag(STOP) {
            let mut stop = (BTreeSet::new(), BTreeMap::new());
            for row in fold(world, &listeners, Folding::Holders, settings.lang) {
                stopped(world, &row, &footing, &mut stop).map_err(unstopped)?;
            }
            return Ok(Self::Stop(stop.0, stop.1));
        }
        if own.get_flag(UNLISTEN) {
            let mut sockets = BTreeMap::new();
            for listener in listeners {
                if let Some((socket, who)) = taken(world, listener, &footing, own.get_flag(CUT))? {
                    sockets.insert(socket, who);
                }
            }
            return Ok(Self::Unlisten(sockets));
        }
        Ok(Self::Nothing)
    }

    /// Whether anything of it is done.
    pub(super) fn is_something(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Stop(units, processes) => !(units.is_empty() && processes.is_empty()),
            Self::Unlisten(sockets) => !sockets.is_empty(),
        }
    }

    /// Says what no `undo` takes back, before it is done.
    pub(super) fn announce(&self, world: &World<'_>, ports: &Ports, out: &mut Out) -> Result<(), Failure> {
        let said = match self {
            Self::Nothing => return Ok(()),
            Self::Stop(..) if !self.is_something() => led::not_stopped(world, ports),
            Self::Stop(units, processes) => {
                led::and_past(stopping(world, units, processes, ports), world, ports)
            }
            Self::Unlisten(sockets) => led::and_past(unlistening(sockets), world, ports),
        };
        out.sentences(&visible(said.in_lang(out.lang)))
    }

    /// Does all of it, whatever of it fails; `ports` are those that are closed.
    ///
    /// # Errors
    ///
    /// Everything that was not done; whoever ended by himself meanwhile is no error.
    pub(super) fn carry_out(&self, ports: &Ports, settings: &Settings) -> Result<Rest, Failure> {
        let failures = match self {
            Self::Nothing => Vec::new(),
            Self::Stop(units, processes) if self.is_something() => {
                let failures = stop_all(units, processes);
                if failures.is_empty() { still_there(processes, ports, settings) } else { failures }
            }
            Self::Stop(..) => Vec::new(),
            Self::Unlisten(sockets) => unlisten_all(sockets),
        };
        let unit = match self {
            Self::Stop(units, _) => units.first(),
            Self::Nothing | Self::Unlisten(_) => None,
        };
        if !failures.is_empty() {
            return Err(only_closed(failures, unit, ports));
        }
        Ok(match self {
            Self::Stop(..) if self.is_something() => Rest::Nothing,
            Self::Unlisten(_) if self.is_something() => Rest::Connections,
            _ => Rest::Listeners,
        })
    }

    /// Writes down what was done, where something was to be, and `with` which change of the gate.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn note(&self, ports: &Ports, with: Option<u32>, is_done: bool) -> Result<(), Failure> {
        let (by, whom, units): (Means, BTreeSet<&String>, BTreeSet<&String>) = match self {
            Self::Nothing => return Ok(()),
            Self::Stop(units, processes) => {
                (Means::Stop, units.iter().chain(processes.values()).collect(), units.iter().collect())
            }
            Self::Unlisten(sockets) => {
                let whom = sockets.values().map(|deprived| &deprived.who).collect();
                (Means::Unlisten, whom, sockets.values().flat_map(|deprived| &deprived.units).collect())
            }
        };
        if whom.is_empty() {
            return Ok(());
        }
        let ports = ports.specs().map(receipt::Ports).collect();
        let [whom, units] = [whom, units].map(|names| names.into_iter().cloned().collect());
        let deed = Deed::Halt { by, whom, units, ports, with };
        let outcome = if is_done { Outcome::Done } else { Outcome::Unknown };
        let noted = door::open(NOT_NOTED)?.note(deed, outcome);
        noted.map_err(|error| door::failure(error, NOT_NOTED))
    }
}

/// Who is stopped, and what else ends with him.
fn stopping(
    world: &World<'_>,
    units: &BTreeSet<String>,
    processes: &BTreeMap<Held, String>,
    ports: &Ports,
) -> Text {
    let Text { en, ja } = going(units, processes);
    match last::beside(world, units.iter(), ports) {
        Some(others) => text!("{en} {others} goes with it.", "{ja}{others} の待ち受けも終わります。"),
        None => Text { en, ja },
    }
}

fn unlistening(sockets: &BTreeMap<Socket, Deprived>) -> Text {
    if sockets.is_empty() {
        return text!(
            "No socket of TCP listens there, and no other can be taken from its process.",
            "TCP の待ち受けがありません。ほかのプロトコルのソケットは閉じられません。"
        );
    }
    let who = joined(sockets.values().map(|deprived| &deprived.who));
    let units: BTreeSet<&String> = sockets.values().flat_map(|deprived| &deprived.units).collect();
    let (en, ja) = match typed(units) {
        none if none.is_empty() => Default::default(),
        units => (format!(" (systemctl restart {units})"), format!("(systemctl restart {units})")),
    };
    text!(
        "The listening sockets are taken from {who}, which keeps running; portreeve undo does not give them back, a restart of it does{en}. Until then it may use a whole CPU and fill its log with errors.",
        "{who} の待ち受けソケットを閉じます(プロセスは動き続けます)。portreeve undo では戻らず、再起動{ja}が必要です。それまでは、CPU を使い続けたり、エラーでログを埋めたりすることがあります。"
    )
}

/// What of these does not stop, and why.
fn stop_all(units: &BTreeSet<String>, processes: &BTreeMap<Held, String>) -> Vec<Text> {
    let names: Vec<String> = units.iter().cloned().collect();
    let stopped = if names.is_empty() { Ok(()) } else { stop::stop_units(&names) };
    let stopped = stopped.err().and_then(|error| not_stopped(&names.join(", "), &error));
    let ended = processes.iter().map(|(held, who)| (who, stop::terminate(*held)));
    let ended = ended.filter_map(|(who, ended)| not_stopped(who, &ended.err()?));
    stopped.into_iter().chain(ended).collect()
}

/// Who listens there although everything was stopped: whoever does not mind a signal, or was started again.
fn still_there(processes: &BTreeMap<Held, String>, ports: &Ports, settings: &Settings) -> Vec<Text> {
    let end = Instant::now() + PATIENCE;
    let stubborn: BTreeSet<u32> =
        processes.keys().filter(|held| !held.is_let_go(end)).map(|held| held.pid).collect();
    // Whoever cannot look again has looked before: what is left is told by the next command.
    let Ok(look) = Look::take(settings, &Wanted::LISTENERS) else { return Vec::new() };
    let world = look.world();
    let told = listeners(&world, ports).into_iter().map(|listener| {
        let spec = listener.spec();
        match world.snapshot.holders(listener).next() {
            Some((Hold { pid, .. }, process)) if stubborn.contains(&pid) => {
                let who = who(pid, process);
                text!(
                    "{who} does not end by SIGTERM, and listens on {spec}; this ends it at once: kill -KILL {pid}",
                    "{who} は SIGTERM で終了せず、{spec} の待ち受けを続けています。強制終了する場合: kill -KILL {pid}"
                )
            }
            Some((Hold { pid, .. }, process)) => {
                let who = who(pid, process);
                text!("{who} listens on {spec} now", "{who} が {spec} で待ち受けを始めています")
            }
            None => text!("somebody listens on {spec} still", "{spec} で待ち受けが続いています"),
        }
    });
    told.collect()
}

/// Which of these still listen, and why.
fn unlisten_all(sockets: &BTreeMap<Socket, Deprived>) -> Vec<Text> {
    let taken = sockets.iter().map(|((port, cookie), it)| (port, &it.who, unlisten(*port, *cookie)));
    taken.filter_map(|(port, who, taken)| still_listening(*port, who, &taken.err()?)).collect()
}

/// Adds what is stopped to end `row`.
fn stopped<'a>(
    world: &World<'a>,
    row: &Row<'a>,
    footing: &Footing,
    into: &mut (BTreeSet<String>, BTreeMap<Held, String>),
) -> Result<(), (Text, Option<String>)> {
    let holders = row.holders(world);
    if let Some((_, process)) = holders.iter().find(|(_, process)| is_contained(process)) {
        let container = process.host_container().or_else(|| last::container(world, process));
        return Err((
            text!(
                "a container is behind it, and its engine serves others too",
                "コンテナの公開ポートで、エンジンはほかのコンテナも扱っています"
            ),
            container.and_then(last::stop),
        ));
    }
    let is_needed = |(pid, process): &(u32, &Process)| {
        next::is_manager(*pid, process)
            || footing.needs(*pid, process)
            || next::unit_to_stop(process).is_some_and(|unit| footing.needs_unit(unit))
    };
    if let Some((pid, process)) = holders.iter().find(|holder| is_needed(holder)) {
        let name = process.called();
        return Err((
            text!(
                "{name} (pid {pid}) is a way into this host, what you type in, or the service manager",
                "{name}(pid {pid})は、このホストへの接続手段、操作に使っているプロセス、またはサービスマネージャーです"
            ),
            next::stop(world, row, footing),
        ));
    }
    if holders.is_empty() || row.listeners.iter().any(|listener| listener.may_hide_holder()) {
        return Err((text!("not everybody who holds it was seen", "保持者をすべて確認できません"), None));
    }
    let units = next::units_to_stop(world, row, footing);
    let is_of_unit = row.listeners.iter().any(|listener| is_activated(listener))
        || holders.iter().any(|(_, process)| next::unit_to_stop(process).is_some());
    match units {
        Some(units) if systemd::runs() => {
            into.0.extend(units.into_iter().map(str::to_owned));
        }
        _ if is_of_unit && systemd::runs() => {
            let what = text!("which units to stop cannot be told", "停止すべきユニットを特定できません");
            return Err((what, next::stop(world, row, footing)));
        }
        _ if footing.kill(0).is_none() => {
            let what = text!(
                "processes have other numbers here than where they run",
                "この名前空間の PID はホスト側の PID と異なるため、停止できません"
            );
            return Err((what, None));
        }
        _ => {
            for listener in &row.listeners {
                let held =
                    |hold: Hold| Some(Held { pid: hold.pid, fd: hold.descriptor()?, inode: listener.inode });
                let holds = world.snapshot.holders(listener);
                into.1
                    .extend(holds.filter_map(|(hold, process)| Some((held(hold)?, who(hold.pid, process)))));
            }
        }
    }
    Ok(())
}

/// Whether a unit opens it anew when its holder is gone (systemd.socket(5)).
fn is_activated(listener: &Listener) -> bool {
    listener.socket_unit.as_deref().is_some_and(|unit| unit.ends_with(".socket"))
}

fn is_contained(process: &Process) -> bool {
    is_forwarder(process) || process.container.as_ref().is_some_and(|container| !container.is_package())
}

/// The socket of a listener that is taken from its process; `None` where it is no listener of TCP.
fn taken(
    world: &World<'_>,
    listener: &Listener,
    footing: &Footing,
    is_cut: bool,
) -> Result<Option<(Socket, Deprived)>, Failure> {
    if (listener.protocol, listener.state) != (Protocol::Tcp, SocketState::Listen) {
        return Ok(None);
    }
    let holders: Vec<(Hold, &Process)> = world.snapshot.holders(listener).collect();
    let is_needed = |(hold, process): &&(Hold, &Process)| footing.needs(hold.pid, process);
    if let Some((hold, process)) = holders.iter().find(is_needed).filter(|_| !is_cut) {
        let who = who(hold.pid, process);
        return Err(Failure::new(Exit::Refused, NOT_STOPPED)
            .because(text!(
                "{who} is a way into this host, perhaps what you are here by",
                "{who} は、このホストへの接続手段か、操作に使っているプロセスです"
            ))
            .hint(text!(
                "if that is what you want: --cut-my-own-session",
                "承知のうえで閉じる場合は --cut-my-own-session を指定してください"
            )));
    }
    if let Some(unit) = listener.socket_unit.as_deref().filter(|_| is_activated(listener)) {
        let failure = Failure::new(Exit::Refused, NOT_STOPPED).because(text!(
            "the service manager holds it for {unit}, which would not notice",
            "サービスマネージャーが {unit} のために保持しており、閉じても気付きません"
        ));
        let stop = format!("systemctl stop {}", quoted(unit));
        return Err(failure.hint(Text { en: stop.clone(), ja: stop }));
    }
    if listener.cookie == 0 {
        let what =
            text!("the kernel did not tell which socket it is", "ソケットを特定する番号を取得できません");
        return Err(unstopped((what, None)));
    }
    let named = holders.first().map(|(hold, process)| who(hold.pid, process));
    let who = named.unwrap_or_else(|| listener.spec().to_string());
    let units = holders.iter().filter_map(|(_, process)| next::unit_to_stop(process)).map(str::to_owned);
    Ok(Some(((listener.port, listener.cookie), Deprived { who, units: units.collect() })))
}

fn who(pid: u32, process: &Process) -> String {
    format!("{} (pid {pid})", process.called())
}

fn joined<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: BTreeSet<&str> = names.map(String::as_str).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn unstopped((why, hint): (Text, Option<String>)) -> Failure {
    let failure = Failure::new(Exit::Refused, NOT_STOPPED).because(why);
    match hint {
        Some(command) => failure.hint(Text { en: command.clone(), ja: command }),
        None => failure.hint(text!(
            "without --stop the port is closed all the same",
            "--stop なしでもポートは閉じられます"
        )),
    }
}

/// What was not done is told, and where to look at it: at the first unit of those that are stopped, else at the port.
fn only_closed(mut failures: Vec<Text>, unit: Option<&String>, ports: &Ports) -> Failure {
    let more = failures.len().saturating_sub(FAILURES_MAX);
    failures.truncate(FAILURES_MAX);
    if more > 0 {
        failures.push(text!("{more} more failed too", "ほか {more} 件も失敗しました"));
    }
    let failure = failures.into_iter().fold(Failure::new(Exit::Unreachable, ONLY_CLOSED), Failure::because);
    let look = match (unit, ports.specs().next()) {
        (Some(unit), _) => format!("systemctl status {unit}"),
        (None, Some(spec)) => format!("portreeve who {spec}"),
        (None, None) => return failure,
    };
    failure.hint(Text { en: look.clone(), ja: look })
}

/// `None` where it ended by itself.
fn not_stopped(who: &str, error: &StopError) -> Option<Text> {
    match error {
        StopError::Gone(_) => None,
        StopError::Manager(error) => {
            Some(text!("{who}: systemctl says: {error}", "{who}: systemctl のメッセージ: {error}"))
        }
        StopError::Refused(_, error) => {
            let Text { en, ja } = io_cause(error);
            Some(text!("{who} takes no signal: {en}", "{who} にシグナルを送れません: {ja}"))
        }
    }
}

/// `None` where nobody listens by it any more.
fn still_listening(port: u16, who: &str, error: &UnlistenError) -> Option<Text> {
    let why: Text = match error {
        UnlistenError::Gone => return None,
        UnlistenError::NotPermitted => Words {
            en: "it takes the right to administer the network (CAP_NET_ADMIN)",
            ja: "ネットワークの管理権限(CAP_NET_ADMIN)が必要です",
        }
        .into(),
        UnlistenError::Unsupported => Words {
            en: "this kernel cannot close sockets of others (it was built without CONFIG_INET_DIAG_DESTROY)",
            ja: "このカーネルはほかのプロセスのソケットを閉じられません(CONFIG_INET_DIAG_DESTROY が無効)",
        }
        .into(),
        UnlistenError::Hidden => Words {
            en: "what comes in there is led to other sockets, and its process gives nobody its own",
            ja: "このポート宛ての通信はほかのソケットに誘導されており、プロセスからもソケットを取得できません",
        }
        .into(),
        UnlistenError::Held(error) => {
            text!("its process gives nobody the socket: {error}", "プロセスからソケットを取得できません: {error}")
        }
        UnlistenError::Netlink(error) => text!("as it was said: {error}", "エラーの内容: {error}"),
    };
    let Text { en, ja } = why;
    Some(text!("{port}/tcp, {who}: {en}", "{port}/tcp({who}): {ja}"))
}

#[cfg(test)]
mod tests {
    use portreeve_core::port::{PortRange, PortSpec};

    use super::*;

    fn ports() -> Ports {
        [PortSpec { range: PortRange::one(8080), protocol: Protocol::Tcp }].into_iter().collect()
    }

    /// One that fails is no reason to leave the others as they are, and each is named.
    #[test]
    fn every_process_is_tried_and_every_failure_named() {
        let refused = || StopError::Refused(7, std::io::ErrorKind::PermissionDenied.into());
        let failures: Vec<_> =
            (0..10).filter_map(|at| not_stopped(&format!("web{at}"), &refused())).collect();
        let said = format!("{:?}", only_closed(failures, None, &ports()));
        for at in 0..8 {
            assert!(said.contains(&format!("web{at} takes no signal: permission denied")), "{said}");
        }
        assert!(!said.contains("web8") && said.contains("2 more failed too"), "{said}");
        assert!(said.contains("portreeve who 8080/tcp"), "{said}");
        assert_eq!(not_stopped("web", &StopError::Gone(7)), None);
        assert_eq!(still_listening(8080, "web", &UnlistenError::Gone), None);
        let unit = "web.service".to_owned();
        let said = format!("{:?}", only_closed(vec![text!("x", "x")], Some(&unit), &ports()));
        assert!(said.contains("systemctl status web.service"), "{said}");
    }
}
