//! Two blocks of Terraform that each own all members of one role: every apply of the one takes away what the other gave
//! (<https://registry.terraform.io/providers/hashicorp/google/latest/docs/resources/google_service_account_iam>).

use super::Context;
use crate::catalogue::{RuleId, Severity};
use crate::graph::{BindingStyle, Gate, IdentityId, IdentityKind, Trust};
use crate::partial::{Text, cut};
use crate::rules::Finding;
use std::collections::BTreeMap;

/// One finding for each further owner.
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut owners: BTreeMap<(IdentityId, String), &Trust> = BTreeMap::new();
    let mut told: Vec<crate::place::Span> = Vec::new();
    let mut out = Vec::new();
    for trust in &context.graph.trusts {
        let Some(role) = owned(context, trust) else { continue };
        let first = *owners.entry((trust.identity, cut::key(role))).or_insert(trust);
        // Its own other members, and its own other instances.
        if first.origin.span == trust.origin.span || first.origin.scope != trust.origin.scope || told.contains(&trust.origin.span) {
            continue;
        }
        told.push(trust.origin.span);
        out.push(finding(trust, first, role));
    }
    out
}

/// The role that the binding owns on a service account, where it is certain that it does.
fn owned<'t>(context: &Context<'_>, trust: &'t Trust) -> Option<&'t Text> {
    let Gate::GoogleMember { role, condition: None, style: BindingStyle::Binding, .. } = &trust.gate else { return None };
    let identity = context.graph.identity(trust.identity)?;
    let account = matches!(&identity.kind, IdentityKind::GoogleServiceAccount { .. });
    (account && role.is_known() && !trust.origin.conditional && trust.origin.block().is_some()).then_some(role)
}

fn finding(trust: &Trust, first: &Trust, role: &Text) -> Finding {
    let message = format!(
        "`{}` owns all members of `{role}` on this account as well: whichever is applied last takes the other's members away",
        first.origin.name
    );
    Finding::new(RuleId::OneSidedBinding, &trust.origin, None, &role.to_string(), message)
        .severity(Severity::Medium)
        .help("give one `…_iam_binding` all members, or use `…_iam_member` for each")
        .related_to(first.origin.span, "this one owns them, too")
}
