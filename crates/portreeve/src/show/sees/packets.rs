//! What is seen of packets and what is not, where the kernel runs no programs of ours (A19).

use jiff::Timestamp;
use portreeve_core::{
    gate::{LOG_GROUP, TOLD_SOURCES_MAX},
    text,
    words::{Text, Words},
};
use portreeve_host::events::{handshakes::OpenedError, logged::Holder};

use crate::{
    commands::watch::sight::{
        Blind,
        gate::{ByGate, Deaf, Missed},
    },
    ledger::whole,
    look,
    show::escape::visible,
};

const REFUSED: Words = Words {
    en: "packets that the gate refuses (log group)",
    ja: "ゲートが拒否したパケット(ロググループ)",
};
const HANDSHAKES: Words = Words { en: "handshakes (sockets)", ja: "ハンドシェイク(ソケット)" };

/// What the gate tells, and the kernel of sockets.
pub(super) fn seen(by_gate: &ByGate) -> Vec<Text> {
    let packets = by_gate.hears().then(|| REFUSED.into());
    let handshakes = by_gate.hears_handshakes().then(|| HANDSHAKES.into());
    packets.into_iter().chain(handshakes).collect()
}

/// What nobody tells, as the kernel is `blind`.
pub(super) fn unseen(blind: &Blind, by_gate: Option<&ByGate>) -> Vec<Text> {
    let Text { en, ja } = reason(blind);
    let Some(by_gate) = by_gate else { return vec![text!("packets, {en}", "パケット({ja})")] };
    let missed = by_gate.missed(Timestamp::now());
    let of_others = by_gate.hears().then(|| {
        text!("packets that others refuse, {en}", "ほかのパケットフィルターが破棄・拒否したパケット({ja})")
    });
    of_others.into_iter().chain(missed.iter().map(|missed| unheard(missed, blind))).collect()
}

fn reason(blind: &Blind) -> Text {
    match blind {
        Blind::Closed => look::closed_on_purpose(),
        Blind::NotRoot => text!("only root may hear of them", "root だけが監視できます"),
        Blind::Refused(said) => text!("the kernel refused: {said}", "カーネルが拒否しました: {said}"),
    }
}

fn unheard(missed: &Missed<'_>, blind: &Blind) -> Text {
    match missed {
        Missed::All(deaf) => blind_twice(&why(deaf), &reason(blind)),
        Missed::Unclosed => {
            text!("probes of ports that the gate does not close", "ゲートで閉じていないポートへの探索")
        }
        Missed::Changed => text!(
            "what the gate may refuse and not tell, its table is not as portreeve made it: portreeve gate status",
            "ゲートが通知せずに拒否したパケット(テーブルが portreeve の作成したものと異なります。確認: portreeve gate status)"
        ),
        Missed::Crowded => text!(
            "whoever is none of the {TOLD_SOURCES_MAX} sources that the gate tells apart within a minute",
            "ゲートが 1 分間に区別できる {TOLD_SOURCES_MAX} 個を超えた送信元"
        ),
        Missed::Open(error) => unproven(error),
        Missed::Handshakes(said) => text!(
            "handshakes, the kernel tells of no sockets: all that logs do not prove stays unproven ({said})",
            "ハンドシェイク(ソケットの情報を取得できないため、ログで実在を確認できない送信元はすべて unproven になります: {said})"
        ),
    }
}

fn blind_twice(gate: &Text, kernel: &Text) -> Text {
    Text {
        en: format!("probes of closed ports, which cannot be seen here: {}, and {}", gate.en, kernel.en),
        ja: format!("閉じたポートへの探索({}。また、{})", gate.ja, kernel.ja),
    }
}

fn why(deaf: &Deaf) -> Text {
    match deaf {
        Deaf::NoGate => text!(
            "there is no gate that would tell (portreeve apply)",
            "通知するゲートがないため、ここでは検知できません(適用: portreeve apply)"
        ),
        Deaf::Taken(Some(Holder { pid, name })) => {
            let name = visible(name);
            text!(
                "{name} (pid {pid}) reads log group {LOG_GROUP}",
                "ロググループ {LOG_GROUP} を {name}(pid {pid})が使用しているため、ここでは検知できません"
            )
        }
        Deaf::Taken(None) => text!(
            "another program reads log group {LOG_GROUP}",
            "ロググループ {LOG_GROUP} を別のプログラムが使用しているため、ここでは検知できません"
        ),
        Deaf::Refused(said) => text!(
            "log group {LOG_GROUP} cannot be read: {said}",
            "ロググループ {LOG_GROUP} を読み取れないため、ここでは検知できません: {said}"
        ),
    }
}

/// Of whom it is known only later that he is there.
fn unproven(error: &OpenedError) -> Text {
    if matches!(error, OpenedError::Silent) {
        return text!(
            "handshakes of connections before they end, net.netfilter.nf_conntrack_events is 0",
            "接続が終わる前のハンドシェイク(net.netfilter.nf_conntrack_events が 0 です)"
        );
    }
    let said = visible(&whole(error)).into_owned();
    text!(
        "handshakes of connections before they end, conntrack does not tell: {said}",
        "接続が終わる前のハンドシェイク(conntrack から取得できません: {said})"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(missed: &Missed<'_>) -> Text {
        unheard(missed, &Blind::Refused("no BTF".into()))
    }

    #[test]
    fn why_nobody_is_told_of_is_said_and_what_to_do() {
        let all = told(&Missed::All(&Deaf::NoGate));
        assert_eq!(
            all.en,
            "probes of closed ports, which cannot be seen here: there is no gate that would tell (portreeve apply), \
             and the kernel refused: no BTF"
        );
        assert_eq!(
            all.ja,
            "閉じたポートへの探索(通知するゲートがないため、ここでは検知できません(適用: portreeve apply)。\
             また、カーネルが拒否しました: no BTF)"
        );
        let holder = Holder { pid: 812, name: "ulogd\u{1b}[2J".into() };
        let taken = told(&Missed::All(&Deaf::Taken(Some(holder)))).en;
        assert!(taken.contains("ulogd") && taken.contains("(pid 812) reads log group 28786"), "{taken}");
        assert!(!taken.contains('\u{1b}'), "{taken}");
    }

    #[test]
    fn who_stays_unproven_is_said() {
        let silent = told(&Missed::Open(&OpenedError::Silent)).en;
        assert_eq!(
            silent,
            "handshakes of connections before they end, net.netfilter.nf_conntrack_events is 0"
        );
        let all = told(&Missed::Handshakes("no such family")).en;
        assert!(all.ends_with("all that logs do not prove stays unproven (no such family)"), "{all}");
    }
}
