//! Expressions.

use super::ast::{BinaryOperator as B, Expr, ExprKind as K, ForExpr, ObjectItem, Step, Template, TemplatePart, UnaryOperator};
use super::scan::{Parser, Result};
use super::{Duplicate, MAX_CHAIN};
use std::collections::HashMap;
use std::sync::Arc;

/// Operators by level, weakest first; longer spellings first within a level.
const LEVELS: &[&[(&str, B)]] = &[
    &[("||", B::Or)],
    &[("&&", B::And)],
    &[("==", B::Equal), ("!=", B::NotEqual)],
    &[("<=", B::LessOrEqual), (">=", B::GreaterOrEqual), ("<", B::Less), (">", B::Greater)],
    &[("+", B::Add), ("-", B::Subtract)],
    &[("*", B::Multiply), ("/", B::Divide), ("%", B::Modulo)],
];

impl Parser<'_> {
    fn make(&self, kind: K, start: usize) -> Expr {
        self.count();
        Expr { kind, span: self.span(start, self.at) }
    }

    /// Any expression.
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.deeper(|p| {
            p.space();
            let start = p.at;
            let condition = p.binary(0)?;
            let mark = p.at;
            p.space();
            if !p.eat("?") {
                p.at = mark;
                return Ok(condition);
            }
            let yes = p.expression()?;
            p.space();
            p.expect(":", "between the branches of the conditional")?;
            let no = p.expression()?;
            Ok(p.make(K::Conditional(Box::new([condition, yes, no])), start))
        })
    }

    fn binary(&mut self, level: usize) -> Result<Expr> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let start = self.at;
        let mut left = self.binary(level + 1)?;
        for _ in 0..MAX_CHAIN {
            let mark = self.at;
            self.space();
            let Some((_, operator)) = operators.iter().find(|(s, _)| self.operator(s)) else {
                self.at = mark;
                return Ok(left);
            };
            self.space();
            let right = self.binary(level + 1)?;
            left = self.make(K::Binary(*operator, Box::new([left, right])), start);
        }
        Err(self.problem(format!("more than {MAX_CHAIN} operators in one expression")))
    }

    /// Eats an operator, but not the head of something longer (`=>`, a heredoc, a comment).
    fn operator(&mut self, spelling: &str) -> bool {
        let longer: &[&str] = match spelling {
            "<" => &["<<", "<="],
            ">" => &[">="],
            "/" => &["//", "/*"],
            "%" => &["%{"],
            _ => &[],
        };
        !longer.iter().any(|l| self.looking_at(l)) && self.eat(spelling)
    }

    fn unary(&mut self) -> Result<Expr> {
        let start = self.at;
        let operator = match self.byte() {
            Some(b'!') if !self.looking_at("!=") => UnaryOperator::Not,
            Some(b'-') => UnaryOperator::Minus,
            _ => return self.postfix(),
        };
        self.at += 1;
        self.space();
        let inner = self.deeper(Self::unary)?;
        Ok(self.make(K::Unary(operator, Box::new(inner)), start))
    }

    fn postfix(&mut self) -> Result<Expr> {
        let start = self.at;
        let mut expr = self.primary()?;
        for _ in 0..MAX_CHAIN {
            let mark = self.at;
            self.space();
            let next = self.step(&expr, start)?;
            let Some(next) = next else {
                self.at = mark;
                return Ok(expr);
            };
            expr = next;
        }
        Err(self.problem(format!("more than {MAX_CHAIN} steps in one reference")))
    }

    /// `.name`, `.0`, `[key]`, a splat; nothing when the expression ends here.
    fn step(&mut self, base: &Expr, start: usize) -> Result<Option<Expr>> {
        if self.looking_at("...") {
            return Ok(None);
        }
        if self.eat(".*") {
            let steps = self.splat_steps(false)?;
            return Ok(Some(self.make(K::Splat(Arc::new(base.clone()), steps), start)));
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.space();
            let step = self.dot_step()?;
            return Ok(Some(self.apply(base, step, start)));
        }
        if self.byte() != Some(b'[') {
            return Ok(None);
        }
        if self.full_splat() {
            let steps = self.splat_steps(true)?;
            return Ok(Some(self.make(K::Splat(Arc::new(base.clone()), steps), start)));
        }
        let step = self.index_step()?;
        Ok(Some(self.apply(base, step, start)))
    }

    fn apply(&self, base: &Expr, step: Step, start: usize) -> Expr {
        let base = Arc::new(base.clone());
        let kind = match step {
            Step::Attribute(name) => K::Attribute(base, name),
            Step::Index(key) => K::Index(base, key),
        };
        self.make(kind, start)
    }

    fn dot_step(&mut self) -> Result<Step> {
        let start = self.at;
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            let number = Arc::from(self.rest().get(..digits).unwrap_or("0"));
            self.at += digits;
            return Ok(Step::Index(Arc::new(self.make(K::Number(number), start))));
        }
        self.word().map(Step::Attribute).ok_or_else(|| self.problem("expected an attribute name"))
    }

    fn index_step(&mut self) -> Result<Step> {
        self.at += 1;
        let key = self.with_newlines(false, |p| {
            let key = p.expression()?;
            p.space();
            p.expect("]", "after the index")?;
            Ok(key)
        })?;
        Ok(Step::Index(Arc::new(key)))
    }

    fn full_splat(&mut self) -> bool {
        let mark = self.at;
        let hit = self.eat("[") && {
            self.space();
            self.eat("*") && {
                self.space();
                self.eat("]")
            }
        };
        if !hit {
            self.at = mark;
        }
        hit
    }

    /// The steps that a splat applies to each item: after `[*]` also indexes.
    fn splat_steps(&mut self, indexes: bool) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        while steps.len() < MAX_CHAIN {
            if self.byte() == Some(b'.') && !self.looking_at("...") && !self.looking_at(".*") {
                self.at += 1;
                steps.push(self.dot_step()?);
            } else if indexes && self.byte() == Some(b'[') && !self.peek_full_splat() {
                steps.push(self.index_step()?);
            } else {
                break;
            }
        }
        Ok(steps)
    }

    fn peek_full_splat(&mut self) -> bool {
        let mark = self.at;
        let hit = self.full_splat();
        self.at = mark;
        hit
    }

    fn primary(&mut self) -> Result<Expr> {
        let start = self.at;
        match self.byte() {
            Some(b'"') => {
                let template = self.quoted()?;
                Ok(self.make(K::Template(template), start))
            }
            Some(b'<') if self.looking_at("<<") => self.heredoc(),
            Some(b'0'..=b'9') => {
                let number = self.number();
                Ok(self.make(K::Number(number), start))
            }
            Some(b'(') => {
                self.at += 1;
                let inner = self.with_newlines(false, |p| {
                    let inner = p.expression()?;
                    p.space();
                    p.expect(")", "to close the parentheses")?;
                    Ok(inner)
                })?;
                Ok(self.make(K::Parentheses(Box::new(inner)), start))
            }
            Some(b'[') => self.tuple(),
            Some(b'{') => self.object(),
            _ => self.word_expression(),
        }
    }

    fn number(&mut self) -> Arc<str> {
        let bytes = self.rest().as_bytes();
        let digits = |from: usize| bytes.get(from..).map_or(0, |b| b.iter().take_while(|c| c.is_ascii_digit()).count());
        let mut len = digits(0);
        if bytes.get(len) == Some(&b'.') && digits(len + 1) > 0 {
            len += 1 + digits(len + 1);
        }
        if matches!(bytes.get(len), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
            let exponent = digits(len + 1 + sign);
            if exponent > 0 {
                len += 1 + sign + exponent;
            }
        }
        let number = Arc::from(self.rest().get(..len).unwrap_or("0"));
        self.at += len;
        number
    }

    fn word_expression(&mut self) -> Result<Expr> {
        let start = self.at;
        let Some(word) = self.word() else { return Err(self.problem("expected an expression")) };
        match &*word {
            "true" | "false" => return Ok(self.make(K::Bool(&*word == "true"), start)),
            "null" => return Ok(self.make(K::Null, start)),
            _ => {}
        }
        let mut name = word.to_string();
        while self.looking_at("::") {
            self.at += 2;
            name.push_str("::");
            name.push_str(&self.word().unwrap_or_default());
        }
        let mark = self.at;
        self.space();
        if !self.eat("(") {
            self.at = mark;
            return Ok(self.make(K::Variable(word), start));
        }
        let (args, expand) = self.with_newlines(false, Self::arguments)?;
        Ok(self.make(K::Call { name: Arc::from(name), args, expand }, start))
    }

    fn arguments(&mut self) -> Result<(Vec<Expr>, bool)> {
        let mut args = Vec::new();
        loop {
            self.space();
            if self.eat(")") {
                return Ok((args, false));
            }
            args.push(self.expression()?);
            self.space();
            if self.eat("...") {
                self.space();
                self.eat(",");
                self.space();
                self.expect(")", "after `...`")?;
                return Ok((args, true));
            }
            if !self.eat(",") {
                self.expect(")", "after the arguments")?;
                return Ok((args, false));
            }
        }
    }

    fn tuple(&mut self) -> Result<Expr> {
        let start = self.at;
        self.at += 1;
        self.with_newlines(false, |p| {
            p.space();
            if p.at_for() {
                return p.for_expression(start, "]");
            }
            let mut items = Vec::new();
            loop {
                p.space();
                if p.eat("]") {
                    return Ok(p.make(K::Tuple(items), start));
                }
                items.push(p.expression()?);
                p.space();
                if !p.eat(",") {
                    p.expect("]", "after the items")?;
                    return Ok(p.make(K::Tuple(items), start));
                }
            }
        })
    }

    fn at_for(&mut self) -> bool {
        if self.peek_word() != "for" {
            return false;
        }
        let mark = self.at;
        self.at += 3;
        self.lines();
        let hit = !self.peek_word().is_empty();
        self.at = mark;
        hit
    }

    fn object(&mut self) -> Result<Expr> {
        let start = self.at;
        self.at += 1;
        let mark = self.at;
        self.lines();
        if self.at_for() {
            return self.with_newlines(false, |p| p.for_expression(start, "}"));
        }
        self.at = mark;
        let items = self.with_newlines(true, Self::object_items)?;
        self.note_duplicates(&items);
        Ok(self.make(K::Object(items), start))
    }

    fn object_items(&mut self) -> Result<Vec<ObjectItem>> {
        let mut items = Vec::new();
        loop {
            self.lines();
            if self.eat("}") {
                return Ok(items);
            }
            let key = literal_key(self.expression()?);
            self.space();
            if !self.eat("=") && !self.eat(":") {
                return Err(self.problem("expected `=` after the key"));
            }
            // a newline after `=` is no end of anything
            let value = self.expression()?;
            items.push(ObjectItem { key, value });
            self.space();
            match self.byte() {
                Some(b',') => self.at += 1,
                Some(b'\n' | b'\r' | b'}') => {}
                _ => return Err(self.problem("expected a comma or a newline after the value")),
            }
        }
    }

    pub(super) fn note_duplicates(&mut self, items: &[ObjectItem]) {
        let mut seen: HashMap<String, usize> = HashMap::new();
        for (i, item) in items.iter().enumerate() {
            let K::Template(template) = &item.key.kind else { continue };
            let Some(key) = template.as_literal() else { continue };
            let whole = |it: &ObjectItem| crate::place::Span { end: it.value.span.end.max(it.key.span.end), ..it.key.span };
            if let Some(before) = seen.insert(key.clone(), i).and_then(|b| items.get(b)) {
                self.duplicates.push(Duplicate { key, lost: whole(before), kept: whole(item) });
            }
        }
    }

    /// After the opening bracket, at `for`.
    fn for_expression(&mut self, start: usize, close: &str) -> Result<Expr> {
        let (key, value, collection) = self.for_intro()?;
        self.space();
        self.expect(":", "after the collection of the `for` expression")?;
        let mut result = self.expression()?;
        self.space();
        let mut result_key = None;
        if close == "}" {
            self.expect("=>", "between key and value of the `for` expression")?;
            result_key = Some(result);
            result = self.expression()?;
            self.space();
        }
        let group = self.eat("...");
        self.space();
        let mut condition = None;
        if self.peek_word() == "if" {
            self.at += 2;
            condition = Some(self.expression()?);
            self.space();
        }
        self.expect(close, "to close the `for` expression")?;
        let body = ForExpr { key, value, collection, result_key, result, group, condition };
        Ok(self.make(K::For(Box::new(body)), start))
    }

    /// `for k, v in collection`
    pub(super) fn for_intro(&mut self) -> Result<(Option<Arc<str>>, Arc<str>, Expr)> {
        self.at += 3;
        self.space();
        let missing = |p: &Self| p.problem("expected a variable name after `for`");
        let mut value = self.word().ok_or_else(|| missing(self))?;
        let mut key = None;
        self.space();
        if self.eat(",") {
            self.space();
            key = Some(value);
            value = self.word().ok_or_else(|| missing(self))?;
            self.space();
        }
        if self.peek_word() != "in" {
            return Err(self.problem("expected `in`"));
        }
        self.at += 2;
        let collection = self.expression()?;
        Ok((key, value, collection))
    }
}

/// A bare word as an object key is the word itself.
fn literal_key(key: Expr) -> Expr {
    let text: Arc<str> = match &key.kind {
        K::Variable(name) => Arc::clone(name),
        K::Null => Arc::from("null"),
        K::Bool(b) => Arc::from(if *b { "true" } else { "false" }),
        _ => return key,
    };
    let parts = vec![TemplatePart::Literal { text, span: key.span }];
    Expr { kind: K::Template(Template { parts }), span: key.span }
}
