//! Where a ledger is: a file of this host, or a fleet's etcd (A25).

use std::{
    ffi::{OsStr, OsString},
    fs, io, iter,
    path::{Path, PathBuf},
};

use jiff::civil::Date;
use portreeve_core::{
    shell, text, user_info,
    words::{Lang, Words},
};
use rustix::process::geteuid;

use super::home::{Obeyed, of_host, usual};
use crate::{
    directories::{RUN, SYSTEM},
    failure::{Failure, warn},
    show::escape::visible,
    store::{goes_in_clear, in_order, is_same},
};

/// So many symbolic links are followed, as by the kernel (path_resolution(7)).
const LINKS_MAX: usize = 40;
/// How the address of a fleet's ledger begins.
const ETCD: &str = "etcd+";

/// Where a ledger is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A file of this host.
    File(PathBuf),
    /// A fleet's, by its address.
    Etcd(String),
}

impl Place {
    /// What it is called, the same however somebody writes it.
    pub(super) fn told(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Etcd(url) => in_order(url),
        }
    }

    /// Whether both are the same one, whichever of its members are written.
    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Etcd(own), Self::Etcd(theirs)) => is_same(own, theirs),
            _ => self == other,
        }
    }

    /// A policy refuses it; whoever tries something out by hand is told.
    pub(super) fn warn_of_clear(&self, lang: Lang) {
        if matches!(self, Self::Etcd(url) if goes_in_clear(url)) {
            let note = Words {
                en: "note: claims go over the network in clear, for anybody to read and to change: use etcd+https://",
                ja: "注意: 申請の内容が暗号化されずに送られます。etcd+https:// を使ってください",
            };
            warn(note.in_lang(lang));
        }
    }
}

/// The place that a word names.
pub(super) fn place(word: OsString) -> Result<(Place, Obeyed), Failure> {
    if word.is_empty() {
        return Err(Failure::usage(text!("no ledger is named", "台帳が指定されていません"))
            .hint(text!("name a file: --ledger FILE", "ファイルを指定してください: --ledger FILE")));
    }
    match word.to_str().filter(|word| word.contains("://") || word.starts_with(ETCD)) {
        Some(url) if url.starts_with(ETCD) && url.contains("://") => {
            Ok((Place::Etcd(url.into()), Obeyed::ByHost))
        }
        Some(url) => Err(no_ledger(&user_info::hidden(url)).hint(Words {
            en: "a file, or etcd+https://HOST:2379/PREFIX",
            ja: "ファイル、または etcd+https://HOST:2379/PREFIX を指定してください",
        })),
        None => {
            refuse_no_text(&word)?;
            let path = real_file(&PathBuf::from(word));
            refuse_without_folder(&path)?;
            refuse_no_file(&path)?;
            refuse_own(&path)?;
            refuse_parts(&path)?;
            let is_obeyed = geteuid().is_root() || of_host().as_ref() == Some(&path);
            let obeyed = if is_obeyed { Obeyed::ByHost } else { Obeyed::ByUser };
            Ok((Place::File(path), obeyed))
        }
    }
}

fn no_ledger(word: &str) -> Failure {
    let shown = visible(word);
    Failure::usage(text!("`{shown}` is no ledger", "`{shown}` は台帳の指定として使えません"))
}

/// What stands beside a ledger is called as it is, with one of these behind.
const PARTS: [&str; 6] = ["-wal", "-shm", "-journal", ".lock", ".made", ".asks"];

/// Refuses what is, or may be, a part of another ledger or a day's copy of one: what is written there is lost, or no copy any more.
fn refuse_parts(path: &Path) -> Result<(), Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_part = PARTS.iter().any(|part| name.ends_with(part));
    let is_copy = name.rsplit_once('.').is_some_and(|(_, day)| day.parse::<Date>().is_ok());
    if !is_part && !is_copy {
        return Ok(());
    }
    Err(no_ledger(&path.to_string_lossy())
        .because(text!(
            "so is called what belongs to another one, or a day's copy of it",
            "この名前は、別の台帳の付属ファイルか日ごとのコピーに使われます"
        ))
        .hint(text!(
            "name another file; copies are put back by portreeve ledger restore",
            "別のファイルを指定してください。コピーは portreeve ledger restore で復元できます"
        )))
}

/// Refuses a file where portreeve keeps others of its own: the next run writes over it.
fn refuse_own(path: &Path) -> Result<(), Failure> {
    let system = Path::new(SYSTEM);
    let is_own =
        path.starts_with(RUN) || (path.starts_with(system) && !path.starts_with(system.join("ledger")));
    if !is_own {
        return Ok(());
    }
    Err(no_ledger(&path.to_string_lossy())
        .because(text!(
            "portreeve keeps other files there",
            "portreeve がほかのファイルを置くディレクトリです"
        ))
        .hint(text!("name another file: --ledger FILE", "別のファイルを指定してください: --ledger FILE")))
}

/// Refuses a path that cannot be written: no command that is shown would name it.
fn refuse_no_text(word: &OsStr) -> Result<(), Failure> {
    if word.to_str().is_some() {
        return Ok(());
    }
    Err(no_ledger(&word.to_string_lossy())
        .because(text!("its path is not UTF-8", "パスが UTF-8 ではありません"))
        .hint(text!(
            "name another file, or rename its directory",
            "別のファイルを指定するか、ディレクトリ名を変更してください"
        )))
}

/// Refuses a directory, a device, or whatever else is no file.
fn refuse_no_file(path: &Path) -> Result<(), Failure> {
    if !fs::metadata(path).is_ok_and(|about| !about.is_file()) {
        return Ok(());
    }
    Err(no_ledger(&path.to_string_lossy())
        .because(text!("it is no regular file", "通常のファイルではありません"))
        .hint(text!("name a file: --ledger FILE", "ファイルを指定してください: --ledger FILE")))
}

/// Refuses a file in a folder that is not there: whoever mistypes a path, or whose disk is not mounted, gets no ledger beside the
/// one that he means.
fn refuse_without_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(path);
    let is_usual = || usual().is_ok_and(|(usual, _)| usual == path);
    if !matches!(fs::metadata(folder), Err(error) if error.kind() == io::ErrorKind::NotFound) || is_usual() {
        return Ok(());
    }
    let (shown, typed) = (folder.display(), shell::quoted(&folder.display().to_string()));
    Err(Failure::usage(text!("there is no directory {shown}", "ディレクトリ {shown} がありません")).hint(
        text!(
            "make it first, or mount its disk: mkdir -p {typed}",
            "先に作成するか、ディスクをマウントしてください: mkdir -p {typed}"
        ),
    ))
}

/// The same file by the one path that leads through no symbolic link, as far as it is there: SQLite follows none.
pub(super) fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let there = path.ancestors().skip(1).find_map(|above| {
        let rest = path.strip_prefix(above).ok()?;
        Some(fs::canonicalize(above).ok()?.join(rest))
    });
    there.unwrap_or(path)
}

/// The file itself that somebody names, also by symbolic links, and where they lead to nothing any more.
fn real_file(path: &Path) -> PathBuf {
    let linked = |path: &PathBuf| {
        let target = fs::read_link(path).ok()?;
        Some(real(&path.parent()?.join(target)))
    };
    iter::successors(Some(real(path)), linked).take(LINKS_MAX).last().unwrap_or_else(|| path.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::store::tests::Folder;

    /// Else SQLite, which follows none, would not open it, and the locks of one file would be two.
    #[test]
    fn a_symbolic_link_stands_for_the_file_that_it_leads_to() {
        let folder = Folder::new("linked");
        let file = real(&folder.ledger());
        let above = file.parent().expect("a folder");
        symlink("ledger.db", above.join("first")).expect("a link");
        symlink(above.join("first"), above.join("second")).expect("a link");
        symlink("ring", above.join("ring")).expect("a link");
        for is_there in [false, true] {
            if is_there {
                fs::write(&file, "").expect("written");
            }
            for name in ["ledger.db", "first", "second"] {
                assert_eq!(real_file(&above.join(name)), file, "{name}, {is_there}");
            }
        }
        assert_eq!(real_file(&above.join("ring")), above.join("ring"), "which leads nowhere");
    }

    #[test]
    fn a_word_is_a_file_or_the_address_of_an_etcd() {
        assert!(matches!(place("/tmp/x.db".into()), Ok((Place::File(_), _))));
        let etcd = place("etcd+http://192.0.2.1:2379/p".into());
        assert!(matches!(etcd, Ok((Place::Etcd(_), Obeyed::ByHost))));
        for word in [
            "http://192.0.2.1:2379/p",
            "etcd://192.0.2.1/p",
            "etcd+192.0.2.1:2379/p",
            "sqlite:///tmp/x",
            "/nowhere/at/all.db",
            "/tmp/x.db-wal",
            "/tmp/x.lock",
            "/tmp/x.db.2026-01-01",
            "/var/lib/portreeve/reserved",
            "/run/portreeve/l.db",
        ] {
            assert!(place(word.into()).is_err(), "{word}");
        }
        let told = place("https://harbour:secret@a/p".into()).expect_err("no ledger");
        assert!(told.what(Lang::En).contains("@a/p") && !told.what(Lang::En).contains("secret"));
    }
}
