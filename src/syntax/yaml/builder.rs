//! From parser events to trees, without recursion.

use super::scalar::{self, Splitter};
use super::{MAX_ALIAS_NODES, MAX_DEPTH, MAX_NODES, clamp, indent};
use crate::place::Span;

use crate::partial::{Entry, Hop, HopKind, Kind, Text, Unknown, UnknownKind, Value};
use crate::source::SourceFile;
use crate::syntax::Parsed;
use granit_parser::{Event, ScalarStyle, Tag};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// CloudFormation's short tags and the keys they stand for, see
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>.
const SHORT_FUNCTIONS: [(&str, &str); 17] = [
    ("!And", "Fn::And"),
    ("!Base64", "Fn::Base64"),
    ("!Cidr", "Fn::Cidr"),
    ("!Condition", "Condition"),
    ("!Equals", "Fn::Equals"),
    ("!FindInMap", "Fn::FindInMap"),
    ("!GetAZs", "Fn::GetAZs"),
    ("!GetAtt", "Fn::GetAtt"),
    ("!If", "Fn::If"),
    ("!ImportValue", "Fn::ImportValue"),
    ("!Join", "Fn::Join"),
    ("!Not", "Fn::Not"),
    ("!Or", "Fn::Or"),
    ("!Ref", "Ref"),
    ("!Select", "Fn::Select"),
    ("!Split", "Fn::Split"),
    ("!Sub", "Fn::Sub"),
];

/// A finished node: its value, its extent with quotes and brackets, and what copying it costs.
#[derive(Clone)]
struct Node {
    value: Value,
    extent: Range<usize>,
    size: usize,
    depth: usize,
    /// A plain `<<`, which as a key merges.
    merge: bool,
}

enum Items {
    List(Vec<Value>),
    Map { entries: Vec<Entry>, merges: Vec<Value>, key: Option<Node> },
}

/// A collection that is still open.
struct Frame {
    items: Items,
    anchor: usize,
    tag: Option<(String, Option<Range<usize>>)>,
    extent: Range<usize>,
    empty: bool,
    size: usize,
    depth: usize,
}

pub(super) struct Builder<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) text: &'a str,
    pub(super) parsed: Parsed,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    alias_nodes: usize,
    anchor_nodes: usize,
    splitter: Splitter,
    /// Quoted scalars whose line breaks the parser did not see.
    mended: &'a [Range<usize>],
}

impl<'a> Builder<'a> {
    pub(super) fn new(file: &'a SourceFile, text: &'a str, mended: &'a [Range<usize>]) -> Self {
        Self {
            file,
            text,
            parsed: Parsed::default(),
            stack: Vec::new(),
            root: None,
            anchors: HashMap::new(),
            nodes: 0,
            alias_nodes: 0,
            anchor_nodes: 0,
            splitter: Splitter::new(file.id),
            mended,
        }
    }

    /// Takes one event; false when the file has more nodes than are read.
    pub(super) fn event(&mut self, event: Event<'_>, span: &granit_parser::Span) -> bool {
        let range = clamp(self.text, span.byte_range().unwrap_or_default());
        match event {
            Event::DocumentStart(..) => self.anchors.clear(),
            Event::DocumentEnd => self.finish_document(),
            Event::Scalar(text, style, anchor, tag) => {
                let tag = written_tag(tag.as_deref(), span);
                let said = self.mended.iter().any(|m| m.start == range.start).then(|| self.text.get(range.clone()).and_then(indent::alone));
                let node = self.scalar(said.flatten().as_deref().unwrap_or(&text), style, range, tag);
                self.complete(node, anchor);
            }
            Event::SequenceStart(_, anchor, tag) => {
                let tag = written_tag(tag.as_deref(), span);
                self.open(Items::List(Vec::new()), anchor, tag, range);
            }
            Event::MappingStart(_, anchor, tag) => {
                let tag = written_tag(tag.as_deref(), span);
                self.open(Items::Map { entries: Vec::new(), merges: Vec::new(), key: None }, anchor, tag, range);
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(&range, false),
            Event::Alias(id) => {
                let node = self.alias(id, range);
                self.complete(node, 0);
            }
            Event::UnresolvedAlias(name) => {
                self.problem(range.clone(), format!("the alias `*{name}` has no anchor in this document"));
                let node = self.unknown(range, "the alias has no anchor in its document");
                self.complete(node, 0);
            }
            _ => {}
        }
        if self.nodes > MAX_NODES {
            let at = range_end(span);
            self.problem(at..at, format!("the file has more than {MAX_NODES} nodes, the rest was not read"));
            return false;
        }
        true
    }

    /// Keeps what was read of an unfinished document, its collections open.
    pub(super) fn abandon(&mut self) {
        while let Some(frame) = self.stack.last() {
            let end = frame.extent.end;
            self.close(&(end..end), true);
        }
        if self.root.is_some() {
            self.finish_document();
        }
        self.anchors.clear();
    }

    fn finish_document(&mut self) {
        if let Some(root) = self.root.take() {
            self.parsed.documents.push(root.value);
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        Span::new(self.file.id, range)
    }

    fn unknown(&self, range: Range<usize>, why: &str) -> Node {
        let span = self.span(range.clone());
        let label = self.text.get(range.clone()).unwrap_or_default();
        let atom = Unknown::new(format!("{}#{}", self.file.path, range.start), UnknownKind::Any, label, why, Some(span));
        Node { value: Value::unknown(atom, Some(span)), extent: range, size: 1, depth: 1, merge: false }
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, raw: Range<usize>, tag: Option<(String, Option<Range<usize>>)>) -> Node {
        let place = self.splitter.split(self.text, raw.clone(), style, text);
        let name = tag.as_ref().map(|t| t.0.as_str());
        let plain = style == ScalarStyle::Plain && name.is_none();
        let kind = match name {
            None if plain => scalar::typed(text).unwrap_or(Kind::Text(place.text)),
            Some(n) if scalar::is_core_tag(n, &["int", "float", "bool", "null"]) => scalar::typed(text).unwrap_or(Kind::Text(place.text)),
            _ => Kind::Text(place.text),
        };
        let value = Value::new(kind, Some(self.span(place.tight)));
        let node = Node { value, extent: raw, size: 1, depth: 1, merge: plain && text == "<<" };
        self.tagged(node, tag)
    }

    /// What a tag makes of a node: CloudFormation's functions in their long form, an unknown for what nobody here knows.
    fn tagged(&self, node: Node, tag: Option<(String, Option<Range<usize>>)>) -> Node {
        let Some((name, place)) = tag else { return node };
        if name == "!" || scalar::is_core_tag(&name, &["str", "int", "float", "bool", "null", "seq", "map", "binary", "set", "omap"]) {
            return node;
        }
        let start = place.as_ref().map_or(node.extent.start, |p| p.start.min(node.extent.start));
        if let Some((_, long)) = SHORT_FUNCTIONS.iter().find(|(short, _)| *short == name) {
            let key = Text::literal(long, self.span(place.unwrap_or(start..start)));
            let extent = start..node.extent.end;
            let entries = vec![Entry { key, value: node.value }];
            return Node {
                value: Value::map(entries, Some(self.span(extent.clone()))),
                extent,
                size: node.size + 1,
                depth: node.depth + 1,
                merge: false,
            };
        }
        match node.value.kind {
            Kind::Map { .. } => node,
            _ => self.unknown(clamp(self.text, start..node.extent.end), &format!("the tag `{name}` is not known")),
        }
    }

    fn open(&mut self, items: Items, anchor: usize, tag: Option<(String, Option<Range<usize>>)>, extent: Range<usize>) {
        // The start of a block mapping is reported at its first key, without extent: it grows with its children.
        self.stack.push(Frame { items, anchor, tag, extent, empty: true, size: 1, depth: 1 });
    }

    fn close(&mut self, end: &Range<usize>, broken: bool) {
        let Some(mut frame) = self.stack.pop() else { return };
        // Only a flow collection's end has an extent of its own: the bracket.
        if self.text.get(end.clone()).is_some_and(|t| t == "]" || t == "}") {
            frame.extent.end = frame.extent.end.max(end.end);
        }
        let kind = match frame.items {
            Items::List(items) => Kind::List { items, open: broken },
            Items::Map { mut entries, merges, key } => {
                if let Some(key) = key {
                    // Only a broken document ends between a key and its value.
                    let at = key.extent.end..key.extent.end;
                    entries.push(Entry { key: self.key_text(&key), value: self.unknown(at, "the document breaks here").value });
                }
                let (entries, more) = merge(entries, merges);
                Kind::Map { entries, open: broken || more }
            }
        };
        let extent = frame.extent.clone();
        let value = Value::new(kind, Some(self.span(extent.clone())));
        let node = self.tagged(Node { value, extent, size: frame.size, depth: frame.depth, merge: false }, frame.tag);
        self.complete(node, frame.anchor);
    }

    fn alias(&mut self, id: usize, range: Range<usize>) -> Node {
        let Some(target) = self.anchors.get(&id) else {
            return self.unknown(range, "the anchor of the alias is not complete or too large");
        };
        if self.alias_nodes + target.size > MAX_ALIAS_NODES || self.stack.len() + target.depth > MAX_DEPTH {
            return self.unknown(range, "the aliases of the file expand to too much");
        }
        self.alias_nodes += target.size;
        let mut node = target.clone();
        let name = self.text.get(range.clone()).unwrap_or_default();
        let hop = Hop { span: self.span(range.clone()), kind: Arc::new(HopKind::Alias(name.into())), before: node.value.trail.take() };
        node.value.trail = Some(Arc::new(hop));
        node.extent = range;
        node
    }

    /// Hands a finished node to its anchor and to the collection it stands in.
    fn complete(&mut self, node: Node, anchor: usize) {
        self.nodes += 1;
        // Anchors inside anchors must not copy without end; an anchor that is not kept makes its aliases unknown.
        if anchor != 0 && self.anchor_nodes + node.size <= MAX_NODES {
            self.anchor_nodes += node.size;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(mut frame) = self.stack.pop() else {
            self.root = Some(node);
            return;
        };
        frame.grow(&node);
        match &mut frame.items {
            Items::List(items) => items.push(node.value),
            Items::Map { entries, merges, key } => match key.take() {
                None => *key = Some(node),
                Some(k) if k.merge => merges.push(node.value),
                Some(k) => entries.push(Entry { key: self.key_text(&k), value: node.value }),
            },
        }
        self.stack.push(frame);
    }

    fn key_text(&self, key: &Node) -> Text {
        key.value.as_text().unwrap_or_else(|| {
            let written = self.text.get(key.extent.clone()).unwrap_or_default();
            Text::literal(written, self.span(key.extent.clone()))
        })
    }
}

impl Frame {
    fn grow(&mut self, child: &Node) {
        if self.empty && self.extent.is_empty() {
            self.extent = child.extent.clone();
        }
        self.empty = false;
        self.extent.start = self.extent.start.min(child.extent.start);
        self.extent.end = self.extent.end.max(child.extent.end);
        self.size += child.size;
        self.depth = self.depth.max(child.depth + 1);
    }
}

/// The entries of a map with those of its merge keys; true when there may be more.
///
/// Own keys win over merged ones and earlier merges over later ones
/// (<https://yaml.org/type/merge.html>); merged entries come first, as the last entry of a name is the one that counts.
fn merge(own: Vec<Entry>, merges: Vec<Value>) -> (Vec<Entry>, bool) {
    if merges.is_empty() {
        return (own, false);
    }
    let mut seen: HashSet<String> = own.iter().filter_map(|e| e.key.as_known()).collect();
    let mut all = Vec::new();
    let mut more = false;
    let mut take = |value: Value, more: &mut bool| match value.kind {
        Kind::Map { entries, open } => {
            *more |= open;
            // The last of duplicates counts, so they are taken from the end.
            let mut fresh: Vec<Entry> = entries.into_iter().rev().filter(|e| e.key.as_known().is_none_or(|k| seen.insert(k))).collect();
            fresh.reverse();
            all.append(&mut fresh);
        }
        Kind::Null => {}
        _ => *more = true,
    };
    for value in merges {
        match value.kind {
            Kind::List { items, .. } => items.into_iter().for_each(|v| take(v, &mut more)),
            kind => take(Value { kind, span: value.span, trail: value.trail }, &mut more),
        }
    }
    all.extend(own);
    (all, more)
}

fn written_tag(tag: Option<&Tag>, span: &granit_parser::Span) -> Option<(String, Option<Range<usize>>)> {
    tag.map(|t| (t.original(), span.tag_span().and_then(|s| s.byte_range())))
}

fn range_end(span: &granit_parser::Span) -> usize {
    span.byte_range().map_or(0, |r| r.end)
}
