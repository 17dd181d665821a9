//! The options that commands share, as the command line describes them.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use clap::{
    Arg, ArgAction,
    builder::{PossibleValuesParser, ValueParser},
};
use jiff::SignedDuration;
use portreeve_core::{
    text,
    words::{Lang, Words},
};

use super::{Common, Format};

/// `--lang`.
pub(crate) const LANG: &str = "lang";
/// `--color`.
pub(crate) const COLOUR: &str = "color";
/// `-q`.
pub(crate) const QUIET: &str = "quiet";
/// `-v`.
pub(crate) const VERBOSE: &str = "verbose";
/// `-o`.
pub(crate) const OUTPUT: &str = "output";
/// `--snapshot`.
pub(crate) const SNAPSHOT: &str = "snapshot";
/// `--policy`.
pub(crate) const POLICY: &str = "policy";
/// `--netns`.
pub(crate) const NETNS: &str = "netns";
/// `--allow-gaps`.
pub(crate) const ALLOW_GAPS: &str = "allow-gaps";
/// `--fail-on`.
pub(crate) const FAIL_ON: &str = "fail-on";

/// The heading above options of a command's own.
pub(crate) const OWN: Words = Words { en: "Options", ja: "オプション" };
/// The heading above options that every command takes.
pub(crate) const EVERYWHERE: Words = Words { en: "Everywhere", ja: "共通" };

/// Below everything that a command has of its own.
const EVERYWHERE_PLACE: usize = 1_000;
/// `-h` and `-V` stand last.
pub(crate) const HELP_PLACE: usize = 2_000;

/// A switch of a command.
pub(crate) fn flag(name: &'static str, help: Words, lang: Lang) -> Arg {
    Arg::new(name).long(name).action(ArgAction::SetTrue).help(help.in_lang(lang))
}

/// An option of a command with a value.
pub(crate) fn value(name: &'static str, placeholder: &'static str, help: Words, lang: Lang) -> Arg {
    Arg::new(name).long(name).value_name(placeholder).help(help.in_lang(lang))
}

/// An option of a command with one of some values.
pub(crate) fn choice(
    name: &'static str,
    placeholder: &'static str,
    values: impl IntoIterator<Item = &'static str>,
    help: Words,
    lang: Lang,
) -> Arg {
    value(name, placeholder, help, lang)
        .value_parser(PossibleValuesParser::new(values))
        .hide_possible_values(true)
}

/// `30s`, `2m`, `1h30m`; a bare number is seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let parsed = text.parse::<SignedDuration>().map_err(|_| String::from("30s, 2m, 1h"))?;
    parsed.try_into().map_err(|_| String::from("30s, 2m, 1h"))
}

/// A number among `numbers`; what else is written is told by these alone, which both languages read.
pub(crate) fn number<T>(
    numbers: RangeInclusive<T>,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync + 'static,
{
    move |text| {
        let number = text.parse().ok().filter(|number| numbers.contains(number));
        number.ok_or_else(|| format!("{}-{}", numbers.start(), numbers.end()))
    }
}

/// What every command takes.
pub(crate) fn everywhere(lang: Lang) -> Vec<Arg> {
    let language = choice(
        LANG,
        "en|ja",
        ["en", "ja"],
        Words { en: "Language (default: the locale)", ja: "言語(既定値: ロケールに従う)" },
        lang,
    );
    let colour = choice(
        COLOUR,
        "WHEN",
        ["auto", "always", "never"],
        Words { en: "Colour: auto, always or never", ja: "色: auto、always、never のいずれか" },
        lang,
    );
    let quiet = flag(QUIET, Words { en: "Say less", ja: "出力を減らす" }, lang).short('q');
    let verbose = flag(VERBOSE, Words { en: "Say more", ja: "出力を増やす" }, lang).short('v');
    let placed = [language, colour, quiet, verbose].into_iter().enumerate();
    let heading = EVERYWHERE.in_lang(lang);
    placed
        .map(|(place, arg)| arg.global(true).display_order(EVERYWHERE_PLACE + place).help_heading(heading))
        .collect()
}

/// The option that `common` stands for.
pub(crate) fn common(common: Common, lang: Lang) -> Arg {
    match common {
        Common::Output(formats) => output(formats, lang),
        Common::Snapshot => value(
            SNAPSHOT,
            "FILE",
            Words {
                en: "A saved snapshot instead of this host (-: standard input)",
                ja: "このホストの代わりに、保存したスナップショットを読む(- は標準入力)",
            },
            lang,
        )
        .value_parser(ValueParser::os_string()),
        Common::Policy => value(
            POLICY,
            "PATH",
            Words {
                en: "A policy file or directory, -, or none",
                ja: "policy のファイルかディレクトリ、-(標準入力)、または none(なし)",
            },
            lang,
        )
        .value_parser(ValueParser::os_string()),
        Common::Netns => value(
            NETNS,
            "NAME",
            Words {
                en: "Another network namespace, or all", ja: "対象のネットワーク名前空間、または all"
            },
            lang,
        ),
        Common::AllowGaps => flag(
            ALLOW_GAPS,
            Words {
                en: "Exit 0 even where part of the host could not be seen",
                ja: "見えなかった部分があっても終了コードを 0 にする",
            },
            lang,
        ),
        Common::FailOn => choice(
            FAIL_ON,
            "SEVERITY",
            ["notice", "warning", "high", "critical", "never"],
            Words {
                en: "Exit 1 from this severity on: notice, warning (default), high, critical, never",
                ja: "終了コードを 1 にする重要度の下限: notice、warning(既定値)、high、critical、never",
            },
            lang,
        ),
    }
}

fn output(formats: &'static [Format], lang: Lang) -> Arg {
    let names = formats.iter().map(|format| format.name());
    let listed = names.clone().collect::<Vec<_>>().join(", ");
    let help = text!("How to write the answer: {listed}", "出力形式: {listed}");
    Arg::new(OUTPUT)
        .short('o')
        .long(OUTPUT)
        .value_name("FORMAT")
        .value_parser(PossibleValuesParser::new(names))
        .hide_possible_values(true)
        .help(help.in_lang(lang).to_string())
}
