//! What somebody may have meant by a word that nothing is called.

/// Characters of a word that are compared at most; no name is longer.
const WORD_CHARS_MAX: usize = 64;

/// The name closest to `word`, if one is close: at most a quarter of its letters differ, or one.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(WORD_CHARS_MAX).collect();
    let most = (word.len() / 4).max(1);
    let close = |name: &'a str| {
        let name_chars: Vec<char> = name.chars().take(WORD_CHARS_MAX).collect();
        let distance = distance(&word, &name_chars);
        // Letters that change places are a commoner slip than letters that are missing.
        let rank = (distance, name_chars.len().abs_diff(word.len()));
        (distance <= most && distance < name_chars.len()).then_some((rank, name))
    };
    names.into_iter().filter_map(close).min_by_key(|(rank, _)| *rank).map(|(_, name)| name)
}

/// Letters to add, drop, change or swap with their neighbour (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &from) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &to) in b.iter().enumerate() {
            let changed = last[j] + usize::from(from != to);
            let mut best = changed.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && from == b[j - 1] && a[i - 1] == to {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 6] = ["http", "https", "tcp", "stolen-port", "canna", "x"];

    #[test]
    fn a_slip_of_the_hand_is_understood() {
        assert_eq!(nearest("httsp", NAMES), Some("https"));
        assert_eq!(nearest("tpc", NAMES), Some("tcp"));
        assert_eq!(nearest("stolenport", NAMES), Some("stolen-port"));
    }

    #[test]
    fn a_word_that_resembles_nothing_suggests_nothing() {
        assert_eq!(nearest("banana", NAMES), None);
        assert_eq!(nearest("y", NAMES), None);
        assert_eq!(nearest("", NAMES), None);
    }
}
