//! What an asker should know of a claim that he got, in a sentence.

use portreeve_core::{
    ledger::{Lease, Note},
    text,
    words::{Text, Words},
};

/// What the ledger says.
pub(crate) fn of(note: &Note) -> Text {
    match note {
        Note::AssignedTo(name) => {
            text!("note: IANA assigns it to {name}", "注意: IANA では {name} に割り当てられています")
        }
        Note::InClientRange => Words {
            en: "note: it lies within net.ipv4.ip_local_port_range",
            ja: "注意: net.ipv4.ip_local_port_range の範囲内です",
        }
        .into(),
        Note::Bound => Words {
            en: "note: somebody listens there",
            ja: "注意: 既に待ち受けているプロセスがあります",
        }
        .into(),
        Note::EndsNoMore(lease) => {
            let Text { en, ja } = end(lease);
            text!(
                "note: it was to end {en}, and is claimed for good now",
                "注意: {ja}終了する予定だった申請を、無期限に変更しました"
            )
        }
        Note::EndsNot(lease) => {
            let Text { en, ja } = end(lease);
            text!(
                "note: it is claimed for good, and does not end {en}",
                "注意: 無期限の申請のため、{ja}終了しません"
            )
        }
    }
}

/// When a lease ends, as a part of a sentence.
fn end(lease: &Lease) -> Text {
    match lease {
        Lease::Permanent => text!("by itself", "自動では"),
        Lease::Until { until, .. } => {
            let until = until.strftime("%Y-%m-%d %H:%M:%S UTC");
            text!("at {until}", "{until} に")
        }
        Lease::While { process } => {
            let pid = process.pid;
            text!("with process {pid}", "プロセス {pid} とともに")
        }
    }
}

/// That the kernel does not keep it back, and why.
pub(crate) fn unreserved(why: &Text) -> Text {
    let Text { en, ja } = why;
    text!("note: it is not kept from clients: {en}", "注意: カーネルに予約されていません: {ja}")
}
