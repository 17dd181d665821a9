//! `portreeve watch --read`: what saved logs tell, as if it happened as it was written (A14, A19).

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use portreeve_core::{
    logs::{Program, Reading, header, read},
    text,
    watch::{Event, Happening, Key, Known, Suspicion, Watch, Written},
    words::Words,
};
use portreeve_host::chance::chance;

use super::lines::{Line, Log, UnreadError};
use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    settings::{Format, Settings, Verbosity},
    show::{escape::visible, out::Out, watch as show},
};

const FAILED: Words =
    Words { en: "cannot read what is saved", ja: "保存されたログを読み取れません" };

/// Judges the lines of `files` in the order in which they were written.
///
/// # Errors
///
/// One cannot be read, or holds no lines.
pub(super) fn judge(files: &[&PathBuf], settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let mut logs = files
        .iter()
        .map(|path| Log::open(path, now))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unread(&error))?;
    let [low, high, _] =
        chance().map_err(|error| Failure::new(Exit::Unreachable, FAILED).because(io_cause(&error)))?;
    let mut judgement: Option<Judgement> = None;
    let mut counts = show::Counts { files: files.len(), ..show::Counts::default() };
    while let Some(log) = earliest(&mut logs) {
        let Some(line) = log.take().map_err(|error| unread(&error))? else { continue };
        let own = judgement.get_or_insert_with(|| Judgement::new([low, high], line.at));
        let suspicions = own.hears(&line, &mut counts);
        suspicions.iter().try_for_each(|suspicion| show::tell_saved(suspicion, settings.format, out))?;
    }
    if settings.format != Format::Ndjson && settings.verbosity == Verbosity::Quiet {
        return Ok(Exit::Fine);
    }
    show::tell_counts(&counts, settings.format, out)?;
    Ok(Exit::Fine)
}

/// The one whose next line was written first.
fn earliest(logs: &mut [Log]) -> Option<&mut Log> {
    let waiting = logs.iter_mut().filter(|log| log.next_at().is_some());
    waiting.min_by_key(|log| log.next_at())
}

/// What was read so far.
struct Judgement {
    watch: Watch,
    known: Known,
    last: Timestamp,
}

impl Judgement {
    fn new(key: Key, began: Timestamp) -> Self {
        Self { watch: Watch::new(key, began), known: Known::default(), last: began }
    }

    fn hears(&mut self, line: &Line, counts: &mut show::Counts) -> Vec<Suspicion> {
        counts.lines += 1;
        let Some(header) = header::split(&line.text) else { return Vec::new() };
        let attempt = match read(header.program, header.message) {
            // Where a line was cut a stranger chooses.
            _ if line.is_cut => Reading::Ambiguous,
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
        // Whatever a clock does, a line comes after the one before it.
        self.last = self.last.max(line.at);
        let service = self.watch.service(service(header.program));
        let what = Happening::Written(Written::of(service, &header, attempt));
        self.watch.step(&self.known, &Event { at: self.last, what })
    }
}

/// What wrote a line is, as a service.
const fn service(program: Program) -> &'static str {
    match program {
        Program::Sshd => "ssh",
        Program::Postfix => "postfix",
        Program::Dovecot => "dovecot",
        Program::Vsftpd => "ftp",
        Program::Nginx | Program::Access => "web",
    }
}

fn unread(error: &UnreadError) -> Failure {
    let name = |path: &Path| visible(&path.display().to_string()).into_owned();
    match error {
        UnreadError::Io(path, source) => {
            let path = name(path);
            Failure::usage(FAILED)
                .because(text!("{path} cannot be read", "{path} を読み取れません"))
                .because(io_cause(source))
                .hint(text!("name logs that you may read", "読み取れるログファイルを指定してください"))
        }
        UnreadError::Packets(path) => {
            let path = name(path);
            Failure::usage(FAILED)
                .because(text!(
                    "{path} holds packets, and only logs are read",
                    "{path} はパケットキャプチャです。読み取れるのはログだけです"
                ))
                .hint(text!(
                    "name logs: /var/log/auth.log",
                    "ログファイルを指定してください: /var/log/auth.log"
                ))
        }
        UnreadError::Compressed(path) => {
            let path = name(path);
            Failure::usage(FAILED).because(text!("{path} is compressed", "{path} は圧縮されています")).hint(
                text!(
                    "zcat, xzcat, zstdcat or bzcat {path} | portreeve watch --read -",
                    "zcat、xzcat、zstdcat、bzcat のいずれかで渡してください: zcat {path} | portreeve watch --read -"
                ),
            )
        }
    }
}
