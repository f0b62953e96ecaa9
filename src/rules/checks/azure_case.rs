//! Subjects that differ from the repository that Terraform declares only in their letters: Entra compares exactly
//! (AADSTS7002138, <https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>).

use super::super::engine::Context;
use super::super::finding::Finding;
use crate::catalogue::RuleId;
use crate::graph::{Gate, Repository, Trust};

/// Every finding about letters, and credentials that name no audience.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = context.graph.trusts.iter().filter_map(|trust| case(context, trust)).collect();
    for origin in &context.graph.without_audience {
        let message = "Entra refuses the credential: it names no audience, and issuer, subject and audience are all required";
        let finding = Finding::new(RuleId::RejectedPolicy, origin, None, "no audience", message);
        findings.push(finding.help("write `audiences = [\"api://AzureADTokenExchange\"]`"));
    }
    findings
}

fn case(context: &Context<'_>, trust: &Trust) -> Option<Finding> {
    let Gate::AzureCredential { subject: Some(subject), .. } = &trust.gate else { return None };
    let known = subject.as_known()?;
    let (owner, name) = repository(&known)?;
    let mut near: Option<&Repository> = None;
    for repository in &context.graph.repositories {
        let own = repository.name.as_known()?;
        let owners = repository.owner.as_deref().is_none_or(|o| o.eq_ignore_ascii_case(owner));
        if !owners || !own.eq_ignore_ascii_case(name) {
            continue;
        }
        if own == name && repository.owner.as_deref().is_none_or(|o| o == owner) {
            return None;
        }
        near = Some(repository);
    }
    let near = near?;
    let wanted = format!("{}/{}", near.owner.as_deref().unwrap_or(owner), near.name);
    let message = format!(
        "the repository is `{wanted}`, and the subject names `{owner}/{name}`: letters count, so no token can ever satisfy this trust"
    );
    let finding = Finding::new(RuleId::SubjectCase, &trust.origin, subject.span(), "case", message);
    let finding = finding.help(format!("write the subject with `{wanted}`")).along_text(subject);
    Some(finding.related_to(near.origin.span, "the repository is declared here"))
}

/// Owner and name in `repo:OWNER/NAME:…`, without their ids.
fn repository(subject: &str) -> Option<(&str, &str)> {
    let (path, _) = subject.strip_prefix("repo:")?.split_once(':')?;
    let (owner, name) = path.split_once('/')?;
    Some((owner.split('@').next()?, name.split('@').next()?))
}

#[cfg(test)]
mod tests {
    use super::repository;

    #[test]
    fn a_repository_is_named_by_owner_and_name_without_their_ids() {
        for subject in ["repo:Acme/app:ref:refs/heads/main", "repo:Acme@7001/app@7002:ref:refs/heads/main"] {
            assert_eq!(repository(subject), Some(("Acme", "app")), "{subject}");
        }
        for other in ["repo:Acme/app", "repo:Acme:x", "project_path:acme/app:ref", ""] {
            assert_eq!(repository(other), None, "{other}");
        }
    }
}
