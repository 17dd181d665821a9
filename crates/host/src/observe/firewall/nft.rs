//! Lists tables of nftables as JSON, whatever nft makes of their flags (libnftables-json(5)).
//!
//! Where a table has flags, nft 1.0.6 writes bytes there that belong to something else: its name, or such that no JSON can hold,
//! and then it prints nothing of any table.

pub(crate) mod terse;

use serde::de::IgnoredAny;
use serde_json::{Value, json};

use self::terse::Terse;
use super::kernel::Table;
use crate::program::{Program, ProgramError};

/// NFT_TABLE_F_DORMANT, NFT_TABLE_F_OWNER and NFT_TABLE_F_PERSIST (include/uapi/linux/netfilter/nf_tables.h), as nft calls them.
const FLAGS: [(u32, &str); 3] = [(DORMANT, "dormant"), (2, "owner"), (4, "persist")];
/// The kernel asks none of its chains.
const DORMANT: u32 = 1;
const GARBLED: ProgramError = ProgramError::Garbled("nft");

/// A listing that nft is making.
#[derive(Debug)]
pub(crate) struct Listing(Vec<Part>);

#[derive(Debug)]
enum Part {
    /// All tables, or one, of which nothing is garbled.
    Asked(Program),
    /// A table with these flags.
    Flagged(Program, u32),
    /// The gate, without what packets have filled its sets with.
    Terse(Terse),
    /// The object of a table that does nothing.
    Told(Value),
}

impl Listing {
    /// Of everything in `tables`, which are all there are.
    pub(crate) fn of_all(tables: &[Table]) -> Result<Self, ProgramError> {
        let is_flooded = tables.iter().any(Table::is_of_gate) && terse::sets().is_some();
        if !is_flooded && tables.iter().all(|table| table.flags == 0) {
            return Ok(Self(vec![Part::Asked(Program::start("nft", &["-j", "list", "ruleset"])?)]));
        }
        tables.iter().map(Part::of).collect::<Result<_, _>>().map(Self)
    }

    /// Of one table.
    pub(crate) fn of_one(table: &Table) -> Result<Self, ProgramError> {
        Ok(Self(vec![Part::of(table)?]))
    }

    /// What nft says, and beside it the kernel.
    pub(crate) fn finish(self) -> Result<String, ProgramError> {
        let mut parts: Vec<Part> = self.0;
        if let [Part::Asked(_)] = parts.as_slice()
            && let Some(Part::Asked(program)) = parts.pop()
        {
            let text = program.finish()?;
            return match serde_json::from_str::<IgnoredAny>(&text) {
                Ok(_) => Ok(text),
                Err(_) => Err(GARBLED),
            };
        }
        let objects: Result<Vec<Vec<Value>>, ProgramError> = parts.into_iter().map(Part::objects).collect();
        Ok(json!({ "nftables": objects?.concat() }).to_string())
    }
}

impl Part {
    fn of(table: &Table) -> Result<Self, ProgramError> {
        // Of a family that nft does not know either it says so itself.
        let family = table.family_name().unwrap_or("unknown");
        if table.flags & DORMANT != 0 {
            let flags = named(table.flags);
            return Ok(Self::Told(
                json!({ "table": { "family": family, "name": table.name, "flags": flags } }),
            ));
        }
        if table.is_of_gate()
            && let Some(sets) = terse::sets()
        {
            return Terse::start(sets).map(Self::Terse);
        }
        let program = Program::start("nft", &["-j", "list", "table", family, &table.name])?;
        Ok(if table.flags == 0 { Self::Asked(program) } else { Self::Flagged(program, table.flags) })
    }

    fn objects(self) -> Result<Vec<Value>, ProgramError> {
        match self {
            Self::Told(object) => Ok(vec![object]),
            Self::Asked(program) => objects(&program.finish()?),
            Self::Terse(terse) => terse.objects(),
            Self::Flagged(program, flags) => {
                let mut objects = objects(&program.finish()?)?;
                for table in objects.iter_mut().filter_map(|object| object.get_mut("table")) {
                    table["flags"] = named(flags);
                }
                Ok(objects)
            }
        }
    }
}

fn objects(text: &str) -> Result<Vec<Value>, ProgramError> {
    let mut root: Value = serde_json::from_str(text).map_err(|_| GARBLED)?;
    match root.get_mut("nftables").map(Value::take) {
        Some(Value::Array(objects)) => Ok(objects),
        _ => Err(GARBLED),
    }
}

/// A flag of which no name is known stands by its number.
fn named(flags: u32) -> Value {
    let known = FLAGS.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, name)| Value::from(*name));
    let unknown = FLAGS.iter().fold(flags, |left, (flag, _)| left & !flag);
    known.chain((unknown != 0).then(|| unknown.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_is_told() {
        let told = [1, 2, 7, 8, 9].map(|flags| named(flags).to_string());
        assert_eq!(
            told,
            [r#"["dormant"]"#, r#"["owner"]"#, r#"["dormant","owner","persist"]"#, "[8]", r#"["dormant",8]"#]
        );
    }

    #[test]
    fn what_sleeps_is_told_without_asking() {
        let asleep = Table { family: 1, name: "a".into(), flags: DORMANT };
        let told = Listing::of_one(&asleep).unwrap().finish().unwrap();
        assert_eq!(told, r#"{"nftables":[{"table":{"family":"inet","flags":["dormant"],"name":"a"}}]}"#);
    }

    #[test]
    fn what_is_no_listing_is_refused() {
        for text in ["", "\n", "garbage", "{\"nftables\": [", "{}", "[]"] {
            assert!(matches!(objects(text), Err(ProgramError::Garbled("nft"))), "{text}");
        }
        assert_eq!(objects(r#"{"nftables": [{"a": 1}]}"#).unwrap().len(), 1);
    }
}
