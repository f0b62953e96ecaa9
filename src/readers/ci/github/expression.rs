//! GitHub's expressions, evaluated with what is known before a run
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/expressions>): all values that an expression may have.
//! False are `false`, `0`, `-0`, `""` and `null`; a string is true unless it is empty, so `'0'` and `'false'` are.

/// Longest expression that is read.
const MAX_TEXT: usize = 4096;
/// How deep parentheses, calls and operators may nest.
const MAX_DEPTH: usize = 32;
/// Most values that are told apart.
const MAX_VALUES: usize = 32;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// `null`, or what is not there.
    Null,
    /// A bool.
    Bool(bool),
    /// A string.
    Text(String),
    /// A number as it is written.
    Number(String),
    /// A list of strings.
    List(Vec<String>),
    /// The value of a configuration variable or secret, by its name: known to Terraform at best.
    Variable(String),
}

impl Value {
    fn truthy(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(value) => *value,
            Self::Text(text) => !text.is_empty(),
            Self::Number(text) => number(text).is_none_or(|n| n != 0.0),
            Self::List(_) | Self::Variable(_) => true,
        }
    }

    /// As it stands in a text; none for what is none.
    pub(super) fn shown(&self) -> Option<String> {
        match self {
            Self::Null => Some(String::new()),
            Self::Bool(value) => Some(value.to_string()),
            Self::Text(text) | Self::Number(text) => Some(text.clone()),
            Self::List(_) | Self::Variable(_) => None,
        }
    }

    /// Whether two values are equal; none where that is not known. Strings are compared without case, values of different types as
    /// numbers, and what is no number is equal to nothing.
    fn equals(&self, other: &Self) -> Option<bool> {
        let numbers = |left: &Self, right: &Self| Some(left.as_number()? == right.as_number()?);
        match (self, other) {
            (Self::List(_) | Self::Variable(_), _) | (_, Self::List(_) | Self::Variable(_)) => None,
            (Self::Text(a), Self::Text(b)) => Some(a.eq_ignore_ascii_case(b)),
            // The type of an input is not always known: `'true'` of an action is `true` of a workflow.
            (Self::Bool(_), Self::Text(text)) | (Self::Text(text), Self::Bool(_)) if text.parse::<bool>().is_ok() => None,
            (left, right) => Some(numbers(left, right).unwrap_or(false)),
        }
    }

    fn as_number(&self) -> Option<f64> {
        match self {
            Self::Null | Self::Bool(false) => Some(0.0),
            Self::Bool(true) => Some(1.0),
            Self::Text(text) if text.trim().is_empty() => Some(0.0),
            Self::Text(text) | Self::Number(text) => number(text),
            Self::List(_) | Self::Variable(_) => None,
        }
    }
}

/// A number; none for what is none.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let based = |prefix: &str, radix| u32::from_str_radix(text.strip_prefix(prefix)?, radix).ok().map(f64::from);
    based("0x", 16).or_else(|| based("0o", 8)).or_else(|| text.parse().ok().filter(|n: &f64| !n.is_nan()))
}

/// What an expression may be: these, and where `open` anything else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Possible {
    pub(super) values: Vec<Value>,
    pub(super) open: bool,
}

impl Possible {
    pub(super) fn open() -> Self {
        Self { values: Vec::new(), open: true }
    }

    pub(super) fn one(value: Value) -> Self {
        Self { values: vec![value], open: false }
    }

    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::one(Value::Text(text.into()))
    }

    pub(super) fn either() -> Self {
        Self { values: vec![Value::Bool(true), Value::Bool(false)], open: false }
    }

    /// What YAML or a declaration may mean by a text whose type is not kept: a zero is false as a number and true as a string.
    pub(super) fn scalar(text: &str) -> Self {
        let mut out = Self::text(text);
        if number(text) == Some(0.0) {
            out.values.push(Value::Number(text.to_owned()));
        }
        out
    }

    /// The same values as strings.
    pub(super) fn as_texts(&self) -> Self {
        let text = |value: &Value| match value {
            Value::Bool(_) | Value::Number(_) => value.shown().map_or_else(|| value.clone(), Value::Text),
            other => other.clone(),
        };
        Self { values: self.values.iter().map(text).collect(), open: self.open }
    }

    /// The values of an input that is declared with this type.
    pub(super) fn typed(&self, kind: &str) -> Self {
        let typed = |value: &Value| match (kind, value) {
            ("boolean", Value::Text(text)) => text.parse().map_or_else(|_| value.clone(), Value::Bool),
            ("number", Value::Text(text)) => Value::Number(text.clone()),
            _ => value.clone(),
        };
        Self { values: self.values.iter().map(typed).collect(), open: self.open }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.open |= other.open;
        for value in other.values {
            if self.values.len() >= MAX_VALUES {
                self.open = true;
            } else if !self.values.contains(&value) {
                self.values.push(value);
            }
        }
    }

    /// Whether it may be true, and whether it may be false.
    pub(super) fn truth(&self) -> (bool, bool) {
        (self.open || self.values.iter().any(Value::truthy), self.open || self.values.iter().any(|v| !v.truthy()))
    }
}

/// An expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    Literal(Value),
    /// A context and its properties, in small letters: `github.event.number`.
    Path(String),
    Not(Box<Expression>),
    And(Box<Expression>, Box<Expression>),
    Or(Box<Expression>, Box<Expression>),
    Equal(Box<Expression>, Box<Expression>),
    NotEqual(Box<Expression>, Box<Expression>),
    /// A function by its name in small letters.
    Call(String, Vec<Expression>),
    /// What is not followed.
    Unknown,
}

/// What the contexts hold.
pub(super) trait Contexts {
    /// The values that a path may have.
    fn lookup(&self, path: &str) -> Possible;
}

impl Expression {
    /// Reads an expression, without `${{ }}`.
    pub(super) fn parse(text: &str) -> Self {
        if text.len() > MAX_TEXT {
            return Self::Unknown;
        }
        let mut parser = Parser { rest: text };
        match parser.or(MAX_DEPTH) {
            Some(parsed) if parser.rest.trim().is_empty() => parsed,
            _ => Self::Unknown,
        }
    }

    /// The values that it may have.
    pub(super) fn evaluate(&self, contexts: &dyn Contexts) -> Possible {
        match self {
            Self::Literal(value) => Possible::one(value.clone()),
            Self::Path(path) => contexts.lookup(path),
            Self::Not(inner) => truths(inner.evaluate(contexts).truth(), |t| !t),
            Self::And(left, right) => branches(&left.evaluate(contexts), || right.evaluate(contexts), true),
            Self::Or(left, right) => branches(&left.evaluate(contexts), || right.evaluate(contexts), false),
            Self::Equal(left, right) => compared(&left.evaluate(contexts), &right.evaluate(contexts), true),
            Self::NotEqual(left, right) => compared(&left.evaluate(contexts), &right.evaluate(contexts), false),
            Self::Call(name, arguments) => call(name, &arguments.iter().map(|a| a.evaluate(contexts)).collect::<Vec<_>>()),
            Self::Unknown => Possible::open(),
        }
    }

    /// The parts that have to be true together.
    pub(super) fn conjuncts(&self) -> Vec<&Self> {
        match self {
            Self::And(left, right) => {
                let mut all = left.conjuncts();
                all.extend(right.conjuncts());
                all
            }
            other => vec![other],
        }
    }
}

/// `&&` goes on where the left side is true (`on`), `||` where it is false.
fn branches(left: &Possible, right: impl Fn() -> Possible, on: bool) -> Possible {
    let (may_be_true, may_be_false) = left.truth();
    let values = left.values.iter().filter(|v| v.truthy() != on).cloned().collect();
    let mut out = Possible { values, open: left.open };
    if if on { may_be_true } else { may_be_false } {
        // what is open on the left is left behind where the right side is taken
        let taken = right();
        out.open = out.open && !on || taken.open;
        if left.open && on {
            out.add(Possible::one(Value::Bool(false)));
        }
        out.add(taken);
    }
    out
}

fn truths((may_be_true, may_be_false): (bool, bool), turned: impl Fn(bool) -> bool) -> Possible {
    let mut out = Possible::default();
    if may_be_true {
        out.add(Possible::one(Value::Bool(turned(true))));
    }
    if may_be_false {
        out.add(Possible::one(Value::Bool(turned(false))));
    }
    out
}

fn compared(left: &Possible, right: &Possible, equal: bool) -> Possible {
    let mut out = Possible::default();
    if left.open || right.open {
        return Possible::either();
    }
    for a in &left.values {
        for b in &right.values {
            let Some(equals) = a.equals(b) else { return Possible::either() };
            out.add(Possible::one(Value::Bool(equals == equal)));
        }
    }
    out
}

fn call(name: &str, arguments: &[Possible]) -> Possible {
    let text = |i: usize| arguments.get(i).filter(|p| !p.open && p.values.len() == 1).and_then(|p| p.values.first());
    let shown = |i: usize| text(i).and_then(Value::shown).map(|s| s.to_ascii_lowercase());
    let tested = |test: &dyn Fn(&str, &str) -> bool| match (shown(0), shown(1)) {
        (Some(whole), Some(part)) => Possible::one(Value::Bool(test(&whole, &part))),
        _ => Possible::either(),
    };
    match name {
        "always" => Possible::one(Value::Bool(true)),
        "success" => Possible::one(Value::Bool(true)),
        "startswith" => tested(&|whole, part| whole.starts_with(part)),
        "endswith" => tested(&|whole, part| whole.ends_with(part)),
        "contains" => match (text(0), shown(1)) {
            (Some(Value::List(items)), Some(item)) => Possible::one(Value::Bool(items.iter().any(|i| i.eq_ignore_ascii_case(&item)))),
            _ => tested(&|whole, part| whole.contains(part)),
        },
        "failure" | "cancelled" => Possible::either(),
        "fromjson" => text(0).and_then(Value::shown).and_then(|json| from_json(&json)).map_or_else(Possible::open, Possible::one),
        "format" => formatted(arguments).map_or_else(Possible::open, Possible::text),
        _ => Possible::open(),
    }
}

fn from_json(text: &str) -> Option<Value> {
    match serde_json::from_str(text).ok()? {
        serde_json::Value::Bool(value) => Some(Value::Bool(value)),
        serde_json::Value::String(text) => Some(Value::Text(text)),
        serde_json::Value::Number(number) => Some(Value::Number(number.to_string())),
        serde_json::Value::Array(items) => {
            items.into_iter().map(|i| i.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>().map(Value::List)
        }
        _ => None,
    }
}

fn formatted(arguments: &[Possible]) -> Option<String> {
    let one = |p: &Possible| if p.open || p.values.len() != 1 { None } else { p.values.first()?.shown() };
    let mut all = arguments.iter();
    let mut text = one(all.next()?)?;
    for (i, argument) in all.enumerate() {
        text = text.replace(&format!("{{{i}}}"), &one(argument)?);
    }
    Some(text)
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn take(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn or(&mut self, depth: usize) -> Option<Expression> {
        let depth = depth.checked_sub(1)?;
        let mut left = self.and(depth)?;
        while self.take("||") {
            left = Expression::Or(Box::new(left), Box::new(self.and(depth)?));
        }
        Some(left)
    }

    fn and(&mut self, depth: usize) -> Option<Expression> {
        let mut left = self.comparison(depth)?;
        while self.take("&&") {
            left = Expression::And(Box::new(left), Box::new(self.comparison(depth)?));
        }
        Some(left)
    }

    fn comparison(&mut self, depth: usize) -> Option<Expression> {
        let left = self.unary(depth)?;
        if self.take("==") {
            return Some(Expression::Equal(Box::new(left), Box::new(self.unary(depth)?)));
        }
        if self.take("!=") {
            return Some(Expression::NotEqual(Box::new(left), Box::new(self.unary(depth)?)));
        }
        if ["<=", ">=", "<", ">"].iter().any(|operator| self.take(operator)) {
            self.unary(depth)?;
            return Some(Expression::Unknown);
        }
        Some(left)
    }

    fn unary(&mut self, depth: usize) -> Option<Expression> {
        let depth = depth.checked_sub(1)?;
        if self.take("!") {
            return Some(Expression::Not(Box::new(self.unary(depth)?)));
        }
        if self.take("(") {
            let inner = self.or(depth)?;
            return self.take(")").then_some(inner);
        }
        self.rest = self.rest.trim_start();
        if self.rest.starts_with('\'') {
            return self.string();
        }
        self.word(depth)
    }

    /// `'it''s'`
    fn string(&mut self) -> Option<Expression> {
        let mut out = String::new();
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((at, c)) = characters.next() {
            if c != '\'' {
                out.push(c);
            } else if characters.peek().is_some_and(|(_, next)| *next == '\'') {
                characters.next();
                out.push('\'');
            } else {
                self.rest = self.rest.get(at + 1..)?;
                return Some(Expression::Literal(Value::Text(out)));
            }
        }
        None
    }

    fn word(&mut self, depth: usize) -> Option<Expression> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '*'))).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        if word.is_empty() {
            return None;
        }
        self.rest = rest;
        let word = word.to_ascii_lowercase();
        if self.rest.starts_with('(') {
            return self.arguments(word, depth);
        }
        match word.as_str() {
            "true" => return Some(Expression::Literal(Value::Bool(true))),
            "false" => return Some(Expression::Literal(Value::Bool(false))),
            "null" => return Some(Expression::Literal(Value::Null)),
            _ if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') => return Some(Expression::Literal(Value::Number(word))),
            _ => {}
        }
        self.indexed(word, depth)
    }

    fn arguments(&mut self, name: String, depth: usize) -> Option<Expression> {
        let mut arguments = Vec::new();
        self.take("(");
        if !self.take(")") {
            loop {
                arguments.push(self.or(depth)?);
                if self.take(")") {
                    break;
                }
                if !self.take(",") {
                    return None;
                }
            }
        }
        // what is picked out of the result is not followed
        if self.rest.starts_with(['.', '[']) {
            self.indexed(String::new(), depth)?;
            return Some(Expression::Unknown);
        }
        Some(Expression::Call(name, arguments))
    }

    /// `github.event.inputs['name']`, `matrix.x.y`
    fn indexed(&mut self, mut path: String, depth: usize) -> Option<Expression> {
        let mut known = true;
        loop {
            if self.rest.starts_with('[') {
                self.take("[");
                match self.or(depth)? {
                    Expression::Literal(Value::Text(key) | Value::Number(key)) => {
                        path.push('.');
                        path.push_str(&key.to_ascii_lowercase());
                    }
                    _ => known = false,
                }
                if !self.take("]") {
                    return None;
                }
            } else if self.rest.starts_with('.') {
                let end = self.rest.get(1..)?.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '*' | '.')));
                let (more, rest) = self.rest.split_at(end.map_or(self.rest.len(), |e| e + 1));
                path.push_str(&more.to_ascii_lowercase());
                self.rest = rest;
            } else {
                return Some(if known { Expression::Path(path) } else { Expression::Unknown });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Known;

    impl Contexts for Known {
        fn lookup(&self, path: &str) -> Possible {
            match path {
                "github.event_name" => Possible::text("push"),
                "matrix.target" => Possible { values: vec![Value::Text("qa".to_owned()), Value::Text("live".to_owned())], open: false },
                "inputs.none" => Possible::one(Value::Null),
                _ => Possible::open(),
            }
        }
    }

    fn values(text: &str) -> (Vec<String>, bool) {
        let found = Expression::parse(text).evaluate(&Known);
        (found.values.iter().filter_map(Value::shown).collect(), found.open)
    }

    #[test]
    fn choices_and_defaults() {
        assert_eq!(values("inputs.none || 'live'"), (vec!["live".to_owned()], false));
        assert_eq!(values("github.event_name == 'PUSH' && 'live' || 'qa'"), (vec!["live".to_owned()], false));
        assert_eq!(values("needs.a.outputs.b && 'x' || 'y'"), (vec!["x".to_owned(), "y".to_owned()], false));
        assert_eq!(values("matrix['target']"), (vec!["qa".to_owned(), "live".to_owned()], false));
        assert_eq!(values("format('{0}-eu', 'live')"), (vec!["live-eu".to_owned()], false));
        assert!(values("steps.x.outputs.y || 'z'").1);
        assert!(values("fromJSON(needs.a.outputs.b)[0]").1);
    }

    #[test]
    fn only_empty_strings_and_zero_numbers_are_false() {
        let truth = |text: &str| Expression::parse(text).evaluate(&Known).truth();
        for yes in ["'0'", "'false'", "' '", "1", "0x0f", "-1", "fromJSON('1')", "'0' == 0", "'' == 0", "null == ''", "true == 1"] {
            assert_eq!(truth(yes), (true, false), "{yes}");
        }
        for no in ["0", "-0", "0.0", "''", "null", "false", "fromJSON('0')", "'a' == 0", "true == 'a'", "null == 'a'"] {
            assert_eq!(truth(no), (false, true), "{no}");
        }
        assert_eq!(values("'0' && 'live' || 'qa'"), (vec!["live".to_owned()], false));
        assert_eq!(values("0 && 'live' || 'qa'"), (vec!["qa".to_owned()], false));
        // whether an input is a bool or a string is not always known
        assert_eq!(truth("true == 'true'"), (true, true));
    }

    #[test]
    fn truth() {
        let truth = |text: &str| Expression::parse(text).evaluate(&Known).truth();
        assert_eq!(truth("github.event_name != 'pull_request'"), (true, false));
        assert_eq!(truth("!(github.event_name == 'push')"), (false, true));
        assert_eq!(truth("contains(fromJSON('[\"push\", \"schedule\"]'), github.event_name)"), (true, false));
        assert_eq!(truth("github.actor == 'octocat'"), (true, true));
        assert_eq!(truth("github.event_name == 'schedule' && github.actor == 'x'"), (false, true));
        assert_eq!(truth("this is no expression"), (true, true));
    }
}
