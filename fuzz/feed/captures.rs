//! Gives bytes to the reader of captures, and what it finds to who tells what was meant by it: strangers choose nearly all of it.

use std::io::Cursor;

use portreeve_core::watch::{Known, Replay};
use portreeve_host::capture::{Capture, CaptureError};

const KEY: [u64; 2] = [1, 2];

/// It is read to its end, and no more is told of than was captured.
pub(crate) fn feed(bytes: &[u8]) {
    let mut capture = match Capture::open(Cursor::new(bytes.to_vec())) {
        Ok(capture) => capture,
        Err(CaptureError::Io(error)) => panic!("it is in memory: {error}"),
        Err(CaptureError::Link(_)) => return,
    };
    let own = ["192.0.2.1", "2001:db8::1"].map(|own| own.parse().expect("it is an address"));
    let known = Known { own: own.into(), ..Known::default() };
    let mut replay: Option<Replay> = None;
    let (mut packets, mut told) = (0_u64, 0_u64);
    while let Ok(Some(packet)) = capture.next_packet() {
        packets += 1;
        let replay = replay.get_or_insert_with(|| Replay::new(KEY, packet.at));
        replay.step(&known, &packet, |_| told += 1);
    }
    if let Some(mut replay) = replay {
        replay.finish(|_| told += 1);
    }
    let counts = capture.counts();
    assert!(told <= packets && packets + counts.portless <= counts.packets);
}
