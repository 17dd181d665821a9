//! Two languages, chosen as the locale rules say (A26).

use crate::run::{program, run, saved};

fn summary(variables: &[(&str, &str)], arguments: &[&str]) -> String {
    let mut command = program();
    command.args(arguments).arg("--snapshot").arg(saved("web.json"));
    command.envs(variables.iter().copied());
    String::from_utf8(command.output().unwrap().stdout).unwrap().lines().next().unwrap_or_default().into()
}

fn is_japanese(text: &str) -> bool {
    text.contains("ポート")
}

#[test]
fn the_locale_decides_and_the_option_overrides_it() {
    assert!(!is_japanese(&summary(&[], &[])));
    assert!(is_japanese(&summary(&[("LANG", "ja_JP.UTF-8")], &[])));
    assert!(is_japanese(&summary(&[("LC_MESSAGES", "ja_JP.eucJP"), ("LANG", "C")], &[])));
    assert!(!is_japanese(&summary(&[("LC_ALL", "C"), ("LANG", "ja_JP.UTF-8")], &[])));
    assert!(!is_japanese(&summary(&[("LANG", "ja_JP.UTF-8")], &["--lang", "en"])));
    assert!(is_japanese(&summary(&[], &["--lang=ja"])));
}

#[test]
fn a_locale_that_is_neither_is_english() {
    for locale in ["fr_FR.UTF-8", "C.UTF-8", "POSIX", "xx", "\u{202e}ja"] {
        assert!(!is_japanese(&summary(&[("LANG", locale)], &[])), "{locale}");
    }
}

#[test]
fn a_language_that_is_not_spoken_is_refused() {
    let said = run("ls --lang fr");
    assert_eq!(said.code, Some(2));
    assert_eq!(said.err, "error: `fr` is not possible for --lang <en|ja>\nhint: one of: en, ja\n");
}

#[test]
fn mistakes_are_told_in_the_language_that_was_asked_for() {
    let said = run("lss --lang ja");
    assert_eq!(said.code, Some(2));
    assert_eq!(said.err, "error: `lss` というコマンドはありません\nhint: `ls` のことですか?\n");
    let said = run("who banana --lang ja");
    assert!(said.err.contains("ポートを特定できません"), "{}", said.err);
}

#[test]
fn japanese_sentences_stand_in_json_while_keys_and_tokens_do_not() {
    let snapshot = saved("web.json");
    let output = program()
        .args(["ls", "9999", "-o", "json", "--lang", "ja", "--snapshot"])
        .arg(snapshot)
        .output()
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["listeners"][0]["gap"].as_str().unwrap().contains("root で実行"));
    assert_eq!(answer["gaps"][0]["what"], "hidden-owners");
    assert!(answer["gaps"][0]["why"].as_str().unwrap().contains("ソケット"));
}
