//! Takes away what runners that were killed have left behind, and never anything of one that lives.

use std::{fs, sync::Once};

use crate::{cgroup, folder, name};

/// Reaps, the first time that this process asks for it.
pub(crate) fn once() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for left in dead() {
            remove(&left);
        }
    });
}

/// The names of the lab's things whose runner has ended.
#[must_use]
pub fn dead() -> Vec<String> {
    let is_dead = |name: &String| name::runner_of(name).is_some_and(|runner| !runner.is_alive());
    all().into_iter().filter(is_dead).collect()
}

/// The names of this process's own things.
#[must_use]
pub fn own() -> Vec<String> {
    let current = name::Runner::current();
    all().into_iter().filter(|name| name::runner_of(name) == Some(current)).collect()
}

/// Takes away the thing of this name: its processes, and with them its namespaces and mounts, then its folder.
pub fn remove(name: &str) {
    if let Err(error) = cgroup::remove(name) {
        eprintln!("the lab could not reap {name}: {error}");
    }
    let _ = fs::remove_dir_all(folder::runs().join(name));
}

fn all() -> Vec<String> {
    let mut names = cgroup::names();
    let folders = fs::read_dir(folder::runs()).into_iter().flatten();
    names.extend(folders.filter_map(|entry| entry.ok()?.file_name().into_string().ok()));
    names.sort_unstable();
    names.dedup();
    names
}
