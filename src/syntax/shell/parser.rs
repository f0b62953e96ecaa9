//! Commands.

use super::ShellError;
use super::ast::{Argument, Assigned, Assignment, Command, CommandKind, Item, List, Piece, Redirect, RedirectKind, Simple, When, Word};
use super::here::{fill_documents, fill_word, without_tabs};

use std::sync::Arc;

/// How deep commands and words nest.
const MAX_DEPTH: usize = 100;

/// How long the index of an element may be.
const MAX_INDEX: usize = 256;

/// Words that end a list where a command is expected.
const CLOSING: [&str; 8] = ["then", "do", "done", "fi", "elif", "else", "esac", "}"];

/// A here-document whose text is yet to come.
struct Pending {
    number: usize,
    delimiter: String,
    expanded: bool,
    tabs: bool,
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    /// Where the part ends that is read now.
    pub(super) end: usize,
    depth: usize,
    pending: Vec<Pending>,
    /// The texts of here-documents, in the order of their operators.
    documents: Vec<Word>,
}

type Parsed<T> = Result<T, ShellError>;

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, end: text.len(), depth: 0, pending: Vec::new(), documents: Vec::new() }
    }

    /// The whole text.
    pub(super) fn script(mut self) -> Parsed<List> {
        let mut list = self.list()?;
        if self.at < self.end {
            return Err(self.error("a closing word or bracket without its beginning"));
        }
        self.here_documents()?;
        let mut documents = self.documents;
        fill_documents(&mut list, &mut documents);
        Ok(list)
    }

    /// The whole text as a here-document.
    pub(super) fn document(mut self) -> Parsed<Word> {
        let mut word = Word { pieces: Vec::new(), range: 0..self.end };
        self.expanded(&mut word.pieces)?;
        let mut documents = std::mem::take(&mut self.documents);
        fill_word(&mut word, &mut documents);
        Ok(word)
    }

    pub(super) fn error(&self, message: &'static str) -> ShellError {
        ShellError { at: self.at, message }
    }

    /// Reads something that may hold others of its kind.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error("the script nests too deep"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.byte(0)
    }

    pub(super) fn byte(&self, ahead: usize) -> Option<u8> {
        let at = self.at + ahead;
        if at < self.end { self.text.as_bytes().get(at).copied() } else { None }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    pub(super) fn eat(&mut self, what: &str) -> bool {
        let found = self.rest().starts_with(what);
        if found {
            self.at += what.len();
        }
        found
    }

    /// Blanks and continued lines.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.byte(1) == Some(b'\n') => self.at += 2,
                Some(b'\\') if self.byte(1) == Some(b'\r') && self.byte(2) == Some(b'\n') => self.at += 3,
                _ => return,
            }
        }
    }

    /// Blanks, comments and line ends.
    fn lines(&mut self) -> Parsed<()> {
        loop {
            self.blanks();
            match self.peek() {
                Some(b'#') => self.at += self.rest().find('\n').unwrap_or(self.end - self.at),
                Some(b'\n') => self.newline()?,
                _ => return Ok(()),
            }
        }
    }

    fn newline(&mut self) -> Parsed<()> {
        self.at += 1;
        self.here_documents()
    }

    /// The bare word here, without reading it.
    fn bare(&self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| c.is_ascii_whitespace() || ";&|<>()\"'`$\\".contains(c)).unwrap_or(rest.len());
        rest.get(..end).unwrap_or_default()
    }

    /// Takes a reserved word.
    fn keyword(&mut self, word: &str) -> bool {
        let here = self.bare() == word;
        if here {
            self.at += word.len();
        }
        here
    }

    fn expect(&mut self, word: &str, message: &'static str) -> Parsed<()> {
        self.lines()?;
        if self.keyword(word) { Ok(()) } else { Err(self.error(message)) }
    }

    /// Commands up to a closing word or bracket.
    pub(super) fn list(&mut self) -> Parsed<List> {
        self.nested(|p| {
            let mut list = List::default();
            let mut when = When::Always;
            loop {
                p.lines()?;
                let closes = matches!(p.peek(), None | Some(b')')) || p.rest().starts_with(";;") || p.rest().starts_with(";&");
                if closes || CLOSING.contains(&p.bare()) {
                    return Ok(list);
                }
                let pipeline = p.pipeline()?;
                list.items.push(Item { when, pipeline });
                when = p.separator()?;
            }
        })
    }

    fn separator(&mut self) -> Parsed<When> {
        self.blanks();
        if self.eat("&&") {
            return Ok(When::Succeeded);
        }
        if self.eat("||") {
            return Ok(When::Failed);
        }
        match self.peek() {
            Some(b'&') => self.at += 1,
            Some(b';') if self.byte(1) != Some(b';') && self.byte(1) != Some(b'&') => self.at += 1,
            None | Some(b';' | b'\n' | b')' | b'#') => {}
            // A simple command takes all words: behind a compound one, a closing word needs no separator (`fi done`).
            Some(_) if CLOSING.contains(&self.bare()) => {}
            Some(_) => return Err(self.error("a command does not end where it should")),
        }
        Ok(When::Always)
    }

    fn pipeline(&mut self) -> Parsed<Vec<Command>> {
        let mut commands = Vec::new();
        loop {
            self.lines()?;
            while self.keyword("!") || self.keyword("time") {
                self.blanks();
            }
            commands.push(self.command()?);
            self.blanks();
            let piped = self.peek() == Some(b'|') && self.byte(1) != Some(b'|');
            if !piped {
                return Ok(commands);
            }
            self.at += 1;
            self.eat("&");
        }
    }

    fn command(&mut self) -> Parsed<Command> {
        let start = self.at;
        let kind = self.nested(Self::kind)?;
        let mut redirects = Vec::new();
        let kind = match kind {
            Some(kind) => kind,
            None => self.simple(&mut redirects)?,
        };
        loop {
            self.blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => break,
            }
        }
        if self.at == start {
            return Err(self.error("a command is missing"));
        }
        Ok(Command { kind, redirects, range: start..self.at })
    }

    /// A compound command, or none where a simple one stands.
    fn kind(&mut self) -> Parsed<Option<CommandKind>> {
        if self.eat("((") {
            self.skip_to("))")?;
            return Ok(Some(CommandKind::Test));
        }
        if self.eat("(") {
            let list = self.list()?;
            self.close_bracket()?;
            return Ok(Some(CommandKind::Subshell(list)));
        }
        let word = self.bare();
        let kind = match word {
            "{" => {
                self.at += 1;
                let list = self.list()?;
                self.expect("}", "`{` is not closed")?;
                CommandKind::Group(list)
            }
            "if" => self.conditional()?,
            "while" | "until" => {
                self.at += word.len();
                let condition = self.list()?;
                CommandKind::Loop(condition, self.body()?)
            }
            "for" | "select" => self.iteration(word)?,
            "case" => self.case()?,
            "[[" => self.test()?,
            "function" => {
                self.at += word.len();
                self.blanks();
                let name = self.bare().to_owned();
                self.at += name.len();
                self.blanks();
                if self.eat("(") {
                    self.blanks();
                    self.close_bracket()?;
                }
                self.function(name)?
            }
            _ => match self.function_name(word) {
                Some(length) => {
                    self.at += length;
                    self.function(word.to_owned())?
                }
                None => return Ok(None),
            },
        };
        Ok(Some(kind))
    }

    fn close_bracket(&mut self) -> Parsed<()> {
        if self.eat(")") { Ok(()) } else { Err(self.error("`(` is not closed")) }
    }

    /// How long `name ()` is.
    fn function_name(&self, name: &str) -> Option<usize> {
        let after = self.rest().get(name.len()..)?;
        let opened = after.trim_start_matches([' ', '\t']).strip_prefix('(')?;
        let closed = opened.trim_start_matches([' ', '\t']).strip_prefix(')')?;
        (!name.is_empty() && !name.contains('=')).then(|| self.rest().len() - closed.len())
    }

    fn function(&mut self, name: String) -> Parsed<CommandKind> {
        self.lines()?;
        let body = Arc::new(self.nested(Self::command)?);
        Ok(CommandKind::Function { name, body })
    }

    fn conditional(&mut self) -> Parsed<CommandKind> {
        self.at += "if".len();
        let mut branches = Vec::new();
        loop {
            let condition = self.list()?;
            self.expect("then", "`if` without `then`")?;
            branches.push((condition, self.list()?));
            self.lines()?;
            if self.keyword("elif") {
                continue;
            }
            let otherwise = if self.keyword("else") { Some(self.list()?) } else { None };
            self.expect("fi", "`if` without `fi`")?;
            return Ok(CommandKind::If { branches, otherwise });
        }
    }

    fn body(&mut self) -> Parsed<List> {
        self.lines()?;
        if self.eat(";") {
            self.lines()?;
        }
        if self.bare() == "{" {
            self.at += 1;
            let list = self.list()?;
            self.expect("}", "`{` is not closed")?;
            return Ok(list);
        }
        self.expect("do", "a loop without `do`")?;
        let list = self.list()?;
        self.expect("done", "a loop without `done`")?;
        Ok(list)
    }

    fn iteration(&mut self, word: &str) -> Parsed<CommandKind> {
        self.at += word.len();
        self.blanks();
        if self.eat("((") {
            self.skip_to("))")?;
            return Ok(CommandKind::Loop(List::default(), self.body()?));
        }
        let name = self.bare().to_owned();
        self.at += name.len();
        self.lines()?;
        let words = if self.keyword("in") { Some(self.words()?) } else { None };
        Ok(CommandKind::For { name, words, body: self.body()? })
    }

    /// Words up to the end of the command.
    fn words(&mut self) -> Parsed<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.word()? {
                Some(word) => words.push(word),
                None => return Ok(words),
            }
        }
    }

    fn case(&mut self) -> Parsed<CommandKind> {
        self.at += "case".len();
        self.blanks();
        let Some(word) = self.word()? else { return Err(self.error("`case` without a word")) };
        self.expect("in", "`case` without `in`")?;
        let mut arms = Vec::new();
        loop {
            self.lines()?;
            if self.keyword("esac") {
                return Ok(CommandKind::Case { word, arms });
            }
            self.eat("(");
            let mut patterns = Vec::new();
            loop {
                self.blanks();
                patterns.extend(self.word()?);
                self.blanks();
                if !self.eat("|") {
                    break;
                }
            }
            if !self.eat(")") || patterns.is_empty() {
                return Err(self.error("a pattern of `case` is not closed"));
            }
            arms.push((patterns, self.list()?));
            self.lines()?;
            let _ended = self.eat(";;&") || self.eat(";;") || self.eat(";&");
        }
    }

    fn test(&mut self) -> Parsed<CommandKind> {
        self.at += "[[".len();
        loop {
            self.lines()?;
            if self.keyword("]]") {
                return Ok(CommandKind::Test);
            }
            if self.word()?.is_none() {
                if self.peek().is_none() {
                    return Err(self.error("`[[` is not closed"));
                }
                self.at += 1;
            }
        }
    }

    fn skip_to(&mut self, end: &str) -> Parsed<()> {
        let Some(length) = self.rest().find(end) else { return Err(self.error("a calculation is not closed")) };
        self.at += length + end.len();
        Ok(())
    }

    fn simple(&mut self, redirects: &mut Vec<Redirect>) -> Parsed<CommandKind> {
        let mut simple = Simple::default();
        loop {
            self.blanks();
            if let Some(redirect) = self.redirect()? {
                redirects.push(redirect);
                continue;
            }
            if self.peek() == Some(b'#') {
                break;
            }
            if let Some(assignment) = self.assignment(simple.words.is_empty())? {
                if simple.words.is_empty() {
                    simple.assignments.push(assignment);
                } else {
                    simple.words.push(Argument::Array(assignment));
                }
                continue;
            }
            match self.word()? {
                Some(word) => simple.words.push(Argument::Word(word)),
                None => break,
            }
        }
        Ok(CommandKind::Simple(simple))
    }

    /// An assignment; behind the command's name only that of an array is none of its words.
    fn assignment(&mut self, leading: bool) -> Parsed<Option<Assignment>> {
        let rest = self.rest();
        let name = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        if name == 0 || rest.as_bytes().first().is_none_or(u8::is_ascii_digit) {
            return Ok(None);
        }
        let mut length = name;
        let indexed = rest.as_bytes().get(length) == Some(&b'[');
        if indexed {
            let inside = rest.get(length..).unwrap_or_default();
            let Some(close) = inside.bytes().take(MAX_INDEX).take_while(|b| *b != b'\n').position(|b| b == b']') else {
                return Ok(None);
            };
            length += close + 1;
        }
        let append = rest.get(length..).unwrap_or_default().starts_with("+=");
        length += usize::from(append);
        if rest.as_bytes().get(length) != Some(&b'=') {
            return Ok(None);
        }
        let array = rest.as_bytes().get(length + 1) == Some(&b'(');
        if !leading && !array {
            return Ok(None);
        }
        let name = rest.get(..name).unwrap_or_default().to_owned();
        self.at += length + 1;
        let value = if array {
            self.at += 1;
            Assigned::Array(self.elements()?)
        } else {
            let at = self.at;
            Assigned::Word(self.word()?.unwrap_or(Word { pieces: Vec::new(), range: at..at }))
        };
        Ok(Some(Assignment { name, append, indexed, value }))
    }

    fn elements(&mut self) -> Parsed<Vec<Word>> {
        let mut elements = Vec::new();
        loop {
            self.lines()?;
            if self.eat(")") {
                return Ok(elements);
            }
            match self.word()? {
                Some(word) => elements.push(word),
                None => return Err(self.error("an array is not closed")),
            }
        }
    }

    fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        const OPERATORS: [(&str, RedirectKind); 12] = [
            ("&>>", RedirectKind::Append),
            ("&>", RedirectKind::Write),
            ("<<<", RedirectKind::HereString),
            ("<<-", RedirectKind::HereDocument),
            ("<<", RedirectKind::HereDocument),
            ("<&", RedirectKind::Other),
            ("<>", RedirectKind::Other),
            ("<", RedirectKind::Read),
            (">>", RedirectKind::Append),
            (">&", RedirectKind::Other),
            (">|", RedirectKind::Write),
            (">", RedirectKind::Write),
        ];
        let rest = self.rest();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let after = rest.get(digits..).unwrap_or_default();
        // `<( … )` is a word, a NUL an unknown character.
        if after.starts_with("<(") || after.starts_with(">(") || after.starts_with('\0') {
            return Ok(None);
        }
        let Some((operator, kind)) = OPERATORS.into_iter().find(|(operator, _)| after.starts_with(operator)) else { return Ok(None) };
        let number = rest.get(..digits).unwrap_or_default();
        let usual = if operator.starts_with('<') { "0" } else { "1" };
        let other = !number.is_empty() && number != usual;
        self.at += digits + operator.len();
        self.blanks();
        let Some(target) = self.word()? else { return Err(self.error("a redirection without its file")) };
        if kind == RedirectKind::HereDocument {
            return Ok(Some(self.announce(&target, operator == "<<-", other)));
        }
        Ok(Some(Redirect { kind, other, target }))
    }

    /// A here-document comes with the next line.
    fn announce(&mut self, delimiter: &Word, tabs: bool, other: bool) -> Redirect {
        let mut expanded = true;
        let mut written = String::new();
        for piece in &delimiter.pieces {
            if let Piece::Text { range, quoted } = piece {
                expanded &= !quoted;
                written.push_str(self.text.get(range.clone()).unwrap_or_default());
            }
        }
        let number = self.documents.len();
        self.documents.push(Word::default());
        self.pending.push(Pending { number, delimiter: written, expanded, tabs });
        // Which document it is stands in the range until the texts are known.
        Redirect { kind: RedirectKind::HereDocument, other, target: Word { pieces: Vec::new(), range: number..number } }
    }

    /// The texts of the here-documents that were announced on the line before.
    fn here_documents(&mut self) -> Parsed<()> {
        for pending in std::mem::take(&mut self.pending) {
            let word = self.here_document(&pending)?;
            if let Some(document) = self.documents.get_mut(pending.number) {
                *document = word;
            }
        }
        Ok(())
    }

    fn here_document(&mut self, pending: &Pending) -> Parsed<Word> {
        let start = self.at;
        let mut lines = Vec::new();
        loop {
            let rest = self.rest();
            let line = rest.split('\n').next().unwrap_or_default();
            let tabs = if pending.tabs { line.len() - line.trim_start_matches('\t').len() } else { 0 };
            let bare = line.get(tabs..).unwrap_or_default().trim_end_matches('\r');
            let end = (line.len() + 1).min(rest.len());
            if bare == pending.delimiter {
                let text = start..self.at;
                self.at += end;
                return self.document_text(pending, text, &lines);
            }
            if rest.is_empty() {
                // The shell takes what there is and warns.
                return self.document_text(pending, start..self.at, &lines);
            }
            lines.push(self.at + tabs..self.at + end);
            self.at += end;
        }
    }

    fn document_text(&mut self, pending: &Pending, range: std::ops::Range<usize>, lines: &[std::ops::Range<usize>]) -> Parsed<Word> {
        if !pending.expanded {
            let piece = |line: &std::ops::Range<usize>| Piece::Text { range: line.clone(), quoted: true };
            let pieces = if pending.tabs { lines.iter().map(piece).collect() } else { vec![piece(&range)] };
            return Ok(Word { pieces, range });
        }
        let (at, end) = (self.at, self.end);
        let mut pieces = Vec::new();
        self.at = range.start;
        self.end = range.end;
        let read = self.expanded(&mut pieces);
        (self.at, self.end) = (at, end);
        read?;
        if pending.tabs {
            pieces = without_tabs(self.text, pieces);
        }
        Ok(Word { pieces, range })
    }
}
