//! Why the ledger did not do what was asked, for a person and as an exit code (A25, A26).

use std::{io::ErrorKind, path::Path};

use portreeve_core::{
    ledger::{NameError, Refusal},
    shell, text,
    words::{Lang, Text, Words},
};
use portreeve_host::{enforce::reserved::ReservedError, group::Groups, pins::RUN};

use super::{
    Unanswered,
    home::{CERTIFICATES, Home, command_for, may_not_write, may_write_beside},
};
use crate::{
    clients, directories,
    door::quoted,
    exit::Exit,
    failure::{Failure, io_cause, warn},
    show::escape::{visible, visible_text},
    store::{Control, GROUP, Store, StoreError, Tried, is_member, quoted as said},
};

/// What keeps the ledger from answering.
pub(crate) fn unanswered(error: &Unanswered, what: Words) -> Failure {
    match error {
        Unanswered::Store(error) => store(error, what),
        Unanswered::Outrun => Failure::new(Exit::Unreachable, what)
            .because(Words {
                en: "others change the ledger all the time",
                ja: "台帳がほかのプロセスによって絶えず変更されています",
            })
            .hint(Words { en: "try again", ja: "もう一度実行してください" }),
        Unanswered::Undetermined => Failure::new(Exit::Uncertain, what)
            .because(Words {
                en: "nobody said whether the ledger was changed",
                ja: "台帳が変更されたかどうかの応答がありません",
            })
            .hint(Words {
                en: "ask again: what was done already is not done twice, and the same name gets the same port",
                ja: "もう一度実行してください。反映済みの変更が二重に行われることはなく、同じ名前には同じポートが割り当てられます",
            }),
    }
}

/// A word is no name of a claim.
pub(crate) fn misnamed(error: &NameError, what: Words) -> Failure {
    Failure::usage(what).because(error.text()).hint(error.fix())
}

/// What is wrong with the store.
pub(crate) fn store(error: &StoreError, what: Words) -> Failure {
    let (exit, cause, Text { en, ja }) = told(error);
    let hint = text!("nothing was changed; {en}", "何も変更していません。{ja}");
    Failure::new(exit, what).because(cause).hint(hint)
}

/// What keeps the ledger from answering all that was asked, of which some was changed.
pub(crate) fn unanswered_in_part(error: &Unanswered, what: Words) -> Failure {
    let failure = unanswered(error, what);
    match error {
        Unanswered::Store(error) => failure.hint(told(error).2),
        Unanswered::Outrun | Unanswered::Undetermined => failure,
    }
}

/// How it ends where a store does not answer, why it does not, and what to do about it.
pub(crate) fn told(error: &StoreError) -> (Exit, Text, Text) {
    match error {
        StoreError::Missing { path } => {
            let file = shown(path);
            let cause = text!(
                "{file} is gone or empty, and there was a ledger",
                "{file} がないか空です(以前は台帳がありました)"
            );
            (Exit::Refused, cause, put_back(path))
        }
        StoreError::Lost { path, kept } => {
            let (file, init) = (shown(path), command_for(path, "ledger init --new-ledger"));
            let cause = text!(
                "nothing of {file} is there, and the kernel keeps what a ledger there claimed, such as {kept}",
                "{file} は跡形もありませんが、そこにあった台帳の申請({kept} など)がカーネルに予約されています"
            );
            let hint = text!(
                "mount its disk; where that ledger is another one (of a unit with PrivateTmp=), name another file; where it is gone for good, this gives its numbers back: {init}",
                "ディスクをマウントしてください。別の台帳(PrivateTmp= のユニットなど)のものであれば、別のファイルを指定してください。完全に失われたのであれば、次のコマンドで予約を解除できます: {init}"
            );
            (Exit::Refused, cause, hint)
        }
        StoreError::Damaged { path, source } => {
            let (file, Text { en, ja }) = (shown(path), visible_text(&source.text()));
            let cause = text!(
                "{file} is damaged, or no ledger: {en}",
                "{file} は破損しているか、台帳ではありません: {ja}"
            );
            (Exit::Refused, cause, restore(path))
        }
        StoreError::Another { path } => {
            let file = shown(path);
            let cause = text!(
                "{file} is another ledger than the one that was here",
                "{file} は以前ここにあった台帳とは別のものです"
            );
            let Text { en, ja } = restore(path);
            let hint = text!(
                "put the file back that was here; where it is lost, {en}",
                "以前ここにあったファイルを元に戻してください。失われた場合は、{ja}"
            );
            (Exit::Refused, cause, hint)
        }
        StoreError::Newer { path, found, known } => {
            let path = shown(path);
            let cause = text!(
                "{path} has layout {found}, and this program knows {known}",
                "{path} の形式は {found} ですが、このプログラムが扱えるのは {known} までです"
            );
            let hint =
                text!("use the portreeve that wrote it, or a newer one", "新しい portreeve を使ってください");
            (Exit::Refused, cause, hint)
        }
        error => of_file(error),
    }
}

/// What is wrong with a file that may be a ledger.
fn of_file(error: &StoreError) -> (Exit, Text, Text) {
    match error {
        StoreError::Failed { path, .. } if may_not_write(path) => {
            let why = io_cause(&ErrorKind::PermissionDenied.into());
            (Exit::Unreachable, unusable(path, &why), rights(path))
        }
        StoreError::Failed { path, source } => {
            let why = said(&source.to_string());
            let why = if may_write_beside(path) { why } else { closed(path, &why) };
            (Exit::Unreachable, unusable(path, &why), check(path))
        }
        StoreError::Beside { path, source } => {
            let is_denied = source.kind() == ErrorKind::PermissionDenied;
            let hint = if is_denied { rights(path) } else { look_at(path) };
            (Exit::Unreachable, unusable(path, &io_cause(source)), hint)
        }
        StoreError::Unfit { path, source } => (Exit::Unreachable, unusable(path, &source.text()), access()),
        StoreError::NoLedger { path } => no_ledger(path),
        StoreError::OtherNames { path } => other_names(path),
        StoreError::NoCopy { path } => {
            let path = shown(path);
            let cause =
                text!("there is no such copy, or it is empty: {path}", "コピーがないか、空です: {path}");
            (Exit::Usage, cause, copies())
        }
        StoreError::Locked { path } => locked(path),
        StoreError::InUse { path } => in_use(path),
        StoreError::Asked { path } => asked(path),
        error => of_fleet(error),
    }
}

/// What is wrong with a ledger that is asked over a network, or with what it is asked.
fn of_fleet(error: &StoreError) -> (Exit, Text, Text) {
    match error {
        StoreError::Address { url, source } => {
            let (url, Text { en, ja }) = (visible(url), source.text());
            let cause = text!(
                "`{url}` is no address of a ledger: {en}",
                "`{url}` は台帳のアドレスとして解釈できません: {ja}"
            );
            (Exit::Usage, cause, example())
        }
        StoreError::Unreachable { tried, control } => {
            let Text { en, ja } = listed(tried);
            let cause = if tried.iter().any(|tried| tried.said.is_answer()) {
                text!("nobody who answers can be asked: {en}", "利用できるメンバーがありません: {ja}")
            } else {
                text!("nobody answers: {en}", "応答がありません: {ja}")
            };
            (Exit::Unreachable, cause, certificates(tried).unwrap_or_else(|| health(control)))
        }
        StoreError::Denied { endpoint, said: words } | StoreError::Refused { endpoint, said: words } => {
            let Text { en, ja } = visible_text(&said(words));
            let cause = text!("{endpoint} refuses: {en}", "{endpoint} に拒否されました: {ja}");
            (Exit::Unreachable, cause, access())
        }
        StoreError::Foreign { key, source, control } => {
            let (key, Text { en, ja }) = (visible(key), visible_text(&source.text()));
            let cause = text!(
                "{key} is damaged, or no part of a ledger: {en}",
                "{key} は破損しているか、台帳の一部ではありません: {ja}"
            );
            (Exit::Refused, cause, look_at_key(&key, control))
        }
        StoreError::Unkept(error) => unkept(error),
        StoreError::TooMany { changes, most } => {
            let cause = text!(
                "{changes} changes at once are more than {most}",
                "一度に変更できるのは {most} 件までです({changes} 件)"
            );
            (Exit::Usage, cause, text!("ask for fewer at once", "件数を減らしてください"))
        }
        StoreError::Elsewhere { opened, scope } => {
            let cause = text!(
                "the ledger was opened for {opened}, and the claim is of {scope}",
                "{opened} 用に開いた台帳に、{scope} の申請は登録できません"
            );
            (Exit::Usage, cause, text!("leave --scope out", "--scope を省略してください"))
        }
        // These are told above.
        StoreError::Missing { path }
        | StoreError::Lost { path, .. }
        | StoreError::Damaged { path, .. }
        | StoreError::Another { path }
        | StoreError::Newer { path, .. }
        | StoreError::Failed { path, .. }
        | StoreError::Beside { path, .. }
        | StoreError::Unfit { path, .. }
        | StoreError::NoCopy { path }
        | StoreError::NoLedger { path }
        | StoreError::OtherNames { path }
        | StoreError::Locked { path }
        | StoreError::InUse { path }
        | StoreError::Asked { path } => (Exit::Refused, quoted(error), restore(path)),
    }
}

/// Whoever took it for one means another file.
fn no_ledger(path: &Path) -> (Exit, Text, Text) {
    let file = shown(path);
    let cause = text!("{file} is no ledger", "{file} は台帳ではありません");
    let hint = text!(
        "name another file: this one is left as it is",
        "別のファイルを指定してください(このファイルには書き込みません)"
    );
    (Exit::Refused, cause, hint)
}

/// By two names it would be two ledgers.
fn other_names(path: &Path) -> (Exit, Text, Text) {
    let (file, typed) = (shown(path), typed(path));
    let cause = text!(
        "{file} has another name too, by a hard link or a mount, and who uses it by that one would destroy it",
        "{file} にはハードリンクかマウントによる別名があり、別名から使われると台帳が壊れるおそれがあります"
    );
    let hint = text!(
        "find them (find / -samefile {typed}; findmnt {typed}) and leave one; into a container mount its directory",
        "別名を確認して 1 つだけ残してください(find / -samefile {typed}、findmnt {typed})。コンテナで使う場合はディレクトリをマウントしてください"
    );
    (Exit::Refused, cause, hint)
}

/// A path as a sentence shows it.
pub(crate) fn shown(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

/// A path as a shell takes it.
fn typed(path: &Path) -> String {
    shell::quoted(&shown(path))
}

fn unusable(path: &Path, why: &Text) -> Text {
    let (path, Text { en, ja }) = (shown(path), visible_text(why));
    text!("cannot use {path}: {en}", "{path} を使用できません: {ja}")
}

/// The same where SQLite says of the file what is wrong with its folder (<https://www.sqlite.org/wal.html#read_only_databases>).
fn closed(path: &Path, Text { en, ja }: &Text) -> Text {
    let folder = path.parent().unwrap_or(path).display();
    text!(
        "{en} (whoever uses it has to be able to write its folder {folder} as well, for SQLite's -wal and -shm)",
        "{ja}(使用するユーザーには、SQLite の -wal と -shm のためにディレクトリ {folder} への書き込み権限も必要です)"
    )
}

fn in_use(path: &Path) -> (Exit, Text, Text) {
    let (path, file) = (shown(path), typed(path));
    let cause = text!(
        "others use {path}, or put another file in its place, and do not end",
        "{path} をほかのプロセスが使用中、または置き換え中で、終了しません"
    );
    let hint = text!(
        "end them, such as `portreeve claims --watch`: fuser -v {file} (of Debian's psmisc)",
        "portreeve claims --watch などを終了してください: fuser -v {file}(Debian の psmisc パッケージ)"
    );
    (Exit::Unreachable, cause, hint)
}

fn asked(path: &Path) -> (Exit, Text, Text) {
    let file = typed(path);
    let cause = text!(
        "somebody asks another ledger of this host, and does not end",
        "このホストの別の台帳への申請が終了しません"
    );
    let hint = text!(
        "see who it is, and end it: fuser -v {file} (of Debian's psmisc)",
        "プロセスを確認し、終了してください: fuser -v {file}(Debian の psmisc パッケージ)"
    );
    (Exit::Unreachable, cause, hint)
}

/// The host's usual ledger would not know of it.
fn unkept(error: &ReservedError) -> (Exit, Text, Text) {
    let Text { en, ja } = clients::cause(error);
    let cause = text!(
        "this host's usual ledger would not know of the claim: {en}",
        "このホストの通常の台帳に申請を知らせることができません: {ja}"
    );
    let folder = directories::SYSTEM;
    let hint = text!(
        "see whether it can be written, then ask again: ls -ld {folder} {RUN}; df {folder} {RUN}",
        "書き込めるか確認してから、もう一度実行してください: ls -ld {folder} {RUN}、df {folder} {RUN}"
    );
    (Exit::Unreachable, cause, hint)
}

/// SQLite does not tell who it is.
fn locked(path: &Path) -> (Exit, Text, Text) {
    let (path, file) = (shown(path), typed(path));
    let cause = text!(
        "another program keeps {path} locked, and does not let go",
        "{path} はほかのプログラムにロックされたままです"
    );
    let hint = text!(
        "see who it is, and end it: fuser -v {file} (of Debian's psmisc)",
        "ロックしているプログラムを確認し、終了してください: fuser -v {file}(Debian の psmisc パッケージ)"
    );
    (Exit::Unreachable, cause, hint)
}

/// Why there is no copy of today, where there should be one: nobody is refused a port for it.
pub(crate) fn tell_uncopied(store: &mut dyn Store, lang: Lang) {
    let Some(error) = store.uncopied() else { return };
    let Text { en, ja } = told(&error).1;
    let text = text!(
        "note: there is no copy of today's ledger: {en}",
        "注意: 今日の台帳のコピーを作成できませんでした: {ja}"
    );
    warn(text.in_lang(lang));
}

/// Each that was asked, with what it said.
fn listed(tried: &[Tried]) -> Text {
    let each: Vec<Text> = tried.iter().map(|tried| visible_text(&tried.text())).collect();
    let all = |lang| each.iter().map(|text| text.in_lang(lang)).collect::<Vec<_>>().join("; ");
    Text { en: all(Lang::En), ja: all(Lang::Ja) }
}

fn example() -> Text {
    text!(
        "write it like etcd+https://host1:2379,host2:2379/portreeve",
        "例: etcd+https://host1:2379,host2:2379/portreeve"
    )
}

fn health(control: &Control) -> Text {
    let ask = visible(&control.command("endpoint health")).into_owned();
    text!("ask it: {ask}", "確認してください: {ask}")
}

/// Which file helps, where it is a matter of certificates.
fn certificates(tried: &[Tried]) -> Option<Text> {
    if tried.iter().any(|tried| tried.said.lacks_ca()) {
        return Some(text!(
            "put the certificate of the authority that signed its own into {CERTIFICATES}/ca.pem (or name the file in PORTREEVE_ETCD_CA)",
            "サーバー証明書を発行した認証局の証明書を {CERTIFICATES}/ca.pem に置いてください(PORTREEVE_ETCD_CA でも指定できます)"
        ));
    }
    tried.iter().any(|tried| tried.said.lacks_certificate()).then(|| text!(
        "put a client certificate that it accepts and its key into {CERTIFICATES}/client.pem and {CERTIFICATES}/client-key.pem",
        "etcd が受け入れるクライアント証明書を {CERTIFICATES}/client.pem に、その秘密鍵を {CERTIFICATES}/client-key.pem に置いてください"
    ))
}

fn access() -> Text {
    text!(
        "look at user, password and certificates: ls -l {CERTIFICATES}",
        "ユーザー、パスワード、証明書を確認してください: ls -l {CERTIFICATES}"
    )
}

fn restore(path: &Path) -> Text {
    let (check, restore) = (command_for(path, "ledger check"), command_for(path, "ledger restore"));
    text!(
        "{check} tells what is wrong, and {restore} puts a copy back",
        "{check} で原因を確認し、{restore} でコピーから復元してください"
    )
}

fn copies() -> Text {
    text!("leave COPY out to see which there are", "COPY を省略するとコピーを一覧できます")
}

fn put_back(path: &Path) -> Text {
    let (restore, begin) =
        (command_for(path, "ledger restore"), command_for(path, "ledger init --new-ledger"));
    text!(
        "{restore} puts a copy back; where there is none, {begin} begins a new one",
        "{restore} でコピーから復元するか、コピーがなければ {begin} で新しい台帳を作成してください"
    )
}

/// The file of a ledger.
fn check(path: &Path) -> Text {
    let (Text { en, ja }, check) = (look_at(path), command_for(path, "ledger check"));
    text!("{en}; then {check}", "{ja}。その後、{check} を実行してください")
}

/// A file beside it.
fn look_at(path: &Path) -> Text {
    let file = typed(path);
    text!("look at it: ls -l {file}; df {file}", "ls -l {file} と df {file} で確認してください")
}

/// Of a member's ledger somebody has changed who may use it.
fn rights(path: &Path) -> Text {
    // Elsewhere that would be given to them which never was theirs.
    if is_member() && path.starts_with(directories::SYSTEM) {
        let folder = typed(path.parent().unwrap_or(path));
        return text!(
            "as root, give it back to its group: cd {folder} && chgrp {GROUP} . * && chmod 2770 . && chmod 660 *",
            "root で、グループの権限を元に戻してください: cd {folder} && chgrp {GROUP} . * && chmod 2770 . && chmod 660 *"
        );
    }
    let folder = typed(path.parent().unwrap_or(path));
    if !path.starts_with(directories::SYSTEM) {
        return text!(
            "see who may write there (ls -ld {folder}), or ask it with sudo",
            "書き込めるユーザーを確認するか(ls -ld {folder})、sudo を付けて実行してください"
        );
    }
    let has_group = Groups::read().is_ok_and(|groups| groups.number(GROUP).is_some());
    if !has_group {
        return text!(
            "ask it with sudo; or make a group that may use it: sudo sh -c 'groupadd {GROUP}; cd {folder} && chgrp {GROUP} . * && chmod 2770 . && chmod 660 *', and become a member of it (sudo usermod -aG {GROUP} $USER, then log in again)",
            "sudo を付けて実行するか、台帳を使えるグループを作成して(sudo sh -c 'groupadd {GROUP}; cd {folder} && chgrp {GROUP} . * && chmod 2770 . && chmod 660 *')、加わってください(sudo usermod -aG {GROUP} $USER の後、ログインし直す)"
        );
    }
    text!(
        "ask it with sudo, or become a member of the group of the host's ledger (sudo usermod -aG {GROUP} $USER, then log in again)",
        "sudo を付けて実行するか、ホストの台帳のグループに加わってください(sudo usermod -aG {GROUP} $USER の後、ログインし直す)"
    )
}

fn look_at_key(key: &str, control: &Control) -> Text {
    let get = visible(&control.command(&format!("get {}", shell::quoted(key)))).into_owned();
    text!("look at it: {get}", "確認してください: {get}")
}

/// What the ledger refuses: always 4.
pub(crate) fn refused(refusal: &Refusal, home: &Home, what: Words) -> Failure {
    let (why, fix) = (refusal.why(), fix(refusal, home));
    Failure::new(Exit::Taken, what).because(visible_text(&why)).hint(visible_text(&fix))
}

/// What to do about it, in this very ledger.
pub(crate) fn fix(refusal: &Refusal, home: &Home) -> Text {
    let asked = |Text { en, ja }: Text, command: &String| {
        let own = in_ledger(command, home);
        Text { en: en.replace(command, &own), ja: ja.replace(command, &own) }
    };
    refusal.commands().iter().fold(refusal.fix(), asked)
}

/// What shows more of it, likewise.
pub(crate) fn commands(refusal: &Refusal, home: &Home) -> Vec<String> {
    refusal.commands().iter().map(|command| in_ledger(command, home)).collect()
}

fn in_ledger(command: &str, home: &Home) -> String {
    let asks = ["claim ", "claims", "release "]
        .iter()
        .any(|word| command.strip_prefix("portreeve ").is_some_and(|words| words.starts_with(word)));
    let is_of_another = command.contains(" --ledger ");
    if asks && !is_of_another { home.asked_by(command) } else { command.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Access, Etcd, Options, Said, Wrong};

    /// What is said of an address, in both languages.
    fn of_address(url: &str) -> Text {
        let options = Options {
            scope: "fleet".parse().expect("a scope"),
            machine: "4c1d".into(),
            access: Access::default(),
        };
        told(&Etcd::open(url, options).expect_err("no address")).1
    }

    fn unreachable(tried: Vec<Tried>) -> StoreError {
        StoreError::Unreachable { tried, control: Control::default() }
    }

    /// What stands in Japanese beside what others said, paths and names is no English: no two words of it follow each other.
    fn is_japanese(ja: &str) -> bool {
        let ours: String = ja.split('「').map(|part| part.rsplit('」').next().unwrap_or_default()).collect();
        let is_word = |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_lowercase());
        let words: Vec<&str> = ours.split(' ').collect();
        !words.windows(2).any(|pair| pair.iter().all(is_word))
    }

    #[test]
    fn what_is_ours_is_said_in_both_languages() {
        let path = || std::path::PathBuf::from("/ledger.db");
        let tried = |said| vec![Tried { endpoint: "http://a:2379".into(), said }];
        let refused = || std::io::Error::from(ErrorKind::PermissionDenied);
        let library = || "database disk image is malformed".to_owned();
        let errors = [
            StoreError::Missing { path: path() },
            StoreError::Lost { path: path(), kept: portreeve_core::port::PortRange::one(24_100) },
            StoreError::NoCopy { path: path() },
            StoreError::Damaged { path: path(), source: Wrong::Quoted(library()) },
            StoreError::Damaged { path: path(), source: Wrong::Application(7) },
            StoreError::Another { path: path() },
            StoreError::Newer { path: path(), found: 9, known: 3 },
            StoreError::Failed { path: path(), source: library().into() },
            StoreError::Beside { path: path(), source: refused() },
            StoreError::Locked { path: path() },
            StoreError::InUse { path: path() },
            StoreError::Asked { path: path() },
            unreachable(tried(Said::Silent)),
            unreachable(tried(Said::Unproven(library()))),
            unreachable(tried(Said::Uncertified(library()))),
            unreachable(tried(Said::Unwelcome(library()))),
            unreachable(tried(Said::HungUp(library()))),
            unreachable(tried(Said::Unreadable(library()))),
            unreachable(tried(Said::Replied(library()))),
            StoreError::Denied { endpoint: "http://a:2379".into(), said: library() },
            StoreError::TooMany { changes: 129, most: 128 },
        ];
        let addresses = ["etcd+ftp://a/p", "etcd+http://a,,b/p", "etcd+http://u@a/p", "etcd+http://a"];
        let texts = errors.iter().map(|error| told(error).1).chain(addresses.map(of_address));
        for Text { en, ja } in texts {
            assert!(is_japanese(&ja), "{en}: {ja}");
        }
        let access = Access { certificate: Some(path()), ..Access::default() };
        let options = Options { scope: "fleet".parse().expect("a scope"), machine: "4c1d".into(), access };
        let alone = told(&Etcd::open("etcd+https://a/p", options).expect_err("no key")).1;
        assert!(is_japanese(&alone.ja) && alone.en.contains("needs its key"), "{alone:?}");
        assert!(!is_japanese("応答がありません: no answer in time"));
    }

    /// Who answers and is not trusted, or does not trust us, is not told as nobody; and the file is named that would help.
    #[test]
    fn a_matter_of_certificates_is_told_with_the_file() {
        let said = "UnknownIssuer".to_owned();
        for (said, file) in [
            (Said::Unproven(said.clone()), "/etc/portreeve/etcd/ca.pem"),
            (Said::Uncertified(said.clone()), "/etc/portreeve/etcd/client.pem"),
            (Said::Unwelcome(said.clone()), "/etc/portreeve/etcd/client.pem"),
            (Said::HungUp(said), "/etc/portreeve/etcd/client.pem"),
        ] {
            let tried = vec![Tried { endpoint: "https://a:2379".into(), said }];
            let (_, cause, hint) = told(&unreachable(tried));
            assert!(
                !cause.en.contains("nobody answers") && !cause.ja.contains("応答がありません"),
                "{cause:?}"
            );
            assert!(hint.en.contains(file) && hint.ja.contains(file), "{hint:?}");
        }
    }

    #[test]
    fn where_something_was_changed_nobody_says_that_nothing_was() {
        let error = || StoreError::Failed { path: "/srv/o.db".into(), source: "full".into() };
        let what = Words { en: "not all", ja: "一部" };
        let hint = |failure: &Failure, lang| failure.whole(lang).1.expect("a hint").to_owned();
        let (whole, part) = (store(&error(), what), unanswered_in_part(&error().into(), what));
        for (lang, said) in [(Lang::En, "nothing was changed"), (Lang::Ja, "何も変更していません")]
        {
            assert!(hint(&whole, lang).starts_with(said));
            let part = hint(&part, lang);
            assert!(part.contains("df /srv/o.db") && !part.contains(said), "{part}");
        }
    }

    #[test]
    fn a_folder_that_may_not_be_written_is_told_of() {
        let cause = |path: &Path| {
            let source = "attempt to write a readonly database".into();
            told(&StoreError::Failed { path: path.into(), source }).1
        };
        let Text { en, ja } = cause(Path::new("/nonexistent/p.db"));
        assert!(en.contains("write its folder /nonexistent as well"), "{en}");
        assert!(ja.contains("ディレクトリ /nonexistent への書き込み権限"), "{ja}");
        let open = cause(&std::env::temp_dir().join("p.db"));
        assert!(!open.en.contains("folder") && !open.ja.contains("ディレクトリ"), "{open:?}");
    }

    /// Typed as it stands, each asks the very ledger that something is wrong with.
    #[test]
    fn a_ledger_that_is_no_usual_one_is_named_in_each_command() {
        let path = || std::path::PathBuf::from("/srv/other ones/o.db");
        let wrong = || Wrong::Quoted(String::new());
        for (error, commands) in [
            (StoreError::Missing { path: path() }, &["restore", "init --new-ledger"][..]),
            (StoreError::Damaged { path: path(), source: wrong() }, &["check", "restore"]),
            (StoreError::Another { path: path() }, &["check", "restore"]),
            (StoreError::Failed { path: path(), source: "full".into() }, &["check"]),
        ] {
            let Text { en, ja } = told(&error).2;
            for command in commands {
                let command = format!("portreeve ledger {command} --ledger '/srv/other ones/o.db'");
                assert!(en.contains(&command) && ja.contains(&command), "{en} {ja}");
            }
        }
    }

    #[test]
    fn who_may_not_read_it_is_told_who_may() {
        let hint = |path: &str, kind: ErrorKind| {
            told(&StoreError::Beside { path: path.into(), source: kind.into() }).2.en
        };
        let denied = hint("/var/lib/portreeve/ledger/ledger.db", ErrorKind::PermissionDenied);
        assert!(denied.contains("sudo") && denied.contains(GROUP), "{denied}");
        let own = hint("/nonexistent/ledger.db", ErrorKind::PermissionDenied);
        assert!(own.contains("ls -ld /nonexistent") && !own.contains(GROUP), "{own}");
        assert!(hint("/ledger.db", ErrorKind::StorageFull).contains("df /ledger.db"));
    }

    #[test]
    fn a_password_is_not_told() {
        for url in [
            "etcd+http://harbour:secret@a:2379/p",
            "etcd+http://harbour:sec/ret@a/p",
            "etcd+ftp://u:secret@a/p",
        ] {
            let Text { en, ja } = of_address(url);
            assert!(!en.contains("ret") && !ja.contains("ret") && en.contains("@a"), "{en}");
        }
    }
}
