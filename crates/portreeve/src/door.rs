//! The way to change the gate, and every reason why it stays shut, in words (A15, A16).

use portreeve_core::{
    facts::AtBoot,
    gate::{self, BOOT_UNIT, Standing, Temporary},
    plan::{Ground, Refused},
    port::PortRange,
    receipt::{Becomes, Current, Deed, Receipt},
    text,
    words::{Text, Words},
};
use portreeve_host::{
    boot::at_boot,
    enforce::{
        Door, DoorError, Passed,
        firewall::{EnforceError, Refusal, StandingError, listing},
        look,
        receipts::ReceiptsError,
    },
    keep::KeepError,
    lock::{Busy, Goes, Holder},
};

use crate::{
    after_boot::follow,
    clients,
    commands::{self, foreign},
    directories,
    exit::Exit,
    failure::{Failure, io_cause, keep_cause, keep_hint, warn},
    settings::Settings,
    show::{
        age::ago,
        escape::visible,
        gate::{self as show, who, words},
    },
};

/// Waits for the way to be free; `what` says what is attempted.
///
/// # Errors
///
/// Where something does not let us.
pub(crate) fn open(what: Words) -> Result<Door, Failure> {
    open_as_seen(None, what)
}

/// The same for whoever has `seen` the gate.
///
/// # Errors
///
/// As of [`open`].
pub(crate) fn open_as_seen(seen: Option<&Standing>, what: Words) -> Result<Door, Failure> {
    Door::open_as_seen(&directories::gate()?, seen).map_err(|error| failure(error, what))
}

/// The same for whoever changes the gate only where it is still as it was `seen`, and nothing is on trial.
///
/// # Errors
///
/// As of [`open`]; that it is not so.
pub(crate) fn open_unmoved(seen: Option<&Standing>, what: Words) -> Result<Door, Failure> {
    let door = open_as_seen(seen, what)?;
    let revision = |standing: Option<&Standing>| standing.map(|standing| standing.revision);
    if let Some(standing) = door.standing.as_ref().filter(|standing| standing.trial.is_some()) {
        let whose = door.history.trial(standing).map(show::whose);
        return Err(whose.into_iter().fold(on_trial(what), Failure::because));
    }
    if revision(door.standing.as_ref()) != revision(seen) {
        return Err(moved(vec![Ground::Gate], &door, what));
    }
    Ok(door)
}

/// Refuses a change where the gate that was confirmed is gone: what it leaves would stand in the place of that one, also at
/// the next boot, and nobody would miss it any more.
///
/// # Errors
///
/// It is gone.
pub(crate) fn refuse_without_confirmed(door: &Door, what: Words) -> Result<(), Failure> {
    if !door.misses_gate() {
        return Ok(());
    }
    let (en_unit, ja_unit) = match at_boot() {
        AtBoot::Enabled => (
            format!(" (or systemctl restart {BOOT_UNIT})"),
            format!("(または systemctl restart {BOOT_UNIT})"),
        ),
        _ => Default::default(),
    };
    Err(Failure::new(Exit::Refused, what)
        .because(Words {
            en: "the gate that was confirmed here is gone, and after this nobody would miss it, nor the next boot put it back",
            ja: "確定済みのゲートがなくなっています。このまま変更すると、そのことが分からなくなり、起動時にも復元されなくなります",
        })
        .hint(text!(
            "put it in force again: portreeve apply{en_unit}; or give it up: portreeve off gate",
            "再び有効にするには portreeve apply{ja_unit}、不要であれば portreeve off gate を実行してください"
        )))
}

/// What a change rests on has moved; whoever changed the gate last is named, where that is known.
pub(crate) fn moved(grounds: Vec<Ground>, door: &Door, what: Words) -> Failure {
    let is_gate = grounds.contains(&Ground::Gate);
    let failure = commands::refusal(&Refused::Moved(grounds), what);
    let stands = door.standing.as_ref().and_then(Standing::body);
    match door.history.current(door.standing.as_ref()) {
        Current::By(receipt) if is_gate && stands.is_some() && stands == door.confirmed().as_ref() => {
            let (number, who) = (receipt.number, who(&receipt.who));
            let (Text { en, ja }, Text { en: en_ago, ja: ja_ago }) =
                (words(&receipt.deed), ago(receipt.at, door.now));
            failure.because(text!(
                "it stands by receipt {number} of {who}, {en_ago}: {en}",
                "現在のゲートは記録 {number} によるものです(実行者 {who}、{ja_ago}): {ja}"
            ))
        }
        _ => failure,
    }
}

/// What is open and who is kept out for a while, as it stands now.
///
/// # Errors
///
/// It cannot be told.
pub(crate) fn temporary(what: Words) -> Result<Temporary, Failure> {
    let read = |listing: Option<String>| {
        listing.as_deref().map_or(Ok(Temporary::default()), Temporary::read).map_err(StandingError::Read)
    };
    listing().and_then(read).map_err(|error| standing(&error, what))
}

/// Why the gate was not changed.
pub(crate) fn failure(error: DoorError, what: Words) -> Failure {
    match error {
        DoorError::NotRoot | DoorError::Enforce(EnforceError::NotPermitted) => not_root(what),
        DoorError::Foreign(stranger) => foreign(&stranger),
        DoorError::Busy(busy) => self::busy(&busy, what),
        DoorError::Lock(source) => Failure::new(Exit::Unreachable, what).because(io_cause(&source)),
        DoorError::Receipts(error) => receipts(&error, what),
        DoorError::Standing(error) => standing(&error, what),
        DoorError::NoUndo(error) => {
            let path = error.path().display();
            Failure::new(Exit::Unreachable, what)
                .because(text!(
                    "what would take it back cannot be kept in {path}, so nothing was done",
                    "元に戻すための記録を {path} に保存できないため、何も変更していません"
                ))
                .because(keep_cause(&error))
                .hint(keep_hint(&error))
        }
        DoorError::MadeUnseen(error) => made_unseen(&error),
        DoorError::Gone => gone(),
        DoorError::Untold => untold(),
        DoorError::Enforce(error) => enforce(error, what),
        DoorError::Reserved(error) => clients::failure(&error, what),
    }
}

/// Whoever is killed leaves the gate as it was or as it becomes, so to end him is safe.
fn busy(Busy { path, waited, holder }: &Busy, what: Words) -> Failure {
    let (path, seconds) = (path.display(), waited.as_secs());
    let failure = Failure::new(Exit::Unreachable, what);
    match holder {
        Some(Holder { pid, command, goes: Goes::Stopped }) => failure
            .because(text!(
                "{command} (pid {pid}) is stopped in the middle of a change of the gate",
                "{command}(pid {pid})が、ゲートの変更の途中で一時停止しています"
            ))
            .hint(text!(
                "let it go on: kill -CONT {pid}; or end it: kill -KILL {pid}",
                "再開させる場合: kill -CONT {pid}、終了させる場合: kill -KILL {pid}"
            )),
        Some(Holder { pid, command, goes: Goes::On }) => failure
            .because(text!(
                "{command} (pid {pid}) changes the gate, and is not done after {seconds} s",
                "{command}(pid {pid})がゲートを変更中で、{seconds} 秒待っても終わりません"
            ))
            .hint(text!(
                "try again; or end it: kill {pid}",
                "再度実行するか、終了させてください: kill {pid}"
            )),
        None => failure
            .because(text!(
                "somebody else changes the gate, and is not done after {seconds} s",
                "別のプロセスがゲートを変更中で、{seconds} 秒待っても終わりません"
            ))
            .hint(text!("who it is: fuser -v {path}", "プロセスの確認: fuser -v {path}")),
    }
}

/// That a change was made is said whatever was attempted.
fn made_unseen(error: &StandingError) -> Failure {
    let what = Words {
        en: "the change was made, but the gate could not be read afterwards",
        ja: "変更は行われましたが、その後のゲートの状態を読み取れませんでした",
    };
    let cause = match error {
        StandingError::Filter(error) => quoted(error),
        StandingError::List(error) => quoted(error),
        StandingError::Read(error) => quoted(error),
    };
    Failure::new(Exit::Uncertain, what)
        .because(cause)
        .hint(text!("portreeve gate status", "portreeve gate status"))
}

fn gone() -> Failure {
    let what = Words {
        en: "the change was made, but no gate stands after it",
        ja: "変更は行われましたが、その後にゲートがなくなっています",
    };
    Failure::new(Exit::Uncertain, what)
        .because(Words {
            en: "another program took it away at once, or what is called nft here does not do what it says",
            ja: "別のプログラムが直後に取り除いたか、nft として実行されたプログラムが正しく動作していません",
        })
        .hint(Words {
            en: "look at what flushes the packet filter here (nft monitor), then: portreeve apply",
            ja: "ファイアウォールを初期化しているものを確認してから(nft monitor)、portreeve apply を実行してください",
        })
}

fn untold() -> Failure {
    let what = Words {
        en: "it is not known whether the change was made: no gate stands after it",
        ja: "変更が行われたかどうか不明です: その後にゲートがありません",
    };
    Failure::new(Exit::Uncertain, what)
        .because(Words {
            en: "what is called nft here does not do what it says, or another program took the gate away at once",
            ja: "nft として実行されたプログラムが正しく動作していないか、別のプログラムが直後に取り除いています",
        })
        .hint(Words {
            en: "look at which program that is, and at what flushes the packet filter here: command -v nft; nft --version; nft monitor",
            ja: "実行されるプログラムと、ファイアウォールを初期化しているものを確認してください: command -v nft; nft --version; nft monitor",
        })
}

/// That only root may.
pub(crate) fn not_root(what: Words) -> Failure {
    let because = Words {
        en: "only root may change or read the packet filter",
        ja: "ファイアウォールを変更・参照できるのは root だけです",
    };
    Failure::usage(what).because(because).hint(WITH_SUDO)
}

/// What to type where root is missing.
pub(crate) const WITH_SUDO: Words =
    Words { en: "run it again with sudo", ja: "先頭に sudo を付けて実行してください" };

/// Why what is kept cannot be told.
pub(crate) fn receipts(error: &ReceiptsError, what: Words) -> Failure {
    let failure = Failure::new(Exit::Unreachable, what);
    match error {
        ReceiptsError::Read { path, source } => {
            let path = path.display();
            failure
                .because(text!("cannot read {path}", "{path} を読めません"))
                .because(io_cause(source))
                .hint(text!("look at it: ls -ld {path}", "確認してください: ls -ld {path}"))
        }
        ReceiptsError::Garbled { path } => {
            let path = path.display();
            failure
                .because(text!(
                    "{path} is not a receipt of portreeve's",
                    "{path} は portreeve の記録ではありません"
                ))
                .hint(text!("look at it, then: mv {path} {path}.old", "確認してから: mv {path} {path}.old"))
        }
        ReceiptsError::Newer { path, layout } => {
            let path = path.display();
            failure.because(text!(
                "{path} has layout {layout}: a newer portreeve wrote it",
                "{path} の形式は {layout} で、より新しい portreeve で作られています"
            ))
        }
        ReceiptsError::TooMuch { path } => {
            let path = path.display();
            failure
                .because(text!(
                    "{path} holds more than portreeve reads",
                    "{path} の内容が、portreeve が読み込む上限を超えています"
                ))
                .hint(text!(
                    "move away what is not portreeve's, and the oldest receipts",
                    "portreeve 以外のファイルと、古い記録を別の場所へ移してください"
                ))
        }
        ReceiptsError::Full => failure.because(Words {
            en: "there is no number left for another receipt",
            ja: "記録の番号が尽きています",
        }),
    }
}

/// Why it is not known how the gate stands.
pub(crate) fn standing(error: &StandingError, what: Words) -> Failure {
    match error {
        StandingError::Filter(error) if error.is_of_rights() => not_root(what),
        StandingError::Filter(error) => Failure::new(Exit::Unreachable, what).because(quoted(error)),
        StandingError::List(error) if error.is_missing() => missing(what),
        StandingError::List(error) => {
            Failure::new(Exit::Unreachable, what).because(quoted(error)).hint(text!(
                "see what it says by hand: nft -j list table inet portreeve",
                "手動で実行して確認してください: nft -j list table inet portreeve"
            ))
        }
        StandingError::Read(error) => commands::refusal(&Refused::Table(error.clone()), what),
    }
}

fn missing(what: Words) -> Failure {
    Failure::new(Exit::Unreachable, what)
        .because(Words { en: "nft is not installed", ja: "nft がインストールされていません" })
        .hint(Words {
            en: "install the package nftables (apt install nftables, dnf install nftables)",
            ja: "パッケージ nftables をインストールしてください(apt install nftables、dnf install nftables)",
        })
}

fn enforce(error: EnforceError, what: Words) -> Failure {
    match error {
        EnforceError::NotPermitted => not_root(what),
        EnforceError::Missing => missing(what),
        EnforceError::TooOld(version) => {
            let version = visible(&version);
            Failure::new(Exit::Unreachable, what)
                .because(text!(
                    "nft {version} is too old: the gate needs nft 1.0 or newer",
                    "nft {version} は古すぎます。nft 1.0 以降が必要です"
                ))
                .hint(Words {
                    en: "update the package nftables",
                    ja: "パッケージ nftables を更新してください",
                })
        }
        EnforceError::Refused(refusal) => refused(&refusal, what),
        EnforceError::Program(error) => Failure::new(Exit::Unreachable, what).because(quoted(&error)),
        EnforceError::Unmade => Failure::new(Exit::Unreachable, what)
            .because(Words {
                en: "nft says that it made the change, and the gate is as it was",
                ja: "nft は成功を報告しましたが、ゲートは変わっていません",
            })
            .hint(Words {
                en: "look at which program that is: command -v nft; nft --version",
                ja: "実行されるプログラムを確認してください: command -v nft; nft --version",
            }),
        EnforceError::Untold(error) => Failure::new(Exit::Uncertain, what)
            .because(Words {
                en: "nft did not say whether it changed anything",
                ja: "nft から結果が返らず、変更されたかどうか不明です",
            })
            .because(quoted(&error))
            .hint(text!("portreeve gate status", "portreeve gate status")),
    }
}

fn refused(refusal: &Refusal, what: Words) -> Failure {
    let status = || text!("portreeve gate status", "portreeve gate status");
    match refusal {
        Refusal::Moved => Failure::new(Exit::Refused, what)
            .because(Words {
                en: "somebody else changed the gate at the same moment; nothing was done",
                ja: "同時に別の変更が行われたため、何も変更していません",
            })
            .hint(status()),
        Refusal::TooLate => too_late(what),
        Refusal::OnTrial => on_trial(what),
        Refusal::Absent => Failure::new(Exit::TakenBack, what)
            .because(Words {
                en: "it is not there, or no longer; nothing was done",
                ja: "対象が存在しない、または既に期限切れのため、何も変更していません",
            })
            .hint(status()),
        Refusal::NoZone => Failure::usage(what)
            .because(Words {
                en: "the gate has no such zone", ja: "ゲートにそのゾーンはありません"
            }),
        Refusal::Other(said) => Failure::new(Exit::Unreachable, what)
            .because(Words {
                en: "nft refused it; nothing was done",
                ja: "nft が拒否したため、何も変更していません",
            })
            .because(text!("nft says: {said}", "nft のメッセージ: {said}"))
            .hint(text!(
                "portreeve plan -o nft | sudo nft -c -f -",
                "portreeve plan -o nft | sudo nft -c -f -"
            )),
    }
}

/// Refuses the number that means no port (tcp(7), ip(7)): nobody can listen there.
///
/// # Errors
///
/// It is the only one of `range`.
pub(crate) fn refuse_zero(range: PortRange, what: Words) -> Result<(), Failure> {
    if range.last > 0 {
        return Ok(());
    }
    Err(Failure::usage(what)
        .because(Words {
            en: "nobody can listen on port 0, which means any free one",
            ja: "ポート 0 では待ち受けできません(空きポートの自動割り当てを意味します)",
        })
        .hint(text!(
            "from 1 to 65535, such as 8080/tcp",
            "1 から 65535 の番号を指定してください(例: 8080/tcp)"
        )))
}

/// Nothing can be kept for so long.
pub(crate) fn no_time(what: Words) -> Failure {
    Failure::usage(what)
        .because(Words {
            en: "the time is less than a millisecond or more than ten years",
            ja: "時間が 1 ミリ秒未満か、10 年を超えています",
        })
        .hint(text!("such as 30m, 2h", "例: 30m、2h"))
}

/// The trial was over first.
pub(crate) fn too_late(what: Words) -> Failure {
    Failure::new(Exit::TakenBack, what)
        .because(Words {
            en: "too late: the trial is over, and the kernel has taken the change back",
            ja: "期限切れです: 試行は終了し、カーネルが変更を元に戻しました",
        })
        .hint(Words {
            en: "to try it once more: portreeve apply", ja: "もう一度試すには: portreeve apply"
        })
}

/// Another change runs.
pub(crate) fn on_trial(what: Words) -> Failure {
    Failure::new(Exit::Refused, what)
        .because(Words { en: "another change is on trial", ja: "別の変更が試行中です" })
        .hint(Words {
            en: "portreeve gate status says whose; portreeve confirm keeps it, portreeve undo takes it back",
            ja: "portreeve gate status で実行者を確認し、portreeve confirm で確定、または portreeve undo で取り消してください",
        })
}

/// Whose the trial is that runs now, where a receipt of it is here.
pub(crate) fn whose_trial() -> Option<Text> {
    let (listing, history) = look(&directories::gate().ok()?).ok()?;
    let standing = Standing::read(&listing.ok()??).ok()??;
    history.trial(&standing).map(show::whose)
}

/// Why core writes no such change.
pub(crate) fn unwritten(error: gate::Refused, what: Words) -> Failure {
    match error {
        gate::Refused::OnTrial => on_trial(what),
        gate::Refused::NoTrial => Failure::new(Exit::TakenBack, what)
            .because(Words { en: "nothing is on trial", ja: "試行中の変更はありません" })
            .hint(text!("portreeve gate status", "portreeve gate status")),
        gate::Refused::Anew => commands::refusal(&Refused::Anew, what),
    }
}

/// What is said of itself by something that has no words of ours.
pub(crate) fn quoted(error: &dyn std::error::Error) -> Text {
    text!("the error was: {error}", "エラーの内容: {error}")
}

/// After a change: starts the unit that takes care of what is kept, and says where nothing could be, which nobody is
/// spared, however quiet it should be.
pub(crate) fn see_to_next_boot(passed: &Passed, settings: &Settings) {
    follow(passed.standing.as_ref());
    let Some(error) = &passed.unkept else { return };
    warn(&visible(unkept(&passed.receipt, error).in_lang(settings.lang)));
}

/// What comes of it depends on what the next boot would have kept.
fn unkept(receipt: &Receipt, error: &KeepError) -> Text {
    let path = error.path().display();
    match receipt.deed {
        _ if !receipt.changes_confirmed() => text!(
            "warning: the change is in force, but no record of it could be saved ({path}). Free the disk, then: portreeve gate status",
            "警告: 変更は有効ですが、記録を保存できませんでした({path})。空き容量を確保してから portreeve gate status を実行してください"
        ),
        Deed::Gate { becomes: Becomes::Nothing, .. } => text!(
            "warning: the gate is gone, but no record of that could be saved ({path}): the next boot may put it back. Free the disk, then: portreeve gate status",
            "警告: ゲートは取り除かれましたが、記録を保存できませんでした({path})。次回の起動時に復元されるおそれがあります。空き容量を確保してから portreeve gate status を実行してください"
        ),
        _ => text!(
            "warning: the change is in force, but no record of it could be saved ({path}): the next boot restores what was confirmed before it, or nothing. Free the disk, then: portreeve gate status",
            "警告: 変更は有効ですが、記録を保存できませんでした({path})。次回の起動時には、この変更より前に確定したゲートに戻るか、ゲートがなくなります。空き容量を確保してから portreeve gate status を実行してください"
        ),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use portreeve_core::{
        receipt::{Cause, LAYOUT, Outcome, Was, Who},
        words::Lang,
    };

    use super::*;

    fn said(deed: Deed) -> String {
        let receipt = Receipt {
            layout: LAYOUT,
            number: 1,
            at: Timestamp::UNIX_EPOCH,
            who: Who::default(),
            deed,
            seen: None,
            made: None,
            outcome: Outcome::Done,
            gate: None,
            rehearsed: None,
            reserves: None,
            boot_id: None,
        };
        let source = std::io::ErrorKind::StorageFull.into();
        unkept(&receipt, &KeepError::Write { path: "/var/lib/portreeve/gate".into(), source }).en
    }

    #[test]
    fn what_could_not_be_saved_is_told_by_what_the_next_boot_does() {
        let gate = |becomes, until| Deed::Gate { cause: Cause::Apply, becomes, was: Was::Nothing, until };
        let kept = said(gate(Becomes::Gate, None));
        assert!(
            kept.contains(
                "(/var/lib/portreeve/gate): the next boot restores what was confirmed before it, or nothing."
            ),
            "{kept}"
        );
        assert!(
            said(Deed::Confirm { of: 1 })
                .contains("the next boot restores what was confirmed before it, or nothing.")
        );
        assert!(said(gate(Becomes::Nothing, None)).contains("the next boot may put it back."));
        let trial = said(gate(Becomes::Gate, Some(Timestamp::UNIX_EPOCH)));
        assert!(!trial.contains("boot") && trial.ends_with("portreeve gate status"), "{trial}");
    }

    /// Whoever reads "nothing was applied" would try again.
    #[test]
    fn a_change_that_was_made_is_never_said_to_be_none() {
        let nothing = Words { en: "nothing was applied", ja: "適用できません" };
        let unread = Standing::read("no listing").unwrap_err();
        let failure = failure(DoorError::MadeUnseen(StandingError::Read(unread)), nothing);
        let text = failure.what(Lang::En);
        assert!(text.starts_with("the change was made"), "{text}");
        assert_eq!(failure.print(Lang::En), Exit::Uncertain);
    }
}
