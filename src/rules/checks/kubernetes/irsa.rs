//! IAM roles for ServiceAccounts: the annotation asks for a role whose trust has to let the ServiceAccount in
//! (<https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html>).

use super::{Account, Context, equal};
use crate::admission::exposure::{Reachability, reachability, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher, Subject, Test};
use crate::admission::iam::{self, Effect, Policy, PrincipalKind};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::gate::aws;
use crate::graph::addresses;
use crate::graph::{AWS_ROLE, Gate, Identity, IdentityId, IdentityKind, Trust};
use crate::issuers::Template;

use crate::partial::{Text, cut};
use crate::rules::Finding;
use crate::token::Truth;

/// The audience of the token that the EKS webhook projects unless an annotation says another.
const AUDIENCE: &str = "sts.amazonaws.com";
const POD_IDENTITY: &str = "pods.eks.amazonaws.com";

/// What a trust does with the ServiceAccount's token.
enum Answer<'a> {
    /// It gets in, or that is not decided.
    Maybe,
    /// It does not: which claim fails, and the first test that refuses it.
    Refused { claim: &'static str, test: Option<Box<Test>>, trust: &'a Trust, pod_identity: bool },
}

/// The annotation names a role that is declared here and whose trust does not let the ServiceAccount in.
pub(super) fn annotation(context: &Context<'_>, account: &Account<'_>) -> Option<Finding> {
    let arn = account.aws_role.filter(|_| !account.open)?;
    let roles: Vec<(IdentityId, &Identity)> = roles(context, account);
    let mut refused = None;
    for (id, role) in &roles {
        match ask(context, account, *id) {
            Answer::Maybe => return None,
            answer @ Answer::Refused { .. } => refused = refused.or(Some((*role, answer))),
        }
    }
    let Some((role, Answer::Refused { claim, test, trust, pod_identity })) = refused else { return without_path(context, account, arn) };
    let who = format!(
        "system:serviceaccount:{}",
        account.namespace.map_or_else(|| format!("NAMESPACE:{}", account.name), |n| format!("{n}:{}", account.name))
    );
    let wanted = test.as_deref().and_then(value_of).map(|v| format!(", it requires `{v}`")).unwrap_or_default();
    let message = match claim {
        "aud" => format!(
            "the trust of `{}` refuses the audience `{}` of the token{wanted}: pods of `{}` do not get the role",
            role.origin.name,
            account.aws_audience.map_or_else(|| AUDIENCE.to_owned(), Text::to_string),
            account.shown()
        ),
        _ => {
            format!("the trust of `{}` does not admit `{who}`{wanted}: pods of `{}` do not get the role", role.origin.name, account.shown())
        }
    };
    let unsure = pod_identity || !account.namespace.is_some_and(Text::is_known) || !account.name.is_known();
    let severity = if unsure { Severity::Medium } else { Severity::High };
    let help = if claim == "aud" {
        format!("compare `…:aud` with `{AUDIENCE}`, or set `eks.amazonaws.com/audience` to what the trust requires")
    } else {
        format!("let the trust compare `…:sub` with `{who}`, or name the role that is meant for this ServiceAccount")
    };
    let finding = Finding::new(RuleId::OneSidedBinding, &account.workload.origin, account.place(AWS_ROLE, arn), "aws", message)
        .severity(severity)
        .help(help)
        .certain(!unsure && !trust.origin.conditional && !trust.origin.library)
        .along_text(arn);
    let at = test.and_then(|t| t.span).unwrap_or(trust.origin.span);
    Some(finding.related_to(at, if claim == "aud" { "this refuses the audience" } else { "this refuses the subject" }))
}

/// No role has the ARN, and one of its name whose trust admits the ServiceAccount has another path: the path is a part of the ARN
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-friendly-names>).
fn without_path(context: &Context<'_>, account: &Account<'_>, arn: &Text) -> Option<Finding> {
    let named = context.links.workload_identities.get(account.id.index()).into_iter().flatten();
    if named.into_iter().any(|id| context.graph.identity(*id).is_some_and(|i| matches!(i.kind, IdentityKind::AwsRole { .. }))) {
        return None;
    }
    let path = |arn: &Text| cut::split_once(arn, ":role/").and_then(|(_, path)| path.as_known());
    let wanted = path(arn)?;
    for (index, identity) in context.graph.identities.iter().enumerate() {
        let IdentityKind::AwsRole { arn: Some(own), .. } = &identity.kind else { continue };
        let id = IdentityId(u32::try_from(index).unwrap_or(u32::MAX));
        let Some(has) = path(own).filter(|has| *has != wanted && has.rsplit('/').next() == wanted.rsplit('/').next()) else { continue };
        let accounts =
            (addresses::account_of_arn(own).and_then(|a| a.as_known()), addresses::account_of_arn(arn).and_then(|a| a.as_known()));
        let other = matches!(accounts, (Some(a), Some(b)) if a != b);
        if other || !matches!(ask(context, account, id), Answer::Maybe) {
            continue;
        }
        let message = format!(
            "no role has the ARN of `role/{wanted}`: `{}`, which trusts pods of `{}`, has a path, and it is `role/{has}`",
            identity.origin.name,
            account.shown()
        );
        let finding = Finding::new(RuleId::OneSidedBinding, &account.workload.origin, account.place(AWS_ROLE, arn), "aws", message);
        let finding = finding.severity(Severity::Medium).certain(false).help(format!("write `:role/{has}`")).along_text(arn);
        return Some(finding.related_to(identity.origin.span, "the role"));
    }
    None
}

/// The roles that the annotation (and no Pod Identity association) names.
fn roles<'a>(context: &'a Context<'_>, account: &Account<'_>) -> Vec<(IdentityId, &'a Identity)> {
    let associated: Vec<IdentityId> = context
        .graph
        .associations
        .iter()
        .enumerate()
        .filter(|(_, a)| a.service_account.as_ref().is_none_or(|n| equal(n, account.name) != Some(false)))
        .flat_map(|(i, _)| context.links.association_roles.get(i).cloned().unwrap_or_default())
        .collect();
    let named = context.links.workload_identities.get(account.id.index()).into_iter().flatten();
    named
        .filter(|id| !associated.contains(id))
        .filter_map(|id| context.graph.identity(*id).map(|i| (*id, i)))
        .filter(|(_, i)| matches!(i.kind, IdentityKind::AwsRole { .. }))
        .collect()
}

fn ask<'a>(context: &'a Context<'_>, account: &Account<'_>, role: IdentityId) -> Answer<'a> {
    let trusts = context.links.identity_trusts.get(role.index()).cloned().unwrap_or_default();
    let mut last = Answer::Maybe;
    for id in trusts {
        let Some(trust) = context.graph.trust(id) else { return Answer::Maybe };
        let Gate::AwsPolicy(policy) = &trust.gate else { return Answer::Maybe };
        match refusal(context, account, policy) {
            None => return Answer::Maybe,
            Some((claim, test)) => last = Answer::Refused { claim, test: test.map(Box::new), trust, pod_identity: pod_identity(policy) },
        }
    }
    last
}

fn pod_identity(policy: &Policy) -> bool {
    iam::principals(policy)
        .iter()
        .any(|p| p.kind == PrincipalKind::Service && p.effect == Effect::Allow && p.text.as_known().as_deref() == Some(POD_IDENTITY))
}

/// Proved: no token of the ServiceAccount gets in. The claim that fails and the test that refuses it.
fn refusal(context: &Context<'_>, account: &Account<'_>, policy: &Policy) -> Option<(&'static str, Option<Test>)> {
    if open(policy) {
        return None;
    }
    let subject = subject(account);
    let audience = match account.aws_audience {
        Some(text) => claim_test("aud", Matcher::Exact(text.clone())),
        None => claim_test("aud", Matcher::Exact(Text::known(AUDIENCE))),
    };
    let mut found: Option<(&'static str, Option<Test>)> = None;
    for principal in iam::principals(policy) {
        if principal.kind == PrincipalKind::Everyone {
            return None;
        }
        if !principal.brings_tokens() {
            continue;
        }
        let seen = aws::issuer_view(&context.inputs(), policy, &principal.text, &[])?;
        let token = Formula::All(vec![subject.clone(), audience.clone()]);
        if !dead(&[&seen.formula, &token], &seen.templates) {
            return None;
        }
        let claim = if dead(&[&seen.formula, &subject], &seen.templates) { "sub" } else { "aud" };
        let fixed = if claim == "sub" { &subject } else { &token };
        let test = shape::tests(&seen.formula).into_iter().filter(|o| o.positive).map(|o| o.test);
        let test = test.filter(|t| shape::claims(&t.subject).contains(claim));
        let test = test.into_iter().find(|t| dead(&[&Formula::Test(Box::new((*t).clone())), fixed], &seen.templates)).cloned();
        // What lets the subject in but not the audience is nearer to what was meant.
        if found.as_ref().is_none_or(|(known, t)| (*known == "sub" && claim == "aud") || (t.is_none() && test.is_some())) {
            found = Some((claim, test));
        }
    }
    Some(found.unwrap_or(("sub", None)))
}

fn dead(formulas: &[&Formula], templates: &[Template]) -> bool {
    matches!(reachability(&Formula::All(formulas.iter().map(|f| (*f).clone()).collect()), templates), Reachability::Unreachable)
}

/// There may be more statements, principals or conditions than are known.
fn open(policy: &Policy) -> bool {
    policy.open.is_some()
        || policy.statements.is_empty()
        || policy.statements.iter().any(|s| {
            s.effect == Effect::Unknown
                || (s.effect == Effect::Allow && (s.principals.why_open().is_some() || s.principals.negated))
                || s.principals.items.iter().any(|p| p.kind == PrincipalKind::Other || p.leaf.text().is_none())
        })
}

/// "The token is one of this ServiceAccount."
fn subject(account: &Account<'_>) -> Formula {
    let mut text = Text::known("system:serviceaccount:");
    let matcher = match account.namespace {
        Some(namespace) => {
            text.push(namespace);
            text.push(&Text::known(":"));
            text.push(account.name);
            Matcher::Exact(text)
        }
        None => {
            let mut rest = Text::known(":");
            rest.push(account.name);
            Matcher::Glob(vec![GlobPart::Literal(text), GlobPart::Star(None), GlobPart::Literal(rest)])
        }
    };
    claim_test("sub", matcher)
}

fn claim_test(claim: &str, matcher: Matcher) -> Formula {
    Formula::Test(Box::new(Test {
        subject: Subject::Claim(claim.to_owned()),
        matcher,
        absent: Truth::False,
        span: None,
        trail: None,
        label: claim.to_owned(),
        origin: crate::admission::formula::TestOrigin::Condition,
    }))
}

fn value_of(test: &Test) -> Option<String> {
    match &test.matcher {
        Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) => Some(t.to_string()),
        Matcher::Glob(parts) => Some(
            parts
                .iter()
                .map(|p| match p {
                    GlobPart::Literal(t) => t.to_string(),
                    GlobPart::Star(_) => "*".to_owned(),
                    GlobPart::One(_) => "?".to_owned(),
                })
                .collect(),
        ),
        _ => None,
    }
}
