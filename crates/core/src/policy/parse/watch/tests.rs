//! The section `[watch]`: what is chosen, and what is wrong in it.

use alloc::{format, string::String, vec::Vec};

use crate::{
    policy::{LogChoice, LogPlace, Mistake, Parsed, Source, WatchChoice, WatchMode, parse},
    registry::Registry,
};
use jiff::SignedDuration;

const SERVICES: &str = "[service.ssh]\nports = \"22/tcp\"\nowner = { unit = \"ssh.service\" }";

fn parsed(section: &str) -> Result<Parsed, Vec<Mistake>> {
    let text = format!("version = 1\n[watch]\n{section}\n{SERVICES}\n");
    parse(&[Source { name: "policy.toml".into(), text: &text }], Registry::builtin())
}

fn chosen(section: &str) -> WatchChoice {
    parsed(section).expect("no mistake").policy.watch
}

#[test]
fn what_is_said_is_chosen_and_what_is_not_is_the_usual() {
    assert_eq!(chosen(""), WatchChoice::default());
    let choice = chosen(
        "mode = \"block\"\nallow = [\"203.0.113.0/24\", \"2001:db8::1\"]\nblock_for = \"2d\"\n\
         blocks_per_minute_max = 5\nend_sessions = true\nlog = [{ service = \"ssh\", file = \"/var/log/auth.log\" }, \
         { service = \"ssh\", unit = \"ssh.service\" }]",
    );
    let log = |place| LogChoice { service: "ssh".into(), place };
    let expected = WatchChoice {
        mode: WatchMode::Block,
        allow: ["203.0.113.0/24", "2001:db8::1/128"].map(|network| network.parse().unwrap()).into(),
        block_for: SignedDuration::from_hours(48),
        blocks_per_minute_max: 5,
        block_unproven: false,
        end_sessions: true,
        log: [log(LogPlace::File("/var/log/auth.log".into())), log(LogPlace::Unit("ssh.service".into()))]
            .into(),
    };
    assert_eq!(choice, expected);
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_a_hint() {
    for (line, text, fix) in [
        ("mode = \"blok\"", "`blok` is no mode", "did you mean \"block\"?"),
        ("mode = true", "`mode` is text", "write it like this"),
        ("allow = \"office\"", "`office` is no", "write it like"),
        ("block_for = \"1\"", "`1` is no time", "write it like \"1h\""),
        ("block_for = \"8d\"", "`8d` is no time", "write it like \"1h\""),
        ("block_for = \"-1h\"", "`-1h` is no time", "write it like \"1h\""),
        ("block_for = \"1 month\"", "`1 month` is no time", "write it like \"1h\""),
        ("block_for = 3600", "`block_for` is text, not a number", "write it like this"),
        ("blocks_per_minute_max = 0", "0 is no number of blocks", "write 1 to 10000"),
        ("blocks_per_minute_max = \"30\"", "`blocks_per_minute_max` is a number, not text", "write it"),
        ("block_unproven = \"yes\"", "`block_unproven` is true or false, not text", "write it like this"),
        ("log = \"/var/log/auth.log\"", "`log` is a table or a list of tables", "write it like this"),
        ("log = [{ service = \"ssh\" }]", "a log is in one place", "write it like { service"),
        ("log = [{ file = \"/a\" }]", "this log names no service", "add service"),
        ("log = [{ service = \"ssh\", file = \"a\" }]", "`a` is no absolute path", "write it like"),
        ("log = [{ service = \"ssh\", file = \"/a/\" }]", "`/a/` is no absolute path", "write it like"),
        (
            "log = [{ service = \"ssh\", unit = \"ssh\" }]",
            "`ssh` is not a unit",
            "did you mean \"ssh.service\"?",
        ),
        ("log = [{ service = \"shs\", file = \"/a\" }]", "no service is called `shs`", "did you mean"),
        ("end_session = true", "`end_session` is not a key here", "did you mean `end_sessions`?"),
        ("end_sessions = 1", "`end_sessions` is true or false, not a number", "write it like this"),
    ] {
        let found = parsed(line).expect_err(line);
        let [found] = &found[..] else { panic!("{line}: {found:?}") };
        assert!(found.text.en.starts_with(text), "{line}: {}", found.text.en);
        assert!(found.fix.en.starts_with(fix), "{line}: {}", found.fix.en);
        assert_eq!(found.place.line, 3, "{line}");
        assert_ne!(found.text.en, found.text.ja, "{line}");
    }
}

#[test]
fn sessions_are_ended_of_whoever_is_blocked_alone() {
    let parsed = parsed("end_sessions = true").expect("no mistake");
    let [warning] = &parsed.warnings[..] else { panic!("{:?}", parsed.warnings) };
    assert!(!parsed.policy.watch.end_sessions && warning.text.en.starts_with("nobody's sessions are ended"));
}

#[test]
fn who_may_be_forged_is_blocked_with_a_warning() {
    let parsed = parsed("mode = \"block\"\nblock_unproven = true").expect("no mistake");
    let warned: Vec<String> = parsed.warnings.into_iter().map(|warning| warning.text.en).collect();
    assert!(parsed.policy.watch.block_unproven);
    assert!(
        warned.len() == 1 && warned[0].starts_with("whoever sends packets in another's name"),
        "{warned:?}"
    );
}

#[test]
fn a_log_of_errors_of_nginx_is_named_with_a_warning() {
    let warned = |file: &str| {
        let parsed = parsed(&format!("log = [{{ service = \"ssh\", file = \"{file}\" }}]"));
        parsed.expect("no mistake").warnings.into_iter().map(|warning| warning.text.en).collect::<Vec<_>>()
    };
    let errors = warned("/var/log/nginx/error.log");
    assert!(matches!(&errors[..], [text] if text.starts_with("no line of nginx's errors")), "{errors:?}");
    assert_eq!(warned("/var/log/nginx/access.log"), [""; 0]);
}
