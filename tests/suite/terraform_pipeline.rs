//! Terraform through the whole pipeline: models of remote modules, plans, variable files.
#![allow(clippy::unwrap_used)]

use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;

fn run(files: &[(&str, &str)]) -> Run {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap()
}

/// Rule, path and the characters of each finding.
fn findings(run: &Run) -> Vec<(String, String, String)> {
    let place = |f: &fedlint::rules::Finding| (f.rule.to_string(), run.sources.locate(f.span).unwrap().0, run.sources.snippet(f.span));
    run.findings.iter().map(place).collect()
}

const PROVIDER: &str = "resource \"aws_iam_openid_connect_provider\" \"github\" {\n  url            = \"https://token.actions.githubusercontent.com\"\n  client_id_list = [\"sts.amazonaws.com\"]\n}\n";

#[test]
fn a_finding_from_a_model_points_at_the_caller() {
    let call = "module \"role\" {\n  source   = \"terraform-aws-modules/iam/aws//modules/iam-github-oidc-role\"\n  version  = \"~> 5.0\"\n  name     = \"ci\"\n  subjects = [\"*\"]\n}\n";
    let run = run(&[("main.tf", call), ("provider.tf", PROVIDER)]);
    let found = findings(&run);
    assert!(!found.is_empty(), "anyone gets in: {:?}", run.coverage);
    for finding in &run.findings {
        let path = run.sources.locate(finding.span).unwrap().0;
        assert!(path == "main.tf" || path == "provider.tf", "{}: {path}", finding.rule.as_str());
        for related in &finding.related {
            assert!(
                !run.sources.locate(related.span).unwrap().0.contains("fedlint/models"),
                "{}: {}",
                finding.rule.as_str(),
                related.message
            );
        }
    }
    assert!(found.iter().any(|(_, path, text)| path == "main.tf" && text.contains('*')), "{found:?}");
}

#[test]
fn an_unknown_module_with_trust_is_undecided() {
    let run = run(&[("main.tf", "module \"role\" {\n  source        = \"acme/oidc-role/aws\"\n  oidc_subjects = [\"repo:acme/*\"]\n}\n")]);
    let undecided: Vec<(&str, usize, &str)> = run.coverage.undecided.iter().map(|u| (u.path.as_str(), u.line, u.why.as_str())).collect();
    assert_eq!(undecided, [("main.tf", 3, "module `role` is not in the scan and not known: its trust is not judged")]);
    assert!(run.findings.is_empty());
}

#[test]
fn a_module_that_makes_no_trust_is_not_asked_about() {
    let call =
        "module \"certificate\" {\n  source                    = \"acme/acm/aws\"\n  subject_alternative_names = [\"a.example.com\"]\n}\n";
    assert_eq!(run(&[("main.tf", call)]).coverage.undecided, []);
}

const POLICY: &str = r#"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Federated\":\"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\"},\"Action\":\"sts:AssumeRoleWithWebIdentity\",\"Condition\":{\"StringEquals\":{\"token.actions.githubusercontent.com:aud\":\"sts.amazonaws.com\"}}}]}"#;

fn plan() -> String {
    format!(
        r#"{{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{{"root_module":{{"child_modules":[{{"address":"module.role","resources":[{{"address":"module.role.aws_iam_role.this","mode":"managed","type":"aws_iam_role","name":"this","values":{{"name":"ci","assume_role_policy":"{POLICY}"}}}}]}}]}}}}}}"#
    )
}

#[test]
fn a_plan_alone_is_judged() {
    let plan = plan();
    let run = run(&[("plan.json", &plan)]);
    assert_eq!(run.coverage.trusts, 1);
    assert!(findings(&run).iter().any(|(rule, path, _)| rule == "missing-subject" && path == "plan.json"), "{:?}", findings(&run));
}

#[test]
fn a_plan_beside_its_configuration_points_at_the_call() {
    let plan = plan();
    let main = "module \"role\" {\n  source = \"acme/role/aws\"\n  iam_role_name = \"ci\"\n}\n";
    let run = run(&[("infra/main.tf", main), ("infra/plan.json", &plan)]);
    assert_eq!(run.coverage.trusts, 1);
    let found = run.findings.iter().find(|f| f.rule.as_str() == "missing-subject").unwrap();
    let (path, at) = run.sources.locate(found.span).unwrap();
    assert_eq!((path.as_str(), at.line), ("infra/main.tf", 1), "{:?}", findings(&run));
}

#[test]
fn what_a_plan_leaves_out_is_in_the_coverage() {
    let broken = plan().replace("\"name\":\"this\",", "");
    let run = run(&[("infra/plan.json", &broken)]);
    let skipped: Vec<(&str, &str)> = run.coverage.files_skipped.iter().map(|s| (s.path.as_str(), s.reason.as_str())).collect();
    assert_eq!(skipped, [("infra/plan.json", "line 1: a resource without an address, a type or a name is not read")]);
}

#[test]
fn a_finding_of_a_plan_names_the_source_address_and_the_line_of_the_configuration() {
    // the subject is only known to the plan: the finding stands at the attribute of the configuration
    let main = "variable \"policy\" {}\n\nresource \"aws_iam_role\" \"ci\" {\n  name               = \"ci\"\n  assume_role_policy = var.policy\n}\n";
    let plan = plan().replace(
        "\"child_modules\":[{\"address\":\"module.role\",\"resources\":[{\"address\":\"module.role.aws_iam_role.this\"",
        "\"child_modules\":[{\"resources\":[{\"address\":\"aws_iam_role.ci\"",
    );
    let run = run(&[("infra/main.tf", main), ("infra/plan.json", &plan)]);
    let found = run.findings.iter().find(|f| f.rule.as_str() == "missing-subject").unwrap();
    assert_eq!(found.identity.as_deref().unwrap_or_default(), "aws_iam_role.ci");
    let (path, at) = run.sources.locate(found.span).unwrap();
    assert_eq!((path.as_str(), at.line), ("infra/main.tf", 5));
    assert_eq!(run.coverage.trusts, 1);
}

#[test]
fn a_plan_settles_what_stands_for_an_unknown_collection() {
    let main = "variable \"roles\" {}\nresource \"aws_iam_role\" \"ci\" {\n  for_each           = var.roles\n  name               = each.key\n  assume_role_policy = each.value\n}\n";
    let role = |key: &str| {
        format!(
            r#"{{"address":"aws_iam_role.ci[\"{key}\"]","mode":"managed","type":"aws_iam_role","name":"ci","index":"{key}","values":{{"name":"{key}","assume_role_policy":"{POLICY}"}}}}"#
        )
    };
    let plan = format!(
        r#"{{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{{"root_module":{{"resources":[{},{}]}}}}}}"#,
        role("a"),
        role("b[0]")
    );
    let run = run(&[("main.tf", main), ("plan.json", &plan)]);
    assert_eq!(run.coverage.trusts, 2, "{:?}", run.coverage);
    assert_eq!(run.coverage.undecided, []);
    // both stand in one block: one finding
    let named: Vec<&str> =
        run.findings.iter().filter(|f| f.rule.as_str() == "missing-subject").filter_map(|f| f.identity.as_deref()).collect();
    assert_eq!(named, ["aws_iam_role.ci[\"a\"]"]);
    assert!(findings(&run).iter().all(|(_, path, _)| path == "main.tf"), "{:?}", findings(&run));
}

#[test]
fn a_plan_knows_better_than_a_model() {
    let main = "module \"role\" {\n  source   = \"terraform-aws-modules/iam/aws//modules/iam-github-oidc-role\"\n  version  = \"~> 5.0\"\n  subjects = [\"acme/app:ref:refs/heads/main\"]\n}\n";
    let plan = plan().replace("module.role.aws_iam_role.this", "module.role.aws_iam_role.of_a_newer_version");
    let run = run(&[("main.tf", main), ("plan.json", &plan)]);
    assert_eq!(run.coverage.trusts, 1, "the model's role is not judged beside the real one");
    let found = run.findings.iter().find(|f| f.rule.as_str() == "missing-subject").unwrap();
    let (path, at) = run.sources.locate(found.span).unwrap();
    assert_eq!((path.as_str(), at.line), ("main.tf", 1));
}

#[test]
fn what_one_environment_opens_is_found_once() {
    let main = "variable \"subject\" {\n  type = string\n}\nresource \"aws_iam_role\" \"ci\" {\n  name = \"ci\"\n  assume_role_policy = jsonencode({\n    Version = \"2012-10-17\"\n    Statement = [{\n      Effect    = \"Allow\"\n      Principal = { Federated = aws_iam_openid_connect_provider.github.arn }\n      Action    = \"sts:AssumeRoleWithWebIdentity\"\n      Condition = {\n        StringEquals = { \"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\" }\n        StringLike   = { \"token.actions.githubusercontent.com:sub\" = var.subject }\n      }\n    }]\n  })\n}\n";
    let files = [
        ("main.tf", main),
        ("provider.tf", PROVIDER),
        ("dev.tfvars", "subject = \"repo:*\"\n"),
        ("prod.tfvars", "subject = \"repo:acme/app:environment:prod\"\n"),
    ];
    let run = run(&files);
    let open: Vec<_> = findings(&run).into_iter().filter(|(_, path, _)| path == "dev.tfvars").collect();
    assert_eq!(open.len(), 1, "{:?}", findings(&run));
    let heavy = run.findings.iter().filter(|f| f.severity >= fedlint::catalogue::Severity::Medium);
    assert!(heavy.into_iter().all(|f| run.sources.locate(f.span).unwrap().0 != "prod.tfvars"), "{:?}", findings(&run));
}

/// The fenced blocks of a page in order, with their language.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            out.push((language.to_owned(), text.join("\n") + "\n"));
        }
    }
    out
}

#[test]
fn the_documented_model_of_a_users_module_is_used() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/models.md")).unwrap();
    let blocks = blocks(&page);
    let of = |language: &str| blocks.iter().filter(|(l, _)| l == language).map(|(_, t)| t.clone()).collect::<Vec<_>>();
    let (toml, yaml, terraform) = (of("toml"), of("yaml"), of("terraform"));
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(".git/HEAD", "ref: refs/heads/main\n");
    write("fedlint.toml", &toml[0]);
    write("fedlint-models/index.yaml", &yaml[0]);
    write("fedlint-models/github_role/main.tf", &terraform[0]);
    write("infra/main.tf", &terraform[1]);
    let config = fedlint::config::Config::load(None, &folder.path().join("infra")).unwrap();
    let request = Request { input: Input::Paths(vec![folder.path().join("infra")]), config, ..Request::default() };
    let run = check(&request).unwrap();
    assert_eq!((run.coverage.trusts, run.coverage.undecided.len()), (1, 0), "{:?}", run.coverage);
    let found = findings(&run);
    assert!(found.iter().any(|(_, path, text)| path.ends_with("infra/main.tf") && text.contains('*')), "{found:?}");
    // without the models nobody knows the module
    let blind = check(&Request { config: fedlint::config::Config::default(), ..request.clone() }).unwrap();
    assert_eq!(blind.coverage.trusts, 0);
    // a broken index is an error, not silence
    write("fedlint-models/index.yaml", "- model: nobody\n  source: x\n");
    let error = check(&request).unwrap_err().to_string();
    assert!(error.contains("index.yaml") && error.contains("nobody"), "{error}");
}

#[test]
fn a_unit_of_terragrunt_that_computes_its_source_is_judged_with_its_inputs() {
    let module = "variable \"subject\" {}\nresource \"aws_iam_role\" \"ci\" {\n  assume_role_policy = jsonencode({\n    Version = \"2012-10-17\"\n    Statement = [{\n      Effect    = \"Allow\"\n      Principal = { Federated = \"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com\" }\n      Action    = \"sts:AssumeRoleWithWebIdentity\"\n      Condition = {\n        StringEquals = { \"token.actions.githubusercontent.com:aud\" = \"sts.amazonaws.com\" }\n        StringLike   = { \"token.actions.githubusercontent.com:sub\" = var.subject }\n      }\n    }]\n  })\n}\n";
    let root = "locals {\n  organisation = \"acme\"\n}\n";
    let unit = "include \"root\" {\n  path   = find_in_parent_folders(\"root.hcl\")\n  expose = true\n}\nterraform {\n  source = \"${dirname(find_in_parent_folders(\"root.hcl\"))}/../modules//ci\"\n}\ninputs = {\n  subject = \"repo:${include.root.locals.organisation}/app:*\"\n}\n";
    let run = run(&[("modules/ci/main.tf", module), ("live/root.hcl", root), ("live/prod/terragrunt.hcl", unit)]);
    let any_ref = findings(&run).into_iter().find(|(rule, ..)| rule == "any-ref").unwrap();
    assert_eq!((any_ref.1.as_str(), any_ref.2.as_str()), ("live/prod/terragrunt.hcl", "*"));
    assert_eq!(run.coverage.trusts, 1, "the module is judged as it is called, not as a library");
}
