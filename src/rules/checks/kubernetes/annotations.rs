//! Annotations that no cloud reads as they are written.

use super::{Account, Context};
use crate::admission::iam;
use crate::catalogue::RuleId;
use crate::rules::Finding;
use crate::rules::checks::aws::malformed;

/// The annotation names something that is no role of AWS.
pub(super) fn role(account: &Account<'_>) -> Option<Finding> {
    let arn = account.aws_role?;
    let found = iam::malformed_role(arn)?;
    let message = format!("`{arn}` is not the ARN of a role, {}: pods of `{}` do not get one", malformed::what(&found), account.shown());
    let finding = malformed::finding(&account.workload.origin, &found, arn, arn.span(), message).certain(!account.open);
    // What another resource makes is right there: the mistake is to annotate with it.
    let finding = match arn.trail() {
        Some(_) if !arn.is_known() => Finding { span: account.workload.origin.span, ..finding },
        _ => finding,
    };
    Some(finding.help("write `arn:aws:iam::ACCOUNT:role/NAME`, with the account's twelve digits"))
}

/// Keys that are nearly one that a cloud reads.
pub(super) fn misspelt(context: &Context<'_>) -> Vec<Finding> {
    let finding = |wrong: &crate::graph::Misspelt| {
        let message = format!("nobody reads the annotation `{}`: pods of `{}` do not get the identity", wrong.key, wrong.origin.name);
        Finding::new(RuleId::OneSidedBinding, &wrong.origin, wrong.key.span(), &wrong.key.to_string(), message)
            .help(format!("write the key as `{}`", wrong.meant))
            .along_text(&wrong.key)
    };
    context.graph.misspelt.iter().map(finding).collect()
}
