//! What a look finds of sockets that this test opens itself (A4, A5, A12).

use std::{
    net::{TcpListener, UdpSocket},
    time::Duration,
};

use portreeve_core::{
    facts::{ExeState, Listener, SeenBy, Snapshot, SocketState},
    port::{PortRange, Protocol},
};
use portreeve_host::{
    Wanted, observe,
    observe::{Connections, Holders, Namespaces, Ways},
};

/// A look at our own namespace: the others need root.
const OWN: Wanted = Wanted { namespaces: Namespaces::Own, ..Wanted::LISTENERS };

fn listener(snapshot: &Snapshot, protocol: Protocol, port: u16) -> &Listener {
    let found: Vec<_> = snapshot
        .listeners
        .iter()
        .filter(|listener| listener.protocol == protocol && listener.port == port)
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0]
}

fn is_ours(snapshot: &Snapshot, listener: &Listener) -> bool {
    let own = std::process::id();
    let process = &snapshot.processes[&own];
    listener.holders.iter().any(|hold| hold.pid == own) && process.exe_state == ExeState::Same
}

#[test]
fn a_socket_of_each_protocol_is_found_with_its_holder() {
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = UdpSocket::bind("[::1]:0").unwrap();
    let snapshot = observe(&OWN).unwrap();
    let tcp = listener(&snapshot, Protocol::Tcp, tcp.local_addr().unwrap().port());
    assert_eq!((tcp.address.to_string().as_str(), tcp.state), ("127.0.0.1", SocketState::Listen));
    assert!(is_ours(&snapshot, tcp) && tcp.gap.is_none());
    let udp = listener(&snapshot, Protocol::Udp, udp.local_addr().unwrap().port());
    assert_eq!((udp.address.to_string().as_str(), udp.state), ("::1", SocketState::Unconnected));
    assert!(is_ours(&snapshot, udp) && udp.ephemeral, "the kernel chose its number");
}

#[test]
fn the_kernels_tables_tell_the_same_as_sock_diag() {
    let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
    let v6 = TcpListener::bind("[::1]:0").unwrap();
    let diag = Wanted { ways: Ways::without("bpf").unwrap(), ..OWN };
    let tables = Wanted { ways: Ways::without("bpf,sock_diag").unwrap(), ..OWN };
    for port in [v4.local_addr().unwrap().port(), v6.local_addr().unwrap().port()] {
        let by_diag = observe(&diag).unwrap();
        let by_tables = observe(&tables).unwrap();
        let a = listener(&by_diag, Protocol::Tcp, port);
        let b = listener(&by_tables, Protocol::Tcp, port);
        assert_eq!((a.seen_by, b.seen_by), (SeenBy::SockDiag, SeenBy::Proc));
        assert_eq!((&a.address, a.family, a.inode, &a.holders), (&b.address, b.family, b.inode, &b.holders));
    }
}

#[test]
fn one_port_can_be_asked_for_alone() {
    let one = TcpListener::bind("127.0.0.1:0").unwrap();
    let _another = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = one.local_addr().unwrap().port();
    let wanted = Wanted { ports: Some(PortRange::one(port)), holders: Holders::Quick, ..OWN };
    let snapshot = observe(&wanted).unwrap();
    assert!(snapshot.listeners.iter().all(|listener| listener.port == port));
    assert!(is_ours(&snapshot, listener(&snapshot, Protocol::Tcp, port)));
}

#[test]
fn connections_are_counted_and_listed() {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap();
    let client = std::net::TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
    let _accepted = server.accept().unwrap();
    let wanted = Wanted { connections: Connections::List, ..OWN };
    let snapshot = observe(&wanted).unwrap();
    let count = |port| {
        let counts = &snapshot.namespaces[0].connections_by_port;
        counts
            .iter()
            .find(|entry| entry.port == port && entry.protocol == Protocol::Tcp)
            .map(|entry| entry.count)
    };
    let client_port = client.local_addr().unwrap().port();
    assert_eq!((count(address.port()), count(client_port)), (Some(1), Some(1)));
    let connections = snapshot.connections.as_ref().unwrap();
    let ours = connections.iter().find(|connection| connection.port == client_port).unwrap();
    assert_eq!((ours.peer.port, &*ours.pids), (address.port(), &[std::process::id()][..]));
}

#[test]
fn no_way_of_looking_is_an_error_and_no_empty_list() {
    let blind = Wanted { ways: Ways::without("bpf,sock_diag,proc").unwrap(), ..OWN };
    assert!(observe(&blind).is_err());
}
