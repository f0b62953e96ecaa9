//! CloudFormation and SAM templates, and templates inside of other files: `AWS::IAM::Role`, `AWS::IAM::OIDCProvider`
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-role.html>).
//!
//! Intrinsic functions become unknowns with an identity, so that `!Ref Provider` here and `!GetAtt Provider.Arn` there are
//! the same provider. A parameter stands for its default, and what is read with one is judged as a module's defaults are:
//! another value may be passed. Short tags are expected as the parser's long form: `!Sub x` as `{"Fn::Sub": "x"}`.

mod alternatives;
mod functions;
mod template;

use super::super::context::{Object, Reader};
use super::super::shape::{any_field, blocks, field, listing, seconds, text_at};
use super::attachments::{Attached, Attachment, Owner, attach, keep};
use super::policy;
use crate::graph::{Association, Declared, IdentityId, IdentityKind, Origin, Provider};
use crate::partial::{Entry, Kind, Text, UnknownKind, Value};
use crate::place::paths::{folder_of, normal};
use crate::terraform::functions::yaml_documents;
use template::{Template, attribute};

/// How deep a template's values are followed.
const MAX_DEPTH: usize = 64;

/// Most values that the loops of one template make.
const MAX_UNROLLED: usize = 100_000;
/// How deep templates stand in each other.
const MAX_NESTED: usize = 3;

/// A provider of the template, as CloudFormation has it or as the CDK makes it.
fn is_provider(kind: &str) -> bool {
    matches!(kind, "AWS::IAM::OIDCProvider" | "Custom::AWSCDKOpenIdConnectProvider")
}

/// Reads a template's roles and providers. One that another makes a stack of is read with the parameters that it gets there.
pub(in crate::readers) fn declare(reader: &mut Reader, object: &Object) {
    if !object.whole || reader.nested.contains_key(object.file) {
        return;
    }
    if field(object.value, "Resources").is_some() {
        template(reader, object, object.value, None, MAX_NESTED);
        return;
    }
    // The Serverless Framework: a template under `resources`, or a list of them
    // (<https://www.serverless.com/framework/docs/providers/aws/guide/resources>).
    if field(object.value, "service").is_some() && field(object.value, "provider").is_some() {
        for part in blocks(object.value, "resources").0 {
            template(reader, object, part, None, MAX_NESTED);
        }
    }
}

/// A template that stands as text in another file: a stack set, a stack of Terraform.
pub(in crate::readers) fn body(reader: &mut Reader, object: &Object, text: &Text) {
    nested(reader, object, text, MAX_NESTED);
}

fn nested(reader: &mut Reader, object: &Object, text: &Text, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let parsed = match reader.embedded.parse(text) {
        Ok(value) => vec![value],
        Err(_) => yaml_documents(text).unwrap_or_default(),
    };
    for value in parsed.iter().filter(|v| field(v, "Resources").is_some()) {
        template(reader, object, value, None, depth);
    }
}

/// The path of the template that a stack is made of, when it is a file: by its own path, or as the CDK notes it
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stack.html>).
fn beside(file: &str, stack: &Value) -> Option<String> {
    let properties = field(stack, "Properties");
    let written = properties.and_then(|p| any_field(p, &["TemplateURL", "Location"])).and_then(Value::as_str);
    let noted = || stack.at(&["Metadata", "aws:asset:path"]).and_then(Value::as_str);
    let path = written.or_else(noted).filter(|path| !path.contains("://"))?;
    let bare = path.strip_prefix("file:").unwrap_or(&path);
    normal(&format!("{}/{bare}", folder_of(file))).map(|path| path.trim_start_matches('/').to_owned())
}

/// Finds the templates that others make stacks of.
pub(in crate::readers) fn find_nested(reader: &mut Reader, objects: &[Object]) {
    for object in objects.iter().filter(|o| o.whole) {
        for entry in field(object.value, "Resources").map(Value::entries).unwrap_or_default() {
            let kind = text_at(&entry.value, "Type").and_then(|t| t.as_known()).unwrap_or_default();
            if matches!(kind.as_str(), "AWS::CloudFormation::Stack" | "AWS::Serverless::Application")
                && let Some(path) = beside(object.file, &entry.value)
                && reader.documents.iter().any(|d| d.file == path)
            {
                reader.nested.insert(path, false);
            }
        }
    }
}

/// Templates that no stack was made of after all: those that make stacks of each other.
pub(in crate::readers) fn leftover(reader: &mut Reader, objects: &[Object]) {
    for object in objects.iter().filter(|o| o.whole && field(o.value, "Resources").is_some()) {
        if reader.nested.get(object.file) == Some(&false) {
            template(reader, object, object.value, None, 1);
        }
    }
}

/// The stack of a template that is a file of the scan.
fn child(reader: &mut Reader, object: &Object, path: &str, given: Option<&Value>, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else { return };
    let documents = reader.documents;
    let Some(document) = documents.iter().find(|d| d.file == path && field(d.value, "Resources").is_some()) else { return };
    reader.nested.insert(path.to_owned(), true);
    let inner = Object { file: document.file, value: document.value, templated: object.templated, whole: true, open: false };
    let empty = Value::map(Vec::new(), None);
    template(reader, &inner, document.value, Some(given.unwrap_or(&empty)), depth);
}

/// `given`: the parameters, as the stack around sets them.
fn template(reader: &mut Reader, object: &Object, whole: &Value, given: Option<&Value>, depth: usize) {
    let Some(written) = field(whole, "Resources") else { return };
    let unrolled = functions::unrolled(written, field(whole, "Parameters"), &mut MAX_UNROLLED.clone());
    let resources = unrolled.as_ref().unwrap_or(written);
    let template = Template::new(object.file, whole, resources, given, reader.embedded);
    for entry in resources.entries() {
        let Some(kind) = text_at(&entry.value, "Type").and_then(|t| t.as_known()) else { continue };
        resource(reader, object, &template, entry, &kind, depth);
    }
}

fn resource(reader: &mut Reader, object: &Object, template: &Template<'_>, entry: &Entry, kind: &str, depth: usize) {
    let stack = matches!(kind, "AWS::CloudFormation::StackSet" | "AWS::CloudFormation::Stack" | "AWS::Serverless::Application");
    let function = kind == "AWS::Serverless::Function";
    let anywhere = kind.starts_with("AWS::RolesAnywhere::");
    let pool = kind.starts_with("AWS::Cognito::IdentityPool");
    let policy = matches!(kind, "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" | "AWS::IAM::RolePolicy");
    let association = kind == "AWS::EKS::PodIdentityAssociation";
    let launch = kind == "AWS::EC2::LaunchTemplate";
    if kind != "AWS::IAM::Role" && !is_provider(kind) && !stack && !function && !anywhere && !pool && !policy && !association && !launch {
        return;
    }
    let logical = entry.key.to_string();
    let mut origin = object.origin_at(&logical, &entry.value);
    origin.declared = Declared::Object(kind.into());
    origin.span = entry.key.span().unwrap_or(origin.span);
    origin.conditional |= field(&entry.value, "Condition").is_some();
    let empty = Value::null();
    let properties = field(&entry.value, "Properties").unwrap_or(&empty);
    template.looked_at.set(0);
    template.supposed.take();
    // It is there only where its condition holds.
    if let Some(condition) = field(&entry.value, "Condition").and_then(Value::as_str) {
        template.suppose(&condition, true);
    }
    let mut resolved = template.resolve(properties, MAX_DEPTH);
    if stack {
        if let Some(text) = text_at(&resolved, "TemplateBody") {
            nested(reader, object, &text, depth);
        } else if let Some(path) = beside(object.file, &entry.value) {
            child(reader, object, &path, field(&resolved, "Parameters"), depth);
        }
        return;
    }
    if anywhere {
        super::anywhere::template(reader, origin, kind, &resolved);
        return;
    }
    if policy {
        policy_of_roles(reader, &origin, kind, &resolved);
        return;
    }
    if launch {
        super::instances::template(reader, origin, &resolved);
        return;
    }
    if association {
        self::association(reader, origin, &resolved);
        return;
    }
    if pool {
        super::cognito::template(reader, origin, kind, &resolved);
        return;
    }
    if is_provider(kind) {
        provider(reader, origin, &resolved, template.provider_arn(&logical, None));
        return;
    }
    // A function's own role, which SAM makes from its trust policy.
    if function && field(properties, "AssumeRolePolicyDocument").is_none() {
        return;
    }
    // What decides who gets in; a name that is only a default changes nothing.
    template.assumed.set(false);
    template.looked_at.set(0);
    if let Some(document) = field(properties, "AssumeRolePolicyDocument") {
        let document = template.document(document);
        if let Kind::Map { entries, .. } = &mut resolved.kind {
            entries.iter_mut().filter(|e| e.key.is_str("AssumeRolePolicyDocument")).for_each(|e| e.value = document.clone());
        }
    }
    origin.library |= template.assumed.get();
    role(reader, origin, &resolved, function);
}

/// `function`: the role is that which SAM makes for a function
/// (<https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html>).
fn role(reader: &mut Reader, origin: Origin, properties: &Value, function: bool) {
    let name = text_at(properties, "RoleName").filter(|_| !function);
    let max_session = seconds(field(properties, "MaxSessionDuration"));
    let arn = Some(attribute(&origin.scope, &format!("{}.Arn", origin.name), UnknownKind::Arn, None));
    let principal = name.clone().unwrap_or_else(|| Text::known(&origin.name));
    let arn = name.as_ref().map_or(arn, |n| Some(role_arn(&origin.scope, properties, n)));
    let identity = reader.add_identity(origin.clone(), IdentityKind::AwsRole { name, arn, max_session });
    if field(properties, "PermissionsBoundary").is_some() {
        reader.graph.bounded.push(identity);
    }
    match field(properties, "AssumeRolePolicyDocument") {
        Some(document) => super::trusts(reader, &origin, identity, document),
        None => reader.undecided(Some(origin.span), format!("`{}` has no readable `AssumeRolePolicyDocument`", origin.name)),
    }
    role_grants(reader, &origin, identity, &principal, properties);
    if function {
        sam_grants(reader, &origin, identity, &principal, properties);
    }
}

fn role_arn(scope: &str, properties: &Value, name: &Text) -> Text {
    let mut arn = Text::known("arn:");
    arn.push(&attribute(scope, "AWS::Partition", UnknownKind::Partition, None));
    arn.push(&Text::known(":iam::"));
    arn.push(&attribute(scope, "AWS::AccountId", UnknownKind::AccountId, None));
    arn.push(&Text::known(":role"));
    arn.push(&text_at(properties, "Path").unwrap_or_else(|| Text::known("/")));
    arn.push(name);
    arn
}

fn role_grants(reader: &mut Reader, origin: &Origin, identity: IdentityId, principal: &Text, properties: &Value) {
    for arn in listing(field(properties, "ManagedPolicyArns")).texts {
        managed(reader, origin, identity, principal, arn);
    }
    for inline in blocks(properties, "Policies").0 {
        if let Some(document) = field(inline, "PolicyDocument") {
            policy::grants(reader, origin, Some(identity), principal, document);
        }
    }
}

/// `Policies` of a function: names and ARNs of managed policies, policy documents; SAM's own templates grant little.
fn sam_grants(reader: &mut Reader, origin: &Origin, identity: IdentityId, principal: &Text, properties: &Value) {
    let policies = field(properties, "Policies").map(Value::items).unwrap_or_default();
    for listed in policies {
        if field(listed, "Statement").is_some() {
            policy::grants(reader, origin, Some(identity), principal, listed);
        } else if let (Some(name), Kind::Text(_)) = (listed.as_text(), &listed.kind) {
            let named = name.known_prefix().starts_with("arn:") || !name.is_known();
            let mut arn = if named { Text::default() } else { Text::known("arn:aws:iam::aws:policy/") };
            arn.push(&name);
            managed(reader, origin, identity, principal, arn);
        }
    }
}

/// A managed policy, which may be declared further down.
fn managed(reader: &mut Reader, origin: &Origin, identity: IdentityId, principal: &Text, arn: Text) {
    let origin = Origin { span: arn.span().unwrap_or(origin.span), ..origin.clone() };
    attach(reader, Attachment { origin, owner: Owner::Known(identity), role: principal.clone(), policy: Attached::Managed(arn) });
}

/// Policies that stand beside the roles that they are for; whether it is one of them
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-policy.html>).
fn policy_of_roles(reader: &mut Reader, origin: &Origin, kind: &str, properties: &Value) {
    let Some(document) = field(properties, "PolicyDocument") else { return };
    if kind == "AWS::IAM::ManagedPolicy" {
        keep(reader, origin, text_at(properties, "ManagedPolicyName").as_ref(), None, document);
    }
    let key = if kind == "AWS::IAM::RolePolicy" { "RoleName" } else { "Roles" };
    for role in listing(field(properties, key)).texts {
        let policy = Attached::Inline(document.clone());
        attach(reader, Attachment { origin: origin.clone(), owner: Owner::Named, role, policy });
    }
}

/// EKS Pod Identity
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-eks-podidentityassociation.html>).
fn association(reader: &mut Reader, origin: Origin, properties: &Value) {
    let Some(role) = text_at(properties, "RoleArn") else { return };
    reader.graph.associations.push(Association {
        origin,
        cluster: text_at(properties, "ClusterName"),
        namespace: text_at(properties, "Namespace"),
        service_account: text_at(properties, "ServiceAccount"),
        role,
    });
}

fn provider(reader: &mut Reader, origin: Origin, properties: &Value, arn: Text) {
    let Some(url) = text_at(properties, "Url") else {
        reader.undecided(Some(origin.span), format!("`{}` has no readable `Url`", origin.name));
        return;
    };
    let clients = listing(any_field(properties, &["ClientIdList", "ClientIDList"]));
    let audiences = (!clients.open && !clients.odd).then_some(clients.texts);
    reader.graph.add_provider(Provider { origin, kind: super::oidc(&url, audiences, Some(arn)) });
}
