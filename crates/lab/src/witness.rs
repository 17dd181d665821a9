//! What other people's tools say about sockets, in one form, so that it can be compared.

use std::collections::BTreeSet;

use serde_json::Value;

/// A listener as a witness saw it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// `0.0.0.0`, `::`, `127.0.0.1`, without an interface.
    pub address: String,
    /// The number.
    pub port: u16,
    /// The processes that hold it.
    pub pids: BTreeSet<u32>,
}

/// Reads `ss -Hltnup`, or the same without `p`.
///
/// # Panics
///
/// On a line in another form: a witness that is misread would agree with anything.
#[must_use]
pub fn ss(text: &str) -> BTreeSet<Socket> {
    merge(text.lines().map(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        assert!(fields.len() >= 5, "not a line of ss: {line}");
        let (address, port) = endpoint(fields[4]);
        let address = if address == "*" { "::".into() } else { address };
        let pids = line.split("pid=").skip(1).map(|rest| number(rest, line)).collect();
        Socket { protocol: fields[0].into(), address, port, pids }
    }))
}

/// Reads `lsof -nP -iTCP -sTCP:LISTEN -FptPn` and then `lsof -nP -iUDP -FptPn`, whose lines begin with the name of a
/// field (lsof(8)).
///
/// # Panics
///
/// On a field in another form.
#[must_use]
pub fn lsof(text: &str) -> BTreeSet<Socket> {
    let (mut pid, mut family, mut protocol) = (0, "", "");
    let mut found = Vec::new();
    for line in text.lines() {
        match line.split_at(1) {
            ("p", value) => pid = number(value, line),
            ("t", value) => family = value,
            ("P", value) => protocol = value,
            ("n", value) if !value.contains("->") => {
                let (address, port) = endpoint(value);
                let address = match (address.as_str(), family) {
                    ("*", "IPv6") => "::".into(),
                    ("*", _) => "0.0.0.0".into(),
                    _ => address,
                };
                let protocol = protocol.to_lowercase();
                found.push(Socket { protocol, address, port, pids: BTreeSet::from([pid]) });
            }
            _ => {}
        }
    }
    merge(found.into_iter())
}

/// Reads `portreeve ls -o json` as another witness would tell it: sockets on which a stranger can arrive.
///
/// # Panics
///
/// Where a promised field is missing or of another type.
#[must_use]
pub fn portreeve(answer: &Value) -> BTreeSet<Socket> {
    let listeners = answer["listeners"].as_array().expect("`listeners` is promised");
    let open = listeners.iter().filter(|listener| listener["state"] != "bound");
    merge(open.map(|listener| {
        let text =
            |key: &str| listener[key].as_str().unwrap_or_else(|| panic!("no text {key}: {listener:#}"));
        let port = listener["port"].as_u64().and_then(|port| port.try_into().ok()).expect("`port` is a port");
        let holders = listener["holders"].as_array().expect("`holders` is promised");
        let pids = holders.iter().filter_map(|holder| u32::try_from(holder["pid"].as_u64()?).ok()).collect();
        let address = text("address").split('%').next().unwrap_or_default().into();
        Socket { protocol: text("protocol").into(), address, port, pids }
    }))
}

/// Sockets of one endpoint (SO_REUSEPORT) become one, held by all.
fn merge(sockets: impl Iterator<Item = Socket>) -> BTreeSet<Socket> {
    let mut merged: Vec<Socket> = Vec::new();
    for socket in sockets {
        let same = |other: &&mut Socket| {
            (&other.protocol, &other.address, other.port) == (&socket.protocol, &socket.address, socket.port)
        };
        match merged.iter_mut().find(same) {
            Some(other) => other.pids.extend(socket.pids),
            None => merged.push(socket),
        }
    }
    merged.into_iter().collect()
}

/// `[::1%lo]:53`, `127.0.0.1%lo:53`, `*:22`.
fn endpoint(text: &str) -> (String, u16) {
    let (address, port) = text.rsplit_once(':').unwrap_or_else(|| panic!("not an endpoint: {text}"));
    let address = address.trim_start_matches('[').trim_end_matches(']');
    let address = address.split('%').next().unwrap_or_default();
    let port = port.parse().unwrap_or_else(|_| panic!("not a port: {text}"));
    (address.into(), port)
}

fn number(text: &str, line: &str) -> u32 {
    let digits = text.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().unwrap_or_else(|_| panic!("no number in: {line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(address: &str, port: u16, pids: &[u32]) -> Socket {
        Socket { protocol: "tcp".into(), address: address.into(), port, pids: pids.iter().copied().collect() }
    }

    #[test]
    fn the_three_witnesses_are_read_alike() {
        let expected = BTreeSet::from([socket("0.0.0.0", 80, &[62, 63]), socket("::", 21, &[56])]);
        let ss_text = "tcp LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:((\"nginx\",pid=63,fd=5),(\"nginx\",pid=62,fd=5))\n\
                       tcp LISTEN 0 32 *:21 *:* users:((\"vsftpd\",pid=56,fd=3))\n";
        let lsof_text = "p62\nf5\ntIPv4\nPTCP\nn*:80\np63\nf5\ntIPv4\nPTCP\nn*:80\n\
                         p56\nf3\ntIPv6\nPTCP\nn*:21\n";
        let json = serde_json::json!({"listeners": [
            {"protocol": "tcp", "address": "0.0.0.0", "port": 80, "state": "listen", "holders": [{"pid": 62}, {"pid": 63}]},
            {"protocol": "tcp", "address": "::", "port": 21, "state": "listen", "holders": [{"pid": 56}]},
            {"protocol": "tcp", "address": "::", "port": 22, "state": "bound", "holders": [{"pid": 57}]},
        ]});
        assert_eq!(ss(ss_text), expected);
        assert_eq!(lsof(lsof_text), expected);
        assert_eq!(portreeve(&json), expected);
    }

    #[test]
    fn an_interface_is_no_part_of_an_address() {
        assert_eq!(endpoint("[fe80::1%eth0]:546"), ("fe80::1".into(), 546));
        assert_eq!(endpoint("127.0.0.53%lo:53"), ("127.0.0.53".into(), 53));
    }
}
