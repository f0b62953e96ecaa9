//! Roles, providers and policies as Kubernetes objects: Crossplane (`spec.forProvider`,
//! <https://marketplace.upbound.io/providers/upbound/provider-aws-iam>) and AWS Controllers for Kubernetes
//! (<https://aws-controllers-k8s.github.io/community/reference/iam/v1alpha1/role/>).

use super::super::context::{Object, Reader};
use super::super::shape::{any_field, blocks, field, listing, seconds, text, text_at};
use super::attachments::{Attached, Attachment, Owner, attach, object_key};
use crate::graph::{Association, IdentityKind, Origin, Provider};
use crate::partial::{Text, Unknown, UnknownKind, Value, cut};
use crate::place::Span;

/// The family of objects that a group belongs to: within it they refer to each other by name.
fn family(group: &str) -> Option<&'static str> {
    match group {
        "iam.services.k8s.aws" | "eks.services.k8s.aws" => Some("ack"),
        _ if group.starts_with("iam.aws.") || group.starts_with("eks.aws.") => Some("crossplane"),
        _ => None,
    }
}

/// Roles, providers and policies.
pub(super) fn custom_resource(reader: &mut Reader, object: &Object) {
    let Some((kind, this)) = this(object) else { return };
    match kind.as_str() {
        "Role" => this.role(reader, object),
        "OpenIDConnectProvider" => this.provider(reader),
        "Policy" => this.policy(reader),
        "RolePolicy" => this.attached(reader, "policy", true),
        "RolePolicyAttachment" => this.attached(reader, "policyArn", false),
        _ => {}
    }
}

/// What refers to roles.
pub(in crate::readers) fn bind(reader: &mut Reader, object: &Object) {
    if let Some((_, this)) = this(object).filter(|(kind, _)| kind == "PodIdentityAssociation") {
        this.association(reader);
    }
}

/// The kind of an object of one of the groups, and its parts.
fn this<'v>(object: &Object<'v>) -> Option<(String, This<'v>)> {
    let api = text_at(object.value, "apiVersion").map(|v| cut::flat(&v))?;
    let family = family(api.split('/').next().unwrap_or_default())?;
    let kind = text_at(object.value, "kind")?.to_string();
    let spec = field(object.value, "spec")?;
    let spec = field(spec, "forProvider").unwrap_or(spec);
    let name = text(object.value.at(&["metadata", "name"]));
    let shown = name.as_ref().map_or_else(|| "?".to_owned(), Text::to_string);
    let origin = object.origin(format!("{kind} {shown}"));
    Some((kind, This { family, origin, name, spec }))
}

/// An object that is read.
struct This<'v> {
    family: &'static str,
    origin: Origin,
    /// `metadata.name`.
    name: Option<Text>,
    spec: &'v Value,
}

impl This<'_> {
    fn key(&self, kind: &str, name: &Text) -> String {
        object_key(self.family, kind, &cut::key(name))
    }

    fn role(&self, reader: &mut Reader, object: &Object) {
        let Some(document) = any_field(self.spec, &["assumeRolePolicy", "assumeRolePolicyDocument"]) else { return };
        let external = text(object.value.at(&["metadata", "annotations", "crossplane.io/external-name"]));
        let name = text_at(self.spec, "name").or(external).or_else(|| self.name.clone());
        let max_session = seconds(field(self.spec, "maxSessionDuration"));
        let principal = name.clone().unwrap_or_else(|| Text::known(&self.origin.name));
        let arn = name.as_ref().map(|name| role_arn(&self.origin.scope, text_at(self.spec, "path"), name));
        let identity = reader.add_identity(self.origin.clone(), IdentityKind::AwsRole { name, arn, max_session });
        if let Some(own) = &self.name {
            reader.alias(self.key("Role", own), identity);
        }
        if any_field(self.spec, &["permissionsBoundary", "permissionsBoundaryRef"]).is_some() {
            reader.graph.bounded.push(identity);
        }
        super::trusts(reader, &self.origin, identity, document);
        let with = |policy, at: Option<Span>| Attachment {
            origin: Origin { span: at.unwrap_or(self.origin.span), ..self.origin.clone() },
            owner: Owner::Known(identity),
            role: principal.clone(),
            policy,
        };
        for arn in ["policies", "managedPolicyArns"].iter().flat_map(|key| listing(field(self.spec, key)).texts) {
            let at = arn.span();
            attach(reader, with(Attached::Managed(arn), at));
        }
        for reference in blocks(self.spec, "policyRefs").0 {
            if let Some(name) = text(reference.at(&["from", "name"])) {
                attach(reader, with(Attached::Object(self.key("Policy", &name)), name.span()));
            }
        }
        for inline in field(self.spec, "inlinePolicies").map(Value::entries).unwrap_or_default() {
            attach(reader, with(Attached::Inline(inline.value.clone()), inline.key.span()));
        }
        for inline in blocks(self.spec, "inlinePolicy").0 {
            if let Some(document) = field(inline, "policy") {
                attach(reader, with(Attached::Inline(document.clone()), None));
            }
        }
    }

    fn provider(&self, reader: &mut Reader) {
        let Some(url) = text_at(self.spec, "url") else { return };
        let clients = listing(any_field(self.spec, &["clientIdList", "clientIDs"]));
        let audiences = (!clients.open && !clients.odd).then_some(clients.texts);
        reader.graph.add_provider(Provider { origin: self.origin.clone(), kind: super::oidc(&url, audiences, None) });
    }

    fn policy(&self, reader: &mut Reader) {
        let (Some(document), Some(name)) = (any_field(self.spec, &["policy", "policyDocument"]), &self.name) else { return };
        reader.policies.insert(self.key("Policy", name), (document.clone(), self.origin.clone()));
    }

    /// A policy of a role: its document, or the ARN of one.
    fn attached(&self, reader: &mut Reader, key: &str, inline: bool) {
        let reference = |key: &str| text(self.spec.at(&[key, "name"]));
        let referred = reference("roleRef").map(|name| (Owner::Object(self.key("Role", &name)), name));
        let Some((owner, role)) = referred.or_else(|| text_at(self.spec, "role").map(|role| (Owner::Named, role))) else { return };
        let policy = match field(self.spec, key) {
            Some(document) if inline => Some(Attached::Inline(document.clone())),
            Some(arn) => text(Some(arn)).map(Attached::Managed),
            None => reference("policyArnRef").map(|name| Attached::Object(self.key("Policy", &name))),
        };
        if let Some(policy) = policy {
            attach(reader, Attachment { origin: self.origin.clone(), owner, role, policy });
        }
    }

    fn association(&self, reader: &mut Reader) {
        let referred = text(self.spec.at(&["roleRef", "from", "name"])).or_else(|| text(self.spec.at(&["roleArnRef", "name"])));
        let declared = referred.and_then(|name| reader.identity(&self.key("Role", &name)));
        let arn = declared.and_then(|id| match &reader.graph.identity(id)?.kind {
            IdentityKind::AwsRole { arn, .. } => arn.clone(),
            _ => None,
        });
        let Some(role) = text(any_field(self.spec, &["roleARN", "roleArn"])).or(arn) else { return };
        reader.graph.associations.push(Association {
            origin: self.origin.clone(),
            cluster: text_at(self.spec, "clusterName"),
            namespace: text_at(self.spec, "namespace"),
            service_account: text_at(self.spec, "serviceAccount"),
            role,
        });
    }
}

/// The ARN of a role in an account that the object does not say.
pub(super) fn role_arn(scope: &str, path: Option<Text>, name: &Text) -> Text {
    let unknown = |what: &str, kind| {
        let why = format!("the {what} is not written in the object");
        Text::hole(Unknown::new(format!("{scope}|aws {what}"), kind, format!("${{{what}}}"), why, None), None)
    };
    let mut arn = Text::known("arn:");
    arn.push(&unknown("partition", UnknownKind::Partition));
    arn.push(&Text::known(":iam::"));
    arn.push(&unknown("account", UnknownKind::AccountId));
    arn.push(&Text::known(":role"));
    arn.push(&path.unwrap_or_else(|| Text::known("/")));
    arn.push(name);
    arn
}
