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
