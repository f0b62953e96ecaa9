//! Principals of AWS accounts: who of them can assume the role, decided by the same search as the tokens of an issuer
//! (account = tenant, role or user = project, session name, tags, external id = the caller's choice).

use super::RoleTrust;
use crate::admission::exposure::{Class, Exposure, Reachability, segment_is, spelled};
use crate::admission::formula::{Formula, Matcher, Subject, Test};
use crate::admission::iam::{self, Effect, PrincipalKind, PrincipalRef};
use crate::catalogue::{RuleId, Severity};
use crate::gate::principals::{PrincipalView, WHO, read};
use crate::issuers::{Role, Template};
use crate::partial::{Text, Trail};
use crate::place::Span;
use crate::rules::Finding;
use crate::token::{Token, Truth};
use std::sync::Arc;

/// The segment of the templates that names an account.
const ACCOUNT: &str = "account";
/// The segment for the part of AWS that the account is in.
const PARTITION: &str = "partition";
/// Most conditions that a message names.
const MAX_NAMED: usize = 3;

fn view(subject: &RoleTrust<'_>, index: usize) -> Option<PrincipalView> {
    PrincipalView::of(subject.context.registry, subject.policy, index)
}

/// Who can assume the role; `likely` where it takes a test that depends on the request.
fn exposure(subject: &RoleTrust<'_>, view: &PrincipalView) -> Result<Exposure, String> {
    subject.context.exposed(&view.formula, &view.templates).or_else(|why| {
        let lenient = subject.context.exposed(&view.lenient, &view.templates).map_err(|_| why)?;
        Ok(Exposure { certain: false, ..lenient })
    })
}

/// `"AWS": "*"` without a condition that some account could not meet.
pub(super) fn public(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let everyone = |p: &PrincipalRef| {
        let all = p.kind == PrincipalKind::Everyone || (p.kind == PrincipalKind::Aws && p.text.as_known().as_deref() == Some("*"));
        all && p.effect == Effect::Allow && !p.negated
    };
    let mut findings = Vec::new();
    for principal in iam::principals(subject.policy).into_iter().filter(everyone) {
        let Some(view) = view(subject, principal.statement) else { continue };
        match exposure(subject, &view) {
            Ok(exposure) if matches!(exposure.class, Class::AnyTenant | Class::TenantPrefix) => {
                findings.push(strangers(subject, &principal, &view, &exposure));
                break;
            }
            Ok(_) => {}
            Err(why) => open(subject, &view, why),
        }
    }
    findings
}

/// Notes what was not decided, unless it is proved that no principal at all can assume the role.
fn open(subject: &RoleTrust<'_>, view: &PrincipalView, why: String) {
    if matches!(subject.context.reachability(&view.formula, &view.templates), Reachability::Unreachable) {
        return;
    }
    let origin = &subject.trust.origin;
    subject.context.record_undecided(origin.span, format!("whether any AWS account can assume `{}` was not decided: {why}", origin.name));
}

fn strangers(subject: &RoleTrust<'_>, principal: &PrincipalRef, view: &PrincipalView, exposure: &Exposure) -> Finding {
    let statement = subject.policy.statements.get(principal.statement);
    let tests: Vec<String> = statement.map(|s| s.conditions.iter().map(|c| format!("`{}`", c.label())).collect()).unwrap_or_default();
    let named = tests.iter().take(MAX_NAMED).cloned().collect::<Vec<_>>().join(", ");
    let secret = takes_the_external_id(subject, view, exposure);
    let why = match tests.as_slice() {
        [] => "no condition narrows it".to_owned(),
        _ if secret => "the external id is the only thing that is asked for, and AWS does not treat it as a secret".to_owned(),
        [_] => format!("the condition {named} is one that a caller of any account can meet"),
        _ => format!("the conditions ({named}) are such that a caller of any account can meet them"),
    };
    let refused = match principal.kind {
        PrincipalKind::Everyone => "; IAM refuses `\"Principal\": \"*\"` in a trust policy, `{\"AWS\": \"*\"}` it takes",
        _ => "",
    };
    let message = format!("any AWS account can assume this role: `*` matches every principal, and {why}{refused}");
    let mut finding = Finding::new(RuleId::PublicPrincipal, &subject.trust.origin, principal.span, "aws", message)
        .severity(if secret { Severity::High } else { Severity::Critical })
        .help("name the accounts or roles; where any account of an organisation is meant, add `StringEquals` on `aws:PrincipalOrgID`")
        .witness(exposure.witness.clone().map(|token| told(token, view)))
        .certain(exposure.certain)
        .along_text(&principal.text);
    for test in statement.into_iter().flat_map(|s| &s.conditions) {
        finding = finding.related(test.key.span().or(test.span), "a caller of any account can meet this");
    }
    finding
}

/// The witness with who the caller is and the keys that the policy reads.
fn told(mut token: Token, view: &PrincipalView) -> Token {
    let read = read(&view.formula);
    token.claims.retain(|key, _| read.contains(key) || WHO.contains(&key.as_str()));
    token
}

/// Strangers need an external id that the policy names, and nothing else.
fn takes_the_external_id(subject: &RoleTrust<'_>, view: &PrincipalView, exposure: &Exposure) -> bool {
    let key = iam::EXTERNAL_ID.to_lowercase();
    let ids: Vec<Formula> =
        exposure.named.get(&key).into_iter().flatten().filter(|c| c.complete).map(|c| segment(&key, Text::known(&c.text))).collect();
    if ids.is_empty() {
        return false;
    }
    let account = exposure.segments.get(ACCOUNT).cloned().unwrap_or_default();
    let formula = if exposure.certain { &view.formula } else { &view.lenient };
    let without = Formula::All(vec![formula.clone(), segment(ACCOUNT, Text::known(account)), Formula::Any(ids).negate()]);
    matches!(subject.context.reachability(&without, &view.templates), Reachability::Unreachable)
}

fn segment(name: &str, value: Text) -> Formula {
    Formula::Test(Box::new(Test {
        subject: Subject::Segment(name.to_owned()),
        matcher: Matcher::Exact(value),
        absent: Truth::False,
        span: None,
        trail: None,
        label: format!("segment {name}"),
        origin: crate::admission::formula::TestOrigin::Condition,
    }))
}

/// Whether a role or user of the account, with nothing about it but the account, can assume the role by the statement that
/// names the account: who, and whether that is certain.
pub(super) fn anybody_of(subject: &RoleTrust<'_>, principal: &PrincipalRef, account: Option<&String>) -> Option<(Token, bool)> {
    let view = view(subject, principal.statement)?;
    let people = view.templates.iter().filter(|t| t.segments.iter().any(|s| s.role == Role::Project));
    let plain: Vec<Template> = people.map(|t| nondescript(t, account)).collect();
    let found = |formula: &Formula| match subject.context.reachability(formula, &plain) {
        Reachability::Reachable(token) => Some(told(*token, &view)),
        Reachability::Unreachable | Reachability::Undecided => None,
    };
    found(&view.formula).map(|token| (token, true)).or_else(|| found(&view.lenient).map(|token| (token, false)))
}

/// Somebody of an account that a statement spells.
pub(super) struct Somebody {
    pub(super) account: String,
    /// Where the account is written.
    pub(super) span: Option<Span>,
    pub(super) trail: Trail,
    /// The caller.
    pub(super) token: Token,
    pub(super) certain: bool,
}

/// The accounts that a statement spells and whose principals can assume the role by it, each with one who can.
pub(super) fn of_accounts(subject: &RoleTrust<'_>, index: usize) -> Vec<Somebody> {
    let Some(statement) = subject.policy.statements.get(index).filter(|s| s.effect == Effect::Allow) else { return Vec::new() };
    if !statement.principals.items.iter().any(|p| matches!(p.kind, PrincipalKind::Aws | PrincipalKind::Everyone)) {
        return Vec::new();
    }
    let Some(view) = view(subject, index) else { return Vec::new() };
    let named = spelled(&view.formula, &subject.context.shared.templates(&view.templates));
    let mut out: Vec<Somebody> = Vec::new();
    for candidate in named.get(ACCOUNT).into_iter().flatten().filter(|c| c.complete && !c.text.is_empty()) {
        if out.iter().any(|known| known.account == candidate.text) {
            continue;
        }
        let found = |formula: &Formula| match subject
            .context
            .reachability(&Formula::All(vec![formula.clone(), segment_is(ACCOUNT, &candidate.text)]), &view.templates)
        {
            Reachability::Reachable(token) => Some(told(*token, &view)),
            Reachability::Unreachable | Reachability::Undecided => None,
        };
        let sure = found(&view.formula).map(|token| (token, true));
        let Some((token, certain)) = sure.or_else(|| found(&view.lenient).map(|token| (token, false))) else { continue };
        let (account, span, trail) = (candidate.text.clone(), candidate.span, candidate.trail.clone());
        out.push(Somebody { account, span, trail, token, certain });
    }
    out
}

/// The template with every name, tag and choice fixed to its first sample, which no policy has in mind, and with the account.
fn nondescript(template: &Template, account: Option<&String>) -> Template {
    let mut out = template.clone();
    for segment in Arc::make_mut(&mut out.segments).iter_mut() {
        let value = match segment.name.as_str() {
            ACCOUNT => account.cloned(),
            PARTITION => None,
            _ => segment.samples.first().cloned(),
        };
        if let Some(value) = value {
            segment.alphabet = regex::escape(&value);
            segment.samples = vec![value];
        }
    }
    out
}

/// A statement that names principals none of whom can ever meet its conditions.
pub(super) fn unreachable(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, statement) in subject.policy.statements.iter().enumerate() {
        let items = &statement.principals.items;
        let known = |p: &iam::Principal| {
            let text = p.leaf.text().and_then(Text::as_known);
            let named = p.kind == PrincipalKind::Aws && text.is_some_and(|t| t != "*" && (t.starts_with("arn:") || t.len() == 12));
            named && p.leaf.text().is_some_and(|t| iam::malformed(p.kind, t).is_none())
        };
        // What a default leaves empty is no test that somebody meant.
        let mut values = statement.conditions.iter().flat_map(|c| c.values.leaves()).flat_map(|l| &l.choices);
        let empty = values.any(|t| t.as_known().is_some_and(|t| t.is_empty()));
        let whole =
            !empty && statement.principals.why_open().is_none() && !statement.principals.negated && statement.open_conditions.is_none();
        if statement.effect != Effect::Allow || statement.conditions.is_empty() || items.is_empty() || !whole || !items.iter().all(known) {
            continue;
        }
        let Some(view) = view(subject, index).filter(|v| !matches!(v.formula, Formula::Constant(..))) else { continue };
        let alone = unconditioned(subject, index);
        let reachable =
            |view: &PrincipalView| !matches!(subject.context.reachability(&view.formula, &view.templates), Reachability::Unreachable);
        // Without its conditions somebody could: the conditions are what refuses.
        if reachable(&view)
            || !alone.is_some_and(|v| matches!(subject.context.reachability(&v.formula, &v.templates), Reachability::Reachable(_)))
        {
            continue;
        }
        let Some(test) = statement.conditions.first() else { continue };
        let named = statement.conditions.iter().take(MAX_NAMED).map(|c| format!("`{}`", c.label())).collect::<Vec<_>>().join(", ");
        let leaf = test.values.leaves().next().and_then(|l| l.text().and_then(Text::span).or(l.span));
        let message = format!("no principal that the statement names can ever satisfy {named}: no principal can assume the role by it");
        findings.push(
            Finding::new(RuleId::NeverMatches, &subject.trust.origin, leaf.or(test.span), &statement.name(index), message)
                .help("test what the named principals have: `aws:PrincipalArn` with an ARN of the same account, `sts:ExternalId`, `aws:PrincipalOrgID`"),
        );
    }
    findings
}

/// The view of a statement as it would be without its conditions.
fn unconditioned(subject: &RoleTrust<'_>, index: usize) -> Option<PrincipalView> {
    let mut policy = subject.policy.clone();
    policy.statements.get_mut(index)?.conditions.clear();
    PrincipalView::of(subject.context.registry, &policy, index)
}
