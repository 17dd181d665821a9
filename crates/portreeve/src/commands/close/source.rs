//! `portreeve close --from ADDRESS`: keeps a source out, for a while or for good (A16).

use std::{net::IpAddr, time::Duration};

use clap::ArgMatches;
use portreeve_core::{
    facts::Foothold,
    gate::{self, BlockedSource, Body, Kept, Revision, Timeout},
    policy::Zone,
    receipt::Deed,
    text,
    words::{Text, Words},
};
use portreeve_host::observe::sessions;

use super::{
    super::plan::{CUT, WANTED},
    FOR,
};
use crate::{
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::Failure,
    look::Look,
    settings::{Settings, Verbosity},
    show::{age::length, next, out::Out},
};

const FAILED: Words = Words { en: "cannot keep the source out", ja: "送信元を遮断できません" };

/// Keeps out what `word` names.
pub(super) fn run(word: &str, own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    keep_out(word, own.get_one::<Duration>(FOR).copied(), own.get_flag(CUT), settings, out)
}

/// The same for so long, or else for good; whoever is on this host from there only where he `may_cut` himself off.
///
/// # Errors
///
/// It is no address, somebody would be cut off, or the gate cannot be changed.
pub(crate) fn keep_out(
    word: &str,
    length: Option<Duration>,
    may_cut: bool,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    out.outlive_reader(FAILED);
    let source = address(word)?;
    let timeout =
        length.map(|length| Timeout::of(length).ok_or_else(|| door::no_time(FAILED))).transpose()?;
    // Whoever may not is told so before anything else.
    drop(door::open(FAILED)?);
    if !may_cut {
        spare(source, settings)?;
    }
    let door = door::open(FAILED)?;
    door::refuse_without_confirmed(&door, FAILED)?;
    if door.standing.as_ref().is_some_and(|standing| standing.foundation.is_made_anew()) {
        return Err(undermined());
    }
    if let Some(Kept { left, .. }) = door::temporary(FAILED)?.blocked_for(BlockedSource::of(source), length) {
        // A shorter time in the place of a longer one would let it in before.
        if settings.verbosity != Verbosity::Quiet {
            out.sentences(kept_out(source, left).in_lang(settings.lang))?;
        }
        return Ok(Exit::Fine);
    }
    let block = gate::block(BlockedSource::of(source), timeout);
    let transaction = match &door.standing {
        Some(_) => block,
        None => gate::create(&Body::open(), Revision::first(door.now)).then(&block),
    };
    let until = timeout.map(|timeout| timeout.end(door.now));
    let passed = door.pass(Deed::Block { source, until, why: None }, &transaction);
    let passed = passed.map_err(|error| door::failure(error, FAILED))?;
    out.changed();
    if settings.verbosity != Verbosity::Quiet {
        out.sentences(said(source, length).in_lang(settings.lang))?;
        let undo = format!("portreeve undo {}", passed.receipt.number);
        next::print(&[undo, "portreeve gate status".into()], out)?;
    }
    see_to_next_boot(&passed, settings);
    Ok(Exit::Fine)
}

/// Refuses to keep out an address from which somebody is on this host, or from which it is managed: nobody could come back.
fn spare(source: IpAddr, settings: &Settings) -> Result<(), Failure> {
    let look = Look::take(settings, &WANTED)?;
    let zones = look.policy.as_ref().map_or(&[][..], |policy| &policy.zones);
    let is_kept_out = |foothold: &Foothold| BlockedSource::of(foothold.peer.ip) == BlockedSource::of(source);
    let why = if let Some(zone) = managing(zones, source) {
        let zone = &zone.name;
        text!(
            "this host is managed from {zone}, which {source} is in",
            "{source} は管理用のゾーン {zone} に含まれています"
        )
    } else if let Some(foothold) = sessions::footholds(&look.snapshot).into_iter().find(is_kept_out) {
        let Foothold { peer, who, .. } = foothold;
        text!(
            "somebody is on this host from {peer}, by {who}, and could not come back",
            "{peer} から {who} 経由で操作中の接続があり、再接続できなくなります"
        )
    } else {
        return Ok(());
    };
    Err(Failure::new(Exit::Refused, FAILED).because(why).hint(text!(
        "if that is what you want: --cut-my-own-session",
        "承知のうえで遮断する場合は --cut-my-own-session を指定してください"
    )))
}

/// The first zone from which this host is managed and of whose networks some part would be kept out with `source`.
fn managing(zones: &[Zone], source: IpAddr) -> Option<&Zone> {
    // Of IPv6 all of its network of 64 bits goes with it.
    let is_kept_out = |address: IpAddr| BlockedSource::of(address) == BlockedSource::of(source);
    zones.iter().filter(|zone| zone.management.is_some()).find(|zone| {
        zone.from.iter().any(|network| network.contains(&source) || is_kept_out(network.network()))
    })
}

/// Where somebody else has changed what keeps sources out, as by a table that is flushed or dormant, nothing may do so.
fn undermined() -> Failure {
    Failure::new(Exit::Refused, FAILED)
        .because(Words {
            en: "somebody else has changed what keeps sources out in the table of portreeve's, so it might let them in",
            ja: "portreeve のテーブルのうち送信元を遮断する部分がほかの手段で書き換えられており、遮断できるとは限りません",
        })
        .hint(Words {
            en: "make it anew: portreeve apply --no-trial; or take it away, and try again: portreeve off gate",
            ja: "portreeve apply --no-trial で作り直すか、portreeve off gate で取り除いてから、再度実行してください",
        })
}

fn kept_out(source: IpAddr, left: Option<Duration>) -> Text {
    let Text { en, ja } = whom(source);
    match left {
        Some(left) => {
            let Text { en: en_left, ja: ja_left } = length(left.as_secs());
            text!(
                "Nothing to do: {en} is kept out already, for {en_left} yet.",
                "変更は不要です。{ja} は既に遮断中です(残り {ja_left})。"
            )
        }
        None => text!(
            "Nothing to do: {en} is kept out already, until you undo it or the machine is rebooted.",
            "変更は不要です。{ja} は既に遮断中です(取り消すか再起動するまで)。"
        ),
    }
}

/// All who are kept out with an address, or let in again.
pub(crate) fn whom(source: IpAddr) -> Text {
    match source {
        IpAddr::V4(_) => Text { en: source.to_string(), ja: source.to_string() },
        IpAddr::V6(six) if six.is_unicast_link_local() => text!(
            "every neighbour with a link-local address (the network of 64 bits around {source})",
            "リンクローカルアドレスを使うすべての隣接ホスト({source} を含む /64)"
        ),
        IpAddr::V6(_) => text!("the network of 64 bits around {source}", "{source} を含む /64"),
    }
}

fn said(source: IpAddr, time: Option<Duration>) -> Text {
    let Text { en, ja } = whom(source);
    match time {
        Some(time) => {
            let Text { en: en_time, ja: ja_time } = length(time.as_secs());
            text!(
                "New connections from {en} are refused for {en_time}; what it has open goes on.",
                "{ja} からの新しい接続を {ja_time}遮断します。確立済みの接続は続きます。"
            )
        }
        None => text!(
            "New connections from {en} are refused until you undo it or the machine is rebooted; what it has open goes on.",
            "{ja} からの新しい接続を遮断します。取り消すか再起動するまで有効です。確立済みの接続は続きます。"
        ),
    }
}

fn such_as() -> Text {
    text!("an address of somebody outside, such as 203.0.113.7", "外部の相手のアドレス(例: 203.0.113.7)")
}

/// The address of somebody outside that `word` is.
///
/// # Errors
///
/// It is none.
pub(crate) fn address(word: &str) -> Result<IpAddr, Failure> {
    let address: IpAddr = word.parse().map_err(|_| {
        Failure::usage(text!("`{word}` is not an address", "`{word}` はアドレスではありません"))
            .hint(such_as())
    })?;
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        return Err(Failure::usage(FAILED)
            .because(text!(
                "nobody outside sends from {address}",
                "{address} を送信元とする外部の相手はいません"
            ))
            .hint(such_as()));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use portreeve_core::policy::{Management, Place};

    use super::*;

    fn zone(name: &str, from: &str, management: Option<Management>) -> Zone {
        let place = Place { file: "policy.toml".into(), line: 1, column: 1 };
        Zone { name: name.into(), from: vec![from.parse().unwrap()], interfaces: vec![], management, place }
    }

    #[test]
    fn who_is_kept_out_with_an_address_is_told() {
        let said = |source: &str| said(source.parse().unwrap(), None);
        assert!(said("203.0.113.7").en.starts_with("New connections from 203.0.113.7 are refused"));
        let network = "New connections from the network of 64 bits around 2001:db8::1 are refused";
        assert!(said("2001:db8::1").en.starts_with(network));
        let neighbours = said("fe80::1");
        assert!(neighbours.en.starts_with("New connections from every neighbour with a link-local address"));
        assert!(neighbours.ja.starts_with("リンクローカルアドレスを使うすべての隣接ホスト"));
    }

    #[test]
    fn whoever_manages_the_host_is_not_kept_out_by_mistake() {
        let zones = [
            zone("guests", "10.2.0.0/16", None),
            zone("office", "10.1.0.0/16", Some(Management::Ssh)),
            zone("desk", "2001:db8:1:2:3::/80", Some(Management::Ssh)),
            zone("far", "2001:db8:2::/48", Some(Management::Ssh)),
        ];
        for (source, expected) in [
            ("10.1.2.3", Some("office")),
            ("10.2.2.3", None),
            ("203.0.113.7", None),
            // In the same network of 64 bits, which is kept out as one.
            ("2001:db8:1:2:9::1", Some("desk")),
            ("2001:db8:1:3::1", None),
            ("2001:db8:2:7::1", Some("far")),
        ] {
            let found = managing(&zones, source.parse().unwrap()).map(|zone| zone.name.as_str());
            assert_eq!(found, expected, "{source}");
        }
    }
}
