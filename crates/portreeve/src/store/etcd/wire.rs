//! What is said to etcd and what it says, as JSON (<https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/>).
//!
//! Keys and values are base64, numbers of 64 bits are strings, and what is false, zero or empty is absent. It writes
//! `rpc.proto` in JSON as <https://protobuf.dev/programming-guides/json/> says.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::keys::Span;

/// Claims of one answer; the next ones are asked for.
pub(super) const PAGE: u64 = 4096;

/// Bytes, which JSON has as base64 (RFC 4648, section 4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Bytes {
    pub(super) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text.as_bytes()).map(Self).map_err(de::Error::custom)
    }
}

/// A number of 64 bits, which JSON has as a string; none that etcd says here is below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Integer(pub(super) u64);

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits)
    }
}

struct Digits;

impl de::Visitor<'_> for Digits {
    type Value = Integer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of 64 bits, or its digits")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Integer, E> {
        Ok(Integer(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Integer, E> {
        let digits = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let number = digits.and_then(|digits| digits.parse().ok());
        number.map(Integer).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// Reads keys.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Range {
    pub(super) key: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) range_end: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) limit: Option<Integer>,
    /// As they were after it; as they are, where it is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) revision: Option<Integer>,
    #[serde(skip_serializing_if = "is_false")]
    pub(super) count_only: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Range {
    pub(super) fn of(span: &Span) -> Self {
        Self {
            key: bytes(&span.first),
            range_end: span.end.as_deref().map(bytes),
            limit: Some(Integer(PAGE)),
            revision: None,
            count_only: false,
        }
    }

    pub(super) fn counting(self) -> Self {
        Self { count_only: true, limit: None, ..self }
    }

    pub(super) fn at(self, revision: u64) -> Self {
        Self { revision: Some(Integer(revision)), ..self }
    }
}

/// Writes a key.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Put {
    key: Bytes,
    value: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    lease: Option<Integer>,
}

/// Removes keys.
#[derive(Clone, Debug, Serialize)]
pub(super) struct DeleteRange {
    key: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    range_end: Option<Bytes>,
}

/// A part of a transaction.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::enum_variant_names, reason = "etcd calls them so")]
pub(super) enum Operation {
    RequestRange(Range),
    RequestPut(Put),
    RequestDeleteRange(DeleteRange),
}

impl Operation {
    pub(super) fn put(key: &str, value: Vec<u8>, lease: Option<u64>) -> Self {
        Self::RequestPut(Put { key: bytes(key), value: Bytes(value), lease: lease.map(Integer) })
    }

    pub(super) fn delete(span: &Span) -> Self {
        let range_end = span.end.as_deref().map(bytes);
        Self::RequestDeleteRange(DeleteRange { key: bytes(&span.first), range_end })
    }
}

/// What must be so for a transaction to be made: every key of a range was last written before a revision.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Compare {
    key: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    range_end: Option<Bytes>,
    target: &'static str,
    result: &'static str,
    mod_revision: Integer,
}

impl Compare {
    pub(super) fn unmoved(span: &Span, since: u64) -> Self {
        Self {
            key: bytes(&span.first),
            range_end: span.end.as_deref().map(bytes),
            target: "MOD",
            result: "LESS",
            mod_revision: Integer(since.saturating_add(1)),
        }
    }
}

/// All of `success` where all of `compare` is so, else all of `failure`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Transaction {
    pub(super) compare: Vec<Compare>,
    pub(super) success: Vec<Operation>,
    pub(super) failure: Vec<Operation>,
}

/// What every answer begins with.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Header {
    /// Of the whole etcd.
    #[serde(default)]
    pub(super) revision: Integer,
}

/// A key as it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct KeyValue {
    pub(super) key: Bytes,
    #[serde(default)]
    pub(super) value: Bytes,
    #[serde(default)]
    pub(super) mod_revision: Integer,
}

/// Keys that were read.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct RangeAnswer {
    /// Not within the answer to a transaction, which has one of its own.
    #[serde(default)]
    pub(super) header: Header,
    #[serde(default)]
    pub(super) kvs: Vec<KeyValue>,
    /// Whether some were left out.
    #[serde(default)]
    pub(super) more: bool,
    #[serde(default)]
    pub(super) count: Integer,
}

/// What a transaction came to.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct TransactionAnswer {
    pub(super) header: Header,
    #[serde(default)]
    pub(super) succeeded: bool,
    #[serde(default)]
    pub(super) responses: Vec<OperationAnswer>,
}

/// What a part of it came to; of what was written nothing is asked.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct OperationAnswer {
    #[serde(default)]
    pub(super) response_range: Option<RangeAnswer>,
}

/// Asks for a lease.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Grant {
    /// In seconds.
    #[serde(rename = "TTL")]
    pub(super) seconds: Integer,
}

/// Names a lease: one that was granted, or one to end.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct LeaseName {
    #[serde(rename = "ID")]
    pub(super) id: Integer,
}

/// Says who asks.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Authenticate<'a> {
    pub(super) name: &'a str,
    pub(super) password: &'a str,
}

/// What tells the asker from then on.
#[derive(Clone, Deserialize)]
pub(super) struct Token {
    pub(super) token: String,
}

/// An answer of which nothing matters but that it came.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Done {}

/// Why etcd does not do what it was asked (<https://grpc.io/docs/guides/status-codes/>).
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Refused {
    #[serde(default)]
    pub(super) code: u32,
    #[serde(default)]
    pub(super) message: String,
}

/// Asks to be told of changes of keys.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Watch {
    create_request: WatchCreate,
}

#[derive(Clone, Debug, Serialize)]
struct WatchCreate {
    key: Bytes,
    #[serde(skip_serializing_if = "Option::is_none")]
    range_end: Option<Bytes>,
    start_revision: Integer,
}

impl Watch {
    pub(super) fn after(span: &Span, revision: u64) -> Self {
        Self {
            create_request: WatchCreate {
                key: bytes(&span.first),
                range_end: span.end.as_deref().map(bytes),
                start_revision: Integer(revision.saturating_add(1)),
            },
        }
    }
}

/// A line of a watch: something moved, it ended (as where the revision was compacted), or it only began.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct WatchLine {
    #[serde(default)]
    result: Option<WatchResult>,
}

#[derive(Clone, Debug, Deserialize)]
struct WatchResult {
    #[serde(default)]
    canceled: bool,
    #[serde(default)]
    events: Vec<de::IgnoredAny>,
}

/// What a line of a watch means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// Something was changed.
    Moved,
    /// Nothing is told any more.
    Ended,
    /// Nothing yet.
    Nothing,
}

impl WatchLine {
    pub(super) fn news(&self) -> News {
        match &self.result {
            None => News::Ended,
            Some(result) if !result.events.is_empty() => News::Moved,
            Some(result) if result.canceled => News::Ended,
            Some(_) => News::Nothing,
        }
    }
}

fn bytes(text: &str) -> Bytes {
    Bytes(text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: de::DeserializeOwned>(text: &str) -> T {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn is_none_of<T: de::DeserializeOwned>(text: &str) -> bool {
        serde_json::from_str::<T>(text).is_err()
    }

    /// As RFC 8259 and protobuf's JSON mapping have them, and in no other way.
    #[test]
    fn a_number_is_its_digits_in_a_string_or_itself() {
        for (text, number) in
            [("\"0\"", 0), ("\"7\"", 7), ("7", 7), ("\"18446744073709551615\"", u64::MAX), ("\"007\"", 7)]
        {
            assert_eq!(read::<Integer>(text), Integer(number));
        }
        for text in [
            "\"\"",
            "\"-1\"",
            "-1",
            "\"+1\"",
            "\" 1\"",
            "\"1.0\"",
            "1.5",
            "1e3",
            "\"0x7\"",
            "\"\u{0661}\"",
            "\"18446744073709551616\"",
            "18446744073709551616",
            "null",
            "true",
            "[7]",
            "{}",
        ] {
            assert!(is_none_of::<Integer>(text), "{text}");
        }
        assert_eq!(serde_json::to_string(&Integer(u64::MAX)).expect("JSON"), "\"18446744073709551615\"");
    }

    #[test]
    fn bytes_are_base64_in_one_way_only() {
        assert_eq!(read::<Bytes>("\"Zm9v\"").text(), Some("foo"));
        assert_eq!(read::<Bytes>("\"\""), Bytes::default());
        assert_eq!(read::<Bytes>("\"/w==\"").text(), None, "a byte that is no text is no text");
        for text in ["\"Zm9\"", "\"Zm9v=\"", "\"Z m9v\"", "\"Zm9_\"", "\"Zh==\"", "7", "null"] {
            assert!(is_none_of::<Bytes>(text), "{text}");
        }
    }

    /// The documented answer to a range (etcd.io, "gRPC gateway"), with what a newer one might add.
    #[test]
    fn what_is_false_zero_or_empty_is_absent() {
        let answer: RangeAnswer = read(
            "{\"header\":{\"cluster_id\":\"12585971608760269493\",\"revision\":\"3\",\"raft_term\":\"2\"},
              \"kvs\":[{\"key\":\"Zm9v\",\"create_revision\":\"2\",\"mod_revision\":\"3\",\"version\":\"2\",
              \"value\":\"YmFy\"},{\"key\":\"Zm9v\"}],\"count\":\"2\",\"yet_unknown\":{}}",
        );
        let pair = |value: &str, mod_revision| KeyValue {
            key: bytes("foo"),
            value: bytes(value),
            mod_revision: Integer(mod_revision),
        };
        assert_eq!(answer.kvs, [pair("bar", 3), pair("", 0)]);
        assert_eq!((answer.count, answer.more), (Integer(2), false));
        let nothing: RangeAnswer = read("{}");
        assert!(nothing.kvs.is_empty() && nothing.count == Integer(0) && !nothing.more);
        let failed: TransactionAnswer =
            read("{\"header\":{\"revision\":\"9\"},\"responses\":[{},{\"response_put\":{}}]}");
        assert!(!failed.succeeded && failed.responses.iter().all(|part| part.response_range.is_none()));
        assert_eq!(read::<TransactionAnswer>("{\"header\":{}}").header.revision, Integer(0));
        for text in
            ["{\"succeeded\":true}", "{\"header\":null}", "{\"header\":{},\"succeeded\":\"true\"}", "[]", ""]
        {
            assert!(is_none_of::<TransactionAnswer>(text), "{text}");
        }
        assert!(is_none_of::<RangeAnswer>("{\"kvs\":[{\"value\":\"\"}]}"), "a pair has a key");
        assert!(is_none_of::<RangeAnswer>("{\"kvs\":null}") && is_none_of::<LeaseName>("{}"));
    }

    /// The gateway of 3.4 says it twice, that of 3.5 and later as a status of gRPC.
    #[test]
    fn a_failure_has_one_of_two_shapes() {
        for text in [
            "{\"error\":\"etcdserver: permission denied\",\"message\":\"etcdserver: permission denied\",\"code\":7}",
            "{\"code\":7,\"message\":\"etcdserver: permission denied\",\"details\":[]}",
        ] {
            let refused: Refused = read(text);
            assert_eq!((refused.code, refused.message.as_str()), (7, "etcdserver: permission denied"));
        }
        assert!(is_none_of::<Refused>("{\"code\":-1}") && is_none_of::<Refused>("\"no\""));
    }

    #[test]
    fn what_is_asked_is_written_as_etcd_reads_it() {
        let span = Span { first: "a".into(), end: Some("b".into()) };
        let transaction = Transaction {
            compare: vec![Compare::unmoved(&span, 7)],
            success: vec![Operation::put("a", b"x".to_vec(), Some(9)), Operation::delete(&Span::one("b"))],
            failure: vec![Operation::RequestRange(Range::of(&span).counting().at(5))],
        };
        let expected = "{\"compare\":[{\"key\":\"YQ==\",\"range_end\":\"Yg==\",\"target\":\"MOD\",\"result\":\"LESS\",\
            \"mod_revision\":\"8\"}],\"success\":[{\"request_put\":{\"key\":\"YQ==\",\"value\":\"eA==\",\"lease\":\"9\"}},\
            {\"request_delete_range\":{\"key\":\"Yg==\"}}],\"failure\":[{\"request_range\":{\"key\":\"YQ==\",\
            \"range_end\":\"Yg==\",\"revision\":\"5\",\"count_only\":true}}]}";
        assert_eq!(serde_json::to_string(&transaction).expect("JSON"), expected);
        let grant = Grant { seconds: Integer(60) };
        assert_eq!(serde_json::to_string(&grant).expect("JSON"), "{\"TTL\":\"60\"}");
    }

    #[test]
    fn a_line_of_a_watch_tells_that_something_moved_or_that_it_ends() {
        let news = |text: &str| read::<WatchLine>(text).news();
        assert_eq!(news("{\"result\":{\"header\":{},\"created\":true}}"), News::Nothing);
        assert_eq!(news("{\"result\":{\"events\":[{\"type\":\"DELETE\",\"kv\":{}}]}}"), News::Moved);
        assert_eq!(news("{\"result\":{\"canceled\":true,\"compact_revision\":\"9\"}}"), News::Ended);
        assert_eq!(news("{\"error\":{\"grpc_code\":14,\"message\":\"x\"}}"), News::Ended);
        assert_eq!(news("{}"), News::Ended);
        assert!(is_none_of::<WatchLine>("{\"result\":{\"events\":7}}") && is_none_of::<WatchLine>("[]x"));
    }
}
