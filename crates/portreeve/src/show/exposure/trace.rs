//! The way of a packet, rule by rule, for a person and as JSON (A17, A20).

mod lines;
mod view;

pub(crate) use self::view::{TracesView, document};

use std::net::IpAddr;

use portreeve_core::{
    exposure::{Exposure, Reached, To},
    firewall::{Field, Filter, Trace, TraceStep},
    text,
    words::{Lang, Text, Words, inflect},
};

use self::lines::{Hidden, Line, Teller, lines};
use super::{place_view, table};
use crate::{
    failure::Failure,
    settings::Verbosity,
    show::{
        escape::visible,
        out::{Out, Paint, painted},
    },
};

/// A packet that was followed.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    /// Where it comes from.
    pub(crate) source: IpAddr,
    /// Where it goes.
    pub(crate) destination: IpAddr,
    /// The interface that it comes in by, where that was asked for.
    pub(crate) interface: Option<&'a str>,
    /// Its destination with the port.
    pub(crate) to: To,
    /// What becomes of it; `None` where nobody can send it.
    pub(crate) exposure: Option<Exposure>,
    /// What it meets; several where nobody knows by which interface it comes in.
    pub(crate) traces: Vec<Trace>,
}

impl Way<'_> {
    /// The steps of all traces as one list.
    fn steps(&self) -> Vec<TraceStep> {
        let mut all: Vec<TraceStep> = Vec::new();
        for trace in &self.traces {
            let before = all.len();
            let shifted = |step: &TraceStep| TraceStep {
                after: step.after.map(|after| after + before),
                ..step.clone()
            };
            all.extend(trace.steps.iter().map(shifted));
        }
        all
    }

    /// The interface that it comes in by, as far as that is one.
    fn interface<'a>(&self, filter: &'a Filter) -> Option<&'a str> {
        let parts = || self.traces.iter().flat_map(|trace| &trace.parts);
        let number = parts().next()?.packets.of(Field::InInterface).only()?;
        let is_one = parts().all(|part| part.packets.of(Field::InInterface).only() == Some(number));
        let interface = filter.around.interfaces.get(usize::try_from(number).ok()?)?;
        is_one.then_some(interface.name.as_str())
    }

    fn title(&self, filter: &Filter) -> Text {
        let Self { source, destination, to, .. } = self;
        let port = format!("{}/{}", to.ports, to.protocol.name());
        let packet = match destination {
            IpAddr::V4(ip) => format!("{source} → {ip}:{port}"),
            IpAddr::V6(ip) => format!("{source} → [{ip}]:{port}"),
        };
        match self.interface.or_else(|| self.interface(filter)) {
            None => Text { en: packet.clone(), ja: packet },
            Some(name) => text!("{packet} by {name}", "{packet}({name} から)"),
        }
    }
}

/// Prints each way, and what becomes of its packet.
///
/// # Errors
///
/// Where nobody reads it.
pub(crate) fn print(
    ways: &[Way<'_>],
    filter: &Filter,
    verbosity: Verbosity,
    out: &mut Out,
) -> Result<(), Failure> {
    for (at, way) in ways.iter().enumerate() {
        if at > 0 {
            out.line("")?;
        }
        print_way(way, filter, verbosity, out)?;
    }
    Ok(())
}

fn print_way(way: &Way<'_>, filter: &Filter, verbosity: Verbosity, out: &mut Out) -> Result<(), Failure> {
    out.line(&painted(&visible(way.title(filter).in_lang(out.lang)), Some(Paint::Bold), out.colour))?;
    let hidden = if verbosity == Verbosity::Verbose { Hidden::Shown } else { Hidden::Counted };
    let steps = way.steps();
    let teller = Teller { filter, family: way.to.family, hidden, lang: out.lang };
    let (lines, passed_over) = lines(&steps, &teller);
    if verbosity != Verbosity::Quiet {
        for line in &lines {
            print_line(line, out)?;
        }
        if passed_over > 0 {
            let en = inflect(passed_over, "rule on the way does", "rules on the way do");
            let said = text!(
                "({passed_over} {en} not hold or only look on; -v shows them)",
                "(条件に合わない、または記録するだけのルール {passed_over} 個は省略。-v で表示)"
            );
            out.sentences(&format!("  {}", said.in_lang(out.lang)))?;
        }
    }
    out.line(&visible(verdict(way, filter).in_lang(out.lang)))
}

fn print_line(line: &Line, out: &mut Out) -> Result<(), Failure> {
    let text = format!("{}{}", "  ".repeat(line.indent), visible(&line.text));
    out.line(&painted(&text, line.paint, out.colour))
}

/// `= dropped: ip filter INPUT: policy drop`.
fn verdict(way: &Way<'_>, filter: &Filter) -> Text {
    let Some(exposure) = &way.exposure else {
        return Words {
            en: "= dropped: nobody sends such a packet from there",
            ja: "= 破棄: そこからこのようなパケットが送られることはありません",
        }
        .into();
    };
    let said = |lang: Lang| {
        let verdict = table::verdict_text(exposure, lang);
        let ways: Vec<_> = exposure
            .ways
            .iter()
            .map(|to| table::way_text(&super::how(&to.how, way.to.family), lang))
            .collect();
        let places =
            if exposure.reached == Reached::Unknown { &exposure.doubts } else { &exposure.decided_by };
        let places = places.iter().map(|place| table::rule(&place_view(*place, filter)));
        let because: Vec<_> = ways.into_iter().chain(places).collect();
        if because.is_empty() {
            format!("= {verdict}")
        } else {
            format!("= {verdict}: {}", because.join(" · "))
        }
    };
    Text { en: said(Lang::En), ja: said(Lang::Ja) }
}
