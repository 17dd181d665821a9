//! `scan --new-secret`: what hosts that consent to be scanned share, and by what each proves that it may ask (A20).

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use portreeve_core::{
    outside::consent::{SECRET_BYTES, Secret},
    policy::Policy,
    text,
    words::{Text, Words},
};
use portreeve_host::chance::chance;
use rustix::process::geteuid;

use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    look::checked_policy,
    settings::{Settings, Verbosity},
    show::out::Out,
};

/// Where nothing is said.
const USUAL_FILE: &str = "/etc/portreeve/scan.secret";
/// What others may do with a secret: nothing.
const OTHERS: u32 = 0o077;

/// The file of the secret.
fn file(policy: Option<&Policy>) -> &str {
    policy.and_then(|policy| policy.scan.secret_file.as_deref()).unwrap_or(USUAL_FILE)
}

/// The secret that hosts which consent share.
///
/// # Errors
///
/// There is none that can be relied on: it is missing, others may read it, or it is none.
pub(super) fn secret(policy: Option<&Policy>) -> Result<Secret, Failure> {
    let path = file(policy);
    read(path).map_err(|unfit| {
        let what = text!("the secret {path} cannot be used", "共有の鍵 {path} を使えません");
        Failure::new(Exit::Refused, what).because(unfit.why()).hint(unfit.helps(path))
    })
}

/// Why a file is no secret to rely on.
#[derive(Debug)]
enum Unfit {
    Unread(io::Error),
    LeadsNowhere,
    NotRegular,
    OfOthers,
    NotAsLong,
    OneByte,
}

fn read(path: &str) -> Result<Secret, Unfit> {
    let about = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if fs::symlink_metadata(path).is_ok() => Unfit::LeadsNowhere,
        _ => Unfit::Unread(error),
    })?;
    if !about.is_file() {
        return Err(Unfit::NotRegular);
    }
    if ![0, geteuid().as_raw()].contains(&about.uid()) || about.mode() & OTHERS != 0 {
        return Err(Unfit::OfOthers);
    }
    if about.len() != SECRET_BYTES as u64 {
        return Err(Unfit::NotAsLong);
    }
    let mut bytes = Vec::with_capacity(SECRET_BYTES + 1);
    let read = File::open(path).and_then(|file| file.take(SECRET_BYTES as u64 + 1).read_to_end(&mut bytes));
    read.map_err(Unfit::Unread)?;
    Secret::read(&bytes).ok_or(Unfit::OneByte)
}

impl Unfit {
    fn why(&self) -> Text {
        match self {
            Self::Unread(error) => io_cause(error),
            Self::LeadsNowhere => {
                text!("it is a link to a file that is not there", "リンク先のファイルがありません")
            }
            Self::NotRegular => text!("it is no regular file", "通常のファイルではありません"),
            Self::OfOthers => text!(
                "others may read or write it, or it is not root's",
                "ほかのユーザーが読み書きできるか、所有者が root ではありません"
            ),
            Self::NotAsLong => {
                text!("it is not {SECRET_BYTES} bytes long", "{SECRET_BYTES} バイトではありません")
            }
            Self::OneByte => text!(
                "it is one byte over and over, which anybody may guess",
                "同じバイトの繰り返しで、推測できてしまいます"
            ),
        }
    }

    /// What to type next: where there is a file, none is made.
    fn helps(&self, path: &str) -> Text {
        match self {
            Self::Unread(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                text!("it is root's: run as root", "root のファイルです。root で実行してください")
            }
            Self::Unread(error) if error.kind() == io::ErrorKind::NotFound => text!(
                "make one on one host, and copy it to the others: portreeve scan --new-secret",
                "1 台のホストで作成し、ほかのホストへコピーしてください: portreeve scan --new-secret"
            ),
            Self::OfOthers => text!(
                "where nobody read it: chown root: {path}; chmod 600 {path}",
                "誰にも読まれていなければ: chown root: {path}; chmod 600 {path}"
            ),
            _ => text!(
                "copy it again from the host that made it, or take it away and make another for all: rm {path}; portreeve scan --new-secret",
                "作成したホストからコピーし直すか、削除して作り直し、全ホストへ配ってください: rm {path}; portreeve scan --new-secret"
            ),
        }
    }
}

/// Makes a secret where there is none.
///
/// # Errors
///
/// There is one already, or it cannot be written.
pub(super) fn make(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
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
    if settings.verbosity != Verbosity::Quiet {
        out.sentences(told.in_lang(settings.lang))?;
    }
    Ok(Exit::Fine)
}
