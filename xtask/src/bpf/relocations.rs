//! What a compiler left open in a BPF program, by the names that its own types give (Documentation/bpf/btf.rst, ".BTF.ext").

#[cfg(test)]
mod tests;

use portreeve_host::bpf::{
    btf::{Btf, Type, kind},
    object::Fact,
};

/// The header of .BTF.ext up to the relocations' place.
const HEADER_BYTES: usize = 32;
const RELOCATION_BYTES: usize = 16;
const FUNCTION_BYTES: usize = 8;

/// The kinds of relocations (enum bpf_core_relo_kind) that portreeve fits in.
const TYPE_EXISTS: u32 = 8;
const TYPE_SIZE: u32 = 9;
const VALUE: u32 = 11;
/// Those about a member, in the order of their numbers.
const FACTS: [Fact; 6] =
    [Fact::Offset, Fact::Bytes, Fact::Exists, Fact::Signed, Fact::LeftShift, Fact::RightShift];

/// The enumeration whose values the reader chooses.
const WANTED: &str = "wanted";

/// The relocations of a compiled file.
pub(super) struct Relocations<'a> {
    types: Btf<'a>,
    functions: Vec<(&'a str, Entry)>,
    relocations: Vec<(&'a str, Entry)>,
}

/// The numbers of an entry; the first is where in the section, in bytes.
type Entry = [u32; 4];

impl<'a> Relocations<'a> {
    pub(super) fn read(types: &'a [u8], extension: &[u8]) -> Option<Self> {
        let types = Btf::read(types)?;
        let word = |at: usize| number(extension, at);
        let header = word(4)?;
        if usize::try_from(header).ok()? < HEADER_BYTES {
            return None;
        }
        let part = |at| {
            extension
                .get(usize::try_from(header + word(at)?).ok()?..)?
                .get(..usize::try_from(word(at + 4)?).ok()?)
        };
        let functions = entries(part(8)?, FUNCTION_BYTES, &types)?;
        let relocations = entries(part(24)?, RELOCATION_BYTES, &types)?;
        Some(Self { types, functions, relocations })
    }

    /// The function of a section that has one only.
    pub(super) fn function_of(&self, section: &str) -> Option<&'a str> {
        let mut functions = self.functions.iter().filter(|(of, _)| *of == section);
        let (_, [_, id, ..]) = functions.next().filter(|_| functions.next().is_none())?;
        Some(self.types.get(*id)?.name)
    }

    /// The lines of the manifest for the maps: the variables that are described as libbpf does it, a number being the
    /// length of an array that is pointed to (`__uint` in `bpf_helpers.h`).
    pub(super) fn maps(&self) -> Vec<String> {
        let types = (1..).map_while(|id| self.types.get(id));
        types.filter(|r#type| r#type.kind == kind::VAR).filter_map(|variable| self.map(variable)).collect()
    }

    fn map(&self, variable: Type<'a>) -> Option<String> {
        let described = self.types.get(self.types.behind_names(variable.size_or_type)?)?;
        let pointed = |name: &str| {
            let member = self.types.members(&described).find(|member| member.name == name)?;
            Some(self.types.get(self.types.behind_names(member.kind)?)?.size_or_type)
        };
        let number = |name: &str| self.types.element_count(&self.types.get(pointed(name)?)?);
        let size = |name: &str| pointed(name).and_then(|id| self.types.size(id)).unwrap_or(0);
        let kind = number("type")?;
        // What is kept beside sockets has no number of its own.
        let [entries, flags] = ["max_entries", "map_flags"].map(|name| number(name).unwrap_or(0));
        Some(format!("map {} {kind} {} {} {entries} {flags}", variable.name, size("key"), size("value")))
    }

    /// The lines of the manifest for a section, in order.
    pub(super) fn lines(&self, section: &str) -> impl Iterator<Item = Result<String, String>> {
        let of = self.relocations.iter().filter(move |(of, _)| *of == section);
        of.map(|(_, entry)| {
            self.line(entry).ok_or_else(|| format!("a relocation of a kind that is not known: {entry:?}"))
        })
    }

    fn line(&self, &[at, id, access, sort]: &Entry) -> Option<String> {
        let at = at / 8;
        let root = self.types.get(self.types.behind_names(id)?)?;
        let access = self.types.text(access)?;
        let name = root.name;
        match sort {
            TYPE_EXISTS => Some(format!("type-exists {at} {name}")),
            TYPE_SIZE => Some(format!("type-size {at} {name}")),
            VALUE if name == WANTED => {
                Some(format!("wanted {at} {}", self.types.value_name(&root, access.parse().ok()?)?))
            }
            VALUE if root.kind == kind::ENUM => {
                let value = self.types.value_name(&root, access.parse().ok()?)?;
                Some(format!("value {at} {name} {value}"))
            }
            sort => {
                let fact = FACTS.get(usize::try_from(sort).ok()?)?;
                Some(format!("{} {at} {name} {}", fact.word(), self.path(root, access)?))
            }
        }
    }

    /// `0:1:0` as names: the first number is the place in an array of the structure, and always 0 here.
    fn path(&self, root: Type<'a>, access: &str) -> Option<String> {
        let mut steps = access.split(':').map(|step| step.parse::<usize>().ok());
        if steps.next()?? != 0 {
            return None;
        }
        let mut path = String::new();
        let mut at = root;
        for step in steps {
            let step = step?;
            if at.kind == kind::ARRAY {
                path += &format!("[{step}]");
                at = self.types.get(self.types.behind_names(self.types.element_type(&at)?)?)?;
                continue;
            }
            let member = self.types.members(&at).nth(step)?;
            if !member.name.is_empty() {
                path += if path.is_empty() { "" } else { "." };
                path += member.name;
            }
            at = self.types.get(self.types.behind_names(member.kind)?)?;
        }
        // A structure by itself, or a part of it without a name, has no place that could be looked for.
        Some(path).filter(|path| !path.is_empty())
    }
}

/// Reads the entries of one part: their size, then for each section its name, their number and themselves. A file that leaves nothing
/// open has an empty one.
fn entries<'a>(part: &[u8], bytes_min: usize, types: &Btf<'a>) -> Option<Vec<(&'a str, Entry)>> {
    if part.is_empty() {
        return Some(Vec::new());
    }
    let each = usize::try_from(number(part, 0)?).ok().filter(|&each| each >= bytes_min)?;
    let mut entries = Vec::new();
    let mut at = 4;
    while at < part.len() {
        let section = types.text(number(part, at)?)?;
        let count = number(part, at + 4)?;
        at += 8;
        for _ in 0..count {
            let words = [0, 4, 8, 12]
                .map(|place| if place < each { number(part, at + place).unwrap_or(0) } else { 0 });
            part.get(at..at + each)?;
            entries.push((section, words));
            at += each;
        }
    }
    Some(entries)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
