//! A connection as JSON, put together by hand: `ls -a` does hardly anything else on a busy host.

use std::io::Write as _;

use portreeve_core::address::Address;
use serde::Serialize;

use super::ConnectionView;

impl ConnectionView<'_> {
    /// Adds it to `text` as its schema has it, on one line.
    pub(super) fn write(&self, text: &mut Vec<u8>) {
        let mut row = Row(text);
        row.put(r#"{"protocol":""#).put(self.protocol.name());
        row.put(r#"","family":""#).put(self.family.name());
        row.put(r#"","address":"#).address(self.address);
        row.put(r#","port":"#).number(self.port);
        row.put(r#","peer":{"address":"#).address(&self.peer.address);
        row.put(r#","port":"#).number(self.peer.port);
        row.put(r#"},"state":""#).put(self.state.name());
        row.put(r#"","netns":{"id":"#).number(self.netns.id);
        row.put(r#","name":"#).value(&self.netns.name);
        row.put(r#","own":"#).put(if self.netns.own { "true" } else { "false" });
        row.put(r#"},"inode":"#).number(self.inode);
        row.put(r#","cookie":"#).number(self.cookie);
        row.put(r#","pids":"#).numbers(self.pids);
        row.put(r#","socket_unit":"#).value(&self.socket_unit).put("}");
    }
}

struct Row<'t>(&'t mut Vec<u8>);

impl Row<'_> {
    /// What needs no escaping, as it is.
    #[inline]
    fn put(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// An address; the name of an interface may hold anything (`dev_valid_name`, net/core/dev.c).
    fn address(&mut self, address: &Address) -> &mut Self {
        if address.interface.is_some() {
            return self.value(address);
        }
        write!(self.0, "\"{address}\"").expect("memory takes every byte");
        self
    }

    fn number(&mut self, number: impl Into<u64>) -> &mut Self {
        let mut rest = number.into();
        let mut digits = *b"00000000000000000000";
        let mut first = digits.len();
        while rest > 0 || first == digits.len() {
            first -= 1;
            digits[first] += u8::try_from(rest % 10).expect("a digit is below ten");
            rest /= 10;
        }
        self.0.extend_from_slice(&digits[first..]);
        self
    }

    fn numbers(&mut self, numbers: &[u32]) -> &mut Self {
        self.put("[");
        for (at, &number) in numbers.iter().enumerate() {
            self.put(if at > 0 { "," } else { "" }).number(number);
        }
        self.put("]")
    }

    /// Whatever has a name that somebody else chose.
    fn value(&mut self, value: &impl Serialize) -> &mut Self {
        serde_json::to_writer(&mut *self.0, value).expect("memory takes every byte, and names are text");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::show::view::netns_view;
    use portreeve_core::{
        facts::{Connection, Snapshot},
        port::Protocol,
    };
    use serde_json::{Value, json};

    const STATES: [&str; 12] = [
        "established",
        "syn-sent",
        "syn-recv",
        "fin-wait-1",
        "fin-wait-2",
        "time-wait",
        "close",
        "close-wait",
        "last-ack",
        "closing",
        "new-syn-recv",
        "bound",
    ];
    const ADDRESSES: [&str; 6] =
        ["0.0.0.0", "203.0.113.255", "::", "2001:db8::1", "::ffff:10.0.0.1", "fe80::1%a\"\\\u{1b}b"];

    /// A connection as a snapshot has it, each number one of its own.
    fn connection(at: usize) -> Value {
        let pids: Vec<_> = (0..at % 4).map(|count| count * u32::MAX as usize / 3).collect();
        let address = |at: usize| ADDRESSES[at % ADDRESSES.len()];
        let (families, namespaces) = (["ipv4", "ipv6"], [4_026_531_840_u64, 7]);
        let unit = [None, Some("ssh.service"), Some("a\"\n\u{202e}.service")];
        json!({
            "protocol": Protocol::ALL[at % 5],
            "family": families[at % 2],
            "address": address(at),
            "port": at * 9,
            "peer": {"address": address(at / 2 + 1), "port": 65_535 - at},
            "state": STATES[at % STATES.len()],
            "netns": namespaces[at % 2],
            "inode": 10_u64.pow(u32::try_from(at % 20).unwrap()),
            "cookie": u64::MAX / (at as u64 + 1),
            "pids": pids,
            "socket_unit": unit[at % 3],
        })
    }

    #[test]
    fn a_row_is_what_its_shape_says() {
        let mut snapshot: Snapshot =
            serde_json::from_slice(include_bytes!("../../../tests/data/connections.json")).unwrap();
        snapshot.namespaces[0].name = Some("\"mesh\"\u{9b}".into());
        for at in 0..120 {
            let connection: Connection = serde_json::from_value(connection(at)).unwrap();
            let view = ConnectionView::of(&connection, netns_view(&snapshot, connection.netns));
            let mut text = Vec::new();
            view.write(&mut text);
            assert_eq!(String::from_utf8(text).unwrap(), serde_json::to_string(&view).unwrap());
        }
    }
}
