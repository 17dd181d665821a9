//! `portreeve doctor --pin --group NAME`: leaves the kernel's lists open for a group, and says what it then sees.

use portreeve_core::{
    text,
    words::{Text, Words},
};
use portreeve_host::{
    group::Groups,
    observe::{Way, Ways},
    pins::{
        FOLDER,
        put::{PutError, put},
        stranger::{Strange, Stranger},
    },
    probe::{State, Subject, probe},
};

use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    look,
    show::{doctor as show, escape::visible, out::Out},
};

/// What is pinned.
const BPF: [Subject; 4] = [Subject::BpfFiles, Subject::BpfKept, Subject::BpfTcp, Subject::BpfUdp];

/// Pins for the group of this name or number.
///
/// # Errors
///
/// Where there is no such group, and without root, BPF (which somebody may have closed) or a place.
pub(super) fn pin(group: &str, ways: Ways) -> Result<(), Failure> {
    let failed = || text!("cannot let the group {group} see", "グループ {group} に見せる設定ができません");
    if !ways.allow(Way::Bpf) {
        return Err(Failure::usage(failed()).because(look::closed_on_purpose()).hint(look::UNSET));
    }
    let groups = Groups::read().map_err(|error| {
        Failure::usage(failed())
            .because(text!("/etc/group cannot be read", "/etc/group を読めません"))
            .because(io_cause(&error))
    })?;
    let gid = groups.number(group).ok_or_else(|| unknown(group))?;
    put(gid).map_err(|error| match error {
        PutError::NotRoot => Failure::usage(failed())
            .because(Words { en: "only root can pin", ja: "固定(pin)できるのは root だけです" })
            .hint(text!(
                "sudo portreeve doctor --pin --group {group}",
                "sudo portreeve doctor --pin --group {group}"
            )),
        PutError::NoBpf(_) => no_bpf(Failure::new(Exit::Unreachable, failed())),
        PutError::Foreign(stranger) => foreign(&stranger),
        PutError::Step { source, .. } => Failure::new(Exit::Unreachable, failed())
            .because(text!(
                "the kernel refused a step below {FOLDER}",
                "{FOLDER} の準備をカーネルが拒否しました"
            ))
            .because(io_cause(&source))
            .hint(text!("portreeve off pins", "portreeve off pins")),
    })
}

/// The reason is the one that a probe finds.
fn no_bpf(failure: Failure) -> Failure {
    let failure = failure
        .because(Words {
            en: "BPF is not available here", ja: "この環境では BPF を利用できません"
        });
    let closed = probe(Ways::ALL).into_iter().find_map(|probe| match (probe.subject, probe.state) {
        (subject, State::Closed(reason)) if BPF.contains(&subject) => Some(reason),
        _ => None,
    });
    let failure = match closed {
        Some(reason) => failure.because(show::why(&reason)),
        None => failure,
    };
    failure.hint(text!("portreeve doctor -v", "portreeve doctor -v"))
}

fn unknown(group: &str) -> Failure {
    let hint = match group.parse::<u128>() {
        Ok(_) => Words {
            en: "a group's number is at most 4294967294: getent group NAME",
            ja: "グループの番号は 4294967294 以下です: getent group NAME",
        },
        Err(_) => Words {
            en: "of a group from a directory server give the number: getent group NAME",
            ja: "ディレクトリサーバーのグループは番号で指定してください: getent group NAME",
        },
    };
    Failure::usage(text!(
        "there is no group `{group}` in /etc/group",
        "/etc/group に `{group}` というグループはありません"
    ))
    .hint(hint)
}

/// What is not ours stands in the way.
pub(crate) fn foreign(stranger: &Stranger) -> Failure {
    let path = &stranger.path;
    let failure = Failure::new(
        Exit::Refused,
        text!("{path} was not created by portreeve", "{path} は portreeve が作成したものではありません"),
    )
    .because(strange(stranger.what));
    if path.starts_with(FOLDER) {
        return failure.hint(text!(
            "look at it: findmnt {FOLDER}; ls -la {FOLDER}",
            "確認してください: findmnt {FOLDER}; ls -la {FOLDER}"
        ));
    }
    failure.hint(out_of_the_way(path))
}

/// How a file is moved that stands where one of ours would.
pub(crate) fn out_of_the_way(path: &str) -> Text {
    text!(
        "look at it, then move it out of the way: ls -ld {path}; sudo mv {path} {path}.old",
        "確認し、別の場所に移してください: ls -ld {path}; sudo mv {path} {path}.old"
    )
}

/// What is strange about it, in words.
pub(crate) fn strange(what: Strange) -> Text {
    match what {
        Strange::Link => Words { en: "it is a symbolic link", ja: "シンボリックリンクです" }.into(),
        Strange::NoFolder => {
            Words { en: "it is not a directory", ja: "ディレクトリではありません" }.into()
        }
        Strange::OfUser(user) => {
            text!("it belongs to user {user}, not to root", "root ではなくユーザー {user} の所有です")
        }
        Strange::Writable(mode) => text!(
            "others than root may write to it (mode {mode:04o})",
            "root 以外も書き込めます(モード {mode:04o})"
        ),
        Strange::Full => {
            Words { en: "it is a directory with files", ja: "ファイルのあるディレクトリです" }.into()
        }
        Strange::Mounted => Words {
            en: "another file system is mounted there",
            ja: "別のファイルシステムがマウントされています",
        }
        .into(),
        Strange::Unknown => Words {
            en: "nothing marks it as portreeve's",
            ja: "portreeve のものであることを示す目印がありません",
        }
        .into(),
        Strange::Unseen(kind) => io_cause(&kind.into()),
    }
}

/// Says what the group sees from now on.
///
/// # Errors
///
/// Where nobody reads it.
pub(super) fn tell(group: &str, out: &mut Out) -> Result<(), Failure> {
    let group = visible(group);
    let lines = text!(
        "The group {group} now sees every socket without root: portreeve ls, who.\n\
         It sees of each network namespace who listens where and who is connected with whom: addresses, ports, process \
         numbers, users and control groups. It sees no content, and can change nothing.\n\
         Whoever was made a member of it today must log in again. Until the machine is rebooted: {FOLDER}\n\
         next: portreeve off pins takes it back",
        "グループ {group} は、root でなくてもすべてのソケットを見られるようになりました(portreeve ls、who)。\n\
         各ネットワーク名前空間で、誰がどこで待ち受け、誰と接続しているか(アドレス、ポート、プロセス番号、ユーザー、cgroup)が見えます。通信の内容は見えず、何も変更できません。\n\
         新しく追加したメンバーはログインし直してください。再起動するまで有効です: {FOLDER}\n\
         next: portreeve off pins で解除"
    );
    out.sentences(lines.in_lang(out.lang))
}
