//! Reads lists in the form of services(5), and Wireshark's `80/tcp/udp` and `6000-6063/tcp` besides.

use portreeve_core::port::{PortRange, Protocol};

/// A line of such a list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service<'a> {
    pub(super) range: PortRange,
    pub(super) protocols: Vec<Protocol>,
    /// The name and its aliases.
    pub(super) names: Vec<&'a str>,
    pub(super) description: &'a str,
}

/// The lines of `text`; a line that is neither a comment nor a service is an error.
///
/// Protocols without port numbers of this kind (netbase lists AppleTalk's ddp) are left out.
pub(super) fn services(text: &str) -> impl Iterator<Item = Result<Service<'_>, &str>> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.map(|line| service(line).ok_or(line))
}

fn service(line: &str) -> Option<Service<'_>> {
    let (assignment, description) = line.split_once('#').unwrap_or((line, ""));
    let mut words = assignment.split_whitespace();
    let name = words.next()?;
    let mut ports = words.next()?.split('/');
    Some(Service {
        range: ports.next()?.parse().ok()?,
        protocols: ports.filter_map(|protocol| protocol.parse().ok()).collect(),
        names: [name].into_iter().chain(words).collect(),
        description: description.trim(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        let text = "# head\n\nhttp\t80/tcp\twww  # Web # page\nx11 6000-6063/tcp/udp # X\nrtmp 1/ddp\n";
        let all: Vec<_> = services(text).map(|service| service.unwrap()).collect();
        assert_eq!(
            (all[0].range.first, &all[0].names[..], all[0].description),
            (80, &["http", "www"][..], "Web # page")
        );
        assert_eq!((all[1].range.last, &all[1].protocols[..]), (6063, &[Protocol::Tcp, Protocol::Udp][..]));
        assert!(all[2].protocols.is_empty());
        assert_eq!(services("http eighty/tcp").next(), Some(Err("http eighty/tcp")));
    }
}
