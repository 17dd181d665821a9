//! Which files a kernel's module needs, from what depmod(8) found out (modules.dep(5)).

use std::collections::BTreeSet;

/// The files of these modules and of all that they depend on, as paths below the folder of the modules; what is
/// `built_in` (a path a line) is no file, and there all the same.
///
/// # Errors
///
/// The name of a module that the kernel has in neither way.
pub(super) fn files<'a>(
    dependencies: &'a str,
    built_in: &str,
    names: &[String],
) -> Result<BTreeSet<&'a str>, String> {
    let mut files = BTreeSet::new();
    let mut waiting = Vec::new();
    for name in names {
        match lines(dependencies).find(|(file, _)| is_named(file, name)) {
            Some((file, _)) => waiting.push(file),
            None if built_in.lines().any(|file| is_named(file, name)) => {}
            None => return Err(name.clone()),
        }
    }
    while let Some(file) = waiting.pop() {
        if files.insert(file) {
            let line = lines(dependencies).find(|(other, _)| *other == file);
            waiting.extend(line.into_iter().flat_map(|(_, needed)| needed.split_whitespace()));
        }
    }
    Ok(files)
}

/// The lines of modules.dep for these files alone.
pub(super) fn dependencies_of(dependencies: &str, files: &BTreeSet<&str>) -> String {
    let kept = lines(dependencies).filter(|(file, _)| files.contains(file));
    kept.map(|(file, needed)| format!("{file}:{needed}\n")).collect()
}

/// The lines of modules.alias for these files alone: the kernel asks for a module by an alias.
pub(super) fn aliases_of(aliases: &str, files: &BTreeSet<&str>) -> String {
    let is_kept = |line: &&str| {
        let name = line.rsplit(' ').next().unwrap_or_default();
        line.starts_with("alias ") && files.iter().any(|file| is_named(file, name))
    };
    aliases.lines().filter(is_kept).flat_map(|line| [line, "\n"]).collect()
}

/// A file, and what stands behind its colon.
fn lines(dependencies: &str) -> impl Iterator<Item = (&str, &str)> {
    dependencies.lines().filter_map(|line| line.split_once(':'))
}

/// In names of modules the underscore and the hyphen are one (modprobe(8)).
fn is_named(file: &str, name: &str) -> bool {
    let stem = file.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or_default();
    stem.replace('-', "_") == name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPENDENCIES: &str = "kernel/net/vsock.ko:\n\
        kernel/net/vsock-common.ko: kernel/net/vsock.ko\n\
        kernel/net/vsock_loopback.ko: kernel/net/vsock-common.ko\n\
        kernel/net/diag.ko:\n";
    const BUILT_IN: &str = "kernel/fs/fuse.ko\n";

    fn files_of(names: &[&str]) -> Result<BTreeSet<&'static str>, String> {
        files(DEPENDENCIES, BUILT_IN, &names.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_module_comes_with_all_that_it_needs() {
        let found = files_of(&["vsock-loopback"]).unwrap();
        let expected = ["kernel/net/vsock-common.ko", "kernel/net/vsock.ko", "kernel/net/vsock_loopback.ko"];
        assert_eq!(found.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_built_in_is_no_file_and_what_is_not_there_has_its_name_said() {
        assert_eq!(files_of(&["diag", "fuse"]), Ok(BTreeSet::from(["kernel/net/diag.ko"])));
        assert_eq!(files_of(&["diag", "fuse", "wireguard"]), Err("wireguard".into()));
    }

    #[test]
    fn what_is_left_behind_is_not_spoken_of() {
        let kept = files_of(&["vsock_common"]).unwrap();
        let text = dependencies_of(DEPENDENCIES, &kept);
        assert_eq!(text, "kernel/net/vsock.ko:\nkernel/net/vsock-common.ko: kernel/net/vsock.ko\n");
        let aliases = "# a comment\nalias net-pf-40 vsock_common\nalias net-pf-40 vsock_loopback\n";
        assert_eq!(aliases_of(aliases, &kept), "alias net-pf-40 vsock_common\n");
    }

    #[test]
    fn modules_that_need_each_other_are_taken_once() {
        let ring = "a.ko: b.ko\nb.ko: a.ko\n";
        assert_eq!(files(ring, "", &["a".into()]).unwrap(), BTreeSet::from(["a.ko", "b.ko"]));
    }
}
