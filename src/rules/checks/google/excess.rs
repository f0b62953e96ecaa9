//! Principals that may sign as an account, where nothing in the scan needs it
//! (<https://cloud.google.com/iam/docs/service-account-permissions#token-creator-role>).

use super::Context;
use super::accounts::Accounts;
use super::impersonation::{CREATOR, USER, is_external, is_role, member_and_role};
use crate::catalogue::RuleId;
use crate::graph::{IdentityKind, Trust};
use crate::rules::Finding;
use std::collections::BTreeMap;

/// One finding for each evaluation: which roles a team grants is one habit. A team that demands both roles has said so.
pub(super) fn check(context: &Context<'_>, accounts: &Accounts<'_>) -> Vec<Finding> {
    if context.config.level(RuleId::MissingTokenCreator).is_some() {
        return Vec::new();
    }
    let mut first: BTreeMap<&str, Finding> = BTreeMap::new();
    for trust in context.graph.trusts.iter().filter(|t| signs_for_nothing(context, accounts, t)) {
        let scope = trust.origin.scope.as_str();
        let found = match first.remove(scope) {
            Some(finding) => finding.related_to(trust.origin.span, "granted here, too"),
            None => match finding(context, trust) {
                Some(finding) => finding,
                None => continue,
            },
        };
        first.insert(scope, found);
    }
    first.into_values().collect()
}

/// A workload holds the role on a service account, and nothing in the scan signs as that account.
fn signs_for_nothing(context: &Context<'_>, accounts: &Accounts<'_>, trust: &Trust) -> bool {
    let Some((member, role)) = member_and_role(trust) else { return false };
    let account = context.graph.identity(trust.identity).is_some_and(|i| matches!(i.kind, IdentityKind::GoogleServiceAccount { .. }));
    let needed = || accounts.signing(trust.identity).is_some();
    account && is_role(role, CREATOR) && is_external(member) && !trust.origin.conditional && !needed()
}

fn finding(context: &Context<'_>, trust: &Trust) -> Option<Finding> {
    let (member, role) = member_and_role(trust)?;
    let same = |t: &Trust| member_and_role(t).is_some_and(|(m, r)| m.same(member) && is_role(r, USER));
    let on_it = context.links.identity_trusts.get(trust.identity.index()).into_iter().flatten();
    let beside = if on_it.filter_map(|id| context.graph.trust(*id)).any(same) {
        "the principal holds `roles/iam.workloadIdentityUser` beside it, which is enough for access and ID tokens"
    } else {
        "`roles/iam.workloadIdentityUser` is enough for access and ID tokens"
    };
    let message = format!(
        "`roles/iam.serviceAccountTokenCreator` also lets its holder sign as the account (`signJwt`, `signBlob`) and delegate, and nothing in the scan does: {beside}"
    );
    let finding = Finding::new(RuleId::ExcessTokenCreator, &trust.origin, role.span(), &member.to_string(), message);
    let help = "grant `roles/iam.workloadIdentityUser` alone where the workload signs nothing (URLs, JWTs, domain-wide delegation); teams that follow \
                guides with both roles can turn this rule off";
    Some(finding.help(help).along_text(role))
}
