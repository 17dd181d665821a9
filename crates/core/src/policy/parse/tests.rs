//! Every kind of mistake that a policy can hold, at its very place, in both languages (A2, A15, A24).

mod gate;

use alloc::{format, string::String, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::{guard::Mode, policy::Guarding, port::PortSpec};

fn parsed(text: &str) -> Result<Parsed, Vec<Mistake>> {
    parse(&[Source { name: "policy.toml".into(), text }], Registry::builtin())
}

/// The characters that the caret of a mistake covers.
fn covered(text: &str, mistake: &Mistake) -> String {
    let line = text.lines().nth(mistake.place.line as usize - 1).unwrap_or("");
    line.chars().skip(mistake.place.column as usize - 1).take(mistake.width as usize).collect()
}

fn is_said_twice(said: &Text) -> bool {
    let kana = |letter: char| ('\u{3041}'..='\u{30ff}').contains(&letter);
    !said.en.is_empty() && !said.en.contains(kana) && said.ja.contains(kana)
}

/// The mistakes of a text as `line:column covered | text | fix`.
fn mistakes(text: &str) -> Vec<String> {
    let found = parsed(text).expect_err(text);
    for mistake in &found {
        assert!(is_said_twice(&mistake.text), "{mistake:?}");
        assert!(is_said_twice(&mistake.fix), "{mistake:?}");
    }
    found.iter().map(|mistake| shown(text, mistake)).collect()
}

fn shown(text: &str, mistake: &Mistake) -> String {
    let Place { line, column, .. } = mistake.place;
    let covered = covered(text, mistake);
    format!("{line}:{column} {covered} | {} | {}", mistake.text.en, mistake.fix.en)
}

/// The only mistake of a service with this line.
fn mistake_of(line: &str) -> String {
    let ports = if line.starts_with("ports") { "" } else { "ports = [\"1/tcp\"]\n" };
    let owner = if line.starts_with("owner") { "" } else { "owner = { user = \"a\" }\n" };
    let found = mistakes(&format!("version = 1\n[service.a]\n{line}\n{ports}{owner}"));
    assert_eq!(found.len(), 1, "{found:#?}");
    found[0].clone()
}

#[test]
fn a_mark_is_called_as_a_file_may_be() {
    for wrong in ["Web", "-web", "7", "we b", "web/../db", &"w".repeat(33)] {
        let said = mistake_of(&format!("owner = {{ mark = \"{wrong}\" }}"));
        assert!(said.contains("is no mark: at most 32 small letters, digits and dashes"), "{said}");
    }
    assert!(["web", "web-2", &"w".repeat(32)].into_iter().all(is_mark));
}

#[test]
fn a_guard_is_one_of_three_words() {
    let guard = |line: &str| {
        let text =
            format!("version = 1\n[service.a]\nports = [\"1/tcp\"]\nowner = {{ user = \"a\" }}\n{line}\n");
        parsed(&text).expect("a policy").policy.services[0].guard
    };
    assert_eq!(guard(""), None);
    assert_eq!(guard("guard = \"enforce\""), Some(Guarding::Kept(Mode::Enforce)));
    assert_eq!(guard("guard = \"observe\""), Some(Guarding::Kept(Mode::Observe)));
    assert_eq!(guard("guard = \"off\""), Some(Guarding::Off));
    let said = mistake_of("guard = \"enforced\"");
    assert!(said.contains("nothing is guarded by `enforced` | did you mean \"enforce\"?"), "{said}");
    let said = mistake_of("guard = \"on\"");
    assert!(said.contains("write \"enforce\" (strangers are refused)"), "{said}");
    assert!(mistake_of("guard = true").contains("guard"), "it is no truth");
}

#[test]
fn a_port_says_what_is_wrong_with_it_and_what_was_meant() {
    for (written, text, fix) in [
        ("443/tpc", "`tpc` is not a protocol", "did you mean \"443/tcp\"?"),
        ("443/TCP", "`TCP` is not a protocol", "did you mean \"443/tcp\"?"),
        ("443/icmp", "`icmp` is not a protocol", "use tcp, udp, udplite or sctp"),
        ("tcp/443", "`443` is not a protocol", "did you mean \"443/tcp\"?"),
        ("443", "`443` names no protocol", "did you mean \"443/tcp\"?"),
        ("5/dccp", "Linux has no DCCP any more", "use tcp, udp, udplite or sctp"),
        ("9-3/tcp", "the range 9-3 ends before it starts", "did you mean \"3-9/tcp\"?"),
    ] {
        let expected = format!("3:10 \"{written}\" | {text} | {fix}");
        assert_eq!(mistake_of(&format!("ports = [\"{written}\"]")), expected);
    }
    for (written, text) in [
        ("70000/tcp", "70000 is above 65535, the highest port"),
        ("0/udp", "nothing can listen on port 0: it asks the kernel for any free port"),
        ("0-9/udp", "nothing can listen on port 0: it asks the kernel for any free port"),
        ("1-2-3/tcp", "`2-3` is not a port number"),
        (
            "nonesuch-service/tcp",
            "`nonesuch-service` is neither a number nor a name that IANA gives to a tcp port",
        ),
        ("/tcp", "`` is neither a number nor a name that IANA gives to a tcp port"),
    ] {
        let said = mistake_of(&format!("ports = [\"{written}\"]"));
        assert!(said.starts_with(&format!("3:10 \"{written}\" | {text} | ")), "{said}");
    }
}

#[test]
fn a_name_that_iana_gives_is_its_number() {
    for (written, meant) in [
        ("smtp/tcp", "25/tcp"),
        ("SMTP/tcp", "25/tcp"),
        ("https/tcp", "443/tcp"),
        ("https/udp", "443/udp"),
        ("http/sctp", "80/sctp"),
        ("x11/tcp", "6000-6063/tcp"),
        ("www/tcp", "80/tcp"),
        ("urd/tcp", "465/tcp"),
        ("discard/udplite", "9/udplite"),
        // The first name of 11112, an alias of 104.
        ("dicom/tcp", "11112/tcp"),
        ("Dicom/tcp", "11112/tcp"),
    ] {
        let text = format!("version = 1\n[service.a]\nports = \"{written}\"\n");
        let ports = &parsed(&text).unwrap().policy.services[0].ports;
        assert_eq!(ports, &[meant.parse::<PortSpec>().unwrap()], "{written}");
    }
    let clash = mistakes("version = 1\n[service.a]\nports = [\"smtp/tcp\", \"25/tcp\"]\n");
    assert_eq!(clash, ["3:10 \"smtp/tcp\" | service.a claims 25/tcp twice | delete one of them"]);
}

#[test]
fn a_name_that_means_no_one_port_says_what_was_meant() {
    let nobody = |name, protocol| {
        format!("`{name}` is neither a number nor a name that IANA gives to a {protocol} port")
    };
    for (written, text, fix) in [
        ("smpt/tcp", nobody("smpt", "tcp"), "did you mean \"smtp/tcp\"?"),
        ("htttps/udp", nobody("htttps", "udp"), "did you mean \"https/udp\"?"),
        ("www/udp", nobody("www", "udp"), "did you mean \"www/tcp\"?"),
        ("smtp", "`smtp` names no protocol".into(), "did you mean \"smtp/tcp\"?"),
        (
            "compressnet/tcp",
            "`compressnet` stands for several ports: 2, 3".into(),
            "write the number that is meant",
        ),
    ] {
        let expected = format!("3:10 \"{written}\" | {text} | {fix}");
        assert_eq!(mistake_of(&format!("ports = [\"{written}\"]")), expected);
    }
}

#[test]
fn a_value_of_another_kind_says_which_is_wanted() {
    assert_eq!(
        mistake_of("ports = 443"),
        "3:9 443 | `443` names no protocol | did you mean ports = [\"443/tcp\"]?"
    );
    for (line, covered, text) in [
        ("ports = [443]", "3:10 443", "`ports` is text or a list of texts, not a number"),
        ("ports = []", "3:9 []", "`ports` is empty"),
        ("why = 5", "3:7 5", "`why` is text, not a number"),
        ("why = \"\"", "3:7 \"\"", "`why` is empty"),
        ("reach = true", "3:9 true", "`reach` is a zone or a list of zones, not true or false"),
        ("reach = []", "3:9 []", "`reach` is empty"),
        ("address = [1.5]", "3:12 1.5", "`address` is text or a list of texts, not a number"),
        ("device = [\"eth0\"]", "3:10 [\"eth0\"]", "`device` is text, not a list"),
        ("owner = 2027-01-01", "3:9 2027-01-01", "`owner` is a table or a list of tables, not a date"),
    ] {
        assert!(mistake_of(line).starts_with(&format!("{covered} | {text} | ")), "{}", mistake_of(line));
    }
}

#[test]
fn an_unknown_key_is_guessed() {
    assert_eq!(
        mistake_of("reech = \"world\""),
        "3:1 reech | `reech` is not a key here | did you mean `reach`?"
    );
    assert_eq!(
        mistake_of("listen = \"x\""),
        "3:1 listen | `listen` is not a key here | the keys are: ports, address, device, owner, reach, guard, steer, why"
    );
    assert_eq!(
        mistakes("version = 1\n[services.a]\n"),
        ["2:2 services | `services` is not a key here | did you mean `service`?"]
    );
    assert_eq!(
        mistakes("version = 1\n[zone.a]\nfrom = \"10.0.0.0/8\"\ninterfaces = \"a\"\n"),
        ["4:1 interfaces | `interfaces` is not a key here | did you mean `interface`?"]
    );
}

#[test]
fn an_owner_that_cannot_exist_is_a_mistake() {
    for (owner, covered, text) in [
        ("[]", "3:9 []", "`owner` is empty"),
        ("{}", "3:9 {}", "this owner names nobody"),
        ("{ unit = \"\" }", "3:18 \"\"", "`unit` is empty"),
        ("{ pid = \"1\" }", "3:11 pid", "`pid` is not a key here"),
        ("{ unit = \"a b.service\" }", "3:18 \"a b.service\"", "no unit can be called `a b.service`"),
        ("{ unit = \"*.service\" }", "3:18 \"*.service\"", "`*` stands for an instance"),
        ("{ unit = \"ng*.service\" }", "3:18 \"ng*.service\"", "`*` stands for an instance"),
        ("{ unit = \"a b@*.service\" }", "3:18 \"a b@*.service\"", "no unit can be called `a b@*.service`"),
        ("{ unit = \"a@b*.service\" }", "3:18 \"a@b*.service\"", "`*` stands for an instance"),
        ("{ user = \"a:b\" }", "3:18 \"a:b\"", "no user can be called `a:b`"),
        ("{ user = \"4294967296\" }", "3:18 \"4294967296\"", "no user can be called"),
        ("{ exe = \"nginx\" }", "3:17 \"nginx\"", "`nginx` is not an absolute path, so it cannot be an exe"),
        ("{ exe = \"/usr/../bin/x\" }", "3:17 \"/usr/../bin/x\"", "the kernel never shows the path"),
        (
            "{ cgroup = \"a.slice\" }",
            "3:20 \"a.slice\"",
            "`a.slice` is not an absolute path, so it cannot be a",
        ),
        ("{ container = \"a b\" }", "3:23 \"a b\"", "nothing can be called `a b`"),
        (
            "{ unit = \"a.service\", user = \"b\" }",
            "3:9 { unit = \"a.service\", user = \"b\" }",
            "one owner has several keys: is it both of them, or either?",
        ),
    ] {
        let said = mistake_of(&format!("owner = {owner}"));
        assert!(said.starts_with(&format!("{covered} | {text}")), "{said}");
    }
}

#[test]
fn an_owner_without_its_kind_or_suffix_is_guessed() {
    for (owner, fix) in [
        ("\"nginx.service\"", "did you mean { unit = \"nginx.service\" }?"),
        ("\"/usr/sbin/nginx\"", "did you mean { exe = \"/usr/sbin/nginx\" }?"),
        ("\"www-data\"", "did you mean { user = \"www-data\" }?"),
        ("{ unit = \"nginx\" }", "did you mean \"nginx.service\"?"),
        ("{ unti = \"nginx.service\" }", "did you mean `unit`?"),
    ] {
        assert!(mistake_of(&format!("owner = {owner}")).ends_with(fix), "{owner}");
    }
}

#[test]
fn addresses_and_interfaces_must_be_such() {
    for (line, covered, text) in [
        ("address = \"localhost\"", "3:11 \"localhost\"", "`localhost` is not an address"),
        ("address = \"10.0.0.0/8\"", "3:11 \"10.0.0.0/8\"", "`10.0.0.0/8` is not an address"),
        ("address = \"fe80::1%a/b\"", "3:11 \"fe80::1%a/b\"", "`fe80::1%a/b` cannot be an interface"),
        (
            "device = \"a name that is long\"",
            "3:10 \"a name that is long\"",
            "`a name that is long` cannot be an",
        ),
    ] {
        assert!(mistake_of(line).starts_with(&format!("{covered} | {text}")), "{}", mistake_of(line));
    }
    let zone = mistakes("version = 1\n[zone.a]\nfrom = [\"10.0.0.0/33\"]\ninterface = [\"a*b\"]\n");
    assert!(zone[0].starts_with("3:9 \"10.0.0.0/33\" | `10.0.0.0/33` is not a network"), "{zone:?}");
    assert!(zone[1].starts_with("4:14 \"a*b\" | `a*b` cannot be an interface"), "{zone:?}");
}

#[test]
fn a_zone_is_neither_empty_nor_built_in_nor_unknown() {
    let text = "version = 1\n[zone.a]\n[zone.world]\nfrom = \"10.0.0.1\"\n[service.b]\nports = \"1/tcp\"\n\
                owner = { user = \"a\" }\nreach = [\"a\", \"ofice\", \"hots\"]\n[zone.office]\nfrom = \"10.0.0.2\"\n";
    let found = mistakes(text);
    assert!(found[0].starts_with("2:7 a | zone.a is empty | "), "{found:#?}");
    assert!(found[1].starts_with("3:7 world | the zone world is built in | "), "{found:#?}");
    assert_eq!(found[2], "8:15 \"ofice\" | no zone is called `ofice` | did you mean \"office\"?");
    assert_eq!(found[3], "8:24 \"hots\" | no zone is called `hots` | did you mean \"host\"?");
    assert_eq!(found.len(), 4);
}

#[test]
fn an_unknown_zone_is_offered_as_a_header_that_toml_takes() {
    for (zone, header) in [("lan", "lan"), ("何処", "\"何処\""), ("a.b", "\"a.b\"")] {
        let found = mistake_of(&format!("reach = \"{zone}\""));
        assert!(found.contains(&format!("| define it as [zone.{header}], or write ")), "{found}");
        let defined = format!(
            "version = 1\n[zone.{header}]\nfrom = \"10.0.0.1\"\n[service.a]\nports = \"1/tcp\"\nreach = \"{zone}\"\n"
        );
        assert!(parsed(&defined).is_ok(), "{defined}");
    }
    assert!(mistake_of("reach = \"a b\"").ends_with("| write \"world\", \"host\" or a zone's name"));
}

#[test]
fn a_waiver_names_a_rule_and_a_reason() {
    let waiver = |lines: &str| mistakes(&format!("version = 1\n[[waive]]\n{lines}\n"));
    let rule = "rule = \"unneeded-open-port\"";
    assert_eq!(
        waiver("rule = \"uneeded-open-port\"\nwhy = \"x\""),
        [
            "3:8 \"uneeded-open-port\" | no rule is called `uneeded-open-port` | did you mean \"unneeded-open-port\"?"
        ]
    );
    assert!(waiver(rule)[0].starts_with("2:1 [[waive]] | this waiver has no reason | "));
    assert!(waiver("why = \"x\"")[0].starts_with("2:1 [[waive]] | this waiver names no rule | "));
    for until in ["\"2027-02-29\"", "2027-02-30", "\"soon\"", "\"2027-1-1\"", "2027-01-01T00:00:00Z", "7"] {
        let found = waiver(&format!("{rule}\nwhy = \"x\"\nuntil = {until}"));
        assert!(
            found[0].starts_with(&format!("5:9 {until} | {until} is not a day of the calendar")),
            "{found:?}"
        );
    }
    let single = mistakes(&format!("version = 1\n[waive]\n{rule}\nwhy = \"x\"\n"));
    assert!(single[0].contains("`waive` is a list of tables, not a table"), "{single:?}");
    for until in ["\"2028-02-29\"", "2028-02-29"] {
        let text = format!("version = 1\n[[waive]]\n{rule}\nwhy = \"x\"\nuntil = {until}\n");
        assert_eq!(parsed(&text).unwrap().policy.waivers[0].until, Some(jiff::civil::date(2028, 2, 29)));
    }
}

#[test]
fn a_command_that_is_told_is_a_program_by_its_path_and_its_words() {
    let audit = |lines: &str| format!("version = 1\n[audit]\n{lines}\n");
    let policy = parsed(&audit("command = [\"/usr/bin/mail\", \"-s\", \"$(x) y\"]")).unwrap().policy;
    assert_eq!(policy.audit_command, ["/usr/bin/mail", "-s", "$(x) y"]);
    assert_eq!(parsed(&audit("")).unwrap().policy.audit_command, [""; 0]);
    for (line, said) in [
        ("command = \"mail root\"", "3:11 \"mail root\" | the program of `command` is not an absolute path"),
        ("command = []", "3:11 [] | `command` is empty"),
        ("comand = \"/x\"", "3:1 comand | `comand` is not a key here"),
    ] {
        let found = mistakes(&audit(line));
        assert!(found[0].starts_with(said), "{found:?}");
    }
    let first = audit("command = \"/x\"");
    let first = Source { name: "policy.toml".into(), text: &first };
    let second = Source { name: "policy.d/a.toml".into(), text: "[audit]\ncommand = \"/y\"\n" };
    let twice = parse(&[first, second], Registry::builtin()).unwrap_err();
    assert_eq!((twice.len(), twice[0].text.en.as_str()), (1, "audit is written twice"));
}

#[test]
fn advisories_are_named_by_their_path() {
    let audit = |lines: &str| format!("version = 1\n[audit]\n{lines}\n");
    let policy = parsed(&audit("advisories = \"/var/lib/osv\"")).unwrap().policy;
    assert_eq!(policy.advisories.as_deref(), Some("/var/lib/osv"));
    let found = mistakes(&audit("advisories = \"osv\""));
    assert!(found[0].starts_with("3:14 \"osv\" | `osv` is not an absolute path"), "{found:?}");
}

#[test]
fn a_service_has_ports_and_a_name() {
    let found = mistakes("version = 1\n[service.\"a b\"]\nowner = { user = \"a\" }\n");
    assert!(found[0].starts_with("2:10 \"a b\" | `a b` cannot be a name | "), "{found:?}");
    assert!(found[1].starts_with("2:10 \"a b\" | service.a b has no ports | "), "{found:?}");
    let number = mistakes("version = 1\n[service]\nc = 1\n");
    assert!(number[0].starts_with("3:1 c | `service` is a table with a name, not a number | "), "{number:?}");
    let list = mistakes("version = 1\n[[service]]\nports = \"1/tcp\"\n");
    assert!(list[0].contains("`service` is a table with a name, not a list"), "{list:?}");
}

#[test]
fn the_version_is_said_once_and_is_one() {
    assert!(mistakes("[zone.a]\nfrom = \"10.0.0.1\"\n")[0].ends_with("| begin it with: version = 1"));
    assert_eq!(mistakes("").len(), 1);
    let newer = mistakes("version = 2\nfuture = true\n");
    assert!(
        newer[0].starts_with("1:11 2 | this portreeve reads version 1 of the policy, not 2 | "),
        "{newer:?}"
    );
    assert_eq!(newer.len(), 1, "what a newer version brings is not called a mistake: {newer:?}");
    assert!(mistakes("version = \"1\"\n")[0].contains("`version` is a number, not text"));
    let second = Source { name: "policy.d/a.toml".into(), text: "" };
    let first = Source { name: "policy.toml".into(), text: "version = 1" };
    assert!(parse(&[first, second], Registry::builtin()).is_ok());
    assert_eq!(parse(&[], Registry::builtin()), Ok(Parsed::default()));
}

#[test]
fn a_file_that_is_not_toml_says_where_and_what_to_write() {
    for (text, expected) in [
        (
            "version = 1\n[service.a]\nports = [443/tcp]\n",
            "3:10 443/tcp | text must stand in quotes | write \"443/tcp\"",
        ),
        (
            "version = 1\n[service.a]\nwhy = nginx\n",
            "3:7 nginx | text must stand in quotes | write \"nginx\"",
        ),
        ("version = 1\n[service.a\nports = [\"1/tcp\"]\n", "2:11  | the header is not closed | "),
        ("version = 1\n[service.a@b]\nports = [\"1/tcp\"]\n", "2:11 @ | this key needs quotes | "),
        ("version = 1\nservice web\n", "2:9 w | a key stands here without a value | "),
        (
            "version = 1\n[service.a]\nwhy = \"a\n",
            "3:9  | a quote is missing, or a character is not allowed | ",
        ),
        ("version = 1\na.b.c.d.e.f.g.h.i.j = 1\n", "2:18 . | this key has too many parts | "),
        ("version = 1\nwhy = \"\0\"\n", "2:8 \0 | a quote is missing"),
        (
            "version = 1 [service.a]\n",
            "1:13 [ | this does not belong to the line any more | begin a new line before it, or delete it",
        ),
    ] {
        let found = mistakes(text);
        assert!(found[0].starts_with(expected), "{found:?}");
        assert_eq!(found.len(), 1, "{found:#?}");
    }
}

#[test]
fn a_list_that_is_not_closed_is_one_mistake() {
    let text =
        "version = 1\n[service.web]\nports = [\"1/tcp\"\nowner = { unit = \"a\" }\n[service.b]\nports = 7\n";
    let found = mistakes(text);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].starts_with("4:1 o | a list or table that begins above is not closed | "), "{found:?}");
}

#[test]
fn mistakes_before_and_after_a_broken_line_are_told_with_it() {
    let text = "version = 1\n[service.a]\nports = [\"1/tpc\"]\nwhy = so\n[service.b]\nports = [\"2/tpc\"]\n";
    let found = mistakes(text);
    let starts = ["3:10 \"1/tpc\"", "4:7 so", "6:10 \"2/tpc\""];
    assert_eq!(found.len(), 3, "{found:#?}");
    for (said, start) in found.iter().zip(starts) {
        assert!(said.starts_with(start), "{said}");
    }
}

#[test]
fn keys_below_a_broken_header_are_no_mistakes_of_the_table_above() {
    let text = "version = 1\nservice.a]\nports = \"1/tcp\"\n[service.b]\nports = \"2/tpc\"\n";
    let found = mistakes(text);
    let starts = ["2:10 ] | a key stands here without a value", "5:9 \"2/tpc\" | `tpc` is not a protocol"];
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(found.iter().zip(starts).all(|(said, start)| said.starts_with(start)), "{found:#?}");
    let found = mistakes("version = 1\n[service.a]\nports =\nreech = 1\n");
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[test]
fn a_header_written_twice_is_one_mistake_with_both_places() {
    let text =
        "version = 1\n[service.web]\nports = [\"1/tcp\"]\n[service.web] # again\nports = [\"2/tcp\"]\n";
    let found = parsed(text).unwrap_err();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].place.line, found[0].place.column, found[0].width), (2, 10, 3));
    assert_eq!(found[0].also.as_ref().map(|place| (place.line, place.column)), Some((4, 10)));
    let text = "version = 1\n[service.web]\nports = [\"1/tcp\"]\n  why = \"a\"\nports = [\"2/tcp\"]\n";
    let found = parsed(text).unwrap_err();
    assert_eq!((found[0].place.line, found[0].also.as_ref().unwrap().line), (3, 5));
}

#[test]
fn columns_count_characters_not_bytes() {
    let text =
        "version = 1\n[service.\"受付\"]\nowner = { user = \"a\" } # é\nports = [ \"１\", \"1/tpc\"]\n";
    let found = parsed(text).unwrap_err();
    assert_eq!(found.len(), 2);
    assert_eq!((found[1].place.line, found[1].place.column, found[1].width), (4, 16, 7));
}

/// Two files with a service each, by the lines beside owner and header.
fn two(one: &str, other: &str) -> Result<Parsed, Vec<Mistake>> {
    let first = format!("version = 1\n[service.ftp]\nowner = {{ user = \"a\" }}\n{one}\n");
    let second = format!("[service.files]\nowner = {{ user = \"b\" }}\n{other}\n");
    let sources = [
        Source { name: "policy.toml".into(), text: &first },
        Source { name: "policy.d/files.toml".into(), text: &second },
    ];
    parse(&sources, Registry::builtin())
}

#[test]
fn two_services_that_claim_one_port_are_shown_with_both_places() {
    let found = two("ports = [\"20-21/tcp\"]", "ports = [\"8/tcp\", \"21/tcp\"]").unwrap_err();
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(format!("{}", found[0].place), "policy.toml:4:10");
    assert_eq!(format!("{}", found[0].also.clone().unwrap()), "policy.d/files.toml:3:19");
    assert_eq!(found[0].text.en, "service.ftp and service.files both claim 21/tcp");
    assert_eq!(found[0].fix.en, "give one of them another port, or bind them to different addresses");
}

#[test]
fn services_collide_only_where_address_and_device_can_meet() {
    let any = "";
    let v4 = "address = \"127.0.0.1\"";
    let mapped = "address = \"::ffff:127.0.0.1\"";
    let both = "address = [\"127.0.0.1\", \"::1\"]";
    let wildcard = "address = \"0.0.0.0\"";
    let lan = "address = \"10.0.0.1\"";
    let device = "device = \"eth0\"";
    let other_device = "device = \"eth1\"";
    let scoped = "address = \"fe80::1%eth0\"";
    let other_scope = "address = \"fe80::1%eth1\"";
    for (one, other, collide) in [
        (any, any, true),
        (any, v4, true),
        (v4, any, true),
        (wildcard, v4, true),
        (v4, lan, false),
        (v4, mapped, true),
        (both, v4, true),
        (device, any, true),
        (device, other_device, false),
        (device, device, true),
        (device, v4, true),
        (lan, device, true),
        (scoped, other_scope, false),
        (scoped, scoped, true),
        (scoped, any, true),
    ] {
        let of = |lines: &str| format!("{lines}\nports = [\"53/udp\"]");
        assert_eq!(two(&of(one), &of(other)).is_err(), collide, "{one} / {other}");
        assert!(two(&of(one), &of(other).replace("udp", "tcp")).is_ok(), "{one} / {other}");
    }
}

#[test]
fn a_pair_that_meets_at_two_addresses_is_told_once() {
    let lines = "address = [\"127.0.0.1\", \"::1\"]\nports = \"53/udp\"";
    assert_eq!(two(lines, lines).unwrap_err().len(), 1);
}

#[test]
fn a_range_collides_with_everything_in_it() {
    let found = two(
        "ports = [\"1-100/tcp\", \"300/tcp\"]",
        "ports = [\"50/tcp\", \"60/tcp\", \"100-300/tcp\", \"301/tcp\"]",
    );
    assert_eq!(found.unwrap_err().len(), 4, "50, 60, 100 and 300");
}

#[test]
fn one_port_twice_in_a_service_is_a_mistake() {
    let found =
        mistakes("version = 1\n[service.a]\nowner = { user = \"a\" }\nports = [\"5/tcp\", \"4-6/tcp\"]\n");
    assert_eq!(found, ["4:10 \"5/tcp\" | service.a claims 5/tcp twice | delete one of them"]);
}

#[test]
fn a_name_in_two_files_is_shown_with_both_places() {
    let texts = ["version = 1\n[zone.a]\nfrom = \"10.0.0.1\"\n", "# lan\n[zone.a]\nfrom = \"10.0.0.2\"\n"];
    let sources = texts.map(|text| Source { name: "x".into(), text });
    let found = parse(&sources, Registry::builtin()).unwrap_err();
    assert_eq!(found[0].text.en, "zone.a is written twice");
    assert_eq!((found[0].place.line, found[0].also.as_ref().unwrap().line), (2, 2));
}

#[test]
fn what_may_not_be_meant_is_a_warning() {
    let warnings = |lines: &str| {
        let text = format!("version = 1\n[service.a]\n{lines}\n");
        let parsed = parsed(&text).unwrap();
        assert!(parsed.warnings.iter().all(|found| is_said_twice(&found.text) && is_said_twice(&found.fix)));
        parsed.warnings.iter().map(|found| shown(&text, found)).collect::<Vec<_>>()
    };
    let ports = "ports = [\"1/tcp\", \"2/tcp\"]";
    let owner = "owner = { user = \"a\" }";
    assert!(warnings(ports)[0].starts_with("2:10 a | service.a names no owner: anybody may hold its ports"));
    let shared = warnings(&format!("{ports}\nowner = [{{ user = \"a\" }}, {{ user = \"b\" }}]"));
    assert!(shared[0].contains("| 2 owners share 2 ports: who owns which? |"), "{shared:?}");
    let units = |second: &str| format!("owner = [{{ unit = \"a.service\" }}, {{ unit = \"{second}\" }}]");
    assert!(warnings(&format!("{ports}\n{}", units("a-test.service"))).is_empty());
    assert_eq!(warnings(&format!("{ports}\n{}", units("ab.service"))).len(), 1);
    let unreachable = warnings(&format!("{ports}\n{owner}\naddress = \"::1\"\nreach = \"world\""));
    assert!(unreachable[0].starts_with("6:9 \"world\" | bound to loopback only"), "{unreachable:?}");
    let doubled = warnings(&format!("{ports}\n{owner}\nreach = [\"world\", \"host\"]"));
    assert!(doubled[0].contains("world holds every other zone"), "{doubled:?}");
    let zone = "[zone.z]\nfrom = \"10.0.0.7/8\"";
    let loose = warnings(&format!("{ports}\n{owner}\n{zone}"));
    assert!(loose[0].contains("| 10.0.0.7/8 means all of 10.0.0.0/8 |"), "{loose:?}");
    let zone = "[zone.z]\nfrom = \"::ffff:10.0.0.0/104\"";
    let mapped = warnings(&format!("{ports}\n{owner}\n{zone}"));
    assert!(mapped[0].ends_with("no packet comes from there | write \"10.0.0.0/8\""), "{mapped:?}");
    assert!(warnings(&format!("{ports}\n{owner}")).is_empty());
}

#[test]
fn the_owner_that_was_meant_is_proposed_whole() {
    for (owner, meant) in [
        ("unit = \"nginx\"", "nginx.service"),
        ("unit = \"nginx.service \"", "nginx.service"),
        ("unit = \"nginx.mount\"", "nginx.service"),
        ("cgroup = \"/sys/fs/cgroup/apps.slice/shop\"", "/apps.slice/shop"),
        ("cgroup = \"/sys/fs/cgroup\"", "/"),
    ] {
        let found =
            mistakes(&format!("version = 1\n[service.a]\nports = \"1/tcp\"\nowner = {{ {owner} }}\n"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with(&format!("| did you mean \"{meant}\"?")), "{owner}: {found:?}");
    }
}

#[test]
fn a_policy_says_what_it_says() {
    let text = "version = 1\n[zone.lan]\ninterface = [\"eth1\", \"br-*\"]\nfrom = \"10.1.2.3\"\n\
        [service.ftp]\nports = [\"21/tcp\", \"30000-30099/tcp\"]\naddress = [\"10.0.0.1\", \"fe80::1%eth1\"]\n\
        device = \"eth1\"\nowner = [{ unit = \"vsftpd@*.service\" }, { exe = \"/usr/sbin/x\" }]\nreach = \"lan\"\n\
        why = \"old\"\n[service.a]\nports = \"1/udp\"\nowner = { container = \"web\" }\n";
    let policy = parsed(text).unwrap().policy;
    assert_eq!(policy.zones[0].interfaces, ["eth1", "br-*"]);
    assert_eq!(format!("{}", policy.zones[0].from[0]), "10.1.2.3/32");
    let names: Vec<_> = policy.services.iter().map(|service| service.name.as_str()).collect();
    assert_eq!(names, ["ftp", "a"], "services keep the order of the file");
    let ftp = &policy.services[0];
    assert_eq!(ftp.ports, ["21/tcp", "30000-30099/tcp"].map(|text| text.parse::<PortSpec>().unwrap()));
    assert_eq!(ftp.addresses[1].interface.as_deref(), Some("eth1"));
    assert_eq!(ftp.owners.len(), 2);
    assert_eq!((ftp.reach.as_slice(), ftp.why.as_deref()), (&["lan".into()][..], Some("old")));
    assert_eq!(policy.services[1].reach, [HOST]);
    assert_eq!((ftp.place.line, ftp.place.column), (5, 10));
}

#[test]
fn harm_is_bounded() {
    let deep =
        |open: &str, close: &str| format!("version = 1\nx = {}{}", open.repeat(9_000), close.repeat(9_000));
    assert_eq!(parsed(&deep("[", "]")).unwrap_err().len(), 1);
    assert_eq!(parsed(&deep("{a=", "}")).unwrap_err().len(), 1);
    let keys = alloc::vec!["a"; 70].join(".");
    assert!(parsed(&deep(&format!("{{{keys}="), "}")).unwrap_err().len() == 1);
    assert!(parsed(&"=\n".repeat(4_000)).unwrap_err().len() <= 1_001);
    assert!(parsed(&" ".repeat(limits::FILE_BYTES_MAX + 1)).unwrap_err()[0].text.en.contains("larger than"));
    let services: String = (0..3_000).map(|n| format!("s{n} = 1\n")).collect();
    let found = parsed(&format!("version = 1\n[service]\n{services}")).unwrap_err();
    assert_eq!(found.len(), 1_001);
    assert_eq!(found[1_000].text.en, "and 2000 more mistakes");
}

/// A text that is nearly a policy: pieces of one in any order.
fn nearly() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(alloc::vec![
        "version = 1\n",
        "[service.a]\n",
        "[service.\"b c\"]\n",
        "[[waive]]\n",
        "[zone.lan]\n",
        "ports = ",
        "owner = ",
        "reach = ",
        "from = ",
        "why = ",
        "rule = ",
        "until = ",
        "address = ",
        "\"443/tcp\"",
        "\"9-3/udp\"",
        "{ unit = ",
        "\"x.service\"",
        "}",
        "[",
        "]",
        ",",
        "\n",
        "\"world\"",
        "2027-02-30",
        "=",
        "\"",
        "'",
        "\0",
        "\u{202e}",
        "é",
        "#",
        "\r\n",
        "\\u0000",
        "1e999",
        "a.b.c",
        "0x",
        "\"\"\"",
        "'''",
        "-",
        "*",
        "@",
    ]);
    prop::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_every_caret_stands_in_the_text(text in nearly()) {
        if let Err(found) = parsed(&text) {
            prop_assert!(!found.is_empty());
            for mistake in found {
                let line = text.split('\n').nth(mistake.place.line as usize - 1);
                prop_assert!(line.is_some(), "{mistake:?}");
                let characters = line.unwrap_or("").chars().count();
                prop_assert!(mistake.place.column as usize + mistake.width as usize <= characters + 2, "{mistake:?}");
            }
        }
    }

    #[test]
    fn any_text_at_all_is_answered(text in any::<String>()) {
        let _ = parsed(&text);
    }
}
