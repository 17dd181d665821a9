//! A TOML file as a tree that lies flat: one list of nodes, whose texts are slices of the file (A15).

mod build;

use alloc::{borrow::Cow, vec::Vec};

use super::lines::{Mark, narrow};

pub(super) use build::{BROKEN_KEY, DEEP_KEY, DUPLICATE, read};

/// What is written at one place of a file.
#[derive(Clone, Debug)]
pub(super) enum Content<'t> {
    /// Text, without its quotes.
    Text(Cow<'t, str>),
    /// A whole number, by its digits.
    Integer(Cow<'t, str>),
    /// Another number.
    Float,
    /// `true` or `false`.
    Boolean,
    /// A date or time, as it is written: whoever wants one checks it.
    Date(&'t str),
    /// A list.
    List(Origin),
    /// A table.
    Table(Origin),
}

/// How a list or table came to be, which decides what may add to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// By its own header, `[service.web]` or `[[waive]]`.
    Header,
    /// By the header of a table in it.
    Implied,
    /// By a key with dots.
    Dotted,
    /// Between brackets or braces.
    Inline,
}

/// One file. It has no depth for a drop to descend into, and takes no memory for each of its tables.
#[derive(Debug, Default)]
pub(super) struct Tree<'t> {
    file: u32,
    nodes: Vec<Node<'t>>,
}

#[derive(Debug)]
struct Node<'t> {
    /// Empty for the items of a list.
    name: Cow<'t, str>,
    name_at: Bytes,
    at: Bytes,
    content: Content<'t>,
    children: Children,
    /// The child of the same parent that was written next; the root follows nobody.
    next: Option<NonRoot>,
}

/// The children of a node, as a chain.
#[derive(Clone, Copy, Debug, Default)]
struct Children {
    ends: Option<(NonRoot, NonRoot)>,
    count: u32,
}

type NonRoot = core::num::NonZeroU32;

/// From the first byte to the one after the last.
#[derive(Clone, Copy, Debug, Default)]
struct Bytes {
    start: u32,
    end: u32,
}

impl From<toml_parser::Span> for Bytes {
    fn from(span: toml_parser::Span) -> Self {
        Self { start: narrow(span.start()), end: narrow(span.end()) }
    }
}

impl From<Bytes> for toml_parser::Span {
    fn from(bytes: Bytes) -> Self {
        Self::new_unchecked(bytes.start as usize, bytes.end as usize)
    }
}

impl<'t> Tree<'t> {
    /// A tree for another file, in the memory of this one.
    fn emptied(mut self, file: u32, nodes_expected: usize) -> Self {
        self.nodes.clear();
        self.nodes.reserve(nodes_expected);
        Self { file, nodes: self.nodes }
    }

    /// The table that holds the whole file.
    pub(super) fn root(&self) -> Value<'_, 't> {
        self.value(0)
    }

    fn value(&self, id: u32) -> Value<'_, 't> {
        Value { tree: self, id }
    }

    fn node(&self, id: u32) -> &Node<'t> {
        &self.nodes[id as usize]
    }
}

/// A value in its file; free to copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'v, 't> {
    tree: &'v Tree<'t>,
    id: u32,
}

impl<'v, 't> Value<'v, 't> {
    fn node(self) -> &'v Node<'t> {
        self.tree.node(self.id)
    }

    fn mark(self, Bytes { start, end }: Bytes) -> Mark {
        Mark { file: self.tree.file, start, end }
    }

    /// Where it is written; a table with a header at its header.
    pub(super) fn at(self) -> Mark {
        self.mark(self.node().at)
    }

    /// What its table calls it.
    pub(super) fn name(self) -> &'v str {
        &self.node().name
    }

    /// Where its name is written.
    pub(super) fn name_at(self) -> Mark {
        self.mark(self.node().name_at)
    }

    /// What is written there.
    pub(super) fn content(self) -> &'v Content<'t> {
        &self.node().content
    }

    /// Its text, if it is text.
    pub(super) fn text(self) -> Option<&'v str> {
        match self.content() {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it is a table.
    pub(super) fn is_table(self) -> bool {
        matches!(self.content(), Content::Table(_))
    }

    /// Whether it is a list.
    pub(super) fn is_list(self) -> bool {
        matches!(self.content(), Content::List(_))
    }

    /// The entries of a table or the items of a list, in the order in which they were begun.
    pub(super) fn children(self) -> impl Iterator<Item = Self> {
        let first = self.node().children.ends.map(|(first, _)| first);
        let tree = self.tree;
        core::iter::successors(first, move |id| tree.node(id.get()).next).map(move |id| tree.value(id.get()))
    }

    /// The items of a list; any other value stands for a list of itself.
    pub(super) fn items(self) -> impl Iterator<Item = Self> {
        let (alone, listed) = if self.is_list() { (None, Some(self.children())) } else { (Some(self), None) };
        alone.into_iter().chain(listed.into_iter().flatten())
    }

    /// How many [`Self::items`] there are.
    pub(super) fn items_count(self) -> usize {
        if self.is_list() { self.children_count() } else { 1 }
    }

    fn children_count(self) -> usize {
        self.node().children.count as usize
    }

    /// The entry of a table that has this name.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        self.children().find(|child| child.name() == name)
    }
}

#[cfg(test)]
mod tests;
