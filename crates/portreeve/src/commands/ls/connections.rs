//! What `ls -a` shows below the listeners: sockets with a peer, and sockets without ports.

use portreeve_core::{
    address::Address,
    facts::{Connection, OtherSocket, TcpState},
    words::Words,
    world::World,
};

use crate::{
    failure::Failure,
    show::{
        out::Out,
        owner::UNSEEN,
        table::{Cell, Column, Fit, Table},
    },
};

const LOCAL: Column = Column { head: Words { en: "LOCAL", ja: "ローカル" }, fit: Fit::Whole };
const PEER: Column = Column { head: Words { en: "PEER", ja: "相手" }, fit: Fit::Whole };
const STATE: Column = Column { head: Words { en: "STATE", ja: "状態" }, fit: Fit::Whole };
const PROCESS: Column = Column { head: Words { en: "PROCESS", ja: "プロセス" }, fit: Fit::Cut };
const KIND: Column = Column { head: Words { en: "KIND", ja: "種類" }, fit: Fit::Whole };
const NUMBER: Column = Column { head: Words { en: "NUMBER", ja: "番号" }, fit: Fit::Whole };

/// Prints both, each where there is one.
pub(super) fn print(world: &World<'_>, connections: &[&Connection], out: &mut Out) -> Result<(), Failure> {
    if !connections.is_empty() {
        out.line("")?;
        out.table(&connection_table(world, connections))?;
    }
    if !world.snapshot.other.is_empty() {
        out.line("")?;
        out.table(&other_table(world, &world.snapshot.other))?;
    }
    Ok(())
}

fn connection_table(world: &World<'_>, connections: &[&Connection]) -> Table {
    let mut table = Table::new(&[LOCAL, PEER, STATE, PROCESS], 0);
    for connection in connections {
        let protocol = connection.protocol;
        let local = format!("{}/{protocol}", endpoint(&connection.address, connection.port));
        table.push([
            local.into(),
            endpoint(&connection.peer.address, connection.peer.port).into(),
            state(connection.state).into(),
            processes(world, &connection.pids),
        ]);
    }
    table
}

fn other_table(world: &World<'_>, sockets: &[OtherSocket]) -> Table {
    let mut table = Table::new(&[KIND, NUMBER, PROCESS], 0);
    for socket in sockets {
        let number = socket.number.to_string();
        table.push([socket.kind.as_str().into(), number.into(), processes(world, &socket.pids)]);
    }
    table
}

fn endpoint(address: &Address, port: u16) -> String {
    if address.ip.is_ipv4() { format!("{address}:{port}") } else { format!("[{address}]:{port}") }
}

fn processes(world: &World<'_>, pids: &[u32]) -> Cell {
    match pids.first() {
        None => UNSEEN.into(),
        Some(pid) => {
            let name = world.snapshot.processes.get(pid).map_or(UNSEEN, |process| process.name.as_str());
            let more = if pids.len() > 1 { format!(" +{}", pids.len() - 1) } else { String::new() };
            format!("{name} {pid}{more}").into()
        }
    }
}

const fn state(state: TcpState) -> &'static str {
    match state {
        TcpState::Established => "established",
        TcpState::SynSent => "syn-sent",
        TcpState::SynRecv | TcpState::NewSynRecv => "syn-recv",
        TcpState::FinWait1 => "fin-wait1",
        TcpState::FinWait2 => "fin-wait2",
        TcpState::TimeWait => "time-wait",
        TcpState::Close => "close",
        TcpState::CloseWait => "close-wait",
        TcpState::LastAck => "last-ack",
        TcpState::Closing => "closing",
        TcpState::BoundInactive => "bound",
    }
}
