//! `portreeve watch --read`: what saved logs and captures tell, as if it happened as it was written (A14, A19).

use std::{net::IpAddr, path::PathBuf};

use jiff::{SignedDuration, Timestamp};
use portreeve_core::{
    logs::{Program, Reading, header, read, read_beginning},
    text,
    watch::{Course, Event, Happening, Key, Known, Packet, Replay, Step, Suspicion, Watch, Way, Written},
    words::Words,
};
use portreeve_host::{capture::End, chance::chance};

use super::{
    file::{FAILED, Piece, Saved},
    lines::Line,
    local::known,
};
use crate::{
    exit::Exit,
    failure::{Failure, io_cause, warn},
    settings::{Format, Settings, Verbosity},
    show::{out::Out, watch as show},
};

const FOREIGN: Words = Words {
    en: "no packet of what is saved is for this host or from it",
    ja: "保存されたパケットに、対象ホスト宛てのものも対象ホストからのものもありません",
};

/// What is so much older than what stands before it is counted: programs write a little at a time, and in no order.
const OLDER: SignedDuration = SignedDuration::from_secs(1);
/// So often it is looked whether many share a scan, as of packets that come.
const LOOK_EACH: SignedDuration = SignedDuration::from_secs(10);

/// Judges the lines and packets of `files` in the order in which they were written; `local` are the addresses of the host whose
/// packets were captured.
///
/// # Errors
///
/// A file cannot be read, or holds neither, or no packet is of that host.
pub(super) fn judge(
    files: &[&PathBuf],
    local: &[IpAddr],
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let mut files = files.iter().map(|path| Saved::open(path, now)).collect::<Result<Vec<_>, _>>()?;
    let holds_packets = files.iter().any(|file| file.packets().is_some());
    let known = if holds_packets { known(local, settings)? } else { Known::default() };
    let [low, high, _] =
        chance().map_err(|error| Failure::new(Exit::Unreachable, FAILED).because(io_cause(&error)))?;
    let mut judgement = Judgement::new([low, high], known, now);
    let mut tell = |suspicions: Vec<Suspicion>| {
        suspicions.iter().try_for_each(|suspicion| show::tell_saved(suspicion, settings.format, out))
    };
    while let Some(file) = earliest(&mut files) {
        tell(match file.take()? {
            Some(Piece::Line(line)) => judgement.hears(&line),
            Some(Piece::Packet(packet)) => judgement.sees(&packet),
            None => Vec::new(),
        })?;
    }
    tell(judgement.finish())?;
    conclude(&files, judgement.counts, settings, out)
}

/// Tells what was read, and of what could not be.
fn conclude(
    files: &[Saved],
    mut counts: show::Counts,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    counts.files = files.len();
    for (file, packets) in files.iter().filter_map(|file| Some((file, file.packets()?))) {
        let read = packets.counts();
        counts.packets = Some(counts.packets.unwrap_or(0) + read.packets);
        counts.portless += read.portless;
        warn_of(packets.end(), &file.name(), read.packets, settings);
    }
    files.iter().filter(|file| file.is_foreign()).for_each(|file| warn_of_foreign(&file.name(), settings));
    if counts.packets.is_some_and(|packets| packets > 0) && counts.own == 0 {
        return Err(foreign(counts.seen));
    }
    if settings.format != Format::Ndjson && settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    show::tell_counts(&counts, settings.format, out)?;
    Ok(Exit::Fine)
}

/// An end that nobody wrote so is no failure, just as a log's last line may be half of one.
fn warn_of(end: End, name: &str, packets: u64, settings: &Settings) {
    let text = match end {
        End::Whole => return,
        End::Cut => text!(
            "warning: {name} ends within a packet; packets judged before that: {packets}",
            "警告: {name} は途中で終わっています。それまでの {packets} パケットを判定しました"
        ),
        End::Broken => text!(
            "warning: {name} is broken, and what follows was not judged; packets before that: {packets}",
            "警告: {name} は途中で壊れています。それまでの {packets} パケットを判定し、残りは判定していません"
        ),
    };
    warn(text.in_lang(settings.lang));
}

/// Whoever reads that nothing was found should know that nothing was understood.
fn warn_of_foreign(name: &str, settings: &Settings) {
    let text = text!(
        "warning: no line of {name} is of a form that is read",
        "警告: {name} には、読み取れる形式の行がありません"
    );
    warn(text.in_lang(settings.lang));
}

fn foreign(seen: Option<IpAddr>) -> Failure {
    let failure = Failure::usage(FOREIGN);
    match seen {
        Some(seen) => failure.hint(text!(
            "--local {seen} if it is of the host that the first packet is for",
            "最初のパケットの宛先のホストを対象にする場合: --local {seen}"
        )),
        None => failure.hint(text!(
            "--local ADDRESS says which addresses were the host's own",
            "対象ホストのアドレスを --local で指定してください"
        )),
    }
}

/// The one whose next piece was written first.
fn earliest(files: &mut [Saved]) -> Option<&mut Saved> {
    let waiting = files.iter_mut().filter(|file| file.next_at().is_some());
    waiting.min_by_key(|file| file.next_at())
}

/// What was read so far.
struct Judgement {
    key: Key,
    known: Known,
    /// When it is read.
    now: Timestamp,
    /// What is remembered; nothing before the first line that tells of somebody, or packet.
    memory: Option<Memory>,
    counts: show::Counts,
}

/// What is remembered of a time in which no clock leaps.
struct Memory {
    course: Course,
    watch: Watch,
    replay: Replay,
    /// When it was looked last whether many share a scan.
    looked: Timestamp,
}

impl Memory {
    fn new(key: Key, first: Timestamp) -> Self {
        let course = Course::new(first);
        let began = course.began();
        Self { course, watch: Watch::new(key, began), replay: Replay::new(key, began), looked: first }
    }
}

impl Judgement {
    fn new(key: Key, known: Known, now: Timestamp) -> Self {
        Self { key, known, now, memory: None, counts: show::Counts::default() }
    }

    /// What was still open where time begins anew with `at`, or goes back; nothing where it goes on.
    fn goes_on(&mut self, at: Timestamp) -> Vec<Suspicion> {
        let last = self.memory.as_ref().map_or(at, |memory| memory.course.last());
        let is_older = last.duration_since(at) >= OLDER;
        self.counts.older += u64::from(is_older);
        let step = self.memory.as_mut().map_or(Step::Anew, |memory| memory.course.step(at));
        let left = match step {
            Step::Anew => self.finish(),
            Step::Back if is_older => self.decide(),
            Step::Back | Step::On => Vec::new(),
        };
        self.memory.get_or_insert_with(|| Memory::new(self.key, at));
        left
    }

    fn sees(&mut self, packet: &Packet) -> Vec<Suspicion> {
        let mut told = self.goes_on(packet.at);
        let Self { known, memory, counts, .. } = self;
        let Some(Memory { watch, replay, looked, .. }) = memory else { return told };
        let way = replay.step(known, packet, |event| {
            if event.at.duration_since(*looked).abs() >= LOOK_EACH {
                *looked = event.at;
                told.extend(look(watch, known, event.at));
            }
            told.extend(weigh(watch, known, event, counts));
        });
        counts.own += u64::from(way != Way::Past);
        counts.seen.get_or_insert(packet.touch.to);
        told
    }

    /// What waits for an answer gets none: nothing of its time follows.
    fn decide(&mut self) -> Vec<Suspicion> {
        let Self { known, memory, counts, .. } = self;
        let Some(Memory { watch, replay, .. }) = memory else { return Vec::new() };
        let mut told = Vec::new();
        replay.finish(|event| told.extend(weigh(watch, known, event, counts)));
        told
    }

    /// Likewise, and nothing is remembered any more.
    fn finish(&mut self) -> Vec<Suspicion> {
        let mut told = self.decide();
        let Some(Memory { course, mut watch, .. }) = self.memory.take() else { return told };
        told.extend(look(&mut watch, &self.known, course.newest()));
        told
    }

    fn hears(&mut self, line: &Line) -> Vec<Suspicion> {
        let counts = &mut self.counts;
        counts.lines += 1;
        let Some(header) = header::split(&line.text) else { return Vec::new() };
        let read = if line.is_cut { read_beginning } else { read };
        let attempt = match read(header.program, header.message) {
            // So he may where it is of another form than the rest.
            Reading::Attempt(_) if !line.is_own => Reading::Ambiguous,
            reading => reading,
        };
        let attempt = match attempt {
            Reading::Attempt(attempt) => attempt,
            Reading::Ambiguous => {
                counts.ambiguous += 1;
                return Vec::new();
            }
            Reading::Nothing => return Vec::new(),
        };
        counts.attempts += 1;
        let before = self.memory.as_ref().map_or(self.now, |memory| memory.course.last());
        let at = line.at.unwrap_or(before);
        let mut told = self.goes_on(at);
        let Some(Memory { watch, .. }) = &mut self.memory else { return told };
        let service = watch.service(service(header.program));
        let what = Happening::Written(Written::of(service, &header, attempt));
        told.extend(watch.step(&self.known, &Event { at, what }));
        told
    }
}

/// Who shares a scan by now: each packet was told of, so nobody was only counted.
fn look(watch: &mut Watch, known: &Known, now: Timestamp) -> Vec<Suspicion> {
    watch.step(known, &Event { at: now, what: Happening::Counted(&[]) })
}

fn weigh(
    watch: &mut Watch,
    known: &Known,
    event: &Event<'static>,
    counts: &mut show::Counts,
) -> Vec<Suspicion> {
    counts.touches += u64::from(matches!(event.what, Happening::Touch(_)));
    watch.step(known, event)
}

/// What wrote a line is, as a service.
const fn service(program: Program) -> &'static str {
    match program {
        Program::Sshd => "ssh",
        Program::Postfix => "postfix",
        Program::Dovecot => "dovecot",
        Program::Vsftpd => "ftp",
        // What others can write is told of by itself.
        Program::Nginx => "nginx",
        Program::Access => "web",
    }
}
