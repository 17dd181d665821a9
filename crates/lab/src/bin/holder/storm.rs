//! Sockets that come and go, many a second.

use std::{
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::fd::OwnedFd,
    thread,
    time::{Duration, Instant},
};

use rustix::net;

use crate::{Outcome, plain};

/// Brief listeners go round so many numbers.
const NUMBERS: u16 = 1_000;
/// Where the connections of a churn go: so many addresses that no pair of ports comes twice within a minute.
const PLACES: u32 = 250;
const CHURN_PORT: u16 = 10_000;
const BRIEF_PORT: u16 = 20_000;
/// After so many connections of a churn there is a brief listener.
const CONNECTIONS_A_LISTENER: u32 = 50;

/// So many TCP listeners on loopback, one after the other, each living for so many microseconds.
pub(crate) fn brief(count: u16, microseconds: u16, first: u16) -> Outcome {
    for number in 0..count {
        let listener = listen_briefly(first + number % NUMBERS)?;
        if microseconds > 0 {
            thread::sleep(Duration::from_micros(microseconds.into()));
        }
        drop(listener);
    }
    println!("done");
    Ok(())
}

/// So many UDP sockets on loopback, one after the other, each gone at once.
pub(crate) fn brief_udp(count: u16, first: u16) -> Outcome {
    for number in 0..count {
        drop(UdpSocket::bind((Ipv4Addr::LOCALHOST, first + number % NUMBERS))?);
    }
    println!("done");
    Ok(())
}

/// So many connections a second for so many seconds, opened and closed on both ends, and a brief listener now and then;
/// says how many of each there were.
pub(crate) fn churn(rate: u16, seconds: u16) -> Outcome {
    let server = TcpListener::bind((Ipv4Addr::UNSPECIFIED, CHURN_PORT))?;
    println!("ready");
    io::stdout().flush()?;
    let begin = Instant::now();
    let count = u32::from(rate) * u32::from(seconds);
    let mut listeners = 0;
    for number in 0..count {
        let due = begin + Duration::from_secs_f64(f64::from(number) / f64::from(rate));
        if let Some(early) = due.checked_duration_since(Instant::now()).filter(|early| early.as_millis() > 0)
        {
            thread::sleep(early);
        }
        let place = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 1, 1)) + number % PLACES);
        let near = TcpStream::connect((place, CHURN_PORT))?;
        let far = server.accept()?;
        drop(near);
        drop(far);
        if number % CONNECTIONS_A_LISTENER == 0 {
            let number = u16::try_from(listeners % u32::from(NUMBERS))?;
            drop(listen_briefly(BRIEF_PORT + number)?);
            listeners += 1;
        }
    }
    println!("{count} {listeners} {}", begin.elapsed().as_millis());
    Ok(())
}

fn listen_briefly(port: u16) -> io::Result<OwnedFd> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let socket = plain::stream(address)?;
    net::bind(&socket, &address)?;
    net::listen(&socket, plain::BACKLOG)?;
    Ok(socket)
}
