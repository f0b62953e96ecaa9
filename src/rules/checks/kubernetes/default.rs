//! Identities for the ServiceAccount that every pod has unless it asks for another.

use super::directory::Directory;
use super::{Account, Context};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::member::{self, Accounts, Member};
use crate::graph::{Gate, IdentityKind, Trust};
use crate::place::Span;

use crate::partial::Text;
use crate::rules::Finding;

const HELP: &str = "give the workload a ServiceAccount of its own and name that";

/// A cloud's annotation on the ServiceAccount `default`.
pub(super) fn annotation(context: &Context<'_>, directory: &Directory<'_>, account: &Account<'_>) -> Option<Finding> {
    if account.name.as_known().as_deref() != Some("default") || granted(context, directory, account) {
        return None;
    }
    let named = account.google.map(|t| (t, Severity::High)).or_else(|| account.aws_role.or(account.azure).map(|t| (t, Severity::Medium)));
    let (identity, severity) = named?;
    let message = format!("every pod of the namespace that names no ServiceAccount runs as `default`, and so becomes `{identity}`");
    let span = account.name.span().or_else(|| identity.span());
    let finding =
        Finding::new(RuleId::DefaultServiceAccount, &account.workload.origin, span, "annotation", message).severity(severity).help(HELP);
    Some(identity.span().into_iter().fold(finding, |f, span| f.related_to(span, "the identity that it gets")))
}

/// A grant of the identity names the account, and is told by itself.
fn granted(context: &Context<'_>, directory: &Directory<'_>, account: &Account<'_>) -> bool {
    let Some(named) = account.google else { return false };
    let linked = context.links.workload_identities.get(account.id.index()).into_iter().flatten();
    let of_linked =
        linked.filter(|id| matches!(context.graph.identity(**id).map(|i| &i.kind), Some(IdentityKind::GoogleServiceAccount { .. })));
    let of_linked = of_linked.flat_map(|id| context.links.identity_trusts.get(id.index()).into_iter().flatten()).map(|id| id.index());
    let all = of_linked.chain(directory.trusts_of(named).iter().copied());
    let mut all = all.filter_map(|index| context.graph.trusts.get(index));
    all.any(|trust| member(context, trust).is_some())
}

/// An EKS Pod Identity association for `default`.
pub(super) fn associations(context: &Context<'_>) -> Vec<Finding> {
    let named = |text: &Option<Text>| text.as_ref().filter(|t| t.as_known().as_deref() == Some("default")).cloned();
    let all = context.graph.associations.iter();
    all.filter_map(|association| {
        let name = named(&association.service_account)?;
        let message = "every pod of the namespace that names no ServiceAccount runs as `default`, and so becomes this role";
        let finding = Finding::new(RuleId::DefaultServiceAccount, &association.origin, name.span(), "association", message);
        Some(finding.severity(Severity::Medium).help(HELP).along_text(&name))
    })
    .collect()
}

/// A member of a GKE workload pool that is `default`, or more than one ServiceAccount.
pub(super) fn member(context: &Context<'_>, trust: &Trust) -> Option<Finding> {
    let Gate::GoogleMember { member: text, .. } = &trust.gate else { return None };
    let Member::Kubernetes { accounts, .. } = member::parse(text) else { return None };
    let (span, message): (Option<Span>, String) = match &accounts {
        Accounts::One { namespace, name } if name.as_known().as_deref() == Some("default") => (
            name.span(),
            format!("every pod of namespace `{namespace}` that names no ServiceAccount uses `default` and therefore has this identity"),
        ),
        Accounts::Namespace(namespace) => (
            namespace.span(),
            format!("every ServiceAccount of namespace `{namespace}` has this identity, so anyone who may create a pod there has it too"),
        ),
        Accounts::Cluster(url) => (url.span(), format!("every ServiceAccount of every namespace of the cluster `{url}` has this identity")),
        Accounts::Pool => (None, "every ServiceAccount of every namespace in the clusters of the project has this identity".to_owned()),
        Accounts::One { .. } | Accounts::Uid => return None,
    };
    let what = match context.graph.identity(trust.identity).map(|i| &i.kind) {
        Some(IdentityKind::GoogleServiceAccount { email, .. }) => email.to_string(),
        _ => trust.origin.name.clone(),
    };
    let finding =
        Finding::new(RuleId::DefaultServiceAccount, &trust.origin, span.or_else(|| text.span()), &format!("{what}|{text}"), message);
    Some(finding.severity(Severity::High).help(HELP).along_text(text))
}
