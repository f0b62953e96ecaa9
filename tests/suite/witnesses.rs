//! "This token gets in" is said of no token that does not: every witness of `check` is put before the same gates once
//! more, through the evaluators that decide one token at a time.

#![allow(clippy::expect_used)]

use super::invariants::Scan;
use super::workloads;
use fedlint::catalogue::RuleId;
use fedlint::graph::links::Links;
use fedlint::graph::{Graph, SubjectKeys};
use fedlint::issuers::registry;
use fedlint::pipeline::{Input, Request, check};
use fedlint::place::Span;
use fedlint::rules::Finding;
use fedlint::simulation::{Presented, entering, simulate};
use fedlint::token::{Decision, Token};

/// Why the gates leave a witness open: static reading ends, the request decides beside the token, or nobody documents it.
const OPEN: [&str; 4] = ["not known", "unknown", "depends on the request", "authorities disagree"];

/// As `fedlint simulate` takes a token: condition keys of a caller are ready, claims are not.
fn presented(witness: &Token) -> Presented {
    let mut claims = witness.clone();
    // An assertion comes through the provider that the policy names.
    if claims.claims.keys().all(|key| key.starts_with("SAML:")) {
        claims.set("aws:CurrentTime", "2026-11-28T12:00:00Z");
        return Presented { claims, ready: true, ..Presented::default() };
    }
    if claims.claims.keys().all(|key| key.starts_with("aws:") || key.starts_with("sts:")) {
        let caller = claims.string("aws:PrincipalArn").or_else(|| claims.string("aws:PrincipalServiceName"));
        let principal = caller.unwrap_or("rolesanywhere.amazonaws.com").to_owned();
        claims.set("aws:SecureTransport", "true");
        // Every request is made at some time, from somewhere.
        claims.set("aws:CurrentTime", "2026-11-28T12:00:00Z");
        claims.set("aws:SourceIp", "203.0.113.7");
        return Presented { claims, ready: true, principal: Some(principal), ..Presented::default() };
    }
    if let Some(iss) = claims.string("iss").map(str::to_owned)
        && let Some(known) = registry().recognise(&iss)
    {
        claims = known.issuer.typed(claims);
    }
    Presented { claims, ..Presented::default() }
}

/// The best answer of the gates that the finding is about: its trust, or its provider.
fn best(graph: &Graph, links: &Links, finding: &Finding, presented: &Presented) -> Option<(Decision, String)> {
    let places: Vec<Span> = std::iter::once(finding.span).chain(finding.declared).chain(finding.related.iter().map(|r| r.span)).collect();
    // A job's token is shown to the trust that the finding points at.
    let named = |name: &str| workloads::is_of_a_job(finding.rule) || finding.identity.as_deref() == Some(name);
    let trusts = graph.trusts.iter().filter(|t| named(&t.origin.name) && places.contains(&t.origin.span)).map(|t| t.origin.span);
    let trusts: Vec<Span> = trusts.collect();
    let outcome = simulate(graph, links, presented);
    let mut answers: Vec<_> = outcome.verdicts.into_iter().filter(|v| trusts.contains(&v.span)).map(|v| v.evaluation).collect();
    answers.extend(entering(graph, links, presented).into_iter().filter_map(|(id, evaluation)| {
        let origin = &graph.provider(id)?.origin;
        (named(&origin.name) && places.contains(&origin.span)).then_some(evaluation)
    }));
    let rank = |d: Decision| match d {
        Decision::Admit => 0,
        Decision::Unknown => 1,
        Decision::Deny => 2,
    };
    let best = answers.into_iter().min_by_key(|e| rank(e.decision))?;
    let failed = best.first_failure().map(|s| format!("{}: expected {:?}, found {:?}", s.test, s.expected, s.found));
    // Another statement may refuse for a known reason what the open one leaves open.
    let open = (best.decision == Decision::Unknown).then(|| best.reasons.join("; "));
    Some((best.decision, open.or(failed).unwrap_or_else(|| best.reasons.join("; "))))
}

/// The subject is what the template makes of the witness's own claims, and the template does not tell its repository.
fn of_template(graph: &Graph, finding: &Finding, witness: &Token) -> Result<(), String> {
    let format = graph.subject_formats.iter().find(|f| Some(f.origin.span) == finding.declared).ok_or("no template is declared there")?;
    let SubjectKeys::These(keys) = &format.keys else { return Err("the template is not known".to_owned()) };
    let pair = |key: &String| {
        let value = if key == "context" { Some("refs/heads/main") } else { witness.string(key) };
        format!("{key}:{}", value.unwrap_or("missing"))
    };
    let made = keys.iter().map(pair).collect::<Vec<_>>().join(":");
    let repository = witness.string("repository").ok_or("no repository")?;
    match witness.string("sub") {
        Some(sub) if sub == made && !sub.contains(repository) => Ok(()),
        sub => Err(format!("the template makes {made}, the witness says {sub:?}")),
    }
}

/// What is wrong with the witnesses of one input, and how many there are that are surely admitted, or perhaps.
pub(crate) fn judge(scan: &Scan, problems: &mut Vec<String>) -> (usize, usize) {
    let (mut admitted, mut open) = (0, 0);
    for finding in &scan.run.findings {
        // A person with a Google account brings no token to exchange.
        let Some(witness) = finding.witness.as_ref().filter(|w| w.string("email") != Some("stranger@gmail.com")) else { continue };
        let place = format!("{}: {} of {:?}, witness {}", scan.name, finding.rule.as_str(), finding.identity, witness.to_json());
        // What comes to whatever trusts are elsewhere: the subject is told by its template alone.
        if finding.rule == RuleId::WeakSubjectTemplate {
            match of_template(&scan.estate.graph, finding, witness) {
                Ok(()) => admitted += 1,
                Err(why) => problems.push(format!("{place}: {why}")),
            }
            continue;
        }
        // A pod or a process that has the selectors is shown to SPIRE.
        if let Some(answer) = workloads::of_spire(scan, finding, witness) {
            match answer {
                Ok(()) => admitted += 1,
                Err(why) => problems.push(format!("{place}: {why}")),
            }
            continue;
        }
        if workloads::is_of_a_job(finding.rule) && !workloads::is_presentable(scan, finding, witness) {
            problems.push(format!("{place}: no run of the job presents it"));
        }
        let presented = presented(witness);
        match best(&scan.estate.graph, &scan.estate.links, finding, &presented) {
            Some((Decision::Admit, _)) => admitted += 1,
            // Static reading ends: only where something is written that is not known.
            Some((Decision::Unknown, why)) if OPEN.iter().any(|reason| why.contains(reason)) => open += 1,
            Some((decision, why)) => problems.push(format!("{place}: {decision}, {why}")),
            None => problems.push(format!("{place}: no gate takes tokens of this issuer")),
        }
    }
    (admitted, open)
}

/// The findings and the audience of each witness.
fn audiences(settings: &str, member: &str) -> Vec<(String, Option<String>)> {
    let text = format!(
        r#"
resource "google_iam_workload_identity_pool" "ci" {{
  workload_identity_pool_id = "ci-pool"
}}
resource "google_iam_workload_identity_pool_provider" "ci" {{
  workload_identity_pool_id          = google_iam_workload_identity_pool.ci.workload_identity_pool_id
  workload_identity_pool_provider_id = "forge"
  {settings}
}}
resource "google_service_account" "ci" {{
  account_id = "ci"
}}
resource "google_service_account_iam_member" "ci" {{
  service_account_id = google_service_account.ci.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.ci.name}}/{member}"
}}
"#
    );
    let files = vec![("main.tf".to_owned(), text)];
    let mut problems = Vec::new();
    let (_, open) = judge(&Scan::of(settings, files.clone()), &mut problems);
    assert!(problems.is_empty() && open == 0, "{problems:?}");
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let exposed = run.findings.iter().filter(|f| !["missing-token-creator", "stale-subject-format"].contains(&f.rule.as_str()));
    exposed.map(|f| (f.rule.to_string(), f.witness.as_ref().and_then(|w| w.string("aud").map(str::to_owned)))).collect()
}

#[test]
fn a_witness_for_google_has_an_audience_that_the_provider_takes() {
    let forge = |audiences: &str, condition: &str, more: &str| {
        format!(
            "attribute_mapping = {{ \"google.subject\" = \"assertion.sub\", \"attribute.repository\" = \"assertion.repository\"{more} }}\n\
             attribute_condition = \"{condition}\"\n\
             oidc {{\n issuer_uri = \"https://token.actions.githubusercontent.com\"\n {audiences}\n }}"
        )
    };
    let owner = "assertion.repository_owner_id == '5150'";
    let found = |aud: &str| vec![("any-ref".to_owned(), Some(aud.to_owned()))];
    let bound = "attribute.repository/octo/app";
    let own = "https://iam.googleapis.com/projects/PROJECT_NUMBER/locations/global/workloadIdentityPools/ci-pool/providers/forge";
    assert_eq!(audiences(&forge("", owner, ""), bound), found(own));
    assert_eq!(audiences(&forge("allowed_audiences = []", owner, ""), bound), found(own));
    assert_eq!(audiences(&forge("allowed_audiences = [\"one\", \"two\"]", owner, ""), bound), found("one"));
    // The condition, the mapping or the member asks for another of the list.
    let two = format!("{owner} && assertion.aud == 'two'");
    assert_eq!(audiences(&forge("allowed_audiences = [\"one\", \"two\"]", &two, ""), bound), found("two"));
    let mapped = ", \"attribute.aud\" = \"assertion.aud\"";
    let wide = audiences(&forge("allowed_audiences = [\"one\", \"two\"]", owner, mapped), "attribute.aud/two");
    assert_eq!(wide, [("organization-wide".to_owned(), Some("two".to_owned()))]);
}

#[test]
fn an_audience_that_the_issuer_does_not_mint_lets_nobody_in() {
    let pulumi = |audiences: &str| {
        format!(
            "attribute_mapping = {{ \"google.subject\" = \"assertion.sub\" }}\n\
             attribute_condition = \"assertion.sub.startsWith('pulumi:deploy:org:acme:')\"\n\
             oidc {{\n issuer_uri = \"https://api.pulumi.com/oidc\"\n {audiences}\n }}"
        )
    };
    let rules = |settings: &str| audiences(settings, "*").into_iter().map(|(rule, _)| rule).collect::<Vec<_>>();
    assert!(rules(&pulumi("")).contains(&"audience-mismatch".to_owned()));
    assert!(!rules(&pulumi("allowed_audiences = [\"gcp:acme\"]")).contains(&"audience-mismatch".to_owned()));
}

#[test]
fn a_witness_for_aws_is_for_a_client_of_the_provider() {
    let text = r#"
resource "aws_iam_openid_connect_provider" "forge" {
  url            = "https://token.actions.githubusercontent.com"
  client_id_list = ["one", "two"]
}
resource "aws_iam_role" "ci" {
  name = "ci"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = aws_iam_openid_connect_provider.forge.arn }
      Condition = { StringLike = { "token.actions.githubusercontent.com:sub" = "repo:octo/*" } }
    }]
  })
}
"#;
    let files = vec![("main.tf".to_owned(), text.to_owned())];
    let mut problems = Vec::new();
    assert_eq!(judge(&Scan::of("clients", files), &mut problems), (1, 0));
    assert!(problems.is_empty(), "{problems:?}");
}
