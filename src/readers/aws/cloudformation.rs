//! CloudFormation and SAM templates: `AWS::IAM::Role`, `AWS::IAM::OIDCProvider`
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html>).
//!
//! Intrinsic functions become unknowns with an identity, so that `!Ref Provider` here and `!GetAtt Provider.Arn` there are
//! the same provider. Short tags are expected as the parser's long form: `!Sub x` as `{"Fn::Sub": "x"}`.

use super::super::context::{Object, Reader};
use super::super::shape::{blocks, field, listing, place, seconds, text, text_at};
use super::policy;
use crate::graph::{Grant, IdentityId, IdentityKind, Origin, Provider, ProviderKind, pieces};
use crate::source::Span;
use crate::value::{Atom, AtomKind, Entry, Kind, Part, Text, Value};

/// How deep a template's values are followed.
const MAX_DEPTH: usize = 64;

/// Reads a template's roles and providers.
pub(in crate::readers) fn declare(reader: &mut Reader, object: &Object) {
    if !object.whole {
        return;
    }
    let Some(resources) = field(object.value, "Resources") else { return };
    for entry in resources.entries() {
        let Some(kind) = text_at(&entry.value, "Type").and_then(|t| t.as_known()) else { continue };
        if kind != "AWS::IAM::Role" && kind != "AWS::IAM::OIDCProvider" {
            continue;
        }
        let logical = entry.key.to_string();
        let mut origin = object.origin_at(&logical, &entry.value);
        origin.span = entry.key.span().unwrap_or(origin.span);
        origin.conditional |= field(&entry.value, "Condition").is_some();
        let empty = Value::null();
        let properties = field(&entry.value, "Properties").unwrap_or(&empty);
        let properties = Template { file: object.file, resources }.resolve(properties, MAX_DEPTH);
        if kind == "AWS::IAM::Role" { role(reader, origin, &properties) } else { provider(reader, origin, &properties) }
    }
}

fn role(reader: &mut Reader, origin: Origin, properties: &Value) {
    let name = text_at(properties, "RoleName");
    let max_session = seconds(field(properties, "MaxSessionDuration"));
    let arn = Some(attribute(&origin.scope, &format!("{}.Arn", origin.name), AtomKind::Arn, None));
    let principal = name.clone().unwrap_or_else(|| Text::known(&origin.name));
    let arn = name.as_ref().map_or(arn, |n| Some(role_arn(&origin.scope, properties, n)));
    let identity = reader.add_identity(origin.clone(), IdentityKind::AwsRole { name, arn, max_session });
    match field(properties, "AssumeRolePolicyDocument") {
        Some(document) => super::trusts(reader, &origin, identity, document),
        None => reader.undecided(Some(origin.span), format!("`{}` has no readable `AssumeRolePolicyDocument`", origin.name)),
    }
    role_grants(reader, &origin, identity, &principal, properties);
}

fn role_arn(scope: &str, properties: &Value, name: &Text) -> Text {
    let mut arn = Text::known("arn:");
    arn.push(&attribute(scope, "AWS::Partition", AtomKind::Partition, None));
    arn.push(&Text::known(":iam::"));
    arn.push(&attribute(scope, "AWS::AccountId", AtomKind::AccountId, None));
    arn.push(&Text::known(":role"));
    arn.push(&text_at(properties, "Path").unwrap_or_else(|| Text::known("/")));
    arn.push(name);
    arn
}

fn role_grants(reader: &mut Reader, origin: &Origin, identity: IdentityId, principal: &Text, properties: &Value) {
    for permission in listing(field(properties, "ManagedPolicyArns")).texts {
        let origin = Origin { span: permission.span().unwrap_or(origin.span), ..origin.clone() };
        reader.graph.grants.push(Grant { origin, identity: Some(identity), principal: principal.clone(), permission, scope: None });
    }
    for inline in blocks(properties, "Policies").0 {
        if let Some(document) = field(inline, "PolicyDocument") {
            policy::grants(reader, origin, Some(identity), principal, document);
        }
    }
}

fn provider(reader: &mut Reader, origin: Origin, properties: &Value) {
    let Some(url) = text_at(properties, "Url") else {
        reader.undecided(Some(origin.span), format!("`{}` has no readable `Url`", origin.name));
        return;
    };
    let clients = listing(field(properties, "ClientIdList"));
    let audiences = (!clients.open && !clients.odd).then_some(clients.texts);
    let arn = Some(attribute(&origin.scope, &format!("{}.Arn", origin.name), AtomKind::Arn, None));
    reader.graph.add_provider(Provider { origin, kind: ProviderKind::AwsOidc { url, audiences, arn } });
}

/// The unknown that an attribute of the template stands for.
fn attribute(file: &str, path: &str, kind: AtomKind, span: Option<Span>) -> Text {
    let why = format!("`{path}` is known only to CloudFormation");
    Text::hole(Atom::new(format!("{file}|{path}"), kind, format!("${{{path}}}"), why, span), span)
}

struct Template<'a> {
    file: &'a str,
    resources: &'a Value,
}

impl Template<'_> {
    /// The value with its intrinsic functions made texts or unknowns.
    fn resolve(&self, value: &Value, depth: usize) -> Value {
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
                Kind::Map { entries: entries.iter().map(entry).collect(), open: *open }
            }
            Kind::List { items, open } => Kind::List { items: items.iter().map(|v| self.resolve(v, depth - 1)).collect(), open: *open },
            other => other.clone(),
        };
        Value { kind, span: value.span, trail: value.trail.clone() }
    }

    fn intrinsic(&self, name: &str, whole: &Value, argument: &Value, depth: usize) -> Value {
        let span = place(whole);
        if name == "Ref" && argument.as_str().as_deref() == Some("AWS::NoValue") {
            return Value::new(Kind::Null, span);
        }
        let known = match name {
            "Ref" => text(Some(argument)).and_then(|t| t.as_known()).map(|t| self.reference(&t, span)),
            "Fn::GetAtt" => getatt_path(argument).map(|path| attribute(self.file, &path, kind_of(&path), span)),
            "Fn::Sub" => self.substitute(argument),
            "Fn::Join" => self.join(argument, depth),
            "Fn::If" => return self.either(whole, argument, depth),
            _ => None,
        };
        match known {
            Some(text) => Value { kind: Kind::Text(text), span, trail: None },
            None => self.unknown(whole, &format!("`{name}` is evaluated by CloudFormation")),
        }
    }

    /// `Ref` of an OIDC provider is its ARN; of a role its name; of a parameter its value.
    fn reference(&self, name: &str, span: Option<Span>) -> Text {
        let kind = self.resources.at(&[name, "Type"]).and_then(Value::as_str);
        let path = match kind.as_deref() {
            Some("AWS::IAM::OIDCProvider") => format!("{name}.Arn"),
            _ => name.to_owned(),
        };
        attribute(self.file, &path, kind_of(&path), span)
    }

    /// `Fn::Sub`: `${X}` and `${X.Arn}` are holes, `${!X}` is literal.
    fn substitute(&self, argument: &Value) -> Option<Text> {
        let template = match &argument.kind {
            Kind::List { items, .. } => text(items.first())?,
            _ => text(Some(argument))?,
        };
        let mut out = Text::default();
        for (index, part) in template.parts.iter().enumerate() {
            let Part::Literal { text, .. } = part else {
                out.parts.push(part.clone());
                continue;
            };
            let one = Text { parts: template.parts.get(index).cloned().into_iter().collect() };
            self.substitute_literal(&one, text, &mut out);
        }
        Some(out)
    }

    fn substitute_literal(&self, part: &Text, text: &str, out: &mut Text) {
        let mut at = 0;
        while let Some(start) = text.get(at..).and_then(|rest| rest.find("${")).map(|i| at + i) {
            let Some(end) = text.get(start..).and_then(|rest| rest.find('}')).map(|i| start + i) else { break };
            out.push(&pieces::slice(part, at..start));
            let name = text.get(start + 2..end).unwrap_or_default().trim();
            if let Some(literal) = name.strip_prefix('!') {
                out.push(&Text::known(format!("${{{literal}}}")));
            } else if name.contains('.') {
                out.push(&attribute(self.file, name, kind_of(name), part.span_of(0, start..end + 1)));
            } else {
                out.push(&self.reference(name, part.span_of(0, start..end + 1)));
            }
            at = end + 1;
        }
        out.push(&pieces::slice(part, at..text.len()));
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
        }
        Some(out)
    }

    fn either(&self, whole: &Value, argument: &Value, depth: usize) -> Value {
        let Kind::List { items, .. } = &argument.kind else { return self.unknown(whole, "`Fn::If` without a list") };
        let branches: Vec<Value> = items.iter().skip(1).take(2).map(|v| self.resolve(v, depth - 1)).collect();
        Value { kind: Kind::OneOf(branches), span: whole.span, trail: None }
    }

    fn unknown(&self, value: &Value, why: &str) -> Value {
        let span = place(value);
        let at = span.map_or(0, |s| s.start);
        Value::unknown(Atom::new(format!("{}|template value at {at}", self.file), AtomKind::Any, "${…}", why, span), span)
    }
}

/// `X.Arn` or `[X, Arn]`.
fn getatt_path(argument: &Value) -> Option<String> {
    match &argument.kind {
        Kind::List { items, .. } => items.iter().map(Value::as_str).collect::<Option<Vec<_>>>().map(|parts| parts.join(".")),
        _ => argument.as_str(),
    }
}

fn kind_of(path: &str) -> AtomKind {
    match path {
        "AWS::AccountId" => AtomKind::AccountId,
        "AWS::Partition" => AtomKind::Partition,
        "AWS::Region" => AtomKind::Region,
        _ if path.ends_with(".Arn") => AtomKind::Arn,
        _ => AtomKind::Any,
    }
}
