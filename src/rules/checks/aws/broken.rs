//! Trusts that nobody can ever use, and why.

use super::super::fresh::Pinned;
use super::super::guilty;
use super::advice::{self, Wanted};
use super::exposure::unbound;
use super::{Context, FederatedView, RoleTrust, named_by_allow};
use crate::admission::exposure::{Reachability, shape};
use crate::admission::formula::{Formula, GlobPart, Matcher, Test};
use crate::admission::iam::{self, Actions, ConditionTest, Effect, Leaf, Policy, PrincipalKind, ValueList, Values, action_matches};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::gate::aws::{self, WEB_IDENTITY, key_name};
use crate::place::Span;

use crate::partial::{Part, Text, cut, hops, stand_in};
use crate::rules::Finding;
use crate::token::Truth;

/// A statement whose actions do not fit its federated principal.
pub(super) fn wrong_action(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, statement) in subject.policy.statements.iter().enumerate() {
        if statement.effect != Effect::Allow || statement.actions.negated || statement.principals.items.is_empty() {
            continue;
        }
        let federated = |saml: bool| {
            statement
                .principals
                .items
                .iter()
                .all(|p| p.kind == PrincipalKind::Federated && p.leaf.text().is_some_and(|t| iam::is_saml(t) == saml))
        };
        let provider = |t: &Text| iam::issuer_of_federated(t).is_some();
        let oidc = federated(false) && statement.principals.items.iter().all(|p| p.leaf.text().is_some_and(provider));
        let needed = if oidc {
            WEB_IDENTITY
        } else if federated(true) {
            "sts:AssumeRoleWithSAML"
        } else {
            continue;
        };
        let patterns: Vec<Text> = statement.actions.patterns.leaves().filter_map(|l| l.text().cloned()).collect();
        let known =
            patterns.iter().all(Text::is_known) && patterns.len() == statement.actions.patterns.leaves().count() && !patterns.is_empty();
        // Tagging and source identity go beside an assume action that may stand in another statement.
        let assumes = |t: &Text| t.as_known().is_some_and(|a| a.to_lowercase().starts_with("sts:assumerole"));
        if !known || patterns.iter().any(|p| covers(p, needed)) || !patterns.iter().any(assumes) {
            continue;
        }
        let first = patterns.first();
        let message = format!(
            "`{}` never applies to this principal: no token can ever assume the role through {}",
            first.map(Text::to_string).unwrap_or_default(),
            statement.name(index)
        );
        findings.push(
            Finding::new(
                RuleId::WrongAction,
                &subject.trust.origin,
                first.and_then(Text::span).or(statement.span),
                &statement.name(index),
                message,
            )
            .help(format!("use `{needed}`{}", if needed == WEB_IDENTITY { opened(subject, statement) } else { String::new() })),
        );
    }
    findings
}

/// What the right action alone would open: a statement that never applies may have been without conditions all the time.
fn opened(subject: &RoleTrust<'_>, statement: &iam::Statement) -> String {
    let item =
        ValueList { items: vec![Leaf { choices: vec![Text::known(WEB_IDENTITY)], several: None, span: None, trail: None }], open: None };
    let actions = Actions { patterns: Values { choices: vec![item] }, ..statement.actions.clone() };
    let Policy { version, open, span, .. } = &subject.policy;
    let (version, open, span) = (version.clone(), open.clone(), *span);
    let statements = vec![iam::Statement { actions, ..statement.clone() }];
    let policy = Policy { version, statements, open, problems: Vec::new(), span };
    let principal = statement.principals.items.first().and_then(|p| p.leaf.text());
    let seen = principal.and_then(|p| aws::issuer_view(&subject.context.inputs(), &policy, p, subject.providers()));
    let open = seen.filter(|s| unbound(s) && matches!(subject.context.reachability(&s.formula, &s.templates), Reachability::Reachable(_)));
    let Some(seen) = open else { return String::new() };
    let wanted = Wanted { claim: "sub", value: "SUBJECT" };
    let condition = advice::add(subject, &seen.via.principal, &wanted);
    format!(" together with a condition on the subject, else every token of {} is admitted: {condition}", seen.recognised.issuer.name)
}

/// IAM's action patterns: `*` and `?`, case-insensitive.
fn covers(pattern: &Text, action: &str) -> bool {
    pattern.as_known().is_some_and(|p| action_matches(&p, action))
}

/// Why nobody gets in with a token of this issuer; empty when somebody does, or when it is not decided.
/// `unreachable`: it is proved that nobody does; `misapplied`: a statement never applies, which has its own finding.
pub(super) fn dead(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, unreachable: bool, misapplied: bool) -> Vec<Finding> {
    if !unreachable && !misapplied {
        return Vec::new();
    }
    let keys = foreign_keys(subject, seen);
    if misapplied || !keys.is_empty() || matches!(seen.formula, Formula::Constant(Truth::False, _)) {
        return keys;
    }
    if let Some(finding) = unsupported_claim(subject, seen) {
        return vec![finding];
    }
    let starred = starred(subject, seen, Severity::High);
    if !starred.is_empty() {
        return starred;
    }
    vec![contradiction(subject, seen)]
}

/// Values with a wildcard under an exact operator, beside values that are alive.
pub(super) fn dead_values(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Vec<Finding> {
    starred(subject, seen, Severity::Medium)
}

/// Exact tests of a value with `*` or `?` that no token can have.
fn starred(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, severity: Severity) -> Vec<Finding> {
    let tests = shape::tests(&seen.formula).into_iter().filter(|o| o.positive).map(|o| o.test);
    let mut seen_spans: Vec<Option<Span>> = Vec::new();
    let mut findings = Vec::new();
    for test in tests {
        let (Matcher::Exact(text) | Matcher::ExactIgnoreCase(text)) = &test.matcher else { continue };
        let Some(star) = text.find_span("*").or_else(|| text.find_span("?")).or_else(|| holds_star(text).then(|| text.span()).flatten())
        else {
            continue;
        };
        if seen_spans.contains(&Some(star)) || !never(subject.context, test, seen) {
            continue;
        }
        seen_spans.push(Some(star));
        let message = format!("`{text}` is an exact match here, and no token contains a `*`: no token can ever match this value");
        findings.push(
            Finding::new(RuleId::LiteralWildcard, &subject.trust.origin, Some(star), &text.to_string(), message)
                .severity(severity)
                .help("write the exact value, or use `StringLike` where a pattern is meant (and let it begin with the whole name and its delimiter)")
                .along(&test.trail),
        );
    }
    findings
}

fn holds_star(text: &Text) -> bool {
    text.fill(|_| String::new()).contains(['*', '?'])
}

/// Proved: no token of the issuer passes this test.
fn never(context: &Context<'_>, test: &Test, seen: &FederatedView<'_>) -> bool {
    matches!(context.reachability(&Formula::Test(Box::new(test.clone())), &seen.templates), Reachability::Unreachable)
}

/// Condition keys of another issuer than the principal's, or with a scheme.
fn foreign_keys(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Vec<Finding> {
    let principal = &seen.via.principal;
    let issuer = iam::issuer_of_federated(principal);
    let tests = advice::statements(subject, principal).flat_map(|s| &s.conditions).filter(|c| requires(c));
    let by_arn = |c: &ConditionTest| cut::rsplit_once(&c.key, ":").is_some_and(|(prefix, _)| iam::is_arn(&prefix, Some(principal)));
    let found = tests.filter_map(|c| match &issuer {
        _ if by_arn(c) => of_arn(subject, issuer.as_ref(), c),
        Some(issuer) => foreign_key(subject, issuer, c),
        None => None,
    });
    found.collect()
}

/// The test refuses when its key is absent.
fn requires(test: &ConditionTest) -> bool {
    test.operator.is_some_and(|o| !o.if_exists && !o.negated && o.set != Some(iam::SetOperator::ForAllValues))
}

fn foreign_key(subject: &RoleTrust<'_>, issuer: &Text, test: &ConditionTest) -> Option<Finding> {
    let name = key_name(&test.key)?;
    if let (Some(scheme), false) = (iam::scheme(&test.key), test.key.is_known() && issuer.is_known()) {
        return Some(schemed(subject, test, scheme, &name));
    }
    let (issuer, key) = (issuer.as_known()?, test.key.as_known()?);
    let (prefix, _) = key.rsplit_once(':')?;
    let issuer_like = prefix.contains('.') && !prefix.starts_with("aws:") && !prefix.eq_ignore_ascii_case("sts");
    if !issuer_like || prefix.eq_ignore_ascii_case(&issuer) || claim_with_slash(prefix, &issuer) {
        return None;
    }
    let (message, help) = match prefix.split_once("://") {
        Some((scheme, rest)) if rest.eq_ignore_ascii_case(&issuer) => (
            format!(
                "the condition key carries the scheme `{scheme}://`: no token has such a key, so the test never holds and no token can ever satisfy this trust"
            ),
            format!("write the key as `{issuer}:{name}`"),
        ),
        _ => (
            format!(
                "the condition tests a key of `{prefix}`, the principal is `{issuer}`: its tokens never carry that key, so no token can ever satisfy this trust"
            ),
            format!("write the key as `{issuer}:{name}`, or put the other issuer's trust into a statement of its own"),
        ),
    };
    // A name that several places share stands elsewhere: the key is told where it is put together.
    let steps = |part: &&Part| match part {
        Part::Literal { trail, .. } | Part::Hole { trail, .. } => hops(trail).count(),
    };
    let own = test.key.parts.iter().min_by_key(steps).and_then(|part| match part {
        Part::Literal { span, .. } | Part::Hole { span, .. } => *span,
    });
    let span = own.filter(|_| !prefix.contains("://")).or_else(|| test.key.span()).or(test.span);
    let finding = Finding::new(RuleId::IssuerMismatch, &subject.trust.origin, span, &key, message);
    Some(finding.help(help).along_text(&test.key))
}

/// A key that begins with the provider's ARN.
fn of_arn(subject: &RoleTrust<'_>, issuer: Option<&Text>, test: &ConditionTest) -> Option<Finding> {
    let name = key_name(&test.key)?;
    let message = format!(
        "the condition key `{}` begins with the ARN of the provider, and keys begin with the host and path of the issuer: no token has such a key, so the test never holds and no token can ever satisfy this trust",
        test.key
    );
    let argument = cut::rsplit_once(&test.key, ":").and_then(|(prefix, _)| cut::only_atom(&prefix).map(|atom| atom.label().to_owned()));
    let written = argument.or_else(|| advice::before_colon(subject.context.sources, &test.key));
    let expression = written.as_deref().and_then(|w| w.strip_prefix("${")?.strip_suffix('}')).filter(|e| !e.contains('('));
    let help = match (issuer.and_then(Text::as_known), expression) {
        (Some(issuer), _) => format!("write the key as `{issuer}:{name}`"),
        (None, Some(expression)) => format!("write the key as `${{replace({expression}, \"/^(.*provider/)/\", \"\")}}:{name}`"),
        (None, None) => format!("write the key with what follows `oidc-provider/` in the ARN, and `:{name}`"),
    };
    let place = test.key.literal_from(0).or_else(|| test.key.span()).or(test.span);
    let finding = Finding::new(RuleId::IssuerMismatch, &subject.trust.origin, place, &test.key.to_string(), message);
    // One mistake, however many keys it is made in.
    Some(finding.help(help).along_text(&test.key).merged_by("key of an ARN"))
}

/// A key that begins with a scheme, whatever follows: an issuer's URL that was not cut.
fn schemed(subject: &RoleTrust<'_>, test: &ConditionTest, scheme: &str, name: &str) -> Finding {
    let message = format!(
        "the condition key `{}` begins with `{scheme}`: no token has such a key, so the test never holds and no token can ever satisfy this trust",
        test.key
    );
    let written = advice::before_colon(subject.context.sources, &test.key);
    let expression = written.as_deref().and_then(|w| w.strip_prefix("${")?.strip_suffix('}'));
    let help = match expression {
        Some(expression) => format!("write the key as `${{replace({expression}, \"{scheme}\", \"\")}}:{name}`"),
        None => format!("write the key without `{scheme}`"),
    };
    let place = test.key.literal_from(0).or_else(|| test.key.span()).or(test.span);
    Finding::new(RuleId::IssuerMismatch, &subject.trust.origin, place, &test.key.to_string(), message).help(help).along_text(&test.key)
}

/// Every principal for which [`other_account`] says so.
pub(super) fn other_accounts(subject: &RoleTrust<'_>) -> Vec<Finding> {
    iam::principals(subject.policy).iter().filter(|p| p.brings_tokens()).filter_map(|p| other_account(subject, p)).collect()
}

/// The provider is another account's: STS looks for it in the role's
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc.html>).
fn other_account(subject: &RoleTrust<'_>, principal: &iam::PrincipalRef) -> Option<Finding> {
    let (role, provider) = aws::other_account(subject.role(), &principal.text)?;
    let message = format!(
        "the provider is in account `{provider}`, the role in `{role}`: STS looks for the provider in the role's own account, so no token can ever satisfy this trust"
    );
    let finding = Finding::new(RuleId::IssuerMismatch, &subject.trust.origin, principal.span, &provider, message);
    let help = format!("register the issuer in account `{role}` and name that provider");
    Some(finding.help(help).along_text(&principal.text))
}

/// `oidc.circleci.com/org/ORG:oidc.circleci.com/project-id`: the claim itself holds a colon-free host.
fn claim_with_slash(prefix: &str, issuer: &str) -> bool {
    prefix.to_lowercase().starts_with(&format!("{}:", issuer.to_lowercase()))
}

/// A required claim that AWS never fills in for this issuer.
fn unsupported_claim(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let issuer = iam::issuer_of_federated(&seen.via.principal)?;
    let allow = advice::statements(subject, &seen.via.principal);
    let recognised = &seen.recognised;
    let test = allow.flat_map(|s| &s.conditions).filter(|c| requires(c)).find(|c| {
        let claim = aws::own_claim(&c.key, &issuer);
        claim.is_some_and(|c| !matches!(c.as_str(), "sub" | "aud" | "oaud" | "amr" | "email") && recognised.issuer.aws_key_of(&c).is_none())
    })?;
    let name = key_name(&test.key)?;
    let near = recognised.issuer.nearest_claim(&name).filter(|n| recognised.issuer.aws_key_of(n).is_some());
    let hint = near.map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
    let message = format!(
        "AWS makes no condition key of the claim `{name}` for tokens of {}: the test never holds, and no token can ever satisfy this trust",
        recognised.issuer.name
    );
    let finding = Finding::new(RuleId::UnsupportedClaim, &subject.trust.origin, test.key.span().or(test.span), &name, message);
    Some(finding.help(format!("test `sub`, or one of the claims that AWS exposes{hint}")).along_text(&test.key))
}

/// Nobody gets in, and no single mistake says why: the first test that no token passes, else all of them together.
fn contradiction(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Finding {
    let name = &seen.recognised.issuer.name;
    let tests: Vec<&Test> = shape::tests(&seen.formula).into_iter().filter(|o| o.positive).map(|o| o.test).collect();
    let binding = tests.iter().filter(|t| shape::binds(t, &seen.templates));
    if let Some(test) = binding.chain(&tests).find(|t| never(subject.context, t, seen)) {
        let value = value_of(test);
        let left = left_in(test).map(|word| format!("`{word}` is a placeholder that nobody filled in: ")).unwrap_or_default();
        let message = format!("{left}no token of {name} can ever satisfy `{}`{value}", test.label);
        let example = crate::gate::issuer::example(&seen.templates, "sub");
        let (span, trail) = guilty::place(test, &|t| never(subject.context, t, seen));
        return Finding::new(RuleId::NeverMatches, &subject.trust.origin, span, &test.label, message)
            .help(if shape::claims(&test.subject).contains("sub") {
                format!("compare with a subject that {name} mints: `{example}`")
            } else {
                wanted(&test.subject, seen)
            })
            .along(&trail);
    }
    if let Some(finding) = empty_list(subject, seen).or_else(|| denied(subject, seen)).or_else(|| absent_key(subject, seen)) {
        return finding;
    }
    let message = format!("the conditions contradict each other: no token of {name} can ever satisfy all of them");
    let named = || named_by_allow(subject.policy, &seen.via.principal).first().and_then(|p| p.span);
    let place = tests.first().and_then(|t| t.span).or_else(named);
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, place, "contradiction", message);
    finding.help("all tests of a statement have to hold at once; alternatives belong in one list of values, or in statements of their own")
}

/// The trust names what only one run ever had.
pub(super) fn never_again(subject: &RoleTrust<'_>, seen: &FederatedView<'_>, pinned: &Pinned) -> Finding {
    let name = &seen.recognised.issuer.name;
    let what = pinned.segment.replace('_', " ");
    let message = format!("each token of {name} has a new {what}: no token after that one run can ever satisfy this trust");
    let help = "compare up to the delimiter before it, and end the pattern with `*` under `StringLike`";
    Finding::new(RuleId::NeverMatches, &subject.trust.origin, pinned.span, "fresh", message).help(help).along(&pinned.trail)
}

/// A word of the value that somebody was to replace.
fn left_in(test: &Test) -> Option<String> {
    match &test.matcher {
        Matcher::Exact(text) | Matcher::ExactIgnoreCase(text) | Matcher::Prefix(text) | Matcher::Suffix(text) => stand_in::first(text),
        Matcher::Glob(parts) => parts.iter().find_map(|part| match part {
            GlobPart::Literal(text) => stand_in::first(text),
            GlobPart::Star(_) | GlobPart::One(_) => None,
        }),
        _ => None,
    }
}

/// A test that compares with no value at all.
fn empty_list(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let empty = |list: &ValueList| list.items.is_empty() && list.why_open().is_none();
    let mut tests = advice::statements(subject, &seen.via.principal).flat_map(|s| &s.conditions);
    let test = tests.find(|c| !c.values.choices.is_empty() && c.values.choices.iter().all(empty))?;
    let message = format!("`{}` is compared with an empty list: no token can ever satisfy this trust", test.key);
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, test.span, "empty list", message);
    Some(finding.help("write the values that may enter"))
}

/// What to compare a claim with that is no subject.
fn wanted(of: &crate::admission::formula::Subject, seen: &FederatedView<'_>) -> String {
    let claims = shape::claims(of);
    match (claims.contains("azp"), claims.contains("aud")) {
        (true, _) => "`…:aud` is the claim `azp` here: compare the audience that is asked for with `…:oaud`".to_owned(),
        (_, true) => {
            let usual = seen.recognised.issuer.audiences.get("aws").filter(|a| !a.contains('<'));
            let usual = usual.map(|a| format!(", usually `{a}`")).unwrap_or_default();
            format!("compare with the audience that the workload asks for{usual}")
        }
        _ => "compare with a value that the claim has".to_owned(),
    }
}

/// A `Deny` refuses all whom the rest lets in.
fn denied(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    let deny = subject.policy.statements.iter().find(|s| s.effect == Effect::Deny)?;
    let mut policy = subject.policy.clone();
    policy.statements.retain(|s| s.effect != Effect::Deny);
    let view = aws::issuer_view(&subject.context.inputs(), &policy, &seen.via.principal, subject.providers())?;
    if !matches!(subject.context.reachability(&view.formula, &view.templates), Reachability::Reachable(_)) {
        return None;
    }
    let name = &seen.recognised.issuer.name;
    let message = format!("the `Deny` refuses every token of {name} that the other statements admit: no token can ever satisfy this trust");
    let span = deny.conditions.first().and_then(|c| c.span).or(deny.span);
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, span, "deny", message);
    Some(finding.help("narrow the `Deny` to those that have to stay out"))
}

/// A test that has to hold, of a key that no request with such a token has.
fn absent_key(subject: &RoleTrust<'_>, seen: &FederatedView<'_>) -> Option<Finding> {
    const OTHERS: [&str; 2] = ["saml:", "sts:externalid"];
    let mut tests = advice::statements(subject, &seen.via.principal).flat_map(|s| &s.conditions).filter(|c| requires(c));
    let test = tests.find(|c| c.key.as_known().is_some_and(|k| OTHERS.iter().any(|o| k.to_lowercase().starts_with(o))))?;
    let name = &seen.recognised.issuer.name;
    let message = format!("no request with a token of {name} has the key `{}`: no token can ever satisfy this trust", test.key);
    let finding = Finding::new(RuleId::NeverMatches, &subject.trust.origin, test.key.span().or(test.span), &test.key.to_string(), message);
    Some(finding.help(format!("give the tokens of {name} a statement of their own, with conditions on their claims")).along_text(&test.key))
}

fn value_of(test: &Test) -> String {
    match &test.matcher {
        Matcher::Exact(t) | Matcher::ExactIgnoreCase(t) | Matcher::Prefix(t) | Matcher::Suffix(t) | Matcher::Contains(t) => {
            format!(" with `{t}`")
        }
        _ => String::new(),
    }
}
