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
}

impl Figure {
    const fn value(self) -> f64 {
        match self {
            Self::Nanoseconds(value) | Self::Bytes(value) | Self::Count(value) => value,
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
        }
    }
}

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Promise {
    /// At most this share of the rival.
    Share(f64),
    /// At most this much.
    AtMost(Figure),
}

impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "≤ {}", shown_share(*share)),
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

/// The page, with the machine that the figures come from.
pub(super) fn page(rows: &[Row], machine: &str) -> String {
    let rows: String = rows.iter().map(|row| format!("{row}\n")).collect();
    format!(
        "# Performance\n\n\
         Written by `cargo xtask bench --save`. Each figure is the median of at least ten runs of the whole process, \
         started as a shell starts it; rivals take turns with portreeve in the same run, on the same fixture. \
         Figures mean something as ratios: they are from one machine on one day.\n\n\
         {machine}\n\n\
         | what | portreeve | rival | ratio | promised | kept |\n|---|---|---|---|---|---|\n{rows}"
    )
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
    }

    #[test]
    fn shares_are_read_at_a_glance() {
        assert_eq!(
            [0.25, 1.0 / 12.34, 3.0, 2.14, 0.4].map(shown_share),
            ["1/4", "1/12", "3 ×", "2.1 ×", "1/2.5"]
        );
    }
}
