//! Azure federated identity credentials: who gets in, who never can
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>).

use super::super::engine::Context;
use super::super::finding::Finding;
use super::format::{self, Beside, Customised};
use super::{guilty, privilege, verdict};
use crate::admission::entra::{Credential, CredentialProblemKind};
use crate::admission::exposure::{Class, Exposure, Reachability, shape};
use crate::admission::formula::{Formula, Test};
use crate::catalogue::RuleId;
use crate::catalogue::Severity;
use crate::gate::azure::CredentialView;
use crate::gate::{self, issuer};
use crate::graph::{Gate, IdentityId, Trust};
use crate::issuers::{Mistake, Role, Tenancy, Trait, well_known_mistakes};
use crate::partial::{Text, cut, stand_in};
use crate::rules::advice;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Most credentials of one application or managed identity.
const MAX_CREDENTIALS: usize = 20;

/// What Entra asks for in every cloud; the national clouds' begin alike (`…USGov`, `…China`).
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// How every issuer begins.
const SCHEME: &str = "https://";

/// Every finding about federated credentials.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    let of = |trust: &Trust| one(context, trust).into_iter().map(|finding| (trust.identity, finding)).collect::<Vec<_>>();
    let mut findings = privilege::weigh_azure(context.graph, context.graph.trusts.par_iter().flat_map_iter(of).collect());
    findings.extend(too_many(context));
    findings
}

/// An identity has at most twenty credentials: the next is refused
/// (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>).
fn too_many(context: &Context<'_>) -> Vec<Finding> {
    let mut by_identity: BTreeMap<IdentityId, Vec<&Trust>> = BTreeMap::new();
    for trust in &context.graph.trusts {
        // what exists in one variant of a configuration only is not counted together with the others
        if matches!(trust.gate, Gate::AzureCredential { .. }) && !trust.origin.conditional {
            by_identity.entry(trust.identity).or_default().push(trust);
        }
    }
    let mut findings = Vec::new();
    for trusts in by_identity.values() {
        let mut names = BTreeSet::new();
        let Some(trust) = trusts.iter().find(|t| names.insert(&t.origin.name) && names.len() > MAX_CREDENTIALS) else { continue };
        let message =
            format!("Entra refuses the credential: an identity has at most {MAX_CREDENTIALS} federated credentials, and this is one more");
        let finding = Finding::new(RuleId::RejectedPolicy, &trust.origin, None, "too many", message).severity(Severity::Medium);
        findings.push(finding.help("split the workloads over several identities, or use a flexible credential or an AKS identity binding"));
    }
    findings
}

fn one(context: &Context<'_>, trust: &Trust) -> Vec<Finding> {
    let Gate::AzureCredential { issuer: Some(url), subject, audiences, expression } = &trust.gate else { return Vec::new() };
    let mistakes: Vec<Finding> = mistake(context, trust, url).into_iter().collect();
    if !mistakes.is_empty() {
        return mistakes;
    }
    let credential =
        Credential { issuer: url.clone(), subject: subject.clone(), audiences: audiences.clone(), expression: expression.clone() };
    let rejected = rejected(trust, &credential);
    if !rejected.is_empty() {
        return rejected;
    }
    let Some(seen) = gate::azure::issuer_view(&context.inputs(), trust, credential) else { return Vec::new() };
    let mut findings = mismatch(&seen);
    findings.extend(retiring(&seen));
    let unreachable = matches!(context.reachability(&seen.formula, &seen.templates), Reachability::Unreachable);
    let custom = format::customised(context, &trust.origin, &seen.recognised, &seen.formula, &seen.subjects, unreachable);
    if let Customised::Dead(finding) = custom {
        findings.push(*finding);
        return findings;
    }
    if unreachable {
        let finding = dead(context, &seen);
        findings.push(if finding.rule == RuleId::NeverMatches { finding.certain(!seen.subjects.truncated) } else { finding });
        return findings;
    }
    let assumed = matches!(custom, Customised::Assumed(_));
    if let Some(finding) = audience_unsatisfiable(context, &seen) {
        findings.push(finding);
        return findings;
    }
    findings.extend(refused_today(&seen, exposed(context, &seen).map(|f| f.certain(!assumed))));
    if let Customised::Assumed(finding) = custom {
        findings.push(*finding);
        return findings;
    }
    findings.extend(format::stale_beside(context, &trust.origin, &seen.formula, &seen.templates, Beside::Credential));
    findings
}

/// The URL is not the one in any token of the issuer that it looks like.
fn mistake(context: &Context<'_>, trust: &Trust, url: &Text) -> Option<Finding> {
    let known = url.as_known()?;
    let doubled = known.split_once("://").is_some_and(|(_, rest)| rest.contains("//"));
    if (doubled || context.registry.recognise(known.trim()).is_none())
        && let Some(why) = malformed(&known)
    {
        let placeholder = !known.contains(['.', '/', ':']);
        let message = if placeholder {
            format!("`{known}` stands in for an issuer: no token can satisfy this trust until the URL of one is written here")
        } else {
            format!("`{known}` is not a valid issuer: {why}; no token carries it, so no token can ever satisfy this trust")
        };
        let finding = Finding::new(RuleId::IssuerMismatch, &trust.origin, url.span(), &known, message);
        // Nobody writes a word for a URL and means it: examples and tests of modules do.
        let finding = if placeholder { finding.severity(Severity::Low) } else { finding };
        return Some(finding.help("write the issuer exactly as it stands in the token's `iss`: `https://HOST/PATH`").along_text(url));
    }
    let mistake = well_known_mistakes(&known).or_else(|| {
        let recognised = context.registry.recognise(&known)?;
        match known.starts_with(SCHEME) {
            true => (!recognised.is_exact()).then_some(Mistake::Differs(recognised.iss)),
            false => Some(Mistake::NoScheme(recognised.iss)),
        }
    })?;
    let effect = "no token carries this issuer, so no token can ever satisfy this trust";
    let message = if mistake.is_look_alike() { mistake.to_string() } else { format!("{mistake}; {effect}") };
    let finding = Finding::new(RuleId::IssuerMismatch, &trust.origin, url.span(), &known, message);
    let wanted = context.registry.recognise(known.trim()).map(|r| format!("write `{}`", r.iss));
    Some(finding.help(wanted.unwrap_or_else(|| "write the issuer exactly as it stands in the token's `iss`".to_owned())).along_text(url))
}

/// Why a text is no issuer's URL (<https://openid.net/specs/openid-connect-core-1_0.html#IDToken>, `iss`).
fn malformed(url: &str) -> Option<&'static str> {
    let Some((scheme, rest)) = url.split_once("://") else { return Some("it is no URL that begins with `https://`") };
    if scheme != "https" {
        return Some("its scheme is not `https`");
    }
    if rest.contains("//") {
        return Some("two slashes in a row are in its path");
    }
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    if host.is_empty() || !host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')) {
        return Some("it has no host name after `https://`");
    }
    rest.contains(|c: char| c.is_whitespace() || matches!(c, '?' | '#' | '<' | '>' | '"' | '{' | '}'))
        .then_some("an issuer has no white space, query or placeholder in it")
}

/// What Entra refuses to store.
fn rejected(trust: &Trust, credential: &Credential) -> Vec<Finding> {
    use CredentialProblemKind as K;
    let told = |kind: K| match kind {
        K::Unknown | K::RequiredClaim => false,
        K::SubjectAndExpression => credential.expression.is_some(),
        _ => true,
    };
    let findings = credential.problems().into_iter().filter(|p| told(p.kind)).map(|p| {
        let message = format!("Entra refuses the credential: {}", p.message);
        let finding = Finding::new(RuleId::RejectedPolicy, &trust.origin, p.span, &p.message, message);
        finding.help("write `claims['sub'] matches 'PATTERN'`, clauses joined by `and`; values in single quotes")
    });
    findings.collect()
}

/// The issuer's vendor has announced its end. National clouds (`api://AzureADTokenExchangeUSGov`, `…China`) are not meant.
fn retiring(seen: &CredentialView<'_>) -> Option<Finding> {
    let retires = seen.recognised.issuer.retires.as_ref()?;
    let public = |audience: &Text| audience.as_known().is_none_or(|a| a == AUDIENCE);
    if !seen.via.credential.audiences.iter().all(public) {
        return None;
    }
    let issuer = &seen.via.credential.issuer;
    let name = &seen.recognised.issuer.name;
    let message = format!("this issuer of {name} is retired and ends on {}: from then on no token has it ({})", retires.on, retires.page);
    let finding = Finding::new(RuleId::RetiringIssuer, &seen.via.trust.origin, issuer.span(), "retiring", message);
    Some(finding.severity(Severity::Low).certain(seen.certain).help(format!("move to {}", retires.instead)).along_text(issuer))
}

/// What Entra refuses to store today, and may have stored before
/// (<https://learn.microsoft.com/entra/workload-id/workload-identities-set-up-flexible-federated-identity-credential>, 2026-09-18).
/// Beside an exposure it is a word in that finding: one credential, one finding.
fn refused_today(seen: &CredentialView<'_>, exposed: Option<Finding>) -> Option<Finding> {
    let problems = seen.via.credential.problems();
    let Some(problem) = problems.into_iter().find(|p| p.kind == CredentialProblemKind::RequiredClaim) else { return exposed };
    let since = format!("Entra refuses to create or update this credential since August 2026: {}", problem.message);
    let known = "whether one from before still works is not documented";
    if let Some(open) = exposed.as_ref().filter(|f| f.severity >= Severity::High) {
        let message = format!("{}; {since}, and {known}", open.message);
        return Some(Finding { message, ..open.clone() });
    }
    let within = exposed.map(|f| format!("; where it exists, {}", f.message)).unwrap_or_default();
    let finding =
        Finding::new(RuleId::RejectedPolicy, &seen.via.trust.origin, problem.span, "required claim", format!("{since}; {known}{within}"));
    let id = seen.recognised.flexible().and_then(|rules| rules.required.first()).map_or("repository_id", String::as_str);
    Some(finding.severity(Severity::Medium).help(format!("add `and claims['{id}'] eq 'ID'` to the expression")))
}

/// More audiences than one ("can only accept a single value":
/// <https://learn.microsoft.com/graph/api/resources/federatedidentitycredential>).
fn several(seen: &CredentialView<'_>) -> Option<Finding> {
    let audiences = &seen.via.credential.audiences;
    let second = audiences.get(1).filter(|_| audiences.iter().all(Text::is_known))?;
    let message = format!("a federated credential takes exactly one audience, and this one lists {}: Entra refuses it", audiences.len());
    let finding = Finding::new(RuleId::AudienceMismatch, &seen.via.trust.origin, second.span(), "several", message).along_text(second);
    Some(finding.severity(Severity::Medium).help(format!("keep `{AUDIENCE}` alone")))
}

/// The audience that the issuer's users ask for is not the one that is accepted.
fn mismatch(seen: &CredentialView<'_>) -> Vec<Finding> {
    if let Some(finding) = several(seen) {
        return vec![finding];
    }
    let usual = seen.recognised.issuer.audiences.get("azure").is_some_and(|a| a == AUDIENCE);
    if !seen.certain || !usual || seen.via.credential.audiences.is_empty() {
        return Vec::new();
    }
    // Elsewhere every job says for itself which audience it asks for; GitHub's login action has a default.
    let defaulted = seen.recognised.issuer.is(Trait::EntraAudienceByDefault);
    let wrong = |text: &&Text| text.as_known().is_some_and(|known| !known.starts_with(AUDIENCE));
    let all = seen.via.credential.audiences.iter().filter(wrong);
    all.filter_map(|text| {
        let slip = text.as_known().is_some_and(|k| k.to_ascii_lowercase().contains("azureadtokenexchange"));
        if !slip && !defaulted {
            return None;
        }
        let name = &seen.recognised.issuer.name;
        let message = if slip {
            format!("`{text}` is not `{AUDIENCE}`, and audiences are compared character by character: the exchange fails")
        } else {
            format!("jobs at {name} ask for the audience `{AUDIENCE}` unless they are told otherwise; this credential takes only `{text}`")
        };
        let finding = Finding::new(RuleId::AudienceMismatch, &seen.via.trust.origin, text.span(), &text.to_string(), message);
        let finding = finding
            .severity(if slip { Severity::High } else { Severity::Medium })
            .certain(slip)
            .help(format!("write `{AUDIENCE}`, or have the job ask for `{text}`"))
            .along_text(text);
        Some(finding)
    })
    .collect()
}

/// Proved: nobody gets in. The literal that says why.
fn dead(context: &Context<'_>, seen: &CredentialView<'_>) -> Finding {
    let name = &seen.recognised.issuer.name;
    let origin = &seen.via.trust.origin;
    if let Some(subject) = &seen.via.credential.subject {
        let star = ["*", "?"].iter().find_map(|c| subject.find_span(c));
        if star.is_some() || cut::flat(subject).contains(['*', '?']) {
            let message =
                format!("`{subject}` is an exact match, and no token of {name} contains a `*`: no token can ever satisfy this trust");
            return Finding::new(RuleId::LiteralWildcard, origin, star.or_else(|| subject.span()), "subject", message)
                .help("write one credential for each exact subject, use an environment, or a flexible credential that names the whole repository")
                .along_text(subject);
        }
        let left = stand_in::first(subject).map(|word| format!("`{word}` is a placeholder that nobody filled in: ")).unwrap_or_default();
        let message = format!("{left}no token of {name} has the subject `{subject}`: this trust can never be used");
        let never =
            |t: &Test| matches!(context.reachability(&Formula::Test(Box::new(t.clone())), &seen.templates), Reachability::Unreachable);
        let tests = shape::tests(&seen.formula);
        let test = tests.iter().map(|o| o.test).find(|t| shape::claims(&t.subject).contains("sub"));
        let (span, trail) = test.map_or_else(|| (subject.span(), subject.trail()), |test| guilty::place(test, &never));
        let finding = Finding::new(RuleId::NeverMatches, origin, span.or_else(|| subject.span()), "subject", message);
        return finding.help(hint(seen, &subject.to_string())).along(&trail);
    }
    let expression = seen.via.credential.expression.clone().unwrap_or_default();
    let message = format!("no token of {name} can ever satisfy the expression");
    let finding = Finding::new(RuleId::NeverMatches, origin, expression.span(), "expression", message);
    finding.help(format!("compare with a subject that {name} mints: `{}`", issuer::example(&seen.templates, "sub"))).along_text(&expression)
}

/// What was probably meant.
fn hint(seen: &CredentialView<'_>, subject: &str) -> String {
    let slips = [
        (":pull-request", ":pull_request"),
        (":ref:refs/head/", ":ref:refs/heads/"),
        (":ref:refs/tag/", ":ref:refs/tags/"),
        (":branch:", ":ref:refs/heads/"),
    ];
    match slips.iter().find(|(wrong, _)| subject.contains(wrong)) {
        Some((wrong, right)) => format!("write `{}`", subject.replace(wrong, right)),
        None => format!("compare with a subject that {} mints: `{}`", seen.recognised.issuer.name, issuer::example(&seen.templates, "sub")),
    }
}

/// No token of the issuer is for the audience that is accepted, though the subject lets some in.
fn audience_unsatisfiable(context: &Context<'_>, seen: &CredentialView<'_>) -> Option<Finding> {
    let (formula, templates) = seen.with_audience();
    if !matches!(context.reachability(&formula, &templates), Reachability::Unreachable) {
        return None;
    }
    let text = seen.via.credential.audiences.first()?;
    let name = &seen.recognised.issuer.name;
    let message = format!("no token of {name} is for the audience `{text}`: this trust can never be used");
    let finding = Finding::new(RuleId::AudienceMismatch, &seen.via.trust.origin, text.span(), &text.to_string(), message);
    let minted = templates.iter().find_map(|t| t.claim("aud").map(|parts| t.text(parts)));
    let help = minted.map_or_else(|| "accept the audience of the tokens".to_owned(), |aud| format!("the tokens are for `{aud}`"));
    Some(finding.severity(Severity::Medium).certain(false).help(help).along_text(text))
}

/// Who gets in that should not.
fn exposed(context: &Context<'_>, seen: &CredentialView<'_>) -> Option<Finding> {
    let (formula, templates) = seen.with_audience();
    let exposure = context.exposure(&seen.via.trust.origin, &formula, &templates)?;
    let tenancy = seen.recognised.issuer.tenancy;
    let whole = seen.via.credential.subject.as_ref().or(seen.via.credential.expression.as_ref());
    let verdict = match exposure.class {
        Class::AnyTenant | Class::TenantPrefix if seen.via.credential.expression.is_some() => foreign(seen, &exposure),
        Class::Intended => return default_service_account(seen, &exposure),
        // One exact subject cannot be told more precisely than the issuer says it.
        class if seen.via.credential.expression.is_none() && class != Class::PullRequest => return None,
        // An issuer that is not known has no projects or refs to speak of.
        _ if tenancy.is_free() => return None,
        _ => verdict::inside(context, &seen.formula, &seen.templates, &exposure, tenancy == Tenancy::Cluster)?,
    };
    let pull = (verdict.rule == RuleId::PullRequest).then(|| whole.and_then(|t| t.find_span("pull_request"))).flatten();
    let span = pull.or(verdict.span).or_else(|| whole.and_then(Text::span));
    let help = (verdict.rule == RuleId::AnyRef).then(|| advice::one_branch(&templates, false));
    let verdict = verdict::Verdict { span, help: help.unwrap_or(verdict.help), ..verdict };
    Some(verdict.finding(&seen.via.trust.origin, &seen.recognised.host_path, &exposure).certain(seen.certain))
}

fn foreign(seen: &CredentialView<'_>, exposure: &Exposure) -> verdict::Verdict {
    let (span, trail) = verdict::place(&seen.formula, &seen.templates, exposure, &[Role::Tenant, Role::TenantId]);
    let name = &seen.recognised.issuer.name;
    let tests = shape::tests(&seen.formula);
    let binding = || tests.iter().filter(|o| shape::binds(o.test, &seen.templates));
    let (rule, message, help) = if exposure.class == Class::TenantPrefix {
        (
            RuleId::TenantPrefix,
            "the wildcard follows the tenant's name without a delimiter, so any tenant whose name starts with yours is admitted".to_owned(),
            advice::delimited_tenant(seen.recognised.issuer),
        )
    } else if binding().any(|o| verdict::star(o.test).is_some()) {
        (
            RuleId::WildcardSubject,
            format!("anyone who can get a token from {name} is admitted: the tenant's part of the subject is a wildcard"),
            advice::named_tenant(seen.recognised.issuer),
        )
    } else {
        (
            RuleId::ForeignTenant,
            format!("an unrelated tenant of {name} is admitted although there is a condition: any tenant can satisfy it"),
            "tie the expression to the tenant with a clause on `sub`, then narrow it".to_owned(),
        )
    };
    // At an issuer of one's own the other tenant is no stranger.
    let own = matches!(seen.recognised.issuer.tenancy, Tenancy::Tenant | Tenancy::Cluster | Tenancy::Service);
    let severity = if own { Severity::High } else { Severity::Critical };
    verdict::Verdict { rule, severity, span, trail, message, help, witness: None }
}

/// The namespace's `default` ServiceAccount is named.
fn default_service_account(seen: &CredentialView<'_>, exposure: &Exposure) -> Option<Finding> {
    if seen.recognised.issuer.tenancy != Tenancy::Cluster {
        return None;
    }
    let names = seen.templates.iter().flat_map(|t| t.segments.iter()).filter(|s| s.role == Role::Project).map(|s| &s.name);
    let candidate = names.filter_map(|n| exposure.named.get(n)).flatten().find(|c| c.complete && c.text == "default")?;
    let message = "every pod of the namespace that names no ServiceAccount runs as `default`, and so becomes this identity";
    let finding = Finding::new(RuleId::DefaultServiceAccount, &seen.via.trust.origin, candidate.span, &seen.recognised.host_path, message);
    Some(finding.severity(Severity::Medium).help("give the workload a ServiceAccount of its own and name that").along(&candidate.trail))
}

#[cfg(test)]
mod tests {
    use super::malformed;

    #[test]
    fn an_issuer_is_a_url_with_a_secure_scheme_and_a_host() {
        for right in ["https://a.example.com", "https://a.example.com:8443/path/of/tenant", "https://localhost"] {
            assert_eq!(malformed(right), None, "{right}");
        }
        for wrong in
            ["http://a.example.com", "HTTPS://a.example.com", "a.example.com", "https://", "https:///x", "https://a b/", "https://a/?x"]
        {
            assert!(malformed(wrong).is_some(), "{wrong}");
        }
    }
}
