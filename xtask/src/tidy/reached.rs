//! Every Rust file is compiled: it is a target of its own or some `mod` leads to it.

use std::collections::BTreeSet;

use proc_macro2::{Group, TokenTree};

use super::{
    house::{House, Mistake, Source, inside},
    links::resolve,
};

/// Folders beside a Cargo.toml in which cargo finds targets: a file each, or a folder with a `main.rs` (the Cargo Book,
/// "Package Layout").
const FOLDERS: &[&str] = &["src/bin/", "tests/", "benches/", "examples/"];

pub(super) fn check(house: &House) -> Vec<Mistake> {
    let reached = reached(house);
    let orphans = house.sources.iter().filter(|source| !reached.contains(&source.path));
    orphans
        .map(|source| Mistake::at(&source.path, 0, "no `mod` leads to this file, so nobody compiles it"))
        .collect()
}

/// The files that are targets, and those to which modules lead from there.
fn reached(house: &House) -> BTreeSet<String> {
    let packages: Vec<_> = house.with_extension("toml").filter_map(package).collect();
    let roots = house.sources.iter().map(|source| &source.path).filter(|path| {
        packages
            .iter()
            .any(|(folder, manifest)| path.strip_prefix(folder).is_some_and(|rest| is_target(rest, manifest)))
    });
    let mut open: Vec<(String, Role)> = roots.map(|path| (path.clone(), Role::Root)).collect();
    let mut reached = BTreeSet::new();
    while let Some((path, role)) = open.pop() {
        let Some(source) = house.sources.iter().find(|source| source.path == path) else { continue };
        if reached.insert(path) {
            open.extend(modules(source, role).into_iter().map(|module| (module, Role::Module)));
        }
    }
    reached
}

/// The folder of a Cargo.toml, with its slash, and what stands in the file.
fn package<'a>((path, text): (&'a str, &'a str)) -> Option<(&'a str, &'a str)> {
    path.strip_suffix("Cargo.toml").map(|folder| (folder, text))
}

/// Whether cargo builds the file by itself, or the manifest names it.
fn is_target(path: &str, manifest: &str) -> bool {
    let found = |folder: &&str| {
        let rest = path.strip_prefix(*folder);
        rest.is_some_and(|rest| !rest.contains('/') || is_main_of_folder(rest))
    };
    matches!(path, "src/lib.rs" | "src/main.rs" | "build.rs")
        || FOLDERS.iter().any(found)
        || manifest.lines().any(|line| line == format!("path = \"{path}\""))
}

fn is_main_of_folder(path: &str) -> bool {
    path.strip_suffix("/main.rs").is_some_and(|folder| !folder.contains('/'))
}

/// Where a file looks for its modules: a target beside itself, a module in the folder of its own name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Root,
    Module,
}

/// The files that the `mod name;` of a source mean (the Rust Reference, "Module source filenames"), there or not.
fn modules(source: &Source, role: Role) -> Vec<String> {
    let beside = source.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let folder = match role {
        Role::Root => beside,
        Role::Module => source.path.trim_end_matches(".rs"),
    };
    let mut found = Vec::new();
    find_modules(&source.tokens, &source.path, folder, &mut found);
    found
}

fn find_modules(tokens: &[TokenTree], path: &str, folder: &str, found: &mut Vec<String>) {
    let mut chosen = None;
    for (at, token) in tokens.iter().enumerate() {
        match (token, &tokens[at + 1..]) {
            (TokenTree::Group(group), _) => chosen = chosen_path(group).or(chosen),
            (TokenTree::Ident(word), [TokenTree::Ident(name), TokenTree::Punct(end), ..])
                if word == "mod" && end.as_char() == ';' =>
            {
                found.extend(match chosen.take() {
                    Some(chosen) => resolve(path, &chosen),
                    None => Some(format!("{folder}/{name}.rs")),
                });
            }
            (TokenTree::Ident(word), [TokenTree::Ident(name), TokenTree::Group(body), ..])
                if word == "mod" =>
            {
                find_modules(&inside(body), path, &format!("{folder}/{name}"), found);
            }
            _ => {}
        }
    }
}

/// What `#[path = "…"]` says, seen from the folder of its file.
fn chosen_path(attribute: &Group) -> Option<String> {
    match inside(attribute).as_slice() {
        [TokenTree::Ident(name), TokenTree::Punct(_), TokenTree::Literal(path)] if name == "path" => {
            Some(path.to_string().trim_matches('"').to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orphans(files: &[(&str, &str)]) -> Vec<String> {
        check(&House::sample(files)).into_iter().map(|mistake| mistake.to_string()).collect()
    }

    #[test]
    fn a_file_without_a_mod_is_an_orphan() {
        let manifest = ("a/Cargo.toml", "");
        let root = ("a/src/main.rs", "mod b;\nfn main() {}\n");
        let kept = [manifest, root, ("a/src/b.rs", "pub(crate) mod c;\n"), ("a/src/b/c.rs", "")];
        assert_eq!(orphans(&kept), [""; 0]);
        let dead = [manifest, root, ("a/src/b.rs", ""), ("a/src/b/c.rs", "")];
        let said = "a/src/b/c.rs: no `mod` leads to this file, so nobody compiles it";
        assert_eq!(orphans(&dead), [said]);
    }

    #[test]
    fn two_orphans_do_not_save_each_other() {
        let files =
            [("Cargo.toml", ""), ("src/lib.rs", ""), ("src/a.rs", "mod b;\n"), ("src/a/b.rs", "mod a;\n")];
        assert_eq!(orphans(&files).len(), 2);
    }

    #[test]
    fn what_cargo_finds_by_itself_needs_no_mod() {
        let targets =
            ["src/bin/a.rs", "src/bin/b/main.rs", "tests/c.rs", "benches/d.rs", "examples/e.rs", "fuzz/f.rs"];
        let mut files = vec![("Cargo.toml", "[[bin]]\nname = \"f\"\npath = \"fuzz/f.rs\"\n")];
        files.extend(targets.map(|path| (path, "")));
        assert_eq!(orphans(&files), [""; 0]);
        files.push(("tests/c/deep.rs", ""));
        assert_eq!(orphans(&files).len(), 1);
    }

    #[test]
    fn a_module_may_lie_in_another_one_or_elsewhere() {
        let files = [
            ("Cargo.toml", ""),
            ("tests/a.rs", "mod a { mod b; }\n#[path = \"../feed/c.rs\"]\nmod c;\n"),
            ("tests/a/b.rs", ""),
            ("feed/c.rs", ""),
        ];
        assert_eq!(orphans(&files), [""; 0]);
    }
}
