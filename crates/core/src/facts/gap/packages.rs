//! What hides whose the running code is, or what waits for it, in words (A18).

use super::GapKind;
use crate::{
    text,
    words::{Text, Words},
};

/// Why it could not be seen.
pub(super) fn why(what: GapKind, detail: &str) -> Text {
    match what {
        GapKind::OldPackages => text!(
            "whose the running code is: {detail} is an old rpm database, which only rpm reads",
            "実行中のコードのパッケージ({detail} は rpm だけが読み取れる旧形式のデータベースです)"
        ),
        GapKind::MissingUpdateData => no_lists(detail),
        GapKind::UnreadUpdateData => text!(
            "updates that wait: {detail} could not be read",
            "未適用の更新の一部({detail} を読み取れませんでした)"
        ),
        GapKind::UnnamedArchive => text!(
            "whether an archive is one of security updates: {detail} names neither label nor suite",
            "アーカイブがセキュリティ更新用かどうか({detail} に Label も Suite もありません)"
        ),
        GapKind::FutureUpdateData => text!(
            "how old the lists of packages are: by the clock of this host they are yet to come",
            "パッケージの一覧の新しさ(取得日時がこのホストの時計より先になっています)"
        ),
        _ => text!(
            "whose the running code is: {detail} could not be read",
            "実行中のコードのパッケージ({detail} を読み取れませんでした)"
        ),
    }
}

fn no_lists(root: &str) -> Text {
    if root.is_empty() {
        return text!(
            "updates that wait: there are no lists of packages",
            "未適用の更新(パッケージの一覧がありません)"
        );
    }
    text!(
        "updates that wait in {root}: there are no lists of packages",
        "{root} の未適用の更新(パッケージの一覧がありません)"
    )
}

/// What to do about it; whether the host's own root is meant.
pub(super) const fn fix(what: GapKind, is_host: bool) -> Words {
    match what {
        GapKind::MissingUpdateData if !is_host => Words {
            en: "images leave the lists out: name advisories (--advisories), or build the image anew from current packages",
            ja: "イメージには通常一覧が含まれません。--advisories でアドバイザリを指定するか、最新のパッケージでイメージを作り直してください",
        },
        GapKind::UnreadPackages | GapKind::OldPackages => Words {
            en: "ask the package manager of that root itself: dpkg -S, rpm -qf, apk info -W",
            ja: "対象のルートのパッケージ管理ツール(dpkg -S、rpm -qf、apk info -W)で確認してください",
        },
        GapKind::FutureUpdateData => Words {
            en: "set the clock: timedatectl",
            ja: "timedatectl で時刻を確認し、合わせてください",
        },
        _ => Words {
            en: "fetch the lists: apt-get update", ja: "apt-get update で一覧を取得してください"
        },
    }
}
