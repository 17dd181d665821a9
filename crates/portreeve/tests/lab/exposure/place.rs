//! A host without a service manager, what lies around it, and the program that judges its rules.

use std::path::Path;

use portreeve_lab::{
    Chroot, Perimeter,
    perimeter::{Outcome, Question},
    ruleset::LISTINGS,
};

use super::score::line;
use crate::lab::site::{PORTREEVE, lab};

/// Where the questions stand on the host.
pub(super) const QUESTIONS: &str = "/run/questions";

/// The command that answers them.
pub(super) fn ask() -> String {
    format!("portreeve exposure --from-files {LISTINGS} --ask {QUESTIONS}")
}

/// Such a host and its perimeter.
pub(super) struct Place {
    perimeter: Perimeter,
    host: Chroot,
}

impl Place {
    pub(super) fn create() -> Self {
        let host = lab(Chroot::create(Path::new(PORTREEVE)));
        let perimeter = lab(Perimeter::around(host.namespace()));
        Self { perimeter, host }
    }

    /// The host itself.
    pub(super) fn host(&self) -> &Chroot {
        &self.host
    }

    /// What the program says of the listings of the rules that `script` makes, a line each.
    #[track_caller]
    pub(super) fn answers(&self, script: &str, list: &str, asked: &[Question]) -> String {
        lab(self.host.write(QUESTIONS, &asked.iter().map(line).collect::<String>()));
        let said = [script, list, &ask()].map(|command| {
            let output = lab(self.host.run(command));
            assert_eq!(output.status, 0, "{command}: {output:#?}");
            output.stdout
        });
        said.into_iter().next_back().expect("three commands were run")
    }

    /// What becomes of the packets.
    #[track_caller]
    pub(super) fn outcomes(&self, asked: &[Question]) -> Vec<Outcome> {
        lab(self.perimeter.ask(asked))
    }
}
