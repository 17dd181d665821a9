//! What stays kept from clients where a part of what the policy wants is taken away (A9, A20, A24).

use alloc::vec::Vec;

use super::{all, ranges};
use crate::{
    exposure::ports_of, firewall::Intervals, ledger::enough_left, port::PortRange, programs::Programs,
    steer::Routes,
};

/// What is kept of `declared` without a gate: what the programs in the kernel still are `told` of.
#[must_use]
pub fn still_told(declared: &[PortRange], told: &Programs) -> Vec<PortRange> {
    ranges(&all(declared).and(&guarded(told).or(&steered(&told.routes))))
}

/// What is kept beside `declared` where these `routes` lead nobody any more: what the guard is `told` to keep of it, which its owner
/// binds himself from now on. Nothing of it where clients would have too few left of the range that the kernel hands out, of which it
/// has `kept` some from them.
#[must_use]
pub fn led_no_more(
    declared: &[PortRange],
    (routes, told): (&Routes, &Programs),
    (range, kept): (PortRange, &[PortRange]),
) -> Vec<PortRange> {
    let ended = steered(routes).except(&steered(&told.routes));
    let more = ended.and(&guarded(told)).and(&ports_of(range));
    let is_enough = enough_left(range, kept.iter().copied().chain(ranges(&more))).is_ok();
    ranges(&if is_enough { all(declared).or(&more) } else { all(declared) })
}

fn guarded(told: &Programs) -> Intervals {
    told.rules.entries.keys().flat_map(|(_, port)| ports_of(PortRange::one(*port)).iter().next()).collect()
}

fn steered(routes: &Routes) -> Intervals {
    routes.0.iter().flat_map(|route| ports_of(route.ports).iter().next()).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::{
        guard::{Badge, Entry, Mode, Rules},
        port::Protocol,
        steer::{Route, WhenDead},
    };

    fn ports(text: &str) -> Vec<PortRange> {
        text.split_terminator(',').map(|range| range.parse().expect("a range")).collect()
    }

    fn routes(text: &str) -> Routes {
        let route = |ports| Route {
            service: "web".into(),
            tenancy: crate::steer::Tenancy::default(),
            owners: Vec::new(),
            protocol: Protocol::Tcp,
            address: Some("192.0.2.1".parse().expect("an address")),
            ports,
            when_dead: WhenDead::Refuse,
            local: false,
            target_port: Some(8_080),
        };
        ports(text).into_iter().map(route).collect()
    }

    fn told(guarded: &str, steered: &str) -> Programs {
        let entry = Entry { owner: Badge::User(1), address: None, mode: Mode::Enforce, service: 0 };
        let numbers = ports(guarded).into_iter().flat_map(|range| range.first..=range.last);
        let entries = numbers.map(|port| ((Protocol::Tcp, port), vec![entry.clone()])).collect();
        Programs { rules: Rules { entries }, routes: routes(steered) }
    }

    #[test]
    fn without_a_gate_what_is_guarded_or_steered_is_kept() {
        let declared = ports("33000-33009,40000,50000");
        assert_eq!(still_told(&declared, &told("33000,33001,443", "50000")), ports("33000-33001,50000"));
        assert_eq!(still_told(&declared, &told("33005", "")), ports("33005"), "of a range one number too");
        assert_eq!(still_told(&declared, &Programs::default()), []);
    }

    #[test]
    fn what_is_led_elsewhere_no_more_is_kept_as_far_as_it_is_guarded() {
        let left = |ended: &str, told: &Programs| {
            let range = PortRange { first: 32_768, last: 60_999 };
            led_no_more(&ports("33000"), (&routes(ended), told), (range, &ports("33000")))
        };
        assert_eq!(left("40000,40001,443", &told("40000,443", "")), ports("33000,40000"));
        assert_eq!(left("40000", &told("40000", "40000")), ports("33000"), "it is led on");
        assert_eq!(left("32768-60999", &told("32768-60999", "")), ports("33000"), "clients need some");
        assert_eq!(left("", &told("50000", "")), ports("33000"));
    }
}
