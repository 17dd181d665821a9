//! The order in which ports are asked: none that a port's number tells, so that no part of them is asked in a burst (A20).

use alloc::vec::Vec;

use super::Key;

/// The same ports, each once, in an order that `key` decides (Fisher and Yates).
pub(super) fn shuffled(ports: &[u16], key: &Key) -> Vec<u16> {
    let mut all = ports.to_vec();
    all.sort_unstable();
    all.dedup();
    for last in (1..all.len()).rev() {
        let width = u64::try_from(last).unwrap_or(u64::MAX).saturating_add(1);
        let chosen = usize::try_from(key.draw(width) % width).unwrap_or(0);
        all.swap(last, chosen);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_comes_once_in_another_order_for_each_key() {
        let ports: Vec<u16> = (1..=u16::MAX).chain([22, 80]).collect();
        let one = shuffled(&ports, &Key::new([1, 2]));
        let other = shuffled(&ports, &Key::new([2, 1]));
        assert!(one != other && one.len() == 65_535);
        let mut sorted = one.clone();
        sorted.sort_unstable();
        assert!(sorted.iter().copied().eq(1..=u16::MAX) && sorted != one);
        assert!(shuffled(&[], &Key::new([1, 2])).is_empty());
    }
}
