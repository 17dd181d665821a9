//! `ls --follow`: tells what opens, closes and changes hands, until it is told to stop (A17, A24).
//!
//! Where the kernel tells of events, a look follows each of them to learn who did it; where it does not, looks alone
//! tell, one soon after the other.

mod endpoints;
mod heard;
mod pace;
mod round;
mod tell;
mod unseen;

pub(crate) use tell::EventView;

use std::{thread, time::Duration};

use portreeve_core::{port::Protocol, words::Words};
use portreeve_host::{Wanted, events::listening::now};

use self::{
    heard::{Heard, SETTLE},
    pace::Pace,
    round::{Known, Seen},
    unseen::Unseen,
};
use super::filter::Filter;
use crate::{
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Format, Settings},
    show::out::Out,
    stop::{Stop, Woken},
};

/// Follows until a signal comes or the reader goes.
pub(super) fn run(filter: &Filter, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    refuse_what_cannot_be_followed(settings)?;
    let stop = Stop::on_signals()?;
    let wanted = filter.wanted();
    // First of all, so that nothing falls between it and the first look.
    let mut heard = Heard::open(&wanted)?;
    let began = now();
    let mut look = Look::take(settings, &wanted)?;
    filter.check(&look.world())?;
    heard.listen();
    let (mut known, mut unseen) = {
        let world = look.world();
        let seen = Seen::of(&world, filter, settings);
        let known = Known::begin(&seen, settings, out)?;
        out.finish()?;
        (known, Unseen::begin(&seen, &heard, filter, settings))
    };
    // What was heard before is part of what that look saw.
    heard.take(began, |_| true);
    let mut pace = Pace::new(hears_all(&heard));
    loop {
        out.finish()?;
        let woken = sleep(&stop, &mut heard, &pace)?;
        heard.listen();
        // What happened until the end is told too.
        if woken == Woken::Time || (woken == Woken::Stopped && heard.due().is_some()) {
            look = pace.measure(|| {
                once_more(&look, &wanted, &mut heard, (&mut known, &mut unseen), (filter, settings), out)
            })?;
        }
        if woken != Woken::Time {
            return Ok(Exit::Fine);
        }
    }
}

/// Looks again, and tells what is new.
fn once_more(
    before: &Look,
    wanted: &Wanted,
    heard: &mut Heard,
    (known, unseen): (&mut Known, &mut Unseen),
    (filter, settings): (&Filter, &Settings),
    out: &mut Out,
) -> Result<Look, Failure> {
    let world = before.world();
    let old = known.recall(&world, filter, settings);
    let mut began = now();
    let mut after = before.again(wanted)?;
    heard.listen();
    if known.doubt(&old, &Seen::of(&after.world(), filter, settings), heard) {
        thread::sleep(SETTLE);
        began = now();
        after = before.again(wanted)?;
        heard.listen();
    }
    let world = after.world();
    let new = Seen::of(&world, filter, settings);
    let events = heard.take(began, |key| new.is_there(key));
    let brief = after.with(known.brief(&events, &new));
    let world = brief.world();
    let told = Seen::of(&world, filter, settings);
    let at = heard.time(began).unwrap_or(after.snapshot.taken);
    known.step([&old, &new, &told], at, &events, heard, settings, out)?;
    out.finish()?;
    unseen.step(&new, known.out_of_sight(&new, heard), filter, settings);
    Ok(after)
}

/// Sleeps until it is time to look again, taking in what is told meanwhile.
fn sleep(stop: &Stop, heard: &mut Heard, pace: &Pace) -> Result<Woken, Failure> {
    loop {
        heard.listen();
        let Some(nap) = pace.nap(heard.due()) else { return stop.wait(Duration::ZERO, &[]) };
        // What was heard already need not wake us again.
        let source = heard.due().is_none().then(|| heard.source()).flatten();
        match stop.wait(nap, source.as_slice())? {
            Woken::Time => {}
            woken => return Ok(woken),
        }
    }
}

fn hears_all(heard: &Heard) -> bool {
    [Protocol::Tcp, Protocol::Udp].into_iter().all(|protocol| heard.hears(protocol))
}

/// Why nobody follows what `-a` asks for.
pub(super) fn without_connections() -> Failure {
    Failure::usage(Words {
        en: "--follow tells of listeners alone, and -a asks for connections too",
        ja: "--follow が知らせるのは待ち受けだけで、-a で指定する接続は対象外です",
    })
    .hint(Words { en: "portreeve ls --follow", ja: "portreeve ls --follow" })
}

fn refuse_what_cannot_be_followed(settings: &Settings) -> Result<(), Failure> {
    if settings.snapshot.is_some() {
        return Err(Failure::usage(Words {
            en: "--follow watches this host, and a snapshot does not change",
            ja: "--follow はこのホストを監視します。スナップショットは変化しません",
        })
        .hint(Words { en: "portreeve diff A B", ja: "portreeve diff A B" }));
    }
    if matches!(settings.format, Format::Json | Format::Csv) {
        return Err(Failure::usage(Words {
            en: "--follow never ends, so it is written as table or ndjson",
            ja: "--follow には終わりがないため、出力形式は table か ndjson だけです",
        })
        .hint(Words { en: "portreeve ls --follow -o ndjson", ja: "portreeve ls --follow -o ndjson" }));
    }
    Ok(())
}
