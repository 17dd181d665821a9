//! Why the gate was not changed, or cannot be told, in words.

use portreeve_core::{
    plan::Refused,
    text,
    words::{Text, Words},
};
use portreeve_host::{
    enforce::{
        DoorError,
        firewall::{EnforceError, Refusal, StandingError},
        receipts::ReceiptsError,
    },
    lock::{Busy, Goes, Holder},
};

use super::{on_trial, too_late};
use crate::{
    clients,
    commands::{self, foreign},
    exit::Exit,
    failure::{Failure, io_cause, keep_cause, keep_hint},
    guards,
    show::escape::visible,
    steers,
};

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
        DoorError::Guard(error) => guards::failure(&error, what),
        DoorError::Steer(error) => steers::failure(&error, what),
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
        Refusal::Earlier => Failure::new(Exit::Refused, what).because(Words {
            en: "an earlier version of this program made the gate, which can open no port to single addresses before the next boot",
            ja: "ゲートが以前のバージョンで作られているため、次回の起動まで特定のアドレスだけには開放できません",
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

/// What is said of itself by something that has no words of ours.
pub(crate) fn quoted(error: &dyn std::error::Error) -> Text {
    text!("the error was: {error}", "エラーの内容: {error}")
}

#[cfg(test)]
mod tests {
    use portreeve_core::{gate::Standing, words::Lang};

    use super::*;

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
