//! The same on the oldest kernel that is supported, on which the program was not compiled.

use std::{
    io::{self, ErrorKind},
    net::{TcpListener, TcpStream, UdpSocket},
    os::fd::AsRawFd,
    process, thread,
    time::Duration,
};

use portreeve_core::{
    port::{PortRange, Protocol},
    steer::{Route, Routes, Tenancy, WhenDead},
};
use portreeve_host::{
    enforce::steer::{Hits, Steer, socket},
    events::listening::now,
};

use crate::lab::kernel::{pass_within, run};

/// Nobody listens there alone.
const SHARED: &str = "127.0.0.7";

#[test]
fn packets_are_led_on_the_oldest_kernel() {
    let guest = pass_within("lab::steer::oldest::within_the_guest");
    // It went with the program that held it.
    assert!(!run(&guest, "bpftool prog show").stdout.contains("sk_lookup"));
}

fn route(service: &str, protocol: Protocol, ports: PortRange, when_dead: WhenDead) -> Route {
    let address = Some(SHARED.parse().expect("an address"));
    Route {
        service: service.into(),
        tenancy: Tenancy::default(),
        owners: Vec::new(),
        protocol,
        address,
        ports,
        when_dead,
        local: false,
        target_port: None,
    }
}

fn lead(steer: &Steer, service: &str, socket: &impl AsRawFd) {
    let fd = socket.as_raw_fd().try_into().expect("it is open");
    let found = socket::find(process::id(), fd).expect("it is there");
    for family in found.families {
        steer
            .lead((service, Tenancy::default()), (found.protocol, *family), &found.socket)
            .expect("the kernel takes it");
    }
}

/// Whether a connection to `port` comes to `listener`; every other end than a refusal is a mistake.
fn comes(port: u16, listener: &TcpListener) -> bool {
    match TcpStream::connect((SHARED, port)) {
        Ok(client) => {
            listener.accept().expect("it comes there").1 == client.local_addr().expect("it is bound")
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::ConnectionRefused, "{port}: {error}");
            false
        }
    }
}

fn bound() -> io::Result<TcpListener> {
    TcpListener::bind("127.0.0.1:0")
}

/// The other half of the test above.
#[test]
#[ignore = "packets_are_led_on_the_oldest_kernel runs it in its guest"]
fn within_the_guest() {
    let steer = Steer::load().expect("the kernel takes it");
    let (web, rest) = (bound().expect("there is room"), bound().expect("there is room"));
    let names = UdpSocket::bind("127.0.0.1:5300").expect("it is free");
    let routes = Routes(vec![
        route("names", Protocol::Udp, PortRange::one(5300), WhenDead::Refuse),
        route("rest", Protocol::Tcp, PortRange { first: 1, last: 65_535 }, WhenDead::Pass),
        route("web", Protocol::Tcp, PortRange { first: 8_000, last: 8_100 }, WhenDead::Refuse),
    ]);
    steer.keep(&routes).expect("the kernel takes them");
    assert!(!comes(8_000, &web) && !comes(9, &rest), "nobody is there yet");
    lead(&steer, "web", &web);
    lead(&steer, "rest", &rest);
    lead(&steer, "names", &names);
    assert!(comes(8_000, &web) && comes(8_100, &web) && comes(8_101, &rest) && comes(9, &rest));
    let client = UdpSocket::bind("127.0.0.1:0").expect("there is room");
    client.send_to(b"?", (SHARED, 5300)).expect("it is sent");
    names.set_read_timeout(Some(Duration::from_secs(10))).expect("it is a time");
    assert_eq!(names.recv_from(&mut [0; 8]).expect("it comes").1, client.local_addr().expect("it is bound"));

    let stands = steer.stands().expect("it is told");
    let hits =
        stands.iter().find(|slot| slot.service == "web" && slot.cookie.is_some()).map(|slot| slot.hits);
    assert_eq!(hits, Some(Hits { delivered: 2, dead: 1, error: 0 }), "{stands:?}");
    let until = now() + 1_000_000_000;
    steer.try_keeping(&Routes::default(), until).expect("the kernel takes them");
    assert!(!comes(8_000, &web) && now() < until, "on trial nothing is led");
    while now() < until {
        thread::sleep(Duration::from_millis(20));
    }
    assert!(comes(8_000, &web), "nobody confirmed it");
    drop(web);
    assert!(TcpStream::connect((SHARED, 8_000)).is_err() && comes(9, &rest), "its owner is gone");
}
