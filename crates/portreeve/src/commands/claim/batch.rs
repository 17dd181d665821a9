//! `portreeve claim --batch FILE`: many claims, a line each, and few commits (A23, A26).

mod clients;
mod lines;

use std::{
    io::{self, BufRead, BufReader},
    num::NonZero,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, builder::ValueParser};
use portreeve_core::{
    ledger::{Ask, Now, Scope, Seen},
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::claimant;

use self::lines::{EXAMPLE, Line, LinesError};
use super::{ENV, FAILED, wish};
use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    ledger::{
        Held,
        crowd::{ASKS_MAX, Crowd, Told},
        failure,
        home::Home,
        kernel::{self, Kept},
        sight,
    },
    read,
    settings::{Settings, options},
    show::{
        claim::{self as show, MistakeView, RefusalView},
        out::Out,
    },
    store::Store,
    table_file::TableFile,
};

/// `--batch`.
pub(super) const BATCH: &str = "batch";
/// For `cargo xtask bench ledger` alone.
const CLIENTS: &str = "clients";

const UNANSWERED: Words = Words {
    en: "not every line was answered: those that were are claimed, and nothing of the others",
    ja: "一部の行は処理されませんでした(応答のあった行だけが申請済みです)",
};

/// What a batch is asked with.
pub(super) fn arguments(lang: Lang) -> [Arg; 2] {
    let help = Words {
        en: "Claims as JSON, an object a line (- is standard input), each answered on a line: name, ports, and the options with _ for -: while_pid",
        ja: "JSON で 1 行に 1 件の申請を読み込み、順に結果を表示する(- は標準入力、キーは name、ports、各オプション名(- は _ に置き換える: while_pid))",
    };
    let argument = options::value(BATCH, "FILE", help, lang).value_parser(ValueParser::path_buf());
    let clients = Arg::new(CLIENTS)
        .long(CLIENTS)
        .value_parser(options::number(NonZero::<u16>::MIN..=NonZero::<u16>::MAX));
    [argument.conflicts_with_all(wish::WORDS).conflicts_with(ENV), clients.requires(BATCH).hide(true)]
}

/// Whether there is one.
pub(super) fn is_asked(own: &ArgMatches) -> bool {
    own.contains_id(BATCH)
}

fn file(own: &ArgMatches) -> &Path {
    own.get_one::<PathBuf>(BATCH).map_or(Path::new("-"), PathBuf::as_path)
}

/// Reads it to its end, asks for all of it, and answers each line: 2 where a line is no ask, else 4 where one is refused.
///
/// # Errors
///
/// It cannot be read, or the ledger is not to be had: then what was answered stands, and all of it may be asked again.
pub(super) fn run(
    own: &ArgMatches,
    home: &Home,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let (file, clients) = (file(own), own.get_one::<NonZero<u16>>(CLIENTS).copied());
    refuse_twice_stdin(file, settings)?;
    let now = sight::now()?;
    let mut lines = read_lines(file, home, &now)?;
    let scope = scope(&lines, home);
    if home.is_of_fleet() {
        lines.iter_mut().for_each(|line| refuse_elsewhere(line, &scope));
    }
    let asks: Vec<Ask> =
        lines.iter().filter_map(|line| line.wish.as_ref().ok()).cloned().map(Ask::Claim).collect();
    let look = sight::look_for(&asks, settings)?;
    let world = look.world();
    let held = Held::of_replaced(home);
    let mut store = home.open_within(&scope).map_err(|error| failure::store(&error, FAILED))?;
    let book = store.load().map_err(|error| failure::store(&error, FAILED))?;
    let _turn = home.turn().map_err(|error| failure::store(&error, FAILED))?;
    let mut seen = sight::seen(&world, home, &book);
    store.expect(&asks, &book, &mut seen, &now).map_err(|error| failure::store(&error, FAILED))?;
    let crowd = Crowd::<dyn Store>::new(&mut store, book, &mut seen);
    let told = match clients {
        Some(clients) => clients::ask(&crowd, &asks, clients, &now),
        None => ask(&crowd, &asks, &now),
    };
    let book = crowd.leave();
    let granted: Vec<_> = told.iter().flatten().flatten().collect();
    if !granted.is_empty() {
        out.changed();
    }
    // One of a host's own ledger may hold elsewhere, and the next one here.
    let scopes = || granted.iter().map(|entry| &entry.claim.scope);
    let changed = scopes().find(|scope| scope.meets(&home.scope)).unwrap_or(&scope);
    let kept = kernel::keep(changed, &mut store, &book, home, &mut seen, &now);
    held.warn_of_given(settings.lang);
    // Also of those that a later line has made claims for good.
    let pids = granted.iter().filter_map(|entry| entry.claim.lease.process()).map(|process| process.pid);
    seen.processes.extend(claimant::occupants(&seen.machine, pids));
    answer(&lines, &told, &Standing { home, kept, seen, now }, out)
}

/// What `asks` come to, as many at a time as are written at once; after those that the store does not take nobody is asked for.
fn ask(crowd: &Crowd<'_, '_, dyn Store>, asks: &[Ask], now: &Now) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::with_capacity(asks.len());
    for part in asks.chunks(ASKS_MAX) {
        told.extend(crowd.ask(part.to_vec(), now));
        if told.iter().any(Result::is_err) {
            break;
        }
    }
    told
}

/// Within what the first line claims.
fn scope(lines: &[Line], home: &Home) -> Scope {
    let first = lines.iter().find_map(|line| line.wish.as_ref().ok());
    first.map_or_else(|| home.scope.clone(), |wish| wish.scope.clone())
}

/// A fleet's ledger is changed within one scope at a time.
fn refuse_elsewhere(line: &mut Line, scope: &Scope) {
    if let Ok(wish) = &line.wish
        && wish.scope != *scope
    {
        let own = &wish.scope;
        let mistake = Failure::usage(text!(
            "it is of {own}, and the first line of {scope}",
            "この行の有効範囲は {own} ですが、最初の行は {scope} です"
        ));
        line.wish = Err(mistake.hint(Words {
            en: "give each scope a batch of its own",
            ja: "有効範囲ごとに分けて渡してください",
        }));
    }
}

/// What became of the claims.
struct Standing<'a> {
    home: &'a Home,
    kept: Kept,
    seen: Seen<'a>,
    now: Now,
}

/// A line for each line, and the exit code of all of them.
fn answer(lines: &[Line], told: &[Told], standing: &Standing<'_>, out: &mut Out) -> Result<Exit, Failure> {
    let is_in_part = told.iter().any(Result::is_ok);
    let (mut told, mut exit) = (told.iter(), Exit::Fine);
    for line in lines {
        let worse = match &line.wish {
            Err(mistake) => answer_mistake(line.number, mistake, out)?,
            Ok(_) => {
                let told = told.next().expect("an answer, or the end at one before");
                answer_ask(told, is_in_part, standing, out)?
            }
        };
        if worse.code() != 0 && exit != Exit::Usage {
            exit = worse;
        }
    }
    Ok(exit)
}

fn answer_mistake(line: usize, mistake: &Failure, out: &mut Out) -> Result<Exit, Failure> {
    let (text, fix) = mistake.whole(out.lang);
    out.ndjson(&MistakeView::new(line, &text, fix.unwrap_or(EXAMPLE.in_lang(out.lang))))?;
    Ok(Exit::Usage)
}

fn answer_ask(
    told: &Told,
    is_in_part: bool,
    standing: &Standing<'_>,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let Standing { home, kept, seen, now } = standing;
    match told {
        // Of those behind it nothing is claimed either.
        Err(error) if is_in_part => Err(failure::unanswered_in_part(error, UNANSWERED)),
        Err(error) => Err(failure::unanswered(error, FAILED)),
        Ok(Err(refusal)) => {
            out.ndjson(&RefusalView::new(refusal, home, out.lang))?;
            Ok(Exit::Taken)
        }
        Ok(Ok(entry)) => {
            let kept = kept.clone().within(&entry.claim.scope, home);
            let notes = show::notes(entry, &kept);
            out.ndjson(&show::document(entry, &kept, entry.claim.state(seen, now), &notes, out.lang))?;
            Ok(Exit::Fine)
        }
    }
}

fn read_lines(file: &Path, home: &Home, now: &Now) -> Result<Vec<Line>, Failure> {
    let table = TableFile::load()?;
    let wish = |written: wish::Written| written.wish(home, now, table.registry());
    let input: Box<dyn BufRead> = if is_stdin(file) {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(read::open(file).map_err(|error| unread(file, error.text()))?))
    };
    lines::read(input, wish).map_err(|error| match error {
        LinesError::System(error) => unread(file, io_cause(&error)),
        LinesError::TooMany => {
            let most = lines::LINES_MAX;
            unread(file, text!("it has more than {most} lines", "行数の上限 {most} を超えています"))
                .hint(Words { en: "give it in parts", ja: "分割して渡してください" })
        }
    })
}

fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn refuse_twice_stdin(file: &Path, settings: &Settings) -> Result<(), Failure> {
    if !is_stdin(file) || !settings.reads_stdin() {
        return Ok(());
    }
    Err(Failure::usage(Words {
        en: "--batch - and --policy - cannot both be read from standard input",
        ja: "--batch - と --policy - の両方を標準入力から読むことはできません",
    }))
}

fn unread(file: &Path, why: Text) -> Failure {
    let name = if is_stdin(file) { "<stdin>".into() } else { file.display().to_string() };
    Failure::usage(text!("cannot read {name}", "{name} を読めません")).because(why).hint(Words {
        en: "a file with one JSON object a line, or - for standard input: --batch -",
        ja: "1 行に 1 つの JSON オブジェクトを書いたファイルか、標準入力(--batch -)を指定してください",
    })
}
