//! What the command line wishes for.

use std::time::Duration;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    address::Address,
    ledger::{BootTime, Claimant, Lease, Now, Scope, ScopeError, Wish},
    policy::is_interface,
    port::{PortRange, PortSpec, Protocol},
    registry::Registry,
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::claimant;
use rustix::process::getuid;
use serde::{Deserialize, Deserializer, de::Error as _};

use super::{FAILED, batch::BATCH, here};
use crate::{
    asked, door,
    exit::Exit,
    failure::Failure,
    ledger::{failure, home::Home},
    settings::options,
    show::escape::visible,
    table_file::TableFile,
};

const NAME: &str = "name";
const PORT: &str = "port";
const HERE: &str = "here";
const SCOPE: &str = "scope";
const ADDRESS: &str = "address";
const DEVICE: &str = "device";
const LEASE: &str = "lease";
const WHILE_PID: &str = "while-pid";
const NOTE: &str = "note";
const WELL_KNOWN: &str = "well-known";
const FORCE_BOUND: &str = "force-bound";
/// Every word of a wish, none of which goes with a batch.
pub(super) const WORDS: [&str; 11] =
    [NAME, PORT, HERE, SCOPE, ADDRESS, DEVICE, LEASE, WHILE_PID, NOTE, WELL_KNOWN, FORCE_BOUND];

/// What a wish is made of.
pub(super) fn arguments(lang: Lang) -> Vec<Arg> {
    let name = Words {
        en: "What it is for; the same name gets the same port",
        ja: "用途を表す名前(同じ名前には同じポートを割り当てる)",
    };
    let port = Words {
        en: "443/udp, 30000-30009/tcp; a number alone is of tcp (default: any free one of the pool)",
        ja: "443/udp、30000-30009/tcp など(番号だけなら tcp、省略時はプールの空き番号)",
    };
    let here = Words {
        en: "Name it by this directory and its git branch",
        ja: "現在のディレクトリと git のブランチから名前を付ける",
    };
    let scope = Words {
        en: "Where it holds: host:MACHINE-ID, netns:NAME, user:UID, fleet (default: that of the ledger)",
        ja: "有効範囲: host:MACHINE-ID、netns:NAME、user:UID、fleet(既定値: 使用する台帳の範囲)",
    };
    let address = Words { en: "On this address alone", ja: "このアドレスだけを対象にする" };
    let device =
        Words { en: "On this interface alone", ja: "このインターフェースだけを対象にする" };
    let lease = Words {
        en: "For so long: 10m, 2h (default: until it is released)",
        ja: "有効期間: 10m、2h など(既定値: 解放するまで)",
    };
    let pid = Words {
        en: "While this process lives", ja: "指定したプロセスが動いている間だけ有効にする"
    };
    let note = Words { en: "What others should know of it", ja: "ほかの人への説明" };
    let well_known = Words {
        en: "Take a port below 1024 that IANA assigns to something else",
        ja: "IANA が別の用途に割り当てた 1024 未満の番号を使う",
    };
    let bound = Words {
        en: "Claim it for whoever listens there already",
        ja: "既に待ち受けているプロセスのために申請する",
    };
    vec![
        Arg::new(NAME).value_name("NAME").required_unless_present_any([HERE, BATCH]).help(name.in_lang(lang)),
        Arg::new(PORT).value_name("PORT").help(port.in_lang(lang)),
        options::flag(HERE, here, lang),
        options::value(SCOPE, "SCOPE", scope, lang),
        options::value(ADDRESS, "ADDRESS", address, lang),
        options::value(DEVICE, "INTERFACE", device, lang),
        options::value(LEASE, "TIME", lease, lang).value_parser(options::duration).conflicts_with(WHILE_PID),
        options::value(WHILE_PID, "PID", pid, lang).value_parser(options::number(0..=u32::MAX)),
        options::value(NOTE, "TEXT", note, lang),
        options::flag(WELL_KNOWN, well_known, lang),
        options::flag(FORCE_BOUND, bound, lang),
    ]
}

/// What somebody wishes for, as he wrote it: on a command line, or as a line of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    name: String,
    ports: Option<String>,
    scope: Option<String>,
    address: Option<String>,
    device: Option<String>,
    #[serde(default, deserialize_with = "length")]
    lease: Option<Duration>,
    while_pid: Option<u32>,
    note: Option<String>,
    #[serde(default)]
    well_known: bool,
    #[serde(default)]
    force_bound: bool,
}

fn length<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| options::duration(&text).map_err(D::Error::custom)).transpose()
}

/// The wish of a command line.
///
/// # Errors
///
/// What of it cannot be read.
pub(super) fn read(own: &ArgMatches, home: &Home, now: &Now) -> Result<Wish, Failure> {
    let text = |name: &str| own.get_one::<String>(name).cloned();
    let (name, ports) = named(own.get_flag(HERE), text(NAME), text(PORT))?;
    let written = Written {
        name,
        ports,
        scope: text(SCOPE),
        address: text(ADDRESS),
        device: text(DEVICE),
        lease: own.get_one::<Duration>(LEASE).copied(),
        while_pid: own.get_one::<u32>(WHILE_PID).copied(),
        note: text(NOTE),
        well_known: own.get_flag(WELL_KNOWN),
        force_bound: own.get_flag(FORCE_BOUND),
    };
    written.wish(home, now, TableFile::load()?.registry())
}

impl Written {
    /// The wish itself.
    ///
    /// # Errors
    ///
    /// What of it cannot be read.
    pub(super) fn wish(self, home: &Home, now: &Now, registry: Registry<'_>) -> Result<Wish, Failure> {
        let spec = self.ports.map(|word| ports(&word, registry)).transpose()?;
        let process = match self.while_pid {
            Some(pid) => Some(claimant::process(&home.machine, pid).ok_or_else(|| nobody(pid))?),
            None => None,
        };
        let lease = match (self.lease, &process) {
            (Some(_), Some(_)) => return Err(two_ends()),
            (Some(length), None) => until(length, now)?,
            (None, Some(process)) => Lease::While { process: process.clone() },
            (None, None) => Lease::Permanent,
        };
        if reads_as_port(&self.name) {
            return Err(no_name(&self.name));
        }
        let name = self.name.parse();
        Ok(Wish {
            id: claimant::chance().ok_or_else(no_chance)?,
            name: name.map_err(|error| failure::misnamed(&error, FAILED))?,
            scope: self.scope.map_or_else(|| Ok(home.scope.clone()), |word| scope_within(&word, home))?,
            protocol: spec.map_or(Protocol::Tcp, |spec| spec.protocol),
            address: self.address.map(|word| address(&word)).transpose()?,
            device: self.device.map(device).transpose()?,
            ports: spec.map(|spec| spec.range),
            claimant: Claimant { uid: getuid().as_raw(), process },
            lease,
            note: self.note,
            well_known: self.well_known,
            force_bound: self.force_bound,
        })
    }
}

fn device(word: String) -> Result<String, Failure> {
    if is_interface(&word) {
        return Ok(word);
    }
    let shown = visible(&word);
    Err(Failure::usage(FAILED)
        .because(text!("`{shown}` cannot be an interface", "`{shown}` はインターフェース名として使えません"))
        .hint(text!(
            "a name of at most 15 letters, as `ip link` lists them",
            "`ip link` に表示される 15 文字以内の名前を指定してください"
        )))
}

/// What it is called and where it is to be, of the words on a command line.
fn named(
    is_here: bool,
    name: Option<String>,
    ports: Option<String>,
) -> Result<(String, Option<String>), Failure> {
    let is_number = name.as_deref().is_some_and(reads_as_port);
    let (name, ports) = match (name, ports) {
        (Some(number), None) if is_here && is_number => (None, Some(number)),
        words => words,
    };
    if !is_here {
        return Ok((name.unwrap_or_default(), ports));
    }
    let directory = std::env::current_dir().map_err(|error| nowhere(&error))?;
    Ok((here::name(&directory, name.as_deref()), ports))
}

/// Whether somebody who writes `word` means a number: he has forgotten the name.
fn reads_as_port(word: &str) -> bool {
    let numbers = word.split_once('/').map_or(word, |(numbers, _)| numbers);
    numbers.parse::<PortRange>().is_ok()
}

fn no_name(number: &str) -> Failure {
    Failure::usage(FAILED)
        .because(text!("{number} is a port, and no name", "{number} はポート番号で、名前ではありません"))
        .hint(text!(
            "say what it is for first: portreeve claim NAME {number}",
            "先に用途を表す名前を指定してください: portreeve claim NAME {number}"
        ))
}

fn two_ends() -> Failure {
    Failure::usage(FAILED).because(Words {
        en: "`lease` and `while_pid` cannot both say when it ends",
        ja: "`lease` と `while_pid` は同時に指定できません",
    })
}

/// The time that is over after `length`, on both clocks.
///
/// # Errors
///
/// No time, or more than a calendar has.
pub(in crate::commands) fn until(length: Duration, now: &Now) -> Result<Lease, Failure> {
    let end = now.wall.checked_add(length).ok().filter(|_| !length.is_zero());
    let until = end.ok_or_else(|| door::no_time(FAILED))?;
    let milliseconds = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let milliseconds = now.boot.milliseconds.saturating_add(milliseconds);
    Ok(Lease::Until { until, boot: Some(BootTime { milliseconds, ..now.boot.clone() }) })
}

/// The ports of a word, tcp where it names no protocol.
fn ports(word: &String, registry: Registry<'_>) -> Result<PortSpec, Failure> {
    let asked = asked::any_of(word, registry)?;
    let is_tcp = |asked: &&asked::Asked| asked.protocol.is_none_or(|protocol| protocol == Protocol::Tcp);
    let Some(first) = asked.iter().find(is_tcp).or(asked.first()) else { return Err(Failure::usage(FAILED)) };
    // Of a range too: nobody can have a part of it.
    door::refuse_zero(PortRange::one(first.range.first), FAILED)?;
    if asked.iter().any(|other| other.range != first.range) {
        let why = Words {
            en: "one port, or one range of them, at a time",
            ja: "一度に指定できるのは、1 つのポートまたは 1 つの範囲です",
        };
        return Err(Failure::usage(FAILED).because(why).hint(Words {
            en: "claim each by a name of its own, or a range: 9005-9006/tcp",
            ja: "番号ごとに別の名前で申請するか、範囲で指定してください(例: 9005-9006/tcp)",
        }));
    }
    Ok(PortSpec { range: first.range, protocol: first.protocol.unwrap_or(Protocol::Tcp) })
}

/// The scope of a word.
///
/// # Errors
///
/// It is none.
pub(in crate::commands) fn scope(word: &str) -> Result<Scope, Failure> {
    word.parse().map_err(|ScopeError(word)| {
        Failure::usage(FAILED).because(text!(
            "`{word}` is no scope: host:MACHINE-ID, netns:NAME, user:UID or fleet",
            "`{word}` は有効範囲として解釈できません(host:MACHINE-ID、netns:NAME、user:UID、fleet のいずれか)"
        ))
        .hint(Words {
            en: "leave --scope out for this host",
            ja: "このホストであれば --scope を省略してください",
        })
    })
}

/// The same of a claim: what the whole host obeys is not one user's, nor what is his own anybody else's.
fn scope_within(word: &str, home: &Home) -> Result<Scope, Failure> {
    let scope = scope(word)?;
    if !home.is_obeyed_within(&scope) {
        let own = &home.scope;
        return Err(Failure::usage(FAILED)
            .because(text!(
                "nobody obeys a claim of {scope} that stands in this ledger, which is of {own}",
                "この台帳({own})に {scope} の申請を登録しても、適用されません"
            ))
            .hint(Words {
                en: "leave --scope out: the claim is of whoever asks",
                ja: "--scope を省略してください(申請したユーザーのものになります)",
            }));
    }
    Ok(scope)
}

/// `None` of what stands for every address.
fn address(word: &str) -> Result<Address, Failure> {
    let zone = word.split_once('%').map(|(_, zone)| zone);
    if zone.is_some_and(|zone| zone.bytes().all(|byte| byte.is_ascii_digit())) {
        // One interface would have two addresses, and its number is another one after a boot.
        return Err(Failure::usage(FAILED)
            .because(text!(
                "`{word}` has the number of an interface",
                "`{word}` はインターフェースが番号で指定されています"
            ))
            .hint(Words {
                en: "use its name, as `ip link` lists it: fe80::1%eth0",
                ja: "`ip link` に表示される名前で指定してください: fe80::1%eth0",
            }));
    }
    word.parse().map_err(|_| {
        let word = visible(word);
        Failure::usage(FAILED)
            .because(text!("`{word}` is no address", "`{word}` はアドレスとして解釈できません"))
            .hint(Words {
                en: "such as 127.0.0.1, ::1 or fe80::1%eth0; leave --address out for every one",
                ja: "127.0.0.1、::1、fe80::1%eth0 のように指定してください(すべてのアドレスなら省略)",
            })
    })
}

fn nobody(pid: u32) -> Failure {
    Failure::usage(FAILED).because(text!("there is no process {pid}", "プロセス {pid} は存在しません")).hint(
        Words {
            en: "of the shell that asks: --while-pid $$; those that run: ps -e",
            ja: "実行中のシェルであれば --while-pid $$、ほかのプロセスは ps -e で確認できます",
        },
    )
}

fn no_chance() -> Failure {
    let why = Words {
        en: "the kernel gives no random numbers", ja: "カーネルから乱数を取得できません"
    };
    Failure::new(Exit::Unreachable, FAILED).because(why)
}

fn nowhere(error: &std::io::Error) -> Failure {
    let Text { en, ja } = crate::failure::io_cause(error);
    Failure::usage(FAILED)
        .because(text!("cannot tell the current directory: {en}", "現在のディレクトリを確認できません: {ja}"))
        .hint(Words {
            en: "go to one that is there (cd), or give a name instead of --here",
            ja: "存在するディレクトリに移動するか(cd)、--here の代わりに名前を指定してください",
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_no_name() {
        for number in ["8080", "8082/tcp", "443/udp", "30000-30009", "30000-30009/tcp"] {
            assert!(reads_as_port(number), "{number}");
            let (name, ports) = named(true, Some(number.into()), None).expect("of this directory");
            assert_eq!(ports.as_deref(), Some(number));
            assert!(!name.contains(number), "{name}");
        }
        for name in ["web", "3scale", "web/tcp", "-"] {
            assert!(!reads_as_port(name), "{name}");
        }
        let (name, ports) = named(true, Some("api".into()), Some("8080".into())).expect("both");
        assert!(name.starts_with("api@") && ports.as_deref() == Some("8080"));
    }

    /// Nobody is given every interface who named one.
    #[test]
    fn a_device_is_the_name_of_an_interface() {
        assert_eq!(device("eth0".into()).ok().as_deref(), Some("eth0"));
        for word in ["", "a\nb", "sixteen-letters-", "a/b", "."] {
            let refused = device(word.into()).expect_err(word);
            assert!(refused.whole(Lang::En).1.is_some_and(|hint| hint.contains("ip link")), "{word}");
        }
    }
}
