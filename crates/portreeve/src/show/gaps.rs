//! What could not be seen, said where it matters.

use std::collections::BTreeSet;

use portreeve_core::{
    facts::{Gap, GapKind, HolderGap, Listener},
    port::PortSpec,
    words::{Lang, Text, Words},
};

use super::{escape::visible, out::Out};
use crate::{
    exit::Exit,
    failure::Failure,
    settings::{Format, Gaps, Settings, Verbosity},
};

const NOT_SEEN: Words = Words { en: "not seen", ja: "見えなかったもの" };

/// More ports than this are not listed beside a reason.
const PORTS_LISTED_MAX: usize = 6;

/// A line: what was not seen, why, and what to do.
pub(crate) fn line(gap: &Gap, lang: Lang) -> String {
    not_seen(&gap.why(), gap.fix(), lang)
}

/// The same of what is no gap of one look.
pub(crate) fn not_seen(why: &Text, fix: Words, lang: Lang) -> String {
    let (why, fix) = (visible(why.in_lang(lang)), fix.in_lang(lang));
    match lang {
        Lang::En => format!("{}: {why}; {fix}", NOT_SEEN.en),
        Lang::Ja => format!("{}: {why}。{fix}", NOT_SEEN.ja),
    }
}

/// What changes a list of listeners, of all that a look could not see.
pub(crate) struct Unseen<'a> {
    gaps: Vec<&'a Gap>,
    listeners: &'a [&'a Listener],
}

impl<'a> Unseen<'a> {
    /// Those of `gaps`, as [`that_matter`] has them.
    pub(crate) fn of(gaps: &'a [Gap], listeners: &'a [&'a Listener], by_owner: bool) -> Self {
        Self { gaps: that_matter(gaps, listeners, by_owner), listeners }
    }

    /// The gaps that matter.
    pub(crate) fn gaps(&self) -> &[&'a Gap] {
        &self.gaps
    }

    /// A line for each, and where none of them says it, for each reason why holders were not seen.
    pub(crate) fn lines(&self, lang: Lang) -> Vec<String> {
        let mut lines: Vec<_> = self.gaps.iter().map(|gap| line(gap, lang)).collect();
        if !self.gaps.iter().any(|gap| gap.hides_holders()) {
            lines.extend(holder_lines(self.listeners, lang));
        }
        lines
    }

    /// Says it below a table, or beside a list of records; a document has it.
    ///
    /// # Errors
    ///
    /// Where nobody reads it.
    pub(crate) fn tell(&self, settings: &Settings, out: &mut Out) -> Result<(), Failure> {
        for line in &self.lines(settings.lang) {
            match settings.format {
                _ if settings.verbosity == Verbosity::Quiet => {}
                Format::Table => out.sentences(line)?,
                Format::Json => {}
                _ => eprintln!("{line}"),
            }
        }
        Ok(())
    }

    /// Whether the list could be another.
    pub(crate) fn is_grave(&self) -> bool {
        has_no_holders(self.listeners) || self.gaps.iter().any(|gap| gap.what != GapKind::VanishedProcesses)
    }
}

/// What of `gaps` matters to a list of `listeners`; `by_owner` where it was asked for by who holds them.
pub(crate) fn that_matter<'a>(gaps: &'a [Gap], listeners: &[&Listener], by_owner: bool) -> Vec<&'a Gap> {
    let hidden = by_owner || has_no_holders(listeners);
    let matters = |gap: &&Gap| gap.hides_listeners() || gap.hides_claims() || (hidden && gap.hides_holders());
    gaps.iter().filter(matters).collect()
}

fn has_no_holders(listeners: &[&Listener]) -> bool {
    listeners.iter().any(|listener| listener.hides_every_holder())
}

/// A line for each reason why holders of `listeners` were not seen, with the ports.
pub(crate) fn holder_lines(listeners: &[&Listener], lang: Lang) -> Vec<String> {
    let mut reasons: Vec<(HolderGap, BTreeSet<PortSpec>)> = Vec::new();
    for listener in listeners.iter().filter(|listener| listener.hides_every_holder()) {
        let Some(gap) = listener.gap else { continue };
        match reasons.iter_mut().find(|(known, _)| *known == gap) {
            Some((_, ports)) => drop(ports.insert(listener.spec())),
            None => reasons.push((gap, BTreeSet::from([listener.spec()]))),
        }
    }
    reasons.iter().map(|(gap, ports)| holder_line(*gap, ports, lang)).collect()
}

fn holder_line(gap: HolderGap, ports: &BTreeSet<PortSpec>, lang: Lang) -> String {
    let listed = ports.iter().take(PORTS_LISTED_MAX).map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let more = if ports.len() > PORTS_LISTED_MAX { " …" } else { "" };
    format!("{}: {listed}{more}: {}", NOT_SEEN.in_lang(lang), gap.text().in_lang(lang))
}

/// Whether more listeners of the observer's own namespace could be missing because of `gap`.
pub(crate) fn hides_own_listeners(gap: &Gap) -> bool {
    gap.hides_listeners() && !matches!(gap.what, GapKind::ForeignNamespaces | GapKind::UnenteredNamespaces)
}

/// The code of an answer that gaps may have changed.
pub(crate) fn exit(settings: &Settings, matter: bool) -> Exit {
    if matter && settings.gaps == Gaps::Matter { Exit::Gaps } else { Exit::Fine }
}
