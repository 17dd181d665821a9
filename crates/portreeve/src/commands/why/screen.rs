//! The story of a port on one screen: the answer first, then what it rests on, then what to type.

use portreeve_core::{
    facts::{Container, Gap, HolderGap, Listener},
    finding::Finding,
    origin::Origin,
    peers::{Network, Peers},
    policy::{HOST, Service},
    port::Protocol,
    reach::{Answers, Basis, Reach, Verdict},
    text, unit,
    words::{Lang, Text, Words, inflect},
    world::World,
};

use unicode_width::UnicodeWidthStr as _;

use super::{
    Telling, held, origin,
    story::{self, Evidence, Story},
};
use crate::{
    commands::who::{
        answer::{assigned, elsewhere, headline, places},
        claimed,
    },
    failure::Failure,
    footing::Footing,
    last_audit::News,
    show::{
        connection::endpoint,
        diff::{Comparison, seconds},
        escape::visible,
        gaps,
        guard::refused::{self as guard, Refusal},
        listeners, next,
        out::{Out, painted},
        severity::{mark, paint},
        table::pad,
        wrap::wrap,
    },
};

/// Owners of one number that are told of.
const STORIES_MAX: usize = 4;
const INTERFACES_MAX: usize = 5;
const ADDRESSES_MAX: usize = 4;
const NETWORKS_MAX: usize = 5;
const FINDINGS_MAX: usize = 6;
const REFUSED_MAX: usize = 6;

const IANA: Words = Words { en: "IANA", ja: "IANA" };
const POLICY: Words = Words { en: "policy", ja: "policy" };
const CLAIM: Words = Words { en: "claim", ja: "申請" };
const HOLDER: Words = Words { en: "holder", ja: "保持者" };
const OPENER: Words = Words { en: "opener", ja: "開いたプロセス" };
const STARTED: Words = Words { en: "started", ja: "起動元" };
const OPENED_IN: Words = Words { en: "opened in", ja: "開いたユニット" };
const INSIDE: Words = Words { en: "inside", ja: "転送先" };
const BOUND: Words = Words { en: "bound", ja: "アドレス" };
const ANSWERS: Words = Words { en: "answers", ja: "応答先" };
const REACH: Words = Words { en: "reach", ja: "到達範囲" };
const PEERS: Words = Words { en: "peers", ja: "接続中" };
const REFUSED: Words = Words { en: "refused", ja: "拒否" };
const WRONG: Words = Words { en: "wrong", ja: "指摘" };
const EARLIER: Words = Words { en: "earlier", ja: "以前との差" };
const NOTHING: Words = Words { en: "nothing", ja: "なし" };

/// Every question, one after the other.
pub(super) fn print<'a>(
    evidence: &Evidence<'_, 'a>,
    tellings: &[Telling<'_, 'a>],
    out: &mut Out,
) -> Result<(), Failure> {
    for (at, telling) in tellings.iter().enumerate() {
        if at > 0 {
            out.line("")?;
        }
        if telling.stories.is_empty() {
            silent(evidence, telling, out)?;
        } else {
            told(evidence, telling, out)?;
        }
    }
    Ok(())
}

/// Of a number on which nobody listens: what `who` says, what the policy says, and what is wrong with that.
fn silent<'a>(evidence: &Evidence<'_, 'a>, telling: &Telling<'_, 'a>, out: &mut Out) -> Result<(), Failure> {
    telling.answer.print(telling.answered_by, evidence.settings, out)?;
    let mut page = Page { lang: out.lang, lines: Vec::new() };
    let policy = evidence.world.policy.map(|policy| policy.services.as_slice()).unwrap_or_default();
    let declares = |service: &&Service| {
        let mut ports = service.ports.iter();
        ports.any(|ports| story::is_meant(*ports, telling.asked))
    };
    policy.iter().filter(declares).for_each(|service| page.add(POLICY, &declared(service)));
    page.refused(evidence, telling);
    page.findings(&telling.findings, out);
    let news = story::news(evidence, telling.asked, &telling.findings);
    page.earlier(telling.comparison.as_ref(), news.as_ref());
    page.print(out)?;
    let commands = telling.findings.first().map(|finding| format!("portreeve explain {}", finding.rule));
    next::print(&commands.into_iter().collect::<Vec<_>>(), out)
}

fn told<'a>(evidence: &Evidence<'_, 'a>, telling: &Telling<'_, 'a>, out: &mut Out) -> Result<(), Failure> {
    if !telling.answer.is_heard {
        let rows: Vec<_> = telling.stories.iter().map(|story| story.row.clone()).collect();
        out.line(&visible(elsewhere(evidence.world, telling.asked, &rows).in_lang(out.lang)))?;
    }
    let shown = telling.stories.len().min(STORIES_MAX);
    for (at, story) in telling.stories.iter().take(shown).enumerate() {
        if at > 0 {
            out.line("")?;
        }
        // Who was refused was so by the number, whoever holds it.
        one(evidence, story, (at + 1 == shown).then_some(telling), out)?;
    }
    telling.answer.print_passed(out)?;
    let more = telling.stories.len().saturating_sub(STORIES_MAX);
    if more > 0 {
        out.line(
            text!(
                "and {more} more owners, see portreeve who",
                "ほかに {more} 件の所有者(portreeve who で確認)"
            )
            .in_lang(out.lang),
        )?;
    }
    let mut page = Page { lang: out.lang, lines: Vec::new() };
    page.findings(&telling.findings, out);
    let untold = telling.comparison.as_ref().filter(|untold| !untold.difference.changes.is_empty());
    page.earlier(untold, None);
    page.print(out)?;
    hidden(evidence, telling, out)?;
    next::print(&commands(evidence, telling), out)
}

/// What of an owner's holder and of the ledger could not be seen, and what helps.
fn hidden(evidence: &Evidence<'_, '_>, telling: &Telling<'_, '_>, out: &mut Out) -> Result<(), Failure> {
    let mut listeners = telling.stories.iter().flat_map(|story| &story.row.listeners);
    if listeners.any(|listener| listener.hides_every_holder()) {
        let gaps = evidence.world.snapshot.gaps.iter().filter(|gap: &&Gap| gap.hides_holders());
        for gap in gaps {
            out.sentences(&gaps::line(gap, out.lang))?;
        }
    }
    claimed::print_unread(evidence.world, out)
}

/// The worst finding explained, else the number itself, and how to free the port where it is here and not held as it is declared.
fn commands<'a>(evidence: &Evidence<'_, 'a>, telling: &Telling<'_, 'a>) -> Vec<String> {
    let footing = Footing::of(evidence.settings);
    let stories = &telling.stories;
    let findings = stories.iter().flat_map(|story| &story.findings).filter(|it| it.waived.is_none());
    let worst = findings.max_by_key(|finding| finding.severity).map(|finding| finding.rule.to_owned());
    let number = || stories.first()?.row.first().map(|first| first.port.to_string());
    let explained = worst.or_else(number).map(|about| format!("portreeve explain {about}"));
    let stop = match stories.as_slice() {
        _ if !telling.answer.is_heard => None,
        [story] if is_right(evidence.world, story) => None,
        [story] if story.inside.is_some() => stop_container(evidence, story),
        [story] => next::stop(evidence.world, &story.row, &footing),
        _ => None,
    };
    explained.into_iter().chain(stop).collect()
}

/// Whether the policy has it so, and its owners alone have it or nothing is wrong with it.
fn is_right<'a>(world: &World<'a>, story: &Story<'_, 'a>) -> bool {
    let is_right = |listener: &&'a Listener| {
        let is_declared = world.service_of(listener).is_some();
        is_declared && story.findings.is_empty() || world.is_its_owners(listener)
    };
    story.row.listeners.iter().all(is_right)
}

/// A published port goes with its container; the engine serves the others too.
fn stop_container<'a>(evidence: &Evidence<'_, 'a>, story: &Story<'_, 'a>) -> Option<String> {
    let (_, listeners) = story.inside.as_ref()?;
    let (_, process) = listeners.iter().find_map(|listener| evidence.world.main_holder(listener))?;
    let Container { runtime, name, .. } = process.host_container()?;
    let name = name.as_ref().filter(|name| unit::is_plain(name))?;
    ["docker", "podman"].contains(&runtime.as_str()).then(|| format!("{runtime} stop {name}"))
}

fn one<'a>(
    evidence: &Evidence<'_, 'a>,
    story: &Story<'_, 'a>,
    refused: Option<&Telling<'_, 'a>>,
    out: &mut Out,
) -> Result<(), Failure> {
    let (world, settings) = (evidence.world, evidence.settings);
    let now = world.snapshot.taken;
    let line = headline(world, &story.row, out.lang);
    out.line(&wrap(&visible(&line), out.width, 2))?;
    let mut page = Page { lang: out.lang, lines: Vec::new() };
    let Some(first) = story.row.first() else { return Ok(()) };
    page.say(IANA, &assigned(world.registry, &[first.protocol], first.port, out.lang));
    page.add(POLICY, &policy(evidence, first));
    page.extend(CLAIM, world.claim_of(first).as_ref().map(claimed::text));
    page.holder(story, first);
    page.openers(&story.openers.texts(now));
    let telling = origin::Telling { now, verbosity: settings.verbosity, port: first.port };
    // Where nobody is seen to hold it, the unit is that of whoever opened it.
    let is_openers = story.main.is_none() && matches!(story.origin, Some(Origin::Unit { .. }));
    let label = if is_openers { OPENED_IN } else { STARTED };
    page.extend(label, story.origin.map(|origin| origin::text(&origin, telling)));
    page.extend(INSIDE, story.inside.as_ref().map(|_| inside(evidence, story)));
    page.say(BOUND, &places(&story.row.listeners));
    page.add(ANSWERS, &answers(world, story, first));
    page.add(REACH, &reached(&story.reach));
    page.add(PEERS, &connected(story.peers.as_deref(), first.protocol));
    page.findings(&story.findings, out);
    if story.findings.is_empty() {
        page.add(WRONG, &NOTHING.into());
    }
    if let Some(telling) = refused {
        page.refused(evidence, telling);
    }
    page.earlier(story.comparison.as_ref(), story.news.as_ref());
    page.print(out)
}

/// Lines with a word in front.
struct Page {
    lang: Lang,
    lines: Vec<(Option<Words>, String)>,
}

impl Page {
    fn add(&mut self, label: Words, text: &Text) {
        self.say(label, text.in_lang(self.lang));
    }

    fn extend(&mut self, label: Words, text: Option<Text>) {
        if let Some(text) = text {
            self.add(label, &text);
        }
    }

    fn openers(&mut self, texts: &[Text]) {
        for (at, text) in texts.iter().enumerate() {
            let line = visible(text.in_lang(self.lang)).into_owned();
            self.lines.push(((at == 0).then_some(OPENER), line));
        }
    }

    fn say(&mut self, label: Words, text: &str) {
        self.lines.push((Some(label), visible(text).into_owned()));
    }

    fn holder(&mut self, story: &Story<'_, '_>, first: &Listener) {
        match story.main {
            Some((_, main)) => self.add(HOLDER, &held::text(&story.chain, main)),
            None => self.extend(HOLDER, first.gap.map(HolderGap::text)),
        }
    }

    fn findings(&mut self, findings: &[&Finding], out: &Out) {
        for (at, finding) in findings.iter().take(FINDINGS_MAX).enumerate() {
            let severity = finding.severity;
            let word = format!("{} {}", mark(severity), severity.words().in_lang(self.lang));
            let word = painted(&word, Some(paint(severity)), out.colour);
            let waived = finding.waived.as_ref().map_or_else(Text::default, |waived| {
                let why = &waived.why;
                text!(" (waived: {why})", "(容認: {why})")
            });
            let said = format!("{}{}", finding.text.in_lang(self.lang), waived.in_lang(self.lang));
            let line = format!("{word}  {}  {}", finding.rule, visible(&said));
            self.lines.push(((at == 0).then_some(WRONG), line));
        }
        let more = findings.len().saturating_sub(FINDINGS_MAX);
        if more > 0 {
            let more = text!("and {more} more: portreeve audit", "ほか {more} 件(portreeve audit で確認)");
            self.lines.push((None, more.in_lang(self.lang).to_owned()));
        }
    }

    /// Who tried to bind the numbers without owning them.
    fn refused(&mut self, evidence: &Evidence<'_, '_>, telling: &Telling<'_, '_>) {
        let now = evidence.world.snapshot.taken;
        let is_asked = |refusal: &&Refusal| story::is_meant(refusal.spec(), telling.asked);
        let refused: Vec<_> = evidence.refused.iter().filter(is_asked).collect();
        for (at, refusal) in refused.iter().take(REFUSED_MAX).enumerate() {
            let line = guard::line(refusal, now).in_lang(self.lang).to_owned();
            self.lines.push(((at == 0).then_some(REFUSED), line));
        }
        let more = refused.len().saturating_sub(REFUSED_MAX);
        if more > 0 {
            let more = text!(
                "and {more} more: portreeve guard refused",
                "ほか {more} 件(portreeve guard refused で確認)"
            );
            self.lines.push((None, more.in_lang(self.lang).to_owned()));
        }
    }

    /// What was different in an earlier snapshot, or else at the last audit.
    fn earlier(&mut self, comparison: Option<&Comparison<'_, '_>>, news: Option<&News>) {
        if let Some(comparison) = comparison {
            let then = seconds(comparison.before.snapshot.taken);
            let lines = comparison.lines(self.lang);
            let unknown = comparison.difference.unknown > 0;
            let said = match (lines.join("; ").as_str(), unknown) {
                ("", false) => text!("the same at {then}", "{then} から変化なし"),
                ("", true) => text!(
                    "at {then} as open as now; whether by the same owner cannot be told",
                    "{then} と同じく開いています(所有者が同じかどうかは判定できません)"
                ),
                (lines, _) => text!("since {then}: {lines}", "{then} 以降: {lines}"),
            };
            return self.add(EARLIER, &said);
        }
        let Some(news) = news else { return };
        let (new, gone) = (news.new.join(", "), news.gone.join(", "));
        let said = match (new.as_str(), gone.as_str()) {
            ("", "") => {
                text!("the last audit --since-last found the same", "前回の audit --since-last と同じ")
            }
            (new, "") => text!("new since the last audit: {new}", "前回の audit 以降の新しい指摘: {new}"),
            ("", gone) => text!("gone since the last audit: {gone}", "前回の audit 以降に解消: {gone}"),
            (new, gone) => text!(
                "since the last audit new: {new}; gone: {gone}",
                "前回の audit 以降の新しい指摘: {new}。解消: {gone}"
            ),
        };
        self.add(EARLIER, &said);
    }

    fn print(self, out: &mut Out) -> Result<(), Failure> {
        let spoken = |label: Option<Words>| label.map_or("", |label| label.in_lang(self.lang));
        let width = self.lines.iter().map(|(label, _)| spoken(*label).width()).max().unwrap_or(0);
        for (label, text) in &self.lines {
            let line = format!("  {}  {text}", pad(spoken(*label), width));
            out.line(&wrap(&line, out.width, width + 4))?;
        }
        Ok(())
    }
}

fn policy<'a>(evidence: &Evidence<'_, 'a>, first: &'a Listener) -> Text {
    if evidence.world.policy.is_none() {
        return Words { en: "none", ja: "なし" }.into();
    }
    match evidence.world.service_of(first) {
        Some(service) if evidence.world.target_of(first).is_some() => {
            let Text { en, ja } = declared(service);
            text!("led here: {en}", "誘導先: {ja}")
        }
        Some(service) => declared(service),
        None => Words { en: "not declared", ja: "宣言なし" }.into(),
    }
}

/// `service web (policy.toml:3): owner nginx.service, reach world`.
fn declared(service: &Service) -> Text {
    let Service { name, place, .. } = service;
    let (file, line) = (&place.file, place.line);
    let owners: Vec<_> = service.owners.iter().map(ToString::to_string).collect();
    let (en_owners, ja_owners) = match owners.join(", ") {
        none if none.is_empty() => ("anybody".to_owned(), "誰でも可".to_owned()),
        listed => (listed.clone(), listed),
    };
    let reach = service.reach.join(", ");
    let why = service.why.as_ref().map(|why| format!(" — {why}")).unwrap_or_default();
    text!(
        "service {name} ({file}:{line}): owner {en_owners}; reach {reach}{why}",
        "サービス {name}({file}:{line}): owner は {ja_owners}、reach は {reach}{why}"
    )
}

/// `172.17.0.2:80 → nginx 77 in docker container shop, image nginx:1`.
fn inside<'a>(evidence: &Evidence<'_, 'a>, story: &Story<'_, 'a>) -> Text {
    let Some((target, listeners)) = &story.inside else { return Text::default() };
    let to = endpoint(&target.address.into(), target.port);
    let holder = listeners.iter().find_map(|listener| evidence.world.main_holder(listener));
    let Some((hold, process)) = holder else {
        return text!("{to}; who listens there was not seen", "{to}(待ち受けているプロセスは見えません)");
    };
    let who = held::one(hold.pid, process);
    match &process.container {
        Some(container) => {
            let Text { en, ja } = origin::container_text(container);
            text!("{to} → {who} in {en}", "{to} → {ja} の {who}")
        }
        None => {
            let said = format!("{to} → {who}");
            text!("{said}", "{said}")
        }
    }
}

/// Of a namespace that was not entered no interface is known; on a group of multicast none has the address.
fn answers<'a>(world: &World<'a>, story: &Story<'_, 'a>, first: &'a Listener) -> Text {
    let mut shown: Vec<_> = story.answers.iter().take(INTERFACES_MAX).map(interface).collect();
    let more = story.answers.len().saturating_sub(INTERFACES_MAX);
    if more > 0 {
        shown.push(format!("+{more}"));
    }
    let listed = shown.join(" · ");
    let is_known = world.snapshot.namespace(first.netns).is_some_and(|it| !it.interfaces.is_empty());
    let Text { en, ja } = match listed.as_str() {
        "" if is_known => text!("on no address of an interface", "インターフェースのアドレスでは応答なし"),
        "" => text!("cannot be told", "特定できません"),
        listed => Text { en: listed.into(), ja: listed.into() },
    };
    match listeners::namespace(world, &story.row) {
        Some(name) => text!("{en} (network namespace {name})", "{ja}(ネットワーク名前空間 {name})"),
        None => Text { en, ja },
    }
}

fn interface(answers: &Answers<'_>) -> String {
    let addresses = answers.addresses.iter().map(|address| address.ip.to_string());
    let shown: Vec<_> = addresses.take(ADDRESSES_MAX).collect();
    let more = answers.addresses.len().saturating_sub(ADDRESSES_MAX);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    format!("{} {}{more}", answers.interface, shown.join(" "))
}

/// The zones by verdict, and that a firewall may stand before them all.
fn reached(reach: &[Reach]) -> Text {
    let zones = |verdict: Verdict| {
        let zones = reach.iter().filter(|reach| reach.verdict == verdict).map(|reach| reach.zone.as_str());
        let zones: Vec<_> = zones.collect();
        (!zones.is_empty()).then(|| (zones.join(", "), zones.join("、")))
    };
    let parts = [
        zones(Verdict::Reachable).map(|(en, ja)| text!("from {en}", "{ja} から可")),
        zones(Verdict::Partly).map(|(en, ja)| text!("from part of {en}", "{ja} の一部から可")),
        zones(Verdict::Blocked).map(|(en, ja)| text!("not from {en}", "{ja} からは不可")),
        zones(Verdict::Unknown).map(|(en, ja)| text!("{en}: cannot be told", "{ja} は不明")),
    ];
    let parts: Vec<Text> = parts.into_iter().flatten().collect();
    let join = |lang: Lang, separator: &str| {
        parts.iter().map(|part| part.in_lang(lang)).collect::<Vec<_>>().join(separator)
    };
    let (en, ja) = (join(Lang::En, "; "), join(Lang::Ja, "、"));
    let is_open =
        |reach: &Reach| reach.zone != HOST && reach.basis == Basis::Bind && reach.verdict >= Verdict::Partly;
    if reach.iter().any(is_open) {
        text!(
            "{en} (by its address alone; a firewall may stand before it)",
            "{ja}(アドレスだけによる判定。ファイアウォールは考慮していません)"
        )
    } else {
        Text { en, ja }
    }
}

fn connected(peers: Option<&[Peers]>, protocol: Protocol) -> Text {
    let Some(peers) = peers else {
        return Words {
            en: "this snapshot has no connections (snapshot -a has)",
            ja: "このスナップショットに接続は含まれていません(含むのは snapshot -a)",
        }
        .into();
    };
    let total: u32 = peers.iter().map(|peers| peers.count).sum();
    if total == 0 && protocol != Protocol::Tcp {
        return Words {
            en: "none is connected; datagrams come without",
            ja: "接続なし(データグラムは接続せずに届きます)",
        }
        .into();
    }
    if total == 0 {
        return Words { en: "nobody now", ja: "なし" }.into();
    }
    let network = |peers: &Peers, lang: Lang| {
        let from = match peers.network {
            Network::Host => Words { en: "this host", ja: "このホスト" }.in_lang(lang).to_owned(),
            Network::Net(net) => net.to_string(),
        };
        match lang {
            Lang::En => format!("{} from {from}", peers.count),
            Lang::Ja => format!("{from} から {}", peers.count),
        }
    };
    let more = peers.len().saturating_sub(NETWORKS_MAX);
    let listed = |lang: Lang| {
        let mut shown: Vec<_> = peers.iter().take(NETWORKS_MAX).map(|peers| network(peers, lang)).collect();
        if more > 0 {
            shown.push(format!("+{more}"));
        }
        shown.join(" · ")
    };
    let (en, ja) = (listed(Lang::En), listed(Lang::Ja));
    let en_connections = inflect(total as usize, "connection", "connections");
    text!("{total} {en_connections}: {en}", "{total} 件: {ja}")
}
