//! Why a unit of ours was not put or taken away, in words.

use std::path::Path;

use portreeve_core::{
    shell, text,
    words::{Text, Words},
};
use portreeve_host::{
    own::{OwnError, own},
    systemd::UnitError,
};

use crate::{
    commands::{out_of_the_way, strange},
    door::quoted,
    exit::Exit,
    failure::{Failure, io_cause, keep_cause},
};

/// Where whoever administers a host puts programs.
const INSTALLED: &str = "/usr/local/bin/portreeve";

/// The path by which something of the system's starts this program.
///
/// # Errors
///
/// Somebody else than root could change what is started.
pub(crate) fn program(what: Words) -> Result<std::path::PathBuf, Failure> {
    own().map_err(|error| untrusted(&error, what))
}

fn untrusted(error: &OwnError, what: Words) -> Failure {
    let failure = Failure::new(Exit::Refused, what);
    let failure = match error {
        OwnError::Unknown(source) => failure
            .because(Words {
                en: "it is not known from which file this program runs",
                ja: "このプログラムの実行ファイルを特定できません",
            })
            .because(io_cause(source)),
        OwnError::Foreign(stranger) => {
            let path = &stranger.path;
            failure
                .because(text!(
                    "others than root could put another program in its place: {path}",
                    "root 以外がプログラムを差し替えられます: {path}"
                ))
                .because(strange(stranger.what))
        }
        OwnError::AtHome(path) => {
            let path = path.display();
            failure.because(text!(
                "{path} is in a home directory, which may not be there as the host boots",
                "{path} はホームディレクトリにあり、起動時に参照できるとは限りません"
            ))
        }
        OwnError::Odd(path) => {
            let path = path.display();
            failure.because(text!(
                "the path {path} has letters that cannot stand in a unit",
                "{path} にはユニットに書けない文字が含まれています"
            ))
        }
    };
    failure.hint(match error {
        OwnError::Foreign(stranger) if is_installed() => given_to_root(&stranger.path),
        _ => elsewhere(),
    })
}

fn is_installed() -> bool {
    std::env::current_exe().is_ok_and(|path| path == Path::new(INSTALLED))
}

/// Where it stands where it should, whatever others could change goes to root.
fn given_to_root(path: &str) -> Text {
    let path = shell::quoted(path);
    text!(
        "give it to root alone: sudo chown root: {path} && sudo chmod go-w {path}",
        "root だけが書き込めるようにしてください: sudo chown root: {path} && sudo chmod go-w {path}"
    )
}

/// Where this program is.
pub(crate) fn own_path() -> String {
    std::env::current_exe().map_or_else(|_| "portreeve".into(), |path| path.display().to_string())
}

/// Where this program would be root's alone.
fn elsewhere() -> Text {
    let path = shell::quoted(&own_path());
    text!(
        "install it where root alone writes, and run that one: sudo install {path} {INSTALLED}",
        "root だけが書き込める場所に置き、そちらを実行してください: sudo install {path} {INSTALLED}"
    )
}

/// Why a unit was not put, or not taken away.
pub(crate) fn failure(error: &UnitError, what: Words) -> Failure {
    let failed = || Failure::new(Exit::Unreachable, what);
    match error {
        UnitError::NoSystemd => failed().because(no_systemd()),
        UnitError::Foreign(path) => foreign_file(&path.display().to_string(), what),
        UnitError::DropIn(folder) => drop_in(&folder.display().to_string(), what),
        UnitError::Masked(file) => masked(file, what),
        UnitError::Keep(error) => {
            let path = error.path().display();
            failed()
                .because(text!("cannot write {path}", "{path} に書き込めません"))
                .because(keep_cause(error))
                .hint(writable(error.path()))
        }
        UnitError::Stays { path, source } => {
            let shown = path.display();
            failed()
                .because(text!("cannot take {shown} away", "{shown} を削除できません"))
                .because(io_cause(source))
                .hint(writable(path))
        }
        UnitError::Systemctl(error) => failed().because(quoted(error)),
    }
}

/// A mask until the next boot goes with `--runtime` alone (systemctl(1), "mask").
fn masked(file: &Path, what: Words) -> Failure {
    let runtime = if file.starts_with("/run") { "--runtime " } else { "" };
    let path = file.display();
    let name = file.file_name().unwrap_or_default().display();
    Failure::new(Exit::Refused, what)
        .because(text!("{name} is masked: {path}", "{name} がマスクされています({path})"))
        .hint(text!(
            "unmask it, and try again: systemctl unmask {runtime}{name}",
            "マスクを解除してからやり直してください: systemctl unmask {runtime}{name}"
        ))
}

/// How to see why root may not write the file: its folder is immutable, or its file system read-only (chattr(1), mount(8)).
fn writable(path: &Path) -> Text {
    let folder = path.parent().unwrap_or(path).display();
    text!(
        "let root write there, and try again: lsattr -d {folder}; findmnt -T {folder}",
        "root が書き込めるようにしてからやり直してください: lsattr -d {folder}; findmnt -T {folder}"
    )
}

/// That systemd does not run.
pub(crate) fn no_systemd() -> Text {
    text!("systemd does not run here", "この環境では systemd が動作していません")
}

/// Somebody's drop-in decides what the unit does, so what is written of it decides nothing.
fn drop_in(folder: &str, what: Words) -> Failure {
    Failure::new(Exit::Refused, what)
        .because(text!(
            "a drop-in changes what the unit does: {folder}",
            "ドロップインがユニットの動作を変えています: {folder}"
        ))
        .hint(text!(
            "take it away, and try again: rm -r {folder} && systemctl daemon-reload",
            "取り除いてからやり直してください: rm -r {folder} && systemctl daemon-reload"
        ))
}

/// Somebody else's file has the name of a unit of ours.
fn foreign_file(path: &str, what: Words) -> Failure {
    Failure::new(Exit::Refused, what)
        .because(text!(
            "{path} was not created by portreeve",
            "{path} は portreeve が作成したものではありません"
        ))
        .hint(out_of_the_way(path))
}

/// That only root may.
pub(crate) fn not_root(what: Words) -> Failure {
    Failure::usage(what)
        .because(Words {
            en: "only root may change what the host starts",
            ja: "起動時や定期実行の設定を変更できるのは root だけです",
        })
        .hint(Words {
            en: "run it again with sudo", ja: "先頭に sudo を付けて実行してください"
        })
}
