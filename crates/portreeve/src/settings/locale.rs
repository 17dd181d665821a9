//! Which language is spoken: `--lang`, else the locale; anything but Japanese is English.

use std::ffi::OsString;

use portreeve_core::words::Lang;

/// The variables of a locale, the strongest first (locale(7)).
const VARIABLES: [&str; 3] = ["LC_ALL", "LC_MESSAGES", "LANG"];

/// The language before the command line is understood, so that its mistakes are told in it too.
pub(crate) fn lang(arguments: &[OsString]) -> Lang {
    let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    let mut asked = None;
    while let Some(word) = words.next() {
        match word.strip_prefix("--lang") {
            Some("") => asked = words.next().map(std::borrow::Cow::into_owned),
            Some(value) => asked = value.strip_prefix('=').map(Into::into).or(asked),
            None => {}
        }
    }
    chosen(asked.as_deref())
}

/// The language that was asked for, else that of the locale.
pub(crate) fn chosen(asked: Option<&str>) -> Lang {
    match asked {
        Some("ja") => Lang::Ja,
        Some("en") => Lang::En,
        _ => of_locale(|name| std::env::var(name).ok()),
    }
}

fn of_locale(variable: impl Fn(&str) -> Option<String>) -> Lang {
    let locale = VARIABLES.into_iter().filter_map(variable).find(|value| !value.is_empty());
    if locale.is_some_and(|locale| locale.starts_with("ja")) { Lang::Ja } else { Lang::En }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(set: &[(&str, &str)]) -> Lang {
        of_locale(|name| {
            set.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_string())
        })
    }

    #[test]
    fn the_strongest_variable_that_is_not_empty_decides() {
        assert_eq!(spoken(&[("LANG", "ja_JP.UTF-8")]), Lang::Ja);
        assert_eq!(spoken(&[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "C")]), Lang::En);
        assert_eq!(spoken(&[("LC_ALL", ""), ("LC_MESSAGES", "ja"), ("LANG", "C")]), Lang::Ja);
        assert_eq!(spoken(&[("LANG", "fr_FR.UTF-8")]), Lang::En);
        assert_eq!(spoken(&[]), Lang::En);
    }
}
