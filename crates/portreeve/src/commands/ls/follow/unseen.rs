//! Says once what cannot be seen or heard, and what can no longer be seen.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
};

use portreeve_core::{
    facts::{Gap, GapKind, Listener},
    port::Protocol,
    text,
    words::{Text, Words, inflect},
};

use super::{Filter, heard::Heard, round::Seen};
use crate::{
    settings::{Settings, Verbosity},
    show::gaps,
};

const ASK_DOCTOR: Words = Words {
    en: "portreeve doctor says which way of looking is closed",
    ja: "どの取得方法が使えないかは portreeve doctor で確認できます",
};

/// What makes a gap another one than those that were said: its count changes with every look.
type Reason = (GapKind, String);

/// What was said.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    gaps: Once<Reason>,
    out_of_sight: Once<()>,
}

impl Unseen {
    /// What a first look did not see, and whether only looks tell of changes.
    pub(super) fn begin(seen: &Seen<'_, '_>, heard: &Heard, filter: &Filter, settings: &Settings) -> Self {
        let shown = seen.shown();
        let gaps = gaps_that_last(seen, &shown, filter);
        let mut lines: Vec<_> = gaps.iter().map(|gap| gaps::line(gap, settings.lang)).collect();
        if !gaps.iter().any(|gap| gap.hides_holders()) {
            lines.extend(gaps::holder_lines(&shown, settings.lang));
        }
        let unheard = unheard(heard.hears(Protocol::Tcp), heard.hears(Protocol::Udp));
        lines.extend(unheard.map(|why| gaps::not_seen(&why, ASK_DOCTOR, settings.lang)));
        say(&lines, settings);
        Self { gaps: Once::said(gaps.into_iter().map(reason)), out_of_sight: Once::default() }
    }

    /// What later looks do not see either; of the sockets that were told of, so many are `out_of_sight`.
    pub(super) fn step(
        &mut self,
        seen: &Seen<'_, '_>,
        out_of_sight: usize,
        filter: &Filter,
        settings: &Settings,
    ) {
        let gaps = gaps_that_last(seen, &seen.shown(), filter);
        let new = self.gaps.step(gaps.iter().map(|gap| reason(gap)));
        let gaps = gaps.iter().filter(|gap| new.contains(&reason(gap)));
        let mut lines: Vec<_> = gaps.map(|gap| gaps::line(gap, settings.lang)).collect();
        let gone = self.out_of_sight.step((out_of_sight > 0).then_some(()).into_iter());
        let gone = gone.first().map(|()| gone_from_sight(out_of_sight));
        lines.extend(gone.map(|why| gaps::not_seen(&why, ASK_DOCTOR, settings.lang)));
        say(&lines, settings);
    }
}

/// Picks out what two looks one after the other have and what was not picked before: what one look misses while a
/// namespace or a process comes or goes the next one sees.
#[derive(Debug)]
struct Once<T> {
    before: BTreeSet<T>,
    said: BTreeSet<T>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { before: BTreeSet::new(), said: BTreeSet::new() }
    }
}

impl<T: Ord + Clone> Once<T> {
    fn said(said: impl Iterator<Item = T>) -> Self {
        Self { before: BTreeSet::new(), said: said.collect() }
    }

    fn step(&mut self, now: impl Iterator<Item = T>) -> BTreeSet<T> {
        let now: BTreeSet<T> = now.collect();
        let new: BTreeSet<T> =
            now.intersection(&self.before).filter(|one| !self.said.contains(one)).cloned().collect();
        self.said.extend(new.iter().cloned());
        self.before = now;
        new
    }
}

/// What the next look may see is none of them.
fn gaps_that_last<'a>(seen: &Seen<'_, 'a>, shown: &[&Listener], filter: &Filter) -> Vec<&'a Gap> {
    let mut gaps = gaps::that_matter(&seen.world().snapshot.gaps, shown, filter.asks_for_owner());
    gaps.retain(|gap| !matches!(gap.what, GapKind::VanishedProcesses | GapKind::UnsteadyRead));
    gaps
}

fn reason(gap: &Gap) -> Reason {
    (gap.what, gap.detail.clone())
}

fn unheard(hears_tcp: bool, hears_udp: bool) -> Option<Text> {
    match (hears_tcp, hears_udp) {
        (true, true) => None,
        (true, false) => Some(text!(
            "what opens and closes over UDP between two looks, as the kernel does not tell of it here",
            "UDP の変化はここではカーネルから通知されないため、確認と確認の間に開いて閉じたものは分かりません"
        )),
        (false, _) => Some(text!(
            "what opens and closes between two looks, as the kernel does not tell of it here",
            "変化はここではカーネルから通知されないため、確認と確認の間に開いて閉じたものは分かりません"
        )),
    }
}

fn gone_from_sight(count: usize) -> Text {
    let en = inflect(count, "listener that was", "listeners that were");
    text!(
        "{count} {en} seen until now, so that nothing more is told of what becomes of them",
        "これまで見えていた {count} 個の待ち受けが見えなくなりました。以後の変化は分かりません"
    )
}

fn say(lines: &[String], settings: &Settings) {
    if settings.verbosity != Verbosity::Quiet {
        for line in lines {
            // Whoever does not want to read it may close it.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_core::words::Lang;

    #[test]
    fn that_only_looks_tell_is_said_where_it_is_so() {
        let said = |tcp, udp| unheard(tcp, udp).map(|why| why.in_lang(Lang::En).contains("UDP"));
        assert_eq!(
            [said(true, true), said(true, false), said(false, false)],
            [None, Some(true), Some(false)]
        );
    }

    #[test]
    fn what_one_look_alone_misses_is_not_said_and_what_lasts_once() {
        let mut once = Once::said([1].into_iter());
        let mut step = |now: &[u32]| Vec::from_iter(once.step(now.iter().copied()));
        assert!(step(&[1, 2]).is_empty());
        assert!(step(&[1, 3]).is_empty());
        assert_eq!(step(&[1, 2, 3]), vec![3]);
        assert_eq!(step(&[2, 3]), vec![2]);
        assert!(step(&[2, 3]).is_empty());
    }
}
