//! From the tree to a [`Policy`].

use super::formula::action_matches;
use super::operator::{Base, Operator};
use super::policy::{
    Actions, ConditionTest, Effect, Leaf, Policy, PolicyProblem, Principal, PrincipalKind, Principals, ProblemKind, Statement, ValueList,
    Values,
};
use crate::partial::{Entry, Kind, Text, Value};
use crate::place::Span;

/// The default quota of a trust policy, in characters without whitespace
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>).
pub(super) const TRUST_POLICY_QUOTA: usize = 2048;
/// The most that the quota can be raised to.
const LARGEST_QUOTA: usize = 4096;
/// The actions that a trust policy may name, alone or by a pattern
/// (<https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssecuritytokenservice.html>).
const IN_TRUSTS: &[&str] = &[
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:SetContext",
    "sts:SetSourceIdentity",
    "sts:TagSession",
];
/// Most nested alternatives and lists that are followed.
const MAX_DEPTH: usize = 16;

impl Policy {
    /// Reads a trust policy. What does not have a policy's shape becomes a problem, what is not known stays open.
    #[must_use]
    pub fn read(value: &Value) -> Self {
        let mut reader = Reader { policy: Policy { span: value.span, ..Policy::default() } };
        reader.document(value, None, 0);
        let size = size(value, 0);
        if size > LARGEST_QUOTA {
            let at = reader.policy.statements.first().and_then(|s| s.span).or(value.span);
            reader.problem(at, ProblemKind::TooLarge, format!("it has about {size} characters, and no quota goes beyond {LARGEST_QUOTA}"));
        } else if size > TRUST_POLICY_QUOTA {
            reader.problem(
                value.span,
                ProblemKind::TooLong,
                format!("the policy has about {size} characters; the default quota for a trust policy is {TRUST_POLICY_QUOTA}"),
            );
        }
        reader.policy
    }
}

/// The characters of the policy as compact JSON, whitespace not counted.
fn size(value: &Value, depth: usize) -> usize {
    if depth > MAX_DEPTH {
        return 0;
    }
    let text = |t: &Text| t.fill(|_| String::new()).chars().count() + 2;
    match &value.kind {
        Kind::Text(t) => text(t),
        Kind::List { items, .. } => items.iter().map(|i| size(i, depth + 1) + 1).sum::<usize>() + 1,
        Kind::Map { entries, .. } => entries.iter().map(|e| text(&e.key) + size(&e.value, depth + 1) + 2).sum::<usize>() + 1,
        Kind::OneOf(all) => all.iter().map(|v| size(v, depth + 1)).min().unwrap_or(0),
        Kind::Number(n) => n.len(),
        Kind::Bool(_) | Kind::Null => 4,
        Kind::Unknown(_) => 0,
    }
}

/// Several possible lists of one string each are one string with several possible values.
fn one_of_singles(values: Values) -> Values {
    let singles = values.choices.len() > 1 && values.choices.iter().all(|c| c.items.len() == 1 && c.why_open().is_none());
    if !singles {
        return values;
    }
    let leaf = values.choices.first().and_then(|c| c.items.first()).cloned();
    let choices = values.leaves().flat_map(|l| l.choices.iter().cloned()).collect();
    let items = leaf.map(|l| Leaf { choices, ..l }).into_iter().collect();
    Values { choices: vec![ValueList { items, open: None }] }
}

#[derive(Default)]
struct Reader {
    policy: Policy,
}

fn unresolved(value: &Value, what: &str) -> String {
    match &value.kind {
        Kind::Unknown(atom) if !atom.why().is_empty() => format!("{what} is not known: {}", atom.why()),
        Kind::Unknown(atom) => format!("{what} is not known: `{}`", atom.label()),
        Kind::OneOf(_) => format!("{what} depends on a condition that is not known"),
        _ => format!("{what} may have more members than can be seen"),
    }
}

impl Reader {
    fn problem(&mut self, span: Option<Span>, kind: ProblemKind, message: impl Into<String>) {
        self.policy.problems.push(PolicyProblem { span, kind, message: message.into() });
    }

    /// The entries that count (the last of each key), after telling about the others.
    fn last_entries<'v>(&mut self, entries: &'v [Entry], what: &str) -> Vec<&'v Entry> {
        let name = |e: &Entry| e.key.as_known();
        let mut last = std::collections::BTreeMap::new();
        for (index, entry) in entries.iter().enumerate() {
            if let Some(key) = name(entry) {
                last.insert(key, index);
            }
        }
        let mut kept = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            match name(entry).and_then(|k| last.get(&k).copied()) {
                Some(at) if at != index => self.problem(
                    entry.key.span().or(entry.value.span),
                    ProblemKind::DuplicateKey,
                    format!("{what} `{}` is written twice: this one is dropped, the last one counts", entry.key),
                ),
                _ => kept.push(entry),
            }
        }
        kept
    }

    fn document(&mut self, value: &Value, maybe: Option<&str>, depth: usize) {
        let entries = match &value.kind {
            Kind::Map { entries, .. } => entries,
            Kind::OneOf(all) if depth < MAX_DEPTH => {
                let why = unresolved(value, "the policy");
                for one in all {
                    self.document(one, Some(maybe.unwrap_or(&why)), depth + 1);
                }
                return;
            }
            Kind::OneOf(_) | Kind::Unknown(_) => {
                self.policy.open = Some(unresolved(value, "the policy"));
                return;
            }
            _ => {
                self.problem(value.span, ProblemKind::Malformed, "a policy is an object with `Statement`");
                return;
            }
        };
        if value.is_open() {
            self.policy.open = Some(unresolved(value, "the policy"));
        }
        let mut statements = None;
        for entry in self.last_entries(entries, "the element") {
            let Some(key) = entry.key.as_known() else {
                self.policy.open = Some(format!("the name of the element `{}` is not known", entry.key));
                continue;
            };
            match key.as_str() {
                "Version" => self.version(&entry.value),
                "Statement" => statements = Some(&entry.value),
                "Id" => {}
                _ if is_note(&key, &entry.value) => {}
                _ => self.problem(entry.key.span(), ProblemKind::UnknownElement, format!("a policy has no element `{key}`")),
            }
        }
        match statements {
            Some(list) => self.statements(list, maybe, depth + 1),
            None if self.policy.open.is_none() => self.problem(value.span, ProblemKind::Malformed, "the policy has no `Statement`"),
            None => {}
        }
    }

    fn version(&mut self, value: &Value) {
        self.policy.version = match &value.kind {
            Kind::OneOf(_) => Some(Text::hole(
                crate::partial::Unknown::new(
                    "policy version",
                    crate::partial::UnknownKind::Any,
                    "Version",
                    "the version is not known",
                    value.span,
                ),
                value.span,
            )),
            _ => value.as_text(),
        };
        if let Some(version) = self.policy.version.as_ref().and_then(Text::as_known)
            && version != "2012-10-17"
            && version != "2008-10-17"
        {
            self.problem(value.span, ProblemKind::BadVersion, format!("unknown policy version `{version}`"));
        }
    }

    fn statements(&mut self, value: &Value, maybe: Option<&str>, depth: usize) {
        if depth > MAX_DEPTH {
            self.policy.open = Some("the statements are nested too deeply".to_owned());
            return;
        }
        match &value.kind {
            Kind::List { items, open } => {
                if *open {
                    self.policy.open = Some(unresolved(value, "the list of statements"));
                }
                for item in items {
                    self.statements(item, maybe, depth + 1);
                }
            }
            Kind::Map { .. } => self.statement(value, maybe),
            Kind::OneOf(all) => {
                let why = unresolved(value, "the statement");
                for one in all {
                    self.statements(one, Some(maybe.unwrap_or(&why)), depth + 1);
                }
            }
            Kind::Unknown(_) => self.policy.open = Some(unresolved(value, "the statement")),
            Kind::Null if maybe.is_some() => {}
            _ => self.problem(value.span, ProblemKind::Malformed, "a statement is an object"),
        }
    }

    fn statement(&mut self, value: &Value, maybe: Option<&str>) {
        let mut statement = Statement {
            sid: None,
            effect: Effect::Unknown,
            principals: Principals::default(),
            actions: Actions::default(),
            conditions: Vec::new(),
            open_conditions: None,
            maybe: maybe.map(str::to_owned),
            span: value.span,
        };
        let (mut effect, mut principal, mut action) = (false, false, false);
        for entry in self.last_entries(value.entries(), "the element") {
            let Some(key) = entry.key.as_known() else {
                statement.maybe = Some(format!("the name of the element `{}` is not known", entry.key));
                continue;
            };
            let at = entry.key.span().or(entry.value.span);
            match key.as_str() {
                "Sid" => statement.sid = entry.value.as_text(),
                "Effect" => {
                    effect = true;
                    statement.effect = self.effect(&entry.value);
                }
                "Principal" | "NotPrincipal" => {
                    principal = true;
                    self.principals(&entry.value, key == "NotPrincipal", at, &mut statement.principals);
                }
                "Action" | "NotAction" => {
                    action = true;
                    statement.actions = self.actions(&entry.value, key == "NotAction", at);
                }
                "Condition" => self.conditions(&entry.value, None, &mut statement, 0),
                "Resource" | "NotResource" => {
                    self.problem(
                        at,
                        ProblemKind::Resource,
                        format!("a trust policy may not have `{key}`: the role itself is the resource"),
                    );
                }
                _ if is_note(&key, &entry.value) => {}
                // A test that stands there is meant, and tests nothing.
                _ if Operator::parse(&key).is_some() => {
                    self.problem(
                        at,
                        ProblemKind::UnknownElement,
                        format!("`{key}` stands beside `Condition`, where IAM knows no operators"),
                    );
                    statement.open_conditions.get_or_insert_with(|| format!("`{key}` stands beside `Condition`"));
                }
                _ => self.problem(at, ProblemKind::UnknownElement, format!("a statement has no element `{key}`")),
            }
        }
        if value.is_open() {
            let why = unresolved(value, "the statement");
            statement.open_conditions.get_or_insert_with(|| why.clone());
            statement.principals.open.get_or_insert_with(|| why.clone());
            statement.maybe.get_or_insert(why);
        } else {
            self.missing(&statement, effect, principal, action);
        }
        self.cognito(&statement);
        self.policy.statements.push(statement);
    }

    fn missing(&mut self, statement: &Statement, effect: bool, principal: bool, action: bool) {
        if !effect {
            self.problem(statement.span, ProblemKind::BadEffect, "the statement has no `Effect`");
        }
        if !principal {
            self.problem(statement.span, ProblemKind::MissingPrincipal, "the statement has no `Principal`: it trusts nobody");
        }
        if !action {
            self.problem(statement.span, ProblemKind::MissingAction, "the statement has no `Action`");
        }
    }

    fn cognito(&mut self, statement: &Statement) {
        let cognito = statement.principals.items.iter().find(|p| {
            p.kind == PrincipalKind::Federated
                && p.leaf.text().and_then(Text::as_known).as_deref() == Some("cognito-identity.amazonaws.com")
        });
        if let Some(principal) = cognito
            && statement.effect == Effect::Allow
            && statement.conditions.is_empty()
            && statement.open_conditions.is_none()
        {
            let span = principal.leaf.span.or(statement.span);
            self.problem(span, ProblemKind::CognitoWithoutCondition, "a trust in Cognito needs a `Condition`");
        }
    }

    fn effect(&mut self, value: &Value) -> Effect {
        match value.as_str().as_deref() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            Some(other) => {
                self.problem(value.span, ProblemKind::BadEffect, format!("`Effect` is `Allow` or `Deny`, not `{other}`"));
                Effect::Unknown
            }
            None => {
                if value.as_text().is_none() && !matches!(value.kind, Kind::OneOf(_)) {
                    self.problem(value.span, ProblemKind::BadEffect, "`Effect` is `Allow` or `Deny`");
                }
                Effect::Unknown
            }
        }
    }

    fn principals(&mut self, value: &Value, negated: bool, at: Option<Span>, out: &mut Principals) {
        out.negated = negated;
        out.span = value.span.or(at);
        if negated {
            self.problem(at, ProblemKind::NotPrincipal, "a trust policy may not have `NotPrincipal`");
        }
        match &value.kind {
            Kind::Map { entries, open } => {
                if *open {
                    out.open = Some(unresolved(value, "the principal"));
                }
                for entry in self.last_entries(entries, "the principal") {
                    let kind = self.principal_kind(entry);
                    let values = one_of_singles(self.values(&entry.value, "the list of principals"));
                    let single = values.choices.len() == 1;
                    for list in values.choices {
                        if list.open.is_some() && out.open.is_none() {
                            out.open.clone_from(&list.open);
                        }
                        if !single {
                            out.open.get_or_insert_with(|| "the list of principals depends on a condition that is not known".to_owned());
                        }
                        // Of several possible lists no member is certain.
                        let to = if single { &mut out.items } else { &mut out.possible };
                        to.extend(list.items.into_iter().map(|leaf| Principal { kind, leaf, key: entry.key.clone() }));
                    }
                }
            }
            Kind::Text(text) if text.as_known().as_deref() == Some("*") => {
                self.problem(value.span, ProblemKind::PrincipalStar, "`\"Principal\": \"*\"` is invalid in a trust policy: IAM rejects it");
                let leaf = Leaf { choices: vec![text.clone()], several: None, span: value.span, trail: value.trail.clone() };
                out.items.push(Principal { kind: PrincipalKind::Everyone, leaf, key: Text::default() });
            }
            Kind::OneOf(all) => {
                out.open = Some(unresolved(value, "the principal"));
                for one in all.iter().filter(|one| matches!(one.kind, Kind::Map { .. })) {
                    let mut alternative = Reader::default();
                    let mut principals = Principals::default();
                    alternative.principals(one, negated, at, &mut principals);
                    out.possible.extend(principals.items.into_iter().chain(principals.possible));
                }
            }
            Kind::Unknown(_) => out.open = Some(unresolved(value, "the principal")),
            Kind::Text(text) if !text.is_known() => out.open = Some("the principal is not known".to_owned()),
            _ => self.problem(value.span.or(at), ProblemKind::Malformed, "`Principal` is an object such as `{\"Federated\": …}`"),
        }
    }

    fn principal_kind(&mut self, entry: &Entry) -> PrincipalKind {
        match entry.key.as_known().as_deref() {
            Some("AWS") => PrincipalKind::Aws,
            Some("Federated") => PrincipalKind::Federated,
            Some("Service") => PrincipalKind::Service,
            Some("CanonicalUser") => PrincipalKind::CanonicalUser,
            Some(other) => {
                let message = format!("unknown principal type `{other}`: `AWS`, `Federated`, `Service`");
                self.problem(entry.key.span(), ProblemKind::UnknownPrincipalKind, message);
                PrincipalKind::Other
            }
            None => PrincipalKind::Other,
        }
    }

    fn actions(&mut self, value: &Value, negated: bool, at: Option<Span>) -> Actions {
        let patterns = self.values(value, "the list of actions");
        for leaf in patterns.leaves() {
            for text in &leaf.choices {
                let known = text.known_prefix().to_ascii_lowercase();
                let sts = known == "*" && text.is_known()
                    || known.starts_with("sts:")
                    || (!text.is_known() && "sts:".starts_with(known.as_str()));
                let sts = sts && text.as_known().is_none_or(|t| IN_TRUSTS.iter().any(|action| action_matches(&t, action)));
                if !sts {
                    self.policy.problems.push(PolicyProblem {
                        span: leaf.span.or(at),
                        kind: ProblemKind::NonStsAction,
                        message: format!("a trust policy may only name actions of STS that assume a role, tag or set, not `{text}`"),
                    });
                }
            }
        }
        Actions { negated, patterns, span: value.span.or(at) }
    }

    fn conditions(&mut self, value: &Value, maybe: Option<&str>, statement: &mut Statement, depth: usize) {
        let entries = match &value.kind {
            Kind::Map { entries, open } => {
                if *open {
                    statement.open_conditions = Some(unresolved(value, "the condition"));
                }
                entries
            }
            Kind::OneOf(all) if depth < MAX_DEPTH => {
                let why = unresolved(value, "the condition");
                for one in all {
                    self.conditions(one, Some(maybe.unwrap_or(&why)), statement, depth + 1);
                }
                return;
            }
            Kind::OneOf(_) | Kind::Unknown(_) => {
                statement.open_conditions = Some(unresolved(value, "the condition"));
                return;
            }
            Kind::Text(text) if !text.is_known() => {
                statement.open_conditions = Some(format!("`{text}` is not known"));
                return;
            }
            Kind::Null => return,
            _ => {
                self.problem(value.span, ProblemKind::Malformed, "`Condition` is an object of operators");
                statement.open_conditions = Some("the condition cannot be read".to_owned());
                return;
            }
        };
        for entry in self.last_entries(entries, "the operator") {
            self.operator(entry, maybe, statement);
        }
    }

    fn operator(&mut self, entry: &Entry, maybe: Option<&str>, statement: &mut Statement) {
        let span = entry.key.span().or(entry.value.span);
        let operator = match entry.key.as_known() {
            None => {
                statement.open_conditions = Some(format!("the operator `{}` is not known", entry.key));
                return;
            }
            Some(name) => match Operator::parse(&name) {
                Some((operator, exact)) => {
                    if !exact {
                        self.problem(
                            span,
                            ProblemKind::OperatorCase,
                            format!("`{name}` is spelled in another letter case than documented"),
                        );
                    }
                    if operator.base == Base::Null && (operator.if_exists || operator.set.is_some()) {
                        self.problem(
                            span,
                            ProblemKind::InvalidNull,
                            format!("`{name}` is invalid: `Null` takes neither `IfExists` nor a set operator"),
                        );
                    }
                    Some(operator)
                }
                None => {
                    self.problem(span, ProblemKind::UnknownOperator, format!("unknown condition operator `{name}`"));
                    None
                }
            },
        };
        self.keys(entry, &entry.value, operator, maybe, statement, 0);
    }

    fn keys(
        &mut self,
        entry: &Entry,
        value: &Value,
        operator: Option<Operator>,
        maybe: Option<&str>,
        statement: &mut Statement,
        depth: usize,
    ) {
        match &value.kind {
            Kind::Map { entries, open } => {
                if *open {
                    statement.open_conditions = Some(unresolved(value, "the condition"));
                }
                for key in self.last_entries(entries, "the condition key") {
                    let mut values = self.values(&key.value, "the list of values");
                    // A key that an unknown condition may leave out.
                    let absent = matches!(&key.value.kind, Kind::OneOf(all) if all.iter().any(Value::is_null));
                    let why = absent.then(|| unresolved(&key.value, "the condition"));
                    let maybe = maybe.map(str::to_owned).or(why);
                    if absent && values.choices.len() > 1 {
                        values.choices.retain(|c| !c.items.is_empty() || c.why_open().is_some());
                    }
                    if values.choices.iter().all(|c| c.items.is_empty() && c.why_open().is_none()) {
                        let message = format!("the condition on `{}` has no values", key.key);
                        self.problem(key.value.span.or(key.key.span()), ProblemKind::EmptyValues, message);
                    }
                    statement.conditions.push(ConditionTest {
                        operator,
                        operator_text: entry.key.clone(),
                        key: key.key.clone(),
                        values,
                        maybe,
                        span: key.key.span().or(key.value.span),
                    });
                }
            }
            Kind::OneOf(all) if depth < MAX_DEPTH => {
                let why = unresolved(value, "the condition");
                for one in all {
                    self.keys(entry, one, operator, Some(maybe.unwrap_or(&why)), statement, depth + 1);
                }
            }
            Kind::OneOf(_) | Kind::Unknown(_) => statement.open_conditions = Some(unresolved(value, "the condition")),
            // An attribute that is known only later may be the whole object.
            Kind::Text(text) if !text.is_known() => statement.open_conditions = Some(format!("`{text}` is not known")),
            Kind::Null => {}
            _ => {
                self.problem(value.span, ProblemKind::Malformed, "a condition operator takes an object of keys and values");
                statement.open_conditions = Some("the condition cannot be read".to_owned());
            }
        }
    }

    fn values(&mut self, value: &Value, what: &str) -> Values {
        let mut choices = Vec::new();
        let several = matches!(value.kind, Kind::OneOf(_));
        for alternative in value.alternatives() {
            choices.push(if several && alternative.is_null() { ValueList::default() } else { self.value_list(alternative, what) });
        }
        Values { choices }
    }

    fn value_list(&mut self, value: &Value, what: &str) -> ValueList {
        let mut list = ValueList::default();
        match &value.kind {
            Kind::List { items, open } => {
                if *open {
                    list.open = Some(unresolved(value, what));
                }
                for item in items {
                    self.leaf(item, what, &mut list);
                }
            }
            // A whole unknown can be one string or a list of them.
            Kind::Unknown(atom) => {
                self.leaf(value, what, &mut list);
                if let Some(leaf) = list.items.first_mut().filter(|_| atom.kind() == crate::partial::UnknownKind::Any) {
                    leaf.several = Some(unresolved(value, what));
                }
            }
            _ => self.leaf(value, what, &mut list),
        }
        list
    }

    fn leaf(&mut self, value: &Value, what: &str, list: &mut ValueList) {
        let alternatives = value.alternatives();
        let choices: Vec<Text> = alternatives.iter().filter_map(|v| v.as_text()).collect();
        if choices.len() < alternatives.len() || choices.is_empty() {
            match &value.kind {
                Kind::Null | Kind::Map { .. } | Kind::List { .. } => {
                    self.problem(value.span, ProblemKind::Malformed, format!("{what} holds something that is not a string"));
                }
                _ => {}
            }
            list.open = Some(format!("{what} holds something that cannot be read"));
            if choices.is_empty() {
                return;
            }
        }
        list.items.push(Leaf { choices, several: None, span: value.span, trail: value.trail.clone() });
    }
}
/// A note to fedlint in a file that only it reads.
fn is_note(key: &str, value: &Value) -> bool {
    key == "//" && value.as_str().is_some_and(|text| text.trim_start().starts_with("fedlint:"))
}
