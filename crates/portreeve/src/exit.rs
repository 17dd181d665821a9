//! How a run ended, as a number that scripts read.

use std::process::ExitCode;

use portreeve_core::words::Words;

use crate::show::nagios::State;

/// The exit codes; a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, and nothing to say against it.
    Fine,
    /// Findings at or above the threshold; changes.
    Found,
    /// The command line, the policy or a file that was named is wrong.
    Usage,
    /// Part of the host could not be seen, and it matters.
    Gaps,
    /// The port belongs to another.
    Taken,
    /// Refused for safety.
    Refused,
    /// Taken back, or too late.
    TakenBack,
    /// The daemon, the store or the output failed.
    Unreachable,
    /// Nobody knows whether it was done.
    Uncertain,
    /// A mistake of the program itself.
    Bug,
    /// A monitor's own codes, which mean other things than ours.
    Plugin(State),
}

impl Exit {
    /// Every code of ours, in order.
    pub(crate) const ALL: [Self; 10] = [
        Self::Fine,
        Self::Found,
        Self::Usage,
        Self::Gaps,
        Self::Taken,
        Self::Refused,
        Self::TakenBack,
        Self::Unreachable,
        Self::Uncertain,
        Self::Bug,
    ];

    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Gaps => 3,
            Self::Taken => 4,
            Self::Refused => 5,
            Self::TakenBack => 6,
            Self::Unreachable => 7,
            Self::Uncertain => 8,
            Self::Bug => 70,
            Self::Plugin(state) => state as u8,
        }
    }

    /// What it means.
    pub(crate) const fn words(self) -> Words {
        match self {
            Self::Fine => Words { en: "fine", ja: "問題なし" },
            Self::Found => Words {
                en: "findings at or above --fail-on (default: warning); of diff and plan: there are changes; of who -q and why -q: the port is free; of wait: the time is over; of close: a rule leads past it to the port; of open: a rule keeps packets out all the same",
                ja: "--fail-on(既定値 warning)以上の指摘あり。diff と plan では変更あり、who -q と why -q では空きポート、wait では時間切れ、close では別のルールでなお届くポートあり、open では別のルールでなお届かないポートあり",
            },
            Self::Usage => Words {
                en: "the command line, the policy or a file that was named is wrong",
                ja: "コマンドライン、policy、または指定されたファイルの誤り",
            },
            Self::Gaps => Words {
                en: "done, but part of the host could not be seen and that part matters (--allow-gaps makes it 0)",
                ja: "完了したが、結果に影響する部分を確認できなかった(--allow-gaps で 0 になる)",
            },
            Self::Taken => Words {
                en: "the port belongs to another, or the ledger refuses for another reason; of wait: somebody else than --owner holds it",
                ja: "ポートを別の所有者が使用中、またはその他の理由で台帳が拒否。wait では --owner 以外が保持",
            },
            Self::Refused => Words {
                en: "refused for safety: you could not come back, another change is on trial, the host has moved since the plan, something that is not portreeve's stands in the way, or the ledger is missing, damaged or not the one it was",
                ja: "安全のため拒否: 再接続できなくなる、別の変更が試行中、計画後に状況が変わった、portreeve のものではない何かがある、または台帳がないか破損しているか別のもの",
            },
            Self::TakenBack => Words {
                en: "taken back, or too late to confirm",
                ja: "取り消し済み、または確定の期限切れ",
            },
            Self::Unreachable => Words {
                en: "what portreeve keeps (the last audit, an imported registry, pins, receipts, the ledger, in etcd too), the guard, nft or the output failed, or another change of the gate does not end; reserved for a daemon too",
                ja: "portreeve の保存データ(前回の audit、取り込んだ割り当て表、pin、変更の記録、etcd を含む台帳)、ガード、nft、または出力先の操作に失敗したか、ゲートの別の変更が終わらない。デーモン用にも予約",
            },
            Self::Uncertain => Words {
                en: "not known whether it was done; asking again is safe",
                ja: "実行されたか不明。再実行しても安全",
            },
            Self::Bug => Words { en: "a bug in portreeve", ja: "portreeve の不具合" },
            Self::Plugin(_) => Words { en: "as Nagios numbers its states", ja: "Nagios の状態番号" },
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
