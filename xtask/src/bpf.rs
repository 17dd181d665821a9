//! `cargo xtask bpf`: compiles the programs that run in the kernel; what it writes is committed, so that others need no
//! compiler for them.

mod relocations;

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget};
use portreeve_host::bpf::{
    digest,
    object::{Hook, INSTRUCTION_BYTES},
};

use self::relocations::Relocations;
use crate::shell::{self, Result, command, find_program, root, target};

/// Where the sources lie, and beside them what is made of them.
const FOLDER: &str = "crates/host/bpf";
/// What ends the names of those that programs include.
const SHARED: &str = ".h";
/// Debian 12's; another release of it writes other code, which would then be committed for nothing.
const COMPILER: &str = "clang-14";
/// 32-bit comparisons (v3) are in every kernel that has the iterators.
const OPTIONS: [&str; 8] = ["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Werror", "-fno-ident"];

/// Compiles each source.
pub(crate) fn run(_: &[String]) -> Result {
    for (program, package) in [(COMPILER, "clang-14"), ("/usr/include/bpf/bpf_helpers.h", "libbpf-dev")] {
        if find_program(program).is_none() && !Path::new(program).exists() {
            return Err(format!("{program} is missing; type: apt-get install {package}").into());
        }
    }
    sources()?.iter().try_for_each(|source| compile(source))
}

/// The C files, by path.
fn sources() -> Result<Vec<PathBuf>> {
    files(".bpf.c")
}

/// The files beside them whose names end so, by path.
fn files(end: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root().join(FOLDER))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(end) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn compile(source: &Path) -> Result {
    let compiled = target().join("bpf").join(source.file_name().unwrap_or_default()).with_extension("o");
    fs::create_dir_all(compiled.parent().unwrap_or(root()))?;
    let mut words: Vec<String> = vec![COMPILER.into()];
    words.extend(OPTIONS.map(String::from));
    // Debian keeps asm/types.h apart for each architecture.
    words.extend(["-I/usr/include/x86_64-linux-gnu".into(), "-I/usr/include/aarch64-linux-gnu".into()]);
    words.extend(["-c".into(), source.to_string_lossy().into(), "-o".into()]);
    words.push(compiled.to_string_lossy().into());
    shell::run(&mut command(&words))?;
    let (manifest, code) = taken_apart(&fs::read(&compiled)?, &source_digest(source)?)?;
    fs::write(source.with_extension("txt"), manifest)?;
    fs::write(source.with_extension("bin"), code)?;
    Ok(())
}

/// A digest of a source and of all that it may share with the others.
fn source_digest(source: &Path) -> Result<String> {
    let mut parts = files(SHARED)?.iter().map(fs::read).collect::<io::Result<Vec<_>>>()?;
    parts.push(fs::read(source)?);
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    Ok(format!("{:016x}", digest(&parts)))
}

/// The manifest and the code of a compiled file: its programs, one behind the other.
fn taken_apart(elf: &[u8], source: &str) -> Result<(String, Vec<u8>)> {
    let file = object::File::parse(elf)?;
    let section = |name: &str| -> Result<Vec<u8>> {
        let found = file.section_by_name(name).ok_or_else(|| format!("no section {name}"))?;
        Ok(found.data()?.to_vec())
    };
    let (types, extension) = (section(".BTF")?, section(".BTF.ext")?);
    let relocations = Relocations::read(&types, &extension).ok_or("cannot read the relocations")?;
    let mut manifest = format!("source {source}\n");
    for line in relocations.maps() {
        writeln!(manifest, "{line}")?;
    }
    let mut code = Vec::new();
    for section in file.sections() {
        let hook = section.name()?;
        if Hook::of_section(hook).is_none() {
            continue;
        }
        let bytes = section.data()?;
        let name = relocations.function_of(hook).ok_or("a section without its one function")?;
        let count = bytes.len() / INSTRUCTION_BYTES;
        writeln!(manifest, "program {name} {hook} {count}")?;
        for line in relocations.lines(hook) {
            writeln!(manifest, "{}", line?)?;
        }
        for (at, relocation) in section.relocations() {
            let RelocationTarget::Symbol(symbol) = relocation.target() else {
                return Err(format!("{hook} refers to something without a name").into());
            };
            let map = file.symbol_by_index(symbol)?.name()?;
            writeln!(manifest, "uses {} {map}", usize::try_from(at)? / INSTRUCTION_BYTES)?;
        }
        code.extend(bytes);
    }
    Ok((manifest, code))
}

#[cfg(test)]
mod tests {
    use portreeve_host::bpf::object::Object;

    use super::*;

    #[test]
    fn what_is_committed_was_compiled_from_the_sources_that_are_committed() {
        let sources = sources().unwrap();
        assert!(!sources.is_empty());
        for source in sources {
            let manifest = fs::read_to_string(source.with_extension("txt")).unwrap();
            let code = fs::read(source.with_extension("bin")).unwrap();
            let object = Object::read(&manifest, &code).unwrap();
            let now = source_digest(&source).unwrap();
            assert_eq!(object.source, now, "{} is stale; type: cargo xtask bpf", source.display());
        }
    }
}
