//! Rules about every trust, and about what stands beside it: setups of careful teams that look like a fault, and faults that look right.

#![allow(clippy::expect_used)]

use fedlint::catalogue::{RuleId, Severity};
use fedlint::pipeline::{Input, Request, check};

/// The findings of a rule: severity and line of `main.tf`.
fn found(rule: RuleId, files: &[(&str, &str)]) -> Vec<(Severity, usize)> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    let line = |f: &fedlint::rules::Finding| run.sources.get(f.span.file).map_or(0, |s| s.position(f.span.start as usize).line);
    run.findings.iter().filter(|f| f.rule == rule).map(|f| (f.severity, line(f))).collect()
}

/// A role for jobs of one repository, what else it has, and the statements of its policy.
fn role(context: &str, more: &str, statements: &str) -> String {
    format!(
        r#"resource "aws_iam_role" "kiln" {{
  name = "kiln"
  {more}
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{
        StringEquals = {{ "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }}
        StringLike   = {{ "token.actions.githubusercontent.com:sub" = "repo:pottery@12/kiln@34:{context}" }}
      }}
    }}]
  }})
}}
resource "aws_iam_role_policy" "kiln" {{
  role   = aws_iam_role.kiln.name
  policy = jsonencode({{ Version = "2012-10-17", Statement = [{statements}] }})
}}
"#
    )
}

fn escalation(context: &str, more: &str, statements: &str) -> Vec<Severity> {
    let all = found(RuleId::SelfEscalation, &[("main.tf", &role(context, more, statements))]);
    all.into_iter().map(|(severity, _)| severity).collect()
}

#[test]
fn who_can_obtain_a_role_decides_how_bad_its_rights_over_itself_are() {
    let itself = r#"{ Effect = "Allow", Action = "iam:updateassumerolepolicy", Resource = aws_iam_role.kiln.arn }"#;
    assert_eq!(escalation("*", "", itself), [Severity::High]);
    assert_eq!(escalation("environment:production", "", itself), [Severity::Low]);
    let users = r#"{ Effect = "Allow", Action = ["s3:GetObject", "iam:CreateAccess*"], Resource = ["arn:aws:s3:::kiln/*", "arn:aws:iam::111122223333:user/*"] }"#;
    assert_eq!(escalation("*", "", users), [Severity::High]);
}

#[test]
fn rights_that_do_not_reach_the_role_itself() {
    let silent = [
        ("", r#"{ Effect = "Allow", Action = "iam:*", Resource = "arn:aws:iam::111122223333:role/app-*" }"#),
        ("", r#"{ Effect = "Allow", Action = "iam:CreateAccessKey", Resource = "arn:aws:iam::111122223333:user/mailer" }"#),
        (
            "",
            r#"{ Effect = "Allow", Action = "iam:PutRolePolicy", Resource = "*", Condition = { StringEquals = { "iam:PermissionsBoundary" = "arn:aws:iam::111122223333:policy/edge" } } }"#,
        ),
        (r#"permissions_boundary = "arn:aws:iam::111122223333:policy/edge""#, r#"{ Effect = "Allow", Action = "iam:*", Resource = "*" }"#),
        (
            "",
            r#"{ Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "*" }, { Effect = "Deny", NotAction = "s3:*", Resource = "arn:aws:iam::*:role/kiln" }"#,
        ),
    ];
    for (more, statements) in silent {
        assert_eq!(escalation("*", more, statements), [], "{more} {statements}");
    }
    let spared = r#"{ Effect = "Allow", Action = "iam:UpdateAssumeRolePolicy", Resource = "arn:aws:iam::*:role/ki*" }, { Effect = "Deny", Action = "iam:*", Resource = "arn:aws:iam::*:role/oven" }"#;
    assert_eq!(escalation("*", "", spared), [Severity::High], "another role is denied");
}

/// A trust for an environment, and what Terraform declares of environments.
fn environments(declared: &str) -> Vec<(Severity, usize)> {
    let trust = role("environment:production", "", "");
    found(RuleId::UnprotectedEnvironment, &[("main.tf", &trust), ("github.tf", declared)])
}

#[test]
fn an_environment_is_weak_only_where_its_own_declaration_says_so() {
    let bare = "resource \"github_repository_environment\" \"e\" {\n  repository  = \"kiln\"\n  environment = \"Production\"\n}\n";
    assert_eq!(environments(bare).len(), 1, "GitHub compares names of environments without case");
    let reviewed = bare.replace("}\n", "  reviewers {\n    users = [7]\n  }\n}\n");
    assert_eq!(environments(&reviewed), []);
    assert_eq!(environments(&bare.replace("kiln", "oven")), [], "of another repository");
    assert_eq!(environments(&bare.replace("Production", "preview")), []);
    assert_eq!(environments(&bare.replace("}\n", "  dynamic \"reviewers\" {\n    for_each = var.reviewers\n    content {}\n  }\n}\n")), []);
    assert_eq!(environments(""), []);
}

/// What two declarations make of one policy.
fn fight(one: &str, other: &str) -> usize {
    let account = "resource \"google_service_account\" \"a\" {\n  project    = \"mill-data\"\n  account_id = \"a\"\n}\n";
    let member = "  member = \"serviceAccount:mill-data.svc.id.goog[mill/a]\"\n";
    let members = "  members = [\"serviceAccount:mill-data.svc.id.goog[mill/b]\"]\n";
    let declared = |kind: &str, name: &str, body: &str| {
        let who = if kind.ends_with("_member") { member } else { members };
        format!("resource \"{kind}\" \"{name}\" {{\n{body}\n{who}}}\n")
    };
    let parse = |text: &str, name: &str| {
        let (kind, body) = text.split_once(' ').expect("a type and a body");
        declared(kind, name, body)
    };
    let text = format!("{account}{}{}", parse(one, "one"), parse(other, "two"));
    found(RuleId::ConflictingBindings, &[("main.tf", &text)]).len()
}

#[test]
fn parts_of_a_policy_meet_on_one_resource_and_role() {
    const BINDING: &str =
        "google_service_account_iam_binding service_account_id = google_service_account.a.name\nrole = \"roles/iam.workloadIdentityUser\"";
    const MEMBER: &str =
        "google_service_account_iam_member service_account_id = google_service_account.a.name\nrole = \"roles/iam.workloadIdentityUser\"";
    assert_eq!(fight(BINDING, MEMBER), 1);
    assert_eq!(fight(MEMBER, BINDING), 1);
    assert_eq!(fight(MEMBER, MEMBER), 0);
    assert_eq!(fight(BINDING, &MEMBER.replace("workloadIdentityUser", "serviceAccountViewer")), 0);
    let until = "\ncondition {\n  title = \"t\"\n  expression = \"request.time < timestamp('2099-01-01T00:00:00Z')\"\n}";
    assert_eq!(fight(BINDING, &format!("{MEMBER}{until}")), 0, "a role is bound once for each condition");
    assert_eq!(fight(&format!("{BINDING}{until}"), &format!("{MEMBER}{until}")), 1);
    // Which of the two is there, a variable says.
    assert_eq!(fight(&format!("{BINDING}\ncount = var.old ? 1 : 0"), &format!("{MEMBER}\ncount = var.old ? 0 : 1")), 0);
    const TABLE: &str =
        "google_bigquery_table_iam_binding dataset_id = \"grain\"\ntable_id = \"rye\"\nrole = \"roles/bigquery.dataViewer\"";
    assert_eq!(fight(TABLE, &TABLE.replace("rye", "oats")), 0, "two tables of one dataset");
    assert_eq!(fight(TABLE, TABLE), 1);
}

const CLUSTER: &str = "oidc.eks.eu-west-1.amazonaws.com/id/0A1B2C3D4E5F60718293A4B5C6D7E8F9";

/// A role for a ServiceAccount, with manifests beside it.
fn orphans(manifests: &str) -> usize {
    let trust = format!(
        r#"resource "aws_iam_role" "kiln" {{
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Principal = {{ Federated = "arn:aws:iam::111122223333:oidc-provider/{CLUSTER}" }}
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {{ StringEquals = {{ "{CLUSTER}:sub" = "system:serviceaccount:pottery:kiln", "{CLUSTER}:aud" = "sts.amazonaws.com" }} }}
    }}]
  }})
}}
"#
    );
    found(RuleId::OrphanTrust, &[("main.tf", &trust), ("k.yaml", manifests)]).len()
}

#[test]
fn a_trust_is_an_orphan_only_where_the_scan_holds_its_namespace() {
    let account = |name: &str, namespace: &str| {
        format!("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: {namespace}\n---\n")
    };
    assert_eq!(orphans(&account("wheel", "pottery")), 1);
    assert_eq!(orphans(&(account("wheel", "pottery") + &account("kiln", "pottery"))), 0);
    assert_eq!(orphans(&account("wheel", "glass")), 0, "the namespace is kept elsewhere");
    let chart = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: kiln\n  namespace: pottery\nspec: {}\n";
    assert_eq!(orphans(&(account("wheel", "pottery") + chart)), 0, "a chart may make it");
    assert_eq!(orphans("apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: kiln\n"), 0, "where it goes is said elsewhere");
}

#[test]
fn commands_enable_apis_as_terraform_does() {
    let script = |apis: &str| {
        format!(
            "#!/bin/sh\ngcloud services enable {apis} --project=mill-data\n\
             gcloud iam workload-identity-pools create mill-jobs --location=global --project=mill-data\n"
        )
    };
    let apis = |apis: &str| found(RuleId::MissingApi, &[("setup.sh", &script(apis))]).len();
    assert_eq!(apis("iam.googleapis.com storage.googleapis.com"), 1);
    assert_eq!(apis("iam.googleapis.com sts.googleapis.com"), 0);
    assert_eq!(apis("$APIS"), 0, "which they are is not known");
}
