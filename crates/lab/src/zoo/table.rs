//! The zoo as a table for a person: a row a case, and who is wrong about it.

use std::fmt::Write as _;

use super::{Row, witness::Verdict};

/// How wide a cell may be; a mistake that is longer goes on in the next line.
const CELL_WIDTH_MAX: usize = 34;

/// The table, and a line that counts.
#[must_use]
pub fn table(rows: &[Row]) -> String {
    let mut lines = vec![["CASE", "TRUTH", "PORTREEVE", "SS", "LSOF"].map(String::from).to_vec()];
    lines.extend(rows.iter().map(cells));
    let folded: Vec<Vec<Vec<String>>> =
        lines.iter().map(|cells| cells.iter().map(|cell| fold(cell)).collect()).collect();
    let width = |column: usize| {
        let texts = folded.iter().flat_map(|cells| &cells[column]);
        texts.map(|text| text.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..5).map(width).collect();
    let mut table = String::new();
    for cells in &folded {
        for line in 0..cells.iter().map(Vec::len).max().unwrap_or_default() {
            let texts = cells.iter().zip(&widths).map(|(cell, width)| {
                let text = cell.get(line).map_or("", String::as_str);
                format!("{text:width$}  ")
            });
            let _ = writeln!(table, "{}", texts.collect::<String>().trim_end());
        }
    }
    table + "\n" + &count(rows) + "\n"
}

fn cells(row: &Row) -> Vec<String> {
    let mut cells = vec![row.case.into(), row.truth.into()];
    match &row.outcome {
        Err(_) => cells.extend(["-", "-", "-"].map(String::from)),
        Ok(told) => cells.extend([&told.portreeve, &told.ss, &told.lsof].map(cell)),
    }
    match &row.outcome {
        Err(missing) => cells[1] += &format!(" [{missing}]"),
        Ok(told) if !told.disproof.is_empty() => cells[1] += &format!(" [NOT SO: {}]", told.disproof),
        Ok(_) => {}
    }
    cells
}

fn cell(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Right => "right".into(),
        Verdict::Wrong(what) => format!("✗ {what}"),
    }
}

/// A text in lines of a cell, broken between words.
fn fold(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let last = lines.last_mut().expect("there is always a line");
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > CELL_WIDTH_MAX {
            lines.push(word.into());
        } else {
            *last += if last.is_empty() { "" } else { " " };
            *last += word;
        }
    }
    lines
}

fn count(rows: &[Row]) -> String {
    let told: Vec<_> = rows.iter().filter_map(|row| row.outcome.as_ref().ok()).collect();
    let right = |verdict: fn(&super::Verdicts) -> &Verdict| {
        told.iter().filter(|told| verdict(told).is_right()).count()
    };
    let missing = rows.len() - told.len();
    let absent = if missing == 0 { String::new() } else { format!("; {missing} not on this kernel") };
    format!(
        "of {} right: portreeve {}, ss {}, lsof {}{absent}",
        told.len(),
        right(|told| &told.portreeve),
        right(|told| &told.ss),
        right(|told| &told.lsof),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::Verdicts;

    #[test]
    fn a_row_says_who_is_wrong_and_what_this_kernel_lacks() {
        let told = Verdicts {
            portreeve: Verdict::Right,
            ss: Verdict::Wrong("nobody".into()),
            lsof: Verdict::Wrong("not listed".into()),
            disproof: String::new(),
        };
        let rows = [
            Row { case: "io-uring", truth: "held by a process", outcome: Ok(told) },
            Row { case: "vsock", truth: "held", outcome: Err("this kernel has no AF_VSOCK".into()) },
        ];
        let expected = "\
CASE      TRUTH                               PORTREEVE  SS        LSOF
io-uring  held by a process                   right      ✗ nobody  ✗ not listed
vsock     held [this kernel has no AF_VSOCK]  -          -         -

of 1 right: portreeve 1, ss 0, lsof 0; 1 not on this kernel
";
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn a_long_cell_goes_on_in_the_next_line() {
        assert_eq!(fold("held by a process through its ring's registered files").len(), 2);
    }
}
