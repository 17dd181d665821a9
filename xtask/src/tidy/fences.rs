//! Each crate stays on its side: who may be unsafe, who may know the policy, who may touch the system.

use proc_macro2::{Ident, TokenTree};

use super::house::{House, Mistake, Source, flatten, line};

pub(super) fn check(house: &House) -> Vec<Mistake> {
    let mut mistakes: Vec<_> = house.sources.iter().flat_map(mistakes).collect();
    mistakes.extend(core_without_std(house));
    mistakes.extend(witness(house));
    mistakes
}

fn mistakes(source: &Source) -> Vec<Mistake> {
    let at = |ident: &Ident, text: &str| Mistake::at(&source.path, ident.span().start().line, text);
    let fault = |ident: &Ident| {
        let name = ident.to_string();
        let outside_tests = !source.is_test(ident.span().start().line);
        if name == "unsafe" && !may_be_unsafe(&source.path) {
            Some(at(ident, "`unsafe` belongs into host::sys"))
        } else if is_policy(&name) && source.path.starts_with("crates/host/src/") {
            Some(at(ident, "host never names the policy: it looks and acts, core decides"))
        } else if name == "std" && source.path.starts_with("crates/core/src/") && outside_tests {
            Some(at(ident, "core has no std: it touches nothing"))
        } else {
            None
        }
    };
    let mut found: Vec<_> = source.identifiers().iter().filter_map(fault).collect();
    found.extend(unwraps(source));
    found
}

fn may_be_unsafe(path: &str) -> bool {
    path == "crates/host/src/sys.rs" || path.starts_with("crates/host/src/sys/")
}

fn is_policy(name: &str) -> bool {
    matches!(name, "policy" | "Policy" | "World")
}

fn unwraps(source: &Source) -> Vec<Mistake> {
    let tokens = flatten(&source.tokens);
    let called = tokens.windows(3).filter(|three| match three {
        [TokenTree::Punct(dot), TokenTree::Ident(name), TokenTree::Group(arguments)] => {
            dot.as_char() == '.' && name == "unwrap" && arguments.stream().is_empty()
        }
        _ => false,
    });
    let lines = called.map(|three| line(&three[1])).filter(|line| !source.is_test(*line));
    lines
        .map(|line| Mistake::at(&source.path, line, "`expect` states why it cannot fail; `unwrap` does not"))
        .collect()
}

fn core_without_std(house: &House) -> Option<Mistake> {
    const PATH: &str = "crates/core/src/lib.rs";
    let text = house.texts.get(PATH)?;
    (!text.contains("#![no_std]")).then(|| Mistake::at(PATH, 1, "core is `#![no_std]`: that is its fence"))
}

/// The lab is an independent witness only as long as it shares no code with what it watches.
fn witness(house: &House) -> Option<Mistake> {
    const PATH: &str = "crates/lab/Cargo.toml";
    let line = house.text(PATH).lines().position(|line| line.starts_with("portreeve"))?;
    Some(Mistake::at(PATH, line + 1, "the lab depends on nothing of ours"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(path: &str, text: &str) -> usize {
        check(&House::sample(&[(path, text)])).len()
    }

    #[test]
    fn unsafe_has_one_home() {
        let text = "fn f() { unsafe { g() } }";
        assert_eq!(faults("crates/core/src/port.rs", text), 1);
        assert_eq!(faults("crates/host/src/observe/sys.rs", text), 1);
        assert_eq!(faults("crates/host/src/sys.rs", text), 0);
        assert_eq!(faults("crates/host/src/sys/netlink.rs", text), 0);
    }

    #[test]
    fn the_host_knows_no_policy_but_may_speak_of_it() {
        assert_eq!(faults("crates/host/src/observe.rs", "use portreeve_core::policy::Policy;"), 2);
        assert_eq!(faults("crates/host/src/observe.rs", "//! The policy is none of its business.\n"), 0);
    }

    #[test]
    fn core_touches_nothing() {
        assert_eq!(faults("crates/core/src/port.rs", "use std::fs;"), 1);
        assert_eq!(faults("crates/core/src/port.rs", "#[cfg(test)]\nmod tests { use std::fs; }"), 0);
        assert_eq!(faults("crates/core/src/lib.rs", "//! A.\n"), 1);
    }

    #[test]
    fn the_lab_shares_nothing_with_what_it_watches() {
        assert_eq!(faults("crates/lab/Cargo.toml", "[dependencies]\nportreeve-core.workspace = true\n"), 1);
    }

    #[test]
    fn unwrap_is_for_tests() {
        assert_eq!(faults("a.rs", "fn f() { g().unwrap(); h().unwrap_or(1); }"), 1);
        assert_eq!(faults("a.rs", "#[cfg(test)]\nmod tests { fn f() { g().unwrap(); } }"), 0);
    }
}
