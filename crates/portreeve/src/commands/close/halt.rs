//! What is done to those who listen on a port that is closed: stopped, or their sockets taken from them, and only where
//! somebody asks for it (A16, A17).

use std::collections::{BTreeMap, BTreeSet};

use clap::ArgMatches;
use portreeve_core::{
    facts::{Hold, Listener, Process, SocketState},
    gate::Ports,
    port::Protocol,
    text,
    words::{Text, Words},
    world::World,
};
use portreeve_host::enforce::{
    stop::{self, Held, StopError},
    unlisten::{UnlistenError, unlisten},
};

use super::{
    super::plan::CUT,
    STOP, UNLISTEN,
    last::{self, is_forwarder, listeners},
};
use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    footing::Footing,
    settings::Settings,
    show::{
        escape::visible,
        next,
        out::Out,
        rows::{Folding, Row, fold},
    },
};

const NOT_STOPPED: Words =
    Words { en: "nothing was closed or stopped", ja: "何も変更していません" };
const ONLY_CLOSED: Words = Words {
    en: "the port is closed, but what listens there was not stopped",
    ja: "ポートは閉じましたが、待ち受けを停止できません",
};

/// What else is done, which no `undo` takes back.
#[derive(Debug)]
pub(super) enum Halt {
    /// Nothing.
    Nothing,
    /// Units and processes are stopped.
    Stop(BTreeSet<String>, BTreeMap<Held, String>),
    /// These sockets listen no longer, with whoever has them.
    Unlisten(BTreeMap<Socket, String>),
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

    /// Says what no `undo` takes back, before it is done.
    pub(super) fn announce(&self, out: &mut Out) -> Result<(), Failure> {
        let said = match self {
            Self::Nothing => return Ok(()),
            Self::Stop(units, processes) if units.is_empty() && processes.is_empty() => {
                text!(
                    "Nobody listens there, so nobody is stopped.",
                    "待ち受けがないため、停止するものはありません。"
                )
            }
            Self::Stop(units, processes) => going(units, processes),
            Self::Unlisten(sockets) if sockets.is_empty() => text!(
                "No socket of TCP listens there, and no other can be taken from its process.",
                "TCP の待ち受けがありません。ほかのプロトコルのソケットは閉じられません。"
            ),
            Self::Unlisten(sockets) => {
                let who = joined(sockets.values());
                text!(
                    "The listening sockets are taken from {who}, which lives on; portreeve undo does not give them back, a restart of it does.",
                    "{who} の待ち受けソケットを閉じます(プロセスは動き続けます)。portreeve undo では戻らず、再起動が必要です。"
                )
            }
        };
        out.sentences(&visible(said.in_lang(out.lang)))
    }

    /// Does it.
    ///
    /// # Errors
    ///
    /// Where something of it was not done; whoever ended by himself meanwhile is no error.
    pub(super) fn carry_out(&self) -> Result<(), Failure> {
        match self {
            Self::Nothing => Ok(()),
            Self::Stop(units, processes) => {
                let units: Vec<String> = units.iter().cloned().collect();
                let stopped = if units.is_empty() { Ok(()) } else { stop::stop_units(&units) };
                let ended = processes.keys().map(|held| stop::terminate(*held));
                let mut all = [stopped].into_iter().chain(ended);
                all.find_map(|one| one.err().filter(|error| !matches!(error, StopError::Gone(_))))
                    .map_or(Ok(()), |error| Err(only_closed(&error)))
            }
            Self::Unlisten(sockets) => {
                let mut all = sockets.keys().map(|(port, cookie)| unlisten(*port, *cookie));
                all.find_map(|one| one.err().filter(|error| !matches!(error, UnlistenError::Gone)))
                    .map_or(Ok(()), |error| Err(still_listening(&error)))
            }
        }
    }
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
                "{name} (pid {pid}) is what you are here by, or the service manager",
                "{name}(pid {pid})は操作に使っているプロセスか、サービスマネージャーです"
            ),
            next::stop(world, row, footing),
        ));
    }
    if holders.is_empty() || row.listeners.iter().any(|listener| listener.may_hide_holder()) {
        return Err((text!("not everybody who holds it was seen", "保持者をすべて確認できません"), None));
    }
    let units = next::stop(world, row, footing).and_then(|command| {
        let units = command.strip_prefix("systemctl stop ")?;
        Some(units.split(' ').map(str::to_owned).collect::<Vec<_>>())
    });
    let is_of_unit = row.listeners.iter().any(|listener| is_activated(listener))
        || holders.iter().any(|(_, process)| next::unit_to_stop(process).is_some());
    match units {
        Some(units) if stop::has_service_manager() => into.0.extend(units),
        _ if is_of_unit && stop::has_service_manager() => {
            let what = text!("which units to stop cannot be told", "停止すべきユニットを特定できません");
            return Err((what, next::stop(world, row, footing)));
        }
        _ if footing.kill(0).is_none() => {
            let what = text!(
                "processes have other numbers here than where they run",
                "ここでのプロセス番号は、実際のものと異なります"
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
) -> Result<Option<(Socket, String)>, Failure> {
    if (listener.protocol, listener.state) != (Protocol::Tcp, SocketState::Listen) {
        return Ok(None);
    }
    let holders: Vec<(Hold, &Process)> = world.snapshot.holders(listener).collect();
    let is_needed = |(hold, process): &&(Hold, &Process)| footing.needs(hold.pid, process);
    if let Some((hold, process)) = holders.iter().find(is_needed).filter(|_| !is_cut) {
        let who = who(hold.pid, process);
        return Err(Failure::new(Exit::Refused, NOT_STOPPED)
            .because(text!("you are here by {who}", "{who} 経由で操作しています"))
            .hint(text!(
                "if that is what you want: --cut-my-own-session",
                "承知のうえで閉じる場合は --cut-my-own-session を指定してください"
            )));
    }
    if listener.cookie == 0 {
        let what =
            text!("the kernel did not tell which socket it is", "ソケットを特定する番号を取得できません");
        return Err(unstopped((what, None)));
    }
    let named = holders.first().map(|(hold, process)| who(hold.pid, process));
    Ok(Some(((listener.port, listener.cookie), named.unwrap_or_else(|| listener.spec().to_string()))))
}

fn who(pid: u32, process: &Process) -> String {
    format!("{} (pid {pid})", process.called())
}

fn joined<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: BTreeSet<&str> = names.map(String::as_str).collect();
    names.into_iter().collect::<Vec<_>>().join(", ")
}

fn going(units: &BTreeSet<String>, processes: &BTreeMap<Held, String>) -> Text {
    let (units, processes) = (joined(units.iter()), joined(processes.values()));
    match (units.as_str(), processes.as_str()) {
        (units, "") => text!(
            "{units} is stopped too; portreeve undo does not start it again: systemctl start {units}",
            "{units} も停止します。portreeve undo では再開されません(systemctl start {units} で開始)。"
        ),
        ("", processes) => text!(
            "SIGTERM ends {processes} too, which portreeve undo does not start again.",
            "{processes} も SIGTERM で終了します。portreeve undo では再開されません。"
        ),
        (units, processes) => text!(
            "{units} is stopped too, and SIGTERM ends {processes}; portreeve undo starts neither again.",
            "{units} を停止し、{processes} を SIGTERM で終了します。どちらも portreeve undo では再開されません。"
        ),
    }
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

fn only_closed(error: &StopError) -> Failure {
    let failure = Failure::new(Exit::Unreachable, ONLY_CLOSED);
    match error {
        StopError::Manager(error) => {
            failure.because(text!("systemctl says: {error}", "systemctl のメッセージ: {error}"))
        }
        StopError::Gone(pid) => {
            failure.because(text!("process {pid} is gone", "プロセス {pid} は存在しません"))
        }
        StopError::Refused(pid, error) => failure
            .because(text!("process {pid} takes no signal", "プロセス {pid} にシグナルを送れません"))
            .because(io_cause(error)),
    }
}

fn still_listening(error: &UnlistenError) -> Failure {
    let failure = Failure::new(Exit::Unreachable, ONLY_CLOSED);
    match error {
        UnlistenError::NotPermitted => failure.because(Words {
            en: "it takes the right to administer the network (CAP_NET_ADMIN)",
            ja: "ネットワークの管理権限(CAP_NET_ADMIN)が必要です",
        }),
        UnlistenError::Unsupported => failure.because(Words {
            en: "this kernel cannot close sockets of others (it was built without CONFIG_INET_DIAG_DESTROY)",
            ja: "このカーネルはほかのプロセスのソケットを閉じられません(CONFIG_INET_DIAG_DESTROY が無効)",
        }),
        UnlistenError::Gone => {
            failure.because(Words { en: "the socket is gone", ja: "ソケットは既に存在しません" })
        }
        UnlistenError::Netlink(error) => {
            failure.because(text!("as it was said: {error}", "エラーの内容: {error}"))
        }
    }
}
