//! What the contexts of an expression hold at one place of one run.

use super::super::super::shape::text_at;
use super::super::variables::Variables;
use super::events::Trigger;
use super::expression::{self, Contexts, Expression, Possible};
use crate::graph::{FactOf, FactValue, Named, TokenFact};
use crate::partial::{Text, Unknown, UnknownKind, Value, cut};
use crate::place::Span;
use std::collections::BTreeMap;

/// How often a variable of the environment may stand for another.
const MAX_DEPTH: usize = 4;
/// Longest text with expressions that is followed.
const MAX_TEXT: usize = 8192;
/// Most texts that one text may be.
const MAX_TEXTS: usize = 16;
/// Stands for somebody outside, and for what is theirs: nothing that is written is equal to it.
const STRANGER: &str = "\u{1}";

/// Inputs of a workflow or an action: what is not listed is nothing, or, where `open`, unknown.
#[derive(Debug, Clone, Default)]
pub(super) struct Inputs {
    pub(super) known: BTreeMap<String, Possible>,
    pub(super) open: bool,
}

/// A place in a run.
#[derive(Clone, Copy)]
pub(super) struct Scope<'r> {
    pub(super) file: &'r str,
    pub(super) trigger: &'r Trigger,
    pub(super) inputs: &'r Inputs,
    /// This entry of the matrix; none where nothing is known of it.
    pub(super) entry: Option<&'r BTreeMap<String, String>>,
    /// What has an `env`: the step, the job, the workflow.
    pub(super) around: &'r [&'r Value],
    pub(super) variables: &'r Variables,
    /// The environments that the job may be in; none when that is not known.
    pub(super) environments: Option<&'r [String]>,
    /// Somebody outside brought the run about.
    pub(super) stranger: bool,
    pub(super) depth: usize,
}

/// A piece of a text with expressions.
enum Piece {
    Literal(Text),
    Expression(Expression, String, Option<Span>),
}

impl<'r> Scope<'r> {
    pub(super) fn new(file: &'r str, trigger: &'r Trigger, inputs: &'r Inputs, variables: &'r Variables) -> Self {
        let (entry, environments) = (None, None);
        Self { file, trigger, inputs, entry, around: &[], variables, environments, stranger: false, depth: MAX_DEPTH }
    }

    /// The values of a condition; `if` may leave out `${{ }}`.
    pub(super) fn condition(text: &Text) -> Expression {
        let flat = cut::flat(text);
        let flat = flat.trim();
        match flat.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")) {
            Some(inner) if !inner.contains("${{") => Expression::parse(inner),
            _ if flat.contains("${{") => Expression::Unknown,
            _ => Expression::parse(flat),
        }
    }

    /// All values of a text with expressions.
    pub(super) fn values(&self, text: &Text) -> Possible {
        let mut out = Possible::text("");
        for piece in split(text) {
            let next = match piece {
                Piece::Literal(literal) => literal.as_known().map_or_else(Possible::open, Possible::text),
                Piece::Expression(expression, _, _) => expression.evaluate(self),
            };
            out = joined(&out, &next);
        }
        out
    }

    /// All names that a text may be, with what Terraform says of the variables in it.
    pub(super) fn named(&self, text: &Text) -> Vec<Named> {
        let start = Named { text: Text::default(), scope: self.file.to_owned(), repository: None };
        let mut out = vec![start];
        for piece in split(text) {
            let nexts = self.named_piece(piece);
            let mut longer = Vec::new();
            for before in &out {
                for next in &nexts {
                    let mut text = before.text.clone();
                    text.push(&next.text);
                    let own = cut::is_empty(&before.text) || before.scope == self.file;
                    let scope = if own { next.scope.clone() } else { before.scope.clone() };
                    let repository = next.repository.clone().or_else(|| before.repository.clone());
                    longer.push(Named { text, scope, repository });
                }
            }
            longer.truncate(MAX_TEXTS);
            out = longer;
        }
        out.into_iter().map(|named| Named { text: trimmed(&named.text), ..named }).collect()
    }

    fn named_piece(&self, piece: Piece) -> Vec<Named> {
        let own = |text: Text| Named { text, scope: self.file.to_owned(), repository: None };
        let (expression, shown, span) = match piece {
            Piece::Literal(text) => return vec![own(text)],
            Piece::Expression(expression, shown, span) => (expression, shown, span),
        };
        let possible = expression.evaluate(self);
        let mut out = Vec::new();
        for value in &possible.values {
            match value {
                expression::Value::Variable(name) => {
                    let declared = self.variables.named(name, self.environments);
                    if declared.is_empty() {
                        out.push(own(self.unknown(name, &shown, span)));
                    }
                    out.extend(declared);
                }
                other => out.extend(other.shown().map(|text| own(placed(&text, span)))),
            }
        }
        if possible.open || out.is_empty() {
            out.push(own(self.unknown(&shown, &shown, span)));
        }
        out
    }

    /// What `name` is, written as `shown`.
    fn unknown(&self, name: &str, shown: &str, span: Option<Span>) -> Text {
        let label = format!("${{{{ {shown} }}}}");
        let why = format!("`{label}` has its value when the job runs");
        Text::hole(Unknown::new(format!("{}|{name}", self.file), UnknownKind::Any, label, why, span), span)
    }

    /// What a condition that has to hold says of the tokens.
    pub(super) fn narrowed(&self, condition: &Expression, span: Option<Span>) -> Vec<TokenFact> {
        let mut out = Vec::new();
        for part in condition.conjuncts() {
            let (path, text, how): (&str, &str, fn(String) -> FactValue) = match part {
                Expression::Equal(a, b) => match (&**a, &**b) {
                    (Expression::Path(p), Expression::Literal(expression::Value::Text(t)))
                    | (Expression::Literal(expression::Value::Text(t)), Expression::Path(p)) => {
                        (p, t, |re| FactValue::Like(re.clone(), re))
                    }
                    _ => continue,
                },
                Expression::NotEqual(a, b) => match (&**a, &**b) {
                    (Expression::Path(p), Expression::Literal(expression::Value::Text(t))) => (p, t, FactValue::Not),
                    _ => continue,
                },
                Expression::Call(name, arguments) if name == "startswith" => match arguments.as_slice() {
                    [Expression::Path(p), Expression::Literal(expression::Value::Text(t))] if p == "github.ref" => {
                        let shown = format!("`{t}…`");
                        out.push(fact(FactValue::Like(format!("{}.*", super::filters::literal(t)), shown), span));
                        continue;
                    }
                    _ => continue,
                },
                _ => continue,
            };
            let literal = super::filters::literal(text);
            let refs = match path {
                "github.ref" => literal,
                "github.ref_name" => format!("refs/(?:heads|tags)/{literal}"),
                "github.ref_type" if text == "tag" => "refs/tags/.+".to_owned(),
                "github.ref_type" if text == "branch" => "refs/heads/.+".to_owned(),
                _ => continue,
            };
            let value = match how(refs) {
                FactValue::Like(re, _) => FactValue::Like(re, format!("`{text}`")),
                other => other,
            };
            out.push(fact(value, span));
        }
        out
    }

    fn environment(&self, name: &str) -> Possible {
        for holder in self.around {
            let Some(env) = holder.get("env") else { continue };
            let entry = env.entries().iter().rev().find(|e| e.key.as_known().is_some_and(|k| k.eq_ignore_ascii_case(name)));
            if let Some(entry) = entry {
                let text = entry.value.as_text();
                return match (text, self.depth.checked_sub(1)) {
                    (Some(text), Some(depth)) => Scope { depth, ..*self }.values(&text),
                    _ => Possible::open(),
                };
            }
            if env.is_open() {
                break;
            }
        }
        Possible::open()
    }

    /// What somebody outside is, and what is theirs.
    fn of_stranger(&self, path: &str) -> Option<Possible> {
        let known = match path {
            "github.repository" => Possible::text(format!("{STRANGER}own")),
            "github.event.pull_request.head.repo.full_name" | "github.event.workflow_run.head_repository.full_name" => {
                Possible::text(format!("{STRANGER}fork"))
            }
            "github.event.pull_request.head.repo.fork" | "github.event.workflow_run.head_repository.fork" => {
                Possible::one(expression::Value::Bool(true))
            }
            "github.event.pull_request.merged" | "github.event.pull_request.draft" => Possible::one(expression::Value::Bool(false)),
            "github.event.issue.pull_request" => Possible::text("a pull request"),
            "github.event.workflow_run.event" => Possible::text("pull_request"),
            "github.event.workflow_run.conclusion" => Possible::text("success"),
            "github.actor" | "github.triggering_actor" | "github.event.sender.login" => Possible::text(STRANGER),
            _ if path.ends_with(".author_association") => Possible::text("NONE"),
            _ if path.ends_with(".user.login") => Possible::text(STRANGER),
            _ if path.ends_with(".head.repo.owner.login") || path.ends_with("head_repository.owner.login") => Possible::text(STRANGER),
            "github.repository_owner" => Possible::text(format!("{STRANGER}owner")),
            _ => return None,
        };
        Some(known)
    }
}

impl Contexts for Scope<'_> {
    fn lookup(&self, path: &str) -> Possible {
        if let Some(known) = self.stranger.then(|| self.of_stranger(path)).flatten() {
            return known;
        }
        let listed = |all: &Option<Vec<String>>, cut: &dyn Fn(&String) -> String| match all {
            Some(all) => {
                let mut out = Possible::default();
                all.iter().for_each(|one| out.add(Possible::text(cut(one))));
                out
            }
            None => Possible::open(),
        };
        match path {
            "github.event_name" => self.trigger.event.as_ref().map_or_else(Possible::open, Possible::text),
            "github.ref" => listed(&self.trigger.refs, &String::clone),
            "github.ref_name" => listed(&self.trigger.refs, &|r| r.splitn(3, '/').nth(2).unwrap_or_default().to_owned()),
            "github.base_ref" => listed(&self.trigger.bases, &String::clone),
            _ => match path.split_once('.') {
                Some(("inputs", name)) => self.input(name),
                Some(("github", rest)) if rest.starts_with("event.inputs.") => {
                    self.input(rest.trim_start_matches("event.inputs.")).as_texts()
                }
                Some(("matrix", name)) => match self.entry {
                    Some(entry) => entry.get(name).map_or_else(Possible::open, |text| Possible::scalar(text)),
                    None => Possible::open(),
                },
                Some(("env", name)) => self.environment(name),
                Some(("vars" | "secrets", name)) => Possible::one(expression::Value::Variable(name.to_owned())),
                _ => Possible::open(),
            },
        }
    }
}

impl Scope<'_> {
    fn input(&self, name: &str) -> Possible {
        match self.inputs.known.get(name) {
            Some(known) => known.clone(),
            None if self.inputs.open => Possible::open(),
            None => Possible::one(expression::Value::Null),
        }
    }

    /// An input of a step as it is written; an empty one is none.
    pub(super) fn with(&self, with: &Value, name: &str) -> Option<Text> {
        let text = text_at(with, name)?;
        let values = self.values(&text);
        let empty = !values.open && values.values.iter().all(|v| v.shown().is_some_and(|s| s.trim().is_empty()));
        (!empty).then_some(text)
    }

    /// Whether a text is certainly true.
    pub(super) fn is_true(&self, text: &Text) -> bool {
        let values = self.values(text);
        !values.open && !values.values.is_empty() && values.values.iter().all(|v| v.shown().is_some_and(|s| s.eq_ignore_ascii_case("true")))
    }
}

fn fact(value: FactValue, span: Option<Span>) -> TokenFact {
    TokenFact { of: FactOf::Claim("ref".to_owned()), value, span }
}

fn placed(text: &str, span: Option<Span>) -> Text {
    span.map_or_else(|| Text::known(text), |span| Text::literal(text, span))
}

/// Actions trim their inputs.
fn trimmed(text: &Text) -> Text {
    match text.as_known() {
        Some(known) if known.trim() != known => placed(known.trim(), text.span()),
        _ => text.clone(),
    }
}

fn joined(left: &Possible, right: &Possible) -> Possible {
    // one value alone keeps what it is
    if left.values == [expression::Value::Text(String::new())] && !left.open {
        return right.clone();
    }
    let mut out = Possible { values: Vec::new(), open: left.open || right.open };
    for a in &left.values {
        for b in &right.values {
            match (a.shown(), b.shown()) {
                (Some(a), Some(b)) if a.is_empty() && b.is_empty() => out.add(Possible::text("")),
                (Some(a), Some(b)) => out.add(Possible::text(a + &b)),
                _ => out.open = true,
            }
        }
    }
    out
}

fn split(text: &Text) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = text.clone();
    if cut::flat(text).len() > MAX_TEXT {
        return vec![Piece::Expression(Expression::Unknown, "a long text".to_owned(), text.span())];
    }
    while let Some((before, after)) = cut::split_once(&rest, "${{") {
        let Some((inner, behind)) = cut::split_once(&after, "}}") else { break };
        if !cut::is_empty(&before) {
            out.push(Piece::Literal(before));
        }
        let flat = cut::flat(&inner).trim().to_owned();
        out.push(Piece::Expression(Expression::parse(&flat), flat, inner.span()));
        rest = behind;
    }
    if !cut::is_empty(&rest) {
        out.push(Piece::Literal(rest));
    }
    out
}
