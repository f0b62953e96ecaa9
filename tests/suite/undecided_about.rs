//! What is undecided counts only for what it is about.

#![allow(clippy::expect_used)]

use fedlint::pipeline::{Input, Request, check};
use fedlint::rules::Finding;

/// A workload of a pool that impersonates an account on which nothing is granted, beside `rest`.
fn unbound(rest: &str) -> bool {
    let config = r#"{
  "type": "external_account",
  "audience": "//iam.googleapis.com/projects/204060801030/locations/global/workloadIdentityPools/runners/providers/github",
  "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/publisher@millpond-web.iam.gserviceaccount.com:generateAccessToken"
}"#;
    let account = "resource \"google_service_account\" \"publisher\" {\n  project    = \"millpond-web\"\n  account_id = \"publisher\"\n}\n";
    found(&[("login.json", config), ("main.tf", &format!("{account}{rest}"))], "unbound-impersonation")
}

fn found(files: &[(&str, &str)], rule: &str) -> bool {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    run.findings.iter().any(|f: &Finding| f.rule.as_str() == rule)
}

#[test]
fn what_is_not_about_the_account_does_not_hide_that_nobody_may_impersonate_it() {
    assert!(unbound(""));
    let cases = [
        ("a role of AWS", "variable \"policy\" {}\nresource \"aws_iam_role\" \"member_binding\" {\n  assume_role_policy = var.policy\n}\n"),
        (
            "a bucket",
            "variable \"who\" {}\nresource \"google_storage_bucket_iam_binding\" \"logs\" {\n  bucket  = \"logs\"\n  role    = \"roles/owner\"\n  members = var.who\n}\n",
        ),
        (
            "a bucket's policy",
            "variable \"all\" {}\nresource \"google_storage_bucket_iam_policy\" \"logs\" {\n  bucket      = \"logs\"\n  policy_data = var.all\n}\n",
        ),
        (
            "another account",
            "variable \"who\" {}\nresource \"google_service_account\" \"other\" {\n  project    = \"millpond-web\"\n  account_id = \"other\"\n}\nresource \"google_service_account_iam_member\" \"other\" {\n  service_account_id = google_service_account.other.name\n  role               = \"roles/iam.workloadIdentityUser\"\n  member             = var.who\n}\n",
        ),
        (
            "another account in a project that is not known",
            "variable \"who\" {}\nresource \"google_service_account\" \"other\" {\n  account_id = \"other\"\n}\nresource \"google_service_account_iam_binding\" \"other\" {\n  service_account_id = google_service_account.other.name\n  role               = \"roles/iam.workloadIdentityUser\"\n  members            = var.who\n}\n",
        ),
    ];
    for (what, rest) in cases {
        assert!(unbound(rest), "{what}");
    }
}

#[test]
fn what_may_be_about_the_account_leaves_it_open() {
    let cases = [
        (
            "its own members",
            "variable \"who\" {}\nresource \"google_service_account_iam_binding\" \"b\" {\n  service_account_id = google_service_account.publisher.name\n  role               = \"roles/iam.workloadIdentityUser\"\n  members            = var.who\n}\n",
        ),
        (
            "its own policy",
            "variable \"all\" {}\nresource \"google_service_account_iam_policy\" \"b\" {\n  service_account_id = google_service_account.publisher.name\n  policy_data        = var.all\n}\n",
        ),
        (
            "the members of an account that may be it",
            "variable \"who\" {}\nvariable \"account\" {}\nresource \"google_service_account_iam_binding\" \"b\" {\n  service_account_id = var.account\n  role               = \"roles/iam.workloadIdentityUser\"\n  members            = var.who\n}\n",
        ),
        (
            "the project's members",
            "variable \"who\" {}\nresource \"google_project_iam_binding\" \"b\" {\n  project = \"millpond-web\"\n  role    = \"roles/iam.workloadIdentityUser\"\n  members = var.who\n}\n",
        ),
        (
            "the folder's policy",
            "variable \"all\" {}\nresource \"google_folder_iam_policy\" \"b\" {\n  folder      = \"folders/12345\"\n  policy_data = var.all\n}\n",
        ),
    ];
    for (what, rest) in cases {
        assert!(!unbound(rest), "{what}");
    }
}

/// An exported policy that does not say whose it is may be the project's.
#[test]
fn a_policy_without_its_resource_may_be_above_the_account() {
    let member = "principalSet://iam.googleapis.com/projects/204060801030/locations/global/workloadIdentityPools/runners/attribute.repository/millpond/web";
    let policy = format!("bindings:\n- members:\n  - {member}\n  role: roles/iam.workloadIdentityUser\netag: BwXabc\nversion: 1\n");
    let config = r#"{"type": "external_account", "audience": "//iam.googleapis.com/projects/204060801030/locations/global/workloadIdentityPools/runners/providers/github", "service_account_impersonation_url": "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/publisher@millpond-web.iam.gserviceaccount.com:generateAccessToken"}"#;
    let account = "resource \"google_service_account\" \"publisher\" {\n  project    = \"millpond-web\"\n  account_id = \"publisher\"\n}\n";
    assert!(!found(&[("login.json", config), ("main.tf", account), ("get-iam-policy.yaml", &policy)], "unbound-impersonation"));
}
