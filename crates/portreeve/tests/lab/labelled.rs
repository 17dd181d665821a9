//! Lines of real logs that fail2ban's authors have labelled, read in place from Debian's package (A19).

use std::{fs, net::IpAddr, path::Path};

use portreeve_core::logs::{Attempt, Deed, Reading, header, read};
use portreeve_lab::root;
use serde_json::Value;

use super::site::lab;

const PLACE: &str = "usr/lib/python3/dist-packages/fail2ban/tests/files/logs";
const FILES: [&str; 5] = ["sshd", "postfix", "dovecot", "vsftpd", "nginx-http-auth"];
/// What stands before the label of the next line.
const LABEL: &str = "# failJSON: ";

/// What a line is said to tell, and what it was read as.
struct Line<'l> {
    text: &'l str,
    /// The address that it is about, where it names one; `None` where it is about nobody who failed.
    host: Option<IpAddr>,
    is_labelled: bool,
    reading: Reading<'l>,
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut label = None;
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(json) = line.strip_prefix(LABEL) {
            label = Some(serde_json::from_str::<Value>(json).expect("a label is JSON"));
        } else if !line.is_empty() && !line.starts_with('#') {
            let label = label.take().filter(|label| label["match"] == true);
            let host = label.as_ref().and_then(|label| label["host"].as_str()?.parse().ok());
            let reading =
                header::split(line).map_or(Reading::Nothing, |header| read(header.program, header.message));
            found.push(Line { text: line, host, is_labelled: label.is_some(), reading });
        }
    }
    found
}

#[test]
fn what_others_have_labelled_is_read_alike_or_not_at_all() {
    let place = lab(root::ready()).join(PLACE);
    let (mut literal, mut found, mut wrong) = (0, 0, Vec::new());
    for name in FILES {
        let bytes = fs::read(Path::new(&place).join(name)).expect("fail2ban is part of the lab's root");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (mut own, mut own_found) = (0, 0);
        for Line { text, host, is_labelled, reading } in lines(&text) {
            own += u32::from(host.is_some());
            match (reading, host) {
                (Reading::Attempt(Attempt { source, .. }), Some(host)) if source == host => own_found += 1,
                // Who is named by a host's name is told of by nobody.
                (Reading::Attempt(Attempt { deed: Deed::Failed, .. }), None) if is_labelled => {
                    wrong.push(text.to_owned());
                }
                (Reading::Attempt(_), Some(_)) => wrong.push(text.to_owned()),
                _ => {}
            }
        }
        println!("{name}: {own_found} of {own}");
        literal += own;
        found += own_found;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(literal > 150 && found * 10 >= literal * 9, "{found} of {literal}");
}
