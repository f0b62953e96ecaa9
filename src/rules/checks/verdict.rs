//! From an exposure to the rule that names it: the same for every cloud.

use super::wording;
use crate::admission::exposure::{Class, Exposure, family, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher, Test};
use crate::admission::search::{self, Candidate, Options};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::Origin;
use crate::issuers::{Role, Template};
use crate::place::Span;

use crate::partial::Trail;
use crate::rules::Finding;
use crate::rules::engine::Context;
use crate::token::Token;

/// What a verdict says, before a cloud adds its own words.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The rule.
    pub rule: RuleId,
    /// How bad.
    pub severity: Severity,
    /// The literal that is wrong.
    pub span: Option<Span>,
    /// The way it came.
    pub trail: Trail,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
    /// A token that shows it better than the exposure's.
    pub witness: Option<Token>,
}

impl Verdict {
    /// As a finding.
    #[must_use]
    pub fn finding(self, origin: &Origin, edge: &str, exposure: &Exposure) -> Finding {
        Finding::new(self.rule, origin, self.span, edge, self.message)
            .severity(self.severity)
            .help(self.help)
            .witness(self.witness.or_else(|| exposure.witness.clone()))
            .certain(exposure.certain)
            .along(&self.trail)
    }
}

/// Where the decisive literal of an exposure is: among the tests that let the witness in, the wildcard that leaves the
/// segment open, else the test that should have closed it, with the way it came.
#[must_use]
pub fn place(formula: &Formula, templates: &[Template], exposure: &Exposure, roles: &[Role]) -> (Option<Span>, Trail) {
    let names: Vec<&str> =
        templates.iter().flat_map(|t| t.segments.iter()).filter(|s| roles.contains(&s.role)).map(|s| s.name.as_str()).collect();
    let tests = shape::tests(formula);
    // "The claim is there" is what a mapping asks, not a gate.
    let gate = |t: &&Test| !matches!(t.matcher, Matcher::Present);
    let admitting: Vec<&Test> = exposure.admitting.iter().filter_map(|i| tests.get(*i)).map(|o| o.test).filter(gate).collect();
    // A policy with several values: only the loose one lets the witness in.
    if let Some(candidate) = admitting.iter().find_map(|t| open(t, templates, &names)) {
        return (candidate.open_at, candidate.trail);
    }
    if admitting.is_empty()
        && let Some(candidate) = names.iter().filter_map(|n| exposure.named.get(*n)).flatten().find(|c| c.open_at.is_some())
    {
        return (candidate.open_at, candidate.trail.clone());
    }
    let positive = || tests.iter().filter(|o| o.positive).map(|o| o.test).filter(gate);
    let of = |all: Vec<&Test>| -> Option<(Option<Span>, Trail)> {
        let binds = |t: &&&Test| shape::binds(t, templates);
        let starred = all.iter().filter(binds).chain(&all).find(|t| star(t).is_some());
        if let Some(test) = starred {
            return Some((star(test), test.trail.clone()));
        }
        all.iter().find(binds).map(|t| (t.span, t.trail.clone()))
    };
    let first = || tests.iter().map(|o| o.test).find(gate).or_else(|| tests.first().map(|o| o.test)).map(|t| (t.span, t.trail.clone()));
    of(admitting.clone()).or_else(|| of(positive().collect())).or_else(first).unwrap_or((None, None))
}

/// What one test leaves open of these segments.
fn open(test: &Test, templates: &[Template], names: &[&str]) -> Option<Candidate> {
    let formula = Formula::Test(Box::new(test.clone()));
    let options = Options::default();
    templates.iter().find_map(|t| {
        let said = search::literals_for_segment(&formula, t, &options);
        names.iter().filter_map(|n| said.get(*n)).flatten().find(|c| c.open_at.is_some()).cloned()
    })
}

/// The test of a claim that lets the witness in.
fn admitting<'f>(formula: &'f Formula, exposure: &Exposure, claim: &str) -> Option<&'f Test> {
    let tests = shape::tests(formula);
    let reads = |t: &Test| shape::claims(&t.subject).contains(claim);
    exposure.admitting.iter().filter_map(|i| tests.get(*i)).map(|o| o.test).find(|t| reads(t))
}

/// A reusable workflow that the policy names lets the witness in, whoever calls it.
#[must_use]
pub fn reusable(formula: &Formula, exposure: &Exposure) -> bool {
    let owner = exposure.segments.get("called_owner");
    let named = exposure.named.get("called_owner").into_iter().flatten();
    admitting(formula, exposure, "job_workflow_ref").is_some() && named.filter(|c| c.complete).any(|c| Some(&c.text) == owner)
}

/// A stranger gets in because he calls a reusable workflow that the policy names.
#[must_use]
pub fn any_caller(formula: &Formula, exposure: &Exposure) -> Option<Verdict> {
    if !reusable(formula, exposure) {
        return None;
    }
    let test = admitting(formula, exposure, "job_workflow_ref")?;
    Some(Verdict {
        rule: RuleId::ReusableWorkflowOnly,
        severity: Severity::High,
        span: test.span,
        trail: test.trail.clone(),
        message: "any caller of this reusable workflow is admitted: `job_workflow_ref` says which workflow runs, not for whom".to_owned(),
        help: "pin the callers too, at least by `repository_owner_id`".to_owned(),
        witness: None,
    })
}

/// The first wildcard of a test's pattern.
#[must_use]
pub fn star(test: &Test) -> Option<Span> {
    match &test.matcher {
        Matcher::Glob(parts) => parts.iter().find_map(|p| match p {
            GlobPart::Star(span) | GlobPart::One(span) => *span,
            GlobPart::Literal(_) => None,
        }),
        _ => None,
    }
}

/// The verdict for everything short of a foreign tenant; none for what is intended.
#[must_use]
pub fn inside(context: &Context<'_>, formula: &Formula, templates: &[Template], exposure: &Exposure, cluster: bool) -> Option<Verdict> {
    let segment = |names: &[&str]| names.iter().find_map(|n| exposure.segments.get(*n)).cloned().unwrap_or_default();
    let alike_named = |what: &str, named: &[&str], example: &[&str]| {
        let (begin, example) = wording::beginning(formula, exposure, named, example);
        format!("{what} whose name starts with `{begin}` is admitted, such as `{example}`")
    };
    let project = alike(exposure, templates, Role::Project);
    let workspace = ["workspace", "stack"].contains(&project);
    let (rule, severity, roles, message, help): (RuleId, Severity, &[Role], String, &str) = match exposure.class {
        Class::AnyNamespace => (
            RuleId::WildcardSubject,
            Severity::High,
            &[Role::Namespace],
            format!("a ServiceAccount of any namespace of the cluster is admitted, such as one of namespace `{}`", segment(&["namespace"])),
            "name the namespace and the ServiceAccount: `system:serviceaccount:NAMESPACE:NAME` under `StringEquals`",
        ),
        Class::NamespacePrefix => (
            RuleId::WildcardSubject,
            Severity::High,
            &[Role::Namespace],
            alike_named("every namespace", &["namespace"], &["namespace"]),
            "name the namespace and the ServiceAccount: `system:serviceaccount:NAMESPACE:NAME` under `StringEquals`",
        ),
        Class::AnyProject if cluster => (
            RuleId::WildcardSubject,
            Severity::Medium,
            &[Role::Project],
            "every ServiceAccount of the namespace is admitted, so anyone who may create a pod there obtains the identity".to_owned(),
            "name the ServiceAccount: `system:serviceaccount:NAMESPACE:NAME` under `StringEquals`",
        ),
        Class::AnyProject if reusable(formula, exposure) => return loose_workflow(formula, templates, exposure),
        Class::AnyProject if exposure.caller_chosen => (
            RuleId::AttackerChosenClaim,
            Severity::High,
            &[Role::CallerChosen],
            "within the tenant the only condition is caller-controlled (a session name, a workflow's name): every workload of the tenant is admitted"
                .to_owned(),
            "test what the caller cannot pick: the repository's id, the role's name up to its delimiter",
        ),
        Class::AnyProject => (
            RuleId::OrganizationWide,
            Severity::High,
            &[Role::Project],
            "every repository or project of the tenant is admitted, so a compromise of any of them yields the identity".to_owned(),
            "list the repositories that need the identity, each with its ref or environment",
        ),
        Class::ProjectPrefix => (
            RuleId::NamePrefix,
            match () {
                // In one namespace, names that a controller makes up behind a separator: Crossplane's documented `provider-aws-*`.
                () if cluster && family(&exposure.named, Role::Project, templates) => Severity::Low,
                () if cluster || workspace => Severity::Medium,
                () => Severity::High,
            },
            &[Role::Project],
            alike_named("everything", &[project], &[project]),
            "end the name with the delimiter that follows it in the subject, or compare exactly",
        ),
        Class::AnyRef => (
            RuleId::AnyRef,
            Severity::Medium,
            &[Role::Ref, Role::Project],
            format!(
                "any branch of the repository is admitted, so anyone who may push one obtains the identity without review{}",
                wording::beside_branches(context, formula, templates, exposure)
            ),
            "pin the branch (`…:ref:refs/heads/main`) or, better, an environment with a protection rule (`…:environment:production`)",
        ),
        Class::RefPrefix if family(&exposure.named, Role::Ref, templates) => return None,
        Class::RefPrefix => (
            RuleId::NamePrefix,
            Severity::Medium,
            &[Role::Ref],
            alike_named("every branch", &["branch"], &["branch", "ref"]),
            "compare the ref exactly, or end the prefix with `/` for a family of branches",
        ),
        Class::PullRequestTarget => (
            RuleId::RefClaimOnly,
            Severity::Medium,
            &[],
            "runs of `pull_request_target` are admitted: they carry the `ref` of the target branch, whatever the pull request changes".to_owned(),
            "test `sub`, or add `event_name == 'push'` or a protected environment",
        ),
        Class::TagAsBranch if !named_tag(exposure) => (
            RuleId::RefTypeConfusion,
            Severity::Low,
            &[Role::Ref],
            "runs of tags are admitted, too, when they say that they are of the branch: the type of the ref is left open".to_owned(),
            "pin the type of the ref: `ref_type:branch`, `refs/heads/…`",
        ),
        Class::TagAsBranch => (
            RuleId::RefTypeConfusion,
            Severity::Medium,
            &[Role::Ref],
            "a tag with the branch's name is admitted: the type of the ref is left open".to_owned(),
            "pin the type of the ref: `ref_type:branch`, `refs/heads/…`",
        ),
        Class::Preview => (
            RuleId::PullRequest,
            Severity::Low,
            &[Role::Environment],
            "previews and speculative plans are admitted beside the runs that change something: they run code of any branch or pull request before its review".to_owned(),
            "give previews an identity of their own that can only read, and pin this one to the production environment or the apply phase",
        ),
        Class::PullRequest => (
            RuleId::PullRequest,
            Severity::Medium,
            &[],
            "pull request runs are admitted, so code that was never reviewed runs as the identity".to_owned(),
            "give pull requests an identity of their own that can only read, or none",
        ),
        Class::AnyEnvironment => (
            RuleId::AnyEnvironment,
            Severity::High,
            &[Role::Environment],
            "every environment name is admitted, and anyone who may write a workflow can make up an unprotected one".to_owned(),
            "name the environment and protect it",
        ),
        Class::EnvironmentPrefix if family(&exposure.named, Role::Environment, templates) => return None,
        Class::EnvironmentPrefix => (
            RuleId::NamePrefix,
            Severity::Medium,
            &[Role::Environment],
            alike_named("every environment", &["environment"], &["environment"]),
            "name the environment exactly",
        ),
        Class::AnyTenant | Class::TenantPrefix | Class::Intended => return None,
    };
    let by_ref = (exposure.class == Class::PullRequestTarget).then(|| admitting(formula, exposure, "ref")).flatten();
    let (span, trail) = by_ref.map_or_else(|| place(formula, templates, exposure, roles), |test| (test.span, test.trail.clone()));
    let witness = if exposure.class == Class::AnyRef { wording::other_branch(context, formula, templates, exposure) } else { None };
    Some(Verdict { rule, severity, span, trail, message, help: help.to_owned(), witness })
}

/// The tag of the witness has a name that the policy has for its branch.
fn named_tag(exposure: &Exposure) -> bool {
    let Some(tag) = exposure.segments.get("tag") else { return true };
    exposure.named.values().flatten().any(|c| c.complete && c.text == *tag)
}

/// The segment of this role in which the witness extends a name of the policy.
fn alike<'t>(exposure: &Exposure, templates: &'t [Template], role: Role) -> &'t str {
    let extends = |name: &str| {
        let value = exposure.segments.get(name).map_or("", String::as_str);
        let named = exposure.named.get(name).into_iter().flatten().filter(|c| !c.text.is_empty());
        named.clone().all(|c| c.text != value) && named.clone().any(|c| value.starts_with(&c.text))
    };
    let names = templates.iter().flat_map(|t| t.segments.iter()).filter(|s| s.role == role).map(|s| s.name.as_str());
    names.clone().find(|name| extends(name)).or_else(|| names.clone().next()).unwrap_or_default()
}

/// The tenant is pinned, the callers of a reusable workflow are not: what platform teams mean, when its ref is pinned.
fn loose_workflow(formula: &Formula, templates: &[Template], exposure: &Exposure) -> Option<Verdict> {
    let pinned = exposure.named.get("called_ref").into_iter().flatten().any(|c| c.complete);
    if pinned {
        return None;
    }
    let test = admitting(formula, exposure, "job_workflow_ref")?;
    let at = open(test, templates, &["called_ref"]);
    Some(Verdict {
        rule: RuleId::ReusableWorkflowOnly,
        severity: Severity::Medium,
        span: at.as_ref().and_then(|c| c.open_at).or(test.span),
        trail: test.trail.clone(),
        message: "any ref of the reusable workflow is admitted, so anyone who may push a branch there decides what runs as the identity"
            .to_owned(),
        help: "pin the ref of the reusable workflow (`…/deploy.yml@refs/heads/main`, or a commit)".to_owned(),
        witness: None,
    })
}
