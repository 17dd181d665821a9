//! How the gate stands and what was done to it, as a person reads it (A15, A20).

mod deed;
mod over;

pub(crate) use deed::words;
pub(crate) use over::over;

use std::time::Duration;

use jiff::Timestamp;
use portreeve_core::{
    facts::AtBoot,
    gate::{BOOT_UNIT, Extent, Foundation, Hindrance, Rest, Standing, Temporary},
    policy::WORLD,
    receipt::{Current, Deed, End, History, Integrity, Kept, Outcome, ProgramsEnd, Receipt, Who},
    text,
    words::{Lang, Text, Words, inflect},
};
use portreeve_host::{boot::at_boot, enforce::firewall::StandingError, passwd};

use super::{
    age::{ago, length},
    escape::visible,
    out::Out,
    table::{Column, Fit, Table},
};
use crate::{
    after_boot::{AfterBoot, after_boot},
    failure::Failure,
    settings::{Settings, Verbosity},
};

const OPEN: &[Column] = &[
    Column { head: Words { en: "OPEN", ja: "開放中" }, fit: Fit::Whole },
    Column { head: Words { en: "TO", ja: "送信元" }, fit: Fit::Whole },
    Column { head: Words { en: "LEFT", ja: "残り" }, fit: Fit::Whole },
];
const BLOCKED: &[Column] = &[
    Column { head: Words { en: "KEPT OUT", ja: "遮断中" }, fit: Fit::Whole },
    Column { head: Words { en: "LEFT", ja: "残り" }, fit: Fit::Whole },
];
const HISTORY: &[Column] = &[
    Column { head: Words { en: "RECEIPT", ja: "記録" }, fit: Fit::Whole },
    Column { head: Words { en: "WHEN", ja: "日時" }, fit: Fit::Whole },
    Column { head: Words { en: "WHO", ja: "実行者" }, fit: Fit::Whole },
    Column { head: Words { en: "WHAT", ja: "内容" }, fit: Fit::Cut },
    Column { head: Words { en: "OUTCOME", ja: "結果" }, fit: Fit::Whole },
];
const IN_PART: Words = Words {
    en: "Somebody else took a part of the trial away: there the gate before it is in force, and nobody can confirm the trial any more.",
    ja: "試行の一部が portreeve 以外の操作で取り除かれており、その部分には変更前のゲートが適用されています。この試行はもう確定できません。",
};
const PASSES: Words = Words {
    en: "It only closes the ports that were named to close, and lets all else in: no policy is in force.",
    ja: "close で指定したポートだけを閉じ、ほかはすべて通します。policy は適用されていません。",
};
/// Broken receipts that are named.
const UNREAD_MAX: usize = 8;
const UNTIL_REBOOT: Words = Words { en: "until reboot", ja: "再起動まで" };

/// Prints how the gate stands; or that it is gone, and after which change it stood.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn status(
    standing: Option<&Standing>,
    temporary: &Temporary,
    (history, kept): (&History, Kept),
    integrity: Integrity,
    settings: &Settings,
    out: &mut Out,
) -> Result<(), Failure> {
    let now = Timestamp::now();
    let said = match standing {
        Some(Standing { foundation, .. }) if foundation.refuses_nothing() => {
            let Words { en, ja } = changed(*foundation);
            text!("No gate is in force. {en}", "有効なゲートはありません。{ja}")
        }
        Some(standing) if standing.lets_all_in() => open(standing, temporary, history, now),
        Some(standing) if standing.trial.is_none() && history.confirms_none(kept) => {
            let revision = standing.revision.number();
            text!(
                "No gate was confirmed here: what stands in the table of portreeve's (revision {revision}) is not portreeve's alone.",
                "確定したゲートはありません。portreeve のテーブル(リビジョン {revision})は、portreeve 以外の操作で変更されています。"
            )
        }
        Some(standing) => confirmed(standing, history, now),
        None => absent(history, history.gone(None, kept), now),
    };
    out.sentences(&visible(said.in_lang(out.lang)))?;
    unread(history, out)?;
    let Some(standing) = standing else { return Ok(()) };
    if let Some(trial) = standing.trial {
        let said = on_trial(trial.seconds_left, history.trial(standing));
        out.sentences(&visible(said.in_lang(out.lang)))?;
        if trial.extent == Extent::Part {
            out.say(IN_PART)?;
        }
    }
    if integrity == Integrity::Changed && !standing.foundation.refuses_nothing() {
        out.say(changed(standing.foundation))?;
    }
    if standing.own_body().is_some_and(|body| body.rest() == Rest::Passes) {
        out.say(PASSES)?;
    }
    if settings.verbosity == Verbosity::Quiet {
        return Ok(());
    }
    next_boot(standing, integrity, out)?;
    tables(standing, temporary, out)?;
    refused(standing, temporary, out)
}

/// What somebody else has changed; of what every packet goes through nobody can rely on the rest either.
const fn changed(foundation: Foundation) -> Words {
    match foundation {
        Foundation::AsMade => Words {
            en: "Somebody else has changed its rules or sets since: it is not as it was confirmed.",
            ja: "その後、portreeve 以外の操作でルールかセットが変更されており、確定した内容と違います。",
        },
        Foundation::Changed => Words {
            en: "Somebody else has changed what every packet goes through: what is said here to be refused or kept out may come in.",
            ja: "すべてのパケットが通る部分が、portreeve 以外の操作で変更されています。遮断中と表示されていても、遮断されていないおそれがあります。",
        },
        Foundation::Asleep => Words {
            en: "Somebody else has put its table to sleep (flags dormant): nothing is refused.",
            ja: "portreeve 以外の操作でテーブルが休止状態(flags dormant)にされており、何も遮断していません。",
        },
        Foundation::Emptied => Words {
            en: "Somebody else has emptied its table: nothing is refused.",
            ja: "portreeve 以外の操作でテーブルが空にされており、何も遮断していません。",
        },
    }
}

/// Says how many packets were refused; of a table that lets everything in only those of whom it keeps out.
fn refused(standing: &Standing, temporary: &Temporary, out: &mut Out) -> Result<(), Failure> {
    let refused = temporary.refused;
    let (undeclared, invalid, blocked) = (refused.undeclared, refused.invalid, refused.blocked);
    let said = if standing.lets_all_in() {
        if temporary.blocked.is_empty() {
            return Ok(());
        }
        text!(
            "Refused so far: {blocked} packets of sources that are kept out.",
            "これまでの遮断: 遮断中の送信元 {blocked}(パケット数)"
        )
    } else if standing.own_body().is_some_and(|body| body.rest() == Rest::Passes) {
        text!(
            "Refused so far: {undeclared} packets to ports that are closed, {invalid} that belong to no connection, {blocked} of sources that are kept out.",
            "これまでの遮断: 閉じたポート宛て {undeclared}、どの接続にも属さないもの {invalid}、遮断中の送信元 {blocked}(パケット数)"
        )
    } else {
        text!(
            "Refused so far: {undeclared} packets to ports that nobody declared, {invalid} that belong to no connection, {blocked} of sources that are kept out.",
            "これまでの遮断: 宣言のないポート宛て {undeclared}、どの接続にも属さないもの {invalid}、遮断中の送信元 {blocked}(パケット数)"
        )
    };
    out.sentences(said.in_lang(out.lang))
}

/// Says whether the next boot puts back what is confirmed, where that is more than a table for addresses.
fn next_boot(standing: &Standing, integrity: Integrity, out: &mut Out) -> Result<(), Failure> {
    if standing.own_body().is_some_and(|body| body.rest() == Rest::All) {
        return Ok(());
    }
    // What somebody else changed is not what is kept.
    let confirmed = (integrity == Integrity::AsConfirmed).then_some(standing);
    let said = match after_boot(confirmed) {
        AfterBoot::Stands => Words {
            en: "At the next boot what is confirmed stands again, before there is a network.",
            ja: "次回の起動時は、確定済みのゲートがネットワークより先に復元されます。",
        },
        AfterBoot::Gone(at_boot) => return out.sentences(gone_at_boot(at_boot).in_lang(out.lang)),
        AfterBoot::Unsaved => Words {
            en: "At the next boot it is gone, or an older one: what is confirmed is not kept for it. portreeve apply keeps it.",
            ja: "確定済みのゲートが保存されていないため、次回の起動時には復元されないか、以前のゲートに戻ります。保存するには: portreeve apply",
        },
        AfterBoot::Apart => Words {
            en: "No boot puts it back: it is of another network namespace than the host's, or PORTREEVE_STATE names another place.",
            ja: "起動時には復元されません。ホストとは別のネットワーク名前空間のゲートか、PORTREEVE_STATE が設定されています。",
        },
        AfterBoot::Unknown => Words {
            en: "Nobody here knows whether the next boot puts it back: no systemd runs here.",
            ja: "次回の起動時に復元されるかどうかは分かりません。systemd が動いていません。",
        },
    };
    out.say(said)
}

/// That nothing puts the gate back, why, and what helps.
fn gone_at_boot(at_boot: AtBoot) -> Text {
    let Some(hindrance) = Hindrance::of(at_boot) else { return Text::default() };
    let (Text { en: en_why, ja: ja_why }, Text { en, ja }) = (&hindrance.why, helps(&hindrance));
    text!(
        "At the next boot it is gone, as {en_why}: {en}.",
        "次回の起動後はゲートがなくなります({ja_why})。{ja}"
    )
}

fn helps(Hindrance { fix: Text { en, ja }, commands, .. }: &Hindrance) -> Text {
    let commands = commands.join(" && ");
    text!("{en} ({commands})", "{ja}: {commands}")
}

fn tables(standing: &Standing, temporary: &Temporary, out: &mut Out) -> Result<(), Failure> {
    let zones: Vec<String> = standing.zones().chain([WORLD.to_owned()]).collect();
    // What was opened to a zone of a trial that is over is not open.
    let open: Vec<_> = temporary.open.iter().filter(|open| zones.contains(&open.zone)).collect();
    if !open.is_empty() {
        let mut table = Table::new(OPEN, 2);
        for open in open {
            let left = left(open.port.left, out.lang);
            table.push([open.port.what.to_string().into(), open.whom().into(), left.into()]);
        }
        out.table(&table)?;
    }
    if !temporary.blocked.is_empty() {
        let mut table = Table::new(BLOCKED, 2);
        for blocked in &temporary.blocked {
            let source = over::source(blocked.what);
            table.push([source.into(), left(blocked.left, out.lang).into()]);
        }
        out.table(&table)?;
    }
    Ok(())
}

fn left(left: Option<Duration>, lang: Lang) -> String {
    left.map_or_else(|| UNTIL_REBOOT.in_lang(lang).into(), |left| length(left.as_secs()).in_lang(lang).into())
}

/// How a trial ended that nobody confirmed.
fn ended(end: End, now: Timestamp) -> Text {
    match end {
        End::Lapsed(until) => {
            let Text { en, ja } = ago(until, now);
            text!("ended {en}", "{ja}に終了し")
        }
        End::Reboot => text!("was ended by a reboot", "再起動により終了し"),
        End::Early => {
            text!("was ended by somebody else before its time", "portreeve 以外の操作により期限前に終了し")
        }
    }
}

/// A table that lets everything in is no gate: what a first trial leaves, and what keeps sources out where there is none.
fn open(standing: &Standing, temporary: &Temporary, history: &History, now: Timestamp) -> Text {
    let revision = standing.revision.number();
    let Words { en: en_but, ja: ja_but } = if temporary.blocked.is_empty() {
        Words { en: "", ja: "" }
    } else {
        Words { en: " but whom it keeps out", ja: "遮断中の送信元以外は" }
    };
    let Text { en, ja } = text!(
        "the table of portreeve's lets everything in{en_but} (revision {revision})",
        "portreeve のテーブルは残っていますが、{ja_but}すべて通します(リビジョン {revision})"
    );
    match history.ended(Some(standing), now) {
        Some((Receipt { number, .. }, end)) => {
            let Text { en: en_end, ja: ja_end } = ended(end, now);
            text!(
                "The trial of receipt {number} {en_end}, and no gate is in force: {en}.",
                "記録 {number} の試行は {ja_end}、有効なゲートはありません。{ja}。"
            )
        }
        None => text!("No gate is in force: {en}.", "有効なゲートはありません。{ja}。"),
    }
}

fn confirmed(standing: &Standing, history: &History, now: Timestamp) -> Text {
    let revision = standing.revision.number();
    if let Some((Receipt { number, .. }, end)) = history.ended(Some(standing), now) {
        let Text { en, ja } = ended(end, now);
        return text!(
            "The gate stands at revision {revision}; the trial of receipt {number} {en}, and the gate before it is in force.",
            "ゲートは稼働中です(リビジョン {revision})。記録 {number} の試行は {ja}、変更前のゲートに戻っています。"
        );
    }
    match history.current(Some(standing)) {
        Current::By(receipt) => {
            let (number, who) = (receipt.number, who(&receipt.who));
            let Text { en, ja } = ago(receipt.at, now);
            text!(
                "The gate stands at revision {revision}, by receipt {number} of {who}, {en}.",
                "ゲートは稼働中です(リビジョン {revision}、記録 {number}、実行者 {who}、{ja})。"
            )
        }
        _ => text!(
            "The gate stands at revision {revision}; no receipt here tells who made it so.",
            "ゲートは稼働中です(リビジョン {revision})。変更した人の記録はありません。"
        ),
    }
}

fn absent(history: &History, gone: Option<&Receipt>, now: Timestamp) -> Text {
    match gone {
        Some(receipt) => {
            let number = receipt.number;
            let Text { en, ja } = ago(receipt.at, now);
            let at_boot = at_boot();
            if at_boot == AtBoot::Failed {
                return text!(
                    "The gate is gone: it stood after receipt {number} ({en}), and {BOOT_UNIT} failed to put it back (systemctl status {BOOT_UNIT}).",
                    "ゲートがありません。記録 {number}({ja})の後に、{BOOT_UNIT} が復元に失敗しています(systemctl status {BOOT_UNIT})。"
                );
            }
            if history.is_ended_by_boot(receipt, at_boot) {
                let (why, then) = Hindrance::of(at_boot).map_or_else(Default::default, |hindrance| {
                    let (Text { en, ja }, Text { en: en_then, ja: ja_then }) =
                        (&hindrance.why, helps(&hindrance));
                    let then = text!("; for the next boot {en_then}", "次回の起動に備え、{ja_then}");
                    (text!(", as {en}", "({ja})"), then)
                });
                let (Text { en: en_why, ja: ja_why }, Text { en: en_then, ja: ja_then }) = (why, then);
                return text!(
                    "The gate is gone: it stood after receipt {number} ({en}), and a reboot of the machine took it away{en_why}. portreeve apply puts it in force again{en_then}.",
                    "ゲートがありません。記録 {number}({ja})の後の再起動で消えています{ja_why}。portreeve apply で再び有効にできます。{ja_then}"
                );
            }
            text!(
                "The gate is gone: it stood after receipt {number} ({en}), and another program removed it.",
                "ゲートがありません。記録 {number}({ja})の後に、portreeve 以外の操作で取り除かれています。"
            )
        }
        None => text!(
            "There is no gate: nothing of portreeve's filters packets here.",
            "ゲートはありません。portreeve によるパケットの遮断は行われていません。"
        ),
    }
}

/// Whose the trial is.
pub(crate) fn whose(trial: &Receipt) -> Text {
    let (number, who) = (trial.number, who(&trial.who));
    text!("it is receipt {number} of {who}", "記録 {number}(実行者 {who})の試行です")
}

fn on_trial(seconds: u64, trial: Option<&Receipt>) -> Text {
    match trial {
        Some(receipt) => {
            let (number, who) = (receipt.number, who(&receipt.who));
            text!(
                "On trial: receipt {number} of {who}; the kernel takes it back in {seconds} s unless somebody confirms it.",
                "試行中: 記録 {number}(実行者 {who})。確定しなければ {seconds} 秒後にカーネルが元に戻します。"
            )
        }
        None => text!(
            "On trial: a change of which no receipt is here; the kernel takes it back in {seconds} s unless somebody confirms it.",
            "試行中: ここに記録のない変更。確定しなければ {seconds} 秒後にカーネルが元に戻します。"
        ),
    }
}

/// Prints what was done, the newest first; where nobody tells how the gate stands, not what came of each trial.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn history(
    history: &History,
    standing: &Result<Option<Standing>, StandingError>,
    now: Timestamp,
    out: &mut Out,
) -> Result<(), Failure> {
    unread(history, out)?;
    if history.newest_first().next().is_none() {
        if history.unread().next().is_some() {
            return Ok(());
        }
        return out.say(Words {
            en: "Nothing of the gate was changed from here.",
            ja: "このホストでゲートが変更された記録はありません。",
        });
    }
    let mut table = Table::new(HISTORY, 0);
    for receipt in history.newest_first() {
        let at = receipt.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
        let outcome = outcome(history, receipt, standing, now);
        table.push([
            receipt.number.to_string().into(),
            at.into(),
            who(&receipt.who).into(),
            what(receipt).in_lang(out.lang).into(),
            outcome.in_lang(out.lang).into(),
        ]);
    }
    out.table(&table)
}

/// Says which receipts cannot be read, where there are any.
fn unread(history: &History, out: &mut Out) -> Result<(), Failure> {
    let count = history.unread().count();
    if count == 0 {
        return Ok(());
    }
    let listed = history.unread().take(UNREAD_MAX).map(|number| number.to_string()).collect::<Vec<_>>();
    let (listed, en) = (listed.join(", "), inflect(count, "receipt", "receipts"));
    let (en_more, ja_more) = match count.saturating_sub(UNREAD_MAX) {
        0 => Default::default(),
        more => (format!(" and {more} more"), format!(" ほか {more} 件")),
    };
    let said = text!(
        "Broken, so that nobody can tell what they did: {en} {listed}{en_more}.",
        "内容が壊れていて読めない記録: {listed}{ja_more}"
    );
    out.sentences(said.in_lang(out.lang))
}

/// What was done, and whether it was tried before.
fn what(receipt: &Receipt) -> Text {
    let Text { en, ja } = words(&receipt.deed);
    match receipt.rehearsed {
        Some(packets) => {
            text!("{en} (rehearsed: {packets} packets)", "{ja}(リハーサル済み: {packets} パケット)")
        }
        None => Text { en, ja },
    }
}

const NOT_KNOWN: Words = Words { en: "not known", ja: "不明" };

/// What came of a change, and of its trial.
fn outcome(
    history: &History,
    receipt: &Receipt,
    standing: &Result<Option<Standing>, StandingError>,
    now: Timestamp,
) -> Words {
    let of_trial = |until: Timestamp| {
        let done = |is_it: fn(&Deed) -> Option<u32>| {
            let made = history.newest_first().filter(|other| other.outcome == Outcome::Done);
            made.filter_map(|other| is_it(&other.deed)).any(|of| of == receipt.number)
        };
        if done(|deed| if let Deed::Confirm { of } = deed { Some(*of) } else { None }) {
            Words { en: "confirmed", ja: "確定済み" }
        } else if done(|deed| if let Deed::TakeBack { of } = deed { Some(*of) } else { None }) {
            Words { en: "taken back", ja: "取り消し済み" }
        } else {
            let end = |standing: &Option<Standing>| end(history, (receipt, until), standing.as_ref(), now);
            standing.as_ref().map_or(NOT_KNOWN, end)
        }
    };
    match (receipt.outcome, &receipt.deed) {
        (Outcome::Begun | Outcome::Unknown, _) => NOT_KNOWN,
        (Outcome::Refused, _) => Words { en: "not made", ja: "未実行" },
        (Outcome::Done, Deed::Gate { until: Some(until), .. }) => of_trial(*until),
        (Outcome::Done, Deed::Programs { until: Some(until), .. }) => {
            match history.end_of_programs(receipt, *until, now) {
                None => Words { en: "on trial", ja: "試行中" },
                Some(ProgramsEnd::Confirmed) => Words { en: "confirmed", ja: "確定済み" },
                Some(ProgramsEnd::TakenBack) => Words { en: "taken back", ja: "取り消し済み" },
                Some(ProgramsEnd::Lapsed) => Words { en: "lapsed", ja: "期限切れ" },
                Some(ProgramsEnd::Reboot) => Words { en: "ended by a reboot", ja: "再起動で終了" },
            }
        }
        (Outcome::Done, _) => Words { en: "done", ja: "完了" },
    }
}

/// What came of a trial until then that nobody settled.
fn end(
    history: &History,
    (receipt, until): (&Receipt, Timestamp),
    standing: Option<&Standing>,
    now: Timestamp,
) -> Words {
    if standing.and_then(|standing| history.trial(standing)).is_some_and(|trial| trial == receipt) {
        return Words { en: "on trial", ja: "試行中" };
    }
    match history.end_of(receipt, until, standing, now) {
        End::Lapsed(_) => Words { en: "lapsed", ja: "期限切れ" },
        End::Reboot => Words { en: "ended by a reboot", ja: "再起動で終了" },
        End::Early => Words { en: "taken away", ja: "消失" },
    }
}

/// Who made a change: the name by which he came before sudo, else that of his login, else of the rights he had.
pub(crate) fn who(who: &Who) -> String {
    let name = |uid: u32| passwd::name(uid).unwrap_or_else(|| uid.to_string());
    let rights = name(who.uid);
    let person = who.sudo_user.clone().or_else(|| who.login_uid.map(name));
    match person.filter(|person| *person != rights) {
        Some(person) => format!("{person} ({rights})"),
        None => rights,
    }
}
