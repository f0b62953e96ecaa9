//! What IAM refuses to store, and what Terraform drops before.

use super::RoleTrust;
use crate::admission::iam::ProblemKind;
use crate::catalogue::RuleId;
use crate::rules::Finding;

/// What IAM refuses to store, and conditions that are lost because their key is there twice.
/// `public`: who the `*` lets in is told, and that IAM refuses it.
pub(super) fn rejected(subject: &RoleTrust<'_>, public: bool) -> Vec<Finding> {
    // These have rules of their own.
    let own = |kind: ProblemKind| match kind {
        ProblemKind::PrincipalStar => public,
        kind => kind == ProblemKind::CognitoWithoutCondition,
    };
    let problems = subject.policy.problems.iter().filter(|p| !own(p.kind));
    let problems = problems.filter(|p| p.kind.rejected_at_write() || p.kind == ProblemKind::DuplicateKey);
    let findings = problems.map(|p| {
        let lost = p.kind == ProblemKind::DuplicateKey;
        let message = if lost { p.message.clone() } else { format!("IAM refuses this policy: {}", p.message) };
        let help = if lost {
            "write each key once, with a list of all its values"
        } else {
            "write the policy as IAM's grammar for trust policies has it"
        };
        Finding::new(RuleId::RejectedPolicy, &subject.trust.origin, p.span, &p.message, message).help(help)
    });
    findings.chain(duplicates(subject)).collect()
}

/// Keys that Terraform drops before IAM sees them.
fn duplicates(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let findings = subject.beside.lost(subject.index).map(|d| {
        let message = format!("`{}` is a duplicate key: Terraform keeps the last one, so this condition is lost", d.key);
        Finding::new(RuleId::RejectedPolicy, &subject.trust.origin, Some(d.lost), &format!("duplicate {}", d.key), message)
            .help("put all tests of one operator under one key")
            .related_to(d.kept, "this one stays")
    });
    findings.collect()
}
