//! Why somebody is suspected, as a sum, and what would have to change for him to be treated otherwise (A19, A26).

use super::{
    Kind, Mercy, Reaction, Suspicion,
    score::{SERVED, TCP, UDP, ratio},
};
use crate::{port::Protocol, text, words::Text};

impl Suspicion {
    /// What adds up to it.
    #[must_use]
    pub fn sum(&self) -> Text {
        match self.kind {
            Kind::PortScan | Kind::OwnScan => self.sum_of_scan(),
            Kind::DistributedScan => text!(
                "twenty sources that ask for one to three ports of nobody's each within ten minutes are too many, of one network or for one port, where they are ten times as many as are usual for that port (the median of seven days)",
                "10 分間に、誰のものでもないポート 1〜3 個に接触した送信元が、1 つのネットワークから、または 1 つのポートに対して 20 個に達し、そのポートの平常(7 日間の中央値)の 10 倍以上になると疑います"
            ),
            Kind::BruteForce | Kind::PasswordSpray => text!(
                "five failed logins in ten minutes, or ten in a day, are too many, where not a quarter as many are good; a good one takes four back",
                "10 分間に 5 回、または 1 日に 10 回のログイン失敗で疑います(成功が失敗の 4 分の 1 未満の場合)。成功 1 回で失敗 4 回を帳消しにします"
            ),
            Kind::DistributedBruteForce => text!(
                "twenty sources that fail once or twice each within ten minutes are too many, where four times as many fail as are let in",
                "10 分間に、1、2 回ずつ失敗した送信元が 20 個に達すると疑います(成功の 4 倍以上の場合)"
            ),
            Kind::PathProbing => text!(
                "five known paths of scanners that are refused are too many, or twenty others that are not there and to which no page led",
                "スキャナー特有のパスへの拒否 5 個、または存在しないパス 20 個(Referer のある要求を除く)で疑います"
            ),
        }
    }

    fn sum_of_scan(&self) -> Text {
        let (count, likely, each) = (self.contacts, self.ratio(), self.weights());
        let Text { en: en_less, ja: ja_less } = self.lessened();
        text!(
            "{count} contacts, {each}{en_less}: {likely} times as likely that he probes as that he does not; from 99 on he is told of",
            "接触 {count} 回({each}){ja_less}により、探査である見込みは {likely} 倍(99 倍以上で疑います)"
        )
    }

    /// What each contact weighs, by protocol.
    fn weights(&self) -> &'static str {
        let has = |protocol| self.ports.iter().any(|contact| contact.protocol == protocol);
        match (has(Protocol::Tcp), has(Protocol::Udp)) {
            (true, true) => "tcp ×4, udp ×2",
            (false, true) => "udp ×2",
            _ => "tcp ×4",
        }
    }

    /// What makes it less than that; nothing where nothing does, or where nobody knows of each contact which it was.
    fn lessened(&self) -> Text {
        let is_all = |protocol| self.ports.iter().all(|contact| contact.protocol == protocol);
        let each = if is_all(Protocol::Tcp) { TCP } else { UDP };
        let whole = each.saturating_mul(i16::try_from(self.contacts).unwrap_or(i16::MAX));
        if !is_all(Protocol::Tcp) && !is_all(Protocol::Udp) || ratio(whole) <= self.ratio() {
            return Text::default();
        }
        if ratio(whole + SERVED) == self.ratio() {
            return text!(", ×¼ as he came for a service", "、サービスへの接続により 4 分の 1");
        }
        text!(", less as some of it is long ago", "、時間の経過による減少")
    }
}

impl Reaction {
    /// What would have to change for him to be treated otherwise.
    #[must_use]
    pub fn otherwise(&self) -> Text {
        match self {
            Self::Block(_) => text!(
                "portreeve watch forgive lets him in again; allow in [watch] keeps him from being blocked",
                "portreeve watch forgive で解除できます。今後も遮断しない場合は [watch] の allow に追加してください"
            ),
            Self::WouldBlock(_) => text!(
                "the policy only observes; mode = \"block\" in [watch] would have him blocked",
                "policy が監視のみの設定です。[watch] に mode = \"block\" と書くと遮断します"
            ),
            Self::Spare(mercy) => mercy.otherwise(),
        }
    }
}

impl Mercy {
    fn otherwise(&self) -> Text {
        match self {
            Self::Unproven => text!(
                "once he finishes a handshake, his address is his own, and he is told of once more",
                "ハンドシェイクが完了すれば実在が確認でき、改めて判定します"
            ),
            Self::Bond(bond) => {
                let Text { en, ja } = bond.text();
                text!("he is never blocked: {en}", "遮断の対象外です: {ja}")
            }
            Self::Consent(_) => text!(
                "this host had told him that he may scan it; what he does after that is judged anew",
                "このホストがスキャンを許可した相手です。許可の終了後の行為は、改めて判定します"
            ),
            Self::Group => text!(
                "nobody is blocked for what many do; whoever does more is told of by himself",
                "多数による行為では遮断しません。個別に多くを行った送信元は、別に判定します"
            ),
            Self::KeptOut(_) => text!(
                "the gate kept him out already, for as long at least; whoever goes on after that is judged again",
                "判定の時点で、すでに同じ長さ以上の遮断中でした。その終了後も続ける場合は改めて判定します"
            ),
            Self::Limit(_) => text!(
                "blocks_per_minute_max in [watch] allows no more at a time; whoever goes on is judged again",
                "[watch] の blocks_per_minute_max などの上限によります。続ける場合は改めて判定します"
            ),
            Self::NoGate => text!(
                "without a gate nobody can be blocked: portreeve apply",
                "遮断にはゲートが必要です: portreeve apply"
            ),
            Self::Undermined => text!(
                "somebody else has changed the gate: portreeve apply puts it right",
                "ゲートがほかの手段で書き換えられています: portreeve apply で修復できます"
            ),
            Self::Failed => text!(
                "it was tried and could not be done; whoever goes on is judged again",
                "遮断を試みましたが失敗しました。続ける場合は改めて判定します"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use jiff::Timestamp;

    use super::*;
    use crate::watch::{Confidence, Contact, Source};

    fn scan(tcp: u16, udp: u16, score: i16) -> Suspicion {
        let contacts = |protocol, count| (0..count).map(move |port| Contact { protocol, port });
        let ports: Vec<_> = contacts(Protocol::Tcp, tcp).chain(contacts(Protocol::Udp, udp)).collect();
        let at = Timestamp::UNIX_EPOCH;
        Suspicion {
            at,
            source: Source::of("203.0.113.7".parse().unwrap()),
            kind: Kind::PortScan,
            confidence: Confidence::Proven,
            score,
            first: at,
            last: at,
            contacts: u32::from(tcp + udp),
            ports,
            service: None,
            users: 0,
            welcomed: 0,
            group: None,
        }
    }

    #[test]
    fn the_sum_says_how_it_comes_to_be_so_likely() {
        let told = |tcp, udp, score| scan(tcp, udp, score).sum().en;
        assert!(told(4, 0, 64).starts_with("4 contacts, tcp ×4: 256 times"), "{}", told(4, 0, 64));
        assert!(told(0, 7, 56).starts_with("7 contacts, udp ×2: 128 times"), "{}", told(0, 7, 56));
        assert!(told(3, 1, 56).starts_with("4 contacts, tcp ×4, udp ×2: 128 times"), "{}", told(3, 1, 56));
        assert!(told(5, 0, 64).contains(", ×¼ as he came for a service: 256 times"), "{}", told(5, 0, 64));
        assert!(told(5, 0, 60).contains(", less as some of it is long ago: 181 times"), "{}", told(5, 0, 60));
    }

    #[test]
    fn somebody_reads_back_as_he_was_written() {
        let one = scan(2, 2, 56);
        let text = serde_json::to_string(&one).unwrap();
        assert!(
            text.contains(r#""source":"203.0.113.7","kind":"port-scan","confidence":"proven""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Suspicion>(&text).unwrap(), one);
    }
}
