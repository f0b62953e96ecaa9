//! A trust policy as a formula over the claims of one issuer's tokens.

use super::evaluate::{any_of, aws_principal, merge};
use super::keys::{Meaning, meaning};
use super::matching::{self, Found, Lookup};
use super::operator::{Base, Operator, SetOperator};
use super::pattern;
use super::policy::{Actions, ConditionTest, Effect, Leaf, Policy, Principal, PrincipalKind, Statement, Values};
use super::principal_test::principals_formula;
use super::principals::{issuer_of_federated, stands_for};
use super::value_formula::value_formula;
use crate::admission::formula::{Formula, Matcher, Subject, Test};
use crate::admission::glob;
use crate::partial::{Text, Trail};
use crate::token::Truth;

/// Whose requests are looked at.
#[derive(Debug, Clone)]
pub enum Viewer {
    /// The tokens of the provider with this ARN (or built-in host), as it is written in a policy.
    Federated(Text),
    /// The tokens of this issuer (host and path), whatever the account of the provider.
    #[cfg_attr(not(feature = "internals"), expect(dead_code, reason = "the conformance tests look with its eyes"))]
    Issuer(Text),
    /// An AWS principal with this ARN.
    #[cfg_attr(not(feature = "internals"), expect(dead_code, reason = "the conformance tests look with its eyes"))]
    Aws(String),
    /// Any principal of any AWS account, by its condition keys.
    Principals,
    /// A service.
    #[cfg_attr(not(feature = "internals"), expect(dead_code, reason = "the conformance tests look with its eyes"))]
    Service(String),
}

/// A point of view on a policy: one kind of caller, one action.
pub struct View<'a> {
    /// Who asks.
    pub viewer: Viewer,
    /// The issuer's host and path, for a viewer that does not show it (an ARN that is not known).
    pub issuer: Option<Text>,
    /// The action: `sts:AssumeRoleWithWebIdentity`.
    pub action: &'a str,
    /// The claim of the issuer's tokens behind the part of a condition key after the issuer (`aud` is the claim `azp` or
    /// `aud`, `oaud` is `aud`); none for a claim that STS makes no key of. Asked in lower case and as written.
    pub claim_of: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("viewer", &self.viewer).field("action", &self.action).finish_non_exhaustive()
    }
}

impl View<'_> {
    /// The provider whose tokens are looked at, as the policy names it.
    #[must_use]
    pub fn federated(&self) -> Option<&Text> {
        match &self.viewer {
            Viewer::Federated(arn) => Some(arn),
            _ => None,
        }
    }

    /// The host and path of the issuer whose keys are claims.
    #[must_use]
    pub fn issuer(&self) -> Option<Text> {
        match &self.viewer {
            Viewer::Federated(arn) => issuer_of_federated(arn).or_else(|| self.issuer.clone()),
            Viewer::Issuer(host) => Some(host.clone()),
            Viewer::Aws(_) | Viewer::Principals | Viewer::Service(_) => None,
        }
    }
}

/// The policy for this view: some allow matches and no deny does.
#[must_use]
pub fn formula(policy: &Policy, view: &View<'_>) -> Formula {
    build(policy, view, false)
}

/// [`formula`] for a caller whom every test favours that depends on when and where the request is made (`aws:SourceIp`,
/// `aws:CurrentTime`, where that is today), or on a policy variable that the caller's own token fills.
#[must_use]
pub fn lenient_formula(policy: &Policy, view: &View<'_>) -> Formula {
    build(policy, view, true)
}

fn build(policy: &Policy, view: &View<'_>, lenient: bool) -> Formula {
    let (mut allow, mut deny) = (Vec::new(), Vec::new());
    for statement in &policy.statements {
        let favours = if statement.effect == Effect::Deny { Truth::False } else { Truth::True };
        let builder = Builder { view, variables: policy.has_variables(), doubt: lenient.then_some(favours) };
        let matched = builder.statement(statement);
        if matches!(matched, Formula::Constant(Truth::False, _)) {
            continue;
        }
        match statement.effect {
            Effect::Allow => allow.push(matched),
            Effect::Deny => deny.push(matched),
            Effect::Unknown => {
                let unsure = Formula::All(vec![matched, Formula::unknown("the effect of a statement is not known")]);
                allow.push(unsure.clone());
                deny.push(unsure);
            }
        }
    }
    if let Some(why) = &policy.open {
        allow.push(Formula::unknown(why.clone()));
        deny.push(Formula::unknown(why.clone()));
    }
    if deny.is_empty() { Formula::Any(allow) } else { Formula::All(vec![Formula::Any(allow), Formula::Any(deny).negate()]) }
}

/// Do a statement's actions hold this one? IAM's patterns: `*` and `?`, letter case ignored.
pub(super) fn covers(actions: &Actions, action: &str) -> Truth {
    let test = |text: &Text| {
        let pieces = pattern::pieces(text, pattern::Reading { wildcards: true, variables: false });
        glob::matches(&matching::without_variables(&pieces), action, true)
    };
    let truth = merge(actions.patterns.choices.iter().map(|list| any_of(list, &test)));
    if actions.negated { truth.not() } else { truth }
}

/// Does a pattern of actions (`iam:Put*`) match this action? Letter case is ignored.
#[must_use]
pub fn action_matches(pattern: &str, action: &str) -> bool {
    let pieces = pattern::pieces(&Text::known(pattern), pattern::Reading { wildcards: true, variables: false });
    glob::matches(&matching::without_variables(&pieces), action, true) == Truth::True
}

/// Alternatives of which one holds: certain where all agree.
fn merged(mut all: Vec<Formula>, why: &str) -> Formula {
    match all.len() {
        0 => Formula::FALSE,
        1 => all.swap_remove(0),
        _ => Formula::Any(vec![Formula::All(all.clone()), Formula::All(vec![Formula::unknown(why), Formula::Any(all)])]),
    }
}

const CHOICE: &str = "a condition that is not known chooses among several values";

/// A test's subject and how an absent key counts.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) subject: Subject,
    pub(super) absent: Truth,
    pub(super) label: String,
}

impl Target {
    /// One test of this target against the value `leaf`.
    pub(super) fn test(&self, matcher: Matcher, text: &Text, leaf: &Leaf) -> Formula {
        let trail: Trail = text.trail().or_else(|| leaf.trail.clone());
        Formula::Test(Box::new(Test {
            subject: self.subject.clone(),
            matcher,
            absent: self.absent,
            span: text.written_span().or(leaf.span),
            trail,
            label: self.label.clone(),
            origin: crate::admission::formula::TestOrigin::Condition,
        }))
    }

    fn present(&self, condition: &ConditionTest) -> Formula {
        let leaf = Leaf { choices: Vec::new(), several: None, span: condition.span, trail: None };
        let target = Self { absent: Truth::False, ..self.clone() };
        let span = condition.values.leaves().next().and_then(|l| l.choices.first().and_then(Text::span).or(l.span));
        target.test(Matcher::Present, &Text::default(), &Leaf { span: span.or(leaf.span), ..leaf })
    }
}

pub(super) struct Builder<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) variables: Option<bool>,
    /// What a test counts as that may hold for anybody; none where it stays unknown.
    pub(super) doubt: Option<Truth>,
}

impl Builder<'_> {
    fn statement(&self, statement: &Statement) -> Formula {
        let mut parts = Vec::new();
        let principal = match &self.view.viewer {
            Viewer::Principals => {
                parts.push(principals_formula(statement, self.doubt));
                Truth::True
            }
            _ => self.principals(statement),
        };
        let action = covers(&statement.actions, self.view.action);
        for (truth, what) in [(principal, "the principal is not known"), (action, "the action is not known")] {
            match truth {
                Truth::True => {}
                Truth::False | Truth::Error => return Formula::FALSE,
                Truth::Unknown if self.doubt.is_some() && self.may_name(statement) => {
                    parts.push(Formula::Constant(self.doubt.unwrap_or(Truth::Unknown), Some(what.to_owned())));
                }
                Truth::Unknown => parts.push(Formula::unknown(statement.principals.why_open().cloned().unwrap_or_else(|| what.to_owned()))),
            }
        }
        parts.extend(statement.conditions.iter().map(|c| self.condition(c)));
        parts.extend(statement.open_conditions.iter().map(Formula::unknown));
        // Whoever is favoured finds it where it lets in, and not where it refuses.
        parts.extend(statement.maybe.iter().map(|why| Formula::Constant(self.doubt.unwrap_or(Truth::Unknown), Some(why.clone()))));
        Formula::All(parts)
    }

    /// What a condition that is not known chooses may be this principal: it is one of the values.
    fn may_name(&self, statement: &Statement) -> bool {
        let is = |p: &Principal, text: &Text| {
            let leaf = Leaf { choices: vec![text.clone()], ..p.leaf.clone() };
            self.principal(&Principal { leaf, ..p.clone() }) == Truth::True
        };
        let principals = &statement.principals;
        let chosen = principals.items.iter().filter(|p| p.leaf.choices.len() > 1);
        !principals.negated
            && covers(&statement.actions, self.view.action) == Truth::True
            && chosen.chain(&principals.possible).any(|p| p.leaf.choices.iter().any(|text| is(p, text)))
    }

    fn principals(&self, statement: &Statement) -> Truth {
        let principals = &statement.principals;
        let mut truth = principals.items.iter().fold(Truth::False, |t, p| t.or(self.principal(p)));
        if principals.why_open().is_some() {
            truth = truth.or(Truth::Unknown);
        }
        if principals.negated { truth.not() } else { truth }
    }

    fn principal(&self, principal: &Principal) -> Truth {
        let choices = &principal.leaf.choices;
        let named = |text: &Text| match (principal.kind, &self.view.viewer) {
            (PrincipalKind::Everyone, _) => Truth::True,
            (PrincipalKind::Federated, Viewer::Federated(arn)) => pattern::equal(text, arn),
            (PrincipalKind::Federated, Viewer::Issuer(host)) => stands_for(text, host),
            (PrincipalKind::Aws, Viewer::Aws(arn)) => aws_principal(text, arn, true),
            (PrincipalKind::Aws, _) if text.as_known().as_deref() == Some("*") => Truth::Unknown,
            (PrincipalKind::Service, Viewer::Service(name)) => pattern::equal(text, &Text::known(name)),
            (PrincipalKind::Other, _) if !text.is_known() => Truth::Unknown,
            _ => Truth::False,
        };
        match self.doubt {
            Some(Truth::True) if choices.iter().any(|text| named(text) == Truth::True) => Truth::True,
            Some(Truth::False) if choices.iter().any(|text| named(text) == Truth::False) => Truth::False,
            _ => merge(choices.iter().map(named)),
        }
    }

    fn condition(&self, condition: &ConditionTest) -> Formula {
        let body = match condition.operator {
            None => Formula::unknown("IAM knows no such operator"),
            Some(operator) => self.body(condition, operator),
        };
        match &condition.maybe {
            None => body,
            // A test that may not be there cannot refuse for certain.
            Some(why) => Formula::Any(vec![body, Formula::unknown(why.clone())]),
        }
    }

    fn body(&self, condition: &ConditionTest, operator: Operator) -> Formula {
        let invalid_null = operator.base == Base::Null && (operator.if_exists || operator.set.is_some());
        if invalid_null {
            return Formula::unknown("`Null` takes neither `IfExists` nor a set operator");
        }
        match meaning(self.view, &condition.key) {
            Meaning::Request { why, may_hold } => match self.doubt.filter(|_| may_hold) {
                Some(doubt) => Formula::Constant(doubt, Some(why)),
                None => Formula::unknown(why),
            },
            // Whoever asks may ask today.
            Meaning::Moment(why) => match self.doubt {
                Some(doubt) => match self.fixed_truth(condition, operator, &crate::calendar::now().to_string()) {
                    Truth::Unknown => Formula::Constant(doubt, Some(why)),
                    today => Formula::Constant(today, Some(why)),
                },
                None => Formula::unknown(why),
            },
            Meaning::Absent => self.without_key(condition, operator),
            Meaning::Fixed(value) => self.fixed(condition, operator, &value),
            Meaning::Claim { name, list, note } => {
                let label = match note {
                    Some(note) => format!("{} ({note})", condition.label()),
                    None => condition.label(),
                };
                let subject = if list { Subject::AnyItem(name) } else { Subject::Claim(name) };
                let absent = matching::absent(operator, operator.set);
                let absent = if operator.negated { absent.not() } else { absent };
                let target = Target { subject, absent, label };
                if operator.base == Base::Null { null(condition, &target) } else { self.claim(condition, operator, &target, list) }
            }
        }
    }

    /// The test of a key that no request of this view has.
    fn without_key(&self, condition: &ConditionTest, operator: Operator) -> Formula {
        let truth = if operator.base == Base::Null {
            merge(condition.values.choices.iter().map(|list| any_of(list, &|text: &Text| matching::null_value(text, true))))
        } else {
            matching::absent(operator, operator.set)
        };
        Formula::Constant(truth, Some(format!("no request has the key `{}`", condition.key)))
    }

    /// The test of a key that has the same value in every request.
    fn fixed(&self, condition: &ConditionTest, operator: Operator, value: &str) -> Formula {
        Formula::Constant(self.fixed_truth(condition, operator, value), Some(format!("`{}` is always `{value}`", condition.key)))
    }

    fn fixed_truth(&self, condition: &ConditionTest, operator: Operator, value: &str) -> Truth {
        let lookup = |key: &Text| match meaning(self.view, key) {
            Meaning::Absent => Lookup::certain(Found::Absent),
            Meaning::Fixed(value) => Lookup::certain(Found::One(value)),
            Meaning::Request { why, .. } | Meaning::Moment(why) => Lookup::unknown(why),
            Meaning::Claim { name, .. } => Lookup::unknown(format!("it depends on the claim `{name}`")),
        };
        let variables = self.variables.unwrap_or(true);
        let test = |text: &Text| match operator.base {
            Base::Null => matching::null_value(text, false),
            _ => matching::value_matches(operator, text, value, variables, &lookup),
        };
        let truth = merge(condition.values.choices.iter().map(|list| any_of(list, &test)));
        if operator.negated { truth.not() } else { truth }
    }

    /// The test of a claim.
    fn claim(&self, condition: &ConditionTest, operator: Operator, target: &Target, list: bool) -> Formula {
        // Who is favoured by a negated test has none of its values.
        let doubt = if operator.negated { self.doubt.map(Truth::not) } else { self.doubt };
        let (matched, pure) = Self { doubt, ..*self }.any_match(&condition.values, operator, target);
        let unsure = |why: &str| Formula::unknown(why);
        let present = match (list, operator.set, operator.negated) {
            (false, _, false) | (true, Some(SetOperator::ForAnyValue), false) => matched,
            (false, _, true) | (true, Some(SetOperator::ForAllValues), true) => matched.negate(),
            (true, Some(SetOperator::ForAllValues), false) => Formula::All(vec![matched, unsure("every member of a list has to match")]),
            (true, Some(SetOperator::ForAnyValue), true) => {
                Formula::Any(vec![matched.negate(), unsure("some member of a list must not match")])
            }
            (true, None, false) => Formula::All(vec![matched, unsure("a multi-valued key without a set operator")]),
            (true, None, true) => Formula::Any(vec![matched.negate(), unsure("a multi-valued key without a set operator")]),
        };
        let exact = pure && (!list || matches!((operator.set, operator.negated), (Some(SetOperator::ForAnyValue), false)));
        if exact {
            return present;
        }
        // Constants know nothing of an absent key: say it beside them.
        let there = target.present(condition);
        match matching::absent(operator, operator.set) {
            Truth::False | Truth::Error => Formula::All(vec![there, present]),
            Truth::True => Formula::Any(vec![there.negate(), present]),
            Truth::Unknown => Formula::Any(vec![
                Formula::All(vec![there.clone(), present]),
                Formula::All(vec![there.negate(), unsure("`ForAnyValue` with `IfExists` on an absent key is not documented")]),
            ]),
        }
    }

    /// "Some value matches", and whether it consists of tests alone.
    fn any_match(&self, values: &Values, operator: Operator, target: &Target) -> (Formula, bool) {
        let mut pure = true;
        let mut lists = Vec::new();
        for list in &values.choices {
            let mut any = Vec::new();
            for leaf in &list.items {
                let choices: Vec<Formula> = leaf.choices.iter().map(|text| value_formula(self, operator, text, leaf, target)).collect();
                if matches!(choices.as_slice(), [Formula::Constant(Truth::False, _)]) {
                    continue;
                }
                pure &= matches!(choices.as_slice(), [Formula::Test(_)]);
                any.push(self.chosen(choices));
            }
            pure &= !any.is_empty();
            if let Some(why) = list.why_open() {
                pure = false;
                any.push(Formula::unknown(why.clone()));
            }
            lists.push(Formula::Any(any));
        }
        pure &= lists.len() == 1;
        (self.chosen(lists), pure)
    }

    /// Values of which an unknown condition chooses one: whoever is favoured has the one that lets them in.
    fn chosen(&self, all: Vec<Formula>) -> Formula {
        match self.doubt {
            Some(Truth::True) if all.len() > 1 => Formula::Any(all),
            Some(Truth::False) if all.len() > 1 => Formula::All(all),
            _ => merged(all, CHOICE),
        }
    }
}

/// `Null` on a claim.
fn null(condition: &ConditionTest, target: &Target) -> Formula {
    let there = target.present(condition);
    let one = |text: &Text| match matching::null_value(text, true) {
        Truth::True => there.clone().negate(),
        Truth::False => there.clone(),
        _ => Formula::unknown("the value of `Null` is not known"),
    };
    let lists = condition.values.choices.iter().map(|list| {
        let mut any: Vec<Formula> = list.items.iter().map(|leaf| merged(leaf.choices.iter().map(one).collect(), CHOICE)).collect();
        any.extend(list.why_open().map(Formula::unknown));
        Formula::Any(any)
    });
    merged(lists.collect(), CHOICE)
}
