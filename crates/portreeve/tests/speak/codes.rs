//! The exit codes are documented as they are.

use crate::run::{on_web, run};

#[test]
fn every_code_is_documented_in_both_languages() {
    for lang in ["en", "ja"] {
        let said = run(&format!("help exit-codes --lang {lang}"));
        let codes: Vec<_> = said.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(codes, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "70"]);
    }
}

#[test]
fn a_wrong_command_line_is_two_with_the_nearest_right_one() {
    for (line, said) in [
        ("lss", "did you mean `ls`?"),
        ("ls --reech world", "did you mean `--reach`?"),
        ("443", "portreeve who 443"),
        ("ls -o xml", "one of: table, json, ndjson, csv"),
        ("who", "portreeve help who"),
        ("ls 99999", "99999 is above 65535"),
        ("ls 443/tpc", "`tpc` is not a protocol"),
        ("scan 127.0.0.1 --for 3s", "[TARGET] and --for <TIME> exclude each other"),
        ("scan 127.0.0.1 80 --port 4000", "[TARGET] and --port <N> exclude each other"),
        ("scan --new-secret --for 3s", "exclude each other"),
        ("scan --new-secret -o json", "leave out -o json"),
        ("scan --consent -o json", "leave out -o json"),
        ("scan --consent --rate 5", "exclude each other"),
        ("scan 127.0.0.1 22-", "`22-` is not a port number"),
        ("scan 127.0.0.1 22/", "`22/` names no protocol"),
        ("scan 127.0.0.1 snmp", "snmp/udp"),
        ("help nothing", "there is no page `nothing`"),
    ] {
        let answer = run(line);
        assert_eq!(answer.code, Some(2), "{line}");
        assert!(answer.err.starts_with("error: "), "{line}: {}", answer.err);
        assert!(answer.err.contains(said), "{line}: {}", answer.err);
        assert!(answer.out.is_empty(), "{line}: {}", answer.out);
    }
}

#[test]
fn a_number_that_is_none_is_told_in_the_language_of_whoever_reads() {
    for (line, said) in [
        ("scan 127.0.0.1 --rate 1.5", "`1.5` は --rate <N> に指定できません: 1-100000\n"),
        ("scan 127.0.0.1 --rate 0", "`0` は --rate <N> に指定できません: 1-100000\n"),
        ("scan --consent --port 0", "`0` は --port <N> に指定できません: 1-65535\n"),
        ("claim web --while-pid x", "`x` は --while-pid <PID> に指定できません: 0-4294967295\n"),
        ("scan 127.0.0.1 22/sctp", "22/sctp は TCP でも UDP でもありません"),
    ] {
        let answer = run(&format!("{line} --lang ja"));
        assert_eq!(answer.code, Some(2), "{line}: {}", answer.err);
        assert!(answer.err.contains(said), "{line}: {}", answer.err);
    }
}

#[test]
fn the_status_screen_is_fine_whatever_it_finds() {
    assert_eq!(on_web("").code, Some(0));
}
