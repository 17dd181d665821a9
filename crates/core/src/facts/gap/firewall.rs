//! What hides which packets arrive, in words (A17).

use super::{Gap, Hides, Page};
use crate::{text, words::Words};

pub(super) const HIDDEN_FIREWALL: Page = Page {
    hides: Hides::Firewall,
    why: |_| {
        text!(
            "the rules of the firewall: only root may read them",
            "ファイアウォールのルール(root だけが読み取れます)"
        )
    },
    fix: |_| Words {
        en: "run as root with CAP_NET_ADMIN, or: sudo portreeve",
        ja: "CAP_NET_ADMIN を持つ root で実行してください(sudo portreeve)",
    },
};

pub(super) const UNLISTED_RULES: Page = Page {
    hides: Hides::Firewall,
    why: |Gap { detail, .. }| match detail.strip_suffix(" is not installed") {
        Some(program) => text!(
            "rules of the firewall: {program} is not installed",
            "ファイアウォールのルールの一部: {program} がインストールされていません"
        ),
        None => text!("rules of the firewall: {detail}", "ファイアウォールのルールの一部: {detail}"),
    },
    fix: |_| Words {
        en: "install the program (Debian: apt install nftables iptables ipset), and run it by hand to see why it fails",
        ja: "該当するプログラムをインストールし(Debian: apt install nftables iptables ipset)、手動で実行して原因を確認してください",
    },
};

pub(super) const UNKEPT_FIREWALL: Page = Page {
    hides: Hides::Firewall,
    why: |_| {
        text!(
            "the rules of the firewall: this snapshot was taken without them",
            "ファイアウォールのルール(このスナップショットには保存されていません)"
        )
    },
    fix: |_| Words {
        en: "take it again as root: sudo portreeve snapshot > host.json",
        ja: "root で取り直してください: sudo portreeve snapshot > host.json",
    },
};

pub(super) const PACKET_PROGRAMS: Page = Page {
    hides: Hides::BeforeRules,
    why: |Gap { detail, .. }| {
        text!(
            "what may drop packets before any rule sees them: {detail}",
            "ルールより先にパケットを破棄する可能性のあるプログラム: {detail}"
        )
    },
    fix: |_| Words {
        en: "nobody looks into them: see ip -d link, bpftool net, tc filter show dev NAME ingress",
        ja: "中身は判定しません。ip -d link、bpftool net、tc filter show dev インターフェース ingress で確認してください",
    },
};
