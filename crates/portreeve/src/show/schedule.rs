//! Whether this host audits itself, and when it last did, in a sentence and as JSON (A17, A20).

use std::path::Path;

use jiff::Timestamp;
use portreeve_core::{
    text,
    words::{Text, Words},
};
use portreeve_host::schedule::{By, Every, SERVICE, has_failed, scheduled, written};
use schemars::JsonSchema;
use serde::Serialize;

use super::age::ago;
use crate::directories;

/// What lets this host audit itself.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Schedule")]
pub(crate) struct ScheduleView {
    /// How often: `daily` or `hourly`.
    every: &'static str,
    /// What starts it: `systemd` or `cron`.
    by: &'static str,
    /// When `audit --since-last` last ran to its end, UTC; null where it never did.
    #[schemars(with = "Option<String>")]
    last: Option<Timestamp>,
    /// Whether its last run failed; null where cron starts it, and nobody knows.
    failed: Option<bool>,
}

impl ScheduleView {
    /// That of this host; `None` where it does not audit itself.
    pub(crate) fn of_host() -> Option<Self> {
        let (every, by) = scheduled()?;
        let (by, failed) = match by {
            By::Systemd => ("systemd", Some(has_failed())),
            By::Cron => ("cron", None),
        };
        Some(Self { every: every.name(), by, last: last(), failed })
    }
}

/// When it last ran to its end: that of the system, whoever asks.
fn last() -> Option<Timestamp> {
    let time = written(&Path::new(directories::SYSTEM).join(crate::last_look::OWN))?;
    Timestamp::try_from(time).ok()
}

/// Says whether, how often, and when it last did.
pub(crate) fn standing() -> Text {
    let Text { en: en_last, ja: ja_last } = match last() {
        Some(last) => {
            let Text { en, ja } = ago(last, Timestamp::now());
            text!("it last looked {en}", "最終実行: {ja}")
        }
        // It may have looked, and could not hand over what it saw.
        None if matches!(scheduled(), Some((_, By::Systemd))) && has_failed() => Words {
            en: "no run of it has ended well yet",
            ja: "正常に終わった実行はまだありません",
        }
        .into(),
        None => Words { en: "it has not looked yet", ja: "まだ実行されていません" }.into(),
    };
    let Some((every, by)) = scheduled() else {
        return text!(
            "This host does not audit itself ({en_last}): portreeve schedule daily",
            "定期実行は設定されていません({ja_last})。設定するには: portreeve schedule daily"
        );
    };
    let Words { en, ja } = match (every, by) {
        (Every::Day, By::Systemd) => {
            Words { en: "daily, by portreeve-audit.timer", ja: "毎日(portreeve-audit.timer)" }
        }
        (Every::Hour, By::Systemd) => {
            Words { en: "hourly, by portreeve-audit.timer", ja: "1 時間ごと(portreeve-audit.timer)" }
        }
        (Every::Day, By::Cron) => {
            Words { en: "daily, by /etc/cron.d/portreeve", ja: "毎日(/etc/cron.d/portreeve)" }
        }
        (Every::Hour, By::Cron) => {
            Words { en: "hourly, by /etc/cron.d/portreeve", ja: "1 時間ごと(/etc/cron.d/portreeve)" }
        }
    };
    if by == By::Systemd && has_failed() {
        return text!(
            "This host audits itself {en}; {en_last}, and the last run failed: systemctl status {SERVICE}",
            "定期実行: {ja}、{ja_last}。直近の実行は失敗しています: systemctl status {SERVICE}"
        );
    }
    text!("This host audits itself {en}; {en_last}.", "定期実行: {ja}、{ja_last}")
}
