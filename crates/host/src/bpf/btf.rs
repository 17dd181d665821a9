//! Reads how a kernel, or a compiled program, describes its types (Documentation/bpf/btf.rst).

#[cfg(test)]
pub(super) mod building;
#[cfg(test)]
mod tests;

const MAGIC: u16 = 0xeb9f;
const HEADER_BYTES: usize = 24;
const TYPE_BYTES: usize = 12;
/// A value of an enumeration of 32 bits.
const VALUE_BYTES: usize = 8;
/// Types of one description; a kernel has some 150,000.
const TYPES_MAX: usize = 2_000_000;
/// How deep a member may lie in structures without a name, and how many names a type may stand behind.
const DEPTH_MAX: u32 = 32;
/// How many members are gone through for one: of structures without a name that lie in each other, far fewer than
/// all the ways through them. The kernel's largest structures have a few hundred.
const MEMBERS_MAX: u32 = 10_000;
/// Longer names are none (include/linux/kallsyms.h, `KSYM_NAME_LEN`).
const NAME_BYTES_MAX: usize = 512;

/// The kinds of types that are told apart here; the numbers are BTF_KIND_….
pub mod kind {
    #![expect(missing_docs, reason = "the names are the format's own")]
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// A description of types.
#[derive(Debug)]
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type stands in `types`; type 0 is void and stands nowhere.
    places: Vec<usize>,
    /// What this description goes on from, as a module's does from the kernel's: numbers and strings count on.
    base: Option<&'a Btf<'a>>,
}

/// A type as its description has it.
#[derive(Clone, Copy, Debug)]
pub struct Type<'a> {
    /// Its name; empty where it has none.
    pub name: &'a str,
    /// One of [`kind`].
    pub kind: u32,
    /// Whether members tell the width of bit fields.
    has_bit_fields: bool,
    /// Bytes, or the type that is referred to, as the kind has it.
    pub size_or_type: u32,
    /// What follows the fixed part.
    rest: &'a [u8],
}

/// A member of a structure.
#[derive(Clone, Copy, Debug)]
pub struct Member<'a> {
    /// Its name; empty for a structure or union without one.
    pub name: &'a str,
    /// Its type.
    pub kind: u32,
    /// Where it begins, from the beginning of its structure.
    pub bit_offset: u32,
    /// How wide it is, of a bit field.
    pub bit_width: Option<u32>,
}

/// Where something stands in a structure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// From the beginning of the structure.
    pub bit_offset: u32,
    /// How wide it is, of a bit field.
    pub bit_width: Option<u32>,
    /// The size of its type.
    pub bytes: u32,
    /// Whether it may be negative.
    pub is_signed: bool,
}

impl<'a> Btf<'a> {
    /// Understands a description; `None` where it is none, or stops short.
    #[must_use]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        Self::read_on(None, bytes)
    }

    /// Understands a description that goes on from another, if from one at all.
    #[must_use]
    pub fn read_on(base: Option<&'a Self>, bytes: &'a [u8]) -> Option<Self> {
        if u16_at(bytes, 0)? != MAGIC {
            return None;
        }
        let header = usize::try_from(u32_at(bytes, 4)?).ok().filter(|&header| header >= HEADER_BYTES)?;
        let part = |place| section(bytes, header, u32_at(bytes, place)?, u32_at(bytes, place + 4)?);
        let places = if base.is_none() { vec![usize::MAX] } else { Vec::new() };
        let mut btf = Self { types: part(8)?, strings: part(16)?, places, base };
        let mut at = 0;
        while at < btf.types.len() {
            if btf.places.len() > TYPES_MAX {
                return None;
            }
            btf.places.push(at);
            at += TYPE_BYTES + rest_bytes(u32_at(btf.types, at + 4)?)?;
        }
        Some(btf)
    }

    /// The type with this number.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<Type<'a>> {
        let Some(own) = id.checked_sub(self.first_id()) else { return self.base?.get(id) };
        let at = *self.places.get(usize::try_from(own).ok()?)?;
        let info = u32_at(self.types, at.checked_add(4)?)?;
        Some(Type {
            name: self.text(u32_at(self.types, at)?)?,
            kind: kind_of(info),
            has_bit_fields: info >> 31 == 1,
            size_or_type: u32_at(self.types, at + 8)?,
            rest: self.types.get(at + TYPE_BYTES..)?.get(..rest_bytes(info)?)?,
        })
    }

    /// The numbers of the types of these kinds and names, in the order of the description: a name may stand for several,
    /// where files of the kernel differ about it.
    #[must_use]
    pub fn find(&self, wanted: &[(u32, &str)]) -> Vec<Vec<u32>> {
        let mut found = vec![Vec::new(); wanted.len()];
        for (id, &at) in (self.first_id()..).zip(&self.places).skip(usize::from(self.base.is_none())) {
            let Some((name, info)) = u32_at(self.types, at).zip(u32_at(self.types, at + 4)) else { continue };
            let kind = kind_of(info);
            if !matches!(kind, kind::STRUCT | kind::UNION | kind::TYPEDEF | kind::FUNC | kind::ENUM) {
                continue;
            }
            for (place, _) in
                wanted.iter().enumerate().filter(|(_, of)| of.0 == kind && self.is_called(name, of.1))
            {
                found[place].push(id);
            }
        }
        found
    }

    /// Where `path` leads from the structure `id`: names of members with dots between, `[2]` for an element.
    #[must_use]
    pub fn place(&self, id: u32, path: &str) -> Option<Place> {
        let mut place = Place::default();
        let mut id = id;
        for step in path.split('.') {
            let (name, element) = match step.strip_suffix(']').and_then(|step| step.split_once('[')) {
                Some((name, element)) => (name, Some(element.parse().ok()?)),
                None => (step, None),
            };
            let member = self.member(id, name, DEPTH_MAX, &mut { MEMBERS_MAX })?;
            place.bit_offset = place.bit_offset.checked_add(member.bit_offset)?;
            place.bit_width = member.bit_width;
            id = self.behind_names(member.kind)?;
            if let Some(element) = element {
                let (each, bytes) = self.element(id)?;
                id = each;
                place.bit_offset =
                    place.bit_offset.checked_add(bytes.checked_mul(8)?.checked_mul(element)?)?;
            }
        }
        place.bytes = self.bytes(id, DEPTH_MAX)?;
        let r#type = self.get(id)?;
        place.is_signed = r#type.kind == kind::INT && u32_at(r#type.rest, 0)? >> 24 & 1 == 1;
        Some(place)
    }

    /// The size of a type.
    #[must_use]
    pub fn size(&self, id: u32) -> Option<u32> {
        self.bytes(id, DEPTH_MAX)
    }

    /// The type itself, behind typedef, const and the like.
    #[must_use]
    pub fn behind_names(&self, mut id: u32) -> Option<u32> {
        for _ in 0..DEPTH_MAX {
            let found = self.get(id)?;
            match found.kind {
                kind::TYPEDEF | kind::VOLATILE | kind::CONST | kind::RESTRICT | kind::TYPE_TAG => {
                    id = found.size_or_type;
                }
                _ => return Some(id),
            }
        }
        None
    }

    /// The type of an array's elements.
    #[must_use]
    pub fn element_type(&self, array: &Type<'a>) -> Option<u32> {
        (array.kind == kind::ARRAY).then(|| u32_at(array.rest, 0)).flatten()
    }

    /// How many elements an array has.
    #[must_use]
    pub fn element_count(&self, array: &Type<'a>) -> Option<u32> {
        (array.kind == kind::ARRAY).then(|| u32_at(array.rest, 8)).flatten()
    }

    /// The type of an array's elements, and their size.
    fn element(&self, id: u32) -> Option<(u32, u32)> {
        let each = self.behind_names(self.element_type(&self.get(id)?)?)?;
        Some((each, self.bytes(each, DEPTH_MAX)?))
    }

    fn bytes(&self, id: u32, depth: u32) -> Option<u32> {
        let found = self.get(self.behind_names(id)?)?;
        match found.kind {
            kind::PTR => Some(8),
            kind::ARRAY => {
                let each = self.bytes(u32_at(found.rest, 0)?, depth.checked_sub(1)?)?;
                each.checked_mul(u32_at(found.rest, 8)?)
            }
            kind::INT | kind::STRUCT | kind::UNION | kind::ENUM | kind::ENUM64 => Some(found.size_or_type),
            _ => None,
        }
    }

    /// The member of a structure, also where it lies in one without a name; `left` members are gone through at most.
    fn member(&self, id: u32, name: &str, depth: u32, left: &mut u32) -> Option<Member<'a>> {
        let depth = depth.checked_sub(1)?;
        let found = self.get(self.behind_names(id)?)?;
        self.members(&found).find_map(|member| {
            *left = left.checked_sub(1)?;
            if member.name == name && !name.is_empty() {
                return Some(member);
            }
            let inner = (member.name.is_empty()).then(|| self.member(member.kind, name, depth, left))??;
            let bit_offset = inner.bit_offset.checked_add(member.bit_offset)?;
            Some(Member { bit_offset, ..inner })
        })
    }

    /// The members of a structure or union.
    pub fn members(&self, of: &Type<'a>) -> impl Iterator<Item = Member<'a>> {
        let is_structure = matches!(of.kind, kind::STRUCT | kind::UNION);
        let rest = if is_structure { of.rest } else { &[] };
        let has_bit_fields = of.has_bit_fields;
        rest.chunks_exact(TYPE_BYTES).map_while(move |bytes| {
            let offset = u32_at(bytes, 8)?;
            let (bit_offset, width) =
                if has_bit_fields { (offset & 0x00ff_ffff, offset >> 24) } else { (offset, 0) };
            Some(Member {
                name: self.text(u32_at(bytes, 0)?)?,
                kind: u32_at(bytes, 4)?,
                bit_offset,
                bit_width: (width != 0).then_some(width),
            })
        })
    }

    /// What an enumeration of 32 bits means by a name.
    #[must_use]
    pub fn value(&self, id: u32, name: &str) -> Option<u32> {
        let of = self.get(id).filter(|of| of.kind == kind::ENUM)?;
        let mut values = of.rest.chunks_exact(VALUE_BYTES);
        let named = values.find(|value| u32_at(value, 0).is_some_and(|at| self.is_called(at, name)))?;
        u32_at(named, 4)
    }

    /// The name of a value of an enumeration, by its place among them.
    #[must_use]
    pub fn value_name(&self, of: &Type<'a>, place: usize) -> Option<&'a str> {
        let each = if of.kind == kind::ENUM { VALUE_BYTES } else { TYPE_BYTES };
        self.text(u32_at(of.rest, place.checked_mul(each)?)?)
    }

    /// The string that begins at `offset`.
    #[must_use]
    pub fn text(&self, offset: u32) -> Option<&'a str> {
        let rest = self.string(offset)?;
        let end = rest.iter().take(NAME_BYTES_MAX).position(|&byte| byte == 0)?;
        std::str::from_utf8(&rest[..end]).ok()
    }

    fn is_called(&self, offset: u32, name: &str) -> bool {
        let rest = self.string(offset).and_then(|rest| rest.strip_prefix(name.as_bytes()));
        rest.is_some_and(|rest| rest.first() == Some(&0))
    }

    /// The strings from `offset` on.
    fn string(&self, offset: u32) -> Option<&'a [u8]> {
        let offset = usize::try_from(offset).ok()?;
        let before = self.base.map_or(0, |base| base.strings.len());
        let Some(own) = offset.checked_sub(before) else { return self.base?.strings.get(offset..) };
        self.strings.get(own..)
    }

    /// The number of the first type here; a base has no base of its own.
    fn first_id(&self) -> u32 {
        self.base.map_or(0, |base| u32::try_from(base.places.len()).unwrap_or(u32::MAX))
    }
}

const fn kind_of(info: u32) -> u32 {
    info >> 24 & 0x1f
}

const fn count_of(info: u32) -> usize {
    (info & 0xffff) as usize
}

/// How many bytes follow the fixed part of a type; a kind that is not known cannot be passed over.
const fn rest_bytes(info: u32) -> Option<usize> {
    let count = count_of(info);
    Some(match kind_of(info) {
        kind::INT | kind::VAR | kind::DECL_TAG => 4,
        kind::ARRAY => 12,
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => count * 12,
        kind::ENUM | kind::FUNC_PROTO => count * 8,
        kind::PTR | 7..=kind::FUNC | 16 | kind::TYPE_TAG => 0,
        _ => return None,
    })
}

fn section(bytes: &[u8], header: usize, offset: u32, length: u32) -> Option<&[u8]> {
    let start = header.checked_add(usize::try_from(offset).ok()?)?;
    bytes.get(start..)?.get(..usize::try_from(length).ok()?)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
