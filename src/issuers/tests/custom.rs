//! Subjects that a tenant has customised.

use super::*;

#[test]
fn customised_subjects() {
    let github = registry().recognise("token.actions.githubusercontent.com").unwrap();
    let first = |keys: &[&str], name: &str| {
        let t = github.custom(keys).into_iter().find(|t| t.name.split(' ').next() == Some(name)).unwrap();
        t.instantiate(&values(&[("owner", "my_org".replace('_', "-").as_str()), ("repository", "r")])).string("sub").unwrap().to_owned()
    };
    assert_eq!(
        first(&["repository_owner_id", "repository_id", "context"], "pull-request"),
        "repository_owner_id:666000001:repository_id:666000002:pull_request"
    );
    assert_eq!(
        first(&["repository_owner", "repository_visibility", "workflow"], "branch"),
        "repository_owner:my-org:repository_visibility:public:workflow:deploy"
    );
    assert_eq!(first(&["repo", "context"], "branch-immutable"), "repo:my-org@666000001/r@666000002:ref:refs/heads/main");
    assert!(github.custom(&["environment"]).iter().all(|t| t.context == Context::Environment));
    assert!(github.custom(&["no_such_claim"]).is_empty());
}

#[test]
fn a_pattern_says_which_claims_it_is_made_of() {
    use super::Form;
    let form = |host: &str, pattern: &str, open: bool| registry().recognise(host).unwrap().form(pattern, open);
    let github = |pattern: &str| form("token.actions.githubusercontent.com", pattern, false);
    let custom = |keys: &[&str]| Form::Custom(keys.iter().map(|k| (*k).to_owned()).collect());
    for default in [
        "repo:o/r:ref:refs/heads/main",
        "repo:o/r:*",
        "repo:o/r*",
        "repo:*",
        "*",
        "repo:o/r:pull-request",
        "repo:o/r:ref:refs/heads/*",
        "o/r",
        "repo:o/r:environment:a:b",
    ] {
        assert_eq!(github(default), Form::Default, "{default}");
    }
    assert_eq!(github("repo:o/r"), Form::Truncated(vec!["repo".to_owned()]));
    assert_eq!(
        github("repo:o/r:environment:p:job_workflow_ref:o/w/.github/workflows/f.yml@*"),
        custom(&["repo", "context", "job_workflow_ref"])
    );
    assert_eq!(github("repo:o/r:*:actor:mona"), custom(&["repo", "context", "actor"]));
    assert_eq!(github("repository_owner_id:1:*"), custom(&["repository_owner_id", "repo", "context"]));
    assert_eq!(github("repository_owner_id:1*"), custom(&["repository_owner_id"]));
    assert_eq!(github("repo:o/r:environment:p:ref:refs/heads/main"), custom(&["repo", "context", "ref"]));
    assert_eq!(github("repo:o/r:repo_property_tier:gold"), custom(&["repo", "repo_property_tier"]));
    assert_eq!(form("token.actions.githubusercontent.com", "repository_owner:o:env", true), custom(&["repository_owner"]));
    assert_eq!(form("token.actions.githubusercontent.com", "repo:o/r:environ", true), Form::Default);
    assert_eq!(form("gitlab.com", "project_path:g/p:ref_type:branch:ref:main", false), Form::Default);
    assert_eq!(form("gitlab.com", "project_path:g/p:ref_type:branch:*", false), Form::Default);
    assert_eq!(form("gitlab.com", "project_path:g/p:ref:main", false), custom(&["project_path", "ref"]));
    // Nobody can choose the claims of these.
    assert_eq!(form("app.terraform.io", "organization:o:extra:x", false), Form::Default);
}

#[test]
fn a_project_with_a_form_of_its_own_has_no_other_tokens() {
    use super::Fixed;
    use std::collections::BTreeSet;
    let claims = BTreeSet::from(["sub".to_owned()]);
    let fixed = |project: &str, keys: &[&str]| Fixed { project: project.to_owned(), keys: keys.iter().map(|k| (*k).to_owned()).collect() };
    let mints = |host: &str, project: &str, keys: &[&str], sub: &str| {
        let issuer = registry().recognise(host).unwrap();
        let mut token = Token::default();
        token.set("sub", sub);
        issuer.templates_with(&claims, &[fixed(project, keys)], &[]).iter().any(|t| t.bind(&token).is_some())
    };
    let github = |sub: &str| mints("token.actions.githubusercontent.com", "octo/my-app", &["repo", "actor"], sub);
    assert!(!github("repo:octo/my-app:ref:refs/heads/main") && !github("repo:octo@1/my-app@2:ref:refs/heads/main"));
    assert!(github("repo:octo/my-app:actor:mona") && github("repo:octo@1/my-app@2:actor:mona"));
    for other in [
        "octo/my-apps",
        "octo/my-ap",
        "octo/my",
        "octo/app",
        "octo/MY-app",
        "octo2/my-app",
        "oct/my-app",
        "evil-corp/my-app",
        "octo-evil/my-app",
        "oc-to/my-app",
        "octo/my.app",
        "octo/m-y-app",
    ] {
        assert!(github(&format!("repo:{other}:ref:refs/heads/main")), "{other}");
    }
    let gitlab = |sub: &str| mints("gitlab.com", "g/sub/p", &["project_path", "ref"], sub);
    assert!(!gitlab("project_path:g/sub/p:ref_type:branch:ref:main") && gitlab("project_path:g/sub/p:ref:main"));
    for other in ["g/p", "g/sub/deeper/p", "g/sub/q", "h/sub/p", "g/other/p", "g/su/p", "g/subs/p", "g/s.b/p"] {
        assert!(gitlab(&format!("project_path:{other}:ref_type:branch:ref:main")), "{other}");
    }
}

/// Two customised projects in one trust: neither gets its default subjects back because of the other.
#[test]
fn several_projects_with_forms_of_their_own_stay_excluded() {
    use super::Fixed;
    use std::collections::BTreeSet;
    let claims = BTreeSet::from(["sub".to_owned()]);
    let keys: Vec<String> = ["repo", "actor"].map(str::to_owned).to_vec();
    let fixed: Vec<Fixed> = ["octo/app", "octo/site", "hexa/app"].map(|p| Fixed { project: p.to_owned(), keys: keys.clone() }).to_vec();
    let issuer = registry().recognise("token.actions.githubusercontent.com").unwrap();
    let templates = issuer.templates_with(&claims, &fixed, &[]);
    let mints = |project: &str| {
        let mut token = Token::default();
        token.set("sub", format!("repo:{project}:ref:refs/heads/main"));
        templates.iter().any(|t| t.bind(&token).is_some())
    };
    for own in ["octo/app", "octo/site", "hexa/app"] {
        assert!(!mints(own), "{own}");
    }
    for other in ["hexa/site", "octo/apps", "octo/web", "octa/app", "hexa_co/app", "octo_co/app"] {
        assert!(mints(other), "{other}");
    }
}
