//! Scripts whose branches, loops and commands in a row say the same thing twice, or set a value only later.
#![allow(clippy::unwrap_used)]

use fedlint::catalogue::Severity;
use fedlint::pipeline::{Input, Request, check};
use fedlint::report::Run;

fn run(files: &[(&str, &str)]) -> Run {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
    check(&Request { input: Input::Memory(files), ..Request::default() }).unwrap()
}

/// Rule, file and line of everything at medium or above.
fn told(files: &[(&str, &str)]) -> Vec<String> {
    let run = run(files);
    let shown = run.findings.iter().filter(|f| f.severity >= Severity::Medium);
    let place = |f: &fedlint::rules::Finding| {
        let (path, at) = run.sources.locate(f.span).unwrap();
        format!("{} {path}:{}", f.rule, at.line)
    };
    shown.map(place).collect()
}

const ACCOUNT: &str = "kiln@mill-data.iam.gserviceaccount.com";
const MEMBER: &str = "principalSet://iam.googleapis.com/projects/412233445566/locations/global/workloadIdentityPools/forge/attribute.repository/potters/kiln";

/// A command sets a policy once; nothing applies it again.
#[test]
fn commands_that_run_one_after_the_other_do_not_fight() {
    let bind =
        format!("gcloud iam service-accounts add-iam-policy-binding {ACCOUNT} --role=roles/iam.workloadIdentityUser --member={MEMBER}\n");
    let empty = format!("echo '{{\"bindings\": []}}' > empty.json\ngcloud iam service-accounts set-iam-policy {ACCOUNT} empty.json\n");
    let filter = format!(
        "gcloud iam service-accounts get-iam-policy {ACCOUNT} --format=json > p.json\njq 'del(.bindings[0])' p.json > q.json\ngcloud iam service-accounts set-iam-policy {ACCOUNT} q.json\n"
    );
    for script in [format!("{empty}{bind}"), format!("{bind}{empty}"), format!("{filter}{bind}"), format!("{bind}{bind}{bind}")] {
        assert_eq!(told(&[("setup.sh", &script)]), [""; 0], "{script}");
    }
    // What was set before is gone with the policy.
    let open = bind.replace("attribute.repository/potters/kiln", "*");
    let pool = "gcloud iam workload-identity-pools providers create-oidc kilns --workload-identity-pool=forge --location=global \
                --issuer-uri=https://token.actions.githubusercontent.com --attribute-mapping=google.subject=assertion.sub \
                --attribute-condition=\"assertion.repository_owner == 'potters'\"\n";
    assert_eq!(told(&[("setup.sh", &format!("{pool}{open}{empty}"))]), [""; 0]);
    assert_eq!(told(&[("setup.sh", &format!("{pool}{empty}{open}"))]).len(), 1);
    // Terraform applies what it owns again.
    let owned = format!(
        "resource \"google_service_account_iam_binding\" \"b\" {{\n  service_account_id = \"projects/mill-data/serviceAccounts/{ACCOUNT}\"\n  role = \"roles/iam.workloadIdentityUser\"\n  members = [\"{MEMBER}\"]\n}}\n"
    );
    let more = bind.replace("potters/kiln", "potters/wheel");
    assert_eq!(told(&[("main.tf", &owned), ("setup.sh", &more)]), ["conflicting-bindings setup.sh:1"]);
}

fn trust(subject: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}},"Condition":{{"StringEquals":{{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}},"StringLike":{{"token.actions.githubusercontent.com:sub":"{subject}"}}}}}}]}}"#
    )
}

/// `REPO=""` before the options are read is no value.
#[test]
fn what_is_empty_until_the_options_are_read() {
    let create = format!(
        "aws iam create-role --role-name kiln --assume-role-policy-document \"{}\"\n",
        trust("repo:${REPO}:ref:refs/heads/main").replace('"', "\\\"")
    );
    for fill in [
        "while [[ $# -gt 0 ]]; do\n  case $1 in\n    --repo) REPO=\"$2\"; shift 2 ;;\n    *) echo usage; exit 1 ;;\n  esac\ndone\n",
        "while getopts 'r:' o; do case $o in r) REPO=$OPTARG ;; esac; done\n",
        "if [ -z \"$REPO\" ]; then read -r -p 'repository? ' REPO; fi\n",
        "for a in \"$@\"; do case $a in --repo=*) REPO=\"${a#*=}\" ;; esac; done\n",
        "ask() { REPO=$(gh repo view --json nameWithOwner --jq .nameWithOwner); }\n[ -n \"$REPO\" ] || ask\n",
    ] {
        assert_eq!(told(&[("setup.sh", &format!("REPO=\"\"\n{fill}{create}"))]), [""; 0], "{fill}");
    }
    // Options that say the tenant in two parts.
    let two = "ORG=\"\"; REPO=\"\"\nwhile getopts 'o:r:h' o; do\n  case $o in\n    o) ORG=\"$OPTARG\" ;;\n    r) REPO=\"$OPTARG\" ;;\n    h) exit 0 ;;\n  esac\ndone\n";
    let pool = "gcloud iam workload-identity-pools providers create-oidc kilns --workload-identity-pool=forge --location=global \
                --issuer-uri=https://token.actions.githubusercontent.com --attribute-mapping=google.subject=assertion.sub \
                --attribute-condition=\"assertion.repository == '${ORG}/${REPO}'\"\n";
    assert_eq!(told(&[("setup.sh", &format!("{two}{pool}"))]), [""; 0]);
    // One that a branch sets to a known text is judged with it.
    let set = "SUFFIX=\"\"\nif [ \"$1\" = all ]; then SUFFIX=\"potters/*\"; fi\n";
    let open = create.replace("${REPO}:ref:refs/heads/main", "${SUFFIX}");
    assert_eq!(told(&[("setup.sh", &format!("{set}{open}"))]).len(), 1);
    // An empty condition is no condition.
    let provider = "gcloud iam workload-identity-pools providers create-oidc kilns --workload-identity-pool=forge --location=global \
                    --issuer-uri=https://token.actions.githubusercontent.com --attribute-mapping=google.subject=assertion.sub \
                    --attribute-condition=\"$C\"\n";
    let sometimes = format!("C=\"\"\nif [ \"$STRICT\" = 1 ]; then C=\"assertion.repository_owner == 'potters'\"; fi\n{provider}");
    assert_eq!(told(&[("setup.sh", &sometimes)]), ["missing-attribute-condition setup.sh:3"]);
}

/// What is created in one branch and brought up to date in the other is one thing.
#[test]
fn created_here_or_updated_there_is_told_once() {
    let document = trust("repo:potters/kiln:*");
    let (create, update) = (
        format!("aws iam create-role --role-name kiln --max-session-duration 7200 --assume-role-policy-document '{document}'\n"),
        format!("aws iam update-assume-role-policy --role-name kiln --policy-document '{document}'\n"),
    );
    let attach = "aws iam attach-role-policy --role-name kiln --policy-arn arn:aws:iam::aws:policy/AdministratorAccess\n";
    for script in [
        format!("if aws iam get-role --role-name kiln; then\n{update}else\n{create}fi\n{attach}"),
        format!("if ! aws iam get-role --role-name kiln; then\n{create}else\n{update}fi\n{attach}"),
        format!("case $1 in up) {update};; *) {create};; esac\n{attach}"),
        format!("aws iam get-role --role-name kiln && {update}\naws iam get-role --role-name kiln || {create}{attach}"),
    ] {
        let told = told(&[("setup.sh", &script)]);
        assert_eq!(told.len(), 1, "{script}: {told:?}");
        assert!(told[0].starts_with("any-ref"), "{told:?}");
    }
    let oidc = |how: &str| {
        format!(
            "gcloud iam workload-identity-pools providers {how}-oidc kilns --workload-identity-pool=forge --location=global \
             --issuer-uri=https://token.actions.githubusercontent.com --attribute-mapping=google.subject=assertion.sub\n"
        )
    };
    for (yes, no) in [("update", "create"), ("create", "create"), ("create", "update")] {
        let script = format!("if gcloud iam workload-identity-pools describe forge; then\n{}else\n{}fi\n", oidc(yes), oidc(no));
        let told = told(&[("setup.sh", &script)]);
        assert_eq!(told.len(), 1, "{script}: {told:?}");
    }
    let key = format!("gcloud iam service-accounts keys create \"$KEY\" --iam-account={ACCOUNT}\n");
    let script = format!("if [ -f \"$KEY\" ]; then\n  rm \"$KEY\"\n  {key}else\n  {key}fi\n");
    assert_eq!(told(&[("setup.sh", &script)]).len(), 1);
    // Branches that differ are two things.
    let other = update.replace("potters/kiln:*", "potters/*:*");
    let script = format!("if [ \"$1\" = all ]; then\n{other}else\n{create}fi\n");
    assert_eq!(told(&[("setup.sh", &script)]).len(), 2);
}

/// A document that a command is given is the role's, and no trust of its own beside it.
#[test]
fn a_document_in_a_file_is_told_once() {
    let document = trust("repo:potters/kiln:*");
    let create = "aws iam create-role --role-name kiln --assume-role-policy-document file://";
    for (path, given) in
        [("trust.json", "trust.json"), ("iam/trust.json", "iam/trust.json"), ("iam/trust.json", "$(dirname \"$0\")/iam/trust.json")]
    {
        let script = format!("{create}{given}\n");
        assert_eq!(told(&[("setup.sh", &script), (path, &document)]), [format!("any-ref {path}:1")], "{given}");
    }
    let here = format!("cat > trust.json <<'EOF'\n{document}\nEOF\n{create}trust.json\n");
    assert_eq!(told(&[("setup.sh", &here)]), ["any-ref setup.sh:2"]);
    let beside = told(&[("setup.sh", &here), ("trust.json", &document)]);
    assert_eq!(beside.len(), 2, "another document of that name is its own: {beside:?}");
    let alone = told(&[("notes.sh", "aws iam list-roles\n"), ("trust.json", &document)]);
    assert_eq!(alone, ["any-ref trust.json:1"]);
}

/// A file that is not there matters where something is made of what it may set.
#[test]
fn files_that_a_script_reads_in_place() {
    let undecided = |text: &str| run(&[("setup.sh", text)]).coverage.undecided.len();
    assert_eq!(undecided("source venv/bin/activate\npython deploy.py # service-account\n"), 0);
    assert_eq!(undecided(". /etc/os-release\necho $ID # service-account\n"), 0);
    let makes = "aws iam create-open-id-connect-provider --url https://token.actions.githubusercontent.com --client-id-list \"$A\"\n";
    assert_eq!(undecided(&format!("source \"$VENV/bin/activate\"\n{makes}")), undecided(makes));
    assert_eq!(undecided(&format!("source ./settings.sh\n{makes}")), undecided(makes) + 1);
}

/// People know an argument by the variable that takes it.
#[test]
fn made_up_values_have_the_name_of_their_variable() {
    let create = format!(
        "aws iam create-role --role-name kiln --assume-role-policy-document \"{}\"\n",
        trust("repo:${OWNER}/${REPOSITORY}:*").replace('"', "\\\"")
    );
    for set in ["OWNER=$1\nREPOSITORY=$2\n", "OWNER=\"${1:-}\"; REPOSITORY=\"${2}\"\n", "read -r OWNER; read -r REPOSITORY\n"] {
        let run = run(&[("setup.sh", &format!("{set}{create}"))]);
        let finding = run.findings.iter().find(|f| f.rule.as_str() == "any-ref").unwrap();
        let subject = finding.witness.as_ref().unwrap().string("sub").unwrap().to_owned();
        assert!(subject.starts_with("repo:owner/repository:"), "{subject}");
    }
}

/// `--condition` holds settings, of which the expression is one.
#[test]
fn the_condition_of_a_binding_is_its_expression() {
    let bind = |condition: &str| {
        format!(
            "gcloud iam service-accounts add-iam-policy-binding {ACCOUNT} --role=roles/iam.workloadIdentityUser --member={MEMBER} --condition={condition}\n"
        )
    };
    for condition in [
        "None",
        "'expression=request.time < timestamp(\"2099-01-01T00:00:00Z\"),title=until'",
        "'^;^title=a;expression=resource.name != \"x,y\"'",
    ] {
        assert_eq!(told(&[("setup.sh", &bind(condition))]), [""; 0], "{condition}");
    }
    assert_eq!(told(&[("setup.sh", &bind("'expression=request.time <,title=until'"))]), ["rejected-policy setup.sh:1"]);
    let file = "gcloud iam service-accounts add-iam-policy-binding a --condition-from-file=c.yaml"
        .replace(" a ", &format!(" {ACCOUNT} --role=roles/iam.workloadIdentityUser --member={MEMBER} "));
    let expression = "title: until\nexpression: request.time < timestamp('2099-01-01T00:00:00Z')\n";
    assert_eq!(told(&[("setup.sh", &file), ("c.yaml", expression)]), [""; 0]);
}
