//! Whom a scan is to ask, and the proof that it is ours: without one nothing is sent.

use std::{io, net::IpAddr, time::Duration};

use portreeve_core::{
    address::Address,
    exposure::network,
    outside::consent::SKEW_MAX,
    policy::Policy,
    text,
    words::{Lang, Text, Words},
};
use portreeve_host::{
    observe::links,
    scan::{
        Missing, Proof, Proven, Renewal, ScanError, Warrant,
        consent::{self as asking, Consent, Lasting},
        proof,
    },
};

use super::{ask::failed, consent, secret::secret};
use crate::{
    exit::Exit,
    failure::{Failure, io_cause},
    show::age::length,
};

/// An address that is ours.
#[derive(Debug)]
pub(crate) struct Target {
    /// The address.
    pub(crate) address: Address,
    /// The index of its interface, where the address alone is not enough; or 0.
    pub(crate) interface: u32,
    /// Why it is ours.
    pub(crate) proof: Ours,
}

/// Why an address is ours.
#[derive(Debug)]
pub(crate) enum Ours {
    /// The kernel says so.
    Here(Proof),
    /// The policy says so, and the host itself, for a time.
    Consents {
        /// What the policy calls it.
        host: String,
        /// How long.
        lasting: Lasting,
    },
}

impl Target {
    /// What `word` means; of a host with several addresses the first that is proven.
    ///
    /// # Errors
    ///
    /// Where it is no address of one host, or nothing proves that it is ours: refused, and nothing was sent, no question about its
    /// name either.
    pub(super) fn meant(word: &str, policy: Option<&Policy>) -> Result<Self, Failure> {
        let mut refused = Vec::new();
        for address in addresses(word, policy) {
            match Self::proven(Address { ip: address.ip.to_canonical(), ..address }, policy) {
                Ok(target) => return Ok(target),
                Err(failure) => refused.push(failure),
            }
        }
        match refused.len() {
            0 => Err(no_address(word)),
            1 => Err(refused.remove(0)),
            _ => Err(none_of_them(word, &refused)),
        }
    }

    fn proven(address: Address, policy: Option<&Policy>) -> Result<Self, Failure> {
        let interface = index(&address)?;
        let shown = address.to_string();
        let proven = proof(address.ip, interface).map_err(|error| {
            refused(&shown)
                .because(text!(
                    "whose it is cannot be found out: {error}",
                    "誰のアドレスかを確認できません({error})"
                ))
                .because(io_cause(&error.errno().into()))
        })?;
        let proof = match proven {
            Ok(proof) => Ours::Here(proof),
            Err(missing) => agreed(&address, interface, &missing, policy)?,
        };
        Ok(Self { address, interface, proof })
    }

    /// The address alone.
    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip
    }

    /// What says that it is ours, to be held on to.
    ///
    /// # Errors
    ///
    /// Where the kernel or a sandbox refuses rtnetlink, or the secret cannot be read any more.
    pub(super) fn hold(&self, policy: Option<&Policy>) -> Result<Warrant, Failure> {
        let (ip, interface) = (self.ip(), self.interface);
        let held = match &self.proof {
            Ours::Here(proof) => Proven::hold(ip, interface, proof.clone())
                .map(Warrant::Proven)
                .map_err(|error| ScanError::Call("hear of changes", io::Error::other(error))),
            Ours::Consents { .. } => {
                Renewal::of(ip, interface, consent::port(policy), secret(policy)?).map(Warrant::Consent)
            }
        };
        held.map_err(|error| failed(&error))
    }

    /// How long it may still be scanned, where it says so itself.
    pub(crate) fn left(&self) -> Option<Duration> {
        let Ours::Consents { lasting, .. } = &self.proof else { return None };
        Some(lasting.left())
    }

    /// Whether it is this very host, whose packets to itself never leave it.
    pub(crate) fn is_this_host(&self) -> bool {
        matches!(self.proof, Ours::Here(Proof::Own(_)))
    }
}

/// The addresses that are meant: the one that is written, or those of a host that the policy calls so.
fn addresses(word: &str, policy: Option<&Policy>) -> Vec<Address> {
    if let Ok(address) = word.parse() {
        return vec![address];
    }
    let mut hosts = policy.into_iter().flat_map(|policy| &policy.hosts);
    hosts.find(|host| host.name == word).map(|host| host.addresses.clone()).unwrap_or_default()
}

/// Asks a host that the policy declares whether it consents; whichever is not declared is not even asked.
fn agreed(
    address: &Address,
    interface: u32,
    missing: &Missing,
    policy: Option<&Policy>,
) -> Result<Ours, Failure> {
    let shown = address.to_string();
    let mut hosts = policy.into_iter().flat_map(|policy| &policy.hosts);
    let declared = hosts.find(|host| host.addresses.iter().any(|own| own.is_same_place(address)));
    let is_possible = !matches!(missing, Missing::NotOne | Missing::NoRoute);
    let Some(host) = declared.filter(|_| is_possible) else { return Err(not_ours(&shown, missing)) };
    let (secret, port) = (secret(policy)?, consent::port(policy));
    let asked = asking::ask(address.ip, interface, port, &secret).map_err(|error| failed(&error))?;
    let cause = match asked {
        Consent::For(lasting) => return Ok(Ours::Consents { host: host.name.clone(), lasting }),
        Consent::Ended => text!("its consent is over", "許可は終了しています"),
        Consent::AtAnotherTime(ahead) => {
            return Err(unscanned(&shown).because(apart(ahead)).hint(text!(
                "set both clocks: timedatectl",
                "両方のホストの時刻を合わせてください: timedatectl"
            )));
        }
        Consent::Stranger => text!(
            "who answers there has another secret, or is another host",
            "応答はありましたが、鍵が異なるか、別のホストです"
        ),
        Consent::Silence => text!(
            "it does not consent: nobody answers at {port}/udp who has the same secret",
            "許可されていません: 同じ鍵を持つ応答が {port}/udp からありません"
        ),
    };
    Err(unscanned(&shown).because(cause).hint(text!(
        "on that host, as root: portreeve scan --consent",
        "対象のホストで root として実行してください: portreeve scan --consent"
    )))
}

fn unscanned(shown: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        text!(
            "{shown} is not scanned: no port of it was asked",
            "{shown} はスキャンしません(どのポートも調べていません)"
        ),
    )
}

/// That none of the addresses of a host is scanned, and why each is not.
fn none_of_them(word: &str, refused: &[Failure]) -> Failure {
    let failure = refused.iter().fold(unscanned(word), |all, one| {
        let [(en, _), (ja, _)] = [Lang::En, Lang::Ja].map(|lang| one.whole(lang));
        all.because(Text { en, ja })
    });
    let hints = [Lang::En, Lang::Ja].map(|lang| {
        let mut hints: Vec<_> = refused.iter().filter_map(|one| one.whole(lang).1).collect();
        hints.dedup();
        hints.join("; ")
    });
    let [en, ja] = hints;
    if en.is_empty() { failure } else { failure.hint(Text { en, ja }) }
}

/// That the clock there is so many seconds ahead of this one, or behind it.
fn apart(ahead: i64) -> Text {
    let [Text { en, ja }, most] = [ahead.unsigned_abs(), SKEW_MAX.as_secs()].map(length);
    let (en_most, ja_most) = (most.en, most.ja);
    if ahead < 0 {
        return text!(
            "its clock is {en} behind the one here, and {en_most} are the most",
            "対象の時計がこのホストより {ja}遅れています(許容範囲は {ja_most})"
        )
        .close_up();
    }
    text!(
        "its clock is {en} ahead of the one here, and {en_most} are the most",
        "対象の時計がこのホストより {ja}進んでいます(許容範囲は {ja_most})"
    )
    .close_up()
}

/// The index of the interface that a link-local address belongs to.
fn index(address: &Address) -> Result<u32, Failure> {
    let is_local = matches!(address.ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    let Some(name) = &address.interface else {
        return if is_local { Err(no_interface(&address.to_string())) } else { Ok(0) };
    };
    let links = links::list().unwrap_or_default();
    let link = links.iter().find(|link| *link.name == **name);
    link.map(|link| link.index).ok_or_else(|| {
        Failure::usage(text!("there is no interface `{name}`", "`{name}` というインターフェースはありません"))
    })
}

fn no_interface(address: &str) -> Failure {
    Failure::usage(text!(
        "{address} is there on each interface, and which one is meant is not said",
        "{address} はどのインターフェースにもあり得るため、対象を特定できません"
    ))
    .hint(text!("name it: {address}%eth0", "インターフェースを付けてください: {address}%eth0"))
}

fn no_address(word: &str) -> Failure {
    if network(word).is_some() {
        return refused(word).because(Words {
            en: "it is a network; a scan asks one host, which is proven to be ours",
            ja: "ネットワークです。スキャンできるのは、自分のものと確認できた 1 台のホストだけです",
        });
    }
    // A name is not looked up: whoever answers could name anybody, and the question alone tells of us.
    refused(word).because(Words {
        en: "it is no address, and names are not looked up: who answers could name anybody",
        ja: "アドレスではありません。名前は解決しません(応答次第で、他人のホストが対象になり得るため)",
    })
}

fn refused(word: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        text!(
            "{word} is not scanned, and nothing was sent",
            "{word} はスキャンしません(何も送信していません)"
        ),
    )
    .hint(Words {
        en: "scan an address of this host, or of a namespace or container on it: ip address, ip netns",
        ja: "このホスト、またはその名前空間やコンテナのアドレスを指定してください: ip address、ip netns",
    })
}

fn not_ours(word: &str, missing: &Missing) -> Failure {
    refused(word).because(why(missing))
}

fn why(missing: &Missing) -> Text {
    match missing {
        Missing::NotOne => text!(
            "it is no address of one host (it is of all on a link, of a group, or of nobody)",
            "1 台のホストのアドレスではありません(ブロードキャスト、マルチキャスト、または未指定アドレス)"
        ),
        Missing::NoRoute => text!(
            "nothing proves that it is ours: it is no address of this host, and no route leads there",
            "自分のものと確認できません: このホストのアドレスではなく、経路もありません"
        ),
        Missing::Router(interface) => text!(
            "nothing proves that it is ours: packets to it leave by {interface} to a router",
            "自分のものと確認できません: パケットは {interface} からルーターへ出ていきます"
        ),
        Missing::NoWire(interface) => text!(
            "nothing proves that it is ours: packets to it leave by {interface}, behind which may be anybody",
            "自分のものと確認できません: パケットは {interface} から出ていき、その先は誰のホストか分かりません"
        ),
        Missing::Wrapped(how) => text!(
            "nothing proves that it is ours: the route to it wraps or rewrites packets (encap {how}), and they may go anywhere",
            "自分のものと確認できません: 経路がパケットをカプセル化または書き換えるため(encap {how})、宛先が別のホストになり得ます"
        ),
        Missing::RuledByPort => text!(
            "nothing proves that it is ours: a rule of routing chooses by port (ip -6 rule), and may lead packets anywhere",
            "自分のものと確認できません: ポートで経路を選ぶルール(ip -6 rule)があり、パケットが別のホストへ届き得ます"
        ),
        Missing::NobodyThere(interface) => text!(
            "nothing proves that it is ours: no network namespace that you may enter has it at the other end of {interface}",
            "自分のものと確認できません: {interface} の先にあって入れるネットワーク名前空間に、このアドレスはありません"
        ),
    }
}
