//! Headers as rpm writes them, and as nobody does.

use alloc::{borrow::ToOwned, string::ToString, vec};

use super::{
    testing::{ARRAY, CHAR, INT32, Making, STRING, named, with_files},
    *,
};

fn wanted(paths: &[&str]) -> Paths {
    paths.iter().copied().map(String::from).collect()
}

fn read_of(making: &Making, path: &str) -> Result<Option<Installed>, BrokenHeader> {
    let read = read(&making.blob(), &wanted(&[path]))?;
    Ok(read.map(|(package, paths)| {
        assert_eq!(paths, [path]);
        package
    }))
}

fn found(making: &Making, path: &str) -> Option<Installed> {
    read_of(making, path).unwrap()
}

#[test]
fn a_package_is_told_with_its_source() {
    let package = found(&with_files(), "/usr/lib64/libssl.so.3").unwrap();
    let expected = Installed {
        name: "openssl-libs".into(),
        architecture: Some("x86_64".into()),
        version: "1:3.0.7-24.el9".into(),
        source: "openssl".into(),
        source_version: "1:3.0.7-24.el9".into(),
        held: false,
    };
    assert_eq!(package, expected);
}

#[test]
fn of_many_files_the_wanted_ones_are_named() {
    let paths = wanted(&[
        "/lib64/libcrypto.so.3",
        "/usr/lib64/libssl.so.3",
        "/etc/pki/tls/openssl.cnf",
        "/etc/libssl.so.3",
    ]);
    let (_, found) = read(&with_files().blob(), &paths).unwrap().unwrap();
    assert_eq!(found, ["/etc/pki/tls/openssl.cnf", "/lib64/libcrypto.so.3", "/usr/lib64/libssl.so.3"]);
    assert_eq!(read(&with_files().blob(), &wanted(&["/usr/lib64/other"])), Ok(None));
}

#[test]
fn without_an_epoch_a_version_has_none() {
    let making = named().strings(tag::OLD_FILE_NAMES, &["/bin/x"]);
    let package = found(&making, "/bin/x").unwrap();
    assert_eq!(package.version, "3.0.7-24.el9");
    assert_eq!((&*package.source, &*package.source_version), ("openssl-libs", "3.0.7-24.el9"));
    let zero = making.numbers(tag::EPOCH, &[0]);
    assert_eq!(found(&zero, "/bin/x").unwrap().version, "0:3.0.7-24.el9");
}

#[test]
fn a_source_of_another_version_is_not_given_the_epoch() {
    let making = with_files();
    let making = Making {
        index: making.index.clone(),
        store: replaced(&making.store, b"3.0.7-24.el9.src", b"9.0.7-24.el9.src"),
    };
    let package = found(&making, "/usr/lib64/libssl.so.3").unwrap();
    assert_eq!((&*package.version, &*package.source_version), ("1:3.0.7-24.el9", "9.0.7-24.el9"));
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    let mut replaced = bytes.to_owned();
    replaced[at..at + to.len()].copy_from_slice(to);
    replaced
}

#[test]
fn a_source_is_taken_apart_from_its_end() {
    assert_eq!(
        source("java-17-openjdk-17.0.9.0.9-2.el9.src.rpm"),
        Some(("java-17-openjdk", "17.0.9.0.9-2.el9"))
    );
    assert_eq!(source("kernel-5.14.0-427.el9.nosrc.rpm"), Some(("kernel", "5.14.0-427.el9")));
    for odd in ["", "(none)", "a.src.rpm", "a-1.src.rpm", "-1-2.src.rpm", "a-1-2.x86_64.rpm", ".src.rpm"] {
        assert_eq!(source(odd), None, "{odd}");
    }
}

#[test]
fn a_file_that_another_package_replaced_or_that_was_left_out_is_not_its() {
    for (state, is_its) in [(0, true), (1, false), (2, false), (3, true), (4, false), (255, true)] {
        let making = with_files().with(tag::FILE_STATES, CHAR, 3, &[0, state, 0]);
        assert_eq!(found(&making, "/usr/lib64/libssl.so.3").is_some(), is_its, "{state}");
        assert!(found(&making, "/etc/pki/tls/openssl.cnf").is_some());
    }
}

#[test]
fn paths_that_are_written_whole_are_found_too() {
    let making = named().strings(tag::OLD_FILE_NAMES, &["/usr/bin/a", "b", "/c"]);
    for path in ["/usr/bin/a", "/bin/a", "/c"] {
        assert!(found(&making, path).is_some(), "{path}");
    }
    assert_eq!(found(&making, "b"), None);
}

#[test]
fn a_header_of_another_size_than_it_says_is_broken() {
    let sound = with_files().blob();
    let longer = [&sound[..], b"\0"].concat();
    let many = [&0x1_0000_u32.to_be_bytes()[..], &[0; 4], &vec![0; 0x10_0000]].concat();
    let endless = [&[0; 4][..], &u32::MAX.to_be_bytes()].concat();
    for blob in [b"", &sound[..7], &sound[..40], &sound[..sound.len() - 1], &longer, &many, &endless] {
        assert_eq!(read(blob, &wanted(&["/x"])), Err(BrokenHeader::Size), "{} bytes", blob.len());
    }
}

#[test]
fn a_value_outside_of_the_store_or_of_another_kind_is_broken() {
    let path = "/usr/lib64/libssl.so.3";
    let whole = with_files();
    let end = whole.store.len();
    // Each takes the place of one of the entries, by the order in which they were made.
    let broken = |at: usize, tag: u32, kind: u32, offset: usize, count: usize| {
        let entry = Making::default().entry(tag, kind, offset, count).index;
        let mut index = whole.index.clone();
        index[at * 16..(at + 1) * 16].copy_from_slice(&entry);
        read_of(&Making { index, store: whole.store.clone() }, path)
    };
    for (at, tag, kind, offset, count) in [
        (1, tag::NAME, STRING, end + 1, 1),
        (1, tag::NAME, STRING, end, 1),
        (1, tag::NAME, INT32, 0, 1),
        (5, tag::EPOCH, INT32, end - 3, 1),
        (5, tag::EPOCH, STRING, 0, 1),
        (7, tag::DIRECTORY_INDEXES, INT32, 0, 2),
        (7, tag::DIRECTORY_INDEXES, INT32, end - 8, 3),
        (8, tag::BASE_NAMES, STRING, 0, 1),
        (8, tag::BASE_NAMES, ARRAY, end - 1, 3),
        (8, tag::BASE_NAMES, ARRAY, 0, 1 << 21),
        (9, tag::DIRECTORY_NAMES, INT32, 0, 1),
        (9, tag::DIRECTORY_NAMES, ARRAY, end - 1, 2),
    ] {
        assert_eq!(
            broken(at, tag, kind, offset, count),
            Err(BrokenHeader::Value(tag)),
            "{tag} {kind} {offset}"
        );
    }
    let idle = named().strings(tag::BASE_NAMES, &["x"]).strings(tag::DIRECTORY_NAMES, &["/", "/bin/"]);
    assert_eq!(read_of(&idle, "/x"), Err(BrokenHeader::Value(tag::DIRECTORY_NAMES)));
    let without_folders = named().numbers(tag::DIRECTORY_INDEXES, &[0]).strings(tag::BASE_NAMES, &["x"]);
    assert_eq!(read_of(&without_folders, "/x"), Err(BrokenHeader::Value(tag::DIRECTORY_NAMES)));
}

#[test]
fn an_index_that_leads_to_no_folder_is_broken() {
    let making = named()
        .numbers(tag::DIRECTORY_INDEXES, &[7])
        .strings(tag::BASE_NAMES, &["x"])
        .strings(tag::DIRECTORY_NAMES, &["/usr/bin/"]);
    assert_eq!(read_of(&making, "/usr/bin/x"), Err(BrokenHeader::Value(tag::DIRECTORY_INDEXES)));
}

#[test]
fn a_package_without_a_name_or_a_version_is_broken_where_it_is_asked_for() {
    let files = |making: Making| making.strings(tag::OLD_FILE_NAMES, &["/bin/x"]);
    let nameless = files(Making::default().string(tag::VERSION, "1").string(tag::RELEASE, "1"));
    let empty =
        files(Making::default().string(tag::NAME, "").string(tag::VERSION, "1").string(tag::RELEASE, "1"));
    let bare = files(Making::default().string(tag::NAME, "a").string(tag::VERSION, "1"));
    for making in [nameless, empty, bare] {
        assert_eq!(read_of(&making, "/bin/x"), Err(BrokenHeader::Nameless));
        assert_eq!(read_of(&making, "/bin/y"), Ok(None));
    }
}

#[test]
fn no_cut_and_no_broken_byte_makes_it_panic() {
    let sound = with_files().blob();
    let paths = wanted(&["/usr/lib64/libssl.so.3"]);
    for at in 0..sound.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut blob = sound.clone();
            blob[at] = value;
            let _ = read(&blob, &paths);
        }
        let _ = read(&sound[..at], &paths);
    }
}

#[test]
fn what_is_broken_is_said_by_its_tag() {
    assert_eq!(
        BrokenHeader::Value(1117).to_string(),
        "the header of a package has no sound value of tag 1117"
    );
}
