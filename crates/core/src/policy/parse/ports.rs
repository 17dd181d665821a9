//! Reads a port as a person writes it: `443/tcp`, `30000-30099/tcp` or `smtp/tcp` (A2, A6, A15).

use alloc::{format, string::String, vec::Vec};

use super::{
    lines::Mark,
    report::{Report, clip, did_you_mean},
};
use crate::{
    port::{PortError, PortRange, PortSpec, Protocol},
    registry::{Assignment, Registry},
    text,
    words::Text,
};

/// The protocols whose ports a policy can declare: Linux dropped DCCP in 6.16.
const PROTOCOLS: [Protocol; 4] = [Protocol::Tcp, Protocol::Udp, Protocol::Udplite, Protocol::Sctp];
/// As many numbers of an ambiguous name as a sentence lists.
const NUMBERS_SHOWN_MAX: usize = 4;

/// The port that is written at `at`; what is wrong with it goes to the report.
pub(super) fn read(
    written: &str,
    at: Mark,
    registry: Registry<'_>,
    report: &mut Report<'_>,
) -> Option<PortSpec> {
    let Some((number, protocol)) = written.split_once('/') else {
        refuse_without_protocol(written, at, registry, report);
        return None;
    };
    let Some(protocol) = PROTOCOLS.into_iter().find(|known| known.name() == protocol) else {
        refuse_protocol(number, protocol, at, report);
        return None;
    };
    let range = if is_numeric(number) {
        number.parse().map_err(|error| refuse_number(&error, protocol, at, report)).ok()?
    } else {
        named(number, protocol, at, registry, report)?
    };
    if range.first == 0 {
        refuse_zero(range, protocol, at, report);
        return None;
    }
    Some(PortSpec { range, protocol })
}

fn is_numeric(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
}

fn refuse_without_protocol(written: &str, at: Mark, registry: Registry<'_>, report: &mut Report<'_>) {
    let example = if is_numeric(written) { clip(written) } else { "443".into() };
    let assigned = registry.find(written).next().map(|found| format!("{written}/{}", found.protocol));
    let example = assigned.unwrap_or_else(|| format!("{example}/tcp"));
    let written = clip(written);
    report.wrong(
        at,
        text!("`{written}` names no protocol", "`{written}` にプロトコルがありません"),
        text!("did you mean \"{example}\"?", "\"{example}\" のことですか?"),
    );
}

fn refuse_protocol(number: &str, protocol: &str, at: Mark, report: &mut Report<'_>) {
    let swapped = PROTOCOLS.into_iter().find(|known| known.name() == number && is_numeric(protocol));
    let meant = match swapped {
        Some(known) => Some(format!("\"{protocol}/{known}\"")),
        None => report
            .guess(protocol.trim(), PROTOCOLS.into_iter().map(Protocol::name))
            .map(|guess| format!("\"{}/{guess}\"", clip(number.trim()))),
    };
    let protocol = clip(protocol);
    let text = if protocol == Protocol::Dccp.name() {
        text!("Linux has no DCCP any more", "DCCP は Linux から削除されました")
    } else {
        text!("`{protocol}` is not a protocol", "`{protocol}` というプロトコルはありません")
    };
    let advice = text!("use tcp, udp, udplite or sctp", "tcp、udp、udplite、sctp のいずれかを書いてください");
    report.wrong(at, text, did_you_mean(meant.as_deref(), advice));
}

/// What is wrong with a number, of which no more is quoted than helps.
pub(super) fn clipped(error: &PortError) -> Text {
    match error {
        PortError::TooHigh(number) => PortError::TooHigh(clip(number)).text(),
        PortError::Number(number) => PortError::Number(clip(number)).text(),
        other => other.text(),
    }
}

fn refuse_number(error: &PortError, protocol: Protocol, at: Mark, report: &mut Report<'_>) {
    let text = clipped(error);
    let fix = match error {
        PortError::Backwards(first, last) => {
            text!(
                "did you mean \"{last}-{first}/{protocol}\"?",
                "\"{last}-{first}/{protocol}\" のことですか?"
            )
        }
        _ => text!(
            "write a number from 1 to 65535, or a range like \"30000-30099/{protocol}\"",
            "1〜65535 の番号か、\"30000-30099/{protocol}\" のような範囲を書いてください"
        ),
    };
    report.wrong(at, text, fix);
}

fn refuse_zero(range: PortRange, protocol: Protocol, at: Mark, report: &mut Report<'_>) {
    let fix = if range.is_one() {
        text!("write the number that the service listens on", "サービスが待ち受ける番号を書いてください")
    } else {
        let last = range.last;
        text!("did you mean \"1-{last}/{protocol}\"?", "\"1-{last}/{protocol}\" のことですか?")
    };
    report.wrong(
        at,
        text!(
            "nothing can listen on port 0: it asks the kernel for any free port",
            "ポート 0 では待ち受けできません。空いている番号をカーネルに選ばせる指定です"
        ),
        fix,
    );
}

fn named(
    name: &str,
    protocol: Protocol,
    at: Mark,
    registry: Registry<'_>,
    report: &mut Report<'_>,
) -> Option<PortRange> {
    match resolve(name, registry.find(name).filter(|found| found.protocol == protocol.assigned_as())) {
        Named::One(range) => Some(range),
        Named::Several(text) => {
            report.wrong(at, text, text!("write the number that is meant", "番号で書いてください"));
            None
        }
        Named::None => {
            let other =
                registry.find(name).map(|found| found.protocol).find(|found| PROTOCOLS.contains(found));
            refuse_name(name, protocol, other, at, registry, report);
            None
        }
    }
}

/// What a name stands for.
enum Named {
    One(PortRange),
    Several(Text),
    None,
}

/// A name, in whatever case (RFC 6335 §5.1), means the number whose first name it is, before those that it is an
/// alias of.
fn resolve<'a>(name: &str, found: impl Iterator<Item = Assignment<'a>>) -> Named {
    let found: Vec<_> = found.collect();
    let is_first =
        |found: &&Assignment<'_>| found.names().next().is_some_and(|it| it.eq_ignore_ascii_case(name));
    let first: Vec<_> = found.iter().filter(is_first).collect();
    let meant = if first.is_empty() { found.iter().collect() } else { first };
    match meant.as_slice() {
        [] => Named::None,
        [one] => Named::One(one.range),
        several => {
            let numbers: Vec<String> =
                several.iter().take(NUMBERS_SHOWN_MAX).map(|one| format!("{}", one.range)).collect();
            let (name, en_numbers, ja_numbers) = (clip(name), numbers.join(", "), numbers.join("、"));
            Named::Several(text!(
                "`{name}` stands for several ports: {en_numbers}",
                "`{name}` は複数の番号を指します: {ja_numbers}"
            ))
        }
    }
}

fn refuse_name(
    name: &str,
    protocol: Protocol,
    other: Option<Protocol>,
    at: Mark,
    registry: Registry<'_>,
    report: &mut Report<'_>,
) {
    let known = registry.assignments().filter(|known| known.protocol == protocol.assigned_as());
    let meant = match other {
        Some(other) => Some(format!("\"{name}/{other}\"")),
        None => report
            .guess(name, known.flat_map(|known| known.names()))
            .map(|guess| format!("\"{guess}/{protocol}\"")),
    };
    let name = clip(name);
    report.wrong(
        at,
        text!(
            "`{name}` is neither a number nor a name that IANA gives to a {protocol} port",
            "`{name}` は番号でも、IANA が {protocol} のポートに付けた名前でもありません"
        ),
        did_you_mean(
            meant.as_deref(),
            text!(
                "write a number like \"443/{protocol}\" or a range like \"30000-30099/{protocol}\"",
                "\"443/{protocol}\" のような番号か、\"30000-30099/{protocol}\" のような範囲を書いてください"
            ),
        ),
    );
}
