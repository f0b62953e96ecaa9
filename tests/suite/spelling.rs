//! The result depends on what is checked, not on the folder that fedlint was started in or on how the path is spelled.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use crate::support::{Folder, findings, json, run_with};
use std::path::Path;

const MODULE: &str = r#"variable "repository" { type = string }
resource "aws_iam_role" "this" {
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = "repo:${var.repository}" }
      }
    }]
  })
}
"#;
const CALL: &str = "module \"deploy\" {\n  source     = \"../../modules/role\"\n  repository = \"octo*\"\n}\n";

/// Rule, file's end, line, fingerprint of each finding.
fn told(here: &Path, path: &str) -> Vec<(String, String, u64, String)> {
    let out = run_with(here, &["check", path, "--format", "json"], None, &[]);
    let report = json(&out);
    let text = |f: &serde_json::Value, key: &str| f[key].as_str().unwrap_or_default().to_owned();
    let name = |f: &serde_json::Value| text(f, "path").rsplit('/').next().unwrap_or_default().to_owned();
    findings(&report).iter().map(|f| (text(f, "rule"), name(f), f["line"].as_u64().unwrap_or(0), text(f, "fingerprint"))).collect()
}

fn agree(folder: &Folder, repository: bool) {
    folder.write("modules/role/main.tf", MODULE.as_bytes());
    folder.write("envs/prod/main.tf", CALL.as_bytes());
    if repository {
        folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    }
    let root = folder.path().canonicalize().unwrap();
    let absolute = root.join("envs/prod").to_string_lossy().into_owned();
    let wanted = told(&root, "envs/prod");
    assert_eq!(wanted.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), ["tenant-prefix"]);
    let ways = [
        (".", "."),
        (".", "./envs/prod/"),
        ("envs", "prod"),
        ("envs/prod", "."),
        ("modules", "../envs/prod"),
        ("envs/prod", absolute.as_str()),
        ("/", absolute.as_str()),
    ];
    for (here, path) in ways {
        assert_eq!(told(&root.join(here), path), wanted, "from `{here}`: `{path}`");
    }
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("envs", root.join("link")).unwrap();
        assert_eq!(told(&root, "link/prod"), wanted, "through a link");
    }
}

/// Rule, path and line of each finding of several paths.
fn told_of(here: &Path, paths: &[&str]) -> Vec<(String, String, u64)> {
    let arguments: Vec<&str> = [&["check"], paths, &["--format", "json"]].concat();
    let report = json(&run_with(here, &arguments, None, &[]));
    let text = |f: &serde_json::Value, key: &str| f[key].as_str().unwrap_or_default().to_owned();
    findings(&report).iter().map(|f| (text(f, "rule"), text(f, "path"), f["line"].as_u64().unwrap_or(0))).collect()
}

#[test]
fn several_paths_in_any_order() {
    let folder = Folder::new();
    folder.write("modules/role/main.tf", MODULE.as_bytes());
    folder.write("envs/prod/main.tf", CALL.as_bytes());
    folder.write("envs/test/main.tf", CALL.replace("octo*", "*").as_bytes());
    folder.write(".git/HEAD", b"ref: refs/heads/main\n");
    let root = folder.path().canonicalize().unwrap();
    let wanted = told_of(&root, &["envs/prod", "envs/test"]);
    assert_eq!(wanted.iter().map(|f| f.1.as_str()).collect::<Vec<_>>(), ["envs/prod/main.tf", "envs/test/main.tf"]);
    for paths in [&["envs/test", "envs/prod"][..], &["./envs/test/", "envs/prod/"], &["envs/prod", "envs/test", "envs/prod"]] {
        assert_eq!(told_of(&root, paths), wanted, "{paths:?}");
    }
    // One file of a folder stands for itself: what it calls is read all the same.
    assert_eq!(told_of(&root, &["envs/test/main.tf", "envs/prod/main.tf"]), wanted);
}

#[test]
fn in_a_repository() {
    agree(&Folder::new(), true);
}

#[test]
fn without_a_repository() {
    agree(&Folder::new(), false);
}
