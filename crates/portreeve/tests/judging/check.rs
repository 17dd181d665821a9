//! `check`: every mistake at once, where a person finds it, in either language (A15, A24, A25, A26).

use std::{os::unix::fs::symlink, path::Path};

use serde_json::Value;

use crate::program::{Place, data, run, run_with};

#[test]
fn a_policy_without_mistakes_is_exit_code_0() {
    let said = run("check judge-policy.toml").ends(0);
    assert_eq!(said, "judge-policy.toml: no mistakes · 4 services · 5 ports\n");
    assert!(run("check judge-policy.toml --lang ja").ends(0).contains("誤りはありません"));
}

#[test]
fn advisories_that_are_not_there_are_a_point_to_check() {
    let policy = |path: &str| format!("version = 1\n[audit]\nadvisories = \"{path}\"\n");
    let said = run_with("check -", policy("/no/such/osv").as_bytes());
    assert!(
        said.err.contains("┌─ <stdin>:3:14") && said.err.contains("/no/such/osv does not exist"),
        "{}",
        said.err
    );
    assert!(said.err.contains("1 point to check"), "{}", said.err);
    said.ends(0);
    assert_eq!(run_with("check -", policy("/usr").as_bytes()).err, "");
}

#[test]
fn every_mistake_is_told_at_once_with_its_line_and_a_caret() {
    let err = run("check judge-mistakes.toml").fails(2);
    assert!(err.starts_with("error: judge-mistakes.toml: "), "{err}");
    assert!(
        err.contains(
            "   ┌─ judge-mistakes.toml:4:10\n \
             4 │ ports = [\"443/tpc\"]\n   \
             │          ^^^^^^^^^ "
        ),
        "{err}"
    );
    for wrong in ["`tpc`", "`reech`", "何処か"] {
        assert!(err.contains(wrong), "{wrong}: {err}");
    }
}

#[test]
fn carets_stand_below_wide_characters_and_behind_tabs() {
    let err = run("check judge-mistakes.toml").fails(2);
    // A tab reaches to column 4 of the line, so `reech` begins there.
    assert!(err.contains(" 6 │     reech = \"world\"   # 字下げはタブ\n   │     ^^^^^ "), "{err}");
    // `reach = "` has nine columns; the text of three wide characters and its quotes has eight.
    assert!(err.contains("15 │ reach = \"何処か\"\n   │         ^^^^^^^^ "), "{err}");
}

#[test]
fn japanese_says_the_same_places() {
    let places = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.contains("┌─")).map(|line| line.trim().to_string()).collect()
    };
    let en = run("check judge-mistakes.toml").fails(2);
    let ja = run("check judge-mistakes.toml --lang ja").fails(2);
    assert_eq!(places(&en), places(&ja));
    assert!(places(&en).len() >= 3, "{en}");
    assert!(ja.contains("件の誤り"), "{ja}");
}

#[test]
fn json_goes_to_standard_output_and_says_the_same() {
    let run = run("check judge-mistakes.toml -o json");
    assert_eq!(run.err, "");
    let document = run.json(2);
    let first = &document["mistakes"][0];
    assert_eq!(
        (&first["file"], &first["line"], &first["column"]),
        (&"judge-mistakes.toml".into(), &4.into(), &10.into())
    );
    assert!(document["mistakes"].as_array().unwrap().len() >= 3);
}

#[test]
fn standard_input_is_called_stdin() {
    let policy = std::fs::read(data().join("judge-mistakes.toml")).unwrap();
    assert!(run_with("check -", &policy).fails(2).contains("┌─ <stdin>:4:10"));
    let said = run_with("check -", b"version = 1\n").ends(0);
    assert_eq!(said, "<stdin>: no mistakes · 0 services · 0 ports\n");
    let said = run_with("check -", b"version = 1\n[service.a]\nports = \"1/tcp\"\n").ends(0);
    assert_eq!(said, "<stdin>: no mistakes · 1 service · 1 port\n");
    assert_eq!(run_with("check -", b"\xff\xfe").code, 2);
}

#[test]
fn two_services_on_one_port_are_shown_with_both_places() {
    let place = Place::new();
    place.file(
        "policy.toml",
        b"version = 1\n\n[service.ftp]\nports = [\"21/tcp\"]\nowner = { user = \"0\" }\n",
    );
    place
        .file("policy.d/files.toml", b"[service.files]\nports = [\"20-21/tcp\"]\nowner = { user = \"0\" }\n");
    let folder = place.path().display().to_string();
    let err = place.run(&format!("check {folder}")).fails(2);
    let heading = err.lines().find(|line| line.contains("┌─")).expect("a heading");
    assert!(heading.contains("policy.toml:4:10") && heading.contains(" and "), "{err}");
    assert!(heading.contains("policy.d/files.toml:2:10"), "{err}");
    let document = place.run(&format!("check {folder} -o json")).json(2);
    assert!(document["mistakes"][0]["also"]["file"].is_string(), "{document:#}");
}

#[test]
fn what_this_host_does_not_have_is_a_warning_and_no_mistake() {
    let policy = "version = 1\n\n[service.a]\nports = [\"4711/tcp\"]\nowner = { exe = \"/nowhere/at/all\" }\n\n\
                  [service.b]\nports = [\"4712/tcp\"]\nowner = { unit = \"portreeve-no-such-thing.service\" }\n";
    let ran = run_with("check -", policy.as_bytes());
    assert!(ran.err.starts_with("warning: <stdin>: 2 points to check\n"), "{}", ran.err);
    assert!(ran.err.contains("/nowhere/at/all") && ran.err.contains("portreeve-no-such-thing.service"));
    assert!(ran.ends(0).starts_with("<stdin>: no mistakes"));
    let document = run_with("check - -o json", policy.as_bytes()).json(0);
    assert_eq!(document["mistakes"], Value::Array(Vec::new()));
    assert_eq!(document["warnings"].as_array().unwrap().len(), 2);
}

#[test]
fn a_missing_file_is_exit_code_2() {
    let err = run("check nowhere.toml").fails(2);
    assert!(err.contains("cause: there is no such file"), "{err}");
}

#[test]
fn a_link_to_nothing_is_no_absent_policy() {
    let place = Place::new();
    place.file("policy.d/a.toml", b"version = 1\n");
    let folder = place.path().display().to_string();
    place.run(&format!("check {folder}")).ends(0);
    symlink("/nowhere/policy.toml", place.path().join("policy.toml")).unwrap();
    let err = place.run(&format!("check {folder}")).fails(2);
    assert!(err.contains("policy.toml") && err.contains("cause: it is a link to nothing"), "{err}");
    let ja = place.run(&format!("check {folder} --lang ja")).fails(2);
    assert!(ja.contains("リンク先が存在しません"), "{ja}");
    let place = Place::new();
    place.file("policy.toml", b"version = 1\n");
    symlink("/nowhere/policy.d", place.path().join("policy.d")).unwrap();
    place.run(&format!("check {}", place.path().display())).fails(2);
}

#[test]
fn what_is_no_regular_file_in_a_folder_is_refused() {
    for target in ["/dev/zero", "/"] {
        let place = Place::new();
        place.file("policy.toml", b"version = 1\n");
        std::fs::create_dir(place.path().join("policy.d")).unwrap();
        symlink(target, place.path().join("policy.d/a.toml")).unwrap();
        let err = place.run(&format!("check {}", place.path().display())).fails(2);
        assert!(err.contains("cause: it is not a regular file"), "{err}");
    }
}

#[test]
fn no_file_of_a_policy_is_left_out_in_silence() {
    let place = Place::new();
    for number in 0..10_001 {
        place.file(&format!("policy.d/{number}.txt"), b"");
    }
    place.file("policy.d/z.toml", b"nonsense");
    let folder = place.path().display().to_string();
    assert!(place.run(&format!("check {folder}")).fails(2).contains("z.toml:1:"));
    for number in 0..1_024 {
        place.file(&format!("policy.d/{number}.toml"), b"");
    }
    let err = place.run(&format!("check {folder}")).fails(2);
    assert!(err.contains("cause: it holds more than 1024 *.toml"), "{err}");
}

#[test]
fn a_policy_that_is_too_large_is_refused_while_it_is_read() {
    let place = Place::new();
    let four_mebibytes = vec![b'#'; 4 << 20];
    for number in 0..9 {
        place.file(&format!("{number}.toml"), &four_mebibytes);
    }
    let err = place.run(&format!("check {}", place.path().display())).fails(2);
    assert!(err.contains("8.toml") && err.contains("it is larger than 32 MiB"), "{err}");
    let one = place.file("one.toml", &[&four_mebibytes[..], b"#"].concat());
    let err = place.run(&format!("check {}", one.display())).fails(2);
    assert!(err.contains("cause: it is larger than 4 MiB"), "{err}");
}

#[test]
fn of_many_doubts_a_person_sees_the_first_and_a_count_and_json_has_them_all() {
    let mut policy = "version = 1\n".to_owned();
    for number in 1..=25 {
        policy += &format!(
            "[service.s{number}]\nports = \"{number}/tcp\"\nowner = {{ exe = \"/nowhere/{number}\" }}\n"
        );
    }
    let err = run_with("check -", policy.as_bytes()).err;
    assert!(err.starts_with("warning: <stdin>: 25 points to check\n"), "{err}");
    assert_eq!(err.matches("┌─").count(), 20);
    assert!(err.contains("service.s20 ") && !err.contains("service.s21 "), "{err}");
    assert!(err.ends_with("and 5 more; for all of them: portreeve check -o json\n"), "{err}");
    let ja = run_with("check - --lang ja", policy.as_bytes()).err;
    assert!(ja.ends_with("ほかに 5 件あります。すべてを見るには: portreeve check -o json\n"), "{ja}");
    let document = run_with("check - -o json", policy.as_bytes()).json(0);
    assert_eq!(document["warnings"].as_array().unwrap().len(), 25);
    assert_eq!(document["warnings"][24]["line"], 74);
}

#[test]
fn quietly_it_says_nothing_but_mistakes() {
    let policy = b"version = 1\n[service.a]\nports = \"1/tcp\"\nowner = { exe = \"/nowhere/at/all\" }\n";
    let ran = run_with("check - -q", policy);
    assert_eq!((ran.err.as_str(), ran.out.as_str(), ran.code), ("", "", 0));
    assert!(run("check judge-mistakes.toml -q").fails(2).contains("`tpc`"));
}

#[test]
fn an_executable_that_is_a_link_is_doubted_with_the_path_that_the_kernel_shows() {
    let place = Place::new();
    let program = place.file("real", b"");
    let link = place.path().join("link");
    symlink(&program, &link).unwrap();
    let shown = program.canonicalize().unwrap();
    let checked = |exe: &Path| {
        let exe = exe.display();
        let policy = format!(
            "version = 1\n[service.cache]\nports = [\"6379/tcp\"]\nowner = {{ exe = \"{exe}\" }}\nreach = \"host\"\n"
        );
        run_with("check -", policy.as_bytes())
    };
    let err = checked(&link).err;
    assert!(err.contains(&format!("a link: the kernel shows {}", shown.display())), "{err}");
    checked(&link).ends(0);
    assert_eq!(checked(&shown).err, "");
}
