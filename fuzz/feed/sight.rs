//! Gives bytes to the readers of what the kernel says of itself, of what is kept of that, and of what its programs list.

use portreeve_host::{
    bpf::{
        btf::{Btf, kind},
        digest,
        fit::{fit, look_up},
        known,
        object::Object,
    },
    observe::sight::{RECORD_BYTES, Record},
};

const MANIFEST: &str = "source ab\nprogram files iter/task_file 3\noffset 0 sock __sk_common.skc_num\n\
                        left-shift 1 sock flags\ntype-size 2 sock\nprogram tcp iter/tcp 1\nwanted 0 PORT_FIRST\n";
const CODE: [u8; 32] = [0x61; 32];
const HEAD: &str = "head\n";

/// A description is told as far as it goes; code keeps its length, whatever is fitted in.
pub(crate) fn feed(bytes: &[u8]) {
    describe(bytes);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    if let Some(base) = Btf::read(first) {
        let _ = Btf::read_on(Some(&base), second).map(|btf| look(&btf, second));
    }
    let object = Object::read(MANIFEST, &CODE).expect("what we write, we read");
    assert!(known::read(bytes, HEAD, &object).is_none(), "nobody seals it by chance");
    let sealed = [HEAD.as_bytes(), bytes].concat();
    let sealed = [&sealed[..], &digest(&[&sealed]).to_le_bytes()].concat();
    for (program, known) in
        object.programs.iter().zip(known::read(&sealed, HEAD, &object).unwrap_or_default())
    {
        assert_eq!(known.values.len(), program.relocations.len());
        assert_eq!(fit(program, &known.values, |_| 443).len(), program.code.len());
    }
    let mut parts = bytes.splitn(2, |&byte| byte == 0);
    let manifest = parts.next().and_then(|manifest| std::str::from_utf8(manifest).ok()).unwrap_or_default();
    if let Some(object) = Object::read(manifest, parts.next().unwrap_or_default()) {
        let code: usize = object.programs.iter().map(|program| program.code.len()).sum();
        assert!(manifest.len() + code <= bytes.len());
    }
    let records: Vec<_> = bytes.chunks(RECORD_BYTES).filter_map(Record::read).collect();
    assert_eq!(records.len(), bytes.len() / RECORD_BYTES);
}

fn describe(bytes: &[u8]) {
    let Some(btf) = Btf::read(bytes) else { return };
    look(&btf, bytes);
    let _ = Btf::read_on(Some(&btf), bytes).map(|further| look(&further, bytes));
    let object = Object::read(MANIFEST, &CODE).expect("what we write, we read");
    for program in &object.programs {
        let values = look_up(program, &[&btf]);
        assert_eq!(fit(program, &values, |_| 443).len(), program.code.len());
    }
}

fn look(btf: &Btf<'_>, bytes: &[u8]) {
    let found = btf.find(&[(kind::STRUCT, "sock"), (kind::UNION, ""), (kind::FUNC, "bpf_iter_tcp")]);
    assert!(found.iter().map(Vec::len).sum::<usize>() <= bytes.len() / 12);
    for id in (0..16).chain(found.into_iter().flatten().take(16)) {
        let _ = (btf.size(id), btf.behind_names(id));
        for path in ["a", "flags", "__sk_common.skc_num", "a[3].b"] {
            let _ = btf.place(id, path);
        }
        let Some(of) = btf.get(id) else { continue };
        assert!(btf.members(&of).count() <= bytes.len() / 12);
        let _ = (btf.value_name(&of, 1), btf.element_type(&of));
    }
}
