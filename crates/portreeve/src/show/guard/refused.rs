//! Who bound a number that is not his, or was kept from it, for a person and as JSON (A17, A24).

use jiff::Timestamp;
use portreeve_core::{
    address::Address,
    guard::Mode,
    port::{PortRange, PortSpec, Protocol},
    text,
    words::{Text, Words, inflect},
};
use portreeve_host::enforce::guard::Tried;
use schemars::JsonSchema;
use serde::Serialize;

use super::VERSION;
use crate::{
    failure::Failure,
    show::{
        age::ago,
        escape::visible,
        out::Out,
        table::{Column, Fit, Table},
    },
};

/// Somebody who tried, with what could be found out of him since.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What the kernel wrote down.
    pub(crate) tried: Tried,
    /// Whether it was in this network namespace.
    pub(crate) is_here: bool,
    /// The service of the number, as the policy calls it.
    pub(crate) service: Option<String>,
    /// The name of the user.
    pub(crate) user: Option<String>,
    /// The host manager's unit that he was in.
    pub(crate) unit: Option<String>,
    /// His cgroup; `None` where that is gone.
    pub(crate) cgroup: Option<String>,
    /// The first time.
    pub(crate) first: Timestamp,
    /// The last time.
    pub(crate) last: Timestamp,
}

impl Refusal {
    /// The number.
    pub(crate) const fn spec(&self) -> PortSpec {
        PortSpec { range: PortRange::one(self.tried.port), protocol: self.tried.protocol }
    }
}

/// The answer of `guard refused`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Refusals")]
pub(crate) struct RefusalsView<'a> {
    /// The layout of this document: 1.
    version: u32,
    /// Who tried, the newest first; the kernel remembers some thousands, and forgets of those that did not come back for long.
    refusals: Vec<RefusalView<'a>>,
}

/// Somebody who bound a number that is not his, or was kept from it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "GuardRefusal")]
pub(crate) struct RefusalView<'a> {
    protocol: Protocol,
    port: u16,
    /// Where, the first time; `null` for every address of both families.
    address: Option<&'a Address>,
    /// Whether it was in this network namespace.
    here: bool,
    /// `enforce`: he was refused; `observe`: he has it, and would have been.
    mode: Mode,
    /// The service of the number, as the policy calls it.
    service: Option<&'a str>,
    /// How often.
    count: u64,
    /// The first time, RFC 3339, UTC.
    first: String,
    /// The last time.
    last: String,
    /// His process, the last time.
    pid: u32,
    /// What that was called.
    name: &'a str,
    /// The user.
    user: Option<&'a str>,
    uid: u32,
    /// The host manager's unit that he was in.
    unit: Option<&'a str>,
    /// His cgroup; `null` where that is gone.
    cgroup: Option<&'a str>,
}

/// The same as JSON.
pub(crate) fn view(refusals: &[Refusal]) -> RefusalsView<'_> {
    RefusalsView { version: VERSION, refusals: refusals.iter().map(refusal_view).collect() }
}

/// One of them.
pub(crate) fn refusal_view(refusal: &Refusal) -> RefusalView<'_> {
    let tried = &refusal.tried;
    RefusalView {
        protocol: tried.protocol,
        port: tried.port,
        address: tried.address.as_ref(),
        here: refusal.is_here,
        mode: if tried.is_refused { Mode::Enforce } else { Mode::Observe },
        service: refusal.service.as_deref(),
        count: tried.count,
        first: refusal.first.to_string(),
        last: refusal.last.to_string(),
        pid: tried.pid,
        name: &tried.name,
        user: refusal.user.as_deref(),
        uid: tried.uid,
        unit: refusal.unit.as_deref(),
        cgroup: refusal.cgroup.as_deref(),
    }
}

const REFUSED: &[Column] = &[
    Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole },
    Column { head: Words { en: "SERVICE", ja: "サービス" }, fit: Fit::Cut },
    Column { head: Words { en: "WHO", ja: "実行者" }, fit: Fit::Cut },
    Column { head: Words { en: "UNIT", ja: "ユニット" }, fit: Fit::Cut },
    Column { head: Words { en: "HOW OFTEN", ja: "回数" }, fit: Fit::Whole },
    Column { head: Words { en: "LAST", ja: "最後" }, fit: Fit::Whole },
    Column { head: Words { en: "WHAT CAME OF IT", ja: "結果" }, fit: Fit::Whole },
];

/// Prints them; those of other network namespaces are counted.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(refusals: &[Refusal], out: &mut Out) -> Result<(), Failure> {
    let here = || refusals.iter().filter(|refusal| refusal.is_here);
    if here().next().is_none() {
        return out.say(Words {
            en: "Nobody tried to bind a port that is not his, as far as the kernel remembers.",
            ja: "所有者以外による bind の記録はありません。",
        });
    }
    let (lang, now) = (out.lang, Timestamp::now());
    let mut table = Table::new(REFUSED, 0);
    for refusal in here() {
        let Refusal { tried, .. } = refusal;
        table.push([
            refusal.spec().to_string().into(),
            visible(refusal.service.as_deref().unwrap_or_default()).into_owned().into(),
            who(refusal).in_lang(lang).into(),
            visible(refusal.unit.as_deref().unwrap_or_default()).into_owned().into(),
            tried.count.to_string().into(),
            ago(refusal.last, now).in_lang(lang).into(),
            outcome(tried.is_refused).in_lang(lang).into(),
        ]);
    }
    out.table(&table)
}

/// One of them in a line, as of `now`.
pub(crate) fn line(refusal: &Refusal, now: Timestamp) -> Text {
    let (Text { en, ja }, Text { en: en_ago, ja: ja_ago }) = (deed(refusal), ago(refusal.last, now));
    let spec = refusal.spec();
    text!("{spec}: {en}, {en_ago}", "{spec}: {ja}、{ja_ago}")
}

/// One of them in a line, with the time at which it was the last time.
pub(crate) fn moment(refusal: &Refusal) -> Text {
    let (at, spec, Text { en, ja }) =
        (refusal.last.strftime("%Y-%m-%dT%H:%M:%SZ"), refusal.spec(), deed(refusal));
    let service = refusal.service.as_deref().map_or_else(String::new, |name| format!(" ({})", visible(name)));
    text!("{at}  {spec}{service}  {en}", "{at}  {spec}{service}  {ja}")
}

/// Who did it, what came of it, and how often.
pub(crate) fn deed(refusal: &Refusal) -> Text {
    let Text { en: en_who, ja: ja_who } = who(refusal);
    let (count, unit) = (refusal.tried.count, refusal.unit.as_deref().or(refusal.cgroup.as_deref()));
    let en_unit = unit.map_or_else(String::new, |unit| format!(" in {}", visible(unit)));
    let ja_unit = unit.map_or_else(String::new, |unit| format!("、{}", visible(unit)));
    let en_times = inflect(usize::try_from(count).unwrap_or(usize::MAX), "time", "times");
    let Words { en, ja } = outcome(refusal.tried.is_refused);
    text!("{en_who}{en_unit}: {en}, {count} {en_times}", "{ja_who}{ja_unit}: {ja}、{count} 回")
}

fn who(Refusal { tried, user, .. }: &Refusal) -> Text {
    let (name, pid) = (visible(&tried.name), tried.pid);
    let user = user.clone().unwrap_or_else(|| tried.uid.to_string());
    let user = visible(&user);
    text!("{name} (pid {pid}) of {user}", "{name}(pid {pid}、{user})")
}

const fn outcome(is_refused: bool) -> Words {
    if is_refused {
        Words { en: "refused", ja: "拒否" }
    } else {
        Words { en: "bound; would be refused", ja: "bind 成功(enforce なら拒否)" }
    }
}
