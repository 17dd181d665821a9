//! What is on that port, and should it be?

mod advisories;
mod after_boot;
mod asked;
mod cli;
mod clients;
mod commands;
mod directories;
mod door;
mod exit;
mod failure;
mod footing;
mod guards;
mod judgement;
mod last_audit;
mod last_look;
mod ledger;
mod look;
mod pinned;
mod policy_file;
mod programs;
mod read;
mod reader;
mod schema;
mod settings;
mod show;
mod steers;
mod stop;
mod store;
mod table_file;
mod units;
mod unlisten;

use std::process::ExitCode;

use portreeve_core::words::Lang;
use rustix::{
    fs::Mode,
    process::{geteuid, umask},
};

use crate::{
    exit::Exit,
    failure::Failure,
    settings::{Settings, locale},
    show::out::Out,
};

fn main() -> ExitCode {
    // What root makes is for everybody to find, from whatever shell; what is secret gets a mode of its own.
    if geteuid().is_root() {
        umask(Mode::from_raw_mode(0o022));
    }
    let arguments: Vec<_> = std::env::args_os().collect();
    let lang = locale::lang(&arguments);
    failure::report_panics(lang);
    match run(arguments, lang) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.print(lang).into(),
    }
}

fn run(arguments: Vec<std::ffi::OsString>, lang: Lang) -> Result<Exit, Failure> {
    let matches = match cli::parse(arguments, lang)? {
        cli::Parsed::Matches(matches) => matches,
        cli::Parsed::Text(text) => {
            let mut out = Out::plain(lang);
            out.write(&text)?;
            out.finish()?;
            return Ok(Exit::Fine);
        }
    };
    let (command, own) = cli::chosen(&matches);
    let settings = Settings::read(own, &matches, command.formats())?;
    let mut out = Out::new(&settings);
    let exit = (command.run)(own, &settings, &mut out)?;
    out.finish()?;
    Ok(exit)
}
