//! What is seen and not read is told: programs and templates by kind and count, and files of an unknown kind that somebody names.

#![allow(clippy::expect_used)]

use crate::support::{Folder, run};
use fedlint::pipeline::{Input, Request};

/// What is told of files that are not read, as `path: reason`.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    let run = fedlint::pipeline::check(&Request { input: Input::Memory(files), ..Request::default() }).expect("the run is made");
    run.coverage.files_skipped.iter().map(|s| format!("{}: {}", s.path, s.reason)).collect()
}

const APP: &str = "new iam.Role(this, 'Deploy', { assumedBy: new iam.WebIdentityPrincipal(provider.arn) });\n";

#[test]
fn programs_are_one_line_each() {
    let files = [("app/cdk.json", "{}"), ("app/lib/a.ts", APP), ("app/lib/b.ts", APP), ("app/lib/c.ts", "export const x = 1;\n")];
    assert_eq!(
        told(&files),
        ["app/lib/a.ts: 2 files of a CDK app may speak of trust and cannot be read: run `cdk synth` and check the templates in `cdk.out`"]
    );
    let python = "role = aws.iam.Role('deploy', assume_role_policy=policy)\n";
    assert_eq!(
        told(&[("Pulumi.yaml", "name: tide\nruntime: python\n"), ("__main__.py", python)]),
        [
            "__main__.py: 1 file of a Pulumi program may speak of trust and cannot be read: check what `pulumi preview --json` or `pulumi stack export` prints"
        ]
    );
}

#[test]
fn programs_of_others_are_nobodys_matter() {
    assert_eq!(told(&[("web/a.ts", APP), ("main.tf", "")]), Vec::<String>::new(), "no file says that it is infrastructure");
    let written = r#"{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}}}"#;
    let synthesised = [("cdk.json", "{}"), ("lib/a.ts", APP), ("cdk.out/A.template.json", written)];
    assert_eq!(told(&synthesised), Vec::<String>::new(), "what it writes is read");
}

#[test]
fn templates_are_one_line() {
    let role = "{\"AssumeRolePolicyDocument\": {{ policy }}}\n";
    let files = [("roles/a.json.j2", role), ("roles/b.json.j2", role), ("roles/motd.j2", "hello\n")];
    assert_eq!(told(&files), ["roles/a.json.j2: 2 templates may speak of trust and cannot be read: render them and check what comes out"]);
}

#[test]
fn a_named_file_of_an_unknown_kind_is_no_clean_bill() {
    let folder = Folder::new();
    folder.write("app.ts", APP.as_bytes());
    folder.write("notes.txt", b"nothing to see\n");
    folder.write("trust.policy", b"{\"Version\": \"2012-10-17\", \"Statement\": []}\n");
    for (name, code) in [("app.ts", 2), ("notes.txt", 2), ("trust.policy", 0)] {
        let out = run(&folder, &["check", name, "--format", "json"], None);
        assert_eq!(out.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&out.stderr));
    }
}
