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
