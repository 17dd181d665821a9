//! A compiled program as it lies beside its source: its instructions, and a manifest of what must be fitted in.
//!
//! `cargo xtask bpf` writes both. The manifest is text, a line each:
//!
//! ```text
//! source 5f0c…                              a digest of the sources that it was compiled from
//! map events 27 0 0 2097152 0              a map, its type, the bytes of its keys and values, their number, its flags
//! program files iter/task_file 279          a program, what runs it, its instructions
//! offset 12 sock_common skc_family          where in the 12th one the place of a member goes
//! value 20 skb_drop_reason NO_SOCKET        where the number of a name goes
//! wanted 40 PORT_FIRST                      where the reader's own number goes
//! uses 51 events                           where the descriptor of a map goes
//! ```

mod hook;

pub use hook::{Hook, Occasion};

/// Bytes of an instruction.
pub const INSTRUCTION_BYTES: usize = 8;

/// Everything that was compiled from one source.
#[derive(Debug)]
pub struct Object<'a> {
    /// A digest of the sources.
    pub source: &'a str,
    /// The maps that its programs share.
    pub maps: Vec<Map<'a>>,
    /// The programs, in the order of their code.
    pub programs: Vec<Program<'a>>,
}

/// Memory that programs share with whoever loads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Map<'a> {
    /// The name of its variable.
    pub name: &'a str,
    /// Its type (enum bpf_map_type, include/uapi/linux/bpf.h).
    pub kind: u32,
    /// The size of a key.
    pub key_bytes: u32,
    /// The size of a value.
    pub value_bytes: u32,
    /// How many values there may be; of a ring buffer, how many bytes.
    pub entries: u32,
    /// How it is made (BPF_F_NO_PREALLOC and others of that file).
    pub flags: u32,
}

/// One program.
#[derive(Debug)]
pub struct Program<'a> {
    /// The name of its function.
    pub name: &'a str,
    /// What runs it.
    pub hook: Hook<'a>,
    /// Its instructions before anything was fitted in.
    pub code: &'a [u8],
    /// What is to be fitted in.
    pub relocations: Vec<Relocation<'a>>,
}

/// A number that differs from kernel to kernel, or from reader to reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation<'a> {
    /// The instruction.
    pub at: usize,
    /// Which number.
    pub what: What<'a>,
}

/// The numbers that can be fitted in (enum bpf_core_relo_kind, include/uapi/linux/bpf.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What<'a> {
    /// Something about a member of a kernel structure.
    Member {
        /// The structure.
        root: &'a str,
        /// Names with dots between, as [`super::btf::Btf::place`] takes them.
        path: &'a str,
        /// What about it.
        fact: Fact,
    },
    /// Whether the kernel has a structure of this name.
    TypeExists(&'a str),
    /// How many bytes a structure takes.
    TypeSize(&'a str),
    /// What an enumeration of the kernel means by a name.
    Value {
        /// The enumeration.
        root: &'a str,
        /// The name.
        name: &'a str,
    },
    /// A number that the reader chooses.
    Wanted(&'a str),
    /// The descriptor of a map.
    Map(&'a str),
}

/// What a program may have to know of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Where it stands, in bytes.
    Offset,
    /// How many bytes must be read to have all of it.
    Bytes,
    /// Whether it is there.
    Exists,
    /// Whether it may be negative.
    Signed,
    /// By how much 64 bits are shifted left so that it stands at their head.
    LeftShift,
    /// By how much they are then shifted right so that it is alone.
    RightShift,
}

impl Fact {
    const ALL: [(&'static str, Self); 6] = [
        ("offset", Self::Offset),
        ("bytes", Self::Bytes),
        ("exists", Self::Exists),
        ("signed", Self::Signed),
        ("left-shift", Self::LeftShift),
        ("right-shift", Self::RightShift),
    ];

    /// The word of the manifest.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, fact)| *fact == self).map_or("", |(word, _)| word)
    }
}

impl<'a> Object<'a> {
    /// Understands a manifest and the code beside it; `None` where they are not of each other.
    #[must_use]
    pub fn read(manifest: &'a str, code: &'a [u8]) -> Option<Self> {
        let mut lines = manifest.lines();
        let source = lines.next()?.strip_prefix("source ")?;
        let mut object = Self { source, maps: Vec::new(), programs: Vec::new() };
        let mut rest = code;
        for line in lines {
            let (word, words) = line.split_once(' ')?;
            match word {
                "map" => object.maps.push(map(words)?),
                "program" => {
                    let (program, after) = program(words, rest)?;
                    object.programs.push(program);
                    rest = after;
                }
                _ => object.programs.last_mut()?.relocations.push(relocation(word, words)?),
            }
        }
        rest.is_empty().then_some(object)
    }

    /// The map of this name.
    #[must_use]
    pub fn map(&self, name: &str) -> Option<&Map<'a>> {
        self.maps.iter().find(|map| map.name == name)
    }

    /// The program of this name.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<&Program<'a>> {
        self.programs.iter().find(|program| program.name == name)
    }
}

fn map(words: &str) -> Option<Map<'_>> {
    let (name, numbers) = words.split_once(' ')?;
    let mut numbers = numbers.split(' ').map(|word| word.parse().ok());
    let mut next = || numbers.next().flatten();
    let [kind, key_bytes, value_bytes] = [next()?, next()?, next()?];
    Some(Map { name, kind, key_bytes, value_bytes, entries: next()?, flags: next()? })
}

fn program<'a>(words: &'a str, code: &'a [u8]) -> Option<(Program<'a>, &'a [u8])> {
    let mut words = words.split(' ');
    let (name, hook) = (words.next()?, Hook::of_section(words.next()?)?);
    let count: usize = words.next()?.parse().ok()?;
    let (code, after) = code.split_at_checked(count.checked_mul(INSTRUCTION_BYTES)?)?;
    Some((Program { name, hook, code, relocations: Vec::new() }, after))
}

fn relocation<'a>(word: &str, words: &'a str) -> Option<Relocation<'a>> {
    let (at, what) = words.split_once(' ')?;
    let fact = Fact::ALL.into_iter().find(|(name, _)| *name == word);
    let what = match (word, fact) {
        (_, Some((_, fact))) => {
            let (root, path) = what.split_once(' ')?;
            What::Member { root, path, fact }
        }
        ("type-exists", _) => What::TypeExists(what),
        ("type-size", _) => What::TypeSize(what),
        ("value", _) => {
            let (root, name) = what.split_once(' ')?;
            What::Value { root, name }
        }
        ("wanted", _) => What::Wanted(what),
        ("uses", _) => What::Map(what),
        _ => return None,
    };
    Some(Relocation { at: at.parse().ok()?, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_and_its_code_belong_together() {
        let manifest = "source ab\nmap lost 2 4 8 1 0\nprogram files iter/task_file 1\noffset 0 sock sk_uid.val\nprogram tcp iter/tcp 2\nwanted 1 PORT_FIRST\nuses 0 lost\n";
        let code = [0; 3 * INSTRUCTION_BYTES];
        let object = Object::read(manifest, &code).unwrap();
        assert_eq!(object.source, "ab");
        assert_eq!(object.program("tcp").unwrap().code.len(), 16);
        let member = What::Member { root: "sock", path: "sk_uid.val", fact: Fact::Offset };
        assert_eq!(object.programs[0].relocations, [Relocation { at: 0, what: member }]);
        let at = |at, what| Relocation { at, what };
        let last = [at(1, What::Wanted("PORT_FIRST")), at(0, What::Map("lost"))];
        assert_eq!(object.programs[1].relocations, last);
        assert_eq!(object.programs[0].hook, Hook::Iterator("task_file"));
        let value =
            Object::read("source ab\nprogram files iter/task_file 0\nvalue 3 reason NO_SOCKET\n", &[]);
        let named = What::Value { root: "reason", name: "NO_SOCKET" };
        assert_eq!(value.unwrap().programs[0].relocations, [at(3, named)]);
        let lost = Map { name: "lost", kind: 2, key_bytes: 4, value_bytes: 8, entries: 1, flags: 0 };
        assert_eq!(object.maps, [lost]);
        for broken in [&code[..16], &[0; 32]] {
            assert!(Object::read(manifest, broken).is_none(), "{} bytes", broken.len());
        }
        assert!(Object::read("source ab\noffset 0 sock sk_uid\n", &[]).is_none(), "no program before it");
        assert!(Object::read("program files iter/task_file 0\n", &[]).is_none(), "no source");
        assert!(Object::read("source ab\nprogram files kprobe/x 0\n", &[]).is_none(), "no such hook");
        assert!(Object::read("source ab\nmap lost 2 4\n", &[]).is_none(), "half a map");
    }
}
