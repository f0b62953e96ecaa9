//! Identities that only read: what pull requests may have.

use crate::catalogue::{RuleId, Severity};
use crate::graph::{About, Graph, IdentityId, UndecidedKind};
use crate::partial::{Text, cut};
use crate::rules::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// Actions that look at something: what an action's name begins with
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_understand-policy-summary-access-level-summaries.html>).
const LOOKS: [&str; 12] =
    ["BatchCheck", "BatchGet", "Describe", "Get", "Head", "List", "Lookup", "Query", "Read", "Scan", "Search", "View"];
/// Services whose `Get` gives out secrets or sessions.
const SECRETS: [&str; 3] = ["secretsmanager", "ssm", "sts"];
/// What the name of an action that gives out secrets has in it.
const SECRET_WORDS: [&str; 3] = ["Credential", "Password", "Secret"];
/// Managed policies of AWS that only look.
const MANAGED: [&str; 3] = ["ReadOnlyAccess", "SecurityAudit", "ViewOnlyAccess"];
/// Roles of Azure that only look.
const AZURE: [&str; 3] = ["Reader", "Security Reader", "Monitoring Reader"];

/// The identities of a scan that only read: everything that it grants to them is known, and looks at things.
pub(super) struct Readers(BTreeSet<IdentityId>);

impl Readers {
    pub(super) fn of(graph: &Graph) -> Self {
        let mut only: BTreeMap<IdentityId, bool> = BTreeMap::new();
        for grant in &graph.grants {
            if let Some(identity) = grant.identity {
                *only.entry(identity).or_insert(true) &= declared(&grant.permission) || looks(&grant.permission);
            }
        }
        for grant in &graph.role_grants {
            *only.entry(grant.identity).or_insert(true) &= grant.role.as_known().is_some_and(|r| AZURE.contains(&r.as_str()));
        }
        for undecided in graph.undecided.iter().filter(|u| u.kind == UndecidedKind::Permissions) {
            if let About::Identity(identity) = &undecided.about {
                only.insert(*identity, false);
            }
        }
        Self(only.into_iter().filter(|(_, only)| *only).map(|(identity, _)| identity).collect())
    }
}

/// Runs of pull requests in front of an identity that only reads are what the advice of the rule asks for.
pub(super) fn weigh(finding: Finding, identity: IdentityId, readers: &Readers) -> Finding {
    if finding.rule != RuleId::PullRequest || finding.severity != Severity::Medium || !readers.0.contains(&identity) {
        return finding;
    }
    let message = format!("{}; as far as the scan shows, it can only read", finding.message);
    Finding { message, ..finding }.severity(Severity::Low)
}

/// The ARN of a policy that the scan declares: what is in it stands beside it.
fn declared(permission: &Text) -> bool {
    cut::only_atom(permission)
        .and_then(|atom| atom.attribute_of())
        .is_some_and(|of| of.resource == "aws_iam_policy" && of.attribute == "arn")
}

fn looks(permission: &Text) -> bool {
    let Some(permission) = permission.as_known() else { return false };
    if let Some(role) = permission.strip_prefix("roles/") {
        return (role.ends_with("iewer") || role.ends_with("eader")) && !role.starts_with("iam.");
    }
    if let Some((_, policy)) = permission.split_once(":policy/") {
        let name = policy.rsplit('/').next().unwrap_or_default();
        return permission.starts_with("arn:aws:iam::aws:") && MANAGED.iter().any(|m| name.ends_with(m));
    }
    let Some((service, action)) = permission.split_once(':') else { return false };
    let secret = SECRETS.iter().any(|s| service.eq_ignore_ascii_case(s)) && action != "GetCallerIdentity"
        || SECRET_WORDS.iter().any(|word| action.contains(word));
    !secret && LOOKS.iter().any(|verb| action.starts_with(verb))
}

#[cfg(test)]
mod tests {
    use super::looks;
    use crate::partial::Text;

    #[test]
    fn what_looks_and_what_does_more() {
        for (permission, expected) in [
            ("s3:GetObject", true),
            ("s3:List*", true),
            ("ecr:BatchGetImage", true),
            ("sts:GetCallerIdentity", true),
            ("arn:aws:iam::aws:policy/ReadOnlyAccess", true),
            ("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", true),
            ("roles/storage.objectViewer", true),
            ("roles/artifactregistry.reader", true),
            ("s3:*", false),
            ("*", false),
            ("s3:PutObject", false),
            ("NotAction iam:*", false),
            ("secretsmanager:GetSecretValue", false),
            ("ssm:GetParameter", false),
            ("sts:AssumeRole", false),
            ("redshift:GetClusterCredentials", false),
            ("arn:aws:iam::aws:policy/PowerUserAccess", false),
            ("arn:aws:iam::111122223333:policy/OurReadOnlyAccess", false),
            ("roles/editor", false),
        ] {
            assert_eq!(looks(&Text::known(permission)), expected, "{permission}");
        }
    }
}
