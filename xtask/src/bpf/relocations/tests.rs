//! What is read of a small compiled file whose every byte is known (Documentation/bpf/btf.rst).

use super::*;

/// Numbers as the file has them.
fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// Where `text` stands among the strings.
fn at(text: &str) -> u32 {
    let place = STRINGS.find(&format!("\0{text}\0")).unwrap_or_else(|| panic!("{text} is there"));
    u32::try_from(place + 1).unwrap()
}

const STRINGS: &str = "\0int\0sock\0state\0inner\0list\0wanted\0PORT_FIRST\0PORT_LAST\0files\0iter/task_file\0\
                       iter/tcp\x000:0\x000:1:0\x000:2:1:0\x000:1\x001:0\x000:9\x000:x\x001\x000\0sock_t\0\
                       reason\0NO_SOCKET\0";
const FILES: &str = "iter/task_file";

/// int; struct { int inner; }; int[4]; struct sock { int state; <the structure without a name>; struct list[4] };
/// typedef sock_t; enum wanted { PORT_FIRST, PORT_LAST }; the function `files`; enum reason { NO_SOCKET = 9 }.
fn types() -> Vec<u8> {
    let types = [
        words(&[at("int"), 1 << 24, 4, 32]),
        words(&[0, 4 << 24 | 1, 4, at("inner"), 1, 0]),
        words(&[0, 3 << 24, 0, 2, 1, 4]),
        words(&[at("sock"), 4 << 24 | 3, 24, at("state"), 1, 0, 0, 2, 32, at("list"), 3, 64]),
        words(&[at("sock_t"), 8 << 24, 4]),
        words(&[at("wanted"), 6 << 24 | 2, 4, at("PORT_FIRST"), 1, at("PORT_LAST"), 2]),
        words(&[at("files"), 12 << 24, 0]),
        words(&[at("reason"), 6 << 24 | 1, 4, at("NO_SOCKET"), 9]),
    ]
    .concat();
    let lengths = [types.len(), STRINGS.len()].map(|length| u32::try_from(length).unwrap());
    let header = words(&[0x1_eb9f, 24, 0, lengths[0], lengths[0], lengths[1]]);
    [header, types, STRINGS.as_bytes().to_vec()].concat()
}

/// One section with one function, and these relocations: instruction, type, access, kind.
fn extension(relocations: &[[u32; 4]]) -> Vec<u8> {
    let functions = words(&[8, at(FILES), 1, 0, 7]);
    let count = u32::try_from(relocations.len()).unwrap();
    let relocations = [words(&[16, at(FILES), count]), words(relocations.as_flattened())].concat();
    let lengths = [functions.len(), relocations.len()].map(|length| u32::try_from(length).unwrap());
    let header = words(&[0x1_eb9f, 32, 0, lengths[0], 0, 0, lengths[0], lengths[1]]);
    [header, functions, relocations].concat()
}

/// The lines for these relocations.
fn lines(relocations: &[[u32; 4]]) -> Vec<Result<String, String>> {
    let (types, extension) = (types(), extension(relocations));
    Relocations::read(&types, &extension).unwrap().lines(FILES).collect()
}

#[test]
fn each_kind_of_relocation_is_a_line() {
    let relocations = [
        [0, 4, at("0:0"), 0],
        [8, 4, at("0:0"), 1],
        [16, 4, at("0:0"), 2],
        [24, 4, at("0:0"), 3],
        [32, 4, at("0:0"), 4],
        [40, 4, at("0:0"), 5],
        [48, 5, at("0:1:0"), 0],
        [56, 4, at("0:2:1:0"), 0],
        [64, 4, at("0"), 8],
        [72, 5, at("0"), 9],
        [80, 6, at("1"), 11],
        [88, 8, at("0"), 11],
    ];
    let expected = [
        "offset 0 sock state",
        "bytes 1 sock state",
        "exists 2 sock state",
        "signed 3 sock state",
        "left-shift 4 sock state",
        "right-shift 5 sock state",
        "offset 6 sock inner",
        "offset 7 sock list[1].inner",
        "type-exists 8 sock",
        "type-size 9 sock",
        "wanted 10 PORT_LAST",
        "value 11 reason NO_SOCKET",
    ];
    assert_eq!(lines(&relocations), expected.map(|line| Ok(line.to_owned())));
}

#[test]
fn what_cannot_be_said_by_name_is_refused() {
    let refused = [
        ("of a part without a name", [0, 4, at("0:1"), 0]),
        ("of a structure by itself", [0, 4, at("0"), 0]),
        ("of the second structure of an array", [0, 4, at("1:0"), 0]),
        ("of a member that is not there", [0, 4, at("0:9"), 0]),
        ("of no number", [0, 4, at("0:x"), 0]),
        ("of a type's own number", [0, 4, at("0"), 6]),
        ("of a value of what is no enumeration", [0, 4, at("1"), 11]),
        ("of a value that is not there", [0, 8, at("1"), 11]),
        ("of a kind that is not known", [0, 4, at("0:0"), 99]),
        ("of a type that is not there", [0, 99, at("0:0"), 0]),
    ];
    for (what, relocation) in refused {
        assert!(matches!(lines(&[relocation])[..], [Err(_)]), "{what}");
    }
}

#[test]
fn a_section_has_its_own_function_and_its_own_lines() {
    let (types, extension) = (types(), extension(&[[0, 4, at("0:0"), 0]]));
    let relocations = Relocations::read(&types, &extension).unwrap();
    assert_eq!(relocations.function_of(FILES), Some("files"));
    assert_eq!(relocations.function_of("iter/tcp"), None);
    assert_eq!(relocations.lines("iter/tcp").count(), 0);
}

#[test]
fn a_file_that_stops_short_is_refused() {
    let (types, extension) = (types(), extension(&[[0, 4, at("0:0"), 0], [8, 4, at("0:0"), 0]]));
    for length in 0..extension.len() {
        assert!(Relocations::read(&types, &extension[..length]).is_none(), "{length} bytes");
    }
    for length in 0..types.len() {
        let short = Relocations::read(&types[..length], &extension);
        assert!(short.is_none_or(|short| short.lines(FILES).all(|line| line.is_err())), "{length} bytes");
    }
    for place in 0..extension.len() {
        let mut damaged = extension.clone();
        damaged[place] ^= 0xff;
        let _ = Relocations::read(&types, &damaged).map(|read| read.lines(FILES).count());
    }
}
