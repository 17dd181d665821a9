//! The code of a root that does not run here: a container's image, a disk that is mounted (A18).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use clap::{Arg, ArgMatches, builder::PathBufValueParser};
use jiff::Timestamp;
use portreeve_core::{
    facts::{Process, Snapshot},
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::observe::packages::{NOBODY, are_maps, of_root};

use crate::{
    failure::{Failure, io_cause},
    read,
    settings::options,
};

const ROOT: &str = "root";
const MAPS: &str = "maps";
/// As much as is read of one that is alive.
const MAPS_BYTES_MAX: usize = 8 * 1024 * 1024;

pub(super) fn arguments(lang: Lang) -> Vec<Arg> {
    let root = Words {
        en: "The files below this directory instead of this host: an image, a mounted disk",
        ja: "このホストの代わりに、このディレクトリ以下(イメージ、マウントしたディスク)を調べる",
    };
    let maps = Words {
        en: "What runs there, as /proc/PID/maps has it",
        ja: "そこで実行されるコード(/proc/PID/maps の形式)",
    };
    vec![path(ROOT, "DIR", root, lang).requires(MAPS), path(MAPS, "FILE", maps, lang).requires(ROOT)]
}

fn path(name: &'static str, value: &'static str, help: Words, lang: Lang) -> Arg {
    options::value(name, value, help, lang).value_parser(PathBufValueParser::new()).conflicts_with_all([
        options::SNAPSHOT,
        options::NETNS,
        super::PORT,
    ])
}

/// Whether a root was named.
pub(super) fn is_asked(own: &ArgMatches) -> bool {
    own.contains_id(ROOT)
}

/// What stands below the root that was named, if one was.
///
/// # Errors
///
/// Where it, or what runs there, cannot be read.
pub(super) fn read(own: &ArgMatches) -> Result<Option<Snapshot>, Failure> {
    let (Some(root), Some(maps)) = (own.get_one::<PathBuf>(ROOT), own.get_one::<PathBuf>(MAPS)) else {
        return Ok(None);
    };
    let bytes = read::file(maps, MAPS_BYTES_MAX).map_err(|error| unreadable(maps, error.text()))?;
    if !are_maps(&bytes) {
        return Err(no_maps(maps));
    }
    let (code, gaps) = of_root(root, &bytes).map_err(|error| unreadable(root, io_cause(&error)))?;
    let nobody = Process { name: maps.display().to_string(), ..Process::default() };
    let processes = BTreeMap::from([(NOBODY, nobody)]);
    Ok(Some(Snapshot { processes, code: Some(code), gaps, ..Snapshot::bare(Timestamp::now()) }))
}

fn no_maps(path: &Path) -> Failure {
    let path = path.display().to_string();
    Failure::usage(text!("{path} is no list of mappings", "{path} はマッピングの一覧ではありません")).hint(
        text!(
            "save what the process has: cat /proc/PID/maps >FILE",
            "対象プロセスの /proc/PID/maps を保存したファイルを指定してください"
        ),
    )
}

fn unreadable(path: &Path, cause: Text) -> Failure {
    let path = path.display().to_string();
    Failure::usage(text!("cannot read {path}", "{path} を読めません")).because(cause)
}
