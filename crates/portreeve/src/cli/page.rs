//! The pages of help: one overview by question, one page a command.

use portreeve_core::words::{Lang, Words};

use crate::{
    commands::{self, Command, Group},
    show::table::pad,
};

const USAGE: Words = Words { en: "Usage", ja: "使い方" };
const EXAMPLE: Words = Words { en: "Example", ja: "例" };

/// What `portreeve --help` prints.
pub(crate) fn overview(lang: Lang) -> String {
    let mut page = format!(
        "{}\n\n{}: portreeve [COMMAND] [OPTIONS]\n",
        commands::BARE.about.in_lang(lang),
        USAGE.in_lang(lang)
    );
    for group in commands::GROUPS.iter().filter(|group| !group.commands.is_empty()) {
        page += &section(group, lang);
    }
    page += Words {
        en: "\nWithout a command: one screen that says how the ports are.\nEverywhere: --lang en|ja  --color auto|always|never  -q  -v  -h  -V\n\nnext: portreeve help COMMAND · portreeve help exit-codes\n",
        ja: "\nコマンドを省略すると、ポートの状態を 1 画面で表示します。\n共通: --lang en|ja  --color auto|always|never  -q  -v  -h  -V\n\n次: portreeve help COMMAND · portreeve help exit-codes\n",
    }
    .in_lang(lang);
    page
}

fn section(group: &Group, lang: Lang) -> String {
    let lines = group.commands.iter().map(|command| {
        let example = command.examples.first().copied().unwrap_or_default();
        format!("  {} {}\n  {} {example}\n", pad(command.name, 12), command.about.in_lang(lang), pad("", 12))
    });
    format!("\n{}\n{}", group.title.in_lang(lang), lines.collect::<String>())
}

/// The layout of a command's page, as clap fills it in.
pub(crate) fn template(lang: Lang) -> &'static str {
    Words {
        en: "{about}\n\nUsage: {usage}\n\n{all-args}{after-help}",
        ja: "{about}\n\n使い方: {usage}\n\n{all-args}{after-help}",
    }
    .in_lang(lang)
}

/// The last lines of a command's page.
pub(crate) fn examples(command: &Command, lang: Lang) -> String {
    let lines = command.examples.iter().map(|example| format!("  {example}\n"));
    format!("{}:\n{}", EXAMPLE.in_lang(lang), lines.collect::<String>())
}
