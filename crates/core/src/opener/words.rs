//! What is said of whoever opened a port: what is certain, what is likely, and why nobody can be named.

use alloc::{string::ToString, vec::Vec};

use super::{KnownBy, Opener, Who, Why};
use crate::{
    activation::ToldBy,
    facts::{Opening, Process},
    text,
    words::Text,
};

/// More processes than this are counted.
const PIDS_MAX: usize = 4;

impl Opener<'_> {
    /// Who it was, as a sentence without its end.
    #[must_use]
    pub fn text(&self) -> Text {
        match &self.who {
            Who::Manager { socket, handed_to } => {
                let Text { en, ja } = for_socket(*socket);
                match handed_to {
                    None => text!("systemd opened it{en}", "systemd が{ja}開きました"),
                    Some((pid, process)) => {
                        let name = process.called();
                        let unit = process.unit.as_deref().unwrap_or(&name);
                        text!(
                            "systemd opened it{en} and handed it to {unit} ({name}, pid {pid})",
                            "systemd が{ja}開き、{unit}({name}、pid {pid})に渡しました"
                        )
                    }
                }
            }
            Who::Recorded { opening, process: Some(process), .. } => {
                let (name, pid) = (process.called(), opening.pid);
                text!("{name} (pid {pid}), as the guard recorded", "{name}(pid {pid})。ガードの記録による")
            }
            Who::Recorded { opening: Opening { name, pid, uid, .. }, process: None, has_let_go: false } => {
                text!(
                    "{name} (pid {pid}, uid {uid}), as the guard recorded",
                    "{name}(pid {pid}、uid {uid})。ガードの記録による"
                )
            }
            Who::Recorded { opening: Opening { name, pid, uid, .. }, process: None, has_let_go: true } => {
                text!(
                    "{name} (pid {pid}, uid {uid}), which does not hold it any more, as the guard recorded",
                    "{name}(pid {pid}、uid {uid})。現在は保持していない。ガードの記録による"
                )
            }
            Who::Likely(pid, process) => {
                let name = process.called();
                let (Text { en, ja }, Text { en: en_record, ja: ja_record }) =
                    (or_its_parent(process), self.no_record());
                text!(
                    "{en_record}; a guess by user and cgroup: {name} (pid {pid}){en}",
                    "{ja_record}。ユーザーと cgroup だけから推測すると {name}(pid {pid}){ja}"
                )
            }
            Who::Unknown(why) => self.unknown(why),
        }
    }

    fn unknown(&self, why: &Why<'_>) -> Text {
        let by = self.by();
        let Text { en, ja } = match why {
            Why::Kernel => {
                text!(
                    "the kernel holds it for whoever had it made",
                    "カーネルが、作成を依頼した誰かのために保持しています"
                )
            }
            Why::NoHolder => text!("whoever holds it was not seen", "保持しているプロセスが見えません"),
            Why::NotAllAsked(None) => {
                text!("not every process was asked", "すべてのプロセスを調べてはいません")
            }
            Why::NotAllAsked(Some((pid, process))) => {
                let name = process.called();
                text!(
                    "{name} (pid {pid}) fits, but not every process was asked",
                    "{name}(pid {pid})が当てはまりますが、すべてのプロセスを調べてはいません"
                )
            }
            Why::OnlyManager => text!(
                "systemd holds it for a unit that cannot be told",
                "systemd が保持していますが、どのユニットのためかは分かりません"
            ),
            Why::Elsewhere(unit) => text!(
                "it was opened in {unit}, where no holder is now: handed on, or its process moved",
                "{unit} の中で開かれましたが、保持者は今そこにいません(受け渡しか、プロセスの移動)"
            ),
            Why::OtherCgroup(path) => text!(
                "it was opened in the cgroup {path}, where no holder is now: handed on, or its process moved",
                "cgroup {path} の中で開かれましたが、保持者は今そこにいません(受け渡しか、プロセスの移動)"
            ),
            Why::CgroupRemoved => text!(
                "the cgroup it was opened in was removed: no holder is of it, so it was handed on, or its process moved",
                "開かれた cgroup は削除済みで、今の保持者はその中にいませんでした(受け渡しか、プロセスの移動)"
            ),
            Why::CgroupUnknown => text!(
                "the cgroup it was opened in is not known, so no holder can be told from another",
                "どの cgroup で開かれたか分からないため、保持者の中から特定できません"
            ),
            Why::NoneFits => text!(
                "no holder of that cgroup fits by user and start: handed on, or its process changed user or moved",
                "開かれた cgroup にいる保持者は、ユーザーか起動時刻が合いません(受け渡しか、ユーザーの変更か、プロセスの移動)"
            ),
            Why::Several(pids) => {
                let shown: Vec<_> = pids.iter().take(PIDS_MAX).map(ToString::to_string).collect();
                let (en, ja) = (shown.join(", "), shown.join("、"));
                let more = if pids.len() > PIDS_MAX { " …" } else { "" };
                text!("one of pid {en}{more}", "pid {ja}{more} のいずれか")
            }
        };
        let Text { en: en_by, ja: ja_by } = by;
        let Text { en: en_record, ja: ja_record } = self.no_record();
        text!("{en_record}{en_by}; {en}", "{ja_record}{ja_by}。{ja}")
    }

    /// That nobody wrote it down, as far as whoever looked may know.
    fn no_record(&self) -> Text {
        if self.is_kept_back {
            text!(
                "a record would be for root and the group portreeve alone",
                "記録を参照できるのは root と portreeve グループだけ"
            )
        } else {
            text!("not recorded", "記録なし")
        }
    }

    /// The user, where nothing nearer is known.
    fn by(&self) -> Text {
        match self.uid {
            Some(uid) => text!(" (a process of uid {uid})", "(uid {uid} のプロセス)"),
            None => Text::default(),
        }
    }
}

/// A process below the first one has either been started by it or lost its parent.
fn or_its_parent(process: &Process) -> Text {
    match &process.parent {
        Some(parent) if parent.pid > 1 => Text::default(),
        _ => text!(" or one that it was forked from", "かそのフォーク元"),
    }
}

/// For which unit the service manager opened it.
fn for_socket(socket: Option<(&str, ToldBy)>) -> Text {
    match socket {
        Some((socket, ToldBy::Cgroup)) => text!(" for {socket}", " {socket} のために"),
        Some((socket, ToldBy::Settings)) => {
            text!(", by its settings for {socket},", "(設定によれば {socket} のために)")
        }
        None => text!(" for a unit that cannot be told", "(どのユニットのためかは不明)"),
    }
}

impl KnownBy<'_> {
    /// What the bound rests on, as a clause.
    #[must_use]
    pub fn text(self) -> Text {
        match self {
            Self::Record => text!("the guard recorded it", "ガードの記録"),
            Self::Look => text!("this look", "今回の観測"),
            Self::SeenEarlier => text!("the earlier snapshot has it", "以前のスナップショットにある"),
            Self::NotSeenEarlier => text!("the earlier snapshot lacks it", "以前のスナップショットにない"),
            Self::UnitStart(unit) => text!("{unit} was started", "{unit} の起動"),
            Self::SessionStart(scope) => text!("{scope} began", "{scope} の開始"),
        }
    }
}
