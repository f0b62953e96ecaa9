//! Certificates of Roles Anywhere: what of them becomes a tag, and whether a stolen one can be revoked.

use super::RoleTrust;
use super::services::ROLES_ANYWHERE;
use crate::admission::iam::{self, ConditionTest, Effect, PrincipalKind, Statement};
use crate::catalogue::{RuleId, Severity};
use crate::graph::addresses;
use crate::graph::{Authority, Gate, IdentityKind, Profile};
use crate::partial::Text;
use crate::rules::Finding;
use crate::rules::engine::Context;

/// The tags that certificates become.
const TAG: &str = "aws:principaltag/x509";
const FIELDS: [&str; 3] = ["Subject", "Issuer", "SAN"];
/// The specifiers of alternative names (<https://docs.aws.amazon.com/rolesanywhere/latest/userguide/attribute-mapping.html>).
const NAMES: [&str; 3] = ["DNS", "URI", "Name/*"];
const SPIFFE: &str = "spiffe://";

/// Tests of tags that no session has, because no profile of the role makes them.
pub(super) fn unmapped(subject: &RoleTrust<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for statement in subject.policy.statements.iter().filter(|s| lets_in(s)) {
        for test in statement.conditions.iter().filter(|t| requires(t)) {
            out.extend(never_mapped(subject, test));
        }
    }
    out
}

fn lets_in(statement: &Statement) -> bool {
    let named = |p: &iam::Principal| p.kind == PrincipalKind::Service && p.leaf.text().is_some_and(|t| t.is_str(ROLES_ANYWHERE));
    statement.effect == Effect::Allow && !statement.principals.negated && statement.principals.items.iter().any(named)
}

/// The test refuses when its key is absent.
fn requires(test: &ConditionTest) -> bool {
    let strict =
        |o: iam::Operator| !o.if_exists && !o.negated && o.set != Some(iam::SetOperator::ForAllValues) && o.base != iam::Base::Null;
    test.maybe.is_none() && test.operator.is_some_and(strict)
}

fn never_mapped(subject: &RoleTrust<'_>, test: &ConditionTest) -> Option<Finding> {
    let key = test.key.as_known()?;
    let tag = key.get(..TAG.len()).filter(|start| start.eq_ignore_ascii_case(TAG)).and_then(|_| key.get(TAG.len()..))?;
    let finding = |message: String, help: String| {
        let finding =
            Finding::new(RuleId::UnmappedCertificateAttribute, &subject.trust.origin, test.key.span().or(test.span), &key, message);
        finding.help(help).along_text(&test.key)
    };
    let shown = format!("x509{tag}");
    let known = tag.split_once('/').and_then(|(field, specifier)| {
        FIELDS.iter().find(|f| f.eq_ignore_ascii_case(field)).map(|field| (format!("x509{field}"), specifier))
    });
    let never = "the test never holds, and no certificate can assume the role by it";
    let Some((field, specifier)) = known else {
        let message = format!("Roles Anywhere makes no tag `{shown}`: {never}");
        let help = "test `x509Subject/…`, `x509Issuer/…` or `x509SAN/…`, such as `aws:PrincipalTag/x509Subject/CN`";
        return Some(finding(message, help.to_owned()));
    };
    if field.ends_with("SAN") && !NAMES.iter().any(|name| covers(name, specifier)) {
        let message = format!("Roles Anywhere makes no tag `{shown}` of a certificate: {never}");
        return Some(finding(message, "alternative names are `x509SAN/DNS`, `x509SAN/URI` and `x509SAN/Name/…`".to_owned()));
    }
    let profiles = of_role(subject)?;
    let lacking = |p: &&Profile| {
        let mapped = p.mappings.iter().find(|(f, _)| *f == field);
        mapped.is_some_and(|(_, specifiers)| !specifiers.iter().any(|s| covers(s, specifier)))
    };
    let first = profiles.first().filter(|_| profiles.iter().all(lacking))?;
    let message = format!("no profile of the role maps `{shown}`, so no session has the tag: {never}");
    let found = finding(
        message,
        format!("add the specifier `{specifier}` of `{field}` to the profile's attribute mapping, or test one that is mapped"),
    );
    Some(
        profiles
            .iter()
            .fold(found.certain(!first.origin.conditional), |f, p| f.related_to(p.origin.span, "this profile maps other specifiers")),
    )
}

/// A specifier takes in another: `*` all, `Name/*` all of one beginning.
fn covers(pattern: &str, specifier: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => specifier.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start)),
        None => pattern.eq_ignore_ascii_case(specifier),
    }
}

/// The profiles that the role is in; none where one may be that is not known.
fn of_role<'a>(subject: &'a RoleTrust<'_>) -> Option<Vec<&'a Profile>> {
    let role = subject.role()?;
    let IdentityKind::AwsRole { arn: Some(arn), .. } = &role.kind else { return None };
    // An attribute of the declaration itself: `!GetAtt Role.Arn`.
    let refers = |text: &Text| addresses::address(text).is_some_and(|address| address == role.origin.name);
    let mut out = Vec::new();
    for profile in &subject.context.graph.anywhere.profiles {
        let roles = profile.roles.as_ref()?;
        let here = profile.origin.scope == role.origin.scope;
        if roles.iter().any(|r| r.same(arn) || addresses::same_role(r, arn) || (here && refers(r))) {
            out.push(profile);
        }
    }
    Some(out)
}

/// Trust anchors of one's own certificates, where no revocation list is imported
/// (<https://docs.aws.amazon.com/rolesanywhere/latest/userguide/trust-model.html#revocation>). Terraform's own provider has no
/// resource for lists: there the absence says little, and is told as information.
pub(super) fn revocation(context: &Context<'_>) -> Vec<Finding> {
    let anywhere = &context.graph.anywhere;
    // Documents of SPIFFE live for hours: nobody revokes them.
    if !anywhere.lists.is_empty() || context.graph.trusts.iter().any(|t| takes_spiffe(&t.gate)) {
        return Vec::new();
    }
    let mut anchors = anywhere.anchors.iter().filter(|a| a.authority == Authority::Bundle);
    let Some(first) = anchors.next() else { return Vec::new() };
    let can = first.origin.block().is_none_or(|(kind, _)| kind.starts_with("awscc_"));
    let message = "no revocation list stands beside this trust anchor: a certificate that is stolen opens its roles until it expires";
    let finding = Finding::new(RuleId::MissingRevocation, &first.origin, None, "revocation", message);
    let finding = finding
        .severity(if can { Severity::Low } else { Severity::Info })
        .help("import the authority's list (`aws rolesanywhere import-crl`, `AWS::RolesAnywhere::CRL`), or issue certificates that live for hours");
    vec![anchors.fold(finding, |f, a| f.related_to(a.origin.span, "another trust anchor without a list"))]
}

/// The trust names a SPIFFE id of a certificate.
fn takes_spiffe(gate: &Gate) -> bool {
    let Gate::AwsPolicy(policy) = gate else { return false };
    let names = |t: &ConditionTest| t.values.leaves().flat_map(|l| &l.choices).any(|v| v.known_prefix().starts_with(SPIFFE));
    policy.statements.iter().flat_map(|s| &s.conditions).any(names)
}
