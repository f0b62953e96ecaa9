//! Principals other than the usual web identities: accounts, services that act for workloads, Cognito, and what IAM
//! refuses to store.

use super::{Seen, Subject};
use crate::admission::exposure::{Class, Life};
use crate::admission::iam::{self, ConditionTest, Effect, PrincipalKind, PrincipalRef, ProblemKind, Statement};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::{Gate, Graph, IdentityKind, pieces};
use crate::issuers::Template;

use crate::partial::Text;
use crate::rules::Finding;
use crate::token::Token;
use std::collections::BTreeMap;

const ROLES_ANYWHERE: &str = "rolesanywhere.amazonaws.com";
const PODS: &str = "pods.eks.amazonaws.com";

/// What IAM refuses to store, and conditions that are lost because their key is there twice.
pub(super) fn rejected(subject: &Subject<'_>) -> Vec<Finding> {
    // These have rules of their own.
    let own = |kind: ProblemKind| matches!(kind, ProblemKind::PrincipalStar | ProblemKind::CognitoWithoutCondition);
    let problems = subject.policy.problems.iter().filter(|p| !own(p.kind));
    let problems = problems.filter(|p| p.kind.rejected_at_write() || p.kind == ProblemKind::DuplicateKey);
    let findings = problems.map(|p| {
        let lost = p.kind == ProblemKind::DuplicateKey;
        let message = if lost { p.message.clone() } else { format!("IAM refuses this policy: {}", p.message) };
        let help = if lost {
            "put all tests of one operator under one key"
        } else {
            "write the policy as IAM's grammar for trust policies has it"
        };
        Finding::new(RuleId::RejectedPolicy, &subject.trust.origin, p.span, &p.message, message).help(help)
    });
    findings.chain(duplicates(subject)).collect()
}

/// Keys that Terraform drops before IAM sees them.
fn duplicates(subject: &Subject<'_>) -> Vec<Finding> {
    let conditions: Vec<&ConditionTest> = subject.policy.statements.iter().flat_map(|s| &s.conditions).collect();
    let own = |d: &&crate::syntax::hcl::Duplicate| {
        let operator = iam::Operator::parse(&d.key).is_some() || d.key.contains(':');
        let inside = |span: crate::place::Span| span.file == d.kept.file && span.start >= d.kept.start && span.end <= d.kept.end;
        operator && conditions.iter().any(|c| c.span.or_else(|| c.key.span()).is_some_and(inside))
    };
    let findings = subject.context.graph.duplicates.iter().filter(own).map(|d| {
        let message = format!("`{}` is there twice: Terraform keeps the last, so this condition is lost", d.key);
        Finding::new(RuleId::RejectedPolicy, &subject.trust.origin, Some(d.lost), &format!("duplicate {}", d.key), message)
            .help("put all tests of one operator under one key")
            .related_to(d.kept, "this one stays")
    });
    findings.collect()
}

/// The allow statements that name a service, with the place of its name.
fn of_service<'s>(subject: &'s Subject<'_>, service: &str) -> Vec<(&'s Statement, PrincipalRef)> {
    let named = |p: &PrincipalRef| {
        p.kind == PrincipalKind::Service && p.effect == Effect::Allow && !p.negated && p.text.as_known().as_deref() == Some(service)
    };
    let found = iam::principals(&subject.policy).into_iter().filter(named);
    found
        .filter_map(|p| subject.policy.statements.get(p.statement).map(|s| (s, p)))
        .filter(|(s, _)| s.open_conditions.is_none() && subject.policy.open.is_none())
        .collect()
}

/// A positive test of a key that one of these begins, with a value that is more than a wildcard.
fn pinned(statement: &Statement, keys: &[&str]) -> bool {
    statement.conditions.iter().any(|test| {
        let key = test.key.to_string().to_lowercase();
        let strict = test.operator.is_some_and(|o| !o.negated && !o.if_exists && o.set != Some(iam::SetOperator::ForAllValues));
        let open = |text: &Text| {
            let value = text.to_string();
            // Nothing equals the empty string: it opens nothing.
            (!value.is_empty() && value.chars().all(|c| c == '*')) || (key == "aws:sourcearn" && value.rsplit('/').next() == Some("*"))
        };
        let mut values = test.values.leaves().flat_map(|l| &l.choices).peekable();
        strict && keys.iter().any(|k| key.starts_with(k)) && values.peek().is_some() && !values.any(open)
    })
}

/// Roles Anywhere without a trust anchor, or without anything about the certificate
/// (<https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html>).
pub(super) fn roles_anywhere(subject: &Subject<'_>) -> Vec<Finding> {
    let all = of_service(subject, ROLES_ANYWHERE).into_iter();
    all.filter_map(|(statement, principal)| {
        let anchor = pinned(statement, &["aws:sourcearn"]);
        let certificate = pinned(statement, &["aws:principaltag/x509"]);
        let (severity, message, help) = match (anchor, certificate) {
            (true, true) => return None,
            (false, false) => (
                Severity::High,
                "every certificate of every trust anchor in the account gets in: neither the anchor nor the certificate is pinned",
                "add `ArnEquals` on `aws:SourceArn` with the trust anchor, and `StringEquals` on `aws:PrincipalTag/x509Subject/CN`",
            ),
            (false, true) => (
                Severity::Medium,
                "every trust anchor of the account can vouch for the certificate: whoever adds one chooses the subject",
                "add `ArnEquals` on `aws:SourceArn` with the trust anchor",
            ),
            (true, false) => (
                Severity::Medium,
                "every certificate of the trust anchor gets in: nothing of its subject, issuer or names is pinned",
                "add `StringEquals` on `aws:PrincipalTag/x509Subject/CN` (or `x509SAN/URI`)",
            ),
        };
        let mut witness = Token::default();
        witness.set("aws:SourceArn", "arn:aws:rolesanywhere:eu-west-1:111122223333:trust-anchor/66666666-0000-4000-8000-000000000001");
        witness.set("aws:PrincipalTag/x509Subject/CN", "somebody-else");
        let finding = Finding::new(RuleId::RolesAnywhereUnpinned, &subject.trust.origin, principal.span, "roles-anywhere", message);
        Some(finding.severity(severity).help(help).witness((!anchor && !certificate).then_some(witness)).along_text(&principal.text))
    })
    .collect()
}

/// EKS Pod Identity for every pod of the account
/// (<https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html>).
pub(super) fn pod_identity(subject: &Subject<'_>) -> Vec<Finding> {
    let scopes = ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:requesttag/"];
    let all = of_service(subject, PODS).into_iter().filter(|(s, _)| !pinned(s, &scopes));
    let how = match subject.context.model(&subject.trust.origin) {
        Some(arguments) => match &arguments.conditions {
            Some(argument) => format!(": `{argument}` in the call of the module takes conditions"),
            None => "; the module has no argument for conditions: ask its authors for one, or declare the role yourself".to_owned(),
        },
        None => String::new(),
    };
    all.map(|(_, principal)| {
        let message = "whoever may create an association in any cluster of the account gives this role to a pod: no cluster, namespace or ServiceAccount is pinned";
        Finding::new(RuleId::PodIdentityUnscoped, &subject.trust.origin, principal.span, "pods", message)
            .help(format!("add `StringEquals` on `aws:RequestTag/kubernetes-namespace` and `aws:RequestTag/kubernetes-service-account`, or `aws:SourceArn` with the cluster{how}"))
            .along_text(&principal.text)
    })
    .collect()
}

/// Another account as a whole, without an external id or a condition on the principal
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>).
pub(super) fn accounts(subject: &Subject<'_>) -> Vec<Finding> {
    let narrowing = [
        "sts:externalid",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principaltag/",
        "aws:userid",
        "aws:sourcearn",
        "aws:multifactorauth",
    ];
    let own = own_account(subject);
    let named = |p: &PrincipalRef| p.kind == PrincipalKind::Aws && p.effect == Effect::Allow && !p.negated;
    let mut findings: Vec<Finding> = Vec::new();
    for principal in iam::principals(&subject.policy).into_iter().filter(named) {
        let Some((account, known)) = whole_account(&principal.text) else { continue };
        let Some(statement) = subject.policy.statements.get(principal.statement) else { continue };
        if statement.open_conditions.is_some() || subject.policy.open.is_some() || pinned(statement, &narrowing) {
            continue;
        }
        let (severity, message) = match &own {
            _ if known == Known::Own => (
                Severity::Info,
                "every principal of this account whose own policy allows it may assume the role (the account is named as a whole)"
                    .to_owned(),
            ),
            Some(own) if *own == account => (
                Severity::Info,
                format!("every principal of this account whose own policy allows it may assume the role (`{account}` is named as a whole)"),
            ),
            // Whose account it is cannot be said: most are the same organisation's.
            _ if known == Known::Unknown => (
                Severity::Info,
                format!(
                    "every principal of `{account}` whose own policy allows it may assume the role: no external id and no principal is asked for"
                ),
            ),
            Some(_) if known == Known::Written => (
                Severity::Medium,
                format!(
                    "account `{account}` decides alone which of its principals assume this role: no external id and no principal is asked for"
                ),
            ),
            _ => (
                Severity::Low,
                format!(
                    "account `{account}` decides alone which of its principals assume this role: no external id and no principal is asked for"
                ),
            ),
        };
        findings.push(
            Finding::new(RuleId::AccountPrincipal, &subject.trust.origin, principal.span, &account, message)
                .severity(severity)
                .certain(own.is_some() || known == Known::Own)
                .help("name the role that needs it (`arn:aws:iam::ACCOUNT:role/NAME`), or ask for `sts:ExternalId` where a third party acts for you")
                .along_text(&principal.text),
        );
    }
    findings
}

/// How an account is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// By its number.
    Written,
    /// As the one that Terraform runs in.
    Own,
    /// By a name whose value is not known.
    Unknown,
}

/// The account that a principal names as a whole.
fn whole_account(text: &Text) -> Option<(String, Known)> {
    if let Some(known) = text.as_known() {
        return account_of(&known).map(|account| (account, Known::Written));
    }
    let account = pieces::account_of_arn(text)?;
    let root = text.known_suffix().ends_with(":root") && pieces::flat(text).matches(':').count() == 5;
    let own = account.atoms().any(|a| a.key().ends_with("|aws|account"));
    let known = if own { Known::Own } else { Known::Unknown };
    // Only the partition is open.
    let known = if account.is_known() { Known::Written } else { known };
    root.then(|| (account.to_string(), known))
}

/// The account of `arn:aws:iam::123456789012:root` or `123456789012`.
fn account_of(text: &str) -> Option<String> {
    let account = match text.strip_suffix(":root") {
        Some(arn) => arn.rsplit(':').next()?,
        None => text,
    };
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then(|| account.to_owned())
}

/// The account that the role is in, as far as something written says it: its own ARN, or a provider, which has to be in
/// the same account.
fn own_account(subject: &Subject<'_>) -> Option<String> {
    let role = subject.context.graph.identity(subject.trust.identity).and_then(|i| match &i.kind {
        IdentityKind::AwsRole { arn, .. } => arn.as_ref().and_then(account_in),
        _ => None,
    });
    role.or_else(|| subject.accounts.get(&subject.trust.origin.scope).cloned())
}

/// The account of each scope: that of the first provider which a role of the scope names.
pub(super) fn accounts_of_scopes(graph: &Graph) -> BTreeMap<String, String> {
    let mut out = BTreeMap::new();
    for trust in &graph.trusts {
        let Gate::AwsPolicy(document) = &trust.gate else { continue };
        if out.contains_key(&trust.origin.scope) {
            continue;
        }
        if let Some(account) = crate::graph::links::federated(document).iter().find_map(account_in) {
            out.insert(trust.origin.scope.clone(), account);
        }
    }
    out
}

/// The account in an ARN.
fn account_in(arn: &Text) -> Option<String> {
    let flat = arn.as_known()?;
    flat.split(':').nth(4).filter(|a| a.len() == 12 && a.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned)
}

/// Cognito's identity pools: anybody's pool, or guests
/// (<https://docs.aws.amazon.com/cognito/latest/developerguide/role-trust-and-permissions.html>).
pub(super) fn identity_pool(subject: &Subject<'_>, seen: &Seen<'_>) -> Option<Finding> {
    let exposure = subject.context.exposure(&subject.trust.origin, &seen.formula, &seen.templates)?;
    let origin = &subject.trust.origin;
    if matches!(exposure.class, Class::AnyTenant | Class::TenantPrefix) {
        let message = "anybody with an identity pool of his own gets in: no condition names yours";
        let finding =
            Finding::new(RuleId::IdentityPoolOpen, origin, seen.lacks(subject, &["aud"]), "pool", message).severity(Severity::Critical);
        let help = "add `StringEquals` on `cognito-identity.amazonaws.com:aud` with the id of the identity pool";
        return Some(finding.help(help).witness(exposure.witness.clone()).certain(exposure.certain).along_text(&seen.principal));
    }
    let guests: Vec<Template> = seen.templates.iter().filter(|t| t.name == "unauthenticated").cloned().collect();
    let Life::Alive(token) = subject.context.life(&seen.formula, &guests) else { return None };
    let graph = subject.context.graph;
    let name = graph.identity(subject.trust.identity).map(|i| match &i.kind {
        IdentityKind::AwsRole { name: Some(name), .. } => format!("{} {name}", i.origin.name),
        _ => i.origin.name.clone(),
    });
    let meant = name.is_some_and(|n| n.to_lowercase().contains("unauth") || n.to_lowercase().contains("guest"));
    let message = "guests get in: whoever asks the identity pool gets this role without logging in";
    let finding = Finding::new(RuleId::IdentityPoolOpen, origin, seen.lacks(subject, &["amr"]), "guests", message);
    let finding = finding.severity(if meant { Severity::Info } else { Severity::High });
    let help = "add `ForAnyValue:StringLike` on `cognito-identity.amazonaws.com:amr` with `authenticated`";
    Some(finding.help(help).witness(Some(*token)).along_text(&seen.principal))
}
