//! Roles of Cognito's identity pools.

use super::{FederatedView, RoleTrust};
use crate::admission::exposure::{Class, Reachability};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::issuers::{Tag, Template};
use crate::rules::Finding;

/// Cognito's identity pools: anybody's pool, or guests
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html>).
pub(super) fn identity_pool(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let exposure = subject.context.exposure(&subject.trust.origin, &seen.formula, &seen.templates)?;
    let origin = &subject.trust.origin;
    if matches!(exposure.class, Class::AnyTenant | Class::TenantPrefix) {
        let message = "anyone with an identity pool of their own can assume the role: no condition names yours";
        let finding = Finding::new(RuleId::IdentityPoolOpen, origin, subject.lacks(&seen.via.principal, &["aud"]), "pool", message)
            .severity(Severity::Critical);
        let help = "add `StringEquals` on `cognito-identity.amazonaws.com:aud` with the id of the identity pool";
        return Some(finding.help(help).witness(exposure.witness.clone()).certain(exposure.certain).along_text(&seen.via.principal));
    }
    let guests: Vec<Template> = seen.templates.iter().filter(|t| t.is(Tag::Guest)).cloned().collect();
    let Reachability::Reachable(token) = subject.context.reachability(&seen.formula, &guests) else { return None };
    // A policy that takes guests and nobody else means them.
    let others: Vec<Template> = seen.templates.iter().filter(|t| !t.is(Tag::Guest)).cloned().collect();
    let meant = matches!(subject.context.reachability(&seen.formula, &others), Reachability::Unreachable);
    let message = "unauthenticated identities can assume the role: the identity pool gives it out without a login";
    let finding = Finding::new(RuleId::IdentityPoolOpen, origin, subject.lacks(&seen.via.principal, &["amr"]), "guests", message);
    let finding = finding.severity(if meant { Severity::Info } else { Severity::High });
    let help = "add `ForAnyValue:StringLike` on `cognito-identity.amazonaws.com:amr` with `authenticated`";
    Some(finding.help(help).witness(Some(*token)).along_text(&seen.via.principal))
}
