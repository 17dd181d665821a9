//! Says what IANA's list names that ours does not, and where and why the first names differ.

use std::{collections::BTreeMap, fmt};

use portreeve_core::{
    port::{PortSpec, Protocol},
    registry::table::Table,
};

/// What a comparison found.
#[derive(Debug)]
pub(super) struct Comparison {
    /// How many (number, protocol) IANA names.
    pub(super) named: usize,
    /// Those that our table does not name.
    pub(super) missing: Vec<(PortSpec, String)>,
    /// Those that both name, each by another name first.
    differing: Vec<Difference>,
    /// Those that only our table names.
    added: usize,
}

#[derive(Debug)]
struct Difference {
    spec: PortSpec,
    ours: String,
    ianas: String,
    why: &'static str,
}

type Names<'a> = BTreeMap<(u16, Protocol), &'a [String]>;

/// Compares number by number; ranges are unfolded.
pub(super) fn compare(iana: &Table, ours: &Table) -> Comparison {
    let (ianas, ours) = (unfold(iana), unfold(ours));
    let mut found = Comparison { named: ianas.len(), missing: Vec::new(), differing: Vec::new(), added: 0 };
    found.added = ours.keys().filter(|key| !ianas.contains_key(*key)).count();
    for (&(port, protocol), theirs) in &ianas {
        let spec = PortSpec { range: portreeve_core::port::PortRange::one(port), protocol };
        match ours.get(&(port, protocol)) {
            None => found.missing.push((spec, theirs.join(" "))),
            Some(names) if names[0] == theirs[0] => {}
            Some(names) => found.differing.push(Difference {
                spec,
                ours: names.join(" "),
                ianas: theirs.join(" "),
                why: reason(names, theirs),
            }),
        }
    }
    found
}

/// The names of every number; a number's own go before those of a range around it.
fn unfold(table: &Table) -> Names<'_> {
    let mut names = BTreeMap::new();
    let (ranges, singles): (Vec<_>, Vec<_>) = table.entries().partition(|(range, ..)| !range.is_one());
    for (range, protocol, its, _) in ranges.into_iter().chain(singles) {
        names.extend((range.first..=range.last).map(|port| ((port, protocol), its)));
    }
    names
}

fn reason(ours: &[String], theirs: &[String]) -> &'static str {
    let plain = |name: &String| name.replace(|c: char| !c.is_ascii_alphanumeric(), "").to_ascii_lowercase();
    if theirs.contains(&ours[0]) {
        "IANA lists both; netbase's name stands first"
    } else if ours.contains(&theirs[0]) {
        "netbase's name stands first, IANA's is an alias"
    } else if plain(&theirs[0]).starts_with(&plain(&ours[0])) {
        "Wireshark writes IANA's name without its spaces, shortened"
    } else {
        "renamed by IANA after one of the lists was made"
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Difference { spec, ours, ianas, why } in &self.differing {
            writeln!(f, "differs  {spec}: ours {ours}; IANA's {ianas} ({why})")?;
        }
        for (spec, names) in &self.missing {
            writeln!(f, "missing  {spec}: {names}")?;
        }
        writeln!(
            f,
            "IANA names {} numbers (each protocol counts); {} are missing from ours, {} have another first name, {} are only ours",
            self.named,
            self.missing.len(),
            self.differing.len(),
            self.added
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_core::registry::text;

    #[test]
    fn what_is_missing_and_what_differs_is_told_with_the_reason() {
        let table = |lines: &str| text::read(&format!("# source: a\n# version:\n# date:\n{lines}")).unwrap();
        let iana = table("1/tcp a\n2/tcp b c\n3/tcp long-name\n4/tcp d\n6-8/udp x\n9/tcp e\n");
        let ours =
            table("1/tcp a\n2/tcp c\n3/tcp Long-n\n4/tcp z d\n6/udp y x\n7-8/udp x\n9/tcp f\n10/tcp g\n");
        let found = compare(&iana, &ours);
        assert_eq!((found.named, found.missing.len(), found.added), (8, 0, 1));
        let reasons: Vec<_> = found.differing.iter().map(|its| (its.spec.range.first, its.why)).collect();
        assert_eq!(
            reasons,
            [
                (2, "IANA lists both; netbase's name stands first"),
                (3, "Wireshark writes IANA's name without its spaces, shortened"),
                (4, "netbase's name stands first, IANA's is an alias"),
                (6, "netbase's name stands first, IANA's is an alias"),
                (9, "renamed by IANA after one of the lists was made"),
            ]
        );
        assert_eq!(compare(&ours, &iana).missing, [("10/tcp".parse().unwrap(), "g".to_owned())]);
    }
}
