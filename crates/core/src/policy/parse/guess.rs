//! Which known word somebody meant who wrote an unknown one (A26).

/// No key, rule or protocol is longer; a longer word is no slip of the hand.
const WORD_CHARACTERS_MAX: usize = 40;

/// The known word that `word` is a slip of, if there is one near enough: a third of its letters may differ.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().take(WORD_CHARACTERS_MAX + 1).count();
    if length > WORD_CHARACTERS_MAX {
        return None;
    }
    let most = (length / 3).clamp(1, 3);
    known
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= most)
        .filter_map(|candidate| Some((distance(word, candidate)?, candidate)))
        .filter(|(distance, _)| *distance <= most)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other, case aside.
fn distance(left: &str, right: &str) -> Option<usize> {
    let mut older = [0_usize; WORD_CHARACTERS_MAX + 1];
    let mut old = core::array::from_fn(|column| column);
    let mut new = older;
    let mut before = None;
    for (row, a) in left.chars().enumerate().take(WORD_CHARACTERS_MAX) {
        new[0] = row + 1;
        let mut beside = None;
        for (column, b) in right.chars().enumerate() {
            let slot = new.get(column + 1).map(|_| column + 1)?;
            let replaced = old[column] + usize::from(!a.eq_ignore_ascii_case(&b));
            new[slot] = replaced.min(old[slot] + 1).min(new[column] + 1);
            if row > 0 && column > 0 && before == Some(b) && beside == Some(a) {
                new[slot] = new[slot].min(older[column - 1] + 1);
            }
            beside = Some(b);
        }
        before = Some(a);
        (older, old) = (old, new);
    }
    old.get(right.chars().count()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_understood() {
        let keys = ["ports", "address", "device", "owner", "reach", "why"];
        assert_eq!(nearest("reech", keys), Some("reach"));
        assert_eq!(nearest("port", keys), Some("ports"));
        assert_eq!(nearest("adress", keys), Some("address"));
        assert_eq!(nearest("REACH", keys), Some("reach"));
        assert_eq!(nearest("tpc", ["udp", "tcp"]), Some("tcp"));
    }

    #[test]
    fn another_word_is_no_slip() {
        assert_eq!(nearest("listen", ["ports", "owner"]), None);
        assert_eq!(nearest("", ["ports"]), None);
        assert_eq!(nearest(&"x".repeat(10_000), ["xxxx"]), None);
        assert_eq!(nearest("ab", ["x".repeat(1_000).as_str()]), None);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        assert_eq!(distance("tpc", "tcp"), Some(1));
        assert_eq!(distance("kitten", "sitting"), Some(3));
        assert_eq!(distance("", "abc"), Some(3));
    }
}
