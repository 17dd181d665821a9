//! `portreeve init`: a policy from what runs now, to be read and cut down by a person (A15, A25).

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use clap::{Arg, ArgMatches};
use portreeve_core::{
    draft::draft,
    text,
    words::{Lang, Words},
};
use portreeve_host::Wanted;

use super::Command;
use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    look::Look,
    settings::{Common, PolicyChoice, Settings, Verbosity},
    show::{escape::visible, gaps, out::Out},
};

const FILE: &str = "file";

/// `init`.
pub(super) const COMMAND: Command = Command {
    name: "init",
    about: Words {
        en: "Write a policy from what runs now", ja: "現在の状態に基づく policy の下書き"
    },
    examples: &["portreeve init > policy.toml", "portreeve init policy.toml"],
    takes: &[Common::Snapshot, Common::Netns, Common::AllowGaps],
    arguments,
    run,
};

fn arguments(lang: Lang) -> Vec<Arg> {
    let help = Words {
        en: "A file to write it to; one that exists is left alone (default, and -: standard output)",
        ja: "書き込み先(既存のファイルは上書きしない。省略時と - は標準出力)",
    };
    vec![Arg::new(FILE).value_name("FILE").help(help.in_lang(lang))]
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    // What is written must not depend on a policy that is there already, or be stopped by its mistakes.
    let settings = &Settings { policy: PolicyChoice::Without, ..settings.clone() };
    let look = Look::take(settings, &Wanted { namespaces: settings.namespaces(), ..Wanted::JUDGEMENT })?;
    let world = look.world();
    let policy = draft(&world, settings.lang);
    match own.get_one::<String>(FILE) {
        Some(file) if file != "-" => save(Path::new(file), &policy, settings, out)?,
        _ => out.write(&policy)?,
    }
    let gaps: Vec<_> = world.gaps_that_matter().collect();
    for gap in &gaps {
        // The policy may be on its way into a file: what it lacks is said beside it.
        let _ = io::stderr().write_all(format!("{}\n", gaps::line(gap, settings.lang)).as_bytes());
    }
    Ok(gaps::exit(settings, !gaps.is_empty()))
}

fn save(file: &Path, policy: &str, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
    let name = file.display();
    match write_new(file, policy.as_bytes()) {
        Ok(()) if settings.verbosity == Verbosity::Quiet => Ok(()),
        Ok(()) => {
            let said = text!(
                "{name} is written; read it, and take out what should not be open",
                "{name} に書き込みました。内容を確認し、開けるべきでないものを削ってください"
            );
            out.line(&visible(said.in_lang(settings.lang)))
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Failure::usage(text!(
            "{name} exists and is left as it is",
            "{name} は既にあるため、そのままにしました"
        ))
        .hint(Words {
            en: "name another file, or compare: portreeve init > new.toml",
            ja: "別のファイル名を指定するか、portreeve init > new.toml で見比べてください",
        })),
        Err(error) => {
            Err(Failure::new(Exit::Unreachable, text!("cannot write {name}", "{name} に書き込めません"))
                .because(io_cause(&error)))
        }
    }
}

/// Writes a file that was not there, whole or not at all: half of one would be left alone by the next run.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    // A full disk may show only when the bytes must really be there (fsync(2)).
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}
