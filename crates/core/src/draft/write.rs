//! Writes drafted services as TOML with comments that say what was seen and what to ask (A26).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use core::fmt::Write as _;

use ipnet::IpNet;

use super::{
    admit::{Entry, Reach, Told},
    group::{Common, DraftService, Sharing, Ties},
    name::Names,
    published::Published,
    sight::Seen,
};
use crate::{
    owner::Owner,
    policy::limits,
    port::PortSpec,
    text,
    visible::is_hidden,
    words::{Lang, Text, Words, inflect},
    world::World,
};

/// A draft stays well below what a policy file may hold.
const TEXT_BYTES_MAX: usize = limits::FILE_BYTES_MAX / 4 * 3;
/// As much of a stranger's name as a comment repeats.
const COMMENT_CHARACTERS_MAX: usize = 60;
/// As many things as a comment lists.
const LISTED_MAX: usize = 6;

/// The whole text.
pub(super) fn policy(
    world: &World<'_>,
    seen: &Seen<'_>,
    services: &[DraftService],
    published: &[Published],
    lang: Lang,
) -> String {
    let mut text = head(world, seen, services.len(), lang);
    let reaches = services.iter().flat_map(|service| [&service.common.reach, &service.common.wide]);
    let zones = zones(reaches.chain(published.iter().map(|published| &published.reach)));
    for (zone, name) in &zones {
        text.push_str(&zone_section(zone, name, lang));
    }
    let mut names = Names::default();
    let mut left_out = seen.left_out;
    let first = |ports: &[PortSpec]| ports.first().map_or(0, |spec| spec.range.first);
    let services = services.iter().map(|service| {
        let name = names.give(&service.common.label, first(&service.ports));
        section(world, &name, service, &zones, lang)
    });
    let mut sections: Vec<_> = services.collect();
    sections.extend(published.iter().map(|published| {
        let name = names.give("published", first(&published.ports));
        commented(&name, published, &zones, lang)
    }));
    for written in sections {
        if text.len() + written.len() > TEXT_BYTES_MAX {
            left_out += 1;
        } else {
            text.push_str(&written);
        }
    }
    if left_out > 0 {
        let note = text!(
            "{left_out} more did not fit into one policy.",
            "ほかの {left_out} 件は 1 つの policy に収まらないため省きました。"
        );
        text.push('\n');
        comment(&mut text, note.in_lang(lang));
    }
    text
}

fn head(world: &World<'_>, seen: &Seen<'_>, services: usize, lang: Lang) -> String {
    let host = shown(&world.snapshot.host.name);
    let taken = format!("{:.0}", world.snapshot.taken);
    let listeners = seen.sightings.len();
    let en_sockets = inflect(listeners, "socket", "sockets");
    let en_services = inflect(services, "service", "services");
    let what = text!(
        "The ports of {host} as they were on {taken}: {listeners} listening {en_sockets}, {services} {en_services}.",
        "{taken} 時点の {host} のポートです({listeners} 個の待ち受けソケット、{services} 個のサービス)。"
    );
    let mut text = String::new();
    comment(&mut text, what.in_lang(lang));
    for words in [FIRST_DRAFT, NEXT] {
        comment(&mut text, words.in_lang(lang));
    }
    for command in ["portreeve check policy.toml", "portreeve audit --policy policy.toml"] {
        let _ = writeln!(text, "#     {command}");
    }
    for gap in world.snapshot.gaps.iter().take(LISTED_MAX) {
        let why = clipped(gap.why().in_lang(lang), COMMENT_CHARACTERS_MAX * 3);
        let note = text!("Not seen: {why}.", "見えなかったもの: {why}。");
        comment(&mut text, note.in_lang(lang));
    }
    text.push_str("version = 1\n");
    text
}

const FIRST_DRAFT: Words = Words {
    en: "A first draft by `portreeve init`: keep what you need, delete what you do not, narrow what is too wide.",
    ja: "`portreeve init` が書いた下書きです。必要なものを残し、不要なものは消し、広すぎるものは絞ってください。",
};
const NEXT: Words = Words { en: "Then:", ja: "続けて実行:" };

/// The zones of all services, with a name each.
fn zones<'a>(reaches: impl Iterator<Item = &'a Reach>) -> BTreeMap<&'a Entry, String> {
    let (mut zones, mut names) = (BTreeMap::new(), Names::default());
    for zone in reaches.flat_map(|reach| if let Reach::Zones(zones) = reach { &**zones } else { &[] }) {
        if zones.len() < limits::ZONES_MAX {
            zones.entry(zone).or_insert_with(|| names.give(&zone_label(zone), 0));
        }
    }
    zones
}

fn zone_label(Entry { interfaces, from }: &Entry) -> String {
    match (interfaces.as_slice(), from.as_slice()) {
        ([], [one]) => format!("from-{one}"),
        ([], _) => "from-some".into(),
        ([one], _) => format!("by-{one}"),
        _ => "by-some".into(),
    }
}

fn zone_section(Entry { interfaces, from }: &Entry, name: &str, lang: Lang) -> String {
    let mut text = String::from("\n");
    comment(&mut text, ADMITTED.in_lang(lang));
    let _ = writeln!(text, "[zone.{name}]");
    if !interfaces.is_empty() {
        let _ = writeln!(text, "interface = {}", list(interfaces.iter().map(|name| quoted(name))));
    }
    if !from.is_empty() {
        let _ = writeln!(text, "from = {}", list(from.iter().map(|network| quoted(&format!("{network}")))));
    }
    text
}

const ADMITTED: Words = Words {
    en: "Whom the firewall lets in today. Ask: who are they? Give the zone their name.",
    ja: "現在ファイアウォールが通している送信元です。確認: どこのネットワークですか? 分かる名前に変えてください。",
};

/// The value of `reach`; `None` for this host alone, which need not be said.
fn reach(reach: &Reach, zones: &BTreeMap<&Entry, String>) -> Option<String> {
    match reach {
        Reach::Host => None,
        Reach::World => Some("\"world\"".into()),
        Reach::Zones(own) => {
            let named: Vec<_> = own.iter().filter_map(|zone| zones.get(zone)).collect();
            (!named.is_empty()).then(|| list(named.into_iter().map(|name| quoted(name))))
        }
    }
}

fn section(
    world: &World<'_>,
    name: &str,
    service: &DraftService,
    zones: &BTreeMap<&Entry, String>,
    lang: Lang,
) -> String {
    let mut text = String::from("\n");
    comment(&mut text, seen(&service.common).in_lang(lang));
    for question in questions(&service.common) {
        comment(&mut text, question.in_lang(lang));
    }
    if !service.common.banned.is_empty() {
        comment(&mut text, banned(&service.common.banned).in_lang(lang));
    }
    if !service.common.led_from.is_empty() {
        comment(&mut text, led(&service.common.led_from).in_lang(lang));
    }
    let _ = writeln!(text, "[service.{name}]");
    let _ = writeln!(text, "ports = {}{}", ports(&service.ports), iana(world, &service.ports));
    if !service.common.addresses.is_empty() {
        let addresses = service.common.addresses.iter().map(|address| quoted(&format!("{address}")));
        let _ = writeln!(text, "address = {}", list(addresses));
    }
    if let Some(device) = &service.common.device {
        let _ = writeln!(text, "device = {}", quoted(device));
    }
    if let Some(owner) = owner(&service.common.owners) {
        let _ = writeln!(text, "owner = {owner}");
    }
    if let Some(reach) = reach(&service.common.reach, zones) {
        let _ = writeln!(text, "reach = {reach}");
    }
    if let Some(wide) = reach(&service.common.wide, zones) {
        let _ = writeln!(text, "# reach = {wide}    # {}", WIDE.in_lang(lang));
    }
    text
}

/// A service for ports that are sent on, as a comment: to a gate it makes a difference who is declared, and nobody here
/// knows whether anybody should be.
fn commented(name: &str, published: &Published, zones: &BTreeMap<&Entry, String>, lang: Lang) -> String {
    let mut text = String::from("\n");
    let Text { en, ja } = &published.target;
    let what = text!(
        "Sent on to {en} by a rule, as a published port of a container is. Ask: should others get there? A gate keeps them out until the lines below are no comment; add an owner.",
        "ルールにより {ja} へ転送されています(コンテナの公開ポートなど)。確認: 外部から使わせるものですか? 以下の行のコメントを外すまで、ゲートの適用後は届きません。外すときは owner も書き足してください。"
    );
    comment(&mut text, what.in_lang(lang));
    if published.told == Told::NotAll {
        comment(&mut text, NOT_ALL.in_lang(lang));
    }
    if !published.banned.is_empty() {
        comment(&mut text, banned(&published.banned).in_lang(lang));
    }
    comment(&mut text, &format!("[service.{name}]"));
    comment(&mut text, &format!("ports = {}", ports(&published.ports)));
    if let Some(reach) = reach(&published.reach, zones) {
        comment(&mut text, &format!("reach = {reach}"));
    }
    text
}

fn ports(ports: &[PortSpec]) -> String {
    list(ports.iter().map(|spec| quoted(&format!("{spec}"))))
}

/// A zone has no exceptions.
fn banned(networks: &BTreeSet<IpNet>) -> Text {
    let named = |comma| some(networks.iter().map(|network| format!("{network}")), comma);
    let (en, ja) = (named(", "), named("、"));
    text!(
        "Ask: the firewall keeps {en} out today, which no zone can say: only its own rules do. Will they stay?",
        "確認: 現在ファイアウォールは {ja} からの通信を遮断していますが、ゾーンでは除外を書き表せません。遮断はファイアウォール自体のルール頼みです。そのルールは今後も残りますか?"
    )
}

/// Who comes from another port is judged by a gate like whoever comes to this one.
fn led(from: &BTreeSet<String>) -> Text {
    let named = |comma| some(from.iter().cloned(), comma);
    let (en, ja) = (named(", "), named("、"));
    text!(
        "Ask: a rule leads from {en} to here as well (`portreeve exposure` shows whom). Only those who come directly are declared, and a gate keeps out the others. Who should reach it?",
        "確認: ルールにより、{ja} 宛てのパケットもここに届きます(相手は `portreeve exposure` で確認できます)。宣言に含めたのは直接届く相手だけで、ほかの相手はゲートの適用後は届きません。どこから届くべきものですか?"
    )
}

const WIDE: Words = Words {
    en: "as it was seen: instead of the narrow lines above, if it must be",
    ja: "観測時の設定です。必要な場合だけ、上の行の代わりに使ってください",
};

fn seen(common: &Common) -> Text {
    let programs = |comma| some(common.programs.iter().map(|name| shown(name)), comma);
    let places = |comma| some(common.seen_at.iter().map(|address| shown(&format!("{address}"))), comma);
    let (en_places, ja_places) = (places(", "), places("、"));
    if common.programs.is_empty() {
        return text!("Seen on {en_places}.", "{ja_places} で待ち受けていました。");
    }
    let (en_programs, ja_programs) = (programs(", "), programs("、"));
    text!("Seen: {en_programs} on {en_places}.", "{ja_programs} が {ja_places} で待ち受けていました。")
}

fn questions(common: &Common) -> Vec<Words> {
    let mut questions = Vec::new();
    if common.shared == Sharing::Shared {
        questions.push(Words {
            en: "Ask: several owners hold this port together, and each may now hold every address of it. Who owns which?",
            ja: "確認: 複数の所有者が同じポートを使っています。このままではどの所有者もすべてのアドレスで使えます。どれが誰のものですか?",
        });
    }
    if common.ties == Ties::Lost {
        questions.push(Words {
            en: "Ask: some of its sockets are tied to an interface, which is not kept here. Is it meant for every one?",
            ja: "確認: 一部のソケットは特定のインターフェースに限定されていますが、ここには反映していません。すべてのインターフェースで使うものですか?",
        });
    }
    if common.owners.is_empty() {
        questions.push(Words {
            en: "Ask: whose is it? No name that lasts was seen, so anybody may hold it. Add an owner.",
            ja: "確認: 所有者は誰ですか? 再起動後も変わらない名前を特定できず、このままでは誰でも使えます。owner を書き足してください。",
        });
    } else if common.owners.iter().any(|owner| matches!(owner, Owner::User(_) | Owner::Exe(_))) {
        questions.push(Words {
            en: "Ask: no service manager runs it. Is it meant to stay?",
            ja: "確認: サービスマネージャーの管理外です。今後も必要ですか?",
        });
    }
    if common.told == Told::NotAll {
        questions.push(NOT_ALL);
    }
    if let Some(danger) = common.narrowed {
        questions.push(danger.words());
        questions.push(Words {
            en: "It is declared for this host alone; `portreeve audit` says so until it is bound that way.",
            ja: "このホスト内だけに限定して宣言しました。実際の待ち受けがそうなるまで、`portreeve audit` が指摘します。",
        });
    }
    questions
}

const NOT_ALL: Words = Words {
    en: "Ask: some may get in today of whom no zone can be made (`portreeve exposure` shows it), and they are not declared. Who should reach it?",
    ja: "確認: ゾーンとして書き表せない送信元から届く可能性があり(`portreeve exposure` で確認できます)、宣言には含めていません。どこから届くべきものですか?",
};

fn owner(owners: &[Owner]) -> Option<String> {
    let tables = owners.iter().map(|owner| format!("{{ {} = {} }}", owner.key(), quoted(owner.value())));
    match owners {
        [] => None,
        [_] => Some(tables.collect()),
        _ => Some(list(tables)),
    }
}

/// The names that IANA gives to the ports, as a comment behind the line.
fn iana(world: &World<'_>, ports: &[PortSpec]) -> String {
    let names = ports
        .iter()
        .filter(|spec| spec.range.is_one())
        .filter_map(|spec| world.registry.name(spec.range.first, spec.protocol));
    let names = some(names.map(shown), ", ");
    if names.is_empty() { names } else { format!("    # {names}") }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// The first few items of a list, with `comma` between them.
fn some(items: impl Iterator<Item = String>, comma: &str) -> String {
    let mut items: Vec<_> = items.take(LISTED_MAX + 1).collect();
    if items.len() > LISTED_MAX {
        items[LISTED_MAX] = "…".into();
    }
    items.join(comma)
}

fn comment(text: &mut String, line: &str) {
    let _ = writeln!(text, "# {line}");
}

/// What a stranger wrote, fit for a comment: one line, nothing invisible, not long.
fn shown(written: &str) -> String {
    clipped(written, COMMENT_CHARACTERS_MAX)
}

fn clipped(written: &str, most: usize) -> String {
    written.chars().take(most).map(|letter| if is_hidden(letter) { '?' } else { letter }).collect()
}

/// A TOML basic string.
fn quoted(value: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if !is_hidden(letter) => quoted.push(letter),
            letter => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(letter));
            }
        }
    }
    quoted.push('"');
    quoted
}
