//! Reads addresses, ports and marks.

use core::net::IpAddr;

use crate::{
    address::Family,
    firewall::{intervals::Intervals, surroundings::number},
};

/// An address of `family`.
pub(in crate::firewall) fn address(text: &str, family: Family) -> Option<u128> {
    let address: IpAddr = text.parse().ok()?;
    (address.is_ipv4() == (family == Family::Ipv4)).then(|| number(address))
}

pub(in crate::firewall) const fn width(family: Family) -> u32 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

/// The mask that a number of leading bits, or an address, says.
pub(in crate::firewall) fn mask(text: &str, family: Family) -> Option<u128> {
    let Ok(length) = text.parse::<u32>() else { return address(text, family) };
    let free = width(family).checked_sub(length)?;
    let all = Intervals::prefix(0, width(family)).last()?;
    Some(all & !Intervals::prefix(0, free).last()?)
}

/// How many of the lowest bits a mask leaves out, where it leaves out no others.
pub(in crate::firewall) fn free(mask: u128, family: Family) -> Option<u32> {
    let rest = Intervals::prefix(0, width(family)).last()? & !mask;
    (rest & rest.wrapping_add(1) == 0).then(|| rest.count_ones())
}

/// The addresses `a-b`, or the one `a`.
pub(in crate::firewall) fn addresses(text: &str, family: Family) -> Option<Intervals> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(Intervals::span(address(first, family)?, address(last, family)?))
}

/// The ports `22`, `1024:2047`, `1024:` or `:1023`.
pub(super) fn ports(text: &str) -> Option<Intervals> {
    span(text, ':')
}

/// The numbers of sixteen bits from one to the other side of `between`, or the one number.
pub(super) fn span(text: &str, between: char) -> Option<Intervals> {
    let port = |text: &str, otherwise: u16| if text.is_empty() { Some(otherwise) } else { text.parse().ok() };
    let (first, last) = match text.split_once(between) {
        Some((first, last)) => (port(first, 0)?, port(last, u16::MAX)?),
        None => (text.parse().ok()?, text.parse().ok()?),
    };
    Some(Intervals::span(first.into(), last.into()))
}

/// A number of 32 bits, in hexadecimal digits after `0x`.
pub(in crate::firewall) fn word(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A mark and its mask: `0x1/0xff`, or `0x1`.
pub(super) fn mark(text: &str) -> Option<(u128, u128)> {
    let (value, mask) = match text.split_once('/') {
        Some((value, mask)) => (word(value)?, word(mask)?),
        None => (word(text)?, u32::MAX),
    };
    Some((value.into(), mask.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_length_or_an_address() {
        assert_eq!(mask("0", Family::Ipv4), Some(0));
        assert_eq!(mask("24", Family::Ipv4), Some(0xffff_ff00));
        assert_eq!(mask("255.0.255.0", Family::Ipv4), Some(0xff00_ff00));
        assert_eq!(mask("128", Family::Ipv6), Some(u128::MAX));
        assert_eq!(mask("33", Family::Ipv4), None);
        assert_eq!(mask("ffff::", Family::Ipv4), None);
    }

    #[test]
    fn a_span_may_be_open() {
        assert_eq!(ports("22"), Some(Intervals::one(22)));
        assert_eq!(ports("1024:"), Some(Intervals::span(1024, 65_535)));
        assert_eq!(ports(":9"), Some(Intervals::span(0, 9)));
        assert_eq!(ports("65536"), None);
        assert_eq!(ports(""), None);
    }
}
