//! What kept answers from a scan, in words (A17, A20).

use super::{Gap, Hides, Page};
use crate::{
    text,
    words::{Words, inflect},
};

pub(super) const UNANSWERED_ADDRESS: Page = Page {
    hides: Hides::Answers,
    why: |Gap { detail, .. }| {
        text!(
            "silent ports: nobody on the link answers for {detail}, neither to ARP nor to neighbour discovery",
            "応答なしのポート(リンク上で {detail} に応答するホストがありません。ARP・近隣探索とも応答なし)"
        )
    },
    fix: |_| Words {
        en: "see whether the host is up and has the address: ip neigh",
        ja: "ホストが起動していてアドレスを持っているか確認してください: ip neigh",
    },
};

pub(super) const UNSENT_PACKETS: Page = Page {
    hides: Hides::Answers,
    why: |Gap { count, .. }| {
        let en = inflect(*count as usize, "packet", "packets");
        text!(
            "ports that look silent or filtered: {count} {en} did not leave this host, as the queue of an interface was full or its own filter dropped them",
            "応答なし、または遮断に見えるポートの一部(インターフェースの送信キューの溢れか、このホスト自身のフィルターにより、{count} パケットが送信されていません)"
        )
    },
    fix: |_| Words {
        en: "ask more slowly (--rate), and see tc -s qdisc and nft list ruleset",
        ja: "--rate で速度を下げ、tc -s qdisc と nft list ruleset を確認してください",
    },
};

pub(super) const MISDIRECTED_ANSWERS: Page = Page {
    hides: Hides::Answers,
    why: |Gap { count, .. }| {
        let en = inflect(
            *count as usize,
            "packet that came in by another interface",
            "packets that came in by another interface",
        );
        text!(
            "silent ports: this host dropped {count} {en} than it would answer by (rp_filter)",
            "応答なしのポート(応答経路と異なるインターフェースから届いた {count} パケットを、このホストが rp_filter により破棄しました)"
        )
    },
    fix: |_| Words {
        en: "see which way packets go and come (ip route get), and net.ipv4.conf.*.rp_filter",
        ja: "往復の経路(ip route get)と net.ipv4.conf.*.rp_filter を確認してください",
    },
};

pub(super) const LOST_ANSWERS: Page = Page {
    hides: Hides::Answers,
    why: |Gap { count, .. }| {
        let en = inflect(*count as usize, "port", "ports");
        text!(
            "about {count} {en} among the silent ones, open or closed: in the last round some still answered for the first time, as answers get lost or the target limits them",
            "応答なしのポートのうち約 {count} ポート(開か閉か不明。最後の回でも初めて応答したポートがあり、応答が失われているか、対象が頻度を制限しています)"
        )
    },
    fix: |_| Words {
        en: "ask fewer ports, or more slowly (--rate)",
        ja: "ポートを絞るか、--rate で速度を下げてください",
    },
};

pub(super) const MOVED_ADDRESS: Page = Page {
    hides: Hides::Answers,
    why: |Gap { detail, .. }| {
        text!(
            "whether all of this is of the same host: {detail} is no more where it was when the scan began",
            "すべて同じホストの結果かどうか(スキャン中に {detail} が元の場所からなくなりました)"
        )
    },
    fix: |_| Words {
        en: "see who has the address now (ip address, ip neigh), and scan again",
        ja: "現在そのアドレスを持つホストを確認し(ip address、ip neigh)、もう一度スキャンしてください",
    },
};
