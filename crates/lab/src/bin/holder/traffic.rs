//! Sockets and processes that come and go.

use std::{
    collections::VecDeque,
    io::{self, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{Outcome, hold};

/// How many connections are there at any time, both ends of each.
const STANDING: usize = 200;
/// Over so many addresses of loopback the connections are spread: one has too few numbers for all that just ended.
const ADDRESSES: u32 = 250;
/// How long nothing may happen: a burst makes up for it.
const STEP: Duration = Duration::from_millis(2);

/// Opens so many connections a second to itself, and closes as many.
pub(crate) fn traffic(port: u16, each_second: u16) -> Outcome {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?;
    println!("ready");
    io::stdout().flush()?;
    let start = Instant::now();
    let mut ends = VecDeque::new();
    let mut opened: u32 = 0;
    loop {
        let due = start.elapsed().as_secs_f64() * f64::from(each_second);
        while f64::from(opened) < due {
            let last = u8::try_from(opened % ADDRESSES + 1)?;
            let near = TcpStream::connect((Ipv4Addr::new(127, 0, 1, last), port))?;
            ends.push_back((near, listener.accept()?));
            opened += 1;
            if ends.len() > STANDING {
                ends.pop_front();
            }
        }
        thread::sleep(STEP);
    }
}

/// Listens for so many milliseconds, and ends.
pub(crate) fn short(address: SocketAddr, milliseconds: u16) -> Outcome {
    let _listener = TcpListener::bind(address)?;
    thread::sleep(Duration::from_millis(milliseconds.into()));
    Ok(())
}

/// So many listeners on ports that follow each other: their addresses would make a command line that nobody wants to read
/// a thousand times.
pub(crate) fn row(first: u16, count: u16) -> Outcome {
    let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    hold((first..).take(count.into()).map(listen).collect::<io::Result<Vec<_>>>()?)
}
