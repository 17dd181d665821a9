//! What is told of a source: what it did, how sure that is, and why (A19).

use alloc::{format, string::String, vec::Vec};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Group, Source, score::ratio};
use crate::{
    port::Protocol,
    text,
    words::{Text, Words, inflect},
};

/// What somebody does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// He looks for ports, one after another.
    PortScan,
    /// Many share the work of looking for ports.
    DistributedScan,
    /// He tries passwords.
    BruteForce,
    /// He tries passwords, and does not know of one user.
    PasswordSpray,
    /// Many share the work of trying passwords.
    DistributedBruteForce,
    /// He asks a web server for what only those ask for who look for holes.
    PathProbing,
    /// He looks for ports with the consent of this host: no attack.
    OwnScan,
}

impl Kind {
    /// The token in JSON and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::PortScan => "port-scan",
            Self::DistributedScan => "distributed-scan",
            Self::BruteForce => "brute-force",
            Self::PasswordSpray => "password-spray",
            Self::DistributedBruteForce => "distributed-brute-force",
            Self::PathProbing => "path-probing",
            Self::OwnScan => "own-scan",
        }
    }
}

/// Whether the address is known to be his.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// He finished a handshake within the hour, or a service of TCP wrote of him.
    Proven,
    /// Whoever it was may have written another's address.
    Unproven,
}

impl Confidence {
    /// The token in JSON and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Unproven => "unproven",
        }
    }
}

/// A first contact with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Of which protocol.
    pub protocol: Protocol,
    /// Which.
    pub port: u16,
}

/// Somebody who seems to probe this host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspicion {
    /// When it is told.
    pub at: Timestamp,
    /// Who.
    pub source: Source,
    /// What he does.
    pub kind: Kind,
    /// Whether the address is known to be his.
    pub confidence: Confidence,
    /// How many times as likely it is that he probes as that he does not, in eighths of a doubling; 0 of what a log tells.
    pub score: i16,
    /// His first contact and his last.
    pub first: Timestamp,
    /// See `first`.
    pub last: Timestamp,
    /// How many first contacts there were; of logins those that failed, of paths those that tell.
    pub contacts: u32,
    /// The ports, in the order of the contacts, as far as they are remembered.
    pub ports: Vec<Contact>,
    /// The service that wrote of him.
    pub service: Option<String>,
    /// As how many users he came, at least.
    pub users: u32,
    /// How often he was let in.
    pub welcomed: u32,
    /// Who shares the work, where it is not `source` alone, who was the last of them.
    pub group: Option<Group>,
}

/// A line names so many ports.
const PORTS_SHOWN: usize = 6;
/// And so many are named at all of what many did.
pub(super) const PORTS_NAMED: usize = 16;

impl Suspicion {
    /// How many times as likely it is that he probes as that he does not.
    #[must_use]
    pub fn ratio(&self) -> u32 {
        ratio(self.score)
    }

    /// What he did.
    #[must_use]
    pub fn text(&self) -> Text {
        let (count, time) = (self.contacts, self.time());
        let service = self.service.as_deref().unwrap_or_default();
        match self.kind {
            Kind::PortScan => {
                self.group.as_ref().map_or_else(|| self.text_of_scan(), |group| self.text_of_rest(group))
            }
            Kind::OwnScan => self.text_of_own_scan(),
            Kind::DistributedScan => self.text_of_shared_scan(),
            Kind::BruteForce | Kind::PasswordSpray => {
                let Self { users, welcomed, .. } = self;
                let en_users = inflect(*users as usize, "user", "users");
                let Words { en, ja } = self.doubt_of_log();
                text!(
                    "{service}: {count} failed logins in {time}, {users} {en_users}, {welcomed} good{en}",
                    "{service}: {time} の間にログイン失敗 {count} 回(ユーザー名 {users} 個、成功 {welcomed} 回){ja}"
                )
            }
            Kind::DistributedBruteForce => {
                let en_users = inflect(self.users as usize, "user", "users");
                let users = self.users;
                let Words { en, ja } = self.doubt_of_log();
                text!(
                    "{service}: {count} sources failed to log in once or twice each in {time}, {users} {en_users}{en}",
                    "{service}: {time} の間に、{count} 個の送信元がそれぞれ 1、2 回ログインに失敗(ユーザー名 {users} 個){ja}"
                )
            }
            Kind::PathProbing => text!(
                "{service}: {count} paths in {time} that only a probe asks for",
                "{service}: {time} の間に、探査に特有のパス {count} 個"
            ),
        }
    }

    fn text_of_shared_scan(&self) -> Text {
        let group = self.group.as_ref();
        let (count, network) = (group.map_or(0, |group| group.count), group.and_then(|group| group.network));
        let (time, ports, protocols) = (self.time(), self.shown(), self.protocols());
        let Text { en: en_of, ja: ja_of } =
            network.map(|network| text!(" of {network}", "{network} の")).unwrap_or_default();
        let Words { en, ja } = self.doubt();
        text!(
            "{count} sources{en_of} asked for one to three undeclared ports each in {time}: {ports} ({protocols}){en}",
            "{time} の間に、{ja_of}{count} 個の送信元がそれぞれ宣言のないポート 1〜3 個に接触: {ports}({protocols}){ja}"
        )
    }

    fn text_of_rest(&self, group: &Group) -> Text {
        let (count, time) = (group.count, self.time());
        let Words { en, ja } = self.doubt();
        text!(
            "{count} sources more in {time}, each of them several undeclared ports{en}",
            "{time} の間に、ほかにも {count} 個の送信元がそれぞれ宣言のない複数のポートに接触{ja}"
        )
    }

    const fn doubt(&self) -> Words {
        match self.confidence {
            Confidence::Proven => Words { en: "", ja: "" },
            Confidence::Unproven => Words {
                en: "; no handshake: may be forged",
                ja: "。ハンドシェイクがなく、送信元が偽装されている可能性があります",
            },
        }
    }

    /// Of logs only what nginx writes of errors proves nothing.
    const fn doubt_of_log(&self) -> Words {
        match self.confidence {
            Confidence::Proven => Words { en: "", ja: "" },
            Confidence::Unproven => Words {
                en: "; anybody can have nginx write such lines",
                ja: "。nginx のエラーログの行は第三者に偽造される可能性があります",
            },
        }
    }

    fn text_of_scan(&self) -> Text {
        let (count, time) = (self.contacts, self.time());
        let protocols = self.protocols();
        let ports = self.shown();
        let Words { en, ja } = self.doubt();
        text!(
            "{count} undeclared ports in {time}: {ports} ({protocols}){en}",
            "{time} の間に宣言のないポート {count} 個: {ports}({protocols}){ja}"
        )
    }

    fn text_of_own_scan(&self) -> Text {
        let (count, time, protocols, ports) = (self.contacts, self.time(), self.protocols(), self.shown());
        text!(
            "{count} undeclared ports in {time}: {ports} ({protocols}), and those that follow",
            "{time} の間に宣言のないポート {count} 個: {ports}({protocols})、以降のポートも同様"
        )
    }

    fn time(&self) -> String {
        let milliseconds = self.last.as_millisecond().saturating_sub(self.first.as_millisecond()).max(0);
        match milliseconds {
            0..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
            60_000..3_600_000 => format!("{} min", milliseconds / 60_000),
            3_600_000..172_800_000 => format!("{} h", milliseconds / 3_600_000),
            _ => format!("{} d", milliseconds / 86_400_000),
        }
    }

    fn protocols(&self) -> &'static str {
        let has = |protocol| self.ports.iter().any(|contact| contact.protocol == protocol);
        match (has(Protocol::Tcp), has(Protocol::Udp)) {
            (true, true) => "tcp, udp",
            (false, true) => "udp",
            _ => "tcp",
        }
    }

    fn shown(&self) -> String {
        let mut ports: Vec<_> = self.ports.iter().map(|contact| contact.port).collect();
        ports.sort_unstable();
        ports.dedup();
        // Of many each touched its own.
        let are_all = match self.group {
            Some(_) => self.ports.len() < PORTS_NAMED,
            None => self.ports.len() >= usize::try_from(self.contacts).unwrap_or(0),
        };
        // One more takes no more room than the sign that there is one.
        let shown = if are_all && ports.len() == PORTS_SHOWN + 1 { PORTS_SHOWN + 1 } else { PORTS_SHOWN };
        let is_cut = ports.len() > shown || !are_all;
        let more = if is_cut { " …" } else { "" };
        let ports: Vec<_> = ports.iter().take(shown).map(|port| format!("{port}")).collect();
        ports.join(" ") + more
    }
}
