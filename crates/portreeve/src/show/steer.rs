//! What is steered and to whose sockets, for a person and as JSON (A5, A12).

use std::{borrow::Cow, net::SocketAddr};

use jiff::Timestamp;
use portreeve_core::{
    address::Address,
    facts::{Listener, Process, Snapshot, SteeringProgram},
    port::{PortSpec, Protocol},
    steer::{Route, Routes, WhenDead},
    text,
    words::{Text, Words, inflect},
    world::name_of,
};
use portreeve_host::enforce::steer::{Hits, Slot};
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    escape::visible,
    out::Out,
    table::{Column, Fit, Table},
};
use crate::failure::Failure;

/// The layout of the JSON document.
const VERSION: u32 = 1;

/// How it stands.
#[derive(Debug)]
pub(crate) struct Stands<'a> {
    /// Whether it is in the kernel.
    pub(crate) is_there: bool,
    /// Whether its program still runs.
    pub(crate) is_whole: bool,
    /// Whether one was confirmed, and is not there.
    pub(crate) is_missed: bool,
    /// When the kernel takes back what is on trial.
    pub(crate) until: Option<Timestamp>,
    /// What that is.
    pub(crate) tried: Option<&'a Routes>,
    /// What is steered for good.
    pub(crate) routes: &'a Routes,
    /// The slots of all services.
    pub(crate) slots: &'a [Slot],
    /// The programs of others that choose sockets here.
    pub(crate) foreign: &'a [SteeringProgram],
    /// Who has which socket.
    pub(crate) snapshot: &'a Snapshot,
}

/// The answer of `steer status`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Steer")]
pub(crate) struct SteerView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// Whether it is in the kernel.
    stands: bool,
    /// Whether its program still runs; another program may have taken it away.
    whole: bool,
    /// When the kernel takes back what is on trial, RFC 3339, UTC; `null` where nothing is.
    trial_until: Option<String>,
    /// What is steered for good in this network namespace.
    services: Vec<ServiceView<'a>>,
    /// What is steered now in its place, on trial; `null` where nothing is.
    trial: Option<Vec<ServiceView<'a>>>,
    /// The programs of others that choose sockets here.
    foreign: &'a [SteeringProgram],
}

/// A service and its sockets.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Steered")]
struct ServiceView<'a> {
    service: &'a str,
    /// `live` where every packet that is led to it finds a socket, else `dead`.
    state: &'static str,
    sockets: Vec<SocketView<'a>>,
    routes: Vec<RouteView<'a>>,
    hits: HitsView,
}

/// A socket to which packets of a protocol and family are led.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SteeredSocket")]
struct SocketView<'a> {
    protocol: Protocol,
    /// The family of the packets: `ipv4` or `ipv6`.
    family: &'static str,
    /// The kernel's number for it, as `ls` has it.
    cookie: u64,
    /// Where it listens; `null` where that was not seen.
    address: Option<&'a Address>,
    /// Its number there.
    port: Option<u16>,
    /// Whose it is; `null` where that was not seen.
    pid: Option<u32>,
    name: Option<Cow<'a, str>>,
}

/// Ports whose packets it gets.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SteeredRoute")]
struct RouteView<'a> {
    protocol: Protocol,
    /// The address; `null` for every one of both families.
    address: Option<&'a Address>,
    /// The port; of a run of ports, its first.
    port: u16,
    /// The last port of a run; the same as `port` for a single one.
    port_last: u16,
    /// What becomes of packets while it has no socket: `refuse` or `pass`.
    when_dead: WhenDead,
    /// Whether the host takes in what is for the address also where no interface has it.
    local: bool,
    /// The port of TCP on which its socket listens; `null` where that is a declared one.
    target_port: Option<u16>,
}

/// What became of packets that looked for its sockets: of a connection its first one.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SteeredHits")]
struct HitsView {
    /// They were led to a socket.
    delivered: u64,
    /// There was none.
    dead: u64,
    /// The kernel did not take the socket.
    error: u64,
}

/// The same as JSON.
pub(crate) fn view<'a>(stands: &'a Stands<'a>) -> SteerView<'a> {
    SteerView {
        version: VERSION,
        stands: stands.is_there,
        whole: stands.is_whole,
        trial_until: stands.until.map(|until| until.to_string()),
        services: services_view(stands, stands.routes),
        trial: stands.tried.map(|tried| services_view(stands, tried)),
        foreign: stands.foreign,
    }
}

fn services_view<'a>(stands: &'a Stands<'a>, routes: &'a Routes) -> Vec<ServiceView<'a>> {
    routes.services().map(|service| service_view(stands, routes, service)).collect()
}

fn service_view<'a>(stands: &'a Stands<'a>, routes: &'a Routes, service: &'a str) -> ServiceView<'a> {
    let hits = hits(stands, routes, service);
    let route = |route: &'a Route| RouteView {
        protocol: route.protocol,
        address: route.address.as_ref(),
        port: route.ports.first,
        port_last: route.ports.last,
        when_dead: route.when_dead,
        local: route.local,
        target_port: route.target_port,
    };
    ServiceView {
        service,
        state: if is_live(stands, routes, service) { "live" } else { "dead" },
        sockets: own(stands, routes, service).filter_map(|slot| socket(stands, slot)).collect(),
        routes: routes.of(service).map(route).collect(),
        hits: HitsView { delivered: hits.delivered, dead: hits.dead, error: hits.error },
    }
}

fn socket<'a>(stands: &Stands<'a>, slot: &'a Slot) -> Option<SocketView<'a>> {
    let cookie = slot.cookie?;
    let listener = listener(stands, cookie);
    let process = listener.and_then(|listener| holder(stands, listener));
    Some(SocketView {
        protocol: slot.protocol,
        family: slot.family.name(),
        cookie,
        address: listener.map(|listener| &listener.address),
        port: listener.map(|listener| listener.port),
        pid: process.map(|(pid, _)| pid),
        name: process.map(|(_, process)| process.called()),
    })
}

/// The slots of a service that packets are led to.
fn own<'a>(stands: &Stands<'a>, routes: &Routes, service: &str) -> impl Iterator<Item = &'a Slot> {
    let slots = stands.slots.iter().filter(|slot| slot.service == service && slot.is_of(routes));
    slots.collect::<Vec<_>>().into_iter()
}

fn is_live(stands: &Stands<'_>, routes: &Routes, service: &str) -> bool {
    own(stands, routes, service).all(|slot| slot.cookie.is_some())
}

fn hits(stands: &Stands<'_>, routes: &Routes, service: &str) -> Hits {
    own(stands, routes, service).fold(Hits::default(), |sum, Slot { hits, .. }| Hits {
        delivered: sum.delivered.saturating_add(hits.delivered),
        dead: sum.dead.saturating_add(hits.dead),
        error: sum.error.saturating_add(hits.error),
    })
}

fn listener<'a>(stands: &Stands<'a>, cookie: u64) -> Option<&'a Listener> {
    stands.snapshot.listeners.iter().find(|listener| listener.cookie == cookie)
}

fn holder<'a>(stands: &Stands<'a>, listener: &Listener) -> Option<(u32, &'a Process)> {
    let hold = listener.holders.first()?;
    Some((hold.pid, stands.snapshot.processes.get(&hold.pid)?))
}

const COLUMNS: &[Column] = &[
    Column { head: Words { en: "SERVICE", ja: "サービス" }, fit: Fit::Whole },
    Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole },
    Column { head: Words { en: "AT", ja: "アドレス" }, fit: Fit::Whole },
    Column { head: Words { en: "LED TO", ja: "誘導先" }, fit: Fit::Cut },
    Column { head: Words { en: "DELIVERED", ja: "到達" }, fit: Fit::Whole },
    Column { head: Words { en: "DEAD", ja: "不在" }, fit: Fit::Whole },
    Column { head: Words { en: "ERROR", ja: "失敗" }, fit: Fit::Whole },
];

/// Prints how it stands.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(stands: &Stands<'_>, out: &mut Out) -> Result<(), Failure> {
    out.sentences(sentence(stands).in_lang(out.lang))?;
    for SteeringProgram { id, name } in stands.foreign {
        let name = visible(name).into_owned();
        let also = text!(
            "Another program chooses sockets here too: {id} {name}.",
            "ほかのプログラム(番号 {id}、{name})も届け先ソケットを選んでいます。"
        );
        out.sentences(also.in_lang(out.lang))?;
    }
    table(stands, stands.routes, out)?;
    let Some((tried, until)) = stands.tried.zip(stands.until) else { return Ok(()) };
    out.line("")?;
    out.sentences(on_trial(tried, until).in_lang(out.lang))?;
    table(stands, tried, out)
}

/// The table of these routes, below an empty line.
fn table(stands: &Stands<'_>, routes: &Routes, out: &mut Out) -> Result<(), Failure> {
    if routes.0.is_empty() {
        return Ok(());
    }
    out.line("")?;
    let mut table = Table::new(COLUMNS, 0);
    for service in routes.services() {
        let (hits, to) = (hits(stands, routes, service), to(stands, routes, service));
        for (number, route) in routes.of(service).enumerate() {
            let spec = PortSpec { protocol: route.protocol, range: route.ports };
            let address = route.address.as_ref().map_or_else(|| "*".into(), ToString::to_string);
            // All of a service come to the same, which its first row tells.
            let first = |text: String| if number == 0 { text } else { String::new() };
            table.push([
                first(service.into()).into(),
                spec.to_string().into(),
                address.as_str().into(),
                first(to.in_lang(out.lang).into()).into(),
                first(hits.delivered.to_string()).into(),
                first(hits.dead.to_string()).into(),
                first(hits.error.to_string()).into(),
            ]);
        }
    }
    out.table(&table)
}

/// The sockets of a service, each once.
fn to(stands: &Stands<'_>, routes: &Routes, service: &str) -> Text {
    let mut cookies: Vec<u64> = own(stands, routes, service).filter_map(|slot| slot.cookie).collect();
    cookies.dedup();
    let mut last = None;
    let mut told = |cookie: &u64| {
        let Some(listener) = listener(stands, *cookie) else {
            return text!("socket {cookie}", "ソケット {cookie}");
        };
        let place = SocketAddr::new(listener.address.ip, listener.port).to_string();
        let name = holder(stands, listener).map(|(_, process)| name_of(process));
        // Whoever has several is named before the first.
        let is_named = name.is_some() && last.as_ref() == Some(&name);
        last = Some(name.clone());
        match name.filter(|_| !is_named) {
            Some(Text { en, ja }) => text!("{en} {place}", "{ja} {place}"),
            None => Text { en: place.clone(), ja: place },
        }
    };
    let all: Vec<Text> = cookies.iter().map(&mut told).collect();
    let joined = |words: fn(&Text) -> &str| all.iter().map(words).collect::<Vec<_>>().join(", ");
    let (en, ja) = (joined(|text| &text.en), joined(|text| &text.ja));
    match (all.is_empty(), is_live(stands, routes, service)) {
        (true, _) => text!("nobody", "なし"),
        (false, true) => text!("{en}", "{ja}"),
        (false, false) => text!("{en}, and nobody for the rest", "{ja}(一部は誘導先なし)"),
    }
}

fn sentence(stands: &Stands<'_>) -> Text {
    let count = stands.routes.services().count();
    let en_services = inflect(count, "service", "services");
    match (stands.is_there, stands.is_whole) {
        (false, _) if stands.is_missed => text!(
            "Nothing is steered, though it was confirmed: portreeve apply --boot puts it back, and portreeve apply has it as the policy says by now.",
            "誘導を確定してありますが、カーネルにありません。確定した内容に戻すには portreeve apply --boot、現在の policy を適用するには portreeve apply を実行してください。"
        ),
        (false, _) => text!("Nothing is steered.", "誘導は設定されていません。"),
        (true, false) => text!(
            "The steering is not whole: another program took it away, and portreeve apply puts it back as the policy has it.",
            "誘導のプログラムがほかのプログラムに取り除かれています。portreeve apply で policy を適用し直してください。"
        ),
        (true, true) if count == 0 => {
            text!("Nothing is steered here for good.", "確定済みの誘導はありません。")
        }
        (true, true) => text!(
            "What comes in for {count} {en_services} is led to their sockets.",
            "{count} 個のサービス宛ての通信を、それぞれのソケットに誘導しています。"
        ),
    }
}

fn on_trial(tried: &Routes, until: Timestamp) -> Text {
    let until = until.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    if tried.0.is_empty() {
        return text!(
            "In its place nothing is steered, on trial until {until}.",
            "代わりに、誘導なしの状態を {until} まで試行中です。"
        );
    }
    text!("In its place this is on trial until {until}:", "代わりに、次の設定を {until} まで試行中です:")
}
