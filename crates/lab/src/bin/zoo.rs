//! Builds the zoo where it runs, and prints what is true of it and who says so: zoo PORTREEVE [-o json].
//!
//! It needs root, cgroup2, the lab's `holder` and `odd` beside itself, `ss`, `lsof`, `ip` and a shell, and a network
//! namespace that nobody else uses, as in a virtual machine. It ends with 1 where portreeve is wrong.

use std::{env, error::Error, path::PathBuf, process::ExitCode};

use portreeve_lab::zoo::{self, Row, table};
use serde_json::Value;

/// What it says of a command line that it does not understand.
const USAGE: &str = "usage: zoo PORTREEVE [-o json]";

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [portreeve] => tell(portreeve, |rows| print!("{}", table::table(rows))),
        [portreeve, "-o", "json"] => tell(portreeve, |rows| {
            println!("{}", rows.iter().map(Row::json).collect::<Value>());
        }),
        _ => fail(&USAGE),
    }
}

fn tell(portreeve: &str, print: impl FnOnce(&[Row])) -> ExitCode {
    match zoo::run(&PathBuf::from(portreeve)) {
        Ok(rows) => {
            print(&rows);
            if rows.iter().all(Row::is_kept) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => match error.source() {
            Some(cause) => fail(&format!("{error}: {cause}")),
            None => fail(&error),
        },
    }
}

fn fail(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("error: {error}");
    ExitCode::from(2)
}
