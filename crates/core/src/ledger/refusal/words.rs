//! What a refusal says, and what to do about it.

use alloc::{
    format,
    string::{String, ToString as _},
    vec,
    vec::Vec,
};

use super::{Claim, Declared, Full, Refusal};
use crate::{
    facts::Listener,
    ledger::{Lease, Scope, State},
    shell, text,
    words::{Text, Words},
};

/// Lists what stands.
const CLAIMS: &str = "portreeve claims";

impl Refusal {
    /// Why, in a sentence.
    #[must_use]
    pub fn why(&self) -> Text {
        match self {
            Self::Held(claim, state) => held(claim, *state),
            Self::Declared(Declared { service, place, spec })
            | Self::NameDeclared(Declared { service, place, spec }) => text!(
                "the policy declares {spec} for {service} ({place})",
                "policy で {spec} が {service} に宣言されています({place})"
            ),
            Self::Bound(listener) => bound(listener),
            Self::Published { address, spec } => text!(
                "{spec} on {address} is passed on to a container",
                "{address} の {spec} はコンテナに転送されています"
            ),
            Self::KeptBack(spec) => text!(
                "the kernel keeps {spec} from clients for somebody, such as a claim in another ledger",
                "{spec} はカーネルで予約されています(別の台帳の申請など、ほかの用途のためです)"
            ),
            Self::OfOthers { spec, ledger } => text!(
                "another ledger of this host claims {spec}: {ledger}",
                "{spec} はこのホストの別の台帳({ledger})で申請済みです"
            ),
            Self::NameHolds(claim) => name_holds(claim),
            Self::WellKnown { spec, assigned: Some(name) } => {
                text!("{spec} is the well-known port of {name}", "{spec} は {name} のウェルノウンポートです")
            }
            Self::WellKnown { spec, assigned: None } => text!(
                "{spec} is a well-known port, which IANA assigns",
                "{spec} は IANA が割り当てるウェルノウンポートです"
            ),
            Self::PoolFull(full) => full.why(),
            Self::NotYours(claim) => not_yours(claim),
            Self::Moved(claim) => moved(claim),
            Self::NoSuchClaim { name, beside: None } => {
                text!("there is no claim called {name}", "{name} という名前の申請はありません")
            }
            Self::NoSuchClaim { name, beside: Some(claim) } => {
                let Claim { scope, protocol, .. } = &**claim;
                text!(
                    "the claim called {name} is of {protocol}, in {scope}",
                    "{name} という名前の申請は {protocol}、有効範囲 {scope} のものだけです"
                )
            }
            Self::EndsOtherwise(claim) => ends_otherwise(claim),
            Self::Ended(claim) => {
                let (name, spec) = (&claim.name, claim.spec());
                text!("{name} ({spec}) has ended", "{name}({spec})の申請は既に終わっています")
            }
            Self::ForGood(claim) => {
                let (name, spec) = (&claim.name, claim.spec());
                text!(
                    "{name} ({spec}) is claimed for good: it has no end to put off",
                    "{name}({spec})は無期限の申請のため、延長の必要がありません"
                )
            }
            Self::IdTaken(claim) => {
                let name = &claim.name;
                text!(
                    "the claim called {name} was asked for with the same id",
                    "{name} という名前の申請が同じ id で登録されています"
                )
            }
            Self::NoClientPortsLeft { left, needed } => text!(
                "clients of this host would have {left} ports left, and need {needed}",
                "このホストのクライアントが使えるポートが {left} 個になります(最低 {needed} 個が必要です)"
            ),
            Self::LedgerFull => text!("the ledger is full", "台帳が上限に達しています"),
        }
    }

    /// Commands that show more of whoever stands in the way.
    #[must_use]
    pub fn commands(&self) -> Vec<String> {
        match self {
            Self::Bound(listener) => {
                vec![format!("portreeve who {}/{}", listener.port, listener.protocol)]
            }
            Self::Published { spec, .. } => vec![format!("portreeve why {spec}")],
            Self::Declared(Declared { spec, .. }) | Self::NameDeclared(Declared { spec, .. }) => {
                vec![format!("portreeve why {spec}")]
            }
            Self::PoolFull(_) | Self::LedgerFull => vec!["portreeve claims --state stale".into()],
            Self::OfOthers { ledger, .. } => vec![listing(ledger)],
            Self::KeptBack(_) => vec!["sysctl net.ipv4.ip_local_reserved_ports".into()],
            Self::WellKnown { spec, .. } => vec![format!("portreeve explain {}", spec.range.first)],
            Self::NameHolds(claim) | Self::EndsOtherwise(claim) | Self::ForGood(claim) => {
                vec![claim.release(), CLAIMS.into()]
            }
            Self::Ended(claim) => vec![again(claim), CLAIMS.into()],
            Self::Held(..)
            | Self::NotYours(_)
            | Self::Moved(_)
            | Self::NoSuchClaim { .. }
            | Self::IdTaken(_) => vec![CLAIMS.into()],
            Self::NoClientPortsLeft { .. } => vec!["sysctl net.ipv4.ip_local_port_range".into()],
        }
    }

    /// The claim that stands in the way, where it is one.
    #[must_use]
    pub fn claim(&self) -> Option<&Claim> {
        match self {
            Self::Held(claim, _)
            | Self::NameHolds(claim)
            | Self::NotYours(claim)
            | Self::Moved(claim)
            | Self::EndsOtherwise(claim)
            | Self::ForGood(claim)
            | Self::Ended(claim)
            | Self::IdTaken(claim) => Some(claim),
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Text {
        match self {
            Self::Held(..) | Self::Declared(_) => text!(
                "take any other: leave the number out",
                "番号を省略すると、空いている番号が割り当てられます"
            ),
            Self::NameDeclared(_) => text!(
                "it has that port without a claim; to get another one, use another name",
                "宣言済みのポートは申請しなくても使えます。別のポートが必要な場合は、別の名前で申請してください"
            ),
            Self::Bound(_) | Self::Published { .. } => text!(
                "leave the number out to get a free one, or claim it for whoever listens there: --force-bound (for another user only root does)",
                "番号を省略すると空いている番号が割り当てられます。待ち受け中のプロセスのために申請する場合は --force-bound を指定してください(他ユーザーのプロセスのために申請できるのは root だけです)"
            ),
            Self::KeptBack(_) => text!(
                "leave the number out to get a free one; if it is kept for you: --force-bound",
                "番号を省略すると空いている番号が割り当てられます。自分のための予約であれば --force-bound を指定してください"
            ),
            Self::OfOthers { ledger, .. } => {
                let listing = listing(ledger);
                text!(
                    "leave the number out to get a free one, or release it there first: {listing} (with --repair where it has ended there)",
                    "番号を省略すると空いている番号が割り当てられます。この番号を使う場合は、先にその台帳で解放してください: {listing}(そこで既に終わっている申請であれば --repair を付ける)"
                )
            }
            Self::NameHolds(claim) => give_up(claim),
            Self::WellKnown { .. } => text!(
                "if that is meant: --well-known",
                "承知のうえで使う場合は --well-known を指定してください"
            ),
            Self::PoolFull(_) => text!(
                "give up what nobody uses (portreeve claims --state stale), or widen the pool in the policy",
                "使われていない申請を解放する(portreeve claims --state stale で確認)か、policy でプールを広げてください"
            ),
            Self::NotYours(_) => text!(
                "ask its claimant or root to release it, or use another name",
                "申請者または root に解放を依頼するか、別の名前を使ってください"
            ),
            Self::Moved(_) => {
                text!("look at it again: portreeve claims", "最新の状態を確認してください: portreeve claims")
            }
            Self::NoSuchClaim { beside: Some(claim), .. } => {
                let Claim { scope, protocol, .. } = &**claim;
                text!(
                    "if that one is meant: --protocol {protocol} --scope {scope}",
                    "その申請を指す場合は --protocol {protocol} --scope {scope} を指定してください"
                )
            }
            Self::NoSuchClaim { beside: None, .. } => {
                text!("portreeve claims lists them", "portreeve claims で一覧を確認できます")
            }
            Self::EndsOtherwise(claim) => give_up_or_part(claim),
            Self::Ended(claim) => claim_again(claim),
            Self::ForGood(claim) => give_up_and_lend(claim),
            Self::IdTaken(_) => text!("ask with another id", "別の id で申請してください"),
            Self::NoClientPortsLeft { .. } => text!(
                "claim fewer ports, or ports outside net.ipv4.ip_local_port_range",
                "申請するポートを減らすか、net.ipv4.ip_local_port_range の範囲外のポートを使ってください"
            ),
            Self::LedgerFull => text!(
                "give up what nobody uses: portreeve claims --state stale",
                "使われていない申請を解放してください(portreeve claims --state stale で確認)"
            ),
        }
    }
}

fn give_up(claim: &Claim) -> Text {
    let release = claim.release();
    text!(
        "use another name, or give that one up first: {release}",
        "別の名前を使うか、先に {release} で解放してください"
    )
}

fn give_up_or_part(claim: &Claim) -> Text {
    let release = claim.release();
    text!(
        "use a name for each who asks (such as one with $$), or release it first: {release}",
        "利用者ごとに別の名前を使う(例: $$ を含める)か、先に {release} で解放してください"
    )
}

fn give_up_and_lend(claim: &Claim) -> Text {
    let release = claim.release();
    text!(
        "to give it an end, release it and claim it with --lease: {release}",
        "期限を付けるには、{release} で解放してから --lease 付きで申請し直してください"
    )
}

fn held(claim: &Claim, state: State) -> Text {
    let Claim { name, scope, claimant, .. } = claim;
    let since = claim.since.strftime("%Y-%m-%d %H:%M:%SZ");
    let (spec, uid) = (claim.spec(), claimant.uid);
    let Words { en, ja } = match state {
        State::Held => Words { en: "its claimant listens there", ja: "申請者が待ち受け中" },
        State::Stolen => Words { en: "somebody else listens there", ja: "申請者以外が待ち受け中" },
        State::Unbound | State::Stale => {
            Words { en: "nobody listens there", ja: "待ち受けているプロセスなし" }
        }
        State::Elsewhere => Words {
            en: "who listens there is not seen from here",
            ja: "待ち受けはここから確認不可",
        },
    };
    text!(
        "{spec} is claimed: {name}, by user {uid} since {since} ({scope}); {en}",
        "{spec} は申請済みです: {name}(ユーザー {uid}、{since} から、{scope}、{ja})"
    )
}

fn bound(listener: &Listener) -> Text {
    let Listener { address, port, protocol, .. } = listener;
    match listener.uid {
        Some(uid) => text!(
            "a process of user {uid} listens on {address} at {port}/{protocol}",
            "ユーザー {uid} のプロセスが {address} の {port}/{protocol} で待ち受けています"
        ),
        None => text!(
            "somebody listens on {address} at {port}/{protocol}",
            "{address} の {port}/{protocol} で待ち受けているプロセスがあります"
        ),
    }
}

fn name_holds(claim: &Claim) -> Text {
    let (name, spec) = (&claim.name, claim.spec());
    match &claim.address {
        Some(address) => {
            text!("{name} has {spec} on {address}", "{name} は {address} の {spec} を持っています")
        }
        None => text!("{name} has {spec}", "{name} は {spec} を持っています"),
    }
}

fn not_yours(claim: &Claim) -> Text {
    let (name, spec, uid) = (&claim.name, claim.spec(), claim.claimant.uid);
    text!("{name} ({spec}) is the claim of user {uid}", "{name}({spec})はユーザー {uid} の申請です")
}

/// As far as it can be told to somebody who knows the machine.
fn ends_otherwise(claim: &Claim) -> Text {
    let (name, spec) = (&claim.name, claim.spec());
    match &claim.lease {
        Lease::While { process } => {
            let pid = process.pid;
            text!(
                "{name} ({spec}) is claimed while process {pid} lives, and would end with it",
                "{name}({spec})はプロセス {pid} が動いている間だけの申請で、そのプロセスの終了とともに失効します"
            )
        }
        Lease::Until { until, .. } => {
            let until = until.strftime("%Y-%m-%d %H:%M:%SZ");
            text!("{name} ({spec}) is claimed until {until}", "{name}({spec})は {until} までの申請です")
        }
        Lease::Permanent => text!("{name} ({spec}) is claimed", "{name}({spec})は申請済みです"),
    }
}

/// With its number, which a name alone gets only where nobody chose one.
fn claim_again(claim: &Claim) -> Text {
    let again = again(claim);
    text!(
        "claim it again: {again} gets the same port where it is still free",
        "{again} で申請し直してください(空いていれば同じポートが割り当てられます)"
    )
}

/// Lists what stands in another `ledger`.
fn listing(ledger: &str) -> String {
    format!("{CLAIMS} --ledger {}", shell::quoted(ledger))
}

/// Claims the same, for as long.
fn again(claim: &Claim) -> String {
    let quoted = |option: &str, word: &str| format!(" --{option} {}", shell::quoted(word));
    let scope = match &claim.scope {
        Scope::Fleet | Scope::Netns(_) => quoted("scope", &claim.scope.to_string()),
        // Of whoever asks.
        Scope::Host(_) | Scope::User(_) => String::new(),
    };
    let address = claim.address.as_ref().map(|address| quoted("address", &address.to_string()));
    let device = claim.device.as_ref().map(|device| quoted("device", device));
    let lease = match &claim.lease {
        Lease::Permanent => None,
        Lease::Until { until, .. } => {
            Some(format!(" --lease {}s", until.duration_since(claim.since).as_secs().max(1)))
        }
        Lease::While { .. } => Some(" --while-pid $$".into()),
    };
    let options: String = [Some(scope), address, device, lease].into_iter().flatten().collect();
    format!("portreeve claim {} {}{options}", shell::quoted(claim.name.as_str()), claim.spec())
}

fn moved(claim: &Claim) -> Text {
    let (name, revision) = (&claim.name, claim.revision);
    text!("{name} has revision {revision} by now", "{name} の現在のリビジョンは {revision} です")
}

impl Full {
    fn why(self) -> Text {
        let Self { pool, claimed, declared, bound, reserved } = self;
        text!(
            "no port of the pool {pool} is free: {claimed} claimed, {declared} declared, {bound} in use, {reserved} reserved or assigned by IANA",
            "プール {pool} に空きがありません(申請済み {claimed}、宣言済み {declared}、使用中 {bound}、予約または IANA 割り当て済み {reserved})"
        )
    }
}
