//! Azure federated identity credentials: who gets in, who never can
//! (<https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations>).

use super::super::engine::Context;
use super::super::finding::{Finding, Severity};
use super::class;
use super::format::{self, Beside, Customised};
use crate::admission::entra::{self, Credential, CredentialProblemKind};
use crate::admission::exposure::{Class, Exposure, Life, life, shape};
use crate::admission::formula::Formula;
use crate::graph::{Gate, Trust, pieces};
use crate::issuers::{Recognised, Role, Template, Tenancy, well_known_mistakes};
use crate::rules::issuer;
use crate::rules::subjects::{self, Subjects};
use crate::value::Text;
use rayon::prelude::*;

/// What Entra asks for in every cloud; the national clouds' begin alike (`…USGov`, `…China`).
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A credential as the tokens of its issuer meet it.
struct Seen<'a> {
    trust: &'a Trust,
    credential: Credential,
    recognised: Recognised<'a>,
    /// The issuer was told by its URL.
    certain: bool,
    formula: Formula,
    templates: Vec<Template>,
    /// What is known of their subjects.
    subjects: Subjects,
}

/// Every finding about federated credentials.
#[must_use]
pub(super) fn check(context: &Context<'_>) -> Vec<Finding> {
    context.graph.trusts.par_iter().flat_map_iter(|trust| one(context, trust)).collect()
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
    let hints: Vec<String> = subject.iter().map(Text::known_prefix).collect();
    let Some(known) = issuer::known(context.registry, url, &hints).filter(|_| rejected.is_empty()) else { return rejected };
    if subject.is_none() && expression.is_none() {
        return Vec::new();
    }
    let formula = entra::formula(&credential);
    let (templates, subjects) = subjects::tokens(&known.recognised, &formula, &context.graph.subject_formats);
    let seen = Seen { trust, credential, recognised: known.recognised, certain: known.certain, formula, templates, subjects };
    let mut findings = audience(&seen);
    let lifeless = matches!(life(&seen.formula, &seen.templates), Life::Dead);
    let custom = format::customised(context, &trust.origin, &seen.recognised, &seen.formula, &seen.subjects, lifeless);
    if let Customised::Dead(finding) = custom {
        findings.push(*finding);
        return findings;
    }
    if lifeless {
        let finding = dead(&seen);
        findings.push(if finding.rule == "never-matches" { finding.certain(!seen.subjects.truncated) } else { finding });
        return findings;
    }
    let assumed = matches!(custom, Customised::Assumed(_));
    findings.extend(exposed(context, &seen).map(|f| f.certain(!assumed)));
    if let Customised::Assumed(finding) = custom {
        findings.push(*finding);
        return findings;
    }
    findings.extend(format::stale_beside(
        context,
        &trust.origin,
        &seen.recognised.issuer.id,
        &seen.formula,
        &seen.templates,
        Beside::Credential,
    ));
    findings
}

/// The URL is not the one in any token of the issuer that it looks like.
fn mistake(context: &Context<'_>, trust: &Trust, url: &Text) -> Option<Finding> {
    let known = url.as_known()?;
    let message = well_known_mistakes(&known).or_else(|| {
        let recognised = context.registry.recognise(&known)?;
        if known.starts_with("https://") {
            (!recognised.is_exact()).then(|| format!("the issuer of these tokens is `{}`, compared character by character", recognised.iss))
        } else {
            Some(format!("the scheme is missing: the issuer is `{}`", recognised.iss))
        }
    })?;
    let finding = Finding::new(
        "issuer-mismatch",
        &trust.origin,
        url.span(),
        &known,
        format!("{message}; no token has this issuer, so nobody gets in"),
    );
    let finding = if message.contains("belongs to somebody else") || message.contains("only similar") {
        Finding { message, ..finding }
    } else {
        finding
    };
    let wanted = context.registry.recognise(known.trim()).map(|r| format!("write `{}`", r.iss));
    Some(finding.help(wanted.unwrap_or_else(|| "write the issuer exactly as it stands in the token's `iss`".to_owned())).along_text(url))
}

/// What Entra refuses to store.
fn rejected(trust: &Trust, credential: &Credential) -> Vec<Finding> {
    let problems = credential.problems().into_iter();
    let problems = problems.filter(|p| {
        !matches!(p.kind, CredentialProblemKind::Unknown | CredentialProblemKind::SubjectAndExpression) || credential.expression.is_some()
    });
    let problems = problems.filter(|p| p.kind != CredentialProblemKind::Unknown);
    let findings = problems.map(|p| {
        let message = format!("Entra refuses the credential: {}", p.message);
        let finding = Finding::new("rejected-policy", &trust.origin, p.span, &p.message, message);
        finding.help("write `claims['sub'] matches 'PATTERN'`, clauses joined by `and`; values in single quotes")
    });
    findings.collect()
}

/// The audience that the issuer's users ask for is not the one that is accepted.
fn audience(seen: &Seen<'_>) -> Vec<Finding> {
    let usual = seen.recognised.issuer.audiences.get("azure").is_some_and(|a| a == AUDIENCE);
    if !seen.certain || !usual || seen.credential.audiences.is_empty() {
        return Vec::new();
    }
    // Elsewhere every job says for itself which audience it asks for; GitHub's login action has a default.
    let defaulted = seen.recognised.issuer.id.starts_with("github-actions");
    let wrong = |text: &&Text| text.as_known().is_some_and(|known| !known.starts_with(AUDIENCE));
    let all = seen.credential.audiences.iter().filter(wrong);
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
        let finding = Finding::new("audience-mismatch", &seen.trust.origin, text.span(), &text.to_string(), message);
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
fn dead(seen: &Seen<'_>) -> Finding {
    let name = &seen.recognised.issuer.name;
    let origin = &seen.trust.origin;
    if let Some(subject) = &seen.credential.subject {
        let star = ["*", "?"].iter().find_map(|c| subject.find_span(c));
        if star.is_some() || pieces::flat(subject).contains(['*', '?']) {
            let message = format!("`{subject}` is compared character by character, and no token of {name} holds a `*`: nobody gets in");
            return Finding::new("literal-wildcard", origin, star.or_else(|| subject.span()), "subject", message)
                .help("write one credential for each exact subject, use an environment, or a flexible credential that names the whole repository")
                .along_text(subject);
        }
        let message = format!("no token of {name} has the subject `{subject}`: nobody gets in");
        return Finding::new("never-matches", origin, subject.span(), "subject", message)
            .help(hint(seen, &subject.to_string()))
            .along_text(subject);
    }
    let expression = seen.credential.expression.clone().unwrap_or_default();
    let message = format!("no token of {name} satisfies the expression: nobody gets in");
    let finding = Finding::new("never-matches", origin, expression.span(), "expression", message);
    finding.help(format!("compare with a subject that {name} mints: `{}`", issuer::example(&seen.templates, "sub"))).along_text(&expression)
}

/// What was probably meant.
fn hint(seen: &Seen<'_>, subject: &str) -> String {
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

/// Who gets in that should not.
fn exposed(context: &Context<'_>, seen: &Seen<'_>) -> Option<Finding> {
    let exposure = context.exposure(&seen.trust.origin, &seen.formula, &seen.templates)?;
    let tenancy = seen.recognised.issuer.tenancy;
    let whole = seen.credential.subject.as_ref().or(seen.credential.expression.as_ref());
    let verdict = match exposure.class {
        Class::AnyTenant | Class::TenantPrefix if seen.credential.expression.is_some() => foreign(seen, &exposure),
        Class::Intended => return default_service_account(seen, &exposure),
        // One exact subject cannot be told more precisely than the issuer says it.
        class if seen.credential.expression.is_none() && class != Class::PullRequest => return None,
        // An issuer that is not known has no projects or refs to speak of.
        _ if tenancy == Tenancy::Unknown => return None,
        _ => class::inside(&seen.formula, &seen.templates, &exposure, tenancy == Tenancy::Cluster)?,
    };
    let pull = (verdict.rule == "pull-request").then(|| whole.and_then(|t| t.find_span("pull_request"))).flatten();
    let span = pull.or(verdict.span).or_else(|| whole.and_then(Text::span));
    let verdict = class::Verdict { span, ..verdict };
    Some(verdict.finding(&seen.trust.origin, &seen.recognised.host_path, &exposure).certain(seen.certain))
}

fn foreign(seen: &Seen<'_>, exposure: &Exposure) -> class::Verdict {
    let (span, trail) = class::place(&seen.formula, &seen.templates, exposure, &[Role::Tenant, Role::TenantId]);
    let name = &seen.recognised.issuer.name;
    let tests = shape::tests(&seen.formula);
    let binding = || tests.iter().filter(|o| shape::binds(o.test, &seen.templates));
    let (rule, message, help) = if exposure.class == Class::TenantPrefix {
        (
            "tenant-prefix",
            "a tenant whose name merely begins like yours gets in: the wildcard is glued to the name".to_owned(),
            "end the name with its delimiter (`repo:OWNER/…`)",
        )
    } else if binding().any(|o| class::star(o.test).is_some()) {
        (
            "wildcard-subject",
            format!("anybody who can get a token from {name} gets in: the tenant's part of the subject is a wildcard"),
            "write the tenant's name where the wildcard is (`repo:OWNER/REPO:…`)",
        )
    } else {
        (
            "foreign-tenant",
            format!("a stranger at {name} gets in although there is a condition: what it tests, everybody can have"),
            "tie the expression to the tenant with a clause on `sub`, then narrow it",
        )
    };
    // At an issuer of one's own the other tenant is no stranger.
    let own = matches!(seen.recognised.issuer.tenancy, Tenancy::Tenant | Tenancy::Cluster | Tenancy::Service);
    let severity = if own { Severity::High } else { Severity::Critical };
    class::Verdict { rule, severity, span, trail, message, help: help.to_owned(), witness: None }
}

/// The namespace's `default` ServiceAccount is named.
fn default_service_account(seen: &Seen<'_>, exposure: &Exposure) -> Option<Finding> {
    if seen.recognised.issuer.tenancy != Tenancy::Cluster {
        return None;
    }
    let names = seen.templates.iter().flat_map(|t| &t.segments).filter(|s| s.role == Role::Project).map(|s| &s.name);
    let candidate = names.filter_map(|n| exposure.named.get(n)).flatten().find(|c| c.complete && c.text == "default")?;
    let message = "every pod of the namespace that names no ServiceAccount runs as `default`, and so becomes this identity";
    let finding = Finding::new("default-service-account", &seen.trust.origin, candidate.span, &seen.recognised.host_path, message);
    Some(finding.severity(Severity::Medium).help("give the workload a ServiceAccount of its own and name that").along(&candidate.trail))
}
