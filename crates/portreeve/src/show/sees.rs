//! What `watch` sees and what it does not, in one line (A19).

mod packets;

use std::{io, path::Path};

use portreeve_core::{
    text,
    words::{Text, Words},
};
use portreeve_host::events::files::Refused;

use super::{escape::visible, out::Out};
use crate::{
    commands::watch::{
        followed::{Standing, Trouble, Unread},
        lapse::{How, Kept, Lapse},
        pen::Another,
        sight::{Blind, gate::ByGate},
    },
    failure::{Failure, io_cause},
    settings::{Format, Settings, Verbosity},
};

/// What there is to see by.
pub(crate) struct Sees<'s> {
    /// Why the kernel does not tell of packets, where it does not.
    pub(crate) blind: Option<&'s Blind>,
    /// What tells of them then, where anything may.
    pub(crate) by_gate: Option<&'s ByGate>,
    /// How each service that writes logs is seen.
    pub(crate) logs: Vec<(&'s str, Standing)>,
    /// Why reading does not go on where it was.
    pub(crate) trouble: Option<&'s Trouble>,
    /// The watch that writes down what is found instead of this one.
    pub(crate) another: Option<Another>,
    /// What of that is missing, or will be.
    pub(crate) lapses: Vec<&'s Lapse>,
    /// Whether the policy, or the host, cannot be looked at any more.
    pub(crate) is_stale: bool,
}

const PACKETS: Words = Words {
    en: "dropped and refused packets, handshakes (kernel)",
    ja: "破棄・拒否されたパケット、ハンドシェイク(カーネル)",
};
const NOTHING: Words = Words { en: "nothing", ja: "なし" };
const STALE: Words = Words {
    en: "the policy as it is now, which cannot be read: the one before it holds",
    ja: "現在の policy(読み取れないため、以前の内容で続けます)",
};

impl Sees<'_> {
    /// The line, also where nothing is seen of something.
    pub(crate) fn text(&self) -> Text {
        let (seen, unseen) = (self.seen(), joined(&self.unseen()));
        let seen = if seen.is_empty() { NOTHING.into() } else { joined(&seen) };
        let Text { en, ja } = if unseen.en.is_empty() { seen } else { apart(&seen, &unseen) };
        text!("sees: {en}", "監視対象: {ja}")
    }

    /// Prints it. Whoever reads JSON hears on the standard error of what is not seen.
    ///
    /// # Errors
    ///
    /// Where nobody reads it.
    pub(crate) fn tell(&self, text: &str, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
        match settings.format {
            _ if settings.verbosity == Verbosity::Quiet => Ok(()),
            Format::Ndjson if self.unseen().is_empty() => Ok(()),
            Format::Ndjson => {
                eprintln!("{text}");
                Ok(())
            }
            _ => out.line(text),
        }
    }

    fn seen(&self) -> Vec<Text> {
        let packets = self.blind.is_none().then(|| PACKETS.into());
        let logs = self.logs.iter().filter_map(|(service, standing)| {
            let service = visible(service);
            Some(match standing {
                Standing::Journal => text!("{service} (journal)", "{service}(ジャーナル)"),
                Standing::File => text!("{service} (file)", "{service}(ファイル)"),
                Standing::Unread(_) => return None,
            })
        });
        let by_gate = self.by_gate.into_iter().flat_map(packets::seen);
        each_once(packets.into_iter().chain(by_gate).chain(logs))
    }

    fn unseen(&self) -> Vec<Text> {
        let packets = self.blind.map(|blind| packets::unseen(blind, self.by_gate)).unwrap_or_default();
        let logs = self.logs.iter().filter_map(|(service, standing)| match standing {
            Standing::Unread(why) => Some(unread(&visible(service), why)),
            Standing::Journal | Standing::File => None,
        });
        let stale = self.is_stale.then(|| STALE.into());
        let kept = self.trouble.map(trouble).into_iter().chain(self.another.map(another));
        let kept = kept.chain(self.lapses.iter().map(|lapse| lost(lapse)));
        each_once(packets.into_iter().chain(logs).chain(kept).chain(stale))
    }
}

fn apart(seen: &Text, unseen: &Text) -> Text {
    Text {
        en: format!("{} · not: {}", seen.en, unseen.en),
        ja: format!("{} · 対象外: {}", seen.ja, unseen.ja),
    }
}

fn each_once(all: impl Iterator<Item = Text>) -> Vec<Text> {
    all.fold(Vec::new(), |mut kept, text| {
        if !kept.contains(&text) {
            kept.push(text);
        }
        kept
    })
}

/// In English what has a reason has a comma of its own.
fn joined(all: &[Text]) -> Text {
    let is_plain = all.iter().all(|text| !text.en.contains(", ") || text.en == PACKETS.en);
    let en: Vec<_> = all.iter().map(|text| text.en.as_str()).collect();
    let ja: Vec<_> = all.iter().map(|text| text.ja.as_str()).collect();
    Text { en: en.join(if is_plain { ", " } else { "; " }), ja: ja.join("、") }
}

fn unread(service: &str, why: &Unread) -> Text {
    match why {
        Unread::NoLog => text!("{service}, no log found", "{service}(ログが見つかりません)"),
        Unread::NoJournal => {
            text!("{service}, no journal that can be read", "{service}(読み取れるジャーナルがありません)")
        }
        Unread::Closed(kind) => {
            let Text { en, ja } = io_cause(&io::Error::from(*kind));
            text!(
                "{service}, the kernel tells of no files: {en}",
                "{service}(ファイルを監視できません: {ja})"
            )
        }
        Unread::TooMany(path) => {
            let path = name(path);
            text!("{service}, too many logs for {path}", "{service}(ログが多すぎるため {path} は対象外)")
        }
        Unread::Errors(path) => {
            let path = path.as_deref().map(name);
            let (en, ja) =
                (path.as_deref().unwrap_or("its journal"), path.as_deref().unwrap_or("ジャーナル"));
            text!(
                "{service}, into {en} nginx writes errors, and with them what strangers like",
                "{service}({ja} には、第三者が内容を操作できる nginx のエラーログが含まれています)"
            )
        }
        Unread::NotUnderstood(path) => {
            let path = name(path);
            text!(
                "{service}, no line of {path} is understood",
                "{service}({path} に、解釈できる行がありません)"
            )
        }
        Unread::File(path, refused) => {
            let (path, Text { en, ja }) = (name(path), refusal(*refused));
            text!("{service}, {path} {en}", "{service}({path} {ja})")
        }
    }
}

fn refusal(refused: Refused) -> Text {
    match refused {
        Refused::Missing => text!("is not there", "がありません"),
        Refused::NoFile => text!("is no file", "は通常のファイルではありません"),
        Refused::Elsewhere => {
            text!("is a link that leads elsewhere", "はほかの場所を指すリンクです")
        }
        Refused::Unreadable(kind) => {
            let Text { en, ja } = io_cause(&io::Error::from(kind));
            text!("cannot be read: {en}", "を読み取れません: {ja}")
        }
    }
}

fn trouble(trouble: &Trouble) -> Text {
    match trouble {
        Trouble::Broken(path) => {
            let path = name(path);
            text!(
                "what was written before this run, {path} is broken",
                "起動前に書かれた行({path} が壊れています)"
            )
        }
        Trouble::Unkept(path) => {
            let path = name(path);
            text!(
                "what is written between two runs, {path} cannot be written",
                "次回の起動までに書かれる行({path} に書き込めません)"
            )
        }
    }
}

fn lost(Lapse { of, how, path }: &Lapse) -> Text {
    let path = name(path);
    match (of, how) {
        (Kept::Told, How::Broken) => {
            text!(
                "whom the watch before told of, {path} is broken",
                "以前の監視が知らせた送信元({path} が壊れています)"
            )
        }
        (Kept::Told, How::Unwritten) => text!(
            "what `why` and `audit` tell, {path} cannot be written",
            "why と audit が使う記録({path} に書き込めません)"
        ),
        (Kept::Usual, How::Broken) => {
            text!(
                "what was usual before this run, {path} is broken",
                "起動前の平常時の数({path} が壊れています)"
            )
        }
        (Kept::Usual, How::Unwritten) => text!(
            "what the next run takes for usual, {path} cannot be written",
            "次回の起動に引き継ぐ平常時の数({path} に書き込めません)"
        ),
    }
}

fn another(Another(pid): Another) -> Text {
    match pid {
        Some(pid) => text!(
            "what `why` and `audit` tell, another watch writes that (pid {pid})",
            "why と audit が使う記録(別の監視が書き込み中: pid {pid})"
        ),
        None => text!(
            "what `why` and `audit` tell, another watch writes that",
            "why と audit が使う記録(別の監視が書き込み中)"
        ),
    }
}

fn name(path: &Path) -> String {
    visible(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(blind: Option<&Blind>, logs: &[(&str, Standing)], trouble: Option<&Trouble>) -> Text {
        Sees {
            blind,
            by_gate: None,
            logs: logs.to_vec(),
            trouble,
            another: None,
            lapses: Vec::new(),
            is_stale: false,
        }
        .text()
    }

    #[test]
    fn what_is_not_kept_is_told_with_its_file() {
        let said = |of, how| lost(&Lapse { of, how, path: "/x/y.json".into() }).en;
        for how in [How::Broken, How::Unwritten] {
            for of in [Kept::Told, Kept::Usual] {
                let end = if how == How::Broken { "is broken" } else { "cannot be written" };
                assert!(said(of, how).ends_with(&format!(", /x/y.json {end}")));
            }
        }
    }

    #[test]
    fn whoever_writes_nothing_down_says_who_does() {
        let sees = Sees {
            blind: None,
            by_gate: None,
            logs: Vec::new(),
            trouble: None,
            another: Some(Another(Some(7))),
            lapses: Vec::new(),
            is_stale: false,
        };
        let Text { en, ja } = sees.text();
        assert!(
            en.ends_with(" · not: what `why` and `audit` tell, another watch writes that (pid 7)"),
            "{en}"
        );
        assert!(ja.ends_with("対象外: why と audit が使う記録(別の監視が書き込み中: pid 7)"), "{ja}");
    }

    #[test]
    fn what_is_seen_and_what_is_not_is_one_line() {
        let missing = Unread::File("/var/log/nginx/access.log".into(), Refused::Missing);
        let logs = [
            ("ssh", Standing::Journal),
            ("web", Standing::File),
            ("web", Standing::Unread(missing)),
            ("postfix", Standing::Unread(Unread::NoLog)),
        ];
        let Text { en, ja } = told(None, &logs, None);
        assert_eq!(
            en,
            "sees: dropped and refused packets, handshakes (kernel), ssh (journal), web (file) \
             · not: web, /var/log/nginx/access.log is not there; postfix, no log found"
        );
        assert_eq!(
            ja,
            "監視対象: 破棄・拒否されたパケット、ハンドシェイク(カーネル)、ssh(ジャーナル)、web(ファイル) \
             · 対象外: web(/var/log/nginx/access.log がありません)、postfix(ログが見つかりません)"
        );
        assert_eq!(told(None, &[], None).en, "sees: dropped and refused packets, handshakes (kernel)");
        let errors = [("web", Standing::Unread(Unread::Errors(Some("/var/log/web.log".into()))))];
        let Text { en, .. } = told(None, &errors, None);
        assert!(en.ends_with(
            "not: web, into /var/log/web.log nginx writes errors, and with them what strangers like"
        ));
        let odd = [("web", Standing::Unread(Unread::NotUnderstood("/var/log/web.log".into())))];
        assert!(
            told(None, &odd, None).en.ends_with(" · not: web, no line of /var/log/web.log is understood")
        );
        let without =
            told(Some(&Blind::NotRoot), &[("ssh", Standing::Journal), ("ssh", Standing::Journal)], None);
        assert_eq!(without.en, "sees: ssh (journal) · not: packets, only root may hear of them");
        let nothing = told(Some(&Blind::NotRoot), &[], None);
        assert_eq!(nothing.ja, "監視対象: なし · 対象外: パケット(root だけが監視できます)");
        let broken = told(None, &[], Some(&Trouble::Broken("/x/logs.json".into())));
        assert!(
            broken.en.ends_with(" · not: what was written before this run, /x/logs.json is broken"),
            "{}",
            broken.en
        );
    }
}
