//! How long inputs take that are made to be slow: the whole way from text to findings. No test measures time; here it is told.

#![allow(clippy::print_stdout, clippy::print_stderr)]

use fedlint::pipeline::{Input, Request, check};

fn main() {
    divan::main();
}

/// One file with its name.
type File = (String, String);

fn policy(subject: &str) -> String {
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity",
"Principal": {{"Federated": "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}},
"Condition": {{"StringLike": {{"token.actions.githubusercontent.com:sub": {subject}}}}}}}]}}"#
    )
}

/// A pattern of many stars between the same two letters, and a Deny on another.
fn stars() -> File {
    let subject = format!("\"repo:{}\"", "*a*b".repeat(60));
    ("stars.json".to_owned(), policy(&subject))
}

/// Ten thousand subjects in one condition.
fn subjects() -> File {
    let all: Vec<String> = (0..10_000).map(|n| format!("\"repo:octo/app{n}:*\"")).collect();
    ("subjects.json".to_owned(), policy(&format!("[{}]", all.join(","))))
}

/// Aliases of aliases, ten of each at every level.
fn aliases() -> File {
    let mut text = String::from("a0: &a0 [x, x]\n");
    for level in 1..12 {
        let of = level - 1;
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![format!("*a{of}"); 10].join(", ")));
    }
    ("aliases.yaml".to_owned(), format!("kind: ServiceAccount\n{text}"))
}

/// Brackets, one within the other.
fn nesting() -> File {
    ("nesting.json".to_owned(), format!("{{\"AssumeRolePolicyDocument\": {}{}}}", "[".repeat(50_000), "]".repeat(50_000)))
}

/// Text that doubles in each local, and the product of sets.
fn doubling() -> File {
    let mut text = String::from("locals {\n  s0 = \"repo:octo/\"\n  l0 = [\"a\", \"b\", \"c\", \"d\"]\n");
    for n in 1..40 {
        text.push_str(&format!("  s{n} = \"${{local.s{}}}${{local.s{}}}\"\n", n - 1, n - 1));
    }
    text.push_str(
        "  p = setproduct(local.l0, local.l0, local.l0, local.l0, local.l0, local.l0, local.l0, local.l0, local.l0, local.l0)\n}\n",
    );
    text.push_str(
        "resource \"aws_iam_role\" \"r\" {\n  assume_role_policy = jsonencode({ Statement = [{ Sub = local.s39, P = local.p }] })\n}\n",
    );
    ("doubling.tf".to_owned(), text)
}

/// A condition of Google's with many brackets and alternatives.
fn alternatives() -> File {
    let tests: Vec<String> =
        (0..400).map(|n| format!("(assertion.repository.startsWith('octo{n}') && assertion.ref.matches('^(a|b)*{n}$'))")).collect();
    let text = format!(
        "resource \"google_iam_workload_identity_pool_provider\" \"p\" {{\n  workload_identity_pool_id = \"ci\"\n  workload_identity_pool_provider_id = \"gh\"\n  attribute_mapping = {{ \"google.subject\" = \"assertion.sub\" }}\n  attribute_condition = \"{}\"\n  oidc {{ issuer_uri = \"https://token.actions.githubusercontent.com\" }}\n}}\n",
        tests.join(" || ")
    );
    ("alternatives.tf".to_owned(), text)
}

#[divan::bench(args = ["stars", "subjects", "aliases", "nesting", "doubling", "alternatives"], sample_count = 10)]
fn hostile(bencher: divan::Bencher<'_, '_>, name: &str) {
    let file = match name {
        "stars" => stars(),
        "subjects" => subjects(),
        "aliases" => aliases(),
        "nesting" => nesting(),
        "doubling" => doubling(),
        _ => alternatives(),
    };
    bencher.bench(|| {
        let request = Request { input: Input::Memory(vec![file.clone()]), ..Request::default() };
        check(&request).map(|run| run.findings.len())
    });
}
