//! Services that act for workloads: Roles Anywhere and EKS Pod Identity.

use super::RoleTrust;
use super::accounts::pinned;
use crate::admission::iam::{self, Effect, PrincipalKind, PrincipalRef, Statement};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::rules::Finding;
use crate::token::Token;

pub(super) const ROLES_ANYWHERE: &str = "rolesanywhere.amazonaws.com";
pub(super) const PODS: &str = "pods.eks.amazonaws.com";

/// The allow statements that name a service, with the place of its name.
fn of_service<'s>(subject: &'s RoleTrust<'_>, service: &str) -> Vec<(&'s Statement, PrincipalRef)> {
    let named = |p: &PrincipalRef| {
        p.kind == PrincipalKind::Service && p.effect == Effect::Allow && !p.negated && p.text.as_known().as_deref() == Some(service)
    };
    let found = iam::principals(subject.policy).into_iter().filter(named);
    found
        .filter_map(|p| subject.policy.statements.get(p.statement).map(|s| (s, p)))
        .filter(|(s, _)| s.open_conditions.is_none() && subject.policy.open.is_none())
        .collect()
}

/// Roles Anywhere without a trust anchor, or without anything about the certificate
/// (<https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>).
pub(super) fn roles_anywhere(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let all = of_service(subject, ROLES_ANYWHERE).into_iter();
    all.filter_map(|(statement, principal)| {
        let anchor = pinned(statement, &["aws:sourcearn"]);
        let certificate = pinned(statement, &["aws:principaltag/x509"]);
        let (severity, message, help) = match (anchor, certificate) {
            (true, true) => return None,
            (false, false) => (
                Severity::High,
                "every certificate of every trust anchor in the account can assume the role: neither the anchor nor the certificate is pinned",
                "add `ArnEquals` on `aws:SourceArn` with the trust anchor, and `StringEquals` on `aws:PrincipalTag/x509Subject/CN`",
            ),
            (false, true) => (
                Severity::Medium,
                "every trust anchor of the account can vouch for the certificate: anyone who may add one chooses the subject",
                "add `ArnEquals` on `aws:SourceArn` with the trust anchor",
            ),
            (true, false) => (
                Severity::Medium,
                "every certificate of the trust anchor can assume the role: no subject, issuer or name of it is pinned",
                "add `StringEquals` on `aws:PrincipalTag/x509Subject/CN` (or `x509SAN/URI`)",
            ),
        };
        let mut witness = Token::default();
        witness.set("aws:SourceArn", "arn:aws:rolesanywhere:eu-west-1:111122223333:trust-anchor/66666666-0000-4000-8000-000000000001");
        witness.set("aws:PrincipalTag/x509Subject/CN", "somebody-else");
        let finding = Finding::new(RuleId::RolesAnywhereUnpinned, &subject.trust.origin, principal.span, "roles-anywhere", message);
        Some(finding.severity(severity).help(help).witness((!anchor && !certificate).then_some(witness)).along_text(&principal.text))
    })
    .collect()
}

/// EKS Pod Identity for every pod of the account
/// (<https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html>).
pub(super) fn pod_identity(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let scopes = ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:requesttag/"];
    let all = of_service(subject, PODS).into_iter().filter(|(s, _)| !pinned(s, &scopes));
    let how = match subject.context.model(&subject.trust.origin) {
        Some(arguments) => match &arguments.conditions {
            Some(argument) => format!(": `{argument}` in the call of the module takes conditions"),
            None => "; the module has no argument for conditions: ask its authors for one, or declare the role yourself".to_owned(),
        },
        None => String::new(),
    };
    all.map(|(_, principal)| {
        let message = "anyone who may create an association in any cluster of the account can give this role to a pod: no cluster, namespace or ServiceAccount is pinned";
        // A document that several roles share is one mistake.
        let document = principal.span.map_or(0, |span| span.start);
        Finding::new(RuleId::PodIdentityUnscoped, &subject.trust.origin, principal.span, "pods", message)
            .merged_in_file(format!("pods {document}"))
            .help(format!("add `StringEquals` on `aws:RequestTag/kubernetes-namespace` and `aws:RequestTag/kubernetes-service-account`, or `aws:SourceArn` with the cluster{how}"))
            .along_text(&principal.text)
    })
    .collect()
}
