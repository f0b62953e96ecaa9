//! The shape of a trust's gate: which tests it makes, of what, and which of them change anything.

use super::super::formula::{Formula, GlobPart, Matcher, Subject, Test};
use super::super::search::{self, HoleMode, Options, Outcome};
use crate::issuers::template::{pointer, root};
use crate::issuers::{ClaimPart, Role, Template};
use std::collections::BTreeSet;

/// A test in its place.
#[derive(Debug, Clone, Copy)]
pub struct Occurrence<'a> {
    /// The test.
    pub test: &'a Test,
    /// It stands under an even number of negations.
    pub positive: bool,
}

/// Every test of a formula, in order.
#[must_use]
pub fn tests(formula: &Formula) -> Vec<Occurrence<'_>> {
    fn walk<'a>(formula: &'a Formula, positive: bool, out: &mut Vec<Occurrence<'a>>) {
        match formula {
            Formula::Constant(..) => {}
            Formula::Test(test) => out.push(Occurrence { test, positive }),
            Formula::Not(inner) => walk(inner, !positive, out),
            Formula::Deferred(deferred) => walk(&deferred.searched, positive, out),
            Formula::All(all) | Formula::Any(all) => all.iter().for_each(|f| walk(f, positive, out)),
        }
    }
    let mut out = Vec::new();
    walk(formula, true, &mut out);
    out
}

/// The claims that a subject reads.
#[must_use]
pub fn claims(subject: &Subject) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    let mut open = vec![subject];
    while let Some(subject) = open.pop() {
        match subject {
            Subject::Claim(name) | Subject::AnyItem(name) => {
                out.insert(name.clone());
            }
            Subject::Concat(all) => open.extend(all),
            Subject::Member(of, _) | Subject::Lower(of) | Subject::Upper(of) => open.push(of),
            Subject::Extract { of, .. } | Subject::Split { of, .. } | Subject::Replace { of, .. } => open.push(of),
            Subject::Literal(_) | Subject::Segment(_) => {}
        }
    }
    out
}

/// The claims that a formula reads, to test them or to hold others against them.
#[must_use]
pub fn read(formula: &Formula) -> BTreeSet<String> {
    let tested = tests(formula).into_iter().flat_map(|o| claims(&o.test.subject));
    tested.chain(search::deferred::claims(formula).into_iter().map(str::to_owned)).collect()
}

/// Whether a subject reads this claim of a template, or this member of an object claim.
#[must_use]
pub fn reads(subject: &Subject, name: &str) -> bool {
    match subject {
        Subject::Claim(claim) | Subject::AnyItem(claim) => *claim == root(name),
        Subject::Member(of, key) => match path(of) {
            Some(mut all) => {
                all.push(key);
                let own = pointer(&all);
                name == own || name.strip_prefix(&own).is_some_and(|rest| rest.starts_with('/'))
            }
            None => reads(of, name),
        },
        Subject::Concat(all) => all.iter().any(|s| reads(s, name)),
        Subject::Lower(of) | Subject::Upper(of) => reads(of, name),
        Subject::Extract { of, .. } | Subject::Split { of, .. } | Subject::Replace { of, .. } => reads(of, name),
        Subject::Literal(_) | Subject::Segment(_) => false,
    }
}

/// The way to a member: `["kubernetes.io", "namespace"]`.
fn path(subject: &Subject) -> Option<Vec<&str>> {
    match subject {
        Subject::Claim(name) => Some(vec![name]),
        Subject::Member(of, key) => {
            let mut all = path(of)?;
            all.push(key);
            Some(all)
        }
        _ => None,
    }
}

/// The member of an object that a subject reads and no template has, as `kubernetes.io.ns`. What is documented without a value
/// to mint is `listed` by its JSON Pointer.
#[must_use]
pub fn unlisted_member(subject: &Subject, templates: &[Template], listed: &dyn Fn(&str) -> bool) -> Option<String> {
    match subject {
        Subject::Member(of, key) => {
            let mut all = path(of)?;
            all.push(key);
            let objects = pointer(all.get(..1)?) + "/";
            let own = pointer(&all);
            let has = |name: &str| name == own || name.strip_prefix(&own).is_some_and(|rest| rest.starts_with('/'));
            let names = || templates.iter().flat_map(|t| t.claims.iter()).map(|(name, _)| name.as_str());
            (names().any(|name| name.starts_with(&objects)) && !names().any(has) && !listed(&own)).then(|| all.join("."))
        }
        Subject::Concat(all) => all.iter().find_map(|s| unlisted_member(s, templates, listed)),
        Subject::Lower(of) | Subject::Upper(of) => unlisted_member(of, templates, listed),
        Subject::Extract { of, .. } | Subject::Split { of, .. } | Subject::Replace { of, .. } => unlisted_member(of, templates, listed),
        Subject::Claim(_) | Subject::AnyItem(_) | Subject::Literal(_) | Subject::Segment(_) => None,
    }
}

/// What the templates have beside a member that they lack (`kubernetes.io.ns`), for people.
#[must_use]
pub fn members(lacking: &str, templates: &[Template]) -> String {
    let names = templates.iter().flat_map(|t| t.claims.iter()).filter(|(name, _)| name.starts_with('/')).map(|(name, _)| name.as_str());
    let of = |name: &&str| {
        let mut parts = name.split('/').skip(1);
        parts.next().is_some_and(|object| lacking.strip_prefix(object).is_some_and(|rest| rest.starts_with('.')))
    };
    let all: BTreeSet<&str> = names.filter(of).filter_map(|name| name.splitn(3, '/').nth(2)).collect();
    all.into_iter().map(|name| format!("`{}`", name.replace('/', "."))).collect::<Vec<_>>().join(", ")
}

/// What the positive tests spell, in lower case: whole words of it are names that somebody had in mind.
#[must_use]
pub fn spelled(formula: &Formula) -> Vec<String> {
    let mut out = Vec::new();
    for occurrence in tests(formula).iter().filter(|o| o.positive) {
        match &occurrence.test.matcher {
            Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) | Matcher::Prefix(t) | Matcher::Suffix(t) | Matcher::Contains(t) => {
                out.push(t.fill(|_| String::new()).to_ascii_lowercase());
            }
            Matcher::Glob(parts) => {
                let literal = |p: &GlobPart| match p {
                    GlobPart::Literal(t) => t.fill(|_| String::new()).to_ascii_lowercase(),
                    GlobPart::Star(_) | GlobPart::One(_) => "*".to_owned(),
                };
                out.push(parts.iter().map(literal).collect());
            }
            Matcher::Regex(pattern) => out.push(pattern.to_ascii_lowercase()),
            Matcher::Present | Matcher::Size(..) | Matcher::Order(..) => {}
        }
    }
    out
}

/// The roles of the segments that a test can see.
#[must_use]
pub fn roles(test: &Test, templates: &[Template]) -> BTreeSet<u8> {
    let mut out = BTreeSet::new();
    for template in templates {
        for (_, parts) in template.claims.iter().filter(|(name, _)| reads(&test.subject, name)) {
            for part in parts {
                if let ClaimPart::Segment(index) = part
                    && let Some(segment) = template.segments.get(*index)
                {
                    out.insert(rank(segment.role));
                }
            }
        }
    }
    out
}

fn rank(role: Role) -> u8 {
    role as u8
}

/// True when a segment of this role stands in what the test reads.
#[must_use]
pub fn sees(test: &Test, templates: &[Template], role: Role) -> bool {
    roles(test, templates).contains(&rank(role))
}

/// True when the test sees who the tenant is (the namespace or workload for an issuer that is one tenant's own).
#[must_use]
pub fn binds(test: &Test, templates: &[Template]) -> bool {
    let binding = [Role::Tenant, Role::TenantId, Role::ProjectId, Role::Namespace, Role::Project];
    let seen = roles(test, templates);
    let tenants = templates.iter().flat_map(|t| t.segments.iter()).any(|s| matches!(s.role, Role::Tenant | Role::TenantId));
    binding.iter().filter(|r| !tenants || !matches!(r, Role::Project | Role::Namespace)).any(|r| seen.contains(&rank(*r)))
}

/// The formula with every test for which `drop` holds replaced by "true" where it stands positively, "false" elsewhere:
/// the gate as it would be without those tests.
#[must_use]
pub fn without(formula: &Formula, drop: &dyn Fn(&Test) -> bool) -> Formula {
    fn walk(formula: &Formula, positive: bool, drop: &dyn Fn(&Test) -> bool) -> Formula {
        match formula {
            Formula::Test(test) if drop(test) => {
                if positive {
                    Formula::TRUE
                } else {
                    Formula::FALSE
                }
            }
            Formula::Constant(..) | Formula::Test(_) => formula.clone(),
            Formula::Not(inner) => Formula::Not(Box::new(walk(inner, !positive, drop))),
            Formula::Deferred(deferred) if tests(&deferred.searched).iter().any(|o| drop(o.test)) => {
                walk(&deferred.searched, positive, drop)
            }
            Formula::Deferred(_) => formula.clone(),
            Formula::All(all) => Formula::All(all.iter().map(|f| walk(f, positive, drop)).collect()),
            Formula::Any(all) => Formula::Any(all.iter().map(|f| walk(f, positive, drop)).collect()),
        }
    }
    walk(formula, true, drop)
}

/// Proved: dropping these tests lets nobody more in.
#[must_use]
pub fn vacuous(formula: &Formula, templates: &[Template], drop: &dyn Fn(&Test) -> bool) -> bool {
    let more = Formula::All(vec![without(formula, drop), Formula::Not(Box::new(formula.clone()))]);
    let options = Options { holes: HoleMode::Any };
    matches!(search::search(&more, templates, &options), Outcome::Proof)
}
