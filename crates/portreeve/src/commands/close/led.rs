//! To whom the packets for a port that is closed are led, where that is nobody who listens there (A16, A17).

use std::collections::BTreeSet;

use portreeve_core::{
    gate::Ports,
    steered::{Past, past},
    text,
    words::{Text, inflect},
    world::World,
};

/// That nobody is stopped, and who goes on or is not there.
pub(super) fn not_stopped(world: &World<'_>, ports: &Ports) -> Text {
    let past = past(world.snapshot, ports);
    if past.is_empty() {
        return text!(
            "Nobody listens there, so nobody is stopped.",
            "待ち受けがないため、停止するものはありません。"
        );
    }
    let unbound = text!(
        "Nobody has bound it, so nobody is stopped.",
        "bind しているプログラムがないため、停止するものはありません。"
    );
    with(unbound, &past)
}

/// `said` of whoever listens on `ports`, and who is led past him.
pub(super) fn and_past(said: Text, world: &World<'_>, ports: &Ports) -> Text {
    with(said, &past(world.snapshot, ports))
}

fn with(said: Text, past: &Past<'_>) -> Text {
    let more = elsewhere(&past.elsewhere).into_iter().chain(dead(&past.dead));
    more.fold(said, |Text { en, ja }, more| Text { en: en + " " + &more.en, ja: ja + &more.ja })
}

fn elsewhere(services: &BTreeSet<&str>) -> Option<Text> {
    let (names, count) = (joined(services), services.len());
    let (en_listens, en_goes) = (inflect(count, "listens", "listen"), inflect(count, "goes", "go"));
    (count > 0).then(|| {
        text!(
            "What comes in there is led to {names}, which {en_listens} elsewhere and {en_goes} on.",
            "このポート宛ての通信は、別のポートで待ち受ける {names} に誘導されており、そちらは動き続けます。"
        )
    })
}

fn dead(services: &BTreeSet<&str>) -> Option<Text> {
    let (names, count) = (joined(services), services.len());
    let en_has = inflect(count, "has", "have");
    (count > 0).then(|| {
        text!(
            "What comes in there is led to {names}, which {en_has} no socket now.",
            "このポート宛ての通信は {names} に誘導されますが、現在そのソケットはありません。"
        )
    })
}

fn joined(services: &BTreeSet<&str>) -> String {
    services.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_there_does_not_listen_elsewhere() {
        let said = |elsewhere: &[&'static str], dead: &[&'static str]| {
            let past =
                Past { elsewhere: elsewhere.iter().copied().collect(), dead: dead.iter().copied().collect() };
            with(text!("So.", "済。"), &past).en
        };
        assert_eq!(said(&[], &[]), "So.");
        assert_eq!(said(&[], &["dns"]), "So. What comes in there is led to dns, which has no socket now.");
        assert_eq!(
            said(&["adm", "web"], &["dns"]),
            "So. What comes in there is led to adm, web, which listen elsewhere and go on. What comes in there is led to dns, which has no socket now."
        );
    }
}
