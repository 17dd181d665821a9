//! What hides who listens, in words (A12).

use super::{Gap, Hides, Page};
use crate::{
    text,
    words::{Words, inflect},
};

pub(super) const FOREIGN_NAMESPACES: Page = Page {
    hides: Hides::Listeners,
    why: |Gap { count, .. }| {
        let en_namespaces = namespaces(*count);
        text!(
            "{count} other network {en_namespaces} could not be entered",
            "ほかの {count} 個のネットワーク名前空間に入れませんでした"
        )
    },
    fix: |_| ENTER,
};

pub(super) const UNENTERED_NAMESPACES: Page = Page {
    hides: Hides::Listeners,
    why: |Gap { count, .. }| {
        let en_namespaces = namespaces(*count);
        text!(
            "{count} other network {en_namespaces} could not be entered: of the sockets there only those that a process holds are listed, without connections",
            "ほかの {count} 個のネットワーク名前空間に入れなかったため、プロセスが保持しているソケットだけを表示し、接続は表示しません"
        )
    },
    fix: |_| ENTER,
};

fn namespaces(count: u32) -> &'static str {
    inflect(count as usize, "namespace", "namespaces")
}

/// Entering one takes a thread, which even root may be short of (cgroups(7), pids.max).
const ENTER: Words = Words {
    en: "run as root with CAP_SYS_ADMIN (sudo portreeve), and with room for another thread (pids.max, ulimit -u)",
    ja: "CAP_SYS_ADMIN を持つ root で実行し(sudo portreeve)、スレッド数の上限(pids.max、ulimit -u)にも余裕を持たせてください",
};

pub(super) const MISSING_SOURCE: Page = Page {
    hides: Hides::Listeners,
    why: |Gap { detail, .. }| {
        text!("{detail} is not available here", "この環境では {detail} を利用できません")
    },
    fix: |_| Words {
        en: "mount /proc, or see what portreeve doctor says of this host",
        ja: "/proc をマウントするか、portreeve doctor の診断を確認してください",
    },
};

pub(super) const UNSTEADY_READ: Page = Page {
    hides: Hides::Listeners,
    why: |Gap { detail, .. }| {
        text!(
            "what {detail} lists kept changing while it was read; some of it may be missing",
            "{detail} の一覧が読み取り中に変わり続けたため、一部を見落とした可能性があります"
        )
    },
    fix: |_| super::RUN_AGAIN,
};

pub(super) const TOO_MANY: Page = Page {
    hides: Hides::Listeners,
    why: |Gap { count, detail, .. }| {
        let en = inflect(*count as usize, "entry", "entries");
        text!("{count} {en} of {detail} had to be left out", "{detail} のうち {count} 件を省略しました")
    },
    fix: |_| Words { en: "ask for one port", ja: "ポートを 1 つに絞ってください" },
};
