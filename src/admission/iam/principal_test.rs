//! The element `Principal` as a test of the AWS principal that calls
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>).

use super::caller::SESSION_ARN;
use super::policy::{Principal, PrincipalKind, Statement};
use crate::admission::formula::{Formula, Matcher, Subject, Test};
use crate::partial::{Text, cut};
use crate::token::Truth;

const ACCOUNT: &str = "aws:principalaccount";
const PRINCIPAL_ARN: &str = "aws:principalarn";
/// The fields of an ARN.
const FIELDS: usize = 6;

/// "The caller is one that the statement names." `doubt`: what the statement's tests count as that may hold for anybody; the
/// caller whom they favour is the one that a condition chooses.
pub(super) fn principals_formula(statement: &Statement, doubt: Option<Truth>) -> Formula {
    let principals = &statement.principals;
    let mut any: Vec<Formula> = principals.items.iter().map(|p| named(p, doubt)).collect();
    if doubt == Some(Truth::True) {
        any.extend(principals.possible.iter().map(|p| named(p, doubt)));
    }
    any.extend(principals.why_open().into_iter().map(|why| Formula::unknown(why.clone())));
    let formula = Formula::Any(any);
    if principals.negated { formula.negate() } else { formula }
}

/// "The caller is this principal"; where one of several values is meant, for certain only if it is each of them.
fn named(principal: &Principal, doubt: Option<Truth>) -> Formula {
    let one = |text: &Text| match principal.kind {
        PrincipalKind::Everyone => Formula::TRUE,
        PrincipalKind::Aws => caller(text, principal),
        PrincipalKind::Other if !text.is_known() => Formula::unknown("the principal is not known"),
        _ => Formula::FALSE,
    };
    let mut all: Vec<Formula> = principal.leaf.choices.iter().map(one).collect();
    match (all.len(), doubt) {
        (1, _) => all.swap_remove(0),
        (_, Some(Truth::True)) => Formula::Any(all),
        (_, Some(Truth::False)) => Formula::All(all),
        _ => Formula::Any(vec![
            Formula::All(all.clone()),
            Formula::All(vec![Formula::unknown("a condition that is not known chooses the principal"), Formula::Any(all)]),
        ]),
    }
}

fn caller(text: &Text, principal: &Principal) -> Formula {
    let test = |claim: &str, text: Text| {
        Formula::Test(Box::new(Test {
            subject: Subject::Claim(claim.to_owned()),
            span: text.span().or(principal.leaf.span),
            trail: text.trail().or_else(|| principal.leaf.trail.clone()),
            matcher: Matcher::Exact(text),
            absent: Truth::False,
            label: "Principal".to_owned(),
            origin: crate::admission::formula::TestOrigin::Condition,
        }))
    };
    match part(text) {
        Part::Everybody => Formula::TRUE,
        Part::Account(account) => test(ACCOUNT, account),
        Part::Principal => Formula::Any(vec![test(PRINCIPAL_ARN, text.clone()), test(SESSION_ARN, text.clone())]),
        Part::Unknown => {
            Formula::Any(vec![test(ACCOUNT, text.clone()), test(PRINCIPAL_ARN, text.clone()), test(SESSION_ARN, text.clone())])
        }
        Part::Nobody => Formula::FALSE,
    }
}

/// Whom a value under `AWS` names.
enum Part {
    /// `*`
    Everybody,
    /// An account as a whole.
    Account(Text),
    /// One role, session or user.
    Principal,
    /// Any of these, for all that can be read.
    Unknown,
    /// Nobody: the unique id of a principal that was deleted, or nothing that IAM takes.
    Nobody,
}

fn part(text: &Text) -> Part {
    if let Some(known) = text.as_known() {
        if known == "*" {
            return Part::Everybody;
        }
        if known.len() == 12 && known.bytes().all(|b| b.is_ascii_digit()) {
            return Part::Account(text.clone());
        }
        if !known.starts_with("arn:") {
            return Part::Nobody;
        }
    }
    let shape = text.fill(|_| "\u{0}".to_owned());
    let colons: Vec<usize> = shape.match_indices(':').map(|(at, _)| at).collect();
    let (Some(before), Some(after)) = (colons.get(FIELDS - 3), colons.get(FIELDS - 2)) else { return Part::Unknown };
    if shape.get(after + 1..) == Some("root") { Part::Account(cut::slice(text, before + 1..*after)) } else { Part::Principal }
}
