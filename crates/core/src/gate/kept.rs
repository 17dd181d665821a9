//! A generation as it is kept: as nft would list a table that holds it alone, so that nothing is read back that this
//! program does not write (A15).

use alloc::string::String;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{Body, Listing, ReadError, Revision, Standing};

/// What lists no rules.
const NOTHING: &str = r#"{"nftables":[]}"#;

impl Serialize for Body {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut listing = Listing::read(NOTHING).expect("it is a listing");
        listing.create(self, Revision::of(1));
        to.serialize_str(&listing.text())
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let standing = Standing::read(&text).map_err(D::Error::custom)?;
        let body = standing.as_ref().and_then(Standing::body).cloned();
        body.ok_or_else(|| D::Error::custom(ReadError::Broken("a generation")))
    }
}
