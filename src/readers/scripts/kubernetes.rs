//! `kubectl` and `eksctl` (<https://eksctl.io/usage/iamserviceaccounts/>).

use super::super::aws::eksctl::trust;
use super::call::{Arguments, Call, Grammar};
use super::clouds::{Clouds, New, entry, value};
use crate::partial::{Entry, Text, Unknown, UnknownKind, Value, cut};

const KUBECTL: Grammar = Grammar {
    switches: &["overwrite", "all", "local", "wait", "dry-run"],
    several: false,
    short: &[("-n", "namespace"), ("-f", "filename"), ("-o", "output")],
};
const EKSCTL: Grammar = Grammar {
    switches: &["approve", "override-existing-serviceaccounts", "role-only", "create-service-account"],
    several: false,
    short: &[("-c", "cluster"), ("-n", "name"), ("-r", "region")],
};

/// `kubectl annotate serviceaccount`, `kubectl create serviceaccount`.
pub(super) fn kubectl(clouds: &mut Clouds, call: &Call) {
    let arguments = Arguments::read(call.fields.get(1..).unwrap_or_default(), KUBECTL);
    let words: Vec<String> = arguments.positional.iter().map(cut::flat).collect();
    let account = |word: &str| matches!(word, "serviceaccount" | "serviceaccounts" | "sa");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (name, rest) = match words.as_slice() {
        ["annotate" | "create", kind, _, ..] if account(kind) => (arguments.positional.get(2).cloned(), 3),
        ["annotate", joined, ..] if joined.split_once('/').is_some_and(|(kind, _)| account(kind)) => {
            let name = arguments.positional.get(1).and_then(|t| cut::split_once(t, "/"));
            (name.map(|(_, name)| name), 2)
        }
        _ => return,
    };
    let Some(name) = name else { return };
    let mut annotations = Vec::new();
    for text in arguments.positional.iter().skip(rest) {
        if let Some((key, text)) = cut::split_once(text, "=") {
            annotations.push(Entry { key, value: value(&text) });
        }
    }
    service_account(clouds, call, &name, arguments.flag("namespace"), annotations);
}

fn service_account(clouds: &mut Clouds, call: &Call, name: &Text, namespace: Option<&Text>, annotations: Vec<Entry>) {
    let key = format!("{}|{}", namespace.map(cut::key).unwrap_or_default(), cut::key(name));
    let manifest = || {
        let mut metadata = vec![entry("name", value(name))];
        metadata.extend(namespace.map(|n| entry("namespace", value(n))));
        let entries = vec![
            entry("apiVersion", Value::string("v1")),
            entry("kind", Value::string("ServiceAccount")),
            entry("metadata", Value::map(metadata, call.span)),
        ];
        Value::map(entries, call.span)
    };
    clouds.manifest(call, key, manifest, annotations);
}

/// `eksctl create iamserviceaccount` and `podidentityassociation`.
pub(super) fn eksctl(clouds: &mut Clouds, call: &Call) {
    let arguments = Arguments::read(call.fields.get(1..).unwrap_or_default(), EKSCTL);
    let words: Vec<String> = arguments.positional.iter().map(cut::flat).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["create", "iamserviceaccount", ..] => iam_service_account(clouds, call, &arguments),
        ["create", "podidentityassociation" | "podidentityassociations", ..] => association(clouds, call, &arguments),
        _ => {}
    }
}

/// A role that one ServiceAccount of the cluster may assume, and the ServiceAccount with its annotation
/// (<https://github.com/eksctl-io/eksctl/blob/main/pkg/iam/oidc/api.go>).
fn iam_service_account(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    let Some(name) = arguments.flag("name").or_else(|| arguments.positional.get(2)) else { return };
    let namespace = arguments.flag("namespace").cloned().unwrap_or_else(|| Text::known("default"));
    let account = |kind, what: &str, key: &str| {
        let atom = Unknown::new(
            format!("{}|{key}", call.path),
            kind,
            format!("${{{what}}}"),
            format!("the {what} is known when it runs"),
            call.span,
        );
        Text::hole(atom, None)
    };
    let arn = match arguments.flag("attach-role-arn") {
        Some(arn) => arn.clone(),
        None => {
            let role = arguments.flag("role-name").cloned().unwrap_or_else(|| {
                account(UnknownKind::Word, "name that eksctl gives", &format!("role of {} {}", cut::key(&namespace), cut::key(name)))
            });
            let mut arn = Text::known("arn:aws:iam::");
            arn.push(&account(UnknownKind::AccountId, "account", "account"));
            arn.push(&Text::known(":role/"));
            arn.push(&role);
            let cluster = arguments.flag("cluster").map(cut::key).unwrap_or_default();
            let issuer = account(UnknownKind::IssuerHostPath, "issuer of the cluster", &format!("issuer of {cluster}"));
            let account_id = account(UnknownKind::AccountId, "account", "account");
            let trust = trust(&account_id, &issuer, (&namespace, name), name.span().or(call.span));
            let key = cut::key(&role);
            let shown = format!("role of {namespace}/{name}");
            let entries = vec![("name", value(&role)), ("arn", value(&arn)), ("assume_role_policy", trust)];
            clouds.create(call, New { kind: "aws_iam_role", key, shown, entries, open: false });
            for policy in arguments.all("attach-policy-arn") {
                let entries = vec![("role", value(&role)), ("policy_arn", value(&policy))];
                let key = format!("{}|{}", cut::key(&role), cut::key(&policy));
                let shown = format!("policy of {namespace}/{name}");
                clouds.create(call, New { kind: "aws_iam_role_policy_attachment", key, shown, entries, open: false });
            }
            arn
        }
    };
    if !arguments.has("role-only") {
        let annotation = entry("eks.amazonaws.com/role-arn", value(&arn));
        service_account(clouds, call, name, Some(&namespace), vec![annotation]);
    }
}

fn association(clouds: &mut Clouds, call: &Call, arguments: &Arguments) {
    // Without one `eksctl` makes a role, which takes the service of Pod Identity.
    let made = || {
        let atom = Unknown::new(
            format!("{}|role at {:?}", call.path, call.span),
            UnknownKind::Arn,
            "${role}",
            "`eksctl` makes the role",
            call.span,
        );
        Text::hole(atom, None)
    };
    let role = arguments.flag("role-arn").cloned().unwrap_or_else(made);
    let mut entries = vec![("role_arn", value(&role))];
    for (flag, name) in [("cluster", "cluster_name"), ("namespace", "namespace"), ("service-account-name", "service_account")] {
        entries.extend(arguments.flag(flag).map(|text| (name, value(text))));
    }
    let account = arguments.flag("service-account-name").map(Text::to_string).unwrap_or_default();
    let new = New {
        kind: "aws_eks_pod_identity_association",
        key: format!("{:?}", call.span),
        shown: format!("association of {account}"),
        entries,
        open: false,
    };
    clouds.create(call, new);
}
