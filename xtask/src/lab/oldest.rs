//! `cargo xtask lab oldest`: the lab itself on the oldest kernel, with the machine's own files, under qemu.

use portreeve_lab::kernel::{machine, series};

use crate::{
    shell::{Result, root},
    tally::{Tally, count},
    test,
};

/// Who runs a test's program there: cargo calls it with the program and its arguments.
const RUNNER: &str = "within";

/// Every instruction is emulated, so that a test takes some twenty times as long.
const SECONDS_MAX: u64 = 3 * 3_600;

/// Tests that boot such a kernel themselves.
const ITS_OWN: &str = "oldest";

/// Boots the kernel and runs the lab tests whose names hold one of the `words` on it.
pub(super) fn run(words: &[String]) -> Result {
    let tally = tested(words)?;
    println!("{tally}");
    if tally.failed > 0 { Err(format!("the lab on Linux {}", series()).into()) } else { Ok(()) }
}

/// The same, counted.
pub(crate) fn tested(words: &[String]) -> Result<Tally> {
    let runner = std::env::current_exe()?;
    let runner = format!("target.'cfg(all())'.runner=['{}','lab','{RUNNER}']", runner.display());
    let tests = &mut test::lab_alone();
    count(tests.args(["--config", &runner, "--"]).args(words).args(["--skip", ITS_OWN]))
}

/// Runs a program of the machine with its arguments there, and ends as it does.
pub(super) fn within(words: &[String]) -> Result {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    let folder = root().join("crates/portreeve");
    let command = format!(
        "export PATH='{}' HOME=/root; cd '{}'; exec {}",
        std::env::var("PATH").unwrap_or_default(),
        folder.display(),
        words.join(" ")
    );
    let output = machine::run(&series(), &command, SECONDS_MAX)?;
    print!("{}", output.stdout);
    eprint!("{}", output.stderr);
    if output.status == 0 { Ok(()) } else { Err(format!("it ended with {}", output.status).into()) }
}
