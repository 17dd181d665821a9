//! Reads which other hosts are ours, and how these are scanned (A17, A20).

use alloc::string::String;

use super::{
    HOST_SECTION, Reading, SCAN, address,
    lines::Mark,
    refuse_section_twice, refuse_twice,
    report::{Report, clip},
    tree::Content,
    value::{Key, Table, check_name, refuse_kind},
};
use crate::{
    address::Address,
    policy::{Host, ScanChoice, limits},
    text,
    words::{Text, Words},
};

const ADDRESS: Key = Key { name: "address", example: "address = [\"203.0.113.10\"]" };
const SECRET: Key =
    Key { name: "scan_secret_file", example: "scan_secret_file = \"/etc/portreeve/scan.secret\"" };
const RATE: Key = Key { name: "rate_max", example: "rate_max = 20000" };
const CONSENT: Key = Key { name: "consent_port", example: "consent_port = 29317" };

/// The keys of a host.
pub(super) const KEYS_OF_HOST: &[Key] = &[ADDRESS];
/// The keys of the section of scans.
pub(super) const KEYS: &[Key] = &[SECRET, RATE, CONSENT];

impl Reading<'_> {
    /// A host that is ours.
    pub(super) fn host(&mut self, name: &str, table: &Table<'_, '_>) {
        if self.is_full(self.hosts.len(), limits::ZONES_MAX, table.at) {
            return;
        }
        check_name(name, table.at, &mut self.report);
        if let Some(first) = self.host_names.insert(name.into(), table.at) {
            refuse_twice(HOST_SECTION.name, name, first, table.at, &mut self.report);
        }
        self.hosts.push(host(name, table, &mut self.report));
    }

    /// How hosts are scanned.
    pub(super) fn scan(&mut self, table: &Table<'_, '_>) {
        let Some(section) = self.section(table, SCAN) else { return };
        let choice = choice(&section, &mut self.report);
        if let Some((_, first)) = self.scan.replace((choice, section.at)) {
            refuse_section_twice(SCAN, first, section.at, &mut self.report);
        }
    }
}

fn host(name: &str, table: &Table<'_, '_>, report: &mut Report<'_>) -> Host {
    table.refuse_unknown(KEYS_OF_HOST, report);
    if table.get(ADDRESS).is_none() {
        report.missing(
            table.at,
            text!("host.{name} has no address", "host.{name} にアドレスがありません"),
            text!("add address = [\"203.0.113.10\"]", "address = [\"203.0.113.10\"] を書き足してください"),
        );
    }
    let written = table.strings(ADDRESS, report);
    for (at, word) in &written {
        refuse_many(*at, word, report);
    }
    Host {
        name: name.into(),
        addresses: address::addresses(&written, report),
        place: report.place(table.at).0,
    }
}

/// An address that is not one host's is nobody's to declare.
fn refuse_many(at: Mark, word: &str, report: &mut Report<'_>) {
    // Of a group or a host that stands behind an interface no less.
    let Ok(ip) = word.parse::<Address>().map(|address| address.ip.to_canonical()) else { return };
    let is_broadcast = ip == core::net::IpAddr::V4(core::net::Ipv4Addr::BROADCAST);
    if ip.is_multicast() || ip.is_unspecified() || ip.is_loopback() || is_broadcast {
        report.wrong(
            at,
            text!("{word} is not the address of one host", "{word} は 1 台のホストのアドレスではありません"),
            text!(
                "write an address by which others reach it",
                "ほかのホストから届くアドレスを書いてください"
            ),
        );
    }
}

fn choice(table: &Table<'_, '_>, report: &mut Report<'_>) -> ScanChoice {
    table.refuse_unknown(KEYS, report);
    let most = ScanChoice::RATE_MAX;
    ScanChoice {
        secret_file: secret_file(table, report),
        rate_max: number(table, RATE, most, report),
        consent_port: number(table, CONSENT, u16::MAX.into(), report).and_then(|port| port.try_into().ok()),
    }
}

fn secret_file(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let (at, written) = table.string(SECRET, report)?;
    if written.starts_with('/') && !written.contains('\0') {
        return Some(written.into());
    }
    let clipped: String = clip(written);
    report.wrong(
        at,
        text!("`{clipped}` is not an absolute path", "`{clipped}` は絶対パスではありません"),
        text!(
            "write it like \"/etc/portreeve/scan.secret\"",
            "\"/etc/portreeve/scan.secret\" のように書いてください"
        ),
    );
    None
}

/// A number from 1 to `most`.
fn number(table: &Table<'_, '_>, key: Key, most: u32, report: &mut Report<'_>) -> Option<u32> {
    let value = table.get(key)?;
    let Content::Integer(written) = value.content() else {
        let wanted = Words { en: "a number", ja: "数値" };
        refuse_kind(value.at(), key, wanted, value, report);
        return None;
    };
    let number = written.parse::<u32>().ok().filter(|number| (1..=most).contains(number));
    if number.is_none() {
        let (written, name): (String, _) = (clip(written), key.name);
        let fix: Text = text!("write 1 to {most}", "1 から {most} の範囲で書いてください");
        report.wrong(
            value.at(),
            text!("`{name}` cannot be {written}", "`{name}` に {written} とは書けません"),
            fix,
        );
    }
    number
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec::Vec};

    use super::*;
    use crate::{
        policy::{Mistake, Parsed, Source, parse},
        registry::Registry,
    };

    fn parsed(lines: &str) -> Result<Parsed, Vec<Mistake>> {
        let text = format!("version = 1\n{lines}\n");
        parse(&[Source { name: "policy.toml".into(), text: &text }], Registry::builtin())
    }

    #[test]
    fn hosts_have_addresses_and_scans_have_limits() {
        let policy = parsed(
            "[host.web-2]\naddress = [\"203.0.113.10\", \"2001:db8::10\"]\n[scan]\nscan_secret_file = \"/etc/portreeve/scan.secret\"\n\
             rate_max = 20000\nconsent_port = 20999",
        );
        let policy = policy.expect("no mistake").policy;
        let [host] = &policy.hosts[..] else { panic!("{policy:?}") };
        assert_eq!((host.name.as_str(), host.addresses.len()), ("web-2", 2));
        let scan = ScanChoice {
            secret_file: Some("/etc/portreeve/scan.secret".into()),
            rate_max: Some(20_000),
            consent_port: Some(20_999),
        };
        assert_eq!(policy.scan, scan);
        let usual = parsed("").expect("no mistake").policy;
        assert_eq!((usual.hosts.len(), usual.scan), (0, ScanChoice::default()));
    }

    /// Each with what is wrong and what to write.
    #[test]
    fn what_is_wrong_is_told_with_a_hint() {
        for (lines, text, fix) in [
            ("[host.a]", "host.a has no address", "add address"),
            (
                "[host.a]\naddress = \"203.0.113.0/24\"",
                "`203.0.113.0/24` is not an address",
                "a service is bound",
            ),
            (
                "[host.a]\naddress = \"224.0.0.1\"",
                "224.0.0.1 is not the address of one host",
                "write an address",
            ),
            (
                "[host.a]\naddress = \"255.255.255.255\"",
                "255.255.255.255 is not the address",
                "write an address",
            ),
            (
                "[host.a]\naddress = \"ff02::1%eth0\"",
                "ff02::1%eth0 is not the address of one host",
                "write an address",
            ),
            ("[host.a]\naddress = \"::1\"", "::1 is not the address of one host", "write an address"),
            (
                "[host.a]\naddres = \"203.0.113.1\"\naddress = \"203.0.113.2\"",
                "`addres` is not a key here",
                "did you mean",
            ),
            ("[scan]\nrate_max = 100001", "`rate_max` cannot be 100001", "write 1 to 100000"),
            ("[scan]\nrate_max = 0", "`rate_max` cannot be 0", "write 1 to 100000"),
            ("[scan]\nconsent_port = 70000", "`consent_port` cannot be 70000", "write 1 to 65535"),
            ("[scan]\nconsent_port = \"x\"", "`consent_port` is a number, not text", "write it like this"),
            ("[scan]\nscan_secret_file = \"secret\"", "`secret` is not an absolute path", "write it like"),
        ] {
            let found = parsed(lines).expect_err(lines);
            let [found] = &found[..] else { panic!("{lines}: {found:?}") };
            assert!(found.text.en.starts_with(text), "{lines}: {}", found.text.en);
            assert!(found.fix.en.starts_with(fix), "{lines}: {}", found.fix.en);
            assert_ne!(found.text.en, found.text.ja, "{lines}");
        }
    }
}
