//! What was looked up of the running kernel, kept from one run to the next: looking it up takes longer than a whole look.
//!
//! A file that anybody else could have written, that is of another kernel or of other programs, or that is damaged, is
//! taken for none. Nothing in it is trusted with more than a place in a structure: the kernel checks each program anew.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    iter,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use rustix::process::geteuid;

use super::{
    btf::Btf,
    digest,
    fit::{Value, look_up},
    object::{Object, Program},
};
use crate::{keep::read_own, pins::RUN};

/// How this kernel describes its own types.
pub const KERNEL_TYPES: &str = "/sys/kernel/btf/vmlinux";
/// Modules that describe types of their own, which some kernels have built in.
const MODULES: [&str; 1] = ["/sys/kernel/btf/vsock"];
/// Notes of the linker, among them a number for this very build (elf(5), NT_GNU_BUILD_ID).
const KERNEL_NOTES: &str = "/sys/kernel/notes";

/// Only root may load programs on nearly every host, and only root's runs are kept.
const FOLDER: &str = RUN;
/// The beginning of a file's name; that of the programs follows.
const FILE: &str = "kernel-types";
const LAYOUT: &str = "portreeve kernel types 1";
/// Two numbers a relocation; far above what there is.
const FILE_BYTES_MAX: u64 = 1024 * 1024;
/// Stands for what the kernel has not.
const NONE: u32 = u32::MAX;

/// What a program needs to know of this kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The type of what runs it; `None` where the kernel has no such thing, or needs no type for it.
    pub attach: Option<u32>,
    /// The number of each relocation.
    pub values: Vec<Option<Value>>,
}

/// What the kernel's description of itself is missing for.
#[derive(Debug, thiserror::Error)]
pub enum KnownError {
    /// The kernel does not describe its types (`CONFIG_DEBUG_INFO_BTF`).
    #[error("cannot read {KERNEL_TYPES}")]
    NoTypes(#[source] io::Error),
    /// What describes them cannot be understood.
    #[error("cannot understand {KERNEL_TYPES}")]
    StrangeTypes,
}

/// What each program of `object`, kept under `name`, needs to know, from the last run or from the kernel.
///
/// # Errors
///
/// Where the kernel does not describe itself.
pub fn of(name: &str, object: &Object<'_>) -> Result<Vec<Known>, KnownError> {
    let Some(head) = head(object.source) else { return looked_up(object) };
    let path = Path::new(FOLDER).join(format!("{FILE}-{name}"));
    if let Some(known) = read_own(&path, FILE_BYTES_MAX).and_then(|bytes| read(&bytes, &head, object)) {
        return Ok(known);
    }
    let known = looked_up(object)?;
    if geteuid().is_root() {
        // What cannot be kept is looked up again next time.
        let _ = keep(&path, &write(&known, &head));
    }
    Ok(known)
}

/// The first line: of which layout, kernel, modules and programs the rest is; `None` where one kernel cannot be told
/// from another, whose places would then be read from this one.
fn head(source: &str) -> Option<String> {
    let kernel = digest(&[&fs::read(KERNEL_NOTES).ok().filter(|notes| !notes.is_empty())?]);
    let modules: String =
        MODULES.map(|path| if fs::exists(path).unwrap_or(false) { '+' } else { '-' }).iter().collect();
    Some(format!("{LAYOUT} {kernel:016x}{modules} {source}\n"))
}

fn looked_up(object: &Object<'_>) -> Result<Vec<Known>, KnownError> {
    let bytes = fs::read(KERNEL_TYPES).map_err(KnownError::NoTypes)?;
    let kernel = Btf::read(&bytes).ok_or(KnownError::StrangeTypes)?;
    let modules = MODULES.map(|path| fs::read(path).unwrap_or_default());
    let modules: Vec<_> = modules.iter().filter_map(|bytes| Btf::read_on(Some(&kernel), bytes)).collect();
    let parts: Vec<&Btf<'_>> = iter::once(&kernel).chain(&modules).collect();
    let known = |program: &Program<'_>| {
        let hook = program.hook.r#type();
        let attach = hook.and_then(|(kind, name)| kernel.find(&[(kind, &name)])[0].first().copied());
        Known { attach, values: look_up(program, &parts) }
    };
    Ok(object.programs.iter().map(known).collect())
}

/// Puts the whole file in place at once.
fn keep(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o755).create(FOLDER)?;
    let new = path.with_extension(std::process::id().to_string());
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// The head, two numbers for each thing, and a digest of all that.
fn write(known: &[Known], head: &str) -> Vec<u8> {
    let mut bytes = head.as_bytes().to_vec();
    for Known { attach, values } in known {
        bytes.extend(attach.unwrap_or(NONE).to_le_bytes());
        for value in values {
            let Value { number, bytes: size } = value.unwrap_or(Value { number: NONE, bytes: NONE });
            bytes.extend(number.to_le_bytes());
            bytes.extend(size.to_le_bytes());
        }
    }
    let seal = digest(&[&bytes]);
    bytes.extend(seal.to_le_bytes());
    bytes
}

/// Understands such a file; `None` where it is damaged, or of another `head` or object.
#[must_use]
pub fn read(bytes: &[u8], head: &str, object: &Object<'_>) -> Option<Vec<Known>> {
    let (sealed, seal) = bytes.split_last_chunk()?;
    if digest(&[sealed]) != u64::from_le_bytes(*seal) {
        return None;
    }
    let mut numbers = sealed.strip_prefix(head.as_bytes())?.chunks_exact(4);
    let mut next = || Some(u32::from_le_bytes(*numbers.next()?.first_chunk()?));
    let mut known = Vec::new();
    for program in &object.programs {
        let attach = Some(next()?).filter(|&id| id != NONE);
        let mut values = Vec::new();
        for _ in &program.relocations {
            let value = Value { number: next()?, bytes: next()? };
            values.push(Some(value).filter(|value| value.bytes != NONE));
        }
        known.push(Known { attach, values });
    }
    next().is_none().then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str =
        "source ab\nprogram files iter/task_file 1\noffset 0 sock sk_uid.val\noffset 0 sock gone\n";

    fn known() -> Vec<Known> {
        let values = vec![Some(Value { number: 8, bytes: 4 }), None];
        vec![Known { attach: Some(77), values }]
    }

    #[test]
    fn what_is_kept_comes_back_and_nothing_else_does() {
        let object = Object::read(MANIFEST, &[0; 8]).unwrap();
        let bytes = write(&known(), "head ab\n");
        assert_eq!(read(&bytes, "head ab\n", &object), Some(known()));
        assert_eq!(read(&bytes, "head cd\n", &object), None, "of another kernel");
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            assert_eq!(read(&damaged, "head ab\n", &object), None, "byte {place}");
            assert_eq!(read(&bytes[..place], "head ab\n", &object), None, "{place} bytes");
        }
    }

    #[test]
    fn a_file_that_others_may_write_is_none() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = std::env::temp_dir().join(format!("portreeve-known-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let file = folder.join("file");
        fs::write(&file, "content").unwrap();
        let told = |folder_mode, file_mode| {
            set(&folder, folder_mode);
            set(&file, file_mode);
            read_own(&file, FILE_BYTES_MAX)
        };
        assert_eq!(told(0o755, 0o600), Some(b"content".to_vec()));
        assert_eq!(told(0o755, 0o620), None);
        assert_eq!(told(0o777, 0o600), None);
        set(&folder, 0o755);
        std::os::unix::fs::symlink(&file, folder.join("link")).unwrap();
        assert_eq!(read_own(&folder.join("link"), FILE_BYTES_MAX), None);
        assert_eq!(read_own(&folder, FILE_BYTES_MAX), None, "a folder is no file");
        let pipe = std::process::Command::new("mkfifo").arg(folder.join("pipe")).status().unwrap();
        assert!(pipe.success());
        assert_eq!(read_own(&folder.join("pipe"), FILE_BYTES_MAX), None, "and nobody waits for a pipe");
        fs::remove_dir_all(&folder).unwrap();
    }
}
