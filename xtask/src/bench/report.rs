//! The table of what was measured, and the page that it stands on.

use std::fmt;

/// A measured figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Figure {
    /// A time in nanoseconds.
    Nanoseconds(f64),
    /// A size in bytes.
    Bytes(f64),
    /// A number of things.
    Count(f64),
    /// A part of something, in hundredths.
    Percent(f64),
    /// How many in a second.
    EachSecond(f64),
}

impl Figure {
    /// The number alone.
    pub(super) const fn value(self) -> f64 {
        match self {
            Self::Nanoseconds(value)
            | Self::Bytes(value)
            | Self::Count(value)
            | Self::Percent(value)
            | Self::EachSecond(value) => value,
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Nanoseconds(value) if value < 1e3 => write!(f, "{value:.1} ns"),
            Self::Nanoseconds(value) if value < 1e6 => write!(f, "{:.1} µs", value / 1e3),
            Self::Nanoseconds(value) if value < 1e9 => write!(f, "{:.1} ms", value / 1e6),
            Self::Nanoseconds(value) => write!(f, "{:.2} s", value / 1e9),
            Self::Bytes(value) => write!(f, "{:.1} MB", value / 1e6),
            Self::Count(value) => write!(f, "{value:.0}"),
            Self::Percent(value) => write!(f, "{value:.1} %"),
            Self::EachSecond(value) => write!(f, "{value:.0}/s"),
        }
    }
}

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Promise {
    /// At most this share of the rival.
    Share(f64),
    /// At least so many times the rival, of what is better the more there is.
    Times(f64),
    /// At most this much.
    AtMost(Figure),
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "≤ {}", shown_share(*share)),
            Self::Times(times) => write!(f, "≥ {}", shown_share(*times)),
            Self::AtMost(figure) => write!(f, "≤ {figure}"),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    /// What was done, and where.
    pub(super) what: String,
    /// What it took us.
    pub(super) ours: Figure,
    /// Whom we are compared with, and what it took them.
    pub(super) rival: Option<(String, Figure)>,
    /// What was promised.
    pub(super) promise: Promise,
}

impl Row {
    fn share(&self) -> Option<f64> {
        self.rival.as_ref().map(|(_, rival)| self.ours.value() / rival.value())
    }

    /// Whether the promise holds; a comparison with nobody holds none.
    pub(super) fn is_kept(&self) -> bool {
        match self.promise {
            Promise::Share(limit) => self.share().is_some_and(|share| share <= limit),
            Promise::Times(limit) => self.share().is_some_and(|share| share >= limit),
            Promise::AtMost(limit) => self.ours.value() <= limit.value(),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rival, share) = match &self.rival {
            Some((name, figure)) => {
                (format!("`{name}` {figure}"), shown_share(self.share().unwrap_or_default()))
            }
            None => (String::new(), String::new()),
        };
        let kept = if self.is_kept() { "yes" } else { "**no**" };
        write!(f, "| {} | {} | {rival} | {share} | {} | {kept} |", self.what, self.ours, self.promise)
    }
}

/// `1/12` below one, `2.1 ×` above.
fn shown_share(share: f64) -> String {
    let whole = 1.0 / share;
    if share >= 1.0 {
        format!("{share:.1} ×").replace(".0 ×", " ×")
    } else if whole >= 10.0 || (whole - whole.round()).abs() < 1e-9 {
        format!("1/{whole:.0}")
    } else {
        format!("1/{whole:.1}")
    }
}

/// What is measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The usual commands, the registry, the policy, the program itself.
    General,
    /// Every socket and its holder.
    Sight,
    /// The packet filter.
    Gate,
    /// Claims.
    Ledger,
    /// Binds.
    Guard,
    /// Connections.
    Steer,
    /// Whoever probes.
    Watch,
    /// Running code.
    Patches,
    /// The look from outside.
    Scan,
}

impl Part {
    /// In the order of the page.
    pub(super) const ALL: [Self; 9] = [
        Self::General,
        Self::Sight,
        Self::Gate,
        Self::Ledger,
        Self::Guard,
        Self::Steer,
        Self::Watch,
        Self::Patches,
        Self::Scan,
    ];

    /// What asks for it on the command line.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Sight => "sight",
            Self::Gate => "gate",
            Self::Ledger => "ledger",
            Self::Guard => "guard",
            Self::Steer => "steer",
            Self::Watch => "watch",
            Self::Patches => "patches",
            Self::Scan => "scan",
        }
    }

    const fn heading(self) -> &'static str {
        match self {
            Self::General => "## General",
            Self::Sight => "## Sight",
            Self::Gate => "## Gate",
            Self::Ledger => "## Ledger",
            Self::Guard => "## Guard",
            Self::Steer => "## Steering",
            Self::Watch => "## Watch",
            Self::Patches => "## Patches",
            Self::Scan => "## Scan",
        }
    }
}

const OPENING: &str = "# Performance\n\n\
    Written by `cargo xtask bench --save`. Each figure is the median of at least ten runs of the whole process, of at \
    least three where one takes seconds, started as a shell starts it; rivals take turns with portreeve in the same \
    run, on the same fixture. Figures mean something as ratios: they are from one machine on one day.\n";

/// One part as it stands on the page, with the machine that its figures come from.
pub(super) fn section(part: Part, rows: &[Row], machine: &str) -> String {
    let heading = part.heading();
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    format!(
        "{heading}\n\n{machine}\n\n\
         | what | portreeve | rival | ratio | promised | kept |\n|---|---|---|---|---|---|\n{rows}"
    )
}

/// The page with these sections; of the others it keeps what was saved.
pub(super) fn page(saved: &str, sections: &[(Part, String)]) -> String {
    let text = Part::ALL.into_iter().filter_map(|part| {
        let fresh = sections.iter().find(|(of, _)| *of == part).map(|(_, section)| section.clone());
        fresh.or_else(|| saved_section(saved, part))
    });
    text.fold(OPENING.to_owned(), |page, section| format!("{page}\n{section}"))
}

fn saved_section(page: &str, part: Part) -> Option<String> {
    let from = &page[page.find(part.heading())?..];
    let end = from.find("\n\n## ").map_or(from.len(), |end| end + 1);
    Some(from[..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(ours: f64, rival: f64) -> Row {
        Row {
            what: "`ls`".into(),
            ours: Figure::Nanoseconds(ours),
            rival: Some(("ss -ltnup".into(), Figure::Nanoseconds(rival))),
            promise: Promise::Share(1.0 / 5.0),
        }
    }

    #[test]
    fn a_row_says_whether_its_promise_holds() {
        assert_eq!(
            row(2e6, 28e6).to_string(),
            "| `ls` | 2.0 ms | `ss -ltnup` 28.0 ms | 1/14 | ≤ 1/5 | yes |"
        );
        assert!(row(2e6, 28e6).is_kept());
        assert!(!row(7e6, 28e6).is_kept());
        let rate = |ours| Row {
            ours: Figure::EachSecond(ours),
            rival: Some(("raw".into(), Figure::EachSecond(100.0))),
            promise: Promise::Times(12.0),
            ..row(0.0, 0.0)
        };
        assert!(rate(1200.0).is_kept() && !rate(1199.0).is_kept());
        assert_eq!(rate(1250.0).to_string(), "| `ls` | 1250/s | `raw` 100/s | 12.5 × | ≥ 12 × | yes |");
    }

    #[test]
    fn a_part_that_was_not_measured_stays_on_the_page() {
        let section = |part, time| section(part, &[row(time, 28e6)], "A machine.");
        let both = page(
            "",
            &[(Part::General, section(Part::General, 2e6)), (Part::Sight, section(Part::Sight, 3e6))],
        );
        assert!(both.starts_with("# Performance\n\n") && both.contains(".\n\n## General\n\nA machine."));
        for (part, time) in [(Part::Sight, 3e6), (Part::General, 2e6)] {
            let changed = page(&both, &[(part, section(part, 4e6))]);
            assert_eq!(changed, both.replace(&section(part, time), &section(part, 4e6)));
            assert_eq!(page(&changed, &[(part, section(part, time))]), both);
        }
    }

    #[test]
    fn shares_are_read_at_a_glance() {
        assert_eq!(
            [0.25, 1.0 / 12.34, 3.0, 2.14, 0.4].map(shown_share),
            ["1/4", "1/12", "3 ×", "2.1 ×", "1/2.5"]
        );
    }
}
