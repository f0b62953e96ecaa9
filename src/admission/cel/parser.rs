//! Words to a tree: precedence climbing over [`super::lexer`].

use super::ast::{Expr, ExprKind, MAX_DEPTH, MacroKind, Op};
use super::lexer::{MAX_SOURCE, Source, Token, Word, words};
use crate::partial::Text;
use crate::place::Span;
use std::ops::Range;

/// Deepest nesting of brackets and conditionals while parsing.
const MAX_NESTING: usize = 64;

/// Why an expression could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub message: String,
    /// Where, when the text has a place.
    pub span: Option<Span>,
    /// True when it may be right: an unknown value takes part in the syntax, or it is beyond what is read here.
    pub unknown: bool,
}

const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

/// Reads a CEL expression.
///
/// # Errors
/// The text is not an expression, is longer or nested deeper than any that a cloud takes, or a hole stands where
/// it decides the syntax ([`Problem::unknown`]).
pub fn parse(text: &Text) -> Result<Expr, Problem> {
    let source = Source::new(text);
    if source.len() > MAX_SOURCE {
        return Err(Problem { message: "expression is too long to read".to_owned(), span: text.span(), unknown: true });
    }
    let tokens = words(&source)?;
    let mut parser = Parser { source: &source, tokens, at: 0, nesting: 0 };
    let expr = parser.expression()?;
    match &parser.peek().word {
        Word::End => Ok(expr),
        Word::Sign(s @ (")" | "]" | "}")) => parser.fail_here(format!("`{s}` closes nothing")),
        _ => parser.unexpected("an operator"),
    }
}

struct Parser<'s, 'a> {
    source: &'s Source<'a>,
    tokens: Vec<Token>,
    at: usize,
    nesting: usize,
}

const END: Token = Token { word: Word::End, range: 0..0 };

impl Parser<'_, '_> {
    fn peek(&self) -> &Token {
        self.tokens.get(self.at).or(self.tokens.last()).unwrap_or(&END)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn sign(&self, sign: &str) -> bool {
        matches!(self.peek().word, Word::Sign(s) if s == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let there = self.sign(sign);
        self.at += usize::from(there);
        there
    }

    fn fail<T>(&self, range: Range<usize>, message: impl Into<String>) -> Result<T, Problem> {
        Err(Problem { message: message.into(), span: self.source.span(range), unknown: false })
    }

    /// A limit of this reader, and none of the language's.
    fn beyond<T>(&self, range: Range<usize>) -> Result<T, Problem> {
        Err(Problem { message: "the expression is nested deeper than is read".to_owned(), span: self.source.span(range), unknown: true })
    }

    fn fail_here<T>(&self, message: impl Into<String>) -> Result<T, Problem> {
        self.fail(self.peek().range.clone(), message)
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, Problem> {
        let found = match &self.peek().word {
            Word::End => return self.fail_here(format!("expression ends where {wanted} is needed")),
            Word::Ident(name) | Word::Quoted(name) => format!("`{name}`"),
            Word::Sign(s) => format!("`{s}`"),
            Word::String(_) | Word::Bytes(_) => "a string".to_owned(),
            Word::Int(_) | Word::Uint(_) | Word::Double(_) => "a number".to_owned(),
            Word::Hole(atom) => {
                let span = self.source.span(self.peek().range.clone());
                return Err(Problem { message: format!("`{}` stands where {wanted} is needed", atom.label()), span, unknown: true });
            }
        };
        self.fail_here(format!("found {found} where {wanted} is needed"))
    }

    fn close(&mut self, sign: &str, opened: &Range<usize>) -> Result<usize, Problem> {
        let end = self.peek().range.end;
        if self.take(sign) {
            return Ok(end);
        }
        if matches!(self.peek().word, Word::End) {
            return self.fail(opened.clone(), format!("not closed: `{sign}` is missing"));
        }
        self.unexpected(&format!("`{sign}`"))
    }

    fn node(&self, kind: ExprKind, range: Range<usize>) -> Result<Expr, Problem> {
        let mut expr = Expr { kind, span: self.source.span(range.clone()), range, depth: 0 };
        let below = expr.children().iter().map(|c| c.depth).max().unwrap_or(0);
        if below >= MAX_DEPTH {
            return self.beyond(expr.range);
        }
        expr.depth = below + 1;
        Ok(expr)
    }

    fn expression(&mut self) -> Result<Expr, Problem> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.beyond(self.peek().range.clone());
        }
        let condition = self.disjunction()?;
        let expr = if self.take("?") {
            let then = self.disjunction()?;
            if !self.take(":") {
                return self.unexpected("`:` of the conditional");
            }
            let otherwise = self.expression()?;
            let range = condition.range.start..otherwise.range.end;
            let kind = ExprKind::Conditional { condition: Box::new(condition), then: Box::new(then), otherwise: Box::new(otherwise) };
            self.node(kind, range)?
        } else {
            condition
        };
        self.nesting -= 1;
        Ok(expr)
    }

    fn disjunction(&mut self) -> Result<Expr, Problem> {
        let first = self.conjunction()?;
        self.flat(first, "||", Self::conjunction, ExprKind::Or)
    }

    fn conjunction(&mut self) -> Result<Expr, Problem> {
        let first = self.binary(0)?;
        self.flat(first, "&&", |p| p.binary(0), ExprKind::And)
    }

    fn flat(
        &mut self,
        first: Expr,
        sign: &str,
        mut operand: impl FnMut(&mut Self) -> Result<Expr, Problem>,
        make: fn(Vec<Expr>) -> ExprKind,
    ) -> Result<Expr, Problem> {
        if !self.sign(sign) {
            return Ok(first);
        }
        let start = first.range.start;
        let mut all = vec![first];
        while self.take(sign) {
            all.push(operand(self)?);
        }
        let end = all.last().map_or(start, |e| e.range.end);
        self.node(make(all), start..end)
    }

    fn operator(&self) -> Option<(Op, u8)> {
        let found = match &self.peek().word {
            Word::Ident(name) if name == "in" => (Op::In, 1),
            Word::Sign(sign) => match *sign {
                "==" => (Op::Equal, 1),
                "!=" => (Op::NotEqual, 1),
                "<" => (Op::Less, 1),
                "<=" => (Op::LessEqual, 1),
                ">" => (Op::Greater, 1),
                ">=" => (Op::GreaterEqual, 1),
                "+" => (Op::Add, 2),
                "-" => (Op::Subtract, 2),
                "*" => (Op::Multiply, 3),
                "/" => (Op::Divide, 3),
                "%" => (Op::Remainder, 3),
                _ => return None,
            },
            _ => return None,
        };
        Some(found)
    }

    fn binary(&mut self, least: u8) -> Result<Expr, Problem> {
        let mut left = self.unary()?;
        while let Some((op, power)) = self.operator().filter(|(_, power)| *power > least) {
            self.at += 1;
            let right = self.binary(power)?;
            let range = left.range.start..right.range.end;
            left = self.node(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, range)?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Problem> {
        let mut signs = Vec::new();
        while self.sign("!") || self.sign("-") {
            signs.push((self.sign("!"), self.peek().range.start));
            self.at += 1;
        }
        let mut expr = match (&self.peek().word, signs.last()) {
            (Word::Int(n), Some((false, start))) => {
                let (negative, start) = (0_i64.wrapping_sub_unsigned(*n), *start);
                let range = start..self.peek().range.end;
                self.at += 1;
                signs.pop();
                let literal = self.node(ExprKind::Int(negative), range)?;
                self.members(literal)?
            }
            _ => self.member()?,
        };
        for (not, start) in signs.into_iter().rev() {
            let range = start..expr.range.end;
            expr = self.node(if not { ExprKind::Not(Box::new(expr)) } else { ExprKind::Negate(Box::new(expr)) }, range)?;
        }
        Ok(expr)
    }

    fn member(&mut self) -> Result<Expr, Problem> {
        let primary = self.primary()?;
        self.members(primary)
    }

    fn members(&mut self, mut expr: Expr) -> Result<Expr, Problem> {
        loop {
            let start = expr.range.start;
            let opened = self.peek().range.clone();
            if self.take(".") {
                let token = self.advance();
                let end = token.range.end;
                expr = match token.word {
                    Word::Ident(method) if self.sign("(") => self.method(expr, method)?,
                    Word::Ident(field) if field != "in" => self.node(ExprKind::Select { of: Box::new(expr), field }, start..end)?,
                    Word::Quoted(field) => self.node(ExprKind::Select { of: Box::new(expr), field }, start..end)?,
                    _ => {
                        self.at -= 1;
                        return self.unexpected("a field name");
                    }
                };
            } else if self.take("[") {
                let index = self.expression()?;
                let end = self.close("]", &opened)?;
                expr = self.node(ExprKind::Index { of: Box::new(expr), index: Box::new(index) }, start..end)?;
            } else if self.sign("{") && matches!(expr.kind, ExprKind::Ident { .. } | ExprKind::Select { .. }) {
                return self.fail_here("message literals are not part of attribute conditions");
            } else {
                return Ok(expr);
            }
        }
    }

    fn method(&mut self, of: Expr, method: String) -> Result<Expr, Problem> {
        let start = of.range.start;
        let (mut args, end) = self.arguments()?;
        let range = start..end;
        let kind = match method.as_str() {
            "all" => Some(MacroKind::All),
            "exists" => Some(MacroKind::Exists),
            "exists_one" | "existsOne" => Some(MacroKind::ExistsOne),
            "map" => Some(MacroKind::Map),
            "filter" => Some(MacroKind::Filter),
            _ => None,
        };
        let three = kind == Some(MacroKind::Map) && args.len() == 3;
        let Some(kind) = kind.filter(|_| args.len() == 2 || three) else {
            return self.node(ExprKind::Method { of: Box::new(of), method, args }, range);
        };
        let (body, last) = (args.pop(), args.pop());
        let (filter, variable) = if three { (last, args.pop()) } else { (None, last) };
        match (body, variable) {
            (Some(body), Some(Expr { kind: ExprKind::Ident { name, absolute: false }, .. })) => {
                let filter = filter.map(Box::new);
                self.node(ExprKind::Macro { kind, of: Box::new(of), variable: name, filter, body: Box::new(body) }, range)
            }
            (_, variable) => {
                let at = variable.map_or(range, |v| v.range);
                self.fail(at, format!("the first argument of `{method}` must be a name"))
            }
        }
    }

    /// The arguments in parentheses and the end of the closing one.
    fn arguments(&mut self) -> Result<(Vec<Expr>, usize), Problem> {
        let opened = self.peek().range.clone();
        self.at += 1;
        let args = self.items(")")?;
        let end = self.close(")", &opened)?;
        Ok((args, end))
    }

    fn items(&mut self, close: &str) -> Result<Vec<Expr>, Problem> {
        let mut out = Vec::new();
        while !self.sign(close) {
            out.push(self.expression()?);
            if !self.take(",") {
                break;
            }
            // A trailing comma is legal in a list, not in a call.
            if close == ")" && self.sign(close) {
                return self.unexpected("an argument");
            }
        }
        Ok(out)
    }

    fn primary(&mut self) -> Result<Expr, Problem> {
        let token = self.peek().clone();
        let range = token.range.clone();
        self.at += 1;
        match token.word {
            Word::Int(n) => match i64::try_from(n) {
                Ok(n) => self.node(ExprKind::Int(n), range),
                Err(_) => self.fail(range, "integer out of range"),
            },
            Word::Uint(n) => self.node(ExprKind::Uint(n), range),
            Word::Double(n) => self.node(ExprKind::Double(n), range),
            Word::String(text) => self.node(ExprKind::String(text), range),
            Word::Bytes(bytes) => self.node(ExprKind::Bytes(bytes), range),
            Word::Hole(atom) => self.node(ExprKind::Hole(atom), range),
            Word::Sign("(") => {
                let inner = self.expression()?;
                self.close(")", &range)?;
                Ok(inner)
            }
            Word::Sign("[") => {
                let items = self.items("]")?;
                let end = self.close("]", &range)?;
                self.node(ExprKind::List(items), range.start..end)
            }
            Word::Sign("{") => self.map(range),
            Word::Sign(".") => match self.advance().word {
                Word::Ident(name) => self.named(name, range, true),
                _ => {
                    self.at -= 1;
                    self.unexpected("a name")
                }
            },
            Word::Ident(name) => self.named(name, range, false),
            Word::Sign(_) | Word::Quoted(_) | Word::End => {
                self.at -= 1;
                self.unexpected("a value")
            }
        }
    }

    fn named(&mut self, name: String, range: Range<usize>, absolute: bool) -> Result<Expr, Problem> {
        if !absolute {
            match name.as_str() {
                "true" | "false" => return self.node(ExprKind::Bool(name == "true"), range),
                "null" => return self.node(ExprKind::Null, range),
                _ => {}
            }
        }
        if RESERVED.contains(&name.as_str()) {
            return self.fail(range, format!("`{name}` is a reserved word"));
        }
        if !self.sign("(") {
            let end = self.tokens.get(self.at.saturating_sub(1)).map_or(range.end, |t| t.range.end);
            return self.node(ExprKind::Ident { name, absolute }, range.start..end);
        }
        let (mut args, end) = self.arguments()?;
        let range = range.start..end;
        if name != "has" {
            return self.node(ExprKind::Call { function: name, args }, range);
        }
        match (args.pop(), args.is_empty()) {
            (Some(Expr { kind: ExprKind::Select { of, field }, .. }), true) => self.node(ExprKind::Has { of, field }, range),
            _ => self.fail(range, "`has` takes one field selection, such as `has(assertion.x)`"),
        }
    }

    fn map(&mut self, opened: Range<usize>) -> Result<Expr, Problem> {
        let mut entries = Vec::new();
        while !self.sign("}") {
            let key = self.expression()?;
            if !self.take(":") {
                return self.unexpected("`:`");
            }
            entries.push((key, self.expression()?));
            if !self.take(",") {
                break;
            }
        }
        let end = self.close("}", &opened)?;
        self.node(ExprKind::Map(entries), opened.start..end)
    }
}
