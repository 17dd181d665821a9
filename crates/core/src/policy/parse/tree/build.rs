//! Builds the tree from the events of the TOML reader, and reports what TOML forbids to say twice (A15).

use alloc::{borrow::Cow, collections::BTreeMap, vec::Vec};

use toml_parser::{
    ErrorSink, ParseError, Source, Span,
    decoder::{Encoding, ScalarKind},
    lexer::TokenKind,
    parser::{Event, EventKind, EventReceiver, RecursionGuard, parse_document},
};

use super::{Bytes, Children, Content, Node, NonRoot, Origin, Tree, narrow};
use crate::fnv::fnv;

/// What the error is called where a key or header is written again; its context is the first place.
pub(in super::super) const DUPLICATE: &str = "duplicate key";
/// What the error is called where a key has more parts than any of a policy.
pub(in super::super) const DEEP_KEY: &str = "key has too many parts";
/// What the error is called where the line of a key in braces ends before its value.
pub(in super::super) const BROKEN_KEY: &str = "key without value on its line";
/// What the error is called where a key leads into something that is no table, or is whole.
const CLOSED: &str = "cannot extend value";

/// Lists and tables in one another; the reader calls itself for each.
const DEPTH_MAX: u32 = 80;
/// A policy's longest dotted key is `service.web.owner.unit`.
const DOTS_MAX: usize = 8;
/// More errors than this help nobody.
const ERRORS_MAX: usize = 4_096;
/// A node takes as many bytes in a policy of usual style.
const BYTES_PER_NODE: usize = 16;
/// Tokens that are parsed at a time, at least: few enough to stay in the processor's cache.
const STRETCH_TOKENS: usize = 2_048;
/// So many entries of a table are looked at one by one; those behind them have an index.
const UNINDEXED_MAX: usize = 8;

/// Reads `text`, as much of it as is TOML, into a tree that takes over the memory of `last`.
///
/// The errors stand in the order in which they were met, the first few thousand of them and the last: that a list is
/// not closed is only told at its end.
pub(in super::super) fn read<'t>(text: &'t str, file: u32, last: Tree<'t>) -> (Tree<'t>, Vec<ParseError>) {
    let source = Source::new(text);
    let mut errors = Vec::new();
    let mut note = |error| {
        errors.truncate(ERRORS_MAX - 1);
        errors.push(error);
    };
    let mut builder = Builder::new(source, last.emptied(file, text.len() / BYTES_PER_NODE));
    let mut guard = RecursionGuard::new(&mut builder, DEPTH_MAX);
    let (mut stretch, mut nesting) = (Vec::new(), Nesting::default());
    for token in source.lex() {
        let is_boundary = nesting.is_outermost_end(token.kind());
        stretch.push(token);
        if is_boundary && stretch.len() >= STRETCH_TOKENS {
            parse_document(&stretch, &mut guard, &mut note);
            stretch.clear();
        }
    }
    parse_document(&stretch, &mut guard, &mut note);
    (builder.tree, errors)
}

/// How many brackets and braces are open: a file is read in stretches of lines that are whole.
#[derive(Default)]
struct Nesting {
    brackets: i64,
    braces: i64,
}

impl Nesting {
    /// Whether a line ends here that is part of no list or table.
    fn is_outermost_end(&mut self, token: TokenKind) -> bool {
        match token {
            TokenKind::LeftSquareBracket => self.brackets += 1,
            TokenKind::RightSquareBracket => self.brackets -= 1,
            TokenKind::LeftCurlyBracket => self.braces += 1,
            TokenKind::RightCurlyBracket => self.braces -= 1,
            _ => {}
        }
        token == TokenKind::Newline && (self.brackets, self.braces) == (0, 0)
    }
}

/// A part of a key.
#[derive(Default)]
struct Part<'t> {
    name: Cow<'t, str>,
    at: Bytes,
}

/// How a key with several parts is written, which decides what it may pass through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// `[a.b.c]`
    Header,
    /// `a.b.c = …`
    Dotted,
}

/// An entry of a table. It has a hash before its name, since names of one policy begin alike.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry<'n> {
    table: u32,
    hash: u32,
    name: Cow<'n, str>,
}

impl<'n> Entry<'n> {
    fn new(table: u32, name: Cow<'n, str>) -> Self {
        Self { table, hash: fnv(name.bytes()), name }
    }
}

struct Builder<'t> {
    source: Source<'t>,
    tree: Tree<'t>,
    /// The later entries of large tables.
    index: BTreeMap<Entry<'t>, u32>,
    /// Where keys outside of braces go.
    table: u32,
    /// The lists and tables whose brackets and braces are open.
    open: Vec<u32>,
    /// Where the header that is being read begins, and how many brackets it has.
    header: Option<(Span, Brackets)>,
    /// The key that is being read.
    key: Vec<Part<'t>>,
    /// Whether a dot came last, so that the key goes on.
    goes_on: bool,
}

#[derive(Clone, Copy)]
enum Brackets {
    One,
    Two,
}

impl<'t> Builder<'t> {
    fn new(source: Source<'t>, tree: Tree<'t>) -> Self {
        let mut builder = Self {
            source,
            tree,
            index: BTreeMap::new(),
            table: 0,
            open: Vec::new(),
            header: None,
            key: Vec::new(),
            goes_on: false,
        };
        builder.add(Part::default(), Bytes::default(), Content::Table(Origin::Header));
        builder
    }

    /// Adds a node that belongs to nobody yet.
    fn add(&mut self, Part { name, at: name_at }: Part<'t>, at: Bytes, content: Content<'t>) -> u32 {
        let children = Children::default();
        self.tree.nodes.push(Node { name, name_at, at, content, children, next: None });
        narrow(self.tree.nodes.len() - 1)
    }

    /// Adds a node below `parent`, behind its other children.
    fn append(&mut self, parent: u32, part: Part<'t>, at: Bytes, content: Content<'t>) -> u32 {
        let id = self.add(part, at, content);
        let Some(child) = NonRoot::new(id) else { return id };
        let children = &mut self.tree.nodes[parent as usize].children;
        children.count += 1;
        let (first, before) = children.ends.map_or((child, None), |(first, last)| (first, Some(last)));
        children.ends = Some((first, child));
        if let Some(before) = before {
            self.tree.nodes[before.get() as usize].next = Some(child);
        }
        let parent_value = self.tree.value(parent);
        if parent_value.is_table() && parent_value.children_count() > UNINDEXED_MAX {
            let name = self.tree.node(id).name.clone();
            self.index.entry(Entry::new(parent, name)).or_insert(id);
        }
        id
    }

    fn find(&self, parent: u32, name: &str) -> Option<u32> {
        let value = self.tree.value(parent);
        let first = value.children().take(UNINDEXED_MAX).find(|child| child.name() == name);
        match first {
            Some(child) => Some(child.id),
            None if value.children_count() <= UNINDEXED_MAX => None,
            None => self.index.get(&Entry::new(parent, name.into())).copied(),
        }
    }

    /// The table that the parts of the key before its last lead to, and that last part.
    fn descend(&mut self, mut from: u32, way: Way, errors: &mut dyn ErrorSink) -> Option<(u32, Part<'t>)> {
        let mut key = core::mem::take(&mut self.key);
        let last = key.pop()?;
        for part in key.drain(..) {
            from = match self.find(from, &part.name) {
                Some(there) => self.pass(there, way, part.at, errors)?,
                None => {
                    let origin = if way == Way::Dotted { Origin::Dotted } else { Origin::Implied };
                    let at = part.at;
                    self.append(from, part, at, Content::Table(origin))
                }
            };
        }
        self.key = key;
        Some((from, last))
    }

    /// The table in which a key goes on that leads through the node `id`.
    ///
    /// A table that a header defined is not added to by dotted keys, and one in braces by nothing (toml.io, "Table").
    fn pass(&mut self, id: u32, way: Way, at: Bytes, errors: &mut dyn ErrorSink) -> Option<u32> {
        let node = &mut self.tree.nodes[id as usize];
        match (&mut node.content, way) {
            (Content::List(Origin::Header), Way::Header) => node.children.ends.map(|(_, last)| last.get()),
            (Content::Table(Origin::Header), Way::Dotted) => {
                errors.report_error(twice(at, node.name_at));
                None
            }
            (Content::Table(origin @ (Origin::Implied | Origin::Dotted)), Way::Dotted) => {
                *origin = Origin::Dotted;
                Some(id)
            }
            (Content::Table(Origin::Header | Origin::Implied | Origin::Dotted), Way::Header) => Some(id),
            _ => {
                errors.report_error(ParseError::new(CLOSED).with_unexpected(at.into()));
                None
            }
        }
    }

    /// Puts a value where the key says, or behind the other items of an open list.
    ///
    /// What cannot be put anywhere stays by itself, so that what is read next has somewhere to go.
    fn put(&mut self, content: Content<'t>, span: Span, errors: &mut dyn ErrorSink) -> u32 {
        let at = span.into();
        let parent = self.open.last().copied().unwrap_or(self.table);
        if let Content::List(_) = self.tree.node(parent).content {
            return self.append(parent, Part::default(), at, content);
        }
        let Some((table, part)) = self.descend(parent, Way::Dotted, errors) else {
            return self.add(Part::default(), at, content);
        };
        match self.find(table, &part.name) {
            Some(first) => {
                errors.report_error(twice(part.at, self.tree.node(first).name_at));
                self.add(part, at, content)
            }
            None => self.append(table, part, at, content),
        }
    }

    /// Enters the table of the header that ends here.
    fn enter(&mut self, end: Span, errors: &mut dyn ErrorSink) {
        let Some((start, brackets)) = self.header.take() else { return };
        let at = start.append(end).into();
        let entered = self.descend(0, Way::Header, errors);
        self.table = match (entered, brackets) {
            (Some((parent, part)), Brackets::One) => self.table(parent, part, at, errors),
            (Some((parent, part)), Brackets::Two) => self.item(parent, part, at, errors),
            (None, _) => self.add(Part::default(), at, Content::Table(Origin::Header)),
        };
        self.key.clear();
    }

    /// The table of `[name]`. One that is written again is a table of its own, whose mistakes are told too.
    fn table(&mut self, parent: u32, part: Part<'t>, at: Bytes, errors: &mut dyn ErrorSink) -> u32 {
        if let Some(id) = self.find(parent, &part.name) {
            let node = &mut self.tree.nodes[id as usize];
            if let Content::Table(origin @ Origin::Implied) = &mut node.content {
                *origin = Origin::Header;
                (node.name_at, node.at) = (part.at, at);
                return id;
            }
            errors.report_error(twice(part.at, node.name_at));
        }
        self.append(parent, part, at, Content::Table(Origin::Header))
    }

    /// A table of `[[name]]`.
    fn item(&mut self, parent: u32, part: Part<'t>, at: Bytes, errors: &mut dyn ErrorSink) -> u32 {
        let list = match self.find(parent, &part.name) {
            Some(id) if matches!(self.tree.node(id).content, Content::List(Origin::Header)) => id,
            Some(id) => {
                errors.report_error(twice(part.at, self.tree.node(id).name_at));
                self.add(part, at, Content::List(Origin::Header))
            }
            None => self.append(parent, part, at, Content::List(Origin::Header)),
        };
        self.append(list, Part::default(), at, Content::Table(Origin::Header))
    }

    fn begin(&mut self, header: Span, brackets: Brackets) {
        self.open.clear();
        self.key.clear();
        self.header = Some((header, brackets));
    }

    fn close(&mut self, span: Span) {
        if let Some(id) = self.open.pop() {
            self.tree.nodes[id as usize].at.end = narrow(span.end());
        }
        self.key.clear();
    }

    fn decoded(&self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) -> Content<'t> {
        let event = Event::new_unchecked(EventKind::Scalar, encoding, span);
        let Some(written) = self.source.get(event) else { return Content::Boolean };
        let mut decoded = Cow::Borrowed("");
        match written.decode_scalar(&mut decoded, errors) {
            ScalarKind::String => Content::Text(decoded),
            ScalarKind::Integer(_) => Content::Integer(decoded),
            ScalarKind::Float => Content::Float,
            ScalarKind::Boolean(_) => Content::Boolean,
            ScalarKind::DateTime => Content::Date(written.as_str()),
        }
    }
}

fn twice(at: Bytes, first: Bytes) -> ParseError {
    ParseError::new(DUPLICATE).with_unexpected(at.into()).with_context(first.into())
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.begin(span, Brackets::One);
    }

    fn std_table_close(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.enter(span, errors);
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.begin(span, Brackets::Two);
    }

    fn array_table_close(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.enter(span, errors);
    }

    fn inline_table_open(&mut self, span: Span, errors: &mut dyn ErrorSink) -> bool {
        let id = self.put(Content::Table(Origin::Inline), span, errors);
        self.open.push(id);
        true
    }

    fn inline_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.close(span);
    }

    fn array_open(&mut self, span: Span, errors: &mut dyn ErrorSink) -> bool {
        let id = self.put(Content::List(Origin::Inline), span, errors);
        self.open.push(id);
        true
    }

    fn array_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        self.close(span);
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        if !core::mem::take(&mut self.goes_on) {
            self.key.clear();
        }
        let event = Event::new_unchecked(EventKind::SimpleKey, encoding, span);
        let Some(written) = self.source.get(event) else { return };
        let mut name = Cow::Borrowed("");
        written.decode_key(&mut name, errors);
        self.key.push(Part { name, at: span.into() });
    }

    fn key_sep(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        self.goes_on = true;
        if self.key.len() == DOTS_MAX + 1 {
            errors.report_error(ParseError::new(DEEP_KEY).with_unexpected(span));
        }
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, errors: &mut dyn ErrorSink) {
        let content = self.decoded(span, encoding, errors);
        self.put(content, span, errors);
    }

    fn value_sep(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.key.clear();
    }

    fn comment(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        if let Some(written) = self.source.get(span) {
            written.decode_comment(errors);
        }
    }

    /// A header that was not closed ends with its line, so that the keys below it are its own. A key alone may have
    /// been meant for a header: whose the keys below it are cannot be told. Between braces lines may end, but not
    /// between a key and its value (toml.io, "Inline Table").
    fn newline(&mut self, span: Span, errors: &mut dyn ErrorSink) {
        if let Some(written) = self.source.get(span) {
            written.decode_newline(errors);
        }
        if self.header.is_some() {
            self.enter(span.before(), errors);
        } else if let Some(part) = self.key.last() {
            if self.open.is_empty() {
                self.table = self.add(Part::default(), span.into(), Content::Table(Origin::Header));
            } else {
                errors.report_error(ParseError::new(BROKEN_KEY).with_unexpected(part.at.into()));
            }
        }
        self.key.clear();
        self.goes_on = false;
    }
}
