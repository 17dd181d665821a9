//! `scan --consent` and `scan --new-secret`: how this host says that it may be scanned, and by what it proves that.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    ops::RangeInclusive,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    time::{Duration, Instant},
};

use clap::ArgMatches;
use jiff::Timestamp;
use portreeve_core::{
    outside::consent::{SECRET_BYTES, Secret},
    policy::{Policy, ScanChoice},
    text,
    words::{Text, Words},
};
use portreeve_host::{
    chance::chance,
    scan::{ScanError, consent},
};
use rustix::process::geteuid;

use super::{
    FOR, PORT_OF_CONSENT,
    ask::failed,
    way::{self, Way},
    written::Written,
};
use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    look::checked_policy,
    settings::{Settings, Verbosity},
    show::out::Out,
    stop::Stop,
};

/// Where nothing is said.
const USUAL_FILE: &str = "/etc/portreeve/scan.secret";
const USUAL_TIME: Duration = Duration::from_secs(600);
/// Whoever asks again within so long goes on with the scan that he was told of.
const SCANS_ON: Duration = Duration::from_secs(10);
/// Who forgets that he consented does so for a day.
const TIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);
/// What others may do with a secret: nothing.
const OTHERS: u32 = 0o077;

/// The file of the secret.
fn file(policy: Option<&Policy>) -> &str {
    policy.and_then(|policy| policy.scan.secret_file.as_deref()).unwrap_or(USUAL_FILE)
}

/// The port of UDP at which hosts are asked.
pub(super) fn port(policy: Option<&Policy>) -> u16 {
    policy.and_then(|policy| policy.scan.consent_port).unwrap_or(ScanChoice::CONSENT_PORT)
}

/// The secret that hosts which consent share.
///
/// # Errors
///
/// There is none that can be relied on: it is missing, others may read it, or it is none.
pub(super) fn secret(policy: Option<&Policy>) -> Result<Secret, Failure> {
    let path = file(policy);
    let bad = |cause: Text| {
        Failure::new(Exit::Refused, text!("the secret {path} cannot be used", "共有の鍵 {path} を使えません"))
            .because(cause)
            .hint(Words {
                en: "make one on one host, and copy it to the others: portreeve scan --new-secret",
                ja: "1 台のホストで作成し、ほかのホストへコピーしてください: portreeve scan --new-secret",
            })
    };
    let read = || -> io::Result<Result<Secret, Text>> {
        let about = fs::metadata(path)?;
        if !about.is_file() {
            return Ok(Err(text!("it is no regular file", "通常のファイルではありません")));
        }
        let is_ours = [0, geteuid().as_raw()].contains(&about.uid());
        if !is_ours || about.mode() & OTHERS != 0 {
            return Ok(Err(text!(
                "others may read or write it, or it is not root's",
                "ほかのユーザーが読み書きできるか、所有者が root ではありません"
            )));
        }
        if about.len() != SECRET_BYTES as u64 {
            return Ok(Err(text!(
                "it is not {SECRET_BYTES} bytes long",
                "{SECRET_BYTES} バイトではありません"
            )));
        }
        let none = || {
            text!(
                "it is one byte over and over, which anybody may guess",
                "同じバイトの繰り返しで、推測できてしまいます"
            )
        };
        Ok(Secret::read(&fs::read(path)?).ok_or_else(none))
    };
    read().map_err(|error| bad(io_cause(&error)))?.map_err(bad)
}

/// Makes a secret where there is none.
///
/// # Errors
///
/// There is one already, or it cannot be written.
pub(super) fn make_secret(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let policy = checked_policy(settings)?;
    let path = file(policy.as_deref());
    let write = || -> io::Result<()> {
        let bytes = [chance()?, chance()?].concat();
        let bytes: Vec<u8> = bytes.into_iter().flat_map(u64::to_ne_bytes).take(SECRET_BYTES).collect();
        if let Some(folder) = Path::new(path).parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(&bytes)?;
        file.sync_all()
    };
    write().map_err(|error| {
        let failure = Failure::new(
            Exit::Refused,
            text!("no secret was made at {path}", "{path} に共有の鍵を作成できません"),
        );
        if error.kind() == io::ErrorKind::AlreadyExists {
            return failure.because(Words {
                en: "there is a file already, and hosts may rely on it",
                ja: "すでにファイルがあり、ほかのホストが使っている可能性があります",
            });
        }
        failure.because(io_cause(&error))
    })?;
    let told = text!(
        "{path} is made, for root alone. Copy it to each host that is to consent.",
        "{path} を作成しました(root のみ読み取り可)。スキャンを許可する各ホストへコピーしてください。"
    );
    out.sentences(told.in_lang(settings.lang))?;
    Ok(Exit::Fine)
}

/// Consents for a time to whoever has the secret.
///
/// # Errors
///
/// Without a secret, or where the port belongs to another.
pub(super) fn give(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let time = time(own)?;
    let policy = checked_policy(settings)?;
    let secret = secret(policy.as_deref())?;
    let port = own.get_one::<u16>(PORT_OF_CONSENT).copied().unwrap_or_else(|| port(policy.as_deref()));
    let until = consent::seconds_now().saturating_add(time.as_secs());
    let stop = Stop::on_signals()?;
    let consenting = consent::Consenting::open(port).map_err(|error| taken(&error, port))?;
    let mut written = Written::begin(port, until, settings.lang);
    let way = Way::open(policy.as_deref(), port, time, (settings, out));
    if let Way::Shut(failure) = &way {
        failure.print(settings.lang);
    }
    let done = tell(until, port, &way, settings, out).and_then(|()| {
        let mut known = HashMap::new();
        let answered = consenting.answer(&secret, until, stop.signals(), |parties| {
            written.answers(parties.scanner);
            let (from, to) = (parties.scanner, parties.target);
            // Whoever scans asks again and again.
            let before = known.insert((from, to), Instant::now());
            if before.is_some_and(|before| before.elapsed() < SCANS_ON) {
                return;
            }
            let told = text!("{from} may scan {to}", "{from} に {to} のスキャンを許可しました");
            // Whoever reads it no more wants the answer all the same.
            let _ = out.sentences(told.in_lang(settings.lang)).and_then(|()| out.finish());
        });
        answered.map_err(|error| failed(&error))
    });
    if consent::seconds_now() < until {
        way.close(settings);
    }
    done.map(|()| way::exit(&way, written.count()))
}

fn time(own: &ArgMatches) -> Result<Duration, Failure> {
    let time = own.get_one::<Duration>(FOR).copied().unwrap_or(USUAL_TIME);
    if TIMES.contains(&time) {
        return Ok(time);
    }
    let what = Words {
        en: "a host consents for a second at least, and for a day at most",
        ja: "許可できる時間は 1 秒以上 24 時間以下です",
    };
    Err(Failure::usage(what)
        .hint(text!("portreeve scan --consent --for 10m", "portreeve scan --consent --for 10m")))
}

/// Says until when this host consents, and who can ask it.
fn tell(until: u64, port: u16, way: &Way, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    if settings.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    let clock = clock(until);
    let told = text!(
        "consenting until {clock} to be scanned by whoever has the secret; asked at {port}/udp · Ctrl-C ends it",
        "{clock} まで、鍵を持つホストからのスキャンを許可します({port}/udp で受付)。Ctrl-C で終了します"
    );
    let mut all = way.told().into_iter().chain([told]);
    all.try_for_each(|told| out.sentences(told.in_lang(settings.lang)))?;
    out.finish()
}

fn taken(error: &ScanError, port: u16) -> Failure {
    let failure = failed(error);
    let ScanError::Call(_, cause) = error else { return failure };
    if cause.kind() != io::ErrorKind::AddrInUse {
        return failure;
    }
    Failure::new(Exit::Taken, text!("{port}/udp belongs to another", "{port}/udp は使用中です"))
        .hint(text!("portreeve who {port}/udp", "portreeve who {port}/udp"))
}

/// A time of the day, as the clock of this host shows it.
pub(crate) fn clock(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    time.map_or_else(String::new, |time| format!("{time:.0}"))
}
