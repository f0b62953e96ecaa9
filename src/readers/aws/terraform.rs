//! The `aws_*` resources of Terraform (<https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/iam_role>).

use super::super::context::{Object, Reader, address_key, origin};
use super::super::shape::{any_field, blocks, field, listing, place, seconds, text, text_at};
use super::attachments::{keep, managed};
use super::policy;
use crate::graph::{Association, IdentityKind, Origin, Provider};
use crate::partial::{AttributeOf, Kind, Part, Text, Unknown, UnknownKind, UnknownOrigin, Value, cut};
use crate::terraform::{Mode, Resource};
use std::sync::Arc;

/// Remembers the files whose text is the trust policy of a role: `file("trust.json")`, `--assume-role-policy-document file://trust.json`.
pub(in crate::readers) fn given(reader: &mut Reader, resources: &[Resource]) {
    for resource in resources.iter().filter(|r| r.mode == Mode::Managed && r.kind == "aws_iam_role") {
        let Some(policy) = field(&resource.body, "assume_role_policy") else { continue };
        let ways = if let Kind::OneOf(all) = &policy.kind { all.iter().collect() } else { vec![policy] };
        for text in ways.into_iter().filter_map(Value::as_text) {
            reader.given.extend(text.parts.iter().filter_map(Part::span).map(|span| span.file));
        }
    }
}

/// Roles, providers and policies.
pub(in crate::readers) fn declare(reader: &mut Reader, resource: &Resource) {
    match (resource.mode, resource.kind.as_str()) {
        (Mode::Managed, "aws_iam_role" | "awscc_iam_role") => role(reader, resource),
        (Mode::Managed | Mode::Data, "aws_iam_openid_connect_provider" | "awscc_iam_oidc_provider") => provider(reader, resource),
        (Mode::Managed, "aws_cloudformation_stack" | "aws_cloudformation_stack_set") => stack(reader, resource),
        (Mode::Managed, "aws_iam_policy") => managed_policy(reader, resource),
        (Mode::Data, "aws_iam_policy") => looked_up(reader, resource),
        _ => {}
    }
}

/// What is attached to roles.
pub(in crate::readers) fn attach(reader: &mut Reader, resource: &Resource) {
    if resource.mode != Mode::Managed {
        return;
    }
    let body = &resource.body;
    let at = origin(resource);
    match resource.kind.as_str() {
        "aws_iam_role" | "awscc_iam_role" => role_policies(reader, resource),
        "aws_iam_role_policy" => {
            if let (Some(role), Some(document)) = (text_at(body, "role"), field(body, "policy")) {
                let identity = reader.role(&at.scope, &role);
                policy::grants(reader, &at, identity, &role, document);
            }
        }
        "aws_iam_role_policy_attachment" => attachment(reader, &at, field(body, "role"), field(body, "policy_arn")),
        "aws_iam_role_policy_attachments_exclusive" => attachment(reader, &at, field(body, "role_name"), field(body, "policy_arns")),
        "aws_iam_policy_attachment" => attachment(reader, &at, field(body, "roles"), field(body, "policy_arn")),
        "aws_eks_pod_identity_association" => association(reader, resource),
        _ => {}
    }
}

fn role(reader: &mut Reader, resource: &Resource) {
    let at = origin(resource);
    let body = &resource.body;
    let name = text(any_field(body, &["name", "role_name"])).or_else(|| prefixed(resource));
    let arn = text_at(body, "arn").or_else(|| Some(role_arn(resource, name.as_ref()?)));
    let max_session = seconds(body.get("max_session_duration"));
    let identity = reader.add_identity(at.clone(), IdentityKind::AwsRole { name, arn, max_session });
    if field(body, "permissions_boundary").is_some() {
        reader.graph.bounded.push(identity);
    }
    match any_field(body, &["assume_role_policy", "assume_role_policy_document"]) {
        Some(document) => super::trusts(reader, &at, identity, document),
        None => reader.undecided(Some(at.span), format!("`{}` has no readable `assume_role_policy`", at.name)),
    }
}

/// A template of CloudFormation in a stack.
fn stack(reader: &mut Reader, resource: &Resource) {
    let Some(text) = text_at(&resource.body, "template_body") else { return };
    let file = format!("{}|{}", resource.root, resource.address);
    let object = Object { file: &file, value: &resource.body, templated: resource.conditional, whole: true, open: false };
    super::cloudformation::body(reader, &object, &text);
}

/// `name_prefix` and the suffix that the provider invents.
fn prefixed(resource: &Resource) -> Option<Text> {
    let mut name = text_at(&resource.body, "name_prefix")?;
    name.push(&computed(resource, "name suffix", UnknownKind::Word));
    Some(name)
}

fn computed(resource: &Resource, attribute: &str, kind: UnknownKind) -> Text {
    let key = format!("{}|{}.{attribute}", resource.root, resource.address);
    let of = AttributeOf { resource: resource.kind.clone(), address: resource.address.clone(), ..AttributeOf::default() };
    let atom = Unknown::new(key, kind, format!("${{{attribute}}}"), "known only after apply", Some(resource.span));
    Text::hole(atom.coming_from(UnknownOrigin::Attribute(Arc::new(of))), None)
}

/// The ARN with what the configuration knows of it: `arn:…:iam::…:role/path/name`.
fn role_arn(resource: &Resource, name: &Text) -> Text {
    let mut arn = Text::known("arn:");
    arn.push(&computed(resource, "partition", UnknownKind::Partition));
    arn.push(&Text::known(":iam::"));
    arn.push(&computed(resource, "account", UnknownKind::AccountId));
    arn.push(&Text::known(":role"));
    arn.push(&text_at(&resource.body, "path").unwrap_or_else(|| Text::known("/")));
    arn.push(name);
    arn
}

fn provider(reader: &mut Reader, resource: &Resource) {
    let at = origin(resource);
    let body = &resource.body;
    let arn = text_at(body, "arn");
    let from_arn = || arn.as_ref().and_then(|a| cut::split_once(a, ":oidc-provider/")).map(|(_, url)| url);
    let Some(url) = text_at(body, "url").or_else(from_arn) else {
        reader.undecided(Some(at.span), format!("`{}` has no readable `url`", at.name));
        return;
    };
    let clients = listing(body.get("client_id_list"));
    // A data source lists nothing: its audiences live in the account.
    let known = !clients.open && !clients.odd && (resource.mode == Mode::Managed || !clients.texts.is_empty());
    if !known && resource.mode == Mode::Managed {
        reader.undecided(field(body, "client_id_list").and_then(place), format!("the audiences of `{}` are not all known", at.name));
    }
    let kind = super::oidc(&url, known.then_some(clients.texts), arn);
    reader.graph.add_provider(Provider { origin: at, kind });
}

fn managed_policy(reader: &mut Reader, resource: &Resource) {
    let Some(document) = field(&resource.body, "policy") else { return };
    let (name, arn) = (text_at(&resource.body, "name"), text_at(&resource.body, "arn"));
    keep(reader, &origin(resource), name.as_ref(), arn.as_ref(), document);
}

/// A policy that is looked up: by its ARN, or by a name, which is that of AWS's own policy where AWS has one
/// (<https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy>).
fn looked_up(reader: &mut Reader, resource: &Resource) {
    let at = origin(resource);
    let named = |name: Text| {
        let mut arn = Text::known("arn:aws:iam::aws:policy/");
        arn.push(&name);
        arn
    };
    let arn = text_at(&resource.body, "arn").filter(Text::is_known).or_else(|| text_at(&resource.body, "name").map(named));
    if let Some(arn) = arn {
        reader.looked_up.insert(address_key(&at.scope, &at.name), arn);
    }
}

fn role_policies(reader: &mut Reader, resource: &Resource) {
    let at = origin(resource);
    let identity = reader.identity(&address_key(&at.scope, &at.name));
    let principal = text_at(&resource.body, "name").unwrap_or_else(|| Text::known(&at.name));
    let inline = blocks(&resource.body, "inline_policy").0.into_iter().chain(blocks(&resource.body, "policies").0);
    for block in inline {
        if let Some(document) = any_field(block, &["policy", "policy_document"]) {
            policy::grants(reader, &at, identity, &principal, document);
        }
    }
    for arn in listing(resource.body.get("managed_policy_arns")).texts {
        managed(reader, &at, identity, &principal, arn);
    }
}

fn attachment(reader: &mut Reader, at: &Origin, roles: Option<&Value>, policies: Option<&Value>) {
    let (principals, arns) = (names(roles), names(policies));
    if roles.is_some() && policies.is_some() && (principals.is_empty() || arns.is_empty()) {
        reader.undecided(Some(at.span), format!("what `{}` attaches is unknown", at.name));
    }
    for principal in &principals {
        let identity = reader.role(&at.scope, principal);
        for arn in &arns {
            managed(reader, at, identity, principal, arn.clone());
        }
    }
}

/// The texts of a list, or the one text where a list is not asked for.
fn names(value: Option<&Value>) -> Vec<Text> {
    let texts = listing(value).texts;
    if texts.is_empty() { text(value).into_iter().collect() } else { texts }
}

/// <https://docs.aws.amazon.com/eks/latest/userguide/pod-id-association.html>
fn association(reader: &mut Reader, resource: &Resource) {
    let at = origin(resource);
    let body = &resource.body;
    let Some(role) = text(any_field(body, &["role_arn", "role"])) else {
        reader.undecided(Some(at.span), format!("`{}` has no readable `role_arn`", at.name));
        return;
    };
    reader.graph.associations.push(Association {
        origin: at,
        cluster: text_at(body, "cluster_name"),
        namespace: text_at(body, "namespace"),
        service_account: text_at(body, "service_account"),
        role,
    });
}
