//! What the guard keeps, for a person and as JSON (A24).

pub(crate) mod refused;

use jiff::Timestamp;
use portreeve_core::{
    guard::{Badge, Entry, Kept, Mode, Rules},
    port::{PortSpec, Protocol},
    text,
    words::{Text, Words, inflect},
};
use portreeve_host::passwd;
use schemars::JsonSchema;
use serde::Serialize;

use super::{
    escape::visible,
    out::Out,
    table::{Column, Fit, Table},
};
use crate::{failure::Failure, programs};

/// The layout of the JSON document.
const VERSION: u32 = 1;

/// How it stands.
#[derive(Debug)]
pub(crate) struct Stands<'a> {
    /// Whether it is in the kernel.
    pub(crate) is_there: bool,
    /// Whether each of its programs still runs.
    pub(crate) is_whole: bool,
    /// Whether one was confirmed, and is not there.
    pub(crate) is_missed: bool,
    /// When the kernel takes back what is on trial.
    pub(crate) until: Option<Timestamp>,
    /// What it keeps for good.
    pub(crate) rules: &'a Rules,
    /// What is on trial.
    pub(crate) tried: Option<&'a Rules>,
}

/// The answer of `guard status`.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Guard")]
pub(crate) struct GuardView {
    /// The layout of this document: 1.
    version: u32,
    /// Whether it is in the kernel.
    stands: bool,
    /// Whether each of its programs still runs; another program may have taken one away.
    whole: bool,
    /// When the kernel takes back what is on trial, RFC 3339, UTC; `null` where nothing is.
    trial_until: Option<String>,
    /// The ports that it keeps for good in this network namespace.
    kept: Vec<KeptView>,
    /// Those that are on trial in their place; `null` where nothing is.
    trial: Option<Vec<KeptView>>,
}

/// Ports that have the same owners.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "GuardKept")]
struct KeptView {
    protocol: Protocol,
    /// The port; of a run of ports, its first.
    port: u16,
    /// The last port of a run; the same as `port` for a single one.
    port_last: u16,
    /// Who may bind them.
    owners: Vec<Entry>,
}

/// The same as JSON.
pub(crate) fn view(stands: &Stands<'_>) -> GuardView {
    GuardView {
        version: VERSION,
        stands: stands.is_there,
        whole: stands.is_whole,
        trial_until: stands.until.map(|until| until.to_string()),
        kept: kept_view(stands.rules),
        trial: stands.tried.map(kept_view),
    }
}

fn kept_view(rules: &Rules) -> Vec<KeptView> {
    let kept: Vec<Kept> = rules.clone().into();
    let view = |Kept { protocol, ports, entries }| KeptView {
        protocol,
        port: ports.first,
        port_last: ports.last,
        owners: entries,
    };
    kept.into_iter().map(view).collect()
}

const KEPT: &[Column] = &[
    Column { head: Words { en: "PORT", ja: "ポート" }, fit: Fit::Whole },
    Column { head: Words { en: "STRANGERS", ja: "所有者以外" }, fit: Fit::Whole },
    Column { head: Words { en: "OWNER", ja: "所有者" }, fit: Fit::Cut },
    Column { head: Words { en: "AT", ja: "アドレス" }, fit: Fit::Whole },
];

/// Prints how it stands.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(stands: &Stands<'_>, out: &mut Out) -> Result<(), Failure> {
    out.sentences(sentence(stands).in_lang(out.lang))?;
    table(stands.rules, out)?;
    let Some((tried, until)) = stands.tried.zip(stands.until) else { return Ok(()) };
    out.line("")?;
    out.sentences(on_trial(tried, until).in_lang(out.lang))?;
    table(tried, out)
}

/// The table of these rules, below an empty line.
fn table(rules: &Rules, out: &mut Out) -> Result<(), Failure> {
    let kept: Vec<Kept> = rules.clone().into();
    if kept.is_empty() {
        return Ok(());
    }
    out.line("")?;
    let mut table = Table::new(KEPT, 0);
    for Kept { protocol, ports, entries } in &kept {
        let spec = PortSpec { range: *ports, protocol: *protocol };
        for entry in entries {
            let address = entry.address.as_ref().map_or_else(|| "*".into(), ToString::to_string);
            table.push([
                spec.to_string().into(),
                mode(entry.mode).in_lang(out.lang).into(),
                owner(&entry.owner).in_lang(out.lang).into(),
                address.as_str().into(),
            ]);
        }
    }
    out.table(&table)
}

fn sentence(stands: &Stands<'_>) -> Text {
    match (stands.is_there, stands.is_whole) {
        (false, _) if stands.is_missed => text!(
            "No guard is in the kernel, though one was confirmed: portreeve apply --boot puts it back, and portreeve apply has it as the policy says by now.",
            "ガードを確定してありますが、カーネルにありません。確定した内容に戻すには portreeve apply --boot、現在の policy を適用するには portreeve apply を実行してください。"
        ),
        (false, _) => text!("No guard is in the kernel.", "カーネルにガードはありません。"),
        (true, false) => text!(
            "The guard is not whole: another program took a part of it away, and portreeve apply puts it back as the policy has it.",
            "ガードの一部がほかのプログラムに取り除かれています。portreeve apply で policy を適用し直してください。"
        ),
        (true, true) if stands.rules.entries.is_empty() => text!(
            "The guard is in the kernel, and keeps nothing of this network namespace.",
            "ガードはカーネルで動作中ですが、このネットワーク名前空間に対象のポートはありません。"
        ),
        (true, true) => {
            let count = stands.rules.entries.len();
            let en_ports = inflect(count, "port", "ports");
            let (Text { en: en_force, ja: ja_force }, _) = programs::in_force();
            text!(
                "The guard is in the kernel, and keeps {count} {en_ports} of this network namespace: {en_force}.",
                "ガードはカーネルで動作中です。このネットワーク名前空間の {count} 個のポートが対象です({ja_force})。"
            )
        }
    }
}

fn on_trial(tried: &Rules, until: Timestamp) -> Text {
    let until = until.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    if tried.entries.is_empty() {
        return text!(
            "In its place nothing is kept, on trial until {until}.",
            "代わりに、対象のポートがない状態を {until} まで試行中です。"
        );
    }
    text!("In its place this is on trial until {until}:", "代わりに、次の設定を {until} まで試行中です:")
}

/// What becomes of strangers.
const fn mode(mode: Mode) -> Words {
    match mode {
        Mode::Enforce => Words { en: "refused", ja: "拒否" },
        Mode::Observe => Words { en: "written down", ja: "記録のみ" },
    }
}

/// Who may.
fn owner(badge: &Badge) -> Text {
    match badge {
        Badge::User(uid) => {
            let name = passwd::name(*uid).unwrap_or_else(|| uid.to_string());
            let name = visible(&name);
            text!("user {name}", "ユーザー {name}")
        }
        Badge::Unit(name) | Badge::Cgroup(name) => {
            let name = visible(name);
            text!("{name}", "{name}")
        }
        Badge::Mark(mark) => text!("mark {mark}", "マーク {mark}"),
    }
}
