//! Which known word somebody meant who wrote an unknown one (A26).

/// No key, rule or protocol is longer; a longer word is no slip of the hand.
const WORD_CHARACTERS_MAX: usize = 40;
/// Whoever misses more letters than this meant another word.
const SLIPS_MAX: usize = 3;

/// The known word that `word` is a slip of, if one is near enough: one letter in four may be wrong, case aside.
///
/// Of several that are equally near, the first.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().take(WORD_CHARACTERS_MAX + 1).count();
    if length > WORD_CHARACTERS_MAX {
        return None;
    }
    let most = (length / 4).clamp(1, SLIPS_MAX);
    let near = |candidate: &'a str| {
        let letters = candidate.chars().count();
        // Letters that change places are a commoner slip than letters that are missing.
        let missing = letters.abs_diff(length);
        if missing > most {
            return None;
        }
        let distance = distance(word, candidate)?;
        (distance <= most && distance < letters).then_some(((distance, missing), candidate))
    };
    known.into_iter().filter_map(near).min_by_key(|(rank, _)| *rank).map(|(_, candidate)| candidate)
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
        assert_eq!(nearest("httsp", ["http", "https"]), Some("https"));
        assert_eq!(nearest("stolenport", ["stolen-port"]), Some("stolen-port"));
    }

    #[test]
    fn another_word_is_no_slip() {
        assert_eq!(nearest("listen", ["ports", "owner"]), None);
        assert_eq!(nearest("banana", ["canna"]), None);
        assert_eq!(nearest("y", ["x"]), None);
        assert_eq!(nearest("", ["ports", "x"]), None);
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
