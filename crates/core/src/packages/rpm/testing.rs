//! Headers for tests, made by the description of the format.

use alloc::{format, string::String, vec::Vec};

use super::tag;

pub(super) const CHAR: u32 = 1;
pub(super) const INT32: u32 = 4;
pub(super) const STRING: u32 = 6;
pub(super) const ARRAY: u32 = 8;

/// A header in the making: the entries of its index, and the store.
#[derive(Default)]
pub(super) struct Making {
    pub(super) index: Vec<u8>,
    pub(super) store: Vec<u8>,
}

impl Making {
    pub(super) fn entry(mut self, tag: u32, kind: u32, offset: usize, count: usize) -> Self {
        let [offset, count] = [offset, count].map(|number| u32::try_from(number).unwrap());
        self.index.extend([tag, kind, offset, count].into_iter().flat_map(u32::to_be_bytes));
        self
    }

    pub(super) fn with(self, tag: u32, kind: u32, count: usize, bytes: &[u8]) -> Self {
        let offset = self.store.len();
        let mut with = self.entry(tag, kind, offset, count);
        with.store.extend(bytes);
        with
    }

    pub(super) fn string(self, tag: u32, text: &str) -> Self {
        self.with(tag, STRING, 1, format!("{text}\0").as_bytes())
    }

    pub(super) fn strings(self, tag: u32, texts: &[&str]) -> Self {
        let bytes: String = texts.iter().map(|text| format!("{text}\0")).collect();
        self.with(tag, ARRAY, texts.len(), bytes.as_bytes())
    }

    pub(super) fn numbers(self, tag: u32, numbers: &[u32]) -> Self {
        let bytes: Vec<u8> = numbers.iter().copied().flat_map(u32::to_be_bytes).collect();
        self.with(tag, INT32, numbers.len(), &bytes)
    }

    pub(super) fn blob(&self) -> Vec<u8> {
        let sizes = [self.index.len() / 16, self.store.len()].map(|number| u32::try_from(number).unwrap());
        let sizes = sizes.into_iter().flat_map(u32::to_be_bytes);
        sizes.chain(self.index.iter().copied()).chain(self.store.iter().copied()).collect()
    }
}

/// The region that rpm seals comes first, as it does in every header (docs/manual/format_header.md, "Regions").
pub(super) fn named() -> Making {
    Making::default()
        .with(63, 7, 16, &[0; 16])
        .string(tag::NAME, "openssl-libs")
        .string(tag::VERSION, "3.0.7")
        .string(tag::RELEASE, "24.el9")
        .string(tag::ARCHITECTURE, "x86_64")
}

pub(super) fn with_files() -> Making {
    named()
        .numbers(tag::EPOCH, &[1])
        .string(tag::SOURCE_RPM, "openssl-3.0.7-24.el9.src.rpm")
        .numbers(tag::DIRECTORY_INDEXES, &[1, 0, 0])
        .strings(tag::BASE_NAMES, &["openssl.cnf", "libssl.so.3", "libcrypto.so.3"])
        .strings(tag::DIRECTORY_NAMES, &["/usr/lib64/", "/etc/pki/tls/"])
}
