//! `cargo xtask mutate`: breaks what keeps each duty, in a copy of the tree, and demands that the duty's test fails.
//!
//! A test that still passes proves nothing about its duty. Every file below `mutations/` is one such break.

mod patch;
mod tree;

use std::fs;

use patch::Patch;
use tree::Tree;

use crate::{
    shell::{Result, root},
    tally::Tally,
};

/// Every mutation, or those whose file names hold one of `words`.
pub(crate) fn run(words: &[String]) -> Result {
    let tally = mutate(words)?;
    println!("{tally}");
    if tally.failed > 0 { Err("a duty is broken and nobody notices".into()) } else { Ok(()) }
}

/// Tries the mutations whose file names hold one of `words`, or all.
pub(crate) fn mutate(words: &[String]) -> Result<Tally> {
    let chosen = patches(words)?;
    if chosen.is_empty() {
        return Err("no such mutation below mutations/".into());
    }
    let tree = Tree::copy(root())?;
    let mut tally = Tally::default();
    for patch in &chosen {
        let verdict = attempt(&tree, patch);
        match &verdict {
            Ok(()) => println!("{} {}: noticed by {}", patch.duty, patch.file, patch.test.join(" ")),
            Err(error) => println!("{} {}: {error}", patch.duty, patch.file),
        }
        tally += Tally::of(verdict.is_ok());
    }
    Ok(tally)
}

fn patches(words: &[String]) -> Result<Vec<Patch>> {
    let mut patches = Vec::new();
    for entry in fs::read_dir(root().join("mutations"))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let chosen = words.is_empty() || words.iter().any(|word| file.contains(word.as_str()));
        if chosen && file.ends_with(".patch") {
            patches.push(Patch::read(&file, &fs::read_to_string(&path)?)?);
        }
    }
    patches.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(patches)
}

/// The test passes on the tree as it is and fails on the broken one, for no other reason than the break.
fn attempt(tree: &Tree, patch: &Patch) -> Result {
    if !tree.passes(&patch.test)? {
        return Err(format!("`{}` fails without the mutation", patch.test.join(" ")).into());
    }
    tree.apply(patch)?;
    let survived = tree.passes(&patch.test);
    tree.revert(patch)?;
    if survived? {
        Err(format!("`{}` still passes with `{}` broken", patch.test.join(" "), patch.breaks).into())
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::command;

    /// Whoever moves what a mutation breaks moves the mutation along.
    #[test]
    fn every_mutation_still_applies() {
        for patch in patches(&[]).unwrap() {
            let path = root().join("mutations").join(&patch.file);
            let applies = command(&["git", "apply", "--check"]).arg(path).status().unwrap();
            assert!(applies.success(), "{} breaks nothing any more", patch.file);
        }
    }
}
