//! The book as it was read, with what tells whether somebody has changed it since, and the one transaction that changes it.
//!
//! Its revision is the sum of two numbers: that of the fleet, and that of the scope. Who changes only claims of his scope
//! adds one to the scope's. Who changes a claim of the fleet sets the fleet's to the sum and one, and the scope's to
//! nothing. So each change adds one to the revision of whoever makes it, and makes that of everybody who sees it larger;
//! two hosts that change nothing but their own claims never meet; and no claim ever gets one revision twice. The fleet
//! itself sees the numbers of all hosts.

use std::collections::BTreeMap;

use portreeve_core::{
    ledger::{Book, CLAIMS_MAX, Change, Claim, ClaimId, Scope},
    words::Words,
};

use super::{
    keys::{Keys, Span},
    wire::{Compare, KeyValue, Operation, Range, RangeAnswer, Transaction},
};
use crate::store::{Control, StoreError, Wrong};

/// Sixty claims, each in the place of one that ended; with what belongs to it, etcd takes 128 at once (`--max-txn-ops`).
pub(crate) const CHANGES_MAX: usize = 120;

/// What was read.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) book: Book,
    /// Of etcd, after which nothing was changed.
    pub(super) etcd: u64,
    /// The scope's own part of the revision.
    own: u64,
    /// Where each claim is kept.
    keys: BTreeMap<ClaimId, String>,
}

/// Claims to write and keys to remove: one of each, since etcd writes no key twice at once.
struct Written<'c> {
    put: BTreeMap<String, &'c Claim>,
    removed: Vec<String>,
}

impl View {
    /// What is read at once: both revisions, and the first page of each span of claims.
    pub(super) fn reads(keys: &Keys) -> Vec<Operation> {
        spans(keys).iter().map(|span| Operation::RequestRange(Range::of(span))).collect()
    }

    /// The view of what was read.
    pub(super) fn new(
        keys: &Keys,
        etcd: u64,
        revisions: [&[KeyValue]; 2],
        claims: Vec<KeyValue>,
    ) -> Result<Self, StoreError> {
        let spans = spans(keys);
        let common = sum(&spans[0], revisions[0])?;
        let own = sum(&spans[1], revisions[1])?;
        let mut places = BTreeMap::new();
        let mut read = Vec::with_capacity(claims.len());
        for pair in claims {
            let (key, claim) = claim(keys, &pair)?;
            if places.insert(claim.id, key.clone()).is_some() {
                return Err(foreign(key, SAME_ID));
            }
            read.push(claim);
        }
        Ok(Self { book: Book::new(common.saturating_add(own), read), etcd, own, keys: places })
    }

    /// Asks whether all is as it was: what else there is, only where it is not.
    pub(super) fn look(&self, keys: &Keys) -> Transaction {
        let counts = keys.claims().iter().map(|span| Range::of(span).counting()).collect::<Vec<_>>();
        Transaction {
            compare: self.guards(keys),
            success: counts.into_iter().map(Operation::RequestRange).collect(),
            failure: Self::reads(keys),
        }
    }

    /// Whether there are as many claims as there were: what somebody only removes leaves no other trace.
    pub(super) fn has(&self, counted: &[RangeAnswer]) -> bool {
        let count: u64 = counted.iter().map(|answer| answer.count.0).sum();
        u64::try_from(self.keys.len()) == Ok(count)
    }

    /// The transaction that makes `changes`, and is known by `nonce`; `lease` tells on which lease a claim hangs.
    pub(super) fn transaction(
        &self,
        keys: &Keys,
        changes: &[Change],
        lease: impl Fn(&Claim) -> Option<u64>,
        nonce: &str,
    ) -> Result<Transaction, StoreError> {
        let written = self.written(keys, changes)?;
        let mut success = self.revisions(keys, &written);
        success.push(Operation::put(&keys.last(), nonce.into(), None));
        for (key, claim) in written.put {
            let text = serde_json::to_vec(claim).expect("texts, numbers and lists are JSON");
            success.push(Operation::put(&key, text, lease(claim)));
        }
        success.extend(written.removed.into_iter().map(|key| Operation::delete(&Span::one(key))));
        Ok(Transaction { compare: self.guards(keys), success, failure: Self::reads(keys) })
    }

    /// The view after the transaction of `changes`, which etcd made as its revision `etcd`.
    pub(super) fn after(mut self, keys: &Keys, changes: &[Change], etcd: u64) -> Result<Self, StoreError> {
        let is_of_fleet = self.written(keys, changes)?.is_of_fleet(keys);
        self.own = if is_of_fleet { 0 } else { self.own + 1 };
        for change in changes {
            match change {
                Change::Add(claim) | Change::Replace(claim) => {
                    self.keys.insert(claim.id, keys.claim(claim.id))
                }
                Change::Remove(id) => self.keys.remove(id),
            };
        }
        self.book.change(changes.iter().cloned());
        self.etcd = etcd;
        Ok(self)
    }

    fn guards(&self, keys: &Keys) -> Vec<Compare> {
        spans(keys).iter().map(|span| Compare::unmoved(span, self.etcd)).collect()
    }

    fn revisions(&self, keys: &Keys, written: &Written<'_>) -> Vec<Operation> {
        let put = |key: &str, number: u64| Operation::put(key, number.to_string().into(), None);
        if written.is_of_fleet(keys) {
            let common = put(&keys.common_revision(), self.book.revision() + 1);
            return vec![common, Operation::delete(&keys.own_revision())];
        }
        vec![put(&keys.own_revision().first, self.own + 1)]
    }

    fn written<'c>(&self, keys: &Keys, changes: &'c [Change]) -> Result<Written<'c>, StoreError> {
        let elsewhere = changes.iter().filter_map(Change::claim).find(|claim| claim.scope != *keys.scope());
        if let Some(claim) = elsewhere {
            let (opened, scope) = (keys.scope().clone(), claim.scope.clone());
            return Err(StoreError::Elsewhere { opened, scope });
        }
        let mut written = Written { put: BTreeMap::new(), removed: Vec::new() };
        for (id, claim) in Change::last(changes) {
            let place = claim.map(|claim| keys.claim(claim.id));
            written.removed.extend(self.keys.get(&id).filter(|key| Some(*key) != place.as_ref()).cloned());
            written.put.extend(place.zip(claim));
        }
        let changes = written.put.len() + written.removed.len();
        if changes > CHANGES_MAX {
            return Err(StoreError::TooMany { changes, most: CHANGES_MAX });
        }
        Ok(written)
    }
}

impl Written<'_> {
    /// Whether every host must see it.
    fn is_of_fleet(&self, keys: &Keys) -> bool {
        *keys.scope() == Scope::Fleet || self.removed.iter().any(|key| keys.is_of_fleet(key))
    }
}

const SAME_ID: Words =
    Words { en: "another claim has the same id", ja: "同じ ID の申請がほかにもあります" };
const NO_NUMBER: Words = Words { en: "it is no number", ja: "数値ではありません" };
const ELSEWHERE: Words =
    Words { en: "the claim belongs elsewhere", ja: "申請の内容がキーと一致しません" };
const UNASKED: Words = Words { en: "nobody asked for it", ja: "要求していないキーです" };
const NO_KEY: Words = Words { en: "no ledger has such a key", ja: "台帳にないはずのキーです" };
const OUT_OF_ORDER: Words =
    Words { en: "it is out of order", ja: "キーの順序が正しくありません" };
const TOO_MANY: Words = Words {
    en: "there are more claims than a ledger may have",
    ja: "申請の数が台帳の上限を超えています",
};
const NONE_SHOWN: Words = Words {
    en: "there are more, and none is shown",
    ja: "続きがあるはずですが、応答に含まれていません",
};

/// Everything that a change of the scope depends on.
pub(super) fn spans(keys: &Keys) -> Vec<Span> {
    [Span::one(keys.common_revision()), keys.own_revision()].into_iter().chain(keys.claims()).collect()
}

fn sum(span: &Span, pairs: &[KeyValue]) -> Result<u64, StoreError> {
    pairs.iter().try_fold(0_u64, |sum, pair| {
        let key = key(span, pair)?;
        let digits = pair.value.text().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse().ok());
        let sum = number.and_then(|number| sum.checked_add(number)).filter(|sum| *sum < u64::MAX);
        sum.ok_or_else(|| foreign(key, NO_NUMBER))
    })
}

fn claim(keys: &Keys, pair: &KeyValue) -> Result<(String, Claim), StoreError> {
    let key = String::from_utf8_lossy(&pair.key.0).into_owned();
    let read = serde_json::from_slice::<Claim>(&pair.value.0);
    let claim = read.map_err(|source| wrong(key.clone(), Wrong::quoted(&source)))?;
    if !keys.fits(&key, &claim.scope, claim.id) {
        return Err(foreign(key, ELSEWHERE));
    }
    Ok((key, claim))
}

/// The key of `pair`, where it is one that was asked for.
fn key(span: &Span, pair: &KeyValue) -> Result<String, StoreError> {
    match pair.key.text().filter(|key| span.has(key)) {
        Some(key) => Ok(key.into()),
        None => Err(foreign(String::from_utf8_lossy(&pair.key.0).into_owned(), UNASKED)),
    }
}

/// What is wrong with a key below the prefix, if anything is.
pub(super) fn fault(keys: &Keys, pair: &KeyValue) -> Option<StoreError> {
    let name = pair.key.text().unwrap_or_default();
    if keys.is_claim(name) {
        claim(keys, pair).err()
    } else if keys.is_revision(name) {
        sum(&Span::one(name), std::slice::from_ref(pair)).err()
    } else if keys.is_last(name) {
        None
    } else {
        Some(foreign(String::from_utf8_lossy(&pair.key.0).into_owned(), NO_KEY))
    }
}

/// Takes a page of a span and tells from which key on the next one is to be read, if there is one.
pub(super) fn turn(
    span: &Span,
    page: RangeAnswer,
    claims: &mut Vec<KeyValue>,
) -> Result<Option<Span>, StoreError> {
    let RangeAnswer { kvs, more, .. } = page;
    let mut last = String::new();
    for pair in &kvs {
        let key = key(span, pair)?;
        if key <= last {
            return Err(foreign(key, OUT_OF_ORDER));
        }
        last = key;
    }
    claims.extend(kvs);
    if claims.len() > CLAIMS_MAX {
        return Err(foreign(last, TOO_MANY));
    }
    match more {
        false => Ok(None),
        true if last.is_empty() => Err(foreign(span.first.clone(), NONE_SHOWN)),
        // The next key after one is the same with a byte of zero.
        true => Ok(Some(Span { first: format!("{last}\0"), end: span.end.clone() })),
    }
}

fn foreign(key: String, why: Words) -> StoreError {
    wrong(key, Wrong::Ours(why))
}

fn wrong(key: String, source: Wrong) -> StoreError {
    StoreError::Foreign { key, source, control: Control::default() }
}

#[cfg(test)]
mod tests {
    use super::{
        super::wire::{Bytes, Integer},
        *,
    };
    use crate::store::tests::{add, claim as granted, replace};

    fn keys(scope: &str) -> Keys {
        Keys::new("/p".into(), "4c1d".into(), scope.parse().expect("a scope"))
    }

    fn pair(key: &str, value: impl Into<Vec<u8>>) -> KeyValue {
        KeyValue { key: Bytes(key.into()), value: Bytes(value.into()), mod_revision: Integer(1) }
    }

    fn kept(keys: &Keys, claim: &Claim) -> KeyValue {
        pair(&keys.claim(claim.id), serde_json::to_vec(claim).expect("JSON"))
    }

    /// The view of these revisions and claims, or what is wrong with them.
    fn view(common: &[KeyValue], own: &[KeyValue], claims: Vec<KeyValue>) -> Result<View, String> {
        View::new(&keys("host:4c1d"), 9, [common, own], claims).map_err(|error| match error {
            StoreError::Foreign { key, source, .. } => format!("{key}: {source}"),
            other => panic!("{other}"),
        })
    }

    #[test]
    fn the_revision_is_the_sum_of_two() {
        let (keys, web) = (keys("host:4c1d"), granted(1, "web", 20_500));
        let common = [pair("/p/revision", "40")];
        let own = [pair("/p/revision/host:4c1d", "2")];
        let read = view(&common, &own, vec![kept(&keys, &web)]).expect("a ledger");
        assert_eq!((read.book, read.etcd, read.own), (Book::new(42, [web]), 9, 2));
        assert_eq!(view(&[], &[], Vec::new()).expect("a ledger").book, Book::default());
        assert_eq!(view(&common, &[], Vec::new()).expect("a ledger").book.revision(), 40);
    }

    #[test]
    fn a_revision_that_is_no_number_is_told_with_its_key() {
        for text in
            ["", "-1", "+1", " 1", "1.0", "x", "18446744073709551615", "18446744073709551616", "\u{0661}"]
        {
            let error = view(&[pair("/p/revision", text)], &[], Vec::new()).expect_err("no number");
            assert_eq!(error, "/p/revision: it is no number", "{text}");
        }
        let error = view(&[pair("/p/revision", [0xff])], &[], Vec::new()).expect_err("no text");
        assert_eq!(error, "/p/revision: it is no number");
        let error = view(&[], &[pair("/p/revision/host:beef", "1")], Vec::new()).expect_err("another's");
        assert_eq!(error, "/p/revision/host:beef: nobody asked for it");
    }

    #[test]
    fn what_is_no_claim_of_the_ledger_is_told_with_its_key() {
        let (keys, web) = (keys("host:4c1d"), granted(1, "web", 20_500));
        let whole = serde_json::to_string(&web).expect("JSON");
        let place = keys.claim(web.id);
        for (value, why) in [
            ("", "EOF"),
            ("{}", "missing field"),
            (&whole[..whole.len() - 1], "EOF"),
            (&whole.replace("20500", "99999"), "99999"),
            (&whole.replace("\"web\"", "\"a b\""), "blank"),
            (&whole.replace("host:4c1d", "host:beef"), "the claim belongs elsewhere"),
            (&whole.replace("host:4c1d", "fleet"), "the claim belongs elsewhere"),
            (&whole.replacen("1\"", "2\"", 1), "the claim belongs elsewhere"),
        ] {
            let error = view(&[], &[], vec![pair(&place, value)]).expect_err("no claim");
            assert!(error.starts_with(&format!("{place}: ")) && error.contains(why), "{value}: {error}");
        }
        let error = view(&[], &[], vec![pair("/p/claim/host:4c1d", whole)]).expect_err("no place of a claim");
        assert_eq!(error, "/p/claim/host:4c1d: the claim belongs elsewhere");
        let twice = vec![kept(&keys, &web), kept(&keys, &web)];
        assert!(view(&[], &[], twice).expect_err("twice").ends_with("another claim has the same id"));
    }

    /// Each key below the prefix is one of a ledger's, of whatever host.
    #[test]
    fn each_key_is_looked_at_for_itself() {
        let keys = keys("host:4c1d");
        let web = granted(1, "web", 20_500);
        let whole = serde_json::to_string(&web).expect("JSON");
        for pair in [
            kept(&keys, &web),
            pair(&format!("/p/claim/host:beef/{}", web.id), whole.replace("host:4c1d", "host:beef")),
            pair(&format!("/p/claim/netns:a@beef/{}", web.id), whole.replace("host:4c1d", "netns:a")),
            pair("/p/revision", "7"),
            pair("/p/revision/host:beef", "7"),
            pair("/p/last/host:beef", [0xff]),
        ] {
            assert!(fault(&keys, &pair).is_none(), "{pair:?}");
            assert!(keys.whole().has(pair.key.text().expect("a text")));
        }
        for pair in [
            pair("/p/claim/host:beef/1", whole.clone()),
            pair(&keys.claim(web.id), "{}"),
            pair("/p/revision", "x"),
            pair("/p/revisions", "7"),
            pair("/p/other", "7"),
            pair("/p/", ""),
        ] {
            assert!(matches!(fault(&keys, &pair), Some(StoreError::Foreign { .. })), "{pair:?}");
        }
        let garbled = KeyValue { key: Bytes(vec![b'/', 0xff]), ..pair("", "") };
        assert!(fault(&keys, &garbled).is_some());
        assert!(!keys.whole().has("/p") && !keys.whole().has("/pq/claim"));
    }

    fn turned(span: &Span, keys: &[&str], more: bool) -> Result<(Option<Span>, usize), StoreError> {
        let kvs = keys.iter().map(|key| pair(key, "")).collect();
        let mut claims = Vec::new();
        turn(span, RangeAnswer { kvs, more, count: Integer(u64::MAX), ..RangeAnswer::default() }, &mut claims)
            .map(|next| (next, claims.len()))
    }

    #[test]
    fn a_page_leads_to_the_next_and_never_back() {
        let span = Span { first: "/a/".into(), end: Some("/a0".into()) };
        assert_eq!(turned(&span, &["/a/1", "/a/2"], false).expect("a page"), (None, 2));
        let next = Span { first: "/a/2\0".into(), end: span.end.clone() };
        assert_eq!(turned(&span, &["/a/1", "/a/2"], true).expect("a page"), (Some(next.clone()), 2));
        assert!(!next.has("/a/2") && next.has("/a/20"));
        for (keys, more) in [
            (&["/a/2", "/a/1"][..], false),
            (&["/a/1", "/a/1"], false),
            (&["/b/1"], false),
            (&["/a0"], false),
            (&[], true),
        ] {
            let error = turned(&span, keys, more).expect_err("no page of it");
            assert!(matches!(error, StoreError::Foreign { .. }), "{keys:?}: {error}");
        }
        assert!(turned(&next, &["/a/2"], false).is_err(), "what was read is not read again");
    }

    #[test]
    fn more_claims_than_a_ledger_has_are_refused() {
        let span = Span { first: "/a/".into(), end: Some("/a0".into()) };
        let mut claims = vec![pair("/a/1", ""); CLAIMS_MAX];
        let page = || RangeAnswer { kvs: vec![pair("/a/2", "")], more: true, ..RangeAnswer::default() };
        assert!(turn(&span, page(), &mut claims).is_err(), "whatever it says that there are");
    }

    /// Each of them is one key, however often it is changed at once; too many are refused whole.
    #[test]
    fn a_change_is_of_the_own_scope_and_not_too_large() {
        let keys = keys("host:4c1d");
        let web = granted(1, "web", 20_500);
        let view = view(&[], &[], vec![kept(&keys, &web)]).expect("a ledger");
        let elsewhere = Claim { scope: Scope::Fleet, ..web.clone() };
        let refused = view.transaction(&keys, &[replace(&elsewhere)], |_| None, "n");
        assert!(matches!(refused, Err(StoreError::Elsewhere { .. })));
        let same = vec![replace(&web); CHANGES_MAX + 1];
        let written = view.transaction(&keys, &same, |_| None, "n").expect("one key");
        assert_eq!(written.success.len(), 3, "the revision, whose it is, and the claim");
        let many: Vec<Change> =
            (2..).take(CHANGES_MAX + 1).map(|id| add(&granted(id, "x", 20_501))).collect();
        let refused = view.transaction(&keys, &many, |_| None, "n");
        assert!(matches!(refused, Err(StoreError::TooMany { changes: 121, most: CHANGES_MAX })));
        let after = view.after(&keys, &[Change::Remove(web.id)], 12).expect("a change");
        assert_eq!((after.book.revision(), after.book.len(), after.own, after.etcd), (1, 0, 1, 12));
        assert!(after.has(&[]) && !after.has(&[RangeAnswer { count: Integer(1), ..RangeAnswer::default() }]));
    }
}
