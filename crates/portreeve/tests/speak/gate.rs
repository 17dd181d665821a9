//! Commands that change the gate: what is refused before anything is touched, in both languages (A15, A16).

use crate::run::{Said, program, run, saved, with_input};

#[track_caller]
fn refused(line: &str, en: &str, ja: &str) {
    for (lang, told) in [("en", en), ("ja", ja)] {
        let said = run(&format!("{line} --lang {lang}"));
        assert_eq!(said.code, Some(2), "{line}: {said:?}");
        assert!(said.err.starts_with("error: ") && said.err.contains(told), "{told} in {}", said.err);
        assert!(said.out.is_empty(), "{}", said.out);
    }
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_looked_at() {
    refused("open", "is missing", "指定されていません");
    refused("open 8080", "is missing", "指定されていません");
    refused("open 8080 --for soon", "not possible for", "指定できません");
    refused("open 8080 --for 0s", "less than a millisecond", "1 ミリ秒未満");
    refused("open 8080 --for 8000000h", "more than ten years", "10 年");
    refused("open 1-65535/tcp --for 1h", "for the policy to open", "policy で開いてください");
    refused("open 8080,9090 --for 1h", "at a time", "一度に指定");
    refused("open 8080 --from host --for 1h", "never stands between the host and itself", "ゲートの対象外");
    refused("open 99999 --for 1h", "99999 is above 65535", "65535 を超えています");
    refused("close", "is missing", "指定されていません");
    refused("close --for 2h", "is missing", "指定されていません");
    refused("close 8080 --for 2h", "exclude each other", "同時に指定できません");
    refused("close 8080 --from 203.0.113.7", "exclude each other", "同時に指定できません");
    refused("close 8080 --stop --unlisten", "exclude each other", "同時に指定できません");
    refused("close --from 203.0.113.7 --stop", "exclude each other", "同時に指定できません");
    refused("close 99999", "99999 is above 65535", "65535 を超えています");
    refused("close 0", "nobody can listen on port 0", "ポート 0 では待ち受けできません");
    refused("close 443 0/udp", "nobody can listen on port 0", "ポート 0 では待ち受けできません");
    refused("open 0 --for 1h", "nobody can listen on port 0", "ポート 0 では待ち受けできません");
    refused("close 8080/dccp", "does not judge dccp", "ゲートの対象外");
    refused("close 443/tcp flush", "names no port", "特定できません");
    refused("close --from nobody", "`nobody` is not an address", "アドレスではありません");
    refused("close --from 127.0.0.1", "nobody outside sends from 127.0.0.1", "外部の相手はいません");
    refused("close --from 203.0.113.7 --for 0s", "less than a millisecond", "1 ミリ秒未満");
    refused("undo 0", "is not possible for", "指定できません");
    refused("undo last", "is not possible for", "指定できません");
    refused("gate open", "is not possible for", "指定できません");
    refused("off everything", "is not possible for", "指定できません");
    refused("apply --trial 5s --no-trial", "exclude each other", "同時に指定できません");
    refused("apply --trial 0s", "less than a millisecond", "1 ミリ秒未満");
}

#[test]
fn what_is_no_plan_is_refused() {
    let text = |based_on: &str| format!(r#"{{"version":1,"based_on":"{based_on}"}}"#);
    for (plan, told) in [
        (String::new(), "it is not what plan -o json writes"),
        ("[]".into(), "it is not what plan -o json writes"),
        ("{\"version\":2,\"based_on\":\"\"}".into(), "it is not what plan -o json writes"),
        (text("x; flush ruleset"), "it is not what plan -o json writes"),
        (text("0-0-0-0"), "it is not what plan -o json writes"),
    ] {
        let said = with_input("apply - --no-trial --no-session", plan.as_bytes());
        assert_eq!(said.code, Some(2), "{plan}: {said:?}");
        assert!(said.err.contains("cannot read the plan <stdin>") && said.err.contains(told), "{said:?}");
    }
    refused("apply /nonexistent --no-trial", "there is no such file", "ファイルが存在しません");
}

/// A plan of the saved host, by a policy that opens one port.
fn planned(words: &str) -> Said {
    let policy = std::env::temp_dir().join(format!("portreeve-plan-{}-{}", std::process::id(), words.len()));
    let text = "version = 1\n[service.web]\nports = [\"443/tcp\"]\nowner = { unit = \"nginx.service\" }\nreach = \"world\"\n";
    std::fs::write(&policy, text).expect("the folder is there");
    let mut command = program();
    command.arg("plan").args(words.split_whitespace()).arg("--policy").arg(&policy);
    let said = command.arg("--snapshot").arg(saved("web.json")).output().expect("the program starts").into();
    std::fs::remove_file(&policy).expect("it was written");
    said
}

#[test]
fn a_host_whose_firewall_nobody_saw_is_not_planned_for() {
    for (words, told) in
        [("--lang en", "the packet filter was not"), ("--lang ja --color never", "ファイアウォール")]
    {
        let said = planned(words);
        assert_eq!(said.code, Some(5), "{said:?}");
        assert!(said.err.contains(told), "{said:?}");
    }
}

#[test]
fn a_plan_in_place_of_a_policy_is_one_mistake() {
    let plan = b"{\n  \"version\": 1,\n  \"based_on\": \"0\"\n}\n";
    for (lang, told) in [("en", "it is JSON, and a policy is TOML"), ("ja", "policy は TOML で記述します")]
    {
        let said = with_input(&format!("apply --no-trial --policy - --lang {lang}"), plan);
        assert_eq!(said.code, Some(2), "{said:?}");
        assert!(said.err.contains(told) && said.err.lines().count() == 3, "{said:?}");
    }
}

#[test]
fn without_a_policy_there_is_nothing_to_agree_with() {
    let said = run("plan");
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("there is no policy to agree with"), "{said:?}");
    assert!(run("plan --lang ja").err.contains("従うべき policy がありません"));
}
