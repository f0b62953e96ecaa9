//! Clusters as `eksctl` takes them: ServiceAccounts with the roles that it makes for them, and Pod Identity associations
//! (<https://docs.aws.amazon.com/eks/latest/eksctl/iamserviceaccounts.html>,
//! <https://docs.aws.amazon.com/eks/latest/eksctl/pod-identity-associations.html>).

use super::super::context::{Object, Reader};
use super::super::kubernetes;
use super::super::shape::{any_field, blocks, field, known_at, listing, text, text_at};
use super::attachments::{Attached, Attachment, Owner, attach};
use crate::graph::{Association, Declared, IdentityId, IdentityKind, Origin};
use crate::partial::{Entry, Kind, Text, Unknown, UnknownKind, Value, cut};
use crate::place::Span;

/// Reads a `ClusterConfig`.
pub(in crate::readers) fn declare(reader: &mut Reader, object: &Object) {
    let group = known_at(object.value, "apiVersion").is_some_and(|api| api.starts_with("eksctl.io/"));
    if !group || known_at(object.value, "kind").as_deref() != Some("ClusterConfig") {
        return;
    }
    let cluster = text(object.value.at(&["metadata", "name"]));
    let config = Config { object, cluster };
    if let Some(iam) = field(object.value, "iam") {
        blocks(iam, "serviceAccounts").0.into_iter().for_each(|account| config.service_account(reader, account));
        blocks(iam, "podIdentityAssociations").0.into_iter().for_each(|association| config.association(reader, association));
    }
    for addon in blocks(object.value, "addons").0 {
        blocks(addon, "podIdentityAssociations").0.into_iter().for_each(|association| config.association(reader, association));
    }
}

struct Config<'a> {
    object: &'a Object<'a>,
    /// The cluster's name.
    cluster: Option<Text>,
}

impl Config<'_> {
    fn origin(&self, name: String, at: &Value) -> Origin {
        Origin { declared: Declared::Object("ClusterConfig".into()), ..self.object.origin_at(name, at) }
    }

    /// What only the run of `eksctl` knows.
    fn unknown(&self, what: &str, kind: UnknownKind) -> Text {
        let why = format!("the {what} is known when `eksctl` runs");
        Text::hole(Unknown::new(format!("{}|{what}", self.object.file), kind, format!("${{{what}}}"), why, None), None)
    }

    /// A ServiceAccount, and the role that is made for it unless one is named.
    fn service_account(&self, reader: &mut Reader, account: &Value) {
        let Some(metadata) = field(account, "metadata") else { return };
        let Some(name) = text_at(metadata, "name") else { return };
        let namespace = text_at(metadata, "namespace").unwrap_or_else(|| Text::known("default"));
        let origin = self.origin(format!("ServiceAccount {namespace}/{name}"), account);
        let arn = text_at(account, "attachRoleARN").unwrap_or_else(|| {
            let issuer = self.unknown("issuer of the cluster", UnknownKind::IssuerHostPath);
            let provider = self.unknown("account", UnknownKind::AccountId);
            let trust = trust(&provider, &issuer, (&namespace, &name), name.span().or(Some(origin.span)));
            self.role(reader, account, &namespace, &name, &trust)
        });
        if field(account, "roleOnly").is_some_and(|v| v.as_bool() == Some(true)) {
            return;
        }
        let annotation = Entry { key: Text::known("eks.amazonaws.com/role-arn"), value: Value::new(Kind::Text(arn), None) };
        let written = field(metadata, "annotations").map(Value::entries).unwrap_or_default().iter().cloned();
        let annotations = Value::map(written.chain([annotation]).collect(), None);
        kubernetes::made(reader, origin, (Some(namespace), name), &annotations, self.object.open);
    }

    /// The role that is made for an account; its ARN.
    fn role(&self, reader: &mut Reader, at: &Value, namespace: &Text, name: &Text, trust: &Value) -> Text {
        let (role, arn, identity, origin) = self.made(reader, at, namespace, name);
        super::trusts(reader, &origin, identity, trust);
        let keys = ["attachPolicyARNs", "attachPolicy", "wellKnownPolicies", "permissionsBoundary"];
        rights(reader, &origin, identity, &role, at, keys);
        arn
    }

    fn made(&self, reader: &mut Reader, at: &Value, namespace: &Text, name: &Text) -> (Text, Text, IdentityId, Origin) {
        let made_up = || self.unknown(&format!("name of the role of {}/{}", cut::key(namespace), cut::key(name)), UnknownKind::Word);
        let role = text_at(at, "roleName").unwrap_or_else(made_up);
        let arn = super::objects::role_arn(self.object.file, None, &role);
        let origin = self.origin(format!("role of {namespace}/{name}"), at);
        let kind = IdentityKind::AwsRole { name: Some(role.clone()), arn: Some(arn.clone()), max_session: None };
        let identity = reader.add_identity(origin.clone(), kind);
        (role, arn, identity, origin)
    }

    /// An association. The role that is made where none is named takes the service of Pod Identity and nobody else; nothing of its
    /// trust can be set here.
    fn association(&self, reader: &mut Reader, association: &Value) {
        let account = text(any_field(association, &["serviceAccountName", "serviceAccount"]));
        let namespace = text_at(association, "namespace");
        let role = text_at(association, "roleARN").unwrap_or_else(|| {
            let (space, name) = (namespace.clone().unwrap_or_default(), account.clone().unwrap_or_default());
            let (role, arn, identity, origin) = self.made(reader, association, &space, &name);
            let keys = ["permissionPolicyARNs", "permissionPolicy", "wellKnownPolicies", "permissionsBoundaryARN"];
            rights(reader, &origin, identity, &role, association, keys);
            arn
        });
        let shown = account.as_ref().map_or_else(|| "?".to_owned(), Text::to_string);
        let origin = self.origin(format!("association of {shown}"), association);
        reader.graph.associations.push(Association { origin, cluster: self.cluster.clone(), namespace, service_account: account, role });
    }
}

/// What a role that `eksctl` makes may do: ARNs of policies, a document, policies by a name of its own, a boundary.
fn rights(reader: &mut Reader, origin: &Origin, identity: IdentityId, role: &Text, at: &Value, keys: [&str; 4]) {
    let [arns, document, well_known, boundary] = keys;
    let with = |policy, span: Option<Span>| Attachment {
        origin: Origin { span: span.unwrap_or(origin.span), ..origin.clone() },
        owner: Owner::Known(identity),
        role: role.clone(),
        policy,
    };
    for arn in listing(field(at, arns)).texts {
        let span = arn.span();
        attach(reader, with(Attached::Managed(arn), span));
    }
    if let Some(document) = field(at, document) {
        attach(reader, with(Attached::Inline(document.clone()), None));
    }
    // Of the policies that have a name here one is managed by AWS; the others are narrow.
    if let Some(builder) = field(at, well_known).and_then(|w| field(w, "imageBuilder")).filter(|v| v.as_bool() == Some(true)) {
        let arn = Text::known("arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser");
        attach(reader, with(Attached::Managed(arn), builder.span));
    }
    if field(at, boundary).is_some() {
        reader.graph.bounded.push(identity);
    }
}

/// The trust of a role that `eksctl` makes for a ServiceAccount: its subject and its audience, exactly
/// (<https://github.com/eksctl-io/eksctl/blob/main/pkg/iam/oidc/api.go>).
pub(in crate::readers) fn trust(account: &Text, issuer: &Text, (namespace, name): (&Text, &Text), span: Option<Span>) -> Value {
    let joined = |parts: &[&Text]| {
        let mut out = Text::default();
        parts.iter().for_each(|part| out.push(part));
        out
    };
    let known = |text: &str| Text::known(text);
    let provider = joined(&[&known("arn:aws:iam::"), account, &known(":oidc-provider/"), issuer]);
    let subject = joined(&[&known("system:serviceaccount:"), namespace, &known(":"), name]);
    let text = |text: Text| Value::new(Kind::Text(text), span);
    let entry = |key: &str, value: Value| Entry { key: known(key), value };
    let test = |claim: &str, value: Text| Entry { key: joined(&[issuer, &known(claim)]), value: text(value) };
    let tests = Value::map(vec![test(":sub", subject), test(":aud", known("sts.amazonaws.com"))], span);
    let statement = vec![
        entry("Effect", Value::string("Allow")),
        entry("Principal", Value::map(vec![entry("Federated", text(provider))], span)),
        entry("Action", Value::string("sts:AssumeRoleWithWebIdentity")),
        entry("Condition", Value::map(vec![entry("StringEquals", tests)], span)),
    ];
    let statements = Value::list(vec![Value::map(statement, span)], span);
    Value::map(vec![entry("Version", Value::string("2012-10-17")), entry("Statement", statements)], span)
}
