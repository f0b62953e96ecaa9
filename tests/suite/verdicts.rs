//! Kinds of verdicts that were once wrong, each in small: the rule, its severity and its place.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;

fn run(files: &[(&str, &str)]) -> Run {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made")
}

/// `rule severity path:line` of each finding of these rules.
fn told(files: &[(&str, &str)], rules: &[&str]) -> Vec<String> {
    let run = run(files);
    let wanted = run.findings.iter().filter(|f| rules.contains(&f.rule.as_str()));
    let shown = wanted.map(|f| {
        let file = run.sources.get(f.span.file).expect("the file is read");
        format!("{} {} {}:{}", f.rule, f.severity, file.path, file.position(f.span.start as usize).line)
    });
    shown.collect()
}

/// The trust of a role for GitHub's tokens with this condition.
fn github_role(name: &str, condition: &str) -> String {
    format!(
        "resource \"aws_iam_role\" \"{name}\" {{\n  name = \"{name}\"\n  assume_role_policy = jsonencode({{\n    Version = \"2012-10-17\"\n    Statement = [{{\n      \
         Effect = \"Allow\", Action = \"sts:AssumeRoleWithWebIdentity\"\n      \
         Principal = {{ Federated = \"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\" }}\n      \
         Condition = {{ {condition} }}\n    }}]\n  }})\n}}\n"
    )
}

const AUDIENCE: &str = "\"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\"";

/// An empty default of a module that nobody in the scan calls says nothing of the trusts that its callers make.
#[test]
fn a_default_that_stands_in_for_an_argument_makes_no_dead_trust_and_hides_no_open_one() {
    let subject = "StringEquals = { AUD }, StringLike = { \"token.actions.githubusercontent.com:sub\" = \"repo:${var.repository}:*\" }";
    let role = github_role("deploy", &subject.replace("AUD", AUDIENCE));
    for default in ["\"\"", "\"CHANGEME\"", "\"<owner>/<repository>\""] {
        let text = format!("variable \"repository\" {{\n  type    = string\n  default = {default}\n}}\n{role}");
        for path in ["modules/role/main.tf", "main.tf"] {
            let found = told(&[(path, &text)], &["never-matches", "any-ref"]);
            assert_eq!(found, [format!("any-ref medium {path}:12")], "{default}");
        }
        // A value that somebody sets is what counts.
        let set = told(&[("main.tf", &text), ("terraform.tfvars", "repository = \"acme\"\n")], &["never-matches", "any-ref"]);
        assert_eq!(set, ["never-matches high terraform.tfvars:1"], "{default}");
    }
    let list = "variable \"subjects\" {\n  type    = list(string)\n  default = []\n}\n";
    let of_list =
        github_role("deploy", &format!("StringEquals = {{ {AUDIENCE}, \"token.actions.githubusercontent.com:sub\" = var.subjects }}"));
    assert_eq!(told(&[("modules/role/main.tf", &format!("{list}{of_list}"))], &["never-matches"]), Vec::<String>::new());
    // A mistake that stands whatever the caller passes is told.
    let wrong = github_role(
        "deploy",
        &format!("StringEquals = {{ {AUDIENCE}, \"token.actions.githubusercontent.com:sub\" = \"repo:${{var.repository}}:branch:main\" }}"),
    );
    let text = format!("variable \"repository\" {{\n  default = \"\"\n}}\n{wrong}");
    assert_eq!(told(&[("modules/role/main.tf", &text)], &["never-matches"]), ["never-matches high modules/role/main.tf:11"]);
}

/// The place is the argument that makes the value one that no token has, not the format that it is put into.
#[test]
fn a_dead_value_is_told_where_its_wrong_piece_is_written() {
    let module = format!(
        "variable \"owner\" {{}}\nvariable \"repositories\" {{ type = list(string) }}\nvariable \"branch\" {{}}\n{}",
        github_role(
            "this",
            &format!(
                "StringEquals = {{ {AUDIENCE}, \"token.actions.githubusercontent.com:sub\" = [for r in var.repositories : \
                 format(\"repo:%s/%s:ref:refs/heads/%s\", var.owner, r, var.branch)] }}"
            )
        )
    );
    let call = |repository: &str, branch: &str| {
        format!(
            "module \"one\" {{\n  source = \"./m\"\n  owner = \"acme\"\n  repositories = [\"{repository}\"]\n  branch = \"{branch}\"\n}}\n"
        )
    };
    let found = |call: &str| told(&[("main.tf", call), ("m/main.tf", &module)], &["never-matches"]);
    assert_eq!(found(&call("acme/app", "main")), ["never-matches high main.tf:4"]);
    assert_eq!(found(&call("app", "main branch")), ["never-matches high main.tf:5"]);
    assert_eq!(found(&call("app", "main")), Vec::<String>::new());
}

/// A key beside the login of its own job is one fact, and so is one that a whole workflow hands to its jobs.
#[test]
fn a_stored_key_beside_a_federated_login_is_told_once() {
    let workflow = |environment: &str, step: &str| {
        format!(
            "on: {{push: {{branches: [main]}}}}\npermissions: {{id-token: write}}\n{environment}jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      \
             - uses: aws-actions/configure-aws-credentials@v4\n        with:\n          role-to-assume: arn:aws:iam::111122223333:role/d\n{step}"
        )
    };
    let rules = ["conflicting-credentials", "static-credential"];
    let found = |text: &str| told(&[(".github/workflows/d.yml", text)], &rules);
    let step = "          aws-access-key-id: ${{ secrets.A }}\n          aws-secret-access-key: ${{ secrets.B }}\n";
    assert_eq!(found(&workflow("", step)), ["conflicting-credentials medium .github/workflows/d.yml:10"]);
    let environment = "env:\n  AWS_ACCESS_KEY_ID: ${{ secrets.A }}\n  AWS_SECRET_ACCESS_KEY: ${{ secrets.B }}\n";
    let both = workflow(environment, "  b:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n");
    assert_eq!(found(&both), ["conflicting-credentials medium .github/workflows/d.yml:4"]);
    let alone = "on: push\nenv:\n  AWS_ACCESS_KEY_ID: ${{ secrets.A }}\n  AWS_SECRET_ACCESS_KEY: ${{ secrets.B }}\njobs:\n  a: {runs-on: x, steps: [{run: make}]}\n  b: {runs-on: x, steps: [{run: make}]}\n";
    assert_eq!(found(alone), ["static-credential medium .github/workflows/d.yml:3"]);
}

/// A provider of a pool and a binding on one of its attributes.
fn google(mapping: &str, condition: &str, issuer: &str, member: &str) -> String {
    format!(
        "resource \"google_iam_workload_identity_pool_provider\" \"p\" {{\n  project = \"kiln-prod\"\n  workload_identity_pool_id = \"kiln\"\n  \
         workload_identity_pool_provider_id = \"main\"\n  attribute_condition = \"{condition}\"\n  \
         attribute_mapping = {{ \"google.subject\" = \"assertion.sub\"{mapping} }}\n  oidc {{ issuer_uri = \"{issuer}\" }}\n}}\n\
         resource \"google_service_account\" \"d\" {{\n  project = \"kiln-prod\"\n  account_id = \"deployer\"\n}}\n\
         resource \"google_service_account_iam_member\" \"m\" {{\n  service_account_id = google_service_account.d.name\n  \
         role = \"roles/iam.workloadIdentityUser\"\n  \
         member = \"principalSet://iam.googleapis.com/projects/481516234299/locations/global/workloadIdentityPools/kiln/{member}\"\n}}\n"
    )
}

/// What a vendor does not document is likely not there: told at the mapping or the condition, and the binding is not undecided.
#[test]
fn a_claim_that_the_vendor_does_not_document_is_decided() {
    let github = "https://token.actions.githubusercontent.com";
    let owner = "assertion.repository_owner_id == '5550001'";
    let eks = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
    let undecided = |text: &str| run(&[("main.tf", text)]).coverage.undecided.iter().map(|u| u.why.clone()).collect::<Vec<_>>();
    let mapped = google(", \"attribute.team\" = \"assertion.team_path\"", owner, github, "attribute.team/ovens");
    assert_eq!(told(&[("main.tf", &mapped)], &["never-matches"]), ["never-matches low main.tf:6"]);
    assert_eq!(undecided(&mapped), Vec::<String>::new());
    let member = google("", "assertion['kubernetes.io']['ns'] == 'billing'", eks, "attribute.x/y").replace("attribute.x/y", "*");
    assert_eq!(told(&[("main.tf", &member)], &["never-matches"]), ["never-matches high main.tf:5"]);
    assert_eq!(undecided(&member), Vec::<String>::new());
    let right = google(
        ", \"attribute.namespace\" = \"assertion['kubernetes.io']['namespace']\"",
        "assertion['kubernetes.io']['pod']['name'] == 'api-0'",
        eks,
        "attribute.namespace/billing",
    );
    assert_eq!(told(&[("main.tf", &right)], &["never-matches", "unreachable-value"]), Vec::<String>::new());
}

/// Crossplane makes up the names of its providers' ServiceAccounts, and documents a wildcard behind a separator for them.
#[test]
fn a_family_of_service_accounts_of_one_namespace_is_low() {
    let role = |subject: &str| {
        let host = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
        github_role(
            "crossplane",
            &format!("StringEquals = {{ \"{host}:aud\" = \"sts.amazonaws.com\" }}, StringLike = {{ \"{host}:sub\" = \"{subject}\" }}"),
        )
        .replace("token.actions.githubusercontent.com", host)
    };
    let found = |subject: &str| told(&[("main.tf", &role(subject))], &["name-prefix", "wildcard-subject"]);
    assert_eq!(found("system:serviceaccount:crossplane-system:provider-aws-*"), ["name-prefix low main.tf:8"]);
    assert_eq!(found("system:serviceaccount:crossplane-system:app*"), ["name-prefix medium main.tf:8"]);
    assert_eq!(found("system:serviceaccount:crossplane-*:provider-aws-*"), ["wildcard-subject high main.tf:8"]);
}

/// One line for each file and provider, mild where the provider has one client or the subject of a cluster is exact.
#[test]
fn roles_without_an_audience_are_one_finding_of_their_provider() {
    let role = |name: &str, principal: &str| {
        let subject = format!("StringEquals = {{ \"token.actions.githubusercontent.com:sub\" = \"repo:acme/{name}:environment:prod\" }}");
        let arn = "\"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"";
        github_role(name, &subject).replace(arn, principal)
    };
    let provider = |clients: &str| {
        format!(
            "resource \"aws_iam_openid_connect_provider\" \"gh\" {{\n  url = \"https://token.actions.githubusercontent.com\"\n  client_id_list = [{clients}]\n}}\n"
        )
    };
    let reference = "aws_iam_openid_connect_provider.gh.arn";
    let literal = "\"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"";
    let roles = format!("{}{}", role("a", reference), role("b", literal));
    let rule = ["missing-audience"];
    let many = format!("{}{roles}", provider("\"sts.amazonaws.com\", \"https://github.com/acme\""));
    assert_eq!(told(&[("main.tf", &many)], &rule), ["missing-audience medium main.tf:11"]);
    let one = format!("{}{roles}", provider("\"sts.amazonaws.com\""));
    assert_eq!(told(&[("main.tf", &one)], &rule), ["missing-audience low main.tf:11"]);
    // A look-up by URL means the provider that another root declares.
    let looked_up = format!(
        "data \"aws_iam_openid_connect_provider\" \"gh\" {{\n  url = \"https://token.actions.githubusercontent.com\"\n}}\n{}",
        role("c", "data.aws_iam_openid_connect_provider.gh.arn")
    );
    let base = provider("\"sts.amazonaws.com\"");
    assert_eq!(told(&[("app/main.tf", &looked_up), ("base/main.tf", &base)], &rule), ["missing-audience low app/main.tf:10"]);
    // Two accounts whose providers differ: the one with more clients may be meant.
    let other = provider("\"sts.amazonaws.com\", \"other\"");
    let files = [("app/main.tf", looked_up.as_str()), ("base/main.tf", &base), ("other/main.tf", &other)];
    assert_eq!(told(&files, &rule), ["missing-audience medium app/main.tf:10"]);
    // A pod's token names its ServiceAccount, whatever values the list has.
    let host = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
    let list = "variable \"accounts\" { type = list(string) }\n".to_owned()
        + &github_role("d", &format!("StringEquals = {{ \"{host}:sub\" = [for a in var.accounts : \"system:serviceaccount:${{a}}\"] }}"))
            .replace("token.actions.githubusercontent.com", host);
    assert_eq!(told(&[("main.tf", &list)], &rule), ["missing-audience low main.tf:8"]);
}

/// A role that only signing needs is said once, and at each place where a team asks for it.
#[test]
fn a_missing_token_creator_is_one_line() {
    let github = "https://token.actions.githubusercontent.com";
    let mapping = ", \"attribute.repository\" = \"assertion.repository\"";
    let one = google(mapping, "assertion.repository_owner_id == '5550001'", github, "attribute.repository/acme/app");
    let two = format!(
        "{one}{}",
        one.split_once("resource \"google_service_account_iam_member\"")
            .map(|(_, rest)| format!(
                "resource \"google_service_account_iam_member\"{}",
                rest.replace("\"m\"", "\"n\"").replace("acme/app", "acme/web")
            ))
            .unwrap_or_default()
    );
    assert_eq!(told(&[("main.tf", &two)], &["missing-token-creator"]), ["missing-token-creator info main.tf:16"]);
}

/// What a help tells to write is whole: a namespace that is not known has a word in its place, never a wildcard.
#[test]
fn an_unknown_namespace_is_no_wildcard_in_the_help() {
    let host = "oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
    let role = github_role(
        "app",
        &format!("StringEquals = {{ \"{host}:aud\" = \"sts.amazonaws.com\", \"{host}:sub\" = \"system:serviceaccount:shop:app\" }}"),
    )
    .replace("token.actions.githubusercontent.com", host);
    let account = |name: &str| {
        format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  annotations:\n    eks.amazonaws.com/role-arn: arn:aws:iam::111122223333:role/app\n"
        )
    };
    let found = run(&[("main.tf", &role), ("sa.yaml", &account("runner"))]);
    let finding = found.findings.iter().find(|f| f.rule.as_str() == "one-sided-binding").expect("it is told");
    assert!(finding.help.as_deref().is_some_and(|h| h.contains("system:serviceaccount:NAMESPACE:runner")), "{:?}", finding.help);
    // In the namespace that the trust names it may get the role.
    assert_eq!(told(&[("main.tf", &role), ("sa.yaml", &account("app"))], &["one-sided-binding"]), Vec::<String>::new());
}

/// An unknown is filled in with the worst that the text around it allows: an owner's name where a wildcard follows it.
#[test]
fn an_unknown_that_a_wildcard_follows_may_be_a_tenants_name() {
    let role = |subject: &str| {
        let condition =
            format!("StringEquals = {{ {AUDIENCE} }}, StringLike = {{ \"token.actions.githubusercontent.com:sub\" = \"{subject}\" }}");
        format!("variable \"s\" {{ type = string }}\n{}", github_role("r", &condition))
    };
    let rules = ["tenant-prefix", "name-prefix", "any-ref", "organization-wide", "wildcard-subject", "foreign-tenant"];
    let found = |subject: &str| told(&[("main.tf", &role(subject))], &rules);
    assert_eq!(found("repo:${var.s}*"), ["tenant-prefix critical main.tf:9"]);
    // What stands around it decides what it can be.
    assert_eq!(found("repo:${var.s}:*"), ["any-ref medium main.tf:9"]);
    assert_eq!(found("repo:acme/${var.s}:environment:prod"), Vec::<String>::new());
}

/// Two owners in one pool: a value that names neither is either's.
#[test]
fn a_short_name_that_two_owners_have_is_a_collision() {
    let github = "https://token.actions.githubusercontent.com";
    let pool = |mapping: &str, member: &str| {
        let one = google(mapping, "assertion.repository_owner == 'saltmarsh' && assertion.event_name == 'push'", github, member);
        let (provider, _) = one.split_once("resource \"google_service_account\"").expect("the provider comes first");
        let partner = provider.replace("\"p\"", "\"q\"").replace("\"main\"", "\"partner\"").replace("saltmarsh", "copperline");
        format!("{one}{partner}")
    };
    let rule = ["provider-collision"];
    let short = pool(", \"attribute.name\" = \"assertion.repository.split('/')[1]\"", "attribute.name/beacon");
    assert_eq!(told(&[("main.tf", &short)], &rule), ["provider-collision medium main.tf:16"]);
    let whole = pool(", \"attribute.repository\" = \"assertion.repository\"", "attribute.repository/saltmarsh/beacon");
    assert_eq!(told(&[("main.tf", &whole)], &rule), Vec::<String>::new());
}

/// Pools have one location, also where a script takes another by default.
#[test]
fn a_regional_pool_is_told_where_it_is_made() {
    let script = |location: &str| {
        format!(
            "#!/bin/bash\nLOCATION=\"${{LOCATION:-{location}}}\"\ngcloud iam workload-identity-pools create ci-jobs --project=tern-prod --location=\"$LOCATION\"\n"
        )
    };
    let rule = ["pool-location"];
    assert_eq!(told(&[("setup.sh", &script("europe-north1"))], &rule), ["pool-location high setup.sh:3"]);
    assert_eq!(told(&[("setup.sh", &script("global"))], &rule), Vec::<String>::new());
}

/// The roles that an identity pool gives out: to those whom their trust admits, and to guests only where that is meant.
#[test]
fn roles_of_an_identity_pool_are_for_those_who_get_them() {
    let role = |name: &str, amr: &str| {
        let amr = if amr.is_empty() {
            String::new()
        } else {
            format!(", \"ForAnyValue:StringLike\" = {{ \"cognito-identity.amazonaws.com:amr\" = \"{amr}\" }}")
        };
        let condition = format!("StringEquals = {{ \"cognito-identity.amazonaws.com:aud\" = aws_cognito_identity_pool.p.id }}{amr}");
        github_role(name, &condition)
            .replace("arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com", "cognito-identity.amazonaws.com")
    };
    let pool = |guests: bool| {
        format!(
            "resource \"aws_cognito_identity_pool\" \"p\" {{\n  identity_pool_name = \"p\"\n  allow_unauthenticated_identities = {guests}\n}}\n"
        )
    };
    let given = |guest: &str, user: &str| {
        format!(
            "resource \"aws_cognito_identity_pool_roles_attachment\" \"a\" {{\n  identity_pool_id = aws_cognito_identity_pool.p.id\n  \
             roles = {{ authenticated = aws_iam_role.{user}.arn, unauthenticated = aws_iam_role.{guest}.arn }}\n}}\n"
        )
    };
    let rules = ["never-matches", "identity-pool-open"];
    let found = |parts: &[String]| told(&[("main.tf", &parts.concat())], &rules);
    let right = [pool(true), role("a", "authenticated"), role("b", "unauthenticated"), given("b", "a")];
    assert_eq!(found(&right), ["identity-pool-open info main.tf:22"]);
    let wrong = [pool(true), role("a", "authenticated"), role("b", "authenticated"), given("b", "a")];
    assert_eq!(found(&wrong), ["never-matches high main.tf:23"]);
    assert_eq!(found(&[pool(true), role("a", "")]), ["identity-pool-open high main.tf:11"]);
    assert_eq!(found(&[pool(false), role("a", "")]), ["identity-pool-open low main.tf:11"]);
}

/// A step's id is new in each token: whoever pins one has a trust that no later run satisfies.
#[test]
fn an_id_of_one_run_never_comes_again() {
    let issuer = "api.bitbucket.org/2.0/workspaces/brackenfield/pipelines-config/identity/oidc";
    let role = |operator: &str, subject: &str| {
        github_role(
            "r",
            &format!("{operator} = {{ \"{issuer}:sub\" = \"{subject}\", \"{issuer}:aud\" = \"ari:cloud:bitbucket::workspace/x\" }}"),
        )
        .replace("token.actions.githubusercontent.com", issuer)
    };
    let repository = "{aaaaaaaa-0000-4000-8000-000000000001}";
    let step = "{bbbbbbbb-0000-4000-8000-000000000001}";
    let found = |operator: &str, subject: &str| told(&[("main.tf", &role(operator, subject))], &["never-matches"]);
    assert_eq!(found("StringEquals", &format!("{repository}:{step}")), ["never-matches high main.tf:8"]);
    assert_eq!(found("StringLike", &format!("{repository}:*")), Vec::<String>::new());
    assert_eq!(found("StringLike", &format!("{repository}:{step}:*")), Vec::<String>::new());
}

/// A provider that accepts one audience, and the grant on it.
fn accepting(issuer: &str, audience: &str, condition: &str) -> String {
    google("", condition, issuer, "*")
        .replace(&format!("issuer_uri = \"{issuer}\""), &format!("issuer_uri = \"{issuer}\"\n    allowed_audiences = [\"{audience}\"]\n "))
}

/// The token of a pod is for another audience than the provider accepts, told where the pod asks for it.
#[test]
fn a_projected_token_for_another_audience_is_refused() {
    let eks = "https://oidc.eks.eu-west-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF";
    let pool =
        "resource \"google_iam_workload_identity_pool\" \"k\" {\n  project = \"kiln-prod\"\n  workload_identity_pool_id = \"kiln\"\n}\n";
    let provider = format!("{pool}{}", accepting(eks, "sts.googleapis.com", "assertion.sub == 'system:serviceaccount:shop:api'"));
    let manifests = |folder: &str, audience: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c, namespace: shop}}\ndata:\n  c.json: |\n    {{\n      \"type\": \"external_account\",\n      \
             \"audience\": \"//iam.googleapis.com/projects/481516234299/locations/global/workloadIdentityPools/kiln/providers/main\",\n      \
             \"subject_token_type\": \"urn:ietf:params:oauth:token-type:jwt\",\n      \"token_url\": \"https://sts.googleapis.com/v1/token\",\n      \
             \"credential_source\": {{\"file\": \"/var/run/tokens/token\"}}\n    }}\n---\napiVersion: v1\nkind: Pod\n\
             metadata: {{name: p, namespace: shop}}\nspec:\n  containers:\n    - name: a\n      image: x\n      volumeMounts: [{{name: t, mountPath: {folder}}}]\n  \
             volumes:\n    - name: t\n      projected:\n        sources:\n          - serviceAccountToken:\n              audience: {audience}\n              path: token\n"
        )
    };
    let found =
        |folder: &str, audience: &str| told(&[("main.tf", &provider), ("pod.yaml", &manifests(folder, audience))], &["audience-mismatch"]);
    assert_eq!(found("/var/run/tokens", "other.example"), ["audience-mismatch high pod.yaml:27"]);
    assert_eq!(found("/var/run/tokens", "sts.googleapis.com"), Vec::<String>::new());
    assert_eq!(found("/somewhere/else", "other.example"), Vec::<String>::new());
}

/// A pipeline that writes a credential configuration is read as the pipeline that it is, and not as what it writes.
#[test]
fn a_pipeline_that_writes_a_configuration_is_a_pipeline() {
    let provider = accepting("https://gitlab.com", "https://gitlab.com", "assertion.project_path == 'greyhaven/sextant'");
    let pipeline = |audience: &str| {
        format!(
            "deploy:\n  id_tokens:\n    TOKEN: {{aud: {audience}}}\n  script:\n    - echo \"$TOKEN\" > .token\n    \
             - gcloud iam workload-identity-pools create-cred-config projects/481516234299/locations/global/workloadIdentityPools/kiln/providers/main \
             --credential-source-file=.token --output-file=cred.json\n"
        )
    };
    let found = |audience: &str| told(&[("main.tf", &provider), (".gitlab-ci.yml", &pipeline(audience))], &["job-not-admitted"]);
    assert_eq!(found("https://elsewhere.example"), ["job-not-admitted high .gitlab-ci.yml:1"]);
    assert_eq!(found("https://gitlab.com"), Vec::<String>::new());
}
