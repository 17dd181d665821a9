//! What somebody who tries passwords has open on the service that he tries them on (A19).

use super::{Kind, Source, Suspicion};
use crate::{facts::Connection, port::Protocol, world::World};

/// His connections of TCP to the declared ports of the service that wrote of him; none of whoever does anything else, and none where he
/// is not the only one.
pub fn sessions<'a>(world: &'a World<'_>, suspicion: &'a Suspicion) -> impl Iterator<Item = &'a Connection> {
    let tries_passwords = matches!(suspicion.kind, Kind::BruteForce | Kind::PasswordSpray);
    let own = world.own_namespace().map(|own| own.id);
    let is_his = move |connection: &&Connection| {
        connection.protocol == Protocol::Tcp
            && Some(connection.netns) == own
            && connection.cookie != 0
            && connection.keeps_port()
            && Source::of(connection.peer.address.ip) == suspicion.source
            && is_of_service(world, connection, suspicion.service.as_deref())
    };
    let all = world.snapshot.connections.iter().flatten();
    all.filter(move |connection| tries_passwords && is_his(connection))
}

fn is_of_service(world: &World<'_>, connection: &Connection, service: Option<&str>) -> bool {
    let mut declared = world.desired.at(connection.protocol, connection.port);
    declared.any(|port| Some(port.service.name.as_str()) == service)
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use jiff::Timestamp;

    use super::*;
    use crate::{
        address::Family,
        facts::{Peer, Pids, TcpState},
        rules::testing::{Scene, scene},
        watch::Confidence,
    };

    fn suspicion(kind: Kind) -> Suspicion {
        Suspicion {
            at: Timestamp::UNIX_EPOCH,
            source: Source::of("203.0.113.7".parse().unwrap()),
            kind,
            confidence: Confidence::Proven,
            score: 0,
            first: Timestamp::UNIX_EPOCH,
            last: Timestamp::UNIX_EPOCH,
            contacts: 5,
            ports: Vec::new(),
            service: Some("ssh".into()),
            users: 1,
            welcomed: 0,
            group: None,
        }
    }

    fn with(connections: &[(&str, u16, TcpState)]) -> Scene {
        let mut scene = scene().service("ssh", "22/tcp 2222/tcp", "ssh.service").service(
            "web",
            "443/tcp",
            "nginx.service",
        );
        let own = scene.snapshot.own_namespace().expect("it is ours").id;
        let connection = |(cookie, (peer, port, state)): (u64, &(&str, u16, TcpState))| Connection {
            protocol: Protocol::Tcp,
            family: Family::Ipv4,
            address: "192.0.2.1".parse().unwrap(),
            port: *port,
            peer: Peer { address: peer.parse().unwrap(), port: 40_000 },
            state: *state,
            netns: own,
            inode: 1,
            cookie,
            pids: Pids::default(),
            socket_unit: None,
        };
        scene.snapshot.connections = Some((1..).zip(connections).map(connection).collect());
        scene
    }

    #[test]
    fn they_are_his_on_that_service_alone() {
        let scene = with(&[
            ("203.0.113.7", 22, TcpState::Established),
            ("::ffff:203.0.113.7", 2222, TcpState::CloseWait),
            ("203.0.113.7", 443, TcpState::Established),
            ("203.0.113.8", 22, TcpState::Established),
            ("203.0.113.7", 22, TcpState::TimeWait),
        ]);
        let found = |kind| {
            let suspicion = suspicion(kind);
            let cookies = |world: &World<'_>| sessions(world, &suspicion).map(|it| it.cookie).collect();
            scene.with_world::<Vec<u64>>(cookies)
        };
        assert_eq!(found(Kind::BruteForce), [1, 2]);
        assert_eq!(found(Kind::PasswordSpray), [1, 2]);
        assert_eq!(found(Kind::PortScan), [0; 0]);
        assert_eq!(found(Kind::DistributedBruteForce), [0; 0]);
    }
}
