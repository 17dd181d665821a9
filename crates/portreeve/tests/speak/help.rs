//! Help is short, grouped by question, and has an example for each command (A26).

use unicode_width::UnicodeWidthStr as _;

use crate::run::run;

const COMMANDS: [&str; 26] = [
    "ls",
    "who",
    "scan",
    "wait",
    "watch",
    "snapshot",
    "patches",
    "plan",
    "apply",
    "confirm",
    "undo",
    "open",
    "close",
    "gate",
    "history",
    "claim",
    "renew",
    "release",
    "claims",
    "ledger",
    "doctor",
    "off",
    "purge",
    "help",
    "completions",
    "man",
];

#[test]
fn the_overview_groups_by_question_and_fits_a_screen() {
    let said = run("--help");
    assert_eq!(said.code, Some(0));
    assert!(said.out.contains("\nWhat is there?\n"), "{}", said.out);
    for command in COMMANDS {
        assert!(said.out.contains(&format!("\n  {command} ")), "{command} in {}", said.out);
        assert!(said.out.contains(&format!("portreeve {command}")), "an example of {command}");
    }
    assert!(said.out.lines().count() <= 96, "{}", said.out);
    assert_eq!(run("-h").out, said.out);
    assert_eq!(run("help").out, said.out);
}

#[test]
fn every_page_is_in_both_languages_with_an_example() {
    for command in COMMANDS {
        let english = run(&format!("help {command}"));
        let japanese = run(&format!("{command} --help --lang ja"));
        assert_eq!((english.code, japanese.code), (Some(0), Some(0)), "{command}");
        assert!(english.out.contains("Example:\n  portreeve "), "{}", english.out);
        assert!(japanese.out.contains("例:\n  portreeve "), "{}", japanese.out);
        for english_word in ["Usage", "Options", "Everywhere", "Print", "possible values"] {
            assert!(!japanese.out.contains(english_word), "{english_word} in {}", japanese.out);
        }
        assert!(english.out.is_ascii(), "{}", english.out);
        assert!(japanese.out.lines().all(|line| line.width() <= 140), "{}", japanese.out);
    }
}

#[test]
fn completions_and_the_manual_page_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&format!("completions {shell}")).out;
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    assert_eq!(run("completions tcsh").code, Some(2));
    let page = run("man").out;
    assert!(page.starts_with(".ie") && page.contains(".TH portreeve"), "{page}");
    assert!(run("man ls").out.contains("reach"));
    assert_eq!(run("man nothing").code, Some(2));
}

#[test]
fn every_page_lists_its_arguments_in_one_order() {
    let everywhere = ["--lang", "--color", "--quiet", "--verbose", "--help"];
    let shared = ["--output", "--snapshot", "--policy", "--netns", "--fail-on", "--allow-gaps"];
    let overview = run("--help").out;
    let commands = overview.lines().filter_map(|line| line.strip_prefix("  ")).filter_map(|line| {
        let name = line.split(' ').next().filter(|name| !name.is_empty());
        name.filter(|_| !line.starts_with(' '))
    });
    let mut pages = 0;
    for command in commands {
        let page = run(&format!("help {command}")).out;
        let places = |options: &[&str]| -> Vec<_> {
            options.iter().filter_map(|option| page.find(&format!(" {option}"))).collect()
        };
        let options = [places(&shared), places(&everywhere)].concat();
        assert!(options.is_sorted() && options.len() >= everywhere.len(), "{page}");
        pages += 1;
    }
    assert!(pages >= 14, "{overview}");
    let diff = run("help diff").out;
    assert!(diff.find("\n  <A> ").unwrap() < diff.find("\n  [B] ").unwrap(), "{diff}");
}

#[test]
fn the_manual_page_refers_to_nothing_that_nobody_has() {
    let page = run("man").out;
    assert!(!page.contains("(1)"), "{page}");
    assert!(page.contains(".SH SYNOPSIS\nportreeve [OPTIONS] [COMMAND]\n"), "{page}");
    assert!(page.contains("portreeve man COMMAND | man \\-l \\-\n"), "{page}");
    let page = run("man wait").out;
    assert!(page.contains(".SH SYNOPSIS\nportreeve wait [OPTIONS] <PORT>\n"), "{page}");
    assert!(page.contains("\nportreeve wait 5432 \\-\\-for 30s\n"), "{page}");
    assert!(page.contains("\\fB\\-\\-for\\fR \\fI<TIME>\\fR"), "{page}");
}

#[test]
fn nothing_that_does_not_exist_is_promised() {
    let said = run("--help").out + &run("help ls").out + &run("help who").out;
    assert!(!said.contains("portreeve run"), "{said}");
}
