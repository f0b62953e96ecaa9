//! IAM roles for ServiceAccounts: the annotation asks for a role whose trust has to let the ServiceAccount in
//! (<https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html>).

use super::roles::{Roles, path};
use super::{Account, Context};
use crate::admission::exposure::{Reachability, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher, Subject, Test};
use crate::admission::iam::{self, Effect, Policy, PrincipalKind};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::gate::aws::{self, FederatedView};
use crate::graph::addresses;
use crate::graph::{AWS_ROLE, Gate, Identity, IdentityId, IdentityKind, Trust, TrustId};
use crate::issuers::Template;

use crate::partial::Text;
use crate::rules::Finding;
use crate::token::Truth;

/// The audience of the token that the EKS webhook projects unless an annotation says another.
const AUDIENCE: &str = "sts.amazonaws.com";
/// How the subjects of ServiceAccounts begin.
const SUBJECT: &str = "system:serviceaccount:";
const POD_IDENTITY: &str = "pods.eks.amazonaws.com";

/// What a role does with the ServiceAccount's token.
enum Answer<'a> {
    /// It gets in, or that is not decided.
    Maybe,
    /// It does not: the last of the role's trusts, and its policy.
    Refused(&'a Trust, &'a Policy),
}

/// Why a trust refuses a ServiceAccount: which claim fails, and the first test that refuses it.
type Cause = (&'static str, Option<Box<Test>>);

/// The annotation names a role that is declared here and whose trust does not let the ServiceAccount in.
pub(super) fn annotation(context: &Context<'_>, all: &Roles, account: &Account<'_>) -> Option<Finding> {
    let arn = account.aws_role.filter(|_| !account.open)?;
    let mut refused = None;
    for (id, role) in roles(context, all, account) {
        match ask(context, all, account, id) {
            Answer::Maybe => return None,
            Answer::Refused(trust, policy) => refused = refused.or(Some((role, trust, policy))),
        }
    }
    let Some((role, trust, policy)) = refused else { return without_path(context, all, account, arn) };
    let ((claim, test), pod_identity) = (cause(context, account, policy), pod_identity(policy));
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
fn without_path(context: &Context<'_>, all: &Roles, account: &Account<'_>, arn: &Text) -> Option<Finding> {
    let named = context.links.workload_identities.get(account.id.index()).into_iter().flatten();
    if named.into_iter().any(|id| context.graph.identity(*id).is_some_and(|i| matches!(i.kind, IdentityKind::AwsRole { .. }))) {
        return None;
    }
    let wanted = path(arn)?;
    for (id, has) in all.named_alike(&wanted) {
        let Some(identity) = context.graph.identity(*id) else { continue };
        let IdentityKind::AwsRole { arn: Some(own), .. } = &identity.kind else { continue };
        let accounts =
            (addresses::account_of_arn(own).and_then(|a| a.as_known()), addresses::account_of_arn(arn).and_then(|a| a.as_known()));
        let other = matches!(accounts, (Some(a), Some(b)) if a != b);
        if other || !matches!(ask(context, all, account, *id), Answer::Maybe) {
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
fn roles<'a>(context: &'a Context<'_>, all: &Roles, account: &Account<'_>) -> Vec<(IdentityId, &'a Identity)> {
    let associated = all.associated(context, account.name);
    let named = context.links.workload_identities.get(account.id.index()).into_iter().flatten();
    named
        .filter(|id| !associated.contains(id))
        .filter_map(|id| context.graph.identity(*id).map(|i| (*id, i)))
        .filter(|(_, i)| matches!(i.kind, IdentityKind::AwsRole { .. }))
        .collect()
}

fn ask<'a>(context: &'a Context<'_>, all: &Roles, account: &Account<'_>, role: IdentityId) -> Answer<'a> {
    let mut last = Answer::Maybe;
    for id in context.links.identity_trusts.get(role.index()).into_iter().flatten() {
        let Some(trust) = context.graph.trust(*id) else { return Answer::Maybe };
        let Gate::AwsPolicy(policy) = &trust.gate else { return Answer::Maybe };
        if open(policy) || !is_refused(context, all, account, *id, policy) {
            return Answer::Maybe;
        }
        last = Answer::Refused(trust, policy);
    }
    last
}

fn pod_identity(policy: &Policy) -> bool {
    iam::principals(policy)
        .iter()
        .any(|p| p.kind == PrincipalKind::Service && p.effect == Effect::Allow && p.text.as_known().as_deref() == Some(POD_IDENTITY))
}

/// Proved: no token of the ServiceAccount gets in. What its subject and audience rule out by themselves, as they do nearly everywhere,
/// is no matter of a search.
fn is_refused(context: &Context<'_>, all: &Roles, account: &Account<'_>, id: TrustId, policy: &Policy) -> bool {
    let Some(formulas) = all.formulas(context, id) else { return false };
    let audience = account.aws_audience.map_or_else(|| Some(AUDIENCE.to_owned()), Text::as_known);
    let subject = subject_text(account).and_then(|text| text.as_known());
    if let (Some(subject), Some(audience)) = (&subject, &audience) {
        let token = [("sub", subject.as_str()), ("aud", audience.as_str())];
        let out = |formula: &Formula| matches!(formula.given(&token), Truth::False | Truth::Error);
        if formulas.iter().all(out) {
            return true;
        }
    }
    let token = Formula::All(vec![subject_test(account), audience_test(account)]);
    let mut views = iam::principals(policy).into_iter().filter(|p| p.brings_tokens()).map(|p| view(context, policy, &p.text));
    views.all(|seen| seen.is_some_and(|seen| dead(context, &[&seen.formula, &token], &seen.templates)))
}

fn view<'a>(context: &'a Context<'_>, policy: &Policy, principal: &Text) -> Option<FederatedView<'a>> {
    aws::issuer_view(&context.inputs(), policy, principal, &[])
}

/// Which claim of a ServiceAccount that is refused fails, and the test that refuses it.
fn cause(context: &Context<'_>, account: &Account<'_>, policy: &Policy) -> Cause {
    let (subject, audience) = (subject_test(account), audience_test(account));
    let mut found: Option<Cause> = None;
    for principal in iam::principals(policy) {
        if !principal.brings_tokens() {
            continue;
        }
        let Some(seen) = view(context, policy, &principal.text) else { continue };
        let token = Formula::All(vec![subject.clone(), audience.clone()]);
        let claim = if dead(context, &[&seen.formula, &subject], &seen.templates) { "sub" } else { "aud" };
        let fixed = if claim == "sub" { &subject } else { &token };
        let test = shape::tests(&seen.formula).into_iter().filter(|o| o.positive).map(|o| o.test);
        let test = test.filter(|t| shape::claims(&t.subject).contains(claim));
        let refuses = |t: &&Test| dead(context, &[&Formula::Test(Box::new((*t).clone())), fixed], &seen.templates);
        let test = test.into_iter().find(refuses).map(|test| Box::new(test.clone()));
        // What lets the subject in but not the audience is nearer to what was meant.
        if found.as_ref().is_none_or(|(known, t)| (*known == "sub" && claim == "aud") || (t.is_none() && test.is_some())) {
            found = Some((claim, test));
        }
    }
    found.unwrap_or(("sub", None))
}

fn dead(context: &Context<'_>, formulas: &[&Formula], templates: &[Template]) -> bool {
    let all = Formula::All(formulas.iter().map(|f| (*f).clone()).collect());
    matches!(context.reachability(&all, templates), Reachability::Unreachable)
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

/// The subject of the ServiceAccount's tokens, where its namespace is written.
fn subject_text(account: &Account<'_>) -> Option<Text> {
    let mut text = Text::known(SUBJECT);
    text.push(account.namespace?);
    text.push(&Text::known(":"));
    text.push(account.name);
    Some(text)
}

/// "The token is one of this ServiceAccount."
fn subject_test(account: &Account<'_>) -> Formula {
    let matcher = match subject_text(account) {
        Some(text) => Matcher::Exact(text),
        None => {
            let mut rest = Text::known(":");
            rest.push(account.name);
            Matcher::Glob(vec![GlobPart::Literal(Text::known(SUBJECT)), GlobPart::Star(None), GlobPart::Literal(rest)])
        }
    };
    claim_test("sub", matcher)
}

/// "The token is for the audience that the ServiceAccount asks for."
fn audience_test(account: &Account<'_>) -> Formula {
    claim_test("aud", Matcher::Exact(account.aws_audience.cloned().unwrap_or_else(|| Text::known(AUDIENCE))))
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
