//! `terraform show -json`: plans and states as [`Resource`]s.
//!
//! The format: <https://developer.hashicorp.com/terraform/internals/json-format>. A plan knows what the configuration
//! alone leaves open, so where the configuration stands beside it, its values fill the holes and the places stay those
//! of the configuration.

use super::evaluate::{ModuleCall, why_unknown};
use super::{Mode, Resource};
use crate::partial::{AttributeOf, Entry, Kind, Text, Unknown, UnknownKind, UnknownOrigin, Value};
use crate::place::Span;
use crate::syntax::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Deepest nesting of modules and values that is read.
const MAX_DEPTH: usize = 64;
/// Beginnings of the format versions that mean what is read here.
const KNOWN_FORMATS: &[&str] = &["0.", "1."];
/// Most problems that are told of one plan.
const MAX_PROBLEMS: usize = 20;

/// True for the JSON of a plan or a state.
#[must_use]
pub fn is_plan(document: &Value) -> bool {
    let has = |name: &str| document.get(name).is_some();
    is_raw_state(document) || has("format_version") && has("terraform_version") && (has("planned_values") || has("values"))
}

/// A state as Terraform stores it, in version 4 of its own format
/// (<https://developer.hashicorp.com/terraform/language/state>).
fn is_raw_state(document: &Value) -> bool {
    let version = document.get("version").and_then(Value::as_text).is_some_and(|v| v.is_str("4"));
    version && document.get("terraform_version").is_some() && document.get("resources").is_some()
}

/// What a plan or state declares.
#[derive(Debug, Default)]
pub struct Planned {
    /// Its resources.
    pub resources: Vec<Resource>,
    /// What could not be read of it.
    pub problems: Vec<Problem>,
}

/// The resources of a plan or state; `root` is the folder that it stands in.
#[must_use]
pub fn read(document: &Value, root: &str) -> Planned {
    let changes = document.get("resource_changes").map(Value::items).unwrap_or_default();
    let unknown = |change: &&Value| Some((change.get("address")?.as_str()?, change.at(&["change", "after_unknown"])?.clone()));
    let unknown = changes.iter().filter_map(unknown).collect();
    let mut reader = Reader { root, unknown, out: BTreeMap::new(), problems: Vec::new() };
    if is_raw_state(document) {
        reader.raw_state(document);
        return Planned { resources: reader.out.into_values().collect(), problems: reader.problems };
    }
    reader.header(document);
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
    Planned { resources: reader.out.into_values().collect(), problems: reader.problems }
}

struct Reader<'a> {
    root: &'a str,
    /// `after_unknown` by address.
    unknown: BTreeMap<String, Value>,
    out: BTreeMap<String, Resource>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// A format that may mean something else, a plan that is only a part.
    fn header(&mut self, document: &Value) {
        if let Some(version) = document.get("format_version")
            && !version.as_str().is_some_and(|v| KNOWN_FORMATS.iter().any(|known| v.starts_with(known)))
        {
            self.problem(version, "the format of the plan is not known: it is read as format 1");
        }
        if let Some(errored) = document.get("errored").filter(|e| e.as_bool() == Some(true)) {
            self.problem(errored, "the plan ended in an error: it may lack resources");
        }
    }

    fn problem(&mut self, at: &Value, message: &str) {
        let Some(span) = at.span.filter(|_| self.problems.len() < MAX_PROBLEMS) else { return };
        self.problems.push(Problem { span, message: message.to_owned() });
    }

    /// Each instance of each resource of a stored state.
    fn raw_state(&mut self, document: &Value) {
        for written in document.get("resources").map(Value::items).unwrap_or_default() {
            let text = |name: &str| written.get(name).and_then(Value::as_str);
            let (Some(kind), Some(name)) = (text("type"), text("name")) else {
                self.problem(written, "a resource without a type or a name is not read");
                continue;
            };
            let mode = match text("mode").as_deref() {
                Some("data") => Mode::Data,
                Some("ephemeral") => Mode::Ephemeral,
                _ => Mode::Managed,
            };
            let lead = if mode == Mode::Data { "data." } else { "" };
            let module = text("module").map(|m| format!("{m}.")).unwrap_or_default();
            for instance in written.get("instances").map(Value::items).unwrap_or_default() {
                let key = match instance.get("index_key").map(|k| (k.as_str(), k.as_text())) {
                    Some((Some(known), _)) => format!("[\"{known}\"]"),
                    Some((None, Some(number))) => format!("[{number}]"),
                    _ => String::new(),
                };
                let (Some(body), Some(span)) = (instance.get("attributes"), written.get("type").and_then(|t| t.span)) else { continue };
                let address = format!("{module}{lead}{kind}.{name}{key}");
                let resource = Resource {
                    mode,
                    kind: kind.clone(),
                    name: name.clone(),
                    address: address.clone(),
                    root: self.root.to_owned(),
                    body: body.clone(),
                    span,
                    library: false,
                    stands_in: false,
                    conditional: false,
                    by_command: false,
                };
                self.out.insert(address, resource);
            }
        }
    }

    fn module(&mut self, module: &Value, only_data: bool, depth: usize) {
        if depth > MAX_DEPTH {
            self.problem(module, "modules nested too deep are not read");
            return;
        }
        for written in module.get("resources").map(Value::items).unwrap_or_default() {
            match self.resource(written) {
                Some(resource) if !only_data || resource.mode == Mode::Data => {
                    self.out.insert(resource.address.clone(), resource);
                }
                Some(_) => {}
                None => self.problem(written, "a resource without an address, a type or a name is not read"),
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
            Some(unknown) => {
                let of = Arc::new(AttributeOf { resource: text("type")?, address: address.clone(), ..AttributeOf::default() });
                self.fill(Some(&values), unknown, &address, &At { span, of: &of }, 0).unwrap_or(values)
            }
            None => values,
        };
        let (kind, name) = (text("type")?, text("name")?);
        Some(Resource {
            mode,
            kind,
            name,
            address,
            root: self.root.to_owned(),
            body,
            span,
            library: false,
            stands_in: false,
            conditional: false,
            by_command: false,
        })
    }

    /// The value with an unknown wherever `after_unknown` says so; `path` is the address with the attribute.
    fn fill(&self, value: Option<&Value>, unknown: &Value, path: &str, at: &At<'_>, depth: usize) -> Option<Value> {
        if depth > MAX_DEPTH {
            return value.cloned();
        }
        match &unknown.kind {
            Kind::Bool(true) => Some(self.after_apply(path, at)),
            Kind::Map { entries, .. } => {
                let mut filled = value.map_or_else(Vec::new, |v| v.entries().to_vec());
                for entry in entries {
                    let Some(key) = entry.key.as_known() else { continue };
                    let before = value.and_then(|v| v.get(&key));
                    let Some(now) = self.fill(before, &entry.value, &format!("{path}.{key}"), at, depth + 1) else { continue };
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
                        Some(unknown) => self.fill(before.get(i).copied(), unknown, &path, at, depth + 1),
                        None => before.get(i).map(|v| (*v).clone()),
                    }
                };
                Some(Value::list((0..count).filter_map(item).collect(), value.and_then(|v| v.span)))
            }
            _ => value.cloned(),
        }
    }

    fn after_apply(&self, path: &str, at: &At<'_>) -> Value {
        let kind = match path.rsplit('.').next() {
            Some("arn") => UnknownKind::Arn,
            _ => UnknownKind::Any,
        };
        let why = format!("`{path}` is known only after apply");
        let atom = Unknown::new(format!("{}|{path}", self.root), kind, format!("${{{path}}}"), why, Some(at.span));
        let attribute = path.strip_prefix(&at.of.address).unwrap_or_default().trim_start_matches('.').to_owned();
        let of = AttributeOf { attribute, ..AttributeOf::clone(at.of) };
        Value::unknown(atom.coming_from(UnknownOrigin::Attribute(Arc::new(of))), Some(at.span))
    }
}

/// The resource whose attributes are filled in.
struct At<'a> {
    span: Span,
    of: &'a Arc<AttributeOf>,
}

/// Joins the resources of plans to those of the configuration.
///
/// The same address in the same folder is one resource, whose unknown attributes the plan fills. An instance that stands
/// for an unknown collection (`x[each.key]`) gives way to the instances that the plan has. What only the plan knows (the
/// inside of a remote module) is added at the place of the module's call, and where it does, a model of that module is
/// not needed.
pub fn join(resources: &mut Vec<Resource>, planned: Vec<Resource>, calls: &[ModuleCall]) {
    let key = |r: &Resource, address: String| (r.root.clone(), address);
    let exact: BTreeMap<(String, String), Resource> = resources.iter().map(|r| (key(r, r.address.clone()), r.clone())).collect();
    let standing: BTreeMap<(String, String), Resource> =
        resources.iter().filter(|r| r.conditional).map(|r| (key(r, without_keys(&r.address)), r.clone())).collect();
    let calls: BTreeMap<(&str, String), &ModuleCall> = calls.iter().map(|c| ((c.root.as_str(), without_keys(&c.address)), c)).collect();
    let mut filled: Vec<Resource> = Vec::new();
    // addresses (without keys) of which the plan has the instances, and calls whose inside it has
    let (mut settled, mut opened) = (BTreeSet::new(), BTreeSet::new());
    for plan in planned {
        let bare = without_keys(&plan.address);
        let written = exact.get(&key(&plan, plan.address.clone())).or_else(|| standing.get(&key(&plan, bare.clone())));
        if let Some(written) = written {
            settled.insert(key(&plan, bare));
            filled.push(Resource { address: plan.address.clone(), ..fill_holes(written, &plan) });
            continue;
        }
        let call = enclosing_calls(&bare).into_iter().find_map(|address| calls.get(&(plan.root.as_str(), address.to_owned())));
        if let Some(call) = call.filter(|c| c.modelled) {
            opened.insert(call.span);
        }
        filled.push(match call {
            Some(call) => Resource { span: call.span, body: moved(plan.body, call.span, 0), ..plan },
            None => plan,
        });
    }
    let is_filled: BTreeSet<(String, String)> = filled.iter().map(|f| key(f, f.address.clone())).collect();
    resources.retain(|r| {
        let stands_in = r.conditional && settled.contains(&key(r, without_keys(&r.address)));
        !stands_in && !opened.contains(&r.span) && !is_filled.contains(&key(r, r.address.clone()))
    });
    resources.extend(filled);
}

/// `module.a["x"].aws_iam_role.y[0]` without what stands in brackets.
fn without_keys(address: &str) -> String {
    let (mut out, mut quoted, mut depth, mut escaped) = (String::with_capacity(address.len()), false, 0_usize, false);
    for c in address.chars() {
        match c {
            '"' if !escaped && depth > 0 => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 => out.push(c),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    out
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
            let place = entry.key.span().or(entry.value.span).unwrap_or(written.span);
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
            crate::partial::Part::Literal { span, .. } | crate::partial::Part::Hole { span, .. } => *span = Some(to),
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
        let planned = read(document, "infra");
        assert_eq!(planned.problems, []);
        (sources, planned.resources)
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
        assert_eq!(read(document, "").resources.len(), 1);
        assert!(!is_plan(&Value::map(Vec::new(), None)));
    }

    #[test]
    fn what_a_plan_lacks_is_told() {
        let sources = Sources::new();
        let text = r#"{"format_version":"2.0","terraform_version":"2.0.0","errored":true,"planned_values":{"root_module":{
          "resources":[{"address":"aws_iam_role.a","type":"aws_iam_role"},{"address":"aws_iam_role.b","mode":"managed","type":"aws_iam_role","name":"b"}]}}}"#;
        let parsed = json::parse(&sources.add("plan.json", text));
        let planned = read(parsed.documents.first().unwrap(), "");
        assert_eq!(planned.resources.len(), 1);
        let told: Vec<(String, &str)> = planned.problems.iter().map(|p| (sources.snippet(p.span), p.message.as_str())).collect();
        assert_eq!(
            told,
            [
                ("\"2.0\"".to_owned(), "the format of the plan is not known: it is read as format 1"),
                ("true".to_owned(), "the plan ended in an error: it may lack resources"),
                (
                    r#"{"address":"aws_iam_role.a","type":"aws_iam_role"}"#.to_owned(),
                    "a resource without an address, a type or a name is not read"
                ),
            ]
        );
    }

    #[test]
    fn the_configuration_beside_a_plan_keeps_its_places() {
        let (sources, planned) = plan();
        let file = sources.add("infra/main.tf", "resource \"aws_iam_role\" \"ci\" { name = var.n }\nmodule \"irsa\" {}\n");
        let at = |range: std::ops::Range<usize>| Span::new(file.id, range);
        let hole = Value::unknown(Unknown::new("infra||var.n", UnknownKind::Any, "${var.n}", "no default", None), Some(at(38..43)));
        let resource = |mode, kind: &str, address: &str, body, span| Resource {
            mode,
            kind: kind.to_owned(),
            name: String::new(),
            address: address.to_owned(),
            root: "infra".to_owned(),
            body,
            span,
            library: false,
            stands_in: false,
            conditional: false,
            by_command: false,
        };
        let body = Value::map(vec![Entry { key: Text::known("name"), value: hole }], None);
        let mut resources = vec![resource(Mode::Managed, "aws_iam_role", "aws_iam_role.ci", body, at(0..28))];
        let call = ModuleCall {
            root: "infra".to_owned(),
            address: "module.irsa".to_owned(),
            span: at(46..59),
            modelled: false,
            resources: 0,
            arguments: crate::terraform::models::Arguments::default(),
            handed: Vec::new(),
        };
        join(&mut resources, planned, &[call]);
        let find = |address: &str| resources.iter().find(|r| r.address == address).unwrap();
        let role = find("aws_iam_role.ci");
        assert_eq!(role.span, at(0..28));
        let name = role.body.get("name").unwrap();
        assert_eq!((name.as_str().as_deref(), name.span), (Some("ci"), Some(at(38..43))));
        assert_eq!(find("module.irsa.aws_iam_role.this[0]").span, at(46..59));
    }
}
