//! Writes small descriptions of types, as a compiler would (Documentation/bpf/btf.rst).

use super::{MAGIC, kind};

/// INT's bit for what may be negative.
pub(in crate::bpf) const SIGNED: u32 = 1 << 24;

/// A description that is being written; its types are numbered from 1, or from where its base ends.
pub(in crate::bpf) struct Building {
    first_id: u32,
    count: u32,
    types: Vec<u8>,
    first_text: u32,
    strings: Vec<u8>,
}

/// A member: its name, its type, the bit it begins at, and of a bit field how wide it is.
pub(in crate::bpf) type Part<'a> = (&'a str, u32, u32, u32);

impl Building {
    /// One that stands alone.
    pub(in crate::bpf) fn new() -> Self {
        Self { first_id: 1, count: 0, types: Vec::new(), first_text: 0, strings: vec![0] }
    }

    /// One that goes on where `base` ends.
    pub(in crate::bpf) fn on(base: &Self) -> Self {
        let first_text = base.first_text + u32::try_from(base.strings.len()).expect("a small text");
        let first_id = base.first_id + base.count;
        Self { first_id, count: 0, types: Vec::new(), first_text, strings: Vec::new() }
    }

    /// A type of any kind: its name, kind, bit 31 of its info, the number of what follows, size or type, what follows.
    pub(in crate::bpf) fn any(&mut self, name: &str, info: [u32; 3], size_or_type: u32, rest: &[u32]) -> u32 {
        let [kind, flag, count] = info;
        let name = self.text(name);
        for word in [name, flag << 31 | kind << 24 | count, size_or_type].iter().chain(rest) {
            self.types.extend(word.to_le_bytes());
        }
        self.count += 1;
        self.first_id + self.count - 1
    }

    /// An integer of so many bytes.
    pub(in crate::bpf) fn int(&mut self, name: &str, bytes: u32, sign: u32) -> u32 {
        self.any(name, [kind::INT, 0, 0], bytes, &[sign | (bytes * 8)])
    }

    /// A pointer, a typedef, const and the like: what merely refers to `to`.
    pub(in crate::bpf) fn refer(&mut self, kind: u32, name: &str, to: u32) -> u32 {
        self.any(name, [kind, 0, 0], to, &[])
    }

    /// So many of a type.
    pub(in crate::bpf) fn array(&mut self, of: u32, count: u32) -> u32 {
        self.any("", [kind::ARRAY, 0, 0], 0, &[of, 0, count])
    }

    /// A structure or union; where a member is a bit field, each tells its width.
    pub(in crate::bpf) fn compound(&mut self, kind: u32, name: &str, bytes: u32, parts: &[Part<'_>]) -> u32 {
        let flag = u32::from(parts.iter().any(|part| part.3 > 0));
        let mut rest = Vec::new();
        for &(name, of, bit, width) in parts {
            rest.extend([self.text(name), of, if flag == 1 { width << 24 | bit } else { bit }]);
        }
        self.any(name, [kind, flag, u32::try_from(parts.len()).expect("few parts")], bytes, &rest)
    }

    /// Its bytes.
    pub(in crate::bpf) fn bytes(&self) -> Vec<u8> {
        let lengths =
            [&self.types, &self.strings].map(|part| u32::try_from(part.len()).expect("a small part"));
        let mut bytes = MAGIC.to_le_bytes().to_vec();
        bytes.extend([1, 0]);
        for word in [24, 0, lengths[0], lengths[0], lengths[1]] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&self.types);
        bytes.extend(&self.strings);
        bytes
    }

    /// Where a text stands among the strings; the empty one is the first of all.
    pub(in crate::bpf) fn text(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let at = self.first_text + u32::try_from(self.strings.len()).expect("a small text");
        self.strings.extend(text.as_bytes());
        self.strings.push(0);
        at
    }
}
