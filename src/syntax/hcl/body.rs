//! Files and blocks, with recovery: a broken block costs itself.

use super::ast::{Attribute, Block, Body, Label};
use super::scan::{Parser, Result};
use super::template::unescape;
use std::sync::Arc;

/// The words that open a block at the top of a Terraform file: where reading goes on after a broken block.
const TOP_LEVEL: &[&str] = &[
    "resource",
    "data",
    "module",
    "variable",
    "output",
    "locals",
    "provider",
    "terraform",
    "moved",
    "removed",
    "import",
    "check",
    "ephemeral",
    "run",
    "mock_provider",
    "inputs",
    "include",
    "dependency",
];

impl Parser<'_> {
    /// A whole file.
    pub(super) fn file(&mut self) -> Body {
        let mut body = Body::default();
        loop {
            self.newlines = true;
            self.depth = 0;
            self.lines();
            if self.at_end() {
                return body;
            }
            let start = self.at;
            if let Err(problem) = self.item(&mut body) {
                self.problems.push(problem);
                self.recover(start);
            }
        }
    }

    /// Moves to the next line after `start` that opens a block at the left margin.
    fn recover(&mut self, start: usize) {
        self.at = start;
        loop {
            self.line_end();
            if self.at_end() {
                return;
            }
            self.at += 1;
            let word = self.peek_word();
            if TOP_LEVEL.contains(&word) {
                let mark = self.at;
                self.at += word.len();
                self.space();
                let opens = matches!(self.byte(), Some(b'"' | b'{')) || !self.peek_word().is_empty();
                self.at = mark;
                if opens {
                    return;
                }
            }
        }
    }

    /// `name = value` or a block.
    fn item(&mut self, body: &mut Body) -> Result<()> {
        let start = self.at;
        let Some(name) = self.item_name() else { return Err(self.problem("expected an argument or a block")) };
        let name_end = self.at;
        self.space();
        if self.byte() == Some(b'=') && !self.looking_at("==") {
            self.at += 1;
            let value = self.deeper(Self::expression)?;
            body.attributes.push(Attribute { name, name_span: self.span(start, name_end), value: Arc::new(value) });
            return self.item_end();
        }
        let (labels, header_end) = self.labels(name_end)?;
        self.expect("{", "to open the block")?;
        let inner = self.deeper(Self::block_body)?;
        let (header, span) = (self.span(start, header_end), self.span(start, self.at));
        body.blocks.push(Block { kind: name, labels, body: Arc::new(inner), header, span });
        self.item_end()
    }

    /// An identifier; in a tfvars file Terraform also takes a quoted name.
    fn item_name(&mut self) -> Option<Arc<str>> {
        if self.byte() != Some(b'"') {
            return self.word();
        }
        self.at += 1;
        let len = self.rest().find(['"', '\n'])?;
        let name = Arc::from(self.rest().get(..len)?);
        self.at += len;
        self.eat("\"").then_some(name)
    }

    fn labels(&mut self, mut end: usize) -> Result<(Vec<Label>, usize)> {
        let mut labels = Vec::new();
        loop {
            self.space();
            let start = self.at;
            if self.eat("\"") {
                let text = self.plain_string()?;
                labels.push(Label { text, span: self.span(start, self.at) });
            } else if let Some(text) = self.word() {
                labels.push(Label { text, span: self.span(start, self.at) });
            } else {
                return Ok((labels, end));
            }
            end = self.at;
        }
    }

    /// The rest of a quoted string without sequences, after its opening quote.
    fn plain_string(&mut self) -> Result<Arc<str>> {
        let mut out = String::new();
        loop {
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Arc::from(out));
                }
                Some(b'\\') => out.push(unescape(self)?),
                Some(b'\n') | None => return Err(self.problem("the string is not closed")),
                Some(_) => out.extend(self.bump()),
            }
        }
    }

    fn block_body(&mut self) -> Result<Body> {
        self.with_newlines(true, |p| {
            let mut body = Body::default();
            loop {
                p.lines();
                if p.eat("}") {
                    return Ok(body);
                }
                if p.at_end() {
                    return Err(p.problem("the block is not closed"));
                }
                p.item(&mut body)?;
            }
        })
    }

    /// After an argument or block: the end of the line, of the block, or of the file.
    fn item_end(&mut self) -> Result<()> {
        self.space();
        match self.byte() {
            None | Some(b'\n' | b'}' | b'\r') => Ok(()),
            // tfvars and old files separate by commas here and there
            Some(b',') => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.problem("expected a newline")),
        }
    }
}
