//! Trusts in other accounts: whom they delegate to.

use super::{RoleTrust, principals};
use crate::admission::iam::{self, Effect, PrincipalKind, PrincipalRef, Statement};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::graph::addresses;
use crate::graph::{Gate, Graph, IdentityKind};
use crate::partial::{Text, UnknownOrigin, cut};
use crate::rules::Finding;
use crate::rules::checks::trusts::tenants;
use std::collections::BTreeMap;

/// The key that says whose principal calls.
const ACCOUNT_KEY: &str = "aws:principalaccount";

/// A positive test of a key that one of these begins, with a value that is more than a wildcard.
pub(super) fn pinned(statement: &Statement, keys: &[&str]) -> bool {
    statement.conditions.iter().any(|test| {
        let key = cut::flat(&test.key).to_lowercase();
        let strict = test.operator.is_some_and(|o| !o.negated && !o.if_exists && o.set != Some(iam::SetOperator::ForAllValues));
        let open = |text: &Text| {
            let value = cut::flat(text);
            // Nothing equals the empty string: it opens nothing.
            (!value.is_empty() && value.chars().all(|c| c == '*')) || (key == "aws:sourcearn" && value.rsplit('/').next() == Some("*"))
        };
        let mut values = test.values.leaves().flat_map(|l| &l.choices).peekable();
        strict && keys.iter().any(|k| key.starts_with(k)) && values.peek().is_some() && !values.any(open)
    })
}

/// Another account as a whole, when a principal of it that has none of the values which the policy asks for can assume the
/// role (<https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>).
pub(super) fn accounts(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let own = own_account(subject);
    let named = |p: &PrincipalRef| p.kind == PrincipalKind::Aws && p.effect == Effect::Allow && !p.negated;
    let mut findings: Vec<Finding> = Vec::new();
    for principal in iam::principals(subject.policy).into_iter().filter(named) {
        let Some((account, known)) = whole_account(&principal.text) else { continue };
        let Some(statement) = subject.policy.statements.get(principal.statement) else { continue };
        if statement.open_conditions.is_some() || subject.policy.open.is_some() {
            continue;
        }
        let Some((caller, sure)) = principals::anybody_of(subject, &principal, (known == Known::Written).then_some(&account)) else {
            continue;
        };
        let (severity, message) =
            listed(subject, &account, own.as_deref(), known).unwrap_or_else(|| of_account(own.as_deref(), &account, known));
        findings.push(
            Finding::new(RuleId::AccountPrincipal, &subject.trust.origin, principal.span, &account, message)
                .severity(severity)
                .certain(sure && (own.is_some() || known == Known::Own))
                .help("name the role that needs it (`arn:aws:iam::ACCOUNT:role/NAME`), or ask for `sts:ExternalId` where a third party acts for you")
                .witness(Some(caller))
                .along_text(&principal.text),
        );
    }
    findings
}

/// What the configuration says of an account (`tenants.aws`): that it is the team's, or that it is not.
fn listed(subject: &RoleTrust<'_>, account: &str, own: Option<&str>, known: Known) -> Option<(Severity, String)> {
    let all = &subject.context.config.tenants.aws;
    if all.is_empty() || known != Known::Written || own == Some(account) {
        return None;
    }
    if all.iter().any(|listed| listed == account) {
        let message = format!(
            "every principal of `{account}`, which `tenants.aws` lists, can assume the role where its own policy allows it (the account is named as a whole)"
        );
        return Some((Severity::Info, message));
    }
    let message = format!(
        "account `{account}` decides alone which of its principals assume this role, and `tenants.aws` does not list it: it is none of yours"
    );
    Some((Severity::High, message))
}

/// Principals of accounts that the configuration does not list, but for those that are named as a whole, which
/// [`accounts`] tells.
pub(super) fn foreign(subject: &RoleTrust<'_>, told: &[Finding]) -> Vec<Finding> {
    let all = &subject.context.config.tenants.aws;
    if all.is_empty() || subject.policy.open.is_some() {
        return Vec::new();
    }
    let own = own_account(subject);
    let mut findings: Vec<Finding> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for index in 0..subject.policy.statements.len() {
        for somebody in principals::of_accounts(subject, index) {
            let account = &somebody.account;
            let ours = own.as_deref() == Some(account) || all.iter().any(|listed| listed == account);
            let whole = told
                .iter()
                .any(|f| f.rule == RuleId::AccountPrincipal && f.witness.as_ref().is_some_and(|w| w.string(ACCOUNT_KEY) == Some(account)));
            if ours || whole || !seen.insert(account.clone()) {
                continue;
            }
            let names: Vec<&str> = all.iter().map(String::as_str).collect();
            let message = tenants::message("AWS account", account, "tenants.aws");
            let found =
                Finding::new(RuleId::ForeignTenant, &subject.trust.origin, somebody.span, &format!("tenants.aws|{account}"), message);
            let found = found.severity(Severity::High).help(tenants::help("tenants.aws", account, &names));
            findings.push(found.witness(Some(somebody.token)).certain(somebody.certain).along(&somebody.trail));
        }
    }
    findings
}

fn of_account(own: Option<&str>, account: &str, known: Known) -> (Severity, String) {
    let allowed = "every principal of this account whose own policy allows it can assume the role";
    let alone =
        format!("account `{account}` decides alone which of its principals assume this role: no external id and no principal is asked for");
    match own {
        _ if known == Known::Own => (Severity::Info, format!("{allowed} (the account is named as a whole)")),
        Some(own) if own == account => (Severity::Info, format!("{allowed} (`{account}` is named as a whole)")),
        // Whose account it is cannot be said: most are the same organisation's.
        _ if known == Known::Unknown => (
            Severity::Info,
            format!(
                "every principal of `{account}` whose own policy allows it can assume the role: no external id and no principal is asked for"
            ),
        ),
        Some(_) if known == Known::Written => (Severity::Medium, alone),
        _ => (Severity::Low, alone),
    }
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
    let account = addresses::account_of_arn(text)?;
    let root = text.known_suffix().ends_with(":root") && cut::flat(text).matches(':').count() == 5;
    let own = account.atoms().any(|a| matches!(a.origin(), UnknownOrigin::CallerAccount));
    let known = if own { Known::Own } else { Known::Unknown };
    // Only the partition is open.
    let known = if account.is_known() { Known::Written } else { known };
    root.then(|| (account.to_string(), known))
}

/// The account of `arn:aws:iam::123456789012:root` or `123456789012`.
fn account_of(text: &str) -> Option<String> {
    let account = match text.strip_suffix(":root") {
        // what is no principal is nobody's account, and is told by itself
        Some(_) if iam::malformed(PrincipalKind::Aws, &Text::known(text)).is_some() => return None,
        Some(arn) => arn.rsplit(':').next()?,
        None => text,
    };
    (account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit())).then(|| account.to_owned())
}

/// The account that the role is in, as far as something written says it: its own ARN, or a provider, which has to be in
/// the same account.
fn own_account(subject: &RoleTrust<'_>) -> Option<String> {
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
        let Gate::AwsPolicy(policy) = &trust.gate else { continue };
        if out.contains_key(&trust.origin.scope) {
            continue;
        }
        if let Some(account) = iam::federated(policy).into_iter().find_map(account_in) {
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
