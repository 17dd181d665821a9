//! What was open or kept out beside the gate and is over with a change of it, in words (A15, A20).

use std::net::IpAddr;

use portreeve_core::{gate::Temporary, text, words::Text};

use crate::show::escape::visible;

/// So many are named in one sentence.
const NAMED_MAX: usize = 8;

/// Names it; empty where there is nothing.
pub(crate) fn over(temporary: &Temporary) -> Text {
    let open = temporary.open.iter().map(|open| {
        let (port, whom) = (open.port.what, open.whom());
        let whom = visible(&whom);
        text!("{port} open to {whom}", "{port}({whom} に開放)")
    });
    let blocked = temporary.blocked.iter().map(|kept| {
        let source = source(kept.what);
        text!("{source} kept out", "{source}(遮断)")
    });
    let (mut en, mut ja): (Vec<_>, Vec<_>) = open.chain(blocked).map(|Text { en, ja }| (en, ja)).unzip();
    let more = en.len().saturating_sub(NAMED_MAX);
    en.truncate(NAMED_MAX);
    ja.truncate(NAMED_MAX);
    let (en, ja) = (en.join(", "), ja.join("、"));
    match more {
        _ if en.is_empty() => Text::default(),
        0 => text!("This ended with it: {en}.", "次の設定も併せて解除されました: {ja}。"),
        _ => text!(
            "This ended with it: {en}, and {more} more.",
            "次の設定も併せて解除されました: {ja}、ほか {more} 件。"
        ),
    }
}

/// A source that is kept out: an address, or a network of 64 bits.
pub(super) fn source(address: IpAddr) -> String {
    if address.is_ipv6() { format!("{address}/64") } else { address.to_string() }
}

#[cfg(test)]
mod tests {
    use portreeve_core::gate::{Kept, Open};

    use super::*;

    #[test]
    fn what_is_over_is_named_as_far_as_a_person_reads() {
        let blocked = |addresses: &[&str]| {
            let kept = |address: &&str| Kept { what: address.parse().unwrap(), left: None };
            addresses.iter().map(kept).collect()
        };
        let port = Kept { what: "80/tcp".parse().unwrap(), left: None };
        let mut temporary =
            Temporary { open: vec![Open { zone: "lan".into(), port, from: None }], ..Temporary::default() };
        temporary.blocked = blocked(&["192.0.2.7", "2001:db8::"]);
        let said = over(&temporary);
        assert_eq!(
            said.en,
            "This ended with it: 80/tcp open to lan, 192.0.2.7 kept out, 2001:db8::/64 kept out."
        );
        temporary.blocked = blocked(&["192.0.2.7"; 9]);
        assert!(over(&temporary).en.ends_with("192.0.2.7 kept out, and 2 more."));
        assert_eq!(over(&Temporary::default()), Text::default());
    }
}
