//! IAM conditions on bindings: what they may read, and whether they have ended
//! (<https://cloud.google.com/iam/docs/conditions-attribute-reference>).

use crate::admission::cel::ast::{Expr, ExprKind, Op};
use crate::admission::cel::evaluate::{Scope, evaluate};
use crate::admission::cel::value::Value;
use crate::admission::cel::{Problem, parse};
use crate::partial::Text;
use crate::place::Span;

/// What a condition says of a binding from a moment on.
#[derive(Debug, Clone)]
pub enum Standing {
    /// It may hold, for some request.
    MayHold,
    /// It never holds again.
    Ended,
    /// It reads what only the condition of a provider knows (`attribute.x`, `assertion.x`, `google.subject`).
    Foreign {
        /// The name.
        name: String,
        /// Where.
        span: Option<Span>,
    },
    /// It is no expression.
    Refused(Problem),
}

/// The variables of a provider's condition, which IAM's have not.
const OF_PROVIDERS: [&str; 3] = ["assertion", "attribute", "google"];

/// What a condition says at `now` (seconds since 1970) and later.
#[must_use]
pub fn standing(condition: &Text, now: i64) -> Standing {
    let expression = match parse(condition) {
        Ok(expression) => expression,
        Err(problem) if problem.unknown => return Standing::MayHold,
        Err(problem) => return Standing::Refused(problem),
    };
    if let Some((name, span)) = foreign(&expression) {
        return Standing::Foreign { name, span };
    }
    if holds(&expression, now) == Some(false) { Standing::Ended } else { Standing::MayHold }
}

/// The first name that belongs to a provider, with the field that is read of it.
fn foreign(e: &Expr) -> Option<(String, Option<Span>)> {
    match &e.kind {
        ExprKind::Select { of, field } | ExprKind::Has { of, field } => match &of.kind {
            ExprKind::Ident { name, .. } if OF_PROVIDERS.contains(&name.as_str()) => Some((format!("{name}.{field}"), e.span)),
            _ => foreign(of),
        },
        ExprKind::Ident { name, .. } if OF_PROVIDERS.contains(&name.as_str()) => Some((name.clone(), e.span)),
        // Its variable may have any name.
        ExprKind::Macro { of, .. } => foreign(of),
        _ => e.children().into_iter().find_map(foreign),
    }
}

/// Whether an expression holds at `now` or later: none when that depends on the request.
fn holds(e: &Expr, now: i64) -> Option<bool> {
    match &e.kind {
        ExprKind::Bool(value) => Some(*value),
        ExprKind::And(all) => {
            let all: Vec<Option<bool>> = all.iter().map(|part| holds(part, now)).collect();
            if all.contains(&Some(false)) { Some(false) } else { all.iter().all(|h| *h == Some(true)).then_some(true) }
        }
        ExprKind::Or(all) => {
            let all: Vec<Option<bool>> = all.iter().map(|part| holds(part, now)).collect();
            if all.contains(&Some(true)) { Some(true) } else { all.iter().all(|h| *h == Some(false)).then_some(false) }
        }
        ExprKind::Not(of) => holds(of, now).map(|h| !h),
        ExprKind::Binary { op, left, right } if is_time(left) => time(*op, moment(right)?, now),
        ExprKind::Binary { op, left, right } if is_time(right) => time(turned(*op), moment(left)?, now),
        _ => None,
    }
}

/// `request.time`.
fn is_time(e: &Expr) -> bool {
    let ExprKind::Select { of, field } = &e.kind else { return false };
    field == "time" && matches!(&of.kind, ExprKind::Ident { name, .. } if name == "request")
}

/// A moment that is written.
fn moment(e: &Expr) -> Option<i64> {
    match evaluate(e, &Scope::default()) {
        Ok(Value::Timestamp(seconds, _)) => Some(seconds),
        _ => None,
    }
}

fn turned(op: Op) -> Op {
    match op {
        Op::Less => Op::Greater,
        Op::LessEqual => Op::GreaterEqual,
        Op::Greater => Op::Less,
        Op::GreaterEqual => Op::LessEqual,
        other => other,
    }
}

/// `request.time OP moment` for all times from now on, where it is one answer for all of them.
fn time(op: Op, moment: i64, now: i64) -> Option<bool> {
    let past = moment < now;
    match op {
        Op::Less | Op::LessEqual | Op::Equal => past.then_some(false),
        Op::Greater | Op::GreaterEqual | Op::NotEqual => past.then_some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-01-01.
    const NOW: i64 = 1_767_225_600;

    fn of(condition: &str) -> Standing {
        standing(&Text::known(condition), NOW)
    }

    #[test]
    fn what_has_ended() {
        for ended in [
            "request.time < timestamp('2021-01-01T00:00:00Z')",
            "timestamp('2021-01-01T00:00:00Z') >= request.time",
            "resource.name.startsWith('projects/p') && request.time <= timestamp('2025-12-31T23:59:59Z')",
            "!(request.time > timestamp('2021-01-01T00:00:00Z'))",
            "request.time > timestamp('2020-01-01T00:00:00Z') && request.time < timestamp('2020-02-01T00:00:00Z')",
            "false",
        ] {
            assert!(matches!(of(ended), Standing::Ended), "{ended}");
        }
        for open in [
            "request.time < timestamp('2026-01-01T00:00:00Z')",
            "request.time < timestamp('2031-01-01T00:00:00Z')",
            "request.time > timestamp('2031-01-01T00:00:00Z')",
            "request.time < timestamp('2021-01-01T00:00:00Z') || resource.type == 'x'",
            "resource.name.startsWith('projects/p')",
            "request.time.getHours('Europe/Berlin') < 9",
            "['a'].exists(google, google == 'a')",
        ] {
            assert!(matches!(of(open), Standing::MayHold), "{open}");
        }
    }

    #[test]
    fn what_belongs_to_a_provider() {
        for foreign in [
            "attribute.ref == 'refs/heads/main'",
            "!has(assertion.sub)",
            "google.subject.startsWith('a') || request.time < timestamp('2031-01-01T00:00:00Z')",
        ] {
            assert!(matches!(of(foreign), Standing::Foreign { .. }), "{foreign}");
        }
        assert!(matches!(of("resource.type ="), Standing::Refused(_)));
    }
}
