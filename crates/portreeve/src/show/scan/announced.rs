//! What is told before the first packet: who scans whom, how fast and about how long.

use std::time::Duration;

use portreeve_core::{
    text,
    words::{Text, inflect},
};

use super::called;
use crate::{
    commands::scan::{Asked, Means, Target},
    show::age::length,
};

/// Nobody minds less.
const NOTICED: Duration = Duration::from_secs(10);

/// Who scans what, how fast and about how long.
pub(crate) fn announced(target: &Target, asked: &Asked) -> Text {
    let Text { en, ja } = called(target);
    let from = asked.source;
    let parts: Vec<Text> = [tcp(asked), udp(asked)].into_iter().flatten().collect();
    let joined = |word: fn(&Text) -> &str| parts.iter().map(word).collect::<Vec<_>>().join(" · ");
    let (en_parts, ja_parts) = (joined(|part| &part.en), joined(|part| &part.ja));
    text!("scanning {en} from {from} · {en_parts}", "{ja} を {from} からスキャン中 · {ja_parts}").close_up()
}

/// That the consent may be over before all is asked, where that is so.
pub(crate) fn short_of_time(target: &Target, asked: &Asked) -> Option<Text> {
    let (left, longest) = (target.left()?, asked.longest());
    if longest <= left {
        return None;
    }
    let [left, longest] = [left, longest].map(|time| length(time.as_secs()));
    let (en_left, ja_left, en_long, ja_long) = (left.en, left.ja, longest.en, longest.ja);
    Some(text!(
        "The consent is over in {en_left}, and this may take {en_long}: it ends with what is known by then. Name fewer ports, or have that host consent for longer (--for).",
        "許可の残り時間は {ja_left}ですが、スキャンには {ja_long}かかる可能性があり、許可の終了時点で打ち切られます。ポートを絞るか、対象のホストで許可する時間(--for)を延ばしてください。"
    ).close_up())
}

fn tcp(asked: &Asked) -> Option<Text> {
    if asked.ports.is_empty() {
        return None;
    }
    let (ports, en_ports) = (count(&asked.ports), inflect(asked.ports.len(), "port", "ports"));
    let rate = thousands(asked.rate_max.into());
    let Text { en: en_time, ja: ja_time } = time(asked.lengths());
    let Text { en, ja } = match asked.means {
        Means::Packets => {
            text!("at most {rate}/s · about {en_time}", "最大 {rate}/秒 · 約 {ja_time}")
        }
        Means::Connections => text!(
            "by connections: slower, seen by applications · about {en_time}",
            "通常の接続を使用(低速。アプリケーションから見えます) · 約 {ja_time}"
        ),
        Means::ForWant => text!(
            "by connections, as raw packets take root: slower, seen by applications · about {en_time}",
            "raw パケットの送信には root が必要なため、通常の接続を使用(低速。アプリケーションから見えます) · 約 {ja_time}"
        ),
    };
    Some(text!("{ports} tcp {en_ports} · {en}", "TCP {ports} ポート · {ja}"))
}

/// Where most ports are silent, as behind a firewall that drops, it takes as much longer as anybody would notice.
fn time([short, long]: [Duration; 2]) -> Text {
    let [short, longer] = [short, long].map(|time| length(time.as_secs()));
    let (en, ja) = (short.en, short.ja);
    if long < NOTICED {
        return text!("{en}", "{ja}");
    }
    let (en_longer, ja_longer) = (longer.en, longer.ja);
    text!("{en}, {en_longer} where most is silent", "{ja}(応答なしが多い場合は {ja_longer})")
}

fn udp(asked: &Asked) -> Option<Text> {
    let all = &asked.datagrams.ports;
    if all.is_empty() {
        return None;
    }
    let (ports, en_ports) = (count(all), inflect(all.len(), "port", "ports"));
    let time = length(asked.datagrams_long().as_secs());
    let (en_time, ja_time) = (time.en, time.ja);
    Some(text!(
        "{ports} udp {en_ports} · {en_time} where each is refused",
        "UDP {ports} ポート · すべて拒否される場合は {ja_time}"
    ))
}

fn count(ports: &[u16]) -> String {
    thousands(u64::try_from(ports.len()).unwrap_or(u64::MAX))
}

/// `65,535`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_parted_in_threes() {
        let parted = [0, 999, 1_000, 65_535, 1_234_567].map(thousands);
        assert_eq!(parted, ["0", "999", "1,000", "65,535", "1,234,567"]);
    }
}
