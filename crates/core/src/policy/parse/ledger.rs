//! Reads where the book of claims is, and from which numbers it gives (A23, A25).

use alloc::format;

use super::{
    lines::Mark,
    ports::clipped,
    report::{Report, clip, did_you_mean},
    value::{Key, Table},
};
use crate::{
    ledger::POOL,
    policy::{LedgerChoice, LedgerStore},
    port::{Class, PortError, PortRange},
    text, user_info,
    words::Text,
};

const STORE: Key = Key { name: "store", example: "store = \"sqlite\"" };
const KEY_POOL: Key = Key { name: "pool", example: "pool = \"20000-29999\"" };

/// The keys of the section.
pub(super) const KEYS: &[Key] = &[STORE, KEY_POOL];

const SQLITE: &str = "sqlite";
/// How an address begins: what is claimed is worth no less than what it keeps from others, so nothing goes in clear.
const ETCD: &str = "etcd+https://";
/// Bytes of an address; longer than any of sixty-four members.
const ADDRESS_BYTES_MAX: usize = 16 << 10;
/// Fewer numbers are soon given out, and two names soon start at the same one.
const FEW: u32 = 64;
/// What Linux hands out to clients where nobody says otherwise (net.ipv4.ip_local_port_range, ip-sysctl.rst).
const USUAL_CLIENT_RANGE: PortRange = PortRange { first: 32_768, last: 60_999 };

/// Reads the section; what is wrong with it is as if it were not there.
pub(super) fn read(table: &Table<'_, '_>, report: &mut Report<'_>) -> LedgerChoice {
    table.refuse_unknown(KEYS, report);
    LedgerChoice { store: store(table, report), pool: pool(table, report) }
}

fn store(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<LedgerStore> {
    let (at, written) = table.string(STORE, report)?;
    if written == SQLITE {
        return Some(LedgerStore::Sqlite);
    }
    let Some(rest) = written.strip_prefix(ETCD) else {
        refuse_store(written, at, report);
        return None;
    };
    let (hosts, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    if hosts.contains('@') {
        report.wrong(
            at,
            text!(
                "a user and a password do not belong into the address of a ledger",
                "台帳のアドレスにユーザー名とパスワードは書けません"
            ),
            text!(
                "whoever may read the policy reads them: put them into /etc/portreeve/etcd",
                "policy を読める人全員に見えてしまうため、/etc/portreeve/etcd に置いてください"
            ),
        );
        return None;
    }
    let is_plain = written.len() <= ADDRESS_BYTES_MAX && written.bytes().all(|byte| byte.is_ascii_graphic());
    if hosts.is_empty() || prefix.trim_matches('/').is_empty() || !is_plain {
        report.wrong(at, no_address(written), example());
        return None;
    }
    Some(LedgerStore::Etcd(written.into()))
}

fn refuse_store(written: &str, at: Mark, report: &mut Report<'_>) {
    let scheme = written.split_once("://").map(|(scheme, _)| scheme);
    if matches!(scheme, Some("etcd+http")) {
        report.wrong(
            at,
            text!(
                "claims would go over the network in clear, for anybody to read and to change",
                "申請の内容が暗号化されずに送られ、盗聴や改竄を防げません"
            ),
            text!("write etcd+https://", "etcd+https:// と書いてください"),
        );
        return;
    }
    let meant = match scheme {
        Some(_) => None,
        None => report.guess(written, [SQLITE]).map(|guess| format!("\"{guess}\"")),
    };
    report.wrong(at, no_address(written), did_you_mean(meant.as_deref(), example()));
}

fn no_address(written: &str) -> Text {
    let written = clip(&user_info::hidden(written));
    text!("`{written}` is no place of a ledger", "`{written}` は台帳の場所として解釈できません")
}

fn example() -> Text {
    text!(
        "write \"sqlite\", or \"etcd+https://host1:2379,host2:2379/portreeve\"",
        "\"sqlite\" か \"etcd+https://host1:2379,host2:2379/portreeve\" のように書いてください"
    )
}

fn pool(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<PortRange> {
    let (at, written) = table.string(KEY_POOL, report)?;
    let range: PortRange = match written.parse() {
        Ok(range) => range,
        Err(error) => {
            refuse_range(&error, at, report);
            return None;
        }
    };
    if Class::of(range.first) == Class::WellKnown {
        refuse_well_known(range, at, report);
        return None;
    }
    doubt(range, at, report);
    Some(range)
}

fn refuse_range(error: &PortError, at: Mark, report: &mut Report<'_>) {
    let text = clipped(error);
    let fix = match error {
        PortError::Backwards(first, last) => {
            text!("did you mean \"{last}-{first}\"?", "\"{last}-{first}\" のことですか?")
        }
        _ => text!(
            "write a range of numbers, without a protocol: \"{POOL}\"",
            "\"{POOL}\" のように、プロトコルを付けずに番号の範囲を書いてください"
        ),
    };
    report.wrong(at, text, fix);
}

/// A claim that asks for any number could get one that its claimant may not bind (ip-sysctl.rst,
/// `ip_unprivileged_port_start`), and that IANA means for something else.
fn refuse_well_known(range: PortRange, at: Mark, report: &mut Report<'_>) {
    report.wrong(
        at,
        text!(
            "the pool {range} has numbers below 1024, which only root may bind and IANA assigns",
            "プール {range} に 1024 未満の番号が含まれています(IANA が割り当てており、待ち受けには root 権限が必要です)"
        ),
        text!(
            "begin it at 1024 or above: \"{POOL}\"; such a number is claimed by name: portreeve claim https 443/tcp",
            "1024 以上から始めてください(例: \"{POOL}\")。1024 未満の番号は portreeve claim https 443/tcp のように個別に申請します"
        ),
    );
}

/// What is allowed and perhaps not meant. What this host hands out to clients is not asked: the text is judged alone.
fn doubt(range: PortRange, at: Mark, report: &mut Report<'_>) {
    if range.overlaps(USUAL_CLIENT_RANGE) {
        report.doubt(
            at,
            text!(
                "the pool {range} meets {USUAL_CLIENT_RANGE}, which Linux usually hands out to clients: of that part no number is given",
                "プール {range} は、Linux が通常クライアントに割り当てる {USUAL_CLIENT_RANGE} と重なっています。重なる部分の番号は割り当てられません"
            ),
            text!(
                "take numbers outside of it, or move net.ipv4.ip_local_port_range on every host",
                "重ならない範囲にするか、各ホストの net.ipv4.ip_local_port_range を変更してください"
            ),
        );
    }
    let count = range.count();
    if count < FEW {
        report.doubt(
            at,
            text!(
                "the pool {range} has {count} numbers: it is soon empty, and a name often gets another number than elsewhere",
                "プール {range} の番号は {count} 個しかありません。すぐに不足し、同じ名前でもホストごとに番号が変わりやすくなります"
            ),
            text!("take some thousand: \"{POOL}\"", "数千個を目安にしてください: \"{POOL}\""),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        policy::{Mistake, Parsed, Source, parse},
        registry::Registry,
    };
    use alloc::{string::String, vec::Vec};

    fn parsed(files: &[&str]) -> Result<Parsed, Vec<Mistake>> {
        let text = |text: &&str| format!("version = 1\n{text}\n");
        let texts: Vec<String> = files.iter().map(text).collect();
        let source = |text| Source { name: "policy.toml".into(), text };
        parse(&texts.iter().map(|text| source(text)).collect::<Vec<_>>(), Registry::builtin())
    }

    fn chosen(lines: &str) -> LedgerChoice {
        parsed(&[&format!("[ledger]\n{lines}")]).expect("no mistake").policy.ledger
    }

    #[test]
    fn what_is_said_is_chosen_and_what_is_not_is_the_usual() {
        let usual = parsed(&[""]).expect("no mistake").policy.ledger;
        assert_eq!((usual, chosen("")), (LedgerChoice::default(), LedgerChoice::default()));
        let host = chosen("store = \"sqlite\"\npool = \"10000-19999\"");
        assert_eq!(host.store, Some(LedgerStore::Sqlite));
        assert_eq!(host.pool, Some(PortRange { first: 10_000, last: 19_999 }));
        let address = "etcd+https://a.example:2379,[2001:db8::1]/fleet";
        let fleet = chosen(&format!("store = \"{address}\""));
        assert_eq!(fleet, LedgerChoice { store: Some(LedgerStore::Etcd(address.into())), pool: None });
    }

    /// Each with its line, what is wrong and what to write.
    #[test]
    fn what_is_wrong_is_told_with_its_line_and_a_hint() {
        for (line, text, fix) in [
            ("store = \"sqllite\"", "`sqllite` is no place", "did you mean \"sqlite\"?"),
            ("store = \"postgres://a/b\"", "`postgres://a/b` is no place", "write \"sqlite\""),
            (
                "store = \"etcd+http://a/p\"",
                "claims would go over the network in clear",
                "write etcd+https://",
            ),
            ("store = \"etcd+https://u:p@a/p\"", "a user and a password do not belong", "whoever may read"),
            ("store = \"postgres://u:p@a/b\"", "`postgres://***@a/b` is no place", "write \"sqlite\""),
            ("store = \"etcd+https:///p\"", "`etcd+https:///p` is no place", "write \"sqlite\""),
            ("store = \"etcd+https://a\"", "`etcd+https://a` is no place", "write \"sqlite\""),
            ("store = \"etcd+https://a/ü\"", "`etcd+https://a/ü` is no place", "write \"sqlite\""),
            ("store = 7", "`store` is text, not a number", "write it like this: store = \"sqlite\""),
            ("stroe = \"sqlite\"", "`stroe` is not a key here", "did you mean `store`?"),
            ("pool = \"29999-20000\"", "the range 29999-20000 ends", "did you mean \"20000-29999\"?"),
            ("pool = \"20000-99999\"", "99999 is above 65535", "write a range of numbers"),
            ("pool = \"20000-29999/tcp\"", "`29999/tcp` is not a port number", "write a range of numbers"),
            ("pool = \"1000-29999\"", "the pool 1000-29999 has numbers below 1024", "begin it at 1024"),
            ("pool = \"0-29999\"", "the pool 0-29999 has numbers below 1024", "begin it at 1024"),
        ] {
            let found = parsed(&[&format!("[ledger]\n{line}")]).expect_err(line);
            let [found] = &found[..] else { panic!("{line}: {found:?}") };
            assert!(found.text.en.starts_with(text), "{line}: {}", found.text.en);
            assert!(found.fix.en.starts_with(fix), "{line}: {}", found.fix.en);
            assert_eq!(found.place.line, 3, "{line}");
            assert_ne!(found.text.en, found.text.ja, "{line}");
        }
    }

    #[test]
    fn it_is_said_once() {
        let twice = parsed(&["[ledger]\npool = \"2000-3999\"", "[ledger]"]).expect_err("it is there twice");
        assert_eq!((twice.len(), twice[0].text.en.as_str()), (1, "ledger is written twice"));
        let other = parsed(&["ledger = \"sqlite\""]).expect_err("no section");
        assert_eq!(other[0].text.en, "`ledger` is a table, not text");
    }

    #[test]
    fn what_was_perhaps_not_meant_is_a_note() {
        let noted = |pool: &str| -> Vec<String> {
            let parsed = parsed(&[&format!("[ledger]\npool = \"{pool}\"")]).expect("no mistake");
            parsed.warnings.into_iter().map(|warning| warning.text.en).collect()
        };
        assert_eq!(noted("20000-29999"), [""; 0]);
        assert_eq!(noted("1024-1087"), [""; 0]);
        let few = noted("1024-1086");
        assert!(few.len() == 1 && few[0].starts_with("the pool 1024-1086 has 63 numbers"), "{few:?}");
        let meets = noted("30000-39999");
        assert!(
            meets.len() == 1 && meets[0].starts_with("the pool 30000-39999 meets 32768-60999"),
            "{meets:?}"
        );
    }

    #[test]
    fn an_address_that_is_longer_than_any_is_none() {
        let long = format!("[ledger]\nstore = \"{ETCD}{}/p\"", "a".repeat(ADDRESS_BYTES_MAX));
        let found = parsed(&[&long]).expect_err("it is too long");
        assert!(found[0].text.en.len() < 200, "a sentence repeats the beginning alone");
    }
}
