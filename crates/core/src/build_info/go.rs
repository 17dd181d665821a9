//! What Go writes into its executables since 1.18 (Go, src/debug/buildinfo/buildinfo.go and src/runtime/debug/mod.go).

use alloc::{borrow::ToOwned, vec::Vec};

use super::{DEPENDENCIES_MAX, GoBuild, Module};

/// The section that it stands in.
pub const SECTION: &str = ".go.buildinfo";

const MAGIC: &[u8] = b"\xff Go buildinf:";
/// At multiples of how many bytes it may begin.
const ALIGNMENT: usize = 16;
/// Where the flags stand; one says that the two texts follow, as before 1.18 they did not.
const FLAGS_AT: usize = 15;
const INLINE: u8 = 2;
const HEAD_BYTES: usize = 32;
/// What stands before and behind the text of the modules, so that it can be found without a head.
const SENTINEL_BYTES: usize = 16;

/// Reads the content of that section; `None` where it is of an older Go, or no such thing.
#[must_use]
pub fn go(section: &[u8]) -> Option<GoBuild> {
    let mut places = section.chunks(ALIGNMENT).zip((0..).step_by(ALIGNMENT));
    let (_, begin) = places.find(|(piece, _)| piece.starts_with(MAGIC))?;
    let info = section.get(begin..)?;
    if info.get(FLAGS_AT)? & INLINE == 0 {
        return None;
    }
    let (toolchain, rest) = text(info.get(HEAD_BYTES..)?)?;
    let (modules, _) = text(rest)?;
    let toolchain = core::str::from_utf8(toolchain).ok()?.to_owned();
    let (main, dependencies) = modules_of(modules).map(read).unwrap_or_default();
    Some(GoBuild { toolchain, main, dependencies })
}

/// What stands between the two sentinels, behind a line that was ended.
fn modules_of(bytes: &[u8]) -> Option<&str> {
    let text = bytes.get(SENTINEL_BYTES..bytes.len().checked_sub(SENTINEL_BYTES)?)?;
    core::str::from_utf8(text).ok().filter(|text| text.ends_with('\n'))
}

/// The lines of the program's own module, and of those that went into it.
fn read(text: &str) -> (Option<Module>, Vec<Module>) {
    let (mut main, mut dependencies) = (None, Vec::new());
    let mut last = Last::None;
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (kind, path, version) = (fields.next(), fields.next(), fields.next().unwrap_or_default());
        let Some(path) = path else { continue };
        let module = Module { path: path.to_owned(), version: version.to_owned() };
        match (kind, last) {
            (Some("mod"), _) => (main, last) = (Some(module), Last::Main),
            (Some("dep"), _) if dependencies.len() < DEPENDENCIES_MAX => {
                dependencies.push(module);
                last = Last::Dependency;
            }
            (Some("dep"), _) => break,
            // What the line before names was replaced by this, and is not in the program.
            (Some("=>"), Last::Main) => main = Some(module),
            (Some("=>"), Last::Dependency) => {
                dependencies.pop();
                dependencies.push(module);
            }
            _ => {}
        }
    }
    (main, dependencies)
}

/// Of what the line before told.
#[derive(Clone, Copy)]
enum Last {
    None,
    Main,
    Dependency,
}

/// A text behind its length, and what follows.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = length(bytes)?;
    rest.split_at_checked(length)
}

/// A number of seven bits a byte, the lowest first (Go, encoding/binary, `Uvarint`).
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().position(|byte| byte & 0x80 == 0)?;
    let (number, rest) = bytes.split_at_checked(end.checked_add(1)?)?;
    let step = |number: usize, byte: &u8| number.checked_mul(0x80)?.checked_add(usize::from(byte & 0x7f));
    Some((number.iter().rev().try_fold(0, step)?, rest))
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String, vec};

    use super::*;

    const MODULES: &str = "path\tgithub.com/a/server/cmd/server\nmod\tgithub.com/a/server\tv1.4.2\th1:abc=\n\
        dep\tgolang.org/x/net\tv0.17.0\th1:def=\ndep\tgithub.com/b/old\tv1.0.0\n=>\tgithub.com/c/fork\tv1.0.1\th1:ghi=\n\
        dep\tgithub.com/d/local\tv0.0.0\n=>\t./local\t\nbuild\t-compiler=gc\nbuild\tvcs.time=2024-01-01T00:00:00Z\n";

    fn module(path: &str, version: &str) -> Module {
        Module { path: path.into(), version: version.into() }
    }

    fn sentinels(text: &str) -> Vec<u8> {
        // src/cmd/go/internal/modload/build.go, `infoStart` and `infoEnd`.
        let start = b"\x30\x77\xaf\x0c\x92\x74\x08\x02\x41\xe1\xc1\x07\xe6\xd6\x18\xe6";
        let end = b"\xf9\x32\x43\x31\x86\x18\x20\x72\x00\x82\x42\x10\x41\x16\xd8\xf2";
        [&start[..], text.as_bytes(), end].concat()
    }

    fn uvarint(number: usize) -> Vec<u8> {
        let low = u8::try_from(number & 0x7f).unwrap();
        if number < 0x80 { vec![low] } else { [vec![low | 0x80], uvarint(number >> 7)].concat() }
    }

    fn section(flags: u8, toolchain: &str, modules: &[u8]) -> Vec<u8> {
        let head = [MAGIC, &[8, flags], &[0; 16]].concat();
        [head, uvarint(toolchain.len()), toolchain.into(), uvarint(modules.len()), modules.into()].concat()
    }

    fn sound() -> Vec<u8> {
        section(INLINE, "go1.22.4", &sentinels(MODULES))
    }

    #[test]
    fn the_modules_of_a_program_are_told_as_they_were_built() {
        let expected = GoBuild {
            toolchain: "go1.22.4".into(),
            main: Some(module("github.com/a/server", "v1.4.2")),
            dependencies: vec![
                module("golang.org/x/net", "v0.17.0"),
                module("github.com/c/fork", "v1.0.1"),
                module("./local", ""),
            ],
        };
        assert_eq!(go(&sound()), Some(expected));
    }

    #[test]
    fn it_may_begin_behind_something_else() {
        assert_eq!(go(&[vec![0; 32], sound()].concat()), go(&sound()));
        assert_eq!(go(&[vec![0; 8], sound()].concat()), None, "at no multiple of 16");
    }

    #[test]
    fn without_modules_the_version_of_go_is_all_that_is_told() {
        for modules in [&b""[..], b"short", &[0; 32], &sentinels("no end of a line")] {
            let build = go(&section(INLINE, "go1.18", modules)).unwrap();
            assert_eq!((&*build.toolchain, build.main, build.dependencies.len()), ("go1.18", None, 0));
        }
    }

    #[test]
    fn pointers_into_an_older_program_are_not_followed() {
        assert_eq!(go(&section(0, "go1.17", b"")), None);
        assert_eq!(go(b"\x7fELF"), None);
    }

    #[test]
    fn lines_that_mean_nothing_are_passed_over() {
        let text = "\n\t\n=>\tx\tv1\ndep\nmod\nfoo\tbar\tv1\ndep\ta\n=>\tb\tv2\n=>\tc\tv3\n";
        let build = go(&section(INLINE, "go1.22", &sentinels(text))).unwrap();
        assert_eq!((build.main, build.dependencies), (None, vec![module("c", "v3")]));
    }

    #[test]
    fn so_many_modules_are_told_and_no_more() {
        let text: String = (0..DEPENDENCIES_MAX + 5).map(|number| format!("dep\tm{number}\tv1\n")).collect();
        let build = go(&section(INLINE, "go1.22", &sentinels(&text))).unwrap();
        assert_eq!(build.dependencies.len(), DEPENDENCIES_MAX);
        assert_eq!(build.dependencies.last(), Some(&module("m9999", "v1")));
    }

    #[test]
    fn no_cut_and_no_broken_byte_makes_it_panic() {
        let sound = sound();
        for at in 0..sound.len() {
            for value in [0, 0x7f, 0x80, 0xff] {
                let mut section = sound.clone();
                section[at] = value;
                let _ = go(&section);
            }
            assert!(go(&sound[..at]).is_none());
        }
        let endless = [MAGIC, &[8, INLINE], &[0; 16], &[0xff; 64]].concat();
        assert_eq!(go(&endless), None);
    }
}
