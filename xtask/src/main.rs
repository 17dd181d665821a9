//! The chores of the project, one file each; this one only tells them apart.

mod bench;
mod bpf;
mod check;
mod fuzz;
mod lab;
mod mutate;
mod readme;
mod registry;
mod shell;
mod soak;
mod tally;
mod test;
mod tidy;

use std::process::ExitCode;

use shell::Result;

/// A chore: its name, what it does, and the function that does it.
struct Chore {
    name: &'static str,
    does: &'static str,
    run: fn(&[String]) -> Result,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "check",
        does: "format, lints, documentation, tidy: what a review would say",
        run: check::run,
    },
    Chore { name: "test", does: "everything once, with seconds and totals", run: test::run },
    Chore { name: "soak", does: "the full counts [--runs N] [--seconds N]", run: soak::run },
    Chore {
        name: "lab",
        does: "the tests on whole Debian hosts [NAME]; also: zoo, kernel [COMMAND…], oldest NAME",
        run: lab::run,
    },
    Chore { name: "bench", does: "against rivals and promises [--save] [--cold]", run: bench::run },
    Chore { name: "bpf", does: "compile the programs that run in the kernel", run: bpf::run },
    Chore {
        name: "registry",
        does: "the built-in table [--check] [--compare FILE]",
        run: |words| Ok(registry::run(words)?),
    },
    Chore { name: "tidy", does: "only the rules of the house", run: tidy::run },
    Chore {
        name: "readme",
        does: "the sessions in the READMEs, against the built program",
        run: readme::run,
    },
    Chore { name: "fuzz", does: "parsers of other people's bytes [TARGET] [--seconds N]", run: fuzz::run },
    Chore { name: "mutate", does: "break each duty and see its test fail [WORD…]", run: mutate::run },
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = words.split_first() else { return usage() };
    let Some(chore) = CHORES.iter().find(|chore| chore.name == name) else { return usage() };
    match (chore.run)(rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(error) = cause {
                eprintln!("cause: {error}");
                cause = error.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("cargo xtask CHORE\n");
    for chore in CHORES {
        eprintln!("  {:9} {}", chore.name, chore.does);
    }
    ExitCode::from(2)
}
