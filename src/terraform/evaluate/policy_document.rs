//! Data sources that are functions: `aws_iam_policy_document` and `google_iam_policy` render JSON.
//! (<https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document>)

use super::engine::Evaluator;
use super::values::{combinations, entry, one_of, same};
use crate::partial::{Entry, Kind, Part, Text, Unknown, UnknownKind, Value};
use crate::place::Span;
use crate::terraform::functions::effective;
use crate::terraform::json_text;

/// The arguments of a statement that hold strings, with their names in the JSON.
const SETS: &[(&str, &str)] =
    &[("actions", "Action"), ("not_actions", "NotAction"), ("resources", "Resource"), ("not_resources", "NotResource")];

/// How deep lists and alternatives of strings are followed.
const MAX_LISTS: usize = 8;

/// The kinds of principal that IAM knows.
const PRINCIPALS: &[&str] = &["AWS", "Federated", "Service", "CanonicalUser"];

impl Evaluator<'_> {
    /// The JSON of an evaluated `aws_iam_policy_document` body.
    pub(super) fn policy_json(&self, body: &Value, span: Span) -> Value {
        // one document per choice that is open: also which documents are merged in
        let bodies = combinations(body).unwrap_or_else(|| vec![body.clone()]);
        let texts = bodies.iter().map(|b| self.render(&policy(b, &|| self.lost(span)), span)).collect();
        one_of(texts, || Value::unknown(self.lost(span), Some(span)))
    }

    /// The JSON of an evaluated `google_iam_policy` body.
    pub(super) fn google_policy_json(&self, body: &Value, span: Span) -> Value {
        let binding = |b: &Value| {
            let field = |name: &str| b.get(name).filter(|v| !v.is_null()).map(|v| entry(name, v.clone()));
            let mut entries: Vec<Entry> = ["role", "members"].iter().filter_map(|n| field(n)).collect();
            if let Some(condition) = b.get("condition").and_then(|c| c.items().first().map(|c| (*c).clone())) {
                entries.push(entry("condition", condition));
            }
            Value::map(entries, b.span)
        };
        let list = body.get("binding");
        let items = list.map(Value::items).unwrap_or_default().into_iter().map(binding).collect();
        let open = list.is_some_and(Value::is_open);
        let bindings = Value::new(Kind::List { items, open }, Some(span));
        self.render(&Value::map(vec![entry("bindings", bindings)], Some(span)), span)
    }

    fn render(&self, document: &Value, span: Span) -> Value {
        let all = combinations(document).unwrap_or_else(|| vec![document.clone()]);
        let texts = all.iter().map(|d| Value::new(Kind::Text(json_text::render_json(d)), Some(span))).collect();
        one_of(texts, || Value::unknown(self.lost(span), Some(span)))
    }

    fn lost(&self, span: Span) -> Unknown {
        let scope = self.root_scope();
        self.fresh_atom(&scope, "policy document", "a source document is not known", span)
    }
}

/// The document as a tree.
fn policy(body: &Value, lost: &dyn Fn() -> Unknown) -> Value {
    let (mut statements, mut open): (Vec<Value>, bool) = (Vec::new(), false);
    for name in ["source_json", "source_policy_documents"] {
        documents(body.get(name), lost, &mut |s| statements.push(s), &mut open);
    }
    let own = body.get("statement");
    open |= own.is_some_and(Value::is_open);
    for s in own.map(Value::items).unwrap_or_default() {
        put(&mut statements, statement(s));
    }
    for name in ["override_json", "override_policy_documents"] {
        documents(body.get(name), lost, &mut |s| put(&mut statements, s), &mut open);
    }
    let version = body.get("version").filter(|v| !v.is_null()).cloned().unwrap_or_else(|| Value::string("2012-10-17"));
    let mut entries = vec![entry("Version", version)];
    if let Some(id) = body.get("policy_id").filter(|v| !v.is_null()) {
        entries.push(entry("Id", id.clone()));
    }
    entries.push(entry("Statement", Value::new(Kind::List { items: statements, open }, body.span)));
    Value::map(entries, body.span)
}

/// Adds a statement; one with the same sid is replaced.
fn put(all: &mut Vec<Value>, new: Value) {
    let sid = |v: &Value| v.get("Sid").and_then(Value::as_str).filter(|s| !s.is_empty());
    if let Some(mine) = sid(&new)
        && let Some(before) = all.iter_mut().find(|b| sid(b).as_deref() == Some(&mine))
    {
        *before = new;
        return;
    }
    all.push(new);
}

/// The statements of other documents, given as JSON texts.
fn documents(value: Option<&Value>, lost: &dyn Fn() -> Unknown, put: &mut dyn FnMut(Value), open: &mut bool) {
    let Some(value) = value.filter(|v| !v.is_null()) else { return };
    if matches!(value.kind, Kind::List { open: true, .. }) {
        *open = true;
    }
    for document in value.items() {
        let parsed = document.as_text().and_then(|t| if t.parts.is_empty() { None } else { json_text::read_json(&t) });
        let Some(parsed) = parsed.filter(|p| matches!(p.kind, Kind::Map { .. })) else {
            if document.as_str().is_none_or(|s| !s.is_empty()) && !document.is_null() {
                put(Value::unknown(lost(), document.span));
            }
            continue;
        };
        match parsed.get("Statement") {
            Some(Value { kind: Kind::List { items, open: more }, .. }) => {
                *open |= more;
                items.iter().cloned().for_each(&mut *put);
            }
            Some(one) => put(one.clone()),
            None => {}
        }
    }
}

/// One `statement` block in the JSON's terms.
fn statement(block: &Value) -> Value {
    let mut entries: Vec<Entry> = Vec::new();
    let set = |name: &str| block.get(name).filter(|v| !v.is_null());
    if let Some(sid) = set("sid") {
        entries.push(entry("Sid", sid.clone()));
    }
    entries.push(entry("Effect", set("effect").cloned().unwrap_or_else(|| Value::string("Allow"))));
    for (from, to) in SETS {
        if let Some(value) = set(from) {
            entries.push(entry(to, variables(&single(value), MAX_LISTS)));
        }
    }
    for (from, to) in [("principals", "Principal"), ("not_principals", "NotPrincipal")] {
        if let Some(blocks) = blocks_of(block, from) {
            entries.push(entry(to, principals(blocks)));
        }
    }
    if let Some(blocks) = blocks_of(block, "condition") {
        entries.push(entry("Condition", conditions(blocks)));
    }
    Value { kind: Kind::Map { entries, open: false }, span: block.span, trail: block.trail.clone() }
}

/// The value with the data source's way to write policy variables, `&{…}`, as IAM's, `${…}`
/// (<https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document#context-variable-interpolation>).
fn variables(value: &Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return value.clone() };
    let inner = |items: &[Value]| items.iter().map(|v| variables(v, depth)).collect::<Vec<_>>();
    let kind = match &value.kind {
        Kind::Text(text) => Kind::Text(Text { parts: text.parts.iter().map(variable).collect() }),
        Kind::List { items, open } => Kind::List { items: inner(items), open: *open },
        Kind::OneOf(all) => Kind::OneOf(inner(all)),
        other => other.clone(),
    };
    Value { kind, span: value.span, trail: value.trail.clone() }
}

fn variable(part: &Part) -> Part {
    match part {
        Part::Literal { text, span, trail } if text.contains("&{") => {
            Part::Literal { text: text.replace("&{", "${").into(), span: *span, trail: trail.clone() }
        }
        other => other.clone(),
    }
}

/// The nested blocks of a type; none when there are none for sure (a `dynamic` block over nothing).
fn blocks_of<'v>(block: &'v Value, name: &str) -> Option<&'v Value> {
    block.get(name).filter(|b| b.is_open() || !b.items().is_empty())
}

/// The provider writes a list of one as the one.
fn single(value: &Value) -> Value {
    match &value.kind {
        Kind::List { items, open: false } if items.len() == 1 => items.first().cloned().unwrap_or_else(Value::null),
        _ => value.clone(),
    }
}

fn principals(blocks: &Value) -> Value {
    let mut entries: Vec<Entry> = Vec::new();
    let all = blocks.items();
    let text = |b: &Value, name: &str| b.get(name).and_then(Value::as_str);
    let star = |b: &&Value| text(b, "type").as_deref() == Some("*");
    if let Some(any) = all.iter().find(|b| star(b))
        && let Some(ids) = any.get("identifiers")
        && single(ids).as_str().as_deref() == Some("*")
    {
        return single(ids);
    }
    for b in all {
        let key = b.get("type").and_then(Value::as_text).unwrap_or_else(|| Text::known("AWS"));
        let values = b.get("identifiers").map(|v| variables(v, MAX_LISTS)).unwrap_or_else(|| Value::list(Vec::new(), None));
        let key = match (key.as_known(), key_span(b, "identifiers")) {
            // the place at which the statement names them, wherever the names themselves are written
            (Some(known), Some(at)) if PRINCIPALS.contains(&known.as_str()) => Text::literal(known, at),
            _ => key,
        };
        append(&mut entries, key, &values);
    }
    entries.iter_mut().for_each(|e| e.value = single(&e.value));
    Value::new(Kind::Map { entries, open: blocks.is_open() }, blocks.span)
}

/// Where an argument of a block is named.
fn key_span(block: &Value, name: &str) -> Option<Span> {
    block.entries().iter().find(|e| e.key.is_str(name)).and_then(|e| e.key.span())
}

fn conditions(blocks: &Value) -> Value {
    let mut tests: Vec<(Text, Vec<Entry>)> = Vec::new();
    for b in blocks.items() {
        let field = |name: &str| b.get(name).and_then(Value::as_text);
        // a test or variable with alternatives is kept by its unknown name
        let unknown = |name: &str| {
            let why = format!("`{name}` of the condition is not known");
            Text::hole(
                Unknown::new(format!("condition {:?} {name}", b.span), UnknownKind::Any, format!("${{{name}}}"), why, b.span),
                b.span,
            )
        };
        let test = field("test").unwrap_or_else(|| unknown("test"));
        let variable = field("variable").unwrap_or_else(|| unknown("variable"));
        let values = b.get("values").map(|v| variables(v, MAX_LISTS)).unwrap_or_else(|| Value::list(Vec::new(), None));
        match tests.iter_mut().find(|(t, _)| t.same(&test)) {
            Some((_, entries)) => append(entries, variable, &values),
            None => {
                let mut entries = Vec::new();
                append(&mut entries, variable, &values);
                tests.push((test, entries));
            }
        }
    }
    let make = |(key, mut entries): (Text, Vec<Entry>)| {
        entries.iter_mut().for_each(|e| e.value = single(&e.value));
        Entry { key, value: Value::map(effective(&entries), None) }
    };
    Value::new(Kind::Map { entries: tests.into_iter().map(make).collect(), open: blocks.is_open() }, blocks.span)
}

/// Adds values to the list under a key.
fn append(entries: &mut Vec<Entry>, key: Text, values: &Value) {
    let (items, more) = match &values.kind {
        Kind::List { items, open } => (items.clone(), *open),
        _ => (vec![values.clone()], false),
    };
    if let Some(before) = entries.iter_mut().find(|e| e.key.same(&key)) {
        if let Kind::List { items: old, open } = &mut before.value.kind {
            *open |= more;
            for item in items {
                if !old.iter().any(|o| same(o, &item)) {
                    old.push(item);
                }
            }
        }
        return;
    }
    entries.push(Entry { key, value: Value::new(Kind::List { items, open: more }, values.span) });
}
