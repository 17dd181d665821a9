//! Fits a compiled program to the kernel that runs: where its structures have what the program reads.
//!
//! The rules are those of the compiler that left the places open (Documentation/bpf/llvm_reloc.rst, "CO-RE Relocations").

#[cfg(test)]
mod tests;

use super::{
    btf::{Btf, Place, kind},
    object::{Fact, INSTRUCTION_BYTES, Program, What},
};

/// Stands for a call of no function: the kernel refuses a program in which it can be reached.
const UNREACHABLE: [u8; INSTRUCTION_BYTES] = [0x85, 0, 0, 0, 0x10, 0x23, 0xad, 0x0b];

/// Classes of instructions, the lowest three bits (Documentation/bpf/standardization/instruction-set.rst).
const LOAD_IMMEDIATE: u8 = 0x00;
const LOAD: u8 = 0x01;
const STORE_IMMEDIATE: u8 = 0x02;
const STORE: u8 = 0x03;
const ARITHMETIC: u8 = 0x04;
const ARITHMETIC_64: u8 = 0x07;
/// The first half of a load of 64 bits, and the bits of its second byte that tell what its number is: here the
/// descriptor of a map (BPF_PSEUDO_MAP_FD).
const LOAD_WIDE: u8 = 0x18;
const SOURCE_MASK: u8 = 0xf0;
const MAP_DESCRIPTOR: u8 = 0x10;
/// The bits of a load that tell how much it loads, by bytes.
const LOAD_SIZES: [(u32, u8); 4] = [(4, 0x00), (2, 0x08), (1, 0x10), (8, 0x18)];
const LOAD_SIZE_MASK: u8 = 0x18;
/// What one load can have, and a bit field lie in.
const WINDOW_BYTES_MAX: u32 = 8;

/// A number to fit in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// The number.
    pub number: u32,
    /// Of a place, how many bytes stand there; else 0.
    pub bytes: u32,
}

/// The number of each relocation of `program` in this kernel, or else in one of its modules; `None` where neither has
/// such a thing, and for what the reader chooses.
#[must_use]
pub fn look_up(program: &Program<'_>, kernel: &[&Btf<'_>]) -> Vec<Option<Value>> {
    let mut names: Vec<_> =
        program.relocations.iter().filter_map(|relocation| root(relocation.what)).collect();
    names.sort_unstable();
    names.dedup();
    let found: Vec<_> = kernel.iter().map(|&part| (part, part.find(&names))).collect();
    let types = |wanted: (u32, &str)| {
        let at = names.binary_search(&wanted).ok();
        let ids = found.iter().flat_map(move |(part, ids)| at.map(|at| (*part, &ids[at])));
        ids.flat_map(|(part, ids)| ids.iter().map(move |&id| (part, id))).collect::<Vec<_>>()
    };
    program.relocations.iter().map(|relocation| value(relocation.what, &types)).collect()
}

/// The type that it is about, by its kind and name.
fn root(what: What<'_>) -> Option<(u32, &str)> {
    match what {
        What::Member { root, .. } | What::TypeExists(root) | What::TypeSize(root) => Some(structure(root)),
        What::Value { root, .. } => Some((kind::ENUM, root)),
        What::Wanted(_) | What::Map(_) => None,
    }
}

/// A structure by the kernel's name: what a source writes behind three underscores tells its own versions of it apart.
fn structure(name: &str) -> (u32, &str) {
    (kind::STRUCT, name.split("___").next().unwrap_or(name))
}

fn value<'k>(what: What<'_>, types: &impl Fn((u32, &str)) -> Vec<(&'k Btf<'k>, u32)>) -> Option<Value> {
    let some = |number| Some(Value { number, bytes: 0 });
    match what {
        What::Member { root, path, fact } => {
            // Files of the kernel may differ about a structure that only one of them defines for all.
            let place = types(structure(root)).iter().find_map(|(part, id)| part.place(*id, path));
            match (fact, place) {
                (Fact::Exists, place) => some(u32::from(place.is_some())),
                (fact, Some(place)) => known(fact, place),
                (_, None) => None,
            }
        }
        What::TypeExists(root) => some(u32::from(!types(structure(root)).is_empty())),
        What::TypeSize(root) => some(types(structure(root)).iter().find_map(|(part, id)| part.size(*id))?),
        What::Value { root, name } => {
            some(types((kind::ENUM, root)).iter().find_map(|(part, id)| part.value(*id, name))?)
        }
        What::Wanted(_) | What::Map(_) => None,
    }
}

fn known(fact: Fact, place: Place) -> Option<Value> {
    let (start, bytes) = window(place)?;
    let bits = || place.bit_width.or_else(|| bytes.checked_mul(8));
    let number = match fact {
        Fact::Offset => return Some(Value { number: start, bytes }),
        Fact::Bytes => bytes,
        Fact::Exists => 1,
        Fact::Signed => u32::from(place.is_signed),
        Fact::LeftShift => 64u32.checked_sub(bits()?.checked_add(place.bit_offset - start * 8)?)?,
        Fact::RightShift => 64u32.checked_sub(bits()?)?,
    };
    Some(Value { number, bytes: 0 })
}

/// The first byte and the number of bytes that hold all of a member: of a bit field, aligned to its type.
fn window(place: Place) -> Option<(u32, u32)> {
    let Some(width) = place.bit_width else { return Some((place.bit_offset / 8, place.bytes)) };
    let end = u64::from(place.bit_offset) + u64::from(width);
    let mut bytes = place.bytes.max(1);
    while bytes <= WINDOW_BYTES_MAX {
        let start = place.bit_offset / 8 / bytes * bytes;
        if end <= u64::from(start + bytes) * 8 {
            return Some((start, bytes));
        }
        bytes *= 2;
    }
    None
}

/// The code of `program` with the numbers fitted in; `wanted` gives those that the reader chooses, the descriptors of maps
/// among them.
///
/// What the kernel has not becomes unreachable: a program that asks first whether it is there can still be loaded.
#[must_use]
pub fn fit(program: &Program<'_>, values: &[Option<Value>], wanted: impl Fn(&str) -> u32) -> Vec<u8> {
    let mut code = program.code.to_vec();
    for (relocation, value) in program.relocations.iter().zip(values) {
        let value = match relocation.what {
            What::Wanted(name) | What::Map(name) => Some(Value { number: wanted(name), bytes: 0 }),
            _ => *value,
        };
        let start = relocation.at.saturating_mul(INSTRUCTION_BYTES);
        if let Some(rest) = code.get_mut(start..) {
            patch(rest, value);
            if let (What::Map(_), [LOAD_WIDE, registers, ..]) = (relocation.what, rest) {
                *registers = *registers & !SOURCE_MASK | MAP_DESCRIPTOR;
            }
        }
    }
    code
}

/// Puts a number where the instruction at the head of `code` has one.
fn patch(code: &mut [u8], value: Option<Value>) {
    let Some(instruction) = code.first_chunk_mut::<INSTRUCTION_BYTES>() else { return };
    let class = instruction[0] & 0x07;
    let is_wide = instruction[0] == LOAD_WIDE;
    match value {
        None => *instruction = UNREACHABLE,
        Some(Value { number, bytes }) => match class {
            LOAD | STORE | STORE_IMMEDIATE => {
                let Ok(offset) = i16::try_from(number) else {
                    *instruction = UNREACHABLE;
                    return;
                };
                instruction[2..4].copy_from_slice(&offset.to_le_bytes());
                let size = LOAD_SIZES.into_iter().find(|(size, _)| *size == bytes);
                if let (LOAD, Some((_, bits))) = (class, size) {
                    instruction[0] = instruction[0] & !LOAD_SIZE_MASK | bits;
                }
            }
            ARITHMETIC | ARITHMETIC_64 | LOAD_IMMEDIATE => {
                instruction[4..8].copy_from_slice(&number.to_le_bytes());
            }
            _ => *instruction = UNREACHABLE,
        },
    }
    // The second half of a wide load is the upper half of its number, and no instruction of its own.
    if is_wide && let Some(second) = code.get_mut(INSTRUCTION_BYTES..2 * INSTRUCTION_BYTES) {
        let filler: [u8; INSTRUCTION_BYTES] = if value.is_some() { [0; 8] } else { UNREACHABLE };
        second.copy_from_slice(&filler);
    }
}
