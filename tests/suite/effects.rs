//! Whatever a rule file or the order of an input says has the effect that it is meant to have: each check that a rule names
//! finds it somewhere, and the order of files has none.

#![allow(clippy::expect_used)]

use super::invariants::{Files, examples, fixtures};
use fedlint::catalogue::{RuleId, catalogue};
use fedlint::config::Config;
use fedlint::issuers::registry;
use fedlint::pipeline::{Input, Request, check, read};
use fedlint::report::Run;
use fedlint::rules::checks::CHECKS;
use fedlint::rules::engine::Context;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const GITHUB: &str = "token.actions.githubusercontent.com";
const EKS: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
const AKS: &str = "westeurope.oic.prod-aks.azure.com/11111111-2222-3333-4444-555555555555/66666666-2222-3333-4444-555555555555/";
/// The condition of a pool for one owner.
const OWN: &str = "assertion.repository_owner_id == '77'";

/// A check that a rule names, and that nothing can be written for which it finds the rule.
const UNSHOWN: [(&str, &str, &str); 3] = [
    ("foreign-tenant", "azure", "Entra asks for an id that pins the tenant; the verdict stands for wildcards that have no place"),
    ("foreign-tenant", "trusts", "which tenants are a team's own stands in its configuration: `tenants.rs` shows it"),
    ("orphan-trust", "jobs", "whose repository it is stands in no example: `own_repository.rs` shows it"),
];

/// A role of GitHub, with a list of statements' conditions.
fn aws(conditions: &[&str]) -> String {
    let statement = |condition: &&str| {
        format!(
            "{{ Effect = \"Allow\", Action = \"sts:AssumeRoleWithWebIdentity\", \
             Principal = {{ Federated = \"arn:aws:iam::111122223333:oidc-provider/{GITHUB}\" }}, \
             Condition = {{ StringEquals = {{ \"{GITHUB}:aud\" = \"sts.amazonaws.com\", {} }} }} }}",
            condition.replace("KEY", GITHUB)
        )
    };
    let all = conditions.iter().map(statement).collect::<Vec<_>>().join(",\n");
    format!(
        "resource \"aws_iam_role\" \"r\" {{\n  assume_role_policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{all}] }})\n}}\n"
    )
}

/// A provider with this condition and a mapping of one attribute, and a binding of one of its values.
fn google(issuer: &str, condition: &str, attribute: Option<(&str, &str)>, member: &str) -> String {
    let mapping = attribute.map(|(name, expression)| format!("\"attribute.{name}\" = \"{expression}\"")).unwrap_or_default();
    let binding = format!(
        "resource \"google_service_account\" \"a\" {{ account_id = \"keeper\" }}\n\
         resource \"google_service_account_iam_member\" \"m\" {{\n  service_account_id = google_service_account.a.name\n  \
         role = \"roles/iam.workloadIdentityUser\"\n  \
         member = \"principalSet://iam.googleapis.com/${{google_iam_workload_identity_pool.p.name}}/{member}\"\n}}\n"
    );
    format!(
        "resource \"google_iam_workload_identity_pool\" \"p\" {{ workload_identity_pool_id = \"weir-pool\" }}\n\
         resource \"google_iam_workload_identity_pool_provider\" \"g\" {{\n  \
         workload_identity_pool_id = google_iam_workload_identity_pool.p.workload_identity_pool_id\n  \
         workload_identity_pool_provider_id = \"gate\"\n  attribute_condition = \"{condition}\"\n  \
         attribute_mapping = {{\n \"google.subject\" = \"assertion.sub\"\n {mapping}\n }}\n  \
         oidc {{ issuer_uri = \"https://{issuer}\" }}\n}}\n{}",
        if member.is_empty() { "" } else { &binding }
    )
}

fn provider(condition: &str) -> String {
    google(GITHUB, condition, None, "")
}

fn bound(condition: &str, expression: &str, value: &str) -> String {
    google(GITHUB, condition, Some(("x", expression)), &format!("attribute.x/{value}"))
}

fn entra(issuer: &str, subject: &str) -> String {
    format!(
        "resource \"azuread_application_federated_identity_credential\" \"c\" {{\n  application_id = \"/applications/5b0c1d2e-0000-4000-8000-0000000000aa\"\n  \
         display_name = \"gate\"\n  audiences = [\"api://AzureADTokenExchange\"]\n  issuer = \"https://{issuer}\"\n  subject = \"{subject}\"\n}}\n"
    )
}

fn flexible(issuer: &str, expression: &str) -> String {
    format!(
        "resource \"azuread_application_flexible_federated_identity_credential\" \"c\" {{\n  \
         application_id = \"/applications/5b0c1d2e-0000-4000-8000-0000000000aa\"\n  display_name = \"gate\"\n  \
         audience = \"api://AzureADTokenExchange\"\n  issuer = \"https://{issuer}\"\n  claims_matching_expression = \"{expression}\"\n}}\n"
    )
}

const CHOSEN: &str = r#"
resource "github_actions_repository_oidc_subject_claim_customization_template" "t" {
  repository         = "weir/sluice"
  use_default        = false
  include_claim_keys = ["repository_id", "workflow"]
}
"#;

/// Rule, check, and an input in which the check finds it: where the examples of the rule files show another check only.
fn more() -> Vec<(&'static str, &'static str, String)> {
    let id = "claims['repository_id'] eq '88'";
    let owner = "claims['repository_owner_id'] eq '77'";
    let shared = "weir/ci/.github/workflows/x.yml";
    vec![
        ("any-environment", "azure", flexible(GITHUB, &format!("claims['sub'] matches 'repo:weir/sluice:environment:*' and {id}"))),
        (
            "any-environment",
            "google-binding",
            bound(&format!("{OWN} && assertion.sub.startsWith('repo:weir/sluice:environment:')"), "assertion.repository", "weir/sluice"),
        ),
        ("attacker-chosen-claim", "aws-trust", aws(&["\"KEY:repository_owner_id\" = \"77\", \"KEY:workflow\" = \"deploy\""])),
        ("attacker-chosen-claim", "azure", flexible(GITHUB, &format!("claims['sub'] matches 'repo:weir/*:workflow:deploy' and {owner}"))),
        ("attacker-chosen-claim", "google-binding", bound(OWN, "assertion.workflow", "deploy")),
        ("default-service-account", "azure", entra(AKS, "system:serviceaccount:gates:default")),
        ("foreign-tenant", "aws-trust", aws(&["\"KEY:sub\" = \"repo:weir/sluice:environment:live\"", "\"KEY:ref\" = \"refs/heads/main\""])),
        ("inverted-condition", "google-provider", provider("assertion.repository_owner != 'weir'")),
        ("literal-wildcard", "google-provider", provider("assertion.repository == 'weir/*'")),
        (
            "name-prefix",
            "google-binding",
            bound(&format!("{OWN} && assertion.ref.startsWith('refs/heads/main')"), "assertion.repository", "weir/sluice"),
        ),
        (
            "never-matches",
            "google-binding",
            bound(&format!("{OWN} && assertion.repository == 'weir/other'"), "assertion.repository", "weir/sluice"),
        ),
        ("never-matches", "google-provider", provider("assertion.ref == 'refs/heads/main' && assertion.ref == 'refs/heads/next'")),
        ("pull-request", "google-binding", bound(OWN, "assertion.repository + ':' + assertion.event_name", "weir/sluice:pull_request")),
        ("ref-claim-only", "aws-trust", aws(&["\"KEY:repository\" = \"weir/sluice\", \"KEY:ref\" = \"refs/heads/main\""])),
        ("ref-claim-only", "google-binding", bound(OWN, "assertion.repository + ':' + assertion.ref", "weir/sluice:refs/heads/main")),
        (
            "ref-type-confusion",
            "azure",
            flexible("gitlab.com", "claims['sub'] matches 'project_path:weir/sluice:ref_type:*:ref:main' and claims['project_id'] eq '88'"),
        ),
        (
            "ref-type-confusion",
            "google-binding",
            google(
                "gitlab.com",
                "assertion.namespace_id == '77'",
                Some(("both", "assertion.project_path + ':' + assertion.ref")),
                "attribute.both/weir/sluice:main",
            ),
        ),
        (
            "ref-type-confusion",
            "google-provider",
            google("gitlab.com", "assertion.project_path == 'weir/sluice' && assertion.ref == 'main'", None, ""),
        ),
        (
            "rejected-policy",
            "azure-case",
            entra(GITHUB, "repo:weir/sluice:environment:live").replace("  audiences = [\"api://AzureADTokenExchange\"]\n", ""),
        ),
        ("reusable-workflow-only", "aws-trust", aws(&[&format!("\"KEY:job_workflow_ref\" = \"{shared}@refs/heads/main\"")])),
        (
            "reusable-workflow-only",
            "azure",
            flexible(
                GITHUB,
                &format!("claims['sub'] matches 'repo:weir/*' and {owner} and claims['job_workflow_ref'] matches '{shared}@*'"),
            ),
        ),
        ("reusable-workflow-only", "google-binding", bound(OWN, "assertion.job_workflow_ref.extract('{file}@')", shared)),
        (
            "stale-subject-format",
            "google-provider",
            format!("{}{CHOSEN}", provider("assertion.sub.startsWith('repo:weir/sluice:environment:')")),
        ),
        ("tenant-prefix", "google-provider", provider("assertion.repository.startsWith('weir')")),
        ("vacuous-condition", "google-provider", provider("assertion.repository.contains('/')")),
        (
            "wildcard-subject",
            "google-binding",
            google(
                EKS,
                "assertion.sub.startsWith('system:serviceaccount:gates:')",
                Some(("ns", "assertion['kubernetes.io']['namespace']")),
                "attribute.ns/gates",
            ),
        ),
    ]
}

fn request(files: Files) -> Request {
    Request { input: Input::Memory(files), ..Request::default() }
}

/// Which rules each check finds in an input, by itself.
fn found_by(files: Files) -> BTreeSet<(&'static str, RuleId)> {
    let world = read(&request(files)).expect("the facts are read");
    let config = Config::default();
    let mut out = BTreeSet::new();
    for (name, check) in CHECKS {
        let context = Context {
            graph: &world.graph,
            links: &world.links,
            sources: &world.sources,
            config: &config,
            registry: registry(),
            calls: &world.calls,
            modelled: Default::default(),
            open: Mutex::default(),
            shared: Arc::default(),
        };
        out.extend(check(&context).into_iter().map(|f| (*name, f.rule)));
    }
    out
}

#[test]
fn each_check_that_a_rule_names_finds_it() {
    let mut problems = Vec::new();
    let mut found: BTreeSet<(&str, RuleId)> = BTreeSet::new();
    for (rule, name, text) in more() {
        let of = found_by(vec![("main.tf".to_owned(), text.clone())]);
        if !of.iter().any(|(check, id)| *check == name && id.as_str() == rule) {
            problems.push(format!("`{name}` does not find {rule}, but {of:?}, in\n{text}"));
        }
        found.extend(of);
    }
    let inputs: Vec<(String, Files)> = examples().into_iter().chain(fixtures()).collect();
    let others: Vec<(&str, RuleId)> = inputs.into_par_iter().flat_map_iter(|(_, files)| found_by(files)).collect();
    found.extend(others);
    for rule in catalogue() {
        let id = rule.meta.id;
        for name in rule.meta.check.iter().filter(|name| *name != "suppressions") {
            let unshown = UNSHOWN.iter().any(|(rule, check, _)| *rule == id.as_str() && check == name);
            if found.contains(&(name.as_str(), id)) == unshown {
                problems.push(format!("rules/{id}.md: `{name}` finds it {}", if unshown { "after all" } else { "nowhere" }));
            }
        }
        for (name, _) in found.iter().filter(|(_, found)| *found == id) {
            if !rule.meta.check.iter().any(|named| named == name) && rule.meta.when.is_none() {
                problems.push(format!("rules/{id}.md: `{name}` finds it and is not named"));
            }
        }
    }
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

/// Everything that a run tells, with its places.
fn told(run: &Run) -> (Vec<String>, Vec<String>) {
    let place = |span| run.sources.locate(span).map(|(path, at)| format!("{path}:{}:{}", at.line, at.column)).unwrap_or_default();
    let finding = |f: &fedlint::rules::Finding| {
        let related: Vec<String> = f.related.iter().map(|r| format!("{} {}", place(r.span), r.message)).collect();
        let witness = f.witness.as_ref().map(|w| w.to_json().to_string());
        let (at, print) = (place(f.span), &f.fingerprint);
        format!("{at} {} {} {} {:?} {:?} {related:?} {witness:?} {print:?}", f.rule, f.severity, f.message, f.confidence, f.help)
    };
    let undecided = run.coverage.undecided.iter().map(|u| format!("{}:{} {}", u.path, u.line, u.why)).collect();
    (run.findings.iter().map(finding).collect(), undecided)
}

#[test]
fn the_order_of_files_has_no_effect() {
    let inputs: Vec<(String, Files)> = examples().into_iter().chain(fixtures()).filter(|(_, f)| f.len() > 1).collect();
    assert!(inputs.len() > 20, "{}", inputs.len());
    let differs = |(name, files): (String, Files)| {
        let there = told(&check(&request(files.clone())).expect("the run is made"));
        let back = told(&check(&request(files.into_iter().rev().collect())).expect("the run is made"));
        (there != back).then(|| format!("{name}:\n{there:#?}\n{back:#?}"))
    };
    let problems: Vec<String> = inputs.into_par_iter().filter_map(differs).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
