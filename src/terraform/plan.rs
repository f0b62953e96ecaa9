//! `terraform show -json`: plans and states as [`Resource`]s.
//!
//! The format: <https://developer.hashicorp.com/terraform/internals/json-format>. A plan knows what the configuration
//! alone leaves open, so where the configuration stands beside it, its values fill the holes and the places stay those
//! of the configuration.

use super::evaluate::why_unknown;
use super::{Mode, Resource};
use crate::source::Span;
use crate::value::{Atom, AtomKind, Entry, Kind, Text, Value};
use std::collections::BTreeMap;

/// Deepest nesting of modules and values that is read.
const MAX_DEPTH: usize = 64;

/// True for the JSON of a plan or a state.
#[must_use]
pub fn is_plan(document: &Value) -> bool {
    let has = |name: &str| document.get(name).is_some();
    has("format_version") && has("terraform_version") && (has("planned_values") || has("values"))
}

/// The resources of a plan or state; `root` is the folder that it stands in.
#[must_use]
pub fn read(document: &Value, root: &str) -> Vec<Resource> {
    let changes = document.get("resource_changes").map(Value::items).unwrap_or_default();
    let unknown = |change: &&Value| Some((change.get("address")?.as_str()?, change.at(&["change", "after_unknown"])?.clone()));
    let mut reader = Reader { root, unknown: changes.iter().filter_map(unknown).collect(), out: BTreeMap::new() };
    // data sources that the plan has read stand in the state before it only
    let prior = document.at(&["prior_state", "values", "root_module"]);
    if let Some(module) = prior {
        reader.module(module, true, 0);
    }
    for values in ["values", "planned_values"] {
        if let Some(module) = document.at(&[values, "root_module"]) {
            reader.module(module, false, 0);
        }
    }
    reader.out.into_values().collect()
}

struct Reader<'a> {
    root: &'a str,
    /// `after_unknown` by address.
    unknown: BTreeMap<String, Value>,
    out: BTreeMap<String, Resource>,
}

impl Reader<'_> {
    fn module(&mut self, module: &Value, only_data: bool, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        for resource in module.get("resources").map(Value::items).unwrap_or_default() {
            if let Some(resource) = self.resource(resource).filter(|r| !only_data || r.mode == Mode::Data) {
                self.out.insert(resource.address.clone(), resource);
            }
        }
        for child in module.get("child_modules").map(Value::items).unwrap_or_default() {
            self.module(child, only_data, depth + 1);
        }
    }

    fn resource(&self, resource: &Value) -> Option<Resource> {
        let text = |name: &str| resource.get(name).and_then(Value::as_str);
        let address = text("address")?;
        let mode = match text("mode").as_deref() {
            Some("data") => Mode::Data,
            Some("ephemeral") => Mode::Ephemeral,
            _ => Mode::Managed,
        };
        let span = resource.get("address")?.span?;
        let values = resource.get("values").cloned().unwrap_or_else(|| Value::map(Vec::new(), Some(span)));
        let body = match self.unknown.get(&address) {
            Some(unknown) => self.fill(Some(&values), unknown, &address, span, 0).unwrap_or(values),
            None => values,
        };
        let (kind, name) = (text("type")?, text("name")?);
        Some(Resource { mode, kind, name, address, root: self.root.to_owned(), body, span, library: false, conditional: false })
    }

    /// The value with an unknown wherever `after_unknown` says so; `path` is the address with the attribute.
    fn fill(&self, value: Option<&Value>, unknown: &Value, path: &str, span: Span, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return value.cloned();
        }
        match &unknown.kind {
            Kind::Bool(true) => Some(self.after_apply(path, span)),
            Kind::Map { entries, .. } => {
                let mut filled = value.map_or_else(Vec::new, |v| v.entries().to_vec());
                for entry in entries {
                    let Some(key) = entry.key.as_known() else { continue };
                    let before = value.and_then(|v| v.get(&key));
                    let Some(now) = self.fill(before, &entry.value, &format!("{path}.{key}"), span, depth + 1) else { continue };
                    filled.retain(|e| !e.key.is_str(&key));
                    filled.push(Entry { key: Text::known(key), value: now });
                }
                Some(Value::map(filled, value.and_then(|v| v.span)))
            }
            Kind::List { items, .. } => {
                let before = value.map(Value::items).unwrap_or_default();
                let count = items.len().max(before.len());
                let item = |i: usize| {
                    let path = format!("{path}[{i}]");
                    match items.get(i) {
                        Some(unknown) => self.fill(before.get(i).copied(), unknown, &path, span, depth + 1),
                        None => before.get(i).map(|v| (*v).clone()),
                    }
                };
                Some(Value::list((0..count).filter_map(item).collect(), value.and_then(|v| v.span)))
            }
            _ => value.cloned(),
        }
    }

    fn after_apply(&self, path: &str, span: Span) -> Value {
        let kind = match path.rsplit('.').next() {
            Some("arn") => AtomKind::Arn,
            _ => AtomKind::Any,
        };
        let why = format!("`{path}` is known only after apply");
        Value::unknown(Atom::new(format!("{}|{path}", self.root), kind, format!("${{{path}}}"), why, Some(span)), Some(span))
    }
}

/// Joins the resources of plans to those of the configuration: the same address in the same folder is one resource,
/// whose unknown attributes the plan fills; what only the plan knows (the inside of a remote module) is added, at the
/// place of the module's call where that is known.
pub fn join(resources: &mut Vec<Resource>, planned: Vec<Resource>) {
    let known: BTreeMap<(String, String), Resource> = resources.iter().map(|r| ((r.root.clone(), r.address.clone()), r.clone())).collect();
    let mut filled: Vec<Resource> = Vec::new();
    for plan in planned {
        let find = |address: &str| known.get(&(plan.root.clone(), address.to_owned()));
        if let Some(written) = find(&plan.address) {
            filled.push(fill_holes(written, &plan));
            continue;
        }
        let call = enclosing_calls(&plan.address).into_iter().find_map(find);
        let span = call.map_or(plan.span, |c| c.span);
        filled.push(Resource { span, ..plan });
    }
    resources.retain(|r| !filled.iter().any(|f| f.root == r.root && f.address == r.address));
    resources.extend(filled);
}

/// `module.a.module.b` and `module.a` of `module.a.module.b.aws_iam_role.x`, the nearest first.
fn enclosing_calls(address: &str) -> Vec<&str> {
    let ends = address.match_indices('.').map(|(i, _)| i);
    let calls = ends.filter_map(|i| address.get(..i)).filter(|a| a.starts_with("module.") && a.len() > "module.".len());
    let mut calls: Vec<&str> = calls.collect();
    calls.reverse();
    calls
}

/// The resource as written, where it is known; else as planned, at the place of the attribute that is not.
fn fill_holes(written: &Resource, plan: &Resource) -> Resource {
    let mut entries = written.body.entries().to_vec();
    for entry in &mut entries {
        let planned = entry.key.as_known().and_then(|key| plan.body.get(&key).cloned());
        if let Some(planned) =
            planned.filter(|p| why_unknown(p).is_none() && (why_unknown(&entry.value).is_some() || entry.value.is_open()))
        {
            let place = entry.value.span.or_else(|| entry.key.span()).unwrap_or(written.span);
            entry.value = moved(planned, place, 0);
        }
    }
    for entry in plan.body.entries().iter().filter(|e| !e.value.is_null()) {
        if !entries.iter().any(|e| e.key.same(&entry.key)) {
            entries.push(Entry { key: entry.key.clone(), value: moved(entry.value.clone(), written.span, 0) });
        }
    }
    Resource { body: Value::map(entries, written.body.span), conditional: false, ..written.clone() }
}

/// The value at another place.
fn moved(value: Value, to: Span, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return value;
    }
    let all = |items: Vec<Value>| items.into_iter().map(|v| moved(v, to, depth + 1)).collect::<Vec<_>>();
    let kind = match value.kind {
        Kind::Text(text) => Kind::Text(text_at(text, to)),
        Kind::List { items, open } => Kind::List { items: all(items), open },
        Kind::OneOf(items) => Kind::OneOf(all(items)),
        Kind::Map { entries, open } => {
            let entry = |e: Entry| Entry { key: text_at(e.key, to), value: moved(e.value, to, depth + 1) };
            Kind::Map { entries: entries.into_iter().map(entry).collect(), open }
        }
        plain => plain,
    };
    Value { kind, span: Some(to), trail: value.trail }
}

fn text_at(mut text: Text, to: Span) -> Text {
    for part in &mut text.parts {
        match part {
            crate::value::Part::Literal { span, .. } | crate::value::Part::Hole { span, .. } => *span = Some(to),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sources;
    use crate::syntax::json;

    const PLAN: &str = r#"{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{"root_module":{
      "resources":[{"address":"aws_iam_role.ci","mode":"managed","type":"aws_iam_role","name":"ci","values":{"name":"ci","assume_role_policy":"{\"Statement\":[]}"}}],
      "child_modules":[{"address":"module.irsa","resources":[{"address":"module.irsa.aws_iam_role.this[0]","mode":"managed","type":"aws_iam_role","name":"this","index":0,"values":{"name":"app"}}]}]}},
      "resource_changes":[{"address":"aws_iam_role.ci","change":{"actions":["create"],"after_unknown":{"arn":true,"inline_policy":[{"policy":true}],"name":false}}}],
      "prior_state":{"values":{"root_module":{"resources":[{"address":"data.aws_caller_identity.me","mode":"data","type":"aws_caller_identity","name":"me","values":{"account_id":"111122223333"}},
        {"address":"aws_iam_role.gone","mode":"managed","type":"aws_iam_role","name":"gone","values":{}}]}}}}"#;

    fn plan() -> (Sources, Vec<Resource>) {
        let sources = Sources::new();
        let parsed = json::parse(&sources.add("infra/plan.json", PLAN));
        let document = parsed.documents.first().unwrap();
        assert!(is_plan(document));
        let resources = read(document, "infra");
        (sources, resources)
    }

    #[test]
    fn a_plan_gives_its_resources_with_what_is_unknown() {
        let (sources, resources) = plan();
        let addresses: Vec<&str> = resources.iter().map(|r| r.address.as_str()).collect();
        assert_eq!(addresses, ["aws_iam_role.ci", "data.aws_caller_identity.me", "module.irsa.aws_iam_role.this[0]"]);
        let role = resources.first().unwrap();
        assert_eq!(sources.snippet(role.span), "\"aws_iam_role.ci\"");
        assert_eq!(role.body.get("name").unwrap().as_str().as_deref(), Some("ci"));
        assert!(matches!(&role.body.get("arn").unwrap().kind, Kind::Unknown(a) if a.key() == "infra|aws_iam_role.ci.arn"));
        let inner = role.body.get("inline_policy").unwrap().items();
        assert!(matches!(inner.first().unwrap().get("policy").unwrap().kind, Kind::Unknown(_)));
        assert_eq!(resources.get(1).unwrap().mode, Mode::Data);
    }

    #[test]
    fn a_state_is_read_too() {
        let sources = Sources::new();
        let text = r#"{"format_version":"1.0","terraform_version":"1.11.4","values":{"root_module":{"resources":[{"address":"aws_iam_role.a","mode":"managed","type":"aws_iam_role","name":"a","values":{"arn":"arn:aws:iam::111122223333:role/a"}}]}}}"#;
        let parsed = json::parse(&sources.add("state.json", text));
        let document = parsed.documents.first().unwrap();
        assert!(is_plan(document));
        assert_eq!(read(document, "").len(), 1);
        assert!(!is_plan(&Value::map(Vec::new(), None)));
    }

    #[test]
    fn the_configuration_beside_a_plan_keeps_its_places() {
        let (sources, planned) = plan();
        let file = sources.add("infra/main.tf", "resource \"aws_iam_role\" \"ci\" { name = var.n }\nmodule \"irsa\" {}\n");
        let at = |range: std::ops::Range<usize>| Span::new(file.id, range);
        let hole = Value::unknown(Atom::new("infra||var.n", AtomKind::Any, "${var.n}", "no default", None), Some(at(38..43)));
        let resource = |mode, kind: &str, address: &str, body, span| Resource {
            mode,
            kind: kind.to_owned(),
            name: String::new(),
            address: address.to_owned(),
            root: "infra".to_owned(),
            body,
            span,
            library: false,
            conditional: false,
        };
        let body = Value::map(vec![Entry { key: Text::known("name"), value: hole }], None);
        let mut resources = vec![
            resource(Mode::Managed, "aws_iam_role", "aws_iam_role.ci", body, at(0..28)),
            resource(Mode::RemoteModule, "acme/irsa/aws", "module.irsa", Value::map(Vec::new(), None), at(46..59)),
        ];
        join(&mut resources, planned);
        let find = |address: &str| resources.iter().find(|r| r.address == address).unwrap();
        let role = find("aws_iam_role.ci");
        assert_eq!(role.span, at(0..28));
        let name = role.body.get("name").unwrap();
        assert_eq!((name.as_str().as_deref(), name.span), (Some("ci"), Some(at(38..43))));
        assert_eq!(find("module.irsa.aws_iam_role.this[0]").span, at(46..59));
    }
}
