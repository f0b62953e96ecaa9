//! The concrete evaluator: one request under one trust policy, exactly as IAM decides it
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>).

use super::matching::{self, Found, Lookup};
use super::operator::{Base, Operator, SetOperator};
use super::pattern;
use super::policy::{Actions, ConditionTest, Effect, Policy, Principal, PrincipalKind, Statement, ValueList, Values};
use super::principals::{BUILT_IN_HOSTS, issuer_of_federated, stands_for};
use crate::admission::glob;
use crate::partial::{Text, cut};
use crate::token::{Claim, Decision, Evaluation, Step, Token, Truth};
use std::collections::BTreeMap;

/// Who asks for the role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requester {
    /// A federated identity: the ARN of its provider, or a built-in host.
    Federated(String),
    /// The tokens of an issuer (host and path) of which the provider's account is not known.
    Issuer(String),
    /// An AWS principal: the ARN of a role, a user, a session, or an account (ARN or 12 digits).
    Aws(String),
    /// An AWS service: `pods.eks.amazonaws.com`.
    Service(String),
}

impl Requester {
    /// Tells the kind by the look of the string.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let federated = BUILT_IN_HOSTS.contains(&text) || text.contains(":oidc-provider/") || text.contains(":saml-provider/");
        if federated {
            Self::Federated(text.to_owned())
        } else if text.starts_with("arn:") || is_account(text) {
            Self::Aws(text.to_owned())
        } else {
            Self::Service(text.to_owned())
        }
    }

    /// The ARN or name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Federated(s) | Self::Issuer(s) | Self::Aws(s) | Self::Service(s) => s,
        }
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A call of STS that asks for the role.
#[derive(Debug, Clone)]
pub struct Request {
    /// `sts:AssumeRoleWithWebIdentity`, …
    pub action: String,
    /// Who asks.
    pub principal: Requester,
    /// Ready condition keys, in any letter case; a multi-valued key is a list.
    pub context: Token,
    /// The caller's own identity policies allow the call. Only a trust in a whole account asks for it; true when it is
    /// not known, as the trust policy is what is judged.
    pub caller_allowed: bool,
}

/// What a request looks like to the tests.
pub(super) struct RequestContext<'a> {
    request: &'a Request,
    context: BTreeMap<String, &'a Claim>,
    issuer: Option<Text>,
    variables: Option<bool>,
}

impl RequestContext<'_> {
    /// The value of a condition key.
    pub(super) fn lookup(&self, key: &Text) -> Lookup {
        if let Some(known) = key.as_known() {
            return Lookup::certain(self.known(&known));
        }
        let Some((prefix, claim)) = matching::split_key(key) else {
            return Lookup::unknown(format!("the condition key `{key}` is not known"));
        };
        let Some(issuer) = &self.issuer else { return Lookup::unknown(format!("the condition key `{key}` is not known")) };
        match matching::same_issuer(&prefix, issuer) {
            Truth::False => Lookup::certain(Found::Absent),
            _ => Lookup {
                found: self.known(&format!("{issuer}:{claim}")),
                note: Some(format!("`{prefix}` is taken as the principal's own issuer")),
            },
        }
    }

    fn known(&self, key: &str) -> Found {
        match self.context.get(&key.to_ascii_lowercase()) {
            None => Found::Absent,
            Some(Claim::String(s)) => Found::One(s.clone()),
            Some(Claim::List(items)) => Found::Many(items.clone()),
            Some(Claim::Open { .. }) => Found::Unknown(format!("`{key}` was not provided: it depends on the request, or was left open")),
            Some(Claim::Json(serde_json::Value::Null)) => Found::Absent,
            Some(Claim::Json(serde_json::Value::Bool(b))) => Found::One(b.to_string()),
            Some(Claim::Json(serde_json::Value::Number(n))) => Found::One(n.to_string()),
            Some(Claim::Json(other)) => Found::Unknown(format!("`{key}` holds `{other}`, which is not a condition value")),
        }
    }
}

/// Decides a request.
#[must_use]
pub fn evaluate(policy: &Policy, request: &Request) -> Evaluation {
    let issuer = match &request.principal {
        Requester::Federated(arn) => issuer_of_federated(&Text::known(arn)),
        Requester::Issuer(host) => Some(Text::known(host)),
        Requester::Aws(_) | Requester::Service(_) => None,
    };
    let context = request.context.claims.iter().map(|(k, v)| (k.to_ascii_lowercase(), v)).collect();
    let request = RequestContext { request, context, issuer, variables: policy.has_variables() };
    let outcomes: Vec<StatementOutcome> = policy.statements.iter().enumerate().map(|(i, s)| request.statement(i, s)).collect();
    conclude(policy, outcomes)
}

/// One test's truth and, for an unknown, why.
struct Outcome {
    truth: Truth,
    why: Option<String>,
}

struct StatementOutcome {
    effect: Effect,
    truth: Truth,
    /// How many of principal and action match: what was nearest to letting in is shown first.
    progress: usize,
    steps: Vec<Step>,
    reasons: Vec<String>,
    summary: Step,
}

fn conclude(policy: &Policy, outcomes: Vec<StatementOutcome>) -> Evaluation {
    let mut allow = Truth::False;
    let mut deny = Truth::False;
    for outcome in &outcomes {
        match outcome.effect {
            Effect::Allow => allow = allow.or(outcome.truth),
            Effect::Deny => deny = deny.or(outcome.truth),
            Effect::Unknown if outcome.truth != Truth::False => {
                allow = allow.or(Truth::Unknown);
                deny = deny.or(Truth::Unknown);
            }
            Effect::Unknown => {}
        }
    }
    let mut reasons: Vec<String> = Vec::new();
    if let Some(why) = &policy.open {
        allow = allow.or(Truth::Unknown);
        deny = deny.or(Truth::Unknown);
        reasons.push(why.clone());
    }
    let decision = match allow.and(deny.not()) {
        Truth::True => Decision::Admit,
        Truth::False | Truth::Error => Decision::Deny,
        Truth::Unknown => Decision::Unknown,
    };
    let trace = trace(&outcomes, decision);
    if decision == Decision::Unknown {
        for outcome in outcomes.iter().filter(|o| o.truth == Truth::Unknown || o.effect == Effect::Unknown) {
            for reason in &outcome.reasons {
                if !reasons.contains(reason) {
                    reasons.push(reason.clone());
                }
            }
        }
        if reasons.is_empty() {
            reasons.push("the effect of a statement is not known".to_owned());
        }
    } else {
        reasons.clear();
    }
    Evaluation { decision, trace, reasons }
}

/// The tests in the order in which they tell most: a deny that matches, then the statements, the nearest first.
fn trace(outcomes: &[StatementOutcome], decision: Decision) -> Vec<Step> {
    let mut steps: Vec<Step> =
        outcomes.iter().filter(|o| o.effect == Effect::Deny && o.truth != Truth::False).map(|o| o.summary.clone()).collect();
    let mut allows: Vec<&StatementOutcome> = outcomes.iter().filter(|o| o.effect != Effect::Deny).collect();
    if decision == Decision::Admit {
        allows.retain(|o| o.truth == Truth::True);
        allows.truncate(1);
    }
    allows.sort_by_key(|o| (std::cmp::Reverse(o.truth == Truth::Unknown), std::cmp::Reverse(o.progress)));
    steps.extend(allows.iter().flat_map(|o| o.steps.iter().cloned()));
    steps.extend(outcomes.iter().filter(|o| o.effect == Effect::Deny && o.truth == Truth::False).map(|o| o.summary.clone()));
    if decision == Decision::Deny && !steps.iter().any(|s| s.outcome == Truth::False) {
        let note = Some("no statement allows anything".to_owned());
        steps.push(Step { test: "Allow".to_owned(), outcome: Truth::False, expected: None, found: None, span: None, note });
    }
    steps
}

impl RequestContext<'_> {
    fn statement(&self, index: usize, statement: &Statement) -> StatementOutcome {
        let mut steps = vec![self.principal(statement), self.action(&statement.actions)];
        let progress = steps.iter().take_while(|s| s.outcome != Truth::False).count();
        steps.extend(statement.conditions.iter().map(|c| self.condition(c)));
        let mut reasons: Vec<String> =
            steps.iter().filter(|s| s.outcome == Truth::Unknown).map(|s| s.note.clone().unwrap_or_else(|| s.test.clone())).collect();
        let mut truth = steps.iter().fold(Truth::True, |t, s| t.and(s.outcome));
        for why in statement.open_conditions.iter().chain(&statement.maybe) {
            truth = truth.and(Truth::Unknown);
            reasons.push(why.clone());
        }
        let found = steps.iter().skip(2).find(|s| s.found.is_some());
        let summary = Step {
            test: format!("Deny {}", statement.name(index)),
            outcome: truth.not(),
            expected: Some("no match".to_owned()),
            found: found.and_then(|s| s.found.clone()),
            span: found.and_then(|s| s.span).or(statement.span),
            note: match truth {
                Truth::True => Some("an explicit deny wins over every allow".to_owned()),
                Truth::Unknown => reasons.first().cloned(),
                Truth::False | Truth::Error => None,
            },
        };
        StatementOutcome { effect: statement.effect, truth, progress, steps, reasons, summary }
    }

    fn principal(&self, statement: &Statement) -> Step {
        let principals = &statement.principals;
        let mut truth = Truth::False;
        let mut note = None;
        for principal in &principals.items {
            let one = self.principal_matches(principal);
            if one.truth == Truth::Unknown {
                note = note.or(one.why);
            }
            truth = truth.or(one.truth);
        }
        if let Some(why) = principals.why_open() {
            truth = truth.or(Truth::Unknown);
            note.get_or_insert_with(|| why.clone());
        }
        if principals.negated {
            truth = truth.not();
        }
        let names: Vec<String> = principals.items.iter().flat_map(|p| p.leaf.choices.iter().map(ToString::to_string)).collect();
        Step {
            test: if principals.negated { "NotPrincipal".to_owned() } else { "Principal".to_owned() },
            outcome: truth,
            expected: Some(names.join(" or ")),
            found: Some(self.request.principal.name().to_owned()),
            span: principals.items.first().and_then(|p| p.leaf.span).or(principals.span),
            note: note.filter(|_| truth == Truth::Unknown),
        }
    }

    fn principal_matches(&self, principal: &Principal) -> Outcome {
        let merged = merge(principal.leaf.choices.iter().map(|text| self.principal_text(principal.kind, text)));
        Outcome { truth: merged, why: Some("the principal is not known".to_owned()) }
    }

    fn principal_text(&self, kind: PrincipalKind, text: &Text) -> Truth {
        match (kind, &self.request.principal) {
            (PrincipalKind::Everyone, _) => Truth::True,
            (PrincipalKind::Federated, Requester::Federated(arn)) | (PrincipalKind::Service, Requester::Service(arn)) => {
                pattern::equal(text, &Text::known(arn))
            }
            (PrincipalKind::Federated, Requester::Issuer(host)) => stands_for(text, &Text::known(host)),
            (PrincipalKind::Aws, Requester::Aws(arn)) => aws_principal(text, arn, self.request.caller_allowed),
            // Some evaluators read `{"AWS": "*"}` as everybody, federated identities too; the documentation does not say.
            (PrincipalKind::Aws, _) if text.as_known().as_deref() == Some("*") => Truth::Unknown,
            (PrincipalKind::Other, _) if !text.is_known() => Truth::Unknown,
            _ => Truth::False,
        }
    }

    fn action(&self, actions: &Actions) -> Step {
        let mut truth = self.any_value(&actions.patterns, |text| {
            let tokens = pattern::pieces(text, pattern::Reading { wildcards: true, variables: false });
            glob::matches(&matching::without_variables(&tokens), &self.request.action, true)
        });
        if actions.negated {
            truth = truth.not();
        }
        Step {
            test: if actions.negated { "NotAction".to_owned() } else { "Action".to_owned() },
            outcome: truth,
            expected: Some(expected(&actions.patterns)),
            found: Some(self.request.action.clone()),
            span: actions.patterns.leaves().next().and_then(|l| l.span).or(actions.span),
            note: (truth == Truth::Unknown).then(|| "the action is not known".to_owned()),
        }
    }

    /// Does any value of the list match? Three-valued over alternatives and open lists.
    fn any_value(&self, values: &Values, test: impl Fn(&Text) -> Truth) -> Truth {
        merge(values.choices.iter().map(|list| any_of(list, &test)))
    }

    fn condition(&self, condition: &ConditionTest) -> Step {
        let lookup = self.lookup(&condition.key);
        let outcome = self.condition_outcome(condition, &lookup.found);
        let mut truth = outcome.truth;
        let mut why = outcome.why;
        if let Some(maybe) = &condition.maybe {
            // A test that may not be there cannot refuse for certain.
            truth = truth.or(Truth::Unknown);
            why = why.or_else(|| Some(maybe.clone()));
        }
        let note = match (&lookup.found, truth) {
            (_, Truth::Unknown) => why.or_else(|| Some(format!("`{}` cannot be decided", condition.label()))),
            (Found::Absent, _) => Some(lookup.note.map_or_else(
                || format!("the request has no `{}`", condition.key),
                |n| format!("the request has no `{}`; {n}", condition.key),
            )),
            (_, Truth::False) if starred(condition) => Some(LITERAL.to_owned()),
            _ => lookup.note,
        };
        Step {
            test: condition.label(),
            outcome: truth,
            expected: Some(expected(&condition.values)),
            found: lookup.found.display(),
            span: condition.values.leaves().next().and_then(|l| l.choices.first().and_then(Text::span).or(l.span)).or(condition.span),
            note,
        }
    }

    fn condition_outcome(&self, condition: &ConditionTest, found: &Found) -> Outcome {
        let unknown = |why: &str| Outcome { truth: Truth::Unknown, why: Some(why.to_owned()) };
        let known = |truth| Outcome { truth, why: None };
        let Some(operator) = condition.operator else { return unknown("IAM knows no such operator") };
        if operator.base == Base::Null {
            return self.null(condition, operator, found);
        }
        let matches = |value: &str| self.any_value(&condition.values, |text| self.matches(operator, text, value));
        // A value is good when it matches, or under a negated operator when it does not.
        let good = |value: &str| if operator.negated { matches(value).not() } else { matches(value) };
        let outcome = match (found, operator.set) {
            (Found::Unknown(why), _) => return unknown(why),
            (Found::Absent, set) => return absent(operator, set),
            (Found::Many(values), Some(SetOperator::ForAllValues)) => known(values.iter().fold(Truth::True, |t, v| t.and(good(v)))),
            (Found::Many(values), Some(SetOperator::ForAnyValue)) => known(values.iter().fold(Truth::False, |t, v| t.or(good(v)))),
            (Found::Many(values), None) => {
                // One reading: such a test never matches. Another: it matches when any value does. Known only where both agree.
                let any = values.iter().fold(Truth::False, |t, v| t.or(matches(v)));
                match any {
                    Truth::False => known(Truth::from(operator.negated)),
                    _ => return unknown("a multi-valued key without a set operator: authorities disagree on what it means"),
                }
            }
            (Found::One(value), _) => known(good(value)),
        };
        match outcome.truth {
            Truth::Unknown => unknown(&self.why_unknown(condition, operator)),
            _ => outcome,
        }
    }

    fn why_unknown(&self, condition: &ConditionTest, operator: Operator) -> String {
        for text in condition.values.leaves().flat_map(|l| &l.choices) {
            if let Some(atom) = text.atoms().next() {
                return format!("`{}` is not known: {}", atom.label(), atom.why());
            }
        }
        if let Some(open) = condition.values.choices.iter().find_map(|c| c.why_open().cloned()) {
            return open;
        }
        match operator.base {
            Base::Arn => "the ARN matches as a whole but not field by field: authorities disagree".to_owned(),
            Base::Numeric(_) => "a side is not a number".to_owned(),
            Base::Date(_) => "a side is not a date".to_owned(),
            Base::IpAddress => "a side is not an address".to_owned(),
            _ => format!("`{}` cannot be decided", condition.label()),
        }
    }

    fn null(&self, condition: &ConditionTest, operator: Operator, found: &Found) -> Outcome {
        if operator.if_exists || operator.set.is_some() {
            return Outcome { truth: Truth::Unknown, why: Some("`Null` takes neither `IfExists` nor a set operator".to_owned()) };
        }
        let absent = match found {
            Found::Absent => true,
            Found::Many(values) if values.is_empty() => true,
            Found::Unknown(why) => return Outcome { truth: Truth::Unknown, why: Some(why.clone()) },
            _ => false,
        };
        let truth = self.any_value(&condition.values, |text| matching::null_value(text, absent));
        Outcome { truth, why: (truth == Truth::Unknown).then(|| "the value of `Null` is not known".to_owned()) }
    }

    fn matches(&self, operator: Operator, text: &Text, value: &str) -> Truth {
        let readings = match self.variables {
            _ if !operator.takes_variables() => vec![false],
            Some(on) => vec![on],
            None => vec![false, true],
        };
        merge(readings.into_iter().map(|variables| matching::value_matches(operator, text, value, variables, &|key| self.lookup(key))))
    }
}

/// What a wildcard is under an exact operator.
const LITERAL: &str = "`StringEquals` is an exact match: `*` is a wildcard under `StringLike` only";

/// An exact operator with a value that holds a wildcard of other operators.
fn starred(condition: &ConditionTest) -> bool {
    let exact = condition.operator.is_some_and(|o| matches!(o.base, Base::StringEquals | Base::StringEqualsIgnoreCase) && !o.negated);
    exact && condition.values.leaves().flat_map(|l| &l.choices).any(|value| cut::flat(value).contains('*'))
}

/// The truth of a test whose key is not in the request.
fn absent(operator: Operator, set: Option<SetOperator>) -> Outcome {
    match matching::absent(operator, set) {
        Truth::Unknown => {
            Outcome { truth: Truth::Unknown, why: Some("`ForAnyValue` with `IfExists` on an absent key is not documented".to_owned()) }
        }
        truth => Outcome { truth, why: None },
    }
}

/// The partitions of AWS, of which each account is in one
/// (<https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>).
const PARTITIONS: [&str; 8] = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"];

/// Does a principal of kind `AWS` name this caller? `*`, the very ARN, the role behind a session, or the account that
/// the caller is in (by number or `:root`), which only delegates: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
pub(super) fn aws_principal(text: &Text, arn: &str, caller_allowed: bool) -> Truth {
    if text.as_known().as_deref() == Some("*") {
        return Truth::True;
    }
    let exact = pattern::equal(text, &Text::known(arn));
    let exact = exact.or(session_role(arn).map_or(Truth::False, |role| of_role(text, &role)));
    let account = if is_account(arn) { Some(arn) } else { arn.split(':').nth(4).filter(|a| is_account(a)) };
    let Some(account) = account else { return exact };
    let names = PARTITIONS.iter().map(|p| format!("arn:{p}:iam::{account}:root")).chain([account.to_owned()]);
    let delegated = names.fold(Truth::False, |t, root| t.or(pattern::equal(text, &Text::known(root))));
    exact.or(delegated.and(caller_allowed.into()))
}

/// The role behind a session: `arn:aws:sts::1:assumed-role/name/session` comes from `arn:aws:iam::1:role/name`.
fn session_role(arn: &str) -> Option<String> {
    let (head, rest) = arn.split_once(":assumed-role/")?;
    let name = rest.split('/').next()?;
    Some(format!("{}:role/{name}", head.replacen(":sts:", ":iam:", 1)))
}

/// Whether a principal is the role of a session. The session's ARN leaves out the path of the role, so that a role of this
/// name under a path may be the one (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-arns>).
fn of_role(text: &Text, role: &str) -> Truth {
    let exact = pattern::equal(text, &Text::known(role));
    let under_path = || {
        let (head, name) = role.rsplit_once('/')?;
        let path = text.as_known()?.strip_prefix(head)?.strip_suffix(name)?.to_owned();
        (path.len() > 2 && path.starts_with('/') && path.ends_with('/')).then_some(())
    };
    if exact == Truth::False && under_path().is_some() { Truth::Unknown } else { exact }
}

/// Alternatives that agree decide, others do not.
pub(super) fn merge(mut truths: impl Iterator<Item = Truth>) -> Truth {
    let Some(first) = truths.next() else { return Truth::False };
    if truths.all(|t| t == first) { first } else { Truth::Unknown }
}

pub(super) fn any_of(list: &ValueList, test: &impl Fn(&Text) -> Truth) -> Truth {
    let known = list.items.iter().fold(Truth::False, |t, leaf| t.or(merge(leaf.choices.iter().map(test))));
    if list.why_open().is_some() { known.or(Truth::Unknown) } else { known }
}

fn expected(values: &Values) -> String {
    let all: Vec<String> = values.leaves().flat_map(|l| l.choices.iter().map(ToString::to_string)).collect();
    all.join(" or ")
}
