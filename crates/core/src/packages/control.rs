//! The stanzas in which Debian's tools keep what they know of packages and archives (deb822(5), A18).

use alloc::{borrow::Cow, string::String};

/// A stanza, line by line; what is no UTF-8 is left out.
#[derive(Clone, Copy, Debug)]
pub struct Stanza<'a>(&'a [u8]);

/// A longer stanza than any that a package has: what is behind it is left out.
const STANZA_BYTES_MAX: usize = 4 * 1024 * 1024;

impl<'a> Stanza<'a> {
    /// All of `bytes` as one.
    #[must_use]
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self(bytes.get(..STANZA_BYTES_MAX).unwrap_or(bytes))
    }

    /// Its fields, in their order: names, and values without the lines that continue them.
    pub fn fields(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.split(|&byte| byte == b'\n').filter_map(field)
    }

    /// The same, where bytes that are no UTF-8 are U+FFFD instead of leaving out their field.
    pub fn texts(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.0.split(|&byte| byte == b'\n').filter_map(text)
    }

    /// The value of a field, whose name is the same in capitals.
    #[must_use]
    pub fn field(self, name: &str) -> Option<&'a str> {
        self.fields().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The value of a field with the lines that continue it, as apt reads it: the last one of its name, without comments.
    #[must_use]
    pub fn folded(self, name: &str) -> Option<String> {
        let mut told: Option<(bool, String)> = None;
        for line in self.0.split(|&byte| byte == b'\n').filter(|line| line.first() != Some(&b'#')) {
            if let Some((known, value)) = field(line) {
                match &mut told {
                    _ if known.eq_ignore_ascii_case(name) => told = Some((true, value.into())),
                    Some((is_open, _)) => *is_open = false,
                    None => {}
                }
                continue;
            }
            match &mut told {
                Some((true, value)) if !begins(line) => {
                    value.push('\n');
                    value.push_str(String::from_utf8_lossy(line).trim());
                }
                // Of a name that is no UTF-8.
                Some((is_open, _)) => *is_open = false,
                None => {}
            }
        }
        told.map(|(_, value)| value.trim().into())
    }
}

fn field(line: &[u8]) -> Option<(&str, &str)> {
    let (name, value) = core::str::from_utf8(line).ok().filter(|_| begins(line))?.split_once(':')?;
    Some((name, value.trim()))
}

fn text(line: &[u8]) -> Option<(Cow<'_, str>, Cow<'_, str>)> {
    let colon = line.iter().position(|&byte| byte == b':').filter(|_| begins(line))?;
    let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
    Some((String::from_utf8_lossy(name), String::from_utf8_lossy(value.trim_ascii())))
}

/// Whether a line is of a field of its own, and continues none.
fn begins(line: &[u8]) -> bool {
    !matches!(line.first(), None | Some(b' ' | b'\t' | b'#'))
}

/// The stanzas of `bytes`, and how many bytes they take: the last one may go on in what is still to be read.
///
/// Whoever has read everything takes what is left as one more.
pub fn stanzas<'a>(bytes: &'a [u8], mut each: impl FnMut(Stanza<'a>)) -> usize {
    let mut begin = 0;
    let mut line = 0;
    while let Some(length) = bytes[line..].iter().position(|&byte| byte == b'\n') {
        if is_blank(&bytes[line..line + length]) {
            if begin < line {
                each(Stanza::whole(&bytes[begin..line]));
            }
            begin = line + length + 1;
        }
        line += length + 1;
    }
    begin
}

/// A line of blanks ends a stanza as an empty one does.
fn is_blank(line: &[u8]) -> bool {
    line.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
}

/// The stanzas of a document that is there as a whole.
pub fn every<'a>(bytes: &'a [u8], mut each: impl FnMut(Stanza<'a>)) {
    let rest = &bytes[stanzas(bytes, &mut each)..];
    if !is_blank(rest) {
        each(Stanza::whole(rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn names(bytes: &[u8]) -> (Vec<&str>, usize) {
        let mut names = Vec::new();
        let length = stanzas(bytes, |stanza| names.extend(stanza.field("Package")));
        (names, length)
    }

    #[test]
    fn a_blank_line_ends_a_stanza_and_what_is_not_ended_waits() {
        let bytes = b"\nPackage: a\nVersion: 1\n \nPackage: b\n\n\nPackage: c\nVer";
        let (found, length) = names(bytes);
        assert_eq!(found, ["a", "b"]);
        assert_eq!(&bytes[length..], b"Package: c\nVer");
        assert_eq!(names(b"Package: a"), (Vec::new(), 0));
        let mut all = 0;
        every(bytes, |_| all += 1);
        assert_eq!(all, 3);
    }

    #[test]
    fn what_continues_a_field_is_none() {
        let stanza =
            Stanza::whole(b"Conffiles:\n /etc/Version: 9\n\tVersion: 8\n# Version: 7\nversion:  1.2-3 \n");
        assert_eq!(stanza.field("Version"), Some("1.2-3"));
        assert_eq!(stanza.field("Package"), None);
        assert_eq!(Stanza::whole(b"\xff: 1\nPackage: a").field("Package"), Some("a"));
    }

    #[test]
    fn a_folded_value_has_its_further_lines_and_the_last_one_counts() {
        let stanza = Stanza::whole(
            b"Pin: a\nPackage: x\n# no\n y\n\tz \nPin: b\n#c\nOther: 1\n 2\nPin-Priority:\n 7\n",
        );
        assert_eq!(stanza.folded("package").as_deref(), Some("x\ny\nz"));
        assert_eq!(stanza.folded("Pin").as_deref(), Some("b"));
        assert_eq!(stanza.folded("Pin-Priority").as_deref(), Some("7"));
        assert_eq!(stanza.folded("Priority"), None);
    }
}
