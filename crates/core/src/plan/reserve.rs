//! Which numbers the kernel is to keep back from clients, and which it gets back (A9, A24).

mod bound;
mod left;

pub use self::left::{led_no_more, still_told};

use alloc::vec::Vec;

use super::{Change, Effect};
use crate::{
    desired::Desired,
    exposure::{ports_of, range},
    facts::Namespace,
    firewall::Intervals,
    ledger::{TooFew, enough_left},
    port::PortRange,
    text,
    words::Text,
};

/// The duties that this serves.
const ARTICLE: &[&str] = &["A9", "A24"];

/// What portreeve has the kernel keep back now, and what for; of a saved host nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptBack {
    /// What is there through portreeve.
    pub ours: Vec<PortRange>,
    /// What is wanted as the policy declared it when it was applied last.
    pub declared: Vec<PortRange>,
    /// What is wanted for other reasons.
    pub otherwise: Vec<PortRange>,
}

/// What changes of the numbers that the kernel keeps back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reservation {
    /// Kept back from now on.
    pub add: Vec<PortRange>,
    /// Given back to clients: of ours alone, never what somebody else keeps back.
    pub give_back: Vec<PortRange>,
    /// What is ours once it is done.
    pub ours: Vec<PortRange>,
}

/// What makes the kernel keep back `wanted`, where it keeps `kept` now and `ours` of that is there by an earlier change.
///
/// What somebody else keeps back already does not become ours, so that he still finds it when nobody wants it here.
#[must_use]
pub fn reserve(wanted: &[PortRange], kept: &[PortRange], ours: &[PortRange]) -> Reservation {
    let (wanted, kept, ours) = (all(wanted), all(kept), all(ours));
    let add = wanted.except(&kept);
    // What was taken from us meanwhile is not given back: whoever did that may have put his own there since.
    let standing = ours.and(&kept);
    let give_back = standing.except(&wanted);
    let ours = standing.except(&give_back).or(&add);
    Reservation { add: ranges(&add), give_back: ranges(&give_back), ours: ranges(&ours) }
}

/// All of `ports` once, in ascending order.
#[must_use]
pub fn united(ports: impl Iterator<Item = PortRange>) -> Vec<PortRange> {
    ranges(&all(&ports.collect::<Vec<_>>()))
}

/// Whether any of `united`, as [`united()`] gives them, has a number of `ports`.
#[must_use]
pub fn have_any(united: &[PortRange], ports: PortRange) -> bool {
    let behind = united.partition_point(|range| range.last < ports.first);
    united.get(behind).is_some_and(|range| range.overlaps(ports))
}

/// What is declared is not kept from clients, as they would have too few ports left: what the policy says of the gate is done all
/// the same, since a range as wide as that is one to let in, and nobody's who would miss a number of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreserved {
    /// What the kernel hands out to clients.
    pub range: PortRange,
    /// How many they would have.
    pub left: u32,
    /// How many they must have.
    pub needed: u32,
}

impl Unreserved {
    /// The token of machine output, as of a claim that is refused for the same reason.
    pub const TOKEN: &str = "no-client-ports-left";

    /// Why, in a sentence.
    #[must_use]
    pub fn why(&self) -> Text {
        let Self { range, left, needed } = self;
        text!(
            "no more of what is declared is kept from clients: of {range} they would have {left} ports left, and they need {needed}",
            "宣言したポートを新たに予約しません。予約すると {range} のうちクライアントが使えるポートが {left} 個になります(最低 {needed} 個が必要です)"
        )
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Text {
        text!(
            "declare fewer ports of it, or move it: sysctl net.ipv4.ip_local_port_range",
            "この範囲で宣言するポートを減らすか、範囲を変更してください: sysctl net.ipv4.ip_local_port_range"
        )
    }
}

impl Reservation {
    /// What the kernel keeps back once it is done, where it keeps `kept` now.
    pub(super) fn kept_after(&self, kept: &[PortRange]) -> Vec<PortRange> {
        ranges(&all(kept).or(&all(&self.add)).except(&all(&self.give_back)))
    }

    const fn is_nothing(&self) -> bool {
        self.add.is_empty() && self.give_back.is_empty()
    }
}

/// The change after which the kernel of `own` keeps from clients what is declared and it could hand out, and the one that takes
/// it back; `None` where it does.
///
/// A number that is bound is handed out to nobody, and one whose service has just been stopped is: that is when a client
/// takes it. All numbers of the client range are meant, also those that only this host reaches.
///
/// # Errors
///
/// Clients would have too few left.
pub(super) fn of_policy(
    own: &Namespace,
    desired: &Desired<'_>,
    kept: &KeptBack,
) -> Result<Option<(Change, Change)>, Unreserved> {
    let declared: Vec<PortRange> = desired.ports().iter().filter_map(bound::bound).collect();
    let wanted = ranges(&all(&declared).and(&ports_of(own.client_range)));
    let with = |ranges: &[PortRange]| [ranges, &kept.otherwise].concat();
    let change = reserve(&with(&wanted), &own.reserved, &kept.ours);
    // What only a claim has reserved so far goes with the claim.
    let is_shared = !all(&wanted).except(&all(&kept.declared)).and(&all(&kept.ours)).is_empty();
    if change.is_nothing() && !is_shared {
        return Ok(None);
    }
    let after = change.kept_after(&own.reserved);
    if !change.add.is_empty() {
        enough_left(own.client_range, after.iter().copied())
            .map_err(|TooFew { left, needed }| Unreserved { range: own.client_range, left, needed })?;
    }
    let back = reserve(&with(&kept.declared), &after, &change.ours);
    let undo = made(Effect::reserved(kept.declared.clone(), back), as_it_was());
    Ok(Some((made(Effect::reserved(wanted, change), because(own.client_range)), undo)))
}

const fn made(what: Effect, because: Text) -> Change {
    Change { what, because, article: ARTICLE }
}

fn because(range: PortRange) -> Text {
    text!(
        "of what the policy declares, the kernel could give to a client what lies in {range} and nobody has bound",
        "policy で宣言したポートのうち {range} にあるものは、待ち受けがない間にカーネルがクライアントへ割り当てる可能性があるためです"
    )
}

fn as_it_was() -> Text {
    text!("the kernel kept back no more before", "変更前の予約に戻します")
}

fn all(ranges: &[PortRange]) -> Intervals {
    ranges.iter().flat_map(|range| ports_of(*range).iter().next()).collect()
}

fn ranges(ports: &Intervals) -> Vec<PortRange> {
    ports.iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::String, vec};

    fn ports(text: &str) -> Vec<PortRange> {
        text.split_terminator(',').map(|range| range.parse().expect("a range")).collect()
    }

    fn told(wanted: &str, kept: &str, ours: &str) -> [String; 3] {
        let text = |ranges: &[PortRange]| {
            let words: Vec<String> = ranges.iter().map(alloc::string::ToString::to_string).collect();
            words.join(",")
        };
        let Reservation { add, give_back, ours } = reserve(&ports(wanted), &ports(kept), &ports(ours));
        [text(&add), text(&give_back), text(&ours)]
    }

    #[test]
    fn what_is_wanted_is_added_once() {
        assert_eq!(told("20500,20501-20503", "", ""), ["20500-20503", "", "20500-20503"]);
        assert_eq!(told("20500", "20500", "20500"), ["", "", "20500"]);
    }

    #[test]
    fn each_number_is_kept_once() {
        let twice = ports("20501-20503,20500,20502-20510,20500");
        assert_eq!(united(twice.into_iter()), ports("20500-20510"));
        let all = united(ports("20500-20502,20510,20520-20529").into_iter());
        for (asked, is_there) in [
            ("20499", false),
            ("20502-20505", true),
            ("20503-20509", false),
            ("20510", true),
            ("20511-20600", true),
            ("20530", false),
        ] {
            assert_eq!(have_any(&all, ports(asked)[0]), is_there, "{asked}");
        }
        assert!(!have_any(&[], ports("20500")[0]));
    }

    #[test]
    fn what_somebody_else_keeps_back_stays_his() {
        assert_eq!(told("20500", "20000-21000", ""), ["", "", ""]);
        assert_eq!(told("", "20000-21000", ""), ["", "", ""]);
    }

    #[test]
    fn ours_is_given_back_when_nobody_wants_it_and_not_where_it_is_gone() {
        assert_eq!(told("20501", "20500-20501", "20500-20501"), ["", "20500", "20501"]);
        assert_eq!(told("", "8080", "20500"), ["", "", ""]);
        // Somebody replaced the list as a whole: what is wanted comes back.
        assert_eq!(told("20500", "8080", "20500"), ["20500", "", "20500"]);
    }

    proptest::proptest! {
        /// Whatever is there, what is wanted is kept back afterwards, and nobody else loses anything.
        #[test]
        fn a_change_does_what_it_says(
            wanted in proptest::collection::vec(0_u16..50, 0..8),
            kept in proptest::collection::vec(0_u16..50, 0..8),
            ours in proptest::collection::vec(0_u16..50, 0..8),
        ) {
            let of = |numbers: &[u16]| numbers.iter().map(|port| PortRange::one(*port)).collect::<Vec<_>>();
            let (wanted, kept, ours) = (of(&wanted), of(&kept), of(&ours));
            let change = reserve(&wanted, &kept, &ours);
            let after = all(&kept).or(&all(&change.add)).except(&all(&change.give_back));
            proptest::prop_assert!(after.includes(&all(&wanted)));
            proptest::prop_assert!(after.includes(&all(&kept).except(&all(&ours))));
            proptest::prop_assert!(after.includes(&all(&change.ours)));
            let again = reserve(&wanted, &ranges(&after), &change.ours);
            proptest::prop_assert_eq!(again, Reservation { add: vec![], give_back: vec![], ours: change.ours });
        }
    }
}
