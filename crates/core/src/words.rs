//! Two languages, equal: every sentence a person reads exists in English and in Japanese.

use alloc::string::String;

/// A language that portreeve speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Japanese.
    Ja,
}

/// A fixed sentence in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: &'static str,
    /// Japanese.
    pub ja: &'static str,
}

impl Words {
    /// The sentence in `lang`.
    #[must_use]
    pub const fn in_lang(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Ja => self.ja,
        }
    }
}

/// A sentence about something seen, in both languages.
///
/// It may hold bytes that others wrote (process names, paths): whoever prints it makes them visible first.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Text {
    /// English.
    pub en: String,
    /// Japanese.
    pub ja: String,
}

impl Text {
    /// The sentence in `lang`.
    #[must_use]
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Ja => &self.ja,
        }
    }

    /// The same without the spaces that a variable left between Japanese letters, or between one and a bracket.
    ///
    /// Japanese parts its own letters from Latin ones alone: "nginx が", but "カーネルが".
    ///
    /// ```
    /// use portreeve_core::text;
    /// let who = "nc(ユーザー dev)";
    /// let held = text!("{who} holds it", "{who} が保持しています");
    /// assert_eq!(held.close_up().ja, "nc(ユーザー dev)が保持しています");
    /// ```
    #[must_use]
    pub fn close_up(self) -> Self {
        let mut ja = String::with_capacity(self.ja.len());
        let mut letters = self.ja.chars().peekable();
        while let Some(letter) = letters.next() {
            let around = ja.chars().next_back().zip(letters.peek().copied());
            if letter != ' ' || !around.is_some_and(|(before, after)| is_set_close(before, after)) {
                ja.push(letter);
            }
        }
        Self { en: self.en, ja }
    }
}

/// Whether Japanese sets no space between the two.
const fn is_set_close(before: char, after: char) -> bool {
    match (is_japanese(before), is_japanese(after)) {
        (true, true) => true,
        (true, false) => after == '(',
        (false, true) => before == ')',
        (false, false) => false,
    }
}

/// Punctuation, kana, kanji and full-width forms (Unicode's blocks 3000–9FFF and FF00–FFEF).
const fn is_japanese(letter: char) -> bool {
    matches!(letter, '\u{3000}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

impl From<Words> for Text {
    fn from(words: Words) -> Self {
        Self { en: words.en.into(), ja: words.ja.into() }
    }
}

/// The English words that go with a number: `one` with 1, `several` with any other. Japanese has no such difference.
///
/// ```
/// use portreeve_core::{text, words::inflect};
/// let ports = 1;
/// let en = inflect(ports, "port is", "ports are");
/// assert_eq!(text!("{ports} {en} open", "{ports} 個のポートが開いています").en, "1 port is open");
/// ```
#[must_use]
pub const fn inflect(number: usize, one: &'static str, several: &'static str) -> &'static str {
    if number == 1 { one } else { several }
}

/// A [`Text`] from an English and a Japanese format string over the same variables.
///
/// ```
/// use portreeve_core::text;
/// let port = 443;
/// assert_eq!(text!("port {port} is open", "ポート {port} が開いています").en, "port 443 is open");
/// ```
#[macro_export]
macro_rules! text {
    ($en:literal, $ja:literal $(,)?) => {
        $crate::words::Text { en: $crate::words::format!($en), ja: $crate::words::format!($ja) }
    };
}

#[doc(hidden)]
pub use alloc::format;

#[cfg(test)]
mod tests {
    #[test]
    fn spaces_stay_beside_latin_letters_alone() {
        let closed = |who: &str| text!("", "443/tcp を {who} が保持しています").close_up().ja;
        assert_eq!(closed("nginx"), "443/tcp を nginx が保持しています");
        assert_eq!(closed("nc(ユーザー dev)"), "443/tcp を nc(ユーザー dev)が保持しています");
        assert_eq!(closed("コンテナ web"), "443/tcp をコンテナ web が保持しています");
        assert_eq!(closed("カーネル"), "443/tcp をカーネルが保持しています");
        assert_eq!(closed("(見えない)プロセス"), "443/tcp を(見えない)プロセスが保持しています");
        assert_eq!(closed("a  b"), "443/tcp を a  b が保持しています");
    }
}
