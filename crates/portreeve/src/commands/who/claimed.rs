//! Who has claimed what was asked for, whether or not somebody is there (A24).

use portreeve_core::{
    ledger::{Claim, State},
    text,
    words::{Text, Words},
    world::{Claimed, World},
};

use crate::{
    asked::Asked,
    failure::Failure,
    show::{escape::visible, gaps, out::Out},
};

/// More claims of a range are counted, not told.
const CLAIMS_MAX: usize = 8;

/// The claims that take a number of what was asked for.
pub(in crate::commands) fn of<'a>(world: &World<'a>, asked: &[Asked]) -> Vec<Claimed<'a>> {
    let is_asked = |claim: &Claim| {
        asked.iter().any(|asked| {
            asked.protocol.is_none_or(|protocol| protocol == claim.protocol)
                && asked.range.overlaps(claim.ports)
        })
    };
    world.standing_claims().filter(|claimed| is_asked(claimed.claim)).collect()
}

/// Says of each claim that takes a number of what was asked for whose it is, and how it stands; and where the ledger could
/// not be asked, that.
pub(super) fn print(world: &World<'_>, asked: &[Asked], out: &mut Out) -> Result<(), Failure> {
    let claims = of(world, asked);
    for claimed in claims.iter().take(CLAIMS_MAX) {
        out.line(&format!("  {}", visible(text(claimed).in_lang(out.lang))))?;
    }
    let more = claims.len().saturating_sub(CLAIMS_MAX);
    if more > 0 {
        let said = text!("{more} more claims: portreeve claims", "ほか {more} 件の申請: portreeve claims");
        out.line(&format!("  {}", said.in_lang(out.lang)))?;
    }
    print_unread(world, out)
}

/// Says that the ledger could not be asked, where that is so.
pub(in crate::commands) fn print_unread(world: &World<'_>, out: &mut Out) -> Result<(), Failure> {
    let mut unread = world.snapshot.gaps.iter().filter(|gap| gap.hides_claims());
    unread.try_for_each(|gap| out.sentences(&gaps::line(gap, out.lang)))
}

/// Whose claim it is, and how it stands.
pub(in crate::commands) fn text(Claimed { claim, state }: &Claimed<'_>) -> Text {
    let Claim { name, claimant, scope, .. } = claim;
    let (spec, uid, Words { en, ja }) = (claim.spec(), claimant.uid, stands(*state));
    let since = claim.since.strftime("%Y-%m-%d");
    text!(
        "{spec} is claimed for {name} by user {uid} since {since} ({scope}): {en}",
        "{spec} は {name} 用に申請済み(ユーザー {uid}、{since} から、{scope}): {ja}"
    )
}

const fn stands(state: State) -> Words {
    match state {
        State::Held => Words { en: "its claimant listens there", ja: "申請者が待ち受けています" },
        State::Unbound => Words { en: "nobody listens there", ja: "誰も待ち受けていません" },
        State::Stolen => {
            Words { en: "somebody else listens there", ja: "申請者以外が待ち受けています" }
        }
        State::Stale => Words { en: "it has ended", ja: "終了しています" },
        State::Elsewhere => Words {
            en: "who listens there is not seen from here",
            ja: "待ち受けはここから確認できません",
        },
    }
}
