//! Reads sets as `ipset save` prints them, and says what a rule asks that names one (ipset(8), A17).

mod element;
mod group;
mod kinds;

use alloc::{borrow::ToOwned, collections::BTreeMap, string::String, vec, vec::Vec};

use self::{
    element::{Form, Leaf, Part},
    group::Shape,
};
use super::{
    intervals::Intervals,
    iptables::{
        questions::{any_of, never},
        words,
    },
    packets::Field,
    protocols,
    quote::quote,
    ruleset::{Question, Tuple},
    surroundings::Surroundings,
};
use crate::address::Family;

/// So many elements are read, in all sets.
const ELEMENTS_MAX: usize = 1 << 21;
/// So many sets are read (include/uapi/linux/netfilter/ipset/ip_set.h, `IPSET_INVALID_ID`).
const SETS_MAX: usize = 1 << 16;
/// So many combinations of a set one question may list; what has more is not told.
const TUPLES_MAX: usize = 1 << 16;

/// What adds an element to a set, or takes one out (iptables-extensions(8), "SET").
const UPDATES: [&str; 2] = ["--add-set", "--del-set"];
/// What holds only of more packets, or connections, than there may be (iptables-extensions(8)).
const BEYOND: [&str; 2] = ["--hashlimit-above", "--connlimit-above"];

/// Why a text is not what `ipset save` prints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A line neither creates a set nor adds to one.
    #[error("line {line} is none that `ipset save` prints")]
    Line {
        /// Its number, from 1.
        line: usize,
    },
    /// An element is added to a set that is not there.
    #[error("line {line}: there is no set `{name}`")]
    NoSet {
        /// The number of the line.
        line: usize,
        /// What it is called.
        name: String,
    },
    /// A set is there twice.
    #[error("line {line}: the set `{name}` was there before")]
    Twice {
        /// The number of the line.
        line: usize,
        /// What it is called.
        name: String,
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

/// Which end of a packet's way is looked up in a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its source, or the interface it came in by.
    Source,
    /// Its destination, or the interface it leaves by.
    Destination,
}

/// Sets by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sets(BTreeMap<String, Set>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Set {
    /// `None` where it is for both.
    family: Option<Family>,
    /// How many fields of a packet are looked up.
    dimensions: usize,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    /// Every combination that is in it.
    Shapes(Vec<Vec<Shape>>),
    /// What is in one of these sets.
    Sets(Vec<String>),
    /// It is not understood.
    Unknown,
}

/// The sets that `text` says, what `ipset save` prints. What is in a set of a kind that is not known cannot be told.
///
/// # Errors
///
/// Where the text is not what that program prints.
pub fn read(text: &str) -> Result<Sets, ReadError> {
    let mut drafts: BTreeMap<String, Draft> = BTreeMap::new();
    let mut elements = 0_usize;
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.trim();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let split = words::split(content).ok_or(ReadError::Line { line })?;
        let split: Vec<_> = split.iter().map(|word| &*word.text).collect();
        match *split {
            ["create" | "-N", name, kind, ref options @ ..] => {
                if drafts.len() >= SETS_MAX {
                    return Err(ReadError::TooMany { line, what: "sets" });
                }
                if drafts.insert(name.to_owned(), Draft::of(kind, options)).is_some() {
                    return Err(ReadError::Twice { line, name: quote(name) });
                }
            }
            ["add" | "-A", name, element, ref options @ ..] => {
                elements += 1;
                if elements > ELEMENTS_MAX {
                    return Err(ReadError::TooMany { line, what: "elements" });
                }
                let draft = drafts.get_mut(name);
                draft.ok_or_else(|| ReadError::NoSet { line, name: quote(name) })?.add(element, options);
            }
            ["COMMIT"] => {}
            _ => return Err(ReadError::Line { line }),
        }
    }
    Ok(Sets(drafts.into_iter().map(|(name, draft)| (name, draft.finish())).collect()))
}

/// A set that is being read.
struct Draft {
    form: Option<Form>,
    /// What is looked up first, by what is looked up beside it.
    leaves: BTreeMap<Vec<Part>, Vec<Leaf>>,
    names: Vec<String>,
}

impl Draft {
    fn of(kind: &str, options: &[&str]) -> Self {
        Self { form: Form::of(kind, options), leaves: BTreeMap::new(), names: Vec::new() }
    }

    /// Adds an element; one that is not understood leaves nothing to be said of the set.
    fn add(&mut self, element: &str, options: &[&str]) {
        let Some(form) = &self.form else { return };
        if form.is_list() {
            self.names.push(element.to_owned());
            return;
        }
        match form.element(element, options) {
            Some((rest, leaf)) => self.leaves.entry(rest).or_default().push(leaf),
            None => self.form = None,
        }
    }

    fn finish(self) -> Set {
        let Some(form) = self.form else {
            return Set { family: None, dimensions: 0, content: Content::Unknown };
        };
        let content = if form.is_list() {
            Content::Sets(self.names)
        } else {
            group::group(&form, self.leaves).map_or(Content::Unknown, Content::Shapes)
        };
        Set { family: form.family, dimensions: form.dimensions.len(), content }
    }
}

impl Sets {
    /// Forgets what is in the sets that rules fill or empty while packets pass, by what one of the programs that list rules
    /// of iptables prints: of what is in them now nothing follows.
    ///
    /// What they do only of more packets than a rate allows does not count: every verdict is for a sender who keeps within
    /// all rates.
    pub fn forget_changing(&mut self, rules: &str) {
        let updates = rules.lines().filter(|line| UPDATES.iter().any(|update| line.contains(update)));
        for line in updates {
            let words = words::split(line).unwrap_or_default();
            if words.iter().any(|word| BEYOND.contains(&&*word.text)) {
                continue;
            }
            let pairs = words.windows(2).filter(|pair| UPDATES.contains(&&*pair[0].text));
            pairs.for_each(|pair| self.forget(&pair[1].text));
        }
    }

    /// To a list whatever is added is in one of its sets.
    fn forget(&mut self, name: &str) {
        let Some(set) = self.0.get_mut(name) else { return };
        match core::mem::replace(&mut set.content, Content::Unknown) {
            Content::Sets(names) => names.iter().for_each(|name| self.forget(name)),
            Content::Shapes(_) | Content::Unknown => {}
        }
    }

    /// Whether a packet of `family` is in the set `name`, each field looked up on its side (ipset(8), "src", "dst").
    ///
    /// Unknown where the set is not there or not understood.
    #[must_use]
    pub fn question(&self, name: &str, sides: &[Side], family: Family, around: &Surroundings) -> Question {
        let Some(set) = self.0.get(name) else { return Question::Unknown };
        let Content::Sets(names) = &set.content else { return set.question(sides, family, around) };
        // The kernel lets no list be in a list.
        let member = |name: &String| match self.0.get(name) {
            Some(Set { content: Content::Sets(_), .. }) | None => Question::Unknown,
            Some(member) => member.question(sides, family, around),
        };
        any_of(names.iter().map(member).collect())
    }
}

impl Set {
    /// A set of the other family, or of more fields than are looked up, has nobody (net/netfilter/ipset/ip_set_core.c,
    /// `ip_set_test`).
    fn question(&self, sides: &[Side], family: Family, around: &Surroundings) -> Question {
        let is_other = self.family.is_some_and(|own| own != family);
        if is_other || self.dimensions > sides.len() {
            return never();
        }
        let Content::Shapes(shapes) = &self.content else { return Question::Unknown };
        if shapes.len() > TUPLES_MAX {
            return Question::Unknown;
        }
        let (mut sure, mut unsure) = (Vec::new(), Vec::new());
        for shapes in shapes {
            let tuple: Tuple =
                shapes.iter().zip(sides).flat_map(|(shape, side)| fields(shape, *side, around)).collect();
            if shapes.contains(&Shape::Unknown) { unsure.push(tuple) } else { sure.push(tuple) }
        }
        let unsure = if unsure.is_empty() {
            never()
        } else {
            Question::All(vec![Question::Any(unsure), Question::Unknown])
        };
        any_of(vec![any(sure), unsure])
    }
}

fn any(tuples: Vec<Tuple>) -> Question {
    match &*tuples {
        [tuple] => match &**tuple {
            [(field, values)] => Question::Is(*field, values.clone()),
            _ => Question::Any(tuples),
        },
        _ => Question::Any(tuples),
    }
}

/// What fields of a packet a shape is compared with, and what they must be.
fn fields(shape: &Shape, side: Side, around: &Surroundings) -> Tuple {
    let pick = |source, destination| if side == Side::Source { source } else { destination };
    match shape {
        Shape::Address(addresses) => vec![(pick(Field::Source, Field::Destination), addresses.clone())],
        Shape::Ports(protocol, ports) => {
            let mut tuple = vec![(Field::Protocol, Intervals::one((*protocol).into()))];
            match *protocol {
                protocols::ICMP | protocols::ICMPV6 => {
                    let number = ports.first().unwrap_or(0);
                    tuple.push((Field::IcmpType, Intervals::one(number >> 8)));
                    tuple.push((Field::IcmpCode, Intervals::one(number & 0xff)));
                }
                protocol if kinds::has_ports(protocol) => {
                    tuple.push((pick(Field::SourcePort, Field::DestinationPort), ports.clone()));
                }
                _ => {}
            }
            tuple
        }
        Shape::Interface { name, is_prefix } => {
            let field = pick(Field::InInterface, Field::OutInterface);
            let is_meant = |other: &str| if *is_prefix { other.starts_with(&**name) } else { other == name };
            let numbered = around.interfaces.iter().zip(0_u32..);
            let meant = numbered.filter(|(interface, _)| is_meant(&interface.name));
            let numbers = meant.fold(Intervals::none(), |all, (_, at)| all.or(&Intervals::one(at.into())));
            vec![(field, numbers)]
        }
        Shape::Mark(marks) => vec![(Field::Mark, marks.clone())],
        Shape::Unknown => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
