//! Sockets that tools get wrong, each with what is true of it and what portreeve, `ss` and `lsof` say.
//!
//! The zoo is built in the network namespace, the mount namespace and the control group of the process that runs it:
//! [`fixture`] gives it its own on a machine that has other things to do, and a virtual machine needs none. What it
//! takes for true is what the kernel did under its eyes ([`proof`]), and nothing of ours tells it.

pub mod cases;
pub mod enclosure;
pub mod fixture;
pub mod keeper;
pub mod proof;
pub mod table;
pub mod truth;
pub mod witness;

use std::path::Path;

use serde_json::{Value, json};

use crate::error::LabError;
use enclosure::Enclosure;
use truth::{Scene, Trouble};
use witness::{Verdict, Witnesses};

/// A way of holding a socket.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// Its name in the table.
    pub name: &'static str,
    /// Builds it, and says what is true of it then.
    pub build: fn(&Enclosure) -> Result<Scene, Trouble>,
}

/// One case and what everybody says of it.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case.
    pub case: &'static str,
    /// What is true, in words.
    pub truth: &'static str,
    /// What the others say; or why this kernel does not have the case.
    pub outcome: Result<Verdicts, String>,
}

/// Who is right.
#[derive(Clone, Debug)]
pub struct Verdicts {
    /// The program under test.
    pub portreeve: Verdict,
    /// `ss -anpe`.
    pub ss: Verdict,
    /// `lsof -nP -i`.
    pub lsof: Verdict,
    /// What an experiment showed against the truth above; empty where it stands.
    pub disproof: String,
}

impl Row {
    /// Whether portreeve is right about it, or there is nothing to be right about.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|told| told.portreeve.is_right() && told.disproof.is_empty())
            || self.outcome.is_err()
    }

    /// As JSON: `case`, `truth`, and either `missing` or `portreeve`, `ss`, `lsof` (null where right) and `disproof`.
    #[must_use]
    pub fn json(&self) -> Value {
        match &self.outcome {
            Err(missing) => json!({"case": self.case, "truth": self.truth, "missing": missing}),
            Ok(told) => json!({
                "case": self.case,
                "truth": self.truth,
                "portreeve": told.portreeve.mistake(),
                "ss": told.ss.mistake(),
                "lsof": told.lsof.mistake(),
                "disproof": told.disproof,
            }),
        }
    }
}

/// Builds every case, lets all look at them at once, then takes them apart one by one to see who was needed.
///
/// # Errors
///
/// Where the zoo cannot be built here, or a witness does not answer.
pub fn run(portreeve: &Path) -> Result<Vec<Row>, LabError> {
    let enclosure = Enclosure::create()?;
    let mut built = Vec::new();
    for case in cases::all() {
        match (case.build)(&enclosure) {
            Ok(scene) => built.push((case.name, Ok(scene))),
            Err(Trouble::Missing { truth, what }) => built.push((case.name, Err((truth, what)))),
            Err(Trouble::Lab(error)) => return Err(error),
        }
    }
    let mut witnesses = Witnesses::new(portreeve, &enclosure);
    let mut rows = Vec::new();
    for (case, outcome) in &built {
        rows.push(match outcome {
            Ok(scene) => Row { case, truth: scene.says, outcome: Ok(witnesses.ask(scene)?) },
            Err((truth, what)) => Row { case, truth, outcome: Err(what.clone()) },
        });
    }
    for (row, (_, outcome)) in rows.iter_mut().zip(built) {
        if let (Ok(told), Ok(mut scene)) = (&mut row.outcome, outcome) {
            told.disproof = proof::disproof(&mut scene);
        }
    }
    Ok(rows)
}
