//! What was heard of sources lately, contact by contact and line by line, for whoever asks why (A19, A26).

use std::collections::VecDeque;

use jiff::Timestamp;
use portreeve_core::{
    port::Protocol,
    watch::{Event, Happening, Known, Source, Suspicion, Touch},
};
use serde::{Deserialize, Serialize};

/// So much is remembered of all of them together.
const MAX: usize = 4_096;
/// And so much is told of one.
const EACH_MAX: usize = 16;
/// Of a line so much.
const BYTES_MAX: usize = 200;
/// Who tells of packets.
const KERNEL: &str = "kernel";

/// Something that a source did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trace {
    /// When.
    pub(crate) at: Timestamp,
    /// Who told of it: the kernel, or the service whose log it stands in.
    pub(crate) from: String,
    /// What: bytes of others.
    pub(crate) text: String,
}

/// All of them, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Traces(VecDeque<(Source, Trace)>);

impl Traces {
    /// Remembers what the kernel told, unless it is no evidence.
    pub(super) fn keep_event(&mut self, known: &Known, event: &Event<'_>) {
        let (from, text) = match &event.what {
            Happening::Touch(touch) if known.innocence(touch).is_none() => {
                (touch.from, format!("{} to {}/{}", what(touch), touch.port, touch.protocol))
            }
            Happening::Handshake { from } if !known.is_own(*from) => (*from, "handshake".into()),
            _ => return,
        };
        self.keep(Source::of(from), event.at, KERNEL, &text);
    }

    /// Remembers a line of the log of `service`.
    pub(super) fn keep(&mut self, source: Source, at: Timestamp, service: &str, line: &str) {
        if self.0.len() >= MAX {
            self.0.pop_front();
        }
        self.0.push_back((source, Trace { at, from: service.to_owned(), text: clipped(line).to_owned() }));
    }

    /// The newest ones of whoever is suspected, the oldest of these first.
    pub(super) fn of(&self, suspicion: &Suspicion) -> Vec<Trace> {
        let is_his = |source: &Source| match &suspicion.group {
            Some(group) => group.sources.contains(source),
            None => *source == suspicion.source,
        };
        let own = self.0.iter().rev().filter(|(source, _)| is_his(source)).take(EACH_MAX);
        let mut traces: Vec<_> = own.map(|(_, trace)| trace.clone()).collect();
        traces.reverse();
        traces
    }
}

/// As much of a line as is kept.
fn clipped(line: &str) -> &str {
    let ends = line.char_indices().map(|(at, character)| at + character.len_utf8());
    let end = ends.take_while(|end| *end <= BYTES_MAX).last().unwrap_or(0);
    line.get(..end).unwrap_or_default()
}

/// What a packet was, as far as that is known of it.
fn what(touch: &Touch) -> String {
    match touch.protocol {
        Protocol::Tcp if touch.from_port == 0 => "packet".into(),
        Protocol::Tcp => flags(touch.flags),
        _ => "datagram".into(),
    }
}

/// The flags of a header of TCP by name (RFC 9293, section 3.1).
fn flags(flags: u8) -> String {
    const NAMES: [(u8, &str); 6] =
        [(0x02, "SYN"), (0x10, "ACK"), (0x01, "FIN"), (0x04, "RST"), (0x08, "PSH"), (0x20, "URG")];
    let set: Vec<_> = NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    if set.is_empty() { "no flags".into() } else { set.join("+") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(traces: &Traces, address: &str) -> Vec<String> {
        let source = Source::of(address.parse().unwrap());
        traces.0.iter().filter(|(own, _)| *own == source).map(|(_, trace)| trace.text.clone()).collect()
    }

    #[test]
    fn the_oldest_make_room_and_lines_are_cut_between_characters() {
        let mut traces = Traces::default();
        let (one, other) = ("203.0.113.7", "203.0.113.8");
        let keep = |traces: &mut Traces, address: &str, line: &str| {
            traces.keep(Source::of(address.parse().unwrap()), Timestamp::UNIX_EPOCH, "ssh", line);
        };
        keep(&mut traces, one, &"語".repeat(100));
        assert_eq!(of(&traces, one), ["語".repeat(66)], "of three bytes each");
        (0..MAX).for_each(|nth| keep(&mut traces, other, &nth.to_string()));
        assert_eq!((of(&traces, one).len(), of(&traces, other).len()), (0, MAX));
    }

    #[test]
    fn flags_have_names() {
        assert_eq!([flags(0), flags(2), flags(0x29)], ["no flags", "SYN", "FIN+PSH+URG"]);
    }

    /// The kernel keeps of a first touch its port alone.
    #[test]
    fn a_packet_that_is_only_remembered_has_no_flags() {
        let address = "203.0.113.7".parse().unwrap();
        let touch = |from_port, protocol| Touch {
            from: address,
            to: address,
            protocol,
            from_port,
            port: 23,
            flags: 2,
        };
        let told = [(0, Protocol::Tcp), (40_000, Protocol::Tcp), (0, Protocol::Udp)]
            .map(|(port, protocol)| what(&touch(port, protocol)));
        assert_eq!(told, ["packet", "SYN", "datagram"]);
    }
}
