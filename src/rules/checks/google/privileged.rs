//! Accounts that workloads from elsewhere become, with rights over a whole project
//! (<https://cloud.google.com/iam/docs/roles-overview#basic>).

use super::Context;
use super::impersonation::is_external;
use crate::catalogue::{RuleId, Severity};
use crate::gate::google::may_impersonate;
use crate::graph::{Gate, Grant, IdentityId, IdentityKind, Trust};
use crate::rules::Finding;
use crate::rules::checks::privilege;
use crate::rules::checks::trusts::ABOVE;
use std::collections::BTreeSet;

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let federated: BTreeSet<IdentityId> = context.graph.trusts.iter().filter(|t| lets_in(t)).map(|t| t.identity).collect();
    let all = privilege::privileged(context.graph);
    let mut out = Vec::new();
    // What lets an account widen its own trust has a rule of its own.
    let own = |grant: &Grant| grant.permission.as_known().is_some_and(|role| ABOVE.contains(&role.as_str()));
    for (id, grant) in all.iter().filter(|(id, grant)| federated.contains(*id) && !own(grant)) {
        let Some(IdentityKind::GoogleServiceAccount { email, .. }) = context.graph.identity(*id).map(|i| &i.kind) else { continue };
        let scope = grant.scope.as_ref().map_or_else(|| "a project".to_owned(), ToString::to_string);
        let role = &grant.permission;
        let message = format!(
            "`{role}` on `{scope}` for an account that workloads outside of Google Cloud impersonate: a compromised job has the whole of it"
        );
        let finding = Finding::new(RuleId::PrivilegedIdentity, &grant.origin, role.span(), &format!("{email}|{role}"), message);
        let help = "grant the roles that the workload needs, on the resources that it works on";
        out.push(finding.severity(Severity::Low).help(help).along_text(role));
    }
    out
}

fn lets_in(trust: &Trust) -> bool {
    match &trust.gate {
        Gate::GoogleMember { member, role, .. } => !trust.gate.has_ended() && may_impersonate(role) && is_external(member),
        _ => false,
    }
}
