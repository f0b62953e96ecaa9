//! ClusterSPIFFEIDs: which pods obtain which id.

use super::entries::power;
use crate::admission::spiffe::template::{FieldKind, IdTemplate, field_kind};
use crate::catalogue::{RuleId, Severity};
use crate::graph::spiffe::{ClusterIdentity, LabelAsks, Switch};
use crate::partial::Text;
use crate::rules::Finding;
use crate::rules::engine::Context;
use crate::token::{Claim, Token};

/// Every finding about ClusterSPIFFEIDs.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    context.graph.spiffe.identities.iter().flat_map(one).collect()
}

fn one(identity: &ClusterIdentity) -> Vec<Finding> {
    let template = IdTemplate::parse(&identity.template);
    if let Some(finding) = rejected(identity, &template) {
        return vec![finding];
    }
    let mut out: Vec<Finding> = privileged(identity, &template).into_iter().collect();
    let bad = out.iter().any(|f| f.severity >= Severity::Medium);
    match collapse(identity, &template) {
        Some(finding) => out.push(finding),
        None if !bad => out.extend(every_pod(identity, &template)),
        None => {}
    }
    out
}

/// A template that cannot be filled in, or whose result is no id.
fn rejected(identity: &ClusterIdentity, template: &IdTemplate) -> Option<Finding> {
    if let Some((field, span)) = template.fields().find(|(field, _)| field_kind(field) == FieldKind::Missing) {
        let message = format!("the template cannot be filled in for any pod: there is no field `.{field}`, so no entry is created");
        let help = if field == "PodMeta.ServiceAccountName" {
            "the account stands in `.PodSpec.ServiceAccountName`"
        } else {
            "use a field of `.PodMeta`, `.PodSpec`, `.NodeMeta` or `.NodeSpec`, `.TrustDomain`, `.ClusterName` or `.ClusterDomain`"
        };
        let span = span.or_else(|| identity.template.span());
        return Some(Finding::new(RuleId::RejectedSpireConfiguration, &identity.origin, span, field, message).help(help));
    }
    let problem = template.problem()?;
    let message = format!("the template makes no valid SPIFFE id for any pod: {problem}; no entry is created");
    let finding = Finding::new(RuleId::InvalidSpiffeId, &identity.origin, identity.template.span(), "template", message);
    Some(finding.help("write `spiffe://{{ .TrustDomain }}/path`").along_text(&identity.template))
}

/// The namespaces that pods can be of: named by the selector, or by a selector of the workload.
fn one_namespace(identity: &ClusterIdentity) -> bool {
    let by_label = identity.namespaces.namespaces().is_some_and(|all| all.len() == 1);
    by_label || selects(identity, "k8s:ns:")
}

fn selects(identity: &ClusterIdentity, beginning: &str) -> bool {
    identity.selectors.iter().any(|s| s.known_prefix().starts_with(beginning) && !s.known_prefix().contains("{{"))
}

/// `admin` and `downstream` for pods.
fn privileged(identity: &ClusterIdentity, template: &IdTemplate) -> Option<Finding> {
    let (power, switch) = power(identity.admin, identity.downstream)?;
    let bounded = one_namespace(identity) || identity.namespaces.opts_in();
    let everything = identity.pods.is_everything() && identity.namespaces.is_everything();
    let severity = match () {
        () if everything => Severity::Critical,
        () if (bounded || identity.charted || identity.pods.open) && identity.admin.is_some_and(Switch::is_on) => Severity::Low,
        // Nested servers in namespaces that are labelled for it.
        () if bounded || identity.charted || identity.pods.open => return None,
        () => Severity::High,
    };
    let who = match () {
        () if everything => "every pod of the cluster",
        () if severity == Severity::Low => "every selected pod",
        () => "any pod of any namespace whose author sets the label",
    };
    let message = format!("{who} {power}");
    let finding = Finding::new(RuleId::SpirePrivilegedEntry, &identity.origin, switch.span, "privileged", message).severity(severity);
    let witness = pod(identity, template, "another-team", "another-account");
    Some(finding.witness(witness).help("name the one namespace (`kubernetes.io/metadata.name`) and the pods of the one workload"))
}

/// Distinct workloads with one id, or an id that the author of the pod chooses.
fn collapse(identity: &ClusterIdentity, template: &IdTemplate) -> Option<Finding> {
    if identity.pods.open || identity.namespaces.open {
        return None;
    }
    let reads = |kind: FieldKind| template.reads(kind);
    let (namespace, account, unique) = (reads(FieldKind::Namespace)?, reads(FieldKind::Account)?, reads(FieldKind::Unique)?);
    if unique || identity.charted && identity.pods.open {
        return None;
    }
    let inside = namespace || one_namespace(identity);
    let chosen = reads(FieldKind::Author)? && !account;
    let (severity, message) = if chosen {
        let severity = if inside { Severity::Low } else { Severity::High };
        let whose = if inside { "in its namespace" } else { "in any namespace" };
        (
            severity,
            format!("the id is made of labels, annotations or the name of the pod: whoever can create a pod {whose} chooses who it is"),
        )
    } else if !inside {
        (Severity::High, "the template leaves out the namespace: pods of different namespaces obtain the same id".to_owned())
    } else if !account && identity.pods.is_everything() && !selects(identity, "k8s:sa:") {
        (Severity::Medium, "the template leaves out the ServiceAccount: all workloads of a namespace obtain the same id".to_owned())
    } else {
        return None;
    };
    let chosen_span = template.fields().find(|(field, _)| chosen && field_kind(field) == FieldKind::Author).and_then(|(_, span)| span);
    let span = chosen_span.or_else(|| identity.template.span());
    let finding = Finding::new(RuleId::SpiffeIdCollapse, &identity.origin, span, "template", message).severity(severity);
    let witness = pod(identity, template, "another-team", "another-account");
    let help = "put `/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}` into the template, or pin namespace and pods with the selectors";
    Some(finding.witness(witness).help(help).along_text(&identity.template))
}

/// No selector at all.
fn every_pod(identity: &ClusterIdentity, template: &IdTemplate) -> Option<Finding> {
    if !identity.pods.is_everything() || !identity.namespaces.is_everything() || !identity.selectors.is_empty() {
        return None;
    }
    let fallback = identity.fallback.is_some_and(|s| s.on != Some(false));
    let (severity, message) = if fallback {
        (Severity::Info, "every pod that no other ClusterSPIFFEID selects obtains an id")
    } else {
        (Severity::Medium, "every pod of the cluster obtains an id of the trust domain, whoever deployed it")
    };
    let span = identity.template.span();
    let finding = Finding::new(RuleId::SpiffeIdForEveryPod, &identity.origin, span, "every pod", message).severity(severity);
    let witness = pod(identity, template, "another-team", "default");
    Some(finding.witness(witness).help("let namespaces or pods opt in by a label (`namespaceSelector`, `podSelector`)"))
}

/// A pod that is selected, and its id.
fn pod(identity: &ClusterIdentity, template: &IdTemplate, namespace: &str, account: &str) -> Option<Token> {
    let known = |text: &Text| text.as_known();
    let labelled = |requirements: &[crate::graph::spiffe::LabelRequirement]| -> Vec<String> {
        let one = |r: &crate::graph::spiffe::LabelRequirement| {
            let value = match &r.asks {
                LabelAsks::In(values) => known(values.first()?)?,
                LabelAsks::Exists => "true".to_owned(),
                LabelAsks::NotIn | LabelAsks::Absent | LabelAsks::Unknown => return None,
            };
            Some(format!("{}={value}", known(&r.key)?))
        };
        requirements.iter().filter_map(one).collect()
    };
    // The entry has the selectors that are written for the workload, so the pod has them too.
    let selector = |property: &str| {
        let mut all = identity.selectors.iter().filter_map(known);
        all.find_map(|s| s.strip_prefix(property).filter(|value| !value.contains("{{")).map(str::to_owned))
    };
    let named = identity.namespaces.namespaces().and_then(|all| all.first()).and_then(known);
    let namespace = named.or_else(|| selector("k8s:ns:")).unwrap_or_else(|| namespace.to_owned());
    let account = selector("k8s:sa:").unwrap_or_else(|| account.to_owned());
    let value = |field: &str| match field_kind(field) {
        FieldKind::Namespace => namespace.clone(),
        FieldKind::Account => account.clone(),
        FieldKind::Constant => "trust-domain.example".to_owned(),
        FieldKind::Author => "chosen-by-the-author".to_owned(),
        FieldKind::Unique | FieldKind::Node | FieldKind::Other | FieldKind::Missing => "0f1e2d3c".to_owned(),
    };
    let mut token = Token::default();
    token.set("sub", template.rendered(&value)?);
    token.set("namespace", namespace.clone());
    token.set("service_account", account.clone());
    for (claim, requirements) in [("pod_labels", &identity.pods.requirements), ("namespace_labels", &identity.namespaces.requirements)] {
        let labels = labelled(requirements);
        if !labels.is_empty() {
            token.claims.insert(claim.to_owned(), Claim::List(labels));
        }
    }
    Some(token)
}
