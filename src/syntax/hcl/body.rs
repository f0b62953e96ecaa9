//! Files and blocks, with recovery: a broken block costs itself.

use super::MAX_PARTS;
use super::ast::{Attribute, Block, Body, Label};
use super::scan::{Parser, Result};
use super::template::unescape;
use crate::syntax::Problem;
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

/// Most problems that are told of one file; what is wrong after them is not told one by one.
const MAX_PROBLEMS: usize = 200;
/// How many times the length of a file may be read again after broken blocks before nested blocks are read less deep,
/// and before reading ends.
const REREAD_SHALLOW: usize = 2;
const REREAD_END: usize = 24;
/// As many bytes may always be read again.
const REREAD_FREE: usize = 1 << 18;
/// How deep blocks are read in a file that is broken all over: real ones nest less.
const SHALLOW: usize = 8;

impl Parser<'_> {
    /// A whole file. A broken block is read to where it breaks and reading goes on at the next: so that a file of nothing
    /// but beginnings ends too, what is read again is bounded.
    pub(super) fn file(&mut self) -> Body {
        let mut body = Body::default();
        let mut again = 0_usize;
        loop {
            self.newlines = true;
            self.depth = 0;
            self.blocks = 0;
            self.lines();
            if self.at_end() {
                return body;
            }
            let start = self.at;
            self.count();
            let item = self.item(&mut body);
            if self.is_full() {
                self.problems.push(self.problem(format!("more than {MAX_PARTS} expressions and blocks: the rest of the file is not read")));
                return body;
            }
            if let Err(problem) = item {
                again = again.saturating_add(self.at.saturating_sub(start));
                let more = |times: usize| again > REREAD_FREE.saturating_add(self.text.len().saturating_mul(times));
                if more(REREAD_END) {
                    self.problems.push(self.problem("too many broken blocks: the rest of the file is not read"));
                    return body;
                }
                if more(REREAD_SHALLOW) {
                    self.most_blocks = SHALLOW;
                }
                match self.problems.len() {
                    n if n < MAX_PROBLEMS => self.problems.push(problem),
                    MAX_PROBLEMS => self.problems.push(Problem { message: "further blocks are broken too".to_owned(), ..problem }),
                    _ => {}
                }
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
        if self.blocks >= self.most_blocks {
            return Err(self.problem(format!("blocks nested deeper than {} levels", self.most_blocks)));
        }
        self.blocks += 1;
        let inner = self.deeper(Self::block_body)?;
        self.blocks -= 1;
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
