//! A user and a password in a URL, which nobody is to read in what is said about it (RFC 3986, section 3.2.1).

use alloc::{borrow::Cow, string::String};

const AUTHORITY: &str = "://";

/// `text` with a star for each character of what stands before the last `@` of a URL in it, so that a caret below still points
/// to the same place. Rather too much is hidden than a part of a password that has a slash or a quote in it.
#[must_use]
pub fn hidden(text: &str) -> Cow<'_, str> {
    let ends = |(at, _): (usize, &str)| Some((at + AUTHORITY.len(), text.rfind('@')?));
    match text.match_indices(AUTHORITY).next().and_then(ends) {
        Some((from, to)) if from < to => {
            let stars: String = text[from..to].chars().map(|_| '*').collect();
            Cow::Owned([&text[..from], stars.as_str(), &text[to..]].concat())
        }
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reads_a_password() {
        for (text, shown) in [
            ("etcd+http://user:pw@a:2379/p", "etcd+http://*******@a:2379/p"),
            ("etcd+http://user:p/w@a/p", "etcd+http://********@a/p"),
            ("store = \"x://ü:p\\\"@w@a/p\"", "store = \"x://*******@a/p\""),
            ("etcd+https://a:2379/p", "etcd+https://a:2379/p"),
            ("me@a, https://b", "me@a, https://b"),
            ("x://@a", "x://@a"),
        ] {
            assert_eq!(hidden(text), shown, "{text}");
            assert_eq!(hidden(text).chars().count(), text.chars().count());
        }
    }
}
