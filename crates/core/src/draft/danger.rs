//! What should not be declared wide open merely because it was found so.

use crate::{port::Protocol, words::Words};

/// Why a listener deserves a second look before it is opened to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Danger {
    /// A database, cache, search engine, queue or control interface that trusts whoever reaches it.
    Datastore,
    /// Passwords travel readable.
    Cleartext,
}

impl Danger {
    pub(super) const fn words(self) -> Words {
        match self {
            Self::Datastore => Words {
                en: "a datastore or control interface: whoever reaches it can use it",
                ja: "データストアや制御用のインターフェースです。到達できる誰もが使えてしまいます",
            },
            Self::Cleartext => Words {
                en: "not encrypted: passwords can be read on the way",
                ja: "暗号化されていません。パスワードを途中で読まれる可能性があります",
            },
        }
    }
}

/// Numbers on which datastores and control interfaces listen by default.
const DATASTORE_PORTS: &[u16] = &[
    1433, 1521, 2181, 2375, 2376, 2379, 2380, 3306, 4222, 5432, 5672, 5984, 6379, 7474, 7687, 8086, 8123,
    8529, 9042, 9092, 9200, 9300, 11211, 15672, 26257, 26379, 27017, 27018, 28015, 33060, 61616,
];

/// Programs that are datastores on whatever number.
const DATASTORE_PROGRAMS: &[&str] = &[
    "redis-server",
    "valkey-server",
    "keydb-server",
    "memcached",
    "mongod",
    "mongos",
    "mysqld",
    "mariadbd",
    "postgres",
    "etcd",
    "influxd",
    "beam.smp",
    "clickhouse-serv",
    "cockroach",
    "nats-server",
    "rethinkdb",
    "arangod",
    "dockerd",
];

/// TCP numbers whose protocol has no encryption by itself: ftp, telnet, finger, pop3, imap, ldap, rexec, rlogin, rsh, vnc, x11.
const CLEARTEXT_TCP: &[u16] = &[21, 23, 79, 110, 143, 389, 512, 513, 514, 5900, 5901, 5902, 6000, 6001];
/// The same for UDP: tftp.
const CLEARTEXT_UDP: &[u16] = &[69];

/// Whether a listener on this number, held by these programs, is dangerous to open to others.
pub(super) fn dangerous<'a>(
    port: u16,
    protocol: Protocol,
    mut programs: impl Iterator<Item = &'a str>,
) -> Option<Danger> {
    let cleartext = match protocol {
        Protocol::Tcp => CLEARTEXT_TCP,
        Protocol::Udp => CLEARTEXT_UDP,
        _ => &[],
    };
    let datastore = protocol == Protocol::Tcp && DATASTORE_PORTS.contains(&port);
    if datastore || programs.any(|program| DATASTORE_PROGRAMS.contains(&program)) {
        Some(Danger::Datastore)
    } else if cleartext.contains(&port) {
        Some(Danger::Cleartext)
    } else {
        None
    }
}
