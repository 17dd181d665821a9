//! A generation as it is kept: as nft would list a table that holds it alone, so that nothing is read back that this
//! program does not write (A15).

use alloc::string::String;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Body, Listing, ReadError, Revision, Standing};

/// What lists no rules.
const NOTHING: &str = r#"{"nftables":[]}"#;

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(self))
    }
}

fn text(body: &Body) -> String {
    let mut listing = Listing::read(NOTHING).expect("it is a listing");
    listing.create(body, Revision::of(1));
    listing.text()
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        KeptBody::deserialize(from)?.read().map_err(D::Error::custom)
    }
}

/// A generation that is read when somebody wants it: of a thousand receipts one is taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeptBody(String);

impl From<&Body> for KeptBody {
    fn from(body: &Body) -> Self {
        Self(text(body))
    }
}

impl KeptBody {
    /// The generation.
    ///
    /// # Errors
    ///
    /// This program did not write it.
    pub fn read(&self) -> Result<Body, ReadError> {
        let standing = Standing::read(&self.0)?;
        standing.as_ref().and_then(Standing::body).cloned().ok_or(ReadError::NoGate)
    }
}
