//! What is read of small descriptions whose every byte is known.

use std::time::{Duration, Instant};

use super::{
    building::{Building, SIGNED},
    *,
};

/// A place, of which only the beginning and the size matter.
fn at(bit_offset: u32, bytes: u32) -> Option<Place> {
    Some(Place { bit_offset, bytes, ..Place::default() })
}

#[test]
fn a_member_is_found_in_structures_without_a_name() {
    let mut building = Building::new();
    let word = building.int("unsigned int", 4, 0);
    let pair = building.compound(kind::STRUCT, "", 8, &[("first", word, 0, 0), ("second", word, 32, 0)]);
    let either = building.compound(kind::UNION, "", 8, &[("whole", word, 0, 0), ("", pair, 0, 0)]);
    let outer = building.compound(
        kind::STRUCT,
        "outer",
        24,
        &[("head", word, 0, 0), ("", either, 64, 0), ("inner", pair, 128, 0)],
    );
    let bytes = building.bytes();
    let btf = Btf::read(&bytes).unwrap();
    assert_eq!(btf.place(outer, "head"), at(0, 4));
    assert_eq!(btf.place(outer, "whole"), at(64, 4), "of the union");
    assert_eq!(btf.place(outer, "second"), at(96, 4), "of the structure in the union");
    assert_eq!(btf.place(outer, "inner.second"), at(160, 4), "of the one with a name");
    assert_eq!(btf.place(outer, "inner"), at(128, 8), "all of it");
    for path in ["third", "inner.head", "head.second", "", "inner.", "inner.second.", ".head"] {
        assert_eq!(btf.place(outer, path), None, "{path}");
    }
}

#[test]
fn an_element_stands_behind_those_before_it() {
    let mut building = Building::new();
    let short = building.int("short", 2, SIGNED);
    let pair = building.compound(kind::STRUCT, "pair", 4, &[("low", short, 0, 0), ("high", short, 16, 0)]);
    let name = building.refer(kind::TYPEDEF, "pair_t", pair);
    let pairs = building.array(name, 3);
    let open = building.array(pair, 0);
    let table = building.array(pairs, 2);
    let outer = building.compound(
        kind::STRUCT,
        "outer",
        48,
        &[("pairs", pairs, 32, 0), ("table", table, 128, 0), ("open", open, 320, 0)],
    );
    let bytes = building.bytes();
    let btf = Btf::read(&bytes).unwrap();
    let high = Place { is_signed: true, ..at(32 + 2 * 32 + 16, 2).unwrap() };
    assert_eq!(btf.place(outer, "pairs[2].high"), Some(high));
    assert_eq!(btf.place(outer, "pairs"), at(32, 12));
    assert_eq!(btf.place(outer, "table[1]"), at(128 + 96, 12), "an array of arrays");
    assert_eq!(btf.place(outer, "open"), at(320, 0), "of which nobody knows the length");
    assert_eq!(btf.place(outer, "open[1]"), at(352, 4));
    for path in
        ["pairs[", "pairs[]", "pairs[x]", "pairs[-1]", "pairs[2]high", "pairs.low", "pairs[200000000]"]
    {
        assert_eq!(btf.place(outer, path), None, "{path}");
    }
}

#[test]
fn bit_fields_are_told_apart_from_plain_members() {
    let mut building = Building::new();
    let byte = building.int("unsigned char", 1, 0);
    let word = building.int("int", 4, SIGNED);
    let fields = [("plain", word, 0, 0), ("low", byte, 32, 4), ("high", byte, 36, 3), ("wide", word, 64, 17)];
    let with = building.compound(kind::STRUCT, "with", 12, &fields);
    // Where no member has a width, all 32 bits are the place.
    let without = building.compound(kind::STRUCT, "without", 1 << 24, &[("far", word, 1 << 25, 0)]);
    let outer = building.compound(kind::STRUCT, "outer", 32, &[("", with, 128, 0)]);
    let bytes = building.bytes();
    let btf = Btf::read(&bytes).unwrap();
    let field = |bit_offset, width, bytes, is_signed| {
        Some(Place { bit_offset, bit_width: Some(width), bytes, is_signed })
    };
    assert_eq!(btf.place(with, "plain"), Some(Place { is_signed: true, ..at(0, 4).unwrap() }));
    assert_eq!(btf.place(with, "low"), field(32, 4, 1, false));
    assert_eq!(btf.place(with, "high"), field(36, 3, 1, false));
    assert_eq!(btf.place(with, "wide"), field(64, 17, 4, true));
    assert_eq!(btf.place(outer, "high"), field(128 + 36, 3, 1, false), "its width is its own");
    assert_eq!(btf.place(without, "far"), Some(Place { is_signed: true, ..at(1 << 25, 4).unwrap() }));
}

#[test]
fn names_are_looked_behind_and_a_ring_of_them_is_not_followed() {
    let mut building = Building::new();
    let word = building.int("unsigned int", 4, 0);
    let kinds = [kind::TYPEDEF, kind::CONST, kind::VOLATILE, kind::RESTRICT, kind::TYPE_TAG];
    let chain = kinds.iter().fold(word, |to, &kind| building.refer(kind, "name", to));
    let deepest = (5..31).fold(chain, |to, _| building.refer(kind::TYPEDEF, "name", to));
    let too_deep = building.refer(kind::TYPEDEF, "name", deepest);
    let pointer = building.refer(kind::PTR, "", chain);
    let ring = building.refer(kind::TYPEDEF, "ring", pointer + 2);
    building.refer(kind::CONST, "", ring);
    let own = building.refer(kind::TYPEDEF, "own", ring + 2);
    let parts =
        [("word", chain, 0, 0), ("pointer", pointer, 64, 0), ("ring", ring, 0, 0), ("own", own, 0, 0)];
    let outer = building.compound(kind::STRUCT, "outer", 16, &parts);
    let bytes = building.bytes();
    let btf = Btf::read(&bytes).unwrap();
    assert_eq!(btf.behind_names(deepest), Some(word));
    assert_eq!(btf.place(outer, "word"), at(0, 4));
    assert_eq!(btf.size(pointer), Some(8));
    assert_eq!(btf.place(outer, "pointer"), at(64, 8));
    for id in [too_deep, ring, own] {
        assert_eq!((btf.behind_names(id), btf.size(id)), (None, None), "{id}");
    }
    assert_eq!(btf.place(outer, "ring"), None);
}

#[test]
fn types_are_found_by_kind_and_whole_name() {
    let mut building = Building::new();
    let word = building.int("sock", 4, 0);
    let first = building.compound(kind::STRUCT, "sock", 4, &[("word", word, 0, 0)]);
    building.compound(kind::STRUCT, "sock_common", 4, &[]);
    let second = building.compound(kind::STRUCT, "sock", 8, &[]);
    let union = building.compound(kind::UNION, "sock", 8, &[]);
    let function = building.refer(kind::FUNC, "bpf_iter_tcp", 0);
    let bytes = building.bytes();
    let btf = Btf::read(&bytes).unwrap();
    let wanted = [
        (kind::STRUCT, "sock"),
        (kind::UNION, "sock"),
        (kind::FUNC, "bpf_iter_tcp"),
        (kind::STRUCT, "soc"),
        (kind::STRUCT, ""),
    ];
    let expected = [vec![first, second], vec![union], vec![function], vec![], vec![]];
    assert_eq!(btf.find(&wanted), expected);
    assert!(btf.get(0).is_none() && btf.get(function + 1).is_none() && btf.get(u32::MAX).is_none());
}

/// All kinds have their own length: a type behind each is found only where each was passed over rightly.
#[test]
fn every_kind_is_passed_over() {
    let mut building = Building::new();
    let word = building.int("int", 4, SIGNED);
    let mut last = 0;
    for (kind, count, words) in [
        (kind::ARRAY, 0, 3),
        (kind::ENUM, 2, 4),
        (7, 0, 0),
        (kind::FUNC_PROTO, 3, 6),
        (kind::VAR, 0, 1),
        (kind::DATASEC, 2, 6),
        (16, 0, 0),
        (kind::DECL_TAG, 0, 1),
        (kind::ENUM64, 2, 6),
    ] {
        building.any("odd", [kind, 0, count], word, &vec![0; words]);
        last = building.compound(kind::STRUCT, "behind", kind, &[]);
    }
    let bytes = building.bytes();
    let btf = Btf::read(&bytes).unwrap();
    let behind = &btf.find(&[(kind::STRUCT, "behind")])[0];
    let sizes: Vec<_> = behind.iter().map(|&id| btf.size(id).unwrap()).collect();
    assert_eq!(sizes, [3, 6, 7, 13, 14, 15, 16, 17, 19]);
    assert_eq!(behind.last(), Some(&last));
    building.any("new", [20, 0, 0], 0, &[]);
    assert!(Btf::read(&building.bytes()).is_none(), "of an unknown kind nobody knows the length");
}

#[test]
fn a_module_goes_on_from_its_kernel() {
    let mut kernel = Building::new();
    let word = kernel.int("unsigned int", 4, 0);
    let sock = kernel.compound(kind::STRUCT, "sock", 4, &[("word", word, 0, 0)]);
    let mut module = Building::on(&kernel);
    let vsock = module.compound(kind::STRUCT, "vsock_sock", 12, &[("sk", sock, 32, 0), ("own", word, 64, 0)]);
    let (kernel_bytes, module_bytes) = (kernel.bytes(), module.bytes());
    let kernel = Btf::read(&kernel_bytes).unwrap();
    let module = Btf::read_on(Some(&kernel), &module_bytes).unwrap();
    assert_eq!(vsock, sock + 1, "numbers count on");
    assert_eq!(module.find(&[(kind::STRUCT, "vsock_sock"), (kind::STRUCT, "sock")]), [vec![vsock], vec![]]);
    assert_eq!(module.get(vsock).unwrap().name, "vsock_sock");
    assert_eq!(module.place(vsock, "sk.word"), at(32, 4), "through a type of the kernel");
    assert_eq!(module.place(vsock, "own"), at(64, 4));
    assert!(kernel.get(vsock).is_none() && module.get(vsock + 1).is_none());
    let alone = Btf::read(&module_bytes).unwrap();
    assert_eq!(alone.place(1, "sk.word"), None, "it means nothing by itself");
}

#[test]
fn the_values_of_an_enumeration_have_names() {
    let mut building = Building::new();
    let [first, last] = ["PORT_FIRST", "PORT_LAST"].map(|name| building.text(name));
    let small = building.any("wanted", [kind::ENUM, 0, 2], 4, &[first, 1, last, 2]);
    let large = building.any("wanted", [kind::ENUM64, 0, 2], 8, &[first, 1, 0, last, 2, 0]);
    let bytes = building.bytes();
    let btf = Btf::read(&bytes).unwrap();
    for id in [small, large] {
        let of = btf.get(id).unwrap();
        assert_eq!(btf.value_name(&of, 1), Some("PORT_LAST"));
        assert_eq!((btf.value_name(&of, 2), btf.value_name(&of, usize::MAX)), (None, None));
    }
    assert_eq!(btf.find(&[(kind::ENUM, "wanted")]), [[small]]);
    assert_eq!(
        ["PORT_FIRST", "PORT_LAST", "PORT"].map(|name| btf.value(small, name)),
        [Some(1), Some(2), None]
    );
    assert_eq!(btf.value(large, "PORT_FIRST"), None, "of 64 bits");
}

/// Whatever length it is cut at, and whatever byte is another, it is read as far as it goes or not at all.
#[test]
fn a_damaged_description_is_read_as_far_as_it_goes() {
    let mut building = Building::new();
    let word = building.int("unsigned int", 4, 0);
    let words = building.array(word, 5);
    let inner = building.compound(kind::UNION, "", 4, &[("bits", word, 3, 5), ("word", word, 0, 0)]);
    building.compound(kind::STRUCT, "outer", 24, &[("words", words, 0, 0), ("", inner, 160, 0)]);
    let whole = building.bytes();
    let look = |bytes: &[u8]| {
        let btf = Btf::read(bytes)?;
        for id in 0..8 {
            for path in ["words[4]", "bits", "word"] {
                let _ = (btf.place(id, path), btf.size(id), btf.get(id));
            }
        }
        Some(btf.find(&[(kind::STRUCT, "outer")]))
    };
    assert_eq!(look(&whole), Some(vec![vec![4]]));
    for length in 0..whole.len() {
        assert_eq!(look(&whole[..length]), None, "{length} bytes of {}", whole.len());
    }
    for place in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = whole.clone();
            damaged[place] = value;
            let _ = look(&damaged);
        }
    }
}

/// Structures without a name that lie in each other have more ways through them than anybody has time for.
#[test]
fn a_structure_in_itself_is_not_gone_through_for_ever() {
    let mut building = Building::new();
    let own = building.compound(kind::STRUCT, "", 8, &[("", 1, 0, 0), ("", 1, 0, 0), ("", 1, 0, 0)]);
    let outer = building.compound(kind::STRUCT, "outer", 8, &[("", own, 0, 0)]);
    let row = building.array(4, 2);
    building.array(row, 2);
    let bytes = building.bytes();
    let btf = Btf::read(&bytes).unwrap();
    let start = Instant::now();
    assert_eq!(btf.place(outer, "nowhere"), None);
    assert_eq!(btf.size(row), None, "an array of itself has no size");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_name_without_an_end_is_none() {
    let mut building = Building::new();
    let long = "x".repeat(NAME_BYTES_MAX);
    let (longest, longer) = (building.text(&long[1..]), building.text(&long));
    let mut bytes = building.bytes();
    assert_eq!(Btf::read(&bytes).unwrap().text(longest), Some(&long[1..]));
    assert_eq!(Btf::read(&bytes).unwrap().text(longer), None);
    let last = bytes.len() - 1;
    bytes[last] = b'x';
    assert_eq!(Btf::read(&bytes).unwrap().text(longer + 500), None, "the strings end before it does");
}
