//! What a claim is for, in one visible word.

use alloc::{borrow::Cow, sync::Arc};
use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{text, visible, words::Text};

/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 128;

/// The name of a claim.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It has no letter.
    #[error("the name is empty")]
    Empty,
    /// It has more bytes than a name may have.
    #[error("the name has more than {NAME_BYTES_MAX} bytes")]
    Long,
    /// Somewhere in it is what does not show, or parts words.
    #[error("the name has a blank or a character that does not show")]
    Invisible,
    /// It begins as options do.
    #[error("the name begins with -, as options do")]
    Option,
}

impl NameError {
    /// The same in both languages.
    #[must_use]
    pub fn text(&self) -> Text {
        match self {
            Self::Empty => text!("the name is empty", "名前が空です"),
            Self::Long => {
                text!(
                    "the name has more than {NAME_BYTES_MAX} bytes",
                    "名前が {NAME_BYTES_MAX} バイトを超えています"
                )
            }
            Self::Invisible => text!(
                "the name has a blank or a character that does not show",
                "名前に空白または表示されない文字があります"
            ),
            Self::Option => text!(
                "the name begins with -, as options do",
                "名前をオプションと紛らわしい - で始めることはできません"
            ),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Text {
        text!(
            "a name is one word of at most {NAME_BYTES_MAX} bytes, such as web",
            "web のような、空白を含まない {NAME_BYTES_MAX} バイト以内の名前を指定してください"
        )
    }
}

impl Name {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let shows = |letter: char| !letter.is_whitespace() && !visible::is_hidden(letter);
        match text {
            "" => Err(NameError::Empty),
            _ if text.len() > NAME_BYTES_MAX => Err(NameError::Long),
            _ if !text.chars().all(shows) => Err(NameError::Invisible),
            _ if text.starts_with('-') => Err(NameError::Option),
            _ => Ok(Self(text.into())),
        }
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'_, str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
