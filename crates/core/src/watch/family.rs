//! Ports that one innocent program tries one after another, and which are one contact together (A19).

use crate::port::Protocol;

/// Those by which a computer looks round its own network.
const NEIGHBOURS: &[u16] = &[137, 135, 138, 139, 445, 1900, 3702, 5353, 5355, 5357, 5358];

/// Families, each with the number that stands for it and the reason.
const FAMILIES: &[(&[u16], &str)] = &[
    (&[25, 110, 143, 465, 587, 993, 995, 4190], "a mail program looks for its server by all of them"),
    (NEIGHBOURS, "a computer that looks round its own network asks by all of them"),
    (&[80, 443, 8000, 8008, 8080, 8443], "a browser, or a link, tries the usual ones of the web"),
    (&[21, 20, 989, 990], "a client of FTP tries it plain and encrypted"),
];

/// What stands for `port` among those that count once: itself, where it has no family. Every database counts by itself.
pub(super) fn family(protocol: Protocol, port: u16) -> (Protocol, u16) {
    let own = FAMILIES.iter().find(|(ports, _)| ports.contains(&port));
    own.and_then(|(ports, _)| ports.first()).map_or((protocol, port), |first| (Protocol::Tcp, *first))
}

/// Whether computers of one network ask each other by it, of a morning all of them.
pub(super) fn is_of_neighbours(port: u16) -> bool {
    NEIGHBOURS.contains(&port)
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_mail_program_and_a_neighbour_are_one_contact_each() {
        let count = |ports: &[u16]| {
            ports.iter().map(|port| family(Protocol::Tcp, *port)).collect::<BTreeSet<_>>().len()
        };
        assert_eq!(count(&[25, 465, 587, 110, 995, 143, 993]), 1);
        assert_eq!(count(&[135, 139, 445]), 1);
        assert_eq!(count(&[3306, 5432, 6379, 27017, 9200]), 5);
        assert_eq!(family(Protocol::Udp, 137), family(Protocol::Tcp, 445), "whatever the protocol");
        assert_ne!(family(Protocol::Udp, 161), family(Protocol::Tcp, 161));
    }

    #[test]
    fn neighbours_ask_by_some_ports() {
        let ports = [137, 445, 5_353, 1_900].map(is_of_neighbours);
        assert_eq!(ports, [true; 4]);
        assert!([23, 3_389, 25, 80].iter().all(|port| !is_of_neighbours(*port)));
    }

    #[test]
    fn no_port_is_of_two_families() {
        let mut all = BTreeSet::new();
        assert!(FAMILIES.iter().flat_map(|(ports, _)| ports.iter()).all(|port| all.insert(port)));
    }
}
