//! Executables made of a head, one section and its name.

use std::{fs, io::Write as _, path::PathBuf};

use flate2::{Compression, write::ZlibEncoder};
use portreeve_core::build_info::{Module, Role};

use super::*;

/// A file of a test's own, gone with it.
struct Written(PathBuf);

impl Written {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("portreeve-build-{name}-{}", std::process::id()));
        fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn read(&self) -> Option<BuildInfo> {
        read(&File::open(&self.0).unwrap())
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// One of 64 bits: its head, the section, the names, and the table of both (elf(5)).
fn executable(name: &str, content: &[u8]) -> Vec<u8> {
    let names = [b"\0", name.as_bytes(), b"\0"].concat();
    let places = [64, 64 + content.len(), 64 + content.len() + names.len()];
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    for (at, number) in [(40, places[2]), (58, 64), (60, 2), (62, 1)] {
        bytes[at..at + 2].copy_from_slice(&u16::try_from(number).unwrap().to_le_bytes());
    }
    bytes.extend([content, &names].concat());
    for (name, offset, size) in [(1, places[0], content.len()), (0, places[1], names.len())] {
        let mut entry = [0; 64];
        entry[0] = name;
        entry[4] = 1;
        entry[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
        entry[32..40].copy_from_slice(&(size as u64).to_le_bytes());
        bytes.extend(entry);
    }
    bytes
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_program_of_go_tells_its_modules() {
    let modules = [&[b'<'; 16][..], b"mod\texample.org/a\tv1.2.3\n", &[b'>'; 16]].concat();
    let head = [b"\xff Go buildinf:\x08\x02", &[0; 16][..], b"\x06go1.22"].concat();
    let section = [&head[..], &[u8::try_from(modules.len()).unwrap()], &modules].concat();
    let written = Written::new("go", &executable(go::SECTION, &section));
    let Some(BuildInfo::Go(build)) = written.read() else { panic!("nothing was found") };
    assert_eq!(build.toolchain, "go1.22");
    assert_eq!(build.main, Some(Module { path: "example.org/a".into(), version: "v1.2.3".into() }));
}

#[test]
fn a_program_of_rust_tells_its_crates() {
    let json = br#"{"packages":[{"name":"time","version":"0.3.5","source":"crates.io"}]}"#;
    let written = Written::new("rust", &executable(rust::SECTION, &deflated(json)));
    let Some(BuildInfo::Rust(build)) = written.read() else { panic!("nothing was found") };
    assert_eq!((&*build.dependencies[0].name, build.dependencies[0].role), ("time", Role::Runtime));
}

#[test]
fn what_would_fill_the_memory_is_not_inflated_to_its_end() {
    let json = [&br#"{"packages":[],"x":""#[..], &vec![b' '; 17 << 20], br#""}"#].concat();
    assert!(rust(&json).is_some());
    let section = deflated(&json);
    assert!(section.len() < 64 << 10, "{}", section.len());
    assert_eq!(Written::new("bomb", &executable(rust::SECTION, &section)).read(), None);
}

#[test]
fn what_carries_nothing_tells_nothing() {
    assert_eq!(Written::new("no-zlib", &executable(rust::SECTION, b"not compressed")).read(), None);
    assert_eq!(Written::new("script", b"#!/bin/sh\n").read(), None);
    assert_eq!(read(&File::open("/proc/self/exe").unwrap()), None);
    assert_eq!(read(&File::open("/").unwrap()), None);
    assert_eq!(read(&File::open("/dev/zero").unwrap()), None);
}
