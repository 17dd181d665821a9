//! What a directory is called in the ledger: each working copy of a project has ports of its own (A26).

use std::{
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use portreeve_core::fnv::fnv;

/// As much of a branch's name as is told, and of a directory's, so that a name has room for both.
const BRANCH_BYTES_MAX: usize = 48;
const DIRECTORY_BYTES_MAX: usize = 48;

/// `shop:main:1f3a9c02` of a directory `shop` on the branch `main`: the last part tells it from another of that name.
pub(super) fn name(directory: &Path, of: Option<&str>) -> String {
    let last = directory.file_name().map_or_else(|| "root".into(), |name| name.to_string_lossy());
    let place = fnv(directory.as_os_str().as_bytes().iter().copied());
    let branch = branch(directory).map(|branch| format!(":{}", plain(&branch, BRANCH_BYTES_MAX)));
    let of = of.map(|of| format!("{of}@")).unwrap_or_default();
    let last = plain(&last, DIRECTORY_BYTES_MAX);
    // No name begins as an option does.
    let last = last.trim_start_matches('-');
    format!("{of}{last}{}:{place:08x}", branch.unwrap_or_default())
}

/// Letters that a name may have, of whatever script, and `-` in the place of others.
fn plain(text: &str, bytes_max: usize) -> String {
    let keep =
        |letter: char| if letter.is_ascii_graphic() || letter.is_alphanumeric() { letter } else { '-' };
    let mut plain = String::new();
    for letter in text.chars().map(keep) {
        if plain.len() + letter.len_utf8() > bytes_max {
            break;
        }
        plain.push(letter);
    }
    plain
}

/// The branch of the working copy that holds `directory` (gitrepository-layout(5)); none where HEAD is no branch.
fn branch(directory: &Path) -> Option<String> {
    let git = directory.ancestors().map(|above| above.join(".git")).find(|path| path.exists())?;
    let head = fs::read_to_string(own_folder(&git)?.join("HEAD")).ok()?;
    Some(head.trim().strip_prefix("ref: refs/heads/")?.to_owned())
}

/// The folder of `git`, which is a file in a worktree or submodule.
fn own_folder(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.into());
    }
    let text = fs::read_to_string(git).ok()?;
    Some(git.parent()?.join(text.trim().strip_prefix("gitdir: ")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_working_copy_and_branch_has_a_name_of_its_own() {
        let folder = std::env::temp_dir().join(format!("portreeve-here-{}", std::process::id()));
        let (main, tree) = (folder.join("a/shop"), folder.join("b/shop"));
        fs::create_dir_all(main.join(".git/worktrees/shop")).expect("a folder");
        fs::create_dir_all(&tree).expect("a folder");
        fs::write(main.join(".git/HEAD"), "ref: refs/heads/main\n").expect("written");
        fs::write(main.join(".git/worktrees/shop/HEAD"), "ref: refs/heads/fix/日本\n").expect("written");
        fs::write(tree.join(".git"), "gitdir: ../../a/shop/.git/worktrees/shop\n").expect("written");
        let (one, other) = (name(&main, None), name(&tree, Some("api")));
        assert!(one.starts_with("shop:main:") && other.starts_with("api@shop:fix/日本:"), "{one} {other}");
        assert_ne!(one.rsplit(':').next(), other.rsplit(':').next());
        fs::write(main.join(".git/HEAD"), "0123456789\n").expect("written");
        assert_eq!(name(&main, None).matches(':').count(), 1, "a commit is no branch");
        fs::remove_dir_all(folder).expect("ours");
    }

    /// Whatever a directory is called, it has a name in the ledger.
    #[test]
    fn each_directory_has_a_name() {
        let long = format!("/srv/{}", "日本".repeat(100));
        for (directory, begins) in [
            ("/srv/プロジェクト", "プロジェクト:"),
            ("/srv/-x", "x:"),
            ("/srv/日本 app", "日本-app:"),
            ("/srv/---", ":"),
            ("/", "root:"),
            (long.as_str(), "日本日本日本日本日本日本日本日本:"),
        ] {
            let name = name(Path::new(directory), None);
            assert!(name.starts_with(begins), "{directory}: {name}");
            let parsed: Result<portreeve_core::ledger::Name, _> = name.parse();
            assert!(parsed.is_ok(), "{directory}: {name}");
        }
    }
}
