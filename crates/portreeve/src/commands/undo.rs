//! `portreeve undo [RECEIPT]`: takes a change of the gate back (A15).

mod anew;
mod before;
mod moved;

use std::net::IpAddr;

use clap::{Arg, ArgMatches};
use portreeve_core::{
    gate::{self, BlockedSource, Body, Rest, Revision, Temporary, Transaction, ZoneName},
    plan::Undo,
    receipt::{Back, Becomes, Cause, Deed, Edge, History, Ports, Receipt},
    text,
    words::{Lang, Text, Words, inflect},
};
use portreeve_host::{
    enforce::{Door, Passed, reserved::known},
    sys::signals::Held,
};

use super::{
    Command,
    apply::in_force,
    close::whom,
    plan::{self, sessions_arguments},
    spare::spare,
};
use crate::{
    clients::{self, Comes},
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::Failure,
    programs,
    settings::{Settings, Verbosity},
    show::{
        age::ago,
        gate::{over, words},
        next,
        out::Out,
    },
    steers::{self, Again, Former},
};

const RECEIPT: &str = "receipt";

/// `undo`.
pub(super) const COMMAND: Command = Command {
    name: "undo",
    about: Words { en: "Take a change back", ja: "変更の取り消し" },
    examples: &["portreeve undo", "portreeve undo 7"],
    takes: &[],
    arguments,
    run,
};

/// Receipts that are named in one sentence.
const GONE_MAX: usize = 8;

const NOT_AS_BEFORE: Words = Words {
    en: "the change is taken back, but what is kept from clients is not as it was",
    ja: "変更は取り消しましたが、クライアント用の範囲から除外するポートを戻せません",
};
const PROGRAMS_TOO: Words = Words {
    en: "The guard and what is steered are as they were too.",
    ja: "ガードと誘導も元に戻しました。",
};
const FAILED: Words = Words { en: "cannot take the change back", ja: "変更を取り消せません" };

fn arguments(lang: Lang) -> Vec<Arg> {
    let receipt = Words {
        en: "The number of its receipt, as history shows it (default: what is on trial, else the last change)",
        ja: "history に表示される記録の番号(既定値: 試行中の変更、なければ最後の変更)",
    };
    let receipt = [Arg::new(RECEIPT).value_name("RECEIPT").value_parser(number).help(receipt.in_lang(lang))];
    receipt.into_iter().chain(sessions_arguments(lang)).collect()
}

fn number(text: &str) -> Result<u32, &'static str> {
    text.parse().ok().filter(|number| *number > 0).ok_or("1, 2, 3")
}

fn run(own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let door = door::open(FAILED)?;
    let number = own.get_one::<u32>(RECEIPT).copied();
    let temporary = door::temporary(FAILED)?;
    let back = back(&door, number, &temporary)?;
    let told = before::before(&door.history, &back);
    let before = before::reserved_before(&door.history, &back);
    let led = before::led_before(&door.history, &back);
    if let Some(undo) = undo(&back) {
        let number = number.map_or_else(String::new, |number| format!(" {number}"));
        spare(own, settings, &undo, (FAILED, &format!("portreeve undo{number}")))?;
    }
    let (is_put_back, is_gone) =
        (matches!(back, Back::Restore(_, Some(_))), matches!(back, Back::Restore(_, None)));
    let routes = before::routes_before(&back, told.as_ref());
    let steered = steers::steered().map_err(|error| steers::failure(&error, FAILED))?;
    let is_tried = before::is_tried(&door, &back);
    let (deed, transaction, said) = change(&door, back, &temporary)?;
    let _signals = Held::back();
    let headroom = told.as_ref().map(|(_, was)| programs::headroom(&door, was, FAILED)).transpose()?;
    // Whoever is led to is there before anybody is led. What is on trial is over soon whether he can be taken here or not.
    let again = if is_tried {
        Again::take_or_tell(&led, (&steered, &routes), settings)
    } else {
        Again::take(&led, (&steered, &routes), settings, FAILED)?
    };
    let seated = again.lead(&routes, settings);
    let (passed, over) = pass(door, deed, &transaction, &temporary)?;
    seated.keep();
    out.changed();
    drop(headroom);
    let is_with_programs = told.is_some();
    before::go_with(told, passed.receipt.number)?;
    if settings.verbosity != Verbosity::Quiet {
        out.sentences(said.in_lang(settings.lang))?;
        if is_with_programs {
            out.say(PROGRAMS_TOO)?;
        }
        out.sentences(over.in_lang(settings.lang))?;
        let enable = if is_put_back { in_force(passed.standing.as_ref()).1 } else { None };
        let again = is_gone.then(|| plan::undo_of(passed.receipt.number, own));
        let commands = enable.into_iter().chain(["portreeve gate status", "portreeve history"]);
        next::print(&again.into_iter().chain(commands.map(str::to_owned)).collect::<Vec<_>>(), out)?;
    }
    see_to_next_boot(&passed, settings);
    if let Some((of, was)) = before.filter(|(_, was)| known().declared != *was) {
        let comes = Comes { with: Some(passed.receipt.number), undoes: Some(of) };
        clients::reserve(&was, comes, passed.standing.as_ref(), NOT_AS_BEFORE)?;
    }
    steers::lead_found_at_last(settings);
    steers::tell_moved(&led, settings);
    Ok(Exit::Fine)
}

/// Takes back at once what is on trial, as the kernel would by itself a little later: so nobody is asked what for.
///
/// # Errors
///
/// Nothing is on trial any more.
pub(super) fn end_trial(settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let door = door::open(FAILED)?;
    let temporary = door::temporary(FAILED)?;
    let trial @ (Back::EndTrial(_) | Back::Programs(..)) = back(&door, None, &temporary)? else {
        return Err(door::unwritten(gate::Refused::NoTrial, FAILED));
    };
    let (told, led) = (before::before(&door.history, &trial), before::led_before(&door.history, &trial));
    let routes = before::routes_before(&trial, told.as_ref());
    let (deed, transaction, said) = change(&door, trial, &temporary)?;
    let steered = steers::steered().map_err(|error| steers::failure(&error, FAILED))?;
    let _signals = Held::back();
    let headroom = told.as_ref().map(|(_, was)| programs::headroom(&door, was, FAILED)).transpose()?;
    let seated = Again::take_or_tell(&led, (&steered, &routes), settings).lead(&routes, settings);
    let (passed, over) = pass(door, deed, &transaction, &temporary)?;
    seated.keep();
    out.changed();
    drop(headroom);
    if settings.verbosity != Verbosity::Quiet {
        out.sentences(said.in_lang(settings.lang))?;
        out.sentences(over.in_lang(settings.lang))?;
    }
    see_to_next_boot(&passed, settings);
    before::go_with(told, passed.receipt.number)?;
    Ok(Exit::TakenBack)
}

/// Makes the change; what of the `temporary` was open or kept out for a while and is over with it, in words.
fn pass(
    door: Door,
    deed: Deed,
    transaction: &Transaction,
    temporary: &Temporary,
) -> Result<(Passed, Text), Failure> {
    let was = door.standing.clone();
    let passed = match deed {
        Deed::Reserve { ports, with, undoes, .. } => {
            clients::reserve_through(door, &ports, Comes { with, undoes }, FAILED)?
        }
        Deed::Programs { now, undoes, .. } => {
            let comes = programs::Comes { undoes, ..programs::Comes::default() };
            programs::tell_through(door, &now, comes, FAILED)?
        }
        Deed::Lead { service, tenancy, now, undoes, .. } => {
            moved::lead(door, &Former { service: (&service, tenancy), cookies: &now, undoes })?
        }
        deed => door.pass(deed, transaction).map_err(|error| door::failure(error, FAILED))?,
    };
    let over = over(&temporary.over(was.as_ref(), passed.standing.as_ref()));
    Ok((passed, over))
}

/// What takes back the change of receipt `number`, or whatever is meant without one, as the gate stands.
fn back<'d>(door: &'d Door, number: Option<u32>, temporary: &Temporary) -> Result<Back<'d>, Failure> {
    let back = door.history.back(number, door.standing.as_ref(), temporary, door.now);
    let before = || number.is_none().then(|| door.history.newest_standing(temporary, door.now)).flatten();
    if matches!(back, Ok(Back::Restore(..)) | Err(Edge::Same(_))) {
        door::refuse_without_confirmed(door, FAILED)?;
    }
    let back = back.map_err(|edge| no_way_back(edge, number, before(), door))?;
    if before::is_beside_trial(door, &back) { Err(door::on_trial(FAILED)) } else { Ok(back) }
}

/// What becomes of the gate, where that could keep somebody out.
fn undo<'a>(back: &'a Back<'_>) -> Option<Undo<'a>> {
    match back {
        Back::EndTrial(_) => Some(Undo::Trial),
        Back::Restore(_, Some(gate)) => Some(Undo::Gate(gate)),
        Back::Restore(_, None) => Some(Undo::NoGate),
        Back::Unblock(..) | Back::Reserve(..) | Back::Programs(..) | Back::Lead(..) => None,
        // Nobody is on a host by what it is asked for its consent.
        Back::Shut(receipt, ..) if !sources(receipt).is_empty() => None,
        Back::Shut(_, zone, ports) => Some(Undo::Shut(zone.as_deref().and_then(ZoneName::of), *ports)),
    }
}

/// The addresses to which alone it opened ports.
fn sources(receipt: &Receipt) -> &[IpAddr] {
    match &receipt.deed {
        Deed::Open { from, .. } => from,
        _ => &[],
    }
}

/// What takes it back: the deed, its text for nft, and what is said then.
fn change(door: &Door, back: Back<'_>, temporary: &Temporary) -> Result<(Deed, Transaction, Text), Failure> {
    let unwritten = |error| door::unwritten(error, FAILED);
    Ok(match back {
        Back::EndTrial(Receipt { number: of, .. }) => {
            let standing = door.standing.as_ref().expect("a trial runs in a gate");
            let said = if standing.own_body().is_some_and(|body| body.rest() == Rest::All) {
                text!(
                    "Taken back: the trial of receipt {of} is over; no gate is in force, as none was confirmed before it.",
                    "記録 {of} の試行を終了しました。それ以前に確定したゲートはないため、有効なゲートはありません。"
                )
            } else {
                text!(
                    "Taken back: the trial of receipt {of} is over, and the gate before it is in force.",
                    "記録 {of} の試行を終了し、変更前のゲートに戻しました。"
                )
            };
            (Deed::TakeBack { of: *of }, gate::take_back(standing).map_err(unwritten)?, said)
        }
        Back::Restore(Receipt { number: of, .. }, gate) => {
            let was = door.was();
            let becomes = if gate.is_some() { Becomes::Gate } else { Becomes::Nothing };
            let transaction = replaced(door, gate.as_ref()).map_err(unwritten)?;
            let deed = Deed::Gate { cause: Cause::Undo(*of), becomes, was, until: None };
            let Text { en, ja } = also(&door.history.gone_with(*of));
            let said = if gate.is_some() {
                text!(
                    "Taken back: the gate is as it was before receipt {of}.{en}",
                    "記録 {of} より前のゲートに戻しました。{ja}"
                )
            } else {
                text!(
                    "Taken back: there was no gate before receipt {of}, and there is none now: nothing of portreeve's filters packets any more.{en}",
                    "記録 {of} より前の状態に戻し、ゲートを取り除きました。portreeve によるパケットの遮断はなくなりました。{ja}"
                )
            };
            (deed, transaction, said)
        }
        Back::Reserve(Receipt { number: of, .. }, was) => {
            let said = text!(
                "Taken back: for the policy the kernel keeps from clients what it kept before receipt {of}.",
                "policy のための予約を、記録 {of} より前の状態に戻しました。"
            );
            let deed = Deed::Reserve { ports: was.to_vec(), was: Vec::new(), with: None, undoes: Some(*of) };
            (deed, Transaction::default(), said)
        }
        Back::Programs(Receipt { number: of, .. }, was) => before::back(*of, was),
        Back::Lead(Receipt { number: of, .. }, service, was) => moved::back(*of, service, was),
        Back::Unblock(receipt, source) => {
            let Text { en: en_more, ja: ja_more } = renewed(receipt, door, temporary);
            let Text { en, ja } = whom(source);
            let said = text!("{en} may come in again.{en_more}", "{ja} の遮断を解除しました。{ja_more}");
            (Deed::Unblock { source }, gate::unblock(BlockedSource::of(source)), said)
        }
        Back::Shut(receipt, zone, ports) => {
            let Text { en, ja } = renewed(receipt, door, temporary);
            let name = zone.as_deref().and_then(ZoneName::of);
            let from = sources(receipt).to_vec();
            let transaction = match from.as_slice() {
                [] => gate::close_early(name.as_ref(), ports).unwrap_or_default(),
                from => gate::ask_no_more(from, ports.range.first),
            };
            let said = text!("{ports} is no longer open.{en}", "{ports} の一時的な開放を終了しました。{ja}");
            (Deed::Shut { zone, ports: Ports(ports), from }, transaction, said)
        }
    })
}

/// That a newer change of the same goes with it, where there is one.
fn renewed(receipt: &Receipt, door: &Door, temporary: &Temporary) -> Text {
    let newer = door.history.renewed_by(receipt, temporary);
    newer.map_or_else(Text::default, |Receipt { number, deed, .. }| {
        let Text { en, ja } = words(deed);
        text!(" That takes back receipt {number} too ({en}).", "記録 {number}({ja})も取り消しました。")
    })
}

fn also(gone: &[u32]) -> Text {
    let listed = gone.iter().take(GONE_MAX).map(u32::to_string).collect::<Vec<_>>().join(", ");
    let (en, more) = (inflect(gone.len(), "receipt", "receipts"), gone.len().saturating_sub(GONE_MAX));
    match (gone.len(), more) {
        (0, _) => Text::default(),
        (_, 0) => text!(
            " What {en} {listed} changed after it is taken back with it.",
            "その後の変更(記録 {listed})も取り消しました。"
        ),
        _ => text!(
            " What {en} {listed} and {more} more changed after it is taken back with it.",
            "その後の変更(記録 {listed} ほか {more} 件)も取り消しました。"
        ),
    }
}

/// The text by which the gate becomes `gate` at once, or is taken away.
fn replaced(door: &Door, gate: Option<&Body>) -> Result<Transaction, gate::Refused> {
    Ok(match (gate, door.standing.as_ref()) {
        (Some(gate), Some(standing)) => gate::apply(gate, standing, gate::Keep::AtOnce, door.now)?,
        (Some(gate), None) => gate::create(gate, Revision::first(door.now)),
        (None, Some(standing)) if standing.trial.is_some() => return Err(gate::Refused::OnTrial),
        (None, Some(standing)) => gate::remove(standing),
        (None, None) => Transaction::default(),
    })
}

/// Why nothing is taken back; whoever named no receipt is told which one `before` it still can be.
fn no_way_back(edge: Edge<'_>, asked: Option<u32>, before: Option<&Receipt>, door: &Door) -> Failure {
    let history = || text!("portreeve history", "portreeve history");
    match edge {
        Edge::Missing => missing(asked),
        Edge::Unread(number) => Failure::new(Exit::Refused, FAILED)
            .because(text!("receipt {number} cannot be read", "記録 {number} を読めません"))
            .hint(text!(
                "portreeve history, then portreeve undo with the number of another receipt",
                "portreeve history で確認し、portreeve undo に別の記録の番号を指定してください"
            )),
        Edge::Over(Receipt { number, .. }, until) => {
            let Text { en, ja } = ago(until, door.now);
            Failure::new(Exit::TakenBack, FAILED)
                .because(text!(
                    "nothing to do: the kernel took receipt {number} back by itself {en}",
                    "記録 {number} は {ja}にカーネルが自動的に元に戻しています"
                ))
                .hint(before.map_or_else(history, one_before))
        }
        Edge::Gone(receipt) => gone(receipt, door).hint(before.map_or_else(history, one_before)),
        Edge::Ended(Receipt { number, .. }) => Failure::new(Exit::TakenBack, FAILED)
            .because(text!(
                "nothing to do: somebody else ended the trial of receipt {number} before its time, or took the gate away",
                "記録 {number} の試行は、portreeve 以外の操作により期限前に終了したか、ゲートごと取り除かれています"
            ))
            .hint(Words { en: "portreeve gate status", ja: "portreeve gate status" }),
        Edge::Rebooted(Receipt { number, .. }) => Failure::new(Exit::TakenBack, FAILED)
            .because(text!(
                "nothing to do: a reboot ended the trial of receipt {number} before its time",
                "記録 {number} の試行は、再起動により期限前に終了しています"
            ))
            .hint(before.map_or_else(|| text!("portreeve gate status", "portreeve gate status"), one_before)),
        Edge::Back(Receipt { number, .. }) => Failure::new(Exit::TakenBack, FAILED)
            .because(text!(
                "receipt {number} has been taken back already, or itself took a change back",
                "記録 {number} は取り消し済みか、それ自体が取り消しの記録です"
            ))
            .hint(history()),
        Edge::Again { undo, before } => again(undo, before, &door.history),
        Edge::OfBoot(receipt) => of_boot(receipt),
        Edge::Halted(receipt) => halted(receipt, before),
        Edge::Unmade(Receipt { number, .. }) => Failure::new(Exit::TakenBack, FAILED)
            .because(text!(
                "nothing to do: the change of receipt {number} was never made",
                "記録 {number} の変更は実行されていません"
            ))
            .hint(history()),
        Edge::Same(Receipt { number, .. }) => Failure::new(Exit::TakenBack, FAILED)
            .because(text!(
                "nothing to do: there was no gate before receipt {number}, and there is none now",
                "記録 {number} より前にゲートはなく、現在もありません"
            ))
            .hint(history()),
        Edge::Unknown(Receipt { number, .. }) => Failure::new(Exit::Refused, FAILED)
            .because(text!(
                "nobody kept which gate there was before receipt {number}",
                "記録 {number} より前のゲートは記録されていません"
            ))
            .hint(Words {
                en: "apply a policy, or take the gate away: portreeve off gate",
                ja: "policy を適用するか、ゲートを取り除いてください: portreeve off gate",
            }),
    }
}

fn missing(asked: Option<u32>) -> Failure {
    match asked {
        None => Failure::new(Exit::TakenBack, FAILED).because(Words {
            en: "nothing was changed yet, so there is nothing to take back",
            ja: "まだ何も変更されていないため、取り消すものはありません",
        }),
        Some(number) => Failure::usage(FAILED)
            .because(text!("there is no receipt {number}", "記録 {number} はありません"))
            .hint(text!("portreeve history", "portreeve history")),
    }
}

/// What was open or kept out for a while is so no longer.
fn gone(receipt: &Receipt, door: &Door) -> Failure {
    let Receipt { number, deed, .. } = receipt;
    let Text { en, ja } = words(deed);
    Failure::new(Exit::TakenBack, FAILED).because(if door.history.is_before_boot(receipt) {
        text!(
            "nothing to do: what receipt {number} did ({en}) was over with the reboot",
            "記録 {number}({ja})は再起動により既に無効です"
        )
    } else if matches!(deed, Deed::Lead { .. }) {
        text!(
            "nothing to do: what receipt {number} did ({en}) is over: it is not steered so any more",
            "記録 {number}({ja})は、対象の誘導がなくなったため既に無効です"
        )
    } else {
        text!(
            "nothing to do: what receipt {number} did ({en}) is over: somebody ended it early, or the table that it stood in is gone",
            "記録 {number}({ja})は既に無効です。期限前に取り消されたか、テーブルごと取り除かれています"
        )
    })
}

/// How the one before it is taken back.
fn one_before(receipt: &Receipt) -> Text {
    let Text { en, ja } = words(&receipt.deed);
    let number = receipt.number;
    text!(
        "portreeve undo {number} takes back the one before it ({en})",
        "その前の変更({ja})を取り消すには portreeve undo {number}"
    )
}

/// Whoever wants the gate gone wants it gone after the next boot too.
fn of_boot(Receipt { number, .. }: &Receipt) -> Failure {
    Failure::new(Exit::Refused, FAILED)
        .because(text!(
            "receipt {number} only put back what was confirmed, as a boot does",
            "記録 {number} は、起動時と同じく確定済みの内容を復元しただけなので、取り消す変更がありません"
        ))
        .hint(Words {
            en: "portreeve undo takes back the last change that somebody made; portreeve off gate takes the gate away",
            ja: "最後の変更を取り消すには portreeve undo、ゲートを取り除くには portreeve off gate を実行してください",
        })
}

/// Nobody here starts again what was stopped; whoever means the change before that says so.
fn halted(Receipt { number, deed, .. }: &Receipt, before: Option<&Receipt>) -> Failure {
    let Text { en, ja } = words(deed);
    let start = anew::text(deed);
    Failure::new(Exit::Refused, FAILED)
        .because(text!(
            "what receipt {number} did is not taken back by portreeve: {en}",
            "記録 {number} は portreeve では元に戻せません: {ja}"
        ))
        .hint(before.map(one_before).map_or(start.clone(), |before| either(start, before)))
}

/// Both hints in one.
fn either(Text { en, ja }: Text, Text { en: en_other, ja: ja_other }: Text) -> Text {
    text!("{en}; {en_other}", "{ja}。{ja_other}")
}

/// Whoever types undo twice does not want the change again that he took back.
fn again(undo: &Receipt, before: Option<&Receipt>, history: &History) -> Failure {
    let number = undo.number;
    let Text { en, ja } = words(&undo.deed);
    let failure = Failure::new(Exit::TakenBack, FAILED).because(text!(
        "the last change took one back itself (receipt {number}: {en})",
        "最後の変更は、それ自体が取り消しです(記録 {number}: {ja})"
    ));
    let redo = match undo.deed {
        Deed::Gate { cause: Cause::Undo(of), .. } => history.of(of).map(|receipt| {
            let Text { en, ja } = words(&receipt.deed);
            text!(
                "portreeve undo {number} brings back what receipt {of} did ({en})",
                "記録 {of}({ja})を再び有効にするには portreeve undo {number}"
            )
        }),
        _ => None,
    };
    let both = redo.into_iter().chain(before.map(one_before)).reduce(|Text { en, ja }, other| {
        let Text { en: en_other, ja: ja_other } = other;
        text!("{en}; {en_other}", "{ja}、{ja_other}")
    });
    failure.hint(both.unwrap_or_else(|| text!("portreeve history", "portreeve history")))
}
