//! `scan --consent`: how this host says that it may be scanned (A20).

use std::{
    collections::HashMap,
    io,
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use clap::ArgMatches;
use jiff::Timestamp;
use portreeve_core::{
    policy::{Policy, ScanChoice},
    text,
    words::Words,
};
use portreeve_host::scan::{
    ScanError,
    consent::{Consenting, Lasting},
};

use super::{FOR, PORT_OF_CONSENT, ask::failed, secret::secret, way::Way, written::Written};
use crate::{
    exit::Exit,
    failure::Failure,
    look::checked_policy,
    settings::{Settings, Verbosity},
    show::out::Out,
    stop::Stop,
};

/// Where nothing is said.
const USUAL_TIME: Duration = Duration::from_secs(600);
/// Whoever asks again within so long goes on with the scan that he was told of.
const SCANS_ON: Duration = Duration::from_secs(10);
/// Who forgets that he consented does so for a day.
const TIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

/// The port of UDP at which hosts are asked.
pub(super) fn port(policy: Option<&Policy>) -> u16 {
    policy.and_then(|policy| policy.scan.consent_port).unwrap_or(ScanChoice::CONSENT_PORT)
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
    let lasting = Lasting::from_now(time);
    let until = lasting.until;
    let stop = Stop::on_signals()?;
    let consenting = Consenting::open(port).map_err(|error| taken(&error, port))?;
    let mut written = Written::begin(port, until, settings.lang);
    let way = Way::open(policy.as_deref(), port, time, (settings, out));
    if let Way::Shut(failure) = &way {
        failure.print(settings.lang);
    }
    let done = tell(until, port, &way, settings, out).and_then(|()| {
        let mut known = HashMap::new();
        let answered = consenting.answer(&secret, lasting, stop.signals(), |parties| {
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
    if !lasting.left().is_zero() {
        way.close(settings);
    }
    done.map(|()| way.exit(written.count(), settings))
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
