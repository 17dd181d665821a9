//! To whom the packets for a port that is closed are led, where that is nobody who listens there (A16, A17).

use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::{
    gate::Ports,
    port::PortSpec,
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
    let all: BTreeSet<&PortSpec> = past.elsewhere.values().chain(past.dead.values()).flatten().collect();
    let told = |services: &Services<'_>| Told::of(services, all.len() > 1);
    let more = elsewhere(&told(&past.elsewhere)).into_iter().chain(dead(&told(&past.dead)));
    more.fold(said, |Text { en, ja }, more| Text { en: en + " " + &more.en, ja: ja + &more.ja })
}

type Services<'a> = BTreeMap<&'a str, BTreeSet<PortSpec>>;

/// Services by name, and how many.
struct Told {
    names: Text,
    count: usize,
}

impl Told {
    /// Each with its ports, where several are asked about.
    fn of(services: &Services<'_>, with_ports: bool) -> Self {
        let text = |(name, specs): (&&str, &BTreeSet<PortSpec>)| {
            let specs = specs.iter().map(PortSpec::to_string).collect::<Vec<_>>().join(", ");
            if with_ports { text!("{name} ({specs})", "{name}({specs})") } else { text!("{name}", "{name}") }
        };
        let (en, ja): (Vec<_>, Vec<_>) = services.iter().map(text).map(|Text { en, ja }| (en, ja)).unzip();
        Self { names: Text { en: en.join(", "), ja: ja.join("、") }, count: services.len() }
    }
}

fn elsewhere(Told { names: Text { en: en_names, ja: ja_names }, count }: &Told) -> Option<Text> {
    let count = *count;
    let (en_listens, en_goes) = (inflect(count, "listens", "listen"), inflect(count, "goes", "go"));
    (count > 0).then(|| {
        text!(
            "What comes in there is led to {en_names}, which {en_listens} elsewhere and {en_goes} on.",
            "このポート宛ての通信は、別のポートで待ち受ける {ja_names} に誘導されており、そちらは動き続けます。"
        )
    })
}

fn dead(Told { names: Text { en: en_names, ja: ja_names }, count }: &Told) -> Option<Text> {
    let count = *count;
    let en_has = inflect(count, "has", "have");
    (count > 0).then(|| {
        text!(
            "What comes in there is led to {en_names}, which {en_has} no socket now.",
            "このポート宛ての通信は {ja_names} に誘導されますが、現在そのソケットはありません。"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_there_does_not_listen_elsewhere() {
        let said = |elsewhere: &[(&'static str, &str)], dead: &[(&'static str, &str)]| {
            let of = |all: &[(&'static str, &str)]| -> Services<'static> {
                all.iter().map(|(name, spec)| (*name, [spec.parse().unwrap()].into())).collect()
            };
            let past = Past { elsewhere: of(elsewhere), dead: of(dead) };
            with(text!("So.", "済。"), &past).en
        };
        assert_eq!(said(&[], &[]), "So.");
        assert_eq!(
            said(&[], &[("dns", "53/udp")]),
            "So. What comes in there is led to dns, which has no socket now."
        );
        assert_eq!(
            said(&[("adm", "80/tcp"), ("web", "80/tcp")], &[("dns", "80/tcp")]),
            "So. What comes in there is led to adm, web, which listen elsewhere and go on. What comes in there is led to dns, which has no socket now."
        );
        assert_eq!(
            said(&[("adm", "80/tcp"), ("web", "81-82/tcp")], &[("dns", "83/tcp")]),
            "So. What comes in there is led to adm (80/tcp), web (81-82/tcp), which listen elsewhere and go on. What comes in there is led to dns (83/tcp), which has no socket now."
        );
    }
}
