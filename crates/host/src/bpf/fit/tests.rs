//! Numbers reckoned by hand from the rules of Documentation/bpf/llvm_reloc.rst, and where each is put.

use super::{
    super::{
        btf::building::{Building, SIGNED},
        object::{Hook, Relocation},
    },
    *,
};

const FACTS: [Fact; 6] =
    [Fact::Offset, Fact::Bytes, Fact::Exists, Fact::Signed, Fact::LeftShift, Fact::RightShift];

/// A kernel with one structure of everything.
fn kernel() -> Vec<u8> {
    let mut building = Building::new();
    let byte = building.int("unsigned char", 1, 0);
    let word = building.int("int", 4, SIGNED);
    let long = building.int("long long unsigned int", 8, 0);
    let text = building.array(byte, 48);
    let parts = [
        ("state", byte, 144, 0),
        ("low", byte, 152, 4),
        ("high", byte, 156, 4),
        ("across", byte, 166, 4),
        ("signed", word, 192, 5),
        ("deep", word, 216, 5),
        ("inode", long, 256, 0),
        ("bytes", text, 320, 0),
        ("too_wide", long, 60, 9),
    ];
    building.compound(kind::STRUCT, "sock", 88, &parts);
    building.compound(kind::STRUCT, "far", 1 << 20, &[("far", word, 1 << 19, 0)]);
    building.bytes()
}

/// All facts about a member; of each only the number.
fn facts(path: &str) -> [Option<u32>; 6] {
    let bytes = kernel();
    let kernel = Btf::read(&bytes).unwrap();
    FACTS.map(|fact| {
        let relocations = vec![Relocation { at: 0, what: What::Member { root: "sock", path, fact } }];
        let program = Program { name: "files", hook: Hook::Iterator("task_file"), code: &[], relocations };
        look_up(&program, &[&kernel])[0].map(|value| value.number)
    })
}

/// Of a bit field: the aligned bytes that hold all of it, and the shifts that leave it alone in 64 bits.
#[test]
fn each_fact_is_what_the_compiler_would_have_written() {
    let some = |numbers: [u32; 6]| numbers.map(Some);
    assert_eq!(facts("state"), some([18, 1, 1, 0, 56, 56]));
    assert_eq!(facts("low"), some([19, 1, 1, 0, 60, 60]), "bits 0 to 3 of byte 19");
    assert_eq!(facts("high"), some([19, 1, 1, 0, 56, 60]), "bits 4 to 7 of byte 19");
    // Bits 6 to 9 from byte 20 on: two bytes from an even place, where they are bits 6 to 9 of 16.
    assert_eq!(facts("across"), some([20, 2, 1, 0, 64 - 10, 60]));
    assert_eq!(facts("signed"), some([24, 4, 1, 1, 59, 59]));
    assert_eq!(facts("deep"), some([24, 4, 1, 1, 64 - 29, 59]), "bits 24 to 28 of 32");
    assert_eq!(facts("inode"), some([32, 8, 1, 0, 0, 0]));
    let [offset, bytes, exists, signed, shifts @ ..] = facts("bytes");
    assert_eq!((offset, bytes, exists, signed), (Some(40), Some(48), Some(1), Some(0)));
    assert_eq!(shifts, [None, None], "64 bits do not hold it");
    assert_eq!(facts("too_wide"), [None, None, Some(1), None, None, None], "no load holds it");
    assert_eq!(facts("gone"), [None, None, Some(0), None, None, None]);
}

#[test]
fn no_place_is_too_strange_to_be_reckoned_with() {
    let numbers = [0, 1, 7, 8, 9, 63, 64, 65, u32::MAX / 8, u32::MAX - 7, u32::MAX];
    for bit_offset in numbers {
        for bytes in numbers {
            for bit_width in numbers.into_iter().map(Some).chain([None]) {
                for fact in FACTS {
                    let place = Place { bit_offset, bit_width, bytes, is_signed: true };
                    let number = known(fact, place).map(|value| value.number);
                    let is_shift = matches!(fact, Fact::LeftShift | Fact::RightShift);
                    assert!(
                        !is_shift || number.is_none_or(|by| by <= 64),
                        "{fact:?} of {place:?}: {number:?}"
                    );
                }
            }
        }
    }
}

/// Of two structures of a name the one that has the member; of two descriptions the first that has it.
#[test]
fn a_name_is_looked_for_wherever_it_may_be() {
    let mut kernel = Building::new();
    let word = kernel.int("unsigned int", 4, 0);
    kernel.compound(kind::STRUCT, "ring", 4, &[("old", word, 0, 0)]);
    kernel.compound(kind::STRUCT, "ring", 8, &[("new", word, 32, 0)]);
    let mut module = Building::on(&kernel);
    module.compound(kind::STRUCT, "ring", 16, &[("new", word, 64, 0), ("own", word, 96, 0)]);
    module.compound(kind::STRUCT, "vsock", 12, &[]);
    let (kernel, module) = (kernel.bytes(), module.bytes());
    let kernel = Btf::read(&kernel).unwrap();
    let module = Btf::read_on(Some(&kernel), &module).unwrap();
    let member = |path| What::Member { root: "ring___mine", path, fact: Fact::Offset };
    let whats = [
        (member("new"), Some(Value { number: 4, bytes: 4 })),
        (member("own"), Some(Value { number: 12, bytes: 4 })),
        (member("gone"), None),
        (What::TypeSize("ring"), Some(Value { number: 4, bytes: 0 })),
        (What::TypeSize("vsock"), Some(Value { number: 12, bytes: 0 })),
        (What::TypeSize("gone"), None),
        (What::TypeExists("vsock___old"), Some(Value { number: 1, bytes: 0 })),
        (What::TypeExists("gone"), Some(Value { number: 0, bytes: 0 })),
        (What::Wanted("PORT_FIRST"), None),
    ];
    let relocations = whats.iter().map(|(what, _)| Relocation { at: 0, what: *what }).collect();
    let program = Program { name: "files", hook: Hook::Iterator("task_file"), code: &[], relocations };
    let found = look_up(&program, &[&kernel, &module]);
    for ((what, expected), found) in whats.into_iter().zip(found) {
        assert_eq!(found, expected, "{what:?}");
    }
}

/// An instruction: code, both registers, offset, number.
fn instruction(code: u8, offset: i16, number: i32) -> Vec<u8> {
    [&[code, 0x21][..], &offset.to_le_bytes(), &number.to_le_bytes()].concat()
}

/// What becomes of instructions, whose first has a place for a number.
fn patched(code: &[Vec<u8>], value: Option<Value>) -> Vec<u8> {
    let mut code = code.concat();
    patch(&mut code, value);
    code
}

const NUMBER: Option<Value> = Some(Value { number: 0x1234, bytes: 4 });

#[test]
fn each_class_of_instruction_has_its_number_elsewhere() {
    // ldx of 4 bytes, stx and st: the offset. alu, alu64: the number.
    for code in [0x61, 0x63, 0x62] {
        assert_eq!(patched(&[instruction(code, 1, 9)], NUMBER), instruction(code, 0x1234, 9), "{code:#x}");
    }
    for code in [0xb4, 0xb7, 0x07] {
        assert_eq!(patched(&[instruction(code, 1, 9)], NUMBER), instruction(code, 1, 0x1234), "{code:#x}");
    }
    for code in [0x05, 0x85, 0x95, 0x16] {
        assert_eq!(patched(&[instruction(code, 1, 9)], NUMBER), UNREACHABLE, "{code:#x} has none");
    }
    let large = Some(Value { number: u32::MAX, bytes: 0 });
    assert_eq!(patched(&[instruction(0xb7, 0, 9)], large), instruction(0xb7, 0, -1));
    let next = instruction(0x95, 0, 0);
    assert_eq!(
        patched(&[instruction(0xb7, 0, 9), next.clone()], NUMBER)[8..],
        next,
        "the next is none of its"
    );
}

#[test]
fn a_load_takes_as_many_bytes_as_stand_there() {
    let load = |bytes| patched(&[instruction(0x61, 1, 0)], Some(Value { number: 8, bytes }));
    for (bytes, code) in [(1, 0x71), (2, 0x69), (4, 0x61), (8, 0x79)] {
        assert_eq!(load(bytes), instruction(code, 8, 0), "{bytes} bytes");
    }
    assert_eq!(load(48), instruction(0x61, 8, 0), "no load takes so many: as the compiler had it");
    let store = patched(&[instruction(0x63, 1, 0)], Some(Value { number: 8, bytes: 1 }));
    assert_eq!(store, instruction(0x63, 8, 0));
}

#[test]
fn an_offset_that_does_not_fit_is_unreachable() {
    let load = |number| patched(&[instruction(0x61, 1, 0)], Some(Value { number, bytes: 4 }));
    assert_eq!(load(0x7fff), instruction(0x61, i16::MAX, 0));
    assert_eq!(load(0x8000), UNREACHABLE, "it would be negative");
    assert_eq!(load(u32::MAX), UNREACHABLE);
}

#[test]
fn the_second_half_of_a_wide_load_goes_along() {
    let wide = [instruction(0x18, 0, 9), instruction(0, 0, 7), instruction(0x95, 0, 0)];
    let expected = [instruction(0x18, 0, 0x1234), vec![0; 8], instruction(0x95, 0, 0)];
    assert_eq!(patched(&wide, NUMBER), expected.concat());
    let expected = [UNREACHABLE.to_vec(), UNREACHABLE.to_vec(), instruction(0x95, 0, 0)];
    assert_eq!(patched(&wide, None), expected.concat());
    assert_eq!(patched(&wide[..1], NUMBER), instruction(0x18, 0, 0x1234), "the end of the code is no error");
}

#[test]
fn what_a_kernel_has_not_is_unreachable() {
    for code in [0x61, 0x63, 0xb7, 0x05] {
        assert_eq!(patched(&[instruction(code, 1, 9)], None), UNREACHABLE, "{code:#x}");
    }
    assert_eq!(patched(&[vec![0x61; 7]], None), [0x61; 7], "half an instruction is none");
}

#[test]
fn a_program_is_fitted_where_its_manifest_says() {
    let code = [instruction(0xb7, 0, 0), instruction(0x61, 0, 0), instruction(0x95, 0, 0)].concat();
    let relocations = vec![
        Relocation { at: 0, what: What::Wanted("PORT_LAST") },
        Relocation { at: 1, what: What::Member { root: "sock", path: "state", fact: Fact::Offset } },
        Relocation { at: 3, what: What::TypeExists("sock") },
        Relocation { at: usize::MAX, what: What::TypeExists("sock") },
    ];
    let program = Program { name: "files", hook: Hook::Iterator("task_file"), code: &code, relocations };
    let values = [NUMBER, Some(Value { number: 18, bytes: 1 }), NUMBER, None];
    let fitted = fit(&program, &values, |name| if name == "PORT_LAST" { 443 } else { 0 });
    let expected = [instruction(0xb7, 0, 443), instruction(0x71, 18, 0), instruction(0x95, 0, 0)];
    assert_eq!(fitted, expected.concat(), "nothing is put behind the end");
}
