//! Why a file of packages tells too little, as the detail of a gap has it and in words (A18).

use alloc::{format, string::String};

use crate::{
    text,
    words::{Text, Words},
};

/// What is wrong with a file of packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is longer than any such file is.
    TooLarge,
    /// It is a pipe, a device or a directory.
    NoFile,
    /// It is a link that is not followed.
    Link,
    /// It was written while it was read.
    Unsteady,
    /// It cannot be understood.
    Strange,
    /// It tells of no package.
    Empty,
    /// It is cut off, or leaves out a package that is known otherwise.
    Incomplete,
    /// It is not there, or nothing is in it.
    Missing,
    /// It holds what its own tools have not put into the database yet.
    Unwritten,
}

impl Flaw {
    const ALL: [(Self, &str); 9] = [
        (Self::TooLarge, "too-large"),
        (Self::NoFile, "no-file"),
        (Self::Link, "link"),
        (Self::Unsteady, "unsteady"),
        (Self::Strange, "strange"),
        (Self::Empty, "empty"),
        (Self::Incomplete, "incomplete"),
        (Self::Missing, "missing"),
        (Self::Unwritten, "unwritten"),
    ];

    /// The detail of a gap: the file, and what is wrong with it.
    #[must_use]
    pub fn of(self, path: &str) -> String {
        let name = Self::ALL.iter().find(|(flaw, _)| *flaw == self).map_or("", |(_, name)| name);
        format!("{path} ({name})")
    }

    /// The file of a detail, and what is wrong with it where that is told.
    fn split(detail: &str) -> (&str, Option<Self>) {
        let told = detail.strip_suffix(')').and_then(|detail| detail.rsplit_once(" ("));
        let known = told.and_then(|(path, name)| {
            let (flaw, _) = Self::ALL.iter().find(|(_, known)| *known == name)?;
            Some((path, Some(*flaw)))
        });
        known.unwrap_or((detail, None))
    }

    const fn words(self) -> Words {
        match self {
            Self::TooLarge => Words { en: "is longer than any such file", ja: "は大きすぎます" },
            Self::NoFile => {
                Words { en: "is no regular file", ja: "は通常のファイルではありません" }
            }
            Self::Link => Words {
                en: "is a link that is not followed", ja: "はリンクのため、たどりません"
            },
            Self::Unsteady => Words {
                en: "changed while it was read",
                ja: "は読み取り中に書き換えられました",
            },
            Self::Strange => Words { en: "cannot be understood", ja: "の内容を解釈できません" },
            Self::Empty => Words {
                en: "tells of no package", ja: "にパッケージが 1 つも記録されていません"
            },
            Self::Incomplete => Words {
                en: "is cut off, or leaves packages out",
                ja: "は途中で切れているか、一部のパッケージが欠けています",
            },
            Self::Missing => Words { en: "is missing or empty", ja: "がないか、空です" },
            Self::Unwritten => Words {
                en: "holds what was not put into the database yet",
                ja: "に、データベースへ未反映の変更があります",
            },
        }
    }
}

const UNREADABLE: Words = Words { en: "could not be read", ja: "を読み取れませんでした" };

/// Why a detail leaves open whose the running code is.
pub(super) fn hidden(detail: &str) -> Text {
    let (path, flaw) = Flaw::split(detail);
    let Words { en, ja } = flaw.map_or(UNREADABLE, Flaw::words);
    text!("whose the running code is: {path} {en}", "実行中のコードのパッケージ({path} {ja})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_said_and_of_which_file() {
        for path in ["/var/lib/dpkg/status", "mnt:[4] (lc, 7): /var/lib/dpkg/status", "a (b)"] {
            for (flaw, _) in Flaw::ALL {
                assert_eq!(Flaw::split(&flaw.of(path)), (path, Some(flaw)));
            }
            assert_eq!(Flaw::split(path), (path, None));
        }
        let said = hidden(&Flaw::Incomplete.of("/var/lib/dpkg/status"));
        assert!(said.en.ends_with(": /var/lib/dpkg/status is cut off, or leaves packages out"), "{said:?}");
        assert!(hidden("/x").en.ends_with(": /x could not be read"), "a saved look of before tells no more");
    }
}
