//! The values of a template: parameters, references, intrinsic functions
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>).

use super::super::super::EmbeddedJson;
use super::super::super::shape::{field, place, text, text_at};
use super::{MAX_DEPTH, is_provider};
use crate::partial::{
    AttributeOf, Entry, Hop, HopKind, Kind, MAX_ALTERNATIVES, Part, Text, Unknown, UnknownKind, UnknownOrigin, Value, cut,
};
use crate::place::Span;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many conditions are looked at for one resource.
const MAX_CONDITIONS: usize = 4096;
/// Longest value of a parameter, in bytes
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
const MAX_PARAMETER: usize = 4096;
/// Most bytes that are filled in for the references of one template.
const MAX_FILLED: usize = 1 << 20;
/// Longest text that `Fn::Sub` makes: its variables may hold each other many times.
const MAX_TEXT: usize = 64 * 1024;

/// The unknown that an attribute of the template stands for.
pub(super) fn attribute(file: &str, path: &str, kind: UnknownKind, span: Option<Span>) -> Text {
    let why = format!("`{path}` is known only to CloudFormation");
    let atom = Unknown::new(format!("{file}|{path}"), kind, format!("${{{path}}}"), why, span);
    let address = path.split('.').next().unwrap_or(path).to_owned();
    Text::hole(atom.coming_from(UnknownOrigin::Attribute(Arc::new(AttributeOf { address, ..AttributeOf::default() }))), span)
}

/// A template, and what was filled in of it.
pub(super) struct Template<'a> {
    pub(super) file: &'a str,
    pub(super) resources: &'a Value,
    /// The parser for JSON in texts.
    pub(super) embedded: &'a dyn EmbeddedJson,
    parameters: Option<&'a Value>,
    /// What the stack around sets them to.
    given: Option<&'a Value>,
    pub(super) conditions: Option<&'a Value>,
    /// Conditions that are taken for true or false while one of the alternatives is read.
    pub(super) supposed: RefCell<BTreeMap<String, bool>>,
    pub(super) mappings: Option<&'a Value>,
    /// A parameter's default was taken for its value.
    pub(super) assumed: Cell<bool>,
    /// A provider's URL is being read: it names no provider.
    within_provider: Cell<bool>,
    /// How many conditions were looked at for one resource.
    pub(super) looked_at: Cell<usize>,
    /// How much was filled in for references: a long value may be referred to many times.
    filled: Cell<usize>,
}

impl<'a> Template<'a> {
    pub(super) fn new(
        file: &'a str,
        whole: &'a Value,
        resources: &'a Value,
        given: Option<&'a Value>,
        embedded: &'a dyn EmbeddedJson,
    ) -> Self {
        let (parameters, conditions) = (field(whole, "Parameters"), field(whole, "Conditions"));
        Self {
            file,
            resources,
            embedded,
            parameters,
            given,
            conditions,
            supposed: RefCell::default(),
            mappings: field(whole, "Mappings"),
            assumed: Cell::new(false),
            within_provider: Cell::new(false),
            looked_at: Cell::new(0),
            filled: Cell::new(0),
        }
    }

    /// The value with its intrinsic functions made texts or unknowns.
    pub(super) fn resolve(&self, value: &Value, depth: usize) -> Value {
        if depth == 0 {
            return self.unknown(value, "it is nested too deep");
        }
        let kind = match &value.kind {
            Kind::Map { entries, open } => {
                if let [only] = entries.as_slice()
                    && let Some(name) = only.key.as_known().filter(|k| k == "Ref" || k == "Condition" || k.starts_with("Fn::"))
                    && !(name == "Condition" && matches!(only.value.kind, Kind::Map { .. }))
                {
                    return self.intrinsic(&name, value, &only.value, depth);
                }
                let entry = |e: &Entry| Entry { key: e.key.clone(), value: self.resolve(&e.value, depth - 1) };
                // CloudFormation knows no null: what is one was removed by `AWS::NoValue`.
                Kind::Map { entries: entries.iter().map(entry).filter(|e| !e.value.is_null()).collect(), open: *open }
            }
            Kind::List { items, open } => self.without_removed(items.iter().map(|v| self.resolve(v, depth - 1)).collect(), *open),
            Kind::Text(text) => Kind::Text(self.dynamic(text)),
            other => other.clone(),
        };
        Value { kind, span: value.span, trail: value.trail.clone() }
    }

    fn intrinsic(&self, name: &str, whole: &Value, argument: &Value, depth: usize) -> Value {
        let span = place(whole);
        if name == "Ref" && argument.as_str().as_deref() == Some("AWS::NoValue") {
            return Value::new(Kind::Null, span);
        }
        if name == "Ref"
            && let Some(list) = argument.as_str().and_then(|parameter| self.default_list(&parameter))
        {
            return Value::list(list, span);
        }
        if name == "Ref" && argument.as_str().is_some_and(|parameter| self.is_list(&parameter)) {
            return self.unknown(whole, "the parameter is a list that is not known");
        }
        let known = match name {
            "Ref" => text(Some(argument)).and_then(|t| t.as_known()).map(|t| self.reference(&t, span)),
            "Fn::GetAtt" => {
                let path = getatt_path(argument);
                if let Some(value) = path.as_ref().and_then(|path| self.cfn_json(path, depth)) {
                    return value;
                }
                path.map(|path| self.attribute_of(&path, span))
            }
            "Fn::Sub" => self.substitute(argument, depth),
            "Fn::Join" => self.join(argument, depth),
            // It is always a text.
            "Fn::ImportValue" => {
                let name = text(Some(&self.resolve(argument, depth - 1)));
                name.map(|name| attribute(self.file, &format!("import of {name}"), UnknownKind::Any, span))
            }
            "Fn::If" => return self.either(whole, argument, depth),
            "Fn::Split" | "Fn::Select" | "Fn::FindInMap" | "Fn::ToJsonString" => {
                let found = match name {
                    "Fn::Split" => self.split(argument, depth),
                    "Fn::Select" => self.select(argument, depth),
                    "Fn::FindInMap" => self.find_in_map(argument, depth),
                    _ => Some(self.resolve(argument, depth - 1)),
                };
                return found.unwrap_or_else(|| self.unknown(whole, &format!("`{name}` is evaluated by CloudFormation")));
            }
            _ => None,
        };
        match known {
            Some(text) => Value { kind: Kind::Text(self.dynamic(&text)), span, trail: None },
            None => self.unknown(whole, &format!("`{name}` is evaluated by CloudFormation")),
        }
    }

    /// `Ref` of an OIDC provider is its ARN; of a role its name; of a parameter its value.
    fn reference(&self, name: &str, span: Option<Span>) -> Text {
        match self.kind(name).as_deref() {
            Some(kind) if is_provider(kind) => self.provider_arn(name, span),
            Some(_) => attribute(self.file, name, kind_of(name), span),
            None => self.default(name, span).unwrap_or_else(|| attribute(self.file, name, kind_of(name), span)),
        }
    }

    fn attribute_of(&self, path: &str, span: Option<Span>) -> Text {
        match path.strip_suffix(".Arn").filter(|name| self.kind(name).is_some_and(|kind| is_provider(&kind))) {
            Some(name) => self.provider_arn(name, span),
            None => attribute(self.file, path, kind_of(path), span),
        }
    }

    pub(super) fn kind(&self, name: &str) -> Option<String> {
        self.resources.at(&[name, "Type"]).and_then(Value::as_str)
    }

    /// The ARN of an OIDC provider of the template: it is made of the URL.
    pub(super) fn provider_arn(&self, name: &str, span: Option<Span>) -> Text {
        let mut url = None;
        if self.has_room(0) && !self.within_provider.replace(true) {
            let written = self.resources.at(&[name, "Properties", "Url"]);
            url = written.and_then(|url| text(Some(&self.resolve(url, MAX_DEPTH))));
            self.within_provider.set(false);
        }
        let Some(url) = url else { return attribute(self.file, &format!("{name}.Arn"), UnknownKind::Arn, span) };
        self.has_room(url.parts.len());
        // The place is that of the reference.
        let mut arn = span.map_or_else(|| Text::known("arn:"), |s| Text::literal("arn:", s));
        arn.push(&attribute(self.file, "AWS::Partition", UnknownKind::Partition, None));
        arn.push(&Text::known(":iam::"));
        arn.push(&attribute(self.file, "AWS::AccountId", UnknownKind::AccountId, None));
        arn.push(&Text::known(":oidc-provider/"));
        for part in cut::without_scheme(&url).parts {
            arn.parts.push(match part {
                Part::Literal { text, .. } => Part::Literal { text, span: None, trail: None },
                Part::Hole { atom, .. } => Part::Hole { atom, span: None, trail: None },
            });
        }
        arn
    }

    /// The default of a parameter, with the way from there to its use. Values in Parameter Store are not written here.
    fn default(&self, name: &str, used: Option<Span>) -> Option<Text> {
        let parameter = field(self.parameters?, name)?;
        if let Some(given) = self.given.and_then(|given| field(given, name)) {
            let length = text(Some(given)).map_or(0, |t| cut::flat(&t).len());
            return if self.has_room(length) { text(Some(given)) } else { None };
        }
        if text_at(parameter, "Type").is_none_or(|t| t.known_prefix().starts_with("AWS::SSM::")) {
            return None;
        }
        let default = field(parameter, "Default")?;
        let known = default.as_text()?.as_known().filter(|known| (1..=MAX_PARAMETER).contains(&known.len()))?;
        if !self.has_room(known.len()) {
            return None;
        }
        self.assumed.set(true);
        let hop = |span| Arc::new(Hop { span, kind: Arc::new(HopKind::Parameter(name.into())), before: None });
        let span = default.as_text().and_then(|t| t.span()).or_else(|| place(default));
        Some(Text { parts: vec![Part::Literal { text: Arc::from(known), span, trail: used.map(hop) }] })
    }

    /// The parameter is a list of strings, here or in Parameter Store.
    fn is_list(&self, name: &str) -> bool {
        let kind = self.parameters.and_then(|p| text_at(field(p, name)?, "Type")?.as_known()).unwrap_or_default();
        let kind = kind.strip_prefix("AWS::SSM::Parameter::Value<").unwrap_or(&kind);
        kind.starts_with("CommaDelimitedList") || kind.starts_with("List<")
    }

    /// The default of a list of strings.
    fn default_list(&self, name: &str) -> Option<Vec<Value>> {
        if !self.is_list(name) {
            return None;
        }
        let whole = self.default(name, None).filter(Text::is_known)?;
        let flat = cut::flat(&whole);
        self.has_room(flat.matches(',').count().saturating_mul(size_of::<Value>()));
        let mut at = 0;
        let item = |item: &str| {
            let text = cut::slice(&whole, at..at + item.len());
            at += item.len() + 1;
            Value::new(Kind::Text(text), None)
        };
        Some(flat.split(',').map(item).collect())
    }

    /// Whether references may still be filled in, `more` of it now.
    pub(super) fn has_room(&self, more: usize) -> bool {
        let filled = self.filled.get().saturating_add(more);
        self.filled.set(filled);
        filled <= MAX_FILLED
    }

    /// Whether a condition of the template holds, as far as constants, defaults and what is supposed say it.
    pub(super) fn holds(&self, name: &str, depth: usize) -> Option<bool> {
        if let Some(supposed) = self.supposed.borrow().get(name) {
            return Some(*supposed);
        }
        self.truth(field(self.conditions?, name)?, depth.checked_sub(1)?)
    }

    fn truth(&self, expression: &Value, depth: usize) -> Option<bool> {
        let depth = depth.checked_sub(1)?;
        if self.looked_at.replace(self.looked_at.get() + 1) > MAX_CONDITIONS {
            return None;
        }
        let [only] = expression.entries() else { return None };
        let operands = only.value.items();
        let each = || operands.iter().map(|v| self.truth(v, depth)).collect::<Vec<_>>();
        let all = |wanted: bool, found: Vec<Option<bool>>| match found.contains(&Some(!wanted)) {
            true => Some(!wanted),
            false => found.iter().all(Option::is_some).then_some(wanted),
        };
        match only.key.as_known()?.as_str() {
            "Condition" => self.holds(&only.value.as_str()?, depth),
            "Fn::Equals" => {
                let [left, right] = operands.as_slice() else { return None };
                let known = |v: &Value| text(Some(&self.resolve(v, depth)))?.as_known();
                Some(known(left)? == known(right)?)
            }
            "Fn::Not" => each().into_iter().next()?.map(|t| !t),
            "Fn::And" => all(true, each()),
            "Fn::Or" => all(false, each()),
            _ => None,
        }
    }

    /// `Fn::Sub`: `${X}` and `${X.Arn}` are holes, `${!X}` is literal.
    fn substitute(&self, argument: &Value, depth: usize) -> Option<Text> {
        let (template, variables) = match &argument.kind {
            Kind::List { items, .. } => (text(items.first())?, items.get(1)),
            _ => (text(Some(argument))?, None),
        };
        let resolved = variables.map(Value::entries).unwrap_or_default().iter();
        let resolved: Vec<(String, Option<Text>)> =
            resolved.map(|e| (e.key.to_string(), text(Some(&self.resolve(&e.value, depth - 1))))).collect();
        let variable = |name: &str| resolved.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.clone());
        let mut out = Text::default();
        for (index, part) in template.parts.iter().enumerate() {
            let Part::Literal { text, .. } = part else {
                out.parts.push(part.clone());
                continue;
            };
            let one = Text { parts: template.parts.get(index).cloned().into_iter().collect() };
            self.substitute_literal(&one, text, &variable, &mut out);
        }
        let length: usize = out.parts.iter().map(|p| if let Part::Literal { text, .. } = p { text.len() } else { 1 }).sum();
        (length <= MAX_TEXT && out.parts.len() <= MAX_TEXT).then_some(out)
    }

    fn substitute_literal(&self, part: &Text, text: &str, variable: &dyn Fn(&str) -> Option<Text>, out: &mut Text) {
        let mut at = 0;
        while out.parts.len() <= MAX_TEXT
            && let Some(start) = text.get(at..).and_then(|rest| rest.find("${")).map(|i| at + i)
        {
            let Some(end) = text.get(start..).and_then(|rest| rest.find('}')).map(|i| start + i) else { break };
            out.push(&cut::slice(part, at..start));
            let name = text.get(start + 2..end).unwrap_or_default().trim();
            let span = part.span_of(0, start..end + 1);
            if let Some(literal) = name.strip_prefix('!') {
                out.push(&Text::known(format!("${{{literal}}}")));
            } else if let Some(value) = variable(name) {
                out.push(&value);
            } else if name.contains('.') {
                out.push(&self.attribute_of(name, span));
            } else {
                out.push(&self.reference(name, span));
            }
            at = end + 1;
        }
        out.push(&cut::slice(part, at..text.len()));
    }

    fn join(&self, argument: &Value, depth: usize) -> Option<Text> {
        let [separator, list] = argument.items().try_into().ok()?;
        let separator = text(Some(separator)).unwrap_or_default();
        let mut out = Text::default();
        for (index, item) in self.resolve(list, depth - 1).items().into_iter().enumerate() {
            if index > 0 {
                out.push(&separator);
            }
            out.push(&text(Some(item))?);
            if out.parts.len() > MAX_TEXT {
                return None;
            }
        }
        Some(out)
    }

    fn either(&self, whole: &Value, argument: &Value, depth: usize) -> Value {
        let Kind::List { items, .. } = &argument.kind else { return self.unknown(whole, "`Fn::If` without a list") };
        let condition = items.first().and_then(Value::as_str);
        if let Some(holds) = condition.and_then(|name| self.holds(&name, depth)) {
            let chosen = items.get(if holds { 1 } else { 2 });
            return chosen.map_or_else(|| self.unknown(whole, "`Fn::If` without both values"), |v| self.resolve(v, depth - 1));
        }
        let mut branches: Vec<Value> = Vec::new();
        let same = |one: &Value, other: &Value| matches!((&one.kind, &other.kind), (Kind::Text(a), Kind::Text(b)) if a.same(b));
        for branch in items.iter().skip(1).take(2).map(|v| self.resolve(v, depth - 1)) {
            for one in branch.alternatives() {
                if !branches.iter().any(|b| same(b, one)) {
                    branches.push(one.clone());
                }
            }
        }
        if branches.len() > MAX_ALTERNATIVES {
            return self.unknown(whole, "conditions choose among more values than are followed");
        }
        Value { kind: Kind::OneOf(branches), span: whole.span, trail: None }
    }

    fn unknown(&self, value: &Value, why: &str) -> Value {
        let span = place(value);
        let at = span.map_or(0, |s| s.start);
        Value::unknown(Unknown::new(format!("{}|template value at {at}", self.file), UnknownKind::Any, "${…}", why, span), span)
    }
}

/// `X.Arn` or `[X, Arn]`.
fn getatt_path(argument: &Value) -> Option<String> {
    match &argument.kind {
        Kind::List { items, .. } => items.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|parts| parts.join(".")),
        _ => argument.as_str(),
    }
}

fn kind_of(path: &str) -> UnknownKind {
    match path {
        "AWS::AccountId" => UnknownKind::AccountId,
        "AWS::Partition" => UnknownKind::Partition,
        "AWS::Region" => UnknownKind::Region,
        _ if path.ends_with(".Arn") => UnknownKind::Arn,
        _ => UnknownKind::Any,
    }
}
