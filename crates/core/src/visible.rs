//! Which characters show themselves, for every text that strangers wrote (UAX #9, UAX #44).

/// Whether a character would act on a terminal, reorder what stands around it, or take its place unseen.
///
/// These are C0, C1 and DEL, the line and paragraph separators, the bidirectional controls, all that Unicode lets
/// a renderer ignore (Default_Ignorable_Code_Point: soft hyphen, zero-width characters, fillers, variation selectors,
/// tags), the interlinear annotation controls, and the blank Braille pattern.
#[must_use]
pub const fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\x1f' | '\x7f'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}'
        | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_hides_is_hidden() {
        for character in [
            '\n',
            '\u{1b}',
            '\u{7f}',
            '\u{9b}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{180e}',
            '\u{200b}',
            '\u{200d}',
            '\u{2028}',
            '\u{2029}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{fff9}',
            '\u{1d173}',
            '\u{e0001}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert!(is_hidden(character), "{:x}", u32::from(character));
        }
    }

    #[test]
    fn what_shows_is_not() {
        for character in "aZ0 ~é日本語ーンﾊ、。👍\u{a0}\u{3000}\u{fffd}".chars() {
            assert!(!is_hidden(character), "{character}");
        }
    }
}
