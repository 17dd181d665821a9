//! Reads rules as `iptables-save` and its sisters print them: for IPv4 and IPv6, nft and legacy (iptables-save(8), A17).

mod matches;
pub(super) mod numbers;
pub(super) mod questions;
mod rule;
mod tables;
mod targets;
pub(super) mod words;

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec::Vec};

pub(super) use self::matches::icmp;
use self::{tables::Table, words::Words};
use super::{
    ipset::Sets,
    quote::quote,
    ruleset::{Chain, ChainId, Layer, Policy, Rule, Ruleset, Step},
    surroundings::Surroundings,
};
use crate::address::Family;

/// So many chains are read; a cluster with ten thousand services has some fifty thousand.
const CHAINS_MAX: usize = 1 << 18;
/// So many rules are read.
const RULES_MAX: usize = 1 << 20;
/// So many combinations of sets' elements are kept, in all rules.
const TUPLES_MAX: usize = 1 << 22;
/// So many bytes a line may have.
const LINE_BYTES_MAX: usize = 1 << 16;

/// Why a text is not what `iptables-save` prints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A line is nothing that `iptables-save` prints, at least not there.
    #[error("line {line} is none that iptables-save prints there")]
    Line {
        /// Its number, from 1.
        line: usize,
    },
    /// A table is none of iptables', or is there twice.
    #[error("line {line}: `{name}` is no table of iptables, or was there before")]
    Table {
        /// The number of the line.
        line: usize,
        /// What it is called.
        name: String,
    },
    /// A chain has the name of another one, or a policy and no hook.
    #[error("line {line}: `{name}` is no chain that this table can have, or was there before")]
    Chain {
        /// The number of the line.
        line: usize,
        /// What it is called.
        name: String,
    },
    /// A rule stands in a chain that the table does not have.
    #[error("line {line}: the table has no chain `{name}`")]
    NoChain {
        /// The number of the line.
        line: usize,
        /// What it is called.
        name: String,
    },
    /// A quotation does not end.
    #[error("line {line}: a quotation does not end")]
    Quotation {
        /// The number of the line.
        line: usize,
    },
    /// The text ends inside a table.
    #[error("the text ends in line {line}, before the COMMIT of its table")]
    Truncated {
        /// The number of the last line.
        line: usize,
    },
    /// There is more than is read.
    #[error("line {line}: more {what} than are read")]
    TooMany {
        /// The number of the line.
        line: usize,
        /// Of what.
        what: &'static str,
    },
}

/// What a rule's words are read against.
#[derive(Clone, Copy)]
struct Scope<'a> {
    family: Family,
    table: Table,
    chain: &'a str,
    around: &'a Surroundings,
    sets: &'a Sets,
    chains: &'a BTreeMap<&'a str, ChainId>,
}

/// Adds the chains of `text`, what one of the programs prints about `family`, to those of `into`.
///
/// Interfaces are looked up in `around`, and sets in `sets`. Where a rule says what is not understood, it is one of which
/// it cannot be told what it does.
///
/// # Errors
///
/// Where the text is not what these programs print; `into` is what it was, then.
pub fn read(
    text: &str,
    family: Family,
    around: &Surroundings,
    sets: &Sets,
    into: &mut Ruleset,
) -> Result<(), ReadError> {
    let mut reader =
        Reader { family, around, sets, before: into.chains.len(), chains: Vec::new(), rules: 0, tuples: 0 };
    let mut section: Option<Section<'_>> = None;
    let mut tables = Vec::new();
    let mut last = 0;
    for (line, content) in (1..).zip(text.lines()) {
        last = line;
        let content = content.trim();
        if content.len() > LINE_BYTES_MAX {
            return Err(ReadError::TooMany { line, what: "bytes" });
        }
        match (section.as_mut(), content.as_bytes().first()) {
            (_, None | Some(b'#')) => {}
            (None, Some(b'*')) => {
                let table = Table::named(&content[1..]).filter(|table| !tables.contains(table));
                let table = table.ok_or_else(|| ReadError::Table { line, name: quote(&content[1..]) })?;
                tables.push(table);
                section = Some(Section::of(table));
            }
            (Some(open), Some(b':')) => open.declare(line, content)?,
            (Some(_), _) if content == "COMMIT" => {
                if let Some(open) = section.take() {
                    reader.add(open)?;
                }
            }
            (Some(open), Some(b'[' | b'-')) => open.rules.push((line, content)),
            _ => return Err(ReadError::Line { line }),
        }
    }
    if section.is_some() {
        return Err(ReadError::Truncated { line: last });
    }
    into.chains.extend(reader.chains);
    Ok(())
}

/// The lines of a table.
struct Section<'a> {
    table: Table,
    chains: Vec<(&'a str, Option<Policy>)>,
    names: BTreeMap<&'a str, usize>,
    rules: Vec<(usize, &'a str)>,
}

impl<'a> Section<'a> {
    const fn of(table: Table) -> Self {
        Self { table, chains: Vec::new(), names: BTreeMap::new(), rules: Vec::new() }
    }

    /// `:INPUT ACCEPT [12:960]`, or `:DOCKER - [0:0]`.
    fn declare(&mut self, line: usize, content: &'a str) -> Result<(), ReadError> {
        let mut words = content[1..].split_ascii_whitespace();
        let (Some(name), Some(policy)) = (words.next(), words.next()) else {
            return Err(ReadError::Line { line });
        };
        let wrong = || ReadError::Chain { line, name: quote(name) };
        let policy = match policy {
            "-" => None,
            "ACCEPT" => Some(Policy::Accept),
            "DROP" => Some(Policy::Drop),
            _ => return Err(wrong()),
        };
        let has_hook = policy.is_none() || self.table.hook(name).is_some();
        if !has_hook || self.names.insert(name, self.chains.len()).is_some() {
            return Err(wrong());
        }
        self.chains.push((name, policy));
        Ok(())
    }
}

struct Reader<'a> {
    family: Family,
    around: &'a Surroundings,
    sets: &'a Sets,
    /// How many chains of others there are before those of this text.
    before: usize,
    chains: Vec<Chain>,
    rules: usize,
    tuples: usize,
}

impl Reader<'_> {
    /// Adds the chains of a table and their rules.
    fn add(&mut self, section: Section<'_>) -> Result<(), ReadError> {
        let Section { table, chains, names, rules } = section;
        let line = rules.first().map_or(1, |(line, _)| *line);
        self.rules = self.rules.saturating_add(rules.len());
        if self.chains.len() + chains.len() > CHAINS_MAX {
            return Err(ReadError::TooMany { line, what: "chains" });
        }
        if self.rules > RULES_MAX {
            return Err(ReadError::TooMany { line, what: "rules" });
        }
        let own = self.chains.len();
        let numbered = names.iter().map(|(name, at)| (*name, ChainId(self.before + own + at)));
        let numbers: BTreeMap<_, _> = numbered.collect();
        let layer = if self.family == Family::Ipv4 { Layer::Ip } else { Layer::Ip6 };
        self.chains.extend(chains.into_iter().map(|(name, policy)| Chain {
            layer,
            table: table.name().to_owned(),
            name: name.to_owned(),
            base: policy.and_then(|policy| table.base(name, policy)),
            rules: Vec::new(),
        }));
        for (line, content) in rules {
            let (chain, rule) = self.rule(table, &numbers, line, content)?;
            self.tuples = self.tuples.saturating_add(tuples(&rule));
            if self.tuples > TUPLES_MAX {
                return Err(ReadError::TooMany { line, what: "elements of sets" });
            }
            self.chains[chain.0 - self.before].rules.push(rule);
        }
        Ok(())
    }

    /// `[0:0] -A INPUT …`, where the counters may be missing.
    fn rule(
        &self,
        table: Table,
        chains: &BTreeMap<&str, ChainId>,
        line: usize,
        content: &str,
    ) -> Result<(ChainId, Rule), ReadError> {
        let text = match content.strip_prefix('[') {
            Some(counters) => counters.split_once(']').ok_or(ReadError::Line { line })?.1.trim_start(),
            None => content,
        };
        let words = words::split(text).ok_or(ReadError::Quotation { line })?;
        let mut words = Words::of(&words);
        let (Some("-A" | "--append"), Some(chain)) = (words.take(), words.take()) else {
            return Err(ReadError::Line { line });
        };
        let id = chains.get(chain).ok_or_else(|| ReadError::NoChain { line, name: quote(chain) })?;
        let scope = Scope { family: self.family, table, chain, around: self.around, sets: self.sets, chains };
        Ok((*id, Rule { handle: None, text: text.to_owned(), steps: rule::read(words, &scope) }))
    }
}

/// How many combinations of a set's elements a rule holds: large sets are copied into each rule that names them.
fn tuples(rule: &Rule) -> usize {
    let questions = rule.steps.iter().map(|step| match step {
        Step::Ask(question) => questions::tuples(question),
        _ => 0,
    });
    questions.sum()
}

#[cfg(test)]
mod tests;
