//! What an asker should know of a claim that he got, in a sentence.

use portreeve_core::{
    ledger::Note,
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
    }
}

/// That the kernel does not keep it back, and why.
pub(crate) fn unreserved(why: &Text) -> Text {
    let Text { en, ja } = why;
    text!("note: it is not kept from clients: {en}", "注意: カーネルに予約されていません: {ja}")
}
