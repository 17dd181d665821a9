//! What hides who holds a socket, in words (A12).

use super::{Gap, Hides, Page};
use crate::{
    text,
    words::{Words, inflect},
};

pub(super) const HIDDEN_OWNERS: Page = Page {
    hides: Hides::Holders,
    why: |Gap { count, .. }| {
        let en = inflect(
            *count as usize,
            "socket hides its owner: it belongs to another user",
            "sockets hide their owner: they belong to other users",
        );
        text!(
            "{count} {en}",
            "{count} 個のソケットはほかのユーザーのもので、保持しているプロセスが見えません"
        )
    },
    fix: |_| Words {
        en: "run as root, or: sudo portreeve", ja: "root で実行してください(sudo portreeve)"
    },
};

pub(super) const HIDDEN_PROCESSES: Page = Page {
    hides: Hides::Holders,
    why: |_| {
        text!(
            "/proc hides the processes of other users (hidepid)",
            "hidepid により、ほかのユーザーのプロセスが /proc に表示されません"
        )
    },
    // Root in a container may lack these capabilities (capabilities(7)).
    fix: |_| Words {
        en: "run as root with CAP_SYS_PTRACE, or: sudo portreeve",
        ja: "CAP_SYS_PTRACE を持つ root で実行してください(sudo portreeve)",
    },
};

pub(super) const SEALED_PROCESSES: Page = Page {
    hides: Hides::Holders,
    why: |Gap { count, .. }| {
        let en = inflect(*count as usize, "process does not show its", "processes do not show their");
        text!(
            "{count} {en} descriptors, not even to root",
            "root でも {count} 個のプロセスのファイルディスクリプタを参照できません"
        )
    },
    fix: |_| LOOK_FROM_THE_HOST,
};

pub(super) const OUT_OF_SIGHT: Page = Page {
    hides: Hides::Holders,
    why: |Gap { count, .. }| {
        let en = inflect(*count as usize, "socket is", "sockets are");
        text!(
            "{count} {en} held by no process that can be seen from here",
            "{count} 個のソケットは、ここから見えるどのプロセスも保持していません"
        )
    },
    fix: |_| LOOK_FROM_THE_HOST,
};

const LOOK_FROM_THE_HOST: Words = Words {
    en: "run as root with CAP_SYS_PTRACE; inside of a sandbox or a container, look from its host",
    ja: "CAP_SYS_PTRACE を持つ root で実行してください。サンドボックスやコンテナの中では、ホスト側から確認してください",
};

pub(super) const VANISHED_PROCESSES: Page = Page {
    hides: Hides::Holders,
    why: |Gap { count, .. }| {
        let en = inflect(*count as usize, "process", "processes");
        text!("{count} {en} ended while being read", "{count} 個のプロセスが読み取り中に終了しました")
    },
    fix: |_| super::RUN_AGAIN,
};

pub(super) const UNDECIDED_OWNERS: Page = Page {
    hides: Hides::Holders,
    why: |Gap { detail, .. }| {
        text!(
            "whether the owner holds {detail} cannot be told",
            "{detail} の保持者が所有者かどうかを判定できません"
        )
    },
    fix: |_| Words {
        en: "name the owner's unit or user in the policy: a script's name proves nobody, nor does the path of a program in a mount namespace of its own that is not the file here",
        ja: "policy の owner に unit か user を書いてください。スクリプト名や、独自のマウント名前空間で別のファイルを指すパスは所有者の証明になりません",
    },
};
