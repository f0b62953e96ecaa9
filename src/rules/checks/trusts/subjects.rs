//! What CI jobs are told apart by: templates of subjects that leave the repository out, environments that nothing protects.

use super::{Context, Way};
use crate::admission::exposure::{Class, Exposure, Reachability, minimal};
use crate::catalogue::{RuleId, Severity};
use crate::graph::{Environment, SubjectFormat, SubjectKeys, Trust};
use crate::issuers::{Family, Role, Template};
use crate::partial::Text;
use crate::place::Span;
use crate::rules::Finding;
use crate::token::Token;
use std::sync::Arc;

/// Claims that only one repository has (<https://docs.github.com/en/actions/reference/security/oidc>).
const REPOSITORY: [&str; 4] = ["repo", "repository", "repository_id", "workflow_ref"];
/// Claims that only one owner has.
const OWNER: [&str; 4] = ["repository_owner", "repository_owner_id", "enterprise", "enterprise_id"];
/// The reusable workflow that a job runs: platform teams trust it whoever calls it, as GitHub documents.
const CALLED: &str = "job_workflow_ref";

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    context.graph.subject_formats.iter().filter_map(weak).collect()
}

/// Jobs of several repositories have the same subject.
fn weak(format: &SubjectFormat) -> Option<Finding> {
    let SubjectKeys::These(keys) = &format.keys else { return None };
    let has = |names: &[&str]| keys.iter().any(|k| names.contains(&k.as_str()));
    if format.family != Family::Github || has(&REPOSITORY) {
        return None;
    }
    let called = has(&[CALLED]);
    let (severity, who) = match (has(&OWNER), called) {
        (_, true) => (Severity::Low, "every repository that calls the reusable workflow"),
        (true, false) => (Severity::Medium, "every repository of the owner"),
        (false, false) => (Severity::High, "repositories of anybody who customises theirs in the same way"),
    };
    let listed = keys.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    let message = format!("the subject is made of {listed} and not of the repository: jobs of {who} have the same subject");
    let finding = Finding::new(RuleId::WeakSubjectTemplate, &format.origin, None, "template", message);
    let mut witness = Token::default();
    witness.set("sub", keys.iter().map(|k| format!("{k}:{}", sample(k))).collect::<Vec<_>>().join(":"));
    for key in keys.iter().filter(|key| *key != "context") {
        witness.set(key, sample(key));
    }
    witness.set("repository", if has(&OWNER) { "your-org/another-repository" } else { "somebody-else/repository" });
    Some(finding.severity(severity).help("add `repo` (and `context`) to the claims, or `repository_id`").witness(Some(witness)))
}

/// A value that a job of another repository can have.
fn sample(claim: &str) -> &'static str {
    match claim {
        "environment" => "production",
        "ref" | "context" => "refs/heads/main",
        "repository_owner" => "your-org",
        _ => "…",
    }
}

/// The trust names an environment, and its declaration lets every branch deploy to it.
pub(super) fn unprotected(context: &Context<'_>, trust: &Trust, way: &Way<'_>, exposure: &Exposure) -> Option<Finding> {
    let intended = exposure.class == Class::Intended;
    if !intended || context.graph.environments.is_empty() || way.recognised.issuer.family != Some(Family::Github) {
        return None;
    }
    let only = |role: Role| -> Option<(String, Option<Span>)> {
        let names = way.templates.iter().flat_map(|t| t.segments.iter()).filter(|s| s.role == role).map(|s| &s.name);
        let mut found = names.filter_map(|n| exposure.named.get(n)).flatten();
        let first = found.next().filter(|c| c.complete)?;
        found.all(|c| c.text == first.text).then(|| (first.text.clone(), first.span))
    };
    let ((environment, span), (repository, _)) = (only(Role::Environment)?, only(Role::Project)?);
    let same = |e: &&Environment| {
        let name = e.repository.as_ref().and_then(Text::as_known);
        let name = name.as_deref().map(|n| n.rsplit('/').next().unwrap_or(n));
        e.name.as_known().is_some_and(|n| n.eq_ignore_ascii_case(&environment)) && name.is_some_and(|n| n.eq_ignore_ascii_case(&repository))
    };
    let declared: Vec<&Environment> = context.graph.environments.iter().filter(same).collect();
    // Where the branch is pinned as well, the environment keeps nobody out that it would have to.
    let elsewhere: Vec<Template> = way.templates.iter().map(on_another_branch).collect();
    let Reachability::Reachable(token) = context.reachability(&way.formula, &elsewhere) else { return None };
    let mut witness = minimal(&token, &way.formula);
    if let Some(branch) = token.string("ref") {
        witness.set("ref", branch);
    }
    let first = declared.first().filter(|_| declared.iter().all(|e| e.protected == Some(false)))?;
    let message = format!(
        "the trust relies on the environment `{environment}` of `{repository}`, which has no reviewers and takes every branch: any branch that somebody pushes there obtains the identity"
    );
    let finding = Finding::new(RuleId::UnprotectedEnvironment, &trust.origin, span, &environment, message);
    let finding = finding.certain(way.certain).related_to(first.origin.span, "the environment is declared here");
    Some(finding.witness(Some(witness)).help("add `reviewers` or a `deployment_branch_policy` to the environment"))
}

/// The tokens of a branch that no policy names.
fn on_another_branch(template: &Template) -> Template {
    const BRANCH: &str = "somebodys-branch";
    let mut out = template.clone();
    for segment in Arc::make_mut(&mut out.segments).iter_mut().filter(|s| s.role == Role::Ref) {
        BRANCH.clone_into(&mut segment.alphabet);
        segment.samples = vec![BRANCH.to_owned()];
    }
    out
}
