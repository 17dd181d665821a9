//! The chores of the project, one verb each.

mod registry;

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.split_first() {
        Some((verb, rest)) if verb == "registry" => registry::run(rest),
        _ => return std::process::ExitCode::from(2),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(error) = cause {
                eprintln!("cause: {error}");
                cause = error.source();
            }
            std::process::ExitCode::FAILURE
        }
    }
}
