//! Why nothing is changed, and what to do about it.

use alloc::{boxed::Box, string::String, vec::Vec};

use super::{Diverted, Ground, Held, LedAndEvicted};
use crate::{
    facts::{Foothold, Gap},
    firewall::Unreadable,
    gate::{Foundation, GateError, ReadError},
    guard::GuardMistake,
    port::PortSpec,
    steer::SteerMistake,
    text,
    words::Text,
};

/// What stands against a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is no policy to agree with.
    NoPolicy,
    /// Not all of the packet filter was seen, for these reasons; none where nobody looked.
    Unseen(Vec<Gap>),
    /// A listing of the packet filter cannot be read.
    Unreadable(Unreadable),
    /// The table of the gate is not as this program makes it.
    Table(ReadError),
    /// The gate is not as it was confirmed, and what was is not known.
    Unconfirmed(Foundation),
    /// Somebody else has changed what stands in that table for every generation, and what makes it anew cannot be on trial.
    Anew,
    /// Another change is on trial.
    OnTrial {
        /// The whole seconds until the kernel takes it back.
        seconds_left: u64,
    },
    /// The same, and somebody else has changed it since, so that nobody can confirm it.
    SpoiltTrial {
        /// The whole seconds until the kernel takes it back.
        seconds_left: u64,
    },
    /// The policy cannot be made a gate.
    Gate(GateError),
    /// Nobody knows by which connection whoever asks is here.
    NoFoothold,
    /// Whoever is here could not come back.
    WouldCut(Box<Cut>),
    /// Whoever manages the host from a zone could not come back.
    Unmanaged(Box<Unmanaged>),
    /// What the plan rests on is no longer so.
    Moved(Vec<Ground>),
    /// The guard cannot keep what the policy asks for.
    Guard(GuardMistake),
    /// Ports that are to be refused to strangers are held by some.
    Held(Box<Held>),
    /// A service is led to a socket that is to listen no more.
    LedAndEvicted(Box<LedAndEvicted>),
    /// What the policy asks for cannot be steered.
    Steer(SteerMistake),
    /// Connections like one by which somebody is here would be led to a service.
    Diverted(Box<Diverted>),
}

/// A connection that could not be made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The connection.
    pub foothold: Foothold,
    /// The rule that would keep out a new one like it; `None` where it cannot be told what becomes of one.
    pub rule: Option<String>,
}

/// A zone from which a host could no longer be managed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmanaged {
    /// Its name.
    pub zone: String,
    /// The ports that it could not reach; `None` where nobody knows by which it manages the host.
    pub ports: Option<PortSpec>,
    /// The rule that would keep it out; `None` where it cannot be told what becomes of its packets.
    pub rule: Option<String>,
}

impl Refused {
    /// Why, in a sentence.
    #[must_use]
    pub fn why(&self) -> Text {
        match self {
            Self::NoPolicy => text!("there is no policy to agree with", "従うべき policy がありません"),
            Self::Unseen(gaps) => unseen(gaps),
            Self::Unreadable(why) => {
                text!("a rule may be missing: {why}", "ルールを読み落としている可能性があります({why})")
            }
            Self::Table(ReadError::Layout(layout)) => text!(
                "a newer portreeve made the gate: its table has layout {layout}",
                "ゲートはより新しい portreeve で作られています(テーブルの形式は {layout})"
            ),
            Self::Table(why) => {
                text!(
                    "what nft prints of the gate cannot be read: {why}",
                    "nft によるゲートの一覧を読み取れません({why})"
                )
            }
            Self::Unconfirmed(_) => text!(
                "it is not known which gate was confirmed here: what stands may be somebody else's",
                "確定済みのゲートの記録がありません。現在のゲートは、ほかの手段で書き換えられている可能性があります"
            ),
            Self::Anew => text!(
                "somebody else has changed what every trial rests on, so the gate is made anew as a whole: nothing would be left that the kernel could go back to",
                "試行の土台となる部分がほかの手段で書き換えられているため、ゲート全体を作り直します。カーネルが戻せる状態は残らず、試行はできません"
            ),
            Self::OnTrial { seconds_left } => text!(
                "another change is on trial, and is taken back in {seconds_left} s unless somebody confirms it",
                "別の変更が試行中です(確定されなければ {seconds_left} 秒後に元に戻ります)"
            ),
            Self::SpoiltTrial { seconds_left } => text!(
                "another change is on trial, which somebody else has changed since: nobody can confirm it, and it is taken back in {seconds_left} s",
                "別の変更が試行中ですが、ほかの手段で書き換えられたため確定できません({seconds_left} 秒後に元に戻ります)"
            ),
            Self::NoFoothold => text!(
                "no connection was found by which you are here, so none can be kept from being cut",
                "操作中の接続が見つからないため、切断されないことを確認できません"
            ),
            Self::WouldCut(cut) => cut.why(),
            Self::Unmanaged(unmanaged) => unmanaged.why(),
            Self::Moved(grounds) => moved(grounds),
            Self::Guard(why) => why.words(),
            Self::Held(held) => held.why(),
            Self::LedAndEvicted(both) => both.why(),
            Self::Steer(why) => why.words(),
            Self::Diverted(diverted) => diverted.why(),
            Self::Gate(why) => {
                text!("the policy cannot be made a gate: {why}", "policy からゲートを作れません({why})")
            }
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Text {
        match self {
            Self::NoPolicy => text!("portreeve init writes one", "portreeve init で作成できます"),
            Self::Unseen(gaps) => gaps
                .first()
                .map_or_else(|| text!("run as root", "root で実行してください"), |gap| gap.fix().into()),
            Self::Unreadable(_) => {
                text!("look at what the program prints", "そのプログラムの出力を確認してください")
            }
            Self::Table(ReadError::Layout(_)) => text!(
                "update portreeve; or take the gate away: nft delete table inet portreeve && portreeve off gate",
                "portreeve を更新するか、ゲートを取り除いてください: nft delete table inet portreeve && portreeve off gate"
            ),
            Self::Table(_) => text!(
                "look at which program that is, and what it prints: nft --version; nft -j list table inet portreeve",
                "実行されるプログラムとその出力を確認してください: nft --version; nft -j list table inet portreeve"
            ),
            Self::Unconfirmed(Foundation::AsMade) => text!(
                "put it in force as the policy declares: portreeve apply",
                "policy の宣言どおりに戻してください: portreeve apply"
            ),
            Self::Unconfirmed(_) | Self::Anew => text!(
                "in one step and for good, if whoever is here can come back: portreeve apply --no-trial",
                "操作中の接続から再接続できる場合に限り、一度の変更で直ちに確定します: portreeve apply --no-trial"
            ),
            Self::OnTrial { seconds_left } => text!(
                "portreeve confirm · portreeve undo · or wait {seconds_left} s",
                "portreeve confirm · portreeve undo · または {seconds_left} 秒待つ"
            ),
            Self::SpoiltTrial { seconds_left } => text!(
                "portreeve undo · or wait {seconds_left} s",
                "portreeve undo · または {seconds_left} 秒待つ"
            ),
            Self::NoFoothold => text!(
                "at a serial console or from a tool, say so: --no-session",
                "シリアルコンソールや構成管理ツールから実行する場合は --no-session を指定してください"
            ),
            Self::WouldCut(cut) if is_by_block(cut.rule.as_deref()) => kept_out(),
            Self::Unmanaged(unmanaged) if is_by_block(unmanaged.rule.as_deref()) => kept_out(),
            Self::WouldCut(cut) => {
                let port = cut.foothold.ports();
                text!(
                    "declare {port} in the policy for where you come from, or accept it: --cut-my-own-session",
                    "接続元のゾーンに対して policy で {port} を宣言するか、承知のうえで --cut-my-own-session を指定してください"
                )
            }
            Self::Unmanaged(unmanaged) => unmanaged.fix(),
            Self::Moved(_) => text!("portreeve plan", "portreeve plan"),
            Self::Held(held) => held.fix(),
            Self::LedAndEvicted(both) => both.fix(),
            Self::Steer(why) => why.fix(),
            Self::Diverted(diverted) => diverted.fix(),
            Self::Guard(_) => text!(
                "guard fewer: guard = \"off\" in a service leaves its ports out",
                "対象を減らしてください(サービスに guard = \"off\" と書くと外せます)"
            ),
            Self::Gate(_) => text!("change the policy there", "policy のその箇所を直してください"),
        }
    }
}

impl Cut {
    fn why(&self) -> Text {
        let Foothold { peer, who, .. } = &self.foothold;
        let port = self.foothold.ports();
        match &self.rule {
            Some(rule) => text!(
                "{peer} is connected to {port} ({who}) and could not come back: `{rule}`",
                "{peer} は {port}({who})に接続中ですが、再接続できなくなります(`{rule}`)"
            ),
            None => text!(
                "{peer} is connected to {port} ({who}), and whether it could come back cannot be told",
                "{peer} は {port}({who})に接続中ですが、再接続できるかどうかを判定できません"
            ),
        }
    }
}

impl Unmanaged {
    fn why(&self) -> Text {
        let Self { zone, ports, rule } = self;
        match (ports, rule) {
            (Some(ports), Some(rule)) => text!(
                "whoever manages this host from {zone} could not reach {ports}: `{rule}`",
                "管理用のゾーン {zone} から {ports} に到達できなくなります(`{rule}`)"
            ),
            (Some(ports), None) => text!(
                "whether whoever manages this host from {zone} could reach {ports} cannot be told",
                "管理用のゾーン {zone} から {ports} に到達できるかどうかを判定できません"
            ),
            (None, _) => text!(
                "this host is managed from {zone}, and no port was found where it lets people in by ssh",
                "管理用のゾーン {zone} がありますが、ssh で待ち受けているポートが見つかりません"
            ),
        }
    }

    fn fix(&self) -> Text {
        let Self { zone, ports, .. } = self;
        match ports {
            Some(ports) => text!(
                "declare {ports} in the policy with reach = \"{zone}\", or accept it: --cut-my-own-session",
                "policy で {ports} を reach = \"{zone}\" として宣言するか、承知のうえで --cut-my-own-session を指定してください"
            ),
            None => text!(
                "name the ports in zone.{zone}, as in management = [\"22/tcp\"], or accept it: --cut-my-own-session",
                "zone.{zone} に management = [\"22/tcp\"] のようにポートを書くか、承知のうえで --cut-my-own-session を指定してください"
            ),
        }
    }
}

/// Whether the rule is the one of the gate by which `close --from` keeps sources out: no policy lets these in.
fn is_by_block(rule: Option<&str>) -> bool {
    rule.is_some_and(|rule| {
        rule.starts_with("inet portreeve ") && (rule.contains("@blocked4 ") || rule.contains("@blocked64 "))
    })
}

fn kept_out() -> Text {
    text!(
        "close --from keeps that source out: portreeve history names the receipt, and portreeve undo with its number lets it in; or accept it: --cut-my-own-session",
        "その送信元は close --from で遮断されています。portreeve history で記録の番号を確認して portreeve undo で解除するか、承知のうえで --cut-my-own-session を指定してください"
    )
}

fn moved(grounds: &[Ground]) -> Text {
    let words = grounds.iter().map(|ground| ground.words());
    let (en, ja): (Vec<&str>, Vec<&str>) = words.map(|words| (words.en, words.ja)).unzip();
    let (en, ja) = (en.join("; "), ja.join("、"));
    text!("the host has moved since the plan was made: {en}", "計画の作成後に状況が変わりました({ja})")
}

fn unseen(gaps: &[Gap]) -> Text {
    let whys: (Vec<String>, Vec<String>) = gaps.iter().map(Gap::why).map(|why| (why.en, why.ja)).unzip();
    let (en, ja) = (whys.0.join("; "), whys.1.join("、"));
    if gaps.is_empty() {
        return text!("the packet filter was not looked at", "ファイアウォールを調べていません");
    }
    text!("the packet filter was not seen: {en}", "ファイアウォールが見えませんでした({ja})")
}
