//! Members that name one instance: they end with it.

use super::Context;
use crate::admission::cel::google::{Member, MemberKind, Piece, Selector};
use crate::catalogue::{RuleId, Severity};
use crate::graph::{Gate, Trust};
use crate::partial::{Part, Text};
use crate::rules::Finding;

/// Resources whose ids and addresses die with the instance.
const INSTANCES: [&str; 3] = ["aws_instance", "aws_spot_instance_request", "aws_ecs_task_execution"];

pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let found = context.graph.trusts.iter().filter_map(|trust| {
        let Gate::GoogleMember { member: text, .. } = &trust.gate else { return None };
        let member = Member::parse(text).ok()?;
        let MemberKind::Pool { selector, .. } = &member.kind else { return None };
        if let Selector::Attribute { value, .. } = selector {
            return of_attribute(trust, text, value);
        }
        let Selector::Subject(subject) = selector else { return None };
        let (what, session) = instance(&subject.text)?;
        let message =
            format!("the binding names one {what} (`{session}`): when it is replaced, its subject changes and the successor is refused");
        let span = subject.text.find_span(&session).or(subject.span).or_else(|| text.span());
        let finding = Finding::new(RuleId::SubjectBoundPrincipal, &trust.origin, span, &text.to_string(), message);
        Some(
            finding
                .help("bind the role: `principalSet://…/attribute.aws_role/ROLE`; the audit log still shows the whole subject")
                .along_text(text),
        )
    });
    found.collect()
}

/// An attribute that holds the session of a role, bound to an instance: Google's own example for a single machine
/// (<https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds>).
fn of_attribute(trust: &Trust, text: &Text, value: &Piece) -> Option<Finding> {
    let known = value.text.as_known()?;
    let "EC2 instance" = kind(&known)? else { return None };
    let message = format!(
        "the binding names one EC2 instance (`{known}`): its successor is refused, and whoever may assume a role that the provider admits can name a session so"
    );
    let finding =
        Finding::new(RuleId::SubjectBoundPrincipal, &trust.origin, value.span.or_else(|| text.span()), &text.to_string(), message);
    let help = "bind the role of the instance: `principalSet://…/attribute.aws_role/ROLE`";
    Some(finding.severity(Severity::Low).help(help).along_text(text))
}

/// What sort of instance the session part of a subject names, and the part.
fn instance(subject: &Text) -> Option<(&'static str, String)> {
    let shape = subject.fill(|_| "\0".to_owned());
    let session = session(&shape)?;
    if session.contains('\0') {
        let atom = subject.parts.iter().rev().find_map(|p| if let Part::Hole { atom, .. } = p { Some(atom) } else { None })?;
        let of = atom.attribute_of()?;
        return INSTANCES.contains(&of.resource.as_str()).then(|| ("instance", atom.label().to_owned()));
    }
    kind(session).map(|what| (what, session.to_owned()))
}

/// The session name of an STS ARN (`…:assumed-role/ROLE/SESSION`) or of a user id (`AROA…:SESSION`).
fn session(subject: &str) -> Option<&str> {
    if let Some((_, rest)) = subject.split_once(":assumed-role/") {
        return rest.rsplit_once('/').map(|(_, s)| s).filter(|s| !s.is_empty());
    }
    let (id, session) = subject.split_once(':')?;
    let role_id = id.len() >= 16 && id.starts_with("AROA") && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    role_id.then_some(session).filter(|s| !s.is_empty())
}

/// The sessions that a service names after something that does not last. A Lambda function's is the function's name, which does.
fn kind(session: &str) -> Option<&'static str> {
    let hex = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if session.strip_prefix("i-").is_some_and(|id| (8..=17).contains(&id.len()) && hex(id)) {
        return Some("EC2 instance");
    }
    if session.len() == 32 && hex(session) {
        return Some("ECS task");
    }
    if session.starts_with("AWSCodeBuild-") {
        return Some("build");
    }
    let stamped = ["botocore-session-", "aws-sdk-java-", "aws-sdk-js-session-", "aws-go-sdk-"];
    if stamped.iter().any(|p| session.strip_prefix(p).is_some_and(|n| n.len() >= 9 && n.bytes().all(|b| b.is_ascii_digit()))) {
        return Some("session");
    }
    uuid(session).then_some("session")
}

/// Whether the name ends with a GUID.
fn uuid(session: &str) -> bool {
    let Some(tail) = session.len().checked_sub(36).and_then(|at| session.get(at..)) else { return false };
    tail.char_indices().all(|(i, c)| if matches!(i, 8 | 13 | 18 | 23) { c == '-' } else { c.is_ascii_hexdigit() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(subject: &str) -> Option<&'static str> {
        instance(&Text::known(subject)).map(|(what, _)| what)
    }

    #[test]
    fn instances_and_what_lasts() {
        assert_eq!(of("arn:aws:sts::123456789012:assumed-role/prod/i-0abc123def4567890"), Some("EC2 instance"));
        assert_eq!(of("AROAEXAMPLEEXAMPLE123:i-0abc123def4567890"), Some("EC2 instance"));
        assert_eq!(of("arn:aws:sts::123456789012:assumed-role/prod/0123456789abcdef0123456789abcdef"), Some("ECS task"));
        assert_eq!(of("arn:aws:sts::123456789012:assumed-role/prod/eks-shop-api-01234567-89ab-cdef-0123-456789abcdef"), Some("session"));
        assert_eq!(of("arn:aws:sts::123456789012:assumed-role/prod/nightly-export"), None);
        assert_eq!(of("arn:aws:sts::123456789012:assumed-role/prod/i-am-a-function"), None);
        // Ids had eight digits before they had seventeen.
        for (digits, what) in [(7, None), (8, Some("EC2 instance")), (17, Some("EC2 instance")), (18, None)] {
            let session = format!("i-{}", "0".repeat(digits));
            assert_eq!(of(&format!("arn:aws:sts::123456789012:assumed-role/prod/{session}")), what, "{session}");
        }
        assert_eq!(of("repo:octo/app:ref:refs/heads/i-0abc123def4567890"), None);
    }
}
