//! What `ls -a` shows below the listeners: sockets with a peer, and sockets without ports.

use portreeve_core::{
    facts::{Connection, OtherSocket},
    words::Words,
    world::World,
};

use crate::{
    failure::Failure,
    show::{
        connection::{endpoint, state},
        listeners::{NETNS, foreign},
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
pub(super) fn print(
    world: &World<'_>,
    connections: &[&Connection],
    others: &[&OtherSocket],
    out: &mut Out,
) -> Result<(), Failure> {
    if !connections.is_empty() {
        out.line("")?;
        out.table(&connection_table(world, connections))?;
    }
    if !others.is_empty() {
        out.line("")?;
        out.table(&other_table(world, others))?;
    }
    Ok(())
}

fn connection_table(world: &World<'_>, connections: &[&Connection]) -> Table {
    let is_foreign = connections.iter().any(|connection| foreign(world, connection.netns).is_some());
    let mut table = table(&[LOCAL, PEER, STATE, PROCESS], is_foreign);
    for connection in connections {
        let protocol = connection.protocol;
        let local = format!("{}/{protocol}", endpoint(&connection.address, connection.port));
        let mut cells: Vec<Cell> = vec![
            local.into(),
            endpoint(&connection.peer.address, connection.peer.port).into(),
            state(connection.state).into(),
            processes(world, &connection.pids),
        ];
        cells.extend(is_foreign.then(|| foreign(world, connection.netns).unwrap_or_default().into()));
        table.push_row(cells);
    }
    table
}

fn other_table(world: &World<'_>, sockets: &[&OtherSocket]) -> Table {
    let is_foreign = sockets.iter().any(|socket| foreign(world, socket.netns).is_some());
    let mut table = table(&[KIND, NUMBER, PROCESS], is_foreign);
    for socket in sockets {
        let number = socket.number.to_string();
        let mut cells: Vec<Cell> =
            vec![socket.kind.as_str().into(), number.into(), processes(world, &socket.pids)];
        cells.extend(is_foreign.then(|| foreign(world, socket.netns).unwrap_or_default().into()));
        table.push_row(cells);
    }
    table
}

fn table(columns: &[Column], is_foreign: bool) -> Table {
    let mut columns = columns.to_vec();
    columns.extend(is_foreign.then_some(NETNS));
    Table::new(&columns, 0)
}

fn processes(world: &World<'_>, pids: &[u32]) -> Cell {
    match pids.first() {
        None => UNSEEN.into(),
        Some(pid) => {
            let name = world.snapshot.processes.get(pid).map_or(UNSEEN.into(), |process| process.called());
            let more = if pids.len() > 1 { format!(" +{}", pids.len() - 1) } else { String::new() };
            format!("{name} {pid}{more}").into()
        }
    }
}
