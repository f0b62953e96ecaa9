//! Intrinsic functions over lists and maps, and dynamic references
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>).

use super::super::super::shape::{field, place, text};
use super::MAX_DEPTH;
use super::template::{Template, attribute};
use crate::partial::{Entry, Kind, MAX_ALTERNATIVES, Part, Text, Unknown, UnknownKind, Value, cut};

/// What stands between the account and the host in the ARN of a provider.
const PROVIDER: &str = "oidc-provider/";

impl Template<'_> {
    /// The list with what is certainly removed taken out. Where `AWS::NoValue` may stand in place of a string, the list is one
    /// of several.
    pub(super) fn without_removed(&self, items: Vec<Value>, open: bool) -> Kind {
        let mut lists: Vec<Vec<Value>> = vec![Vec::new()];
        let mut open = open;
        for item in items {
            if item.is_null() {
                continue;
            }
            let Some(kept) = perhaps(&item) else {
                lists.iter_mut().for_each(|list| list.push(item.clone()));
                continue;
            };
            if lists.len() * 2 > MAX_ALTERNATIVES {
                open = true;
                continue;
            }
            let with = lists.iter().map(|list| list.iter().cloned().chain([kept.clone()]).collect());
            lists = lists.clone().into_iter().chain(with.collect::<Vec<_>>()).collect();
        }
        match lists.len() {
            1 => Kind::List { items: lists.pop().unwrap_or_default(), open },
            _ => Kind::OneOf(lists.into_iter().map(|items| Value::new(Kind::List { items, open }, None)).collect()),
        }
    }

    /// `Fn::Split`: a list of texts; where an unknown may hold the delimiter, nothing is known but a provider's host.
    pub(super) fn split(&self, argument: &Value, depth: usize) -> Option<Value> {
        let [delimiter, whole] = argument.items().try_into().ok()?;
        let delimiter = delimiter.as_str().filter(|d| !d.is_empty())?;
        let whole = text(Some(&self.resolve(whole, depth.checked_sub(1)?)))?;
        if let Some(atom) = cut::only_atom(&whole) {
            // An ARN that is not known, cut where its host begins.
            let host = delimiter.ends_with(PROVIDER) || delimiter == PROVIDER.trim_end_matches('/');
            if !host {
                return None;
            }
            let key = format!("{}|{PROVIDER}", atom.key());
            let rest = Unknown::new(key, UnknownKind::IssuerHostPath, format!("host of {}", atom.label()), atom.why(), whole.span());
            return Some(Value::list(vec![texts(whole.clone()), texts(Text::hole(rest, whole.span()))], whole.span()));
        }
        let flat = cut::flat(&whole);
        if !self.has_room(flat.matches(&delimiter).count().saturating_mul(size_of::<Value>())) {
            return None;
        }
        let mut at = 0;
        let mut items = Vec::new();
        for piece in flat.split(&delimiter) {
            items.push(texts(cut::slice(&whole, at..at + piece.len())));
            at += piece.len() + delimiter.len();
        }
        Some(Value::list(items, whole.span()))
    }

    /// `Fn::Select`.
    pub(super) fn select(&self, argument: &Value, depth: usize) -> Option<Value> {
        let Kind::List { items, .. } = &argument.kind else { return None };
        let index: usize = text(items.first())?.as_known()?.trim().parse().ok()?;
        let list = self.resolve(items.get(1)?, depth.checked_sub(1)?);
        match &list.kind {
            Kind::List { items, open: false } => items.get(index).cloned(),
            _ => None,
        }
    }

    /// `Fn::FindInMap`: where a key is not known, one of the values below.
    pub(super) fn find_in_map(&self, argument: &Value, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let Kind::List { items, .. } = &argument.kind else { return None };
        let key = |index: usize| text(items.get(index).map(|v| self.resolve(v, depth)).as_ref());
        let map = field(self.mappings?, &key(0)?.as_known()?)?;
        let below = |value: &Value, key: Option<Text>| -> Vec<Value> {
            match key.and_then(|k| k.as_known()) {
                Some(known) => value.get(&known).cloned().into_iter().collect(),
                None => value.entries().iter().map(|e| e.value.clone()).collect(),
            }
        };
        let mut found: Vec<Value> = below(map, key(1)).iter().flat_map(|level| below(level, key(2))).collect();
        if found.is_empty() {
            found.extend(items.get(3).and_then(|d| field(d, "DefaultValue")).map(|d| self.resolve(d, depth)));
        }
        match found.len() {
            0 => None,
            1 => found.pop(),
            2..=MAX_ALTERNATIVES => Some(Value::new(Kind::OneOf(found), place(argument))),
            _ => None,
        }
    }

    /// `Fn::GetAtt` of a value that the CDK keeps as JSON because keys hold references: `CfnJson`
    /// (<https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.CfnJson.html>).
    pub(super) fn cfn_json(&self, path: &str, depth: usize) -> Option<Value> {
        let name = path.strip_suffix(".Value").filter(|name| self.kind(name).as_deref() == Some("Custom::AWSCDKCfnJson"))?;
        let written = self.resources.at(&[name, "Properties", "Value"])?;
        let json = text(Some(&self.resolve(written, depth.checked_sub(1)?)))?;
        self.embedded.parse(&json).ok().filter(|v| matches!(v.kind, Kind::Map { .. }))
    }

    /// The text with its dynamic references made unknowns: `{{resolve:ssm:/app/name}}`.
    pub(super) fn dynamic(&self, whole: &Text) -> Text {
        const BEGIN: &str = "{{resolve:";
        const END: &str = "}}";
        let flat = cut::flat(whole);
        if !flat.contains(BEGIN) {
            return whole.clone();
        }
        let mut out = Text::default();
        let mut at = 0;
        while let Some(start) = flat.get(at..).and_then(|rest| rest.find(BEGIN)).map(|found| at + found) {
            let Some(end) = flat.get(start..).and_then(|rest| rest.find(END)).map(|found| start + found + END.len()) else { break };
            out.push(&cut::slice(whole, at..start));
            let reference = cut::slice(whole, start..end);
            out.push(&attribute(self.file, &reference.to_string(), UnknownKind::Any, reference.span()));
            at = end;
        }
        out.push(&cut::slice(whole, at..flat.len()));
        out
    }
}

fn texts(text: Text) -> Value {
    let span = text.span();
    Value::new(Kind::Text(text), span)
}

/// A string that may be left out: what it is when it is there. Objects stay as they are, a reader knows that one may be absent.
fn perhaps(item: &Value) -> Option<Value> {
    let Kind::OneOf(all) = &item.kind else { return None };
    let kept: Vec<Value> = all.iter().filter(|v| !v.is_null()).cloned().collect();
    if kept.len() == all.len() || kept.iter().any(|v| matches!(v.kind, Kind::Map { .. })) {
        return None;
    }
    Some(match kept.as_slice() {
        [one] => one.clone(),
        _ => Value { kind: Kind::OneOf(kept), span: item.span, trail: item.trail.clone() },
    })
}

/// The loop `Fn::ForEach` of the transform `AWS::LanguageExtensions`, unrolled
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>).
pub(super) fn unrolled(value: &Value, parameters: Option<&Value>, left: &mut usize) -> Option<Value> {
    holds_loop(value, MAX_DEPTH).then(|| unroll(value, parameters, left, MAX_DEPTH))
}

const LOOP: &str = "Fn::ForEach::";

fn holds_loop(value: &Value, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    match &value.kind {
        Kind::Map { entries, .. } => entries.iter().any(|e| e.key.known_prefix().starts_with(LOOP) || holds_loop(&e.value, depth - 1)),
        Kind::List { items, .. } => items.iter().any(|v| holds_loop(v, depth - 1)),
        _ => false,
    }
}

fn unroll(value: &Value, parameters: Option<&Value>, left: &mut usize, depth: usize) -> Value {
    if depth == 0 || *left == 0 {
        let why = "a loop makes more of it than is read";
        return Value::unknown(Unknown::new("|unrolled", UnknownKind::Any, "${…}", why, value.span), value.span);
    }
    *left -= 1;
    let kind = match &value.kind {
        Kind::Map { entries, open } => {
            let mut out: Vec<Entry> = Vec::new();
            for entry in entries {
                let body = match &entry.value.kind {
                    Kind::List { items, .. } if entry.key.known_prefix().starts_with(LOOP) => items.as_slice(),
                    _ => {
                        out.push(Entry { key: entry.key.clone(), value: unroll(&entry.value, parameters, left, depth - 1) });
                        continue;
                    }
                };
                let [name, items, body] = body else { continue };
                let Some(name) = name.as_str() else { continue };
                for item in items_of(items, parameters) {
                    let bound = bind(body, &name, &item, MAX_DEPTH);
                    out.extend(unroll(&bound, parameters, left, depth - 1).entries().iter().cloned());
                }
            }
            Kind::Map { entries: out, open: *open }
        }
        Kind::List { items, open } => {
            Kind::List { items: items.iter().map(|v| unroll(v, parameters, left, depth - 1)).collect(), open: *open }
        }
        other => other.clone(),
    };
    Value { kind, span: value.span, trail: value.trail.clone() }
}

/// What the loop goes over: a list, or the default of a parameter that is one.
fn items_of(list: &Value, parameters: Option<&Value>) -> Vec<Text> {
    if let Kind::List { items, .. } = &list.kind {
        return items.iter().filter_map(Value::as_text).collect();
    }
    let parameter = list.get("Ref").and_then(Value::as_str);
    let default = parameter.and_then(|name| parameters?.at(&[&name, "Default"])?.as_str());
    let listed = default.map(|d| d.split(',').map(|item| Text::known(item.trim())).collect::<Vec<_>>());
    listed.unwrap_or_else(|| {
        let atom =
            Unknown::new(format!("|item at {:?}", list.span), UnknownKind::Word, "${item}", "the loop's list is not known", list.span);
        vec![Text::hole(atom, list.span)]
    })
}

/// The body with the loop's variable replaced: `${N}`, `&{N}` and `!Ref N`.
fn bind(value: &Value, name: &str, item: &Text, depth: usize) -> Value {
    if depth == 0 {
        return value.clone();
    }
    if let ([only], true) = (value.entries(), value.get("Ref").and_then(Value::as_str).as_deref() == Some(name)) {
        return Value::new(Kind::Text(item.clone()), only.value.span);
    }
    let kind = match &value.kind {
        Kind::Text(text) => Kind::Text(bound(text, name, item)),
        Kind::Map { entries, open } => {
            let entry = |e: &Entry| Entry { key: bound(&e.key, name, item), value: bind(&e.value, name, item, depth - 1) };
            Kind::Map { entries: entries.iter().map(entry).collect(), open: *open }
        }
        Kind::List { items, open } => Kind::List { items: items.iter().map(|v| bind(v, name, item, depth - 1)).collect(), open: *open },
        other => other.clone(),
    };
    Value { kind, span: value.span, trail: value.trail.clone() }
}

fn bound(text: &Text, name: &str, item: &Text) -> Text {
    let marks = [format!("${{{name}}}"), format!("&{{{name}}}")];
    let mut out = Text::default();
    for part in &text.parts {
        let Part::Literal { text: literal, .. } = part else {
            out.parts.push(part.clone());
            continue;
        };
        let one = Text { parts: vec![part.clone()] };
        let mut at = 0;
        while let Some((start, mark)) = marks.iter().filter_map(|m| Some((at + literal.get(at..)?.find(m.as_str())?, m))).min() {
            out.push(&cut::slice(&one, at..start));
            out.push(item);
            at = start + mark.len();
        }
        out.push(&cut::slice(&one, at..literal.len()));
    }
    out
}
