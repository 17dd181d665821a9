//! Where the kernel's structures have what is read of them: the same places as another reader of its types finds (A12).

use std::{collections::HashMap, fs};

use super::{
    kernel::{boot, run},
    room::Room,
};

/// Prints the kernel's types, and those of a module that is looked into too where it is one.
const DUMP: &str = "bpftool btf dump file /sys/kernel/btf/vmlinux; ! test -e /sys/kernel/btf/vsock || \
                    bpftool -B /sys/kernel/btf/vmlinux btf dump file /sys/kernel/btf/vsock";
/// What portreeve fits in, line by line.
const MANIFEST: &str = include_str!("../../../host/bpf/sight.bpf.txt");
/// What stands for a thing that the kernel has not.
const NONE: u32 = u32::MAX;

/// A type as `bpftool btf dump file … format raw` prints it.
#[derive(Debug)]
struct Type<'a> {
    kind: &'a str,
    name: &'a str,
    fields: HashMap<&'a str, u64>,
    members: Vec<(&'a str, HashMap<&'a str, u64>)>,
}

/// The types of a kernel by number, and its structures by name; a module's follow its kernel's.
struct Types<'a> {
    all: HashMap<u64, Type<'a>>,
    structures: HashMap<&'a str, Vec<u64>>,
}

/// Where a member is: its first bit, and of a bit field its width.
type Place = (u64, Option<u64>);

impl<'a> Types<'a> {
    /// Reads lines such as `[3777] STRUCT 'sock_common' size=136 vlen=25` and, for each member, one that begins with a tab:
    /// `'skc_reuse' type_id=14 bits_offset=152 bitfield_size=4`.
    fn read(text: &'a str) -> Self {
        let (mut all, mut structures) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        let mut last = 0;
        for line in text.lines() {
            let mut parts = line.splitn(3, '\'');
            let (before, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let fields = parts.next().unwrap_or_default().split_whitespace();
            let fields = fields
                .filter_map(|field| field.split_once('='))
                .filter_map(|(key, value)| Some((key, value.parse().ok()?)));
            let fields: HashMap<_, _> = fields.collect();
            if let Some((id, kind)) = before.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
                last = id.parse().unwrap_or_else(|_| panic!("not a type: {line}"));
                let kind = kind.trim();
                all.insert(last, Type { kind, name, fields, members: Vec::new() });
                if kind == "STRUCT" {
                    structures.entry(name).or_default().push(last);
                }
            } else if let Some(of) = all.get_mut(&last) {
                of.members.push((name, fields));
            }
        }
        Self { all, structures }
    }

    /// The structures of this name.
    fn structures(&self, name: &str) -> &[u64] {
        self.structures.get(name).map_or(&[], Vec::as_slice)
    }

    /// The type behind typedef, const and the like.
    fn behind(&self, id: u64) -> Option<(u64, &Type<'a>)> {
        let of = self.all.get(&id)?;
        match of.kind {
            "TYPEDEF" | "CONST" | "VOLATILE" | "RESTRICT" | "TYPE_TAG" => self.behind(of.fields["type_id"]),
            _ => Some((id, of)),
        }
    }

    fn bytes(&self, id: u64) -> Option<u64> {
        let (_, of) = self.behind(id)?;
        match of.kind {
            "PTR" => Some(8),
            "ARRAY" => Some(of.fields["nr_elems"] * self.bytes(of.fields["type_id"])?),
            _ => of.fields.get("size").copied(),
        }
    }

    /// Where `path` leads from a structure, and the type that stands there.
    fn place(&self, id: u64, path: &str) -> Option<(Place, u64)> {
        let (step, rest) = path.split_once('.').map_or((path, None), |(step, rest)| (step, Some(rest)));
        let (name, element) =
            step.split_once('[').map_or((step, None), |(name, element)| (name, Some(element)));
        let ((mut bit, width), mut of) = self.member(id, name)?;
        if let Some(element) = element {
            let (_, array) = self.behind(of)?;
            of = array.fields["type_id"];
            bit += 8 * self.bytes(of)? * element.trim_end_matches(']').parse::<u64>().ok()?;
        }
        let Some(rest) = rest else { return Some(((bit, width), of)) };
        let ((further, width), of) = self.place(self.behind(of)?.0, rest)?;
        Some(((bit + further, width), of))
    }

    fn member(&self, id: u64, name: &str) -> Option<(Place, u64)> {
        let (_, of) = self.behind(id)?;
        for (own, fields) in &of.members {
            let (Some(&bit), Some(&kind)) = (fields.get("bits_offset"), fields.get("type_id")) else {
                continue;
            };
            if *own == name {
                return Some(((bit, fields.get("bitfield_size").copied()), kind));
            }
            if *own == "(anon)"
                && let Some(((further, width), kind)) = self.member(kind, name)
            {
                return Some(((bit + further, width), kind));
            }
        }
        None
    }
}

/// Holds each number of the file `kept` that portreeve wrote against `types`; how many places were compared.
///
/// # Panics
///
/// Where one is another.
#[track_caller]
fn compare(kept: &[u8], types: &Types<'_>) -> usize {
    let head = kept.iter().position(|&byte| byte == b'\n').expect("it begins with a line") + 1;
    let mut numbers = kept[head..kept.len() - 8]
        .chunks_exact(4)
        .map(|four| u32::from_le_bytes(four.try_into().expect("four of four")));
    let mut next = || numbers.next().expect("the file has a number for each thing of the manifest");
    let mut compared = 0;
    for line in MANIFEST.lines().skip(1) {
        let words: Vec<_> = line.split(' ').collect();
        if words[0] == "program" {
            let iterator = words[2].strip_prefix("iter/").expect("all of them are iterators");
            let name = format!("bpf_iter_{}", iterator.split('/').next().unwrap_or_default());
            let attach = u64::from(next());
            let function = &types.all[&attach];
            assert_eq!((function.kind, function.name), ("FUNC", name.as_str()), "{line}");
            continue;
        }
        let (number, bytes) = (next(), next());
        let root = words[2].split("___").next().unwrap_or_default();
        let told = (bytes != NONE).then_some(u64::from(number));
        assert_eq!(told, expected(types, words[0], root, words.get(3).copied(), u64::from(bytes)), "{line}");
        compared += 1;
    }
    assert_eq!(numbers.next(), None, "nothing is left over");
    compared
}

/// What the compiler's own documents ask for here (Documentation/bpf/llvm_reloc.rst).
fn expected(types: &Types<'_>, fact: &str, root: &str, path: Option<&str>, bytes: u64) -> Option<u64> {
    let place = || types.structures(root).iter().find_map(|&id| types.place(id, path?));
    match fact {
        "wanted" => None,
        "type-exists" => Some(u64::from(!types.structures(root).is_empty())),
        "type-size" => types.structures(root).iter().find_map(|&id| types.bytes(id)),
        "exists" => Some(u64::from(place().is_some())),
        _ => {
            let ((bit, width), of) = place()?;
            let size = types.bytes(of)?;
            // None of the bit fields that are read lies across two of its type.
            let first = width.map_or(bit / 8, |_| bit / 8 / size * size);
            let last = bit + width.unwrap_or(size * 8);
            assert!(last <= (first + size) * 8, "{root} {path:?} lies across");
            assert!(fact != "offset" || bytes == size, "{root} {path:?}: {bytes} bytes of {size}");
            Some(match fact {
                "offset" => first,
                "bytes" => size,
                "left-shift" => 64 - (last - first * 8),
                "right-shift" => 64 - (last - bit),
                // None that is read may be negative.
                "signed" => 0,
                _ => panic!("{fact} is nothing that this test knows"),
            })
        }
    }
}

/// All places, in the kernel of this machine (A12).
#[test]
fn bpftool_finds_the_same_places() {
    let room = Room::create();
    room.run("portreeve ls >/dev/null");
    let kept =
        fs::read(room.file("/run/portreeve/kernel-types-sight")).expect("the first look keeps what it found");
    let text = room.run(DUMP).stdout;
    assert!(compare(&kept, &Types::read(&text)) > 200);
    let named = [
        "sock_common skc_num",
        "sock sk_uid.val",
        "sock sk_userlocks",
        "sock sk_cgrp_data.cgroup",
        "task_struct thread_pid",
        "task_struct start_boottime",
        "pid numbers",
        "inode i_ino",
    ];
    for named in named {
        assert!(MANIFEST.contains(&format!(" {named}\n")), "{named} is among them");
    }
}

/// The same in the oldest kernel (A12).
#[test]
fn bpftool_finds_the_same_places_in_the_oldest_kernel() {
    let guest = boot();
    run(&guest, "modprobe vsock; portreeve ls >/dev/null");
    let kept = run(&guest, "od -An -v -tu1 /run/portreeve/kernel-types-sight").stdout;
    let kept: Vec<u8> = kept.split_whitespace().map(|byte| byte.parse().expect("od prints bytes")).collect();
    let text = run(&guest, DUMP).stdout;
    assert!(compare(&kept, &Types::read(&text)) > 200);
}
