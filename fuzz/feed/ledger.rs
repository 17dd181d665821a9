//! Gives bytes to the readers of what the ledger is told: lines of another one, words of a command line, the kernel's list.

use portreeve_core::{
    address::Address,
    ledger::{
        Ask, Book, BootTime, ClaimId, Claimant, Lease, Name, Now, Scope, Seen, Wish, decide, merge, transfer,
    },
    plan::reserve,
    port::{PortRange, PortSpec},
    registry::Registry,
};
use portreeve_host::observe::sysctls::reserved;

/// So many lines are asked for.
const ASKS_MAX: usize = 32;

/// What is read is written as it was read, and whatever is granted or brought, no number has two owners.
pub(crate) fn feed(bytes: &[u8]) {
    bring(bytes);
    let text = String::from_utf8_lossy(bytes);
    keep_back(&text);
    ask(&text);
}

fn seen() -> Seen<'static> {
    Seen::new("4c1d".into(), PortRange { first: 32_768, last: 60_999 }, Registry::builtin())
}

fn now() -> Now {
    let wall = "2026-01-01T00:00:00Z".parse().expect("a time");
    Now { wall, boot: BootTime { boot_id: "a".into(), milliseconds: 1 } }
}

fn bring(bytes: &[u8]) {
    let Ok(claims) = transfer::claims(bytes) else { return };
    let Ok(merged) = merge(&Book::default(), claims, &seen(), &now()) else { return };
    let mut book = Book::default();
    book.change(merged.changes);
    assert!(book.clashes(&seen(), &now(), 1).is_empty());
    let text: String = transfer::lines(&book).map(|line| line + "\n").collect();
    let again = transfer::claims(text.as_bytes()).expect("what we write, we read");
    assert!(book.claims().eq(Book::new(1, again).claims()), "{text}");
}

/// What is kept back afterwards is what was wanted and what was there.
fn keep_back(text: &str) {
    let Some(kept) = reserved(text) else { return };
    let wanted = [PortRange { first: 20_000, last: 20_009 }, PortRange::one(65_535)];
    let change = reserve(&wanted, &kept, &[]);
    let is_kept = |port: u16| kept.iter().chain(&change.add).any(|range| range.contains(port));
    assert!(wanted.iter().flat_map(|range| range.first..=range.last).all(is_kept));
    assert!(change.give_back.is_empty(), "what is not ours stays");
}

/// Each line is `NAME PORTS SCOPE ADDRESS`, as far as it goes.
fn ask(text: &str) {
    let mut book = Book::default();
    for (line, id) in text.lines().take(ASKS_MAX).zip(1..) {
        let Some(wish) = wish(line, id) else { continue };
        let Ok(entry) = decide(&book, &Ask::Claim(wish), &seen(), &now()) else { continue };
        if !entry.changes.is_empty() {
            book.change(entry.changes);
        }
        assert_eq!(book.claim(entry.claim.id), Some(&*entry.claim), "what is granted is there");
    }
    assert!(book.clashes(&seen(), &now(), 1).is_empty());
}

fn wish(line: &str, id: u128) -> Option<Wish> {
    let mut words = line.split(' ');
    let name: Name = words.next()?.parse().ok()?;
    let spec: Option<PortSpec> = words.next().map(str::parse).transpose().ok()?;
    let scope: Option<Scope> = words.next().map(str::parse).transpose().ok()?;
    let address: Option<Address> = words.next().map(str::parse).transpose().ok()?;
    assert!(spec.is_none_or(|spec| spec.to_string().parse() == Ok(spec)));
    assert!(scope.as_ref().is_none_or(|scope| scope.to_string().parse().as_ref() == Ok(scope)));
    Some(Wish {
        id: ClaimId(id),
        name,
        scope: scope.unwrap_or(Scope::Fleet),
        protocol: spec?.protocol,
        address,
        device: None,
        ports: spec.map(|spec| spec.range).filter(|range| range.first > 0),
        claimant: Claimant { uid: 1000, process: None },
        lease: Lease::Permanent,
        note: None,
        well_known: line.len().is_multiple_of(2),
        force_bound: false,
    })
}
