//! Lists the gate while packets have filled the sets of its meters: in a flood from forged sources these hold 65,536 of each family.
//!
//! Of one table nft 1.0.6 asks the kernel for everything, also where it prints nothing of it (`-t list table`). Of all tables without
//! what is in their sets, and of one set, it asks for what it prints alone.

use portreeve_core::gate::{TABLE, TOLD};
use serde_json::Value;

use super::{GARBLED, objects};
use crate::{
    observe::firewall::{
        kernel::tables,
        sets::{self, Fullness, Set},
    },
    program::{Program, ProgramError},
};

/// The table without what is in its sets, and what is in those that packets do not fill.
#[derive(Debug)]
pub(super) struct Terse {
    all: Program,
    sets: Vec<(Set, Program)>,
}

/// The sets that must be listed one by one, as there is too much in those of the meters; `None` where there is not.
pub(super) fn sets() -> Option<Vec<Set>> {
    let is_full = |set| matches!(sets::fullness(set), Ok(Fullness::Many));
    if !TOLD.into_iter().any(is_full) {
        return None;
    }
    // Of all tables nft 1.0.6 prints nothing where one has flags.
    tables().ok().filter(|tables| tables.all.iter().all(|table| table.flags == 0))?;
    Some(sets::all().ok()?.into_iter().filter(is_wanted).collect())
}

/// The text of the table where it is listed so, with the two numbers that each change rests on alone; `None` where it is not.
pub(crate) fn text() -> Result<Option<String>, ProgramError> {
    if sets().is_none() {
        return Ok(None);
    }
    let all = Program::start("nft", &["-t", "list", "ruleset"])?;
    let number = |set| Program::start("nft", &["list", "set", "inet", TABLE, set]);
    let (layout, revision) = (number("layout")?, number("revision")?);
    let all = all.finish()?;
    // The same set may be made twice: the second time its number comes in.
    Ok(Some([own(&all), layout.finish()?, revision.finish()?].concat()))
}

/// The gate's table in the text of all.
fn own(all: &str) -> String {
    let begin = format!("table inet {TABLE} {{\n");
    let lines = all.split_inclusive('\n').skip_while(|line| *line != begin);
    let body: String = lines.take_while(|line| *line != "}\n").collect();
    body + "}\n"
}

fn is_wanted(set: &Set) -> bool {
    !TOLD.contains(&set.name.as_str()) && !matches!(sets::fullness(&set.name), Ok(Fullness::Empty))
}

impl Terse {
    /// Has all programs work at the same time.
    pub(super) fn start(sets: Vec<Set>) -> Result<Self, ProgramError> {
        let all = Program::start("nft", &["-j", "-t", "list", "ruleset"])?;
        let start = |set: Set| {
            let program = Program::start("nft", &["-j", "list", set.kind, "inet", TABLE, &set.name])?;
            Ok((set, program))
        };
        Ok(Self { all, sets: sets.into_iter().map(start).collect::<Result<_, _>>()? })
    }

    /// The objects of the table.
    pub(super) fn objects(self) -> Result<Vec<Value>, ProgramError> {
        let mut table = objects(&self.all.finish()?)?;
        table.retain(is_of_gate);
        for (set, program) in self.sets {
            let elements = listed(program, set.kind)?;
            let mut own = table.iter_mut().filter_map(|object| object.get_mut(set.kind));
            if let (Some(elements), Some(own)) = (elements, own.find(|own| own["name"] == *set.name)) {
                own["elem"] = elements;
            }
        }
        Ok(table)
    }
}

/// What is in a set; nothing where somebody took it away meanwhile, which the number of changes tells.
fn listed(program: Program, kind: &str) -> Result<Option<Value>, ProgramError> {
    let text = match program.finish() {
        Ok(text) => text,
        Err(ProgramError::Failed { said, .. }) if said.contains("No such file") => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut objects = objects(&text)?;
    let set = objects.iter_mut().find_map(|object| object.get_mut(kind)).ok_or(GARBLED)?;
    Ok(set.get_mut("elem").map(Value::take))
}

/// Whether it is the gate's table, or of it.
fn is_of_gate(object: &Value) -> bool {
    let Some((kind, inner)) = object.as_object().and_then(|object| object.iter().next()) else {
        return false;
    };
    let table = if kind == "table" { &inner["name"] } else { &inner["table"] };
    inner["family"] == "inet" && *table == TABLE
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn others_tables_are_none_of_the_gate() {
        let of = |kind: &str, family: &str, table: &str| {
            let key = if kind == "table" { "name" } else { "table" };
            is_of_gate(&json!({ kind: { "family": family, key: table, "chain": "portreeve" } }))
        };
        assert!(of("table", "inet", TABLE) && of("set", "inet", TABLE) && of("rule", "inet", TABLE));
        assert!(!of("table", "ip", TABLE) && !of("rule", "inet", "filter"));
        assert!(!is_of_gate(&json!({ "metainfo": { "version": "1.0.6" } })) && !is_of_gate(&json!(1)));
    }

    #[test]
    fn the_text_of_one_table_ends_with_it() {
        let gate = "table inet portreeve {\n\tchain pass {\n\t\taccept\n\t}\n}\n";
        let all = format!("table ip nat {{\n}}\n{gate}table inet portreeve_not {{\n}}\n");
        assert_eq!(own(&all), gate);
    }

    #[test]
    fn a_set_that_went_meanwhile_holds_nothing() {
        let told = |command: &str| {
            listed(Program::start("sh", &["-c", command]).unwrap(), "set").map_err(|error| error.to_string())
        };
        assert_eq!(told("echo 'Error: No such file or directory' >&2; exit 1"), Ok(None));
        assert_eq!(told("echo no memory >&2; exit 1"), Err("sh: exit status: 1 no memory".into()));
        let full = r#"echo '{"nftables": [{"metainfo": {}}, {"set": {"name": "a", "elem": [1]}}]}'"#;
        assert_eq!(told(full), Ok(Some(json!([1]))));
    }
}
