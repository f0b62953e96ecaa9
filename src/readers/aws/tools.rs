//! Roles in the files of other tools: tasks of Ansible, programs of Pulumi in YAML, items of AWS Config, compositions of
//! Crossplane.

use super::super::context::{Object, Reader};
use super::super::shape::{any_field, blocks, field, known_at, listing, seconds, text, text_at};
use super::attachments::{Attached, Attachment, Owner, attach, keep, object_key};
use super::documents::exported_role;
use super::objects::custom_resource;
use crate::graph::{Declared, IdentityKind, Origin, Provider};
use crate::partial::{AttributeOf, Entry, Kind, Part, Text, Unknown, UnknownKind, UnknownOrigin, Value};
use crate::place::paths::{folder_of, normal};
use std::sync::Arc;

/// How deep blocks of tasks and parts of compositions are followed.
const MAX_DEPTH: usize = 8;

/// Reads an object when it is one of theirs.
pub(in crate::readers) fn declare(reader: &mut Reader, object: &Object) {
    let value = object.value;
    if known_at(value, "kind").as_deref() == Some("Composition") {
        composition(reader, object);
    } else if let Some(deployment) = field(value, "deployment") {
        blocks(deployment, "resources").0.into_iter().for_each(|made| pulumi_made(reader, object, made));
    } else if field(value, "steps").is_some() && object.whole {
        let states = blocks(value, "steps").0.into_iter().filter_map(|step| field(step, "newState"));
        states.for_each(|made| pulumi_made(reader, object, made));
    } else if field(value, "runtime").is_some() && field(value, "resources").is_some() {
        pulumi(reader, object);
    } else if known_at(value, "resourceType").as_deref() == Some("AWS::IAM::Role") {
        config_item(reader, object, value);
    } else if field(value, "configurationItems").is_some() {
        for item in blocks(value, "configurationItems").0 {
            if known_at(item, "resourceType").as_deref() == Some("AWS::IAM::Role") {
                config_item(reader, object, item);
            }
        }
    } else if !object.whole {
        play(reader, object, value, MAX_DEPTH);
    }
}

/// A play, a task, or a block of tasks
/// (<https://docs.ansible.com/ansible/latest/collections/amazon/aws/iam_role_module.html>).
fn play(reader: &mut Reader, object: &Object, value: &Value, depth: usize) {
    const TASKS: [&str; 8] = ["tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always", "roles"];
    const ROLES: [&str; 3] = ["amazon.aws.iam_role", "community.aws.iam_role", "iam_role"];
    const PROVIDERS: [&str; 2] = ["community.aws.iam_oidc_provider", "amazon.aws.iam_oidc_provider"];
    let Some(depth) = depth.checked_sub(1) else { return };
    if let Some(role) = any_field(value, &ROLES).filter(|r| field(r, "assume_role_policy_document").is_some()) {
        let role = &rendered(object.file, role, "{{", "}}");
        task(reader, object, value, role);
    }
    if let Some(url) = any_field(value, &PROVIDERS).and_then(|p| text_at(p, "url")) {
        let clients = listing(any_field(value, &PROVIDERS).and_then(|p| any_field(p, &["client_ids", "client_id_list"])));
        provider(reader, object, value, "iam_oidc_provider", url, clients);
    }
    for part in TASKS {
        for inner in blocks(value, part).0 {
            play(reader, object, inner, depth);
        }
    }
}

fn task(reader: &mut Reader, object: &Object, task: &Value, role: &Value) {
    let name = text_at(role, "name");
    let shown = name.as_ref().map_or_else(|| "iam_role".to_owned(), |n| format!("iam_role {n}"));
    let mut origin = object.origin_at(shown, role);
    origin.declared = Declared::Object("iam_role".into());
    // `when`, `loop`: it may not be made, or made several times.
    origin.conditional |= field(task, "when").is_some();
    if field(role, "state").is_some() && known_at(role, "state").as_deref() == Some("absent") {
        return;
    }
    let principal = name.clone().unwrap_or_else(|| Text::known(&origin.name));
    let kind = IdentityKind::AwsRole { name, arn: None, max_session: seconds(field(role, "max_session_duration")) };
    let file = looked_up(reader, object.file, task);
    let known = if file.is_some() { None } else { Some(reader.add_identity(origin.clone(), kind)) };
    if let (Some(identity), Some(document)) = (known, field(role, "assume_role_policy_document")) {
        super::trusts(reader, &origin, identity, document);
    }
    if let (Some(identity), true) = (known, any_field(role, &["boundary", "boundary_policy_arn"]).is_some()) {
        reader.graph.bounded.push(identity);
    }
    for arn in listing(any_field(role, &["managed_policies", "managed_policy"])).texts {
        // A policy in a file is a role of its own already.
        let in_file = || Owner::Object(object_key("file", "policy", file.as_deref().unwrap_or_default()));
        let (origin, owner) = (at(&origin, &arn), known.map_or_else(in_file, Owner::Known));
        attach(reader, Attachment { origin, owner, role: principal.clone(), policy: Attached::Managed(named(&arn)) });
    }
}

/// The file that `lookup('file', …)` reads, when it is in the scan: beside the playbook, or in `files` of the role
/// (<https://docs.ansible.com/ansible/latest/collections/ansible/builtin/file_lookup.html>).
fn looked_up(reader: &Reader, file: &str, task: &Value) -> Option<String> {
    const ROLES: [&str; 3] = ["amazon.aws.iam_role", "community.aws.iam_role", "iam_role"];
    let written = text_at(any_field(task, &ROLES)?, "assume_role_policy_document")?.as_known()?;
    let inner = written.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    let arguments = inner.strip_prefix("lookup(").or_else(|| inner.strip_prefix("query("))?.split(')').next()?;
    let (kind, path) = arguments.split_once(',')?;
    let bare = |text: &str| text.trim().trim_matches(['\'', '"']).to_owned();
    let path = (bare(kind).ends_with("file")).then(|| bare(path))?;
    let folder = folder_of(file);
    let places = [format!("{folder}/{path}"), format!("{folder}/files/{path}"), format!("{folder}/../files/{path}")];
    let places: Vec<String> = places.iter().filter_map(|p| Some(normal(p)?.trim_start_matches('/').to_owned())).collect();
    places.into_iter().find(|place| reader.documents.iter().any(|d| d.file == place.as_str()))
}

/// Names of policies are those of AWS (<https://docs.ansible.com/ansible/latest/collections/amazon/aws/iam_role_module.html>).
fn named(policy: &Text) -> Text {
    if !policy.is_known() || policy.known_prefix().starts_with("arn:") {
        return policy.clone();
    }
    let mut arn = Text::known("arn:aws:iam::aws:policy/");
    arn.push(policy);
    arn
}

/// The place of a policy that stands in a declaration.
fn at(origin: &Origin, text: &Text) -> Origin {
    Origin { span: text.span().unwrap_or(origin.span), ..origin.clone() }
}

fn provider(reader: &mut Reader, object: &Object, at: &Value, what: &str, url: Text, clients: super::super::shape::Listing) {
    let audiences = (!clients.open && !clients.odd).then_some(clients.texts);
    let mut origin = object.origin_at(format!("{what} {url}"), at);
    origin.declared = Declared::Object(what.into());
    reader.graph.add_provider(Provider { origin, kind: super::oidc(&url, audiences, None) });
}

/// Programs in YAML (<https://www.pulumi.com/docs/iac/languages-sdks/yaml/yaml-language-reference/>).
fn pulumi(reader: &mut Reader, object: &Object) {
    let Some(resources) = field(object.value, "resources") else { return };
    for entry in resources.entries() {
        let Some(kind) = known_at(&entry.value, "type") else { continue };
        let Some(properties) = field(&entry.value, "properties") else { continue };
        let properties = &rendered(object.file, properties, "${", "}");
        let mut origin = object.origin_at(entry.key.to_string(), &entry.value);
        origin.declared = Declared::Object(kind.as_str().into());
        origin.span = entry.key.span().unwrap_or(origin.span);
        pulumi_resource(reader, object, origin, &kind, (&entry.value, properties));
    }
}

/// A resource: what declares it, and its properties.
fn pulumi_resource(reader: &mut Reader, object: &Object, origin: Origin, kind: &str, (at, properties): (&Value, &Value)) {
    match kind {
        "aws:iam:Role" | "aws:iam/role:Role" | "aws-native:iam:Role" => pulumi_role(reader, origin, properties),
        "aws:iam:OpenIdConnectProvider" | "aws:iam/openIdConnectProvider:OpenIdConnectProvider" => {
            if let Some(url) = text_at(properties, "url") {
                let clients = listing(any_field(properties, &["clientIdLists", "clientIdList"]));
                provider(reader, object, at, kind, url, clients);
            }
        }
        _ => pulumi_policy(reader, origin, kind, properties),
    }
}

/// A resource as `pulumi stack export` and `pulumi preview --json` print it
/// (<https://www.pulumi.com/docs/iac/cli/commands/pulumi_stack_export/>).
fn pulumi_made(reader: &mut Reader, object: &Object, made: &Value) {
    let Some(kind) = known_at(made, "type").filter(|kind| kind.starts_with("aws")) else { return };
    // What was put in is what the program said, references resolved.
    let Some(properties) = any_field(made, &["inputs", "outputs"]) else { return };
    let urn = text_at(made, "urn");
    let name = urn.as_ref().and_then(Text::as_known).and_then(|u| u.rsplit("::").next().map(str::to_owned));
    let origin = object.printed_at(name.unwrap_or_else(|| kind.clone()), made);
    let origin = Origin { span: urn.as_ref().and_then(Text::span).unwrap_or(origin.span), ..origin };
    pulumi_resource(reader, object, origin, &kind, (made, properties));
}

/// Policies of roles, and managed policies.
fn pulumi_policy(reader: &mut Reader, origin: Origin, kind: &str, properties: &Value) {
    // `aws:iam/rolePolicy:RolePolicy` is the long form of `aws:iam:RolePolicy`.
    let name = kind.rsplit(':').next().unwrap_or_default();
    if !kind.starts_with("aws:iam") {
        return;
    }
    let document = field(properties, "policy").map(|d| d.get("fn::toJSON").unwrap_or(d));
    match (name, text_at(properties, "role"), document, text_at(properties, "policyArn")) {
        ("RolePolicy", Some(role), Some(document), _) => {
            attach(reader, Attachment { origin, owner: Owner::Named, role, policy: Attached::Inline(document.clone()) });
        }
        ("RolePolicyAttachment", Some(role), _, Some(arn)) => {
            attach(reader, Attachment { origin: at(&origin, &arn), owner: Owner::Named, role, policy: Attached::Managed(arn) });
        }
        ("Policy", _, Some(document), _) => keep(reader, &origin, text_at(properties, "name").as_ref(), None, document),
        _ => {}
    }
}

fn pulumi_role(reader: &mut Reader, origin: Origin, properties: &Value) {
    let name = text(any_field(properties, &["name", "roleName"]));
    let principal = name.clone().unwrap_or_else(|| Text::known(&origin.name));
    let kind = IdentityKind::AwsRole { name, arn: None, max_session: seconds(field(properties, "maxSessionDuration")) };
    let identity = reader.add_identity(origin.clone(), kind);
    if field(properties, "permissionsBoundary").is_some() {
        reader.graph.bounded.push(identity);
    }
    for arn in listing(field(properties, "managedPolicyArns")).texts {
        let (origin, owner) = (at(&origin, &arn), Owner::Known(identity));
        attach(reader, Attachment { origin, owner, role: principal.clone(), policy: Attached::Managed(arn) });
    }
    let Some(document) = any_field(properties, &["assumeRolePolicy", "assumeRolePolicyDocument"]) else { return };
    // `fn::toJSON` writes its argument.
    let written = document.get("fn::toJSON").unwrap_or(document);
    super::trusts(reader, &origin, identity, written);
}

/// An item of AWS Config: the role as it is in force
/// (<https://docs.aws.amazon.com/config/latest/APIReference/API_ConfigurationItem.html>).
fn config_item(reader: &mut Reader, object: &Object, item: &Value) {
    let Some(written) = field(item, "configuration") else { return };
    // The answers of the command line hold it as a string.
    let parsed = match &written.kind {
        Kind::Text(text) => reader.embedded.parse(text).ok(),
        _ => None,
    };
    let configuration = parsed.as_ref().unwrap_or(written);
    let entries = configuration.entries().iter().map(|e| Entry { key: capital(&e.key), value: e.value.clone() });
    let role = Value { kind: Kind::Map { entries: entries.collect(), open: false }, ..configuration.clone() };
    if field(&role, "AssumeRolePolicyDocument").is_some() {
        exported_role(reader, object, &role);
    }
}

/// `assumeRolePolicyDocument` as IAM spells it.
fn capital(key: &Text) -> Text {
    let Some(known) = key.as_known() else { return key.clone() };
    let mut chars = known.chars();
    let first: String = chars.next().map(|c| c.to_ascii_uppercase().to_string()).unwrap_or_default();
    let spelled = format!("{first}{}", chars.as_str());
    key.span().map_or_else(|| Text::known(&spelled), |span| Text::literal(&spelled, span))
}

/// The templates of a composition; what its patches fill in is not known
/// (<https://docs.crossplane.io/latest/composition/compositions/>).
fn composition(reader: &mut Reader, object: &Object) {
    let Some(spec) = field(object.value, "spec") else { return };
    let mut parts = blocks(spec, "resources").0;
    for step in blocks(spec, "pipeline").0 {
        if let Some(input) = field(step, "input") {
            parts.extend(blocks(input, "resources").0);
        }
    }
    for part in parts {
        let Some(base) = field(part, "base").filter(|b| field(b, "apiVersion").is_some()) else { continue };
        let open = field(part, "patches").is_some();
        custom_resource(reader, &Object { value: base, templated: open, whole: false, open, ..*object });
    }
}

/// The value with what stands between these marks made unknowns.
fn rendered(file: &str, value: &Value, begin: &str, end: &str) -> Value {
    let inner = |v: &Value| rendered(file, v, begin, end);
    let kind = match &value.kind {
        Kind::Text(text) => Kind::Text(holes(file, text, begin, end)),
        Kind::List { items, open } => Kind::List { items: items.iter().map(inner).collect(), open: *open },
        Kind::Map { entries, open } => {
            let entry = |e: &Entry| Entry { key: holes(file, &e.key, begin, end), value: inner(&e.value) };
            Kind::Map { entries: entries.iter().map(entry).collect(), open: *open }
        }
        other => other.clone(),
    };
    Value { kind, span: value.span, trail: value.trail.clone() }
}

fn holes(file: &str, text: &Text, begin: &str, end: &str) -> Text {
    let mut out = Text::default();
    for (index, part) in text.parts.iter().enumerate() {
        let Part::Literal { text: literal, trail, .. } = part else {
            out.parts.push(part.clone());
            continue;
        };
        let keep = |range: std::ops::Range<usize>, out: &mut Text| {
            if let Some(piece) = literal.get(range.clone()).filter(|p| !p.is_empty()) {
                out.parts.push(Part::Literal { text: Arc::from(piece), span: text.span_of(index, range), trail: trail.clone() });
            }
        };
        let mut at = 0;
        while let Some(start) = literal.get(at..).and_then(|rest| rest.find(begin)).map(|found| at + found) {
            let Some(stop) = literal.get(start..).and_then(|rest| rest.find(end)).map(|found| start + found + end.len()) else { break };
            keep(at..start, &mut out);
            let shown = literal.get(start..stop).unwrap_or_default();
            let span = text.span_of(index, start..stop);
            let atom = Unknown::new(format!("{file}|{shown}"), UnknownKind::Any, shown, "a later step fills it in", span);
            let inner = shown.get(begin.len()..shown.len() - end.len()).unwrap_or_default().trim();
            let (address, attribute) = inner.split_once('.').unwrap_or((inner, ""));
            let of = AttributeOf { address: address.to_owned(), attribute: attribute.to_owned(), ..AttributeOf::default() };
            out.push(&Text::hole(atom.coming_from(UnknownOrigin::Attribute(Arc::new(of))), span));
            at = stop;
        }
        keep(at..literal.len(), &mut out);
    }
    out
}
