//! `check --base` and `--since`: what another revision says of the findings.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::diff::Repository;

const ROLE: &str = r#"
resource "aws_iam_role" "NAME" {
  name = "NAME"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRoleWithWebIdentity"
      Principal = { Federated = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
      Condition = {
        StringEquals = { "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com" }
        StringLike   = { "token.actions.githubusercontent.com:sub" = "SUBJECT" } COMMENT
      }
    }]
  })
}
"#;

fn role(name: &str, subject: &str, comment: &str) -> String {
    ROLE.replace("NAME", name).replace("SUBJECT", subject).replace("COMMENT", comment)
}

const ANY_REF: &str = "repo:saltmarsh/heron:*";
const IGNORE: &str = "# fedlint: ignore[any-ref] previews of branches";

/// The findings at medium and above, as `rule identity`, and the exit code.
fn check(repository: &Repository, arguments: &[&str]) -> (Vec<String>, i32) {
    let done = repository.fedlint(&[&["check", "--format", "json", "--min-severity", "medium"], arguments].concat());
    let code = done.status.code().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let Ok(report) = serde_json::from_str::<serde_json::Value>(&text) else {
        panic!("{text}{}", String::from_utf8_lossy(&done.stderr));
    };
    let named = |f: &serde_json::Value| format!("{} {}", f["rule"].as_str().unwrap(), f["identity"].as_str().unwrap_or("-"));
    (report["findings"].as_array().unwrap().iter().map(named).collect(), code)
}

#[test]
fn only_what_a_change_causes_is_reported() {
    let Some(repository) = Repository::new() else { return };
    repository.write("infra/main.tf", &role("old", ANY_REF, ""));
    repository.commit("base");
    assert_eq!(check(&repository, &["--since", "base"]), (vec![], 0));
    // moved, reordered, and one more
    std::fs::remove_file(repository.folder.path().join("infra/main.tf")).unwrap();
    repository.write("infra/roles.tf", &(role("new", ANY_REF, "") + &role("old", ANY_REF, "")));
    assert_eq!(check(&repository, &["--since", "base"]), (vec!["any-ref aws_iam_role.new".to_owned()], 1));
    assert_eq!(check(&repository, &[]).0.len(), 2);
    // what is worse now is another finding
    repository.write("infra/roles.tf", &role("old", "repo:saltmarsh*", ""));
    assert_eq!(check(&repository, &["--since", "base"]).0, ["tenant-prefix aws_iam_role.old"]);
    // an acceptance that is taken away is of the change
    repository.write("infra/roles.tf", &role("old", ANY_REF, IGNORE));
    repository.commit("waived");
    repository.write("infra/roles.tf", &role("old", ANY_REF, ""));
    assert_eq!(check(&repository, &["--since", "waived"]).0, ["any-ref aws_iam_role.old"]);
}

#[test]
fn the_gate_obeys_the_comments_of_the_base_and_none_of_the_change() {
    let Some(repository) = Repository::new() else { return };
    repository.write("main.tf", &role("old", ANY_REF, IGNORE));
    repository.commit("base");
    assert_eq!(check(&repository, &["--gate", "--base", "base"]), (vec![], 0));
    assert_eq!(check(&repository, &["--gate"]).0, ["any-ref aws_iam_role.old"]);
    // the change accepts its own
    repository.write("main.tf", &(role("old", ANY_REF, IGNORE) + &role("new", ANY_REF, IGNORE)));
    assert_eq!(check(&repository, &["--gate", "--base", "base"]), (vec!["any-ref aws_iam_role.new".to_owned()], 1));
    // it moves: the acceptance holds, though the comment is gone
    std::fs::remove_file(repository.folder.path().join("main.tf")).unwrap();
    repository.write("moved.tf", &role("old", ANY_REF, ""));
    assert_eq!(check(&repository, &["--gate", "--base", "base"]), (vec![], 0));
    // it gets worse: it does not
    repository.write("moved.tf", &role("old", "repo:saltmarsh*", IGNORE));
    assert_eq!(check(&repository, &["--gate", "--base", "base"]).0, ["tenant-prefix aws_iam_role.old"]);
    // and where what the role may do makes the same problem graver, neither
    let administrator = "resource \"aws_iam_role_policy_attachment\" \"a\" {\n  role = aws_iam_role.old.name\n  policy_arn = \"arn:aws:iam::aws:policy/AdministratorAccess\"\n}\n";
    repository.write("moved.tf", &(role("old", ANY_REF, IGNORE) + administrator));
    assert!(check(&repository, &["--gate", "--base", "base"]).0.contains(&"any-ref aws_iam_role.old".to_owned()));
}

#[test]
fn the_gate_obeys_the_configuration_of_the_base() {
    let Some(repository) = Repository::new() else { return };
    let accepted = |rule: &str| format!("[[ignore]]\nrule = \"{rule}\"\nidentity = \"aws_iam_role.old\"\nreason = \"previews\"\n");
    repository.write("main.tf", &role("old", ANY_REF, ""));
    repository.write("fedlint.toml", &accepted("any-ref"));
    repository.commit("base");
    assert_eq!(check(&repository, &["--gate", "--base", "base"]), (vec![], 0));
    repository.write("main.tf", &(role("old", ANY_REF, "") + &role("new", ANY_REF, "")));
    repository.write("fedlint.toml", "exclude = [\"**\"]\n");
    assert_eq!(check(&repository, &["--gate", "--base", "base"]), (vec!["any-ref aws_iam_role.new".to_owned()], 1));
    // a baseline and models are those of the base, too
    repository.write("fedlint.toml", "baseline = \"known.json\"\nmodels = \"models\"\n");
    repository.write("models/index.yaml", "[]\n");
    let done = repository.fedlint(&["baseline", "--output", "known.json"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    repository.commit("with-baseline");
    std::fs::remove_file(repository.folder.path().join("known.json")).unwrap();
    std::fs::remove_dir_all(repository.folder.path().join("models")).unwrap();
    std::fs::remove_file(repository.folder.path().join("fedlint.toml")).unwrap();
    assert_eq!(check(&repository, &["--gate", "--base", "with-baseline"]), (vec![], 0));
}

#[test]
fn the_gate_obeys_the_gitignore_of_the_base() {
    let Some(repository) = Repository::new() else { return };
    repository.write("main.tf", &role("old", "repo:saltmarsh/heron:ref:refs/heads/main", ""));
    repository.write(".gitignore", "made/\n");
    repository.commit("base");
    repository.write("made/main.tf", &role("made", ANY_REF, ""));
    repository.write("other/main.tf", &role("other", ANY_REF, ""));
    repository.write(".gitignore", "other/\n");
    assert_eq!(check(&repository, &["--gate", "--base", "base"]).0, ["any-ref aws_iam_role.other"]);
    assert_eq!(check(&repository, &["--gate"]).0.len(), 2);
}

#[test]
fn what_cannot_be_compared_is_said() {
    let Some(repository) = Repository::new() else { return };
    repository.write("main.tf", &role("old", ANY_REF, ""));
    repository.commit("base");
    for arguments in [
        &["check", "--since", "nowhere"][..],
        &["check", "--base", "base"],
        &["check", "--since", "base", "-", "--stdin-filename", "main.tf"],
    ] {
        assert_eq!(repository.fedlint(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
