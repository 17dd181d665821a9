//! `portreeve close --from ADDRESS`: keeps a source out, for a while or for good (A16).

use std::{net::IpAddr, time::Duration};

use clap::ArgMatches;
use jiff::SignedDuration;
use portreeve_core::{
    facts::Foothold,
    gate::{self, BlockedSource, Body, Revision, Timeout},
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
    door::{self, tell_unkept},
    exit::Exit,
    failure::Failure,
    look,
    settings::{Settings, Verbosity},
    show::{age::length, next, out::Out},
};

const FAILED: Words = Words { en: "cannot keep the source out", ja: "送信元を遮断できません" };

/// Keeps out what `word` names.
pub(super) fn run(word: &str, own: &ArgMatches, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let source = address(word)?;
    let length = own.get_one::<Duration>(FOR).copied();
    let timeout = length.map(|length| Timeout::of(length).ok_or_else(no_time)).transpose()?;
    if !own.get_flag(CUT) {
        spare_whoever_is_here(source, settings)?;
    }
    let door = door::open(FAILED)?;
    let block = gate::block(BlockedSource::of(source), timeout);
    let transaction = match &door.standing {
        Some(_) => block,
        None => gate::create(&Body::open(), Revision::first(door.now)).then(&block),
    };
    let until = length.and_then(|length| {
        let length = SignedDuration::try_from(length).ok()?;
        door.now.checked_add(length).ok()
    });
    let passed = door.pass(Deed::Block { source, until }, &transaction);
    let passed = passed.map_err(|error| door::failure(error, FAILED))?;
    if settings.verbosity != Verbosity::Quiet {
        out.sentences(said(source, length).in_lang(settings.lang))?;
        next::print(&["portreeve undo".into(), "portreeve gate status".into()], out)?;
    }
    tell_unkept(&passed, settings);
    Ok(Exit::Fine)
}

/// Refuses to keep out an address from which somebody is on this host: he could not come back.
fn spare_whoever_is_here(source: IpAddr, settings: &Settings) -> Result<(), Failure> {
    let snapshot = look::take_snapshot(settings, &WANTED)?;
    let is_kept_out = |foothold: &Foothold| BlockedSource::of(foothold.peer.ip) == BlockedSource::of(source);
    let Some(foothold) = sessions::footholds(&snapshot).into_iter().find(is_kept_out) else { return Ok(()) };
    let Foothold { peer, who, .. } = foothold;
    Err(Failure::new(Exit::Refused, FAILED)
        .because(text!(
            "somebody is on this host from {peer}, by {who}, and could not come back",
            "{peer} から {who} 経由で操作中の接続があり、再接続できなくなります"
        ))
        .hint(text!(
            "if that is what you want: --cut-my-own-session",
            "承知のうえで遮断する場合は --cut-my-own-session を指定してください"
        )))
}

fn said(source: IpAddr, time: Option<Duration>) -> Text {
    let whom = match source {
        IpAddr::V4(_) => Text { en: source.to_string(), ja: source.to_string() },
        IpAddr::V6(_) => text!("the network of 64 bits around {source}", "{source} を含む /64"),
    };
    let Text { en, ja } = whom;
    match time {
        Some(time) => {
            let Text { en: en_time, ja: ja_time } = length(time.as_secs());
            text!(
                "New connections from {en} are refused for {en_time}; what it has open goes on.",
                "{ja} からの新しい接続を {ja_time}遮断します。確立済みの接続は続きます。"
            )
        }
        None => text!(
            "New connections from {en} are refused until you undo it; what it has open goes on.",
            "{ja} からの新しい接続を、取り消すまで遮断します。確立済みの接続は続きます。"
        ),
    }
}

fn address(word: &str) -> Result<IpAddr, Failure> {
    let address: IpAddr = word.parse().map_err(|_| {
        Failure::usage(text!("`{word}` is not an address", "`{word}` はアドレスではありません"))
            .hint(text!("an address is written so: 203.0.113.7", "アドレスの書き方: 203.0.113.7"))
    })?;
    let address = address.to_canonical();
    if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
        return Err(Failure::usage(FAILED).because(text!(
            "nobody outside sends from {address}",
            "{address} を送信元とする外部の相手はいません"
        )));
    }
    Ok(address)
}

fn no_time() -> Failure {
    Failure::usage(FAILED).because(Words {
        en: "the time is less than a millisecond or more than ten years",
        ja: "時間が 1 ミリ秒未満か、10 年を超えています",
    })
}
