//! From an exposure to the rule that names it: the same for every cloud.

use crate::admission::exposure::{Class, Exposure, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher, Test};
use crate::graph::Origin;
use crate::issuers::{Role, Template};
use crate::rules::{Finding, Severity};
use crate::source::Span;
use crate::value::Trail;

/// What a verdict says, before a cloud adds its own words.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The rule.
    pub rule: &'static str,
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
}

impl Verdict {
    /// As a finding.
    #[must_use]
    pub fn finding(self, origin: &Origin, edge: &str, exposure: &Exposure) -> Finding {
        Finding::new(self.rule, origin, self.span, edge, self.message)
            .severity(self.severity)
            .help(self.help)
            .witness(exposure.witness.clone())
            .certain(exposure.certain)
            .along(&self.trail)
    }
}

/// Where the decisive literal of an exposure is: the wildcard that leaves the segment open, else the test that should
/// have closed it, with the way it came.
#[must_use]
pub fn place(formula: &Formula, templates: &[Template], exposure: &Exposure, roles: &[Role]) -> (Option<Span>, Trail) {
    let names: Vec<&str> =
        templates.iter().flat_map(|t| &t.segments).filter(|s| roles.contains(&s.role)).map(|s| s.name.as_str()).collect();
    let open = names.iter().filter_map(|n| exposure.named.get(*n)).flatten().find(|c| c.open_at.is_some());
    if let Some(candidate) = open {
        return (candidate.open_at, candidate.trail.clone());
    }
    let tests = shape::tests(formula);
    let positive = || tests.iter().filter(|o| o.positive).map(|o| o.test);
    let starred = positive().find(|t| star(t).is_some());
    if let Some(test) = starred {
        return (star(test), test.trail.clone());
    }
    let binding = positive().find(|t| shape::binds(t, templates)).or_else(|| tests.first().map(|o| o.test));
    binding.map_or((None, None), |t| (t.span, t.trail.clone()))
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
pub fn inside(formula: &Formula, templates: &[Template], exposure: &Exposure, cluster: bool) -> Option<Verdict> {
    let segment = |names: &[&str]| names.iter().find_map(|n| exposure.segments.get(*n)).cloned().unwrap_or_default();
    let named = |names: &[&str]| {
        let all = names.iter().find_map(|n| exposure.named.get(*n))?;
        let written = || all.iter().filter(|c| !c.text.is_empty());
        // The name that was left open is the one that somebody else's begins like.
        written().find(|c| !c.complete).or_else(|| written().next()).map(|c| c.text.clone())
    };
    let project = ["repository", "project", "workspace", "pipeline", "service_account", "role"];
    let (rule, severity, roles, message, help): (&str, Severity, &[Role], String, &str) = match exposure.class {
        Class::AnyNamespace => (
            "wildcard-subject",
            Severity::High,
            &[Role::Namespace],
            format!("a ServiceAccount of any namespace of the cluster gets in, such as one of namespace `{}`", segment(&["namespace"])),
            "name the namespace and the ServiceAccount: `system:serviceaccount:NAMESPACE:NAME` under `StringEquals`",
        ),
        Class::NamespacePrefix => (
            "wildcard-subject",
            Severity::High,
            &[Role::Namespace],
            format!(
                "every namespace whose name begins like `{}` gets in, such as `{}`",
                named(&["namespace"]).unwrap_or_default(),
                segment(&["namespace"])
            ),
            "name the namespace and the ServiceAccount: `system:serviceaccount:NAMESPACE:NAME` under `StringEquals`",
        ),
        Class::AnyProject if cluster => (
            "wildcard-subject",
            Severity::Medium,
            &[Role::Project],
            "every ServiceAccount of the namespace gets in, so whoever may create a pod there becomes the identity".to_owned(),
            "name the ServiceAccount: `system:serviceaccount:NAMESPACE:NAME` under `StringEquals`",
        ),
        Class::AnyProject => (
            "organization-wide",
            Severity::High,
            &[Role::Project],
            "every repository or project of the tenant gets in, so the weakest of them decides who becomes the identity".to_owned(),
            "list the repositories that need the identity, each with its ref or environment",
        ),
        Class::ProjectPrefix => (
            "name-prefix",
            if cluster { Severity::Medium } else { Severity::High },
            &[Role::Project],
            format!("everything whose name begins like `{}` gets in, such as `{}`", named(&project).unwrap_or_default(), segment(&project)),
            "end the name with the delimiter that follows it in the subject, or compare exactly",
        ),
        Class::AnyRef => (
            "any-ref",
            Severity::Medium,
            &[Role::Ref, Role::Project],
            "every branch, tag and event of the repository gets in, so whoever may push a branch becomes the identity without review"
                .to_owned(),
            "pin the branch (`…:ref:refs/heads/main`) or, better, an environment with a protection rule (`…:environment:production`)",
        ),
        Class::RefPrefix if family(exposure, Role::Ref, templates) => return None,
        Class::RefPrefix => (
            "name-prefix",
            Severity::Medium,
            &[Role::Ref],
            format!(
                "every branch whose name begins like `{}` gets in, such as `{}`",
                named(&["branch"]).unwrap_or_default(),
                segment(&["branch", "ref"])
            ),
            "compare the ref exactly, or end the prefix with `/` for a family of branches",
        ),
        Class::PullRequest => (
            "pull-request",
            Severity::Medium,
            &[],
            "pull request runs get in, so code that nobody has reviewed runs as the identity".to_owned(),
            "give pull requests an identity of their own that can only read, or none",
        ),
        Class::AnyEnvironment => (
            "any-environment",
            Severity::High,
            &[Role::Environment],
            "every environment name gets in, and whoever may write a workflow can make up an unprotected one".to_owned(),
            "name the environment and protect it",
        ),
        Class::EnvironmentPrefix if family(exposure, Role::Environment, templates) => return None,
        Class::EnvironmentPrefix => (
            "name-prefix",
            Severity::Medium,
            &[Role::Environment],
            format!(
                "every environment whose name begins like `{}` gets in, such as `{}`",
                named(&["environment"]).unwrap_or_default(),
                segment(&["environment"])
            ),
            "name the environment exactly",
        ),
        Class::AnyTenant | Class::TenantPrefix | Class::Intended => return None,
    };
    let (span, trail) = place(formula, templates, exposure, roles);
    Some(Verdict { rule, severity, span, trail, message, help: help.to_owned() })
}

/// The named prefix ends with a separator: a family of names is meant.
fn family(exposure: &Exposure, role: Role, templates: &[Template]) -> bool {
    let names = templates.iter().flat_map(|t| &t.segments).filter(|s| s.role == role).map(|s| s.name.as_str());
    let open: Vec<_> = names.filter_map(|n| exposure.named.get(n)).flatten().filter(|c| !c.complete).collect();
    !open.is_empty() && open.iter().all(|c| c.text.ends_with(['/', '-', '_', '.']))
}
